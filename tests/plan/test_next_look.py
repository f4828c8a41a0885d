"""The law of time: whatever a plan would change at a later moment is due by then.

Each kind is planned now, and at a later moment with nothing else changed. Numbers are in
`tests/controllers/test_time.py`: their plan looks the time up beside the object.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ringfleet.model import ItemState, Limits, Phase
from ringfleet.model.compliance import Review
from ringfleet.model.policy import Billing, ReleaseMode
from ringfleet.plan.carrier_account import AccountSeen
from ringfleet.plan.compliance_bundle.filing import CarrierSeen, FilingRecord
from ringfleet.plan.compliance_bundle.plan import plan_filing
from ringfleet.plan.conditions import Reason
from ringfleet.plan.next_look import (
    next_look_at_bundle,
    next_look_at_claim,
    next_look_at_order,
    next_look_at_quota,
)
from ringfleet.plan.number_order.order import OrderState
from ringfleet.plan.number_order.plan import plan_order
from ringfleet.plan.number_order.retries import LONGEST_RETRY
from ringfleet.plan.number_order.steps import Done, Wait
from ringfleet.plan.number_order.world import OrderWorld
from ringfleet.plan.number_pool.carriers import CarrierMemory, OrderIntent, TopUp
from ringfleet.plan.number_pool.decide import PoolDecision, PoolFacts, PoolView, decide, retire
from ringfleet.plan.number_pool.demand import DemandMemory, DemandSeen, Lead, OrderLead, Tally
from ringfleet.plan.number_pool.forecast import DemandWant
from ringfleet.plan.number_pool.plan import PoolSeen
from ringfleet.plan.number_pool.release import Idler, Leaver, ReleaseRecord, ReleaseSeen, ReleaseWant
from ringfleet.plan.number_pool.supply import ItemSeen, NumberSeen, OrderSeen, Room
from ringfleet.plan.number_quota import Bills, QuotaWant, judge_bills
from ringfleet.plan.phone_number.removal import Cause, Way
from ringfleet.plan.rotation_set.plan import plan_rotation
from ringfleet.plan.rotation_set.seen import NumberUse, Replaced
from tests.plan import rotation
from tests.plan.builders import (
    MAIN,
    NOW,
    SPARE,
    a_pool,
    a_price,
    an_item,
    an_order_want,
    digits,
    dollars,
)
from tests.plan.compliance_bundle.test_laws import live
from tests.plan.registry import KEY, RULES, Desk, Dice, Operator

SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
MONTH_ENDS = datetime(2026, 3, 31, 23, 50, tzinfo=UTC)

SPANS = (SECOND, 5 * SECOND, MINUTE, 10 * MINUTE, 15 * MINUTE, HOUR, DAY, 2 * DAY, 30 * DAY)
spans = st.one_of(
    st.sampled_from(SPANS),
    st.timedeltas(timedelta(), 40 * DAY),
).map(lambda span: timedelta(seconds=round(span.total_seconds())))
nows = st.sampled_from((NOW, MONTH_ENDS))


def around(now: datetime) -> st.SearchStrategy[datetime]:
    """A moment before or after."""
    return st.tuples(spans, st.booleans()).map(lambda drawn: now + drawn[0] if drawn[1] else now - drawn[0])


def maybe(now: datetime) -> st.SearchStrategy[datetime | None]:
    return st.none() | around(now)


def assert_due(due: datetime | None, later: datetime, before: object, after: object) -> None:
    """The law. What differs is shown when it does not hold."""
    assert before == after or (due is not None and due <= later), f"due {due}, and at {later}: {before} -> {after}"


def assert_always_due(
    due: datetime | None, now: datetime, spans: Iterable[timedelta], said: Callable[[datetime], object]
) -> None:
    """The law at many later moments: few states change at the one that is drawn. `said`: what is planned then."""
    before = said(now)
    for span in spans:
        assert_due(due, now + span, before, said(now + span))


# Orders.

blocked = st.sampled_from((None, Reason.CARRIER_UNAVAILABLE))


@given(st.data(), nows, spans)
def test_what_an_order_does_later_is_due_by_then(data: st.DataObject, now: datetime, span: timedelta) -> None:
    states = data.draw(st.none() | st.lists(st.sampled_from(list(ItemState)), min_size=1, max_size=3))
    items = None if states is None else tuple(an_item(n, state) for n, state in enumerate(states, 1))
    rests = st.timedeltas(-LONGEST_RETRY, LONGEST_RETRY).map(lambda span: now + timedelta(seconds=span // SECOND))
    order = OrderState(items, "rf-1", data.draw(st.integers(0, 3)), data.draw(st.none() | rests), "It is down.")
    obstacle = data.draw(st.sampled_from((None, None, 0, 1, 2, 3)))  # of several nothing but the first is told
    account = replace(AccountSeen(), blocked=data.draw(blocked))
    around_it = OrderWorld(account, *(n == obstacle for n in range(4)))

    def said(moment: datetime) -> object:
        return plan_order(an_order_want(), order, around_it, moment)

    if isinstance(said(now), Wait | Done):  # else it has something to do now
        assert_always_due(next_look_at_order(order, now), now, (*SPANS, span), said)


# Claims.


@dataclass(frozen=True)
class AClaim:
    """As its status is when all has been said, unless a test says otherwise."""

    deleting: bool = False
    phase: str | None = "Bound"
    status_current: bool = True


@given(nows)
def test_a_claim_is_due_when_it_has_something_to_say_and_at_no_other_time(now: datetime) -> None:
    """What a claim says does not go by the time: its conditions are planned without one."""
    claim = AClaim()
    assert next_look_at_claim(claim, now) is None
    for change in ({"deleting": True}, {"phase": None}, {"status_current": False}):
        assert next_look_at_claim(replace(claim, **change), now) == now  # type: ignore[arg-type]  # one of its fields


# Filings.


@given(
    st.randoms(use_true_random=True).map(Dice),
    st.integers(0, 60),
    spans,
    st.sampled_from((None, 3 * DAY, 40 * DAY)),
    st.booleans(),
)
def test_what_a_filing_does_later_is_due_by_then(
    dice: Dice, count: int, span: timedelta, valid: timedelta | None, looked_at: bool
) -> None:
    """Half of them are put off, and nothing is asked of their looks: those at a review would hide what is due by
    approvals and calls. (A look that is put off for longer than looks are is taken for a clock's that was ahead.)"""
    desk = Desk()
    desk.registry.valid = valid
    operator = Operator(desk)
    for _ in range(count):
        live(desk, (operator,), dice)
    if valid:
        operator.rest()
        desk.registry.review(Review.APPROVED, desk.now)
        desk.now += HOUR
        operator.rest()
    seen = CarrierSeen(read=True, regulation=RULES)
    record = desk.record if looked_at else replace(desk.record, next_look=desk.now + 400 * DAY)

    def asked(found: FilingRecord) -> FilingRecord:
        return found if looked_at else replace(found, next_look=None)

    def said(moment: datetime) -> object:
        plan = plan_filing(KEY, desk.want, record, seen, moment)
        return plan.action, plan.report, asked(plan.record)

    now = plan_filing(KEY, desk.want, record, seen, desk.now)
    if now.action is None:
        due = next_look_at_bundle((asked(now.record),), desk.want.renew_before, KEY.grace, desk.now)
        assert_always_due(due, desk.now, (*SPANS, span), said)


# Quotas.


@given(nows, spans, st.sampled_from(list(Billing)), st.booleans(), st.data())
def test_what_a_quota_says_later_is_due_by_then(
    now: datetime, span: timedelta, billing: Billing, enforced: bool, data: st.DataObject
) -> None:
    quota = QuotaWant("month", billing=billing, grace=data.draw(spans), enforced=enforced)
    bills = judge_bills(quota, Bills(data.draw(maybe(now)), data.draw(maybe(now))), now)
    after = judge_bills(quota, bills, now + span)
    due = next_look_at_quota(quota, bills, now)
    assert_due(due, now + span, bills, after)
    assert_due(due, now + span, now.date(), (now + span).date())  # what was ordered today, and what the month has cost


# Rotation sets.

hours = st.integers(0, 11).map(lambda hour: timedelta(hours=hour))
"""Within a day: what is due at the next midnight hides nothing."""


def uses(now: datetime) -> st.SearchStrategy[NumberUse]:
    ago = hours.map(lambda span: now - span)
    return st.builds(
        NumberUse,
        last_pick=st.none() | ago,
        label=st.sampled_from((None, None, "Scam")),
        cleared=st.none() | ago,
        tries=st.sampled_from((0, 100)),
        successes=st.sampled_from((0, 40)),
    )


@given(st.data(), hours)
def test_what_a_set_does_later_is_due_by_then(data: st.DataObject, span: timedelta) -> None:
    now, count = rotation.NOW, data.draw(st.integers(1, 3))
    quarantines = st.sampled_from((None, "RotationSet shop/calls: labelled Scam", "By hand."))
    drains = st.none() | hours.map(lambda span: now - DAY + span)
    seats = tuple(
        rotation.a_seat(turn, draining=data.draw(drains) or False, quarantine=data.draw(quarantines))
        for turn in range(1, count + 1)
    )
    traffic = {rotation.number(turn): data.draw(uses(now)) for turn in range(1, count + 1)}
    churned = tuple(
        Replaced(now - 30 * DAY + data.draw(hours), rotation.number(9)) for _ in range(data.draw(st.integers(0, 1)))
    )
    look = rotation.seen(*seats, uses=data.draw(st.none() | st.just(traffic)), replaced=churned)
    want = rotation.a_want(
        size=data.draw(st.integers(1, count)),
        after_flag=data.draw(hours),
        zone=data.draw(st.sampled_from(("UTC", "America/St_Johns"))),
        governed=rotation.governed(replaces=True, max_churn_percent=60),
    )

    def said(moment: datetime) -> object:
        plan = plan_rotation(want, look, moment)
        return plan.actions, plan.day, plan.standing, plan.churned

    assert_always_due(plan_rotation(want, look, now).due, now, (*(HOUR * n for n in range(1, 12)), span), said)


# Pools.

amounts = st.none() | st.integers(0, 40)


@st.composite
def pools(draw: st.DrawFn, now: datetime) -> tuple[PoolView, PoolFacts]:
    target = draw(st.integers(0, 6))
    budget = draw(amounts)
    limits = Limits(max_numbers=draw(amounts), monthly_budget=None if budget is None else dollars(budget))
    limits = replace(limits, max_monthly=dollars(2), max_setup=dollars(1))
    carriers = draw(st.sampled_from(((MAIN,), (MAIN, SPARE))))
    want = a_pool(target, minimum=draw(st.integers(0, target)), limits=limits, carriers=carriers)
    release = ReleaseWant(
        "west", draw(st.sampled_from(list(ReleaseMode))), draw(spans), 2, draw(st.none() | spans), target
    )
    demand = DemandWant(
        burn_rate=draw(st.none() | st.just(2.0)), lead_time=draw(st.none() | spans), follow=draw(st.booleans())
    )
    return PoolView(want, demand, draw(memories(now)), release), draw(facts(now))


def memories(now: datetime) -> st.SearchStrategy[DemandMemory]:
    tally = st.builds(Tally, st.floats(0, 9), spans)
    leads = st.lists(spans, max_size=4).map(lambda took: tuple(Lead(n, one) for n, one in enumerate(took, 1)))
    counted = st.none() | spans.map(lambda span: now - span)
    return st.builds(DemandMemory, counted, st.booleans(), tally, tally, leads, st.sampled_from(((), (5,))), st.just(5))


@st.composite
def facts(draw: st.DrawFn, now: datetime) -> PoolFacts:
    """Half of the pools are quiet: nothing but their numbers and money changes with time."""
    busy = draw(st.booleans())
    known = tuple(
        NumberSeen(digits(n), draw(st.sampled_from(list(Phase))), a_price(), now - draw(spans))
        for n in range(1, draw(st.integers(1, 6)))
    )
    accounts = {account: AccountSeen(draw(blocked)) for account in (MAIN, SPARE)}
    if not busy:
        return PoolFacts(pool=PoolSeen(numbers=known, accounts=accounts))
    orders = tuple(draw(some_order(now, sequence)) for sequence in range(1, draw(st.integers(1, 4))))
    top_up = TopUp(9, OrderIntent(9, MAIN, 1, dollars(3)), draw(st.booleans()), draw(short(now)))
    pool = PoolSeen(
        numbers=known,
        orders=orders,
        top_up=top_up,
        accounts=accounts,
        room=Room(counts_orders=draw(st.booleans())),
    )
    bound = tuple(now - span for span in draw(st.lists(spans, max_size=3)))
    awaited = OrderLead(5, now - draw(spans), open=True, bought=True)
    seen = DemandSeen(bound, draw(st.integers(0, 1)), (awaited,), draw(st.integers(0, 2)))
    return PoolFacts(pool=pool, demand=seen, release=draw(leaving(now)))


def short(now: datetime) -> st.SearchStrategy[tuple[CarrierMemory, ...]]:
    """What the last orders from either carrier have taught."""
    reasons = st.sampled_from((Reason.NO_STOCK, Reason.CARRIER_UNAVAILABLE))
    account, said = st.sampled_from((MAIN, SPARE)), st.just("It was short.")
    memory = st.builds(CarrierMemory, account, st.just(9), st.just(1), reasons, said, maybe(now))
    return st.lists(memory, max_size=2).map(tuple)


@st.composite
def some_order(draw: st.DrawFn, now: datetime, sequence: int) -> OrderSeen:
    finished = draw(st.booleans())
    items = tuple(
        ItemSeen(digits(10 * sequence + n), draw(st.sampled_from(list(ItemState))), a_price()) for n in (1, 2)
    )
    ended = now - draw(spans) if finished else None
    return OrderSeen(sequence, f"west-{sequence}", MAIN, 2, True, finished, items, dollars(6), completed_at=ended)


@st.composite
def leaving(draw: st.DrawFn, now: datetime) -> ReleaseSeen:
    leavers = tuple(
        Leaver(
            digits(n).digits,
            draw(st.sampled_from((Cause.MANUAL, Cause.DELETION, Cause.SURPLUS))),
            draw(st.sampled_from(list(Way))),
            since=now - HOUR,
            not_before=draw(around(now)),
        )
        for n in range(1, draw(st.integers(1, 5)))
    )
    idlers = tuple(
        Idler(digits(n).digits, now - draw(spans), now + draw(spans)) for n in range(6, 6 + draw(st.integers(0, 3)))
    )
    names = [one.name for one in leavers]
    asked = draw(st.sets(st.sampled_from([*names, digits(20).digits, digits(21).digits])))  # two of them have gone
    recent = tuple((name, now - draw(spans)) for name in sorted(asked))
    cleared = tuple(sorted(draw(st.sets(st.sampled_from(names))))) if names else ()
    released = tuple(digits(n).digits for n in range(100, 100 + draw(st.integers(0, 2))))
    record = ReleaseRecord(now.date(), released, (), recent, cleared)
    return ReleaseSeen(leavers, idlers, draw(st.integers(0, 100)), record=record)


def done(decision: PoolDecision) -> object:
    """What a pool does and says. What it forgets in between is its own affair."""
    plan, release = decision.plan, decision.release
    return (plan.actions, plan.conditions, release.record.granted, release.ask, release.take_back)


def remembered(view: PoolView, known: PoolFacts, decision: PoolDecision) -> tuple[PoolView, PoolFacts]:
    """The pool after a turn has written its memory."""
    memory = decision.demand.memory if decision.demand else view.memory
    pool, release = (
        replace(known.pool, top_up=decision.plan.top_up),
        replace(known.release, record=decision.release.record),
    )
    return replace(view, memory=memory), replace(known, pool=pool, release=release)


@given(st.data(), nows, spans, st.sampled_from((decide, retire)))
def test_what_a_pool_does_later_is_due_by_then(
    data: st.DataObject, now: datetime, span: timedelta, turn: Callable[[PoolView, PoolFacts, datetime], PoolDecision]
) -> None:
    view, known = data.draw(pools(now))
    view, known = remembered(view, known, turn(view, known, now))
    requeue = turn(view, known, now).requeue
    due = None if requeue is None else now + timedelta(seconds=requeue)
    assert_always_due(due, now, (*SPANS, span), lambda moment: done(turn(view, known, moment)))
