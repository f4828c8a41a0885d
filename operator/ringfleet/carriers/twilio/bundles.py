"""What a bundle at Twilio holds, and what is wrong with it.

A bundle says no reason when it is rejected: its documents do. One that was approved and has run out falls to
`twilio-rejected`: its `valid_until` tells it from one that was never approved.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ringfleet.carriers.errors import CarrierUnavailable, OutcomeUnknown
from ringfleet.carriers.http import Call
from ringfleet.carriers.json_fields import Fields
from ringfleet.carriers.twilio.addresses import PROOF, Addresses
from ringfleet.carriers.twilio.compliance import BASE, Compliance, part
from ringfleet.model.compliance import Filing, Review, Shortcoming

REVIEWS = {
    "draft": Review.DRAFT,
    "pending-review": Review.SUBMITTED,
    "in-review": Review.IN_REVIEW,
    "twilio-approved": Review.APPROVED,
    "provisionally-approved": Review.APPROVED,
    "twilio-rejected": Review.REJECTED,
}


class Bundles:
    """The bundles of one account."""

    def __init__(self, compliance: Compliance, addresses: Addresses) -> None:
        self._compliance, self._addresses = compliance, addresses

    async def filing(self, row: Fields) -> Filing:
        """With its items; documents that only show an address are none of ours."""
        id_, review = row.text("sid"), row.choice("status", REVIEWS)
        until = row.maybe_time("valid_until")
        if review is Review.REJECTED and until is not None:
            review = Review.EXPIRED
        items: list[str] = []
        lacks: list[Shortcoming] = []
        for sid in await self._assigned(id_):
            paper = await self._document(sid)
            if paper is not None and review is Review.REJECTED:
                lacks += _faults(sid, paper)
            if paper is None or not (paper.maybe_text("friendly_name") or "").endswith(PROOF):
                items.append(sid)
        if review is Review.REJECTED and not lacks:
            lacks.append(Shortcoming(None, "rejected", "Twilio gives no reason: see its e-mail to the contact"))
        return Filing(id_, row.text("friendly_name"), review, tuple(items), tuple(lacks), until)

    async def fill(self, bundle: str, items: tuple[str, ...], reference: str) -> None:
        """Make these its items: nothing is taken out that stays in."""
        await self._assign(bundle, items, await self._assigned(bundle), reference)

    async def fill_new(self, bundle: str, items: tuple[str, ...], reference: str) -> None:
        await self._assign(bundle, items, {}, reference)

    async def evaluate(self, bundle: str) -> tuple[Shortcoming, ...]:
        reply = await self._compliance.send("numbers", f"{BASE}/Bundles/{part(bundle)}/Evaluations", {})
        results = (Fields(one, "result") for one in Fields(reply, "evaluation").items("results"))
        return tuple(lack for one in results if not one.maybe_flag("passed") for lack in _lacks(one))

    async def _document(self, sid: str) -> Fields | None:
        return await self._compliance.one(f"{BASE}/SupportingDocuments/{part(sid)}") if sid.startswith("RD") else None

    async def _assigned(self, bundle: str) -> dict[str, str]:
        """The assignment of each thing in the bundle, in the order in which they were put in."""
        rows = await self._compliance.rows(f"{BASE}/Bundles/{part(bundle)}/ItemAssignments", {})
        return {row.text("object_sid"): row.text("sid") for row in rows}

    async def _assign(self, bundle: str, items: tuple[str, ...], held: Mapping[str, str], reference: str) -> None:
        path = f"{BASE}/Bundles/{part(bundle)}/ItemAssignments"
        wanted = [*items, *await self._addresses.proofs(items, reference)]
        for sid, assignment in held.items():
            if sid not in wanted:
                await self._compliance.drop(f"{path}/{part(assignment)}")
        for sid in wanted:
            if sid not in held:
                await self._assign_one(bundle, path, sid)

    async def _assign_one(self, bundle: str, path: str, sid: str) -> None:
        """A thing that is in the bundle twice counts twice: after a lost reply it is looked for."""
        try:
            await self._compliance.call(Call("POST", path, safe=False, form={"ObjectSid": sid}))
        except OutcomeUnknown as error:
            if sid not in await self._assigned(bundle):
                raise CarrierUnavailable(str(error)) from error


def _lacks(result: Fields) -> Iterable[Shortcoming]:
    """Each field that a result finds wrong, or the result itself. Twilio does not say of which document."""
    told = [Fields(one, "invalid") for one in result.items("invalid")] or [result]
    for one in told:
        code = str(one.value("error_code") or "noncompliant")
        yield Shortcoming(None, code, one.maybe_text("failure_reason") or result.maybe_text("friendly_name") or code)


def _faults(sid: str, paper: Fields) -> Iterable[Shortcoming]:
    if (reason := paper.maybe_text("failure_reason")) is not None:
        yield Shortcoming(sid, "rejected", reason)
