"""The numbers that accounts own, from purchase to release, and where they are routed.

::

    purchased --+--> activating --------> active <--> suspended --> released
                |                           ^                          ^
                +--> pending_documents -----+                          |
                            '---- deadline passed ---------------------'

The status is not stored: it follows from the clock, the documents and whether the owner suspended the number. A number
is billed from its purchase on, whatever its status. What waits for documents is active when the bundle that it was
given is approved before the deadline; it stays so when that bundle expires.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ringfleet.simulator.accounts import Accounts, Kind
from ringfleet.simulator.clock import DAY, MONTH, Clock
from ringfleet.simulator.errors import Code, Refused, invalid, not_found
from ringfleet.simulator.selling.stock import Offer, Stock
from ringfleet.simulator.store import Row, Store

DOCUMENTS_DUE = 30 * DAY
ATTESTATIONS = ("A", "B", "C")
"""How calls are signed (STIR/SHAKEN), best first."""
AGING = 45 * DAY
"""How long a released number rests before it is sold again, in seconds."""


class Status(StrEnum):
    ACTIVE = "active"
    ACTIVATING = "activating"
    PENDING_DOCUMENTS = "pending_documents"
    SUSPENDED = "suspended"


@dataclass(frozen=True, slots=True)
class Holding:
    """One owned number. Prices in cents, times in seconds since 1970; a deadline means that documents are missing.

    `attestation` is how the carrier signs its calls: A, since it sold the number to this very account. `routed`: its
    calls go somewhere, whether it has a profile or not, for some carriers keep the routing on the number.
    """

    id: int
    number: str
    account: str
    country: str
    type: str
    area_code: str | None
    region: str | None
    capabilities: tuple[str, ...]
    monthly: int
    setup: int
    reference: str | None
    profile: int | None
    purchased_at: float
    renews_at: float
    active_at: float
    documents_deadline: float | None
    suspended: bool
    bundle: int | None
    attestation: str
    routed: bool

    def status(self, now: float) -> Status:
        if self.documents_deadline is not None:
            return Status.PENDING_DOCUMENTS
        if self.suspended:
            return Status.SUSPENDED
        return Status.ACTIVE if now >= self.active_at else Status.ACTIVATING


@dataclass(frozen=True, slots=True)
class Profile:
    """Where calls and messages go; `content` is what the owner wrote, kept as it is."""

    id: int
    reference: str
    content: Mapping[str, Any]


class Holdings:
    def __init__(self, store: Store, clock: Clock, accounts: Accounts, stock: Stock) -> None:
        self._store = store
        self._clock = clock
        self._accounts = accounts
        self._stock = stock

    def add(
        self,
        account: str,
        offer: Offer,
        reference: str | None,
        active_at: float,
        documents: bool,
        bundle: int | None = None,
    ) -> Holding:
        """Give the number to the account. The billing is the seller's."""
        now = self._clock.now()
        id_ = self._store.write(
            "INSERT INTO numbers (number, account, country, type, area_code, region, capabilities, monthly, setup, "
            "reference, purchased_at, renews_at, active_at, documents_deadline, bundle) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            offer.number,
            account,
            offer.country,
            offer.type,
            offer.area_code,
            offer.region,
            ",".join(offer.capabilities),
            offer.monthly,
            offer.setup,
            reference,
            now,
            now + MONTH,
            active_at,
            now + DOCUMENTS_DUE if documents else None,
            bundle,
        )
        return self.get(account, id_)

    def get(self, account: str, id_: int) -> Holding:
        row = self._store.row("SELECT * FROM numbers WHERE account = ? AND id = ?", account, id_)
        if row is None:
            raise not_found("number", f"with id {id_} in this account")
        return _holding(row)

    def page(
        self,
        account: str,
        after: int,
        limit: int,
        number: str | None = None,
        bought_until: float | None = None,
        left_out: Collection[int] = (),
    ) -> tuple[list[Holding], int]:
        """At most `limit` holdings behind the id `after`, oldest first, and how many there are on all pages.

        Those whose ids are in `left_out` are on none.
        """
        hidden = json.dumps(list(left_out))
        where = (
            "account = ?1 AND (?2 IS NULL OR number = ?2) AND (?3 IS NULL OR purchased_at <= ?3) "
            "AND id NOT IN (SELECT value FROM json_each(?4))"
        )
        rows = self._store.rows(
            f"SELECT * FROM numbers WHERE {where} AND id > ?5 ORDER BY id LIMIT ?6",  # noqa: S608 - a constant
            account,
            number,
            bought_until,
            hidden,
            after,
            limit,
        )
        count = f"SELECT count(*) FROM numbers WHERE {where}"  # noqa: S608 - a constant
        total = self._store.row(count, account, number, bought_until, hidden)
        return [_holding(row) for row in rows], total[0] if total else 0

    def everyone(self, account: str | None = None) -> list[Holding]:
        """The numbers of all accounts, or of one, in the order in which they were bought."""
        return [_holding(row) for row in self._store.rows_of("numbers", account)]

    def set_reference(self, account: str, id_: int, reference: str | None) -> None:
        self.get(account, id_)
        self._store.write("UPDATE numbers SET reference = ? WHERE id = ?", reference, id_)

    def route(self, account: str, id_: int, profile: int | None) -> None:
        """Refused while the number is not active yet, and for a profile that the account does not have."""
        status = self.get(account, id_).status(self._clock.now())
        if status in (Status.ACTIVATING, Status.PENDING_DOCUMENTS):
            raise Refused(Code.NUMBER_NOT_ACTIVE, f"the number is {status}: it can be routed when it is active")
        known = self._store.row("SELECT 1 FROM profiles WHERE account = ? AND id = ?", account, profile)
        if profile is not None and known is None:
            raise invalid("routing_profile_id", "there is no such profile in this account")
        self._store.write("UPDATE numbers SET profile = ? WHERE id = ?", profile, id_)

    def route_itself(self, account: str, id_: int, routed: bool) -> None:
        """The owner has written on the number where its calls go, or that they go nowhere."""
        self.get(account, id_)
        self._store.write("UPDATE numbers SET routed = ? WHERE id = ?", int(routed), id_)

    def suspend(self, account: str, id_: int, suspended: bool) -> Holding:
        self.get(account, id_)
        self._store.write("UPDATE numbers SET suspended = ? WHERE id = ?", int(suspended), id_)
        return self.get(account, id_)

    def attest(self, numbers: Collection[str], attestation: str) -> list[str]:
        """From now on these numbers' calls are signed so; return those that anybody owns."""
        owned = [held.number for held in self.everyone() if held.number in numbers]
        for number in owned:
            self._store.write("UPDATE numbers SET attestation = ? WHERE number = ?", attestation, number)
        return owned

    def owner(self, number: str) -> Holding | None:
        """The number as its owner holds it, whoever that is."""
        row = self._store.row("SELECT * FROM numbers WHERE number = ?", number)
        return None if row is None else _holding(row)

    def release(self, account: str, id_: int) -> None:
        self._release(self.get(account, id_))

    def move(self, numbers: Collection[str], account: str) -> list[str]:
        """Give these numbers to another account as they are, and unrouted; return those that anybody owned."""
        moved = [held.number for held in self.everyone() if held.number in numbers]
        for number in moved:
            self._store.write(
                "UPDATE numbers SET account = ?, profile = NULL, routed = 0 WHERE number = ?", account, number
            )
        return moved

    def waiting(self) -> list[Holding]:
        """Those that wait for documents, oldest first."""
        rows = self._store.rows("SELECT * FROM numbers WHERE documents_deadline IS NOT NULL ORDER BY id")
        return [_holding(row) for row in rows]

    def approved(self) -> list[Holding]:
        """Those that wait though their bundle was approved in time, oldest first."""
        rows = self._store.rows(
            "SELECT numbers.* FROM numbers JOIN bundles ON bundles.id = numbers.bundle "
            "WHERE documents_deadline IS NOT NULL AND documents_deadline > bundles.decided_at "
            "AND bundles.stage = 'approved' "
            "AND (bundles.expires_at IS NULL OR bundles.expires_at > purchased_at) ORDER BY numbers.id"
        )
        return [_holding(row) for row in rows]

    def attach(self, account: str, id_: int, bundle: int) -> Holding:
        self.get(account, id_)
        self._store.write("UPDATE numbers SET bundle = ? WHERE id = ?", bundle, id_)
        return self.get(account, id_)

    def approve_documents(self, held: Holding, active_at: float) -> None:
        self._store.write(
            "UPDATE numbers SET documents_deadline = NULL, active_at = ? WHERE id = ?", active_at, held.id
        )

    def settle(self) -> None:
        """Bring everything up to now: bill the months that began, let go what never got its documents."""
        now = self._clock.now()
        for row in self._store.rows("SELECT * FROM numbers WHERE documents_deadline <= ?", now):
            self._release(_holding(row))
        for row in self._store.rows("SELECT * FROM numbers WHERE renews_at <= ?", now):
            self._renew(_holding(row), now)

    def put_profile(self, account: str, reference: str, content: Mapping[str, Any]) -> Profile:
        """Make or replace the account's profile of this reference; it keeps its id."""
        self._store.write(
            "INSERT INTO profiles (account, reference, content) VALUES (?, ?, ?) "
            "ON CONFLICT DO UPDATE SET content = excluded.content",
            account,
            reference,
            json.dumps(content),
        )
        return next(profile for profile in self.profiles(account) if profile.reference == reference)

    def profiles(self, account: str) -> list[Profile]:
        rows = self._store.rows("SELECT id, reference, content FROM profiles WHERE account = ? ORDER BY id", account)
        return [Profile(id_, reference, json.loads(content)) for id_, reference, content in rows]

    def _release(self, held: Holding) -> None:
        self._store.write("DELETE FROM numbers WHERE id = ?", held.id)
        self._stock.take(held.number, until=self._clock.now() + AGING)
        self._accounts.bill(held.account, held.number, Kind.RELEASE, 0)

    def _renew(self, held: Holding, now: float) -> None:
        months = int((now - held.renews_at) // MONTH) + 1
        for _ in range(months):
            self._accounts.bill(held.account, held.number, Kind.MONTHLY, held.monthly)
        self._store.write("UPDATE numbers SET renews_at = ? WHERE id = ?", held.renews_at + months * MONTH, held.id)


def _holding(row: Row) -> Holding:
    columns = list(row)
    columns[7] = tuple(columns[7].split(","))
    columns[16] = bool(columns[16])
    columns[19] = bool(columns[19]) or columns[11] is not None
    return Holding(*columns)
