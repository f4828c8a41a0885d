"""The DIDHub face over real HTTP, in fair weather."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulator.process import SimulatorProcess
from tests.simulator.shop import Shop, code, outcomes


def test_a_search_row_carries_token_price_and_place(shop: Shop) -> None:
    row = shop.search("303", 1)[0]
    number = row["number"]
    assert row.pop("select_token").startswith("sel_303_")
    assert row == {
        "number": number,
        "country": "US",
        "type": "geographic",
        "area_code": "303",
        "region": "Denver, CO",
        "capabilities": ["voice", "sms", "mms"],
        "requires_documents": False,
        "snapshot": {"number": number, "monthly_price": "1.99", "setup_price": "0.00", "currency": "USD"},
    }


def test_search_pages_never_repeat_a_number_and_end(shop: Shop, simulator: SimulatorProcess) -> None:
    simulator.control("POST", "stock", {"country": "US", "type": "geographic", "area_code": "907", "size": 250})
    path = "/catalog/search?country=US&type=geographic&area_code=907&limit=100"
    page = shop.get(path)
    seen = [row["number"] for row in page["data"]]
    while page["next_cursor"]:
        page = shop.get(f"{path}&cursor={page['next_cursor'].replace('+', '%2B')}")
        seen += [row["number"] for row in page["data"]]
    assert seen == sorted(set(seen))
    assert len(seen) == 250


def test_a_search_without_area_code_goes_through_the_whole_country_in_order(shop: Shop) -> None:
    rows = shop.search(limit=5, type="mobile", country="GB", area_code="")
    assert [row["area_code"] for row in rows] == [None] * 5
    rows = shop.get("/catalog/search?country=DE&type=geographic&limit=5&capabilities=voice")["data"]
    assert [row["area_code"] for row in rows] == ["30"] * 5
    assert {row["requires_documents"] for row in rows} == {True}


@pytest.mark.parametrize(
    "query",
    [{"area_code": "999"}, {"country": "XX"}, {"type": "national"}, {"capabilities": "fax"}],
)
def test_what_nobody_sells_is_an_empty_list(shop: Shop, query: dict[str, str]) -> None:
    assert shop.search(limit=25, **query) == []


def test_a_cart_item_shows_what_was_staged_and_staging_it_again_is_the_same_item(shop: Shop) -> None:
    row = shop.search()[0]
    first, second = shop.put_into_cart(row, "mark-1"), shop.put_into_cart(row, "mark-1")
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    item = first.json()["item"]
    assert item.pop("id").startswith("ci_")
    assert item == {
        "select_token": row["select_token"],
        "number": row["number"],
        "reference": "mark-1",
        "bundle_id": None,
        "monthly_price": "1.99",
        "setup_price": "0.00",
        "currency": "USD",
    }


def test_an_item_can_be_taken_out_of_the_cart_once(shop: Shop) -> None:
    shop.stage(2)
    item = shop.get("/cart")["items"][0]
    assert shop.call("DELETE", f"/cart/items/{item['id']}").status_code == 204
    assert code(shop.call("DELETE", f"/cart/items/{item['id']}")) == (404, "not_found")
    assert item["number"] not in shop.cart()


def test_a_cart_belongs_to_one_token(shop: Shop, simulator: SimulatorProcess) -> None:
    shop.stage(1)
    other = Shop(simulator, f"{shop.account}-other")
    assert other.cart() == []
    other.close()


def test_a_number_in_a_cart_can_still_be_bought_by_another(shop: Shop, simulator: SimulatorProcess) -> None:
    number = shop.stage(1)[0]
    other = Shop(simulator, f"{shop.account}-rival")
    assert other.stage(1) == [number]
    assert outcomes(other.checkout("c1")) == {number: "provisioned"}
    assert shop.checkout("c1")[0]["reason"] == "number_unavailable"
    assert (shop.owned(), other.owned()) == ([], [number])
    other.close()


def test_an_expired_token_a_changed_price_and_a_sold_number_are_told_apart(
    shop: Shop, simulator: SimulatorProcess
) -> None:
    expired, sold, dearer = shop.search("212", 1)[0], *shop.search("646", 2)
    simulator.control("POST", "clock", {"advance_seconds": 3600})
    assert code(shop.put_into_cart(expired)) == (410, "select_token_expired")
    sold, dearer = shop.search("646", 2)
    simulator.control("POST", "snap", {"numbers": [sold["number"]]})
    assert code(shop.put_into_cart(sold)) == (409, "number_unavailable")
    simulator.control("POST", "stock", _block("646", monthly_price="2.49"))
    assert code(shop.put_into_cart(dearer)) == (422, "price_changed")
    simulator.control("POST", "stock", _block("646", monthly_price="1.99"))


def test_a_provisioned_item_is_owned_billed_and_marked(shop: Shop, simulator: SimulatorProcess) -> None:
    row = shop.search("312", 1)[0]
    shop.put_into_cart(row, "inst-1/fleet/np-1")
    item = shop.checkout("co-1")[0]
    number = shop.get(f"/numbers/{item['number_id']}")
    entry = simulator.ledger(shop.account)[0]
    assert (item["outcome"], item["reason"], item["message"]) == ("provisioned", None, None)
    assert item["select_token"] == row["select_token"]
    assert item["renews_at"] == number["renews_at"]
    assert item["transaction_id"] == f"txn_{entry['id']:08d}"
    assert (number["number"], number["status"], number["reference"]) == (row["number"], "active", "inst-1/fleet/np-1")
    assert (entry["kind"], entry["amount"], entry["client_checkout_id"]) == ("purchase", "1.99", "co-1")
    assert shop.get("/account")["balance"] == "998.01"
    assert shop.cart() == []


def test_the_same_checkout_again_returns_the_same_outcomes_and_bills_nothing(shop: Shop) -> None:
    shop.stage(3)
    first = shop.checkout("co-1")
    assert shop.checkout("co-1") == first
    assert len(shop.bought()) == 3


def test_numbers_staged_later_are_not_taken_by_an_old_checkout(shop: Shop) -> None:
    first = shop.stage(2)
    shop.checkout("co-1")
    later = shop.stage(1)
    assert list(outcomes(shop.checkout("co-1"))) == first
    assert shop.cart() == later
    assert shop.bought() == first


def test_a_checkout_of_nothing_under_a_new_id_is_refused(shop: Shop) -> None:
    assert code(shop.call("POST", "/cart/checkout", {"client_checkout_id": "co-9"})) == (422, "cart_empty")


def test_checkout_ids_of_two_accounts_are_strangers(shop: Shop, simulator: SimulatorProcess) -> None:
    other = Shop(simulator, f"{shop.account}-namesake")
    shop.stage(1)
    shop.checkout("co-1")
    assert code(other.call("POST", "/cart/checkout", {"client_checkout_id": "co-1"})) == (422, "cart_empty")
    other.close()


def test_too_little_money_fails_the_items_that_it_does_not_cover(simulator: SimulatorProcess) -> None:
    poor = Shop(simulator, "poor", balance="4.00")
    poor.stage(3)
    items = poor.checkout("co-1")
    assert [item["outcome"] for item in items] == ["provisioned", "provisioned", "failed"]
    assert items[2]["reason"] == "insufficient_funds"
    simulator.control("POST", "accounts", {"token": poor.token, "id": "poor", "balance": "10.00"})
    assert set(outcomes(poor.checkout("co-1")).values()) == {"provisioned"}
    assert poor.get("/account")["balance"] == "8.01"
    poor.close()


def test_a_market_that_requires_documents_ends_pending_and_is_billed_all_the_same(
    shop: Shop, simulator: SimulatorProcess
) -> None:
    number = shop.stage(1, "30", country="DE")[0]
    item = shop.checkout("co-1")[0]
    assert item["outcome"] == "pending_documents"
    assert item["documents_deadline"] is not None
    assert shop.bought() == [number]
    assert shop.get(f"/numbers/{item['number_id']}")["status"] == "pending_documents"
    assert simulator.control("POST", "documents/approve", {"numbers": [number]}) == {"approved": [number]}
    assert shop.get(f"/numbers/{item['number_id']}")["status"] == "active"


def test_the_listing_pages_all_numbers_once_and_finds_one_by_its_digits(shop: Shop) -> None:
    numbers = shop.stage(5)
    shop.checkout("co-1")
    page = shop.get("/numbers?limit=2")
    seen = [number["number"] for number in page["data"]]
    while page["next_cursor"]:
        page = shop.get(f"/numbers?limit=2&cursor={page['next_cursor']}")
        seen += [number["number"] for number in page["data"]]
    assert (seen, page["total"]) == (numbers, 5)
    found = shop.get(f"/numbers?number=%2B{numbers[3][1:]}")
    assert ([number["number"] for number in found["data"]], found["total"]) == ([numbers[3]], 1)


def test_a_profile_keeps_its_id_and_routes_numbers(shop: Shop) -> None:
    number = _a_number(shop)
    target = {"uri": "sip:a@example.com", "priority": 1, "weight": 10}
    first = shop.call("PUT", "/routing-profiles/main", {"name": "Main", "sip_targets": [target]}).json()
    second = shop.call("PUT", "/routing-profiles/main", {"name": "Renamed"}).json()
    assert (first["sip_targets"], first["agent"]) == ([target], None)
    assert second["id"] == first["id"]
    assert shop.get("/routing-profiles")["data"] == [second]
    routed = shop.call("PATCH", f"/numbers/{number['id']}", {"routing_profile_id": first["id"]}).json()
    assert routed["routing_profile_id"] == first["id"]
    cleared = shop.call("PATCH", f"/numbers/{number['id']}", {"routing_profile_id": None}).json()
    assert cleared == number


def test_a_profile_of_another_account_is_unknown(shop: Shop, simulator: SimulatorProcess) -> None:
    other = Shop(simulator, f"{shop.account}-neighbour")
    profile = other.call("PUT", "/routing-profiles/main", {"name": "Main"}).json()
    number = _a_number(shop)
    reply = shop.call("PATCH", f"/numbers/{number['id']}", {"routing_profile_id": profile["id"]})
    assert code(reply) == (422, "invalid_request")
    other.close()


def test_suspend_and_resume_change_the_status_and_nothing_else(shop: Shop) -> None:
    number = _a_number(shop)
    assert shop.call("POST", f"/numbers/{number['id']}/suspend").json() == number | {"status": "suspended"}
    assert shop.call("POST", f"/numbers/{number['id']}/resume").json() == number


def test_a_released_number_is_gone_and_not_for_sale_at_once(shop: Shop, simulator: SimulatorProcess) -> None:
    number = _a_number(shop)
    assert shop.call("DELETE", f"/numbers/{number['id']}").status_code == 204
    assert code(shop.call("DELETE", f"/numbers/{number['id']}")) == (404, "not_found")
    assert shop.listed() == []
    assert number["number"] not in [row["number"] for row in shop.search()]
    assert [entry["kind"] for entry in simulator.ledger(shop.account)] == ["purchase", "release"]


def test_a_number_that_is_moved_is_the_other_accounts_and_comes_back_as_it_was(
    shop: Shop, simulator: SimulatorProcess
) -> None:
    number = _a_number(shop)
    other = Shop(simulator, f"{shop.account}-carrier")
    for there, here in ((other, shop), (shop, other)):
        move = {"numbers": [number["number"], "+14150000000"], "account": there.account}
        assert simulator.control("POST", "numbers/move", move) == {"moved": [number["number"]]}
        assert (there.listed(), here.listed()) == ([number["number"]], [])
    assert shop.get(f"/numbers/{number['id']}") == number
    assert [entry["kind"] for entry in simulator.ledger() if entry["number"] == number["number"]] == ["purchase"]
    other.close()


@pytest.mark.parametrize("id_", ["num_" + "9" * 30, "num_" + "9" * 40, "num_x", "42"])
def test_an_id_that_nothing_has_is_not_found_whatever_it_is(shop: Shop, id_: str) -> None:
    assert code(shop.call("GET", f"/numbers/{id_}")) == (404, "not_found")


def test_another_accounts_number_is_not_found(shop: Shop, simulator: SimulatorProcess) -> None:
    number = _a_number(shop)
    other = Shop(simulator, f"{shop.account}-stranger")
    for method, path in (("GET", ""), ("PATCH", ""), ("POST", "/suspend"), ("DELETE", "")):
        reply = other.call(
            method, f"/numbers/{number['id']}{path}", {"reference": "mine"} if method == "PATCH" else None
        )
        assert code(reply) == (404, "not_found")
    assert shop.get(f"/numbers/{number['id']}") == number
    other.close()


def test_a_revoked_token_opens_nothing(shop: Shop, simulator: SimulatorProcess) -> None:
    simulator.control("DELETE", f"tokens/{shop.token}")
    assert code(shop.call("GET", "/account")) == (401, "invalid_token")


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("GET", "/catalog/search?type=geographic", None, "country"),
        ("GET", "/catalog/search?country=US&type=landline", None, "type"),
        ("GET", "/catalog/search?country=US&type=geographic&limit=101", None, "limit"),
        ("GET", "/catalog/search?country=US&type=geographic&capabilities=telex", None, "capabilities"),
        ("POST", "/cart/items", {"select_token": "sel_1", "snapshot": {}}, "snapshot"),
        ("POST", "/cart/items", {"select_token": "sel_1"}, "snapshot"),
        ("POST", "/cart/items", [], "body"),
        ("POST", "/cart/checkout", {}, "client_checkout_id"),
        ("POST", "/cart/checkout", {"client_checkout_id": 7}, "client_checkout_id"),
        ("GET", "/numbers?limit=0", None, "limit"),
        ("PUT", "/routing-profiles/main", {"name": "Main", "sip_targets": [{"priority": 1}]}, "uri"),
        ("PUT", "/routing-profiles/main", {}, "name"),
    ],
)
def test_a_bad_request_is_told_which_field_is_wrong(shop: Shop, method: str, path: str, body: Any, field: str) -> None:
    reply = shop.call(method, path, body)
    assert code(reply) == (422, "invalid_request")
    assert reply.json()["error"]["message"].startswith(f"{field}:")


def _a_number(shop: Shop) -> dict[str, Any]:
    shop.stage(1)
    return shop.get(f"/numbers/{shop.checkout('co-1')[0]['number_id']}")


def _block(area_code: str, **changes: str) -> dict[str, str]:
    return {"country": "US", "type": "geographic", "area_code": area_code, **changes}
