"""Reconciling one compliance bundle: read it, file it at each carrier for each number type, follow the reviews.

::

    plan -> its record written to the status -> its one call -> the answer settled -> plan ... -> nothing left: report

What a call creates was written before the call, by the reference that it is created under
(`plan/compliance_bundle/filing.py`), so a crash anywhere finds it again. When a write meets another writer the whole
turn is forgotten, and begins anew.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import product

import structlog

from ringfleet.api import ComplianceBundle
from ringfleet.api.compliance_bundle import Filing as FilingStatus
from ringfleet.carriers.errors import (
    CarrierError,
    CarrierUnavailable,
    CredentialsRejected,
    OutcomeUnknown,
    RequestRejected,
)
from ringfleet.carriers.registrar import Registrar
from ringfleet.controllers.bundle_attachments import counted
from ringfleet.controllers.bundle_documents import Dossier, read_dossier
from ringfleet.controllers.redaction import WITHHELD
from ringfleet.controllers.services import Services
from ringfleet.model.compliance import Filing, Paper, Regulation, Shortcoming
from ringfleet.objects.compliance_bundle import Place, bundle_memory, bundle_status, filing_records, filing_status
from ringfleet.objects.conditions import conditions
from ringfleet.objects.refs import Key, account_key
from ringfleet.plan.compliance_bundle.filing import (
    Action,
    Answer,
    CarrierSeen,
    CreateParty,
    Evaluate,
    FilingKey,
    FilingRecord,
    FindFiling,
    FindItem,
    Look,
    OpenFiling,
    PutItems,
    ReadRegulation,
    Submit,
    Upload,
    refuse,
    revision_of,
    settle,
)
from ringfleet.plan.compliance_bundle.plan import FilingPlan, plan_filing
from ringfleet.plan.compliance_bundle.report import FilingReport, plan_bundle_conditions
from ringfleet.plan.compliance_bundle.requirements import BundleWant

log = structlog.get_logger(__name__)

READ_AGAIN = 10.0
"""Seconds until what could not be read is read again. Secrets are not watched."""
CHANGED_AGAIN = timedelta(minutes=5)
"""How often a bundle is read although nothing else wakes it: a Secret that it names may have changed."""
_LOOKS = ReadRegulation | FindItem | FindFiling | Look
"""The actions that change nothing at the carrier."""
CALL_AGAIN = timedelta(seconds=15)
"""How long a carrier that does not answer is left alone. Its account wakes the bundle when it answers sooner."""


async def reconcile_bundle(services: Services, key: Key) -> float | None:
    """Take every filing of the bundle as far as it goes now. Returns the delay, in seconds, until another turn."""
    bundle = services.fleet.get(ComplianceBundle, key.namespace, key.name)
    if bundle is None or bundle.metadata.deletion_timestamp:
        return None
    dossier = await read_dossier(services.kube, bundle, services.settings.documents_dir)
    turn = _Turn(services, bundle, dossier)
    plans = [await turn.file(filing) for filing in turn.filings()]
    await turn.conclude()
    waits = [plan.requeue for plan in plans if plan.requeue is not None]
    again = READ_AGAIN if dossier.unreadable else CHANGED_AGAIN.total_seconds()
    asked = services.settings.review_interval
    return min((*waits, again, asked.total_seconds() if asked else again))


def bundle_want(bundle: ComplianceBundle, dossier: Dossier) -> BundleWant:
    spec = bundle.spec
    return BundleWant(
        name=bundle.metadata.name,
        country=spec.country,
        types=spec.number_types,
        end_user=spec.end_user.type,
        party=dossier.party,
        papers=dossier.papers,
        renew_before=spec.renew_before,
        suspended=spec.suspend,
        unreadable=dossier.unreadable,
    )


class _Turn:
    """One turn of one bundle: what was read of it, and how each of its filings stands."""

    def __init__(self, services: Services, bundle: ComplianceBundle, dossier: Dossier) -> None:
        self._services, self._bundle, self._dossier = services, bundle, dossier
        self._want, self._discretion = bundle_want(bundle, dossier), dossier.discretion()
        self._records = filing_records(bundle)
        self._reports: dict[Place, FilingReport] = {}

    def filings(self) -> list[FilingKey]:
        """One for each carrier and number type."""
        meta, spec = self._bundle.metadata, self._bundle.spec
        accounts = [account_key(ref, meta.namespace) for ref in spec.carriers]
        installation, grace = self._services.installation, self._services.settings.filing_grace
        places = product(accounts, spec.number_types)
        return [FilingKey(installation, meta.uid, *place, grace) for place in places]

    async def file(self, key: FilingKey) -> FilingPlan:
        """Take one filing as far as it goes; the plan that has nothing more to do."""
        place = Place(key.account, key.type)
        record, seen = self._records.get(place, FilingRecord()), self._reached(key)
        while True:
            plan = plan_filing(key, self._want, record, seen, self._services.clock())
            self._records[place], self._reports[place] = plan.record, plan.report
            if plan.action is None:
                return plan
            await self._write(in_between=True)
            record, seen = await self._act(key, plan.record, seen, plan.action)

    def _reached(self, key: FilingKey) -> CarrierSeen:
        """What is seen of the carrier before it is asked: whether its account can be called at all."""
        account = self._services.accounts.seen(key.account, self._bundle.metadata.namespace)
        if account.blocked is None:
            return CarrierSeen(woken=self._services.settings.review_interval is not None)
        return CarrierSeen(rests_until=self._services.clock() + CALL_AGAIN, because=account.message)

    async def _act(
        self, key: FilingKey, record: FilingRecord, seen: CarrierSeen, action: Action
    ) -> tuple[FilingRecord, CarrierSeen]:
        """The record and what is seen after one call, however it ended."""
        account = self._services.accounts.opened(key.account)
        now = self._services.clock
        try:
            answer = await self._call(account.carrier.registrar, action)
        except OutcomeUnknown:
            log.warning("filing outcome unknown", bundle=self._bundle.key, action=type(action).__name__)
            return record, CarrierSeen(read=seen.read, regulation=seen.regulation)
        except (CarrierUnavailable, CredentialsRejected) as error:
            self._services.queues.wake_account(key.account)
            because = self._in_our_words(error, "the carrier can't be asked now")
            return record, replace(seen, rests_until=now() + CALL_AGAIN, because=because)
        except RequestRejected as error:
            code = self._discretion.code(error.code)
            return refuse(key, record, action, self._in_our_words(error, f"{code}: {WITHHELD}")), seen
        tell = log.debug if isinstance(action, _LOOKS) else log.info
        tell("filed", bundle=self._bundle.key, account=str(key.account), action=type(action).__name__)
        return settle(key, record, seen, action, self._discreet(record, seen, answer), now())

    def _in_our_words(self, error: CarrierError, otherwise: str) -> str:
        """What the error says. It quotes nothing by its adapter's promise; that it names nothing is seen to here."""
        return str(error) if self._discretion.names_nothing(str(error)) else otherwise

    async def _call(self, registrar: Registrar | None, action: Action) -> Answer:
        """The one call that the action means. A carrier that reviews nothing asks for nothing."""
        if registrar is None:
            assert isinstance(action, ReadRegulation)
            return Regulation("", action.country, action.type, action.end_user)
        match action:
            case ReadRegulation(country, type_, end_user):
                return await registrar.regulation(country, type_, end_user)
            case FindItem(reference=reference):
                return await registrar.find_item(reference)
            case CreateParty(reference=reference):
                return await registrar.create_party(self._dossier.party, reference)
            case Upload(name, _, reference):
                return await registrar.upload(self._paper(name), reference)
            case FindFiling(reference):
                return await registrar.find_filing(reference)
            case OpenFiling(regulation, items, reference):
                return await registrar.open_filing(regulation, items, reference, self._bundle.spec.contact)
            case PutItems(id_, items):
                await registrar.put_items(id_, items)
            case Evaluate(id_):
                return await registrar.evaluate(id_)
            case Submit(id_):
                await registrar.submit(id_)
            case Look(id_):
                return await registrar.filing(id_)
        return None

    def _paper(self, name: str) -> Paper:
        return next(paper for paper in self._dossier.papers if paper.name == name)

    def _discreet(self, record: FilingRecord, seen: CarrierSeen, answer: Answer) -> Answer:
        """The carrier's answer with our names for what it finds wrong, and nothing that tells of a person. What is in
        hand may differ from what was filed: then no sentence about that is shown."""
        if not isinstance(answer, Filing | tuple):
            return answer
        as_filed = seen.regulation is not None and record.revision == revision_of(seen.regulation, self._want)
        if isinstance(answer, Filing):
            return replace(answer, shortcomings=self._named(record, answer.shortcomings, as_filed))
        return self._named(record, answer, as_filed)

    def _named(self, record: FilingRecord, found: tuple[Shortcoming, ...], as_filed: bool) -> tuple[Shortcoming, ...]:
        names = {item.id: item.name for item in record.items}
        tell = self._discretion
        return tuple(
            Shortcoming(names.get(one.paper or ""), tell.code(one.reason), tell.sentence(one.message, whole=as_filed))
            for one in found
        )

    async def conclude(self) -> None:
        """Write how all filings stand. Filings that the spec does not want any more are forgotten."""
        wanted = {Place(key.account, key.type) for key in self.filings()}
        self._records = {place: record for place, record in self._records.items() if place in wanted}
        await self._write()

    async def _write(self, *, in_between: bool = False) -> None:
        """Write the records, and what the bundle says of itself; in between two calls only if it says nothing yet."""
        bundle, now = self._bundle, self._services.clock()
        records = sorted(self._records.items())
        filings = tuple(
            filing_status(place, record, self._reports.get(place), self._before(place)) for place, record in records
        )
        filings = counted(self._services, bundle.metadata.namespace, filings)
        status = bundle_status(bundle.status, filings, bundle_memory(records))
        if not in_between or not bundle.status.conditions:
            said = plan_bundle_conditions(self._reports.values())
            generation = bundle.metadata.generation
            status = status.saying(generation, conditions(bundle.status.conditions, said, generation, now))
        await self._services.status.write(bundle, status)
        meta = bundle.metadata
        self._bundle = self._services.fleet.get(ComplianceBundle, meta.namespace, meta.name) or bundle

    def _before(self, place: Place) -> FilingStatus | None:
        return next((filing for filing in self._bundle.status.filings if Place.of(filing) == place), None)
