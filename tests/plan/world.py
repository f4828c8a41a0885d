"""A world without I/O in which plan/ is played: shops, orders, numbers and a clock, all in dictionaries.

It does what the operator does, in the same order and with the same writes between, so that a crash is a step that ends
early. It decides nothing: that is left to plan/. What went wrong is thrown by the dice that a test gives.

::

    start -> (crash?) -> create -> search -> submit -> (reply lost? crash?) -> settle -> record -> (crash?) -> recorded

`promised`, `spent` and `Shop.ledger` are the truth, counted without any help from plan/.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random

from ringfleet.model import E164, AccountKey, ItemState, Money, Offer, Outcome, Phase
from ringfleet.model.asking import Ask, narrow
from ringfleet.plan.carrier_account import AccountSeen
from ringfleet.plan.conditions import Reason
from ringfleet.plan.number_order.items import (
    ITEM_STEPS,
    SENT,
    UNRESOLVED,
    Item,
    has_handed_back,
    move_unresolved,
    settle,
    unsend,
)
from ringfleet.plan.number_order.order import OrderState, OrderWant
from ringfleet.plan.number_order.plan import given_up, handed_back, plan_order
from ringfleet.plan.number_order.report import order_failure
from ringfleet.plan.number_order.steps import Done, GiveUp, HandBack, Record, Search, Submit, Wait
from ringfleet.plan.number_order.world import OrderWorld
from ringfleet.plan.number_pool.carriers import OrderIntent, TopUp
from ringfleet.plan.number_pool.last_check import refuse_unsafe
from ringfleet.plan.number_pool.plan import CreateOrder, PoolPlan, PoolSeen, PoolWant, StartOrder, TrimOrder, plan_pool
from ringfleet.plan.number_pool.supply import ItemSeen, NumberSeen, OrderSeen
from ringfleet.plan.offer_choice import choose_offers
from tests.plan.builders import NOW

DOWN = AccountSeen(Reason.CARRIER_UNAVAILABLE, "The carrier does not answer.")
RETRY = timedelta(seconds=1)


class Luck:
    """Dice that always fall well: nothing is stolen, lost, refused or late."""

    def strikes(self, one_in: int) -> bool:
        return False

    def pick(self, count: int) -> int:
        return 0


@dataclass
class Dice(Luck):
    """Dice that a test throws."""

    random: Random

    def strikes(self, one_in: int) -> bool:
        """Whether a misfortune happens that happens once in `one_in` times."""
        return self.random.randrange(one_in) == 0

    def pick(self, count: int) -> int:
        return self.random.randrange(count)


@dataclass
class Shop:
    """One carrier account. `ledger` counts how often each number was billed; `answers` are kept by idempotency key."""

    stock: dict[E164, Offer]
    up: bool = True
    ledger: Counter[E164] = field(default_factory=Counter)
    sold: dict[E164, Offer] = field(default_factory=dict)
    answers: dict[tuple[str, E164], Outcome] = field(default_factory=dict)

    def buy(self, key: str, offers: Iterable[Offer], dice: Luck) -> tuple[Outcome, ...]:
        for offer in offers:
            if (key, offer.number) not in self.answers:
                self.answers[key, offer.number] = self._sell(offer, dice)
        return tuple(self.answers[key, offer.number] for offer in offers)

    def _sell(self, offer: Offer, dice: Luck) -> Outcome:
        if self.stock.pop(offer.number, None) is None:
            return Outcome(offer.number, ItemState.FAILED, "NumberTaken")
        if dice.strikes(8):
            return Outcome(offer.number, ItemState.FAILED, "CarrierError")
        self.ledger[offer.number] += 1
        self.sold[offer.number] = offer
        return Outcome(offer.number, ItemState.PENDING_DOCUMENTS if dice.strikes(6) else ItemState.PROVISIONED)


@dataclass
class Played:
    """One order of the world."""

    intent: OrderIntent
    want: OrderWant
    state: OrderState = field(default_factory=OrderState)


@dataclass
class World:
    """See the module. `histories` keeps every state in which an order or number could ever be seen."""

    want: PoolWant
    shops: dict[AccountKey, Shop]
    now: datetime = NOW
    on_demand: tuple[Ask, ...] = ()
    top_up: TopUp = field(default_factory=TopUp)
    orders: dict[int, Played] = field(default_factory=dict)
    numbers: dict[E164, NumberSeen] = field(default_factory=dict)
    intents: dict[int, OrderIntent] = field(default_factory=dict)
    order_history: dict[int, list[OrderSeen]] = field(default_factory=dict)
    number_history: dict[E164, list[NumberSeen | None]] = field(default_factory=dict)

    # Looking.

    def see(self) -> PoolSeen:
        orders = tuple(map(_order_seen, self.orders.values()))
        return self._seen(tuple(self.numbers.values()), orders)

    def see_late(self, dice: Luck) -> PoolSeen:
        """Each order and number in any state that it ever had, as `PoolSeen` allows; the pool's own record as it is."""
        orders = [history[dice.pick(len(history))] for history in self.order_history.values()]
        if not self.top_up.ordered and dice.strikes(2):
            orders = [order for order in orders if order.sequence != self.top_up.sequence]
        numbers = [history[dice.pick(len(history))] for history in self.number_history.values()]
        return self._seen(tuple(filter(None, numbers)), tuple(orders))

    def _seen(self, numbers: tuple[NumberSeen, ...], orders: tuple[OrderSeen, ...]) -> PoolSeen:
        return PoolSeen(
            numbers=numbers,
            orders=orders,
            top_up=self.top_up,
            accounts=self._accounts(),
            on_demand=self.on_demand,
        )

    def _accounts(self) -> dict[AccountKey, AccountSeen]:
        return {account: AccountSeen() if shop.up else DOWN for account, shop in self.shops.items()}

    def plan(self, seen: PoolSeen | None = None) -> PoolPlan:
        """A plan that the last look has nothing against."""
        seen = seen or self.see()
        plan = plan_pool(self.want, seen, self.now)
        assert refuse_unsafe(self.want, seen, plan) == plan
        return plan

    # The truth.

    def owned(self) -> dict[E164, Offer]:
        return {number: offer for shop in self.shops.values() for number, offer in shop.sold.items()}

    def promised(self) -> int:
        """All numbers that we own, and all that orders may still buy."""
        return len(self.owned().keys() | self._open_items().keys()) + sum(
            order.intent.count for order in self._searching()
        )

    def promised_by(self, account: AccountKey) -> int:
        """The same of one account."""
        orders = [order for order in self.orders.values() if order.want.account == account]
        items = [item for order in orders for item in order.state.items or () if item.state in UNRESOLVED]
        numbers = self.shops[account].sold.keys() | {item.offer.number for item in items}
        return len(numbers) + sum(order.intent.count for order in orders if order.state.items is None)

    def spent(self) -> Money:
        """The month's money for the same."""
        offers = (self.owned() | self._open_items()).values()
        reserved = [order.intent.budget for order in self._searching() if order.intent.budget]
        return Money.total([*(offer.price.first_month for offer in offers), *reserved], self.want.limits.currency)

    def _open_items(self) -> dict[E164, Offer]:
        items = [item for order in self.orders.values() for item in order.state.items or ()]
        return {item.offer.number: item.offer for item in items if item.state in UNRESOLVED}

    def _searching(self) -> list[Played]:
        return [order for order in self.orders.values() if order.state.items is None]

    # Acting. Every method is one turn of the operator, or one event of the outside.

    def turn_pool(self, dice: Luck, seen: PoolSeen | None = None) -> PoolPlan:
        """Plan, write the record, then act; the dice may end it between any two of these."""
        plan = self.plan(seen)
        self.top_up = plan.top_up
        for action in plan.actions:
            if dice.strikes(6):
                break
            match action:
                case StartOrder(intent) | CreateOrder(intent):
                    self._create(intent)
                case TrimOrder(name):
                    self._trim(name)
        return plan

    def _create(self, intent: OrderIntent) -> None:
        assert self.intents.setdefault(intent.sequence, intent) == intent, "one sequence, two intents"
        if intent.sequence in self.orders:
            return
        caps = replace(self.want.limits, max_numbers=None, monthly_budget=None)
        name = f"{self.want.name}-{intent.sequence}"
        market = narrow(self.want.market, intent.ask)
        want = OrderWant(name, intent.account, market, intent.count, caps, intent.budget)
        self.orders[intent.sequence] = Played(intent, want)
        self.order_history[intent.sequence] = [_order_seen(self.orders[intent.sequence])]

    def _trim(self, name: str) -> None:
        sequence = next(sequence for sequence, order in self.orders.items() if order.want.name == name)
        del self.orders[sequence]

    def turn_order(self, order: Played, dice: Luck) -> bool:
        """One step of one order. False once it has ended."""
        step = plan_order(order.want, order.state, self._around(order), self.now)
        match step:
            case Search():
                self._search(order, dice)
            case Submit(resumed):
                assert resumed is any(item.state in SENT for item in order.state.items or ())
                self._submit(order, dice)
            case Record():
                self._record(order, dice)
            case GiveUp(reason, message):
                items = given_up(order.state, step).items
                self._write(order, items=items, recorded=True, failure=reason, message=message)
            case HandBack():
                after = handed_back(order.state, step)
                self._write(order, items=after.items, failure=after.failure, message=after.message)
            case Wait():
                pass
            case Done():
                return False
        return True

    def _around(self, order: Played) -> OrderWorld:
        mine = order.want.account
        others = [other for other in self.orders.values() if other is not order and other.want.account == mine]
        sent = any(item.state in SENT for other in others for item in other.state.items or ())
        alternatives = any(shop.up for account, shop in self.shops.items() if account != mine)
        return OrderWorld(self._accounts()[mine], sent, alternatives)

    def _search(self, order: Played, dice: Luck) -> None:
        if dice.strikes(5):
            attempts = order.state.attempts + 1
            self._write(order, attempts=attempts, next_attempt=self.now + RETRY, last_error="Search is down.")
            return
        taken = self._open_items()
        stock = self.shops[order.want.account].stock
        choice = choose_offers(order.want, (offer for offer in stock.values() if offer.number not in taken))
        found = {"attempts": 0, "failure": choice.shortage, "message": choice.message}
        items = tuple(Item(offer) for offer in choice.offers)
        self._write(order, items=items, key=order.want.name, recorded=not items, **found)

    def _submit(self, order: Played, dice: Luck) -> None:
        self._write(order, items=move_unresolved(order.state.items or (), ItemState.SUBMITTING))
        if dice.strikes(6):
            return
        items = order.state.items or ()
        offers = [item.offer for item in items if item.state in UNRESOLVED]
        if dice.strikes(4):
            self._break_off(order, offers, dice)
            return
        outcomes = self.shops[order.want.account].buy(order.state.key, offers, dice)
        if dice.strikes(4):
            self._write(order, items=move_unresolved(items, ItemState.UNKNOWN))
            return
        if dice.strikes(4):
            outcomes = outcomes[: dice.pick(len(outcomes))]
        self._write(order, items=settle(items, outcomes))

    def _break_off(self, order: Played, offers: list[Offer], dice: Luck) -> None:
        """The carrier goes down in the middle: some are bought, of one nobody knows, and of the rest it has not heard,
        as its adapter may know or not."""
        shop, done = self.shops[order.want.account], dice.pick(len(offers))
        outcomes = shop.buy(order.state.key, offers[:done], dice)
        if dice.strikes(2):
            shop.buy(order.state.key, offers[done : done + 1], dice)
        shop.up = not dice.strikes(2)
        never_heard_of = (one.number for one in offers[done + 1 :] if (order.state.key, one.number) not in shop.answers)
        unsent = {number for number in never_heard_of if not dice.strikes(3)}
        items = unsend(settle(order.state.items or (), outcomes), unsent)
        tried = {"attempts": order.state.attempts + 1, "next_attempt": self.now + RETRY, "last_error": "It is down."}
        self._write(order, items=move_unresolved(items, ItemState.UNKNOWN), **tried)

    def _record(self, order: Played, dice: Luck) -> None:
        """The objects come first, without the price: that is in their status, which is written a turn later."""
        for item in order.state.items or ():
            if item.state is ItemState.FAILED or item.offer.number in self.numbers:
                continue
            if dice.strikes(12):
                return
            self._put(NumberSeen(item.offer.number, Phase.ORDERING, account=order.want.account))
        failure, message = order_failure(order.want, order.state)
        self._write(order, recorded=True, failure=failure, message=message)

    def turn_number(self, seen: NumberSeen, dice: Luck) -> bool:
        """The carrier's word reaches the object. A number without documents waits for them until somebody is lucky."""
        item = self._item_of(seen.number)
        documents = item is not None and item.state is ItemState.PENDING_DOCUMENTS and seen.phase is Phase.ORDERING
        if seen.phase is Phase.AVAILABLE:
            return False
        offer = self.owned()[seen.number]
        purchased = None if dice.strikes(3) else NOW
        phase = Phase.PENDING_DOCUMENTS if documents else Phase.AVAILABLE
        known = replace(seen, capabilities=offer.capabilities, area_code=offer.area_code)
        self._put(replace(known, phase=phase, price=offer.price, purchased_at=purchased))
        return True

    def _item_of(self, number: E164) -> Item | None:
        items = (item for order in self.orders.values() for item in order.state.items or ())
        return next((item for item in items if item.offer.number == number), None)

    def _put(self, number: NumberSeen) -> None:
        self.numbers[number.number] = number
        self.number_history.setdefault(number.number, [None]).append(number)

    def _write(self, order: Played, **changes: object) -> None:
        """Write an order's state. No item ever takes a step that its law does not know."""
        before, after = order.state.items, replace(order.state, **changes)  # type: ignore[arg-type]
        for old, new in zip(before or (), after.items or (), strict=before is not None):
            assert old.offer == new.offer
            assert old.state is new.state or new.state in ITEM_STEPS[old.state]
        order.state = after
        self.order_history[order.intent.sequence].append(_order_seen(order))

    def steal(self, dice: Luck) -> None:
        """Another buyer is faster."""
        shops = [shop for shop in self.shops.values() if shop.stock]
        if shops:
            stock = shops[dice.pick(len(shops))].stock
            del stock[sorted(stock)[dice.pick(len(stock))]]

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def _order_seen(order: Played) -> OrderSeen:
    intent, state = order.intent, order.state
    handed_back = has_handed_back(state.items or ())
    return OrderSeen(
        intent.sequence,
        order.want.name,
        intent.account,
        intent.count,
        chosen=state.items is not None,
        finished=state.recorded,
        items=tuple(
            ItemSeen(item.offer.number, item.state, item.price, item.offer.capabilities, item.offer.area_code)
            for item in state.items or ()
        ),
        budget=intent.budget,
        failure=state.failure if state.recorded or handed_back else None,
        handed_back=handed_back,
        message=state.message,
        ask=intent.ask,
        market=order.want.market,
    )


def live(world: World, dice: Luck) -> None:
    """One event, whatever the dice say: a turn of the pool, an order or a number, or a blow from outside."""
    match dice.pick(12):
        case 0 | 1 | 2:
            world.turn_pool(dice)
        case 3 | 4 | 5 | 6 | 7 if world.orders:
            orders = [order for order in world.orders.values() if not order.state.recorded] or [*world.orders.values()]
            world.turn_order(orders[dice.pick(len(orders))], dice)
        case 8 | 9 if world.numbers:
            seen = list(world.numbers.values())
            world.turn_number(seen[dice.pick(len(seen))], dice)
        case 10:
            world.steal(dice)
        case _:
            shops = list(world.shops.values())
            shops[dice.pick(len(shops))].up = not dice.strikes(3)
            world.wait(dice.pick(120))


def calm(world: World) -> PoolPlan:
    """Everything is up and nothing goes wrong any more: take turns until nobody has anything left to do.

    Returns the plan that found nothing to do. What the pool waits for is waited for, but not twice in vain.
    """
    luck = Luck()
    for shop in world.shops.values():
        shop.up = True
    for _ in range(500):
        plan = world.turn_pool(luck)
        orders = [world.turn_order(order, luck) for order in list(world.orders.values())]
        numbers = [world.turn_number(number, luck) for number in list(world.numbers.values())]
        if not plan.actions and not any(orders) and not any(numbers) and plan.requeue is None:
            return plan
        world.wait(max(1.0, plan.requeue or 0.0))
    raise AssertionError(f"the pool never came to rest: {plan}")
