"""What forbids an order to buy, whatever it has sent before."""

from __future__ import annotations

from dataclasses import dataclass

from ringfleet.model import ItemState, Market
from ringfleet.plan.conditions import Reason
from ringfleet.plan.number_order.order import OrderState, OrderWant, is_sent
from ringfleet.plan.number_order.steps import GiveUp, Step, Wait
from ringfleet.plan.number_order.world import OrderWorld


def called_off(state: OrderState, world: OrderWorld) -> Step | None:
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


def sent_elsewhere(want: OrderWant, state: OrderState, world: OrderWorld) -> Forbidden | None:
    """What was sent to one account at the carrier is never bought at another one, which a person has put in its place:
    the first may have sold it."""
    if not is_sent(state) or not state.sent_to or state.sent_to == world.account_id:
        return None
    other = world.account_id or "one that does not tell its id"
    why = f"It was sent to account {state.sent_to}, and CarrierAccount {want.account} opens {other} now"
    return Forbidden(Reason.ACCOUNT_CHANGED, why, for_good=True)
