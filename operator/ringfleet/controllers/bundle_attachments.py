"""The numbers that carry a compliance bundle: counted in its status, and moved on from a revision that is superseded.

A number says itself which revision it carries (`status.documents.attached`, the carrier's id), by the carrier's word or
by our own act; the informer finds the numbers of a revision by that. So the count needs no record of its own, and is
written once for many numbers that come and go. It is no part of the bundle's turn, which reads Secrets and asks
carriers. A refusal is kept in memory: after a restart the carrier is asked once more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from ringfleet.api import ComplianceBundle
from ringfleet.api.compliance_bundle import Filing
from ringfleet.model import GONE, AccountKey
from ringfleet.objects.compliance_bundle import Place
from ringfleet.objects.refs import Key
from ringfleet.plan.backoff import backoff
from ringfleet.plan.phone_number.case import AttachRefusal, NewerRevision

if TYPE_CHECKING:
    from ringfleet.controllers.services import World
    from ringfleet.objects.phone_number import NumberRecord

FIRST_AGAIN, LAST_AGAIN = timedelta(seconds=15), timedelta(hours=1)
"""How long a carrier that refuses is left alone: at first, and at last."""


class Revision(NamedTuple):
    """One revision of a bundle, as a number carries it: by the id of the account's carrier."""

    namespace: str
    account: AccountKey
    external_id: str


def carried_by(record: NumberRecord | None) -> Revision | None:
    """What the number carries. One that the carrier holds no more carries nothing."""
    if record is None or record.state.attached is None or record.state.phase in GONE:
        return None
    return Revision(record.namespace, record.account, record.state.attached)


# Counting.


def counted(world: World, namespace: str, filings: Iterable[Filing]) -> tuple[Filing, ...]:
    """The filings of a bundle, each with how many numbers carry it."""
    return tuple(_counted(world, namespace, filing) for filing in filings)


def _counted(world: World, namespace: str, filing: Filing) -> Filing:
    account, approved = Place.of(filing).account, filing.approved.id if filing.approved else None
    ids = {id_ for id_ in (filing.id, approved, *filing.superseded) if id_}
    found = {id_: len(world.numbers.store.by("bundle", Revision(namespace, account, id_))) for id_ in ids}
    outdated = sum(count for id_, count in found.items() if id_ in filing.superseded and id_ != approved)
    return filing.model_copy(update={"attached": sum(found.values()), "outdated": outdated})


def in_all(filings: Iterable[Filing]) -> int:
    return sum(filing.attached for filing in filings)


async def count_attached(world: World, key: Key) -> None:
    """Write how many numbers carry the bundle, when that has changed."""
    bundle = world.intents.get(ComplianceBundle, key.namespace, key.name)
    if bundle is None or bundle.metadata.deletion_timestamp:
        return
    filings = counted(world, key.namespace, bundle.status.filings)
    update = {"filings": filings, "attached": in_all(filings)}
    await world.write_status(bundle, bundle.status.model_copy(update=update))


# Moving on.


def newer_revision_for(world: World, record: NumberRecord) -> NewerRevision | None:
    """The approved revision that supersedes the one which the number carries. A suspended bundle sends nothing."""
    for bundle, filing in _filings_at(world, record):
        approved = filing.approved
        if record.state.attached not in filing.superseded or approved is None or bundle.spec.suspend:
            continue
        if approved.expires_at is None or world.clock() < approved.expires_at:
            name = f"ComplianceBundle {bundle.metadata.name} at {record.account}"
            return NewerRevision(name, approved.id, frozenset(filing.superseded) - {approved.id})
    return None


def _filings_at(world: World, record: NumberRecord) -> Iterator[tuple[ComplianceBundle, Filing]]:
    """What the bundles of the number's namespace have filed at its account; nothing for one that carries none."""
    bundles = world.intents.all(ComplianceBundle) if record.state.attached else ()
    for bundle in bundles:
        if bundle.metadata.namespace == record.namespace and bundle.metadata.deletion_timestamp is None:
            account = str(record.account)
            yield from ((bundle, filing) for filing in bundle.status.filings if filing.account == account)


def outdated_numbers(world: World, bundle: ComplianceBundle) -> list[NumberRecord]:
    """The numbers that carry a superseded revision of it."""
    namespace = bundle.metadata.namespace
    return [
        record
        for filing in bundle.status.filings
        for id_ in filing.superseded
        for record in world.numbers.store.by("bundle", Revision(namespace, Place.of(filing).account, id_))
    ]


# Refused.


@dataclass(frozen=True, slots=True)
class _Refused:
    external_id: str
    why: str
    times: int
    again: datetime


class Refusals:
    """Which numbers the carrier did not give their bundle, by uid, and when it is asked again."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._known: dict[str, _Refused] = {}

    def note(self, record: NumberRecord, external_id: str, code: str) -> AttachRefusal:
        """The carrier has just refused; `code` is its own word, of those that may be quoted."""
        before = self._known.get(record.uid)
        times = before.times + 1 if before and before.external_id == external_id else 1
        why = f"it says {code}." if code else "it gives no reason that may be quoted."
        again = self._clock() + backoff(times, FIRST_AGAIN, LAST_AGAIN)
        self._known[record.uid] = _Refused(external_id, why, times, again)
        return AttachRefusal(external_id, why)

    def forget(self, record: NumberRecord) -> None:
        self._known.pop(record.uid, None)

    def of(self, record: NumberRecord) -> AttachRefusal | None:
        known = self._known.get(record.uid)
        return AttachRefusal(known.external_id, known.why, known.again <= self._clock()) if known else None

    def again(self, record: NumberRecord) -> datetime | None:
        """When the carrier is asked again."""
        known = self._known.get(record.uid)
        return known.again if known else None
