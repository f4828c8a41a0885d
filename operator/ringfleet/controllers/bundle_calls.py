"""One call of a bundle's filing: made at its carrier, and how it ended, in words that tell of no person.

What a call creates was written before it is made (`controllers/compliance_bundle.py`). What follows from its end is
decided in `plan/compliance_bundle/decide.py`.
"""

from __future__ import annotations

from dataclasses import replace

import structlog

from ringfleet.carriers.errors import (
    CarrierError,
    CarrierUnavailable,
    CredentialsRejected,
    ItemsGone,
    OutcomeUnknown,
    RequestRejected,
)
from ringfleet.carriers.registrar import Registrar
from ringfleet.controllers.redaction import WITHHELD, discretion_of
from ringfleet.controllers.services import Services
from ringfleet.model.compliance import Dossier, Filing, Paper, Regulation, Shortcoming
from ringfleet.plan.compliance_bundle.decide import Answered, Call, CallOutcome, Gone, Lost, Refused, Unreachable
from ringfleet.plan.compliance_bundle.filing import (
    Action,
    Answer,
    CreateParty,
    Evaluate,
    FindFiling,
    FindItem,
    Look,
    OpenFiling,
    PutItems,
    ReadRegulation,
    Submit,
    TakeOver,
    TidyUp,
    Upload,
)

log = structlog.get_logger(__name__)

_LOOKS = ReadRegulation | FindItem | FindFiling | Look
"""The actions that change nothing at the carrier."""


class Caller:
    """Makes the calls of a bundle's turn. `bundle` is its key, for the log; `dossier`: what is filed."""

    def __init__(self, services: Services, bundle: str, dossier: Dossier) -> None:
        self._services, self._bundle, self._dossier = services, bundle, dossier
        self._discretion = discretion_of(dossier)

    async def make(self, call: Call) -> CallOutcome:
        """Make one call; how it ended."""
        account = call.key.account
        registrar = self._services.accounts.opened(account).carrier.registrar
        try:
            answer = await self._ask(registrar, call.action)
        except OutcomeUnknown:
            log.warning("filing outcome unknown", bundle=self._bundle, action=type(call.action).__name__)
            return Lost()
        except (CarrierUnavailable, CredentialsRejected) as error:
            self._services.queues.wake_account(account)
            return Unreachable(self._in_our_words(error, "the carrier can't be asked now"))
        except ItemsGone as error:
            log.warning("filed items are gone", bundle=self._bundle, account=str(account), items=len(error.ids))
            return Gone(error.ids)
        except RequestRejected as error:
            return Refused(self._in_our_words(error, f"{self._discretion.code(error.code)}: {WITHHELD}"))
        tell = log.debug if isinstance(call.action, _LOOKS) else log.info
        tell("filed", bundle=self._bundle, account=str(account), action=type(call.action).__name__)
        return Answered(self._discreet(call, answer))

    async def _ask(self, registrar: Registrar | None, action: Action) -> Answer:
        """The one call that the action means. A carrier that reviews nothing asks for nothing."""
        if registrar is None:
            assert isinstance(action, ReadRegulation)
            return Regulation("", action.country, action.type, action.end_user)
        match action:
            case ReadRegulation(country, type_, end_user):
                return await registrar.regulation(country, type_, end_user)
            case FindItem(reference=reference):
                return await registrar.find_item(reference)
            case FindFiling(reference):
                return await registrar.find_filing(reference)
            case Look(id_):
                return await registrar.filing(id_)
            case _:
                return await self._change(registrar, action)

    async def _change(self, registrar: Registrar, action: Action) -> Answer:
        match action:
            case CreateParty(reference=reference):
                return await registrar.create_party(self._dossier.party, reference)
            case Upload(name, _, reference):
                return await registrar.upload(self._paper(name), reference)
            case OpenFiling(regulation, items, reference, renews):
                who = self._dossier.party
                return await registrar.open_filing(regulation, items, reference, self._dossier.contact, who, renews)
            case PutItems(id_, items):
                await registrar.put_items(id_, items, self._dossier.party)
            case Evaluate(id_):
                return await registrar.evaluate(id_)
            case Submit(id_):
                await registrar.submit(id_)
            case TakeOver(id_, successor, reference):
                return await registrar.take_over(id_, successor, reference)
            case TidyUp(waste):
                await registrar.tidy(waste)
        return None

    def _paper(self, name: str) -> Paper:
        return next(paper for paper in self._dossier.papers if paper.name == name)

    def _in_our_words(self, error: CarrierError, otherwise: str) -> str:
        """What the error says. It quotes nothing by its adapter's promise; that it names nothing is seen to here."""
        return str(error) if self._discretion.names_nothing(str(error)) else otherwise

    def _discreet(self, call: Call, answer: Answer) -> Answer:
        """The carrier's answer with our names for what it finds wrong, and nothing that tells of a person. What is in
        hand may differ from what was filed: then no sentence about that is shown."""
        if not isinstance(answer, Filing | tuple):
            return answer
        if isinstance(answer, Filing):
            return replace(answer, shortcomings=self._named(call, answer.shortcomings))
        return self._named(call, answer)

    def _named(self, call: Call, found: tuple[Shortcoming, ...]) -> tuple[Shortcoming, ...]:
        names = {item.id: item.name for item in call.record.items}
        tell, whole = self._discretion, call.as_filed
        return tuple(
            Shortcoming(names.get(one.paper or ""), tell.code(one.reason), tell.sentence(one.message, whole=whole))
            for one in found
        )
