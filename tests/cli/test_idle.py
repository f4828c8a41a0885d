"""`ringfleet idle`, on the API server in memory: which numbers it lists, and what they cost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from click.testing import CliRunner

from ringfleet.cli._shared.cluster import Cluster
from ringfleet.cli.main import main
from ringfleet.kube.client import Kube
from tests.controllers.api_double import ApiDouble
from tests.controllers.rig import HERE, RESOURCES, a_number
from tests.plan.builders import digits

Idle = Callable[..., str]


def ago(days: float) -> str:
    return f"{datetime.now(UTC) - timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}"


CLAIM = {"namespace": HERE, "name": "desk", "uid": "u"}
FLEET = (
    a_number(1, "Bound", {"idleSince": ago(100.1)}, claimRef=CLAIM),
    a_number(2, status={"idleSince": ago(40.1)}),
    a_number(3, status={"idleSince": ago(10.1)}),
    a_number(4),
    a_number(5, "Released", {"idleSince": ago(400)}),
)


@pytest.fixture
def idle(monkeypatch: pytest.MonkeyPatch) -> Idle:
    def run_here(_: Cluster, work: Callable[[Kube, str], Awaitable[Any]], **__: Any) -> Any:
        async def run() -> Any:
            kube = Kube(ApiDouble([]))  # type: ignore[arg-type]  # the double stands for the transport
            for number in FLEET:
                await kube.create(RESOURCES["PhoneNumber"], HERE, number)
                await kube.patch_status(RESOURCES["PhoneNumber"], HERE, number["metadata"]["name"], number["status"])
            return await work(kube, HERE)

        return asyncio.run(run())

    monkeypatch.setattr(Cluster, "run", run_here)

    def run(*arguments: str) -> str:
        result = CliRunner().invoke(main, ["idle", *arguments], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.stdout

    return run


def test_it_lists_what_is_silent_for_long_and_what_that_costs(idle: Idle) -> None:
    lines = idle().splitlines()
    assert lines[0].split() == ["NUMBER", "IDLE", "SINCE", "DAYS", "MONTHLY", "PHASE", "POOL", "CLAIM", "ACCOUNT"]
    first, second = (line.split() for line in lines[1:3])
    assert [first[0], *first[2:]] == [digits(1).digits, "100", "2", "USD", "Bound", "west", "shop/desk", "shop/main"]
    assert [second[0], *second[2:]] == [digits(2).digits, "40", "2", "USD", "Available", "west", "-", "shop/main"]
    assert lines[3:] == ["2 numbers, 4 USD a month."]


def test_of_a_shorter_silence_it_tells_more_and_what_was_given_back_costs_nothing(idle: Idle) -> None:
    said = json.loads(idle("--days", "7", "-o", "json", "-A"))
    assert [row["name"] for row in said["numbers"]] == [digits(n).digits for n in (1, 2, 3)]
    assert said["cost"] == {"USD": "6"}
    assert {key: said["numbers"][0][key] for key in ("claim", "pool", "account", "phase", "monthly", "currency")} == {
        **{"claim": "shop/desk", "pool": "west", "account": "shop/main", "phase": "Bound"},
        **{"monthly": "2", "currency": "USD"},
    }


def test_where_nothing_is_silent_it_says_so(idle: Idle) -> None:
    assert idle("--days", "300") == "No number is known to have been silent for 300 days.\n"
