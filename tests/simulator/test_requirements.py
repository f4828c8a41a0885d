"""The catalogue of requirements: laws of the table, and what the bundle's own check makes of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ringfleet.simulator.market import MARKETS, Market
from ringfleet.simulator.review.documents import Paper, PaperKind
from ringfleet.simulator.review.evaluation import find_lacks
from ringfleet.simulator.review.requirements import (
    DOCUMENT_TYPES,
    REGULATIONS,
    EndUser,
    Regulation,
    Subject,
    find_regulation,
)

SOLD = pytest.mark.parametrize("market", MARKETS, ids=lambda market: f"{market.country}-{market.type}")


@SOLD
def test_a_market_sells_pending_numbers_exactly_when_it_asks_for_something(market: Market) -> None:
    for end_user in EndUser:
        found = find_regulation(market.country, market.type, end_user)
        assert found is not None
        assert bool(found.requirements) == market.documents
        assert bool(found.review_hours) == market.documents


def test_nine_countries_have_rules_of_their_own_and_north_america_has_none() -> None:
    ruled = {regulation.country for regulation in REGULATIONS.values() if regulation.requirements}
    assert ruled >= {"DE", "FR", "GB", "IT", "CH", "BE", "NL", "ES", "AU"}
    assert not ruled & {"US", "CA"}
    geographic = [_of(country, EndUser.INDIVIDUAL) for country in ruled]
    assert len({(of.requirements, of.review_hours, of.valid_days) for of in geographic}) == len(geographic)


def test_what_a_requirement_accepts_can_be_uploaded_and_bounds_its_file() -> None:
    for regulation in REGULATIONS.values():
        assert len({requirement.id for requirement in regulation.requirements}) == len(regulation.requirements)
        for requirement in regulation.requirements:
            is_document = requirement.subject is Subject.DOCUMENT
            assert set(requirement.accepts) <= set(DOCUMENT_TYPES)
            assert bool(requirement.accepts) == is_document == bool(requirement.media_types)
            assert (requirement.max_bytes is not None) == is_document


def test_nothing_is_known_of_a_market_that_is_not_sold() -> None:
    assert find_regulation("XX", "geographic", EndUser.BUSINESS) is None


@pytest.mark.parametrize(
    ("without", "lack"),
    [
        ("", []),
        ("end user", [(None, "end_user_missing")]),
        ("vat number", [(1, "attribute_missing")]),
        ("street", [(1, "attribute_missing")]),
        ("local address", [(1, "address_not_local")]),
        ("right end user", [(1, "end_user_type")]),
        ("document", [(None, "document_missing")]),
        ("document number", [(2, "attribute_missing")]),
        ("file", [(2, "file_missing")]),
        ("media type", [(2, "media_type")]),
        ("small file", [(2, "file_too_large")]),
    ],
)
def test_the_check_names_what_is_missing_and_of_which_item(without: str, lack: list[tuple[int | None, str]]) -> None:
    found = find_lacks(_of("FR", EndUser.BUSINESS), _papers(without))
    assert [(each.paper, each.reason) for each in found] == lack


def test_any_one_of_the_accepted_documents_will_do() -> None:
    _, good = _papers()
    bad = replace(good, id=3, media_type="text/plain")
    assert find_lacks(_of("FR", EndUser.BUSINESS), [_papers()[0], bad, good]) == []


def test_no_message_of_the_check_holds_what_was_filed() -> None:
    for without in ("vat number", "local address", "document number", "media type", "right end user"):
        for lack in find_lacks(_of("FR", EndUser.BUSINESS), _papers(without)):
            assert "PLANTED" not in lack.message
    assert "PLANTED" not in repr(_papers())


def _of(country: str, end_user: EndUser) -> Regulation:
    found = find_regulation(country, "geographic", end_user)
    assert found is not None
    return found


def _papers(without: str = "") -> list[Paper]:
    """A French business and its registration, lacking one thing."""
    attributes = {"business_name": "PLANTED", "registration_number": "PLANTED", "vat_number": "PLANTED"}
    address = {"street": "PLANTED", "city": "PLANTED", "postal_code": "PLANTED", "country": "FR"}
    user = Paper(1, "ann", "u", PaperKind.END_USER, "business", attributes, address, None, 0, None)
    number = {"document_number": "PLANTED"}
    kind, type_ = PaperKind.DOCUMENT, "commercial_register_extract"
    document = Paper(2, "ann", "d", kind, type_, number, {}, "application/pdf", 9, "00")
    match without:
        case "end user":
            return [document]
        case "document":
            return [user]
        case "vat number":
            del attributes["vat_number"]
        case "street":
            address["street"] = " "
        case "local address":
            address["country"] = "PLANTED"
        case "right end user":
            user = replace(user, type="individual")
        case "document number":
            number.clear()
        case "file":
            document = replace(document, size=0, sha256=None)
        case "media type":
            document = replace(document, media_type="PLANTED")
        case "small file":
            document = replace(document, size=3 << 20)
    return [user, document]
