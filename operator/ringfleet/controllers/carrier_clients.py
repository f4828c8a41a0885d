"""The open carrier accounts: one client each, opened when its account is first seen to be usable, and kept open."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass, field, replace
from datetime import timedelta

from ringfleet.carriers.carrier import Carrier
from ringfleet.controllers.places import Places
from ringfleet.model import E164, AccountKey, NumberType, Query, Routing
from ringfleet.objects.carrier_account import allowed
from ringfleet.plan.carrier_account import AccountSeen
from ringfleet.plan.carrier_account.loss import Roll, found, left
from ringfleet.plan.carrier_account.sweep import Findings
from ringfleet.plan.conditions import Reason


@dataclass(frozen=True, slots=True)
class Demand:
    """Whether the carrier demands documents in one market; None: it did not say. `until`: monotonic seconds. `review`:
    how long it takes to review them, as far as it says."""

    documents: bool | None
    until: float
    review: timedelta | None = None


@dataclass(slots=True)
class OpenAccount:
    """One account's client and what this process knows of it.

    `cart` serialises purchases inside the process; the lease does so between processes. `choosing` lets one order at a
    time search and write its choice, so that no two choose the same numbers. `stale_query` is the search that was last
    answered from memory or not at all, None while search works. `last_owned` is how many numbers the last believed
    listing had, also that of an earlier process, and `doubted` how many a later one had that is not believed.
    """

    carrier: Carrier
    fingerprint: str
    allowed_namespaces: frozenset[str]
    seen: AccountSeen
    concurrency: int = 1
    failures: int = 0
    cart: asyncio.Lock = field(default_factory=asyncio.Lock)
    choosing: asyncio.Lock = field(default_factory=asyncio.Lock)
    number_calls: Places = field(init=False)
    stale_query: Query | None = None
    findings: Findings | None = None
    swept_at: float | None = None
    quiet_sweeps: int = 0
    counted_at: float | None = None
    listing_incomplete: bool = False
    bought_since_sweep: bool = False
    last_owned: int | None = None
    doubted: int | None = None
    roll: Roll = field(default_factory=Roll)
    demands: dict[tuple[str, NumberType], Demand] = field(default_factory=dict)
    _profiles: dict[tuple[str, str], str] = field(default_factory=dict)
    _telling: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        self.number_calls = Places(self._room_for_numbers)

    def _room_for_numbers(self) -> int:
        """Half of the account's places while an order has the cart, so that numbers never hold it up; else all."""
        return self.concurrency // 2 if self.cart.locked() else self.concurrency

    def is_lost(self, number: E164) -> bool:
        """Whether the carrier has stopped showing the number, in its listings and when it was asked for it."""
        return number in self.roll.lost

    def note_found(self, number: E164) -> None:
        """The carrier has shown the number when it was looked up."""
        self.roll = found(self.roll, number)

    def note_left(self, number: E164, released: bool) -> None:
        """We have given the number back, or else taken our mark off: a late listing must not make it an orphan."""
        self.roll = left(self.roll, number, released)

    async def profile_id(self, routing: Routing, content: str) -> str:
        """The carrier's id of a routing profile; told to the carrier once for each content."""
        async with self._telling:
            known = self._profiles.get((routing.reference, content))
            if known is None:
                known = await self.carrier.ensure_routing(routing)
                self._profiles[routing.reference, content] = known
            return known


class NotOpen(Exception):
    """The account was closed between the plan and the act; the key runs again when it is open."""


class Accounts:
    """The open accounts by key, and what can be said of those that are not open."""

    def __init__(self) -> None:
        self._open: dict[AccountKey, OpenAccount] = {}
        self._blocked: dict[AccountKey, AccountSeen] = {}

    def get(self, key: AccountKey) -> OpenAccount | None:
        return self._open.get(key)

    def opened(self, key: AccountKey) -> OpenAccount:
        """Raises NotOpen."""
        account = self.get(key)
        if account is None:
            raise NotOpen(f"CarrierAccount {key} is not open")
        return account

    def seen(self, key: AccountKey, namespace: str) -> AccountSeen:
        """What an object in `namespace` may know of the account."""
        account = self._open.get(key)
        if account is None:
            return self._blocked.get(key, _missing(key))
        if not allowed(account.allowed_namespaces, key, namespace):
            return AccountSeen(
                Reason.ACCOUNT_NOT_ALLOWED,
                f"CarrierAccount {key} does not let in namespace {namespace}: add it to its spec.allowedNamespaces.",
            )
        return replace(account.seen, stale=account.stale_query is not None)

    def expect(self, key: AccountKey) -> None:
        """The account exists, and will be looked at soon: until then it is waited for, and not called missing."""
        if key not in self._open:
            self._blocked.setdefault(key, not_reached(key))

    def block(self, key: AccountKey, reason: Reason, message: str) -> None:
        """Say why an account that is not open can't be called."""
        self._blocked[key] = AccountSeen(reason, message)

    async def open(self, key: AccountKey, account: OpenAccount) -> None:
        await self.close(key)
        await account.carrier.__aenter__()
        self._open[key] = account
        self._blocked.pop(key, None)

    def is_lost(self, key: AccountKey, number: E164) -> bool:
        """Whether an open account has lost a number. What an earlier process found lost is in the number's phase."""
        account = self._open.get(key)
        return account is not None and account.is_lost(number)

    async def close(self, key: AccountKey) -> None:
        self._blocked.pop(key, None)
        if account := self._open.pop(key, None):
            await account.carrier.__aexit__(None, None, None)

    async def close_all(self) -> None:
        for key in tuple(self._open):
            await self.close(key)


def not_reached(key: AccountKey) -> AccountSeen:
    return AccountSeen(Reason.ACCOUNT_NOT_READY, f"CarrierAccount {key} is being reached for the first time.")


def _missing(key: AccountKey) -> AccountSeen:
    return AccountSeen(
        Reason.ACCOUNT_MISSING, f"CarrierAccount {key} does not exist: create it, or correct spec.carriers."
    )


def fingerprint(*parts: str) -> str:
    """A short, stable digest of settings and secrets, to see that they changed without keeping them."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
