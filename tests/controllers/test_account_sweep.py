"""Whom an orphan's object stands for, before the sweep says that it has been adopted."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from ringfleet.controllers.account_sweep import adopt
from ringfleet.model import AccountKey, Mark, Phase
from tests.plan.builders import a_holding

HERE, ELSEWHERE = AccountKey("shop", "main"), AccountKey("shop", "other")
MARK = Mark("home", "shop", "us-west")


@pytest.mark.parametrize(
    ("account", "phase", "adopted"),
    [
        pytest.param(HERE, Phase.AVAILABLE, MARK, id="recorded meanwhile"),
        pytest.param(HERE, Phase.RELEASED, None, id="given back, says its object"),
        pytest.param(ELSEWHERE, Phase.LOST, None, id="another account's object"),
    ],
)
async def test_an_orphan_with_an_object_in_its_place_is_adopted_only_if_that_stands_for_it(
    account: AccountKey, phase: Phase, adopted: Mark | None
) -> None:
    there = SimpleNamespace(account=account, state=SimpleNamespace(phase=phase))
    fleet = SimpleNamespace(orders_at=lambda _: [], get=lambda *_: "a pool", number=lambda *_: there)
    services: Any = SimpleNamespace(fleet=fleet)
    assert await adopt(services, HERE, a_holding(mark=MARK)) == adopted
