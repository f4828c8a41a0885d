"""What a number pool does next: the one order that it may start, and what it says of itself.

::

    unmet     = claims with onNoStock: Order for which nothing that they can take is there or on its way
    spare     = supply - what of it is for such claims           (supply: plan/number_pool/supply.py, on_demand.py)
    shortfall = unmet + (target - spare, while filling)
    filling   = from the moment that supply is under the low watermark until orders have brought it to the target

An order is for claims that ask the same beyond the pool's market, and carries what they ask; or for the pool's stock,
and claims that take any number of it. Claims are ordered for as they came, before the stock; of one ask and carrier one
order is open at a time. A kind of order that no carrier can bring now holds up no other. Of the unmet claims those are
left out whose namespace may start no order today.

A pool starts one order at a time, of one carrier and at most a batch, and only when it has seen the order that it
started before: `TopUp.sequence` is the intent, written under resourceVersion before the order exists, so two operators
or a crash can repeat the step but never double it. At most three orders are unfinished at once: enough to search for
the next while one is at the carrier, and few enough that chosen offers stay fresh.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal

from ringfleet.model import E164, AccountKey, Limits, Market, Money, Phase
from ringfleet.model.asking import NOTHING, Ask, beyond, can_give
from ringfleet.model.numbering import unknown_area_codes
from ringfleet.model.refs import ObjectRef
from ringfleet.plan.carrier_account import AccountSeen
from ringfleet.plan.conditions import NEEDS_A_PERSON, Condition, Reason, not_ready, ready, reconciling, stalled
from ringfleet.plan.number_pool.carriers import (
    Block,
    OrderIntent,
    Standings,
    TopUp,
    carrier_troubles,
    choose_carrier,
    find_unserved,
    forget_mended,
    forgive,
    judge_carriers,
    learn,
)
from ringfleet.plan.number_pool.on_demand import Line, OnDemand, match_claims, order_lines, wanted_by
from ringfleet.plan.number_pool.shares import (
    PlaceShare,
    PlaceStanding,
    codes_of_shares,
    place_stock,
    stock_by_place,
)
from ringfleet.plan.number_pool.spread import left_at, size_of, spread_out
from ringfleet.plan.number_pool.supply import (
    NO_QUOTA,
    Demand,
    Lots,
    NumberSeen,
    OrderSeen,
    Room,
    Supply,
    count_supply,
    is_done_with,
    next_month,
    next_settling,
)
from ringfleet.plan.purchase_rate import HOUR

MAX_UNFINISHED = 3


@dataclass(frozen=True, slots=True)
class PoolWant:
    """A NumberPool's spec, as far as ordering goes. `minimum` is the low watermark.

    `target` and `minimum` are those of the spec in `PoolView.want`, and after `survey` (`plan/number_pool/decide.py`)
    what forecast and waiting claims make of them: plan, last check, allowance and release all count by those. `enough`:
    so many available numbers make the pool ready; `minimum` when None.
    """

    name: str
    market: Market
    carriers: tuple[AccountKey, ...]
    target: int
    minimum: int
    limits: Limits = field(default_factory=Limits)
    batch_size: int = 100
    history: int = 10
    routing_profile: str | None = None
    manual: bool = False
    suspended: bool = False
    enough: int | None = None
    max_share: Decimal | None = None
    """The most of the pool that one account may have, from 0 to 1; None: all of it."""
    shares: tuple[PlaceShare, ...] = ()
    """How its free numbers are spread over places; empty: as the market's area codes come."""


@dataclass(frozen=True, slots=True)
class PoolSeen:
    """All that plan_pool may know of the world."""

    numbers: tuple[NumberSeen, ...] = ()
    """The PhoneNumbers of the pool that count one by one; any may be seen late, or not at all yet."""
    lots: Lots = field(default_factory=dict)
    """The others: those of which only the count matters. None of them is named by an order in `orders`."""
    orders: tuple[OrderSeen, ...] = ()
    """The NumberOrders of the pool, any of which may be seen late. Once `top_up.ordered` is true they must hold the
    order `top_up.sequence` and all before it, unless those are deleted: an order that is there and not seen would be
    started twice."""
    top_up: TopUp = field(default_factory=TopUp)
    """What the pool remembers of its own ordering."""
    accounts: Mapping[AccountKey, AccountSeen] = field(default_factory=dict)
    """What is known of each carrier account that the pool names, as its own bundles let it be ordered from."""
    of_tenants: Mapping[ObjectRef, Mapping[AccountKey, AccountSeen]] = field(default_factory=dict)
    """The same as the bundles of claims' tenants let it be ordered from for these, by the bundle."""
    routing_profile_exists: bool = True
    """Whether the pool's RoutingProfile exists; True when none is wanted."""
    room: Room = NO_QUOTA
    """What the quotas of the pool's namespace leave."""
    spec_changed: bool = False
    """Whether the spec is newer than the status, so that what was learnt of carriers for the old spec no longer holds
    orders back."""
    on_demand: tuple[Ask, ...] = ()
    """What each waiting claim asks that wants a number ordered for it, beyond the target; in the order of the queue."""
    demands: tuple[Demand, ...] = ()
    """These claims, the next one to be served first; empty when all of them may have one made."""
    just_gone: frozenset[E164] = frozenset()
    """Numbers that were let go of a moment ago: if no object of them is seen, it may be made anew."""
    frozen: bool = False
    """Whether the pool's breaker holds the numbers that were asked to go."""
    ending: str | None = None
    """A clause that says that the namespace or kind of the numbers is being deleted; None: it is not known to be."""
    unread: tuple[str, ...] = ()
    """The names of the orders of the pool that are there and can't be read, as after a downgrade; sorted."""
    stopped: str | None = None
    """Why nothing may be ordered and no number used, by a person's word; None: nobody has frozen the pool."""
    was_ready: bool = False
    """Whether the pool was last said to be ready, by the present spec."""
    moving: bool = False
    """Whether a purchase or a release of the pool is at a carrier at this moment, which no freeze can stop any more."""

    def accounts_for(self, ask: Ask) -> Mapping[AccountKey, AccountSeen]:
        """The accounts as an order for such claims may use them."""
        return self.of_tenants.get(ask.bundle, self.accounts) if ask.bundle else self.accounts


@dataclass(frozen=True, slots=True)
class StartOrder:
    """Write this intent into the pool's memory under resourceVersion, then create the order."""

    intent: OrderIntent


@dataclass(frozen=True, slots=True)
class CreateOrder:
    """Create the order of an intent that is written but whose order was not seen yet. "Already exists" is success."""

    intent: OrderIntent


@dataclass(frozen=True, slots=True)
class TrimOrder:
    """Delete a finished order that is past the pool's history."""

    name: str


Action = StartOrder | CreateOrder | TrimOrder


@dataclass(frozen=True, slots=True)
class PoolPlan:
    """What to do, what to remember, what to say, and when to look again (seconds; None: when something changes)."""

    actions: tuple[Action, ...]
    top_up: TopUp
    supply: Supply
    conditions: tuple[Condition, ...]
    shortfall: int = 0
    surplus: int = 0
    requeue: float | None = None
    ordered_for: tuple[str, ...] = ()
    """The other namespaces for whose claims the order is made, which is one of their orders of the day too."""
    unserved: str | None = None
    """A sentence that names the accounts of spec.carriers that do not exist; None: all do."""
    claimed: int = 0
    """How many numbers of the supply are for claims that have one ordered for them."""
    lines: tuple[Line, ...] = ()
    """What the shortfall consists of, in the order in which it is ordered."""
    stock: tuple[Line, ...] = ()
    """What of the shortfall is for no claim."""
    places: tuple[PlaceStanding, ...] = ()
    """How each place stands of which the pool has a share."""


def plan_pool(want: PoolWant, seen: PoolSeen, now: datetime) -> PoolPlan:
    """Decide what the pool does next. Pure; `now` is timezone-aware UTC."""
    top_up = forgive(seen.top_up, seen.orders, now) if seen.spec_changed else seen.top_up
    top_up = forget_mended(learn(top_up, seen.orders, now), seen.accounts)
    supply = count_supply(want.limits, seen.numbers, seen.orders, now, seen.just_gone, seen.lots)
    top_up = replace(top_up, filling=_filling(want, seen, top_up, supply))
    claims = match_on_demand(want, seen, now)
    unmet = _demands_of(seen, claims)
    uncovered = [one for one in unmet if one.may_order]
    spare = supply.total - claims.met
    stock = max(0, want.target - spare) if top_up.filling else 0
    for_stock = stock_lines(want, claims, stock)
    lines = order_lines(want.market, (one.ask for one in uncovered), stock, for_stock if want.shares else ())
    trims = tuple(TrimOrder(order.name) for order in _past_history(want, seen, now))
    standings = judge_carriers(want.carriers, seen.accounts, top_up.carriers, now)
    surplus = max(0, spare - supply.staying - want.target)
    shortfall = sum(line.count for line in lines)
    places = place_stock(want.shares, want.target, claims.spare) if want.shares else ()
    plan = PoolPlan(trims, top_up, supply, (), shortfall, surplus, claimed=claims.met, lines=lines)
    plan = replace(plan, stock=for_stock, places=places)
    plan = _look_at_carriers(want, plan, seen, standings, now)
    if seen.stopped:
        return _say(want, seen, _acknowledge(plan, seen, seen.stopped), Block(Reason.FROZEN, seen.stopped), now)
    if seen.unread:
        return _say(want, seen, plan, _unread(seen.unread, now), now)
    if not top_up.ordered and top_up.intent:
        plan = replace(plan, ordered_for=_ordered_for(want, uncovered, top_up.intent))
        return _finish_start(want, seen, plan, top_up.intent, now)
    if not top_up.ordered:  # nobody knows any more what was meant, and there is no such order: it was not begun
        top_up = replace(top_up, ordered=True)
        plan = replace(plan, top_up=top_up)
    block, intent = _next_order(want, seen, plan, now)
    if intent is None:
        return _say(want, seen, plan, block, now)
    top_up = replace(top_up, sequence=intent.sequence, intent=intent, ordered=False)
    plan = replace(plan, ordered_for=_ordered_for(want, uncovered, intent))
    return _say(want, seen, replace(plan, actions=(StartOrder(intent), *trims), top_up=top_up), None, now)


def _ordered_for(want: PoolWant, uncovered: Iterable[Demand], intent: OrderIntent) -> tuple[str, ...]:
    """The other namespaces among those whose claims get what is ordered."""
    theirs = [one for one in uncovered if beyond(want.market, one.ask) == intent.ask][: intent.count]
    return tuple(sorted({one.namespace for one in theirs if one.namespace}))


def match_on_demand(want: PoolWant, seen: PoolSeen, now: datetime) -> OnDemand:
    """Which of the claims that have a number ordered for them need one more."""
    world = (seen.numbers, seen.orders, now, seen.just_gone, seen.lots)
    return match_claims(
        want.market, seen.on_demand, *world, _purses(seen.demands), want.carriers, codes_of_shares(want.shares)
    )


def stock_lines(want: PoolWant, claims: OnDemand, stock: int) -> tuple[Line, ...]:
    """The `stock` missing numbers as orders bring them: of any place, or place by place. `claims`: as they are matched
    with what the pool has."""
    if not want.shares:
        return (Line(NOTHING, stock),) if stock else ()
    lines: dict[Ask, int] = {}
    for place, count in stock_by_place(want.shares, want.target, claims.spare, stock):
        ask = ask_of_place(want.market, place)
        lines[ask] = lines.get(ask, 0) + count
    return tuple(Line(ask, count) for ask, count in lines.items())


def ask_of_place(market: Market, place: PlaceShare | None) -> Ask:
    """What an order for a place must bring beyond the market; NOTHING for any place."""
    return beyond(market, place.ask) if place and can_give(market, place.ask) else NOTHING


def _purses(demands: Iterable[Demand]) -> dict[str, Money]:
    """What the claims of each namespace that pays by a quota can all pay for their numbers."""
    purses: dict[str, Money] = {}
    for payer, most in ((one.ask.quotas_of, one.at_most) for one in demands):
        if payer and most and (payer not in purses or most.amount < purses[payer].amount):
            purses[payer] = most
    return purses


def unmet_demands(want: PoolWant, seen: PoolSeen, now: datetime) -> list[Demand]:
    """The claims themselves that need one more."""
    return _demands_of(seen, match_on_demand(want, seen, now))


def _demands_of(seen: PoolSeen, claims: OnDemand) -> list[Demand]:
    return [seen.demands[n] if seen.demands else Demand(ask=seen.on_demand[n]) for n in claims.unmet_at]


def _acknowledge(plan: PoolPlan, seen: PoolSeen, stopped: str) -> PoolPlan:
    """Say Frozen: from then on nothing more is bought or given back. What is at a carrier is waited for."""
    said = () if seen.moving else (Condition("Frozen", True, Reason.FROZEN, stopped),)
    return replace(plan, conditions=(*said, *plan.conditions))


def _look_at_carriers(want: PoolWant, plan: PoolPlan, seen: PoolSeen, standings: Standings, now: datetime) -> PoolPlan:
    """Say what is amiss at the carriers, and look again when the preferred one has rested, when an item has settled, or
    when another month's budget may buy what is missing."""
    preferred = next(iter(standings.values()))
    budget = next_month(now) if plan.shortfall and want.limits.monthly_budget is not None else None
    moments = (next_settling(seen.numbers, seen.orders, now), budget)
    delays = [(moment - now).total_seconds() for moment in moments if moment]
    rested = preferred.seconds(now) if preferred else None
    requeue = min([*delays, rested] if rested is not None else delays, default=None)
    said = tuple(carrier_troubles(standings, seen.accounts))
    return replace(plan, conditions=said, requeue=requeue, unserved=find_unserved(standings))


def _filling(want: PoolWant, seen: PoolSeen, top_up: TopUp, supply: Supply) -> bool:
    """A filling goes on, batch after batch and for items that failed, until no order is open and the target is met."""
    if supply.total < want.minimum:
        return True
    unmet = supply.total < want.target or any(not order.finished for order in seen.orders)
    return top_up.filling and unmet


def _finish_start(want: PoolWant, seen: PoolSeen, plan: PoolPlan, intent: OrderIntent, now: datetime) -> PoolPlan:
    """Create the order of an intent that was written; drop one that the spec of today would not start any more."""
    if want.suspended:
        return _say(want, seen, plan, _SUSPENDED, now)
    if seen.ending:
        return _say(want, seen, plan, _ending(seen.ending), now)
    share = share_left(want, plan.supply, plan.shortfall, intent.account)
    within = within_limits(want.limits, plan.supply, intent) and (share is None or intent.count <= share)
    if wanted_by(plan.lines, intent.ask) < intent.count or not within:
        return _say(want, seen, replace(plan, top_up=replace(plan.top_up, ordered=True), requeue=0.0), None, now)
    return _say(want, seen, replace(plan, actions=(CreateOrder(intent), *plan.actions)), None, now)


_SUSPENDED = Block(Reason.SUSPENDED, "The pool is suspended (spec.suspend): it orders nothing.")


def share_left(want: PoolWant, supply: Supply, missing: int, account: AccountKey) -> int | None:
    """How many of the `missing` numbers the account may bring; None: all. See `plan/number_pool/spread.py`."""
    return left_at(account, want.max_share, supply, size_of(want.limits, supply, missing))


def within_limits(limits: Limits, supply: Supply, intent: OrderIntent) -> bool:
    """Whether the pool may start this order beside all that it has: `maxNumbers` and the month's budget (promise 5)."""
    if limits.max_numbers is not None and supply.held + intent.count > limits.max_numbers:
        return False
    if limits.monthly_budget is None:
        return True
    if supply.foreign or intent.budget is None or intent.budget.currency != limits.currency:
        return False
    return supply.committed + intent.budget <= limits.monthly_budget


def _next_order(
    want: PoolWant, seen: PoolSeen, plan: PoolPlan, now: datetime
) -> tuple[Block | None, OrderIntent | None]:
    if seen.ending:
        return _ending(seen.ending), None
    if not want.suspended and not seen.routing_profile_exists:
        return Block(
            Reason.ROUTING_PROFILE_MISSING,
            f"RoutingProfile {want.routing_profile!r} (spec.routingProfileRef.name) does not exist in this namespace: "
            "create it, or correct the name.",
        ), None
    if plan.shortfall == 0:
        return _held_up(seen) or _held_back(want, seen, plan.supply), None
    if want.suspended:
        return _SUSPENDED, None
    blocks: list[Block] = []
    for line in plan.lines:
        count, block = affordable(want, plan.supply, seen.room, line.count)
        if block or count == 0:
            return block, None
        carriers = [account for account in want.carriers if line.ask.account in (None, account)]
        standings = judge_carriers(carriers, seen.accounts_for(line.ask), plan.top_up.carriers, now, line.ask)
        share = {account: share_left(want, plan.supply, plan.shortfall, account) for account in carriers}
        account, block = choose_carrier(spread_out(standings, share))
        if block:
            blocks.append(block)
        if account is None or _is_under_way(seen, line.ask, account):
            continue
        if sum(not (order.finished or order.is_named) for order in seen.orders) >= MAX_UNFINISHED:
            return _held_up(seen), None
        left = (seen.accounts[account].purchases_left, share[account])
        count = min([count, *(bound for bound in left if bound is not None)])
        sequence = 1 + max(plan.top_up.sequence, *(order.sequence for order in seen.orders), 0)
        budget = reserve(want.limits, plan.supply, seen.room, count)
        return None, OrderIntent(sequence, account, count, budget, line.ask)
    return _soonest(blocks) or _held_up(seen), None


def _is_under_way(seen: PoolSeen, ask: Ask, account: AccountKey) -> bool:
    """Whether the account has an order for such claims open. The next one waits for what it brings."""
    return ask != NOTHING and any(
        (order.ask, order.account) == (ask, account) for order in seen.orders if not order.finished
    )


def _soonest(blocks: list[Block]) -> Block | None:
    """What stands against the first kind of order; time may lift another one's before."""
    until = min((block.until for block in blocks if block.until), default=None)
    return replace(blocks[0], until=until) if blocks else None


def _unread(orders: tuple[str, ...], now: datetime) -> Block:
    message = (
        f"Nothing is ordered, for NumberOrder {', '.join(orders)} can't be read, as a newer version of Ringfleet has "
        "written it: nobody here knows what it has bought. Run that version again; or see to it that every number that "
        "it has bought has its PhoneNumber, and delete it."
    )
    return Block(Reason.ORDERING_FROZEN, message, now + READ_AGAIN)


READ_AGAIN = timedelta(minutes=1)
"""How soon it is looked whether an order that can't be read is still there: nothing tells when it goes."""


def _ending(why: str) -> Block:
    return Block(Reason.ORDERING_FROZEN, f"Nothing is ordered, for it could not be written down: {why}.")


def _held_back(want: PoolWant, seen: PoolSeen, supply: Supply) -> Block | None:
    """Why numbers that were asked to go, and are missed, are not replaced: they may stay."""
    if supply.total - supply.staying >= want.target:
        return None
    return _FROZEN if seen.frozen else _LEAVING


_FROZEN = Block(
    Reason.ORDERING_FROZEN,
    "Nothing is ordered in place of the numbers that were asked to go and are held: let them go, and they are "
    "replaced, or take them back. The condition ReleaseFrozen says why they are held, and how to let them go.",
)
_LEAVING = Block(Reason.RELEASING, "Numbers were asked to go: they are replaced when they have gone.")


def _held_up(seen: PoolSeen) -> Block | None:
    """Why what is on order does not get on: an open order waits for approval, or its account can't be called."""
    unfinished = (order for order in seen.orders if not (order.finished or order.is_named))
    for order in sorted(unfinished, key=lambda order: order.sequence):
        if order.unapproved and not order.chosen:
            return Block(Reason.AWAITING_APPROVAL, _awaits(order.name))
        known = seen.accounts_for(order.ask).get(order.account)
        if known and known.blocked and not (order.chosen and known.blocked is Reason.SEARCH_UNAVAILABLE):
            return Block(known.blocked, known.message)
    return None


def _awaits(order: str) -> str:
    return (
        f"NumberOrder {order} waits for approval, as spec.topUp.mode is Manual: annotate it with "
        f"ringfleet.dev/approved=true, or run `kubectl ringfleet approve norder/{order}`."
    )


def affordable(want: PoolWant, supply: Supply, room: Room, shortfall: int) -> tuple[int, Block | None]:
    """How many may be ordered at once: the batch, the quota, `maxNumbers` and the budget; or what stands against one.

    None, and nothing stands against it, when what is left of the budget is set aside for orders that still search.
    """
    if room.full:
        return 0, Block(Reason.QUOTA_EXCEEDED, room.full)
    limits = want.limits
    if room.spend is not None and room.spend.currency != limits.currency:
        return 0, Block(
            Reason.QUOTA_EXCEEDED,
            f"The pool orders in {limits.currency} (spec.limits.currency), and a NumberQuota of the namespace limits "
            f"spec.limits.monthlySpend in {room.spend.currency}: give both one currency.",
        )
    count = min(shortfall, want.batch_size, shortfall if room.numbers is None else room.numbers)
    if limits.max_numbers is not None:
        count = min(count, limits.max_numbers - supply.held)
        if count <= 0:
            return 0, Block(
                Reason.MAX_NUMBERS_REACHED,
                "The pool holds spec.limits.maxNumbers numbers: raise it, or lower spec.size.target.",
            )
    if limits.monthly_budget is None:
        return count, None
    if supply.foreign:
        return 0, Block(
            Reason.INVALID_SPEC,
            f"Numbers of the pool are priced in {', '.join(one.currency for one in supply.foreign)}, so they can't be "
            f"held against spec.limits.monthlyBudget in {limits.currency}: correct spec.limits.currency, or remove the "
            "budget.",
        )
    if limits.monthly_budget <= supply.committed - supply.reserved:
        return 0, Block(
            Reason.BUDGET_EXHAUSTED,
            "This month's numbers, orders in flight included, use up spec.limits.monthlyBudget: raise it or wait.",
        )
    return (0 if limits.monthly_budget <= supply.committed else count), None


def reserve(limits: Limits, supply: Supply, room: Room, count: int) -> Money | None:
    """The money an order may spend in its first month, set aside before it is created (promise 5).

    With price caps that is their worst case; without, all that is left, so that orders run one after another.
    """
    left = limits.monthly_budget - supply.committed if limits.monthly_budget is not None else None
    if room.spend is not None:
        left = room.spend if left is None or room.spend <= left else left
    if left is None:
        return None
    if limits.max_monthly is None or limits.max_setup is None:
        return left
    worst = (limits.max_monthly + limits.max_setup) * count
    return min(worst, left)


def _past_history(want: PoolWant, seen: PoolSeen, now: datetime) -> tuple[OrderSeen, ...]:
    """Finished orders beyond the newest `history`, except the last one started and those that are still counted from:

    an order stands for its numbers until their objects are seen, with a price, and tells its lead time when the last
    of them has come. For those whose objects are gone it stands until its month is over, and for itself, where a quota
    counts orders, until its day is; where the account's purchases of an hour are limited, until the hour is.
    """
    numbers = {number.number: number for number in seen.numbers}

    def is_counted_today(order: OrderSeen) -> bool:
        """Whether a quota counts it as one of today's orders: one that chose nothing is none."""
        counted = (seen.room.counts_orders or order.for_others) and bool(order.items)
        return counted and (order.completed_at is None or order.completed_at.date() >= now.date())

    def is_of_this_hour(order: OrderSeen) -> bool:
        known = seen.accounts.get(order.account)
        limited = known is not None and known.purchases_left is not None
        return limited and (order.completed_at is None or now - order.completed_at < HOUR)

    done = [
        order
        for order in sorted(seen.orders, key=lambda order: -order.sequence)
        if order.sequence != seen.top_up.sequence
        and not order.is_named
        and not is_counted_today(order)
        and not is_of_this_hour(order)
        and is_done_with(order, numbers, now)
    ]
    return tuple(sorted(done[want.history :], key=lambda order: order.sequence))


def _say(want: PoolWant, seen: PoolSeen, plan: PoolPlan, block: Block | None, now: datetime) -> PoolPlan:
    """Add the conditions to those of the carriers, and the next look when time alone may lift the block."""
    of_carriers = (one for one in plan.conditions if one.type != "FallbackCarrier" or _went_elsewhere(want, plan))
    conditions = (*_conditions(want, seen, plan, block), *of_carriers)
    delays = (plan.requeue, block.seconds(now) if block else None)
    requeue = min((delay for delay in delays if delay is not None), default=None)
    return replace(plan, conditions=conditions, requeue=requeue)


def _went_elsewhere(want: PoolWant, plan: PoolPlan) -> bool:
    """Whether the last order that the pool has started went to another carrier than the preferred one."""
    intent = plan.top_up.intent
    return intent is not None and intent.account != want.carriers[0]


def _conditions(want: PoolWant, seen: PoolSeen, plan: PoolPlan, block: Block | None) -> Iterable[Condition]:
    supply = plan.supply
    enough = _has_enough(want, seen, plan, block)
    if enough and plan.unserved:
        yield not_ready(Reason.ACCOUNT_MISSING, plan.unserved)
    elif enough and (block is None or block.reason not in _OF_NO_USE):
        yield ready(Reason.AT_TARGET, "The pool has the numbers that it asks for.")
    elif block and want.suspended and block.reason is Reason.SUSPENDED:
        yield ready(Reason.SUSPENDED, block.message)
    elif block:
        yield not_ready(block.reason, block.message)
    elif supply.phases[Phase.PENDING_DOCUMENTS] and supply.in_flight == supply.phases[Phase.PENDING_DOCUMENTS]:
        yield not_ready(Reason.PENDING_DOCUMENTS, "The missing numbers wait for documents at the carrier.")
    elif _waits_for_objects(plan):
        yield not_ready(Reason.ORPHANS, _UNRECORDED)
    else:
        yield not_ready(Reason.ORDERING, "Numbers are on order.")
    yield from _watermark(want, plan, block)
    if plan.shortfall and block and block.reason in _SHORT:
        yield Condition("StockShort", True, block.reason, block.message)
    if plan.shortfall and block and block.reason in _LIMITS:
        yield Condition("LimitReached", True, block.reason, block.message)
    yield from _places(plan, block)
    if supply.misfits:
        yield Condition("OtherMarket", True, Reason.OTHER_MARKET, _misfits(want))
    yield from _progress(want, plan, block, enough)
    yield from _area_codes(want.market)


def _places(plan: PoolPlan, block: Block | None) -> Iterable[Condition]:
    """The places that are short, when a carrier has nothing for them, a limit holds, or others make up the target. Of
    what else blocks orders, Ready tells."""
    short = ", ".join(one.share.name for one in plan.places if one.short)
    if not short or (plan.shortfall and (block is None or block.reason not in _SHORT | _LIMITS)):
        return
    why = block.message if block else "Nothing more is ordered, for other places have more, and all make up the target."
    message = f"Free numbers of these places are fewer than their shares (spec.size.shares): {short}. {why}"
    yield Condition("PlacesShort", True, Reason.PLACES_SHORT, message)


def _misfits(want: PoolWant) -> str:
    market = " ".join((want.market.country, want.market.type, *sorted(want.market.capabilities)))
    return (
        f"The pool has numbers, as many as status.numbers.otherMarket says, that are not of its market ({market}): an "
        "older pool of its name has bought them, or spec.market was edited. They are paid for and count for "
        "spec.limits, and are no supply, and no claim gets one. `kubectl get pn --field-selector "
        f"spec.poolRef.name={want.name}` lists the numbers of the pool. Write the name of a pool of their market into "
        "their spec.poolRef, or give them back by `kubectl ringfleet release`; or set spec.market so that it fits them."
    )


def _has_enough(want: PoolWant, seen: PoolSeen, plan: PoolPlan, block: Block | None) -> bool:
    """Whether so many numbers are available that the pool is ready.

    Where each number that is taken is replaced at once (no low watermark of its own), a pool that was ready stays so
    while some are left and the others are on their way: else every claim would make it flap.
    """
    supply = plan.supply
    enough = want.minimum if want.enough is None else want.enough
    if supply.available >= enough:
        return True
    one_for_one = want.enough is None and want.minimum >= want.target
    if not (one_for_one and seen.was_ready and block is None and supply.available):
        return False
    coming = supply.in_flight - supply.phases[Phase.PENDING_DOCUMENTS] + plan.shortfall
    return supply.available + coming >= enough


def _progress(want: PoolWant, plan: PoolPlan, block: Block | None, enough: bool) -> Iterable[Condition]:
    """Whether the pool goes on by itself; what it is not ready for and only a person ends is Stalled. While it has
    enough, that numbers more are held up is not said here: it has what it asks for."""
    if block and block.reason not in _OF_OTHERS and block.reason in NEEDS_A_PERSON:
        if not enough and not want.suspended:
            yield stalled(block.reason, block.message)
    elif _waits_for_objects(plan):
        yield reconciling(Reason.ORPHANS, _UNRECORDED)
    elif block and not enough:
        yield reconciling(block.reason, block.message)
    elif plan.supply.in_flight or plan.shortfall:
        yield reconciling(Reason.ORDERING, "Numbers are on order, or are to be ordered.")


def _waits_for_objects(plan: PoolPlan) -> bool:
    """Whether nothing is on its way but numbers that the carrier lists, and that have no object."""
    return plan.shortfall == 0 and 0 < plan.supply.unrecorded == plan.supply.in_flight


_UNRECORDED = (
    "The carrier has numbers under the pool's mark that have no PhoneNumber: the next sweep of the account makes them, "
    "or its condition Orphans says what is in the way. Nothing is ordered in their place."
)


def _area_codes(market: Market) -> Iterable[Condition]:
    """Area codes that this version has not heard of: new ones come into service every year, so that none is refused."""
    if unknown := unknown_area_codes(market):
        message = (
            f"The numbering plan of this version of Ringfleet does not know these {market.type} area codes of "
            f"{market.country}: {', '.join(unknown)}. They are searched all the same; correct spec.market.areaCodes if "
            "one is misspelt."
        )
        yield Condition("AreaCodeUnknown", True, Reason.AREA_CODE_UNKNOWN, message)


def _watermark(want: PoolWant, plan: PoolPlan, block: Block | None) -> Iterable[Condition]:
    """Whether the supply is too low, or used up.

    Where the low watermark is the target, every number that is taken crosses it and is replaced at once: nothing is
    said of that unless it can't be. A pool that never had a number is new, and not exhausted.
    """
    supply = plan.supply
    if supply.total < want.minimum and (want.minimum < want.target or block):
        yield Condition("BelowLowWatermark", True, Reason.BELOW_LOW_WATERMARK, _LOW)
    if supply.available == 0 and want.target > 0 and supply.held > supply.in_flight:
        yield Condition("Exhausted", True, Reason.EXHAUSTED, _DRY)


_LOW = "Available numbers and those on their way are fewer than the low watermark (spec.size.min or the forecast)."
_DRY = "No number is available: those that claim one wait until an order arrives or a number has cooled down."
_OF_NO_USE = frozenset({Reason.ROUTING_PROFILE_MISSING, Reason.FROZEN})
"""With these, not even the numbers that a pool has are of any use."""
_OF_OTHERS = frozenset({Reason.NUMBER_TAKEN})
"""What a person would have to end on another kind, and ends by itself on a pool: it orders other numbers."""
_LIMITS = frozenset({Reason.BUDGET_EXHAUSTED, Reason.MAX_NUMBERS_REACHED, Reason.QUOTA_EXCEEDED})
_SHORT = frozenset({Reason.NO_STOCK, Reason.PRICE_ABOVE_CAP})
