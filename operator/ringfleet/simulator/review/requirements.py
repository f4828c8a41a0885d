"""What the regulators of this market ask for, by (country, number type, end user): a table, and how to find in it.

AN EXAMPLE, NOT LEGAL ADVICE. The rules are plausible and differ as real ones do; none is any country's law, or any
carrier's word about it. A market that asks for nothing (the United States, Canada) has a regulation of no requirements.

::

    Regulation  1 --- n  Requirement     of the end user, of an address, or of a document of one of some types
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ringfleet.simulator.market import GEOGRAPHIC, MARKETS, MOBILE, NATIONAL


class EndUser(StrEnum):
    BUSINESS = "business"
    INDIVIDUAL = "individual"


class Subject(StrEnum):
    END_USER = "end_user"
    ADDRESS = "address"
    DOCUMENT = "document"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One thing to tell or show. `accepts`: the document types any one of which will do. `local`: in the country."""

    id: str
    subject: Subject
    description: str
    accepts: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    media_types: tuple[str, ...] = ()
    max_bytes: int | None = None
    local: bool = False


@dataclass(frozen=True, slots=True)
class Regulation:
    """All that one market asks of one kind of end user. `valid_days` None: an approval never expires."""

    country: str
    type: str
    end_user: EndUser
    requirements: tuple[Requirement, ...] = ()
    review_hours: int = 0
    valid_days: int | None = None

    @property
    def id(self) -> str:
        return f"req_{self.country.lower()}_{self.type}_{self.end_user}"


@dataclass(frozen=True, slots=True)
class _Rule:
    """A line of the table: the same for the number types that it names."""

    country: str
    types: tuple[str, ...]
    end_user: EndUser
    review_hours: int
    valid_days: int | None
    requirements: tuple[Requirement, ...]


_MEBIBYTE: Final = 1 << 20
_PDF: Final = ("application/pdf",)
_SCANS: Final = ("application/pdf", "image/jpeg", "image/png")
_STREET: Final = ("street", "city", "postal_code", "country")
_COMPANY: Final = ("business_name", "registration_number")
_PERSON: Final = ("first_name", "last_name")
_BORN: Final = (*_PERSON, "birth_date")


def _who(*attributes: str) -> Requirement:
    return Requirement("end_user", Subject.END_USER, "Who uses the numbers", attributes=attributes)


def _address(country: str | None = None) -> Requirement:
    """An address in this country, or in any."""
    words = "An address in any country" if country is None else f"An address in {country}"
    return Requirement("address", Subject.ADDRESS, words, attributes=_STREET, local=country is not None)


def _document(
    id_: str,
    description: str,
    accepts: tuple[str, ...],
    attributes: tuple[str, ...] = (),
    media_types: tuple[str, ...] = _SCANS,
    max_bytes: int = 5 * _MEBIBYTE,
) -> Requirement:
    return Requirement(id_, Subject.DOCUMENT, description, accepts, attributes, media_types, max_bytes)


def _registration(*accepts: str, max_bytes: int = 5 * _MEBIBYTE) -> Requirement:
    words = "Proof that the business is registered"
    return _document("registration", words, accepts, ("document_number",), _PDF, max_bytes)


def _identity(*accepts: str) -> Requirement:
    return _document("identity", "Proof of who the person is", accepts, ("document_number",))


def _residence(*accepts: str) -> Requirement:
    return _document("residence", "Proof of the address, not older than three months", accepts, ("issued_on",))


_BUSINESS, _INDIVIDUAL = EndUser.BUSINESS, EndUser.INDIVIDUAL
_REGISTER, _TAX, _TRADE = "commercial_register_extract", "tax_certificate", "trade_license"
_PASSPORT, _ID_CARD, _PERMIT = "passport", "national_id_card", "residence_permit"
_BILL, _RENT, _STATEMENT = "utility_bill", "rental_contract", "bank_statement"
_LETTER = "letter_of_use"
_USE: Final = Requirement(
    "use", Subject.DOCUMENT, "A signed letter that says what the numbers are for", (_LETTER,), (), _PDF, 2 * _MEBIBYTE
)

DOCUMENT_TYPES: Final = (
    *(_REGISTER, _TAX, _TRADE),
    *(_PASSPORT, _ID_CARD, _PERMIT),
    *(_BILL, _RENT, _STATEMENT),
    _LETTER,
)

_RULES: Final[tuple[_Rule, ...]] = (
    _Rule(
        *("DE", (GEOGRAPHIC, NATIONAL), _BUSINESS, 72, 365),
        (_who(*_COMPANY), _address("DE"), _registration(_REGISTER, _TRADE), _residence(_BILL, _RENT)),
    ),
    _Rule(
        *("DE", (GEOGRAPHIC, NATIONAL), _INDIVIDUAL, 72, 365),
        (_who(*_BORN), _address("DE"), _identity(_PASSPORT, _ID_CARD), _residence(_BILL, _RENT)),
    ),
    _Rule(*("DE", (MOBILE,), _BUSINESS, 120, 365), (_who(*_COMPANY), _address("DE"), _registration(_REGISTER), _USE)),
    _Rule(*("DE", (MOBILE,), _INDIVIDUAL, 120, 365), (_who(*_BORN), _address("DE"), _identity(_PASSPORT, _ID_CARD))),
    _Rule(
        *("FR", (GEOGRAPHIC,), _BUSINESS, 48, 730),
        (_who(*_COMPANY, "vat_number"), _address("FR"), _registration(_REGISTER, max_bytes=2 * _MEBIBYTE)),
    ),
    _Rule(
        *("FR", (GEOGRAPHIC,), _INDIVIDUAL, 48, 730),
        (_who(*_PERSON), _address("FR"), _identity(_PASSPORT, _ID_CARD, _PERMIT), _residence(_BILL, _STATEMENT)),
    ),
    _Rule(*("GB", (GEOGRAPHIC, NATIONAL), _BUSINESS, 24, None), (_who("business_name"), _address())),
    _Rule(*("GB", (GEOGRAPHIC, NATIONAL), _INDIVIDUAL, 24, None), (_who(*_PERSON), _address())),
    _Rule(*("GB", (MOBILE,), _BUSINESS, 24, None), (_who(*_COMPANY), _address(), _registration(_REGISTER, _TAX))),
    _Rule(*("GB", (MOBILE,), _INDIVIDUAL, 24, None), (_who(*_PERSON), _address(), _identity(_PASSPORT, _PERMIT))),
    _Rule(
        *("IT", (GEOGRAPHIC,), _BUSINESS, 96, 365),
        (
            _who(*_COMPANY, "fiscal_code"),
            _address("IT"),
            _registration(_REGISTER, _TAX),
            _identity(_PASSPORT, _ID_CARD),
        ),
    ),
    _Rule(
        *("IT", (GEOGRAPHIC,), _INDIVIDUAL, 96, 365),
        (_who(*_BORN, "fiscal_code"), _address("IT"), _identity(_PASSPORT, _ID_CARD)),
    ),
    _Rule(
        *("CH", (GEOGRAPHIC,), _BUSINESS, 48, 1095),
        (_who(*_COMPANY), _address("CH"), _registration(_REGISTER)),
    ),
    _Rule(
        *("CH", (GEOGRAPHIC,), _INDIVIDUAL, 48, 1095),
        (_who(*_BORN), _address("CH"), _identity(_PASSPORT, _ID_CARD, _PERMIT), _residence(_BILL, _RENT)),
    ),
    _Rule(*("BE", (GEOGRAPHIC,), _BUSINESS, 72, 730), (_who(*_COMPANY), _address("BE"), _registration(_REGISTER))),
    _Rule(*("BE", (GEOGRAPHIC,), _INDIVIDUAL, 72, 730), (_who(*_PERSON), _address("BE"), _identity(_ID_CARD, _PERMIT))),
    _Rule(*("NL", (GEOGRAPHIC,), _BUSINESS, 24, 365), (_who(*_COMPANY), _address("NL"), _registration(_REGISTER))),
    _Rule(*("NL", (GEOGRAPHIC,), _INDIVIDUAL, 24, 365), (_who(*_PERSON), _address("NL"), _residence(_BILL, _RENT))),
    _Rule(*("NL", (MOBILE,), _BUSINESS, 48, 365), (_who(*_COMPANY), _address(), _registration(_REGISTER), _USE)),
    _Rule(*("NL", (MOBILE,), _INDIVIDUAL, 48, 365), (_who(*_BORN), _address(), _identity(_PASSPORT, _ID_CARD))),
    _Rule(
        *("ES", (GEOGRAPHIC,), _BUSINESS, 72, 365),
        (_who(*_COMPANY, "tax_number"), _address("ES"), _registration(_REGISTER, _TAX), _USE),
    ),
    _Rule(
        *("ES", (GEOGRAPHIC,), _INDIVIDUAL, 72, 365), (_who(*_PERSON), _address("ES"), _identity(_PASSPORT, _ID_CARD))
    ),
    _Rule(*("AU", (GEOGRAPHIC,), _BUSINESS, 24, None), (_who("business_name"), _address("AU"))),
    _Rule(*("AU", (GEOGRAPHIC,), _INDIVIDUAL, 24, None), (_who(*_PERSON), _address("AU"))),
    _Rule(*("AU", (MOBILE,), _BUSINESS, 48, None), (_who(*_COMPANY), _address("AU"), _registration(_REGISTER, _TAX))),
    _Rule(*("AU", (MOBILE,), _INDIVIDUAL, 48, None), (_who(*_BORN), _address("AU"), _identity(_PASSPORT, _PERMIT))),
    _Rule(
        *("BR", (GEOGRAPHIC,), _BUSINESS, 120, 365),
        (_who(*_COMPANY, "tax_number"), _address("BR"), _registration(_REGISTER, _TAX), _residence(_BILL, _STATEMENT)),
    ),
    _Rule(
        *("BR", (GEOGRAPHIC,), _INDIVIDUAL, 120, 365),
        (_who(*_BORN, "tax_number"), _address("BR"), _identity(_PASSPORT, _ID_CARD), _residence(_BILL, _STATEMENT)),
    ),
)


def _regulations() -> Iterator[Regulation]:
    """One for each market and end user; what no rule names asks for nothing."""
    for market in MARKETS:
        for end_user in EndUser:
            yield _regulation(market.country, market.type, end_user)


def _regulation(country: str, type_: str, end_user: EndUser) -> Regulation:
    for rule in _RULES:
        if (rule.country, rule.end_user) == (country, end_user) and type_ in rule.types:
            return Regulation(country, type_, end_user, rule.requirements, rule.review_hours, rule.valid_days)
    return Regulation(country, type_, end_user)


REGULATIONS: Final = {regulation.id: regulation for regulation in _regulations()}


def find_regulation(country: str, type_: str, end_user: EndUser) -> Regulation | None:
    """None when no such number is sold here."""
    return REGULATIONS.get(Regulation(country, type_, end_user).id)
