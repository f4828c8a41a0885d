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
idempotency key" (promise 1). A failed item is never tried again inside its order: the shortfall goes back to the pool,
which starts a new order for other numbers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from ringfleet.model import AccountKey, ItemState, Limits, Market, Money, Offer, Outcome, Price
from ringfleet.plan.carrier_account import AccountSeen
from ringfleet.plan.conditions import Condition, Reason, not_ready, ready, reconciling, stalled

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
    """A sentence for a person that goes with the failure; empty without one."""


@dataclass(frozen=True, slots=True)
class OrderWorld:
    """What else the order depends on: its account, whether another order has its purchase lock, other usable
    carriers, and whether its pool still wants to buy at all: it may be suspended, or deleted."""

    account: AccountSeen
    purchase_lock_taken: bool = False
    alternatives: bool = False
    pool_suspended: bool = False
    pool_gone: bool = False
    account_deleted: bool = False


@dataclass(frozen=True, slots=True)
class Search:
    """Search the market's area codes in order, choose, and write the chosen numbers and the key."""


@dataclass(frozen=True, slots=True)
class Submit:
    """Take the purchase lock, write Submitting, buy. `resumed`: an earlier try may have reached the carrier."""

    resumed: bool


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


Step = Search | Submit | Record | GiveUp | Wait | Done

SEARCHES_BEFORE_GIVING_UP = 2


def plan_order(want: OrderWant, state: OrderState, world: OrderWorld, now: datetime) -> Step:
    """Decide the one next step of an order. Pure; `now` is timezone-aware UTC."""
    if state.recorded:
        return Done()
    if state.items is not None and all(item.state not in UNRESOLVED for item in state.items):
        return Record()
    if called_off := _called_off(state, world):
        return called_off
    if state.items is None:
        return _before_choosing(want, state, world, now)
    if world.account.blocked:
        return Wait(world.account.blocked, world.account.message)
    if resting := _resting(state, now):
        return resting
    if world.purchase_lock_taken:
        return Wait(
            Reason.WAITING_FOR_PURCHASE_LOCK,
            "Another order of this account is at the carrier; orders go one at a time.",
        )
    return Submit(resumed=_sent(state))


def _called_off(state: OrderState, world: OrderWorld) -> Step | None:
    """What stops an order of which the carrier has not heard. One that was sent may have bought: it is seen through."""
    if any(item.state is not ItemState.PENDING for item in state.items or ()):
        return None
    if world.pool_gone:
        return GiveUp(Reason.POOL_MISSING, "The order's pool is gone: nothing was bought.")
    if world.account_deleted:
        return GiveUp(Reason.ACCOUNT_DELETED, "The order's CarrierAccount is being deleted: nothing was bought.")
    if world.pool_suspended:
        return Wait(Reason.SUSPENDED, "The order's pool is suspended (spec.suspend): nothing is bought meanwhile.")
    return None


def _before_choosing(want: OrderWant, state: OrderState, world: OrderWorld, now: datetime) -> Step:
    if not want.approved:
        return Wait(
            Reason.AWAITING_APPROVAL, "The pool's topUp.mode is Manual: annotate ringfleet.dev/approved=true to buy."
        )
    if world.alternatives and world.account.blocked:
        return GiveUp(world.account.blocked, world.account.message)
    if world.alternatives and state.attempts >= SEARCHES_BEFORE_GIVING_UP:
        return GiveUp(
            Reason.SEARCH_UNAVAILABLE, f"Search at {want.account} is down; another carrier of the pool is asked."
        )
    if world.account.blocked:
        return Wait(world.account.blocked, world.account.message)
    return _resting(state, now) or Search()


def _resting(state: OrderState, now: datetime) -> Wait | None:
    if state.next_attempt is None or state.next_attempt <= now:
        return None
    reason = Reason.SEARCH_UNAVAILABLE if state.items is None else Reason.OUTCOME_UNKNOWN if _sent(state) else None
    return Wait(reason or Reason.CARRIER_UNAVAILABLE, state.last_error, state.next_attempt)


def _sent(state: OrderState) -> bool:
    return any(item.state in SENT for item in state.items or ())


@dataclass(frozen=True, slots=True)
class Choice:
    """The offers that an order takes. `shortage` says why there are fewer than it wants, None when there are enough."""

    offers: tuple[Offer, ...]
    shortage: Reason | None = None
    message: str = ""


def choose_offers(want: OrderWant, offers: Iterable[Offer]) -> Choice:
    """Take offers in the order of the market's area codes, cheapest first, within price caps and budget.

    The order in which `offers` arrive does not matter, and a number that is offered twice is taken once, at the higher
    price.
    """
    unique = {offer.number: offer for offer in sorted(offers, key=_dearest_last)}
    dear = [offer for offer in unique.values() if not _within_caps(want.limits, offer.price)]
    fitting = [offer for offer in unique.values() if _within_caps(want.limits, offer.price)]
    ranked = sorted(fitting, key=lambda offer: _preference(want.market, offer))
    chosen, broke = _within_budget(ranked[: want.count], want.budget)
    if len(chosen) == want.count:
        return Choice(chosen)
    if broke:
        return Choice(chosen, Reason.BUDGET_EXHAUSTED, f"The budget left for this order, {want.budget}, buys no more.")
    if dear:
        return Choice(chosen, Reason.PRICE_ABOVE_CAP, _too_dear(want, dear))
    return Choice(
        chosen, Reason.NO_STOCK, f"{want.account} offers no more numbers for {want.market}{_capable(want.market)}."
    )


def _dearest_last(offer: Offer) -> tuple[str, object, object, str]:
    return (str(offer.number), _sum(offer.price), offer.price.monthly.amount, offer.token)


def _sum(price: Price) -> Decimal:
    """For comparing only: it adds even what a carrier bills in two currencies, which no order takes."""
    return price.monthly.amount + price.setup.amount


def _preference(market: Market, offer: Offer) -> tuple[int, object, str]:
    codes = market.area_codes
    rank = codes.index(offer.area_code) if offer.area_code in codes else len(codes)
    return (rank, offer.price.first_month.amount, str(offer.number))


def _within_caps(limits: Limits, price: Price) -> bool:
    if price.monthly.currency != limits.currency or price.setup.currency != limits.currency:
        return False
    if limits.max_monthly is not None and not price.monthly <= limits.max_monthly:
        return False
    return limits.max_setup is None or price.setup <= limits.max_setup


def _within_budget(offers: list[Offer], budget: Money | None) -> tuple[tuple[Offer, ...], bool]:
    if budget is None:
        return tuple(offers), False
    chosen: list[Offer] = []
    left = budget
    for offer in offers:
        if offer.price.first_month <= left:
            chosen.append(offer)
            left -= offer.price.first_month
    return tuple(chosen), len(chosen) < len(offers)


def _too_dear(want: OrderWant, dear: list[Offer]) -> str:
    cheapest = min(dear, key=lambda offer: (_sum(offer.price), str(offer.number))).price
    return (
        f"The other offers of {want.account} for {want.market} are above spec.limits.maxMonthlyPrice or maxSetupPrice, "
        f"or not in {want.limits.currency}: the cheapest is {cheapest.monthly} a month and {cheapest.setup} once."
    )


def _capable(market: Market) -> str:
    return f" with {' and '.join(sorted(market.capabilities))}" if market.capabilities else ""


def settle(items: Iterable[Item], outcomes: Iterable[Outcome]) -> tuple[Item, ...]:
    """The items with their outcomes. An outcome for another number is ignored; a settled item keeps its state."""
    by_number = {outcome.number: outcome for outcome in outcomes}
    return tuple(_settle_one(item, by_number.get(item.offer.number)) for item in items)


def _settle_one(item: Item, outcome: Outcome | None) -> Item:
    if outcome is None or outcome.state not in ITEM_STEPS[item.state]:
        return item
    return replace(item, state=outcome.state, outcome=outcome)


def move_unresolved(items: Iterable[Item], state: ItemState) -> tuple[Item, ...]:
    """Every unresolved item stepped to `state` where its law allows it."""
    return tuple(replace(item, state=state) if _may_move(item, state) else item for item in items)


def _may_move(item: Item, state: ItemState) -> bool:
    return item.state in UNRESOLVED and state in ITEM_STEPS[item.state]


def order_failure(want: OrderWant, state: OrderState) -> tuple[Reason | None, str]:
    """Why an order whose items are all settled taught its pool to rest this carrier, if it did.

    A shortage that was met when choosing stays one. Otherwise an order that bought anything has made progress: items
    that were snapped up are just ordered again.
    """
    if state.failure or not state.items:
        return state.failure, state.message
    if any(item.state is not ItemState.FAILED for item in state.items):
        return None, ""
    reasons = sorted({item.outcome.reason for item in state.items if item.outcome})
    if reasons == ["NumberTaken"]:
        return None, ""
    broke = Reason.INSUFFICIENT_FUNDS in reasons
    return (
        Reason.INSUFFICIENT_FUNDS if broke else Reason.ORDER_REFUSED,
        f"{want.account} refused every number of the order: {', '.join(reasons) or 'no reason given'}.",
    )


def order_conditions(want: OrderWant, state: OrderState, step: Step) -> tuple[Condition, ...]:
    """What the order says of itself, given the step that was planned."""
    match step:
        case Done():
            return _ended(want, state)
        case Wait(Reason.CREDENTIALS_REJECTED as reason, message):
            return (not_ready(reason, message), stalled(reason, message))
        case Wait(reason, message):
            return (not_ready(reason, message), reconciling(reason, message))
        case GiveUp(reason, message):
            return (not_ready(reason, message),)
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
    items = state.items or ()
    if any(item.state is ItemState.PENDING_DOCUMENTS for item in items):
        return (not_ready(Reason.PENDING_DOCUMENTS, "Some numbers wait for documents at the carrier."),)
    reason, message = order_failure(want, state)
    if reason and not any(item.state is ItemState.PROVISIONED for item in items):
        return (not_ready(reason, message),)
    return (ready(Reason.COMPLETE, "Every number of the order has its outcome."),)
