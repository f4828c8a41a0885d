"""The items of an order: what may become of each, and what does. The law is drawn in the room's own docstring."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from ringfleet.model import E164, ItemState, Offer, Outcome, Phase, Price
from ringfleet.model.failures import FailureReason
from ringfleet.plan.phone_number.phase import IN_FLIGHT

UNRESOLVED = frozenset({ItemState.PENDING, ItemState.SUBMITTING, ItemState.UNKNOWN})
SENT = frozenset({ItemState.SUBMITTING, ItemState.UNKNOWN})
BOUGHT = frozenset({ItemState.PROVISIONED, ItemState.PENDING_DOCUMENTS})
ITEM_STEPS: dict[ItemState, frozenset[ItemState]] = {
    ItemState.PENDING: frozenset({ItemState.SUBMITTING, ItemState.FAILED}),
    ItemState.SUBMITTING: frozenset(
        {
            *(ItemState.PROVISIONED, ItemState.PENDING_DOCUMENTS, ItemState.FAILED),
            *(ItemState.UNKNOWN, ItemState.PENDING),
        }
    ),
    ItemState.UNKNOWN: frozenset(
        {ItemState.PROVISIONED, ItemState.PENDING_DOCUMENTS, ItemState.FAILED, ItemState.PENDING}
    ),
    ItemState.PENDING_DOCUMENTS: frozenset({ItemState.PROVISIONED, ItemState.FAILED}),
    ItemState.PROVISIONED: frozenset(),
    ItemState.FAILED: frozenset(),
}


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


def _may_move(item: Item, state: ItemState) -> bool:
    return item.state in UNRESOLVED and state in ITEM_STEPS[item.state]


def unsent(items: Iterable[Item]) -> frozenset[E164]:
    """The numbers of which the carrier has not heard."""
    return frozenset(item.offer.number for item in items if item.state is ItemState.PENDING)


def unsend(items: Iterable[Item], numbers: Collection[E164]) -> tuple[Item, ...]:
    """Those of `numbers` Pending again that may have been sent: the carrier has certainly not processed them."""
    return tuple(
        replace(item, state=ItemState.PENDING) if item.state in SENT and item.offer.number in numbers else item
        for item in items
    )


def hand_back(items: Iterable[Item], why: str) -> tuple[Item, ...]:
    """The items, those failed that are Pending: the pool orders as many elsewhere. `why`: what kept the carrier."""
    return tuple(_handed_back(item, why) if item.state is ItemState.PENDING else item for item in items)


def has_handed_back(items: Iterable[Item]) -> bool:
    """Whether some were handed back."""
    return any(item.outcome is not None and item.outcome.reason == FailureReason.NOT_SENT for item in items)


def _handed_back(item: Item, why: str) -> Item:
    outcome = Outcome(item.offer.number, ItemState.FAILED, FailureReason.NOT_SENT, why)
    return replace(item, state=ItemState.FAILED, outcome=outcome)
