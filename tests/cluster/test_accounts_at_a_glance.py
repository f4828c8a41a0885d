"""What `kubectl get ca` prints of an account in each state: one line, by which a person knows what to do."""

from __future__ import annotations

from tests.cluster.stage import Stage, an_account
from tests.cluster.test_at_a_glance import tables_of

OFTEN = {"sweepInterval": "5s", "limits": {"requestsPerSecond": 100}}
MONEY = {"spent": "0.00"}
LINES = {
    "well": ("True", "Flowing", "100.00", "Reachable"),
    "spent": ("True", "Flowing", "0.00", "Reachable"),
    "throttled": ("True", "Throttled", "100.00", "Reachable"),
    "down": ("False", "CircuitOpen", "100.00", "CarrierUnavailable"),
    "refused": ("False", "", "", "CredentialsRejected"),
    "paused": ("True", "", "", "Suspended"),
}
SHOWN = ("READY", "CALLS", "BALANCE", "REASON")


def test_one_line_of_kubectl_tells_the_state_of_each_account(stage: Stage) -> None:
    for name in LINES:
        account(stage, name)
    stage.start_operator()
    for name in ("throttled", "down"):
        stage.wait_ready(name, "carrieraccount")
    stage.simulator.set_faults(
        {"fault": "rate_limited", "account": "throttled"}, {"fault": "server_error", "account": "down"}
    )
    stage.wait_for(lambda: lines(stage) == LINES, "every account to say how it is")
    well = tables_of(stage.kubectl("get", "ca", "well"))
    assert list(next(iter(well.values()))) == [
        *("READY", "PROVIDER", "BALANCE", "CALLS", "OURS", "OWNED", "SWEPT", "REASON")
    ]
    assert stage.wait_reason("carrieraccount", "spent", "BalanceSpent", "BalanceSpent")["status"] == "True"


def account(stage: Stage, name: str) -> None:
    """An account of its own at the simulator, but for one whose token nobody knows."""
    token, money = f"{name}-token", MONEY.get(name, "100.00")
    if name != "refused":
        stage.simulator.control("POST", "accounts", {"token": token, "id": name, "balance": money})
    stage.secret(f"{name}-token", token)
    stage.apply(an_account(name, stage.simulator.url, suspend=name == "paused", **OFTEN))


def lines(stage: Stage) -> dict[str, tuple[str, ...]]:
    tables = tables_of(stage.kubectl("get", "ca"))
    return {name.rpartition("/")[2]: tuple(row[title] for title in SHOWN) for name, row in tables.items()}
