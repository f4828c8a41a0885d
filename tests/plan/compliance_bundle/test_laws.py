"""What holds of filing whatever happens: replies lost, operators that die or are two, content that changes."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from ringfleet.model.compliance import FilingState, Regulation, Review
from ringfleet.plan.compliance_bundle.filing import GRACE, FilingRecord
from ringfleet.plan.compliance_bundle.plan import FilingPlan
from tests.examples import examples
from tests.plan.registry import (
    DAY,
    HOUR,
    IN_PLACE,
    MINUTE,
    RULES,
    SECOND,
    Desk,
    Dice,
    Operator,
    Registry,
    a_bundle,
    a_paper,
    a_party,
)

VERDICTS = (Review.IN_REVIEW, Review.IN_REVIEW, Review.APPROVED, Review.REJECTED)
OPEN = (Review.DRAFT, Review.SUBMITTED, Review.IN_REVIEW)
CONTENTS = tuple(a_bundle(a_paper(f"d{n}"), party=a_party(f"p{m}")) for n in range(2) for m in range(2))

dices = st.randoms(use_true_random=True).map(Dice)
steps = st.integers(0, 150)
rules = st.sampled_from((RULES, IN_PLACE))


def live(desk: Desk, operators: tuple[Operator, ...], dice: Dice) -> None:
    """One thing happens: a step of either, a verdict, new content, time. A call lasts less than GRACE."""
    random = dice.random
    random.choice(operators).step(dice)
    if dice.happens(0.05):
        desk.registry.review(random.choice(VERDICTS), desk.now)
    if dice.happens(0.03):
        desk.want = random.choice(CONTENTS)
    if dice.happens(0.3):
        pass_time(desk, operators, random.choice((SECOND, MINUTE, HOUR, 10 * DAY)))


def pass_time(desk: Desk, operators: tuple[Operator, ...], delay: timedelta) -> None:
    """A call that has not reached the carrier within GRACE never will."""
    desk.now += delay
    for operator in operators:
        if operator.call and desk.now - operator.since >= GRACE:
            operator.forget()


def in_force(desk: Desk, now: datetime) -> set[str]:
    """What the carrier has approved and not taken back, by id."""
    return {
        one.external_id
        for one in desk.registry.filings.values()
        if one.review is Review.APPROVED and (one.expires_at is None or now < one.expires_at)
    }


def assert_lawful(desk: Desk, before: str | None) -> None:
    registry = desk.registry
    assert all(times == 1 for times in registry.created.values()), "created twice"
    open_ones = [one.reference.rsplit(".", 1)[0] for one in registry.filings.values() if one.review in OPEN]
    assert len(set(open_ones)) == len(open_ones), "two are open of one revision"
    assert len(set(registry.submitted)) == len(registry.submitted), "handed in twice"
    after = desk.record.approved.id if desk.record.approved else None
    if before in in_force(desk, desk.now) and after != before:
        assert after in registry.filings, "dropped before its successor was approved"
        assert registry.filings[after].review in (Review.APPROVED, Review.EXPIRED)


@settings(max_examples=examples(1_000))
@given(dices, steps, st.sampled_from((None, 40 * DAY)), rules)
def test_nothing_is_created_or_handed_in_twice_and_an_approval_stays_until_the_next(
    dice: Dice, count: int, valid: timedelta | None, rules: Regulation
) -> None:
    desk = Desk(registry=Registry(rules, valid=valid))
    operators = (Operator(desk), Operator(desk))
    for _ in range(count):
        before = desk.record.approved.id if desk.record.approved else None
        live(desk, operators, dice)
        assert_lawful(desk, before)


@given(dices, steps, st.sampled_from((None, 400 * DAY)), rules)
def test_it_ends_approved_once_the_carrier_approves(
    dice: Dice, count: int, valid: timedelta | None, rules: Regulation
) -> None:
    desk = Desk(registry=Registry(rules, valid=valid))
    operators = (Operator(desk), Operator(desk))
    for _ in range(count):
        live(desk, operators, dice)
    desk.want = a_bundle(a_paper("new"))
    plan = approve_all(desk, operators[0])
    assert (plan.report.state, plan.report.ready, plan.report.working) == (FilingState.APPROVED, True, False)
    assert desk.record.approved
    assert in_force(desk, desk.now) >= {desk.record.approved.id}
    assert_lawful(desk, None)


def approve_all(desk: Desk, operator: Operator) -> FilingPlan:
    """Nothing goes wrong any more, and the carrier approves whatever is handed in."""
    desk.now += GRACE
    operator.forget()
    for _ in range(4):
        operator.rest()
        desk.registry.review(Review.APPROVED, desk.now)
        desk.now += HOUR
    return operator.rest()


@given(dices, steps, rules)
def test_a_record_that_was_lost_creates_nothing_twice(dice: Dice, count: int, rules: Regulation) -> None:
    desk = Desk(registry=Registry(rules))
    operators = (Operator(desk), Operator(desk))
    for _ in range(count):
        live(desk, operators, dice)
    desk.record = FilingRecord()
    desk.want = a_bundle(a_paper("new"))
    approve_all(desk, operators[0])
    assert_lawful(desk, None)


@given(dices, steps, rules)
def test_a_filing_at_rest_plans_the_same_nothing_again(dice: Dice, count: int, rules: Regulation) -> None:
    desk = Desk(registry=Registry(rules))
    operator = Operator(desk)
    for _ in range(count):
        live(desk, (operator,), dice)
    operator.forget()
    operator.rest()
    version = desk.version
    plan = operator.rest()
    assert (plan.record, desk.version) == (desk.record, version)
