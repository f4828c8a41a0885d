"""What a bundle at Twilio holds, what is wrong with it, and how one takes over what another holds.

A bundle says no reason when it is rejected: its documents do. One that was approved and has run out falls to
`twilio-rejected`: its `valid_until` tells it from one that was never approved. `provisionally-approved` is a word of
Twilio's library that its table of statuses leaves out; a purchase is refused under any status but `twilio-approved`, so
it counts as a review that is not over.

An approved bundle can't be changed. Its successor begins as its copy (Copies), is changed and reviewed, and once it is
approved its items are put into the old one (ReplaceItems): numbers keep the bundle that they have.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from ringfleet.carriers.errors import CarrierUnavailable, OutcomeUnknown, RequestRejected
from ringfleet.carriers.http import Call
from ringfleet.carriers.json_fields import Fields
from ringfleet.carriers.twilio.addresses import Addresses, is_proof, shown_by
from ringfleet.carriers.twilio.compliance import BASE, Compliance, part
from ringfleet.model.compliance import Filing, Review, Shortcoming

REVIEWS = {
    "draft": Review.DRAFT,
    "pending-review": Review.SUBMITTED,
    "in-review": Review.IN_REVIEW,
    "twilio-approved": Review.APPROVED,
    "provisionally-approved": Review.PROVISIONAL,
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
        for sid in await self.assigned(id_):
            paper = await self._document(sid)
            if paper is not None and review is Review.REJECTED:
                lacks += _faults(sid, paper)
            if paper is None or not is_proof(paper.maybe_text("friendly_name")):
                items.append(sid)
        if review is Review.REJECTED and not lacks:
            lacks.append(Shortcoming(None, "rejected", "Twilio gives no reason: see its e-mail to the contact"))
        return Filing(id_, row.text("friendly_name"), review, tuple(items), tuple(lacks), until)

    async def fill(self, bundle: str, items: tuple[str, ...], regulation: str, reference: str) -> None:
        """Make these its items: nothing is taken out that stays in."""
        held = await self.assigned(bundle)
        path = f"{_path(bundle)}/ItemAssignments"
        wanted = [*items, *await self._addresses.proofs(items, regulation, reference)]
        for sid, assignment in held.items():
            if sid not in wanted:
                await self._compliance.drop(f"{path}/{part(assignment)}")
        for sid in wanted:
            if sid not in held:
                await self._assign(bundle, path, sid)

    async def copy(self, bundle: str, reference: str, contact: str) -> str | None:
        """A draft that holds what an approved bundle holds; its SID. None: Twilio copies it not, or not any more."""
        try:
            sid = await self._compliance.make("numbers", f"{_path(bundle)}/Copies", {"FriendlyName": reference})
        except RequestRejected:
            return None
        with suppress(CarrierUnavailable):  # whom Twilio writes to is of no weight beside a copy that is lost
            await self._compliance.send("numbers", _path(sid), {"Email": contact})
        return sid

    async def take_over(self, bundle: str, successor: str, reference: str) -> Filing:
        await self._compliance.send("numbers", f"{_path(bundle)}/ReplaceItems", {"FromBundleSid": successor})
        row = await self._compliance.send("numbers", _path(bundle), {"FriendlyName": reference})
        return await self.filing(Fields(row, "bundle"))

    async def address(self, bundle: str) -> str | None:
        """The SID of the address that its documents show."""
        for sid in await self.assigned(bundle):
            if (paper := await self._document(sid)) is not None and (address := shown_by(paper)) is not None:
                return address
        return None

    async def evaluate(self, bundle: str) -> tuple[Shortcoming, ...]:
        reply = await self._compliance.send("numbers", f"{_path(bundle)}/Evaluations", {})
        results = (Fields(one, "result") for one in Fields(reply, "evaluation").items("results"))
        return tuple(lack for one in results if not one.maybe_flag("passed") for lack in _lacks(one))

    async def _document(self, sid: str) -> Fields | None:
        return await self._compliance.one(f"{BASE}/SupportingDocuments/{part(sid)}") if sid.startswith("RD") else None

    async def assigned(self, bundle: str) -> dict[str, str]:
        """The assignment of each thing in the bundle, in the order in which they were put in."""
        rows = await self._compliance.rows(f"{_path(bundle)}/ItemAssignments", {})
        return {row.text("object_sid"): row.text("sid") for row in rows}

    async def _assign(self, bundle: str, path: str, sid: str) -> None:
        """A thing that is in the bundle twice counts twice: after a lost reply it is looked for."""
        try:
            await self._compliance.call(Call("POST", path, safe=False, form={"ObjectSid": sid}))
        except OutcomeUnknown as error:
            if sid not in await self.assigned(bundle):
                raise CarrierUnavailable(str(error)) from error


def _path(bundle: str) -> str:
    return f"{BASE}/Bundles/{part(bundle)}"


def _lacks(result: Fields) -> Iterable[Shortcoming]:
    """Each field that a result finds wrong, or the result itself. Twilio does not say of which document."""
    told = [Fields(one, "invalid") for one in result.items("invalid")] or [result]
    for one in told:
        code = str(one.value("error_code") or "noncompliant")
        yield Shortcoming(None, code, one.maybe_text("failure_reason") or result.maybe_text("friendly_name") or code)


def _faults(sid: str, paper: Fields) -> Iterable[Shortcoming]:
    if (reason := paper.maybe_text("failure_reason")) is not None:
        yield Shortcoming(sid, "rejected", reason)
