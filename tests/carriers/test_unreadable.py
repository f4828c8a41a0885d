"""What DIDHub may say that nobody here can read: one such row hides no other, and is never taken for nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from ringfleet.carriers.breaker import THRESHOLD
from ringfleet.carriers.didhub.account import DIDHub
from ringfleet.carriers.didhub.wire import parse_holding
from ringfleet.carriers.errors import CarrierUnavailable, ListingIncomplete, ReplyUnreadable
from ringfleet.model import E164, Mark, Purchase
from tests.carriers.customer import US_415
from tests.carriers.scripts import Line, Script, client, settings
from tests.carriers.test_wire import HOLDING, NUMBER, OFFER, OUTCOME

OTHER = E164("+12125550199")
MARK = Mark("inst-1", "shop", "us")

ODD = {
    "a short code": {"number": "48880"},
    "an old Mexican mobile": {"number": "+5215512345678"},
    "a number without its area code": {"number": "+15550123"},
    "sixteen digits": {"number": "+4930123456789012"},
    "no number": {"number": None},
    "a new status word": {"status": "porting"},
    "a new number type": {"type": "satellite"},
    "no set-up price": {"setup_price": None},
    "a price that is a number": {"monthly_price": 2.75},
    "a time that is none": {"renews_at": "tomorrow"},
}
NAMELESS = {what for what, odd in ODD.items() if "number" in odd}


def a_reply(**body: Any) -> httpx.Response:
    return httpx.Response(200, json=body)


def a_page(*rows: object, total: int | None = None) -> httpx.Response:
    return a_reply(data=list(rows), total=len(rows) if total is None else total, next_cursor=None)


def didhub(*lines: Line) -> tuple[DIDHub, Script]:
    script = Script(*lines)
    return DIDHub(settings(), client=client(script)), script


def odd_holding(what: str) -> Mapping[str, Any]:
    return {**HOLDING, "id": "num_2", "number": OTHER, **ODD[what]}


@pytest.mark.parametrize("what", ODD)
async def test_a_row_that_can_not_be_read_is_told_and_all_others_are_read(what: str) -> None:
    carrier, _ = didhub(a_page(odd_holding(what), HOLDING, "not even an object"))
    (page,) = [page async for page in carrier.holdings()]
    assert page.holdings == (parse_holding(HOLDING),)
    first, second = page.unreadable
    assert first.number == (None if what in NAMELESS else OTHER)
    (field,) = ODD[what]
    assert f"number.{field} is " in first.reason
    assert str(ODD[what][field]) not in first.reason or ODD[what][field] is None
    assert second.number is None


async def test_rows_that_can_not_be_read_count_as_listed_and_what_is_missing_still_is() -> None:
    carrier, _ = didhub(a_page(odd_holding("a short code"), HOLDING, total=3))
    with pytest.raises(ListingIncomplete):
        _ = [page async for page in carrier.holdings()]


@pytest.mark.parametrize("what", ["a new status word", "a short code"])
async def test_a_number_whose_row_can_not_be_read_is_not_said_to_be_missing(what: str) -> None:
    carrier, _ = didhub(a_page({**odd_holding(what), "number": ODD[what].get("number", NUMBER)}))
    with pytest.raises(ReplyUnreadable):
        await carrier.find(NUMBER)


@pytest.mark.parametrize("what", ["a new status word", "a short code"])
async def test_a_number_is_found_beside_a_row_that_can_not_be_read(what: str) -> None:
    carrier, _ = didhub(a_page(HOLDING, odd_holding(what)))
    assert await carrier.find(NUMBER) == parse_holding(HOLDING)


@pytest.mark.parametrize(
    "odd",
    [
        {"number": "48880"},
        {"number": "+4930123456789012"},  # bought, it could never be written down
        {"type": "satellite"},
        {"snapshot": {"currency": "USD"}},
    ],
)
async def test_an_offer_that_can_not_be_read_is_told_and_all_others_are_offered(odd: dict[str, Any]) -> None:
    carrier, _ = didhub(a_reply(data=[{**OFFER, **odd}, OFFER], next_cursor=None))
    catalog = await carrier.search(US_415, 5)
    assert [offer.number for offer in catalog.offers] == [NUMBER]
    assert len(catalog.unreadable) == 1


async def test_what_can_not_be_read_in_the_cart_is_not_ours_and_taken_out() -> None:
    offer = {**OFFER, "snapshot": OFFER["snapshot"]}
    ours = {"id": "1", "number": NUMBER, "select_token": OFFER["select_token"], "reference": str(MARK)}
    odd = {"id": "2", "number": "48880", "select_token": None, "reference": "desk"}
    carrier, script = didhub(
        a_reply(data=[offer], next_cursor=None),
        a_reply(items=[ours, odd]),
        httpx.Response(204),
        a_reply(items=[ours]),
        a_reply(items=[OUTCOME]),
    )
    catalog = await carrier.search(US_415, 1)
    (outcome,) = await carrier.buy(Purchase("k", catalog.offers, MARK))
    assert outcome.number == NUMBER
    assert [f"{one.method} {one.url.path}" for one in script.requests][2] == "DELETE /v1/cart/items/2"


async def test_a_listing_that_is_down_does_not_open_the_circuit_of_all_other_calls() -> None:
    carrier, script = didhub(503)
    for _ in range(THRESHOLD):
        with pytest.raises(CarrierUnavailable):
            _ = [page async for page in carrier.holdings()]
    script.lines = (a_reply(id="acct-1", balance="5.00", currency="USD"),)
    assert not carrier.health.circuit_open
    assert (await carrier.balance()).amount == 5


async def test_an_account_that_tells_no_id_has_none() -> None:
    carrier, _ = didhub(a_reply(id="acct-1"), a_reply(balance="5.00"))
    assert (await carrier.account_id(), await carrier.account_id()) == ("acct-1", None)
