"""What every carrier's registrar does, against the sandbox's face of that carrier. A test of a carrier inherits it.

What a carrier does in another way is a field of the class; what only one does is in the test of that carrier.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import replace
from typing import ClassVar

import pytest

from ringfleet.carriers.errors import CarrierUnavailable, OutcomeUnknown, RequestRejected
from ringfleet.model import ItemState
from ringfleet.model.compliance import Review, Subject
from tests.carriers.customer import Customer
from tests.carriers.filing import (
    BERLIN,
    BUSINESS,
    GEOGRAPHIC,
    REVIEW,
    YEAR,
    a_draft,
    approved,
    bundles_at,
    file_items,
    german_rules,
    kit_of,
    let_pass,
    looked_at,
    now_at,
    open_draft,
    papers_at,
    planted_in,
    put_items,
    registrar_of,
)

CREATIONS = ["document_create", "end_user_create", "bundle_create"]


class RegistrarConformance:
    provider: ClassVar[str]
    absent: ClassVar[str]
    """The id of a bundle that is not there."""
    lacks: ClassVar[tuple[str, str]]
    """How it is said that the draft has no extract of the register: the reason, and a part of the sentence."""
    declined: ClassVar[tuple[str, str]]
    """How it is said that the reviewer did not accept the bill: the reason, and a part of the sentence."""
    attach_code: ClassVar[str | None] = None
    """The code of a refusal to give a number its bundle; None: no number waits for one."""
    tells_bundle: ClassVar[bool] = True
    """Whether the carrier tells which bundle a number carries."""

    # What is asked for.

    async def test_what_a_market_requires_is_what_the_kit_has(self, customer: Customer) -> None:
        rules, kit = await german_rules(registrar_of(customer)), kit_of(customer)
        assert {one.subject for one in rules.requirements} == set(Subject)
        asked = {name for one in rules.requirements if one.subject is Subject.END_USER for name in one.attributes}
        assert asked == set(kit.party.attributes)
        papers = [one.accepts for one in rules.requirements if one.subject is Subject.DOCUMENT]
        assert [paper.type in accepts for paper, accepts in zip((kit.register, kit.bill), papers, strict=True)] == [
            True,
            True,
        ]

    async def test_a_market_that_asks_for_nothing_is_not_one_that_is_not_sold(self, customer: Customer) -> None:
        nothing = await registrar_of(customer).regulation("US", GEOGRAPHIC, BUSINESS)
        assert nothing is not None
        assert nothing.requirements == ()

    # Made once.

    async def test_what_is_created_is_found_by_its_reference_and_created_once(self, customer: Customer) -> None:
        registrar, kit = registrar_of(customer), kit_of(customer)
        assert await registrar.find_item("register") is None
        first = await registrar.upload(kit.register, "register")
        assert await registrar.find_item("register") == first
        assert await registrar.upload(kit.register, "register") == first
        assert await registrar.create_party(kit.party, "party") == await registrar.create_party(kit.party, "party")
        draft = await open_draft(customer, await file_items(customer))
        assert await open_draft(customer, draft.items) == draft
        assert sorted(paper["reference"] for paper in papers_at(customer)) == ["bill", "party", "register"]
        assert [bundle["reference"] for bundle in bundles_at(customer)] == ["bundle"]

    @pytest.mark.parametrize("fault", ["reset_after_commit", "server_error_after_commit"])
    async def test_a_creation_whose_reply_is_lost_is_found_and_never_made_twice(
        self, customer: Customer, fault: str
    ) -> None:
        registrar, kit = registrar_of(customer), kit_of(customer)
        customer.sandbox.set_faults({"fault": fault, "operations": CREATIONS})
        with pytest.raises(OutcomeUnknown):
            await registrar.create_party(kit.party, "party")
        with pytest.raises(OutcomeUnknown):
            await registrar.upload(kit.register, "register")
        party = await self.found_party(customer)
        items = tuple(filter(None, [party, await registrar.find_item("register")]))
        assert len(items) == 2
        with pytest.raises(OutcomeUnknown):
            await open_draft(customer, items)
        found = await registrar.find_filing("bundle")
        assert found is not None
        with suppress(CarrierUnavailable):  # of a part that is made then, and may simply be made again
            await put_items(customer, found, *items)
        customer.sandbox.set_faults()
        await put_items(customer, found, *items)
        assert (await looked_at(customer, found)).items == items
        assert await registrar.create_party(kit.party, "party") == items[0]
        assert await registrar.upload(kit.register, "register") == items[1]
        assert (await open_draft(customer, items)).external_id == found.external_id
        assert sorted(paper["reference"] for paper in papers_at(customer)) == ["party", "register"]
        assert [bundle["reference"] for bundle in bundles_at(customer)] == ["bundle"]

    async def found_party(self, customer: Customer) -> str | None:
        return await registrar_of(customer).find_item("party")

    async def test_two_operators_at_one_instant_go_on_with_the_same_bundle(self, customer: Customer) -> None:
        """A second one that was made all the same stays a draft, which is never handed in."""
        items = await file_items(customer)
        async with customer.another() as other:
            assert other.registrar
            rules, party = await german_rules(other.registrar), kit_of(customer).party
            mine, theirs = registrar_of(customer), other.registrar
            both = [one.open_filing(rules, items, "bundle", "a@example.com", party) for one in (mine, theirs)]
            await asyncio.gather(*both, return_exceptions=True)
            seen = [await one.find_filing("bundle") for one in (mine, theirs)]
        assert seen[0] is not None
        assert seen[0] == seen[1]
        await mine.submit(seen[0].external_id)
        let_pass(customer, REVIEW)
        assert (await looked_at(customer, seen[0])).review is Review.APPROVED
        states = sorted(bundle["status"] for bundle in bundles_at(customer))
        assert states in (["approved"], ["approved", "draft"])

    # A bundle's life.

    async def test_a_bundle_goes_from_draft_to_approved_and_ends_after_a_year(self, customer: Customer) -> None:
        registrar, draft = registrar_of(customer), await a_draft(customer)
        assert (draft.review, draft.reference, len(draft.items)) == (Review.DRAFT, "bundle", 3)
        assert await registrar.find_filing("bundle") == draft
        assert await registrar.evaluate(draft.external_id) == ()
        before = now_at(customer)
        await registrar.submit(draft.external_id)
        await registrar.submit(draft.external_id)
        after = now_at(customer)
        assert (await looked_at(customer, draft)).review is Review.SUBMITTED
        let_pass(customer, REVIEW)
        end = await looked_at(customer, draft)
        assert end.expires_at
        assert before <= end.expires_at - YEAR - REVIEW <= after
        assert end == replace(draft, review=Review.APPROVED, expires_at=end.expires_at)
        let_pass(customer, YEAR)
        assert await looked_at(customer, draft) == replace(end, review=Review.EXPIRED)

    async def test_an_approval_that_ends_is_followed_by_a_second_bundle_of_the_same_items(
        self, customer: Customer
    ) -> None:
        registrar, first = registrar_of(customer), await approved(customer)
        second = await open_draft(customer, first.items, "bundle.1")
        assert second.external_id != first.external_id
        assert await registrar.evaluate(second.external_id) == ()
        await registrar.submit(second.external_id)
        let_pass(customer, REVIEW)
        assert [(await looked_at(customer, one)).review for one in (first, second)] == [Review.APPROVED] * 2
        assert sorted(paper["reference"] for paper in papers_at(customer)) in (
            ["bill", "party", "register"],
            ["bill", "party", "party (1)", "register"],
        )

    async def test_what_a_draft_lacks_is_said_and_can_be_put_in(self, customer: Customer) -> None:
        registrar, kit = registrar_of(customer), kit_of(customer)
        draft = await a_draft(customer, kit.bill)
        told = await registrar.evaluate(draft.external_id)
        assert [(lack.paper, lack.reason) for lack in told] == [(None, self.lacks[0])]
        assert self.lacks[1] in told[0].message
        with pytest.raises(RequestRejected):
            await registrar.submit(draft.external_id)
        await put_items(customer, draft, *draft.items, await registrar.upload(kit.register, "register"))
        assert await registrar.evaluate(draft.external_id) == ()

    async def test_a_rejection_names_the_item_and_the_reason_and_can_be_corrected(self, customer: Customer) -> None:
        registrar, kit = registrar_of(customer), kit_of(customer)
        customer.sandbox.set_faults({"fault": "review_rejected", "reason": "illegible", "document": "utility_bill"})
        draft = await a_draft(customer)
        await registrar.submit(draft.external_id)
        let_pass(customer, REVIEW)
        rejected = await looked_at(customer, draft)
        assert rejected.review is Review.REJECTED
        assert [(one.paper, one.reason) for one in rejected.shortcomings] == [(draft.items[2], self.declined[0])]
        assert self.declined[1] in rejected.shortcomings[0].message
        customer.sandbox.set_faults()
        better = (*draft.items[:2], await registrar.upload(replace(kit.bill, content=b"%PDF legible"), "bill-2"))
        await put_items(customer, draft, *better)
        assert await looked_at(customer, draft) == replace(draft, items=better)
        await registrar.submit(draft.external_id)
        let_pass(customer, REVIEW)
        assert (await looked_at(customer, draft)).review is Review.APPROVED

    async def test_a_bundle_that_is_not_there_is_none(self, customer: Customer) -> None:
        assert await registrar_of(customer).filing(self.absent) is None
        assert await registrar_of(customer).find_filing("another") is None

    # Numbers.

    async def test_a_number_is_sold_with_an_approved_bundle_and_lives_at_once(self, customer: Customer) -> None:
        bundle = await approved(customer)
        purchase = await customer.purchase("with", 2, BERLIN)
        outcomes = await customer.carrier.buy(replace(purchase, bundle=bundle.external_id))
        assert {outcome.state for outcome in outcomes} == {ItemState.PROVISIONED}

    async def test_a_number_that_waits_lives_when_it_is_given_the_bundle(self, customer: Customer) -> None:
        """Where none is sold without its documents, none waits."""
        (outcome,) = await customer.carrier.buy(await customer.purchase("without", 1, BERLIN))
        if not customer.sells_before_documents:
            assert outcome.state is ItemState.FAILED
            assert customer.bill() == []
            return
        assert outcome.state is ItemState.PENDING_DOCUMENTS
        assert outcome.external_id
        bundle = await approved(customer)
        customer.sandbox.set_faults({"fault": "attach_refused"})
        with pytest.raises(RequestRejected) as refused:
            await registrar_of(customer).attach(outcome.external_id, bundle.external_id)
        assert refused.value.code == self.attach_code
        assert "can't be used" not in str(refused.value)
        customer.sandbox.set_faults()
        assert [held.status.value for held in await customer.listed()] == ["pending_documents"]
        await registrar_of(customer).attach(outcome.external_id, bundle.external_id)
        (held,) = await customer.listed()
        assert held.status.value == "active"
        assert held.bundle == (bundle.external_id if self.tells_bundle else None)

    # Secrecy.

    async def test_nothing_of_what_is_filed_is_logged_on_its_way(
        self, customer: Customer, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
    ) -> None:
        caplog.set_level(logging.DEBUG)
        await approved(customer)
        assert "documents" in caplog.text.lower()
        assert planted_in(caplog.text + "".join(capsys.readouterr())) == []
