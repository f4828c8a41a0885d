"""What a user sees with kubectl, and that nothing is written when nothing happens."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from tests.cluster.stage import Stage

WATCHED = (
    "carrieraccounts",
    "routingprofiles",
    "numberpools",
    "numberorders",
    "phonenumbers",
    "leases",
    "events.events.k8s.io",
)
MINUTE = 60


def test_kubectl_get_answers_at_a_glance(stage: Stage) -> None:
    open_pool(stage)
    stage.wait_ready()
    stage.wait_for(lambda: is_counted(stage, 5), "the account to be swept")
    tables = tables_of(stage.kubectl("get", "np,pn,norder,ca"))
    (number, *_) = sorted(stage.numbers())
    assert tables["numberpool.ringfleet.dev/us-west"] == {
        "READY": "True",
        "TARGET": "5",
        "AVAILABLE": "5",
        "ORDERING": "0",
        "PENDING": "0",
        "MONTHLY": "9.95",
        "REASON": "AtTarget",
    }
    row = tables[f"phonenumber.ringfleet.dev/{number[1:]}"]
    assert row == {"READY": "True", "PHASE": "Available", "POOL": "us-west", "CLAIM": ""}
    wide = tables_of(stage.kubectl("get", "pn,ca", "--output=wide"))[f"phonenumber.ringfleet.dev/{number[1:]}"]
    assert (wide["REASON"], wide["REGION"], wide["MONTHLY"]) == ("Routed", "San Francisco, CA", "1.99")
    order = tables["numberorder.ringfleet.dev/us-west-1"]
    assert (order["READY"], order["PHASE"]) == ("True", "Complete")
    account = tables["carrieraccount.ringfleet.dev/sandbox"]
    assert (account["READY"], account["BALANCE"], account["OURS"]) == ("True", "99990.05", "5")


def test_kubectl_explain_reads_as_documentation(stage: Stage) -> None:
    said = " ".join(stage.kubectl("explain", "numberpool.spec.size").split())
    assert "How many numbers are kept ready to be assigned, and when more are ordered." in said
    assert "`kubectl scale numberpool NAME --replicas=N` sets the target, which counts free numbers;" in said
    assert "target <integer> -required- How many free numbers to keep: orders fill status.supply up to this." in said
    assert "<no description>" not in stage.kubectl("explain", "numberpool", "--recursive=false")


def test_an_idle_pool_is_swept_for_a_minute_and_not_one_object_is_written(stage: Stage) -> None:
    open_pool(stage)
    stage.wait_ready()
    stage.wait_for(lambda: is_counted(stage, 5), "the account to be swept")
    stage.wait_for(lambda: stage.get("rp", "front-desk")["status"].get("routed") == 5, "the profile to be counted")
    stage.simulator.control("POST", "calls")
    # A sweep after the purchase may still tell something new; when the third begins, the second has found nothing.
    stage.wait_for(lambda: stage.simulator.calls().get("numbers_list", 0) >= 3, "two whole sweeps")
    stage.simulator.control("POST", "calls")
    assert written_in_a_minute(stage) == []
    assert stage.simulator.calls()["numbers_list"] >= 5


def open_pool(stage: Stage) -> None:
    stage.account(sweepInterval="5s")
    stage.profile()
    stage.pool(target=5)
    stage.start_operator()


def is_counted(stage: Stage, count: int) -> bool:
    status = stage.get("carrieraccount", "sandbox").get("status", {})
    return bool(status.get("numbers", {}).get("ours") == count)


def tables_of(printed: str) -> dict[str, dict[str, str]]:
    """The rows that `kubectl get` printed for several kinds, by name; without the age, which moves."""
    rows: dict[str, dict[str, str]] = {}
    for table in printed.strip().split("\n\n"):
        head, *lines = table.splitlines()
        starts = [at for at in range(len(head)) if head[at] != " " and (at == 0 or head[at - 3 : at].isspace())]
        ends = [*starts[1:], None]
        for line in lines:
            cells = [line[start:end].strip() for start, end in zip(starts, ends, strict=True)]
            titles = [head[start:end].strip() for start, end in zip(starts, ends, strict=True)]
            row = dict(zip(titles, cells, strict=True))
            row.pop("AGE")
            rows[row.pop("NAME")] = row
    return rows


def written_in_a_minute(stage: Stage) -> list[str]:
    """What the API server tells of changes in the stage's namespace while a minute passes, all kinds at once."""
    with ThreadPoolExecutor(len(WATCHED)) as pool:
        told = pool.map(lambda what: stage.api.changes(what, stage.namespace, MINUTE), WATCHED)
        return [f"{change['type']} {change['object']}" for changes in told for change in changes]
