"""A carrier that reviews documents, for unit tests of the controllers only: the registry of the plans' tests, to call.

It does what it is asked, each call a line of the story, unless a test lets the next such call fail or lose its reply.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from ringfleet.model import NumberType
from ringfleet.model.compliance import EndUserType, Filing, Paper, Party, Regulation, Shortcoming, Waste
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
from tests.controllers.carrier_double import RegistrarDouble
from tests.plan.registry import Registry


@dataclass
class ReviewingDouble(RegistrarDouble):
    """See the module. `story` is shared with the API double, so that it shows what was written before what was called.

    `finds`: what its own check finds wrong with any draft.
    """

    story: list[str] = field(default_factory=list)
    registry: Registry = field(default_factory=Registry)
    finds: tuple[Shortcoming, ...] = ()
    _errors: dict[str, list[Exception]] = field(default_factory=dict)
    _lost: dict[str, list[Exception]] = field(default_factory=dict)

    def fail(self, call: str, *errors: Exception) -> None:
        """Let the next calls raise these, one each, and do nothing."""
        self._errors.setdefault(call, []).extend(errors)

    def lose_reply(self, call: str, error: Exception) -> None:
        """Let the next such call do what it is asked, and raise this."""
        self._lost.setdefault(call, []).append(error)

    async def regulation(self, country: str, type_: NumberType, end_user: EndUserType) -> Regulation:
        await asyncio.sleep(self.takes)
        found = self._do("regulation", ReadRegulation(country, type_, end_user))
        assert isinstance(found, Regulation)
        return found

    async def find_item(self, reference: str) -> str | None:
        found = self._do("find_item", FindItem("", "", reference))
        assert found is None or isinstance(found, str)
        return found

    async def create_party(self, party: Party, reference: str) -> str:
        made = self._do("create_party", CreateParty(party.hash, reference))
        assert isinstance(made, str)
        return made

    async def upload(self, paper: Paper, reference: str) -> str:
        made = self._do("upload", Upload(paper.name, paper.hash, reference))
        assert isinstance(made, str)
        return made

    async def find_filing(self, reference: str) -> Filing | None:
        return self._filing("find_filing", FindFiling(reference))

    async def filing(self, external_id: str) -> Filing | None:
        return self._filing("filing", Look(external_id))

    async def open_filing(
        self,
        regulation: Regulation,
        items: tuple[str, ...],
        reference: str,
        contact: str,
        party: Party,
        renews: str | None = None,
    ) -> Filing:
        made = self._filing("open_filing", OpenFiling(regulation, items, reference, renews))
        assert made
        return made

    async def put_items(self, external_id: str, items: tuple[str, ...], party: Party) -> None:
        self._do("put_items", PutItems(external_id, items))

    async def evaluate(self, external_id: str) -> tuple[Shortcoming, ...]:
        self._do("evaluate", Evaluate(external_id))
        return self.finds

    async def submit(self, external_id: str) -> None:
        self._do("submit", Submit(external_id))

    async def take_over(self, external_id: str, successor: str, reference: str) -> Filing:
        taken = self._filing("take_over", TakeOver(external_id, successor, reference))
        assert taken
        return taken

    async def tidy(self, waste: Waste) -> None:
        self._do("tidy", TidyUp(waste, ""))

    def _filing(self, call: str, action: Action) -> Filing | None:
        found = self._do(call, action)
        assert found is None or isinstance(found, Filing)
        return found

    def _do(self, call: str, action: Action) -> Answer:
        self.story.append(f"carrier: {call}")
        if errors := self._errors.get(call):
            raise errors.pop(0)
        answer = self.registry.do(action)
        if errors := self._lost.get(call):
            raise errors.pop(0)
        return answer
