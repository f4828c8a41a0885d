"""The numbers that carry a compliance bundle: counted in its status, and moved on from a revision that is superseded.

A number says itself which revision it carries (`status.documents.attached`, the carrier's id), by the carrier's word or
by our own act; the informer finds the numbers of a revision by that. So the count needs no record of its own, and is
written once for many numbers that come and go. It is no part of the bundle's turn, which reads Secrets and asks
carriers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ringfleet.api import ComplianceBundle
from ringfleet.api.compliance_bundle import Filing
from ringfleet.controllers.services import Services
from ringfleet.model import GONE, AccountKey
from ringfleet.model.refs import ObjectRef
from ringfleet.objects.compliance_bundle import filing_ref, with_counts, with_filings
from ringfleet.objects.phone_number import NumberRecord
from ringfleet.objects.refs import Key
from ringfleet.plan.phone_number.case import NewerRevision


class Revision(NamedTuple):
    """One revision of a bundle, as a number carries it: by the id of the account's carrier."""

    namespace: str
    """That of the bundle: the number's own, unless it is registered to the bundle of a claim."""
    account: AccountKey
    external_id: str


def carried_by(record: NumberRecord | None) -> Revision | None:
    """What the number carries. One that the carrier holds no more carries nothing."""
    if record is None or record.state.attached is None or record.state.phase in GONE:
        return None
    tenants = record.state.registered
    return Revision(tenants.namespace if tenants else record.namespace, record.account, record.state.attached)


# Counting.


def counted(services: Services, namespace: str, filings: Iterable[Filing]) -> tuple[Filing, ...]:
    """The filings of a bundle, each with how many numbers carry it."""
    return tuple(_counted(services, namespace, filing) for filing in filings)


def _counted(services: Services, namespace: str, filing: Filing) -> Filing:
    account, approved = filing_ref(filing).account, filing.approved.id if filing.approved else None
    ids = {id_ for id_ in (filing.id, approved, *filing.superseded) if id_}
    found = {id_: len(services.fleet.numbers.by("bundle", Revision(namespace, account, id_))) for id_ in ids}
    outdated = sum(count for id_, count in found.items() if id_ in filing.superseded and id_ != approved)
    return with_counts(filing, sum(found.values()), outdated)


async def count_attached(services: Services, key: Key) -> None:
    """Write how many numbers carry the bundle, when that has changed."""
    bundle = services.fleet.get(ComplianceBundle, key.namespace, key.name)
    if bundle is None or bundle.metadata.deletion_timestamp:
        return
    filings = counted(services, key.namespace, bundle.status.filings)
    await services.status.write(bundle, with_filings(bundle.status, filings, bundle.status.memory))


# Moving on.


def newer_revision_for(services: Services, record: NumberRecord) -> NewerRevision | None:
    """The approved revision that supersedes the one which the number carries. A suspended bundle sends nothing."""
    for bundle, filing in _filings_at(services, record):
        approved = filing.approved
        if record.state.attached not in filing.superseded or approved is None or bundle.spec.suspend:
            continue
        if approved.expires_at is None or services.clock() < approved.expires_at:
            name = f"ComplianceBundle {bundle.metadata.name} at {record.account}"
            return NewerRevision(name, approved.id, frozenset(filing.superseded) - {approved.id})
    return None


def _filings_at(services: Services, record: NumberRecord) -> Iterator[tuple[ComplianceBundle, Filing]]:
    """What those bundles have filed at its account that it may carry: the tenant's that it is registered to, or those
    of its namespace; nothing for one that carries none."""
    tenants = record.state.registered
    bundles = services.fleet.all(ComplianceBundle) if record.state.attached else ()
    for bundle in bundles:
        place = ObjectRef(bundle.metadata.namespace, bundle.metadata.name)
        may_be = place == tenants if tenants else place.namespace == record.namespace
        if may_be and bundle.metadata.deletion_timestamp is None:
            account = str(record.account)
            yield from ((bundle, filing) for filing in bundle.status.filings if filing.account == account)


def outdated_numbers(services: Services, bundle: ComplianceBundle) -> list[NumberRecord]:
    """The numbers that carry a superseded revision of it."""
    namespace = bundle.metadata.namespace
    return [
        record
        for filing in bundle.status.filings
        for id_ in filing.superseded
        for record in services.fleet.numbers.by("bundle", Revision(namespace, filing_ref(filing).account, id_))
    ]
