"""The open carrier accounts: one client each, opened when its account is first seen to be usable, and kept open."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

from ringfleet.api import CarrierAccount
from ringfleet.carriers.carrier import Carrier
from ringfleet.carriers.catalog import CatalogMemory
from ringfleet.carriers.errors import CredentialsRejected
from ringfleet.carriers.event_streams import Stream
from ringfleet.carriers.pace import Place
from ringfleet.controllers.account_identities import AtCarrier, Identities
from ringfleet.model import E164, AccountKey, HeldRouting, Market, NumberType, Offer, Query
from ringfleet.model.refs import ObjectRef
from ringfleet.objects.carrier_account import allowed, said_useless, standing_of
from ringfleet.objects.catalog import Seal
from ringfleet.plan.carrier_account import AccountSeen
from ringfleet.plan.carrier_account.identity import USELESS, Identity, duplicate_message
from ringfleet.plan.carrier_account.loss import Roll, found, left
from ringfleet.plan.carrier_account.sweep import Findings
from ringfleet.plan.conditions import Reason
from ringfleet.plan.routing_profile import Refusal


@dataclass(frozen=True, slots=True)
class Demand:
    """Whether the carrier demands documents in one market; None: it did not say. `until`: monotonic seconds. `review`:
    how long it takes to review them, as far as it says. `error`: why it did not say when it was first asked in vain."""

    documents: bool | None
    until: float
    review: timedelta | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Offered:
    """What the carrier offers in one market, as an order would take it; None: it did not say. `until`: monotonic
    seconds."""

    offers: tuple[Offer, ...] | None
    until: float


@dataclass(slots=True)
class CatalogNotes:
    """How the memory of one account's searches is kept; see `controllers/account_catalog.py`."""

    seal: Seal | None = None
    """What the ConfigMap is signed with; None: it is not kept."""
    was_read: bool = False
    """Whether the ConfigMap of an earlier process was looked for."""
    saved_at: datetime | None = None
    """When the ConfigMap was written last, by whichever process; None: nobody knows."""
    searched_at: float | None = None
    """When the account was last searched for the memory only, in monotonic seconds; None: never."""
    said_at: float | None = None
    """When its status last told of the memory, in monotonic seconds; None: not by this process."""
    usable: frozenset[Query] = frozenset()
    """The searches that could be answered from memory when the account's users were last woken for that."""
    taken: bool = False
    """Whether somebody else's ConfigMap was found in its place, which is told in the log once."""


@dataclass(frozen=True, slots=True)
class StreamSeen:
    """What came of the last look at the account's stream."""

    wanted: str | None
    """Where it was to send; None: nowhere."""
    due: float
    """When it is looked at again, in monotonic seconds."""
    stream: Stream | None = None
    """What is there; None: nothing is."""
    refused: str = ""
    """Why there is none, in the carrier's words; empty: it was not refused."""


@dataclass(slots=True)
class OpenAccount:
    """One account's client and what this process knows of it."""

    carrier: Carrier
    """The open client."""
    fingerprint: str
    """A digest of the settings and the credential that the client was opened with; another one means that it is opened
    anew."""
    allowed_namespaces: frozenset[str]
    """The other namespaces whose objects may use the account."""
    seen: AccountSeen
    """Whether the account can be called, as of its last look."""
    credentials: str = ""
    """A digest of the credentials alone: who the account is, of a carrier that tells no id."""
    opened_at: float = 0.0
    """When the client was opened, in monotonic seconds."""
    account_id: str | None = None
    """The carrier's own id of the account; None until the carrier has told, and of a carrier that tells none."""
    identity: Identity | None = None
    """Which account at the carrier it is; None until the carrier was asked, and while it is another one than the
    object's before, which no person has accepted."""
    balance_said_at: float | None = None
    """When this process last wrote the balance, in monotonic seconds; None before the first time."""
    balance_waits: bool = False
    """Whether the balance has moved since, too little to be written at once."""
    place: Place = field(default_factory=partial(Place, 1, 1))
    """Where the client keeps pace with the others of its account."""
    rejected_until: float = 0.0
    """Until when credentials that the carrier has refused are not tried again, in monotonic seconds."""
    failures: int = 0
    """How many looks at the account have failed in a row."""
    at_carrier: AtCarrier = field(default_factory=AtCarrier)
    """What is known of the account at the carrier, whichever objects it has; a blank until the carrier was asked which
    one it is."""
    rejected: CredentialsRejected | None = None
    """How the carrier has refused the credentials of this client; None: it has not."""
    stream: StreamSeen | None = None
    """What is known of the account's event stream; None: it has none, or nobody has looked."""
    stale_query: Query | None = None
    """The search that was last answered from memory or not at all; None while search works."""
    catalog: CatalogMemory = field(default_factory=CatalogMemory)
    """What its searches gave last."""
    catalog_notes: CatalogNotes = field(default_factory=CatalogNotes)
    """What is known of keeping that fresh, and for the next process."""
    findings: Findings | None = None
    """What the last believed sweep found; None before the first."""
    swept_at: float | None = None
    """When the last sweep was made, in monotonic seconds; None before the first."""
    listed_at: datetime | None = None
    """When the last listing that was believed came to its end; None before the first."""
    quiet_sweeps: int = 0
    """How many sweeps in a row found nothing changed; the wait between sweeps grows with it."""
    listing_incomplete: bool = False
    """Whether the last listing ended before its own total."""
    listing_failures: int = 0
    """How many listings in a row could not be had; the wait until the next one grows with it."""
    listing_error: str = ""
    """Why the last listing could not be had; empty when it could, or when the carrier only asked for fewer calls."""
    unreadable: int = 0
    """How many rows of the last believed listing can't be read."""
    unreadable_row: str = ""
    """What is wrong with one of these rows, the same one each time; empty when there is none."""
    unreadable_offer: str = ""
    """What is wrong with an offer of the last search that can't be read; empty when there is none."""
    unlisted: set[E164] = field(default_factory=set)
    """The numbers bought of which no listing has told since they have their objects: it says how calls are signed."""
    last_owned: int | None = None
    """How many numbers the last believed listing had, also one of an earlier process; None: there was none."""
    doubted: int | None = None
    """How many numbers a later listing had that is not believed; None: no listing is doubted."""
    orphaned: frozenset[str] = frozenset()
    """Why orphans of the last believed sweep can't be adopted, a sentence each."""
    refused: frozenset[str] = frozenset()
    """What the last sweep was refused, by the API server or the carrier, a sentence a number."""
    demands: dict[tuple[str, NumberType], Demand] = field(default_factory=dict)
    """Whether the carrier demands documents, by country and number type, for as long as its answer holds."""
    wanted_markets: dict[tuple[str, NumberType], float] = field(default_factory=dict)
    """The countries and number types that a pool wants to know this of, and since when, in monotonic seconds, until the
    carrier has answered."""
    offered: dict[Market, Offered] = field(default_factory=dict)
    """What the carrier offers of each market for which a pool chooses by price, for as long as that holds."""
    priced_for: dict[Market, float] = field(default_factory=dict)
    """The markets of which a pool wants to know that, and since when, in monotonic seconds, until the carrier has
    answered."""
    routings: dict[str, HeldRouting | None] = field(default_factory=dict)
    """The routing profiles of ours, by reference, as the carrier was last seen to have them, or as we have just told
    them; None: it has none, or nobody knows. A reference that is not here: this process has not looked for it yet."""
    refusals: dict[str, Refusal] = field(default_factory=dict)
    """The routing profiles of ours, by reference, that the account did not take."""
    untold: set[ObjectRef] = field(default_factory=set)
    """The routing profiles that the account is to be told."""
    addresses: dict[str, str] = field(default_factory=dict)
    """The carrier's ids of the emergency addresses of ours that this process has made or found, by reference."""
    addresses_lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Lets one number at a time make an emergency address, which others may be waiting for."""
    listed_addresses: frozenset[str] | None = None
    """The carrier's ids of the emergency addresses that numbers had in the last listing that was believed; None: there
    was none since."""
    routings_read_at: float | None = None
    """When the carrier's routing profiles were last read, in monotonic seconds; None: never."""

    @property
    def offers_remembered(self) -> bool:
        """Whether there is a search that could be answered from memory."""
        return bool(self.catalog.usable())

    @property
    def room_for_numbers(self) -> int:
        """How many numbers may be changed at once: half as many as calls may be made while an order buys, so that
        numbers never hold it up."""
        at_once = self.place.pace.concurrency
        return at_once // 2 if self.at_carrier.purchases else at_once

    @property
    def purchase_lock(self) -> asyncio.Lock:
        """Lets one purchase at a time begin, of whichever object, where orders buy in turn."""
        return self.at_carrier.purchase_lock

    @property
    def roll(self) -> Roll:
        """What the listings have shown, and left out, number by number."""
        return self.at_carrier.roll

    def is_lost(self, number: E164) -> bool:
        """Whether the carrier has stopped showing the number, in its listings and when it was asked for it."""
        return number in self.roll.lost

    def note_found(self, number: E164) -> None:
        """The carrier has shown the number when it was looked up."""
        self.at_carrier.roll = found(self.roll, number)

    def note_left(self, number: E164, released: bool) -> None:
        """We have given the number back, or else taken our mark off: a late listing must not make it an orphan."""
        self.at_carrier.roll = left(self.roll, number, released)


class NotOpen(Exception):
    """The account was closed between the plan and the act; the key runs again when it is open."""


class Accounts:
    """The open accounts by key, and what can be said of those that are not open."""

    def __init__(self) -> None:
        self.identities = Identities()
        self.told: dict[AccountKey, AccountSeen] = {}
        """What the users of each account were last woken for."""
        self.awaited: dict[AccountKey, float] = {}
        """Since when an account is being reached for the first time, in monotonic seconds."""
        self.met: set[AccountKey] = set()
        """The accounts that have answered this process, or of which it has said how they are."""
        self.unseen: set[AccountKey] = set()
        """Those that were well when an earlier process saw them last, and that this one has not been able to list."""
        self._open: dict[AccountKey, OpenAccount] = {}
        self._blocked: dict[AccountKey, AccountSeen] = {}

    def get(self, key: AccountKey) -> OpenAccount | None:
        return self._open.get(key)

    def opened(self, key: AccountKey) -> OpenAccount:
        """The account's client, once it is known which account at the carrier it opens: a plan that was made for
        another one must not go on there.

        Raises:
            NotOpen: the account is not open, or is not known to be the one that it was.
        """
        account = self.get(key)
        if account is None or account.identity is None:
            raise NotOpen(f"CarrierAccount {key} is not open")
        return account

    def learn(self, obj: CarrierAccount) -> frozenset[AccountKey]:
        """Note which account at the carrier an object is, as its client was told or else its status says; the other
        objects that this concerns. One that is being deleted is none any more."""
        key = AccountKey(obj.metadata.namespace, obj.metadata.name)
        account = self._open.get(key)
        told = account.identity.id if account and account.identity else obj.status.account_id
        if obj.metadata.deletion_timestamp or told is None:
            return self.identities.forget(key)
        return self.identities.learn(standing_of(obj, told, self._is_useless(key, obj)))

    def _is_useless(self, key: AccountKey, obj: CarrierAccount) -> bool:
        """Whether it can't work until a person mends it, by its last look, or else by that of an earlier client or
        process, which is in its status."""
        account = self._open.get(key)
        if account and account.rejected:
            return True
        seen = account.seen if account else self._blocked.get(key)
        if seen is None or seen.blocked is Reason.ACCOUNT_NOT_READY:
            return said_useless(obj)
        return seen.blocked in USELESS

    def seen(self, key: AccountKey, namespace: str) -> AccountSeen:
        """What an object in `namespace` may know of the account before it orders from it."""
        seen, first = self.seen_by_holder(key, namespace), self.identities.first(key)
        if seen.blocked is None and first != key:
            message = f"CarrierAccount {key}: {duplicate_message(key, first)}"
            return AccountSeen(Reason.DUPLICATE_ACCOUNT, message)
        return seen

    def seen_by_holder(self, key: AccountKey, namespace: str) -> AccountSeen:
        """The same for what the account has already: a duplicate serves its numbers, and ends its orders, all the
        same."""
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

    def give_up_waiting(self, key: AccountKey, seen: AccountSeen) -> None:
        """Say why an account that is being reached for the first time is waited for no longer."""
        if account := self._open.get(key):
            account.seen = seen
        else:
            self._blocked[key] = seen

    async def open(self, key: AccountKey, account: OpenAccount) -> None:
        await self.close(key)
        await account.carrier.__aenter__()
        self._open[key] = account
        self._blocked.pop(key, None)

    def is_lost(self, key: AccountKey, number: E164) -> bool:
        """Whether an open account has lost a number, by its own listings or by those of the account that works in its
        place. What an earlier process found lost is in the number's phase."""
        account = self._open.get(self.identities.first(key))
        return account is not None and account.is_lost(number)

    def lost_to(self, key: AccountKey, number: E164) -> str | None:
        """The carrier's id of the account that a lost number was found in, when this process has asked for it."""
        account = self._open.get(self.identities.first(key))
        return account.at_carrier.elsewhere.get(number) if account else None

    async def close(self, key: AccountKey) -> None:
        self._blocked.pop(key, None)
        if account := self._open.pop(key, None):
            account.place.give_up()
            await account.carrier.__aexit__(None, None, None)

    async def close_all(self) -> None:
        for key in tuple(self._open):
            await self.close(key)


def not_reached(key: AccountKey) -> AccountSeen:
    return AccountSeen(Reason.ACCOUNT_NOT_READY, f"CarrierAccount {key} is being reached for the first time.")


def _missing(key: AccountKey) -> AccountSeen:
    return AccountSeen(
        Reason.ACCOUNT_MISSING, f"CarrierAccount {key} does not exist: create it, or name one that does."
    )


def fingerprint(*parts: str) -> str:
    """A short, stable digest of settings and secrets, to see that they changed without keeping them."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
