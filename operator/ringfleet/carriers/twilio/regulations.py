"""What Twilio's regulations ask for, read as the requirements of `model/compliance.py`.

A document that only names an address is no document of ours: it asks for the address itself, and `addresses.py` makes
it. An empty list of regulations is read as "nothing is asked": whether such numbers are sold is what a search says.
"""

from __future__ import annotations

from collections.abc import Iterable

from ringfleet.carriers.json_fields import Fields
from ringfleet.model import NumberType
from ringfleet.model.compliance import EndUserType, Regulation, Requirement, Subject

TYPE_WORDS = {
    NumberType.GEOGRAPHIC: "local",
    NumberType.MOBILE: "mobile",
    NumberType.NATIONAL: "national",
    NumberType.TOLL_FREE: "toll-free",
}
END_USER_WORDS = {EndUserType.BUSINESS: "business", EndUserType.INDIVIDUAL: "individual"}
SHOWS_ADDRESS = "address_sids"
STREET = ("street", "city", "region", "postal_code", "country")


def parse_regulation(row: Fields, country: str, type_: NumberType, end_user: EndUserType) -> Regulation:
    asked = tuple(_requirements(row.inside("requirements")))
    return Regulation(row.text("sid"), country, type_, end_user, asked, in_place=True, deletes=True)


def address_papers(row: Fields) -> list[str]:
    """Of each requirement that wants an address shown, the type of document that only names one."""
    types: list[str] = []
    for one in _documents(row.inside("requirements")):
        accepted = [Fields(row, "accepted document") for row in one.items("accepted_documents")]
        if accepted and all(set(row.texts("fields")) == {SHOWS_ADDRESS} for row in accepted):
            types.append(accepted[0].text("type"))
    return list(dict.fromkeys(types))


def _requirements(told: Fields) -> Iterable[Requirement]:
    for one in (Fields(row, "end user") for row in told.items("end_user")):
        id_ = one.maybe_text("requirement_name") or "end_user"
        yield Requirement(id_, Subject.END_USER, one.maybe_text("name") or id_, (), one.texts("fields"))
    for one in _documents(told):
        yield _document_asked(one)


def _documents(told: Fields) -> Iterable[Fields]:
    for group in told.items("supporting_document"):
        for row in group if isinstance(group, list) else [group]:
            yield Fields(row, "supporting document")


def _document_asked(one: Fields) -> Requirement:
    """A list of documents any of which will do. One that only names an address asks for the address itself."""
    accepted = [Fields(row, "accepted document") for row in one.items("accepted_documents")]
    id_ = one.text("requirement_name")
    words = one.maybe_text("description") or one.maybe_text("name") or id_
    fields = [row.texts("fields") for row in accepted]
    if accepted and all(set(names) == {SHOWS_ADDRESS} for names in fields):
        return Requirement(id_, Subject.ADDRESS, words, (), tuple(name for name in STREET if name != "region"))
    common = [name for name in (fields[0] if fields else ()) if all(name in names for names in fields)]
    asked = tuple(name for name in common if name != SHOWS_ADDRESS)
    return Requirement(id_, Subject.DOCUMENT, words, tuple(row.text("type") for row in accepted), asked)
