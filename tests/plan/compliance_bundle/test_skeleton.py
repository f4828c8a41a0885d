"""One bundle for several carriers: what they share is written once, and nothing that one of them asks is left out."""

from __future__ import annotations

from ringfleet.model import AccountKey, NumberType
from ringfleet.model.compliance import EndUserType, Regulation, Requirement, Subject
from ringfleet.plan.compliance_bundle.skeleton import Skeleton, Slot, outline

ONE, OTHER = AccountKey("numbers", "one"), AccountKey("numbers", "other")
PDF, PNG = "application/pdf", "image/png"


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
