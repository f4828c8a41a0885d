"""What a carrier tells nobody twice, or nobody at all, and lists afterwards: it reaches the dispatcher all the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.cluster.stage import Stage
from tests.cluster.test_providers import a_trust_product
from tests.controlplane.plane import free_ports
from tests.dispatch.process import DispatcherProcess, a_set
from tests.simulator.receiver import SECRET

PERSON, OTHER = "+12125550123", "+12125550124"
OFTEN = {"sweepInterval": "5s", "limits": {"requestsPerSecond": 100, "concurrency": 8}}
AT_ONCE = {
    "RINGFLEET_USAGE_INTERVAL": "PT1S",
    "RINGFLEET_MESSAGES_INTERVAL": "PT1S",
    "RINGFLEET_CALLS_INTERVAL": "PT1S",
    "RINGFLEET_NUMBERS_INTERVAL": "PT1S",
}


@pytest.mark.parametrize("provider", ["Twilio", "Telnyx"])
def test_a_stop_that_came_while_the_dispatcher_was_down_holds_once_it_is_back(
    stage: Stage, tmp_path: Path, provider: str
) -> None:
    """And calls that another program makes count as the dispatcher's own do: nobody tells of them at all."""
    (port,) = free_ports(1)
    flags = ("--dev-insecure", "--listen", f"127.0.0.1:{port}")
    with DispatcherProcess(tmp_path, stage.cluster.kubeconfig, stage.namespace, *flags) as dispatcher:
        number = a_working_set(stage, provider, f"http://127.0.0.1:{port}")
        stage.wait_for(lambda: dispatcher.would_pick(PERSON).status_code == 200, "the set to answer")
        if provider == "Twilio":  # which tells it once
            hook = {"account": account_of(stage), "url": dispatcher.urls[1], "secret": SECRET, "face": "twilio"}
            stage.simulator.control("POST", "webhooks", hook)
        dispatcher.kill()
        receive(stage, number, "STOP")
        assert stage.simulator.control("GET", "webhooks/pending?wait=30")["ripe"] == 0
        call(stage, number, 10)
        dispatcher.start()
        stage.wait_for(lambda: dispatcher.would_pick(PERSON).status_code == 403, "the opt-out to hold")
        assert dispatcher.would_pick(PERSON).json()["type"].endswith("recipient-suppressed")
        assert dispatcher.would_pick(OTHER).status_code == 200
        stage.wait_for(lambda: calls_of(dispatcher, number) == 10, "the calls to be counted")
        read_again(stage, dispatcher, number)


def read_again(stage: Stage, dispatcher: DispatcherProcess, number: str) -> None:
    """One more call is told, and none of the others again."""
    call(stage, number, 1)
    stage.wait_for(lambda: calls_of(dispatcher, number) > 10, "the next call to be counted")
    assert calls_of(dispatcher, number) == 11


def a_working_set(stage: Stage, provider: str, dispatcher: str) -> str:
    """A set of two numbers that may be called from, and an operator that knows the dispatcher; one of the numbers."""
    signed = {"trustProduct": a_trust_product(stage)} if provider == "Twilio" else {}
    stage.account_at(provider, **OFTEN, **signed)
    stage.profile()
    stage.pool(target=2, limits={"maxNumbers": 4})
    stage.apply(a_set(routingProfileRef={"name": "front-desk"}))
    stage.start_operator(RINGFLEET_DISPATCHER=dispatcher, **AT_ONCE)
    stage.wait_for(lambda: members(stage).get("active") == 2, "two members that may be called from")
    return min(one["spec"]["number"] for one in stage.list("phonenumbers") if "claimRef" in one["spec"])


def members(stage: Stage) -> dict[str, Any]:
    found: dict[str, Any] = stage.get("rotationset", "outbound").get("status", {}).get("members", {})
    return found


def account_of(stage: Stage) -> str:
    (account,) = {str(one["account"]) for one in stage.simulator.owned()}
    return account


def receive(stage: Stage, number: str, text: str) -> None:
    message = {"kind": "message", "from": PERSON, "to": number, "text": text}
    assert stage.simulator.control("POST", "traffic/inbound", message)["refused"] is None


def call(stage: Stage, number: str, count: int) -> None:
    """Calls that are over by now."""
    calls = [{"from": number, "to": OTHER} for _ in range(count)]
    made = stage.simulator.control("POST", "traffic/calls", {"account": account_of(stage), "calls": calls})["calls"]
    assert {one["refused"] for one in made} == {None}
    stage.simulator.control("POST", "clock", {"advance_seconds": 1000})


def calls_of(dispatcher: DispatcherProcess, number: str) -> int:
    rows = dispatcher.client.get(f"/v1/namespaces/{dispatcher.namespace}/numbers/rollup").json()["numbers"]
    return sum(row["month"]["calls"] for row in rows if row["number"] == number)
