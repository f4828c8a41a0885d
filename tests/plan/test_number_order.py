"""What an order does next, and what becomes of its items."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfleet.model import AccountKey, ItemState, Outcome, Phase
from ringfleet.plan.carrier_account import AccountSeen
from ringfleet.plan.conditions import Condition, Reason, not_ready, ready, reconciling, stalled
from ringfleet.plan.number_order.items import (
    ITEM_STEPS,
    SENT,
    UNRESOLVED,
    Item,
    move_unresolved,
    parked_items_done,
    settle,
    unsend,
)
from ringfleet.plan.number_order.last_looks import LOOKED_UP_FOR, looked_up
from ringfleet.plan.number_order.listing import LISTED_AGAIN, NOT_LISTED, restored_message
from ringfleet.plan.number_order.order import OrderState, OrderWant
from ringfleet.plan.number_order.plan import given_up, handed_back, plan_order
from ringfleet.plan.number_order.report import ADD_MONEY, MEND_THERE, order_conditions, order_failure
from ringfleet.plan.number_order.steps import Done, GiveUp, HandBack, LookUp, Record, Search, Step, Submit, Wait
from ringfleet.plan.number_order.world import Listed, OrderWorld, Unlisted
from ringfleet.plan.phone_number.phase import IN_FLIGHT
from tests.plan.builders import (
    NOW,
    a_price,
    an_item,
    an_order_state,
    an_order_want,
    digits,
)

PENDING, SUBMITTING, UNKNOWN = ItemState.PENDING, ItemState.SUBMITTING, ItemState.UNKNOWN
PROVISIONED, PARKED, FAILED = ItemState.PROVISIONED, ItemState.PENDING_DOCUMENTS, ItemState.FAILED

WANT = an_order_want()
FRESH = OrderState()
UP = OrderWorld(AccountSeen())
BEING_REACHED = OrderWorld(AccountSeen(Reason.ACCOUNT_NOT_READY, "default/main is being reached."))
DOWN = OrderWorld(AccountSeen(Reason.CIRCUIT_OPEN, "default/main does not answer."))
SOON, JUST_NOW = NOW + timedelta(seconds=9), NOW - timedelta(seconds=1)
IN_A_MONTH = NOW + timedelta(days=30)
TRIED = {"attempts": 1, "last_error": "It timed out."}
SUSPENDED = replace(UP, pool_suspended=True)
GONE = replace(UP, pool_gone=True)
PAUSED = Wait(Reason.SUSPENDED, "The order's pool is suspended (spec.suspend): nothing is bought meanwhile.")
CALLED_OFF = GiveUp(Reason.POOL_MISSING, "The pool that made the order is deleted: nothing was bought.")
DEAD = Unlisted(AccountKey("default", "spare"), Listed.BLOCKED, "CarrierAccount default/spare: It does not answer.")
LISTING, BROKEN = (Unlisted(WANT.account, how) for how in (Listed.NOT_YET, Listed.BROKEN))
LEFT = "nothing more is bought. What was sent before is looked up for a while, and then the order ends."
ALONE = LookUp(Reason.POOL_MISSING, f"The pool that made the order is deleted: {LEFT}", for_good=True)
APPROVAL = "The pool's topUp.mode is Manual: annotate ringfleet.dev/approved=true to buy."
LOCK_TAKEN = "Another order of this account is at the carrier; orders go one at a time."
ANOTHER = "Search at default/main is down; another carrier of the pool is asked."


# One step at a time.


@pytest.mark.parametrize(
    ("want", "state", "world", "step"),
    [
        pytest.param(WANT, FRESH, UP, Search(), id="a new order searches"),
        pytest.param(
            WANT, FRESH, replace(UP, purchase_lock_taken=True), Search(), id="a search needs no purchase lock"
        ),
        pytest.param(
            WANT, FRESH, DOWN, Wait(Reason.CIRCUIT_OPEN, DOWN.account.message), id="an order without a carrier waits"
        ),
        pytest.param(
            WANT,
            FRESH,
            replace(DOWN, alternatives=True),
            GiveUp(Reason.CIRCUIT_OPEN, DOWN.account.message),
            id="an order that has bought nothing leaves a carrier that is down",
        ),
        pytest.param(
            replace(WANT, approved=False),
            FRESH,
            UP,
            Wait(Reason.AWAITING_APPROVAL, APPROVAL),
            id="an order that needs approval waits",
        ),
        pytest.param(
            WANT,
            OrderState(**TRIED, next_attempt=SOON),
            UP,
            Wait(Reason.SEARCH_UNAVAILABLE, "It timed out.", SOON),
            id="a failed search rests",
        ),
        pytest.param(
            WANT,
            OrderState(**TRIED, next_attempt=IN_A_MONTH),
            UP,
            Search(),
            id="no rest that a clock ahead has written",
        ),
        pytest.param(
            WANT, OrderState(**TRIED, next_attempt=JUST_NOW), UP, Search(), id="a rested search is tried again"
        ),
        pytest.param(
            WANT, OrderState(attempts=2), UP, Search(), id="without an alternative a search is never given up"
        ),
        pytest.param(
            WANT,
            OrderState(attempts=1),
            replace(UP, alternatives=True),
            Search(),
            id="one failed search is not given up",
        ),
        pytest.param(
            WANT,
            OrderState(attempts=2),
            replace(UP, alternatives=True),
            GiveUp(Reason.SEARCH_UNAVAILABLE, ANOTHER),
            id="a second failed search goes to another carrier",
        ),
        pytest.param(
            WANT,
            FRESH,
            replace(UP, unlisted=(DEAD, LISTING)),
            Wait(Reason.WAITING_FOR_LISTING, f"{NOT_LISTED}: CarrierAccount default/main.", NOW + LISTED_AGAIN),
            id="what the pool has must be known",
        ),
        pytest.param(
            WANT, FRESH, replace(UP, unlisted=(BROKEN,)), Search(), id="a broken listing stops no order of this pool"
        ),
        pytest.param(WANT, FRESH, replace(UP, unlisted=(DEAD,)), Search(), id="nor does another carrier that is dead"),
        *(
            pytest.param(
                WANT,
                FRESH,
                replace(UP, unlisted=missing, has_past=True),
                Wait(Reason.WAITING_FOR_LISTING, restored_message(missing), NOW + LISTED_AGAIN),
                id="but after a restore",
            )
            for missing in ((BROKEN,), (DEAD,), (DEAD, LISTING))
        ),
        pytest.param(WANT, FRESH, replace(UP, has_past=True), Search(), id="which goes on when all is known"),
        pytest.param(
            WANT,
            an_order_state(PENDING),
            replace(UP, unlisted=(LISTING,), has_past=True),
            Submit(resumed=False),
            id="what was chosen was counted before",
        ),
        pytest.param(WANT, an_order_state(PENDING), UP, Submit(resumed=False), id="chosen numbers are bought"),
        pytest.param(
            WANT,
            an_order_state(PENDING, PENDING),
            replace(DOWN, alternatives=True),
            GiveUp(Reason.CIRCUIT_OPEN, "default/main does not answer."),
            id="chosen numbers that can't be sent are given up for another carrier",
        ),
        pytest.param(
            WANT,
            an_order_state(PENDING, SUBMITTING),
            replace(DOWN, alternatives=True),
            HandBack(Reason.CIRCUIT_OPEN, "default/main does not answer."),
            id="of an order that was sent in part, what was not goes to another carrier",
        ),
        pytest.param(
            WANT,
            an_order_state(PENDING, PROVISIONED),
            replace(DOWN, alternatives=True),
            HandBack(Reason.CIRCUIT_OPEN, "default/main does not answer."),
            id="also when the rest is bought",
        ),
        pytest.param(
            WANT,
            an_order_state(PENDING, SUBMITTING),
            DOWN,
            Wait(Reason.CIRCUIT_OPEN, "default/main does not answer."),
            id="without another carrier it waits for its own",
        ),
        pytest.param(
            WANT,
            an_order_state(SUBMITTING, UNKNOWN, PROVISIONED),
            replace(DOWN, alternatives=True),
            Wait(Reason.CIRCUIT_OPEN, "default/main does not answer."),
            id="what may have been sent is seen through",
        ),
        pytest.param(
            WANT,
            an_order_state(PENDING, UNKNOWN),
            replace(BEING_REACHED, alternatives=True),
            Wait(Reason.ACCOUNT_NOT_READY, "default/main is being reached."),
            id="a carrier that is just being reached is waited for by the rest of an order too",
        ),
        pytest.param(
            WANT,
            an_order_state(PENDING, UNKNOWN, attempts=2, last_error="It timed out.", next_attempt=SOON),
            replace(UP, alternatives=True),
            HandBack(Reason.CARRIER_UNAVAILABLE, "It timed out."),
            id="what a carrier could not sell at two tries goes to another one",
        ),
        pytest.param(
            WANT,
            an_order_state(PENDING, PENDING, attempts=2, last_error="It timed out.", next_attempt=SOON),
            replace(UP, alternatives=True),
            GiveUp(Reason.CARRIER_UNAVAILABLE, "It timed out."),
            id="with the whole order, when it has heard of none",
        ),
        pytest.param(
            WANT,
            an_order_state(PENDING, UNKNOWN, **TRIED, next_attempt=SOON),
            replace(UP, alternatives=True),
            Wait(Reason.OUTCOME_UNKNOWN, "It timed out.", SOON),
            id="one try is not enough",
        ),
        pytest.param(
            WANT,
            an_order_state(PENDING, UNKNOWN, attempts=9, last_error="It timed out.", next_attempt=SOON),
            UP,
            Wait(Reason.OUTCOME_UNKNOWN, "It timed out.", SOON),
            id="nor are many, without another carrier",
        ),
        pytest.param(
            WANT,
            an_order_state(PENDING),
            replace(BEING_REACHED, alternatives=True),
            Wait(Reason.ACCOUNT_NOT_READY, "default/main is being reached."),
            id="a carrier that is just being reached is waited for",
        ),
        pytest.param(
            WANT,
            FRESH,
            replace(BEING_REACHED, alternatives=True),
            Wait(Reason.ACCOUNT_NOT_READY, "default/main is being reached."),
            id="before choosing too",
        ),
        pytest.param(
            WANT,
            replace(an_order_state(PROVISIONED), attempts=1, last_error="No.", next_attempt=SOON),
            UP,
            Wait(Reason.WRITE_REFUSED, "No.", SOON),
            id="a number whose object is refused is recorded later",
        ),
        pytest.param(
            WANT,
            replace(an_order_state(PROVISIONED), attempts=1, last_error="No.", next_attempt=JUST_NOW),
            UP,
            Record(),
            id="and then again",
        ),
        pytest.param(
            WANT,
            an_order_state(PENDING, SUBMITTING),
            UP,
            Submit(resumed=True),
            id="after a crash the purchase is resumed",
        ),
        pytest.param(
            WANT, an_order_state(UNKNOWN, PROVISIONED), UP, Submit(resumed=True), id="an unknown outcome is looked up"
        ),
        pytest.param(
            WANT,
            an_order_state(PENDING, PROVISIONED),
            UP,
            Submit(resumed=False),
            id="an item that was never sent is not resumed",
        ),
        pytest.param(
            WANT,
            an_order_state(PENDING),
            replace(UP, purchase_lock_taken=True),
            Wait(Reason.WAITING_FOR_PURCHASE_LOCK, LOCK_TAKEN),
            id="one purchase at a time",
        ),
        pytest.param(
            WANT,
            an_order_state(PENDING),
            DOWN,
            Wait(Reason.CIRCUIT_OPEN, DOWN.account.message),
            id="a purchase waits for its carrier",
        ),
        pytest.param(
            WANT,
            an_order_state(UNKNOWN),
            replace(DOWN, alternatives=True),
            Wait(Reason.CIRCUIT_OPEN, DOWN.account.message),
            id="an unknown outcome never goes to another carrier",
        ),
        pytest.param(
            WANT,
            an_order_state(PENDING, **TRIED, next_attempt=SOON),
            UP,
            Wait(Reason.CARRIER_UNAVAILABLE, "It timed out.", SOON),
            id="a failed purchase rests",
        ),
        pytest.param(
            WANT,
            an_order_state(UNKNOWN, **TRIED, next_attempt=SOON),
            UP,
            Wait(Reason.OUTCOME_UNKNOWN, "It timed out.", SOON),
            id="an unknown outcome rests and says so",
        ),
        pytest.param(WANT, FRESH, SUSPENDED, PAUSED, id="under a suspended pool nothing is searched"),
        pytest.param(WANT, an_order_state(PENDING), SUSPENDED, PAUSED, id="under a suspended pool nothing is bought"),
        pytest.param(
            WANT,
            an_order_state(PENDING, SUBMITTING),
            SUSPENDED,
            LookUp(PAUSED.reason, PAUSED.message),
            id="under a suspended pool what was sent is looked up and not sent again",
        ),
        pytest.param(
            WANT,
            an_order_state(UNKNOWN),
            SUSPENDED,
            LookUp(PAUSED.reason, PAUSED.message),
            id="under a suspended pool an unknown outcome is looked up",
        ),
        pytest.param(
            WANT,
            an_order_state(PROVISIONED),
            SUSPENDED,
            Record(),
            id="under a suspended pool what was bought is recorded",
        ),
        pytest.param(WANT, FRESH, GONE, CALLED_OFF, id="without its pool an order ends"),
        pytest.param(
            replace(WANT, approved=False), FRESH, GONE, CALLED_OFF, id="without its pool an order waits for no approval"
        ),
        pytest.param(
            WANT,
            an_order_state(PENDING, PENDING),
            replace(GONE, pool_suspended=True),
            CALLED_OFF,
            id="without its pool an order ends that has chosen",
        ),
        pytest.param(
            WANT,
            an_order_state(PENDING, PROVISIONED),
            GONE,
            ALONE,
            id="without its pool an order that has bought buys no more",
        ),
        pytest.param(
            WANT,
            an_order_state(PENDING, SUBMITTING),
            GONE,
            ALONE,
            id="without its pool what was sent is looked up for the last time",
        ),
        pytest.param(
            WANT, an_order_state(PROVISIONED), GONE, Record(), id="without its pool what was bought is recorded"
        ),
        pytest.param(WANT, an_order_state(PROVISIONED, PARKED, FAILED), UP, Record(), id="settled items are recorded"),
        pytest.param(WANT, an_order_state(PROVISIONED), DOWN, Record(), id="recording needs no carrier"),
        pytest.param(WANT, an_order_state(FAILED), UP, Record(), id="an order that bought nothing is recorded too"),
        pytest.param(WANT, an_order_state(PROVISIONED, recorded=True), DOWN, Done(), id="a recorded order has ended"),
        pytest.param(WANT, OrderState(items=(), recorded=True), UP, Done(), id="an empty order has ended"),
    ],
)
def test_an_order_takes_the_one_step_that_is_next(
    want: OrderWant, state: OrderState, world: OrderWorld, step: Step
) -> None:
    assert plan_order(want, state, world, NOW) == step


# The law of items.


@pytest.mark.parametrize("old", list(ItemState))
@pytest.mark.parametrize("new", [PROVISIONED, PARKED, FAILED])
def test_an_outcome_moves_an_item_only_where_its_law_allows(old: ItemState, new: ItemState) -> None:
    item, outcome = an_item(1, old), Outcome(digits(1), new, external_id="did-1")
    expected = Item(item.offer, new, outcome) if new in ITEM_STEPS[old] else item
    assert settle([item], [outcome]) == (expected,)


def test_an_item_that_was_never_sent_takes_no_outcome() -> None:
    assert settle([an_item(1, PENDING)], [Outcome(digits(1), PROVISIONED)]) == (an_item(1, PENDING),)


def test_an_outcome_for_a_number_that_was_not_ordered_is_ignored() -> None:
    assert settle([an_item(1, SUBMITTING)], [Outcome(digits(2), PROVISIONED)]) == (an_item(1, SUBMITTING),)


def test_settled_states_are_final_but_for_documents() -> None:
    final = {state for state in ItemState if not ITEM_STEPS[state]}
    assert final == {PROVISIONED, FAILED}
    assert ITEM_STEPS[PARKED] == {PROVISIONED, FAILED}


def test_no_way_leads_back_to_an_earlier_state_but_what_was_certainly_not_sent_is_pending_again() -> None:
    def reachable(state: ItemState) -> set[ItemState]:
        onward = ITEM_STEPS[state] - {PENDING}
        return set(onward).union(*(reachable(after) for after in onward))

    assert all(state not in reachable(state) for state in ItemState)
    assert reachable(PENDING) == set(ItemState) - {PENDING}
    assert {state for state in ItemState if PENDING in ITEM_STEPS[state]} == SENT


@pytest.mark.parametrize(
    ("to", "expected"),
    [
        (SUBMITTING, (SUBMITTING, SUBMITTING, UNKNOWN, PROVISIONED, PARKED, FAILED)),
        (UNKNOWN, (PENDING, UNKNOWN, UNKNOWN, PROVISIONED, PARKED, FAILED)),
        (FAILED, (FAILED, FAILED, FAILED, PROVISIONED, PARKED, FAILED)),
    ],
)
def test_moving_the_unresolved_leaves_the_settled_alone(to: ItemState, expected: tuple[ItemState, ...]) -> None:
    state = an_order_state(PENDING, SUBMITTING, UNKNOWN, PROVISIONED, PARKED, FAILED)
    assert tuple(item.state for item in move_unresolved(state.items or (), to)) == expected


states = st.sampled_from(list(ItemState))
settled = st.sampled_from([PROVISIONED, PARKED, FAILED])


@given(
    st.lists(states, max_size=6),
    st.lists(st.tuples(st.integers(1, 7), settled), unique_by=lambda pair: pair[0]),
    st.randoms(use_true_random=True),
)
def test_settling_is_lawful_idempotent_and_blind_to_the_order_of_outcomes(had, told, random) -> None:  # type: ignore[no-untyped-def]
    items = an_order_state(*had).items or ()
    outcomes = [Outcome(digits(n), state) for n, state in told]
    once = settle(items, outcomes)
    assert [item.offer for item in once] == [item.offer for item in items]
    assert all(
        new.state is old.state or new.state in ITEM_STEPS[old.state] for old, new in zip(items, once, strict=True)
    )
    assert settle(items, random.sample(outcomes, len(outcomes))) == once
    assert settle(once, outcomes) == once


def test_the_price_of_an_item_is_the_carriers_last_word() -> None:
    outcome = Outcome(digits(1), PROVISIONED, price=a_price(5))
    assert an_item(1).price == a_price()
    assert an_item(1, PROVISIONED).price == a_price()
    assert an_item(1, PROVISIONED, outcome=outcome).price == a_price(5)


# What an ended order teaches, and says.


def lost(*reasons: str) -> OrderState:
    return OrderState(items=tuple(an_item(n, FAILED, reason) for n, reason in enumerate(reasons, 1)), recorded=True)


def refused(*words: str) -> OrderState:
    outcomes = [Outcome(digits(n), FAILED, "CarrierRefused", said) for n, said in enumerate(words, 1)]
    items = tuple(an_item(n, FAILED, outcome=outcome) for n, outcome in enumerate(outcomes, 1))
    return OrderState(items=items, recorded=True)


SHORT = {"failure": Reason.NO_STOCK, "message": "No more."}
REFUSED = "default/main refused every number of the order: "


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        pytest.param(an_order_state(PROVISIONED, FAILED), (None, ""), id="what bought something has made progress"),
        pytest.param(an_order_state(PARKED), (None, ""), id="what waits for documents has made progress"),
        pytest.param(
            an_order_state(PROVISIONED, **SHORT),
            (Reason.NO_STOCK, "No more."),
            id="a shortage stays one although something was bought",
        ),
        pytest.param(OrderState(items=(), **SHORT), (Reason.NO_STOCK, "No more."), id="a shortage of everything"),
        pytest.param(
            lost("NumberTaken", "NumberTaken"),
            (Reason.NUMBER_TAKEN, "Others were faster with every number that default/main had offered."),
            id="where others took them all the carrier may offer what is sold",
        ),
        pytest.param(
            lost("NotSent", "NumberTaken"),
            (Reason.NUMBER_TAKEN, "Others were faster with every number that default/main had offered."),
            id="what it has not heard of it has not refused",
        ),
        pytest.param(
            lost("CarrierError", "NumberTaken"),
            (Reason.ORDER_REFUSED, f"{REFUSED}CarrierError; NumberTaken. {MEND_THERE}"),
            id="a refusal of everything rests the carrier",
        ),
        pytest.param(
            lost("InsufficientFunds"),
            (Reason.INSUFFICIENT_FUNDS, f"{REFUSED}InsufficientFunds. {ADD_MONEY}"),
            id="an empty purse is told apart",
        ),
        pytest.param(
            refused("21631: It needs an address.", "21631: Another sentence."),
            (Reason.ORDER_REFUSED, f"{REFUSED}CarrierRefused (21631: It needs an address). {MEND_THERE}"),
            id="a refusal is told in the carrier's words, each reason once",
        ),
    ],
)
def test_an_ended_order_teaches_its_pool(state: OrderState, expected: tuple[Reason | None, str]) -> None:
    assert order_failure(WANT, state) == expected


@pytest.mark.parametrize(
    ("state", "step", "expected"),
    [
        (FRESH, Search(), (Reason.SEARCHING, "Numbers are being searched.")),
        (FRESH, Submit(resumed=False), (Reason.SUBMITTING, "Numbers are being bought.")),
        (
            FRESH,
            Submit(resumed=True),
            (Reason.OUTCOME_UNKNOWN, "The carrier's answer is not known; it is looked up under the same key."),
        ),
        (FRESH, Record(), (Reason.ORDERING, "The numbers bought are being recorded.")),
        (FRESH, Wait(Reason.CIRCUIT_OPEN, "It is down."), (Reason.CIRCUIT_OPEN, "It is down.")),
    ],
)
def test_an_order_under_way_says_what_it_does(state: OrderState, step: Step, expected: tuple[Reason, str]) -> None:
    assert order_conditions(WANT, state, step) == (not_ready(*expected), reconciling(*expected))


PARKED_SAYS = "Some numbers wait for documents at the carrier."


def over(reason: Reason, message: str) -> tuple[Condition, Condition]:
    return not_ready(reason, message), stalled(reason, message)


COMPLETE = ready(Reason.COMPLETE, "Every number of the order has its outcome.")


@pytest.mark.parametrize(
    ("state", "step", "expected"),
    [
        (
            FRESH,
            Wait(Reason.CREDENTIALS_REJECTED, "Wrong key."),
            (not_ready(Reason.CREDENTIALS_REJECTED, "Wrong key."), stalled(Reason.CREDENTIALS_REJECTED, "Wrong key.")),
        ),
        (
            FRESH,
            Wait(Reason.WRITE_REFUSED, "No."),
            (not_ready(Reason.WRITE_REFUSED, "No."), stalled(Reason.WRITE_REFUSED, "No.")),
        ),
        (FRESH, GiveUp(Reason.CIRCUIT_OPEN, "Down."), over(Reason.CIRCUIT_OPEN, "Down.")),
        (an_order_state(PROVISIONED, FAILED), Done(), (COMPLETE,)),
        (an_order_state(PROVISIONED, **SHORT), Done(), (COMPLETE,)),
        (
            an_order_state(PROVISIONED, PARKED),
            Done(),
            (not_ready(Reason.PENDING_DOCUMENTS, PARKED_SAYS), reconciling(Reason.PENDING_DOCUMENTS, PARKED_SAYS)),
        ),
        (OrderState(items=(), message="All is there."), Done(), (ready(Reason.COMPLETE, "All is there."),)),
        (OrderState(items=(), **SHORT), Done(), over(Reason.NO_STOCK, "No more.")),
        (lost("CarrierError"), Done(), over(Reason.ORDER_REFUSED, f"{REFUSED}CarrierError. {MEND_THERE}")),
        (FRESH, Wait(Reason.ACCOUNT_MISSING, "None."), over(Reason.ACCOUNT_MISSING, "None.")),
        (FRESH, Wait(Reason.AWAITING_APPROVAL, "Not yet."), over(Reason.AWAITING_APPROVAL, "Not yet.")),
    ],
)
def test_an_order_that_is_stuck_or_over_says_so(state: OrderState, step: Step, expected: tuple[Condition, ...]) -> None:
    assert order_conditions(WANT, state, step) == expected


@pytest.mark.parametrize(
    ("phase", "state"),
    [
        pytest.param(None, PARKED, id="nobody has seen its number"),
        pytest.param(Phase.ORDERING, PARKED, id="it is on its way"),
        pytest.param(Phase.PENDING_DOCUMENTS, PARKED, id="it waits for documents"),
        *(pytest.param(one, PROVISIONED, id=one.value) for one in Phase if one not in IN_FLIGHT),
    ],
)
def test_an_item_waits_for_documents_as_long_as_its_number_does(phase: Phase | None, state: ItemState) -> None:
    items = an_order_state(PARKED, FAILED, PROVISIONED).items or ()
    after = parked_items_done(items, {digits(1): phase} if phase else {})
    assert [item.state for item in after] == [state, FAILED, PROVISIONED]
    assert all(item.outcome and item.outcome.state is item.state for item in after)
    assert after[1:] == items[1:]


def test_what_was_chosen_and_is_given_up_fails_and_is_still_told() -> None:
    ended = given_up(an_order_state(PENDING, PENDING), GiveUp(Reason.CIRCUIT_OPEN, "Down."))
    assert [item.state for item in ended.items or ()] == [FAILED, FAILED]
    assert (ended.recorded, order_failure(WANT, ended)) == (True, (Reason.CIRCUIT_OPEN, "Down."))
    assert given_up(FRESH, GiveUp(Reason.CIRCUIT_OPEN, "Down.")).items == ()


def test_what_is_handed_back_says_that_it_was_not_sent_and_what_is_in_doubt_stays_in_doubt() -> None:
    tried = {"attempts": 2, "last_error": "It timed out.", "next_attempt": SOON}
    before = an_order_state(PENDING, UNKNOWN, SUBMITTING, PROVISIONED, **tried)
    after = handed_back(before, HandBack(Reason.CIRCUIT_OPEN, "Down."))
    items = before.items or ()
    not_sent = Outcome(items[0].offer.number, FAILED, "NotSent", "Down.")
    handed = (replace(items[0], state=FAILED, outcome=not_sent), *items[1:])
    assert after == replace(before, items=handed, failure=Reason.CIRCUIT_OPEN, message="Down.")


def test_a_pool_rests_a_carrier_that_had_to_hand_back_numbers_although_it_sold_others() -> None:
    step = HandBack(Reason.CARRIER_UNAVAILABLE, "It timed out.")
    after = handed_back(an_order_state(PENDING, PROVISIONED), step)
    assert order_failure(WANT, after) == (Reason.CARRIER_UNAVAILABLE, "It timed out.")
    assert order_conditions(WANT, replace(after, recorded=True), Done())[0].reason == Reason.COMPLETE


def test_what_was_bought_before_the_rest_was_handed_back_is_recorded_at_once() -> None:
    before = an_order_state(PENDING, PROVISIONED, attempts=2, last_error="It timed out.", next_attempt=SOON)
    after = handed_back(before, HandBack(Reason.CIRCUIT_OPEN, "Down."))
    assert plan_order(WANT, after, UP, NOW) == Record()


def test_only_what_was_sent_is_taken_back_as_unsent() -> None:
    items = an_order_state(PENDING, SUBMITTING, UNKNOWN, PROVISIONED, FAILED, SUBMITTING).items or ()
    all_but_the_last = {item.offer.number for item in items[:-1]}
    after = unsend(items, all_but_the_last)
    assert [item.state for item in after] == [PENDING, PENDING, PENDING, PROVISIONED, FAILED, SUBMITTING]


def test_what_was_sent_is_unresolved_and_only_what_was_never_sent_is_not() -> None:
    assert {SUBMITTING, UNKNOWN} == SENT
    assert SENT | {PENDING} == UNRESOLVED


FROZEN = "NumberPool default/west is frozen."


@pytest.mark.parametrize(
    ("states", "step"),
    [
        pytest.param((), Wait(Reason.FROZEN, FROZEN), id="nothing is chosen"),
        pytest.param((PENDING, PENDING), Wait(Reason.FROZEN, FROZEN), id="chosen"),
        pytest.param((SUBMITTING, PROVISIONED), LookUp(Reason.FROZEN, FROZEN), id="sent"),
        pytest.param((UNKNOWN,), LookUp(Reason.FROZEN, FROZEN), id="not known"),
        pytest.param((PROVISIONED, FAILED), Record(), id="bought"),
    ],
)
def test_a_frozen_order_sends_nothing_looks_up_what_was_sent_and_writes_down_what_was_bought(
    states: tuple[ItemState, ...], step: Step
) -> None:
    state = an_order_state(*states) if states else FRESH
    assert plan_order(WANT, state, replace(UP, frozen=FROZEN), NOW) == step


@pytest.mark.parametrize(
    ("world", "step"),
    [
        pytest.param(replace(UP, pool_gone=True), ALONE, id="its pool is gone"),
        pytest.param(replace(UP, pool_gone=True, frozen=FROZEN), ALONE, id="gone, and all is frozen"),
        pytest.param(
            replace(UP, account_deleted=True),
            LookUp(Reason.ACCOUNT_DELETED, f"The order's CarrierAccount is being deleted: {LEFT}", for_good=True),
            id="its account goes",
        ),
        pytest.param(SUSPENDED, LookUp(PAUSED.reason, PAUSED.message), id="its pool is suspended"),
        pytest.param(
            replace(DOWN, pool_gone=True),
            Wait(
                Reason.CIRCUIT_OPEN,
                "The pool that made the order is deleted, and what it had sent can't be looked up: default/main does "
                "not answer.",
            ),
            id="and its carrier is down",
        ),
    ],
)
@pytest.mark.parametrize("sent", [SUBMITTING, UNKNOWN])
def test_what_was_sent_and_may_not_be_bought_any_more_is_only_looked_up(
    sent: ItemState, world: OrderWorld, step: Step
) -> None:
    assert plan_order(WANT, an_order_state(sent), world, NOW) == step


LATER = NOW + LOOKED_UP_FOR


@pytest.mark.parametrize(
    ("since", "shown", "step", "states", "abandoned_at"),
    [
        pytest.param(None, 0, ALONE, [UNKNOWN, SUBMITTING], LATER, id="the first look"),
        pytest.param(LATER - timedelta(minutes=14), 0, ALONE, [UNKNOWN, SUBMITTING], ..., id="it may still come"),
        pytest.param(NOW, 0, ALONE, [FAILED, FAILED], ..., id="it has not come"),
        pytest.param(NOW, 1, ALONE, [PROVISIONED, FAILED], ..., id="one has"),
        pytest.param(NOW, 2, ALONE, [PROVISIONED, PROVISIONED], ..., id="both have"),
        pytest.param(NOW, 0, LookUp(Reason.FROZEN, FROZEN), [UNKNOWN, SUBMITTING], None, id="a freeze ends"),
    ],
)
def test_an_abandoned_order_is_looked_up_for_a_while_and_what_has_not_come_then_counts_as_not_bought(
    since: datetime | None, shown: int, step: LookUp, states: list[ItemState], abandoned_at: datetime | None
) -> None:
    outcomes = [Outcome(digits(n), PROVISIONED, external_id=f"did-{n}") for n in range(1, shown + 1)]
    before = an_order_state(UNKNOWN, SUBMITTING, abandoned_at=since)
    after = looked_up(before, step, outcomes, LATER)
    assert [item.state for item in after.items or ()] == states
    assert after.abandoned_at == (since if abandoned_at is ... else abandoned_at)
    assert after.failure is (Reason.POOL_MISSING if FAILED in states else None)


def test_what_an_abandoned_order_has_not_sent_counts_as_not_bought_at_once() -> None:
    after = looked_up(an_order_state(PENDING, SUBMITTING, PROVISIONED), ALONE, (), NOW)
    assert [item.state for item in after.items or ()] == [FAILED, SUBMITTING, PROVISIONED]


def test_an_order_that_waits_after_a_restore_names_the_accounts_and_what_keeps_each_from_being_listed() -> None:
    said = restored_message((BROKEN, DEAD))
    assert "CarrierAccount default/main: the listing breaks off, see its conditions; " in said
    assert "; CarrierAccount default/spare: It does not answer. Mend that; " in said
