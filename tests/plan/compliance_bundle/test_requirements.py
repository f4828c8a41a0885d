"""What is missing, and what would satisfy it; and a bundle that would satisfy several carriers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ringfleet.model import AccountKey, NumberType
from ringfleet.model.compliance import EndUserType, Paper, Regulation, Requirement, Subject
from ringfleet.plan.compliance_bundle.requirements import Missing, Skeleton, Slot, fitting_papers, missing, outline
from tests.plan.registry import PDF, PROOF, RULES, a_bundle, a_paper, a_party

WISH = (
    "Proof of address: a document of type utility_bill or bank_statement with attributes issued_on; "
    "PDF, JPEG or PNG up to 5 MB"
)


@pytest.mark.parametrize(
    ("paper", "tail"),
    [
        (a_paper(), None),
        (a_paper(type="bank_statement", media_type="image/png", size=5_000_000), None),
        (a_paper(type="passport"), ""),
        (a_paper(media_type="application/zip"), " (bill is application/zip)"),
        (a_paper(media_type=None), " (bill is of an unknown media type)"),
        (a_paper(size=5_000_001), " (bill is too large)"),
        (a_paper(size=0), " (bill has no file)"),
        (a_paper(attributes={}), " (bill lacks issued_on)"),
        (a_paper(attributes={}, size=9_000_000), " (bill lacks issued_on and is too large)"),
    ],
)
def test_a_document_fits_or_is_told_why_not(paper: Paper, tail: str | None) -> None:
    expected = () if tail is None else (Missing("proof", WISH + tail),)
    assert missing(RULES, a_bundle(paper)) == expected


def test_one_document_that_fits_is_enough() -> None:
    assert missing(RULES, a_bundle(a_paper(size=0), a_paper("d1", "other"))) == ()


def test_every_requirement_that_is_not_met_is_named_in_an_order_of_its_own() -> None:
    want = a_bundle(a_paper("d1", "late", size=0), a_paper("d0", "bad", size=0), party=None)
    expected = (
        Missing("company", "The company: business_name in spec.endUser.attributes"),
        Missing("proof", f"{WISH} (bad has no file; late has no file)"),
        Missing("street", "A local address: city, postal_code in spec.address"),
    )
    assert missing(RULES, want) == expected
    assert missing(replace(RULES, requirements=RULES.requirements[::-1]), want) == expected


def test_an_attribute_that_is_given_is_not_missing() -> None:
    want = a_bundle(party=a_party(address={"city": "x"}))
    assert missing(RULES, want) == (Missing("street", "A local address: postal_code in spec.address"),)


@pytest.mark.parametrize(
    ("requirement", "wish"),
    [
        (replace(PROOF, accepts=(), attributes=(), media_types=()), "Proof of address: a document"),
        (replace(PROOF, accepts=("id",), media_types=()), "Proof of address: a document of type id with"),
        (replace(PROOF, max_bytes=None, media_types=(PDF,)), "issued_on; PDF"),
        (replace(PROOF, max_bytes=500_000, media_types=("text/x",)), "issued_on; text/x up to 500 kB"),
    ],
)
def test_a_wish_says_only_what_is_wished(requirement: object, wish: str) -> None:
    rules = replace(RULES, requirements=(requirement,))
    assert wish in missing(rules, replace(a_bundle(), papers=()))[0].message


def test_only_documents_that_are_asked_for_are_filed_and_equal_ones_once() -> None:
    papers = (
        a_paper("d2", "zeta"),
        a_paper("d2", "beta"),
        a_paper("d1", "alpha"),
        a_paper("d3", "diary", type="diary"),
    )
    assert [paper.name for paper in fitting_papers(RULES, papers)] == ["alpha", "beta"]


# One bundle for several carriers: what they share is written once, and nothing that one of them asks is left out.

ONE, OTHER, PNG = AccountKey("numbers", "one"), AccountKey("numbers", "other"), "image/png"


def a_regulation(*requirements: Requirement) -> Regulation:
    return Regulation("any", "DE", NumberType.GEOGRAPHIC, EndUserType.BUSINESS, requirements)


def a_document(*accepts: str, id_: str = "proof", attributes: tuple[str, ...] = (), media: str = PDF) -> Requirement:
    return Requirement(id_, Subject.DOCUMENT, "A proof", accepts, attributes, (media,))


def test_two_carriers_that_accept_a_common_type_share_a_document_with_all_attributes() -> None:
    first, second = a_document("bill", "rent", attributes=("number",)), a_document("rent", attributes=("day",))
    shared = Slot("proof", ("rent",), (PDF,), ("number", "day"), ((ONE, first), (OTHER, second)))
    regulations = ((ONE, a_regulation(first)), (OTHER, a_regulation(second)))
    assert outline(regulations) == Skeleton((), (), (shared,))


def test_carriers_with_no_common_type_or_media_type_get_documents_of_their_own() -> None:
    regulations = (
        (ONE, a_regulation(a_document("bill"))),
        (OTHER, a_regulation(a_document("rent"), a_document("bill", media=PNG))),
    )
    slots = outline(regulations).slots
    assert [(slot.name, slot.type) for slot in slots] == [("proof", "bill"), ("proof-2", "rent"), ("proof-3", "bill")]


def test_two_requirements_of_one_carrier_get_a_document_each() -> None:
    slots = outline(
        [(ONE, a_regulation(a_document("passport", id_="Who"), a_document("passport", id_="Wo_hin")))]
    ).slots
    assert [slot.name for slot in slots] == ["who", "wo-hin"]


def test_attributes_that_several_carriers_ask_for_are_written_once() -> None:
    who = Requirement("a", Subject.END_USER, "Who", attributes=("name", "number"))
    also = Requirement("b", Subject.END_USER, "Who", attributes=("number", "vat"))
    where = Requirement("c", Subject.ADDRESS, "Where", attributes=("street",))
    found = outline([(ONE, a_regulation(who)), (OTHER, a_regulation(also, where))])
    assert found == Skeleton(("name", "number", "vat"), ("street",), ())
