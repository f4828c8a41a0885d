"""How a pool's carriers stand: which one is ordered from, and what stands against those before it.

::

    blocked   the account can't be called                      until something changes
    resting   its last orders bought nothing                   until the pool's memory of it says
    standing  neither: the first such carrier gets the order

A carrier that is just being reached for the first time is waited for, as it may be the preferred one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from ringfleet.model import AccountKey
from ringfleet.plan.carrier_account import AccountSeen
from ringfleet.plan.conditions import Condition, Reason
from ringfleet.plan.number_pool.topup import LONGEST_REST, CarrierMemory


@dataclass(frozen=True, slots=True)
class Block:
    """Why no order is started although numbers are short. `until` when time alone may lift it."""

    reason: Reason
    message: str
    until: datetime | None = None

    @property
    def said(self) -> str:
        """The message with the time of the next attempt, which moves only when an attempt is made."""
        if self.until is None or self.reason is Reason.PURCHASE_RATE_REACHED:  # the account's status says when
            return self.message
        return f"{self.message} Next attempt at {self.until:%Y-%m-%dT%H:%M:%SZ}."

    def seconds(self, now: datetime) -> float | None:
        """How long until time may lift it; None when time does not."""
        return max(0.0, (self.until - now).total_seconds()) if self.until else None


Standings = Mapping[AccountKey, Block | None]
"""Carriers in order of preference, each with what stands against ordering from it."""


def judge_carriers(
    carriers: Iterable[AccountKey],
    accounts: Mapping[AccountKey, AccountSeen],
    memories: Iterable[CarrierMemory],
    now: datetime,
) -> Standings:
    """How each carrier stands now. An account that is not in `accounts` does not exist."""
    remembered = {memory.account: memory for memory in memories}
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
    if memory is None or memory.reason is None or memory.next_attempt is None or memory.next_attempt <= now:
        return None
    if memory.next_attempt > now + LONGEST_REST:  # by a clock that was ahead: nobody rests for so long
        return None
    return Block(memory.reason, memory.message, memory.next_attempt)


def choose_carrier(standings: Standings) -> tuple[AccountKey | None, Block | None]:
    """The carrier to order from, or what stands against all of them."""
    blocks: list[Block] = []
    for account, block in standings.items():
        if block is None:
            return account, None
        blocks.append(block)
        if block.reason is Reason.ACCOUNT_NOT_READY:
            break
    until = min((block.until for block in blocks if block.until), default=None)
    return None, Block(blocks[0].reason, " ".join(dict.fromkeys(block.message for block in blocks)), until)


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
    stale = sorted(str(account) for account in standings if account in accounts and accounts[account].stale)
    if stale:
        message = f"Search is down at {', '.join(stale)}: orders go on from what was offered last, while it is fresh."
        yield Condition("CatalogStale", True, Reason.CATALOG_STALE, message)
