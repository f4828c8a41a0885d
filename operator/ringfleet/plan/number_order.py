"""What an order does next, and the law of its items.

::

    Pending --> Submitting --+--> Provisioned <---------.
       |            |        |                          | documents approved
       |            v        +--> PendingDocuments -----+--> Failed
       |         Unknown ----+
       |                     |    (looked up by buying again under the same key)
       '---------------------+--> Failed

An item is written with its E.164 number before any carrier call knows it; `Submitting` is written before the
purchase. So after a crash, Pending means "nothing was sent" and Submitting or Unknown mean "look first, under the same
idempotency key" (promise 1). Looking under the key may buy, so whatever forbids the order to buy forbids that too: what
was sent of it is then only asked for. It goes on when a freeze or a suspension ends; when pool or
account are deleted nothing lifts that any more, and what the carrier has not shown for a while counts as not bought::

    frozen, suspended         -> looked up, until that ends
    pool or account deleted,
    or another account now    -> looked up, and failed after `LOOKED_UP_FOR` (a sweep reports what comes later), but not
                                 while the carrier says that it is at work on some of it

A failed item is never tried again inside its order: the shortfall goes back to the pool, which starts a new order for
other numbers.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum, auto

from ringfleet.model import E164, AccountKey, ItemState, Limits, Market, Money, Offer, Outcome, Phase, Price
from ringfleet.plan.carrier_account import AccountSeen
from ringfleet.plan.conditions import NEEDS_A_PERSON, Condition, Reason, not_ready, ready, reconciling, stalled
from ringfleet.plan.phone_number.phase import IN_FLIGHT
from ringfleet.plan.purchase_rate import PurchaseRoom
from ringfleet.plan.waits import still_waits

UNRESOLVED = frozenset({ItemState.PENDING, ItemState.SUBMITTING, ItemState.UNKNOWN})
SENT = frozenset({ItemState.SUBMITTING, ItemState.UNKNOWN})

ITEM_STEPS: dict[ItemState, frozenset[ItemState]] = {
    ItemState.PENDING: frozenset({ItemState.SUBMITTING, ItemState.FAILED}),
    ItemState.SUBMITTING: frozenset(
        {ItemState.PROVISIONED, ItemState.PENDING_DOCUMENTS, ItemState.FAILED, ItemState.UNKNOWN}
    ),
    ItemState.UNKNOWN: frozenset({ItemState.PROVISIONED, ItemState.PENDING_DOCUMENTS, ItemState.FAILED}),
    ItemState.PENDING_DOCUMENTS: frozenset({ItemState.PROVISIONED, ItemState.FAILED}),
    ItemState.PROVISIONED: frozenset(),
    ItemState.FAILED: frozenset(),
}


@dataclass(frozen=True, slots=True)
class OrderWant:
    """A NumberOrder's spec. `budget`: the first month's money that the pool set aside for it; None: no budget."""

    name: str
    account: AccountKey
    market: Market
    count: int
    limits: Limits
    budget: Money | None = None
    approved: bool = True
    left: Money | None = None
    """What each number may cost a month by the quotas of the claims' namespace; None: they set no limit."""


@dataclass(frozen=True, slots=True)
class Item:
    """One number of an order: the offer that was chosen, and what became of it."""

    offer: Offer
    state: ItemState = ItemState.PENDING
    outcome: Outcome | None = None

    @property
    def price(self) -> Price:
        """The carrier's last word on the price: the outcome's where it gave one, else the offer's."""
        return (self.outcome and self.outcome.price) or self.offer.price


@dataclass(frozen=True, slots=True)
class OrderState:
    """A NumberOrder's status."""

    items: tuple[Item, ...] | None = None
    """The numbers of the order and what became of each; None until numbers are chosen."""
    key: str = ""
    """The idempotency key under which the numbers are bought; empty until numbers are chosen."""
    attempts: int = 0
    """How many calls to the carrier have failed in a row."""
    next_attempt: datetime | None = None
    """When the carrier is called again after a failed call; None: nothing is put off."""
    last_error: str = ""
    """What the last failed call met; empty when no call has failed."""
    from_catalog: bool = False
    """Whether the numbers were chosen from a remembered catalog because the carrier's search was down."""
    recorded: bool = False
    """Whether the order has ended, and every number that it bought has its PhoneNumber."""
    failure: Reason | None = None
    """The reason of a shortage or refusal that the pool must learn from when the order has ended; None: there was
    none."""
    message: str = ""
    """A sentence for a person that goes with the failure, or that says why nothing was needed; else empty."""
    bundle: str | None = None
    """The carrier's id of the approved bundle under which the numbers are bought that need documents; None: none, or
    they are not being bought yet."""
    chosen_for: str = ""
    """The uid of the pool that the numbers were chosen for; empty until then."""
    sent_to: str = ""
    """The carrier's own id of the account that they were sent to; empty until then, and where the carrier tells
    none."""
    abandoned_at: datetime | None = None
    """Since when what was sent is looked up for the last time, as pool or account are deleted; None: it is not."""


class Listed(Enum):
    """Why nobody knows what an account has under the mark of an order's pool."""

    BLOCKED = auto()
    """The account can't be called, so it can't be asked."""
    BROKEN = auto()
    """A listing was tried, and came to no end that can be believed."""
    NOT_YET = auto()
    """The first listing goes on, or is to come."""


@dataclass(frozen=True, slots=True)
class Unlisted:
    """One account of an order's pool of which nobody knows what it has under the pool's mark."""

    account: AccountKey
    """The account."""
    how: Listed
    """Why nobody knows."""
    message: str = ""
    """The sentence in which an account that can't be called says why."""
    hides: bool = False
    """Whether it had numbers of the pool, when it was last listed, that the cluster does not know."""
    unseen: bool = False
    """Whether it was well when an operator last saw it, and was not to be had since the next one began: the cluster may
    be restored, and not know what was bought there."""

    @property
    def must_be_listed(self) -> bool:
        """Whether it is waited for even by an order of the pool of today."""
        return self.hides or self.unseen or self.how is Listed.NOT_YET

    @property
    def words(self) -> str:
        """Who it is, and what keeps it from being listed."""
        if self.how is Listed.BLOCKED:
            return self.message.rstrip(".")
        why = "the listing breaks off, see its conditions" if self.how is Listed.BROKEN else "it is about to be listed"
        return f"CarrierAccount {self.account}: {why}"


@dataclass(frozen=True, slots=True)
class OrderWorld:
    """What else the order depends on."""

    account: AccountSeen
    """Its carrier account."""
    purchase_lock_taken: bool = False
    """Whether another order has the purchase lock of the account; never where orders buy side by side."""
    alternatives: bool = False
    """Whether the pool could order from another carrier."""
    pool_suspended: bool = False
    """Whether the pool buys nothing for now."""
    pool_gone: bool = False
    """Whether the pool that made the order is deleted, or is being so; another one may have its name."""
    account_id: str = ""
    """The carrier's own id of the account that the CarrierAccount opens now; empty: it is not known."""
    account_deleted: bool = False
    """Whether the CarrierAccount is being deleted."""
    to_choose: PurchaseRoom | None = None
    """What others that have chosen leave of the account's purchases of this hour; None: there is no such limit."""
    to_send: PurchaseRoom | None = None
    """What others that were sent leave of them; None: there is no such limit."""
    frozen: str | None = None
    """Why nothing may be bought, by a person's word; None: nobody has frozen anything."""
    unpaid: str | None = None
    """Why nothing is bought for the pool's namespace, whose bills are not paid; None: they are."""
    other_market: str | None = None
    """Why its numbers would be no stock of the pool, whose market is another one now; None: they would."""
    unlisted: tuple[Unlisted, ...] = ()
    """The accounts of the pool of which nobody knows what they have of it, sorted."""
    has_past: bool = False
    """Whether the pool may have numbers at its carriers that the cluster does not know any more: another pool of its
    name was there before it, as after a restore."""


@dataclass(frozen=True, slots=True)
class Search:
    """Search the market's area codes in order, choose, and write the chosen numbers and the key."""


@dataclass(frozen=True, slots=True)
class Submit:
    """Take the purchase lock where there is one, write Submitting, buy. `resumed`: an earlier try may have reached the
    carrier."""

    resumed: bool


@dataclass(frozen=True, slots=True)
class LookUp:
    """Look up what was bought of an order that was sent, and send nothing."""

    reason: Reason
    """Why nothing may be sent."""
    message: str
    """The same in a sentence."""
    for_good: bool = False
    """Whether nothing will ever be sent again."""


@dataclass(frozen=True, slots=True)
class Record:
    """Create the PhoneNumber of every bought item, then mark the order as recorded."""


@dataclass(frozen=True, slots=True)
class GiveUp:
    """End an order that has sent nothing: the pool can go to another carrier, or is gone."""

    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do until something changes, or until `until`."""

    reason: Reason
    message: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """Every item has its outcome and its object."""


Step = Search | Submit | LookUp | Record | GiveUp | Wait | Done

SEARCHES_BEFORE_GIVING_UP = 2
LONGEST_RETRY = timedelta(minutes=5)
"""How long after a call that failed the next one is made at the latest."""


def plan_order(want: OrderWant, state: OrderState, world: OrderWorld, now: datetime) -> Step:
    """Decide the one next step of an order. Pure; `now` is timezone-aware UTC."""
    if state.recorded:
        return Done()
    if state.items is not None and all(item.state not in UNRESOLVED for item in state.items):
        return _resting(state, now) or Record()
    if called_off := _called_off(state, world):
        return called_off
    if state.items is None:
        return _before_choosing(want, state, world, now)
    if world.account.blocked:
        return _at_a_blocked_account(state, world, world.account.blocked)
    if forbidden := _sent_elsewhere(want, state, world) or forbids_buying(world):
        return _looked_up_only(forbidden)
    if resting := _resting(state, now):
        return resting
    if world.purchase_lock_taken:
        return Wait(
            Reason.WAITING_FOR_PURCHASE_LOCK,
            "Another order of this account is at the carrier; orders go one at a time.",
        )
    return _too_many(want, state, world, now) or Submit(resumed=_sent(state))


def _too_many(want: OrderWant, state: OrderState, world: OrderWorld, now: datetime) -> Step | None:
    """What stops an order that was not sent because the account has bought enough for this hour.

    Its numbers were within the limit when they were chosen: the limit was lowered since, or another operator chose too.
    """
    room, count = world.to_send, len(state.items or ())
    if _sent(state) or room is None or count <= room.left:
        return None
    if count > room.limit:
        return GiveUp(Reason.PURCHASE_RATE_REACHED, rate_message(want.account))
    return Wait(Reason.PURCHASE_RATE_REACHED, rate_message(want.account), room.look_again(now))


def rate_message(account: AccountKey) -> str:
    return (
        f"CarrierAccount {account} has bought spec.limits.purchasesPerHour numbers within the hour, those under way "
        "included: it goes on by itself (status.purchases.nextTime there says when), or raise the limit."
    )


def _called_off(state: OrderState, world: OrderWorld) -> Step | None:
    """What stops an order of which the carrier has not heard. One that was sent may have bought: that is looked up."""
    if any(item.state is not ItemState.PENDING for item in state.items or ()):
        return None
    if world.other_market and state.items is not None:
        return GiveUp(Reason.OTHER_MARKET, world.other_market)
    forbidden = forbids_buying(world)
    if forbidden is None:
        return None
    if forbidden.for_good:
        return GiveUp(forbidden.reason, f"{forbidden.why}: nothing was bought.")
    return Wait(forbidden.reason, forbidden.sentence)


def other_market_message(ordered: Market, wanted: Market) -> str:
    return (
        f"Nothing was bought: the order is for {_told(ordered)}, and its pool's market (spec.market) is "
        f"{_told(wanted)} now. The pool orders anew."
    )


def _told(market: Market) -> str:
    return " ".join((market.country, market.type, *sorted(market.capabilities)))


@dataclass(frozen=True, slots=True)
class Forbidden:
    """Why an order may buy nothing now, whatever it has sent before."""

    reason: Reason
    """The reason."""
    why: str
    """The same as the beginning of a sentence, or as a whole one."""
    for_good: bool = False
    """Whether it may never buy again."""

    @property
    def sentence(self) -> str:
        """The whole sentence, of one that may go on later."""
        return self.why if self.why.endswith(".") else f"{self.why}: nothing is bought meanwhile."


def forbids_buying(world: OrderWorld) -> Forbidden | None:
    """What forbids the order to buy anything; None: nothing does. The last look before a purchase asks it too."""
    if world.pool_gone:
        return Forbidden(Reason.POOL_MISSING, "The pool that made the order is deleted", for_good=True)
    if world.account_deleted:
        return Forbidden(Reason.ACCOUNT_DELETED, "The order's CarrierAccount is being deleted", for_good=True)
    if world.pool_suspended:
        return Forbidden(Reason.SUSPENDED, "The order's pool is suspended (spec.suspend)")
    if world.unpaid:
        return Forbidden(Reason.QUOTA_EXCEEDED, world.unpaid)
    return Forbidden(Reason.FROZEN, world.frozen) if world.frozen else None


def _sent_elsewhere(want: OrderWant, state: OrderState, world: OrderWorld) -> Forbidden | None:
    """What was sent to one account at the carrier is never bought at another one, which a person has put in its place:
    the first may have sold it."""
    if not _sent(state) or not state.sent_to or state.sent_to == world.account_id:
        return None
    other = world.account_id or "one that does not tell its id"
    why = f"It was sent to account {state.sent_to}, and CarrierAccount {want.account} opens {other} now"
    return Forbidden(Reason.ACCOUNT_CHANGED, why, for_good=True)


def _looked_up_only(why: Forbidden) -> LookUp:
    if not why.for_good:
        return LookUp(why.reason, why.sentence)
    return LookUp(why.reason, f"{why.why}: {LAST_LOOKS}", for_good=True)


LAST_LOOKS = "nothing more is bought. What was sent before is looked up for a while, and then the order ends."


LOOKED_UP_FOR = timedelta(minutes=15)
"""For how long the numbers of an abandoned order are looked up: so far at most the carriers' own listings lag behind a
purchase (`plan/carrier_account/loss.py`)."""


def looked_up(state: OrderState, step: LookUp, outcomes: Collection[Outcome], now: datetime) -> OrderState:
    """The state after every number that was sent has been asked for; `outcomes`: of those that the carrier shows.

    What it does not show may still come, and stays open; of an order that never sends again, only for a while, and what
    that has not sent fails at once.
    """
    if outcomes:
        items = settle(state.items or (), outcomes)
        state = replace(state, items=items, attempts=0, next_attempt=None, last_error="")
    if not step.for_good:
        return replace(state, abandoned_at=None)
    since = state.abandoned_at or now
    state = replace(state, abandoned_at=since)
    ended = {ItemState.PENDING} if now < since + LOOKED_UP_FOR else UNRESOLVED
    if not any(item.state in ended for item in state.items or ()):
        return state
    items = tuple(replace(item, state=ItemState.FAILED) if item.state in ended else item for item in state.items or ())
    return replace(
        state, items=items, attempts=0, next_attempt=None, last_error="", failure=step.reason, message=_NOT_SHOWN
    )


_NOT_SHOWN = (
    "The pool or the CarrierAccount of the order was deleted, or became another account, while its numbers were being "
    "bought: those that the carrier did not show afterwards count as not bought. Should it show one later, a sweep "
    "adopts or reports it."
)


def _at_a_blocked_account(state: OrderState, world: OrderWorld, why: Reason) -> Step:
    """An order of which the carrier has not heard leaves an account that can't be called, if the pool has another one.

    Also when its numbers are chosen: else it counts as supply, and nothing is ordered elsewhere, for as long as the
    carrier is down. An account that is just being reached for the first time is waited for.
    """
    unsent = all(item.state is ItemState.PENDING for item in state.items or ())
    if world.alternatives and unsent and why is not Reason.ACCOUNT_NOT_READY:
        return GiveUp(why, world.account.message)
    forbidden = forbids_buying(world)
    if forbidden and forbidden.for_good:
        return Wait(why, f"{forbidden.why}, and what it had sent can't be looked up: {world.account.message}")
    return Wait(why, world.account.message)


def _before_choosing(want: OrderWant, state: OrderState, world: OrderWorld, now: datetime) -> Step:
    if not want.approved:
        return Wait(
            Reason.AWAITING_APPROVAL, "The pool's topUp.mode is Manual: annotate ringfleet.dev/approved=true to buy."
        )
    if world.account.blocked:
        return _at_a_blocked_account(state, world, world.account.blocked)
    if world.alternatives and state.attempts >= SEARCHES_BEFORE_GIVING_UP:
        return GiveUp(
            Reason.SEARCH_UNAVAILABLE, f"Search at {want.account} is down; another carrier of the pool is asked."
        )
    if world.to_choose and not world.to_choose.left:
        return Wait(Reason.PURCHASE_RATE_REACHED, rate_message(want.account), world.to_choose.look_again(now))
    return _unlisted(world, now) or _resting(state, now) or Search()


def _unlisted(world: OrderWorld, now: datetime) -> Wait | None:
    """What the carriers have for the pool must be known before more is bought: the objects may be gone, as after a
    restore. A carrier that is dead, or whose listing breaks off, stops no pool that has bought before, nor one that is
    new as far as can be known: it has no order of an earlier pool, and the carrier was not seen to have numbers of it
    that the cluster does not know."""
    waited_for = [
        one for one in world.unlisted if world.has_past or one.hides or one.unseen or one.how is Listed.NOT_YET
    ]
    if not waited_for:
        return None
    if any(one.how is not Listed.NOT_YET for one in waited_for):
        message = _waiting_message(world, waited_for)
        return Wait(Reason.WAITING_FOR_LISTING, message, now + LISTED_AGAIN)
    names = ", ".join(f"CarrierAccount {one.account}" for one in waited_for)
    return Wait(Reason.WAITING_FOR_LISTING, f"{NOT_LISTED}: {names}.", now + LISTED_AGAIN)


LISTED_AGAIN = timedelta(seconds=5)
NOT_LISTED = "Nothing is bought before all carriers of the pool have been listed once, for what they have of the pool"


def _waiting_message(world: OrderWorld, waited_for: list[Unlisted]) -> str:
    if world.has_past:
        return restored_message(waited_for)
    return _hiding_message(waited_for) if any(one.hides for one in waited_for) else _unseen_message(waited_for)


def _unseen_message(unlisted: Iterable[Unlisted]) -> str:
    """Why an order waits for a carrier that was well before the operator began, and is not now; and what to do."""
    return (
        "These were well when an operator saw them last, and could not be listed since this one began. Should the "
        "cluster be restored from a backup, what is wanted may have been bought there already: nothing is bought "
        f"before they have been listed. {'; '.join(one.words for one in unlisted)}. Mend that; or, if nothing was "
        "restored, take them out of the pool's spec.carriers until they are back."
    )


def restored_message(unlisted: Iterable[Unlisted]) -> str:
    """Why an order waits that may be for numbers which are there already, and what to do."""
    return (
        "There are orders for this pool that it has not made itself, as after a restore, so that their numbers may be "
        "at the carriers already: nothing is bought before all of these have been listed. "
        f"{'; '.join(one.words for one in unlisted)}. Mend that; or take a carrier that has none of these numbers out "
        "of the pool's spec.carriers; or delete those orders."
    )


def _hiding_message(unlisted: Iterable[Unlisted]) -> str:
    """Why a pool that looks new waits for a carrier, and what to do."""
    return (
        "When they were listed last, these had numbers of this pool that have no PhoneNumber, as after a restore: what "
        "is wanted may be there already, so that nothing is bought before all of them have been listed again. "
        f"{'; '.join(one.words for one in unlisted)}. Mend that; or take them out of the pool's spec.carriers, and "
        "their numbers are left there."
    )


def _resting(state: OrderState, now: datetime) -> Wait | None:
    if not still_waits(state.next_attempt, now, LONGEST_RETRY):
        return None
    return Wait(_hindrance(state), state.last_error, state.next_attempt)


def _hindrance(state: OrderState) -> Reason:
    """What the last try failed at."""
    if state.items is None:
        return Reason.SEARCH_UNAVAILABLE
    if _sent(state):
        return Reason.OUTCOME_UNKNOWN
    settled = all(item.state not in UNRESOLVED for item in state.items)
    return Reason.WRITE_REFUSED if settled else Reason.CARRIER_UNAVAILABLE


def _sent(state: OrderState) -> bool:
    return any(item.state in SENT for item in state.items or ())


def settle(items: Iterable[Item], outcomes: Iterable[Outcome]) -> tuple[Item, ...]:
    """The items with their outcomes. An outcome for another number is ignored; a settled item keeps its state."""
    by_number = {outcome.number: outcome for outcome in outcomes}
    return tuple(_settle_one(item, by_number.get(item.offer.number)) for item in items)


def _settle_one(item: Item, outcome: Outcome | None) -> Item:
    if outcome is None or outcome.state not in ITEM_STEPS[item.state]:
        return item
    return replace(item, state=outcome.state, outcome=outcome)


def parked_items_done(items: Iterable[Item], phases: Mapping[E164, Phase]) -> tuple[Item, ...]:
    """The items of an order that has ended, each that waits for documents no more provisioned: its number lives, or
    was given back or lost since. `phases`: those of the numbers, as far as they are known."""
    return tuple(_provisioned(item) if _waits_no_more(item, phases) else item for item in items)


def _waits_no_more(item: Item, phases: Mapping[E164, Phase]) -> bool:
    phase = phases.get(item.offer.number, Phase.PENDING_DOCUMENTS)
    return item.state is ItemState.PENDING_DOCUMENTS and phase not in IN_FLIGHT


def _provisioned(item: Item) -> Item:
    outcome = item.outcome and replace(item.outcome, state=ItemState.PROVISIONED, documents_deadline=None)
    return replace(item, state=ItemState.PROVISIONED, outcome=outcome)


def move_unresolved(items: Iterable[Item], state: ItemState) -> tuple[Item, ...]:
    """Every unresolved item stepped to `state` where its law allows it."""
    return tuple(replace(item, state=state) if _may_move(item, state) else item for item in items)


def given_up(state: OrderState, step: GiveUp) -> OrderState:
    """The state of an order that ends because of `step`. What it has chosen, and never sent, fails with it."""
    items = move_unresolved(state.items or (), ItemState.FAILED)
    return replace(state, items=items, recorded=True, failure=step.reason, message=step.message)


def _may_move(item: Item, state: ItemState) -> bool:
    return item.state in UNRESOLVED and state in ITEM_STEPS[item.state]


def order_failure(want: OrderWant, state: OrderState) -> tuple[Reason | None, str]:
    """Why an order whose items are all settled taught its pool to rest this carrier, if it did.

    A shortage that was met when choosing stays one. Otherwise an order that bought anything has made progress: items
    that were snapped up are just ordered again. Where all were, the carrier may go on offering what is sold: it rests,
    and at first so shortly that nobody notices.
    """
    if state.failure or not state.items:
        return state.failure, state.message
    if any(item.state is not ItemState.FAILED for item in state.items):
        return None, ""
    reasons = sorted({item.outcome.reason for item in state.items if item.outcome})
    if reasons == ["NumberTaken"]:
        return Reason.NUMBER_TAKEN, f"Others were faster with every number that {want.account} had offered."
    broke = Reason.INSUFFICIENT_FUNDS in reasons
    message = f"{want.account} refused every number of the order: {_in_its_words(state.items) or 'no reason given'}."
    if broke:
        return Reason.INSUFFICIENT_FUNDS, f"{message} {ADD_MONEY}"
    return Reason.ORDER_REFUSED, f"{message} {MEND_THERE}"


MEND_THERE = "Mend that in the carrier's console, or change the pool's market; the pool orders again by itself."
ADD_MONEY = "Add money to the account at the carrier; the pool orders again by itself."


def _in_its_words(items: Iterable[Item]) -> str:
    """Why the numbers of an order failed: each reason once, with what the carrier has said of the first number."""
    said: dict[str, str] = {}
    for item in sorted(items, key=lambda item: item.offer.number):
        if item.outcome and item.outcome.reason:
            said.setdefault(item.outcome.reason, item.outcome.message.rstrip("."))
    return "; ".join(f"{reason} ({words})" if words else reason for reason, words in sorted(said.items()))


def order_conditions(want: OrderWant, state: OrderState, step: Step) -> tuple[Condition, ...]:
    """What the order says of itself, given the step that was planned."""
    match step:
        case Done():
            return _ended(want, state)
        case Wait(reason, message) if reason in NEEDS_A_PERSON:
            return (not_ready(reason, message), stalled(reason, message))
        case Wait(reason, message):
            return (not_ready(reason, message), reconciling(reason, message))
        case GiveUp(reason, message):
            return (not_ready(reason, message), stalled(reason, message))
        case LookUp(reason, message):
            pass
        case Search():
            reason, message = Reason.SEARCHING, "Numbers are being searched."
        case Submit(resumed=True):
            reason, message = (
                Reason.OUTCOME_UNKNOWN,
                "The carrier's answer is not known; it is looked up under the same key.",
            )
        case Submit():
            reason, message = Reason.SUBMITTING, "Numbers are being bought."
        case Record():
            reason, message = Reason.ORDERING, "The numbers bought are being recorded."
    return (not_ready(reason, message), reconciling(reason, message))


def _ended(want: OrderWant, state: OrderState) -> tuple[Condition, ...]:
    """An order that has ended and bought nothing is never tried again: kstatus calls that failed."""
    items = state.items or ()
    if any(item.state is ItemState.PENDING_DOCUMENTS for item in items):
        message = "Some numbers wait for documents at the carrier."
        return (not_ready(Reason.PENDING_DOCUMENTS, message), reconciling(Reason.PENDING_DOCUMENTS, message))
    reason, message = order_failure(want, state)
    if reason and not any(item.state is ItemState.PROVISIONED for item in items):
        return (not_ready(reason, message), stalled(reason, message))
    not_needed = "" if items else state.message
    return (ready(Reason.COMPLETE, not_needed or "Every number of the order has its outcome."),)
