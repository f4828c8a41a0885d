"""The dispatcher as it runs: the real process before the real API server, with the tokens of real service accounts."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Lock
from uuid import uuid4

import httpx
import pytest

from tests.cluster.stage import SYSTEM
from tests.controlplane.cluster import Cluster
from tests.controlplane.rights import a_role, a_role_binding, a_rule, a_service_account
from tests.dispatch.conftest import ONE, TWO
from tests.dispatch.gate import Gate
from tests.dispatch.process import DispatcherProcess, a_set, may_pick, put_members
from tests.waiting import wait_until

AUDIENCE = "dispatch.ringfleet.dev"
ANN, BOB = "+14155550198", "+12125550197"
CALLED = ("rotationsets/picks", "rotationsets/deferred", "rotationsets/suppressions")
AN_HOUR = 3600
JSON_KEY = {"Idempotency-Key": "k", "Content-Type": "application/json"}


def behind_a_gate(cluster: Cluster) -> tuple[Gate, Path]:
    """A gate before the API server, and the kubeconfig by which the dispatcher's own account goes through it."""
    server = cluster.server()
    gate = Gate(server.url)
    return gate, cluster.kubeconfig_of(SYSTEM, "ringfleet-dispatcher", server=replace(server, url=gate.url))


@pytest.fixture
def dispatcher(cluster: Cluster, installed: None, namespace: str, tmp_path: Path) -> Iterator[DispatcherProcess]:
    """With tokens; of a set `outbound` with two numbers."""
    cluster.apply(a_set(), namespace=namespace)
    put_members(cluster, namespace, [ONE, TWO])
    with DispatcherProcess(tmp_path, cluster.kubeconfig_of(SYSTEM, "ringfleet-dispatcher"), namespace) as process:
        yield process


def a_token(cluster: Cluster, namespace: str, name: str = "caller", audience: str | None = AUDIENCE) -> str:
    return cluster.api.token(namespace, name, AN_HOUR, audience)


def an_account(cluster: Cluster, namespace: str, name: str = "caller", set_: str | None = "outbound") -> None:
    """A service account that may pick from the set; None: that may do nothing."""
    cluster.apply(a_service_account(name), namespace=namespace)
    if set_ is not None:
        rule = a_rule(CALLED, ["create", "get", "delete"], "ringfleet.dev") | {"resourceNames": [set_]}
        cluster.apply(a_role("caller", rule), a_role_binding(namespace, name, "caller"), namespace=namespace)
        wait_until(lambda: may_pick(cluster, namespace, name, set_), "the API server to know of the right")


def problem_of(reply: httpx.Response) -> str:
    assert reply.headers["content-type"] == "application/problem+json", reply.text
    document = reply.json()
    assert document["status"] == reply.status_code
    assert document["detail"]
    return str(document["type"]).rpartition("/")[2]


# Who may.


def test_a_caller_with_a_token_for_us_and_the_right_gets_a_number(
    cluster: Cluster, dispatcher: DispatcherProcess
) -> None:
    an_account(cluster, dispatcher.namespace)
    asked = ("create", "token", "caller", f"--audience={AUDIENCE}", "--namespace", dispatcher.namespace)
    token = cluster.kubectl(*asked).strip()
    reply = dispatcher.pick(ANN, token=token)
    assert reply.status_code == 200, reply.text
    said = reply.json()
    assert said["number"] in {ONE, TWO}
    assert (said["attestation"], said["sticky"], said["remainingToday"]) == ("A", False, 19)
    again = dispatcher.pick(ANN, token=token).json()
    assert (again["number"], again["sticky"]) == (said["number"], True)


def test_a_request_without_a_token_is_refused(dispatcher: DispatcherProcess) -> None:
    reply = dispatcher.pick(ANN)
    assert (reply.status_code, problem_of(reply)) == (401, "unauthenticated")
    assert reply.headers["www-authenticate"] == "Bearer"


def test_a_token_for_another_audience_is_refused(cluster: Cluster, dispatcher: DispatcherProcess) -> None:
    an_account(cluster, dispatcher.namespace)
    for audience in (None, "somebody.example.com"):
        reply = dispatcher.pick(ANN, token=a_token(cluster, dispatcher.namespace, audience=audience))
        assert (reply.status_code, problem_of(reply)) == (401, "unauthenticated")


def test_a_token_that_is_none_is_refused(dispatcher: DispatcherProcess) -> None:
    reply = dispatcher.pick(ANN, token="nonsense")
    assert (reply.status_code, problem_of(reply)) == (401, "unauthenticated")


def test_a_caller_without_the_right_is_refused(cluster: Cluster, dispatcher: DispatcherProcess) -> None:
    an_account(cluster, dispatcher.namespace, set_=None)
    reply = dispatcher.pick(ANN, token=a_token(cluster, dispatcher.namespace))
    assert (reply.status_code, problem_of(reply)) == (403, "forbidden")


def test_a_right_to_one_set_is_none_to_another(cluster: Cluster, dispatcher: DispatcherProcess) -> None:
    an_account(cluster, dispatcher.namespace, set_="another")
    reply = dispatcher.pick(ANN, token=a_token(cluster, dispatcher.namespace))
    assert (reply.status_code, problem_of(reply)) == (403, "forbidden")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "picks/p1"),
        ("GET", "deferred"),
        ("GET", "suppressions"),
        ("POST", "suppressions"),
        ("DELETE", "suppressions"),
        ("GET", "rollup"),
    ],
)
def test_every_other_request_asks_for_a_token_too(dispatcher: DispatcherProcess, method: str, path: str) -> None:
    reply = dispatcher.client.request(method, dispatcher.path(path))
    assert (reply.status_code, problem_of(reply)) == (401, "unauthenticated")


# What is wrong with a request.


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"{", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[]", "object"),
        (b"{}", "to"),
        (b'{"to": 14155550198}', "/to"),
        (b'{"to": "4155550198"}', "/to"),
        (b'{"to": "+14155550198", "kind": "other"}', "/kind"),
        (b'{"to": "+14155550198", "colour": "blue"}', "colour"),
    ],
)
def test_a_malformed_body_is_refused_and_its_field_named(open_one: DispatcherProcess, body: bytes, says: str) -> None:
    reply = open_one.client.post(open_one.path("picks"), content=body, headers=JSON_KEY)
    assert (reply.status_code, problem_of(reply)) == (400, "malformed-request")
    assert says in reply.text
    assert "4155550198" not in reply.text


def test_a_huge_body_is_refused(open_one: DispatcherProcess) -> None:
    body = b'{"to": "' + b"1" * 100_000 + b'"}'
    reply = open_one.client.post(open_one.path("picks"), content=body, headers=JSON_KEY)
    assert (reply.status_code, problem_of(reply)) == (413, "body-too-large")


def test_a_pick_needs_a_key_and_a_dry_run_needs_none(open_one: DispatcherProcess) -> None:
    reply = open_one.client.post(open_one.path("picks"), json={"to": ANN})
    assert (reply.status_code, problem_of(reply)) == (400, "idempotency-key-missing")
    dry = open_one.client.post(open_one.path("picks"), params={"dryRun": "true"}, json={"to": ANN})
    assert (dry.status_code, dry.json()["pickId"], dry.json()["remainingToday"]) == (200, "", 20)


def test_a_set_that_is_not_there_is_not_found(open_one: DispatcherProcess) -> None:
    reply = open_one.client.post(open_one.path("picks", "other"), json={"to": ANN}, headers={"Idempotency-Key": "k"})
    assert (reply.status_code, problem_of(reply)) == (404, "not-found")


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nowhere", 404), ("PUT", "/v1/size/pool", 405)])
def test_a_path_that_is_none_is_a_problem_too(open_one: DispatcherProcess, method: str, path: str, status: int) -> None:
    reply = open_one.client.request(method, path)
    assert reply.status_code == status
    problem_of(reply)


def test_a_key_with_another_request_is_refused_and_the_same_is_replayed(open_one: DispatcherProcess) -> None:
    key = str(uuid4())
    first = open_one.pick(ANN, key=key).json()
    replayed = open_one.pick(ANN, key=f'"{key}"').json()
    assert (replayed["pickId"], replayed["number"]) == (first["pickId"], first["number"])
    other = open_one.pick(BOB, key=key)
    assert (other.status_code, problem_of(other)) == (422, "idempotency-key-reused")


# What is done with it.


def test_a_pick_that_was_not_used_is_given_back(open_one: DispatcherProcess) -> None:
    pick = open_one.pick(ANN).json()
    for _ in range(2):
        assert open_one.client.delete(open_one.path(f"picks/{pick['pickId']}")).status_code == 204
    assert open_one.pick(BOB).json()["remainingToday"] == 19
    assert problem_of(open_one.client.delete(open_one.path("picks/p999"))) == "not-found"


def test_beyond_the_budget_contacts_wait_for_tomorrow_and_then_go_first(
    cluster: Cluster, open_one: DispatcherProcess
) -> None:
    cluster.apply(a_set(perNumber={"daily": 1, "hourly": 1}), namespace=open_one.namespace)
    dry = {"dryRun": "true"}
    wait_until(
        lambda: (
            open_one.client.post(open_one.path("picks"), params=dry, json={"to": ANN}).json()["remainingToday"] == 2
        ),
        "the new caps to be known",
    )
    for number in ("+13125550150", "+13125550151"):
        assert open_one.pick(number).status_code == 200
    reply = open_one.pick(ANN)
    assert (reply.status_code, reply.json()["status"]) == (202, "deferred")
    assert int(reply.headers["retry-after"]) > 0
    listed = open_one.client.get(open_one.path("deferred")).json()
    assert [one["count"] for one in listed["byDay"]] == [1]
    assert listed["first"][0]["deferredId"] == reply.json()["deferredId"]
    due_in = int(reply.headers["retry-after"])  # the room is kept for two hours from then on, whatever the time is now
    open_one.client.post("/dev/clock", json={"advanceSeconds": due_in})
    others = [open_one.pick(f"+1312555016{n}").status_code for n in range(2)]
    assert sorted(others) == [200, 202], "one of the two units of the new day is kept"
    redeemed = open_one.pick(ANN, deferredId=reply.json()["deferredId"])
    assert (redeemed.status_code, redeemed.json()["number"]) == (200, reply.json()["number"])


def test_an_opt_out_holds_at_once_and_can_be_taken_back(open_one: DispatcherProcess) -> None:
    path = open_one.path("suppressions")
    imported = open_one.client.post(path, json={"recipients": [ANN, BOB], "reason": "list of 2026"})
    assert imported.json() == {"changed": 2}
    refused = open_one.pick(ANN)
    assert (refused.status_code, problem_of(refused)) == (403, "recipient-suppressed")
    listed = open_one.client.get(path, params={"limit": 1}).json()
    assert [one["reason"] for one in listed["items"]] == ["list of 2026"]
    rest = open_one.client.get(path, params={"limit": 1, "after": listed["next"]}).json()
    assert rest["items"][0]["recipientHash"] > listed["items"][0]["recipientHash"]
    assert ANN not in str(listed) + str(rest)
    assert open_one.client.request("DELETE", path, json={"recipients": [ANN]}).json() == {"changed": 1}
    assert open_one.pick(ANN).status_code == 200


def test_guardrail_the_request_names_the_account_when_there_are_several(
    cluster: Cluster, open_one: DispatcherProcess
) -> None:
    namespace = open_one.namespace
    put_members(cluster, namespace, ["+14155550103"], account="other")
    wait_until(lambda: open_one.would_pick(ANN).status_code != 200, "the second account to be known")
    reply = open_one.pick(ANN)
    assert (reply.status_code, problem_of(reply)) == (400, "account-required")
    wait_until(lambda: open_one.would_pick(ANN, account="other").status_code == 200, "its number")
    named = open_one.pick(ANN, account="other")
    assert named.json()["number"] == "+14155550103"


def test_a_number_that_is_quarantined_is_used_no_more(cluster: Cluster, open_one: DispatcherProcess) -> None:
    first = open_one.pick(ANN).json()["number"]
    cluster.api.annotate("phonenumber", first[1:], open_one.namespace, quarantine="labelled")
    wait_until(lambda: open_one.would_pick(ANN).json()["number"] != first, "the other number")
    assert open_one.pick(ANN).json()["reassigned"] is True


def test_a_rollup_tells_the_operator_of_the_day(open_one: DispatcherProcess) -> None:
    used = [open_one.pick(number).json()["number"] for number in (ANN, BOB, ANN)]
    said = open_one.client.get(open_one.path("rollup")).json()
    assert (said["used"], said["deferred"], said["capacity"]) == (3, 0, 20)
    assert {one["number"]: one["used"] for one in said["numbers"]} == {one: used.count(one) for one in (ONE, TWO)}


# When the API server is away, and when the dispatcher goes.


def test_picks_go_on_while_the_api_server_is_away_and_say_how_old_the_inventory_is(
    cluster: Cluster, installed: None, namespace: str, tmp_path: Path
) -> None:
    cluster.apply(a_set(), namespace=namespace)
    put_members(cluster, namespace, [ONE])
    gate, kubeconfig = behind_a_gate(cluster)
    with DispatcherProcess(tmp_path, kubeconfig, namespace, "--dev-insecure") as process:
        fresh = process.pick(ANN).json()
        gate.shut()
        put_members(cluster, namespace, [TWO])
        wait_until(lambda: process.would_pick(ANN).json()["inventoryAgeSeconds"] > 1, "an older inventory")
        stale = process.pick(ANN).json()
        assert (stale["number"], fresh["number"]) == (ONE, ONE)
        gate.open()
        wait_until(lambda: process.would_pick(BOB).json()["number"] == TWO, "the new member", timeout=60)
        assert process.pick(BOB).json()["number"] == TWO
        gate.shut()


def test_while_the_api_server_is_away_only_callers_who_are_remembered_are_let_in(
    cluster: Cluster, installed: None, namespace: str, tmp_path: Path
) -> None:
    cluster.apply(a_set(), namespace=namespace)
    put_members(cluster, namespace, [ONE])
    an_account(cluster, namespace)
    known, unknown = a_token(cluster, namespace), a_token(cluster, namespace)
    gate, kubeconfig = behind_a_gate(cluster)
    with DispatcherProcess(tmp_path, kubeconfig, namespace, installed=True) as process:
        assert process.pick(ANN, token=known).status_code == 200
        gate.shut()
        assert process.pick(ANN, token=known).status_code == 200
        refused = process.pick(ANN, token=unknown)
        assert (refused.status_code, problem_of(refused)) == (503, "authority-unavailable")


def test_nothing_that_was_acknowledged_is_lost_when_the_dispatcher_is_killed(open_one: DispatcherProcess) -> None:
    keys = [str(uuid4()) for _ in range(10)]
    before = {key: open_one.pick(ANN if n % 2 else BOB, key=key).json() for n, key in enumerate(keys)}
    open_one.kill()
    open_one.start()
    for n, key in enumerate(keys):
        again = open_one.pick(ANN if n % 2 else BOB, key=key).json()
        assert (again["pickId"], again["number"]) == (before[key]["pickId"], before[key]["number"])
    assert open_one.client.get(open_one.path("rollup")).json()["used"] == 10


def test_sigterm_answers_what_is_under_way(open_one: DispatcherProcess) -> None:
    """Eight callers ask without pause: each gets whole answers until it is told that nobody listens any more."""
    first = Lock()

    def ask_on(n: int) -> list[int]:
        with httpx.Client(base_url=open_one.urls[0], timeout=30, trust_env=False, verify=False) as client:
            seen: list[int] = []
            while True:
                try:
                    body, headers = {"to": f"+1415555020{n}"}, {"Idempotency-Key": str(uuid4())}
                    seen.append(client.post(open_one.path("picks"), json=body, headers=headers).status_code)
                except httpx.ConnectError:
                    return seen
                except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
                    continue  # the connection was closed between two requests
                if len(seen) == 3 and first.acquire(blocking=False):
                    open_one.terminate()

    with ThreadPoolExecutor(8) as pool:
        seen = [status for statuses in pool.map(ask_on, range(8)) for status in statuses]
    assert open_one.wait() == 0
    assert set(seen) <= {200, 202, 429}
    assert len(seen) >= 3


# Two ledgers.


def test_a_second_dispatcher_with_a_ledger_of_its_own_is_refused_until_the_first_is_announced_no_more(
    cluster: Cluster, dispatcher: DispatcherProcess, tmp_path: Path
) -> None:
    an_account(cluster, dispatcher.namespace)
    token = a_token(cluster, dispatcher.namespace)
    other = tmp_path / "other"
    other.mkdir()
    second = DispatcherProcess(other, cluster.kubeconfig_of(SYSTEM, "ringfleet-dispatcher"), dispatcher.namespace)
    said: list[str] = []

    def until_refused(health: httpx.Client) -> bool:
        said.append(health.get("/readyz").text)
        return "Another ledger" in said[-1]

    with second.start(ready=until_refused):
        refused = second.pick(ANN, token=token)
        assert (refused.status_code, problem_of(refused)) == (503, "ledger-split")
        opt_out = second.client.post(
            second.path("suppressions"), json={"recipients": [ANN]}, headers={"Authorization": f"Bearer {token}"}
        )
        assert (opt_out.status_code, problem_of(opt_out)) == (503, "ledger-split")
        assert dispatcher.pick(ANN, token=token).status_code == 200
        dispatcher.kill()
        lines = cluster.get("configmap", "ringfleet-ledgers", namespace=SYSTEM)["data"]
        ours = [name for name, line in lines.items() if dispatcher.namespace in line and '"holds":true' in line]
        cluster.api.patch("configmap", "ringfleet-ledgers", {"data": dict.fromkeys(ours)}, SYSTEM)
        wait_until(lambda: second.pick(ANN, token=token).status_code == 200, "the second one to decide")
