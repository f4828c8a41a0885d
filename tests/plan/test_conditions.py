"""The law of messages: while the same is so, a message is the same, whenever it is looked at."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ringfleet
from ringfleet.model import ItemState
from ringfleet.plan.carrier_account import AccountSeen
from ringfleet.plan.compliance_bundle.filing import CarrierSeen
from ringfleet.plan.compliance_bundle.plan import plan_filing
from ringfleet.plan.conditions import Condition, Reason, not_ready
from ringfleet.plan.number_order.order import OrderState
from ringfleet.plan.number_order.plan import plan_order
from ringfleet.plan.number_order.report import order_conditions
from ringfleet.plan.number_order.world import OrderWorld
from ringfleet.plan.number_pool.carriers import CarrierMemory, TopUp
from ringfleet.plan.number_pool.decide import PoolDecision, PoolFacts, PoolView, decide, retire
from ringfleet.plan.number_pool.plan import PoolSeen
from tests.plan.builders import MAIN, SPARE, an_item, an_order_want
from tests.plan.compliance_bundle.test_laws import live
from tests.plan.registry import KEY, RULES, Desk, Dice, Operator
from tests.plan.test_next_look import maybe, nows, pools, spans

ROOMS = ("carriers", "controllers", "objects", "plan")
FIXED = {"plan/number_pool/release.py": 1, "carriers/twilio/records.py": 1}
"""How many texts tell a time. That of `ReleaseFrozen`, by which it is acknowledged, is fixed while it holds; the other
is no message, but asks a carrier for what came since."""


def shifted(value: Any, span: timedelta) -> Any:
    """The same facts, each moment in them that much later."""
    if isinstance(value, datetime):
        return value + span
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{field.name: shifted(getattr(value, field.name), span) for field in fields(value)})
    if isinstance(value, Mapping):
        return {key: shifted(one, span) for key, one in value.items()}
    if isinstance(value, tuple):
        parts = [shifted(one, span) for one in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    return value


def words(conditions: Iterable[Condition]) -> dict[tuple[str, bool, Reason], str]:
    said = (one for one in conditions if one.type != "ReleaseFrozen")
    return {(one.type, one.status, one.reason): one.message for one in said}


def assert_same_words(one: Iterable[Condition], other: Iterable[Condition]) -> None:
    """What only one of them says may be of another day or month; what both say is said alike."""
    before, after = words(one), words(other)
    assert {key: before[key] for key in before.keys() & after} == {key: after[key] for key in before.keys() & after}


def test_words_that_tell_a_time_are_told_apart() -> None:
    with pytest.raises(AssertionError):
        assert_same_words((not_ready(Reason.NO_STOCK, "At 12:00."),), (not_ready(Reason.NO_STOCK, "At 12:01."),))


def starved(known: PoolFacts, until: datetime) -> PoolFacts:
    """The same pool with no number and no order, whose carriers all rest until then."""
    short = tuple(CarrierMemory(one, 9, 1, Reason.NO_STOCK, "It was short.", until) for one in (MAIN, SPARE))
    up = dict.fromkeys((MAIN, SPARE), AccountSeen())
    return replace(known, pool=PoolSeen(top_up=TopUp(9, carriers=short), accounts=up))


@given(st.data(), nows, spans, st.sampled_from((decide, retire)))
def test_a_pool_says_the_same_of_the_same_facts_at_another_time(
    data: st.DataObject, now: datetime, span: timedelta, turn: Callable[[PoolView, PoolFacts, datetime], PoolDecision]
) -> None:
    view, known = data.draw(pools(now))
    if data.draw(st.booleans()):
        known = starved(known, now + data.draw(spans) + timedelta(seconds=1))
    one, other = turn(view, known, now), turn(shifted(view, span), shifted(known, span), now + span)
    assert_same_words(one.plan.conditions, other.plan.conditions)


@given(st.data(), nows, spans)
def test_an_order_says_the_same_of_the_same_facts_at_another_time(
    data: st.DataObject, now: datetime, span: timedelta
) -> None:
    states = data.draw(st.none() | st.lists(st.sampled_from(list(ItemState)), min_size=1, max_size=3))
    items = None if states is None else tuple(an_item(n, state) for n, state in enumerate(states, 1))
    order = OrderState(items, "rf-1", data.draw(st.integers(0, 3)), data.draw(maybe(now)), "It is down.")
    want, world = an_order_want(), OrderWorld(AccountSeen(), *data.draw(st.tuples(*[st.booleans()] * 4)))

    def said(state: OrderState, moment: datetime) -> Iterable[Condition]:
        return order_conditions(want, state, plan_order(want, state, world, moment))

    assert_same_words(said(order, now), said(shifted(order, span), now + span))


@given(st.randoms(use_true_random=True).map(Dice), st.integers(0, 60), spans)
def test_a_filing_says_the_same_of_the_same_facts_at_another_time(dice: Dice, count: int, span: timedelta) -> None:
    desk = Desk()
    operator = Operator(desk)
    for _ in range(count):
        live(desk, (operator,), dice)
    seen = CarrierSeen(read=True, regulation=RULES)
    one = plan_filing(KEY, desk.want, desk.record, seen, desk.now).report
    other = plan_filing(KEY, desk.want, shifted(desk.record, span), seen, desk.now + span).report
    assert (one.reason, one.message) == (other.reason, other.message)


def times_in(source: str) -> Iterator[ast.expr]:
    """What a module puts into its texts as a time of day or a date: `{moment:%H:%M}`, `{moment.isoformat()}`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FormattedValue):
            spec = ast.unparse(node.format_spec) if node.format_spec else ""
            calls = {call.attr for call in ast.walk(node.value) if isinstance(call, ast.Attribute)}
            if "%" in spec or calls & {"isoformat", "strftime"}:
                yield node.value


@pytest.mark.parametrize("text", ["f'{now:%H:%M}'", "f'{now.isoformat()}'", "f'At {now.strftime(\"%H\")}.'"])
def test_a_time_in_a_text_is_found(text: str) -> None:
    assert len(list(times_in(text))) == 1


def test_no_message_tells_a_time_that_moves() -> None:
    house = Path(ringfleet.__file__).parent
    found = {
        str(path.relative_to(house)): len(list(times_in(path.read_text(encoding="utf-8"))))
        for room in ROOMS
        for path in sorted((house / room).rglob("*.py"))
    }
    assert {path: count for path, count in found.items() if count} == FIXED
