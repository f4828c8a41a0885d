"""A pool's orders and its carriers: what the pool remembers of them, and which carrier is ordered from.

::

    blocked   the account can't be called                      until something changes
    resting   its last orders bought nothing                   until the pool's memory of it says
    standing  neither: the first such carrier gets the order

Which one is the first, `preference.py` says. A carrier that is just being reached for the first time is waited for, as
it may be the preferred one. What a carrier
has for claims with musts of their own says nothing of what it has for the pool's stock: each is remembered by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ringfleet.model import AccountKey, Money
from ringfleet.model.asking import NOTHING, Ask
from ringfleet.plan.carrier_account import AccountSeen
from ringfleet.plan.conditions import NEEDS_A_PERSON, Condition, Reason
from ringfleet.plan.number_pool.supply import OrderSeen
from ringfleet.plan.waits import still_waits
from ringfleet.rate import backoff

FIRST_SHORT_REST = timedelta(seconds=1)
"""After others were faster: as a rule the next search offers other numbers."""
FIRST_REST = timedelta(seconds=5)
"""After a failure that soon passes."""
FIRST_LONG_REST = timedelta(seconds=30)
LONGEST_REST = timedelta(minutes=10)
LONGEST_REFUSED_REST = timedelta(hours=1)
"""After one refusal upon another: what a carrier refuses for good costs it a call an hour. Each rest is four times as
long as the one before, so that a refusal that passes is over soon."""


@dataclass(frozen=True, slots=True)
class CarrierMemory:
    """What the last orders from one carrier taught the pool. `sequence` is the last order that was counted; `musts`:
    of the claims that they were for, NOTHING where they were for what the pool's market gives."""

    account: AccountKey
    sequence: int
    failures: int = 0
    reason: Reason | None = None
    message: str = ""
    next_attempt: datetime | None = None
    musts: Ask = NOTHING


@dataclass(frozen=True, slots=True)
class OrderIntent:
    """The spec of one order, as it is written into the pool before the order exists. `ask`: what the claims ask beyond
    the pool's market that it is for."""

    sequence: int
    account: AccountKey
    count: int
    budget: Money | None = None
    ask: Ask = NOTHING


@dataclass(frozen=True, slots=True)
class TopUp:
    """The pool's own record: the last order that it meant to start, whether that was seen, and carrier memories.

    `filling`: the supply fell under the low watermark, and orders have not yet brought it back to the target.
    """

    sequence: int = 0
    intent: OrderIntent | None = None
    ordered: bool = True
    carriers: tuple[CarrierMemory, ...] = ()
    filling: bool = False


def forgive(top_up: TopUp, orders: Iterable[OrderSeen], now: datetime) -> TopUp:
    """The same record with the rests of carriers cut short: what was short for an old spec may be there for the new.

    Where nothing was tried for a while, that is at once. A spec that is edited all the time, as by an autoscaler, still
    asks ever more seldom: failures count on, and some of each rest is kept, LONGEST_KEPT at most.
    """
    ended = {order.sequence: order.completed_at for order in orders}
    return replace(top_up, carriers=tuple(_cut_short(one, ended.get(one.sequence), now) for one in top_up.carriers))


def _cut_short(memory: CarrierMemory, tried_at: datetime | None, now: datetime) -> CarrierMemory:
    """`tried_at`: when the order ended that it rests for; None: it is not known, and taken from the rest."""
    if memory.next_attempt is None or memory.reason is None or not _waits(memory, memory.reason, now):
        return memory
    rest = _rest(memory.reason, memory.failures)
    kept = min(rest, max(LEAST_REST, rest / KEPT_OF_REST), LONGEST_KEPT)
    soonest = (tried_at or memory.next_attempt - rest) + kept
    return replace(memory, next_attempt=min(memory.next_attempt, soonest))


LEAST_REST = timedelta(seconds=5)
"""How long after a failure a carrier is not asked again, however often the spec is edited."""
KEPT_OF_REST = 8
"""What part of a longer rest is kept: one in so many."""
LONGEST_KEPT = LONGEST_REST / KEPT_OF_REST


def forget_mended(top_up: TopUp, accounts: Mapping[AccountKey, AccountSeen]) -> TopUp:
    """The same record without the refusals of carriers whose account a person has to mend: once that is done, which the
    account says by itself, they are asked at once."""
    to_mend = {key for key, seen in accounts.items() if seen.blocked in NEEDS_A_PERSON}
    kept = (
        CarrierMemory(one.account, one.sequence, musts=one.musts)
        if one.account in to_mend and one.reason is Reason.ORDER_REFUSED
        else one
        for one in top_up.carriers
    )
    return replace(top_up, carriers=tuple(kept))


def learn(top_up: TopUp, orders: Iterable[OrderSeen], now: datetime) -> TopUp:
    """Note that the started order is seen, and count the failure of each order that is finished, or has handed numbers
    back, once, by its sequence.

    What was learnt for claims' musts is forgotten when no such order is there any more, and no rest goes on.
    """
    orders = sorted(orders, key=lambda order: order.sequence)
    if not top_up.ordered and any(order.sequence == top_up.sequence for order in orders):
        top_up = replace(top_up, ordered=True)
    memories = {(memory.account, memory.musts): memory for memory in top_up.carriers}
    for order in orders:
        key = (order.account, order.ask.musts.anywhere)
        memory = memories.get(key) or CarrierMemory(order.account, 0, musts=key[1])
        if (order.finished or order.handed_back) and order.sequence > memory.sequence and not order.former:
            memories[key] = _remember(memory, order, now)
    there = {(order.account, order.ask.musts.anywhere) for order in orders}
    kept = (one for key, one in memories.items() if one.musts == NOTHING or key in there or _rests(one, now))
    return replace(top_up, carriers=tuple(sorted(kept, key=_place)))


def _place(memory: CarrierMemory) -> tuple[AccountKey, list[str], tuple[str, ...], str, str]:
    musts = memory.musts
    return memory.account, sorted(musts.capabilities), musts.area_codes, musts.quotas_of or "", str(musts.bundle or "")


def _rests(memory: CarrierMemory, now: datetime) -> bool:
    return memory.next_attempt is not None and memory.next_attempt > now


def _remember(memory: CarrierMemory, order: OrderSeen, now: datetime) -> CarrierMemory:
    if order.failure is None or order.failure in _OF_THE_POOL:
        return CarrierMemory(memory.account, order.sequence, musts=memory.musts)
    failures = memory.failures + 1
    return CarrierMemory(
        memory.account,
        order.sequence,
        failures,
        order.failure,
        order.message,
        now + _rest(order.failure, failures),
        memory.musts,
    )


def _rest(failure: Reason, failures: int) -> timedelta:
    """How long a carrier rests after so many failures in a row, at least one, the last for this reason."""
    if failure is Reason.ORDER_REFUSED:
        return backoff(2 * failures - 1, FIRST_REST, LONGEST_REFUSED_REST)
    return backoff(failures, _first_rest(failure), LONGEST_REST)


def _waits(memory: CarrierMemory, reason: Reason, now: datetime) -> bool:
    longest = LONGEST_REFUSED_REST if reason is Reason.ORDER_REFUSED else LONGEST_REST
    return still_waits(memory.next_attempt, now, longest)


def _first_rest(failure: Reason) -> timedelta:
    if failure is Reason.NUMBER_TAKEN:
        return FIRST_SHORT_REST
    return FIRST_REST if failure in _PASSING else FIRST_LONG_REST


_OF_THE_POOL = frozenset(
    {
        *(Reason.MAX_NUMBERS_REACHED, Reason.QUOTA_EXCEEDED, Reason.ORDERING_FROZEN, Reason.OTHER_MARKET),
        Reason.SHARE_REACHED,
        *(Reason.BUNDLE_MISSING, Reason.AMBIGUOUS_BUNDLE, Reason.WAITING_FOR_BUNDLE, Reason.DOCUMENTS_REJECTED),
    }
)
"""What left an order nothing to buy when it ran: limits, documents, or a market that is not the pool's any more. The
pool itself is held by limits and documents; no carrier rests for any of these."""
_PASSING = frozenset({Reason.SEARCH_UNAVAILABLE, Reason.CARRIER_UNAVAILABLE, Reason.THROTTLED})


@dataclass(frozen=True, slots=True)
class Block:
    """Why no order is started although numbers are short. `until` when time alone may lift it."""

    reason: Reason
    message: str
    until: datetime | None = None

    def seconds(self, now: datetime) -> float | None:
        """How long until time may lift it; None when time does not."""
        return max(0.0, (self.until - now).total_seconds()) if self.until else None


Standings = Mapping[AccountKey, Block | None]
"""Carriers in the order in which they are asked, each with what stands against ordering from it."""


def judge_carriers(
    carriers: Iterable[AccountKey],
    accounts: Mapping[AccountKey, AccountSeen],
    memories: Iterable[CarrierMemory],
    now: datetime,
    ask: Ask = NOTHING,
) -> Standings:
    """How each carrier stands now for orders that are to bring what is asked. An account that is not in `accounts` does
    not exist."""
    remembered = {memory.account: memory for memory in memories if memory.musts == ask.musts.anywhere}
    return {
        account: _blocked(accounts.get(account) or _missing(account)) or _resting(remembered.get(account), now)
        for account in carriers
    }


def _missing(account: AccountKey) -> AccountSeen:
    message = f"CarrierAccount {account} (spec.carriers) does not exist: create it, or correct the name."
    return AccountSeen(Reason.ACCOUNT_MISSING, message)


def _blocked(known: AccountSeen) -> Block | None:
    return Block(known.blocked, known.message, known.until) if known.blocked else None


def _resting(memory: CarrierMemory | None, now: datetime) -> Block | None:
    if memory is None or memory.reason is None or not _waits(memory, memory.reason, now):
        return None
    return Block(memory.reason, memory.message, memory.next_attempt)


def choose_carrier(standings: Standings) -> tuple[AccountKey | None, Block | None]:
    """The carrier to order from, or what stands against all of them: where something of that ends by itself, that is
    the reason, and no person need act. That one has its share is only the reason where nothing else is."""
    blocks: list[Block] = []
    for account, block in standings.items():
        if block is None:
            return account, None
        blocks.append(block)
        if block.reason in _SOON_KNOWN:
            break
    until = min((block.until for block in blocks if block.until), default=None)
    told = [block for block in blocks if block.reason is not Reason.SHARE_REACHED] or blocks
    first = next((block for block in told if block.reason not in NEEDS_A_PERSON), told[0])
    return None, Block(first.reason, " ".join(dict.fromkeys(block.message for block in blocks)), until)


_SOON_KNOWN = frozenset({Reason.ACCOUNT_NOT_READY, Reason.READING_PRICES})
"""What is over in a moment, and may show that this carrier is the one to order from: no other is taken meanwhile."""


def find_unserved(standings: Standings) -> str | None:
    """What is said of carriers whose accounts do not exist; None when all do."""
    gone = (block.message for block in standings.values() if block and block.reason is Reason.ACCOUNT_MISSING)
    return " ".join(gone) or None


def carrier_troubles(standings: Standings, accounts: Mapping[AccountKey, AccountSeen]) -> Iterable[Condition]:
    """What is not as it should be at the carriers although orders go on."""
    preferred, block = next(iter(standings.items()))
    meanwhile, _ = choose_carrier(standings)
    if block and meanwhile:
        message = f"New orders go to {meanwhile} instead of {preferred}: {block.message}"
        yield Condition("FallbackCarrier", True, Reason.FALLBACK, message)
    stale = {
        str(account): accounts[account] for account in standings if account in accounts and accounts[account].stale
    }
    if stale:
        ages = ", ".join(sorted({seen.fresh_for for seen in stale.values()}))
        message = (
            f"Search is down at {', '.join(sorted(stale))}: orders go on from what was offered there last, while that "
            f"is no older than {ages}."
        )
        yield Condition("CatalogStale", True, Reason.CATALOG_STALE, message)
