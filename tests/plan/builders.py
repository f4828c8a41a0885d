"""The values that the tests of plan/ are made of. Each builder gives a whole value; a test names only what matters."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from ringfleet.model import (
    E164,
    AccountKey,
    Capability,
    Holding,
    HoldingStatus,
    ItemState,
    Limits,
    Mark,
    Market,
    Money,
    NumberType,
    Offer,
    Outcome,
    Phase,
    Price,
)
from ringfleet.model.asking import NOTHING, Ask
from ringfleet.plan.carrier_account import AccountSeen
from ringfleet.plan.number_order.items import Item
from ringfleet.plan.number_order.order import OrderState, OrderWant
from ringfleet.plan.number_pool.plan import PoolSeen, PoolWant
from ringfleet.plan.number_pool.supply import ItemSeen, NumberSeen, OrderSeen

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
LAST_MONTH = datetime(2026, 2, 20, tzinfo=UTC)

MAIN = AccountKey("default", "main")
SPARE = AccountKey("default", "spare")

MARKET = Market("US", NumberType.GEOGRAPHIC, ("415", "628"))
MARK = Mark("home", "default", "west")


def digits(n: int) -> E164:
    """The n-th of our numbers."""
    return E164(f"+1415555{n:04d}")


def dollars(amount: str | int) -> Money:
    return Money.parse(amount, "USD")


def a_price(monthly: str | int = 2, setup: str | int = 1, currency: str = "USD") -> Price:
    return Price(Money.parse(monthly, currency), Money.parse(setup, currency))


def a_number(n: int = 1, phase: Phase = Phase.AVAILABLE, **rest: Any) -> NumberSeen:
    return NumberSeen(digits(n), phase, **{"price": a_price(), "purchased_at": LAST_MONTH, **rest})


def numbers(count: int, phase: Phase = Phase.AVAILABLE, first: int = 1, **rest: Any) -> tuple[NumberSeen, ...]:
    return tuple(a_number(n, phase, **rest) for n in range(first, first + count))


def items(*states: ItemState, first: int = 1, price: Price | None = None) -> tuple[ItemSeen, ...]:
    """Items of an order as its pool sees them, one number after the other."""
    return tuple(ItemSeen(digits(n), state, price or a_price()) for n, state in enumerate(states, first))


def an_order(sequence: int = 1, **rest: Any) -> OrderSeen:
    """An order as its pool sees it: still searching, unless it has items."""
    chosen = "items" in rest
    fields = {"name": f"west-{sequence}", "account": MAIN, "count": len(rest.get("items", "x")), "chosen": chosen}
    return OrderSeen(sequence, **{**fields, **rest})


def a_pool(target: int = 10, **rest: Any) -> PoolWant:
    return PoolWant(
        **{"name": "west", "market": MARKET, "carriers": (MAIN,), "target": target, "minimum": target, **rest}
    )


def limits(**amounts: int | str | None) -> Limits:
    """Limits in dollars; `max_numbers` is a count."""
    money = {name: dollars(amount) for name, amount in amounts.items() if name != "max_numbers" and amount is not None}
    return Limits(max_numbers=amounts.get("max_numbers"), **money)  # type: ignore[arg-type]


def a_world(carriers: Iterable[AccountKey] = (MAIN,), **rest: Any) -> PoolSeen:
    """What a pool sees: its carriers up, and nothing else. `on_demand`: so many claims that take any number have one
    ordered for them, or what each of them asks."""
    asks = rest.get("on_demand", 0)
    rest["on_demand"] = (NOTHING,) * asks if isinstance(asks, int) else tuple(asks)
    return PoolSeen(**{"accounts": {account: AccountSeen() for account in carriers}, **rest})


def an_ask(*capabilities: Capability, codes: str = "", required: bool = False) -> Ask:
    """What a claim asks: `codes` are area codes with blanks between them."""
    return Ask(frozenset(capabilities), tuple(codes.split()), required)


def an_offer(n: int = 1, monthly: str | int = 2, setup: str | int = 1, **rest: Any) -> Offer:
    fields = {"country": "US", "type": NumberType.GEOGRAPHIC, "area_code": "415", "price": a_price(monthly, setup)}
    return Offer(digits(n), **{**fields, "capabilities": frozenset({Capability.VOICE}), **rest})


def an_order_want(count: int = 3, **rest: Any) -> OrderWant:
    return OrderWant(
        **{"name": "west-1", "account": MAIN, "market": MARKET, "count": count, "limits": Limits(), **rest}
    )


def an_item(n: int = 1, state: ItemState = ItemState.PENDING, reason: str = "", **rest: Any) -> Item:
    """One item; a settled one carries its outcome."""
    settled = state in {ItemState.PROVISIONED, ItemState.PENDING_DOCUMENTS, ItemState.FAILED}
    outcome = Outcome(digits(n), state, reason) if settled else None
    return Item(an_offer(n), state, **{"outcome": outcome, **rest})


def an_order_state(*states: ItemState, **rest: Any) -> OrderState:
    """An order with one chosen item for each state."""
    return OrderState(items=tuple(an_item(n, state) for n, state in enumerate(states, 1)), key="rf-1", **rest)


def a_holding(n: int = 1, status: HoldingStatus = HoldingStatus.ACTIVE, **rest: Any) -> Holding:
    fields = {
        "external_id": f"did-{n}",
        "country": "US",
        "type": NumberType.GEOGRAPHIC,
        "price": a_price(),
        "mark": MARK,
    }
    return Holding(digits(n), status=status, **{**fields, **rest})
