"""What Telnyx may say that nobody here can read: it hides nothing else, and a list whose totals can't be true ends."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from ringfleet.carriers.errors import ListingIncomplete
from ringfleet.carriers.telnyx.account import Telnyx, open_client
from tests.carriers.scripts import settings

ROW = {
    **{"id": "1", "phone_number": "+14155550100", "status": "active", "tags": []},
    **{"phone_number_type": "local", "country_iso_alpha2": "US"},
}


def telnyx(meta: Callable[[int], dict[str, int]], asked: list[int]) -> Telnyx:
    """`meta`: what the list says of itself on each page."""

    def answer(request: httpx.Request) -> httpx.Response:
        if not request.url.path.endswith("/phone_numbers"):
            return httpx.Response(200, json={"data": [], "meta": {"total_results": 0, "total_pages": 1}})
        page = int(request.url.params["page[number]"])
        asked.append(page)
        assert len(asked) < 1_000, "it never ends"
        return httpx.Response(200, json={"data": [{**ROW, "id": str(page)}], "meta": meta(page)})

    account = settings(credentials={"apiKey": "key"})
    return Telnyx(account, client=open_client(account, httpx.MockTransport(answer)))


async def test_a_total_that_goes_up_and_down_from_page_to_page_makes_no_list_without_an_end() -> None:
    """As where each page comes from another replica."""
    asked: list[int] = []
    carrier = telnyx(lambda page: {"total_results": 3 - page % 2, "total_pages": 3}, asked)
    shown = [holding async for page in carrier.holdings() for holding in page]
    assert len(shown) == 3
    assert asked == [1, 2, 3, 2, 3, 2, 3]


async def test_a_list_that_always_has_one_more_page_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ringfleet.carriers.telnyx.listing.MOST_PAGES", 20)
    asked: list[int] = []
    carrier = telnyx(lambda page: {"total_results": page + 1, "total_pages": page + 1}, asked)
    with pytest.raises(ListingIncomplete, match="never end"):
        _ = [page async for page in carrier.holdings()]
    assert asked == [*range(1, 21)]


@pytest.mark.parametrize("status", [["active"], {}, 1, None])
async def test_a_number_whose_status_is_no_word_hides_no_other(status: object) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        rows = [{**ROW, "status": status}, {**ROW, "id": "2", "phone_number": "+14155550101"}]
        shown = rows if request.url.path.endswith("/phone_numbers") else []
        return httpx.Response(200, json={"data": shown, "meta": {"total_results": len(shown), "total_pages": 1}})

    account = settings(credentials={"apiKey": "key"})
    carrier = Telnyx(account, client=open_client(account, httpx.MockTransport(answer)))
    (page,) = [page async for page in carrier.holdings()]
    assert ([one.number for one in page], [one.number for one in page.unreadable]) == (
        ["+14155550101"],
        ["+14155550100"],
    )
