"""Every fault, as a customer meets it on a real connection."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.simulator.process import SimulatorProcess
from tests.simulator.shop import Shop, code, outcomes
from tests.waiting import wait_until


def test_latency_delays_a_call_but_holds_no_other_up(shop: Shop, simulator: SimulatorProcess) -> None:
    simulator.set_faults({"fault": "latency", "operations": ["account"], "seconds": 600})
    with pytest.raises(httpx.ReadTimeout):
        shop.call("GET", "/account", timeout=0.3)
    assert shop.get("/cart") == {"items": []}


def test_a_delayed_call_goes_on_when_the_client_has_given_up(shop: Shop, simulator: SimulatorProcess) -> None:
    shop.stage(1)
    simulator.set_faults({"fault": "latency", "operations": ["checkout"], "seconds": 0.5, "script": [1]})
    with pytest.raises(httpx.ReadTimeout):
        shop.call("POST", "/cart/checkout", {"client_checkout_id": "co-1"}, timeout=0.1)
    assert [item["outcome"] for item in shop.checkout("co-1")] == ["provisioned"]
    wait_until(lambda: _every_call_has_ended(simulator), "the delayed checkout to end")
    assert len(shop.bought()) == 1


def test_429_says_when_to_come_back_or_does_not(shop: Shop, simulator: SimulatorProcess) -> None:
    shop.stage(1)
    for retry_after in (7, None):
        simulator.set_faults({"fault": "rate_limited", "operations": ["checkout"], "retry_after": retry_after})
        reply = shop.call("POST", "/cart/checkout", {"client_checkout_id": "co-1"})
        assert code(reply) == (429, "rate_limited")
        assert reply.headers.get("retry-after") == (None if retry_after is None else str(retry_after))
    assert shop.bought() == []


def test_a_server_error_did_nothing(shop: Shop, simulator: SimulatorProcess) -> None:
    shop.stage(1)
    simulator.set_faults({"fault": "server_error", "operations": ["checkout"], "status": 502})
    assert code(_checkout(shop)) == (502, "unavailable")
    assert shop.bought() == []


def test_a_server_error_after_the_commit_did_everything(shop: Shop, simulator: SimulatorProcess) -> None:
    numbers = shop.stage(1)
    simulator.set_faults({"fault": "server_error_after_commit", "operations": ["checkout"], "script": [1]})
    assert code(_checkout(shop)) == (503, "unavailable")
    assert shop.bought() == numbers
    assert outcomes(shop.checkout("co-1")) == {numbers[0]: "provisioned"}
    assert shop.bought() == numbers


def test_a_reset_before_the_commit_did_nothing(shop: Shop, simulator: SimulatorProcess) -> None:
    shop.stage(1)
    simulator.set_faults({"fault": "reset_before_commit", "operations": ["checkout"]})
    with pytest.raises(httpx.ReadError):
        _checkout(shop)
    assert shop.bought() == []


def test_a_reset_after_the_commit_did_everything(shop: Shop, simulator: SimulatorProcess) -> None:
    numbers = shop.stage(1)
    simulator.set_faults({"fault": "reset_after_commit", "operations": ["checkout"]})
    with pytest.raises(httpx.ReadError):
        _checkout(shop)
    assert shop.bought() == numbers


@pytest.mark.parametrize(
    ("how", "patience", "error"), [("hang", 5.0, httpx.ReadTimeout), ("close", 60.0, httpx.RemoteProtocolError)]
)
def test_a_lost_reply_was_committed_and_the_same_checkout_finds_it(
    shop: Shop, simulator: SimulatorProcess, how: str, patience: float, error: type[Exception]
) -> None:
    numbers = shop.stage(2)
    simulator.set_faults({"fault": "reply_lost", "operations": ["checkout"], "script": [1], "how": how})
    with pytest.raises(error):
        shop.call("POST", "/cart/checkout", {"client_checkout_id": "co-1"}, timeout=patience)
    assert shop.bought() == numbers
    assert outcomes(shop.checkout("co-1")) == dict.fromkeys(numbers, "provisioned")
    assert shop.bought() == numbers


def test_search_down_leaves_the_rest_up(shop: Shop, simulator: SimulatorProcess) -> None:
    numbers = shop.stage(1)
    simulator.set_faults({"fault": "search_down"})
    reply = shop.call("GET", "/catalog/search?country=US&type=geographic")
    assert code(reply) == (503, "unavailable")
    assert outcomes(shop.checkout("co-1")) == {numbers[0]: "provisioned"}


def test_a_lagging_listing_shows_a_purchase_when_its_time_has_passed(shop: Shop, simulator: SimulatorProcess) -> None:
    numbers = shop.stage(1)
    simulator.set_faults({"fault": "listing_lag", "seconds": 300})
    id_ = shop.checkout("co-1")[0]["number_id"]
    assert shop.get("/numbers") == {"data": [], "next_cursor": None, "total": 0}
    assert shop.get(f"/numbers?number=%2B{numbers[0][1:]}")["data"] == []
    assert shop.get(f"/numbers/{id_}")["number"] == numbers[0]
    simulator.control("POST", "clock", {"advance_seconds": 301})
    assert shop.listed() == numbers


def test_a_truncated_listing_claims_to_be_the_end_though_its_total_says_more(
    shop: Shop, simulator: SimulatorProcess
) -> None:
    numbers = shop.stage(6)
    shop.checkout("co-1")
    simulator.set_faults({"fault": "truncated_listing", "script": [0, 1]})
    first = shop.get("/numbers?limit=2")
    second = shop.get(f"/numbers?limit=2&cursor={first['next_cursor']}")
    assert [number["number"] for page in (first, second) for number in page["data"]] == numbers[:3]
    assert (second["next_cursor"], second["total"]) == (None, 6)


def test_an_empty_listing_agrees_with_its_total_and_a_number_asked_for_is_found(
    shop: Shop, simulator: SimulatorProcess
) -> None:
    numbers = shop.stage(2)
    shop.checkout("co-1")
    simulator.set_faults({"fault": "empty_listing", "script": [1]})
    assert shop.get("/numbers") == {"data": [], "next_cursor": None, "total": 0}
    assert shop.listed() == numbers
    simulator.set_faults({"fault": "empty_listing"})
    assert _look_up(shop, numbers[0]) == [numbers[0]]


def test_a_short_listing_leaves_out_the_named_number_on_every_page_and_in_its_total(
    shop: Shop, simulator: SimulatorProcess
) -> None:
    numbers = shop.stage(5)
    shop.checkout("co-1")
    simulator.set_faults({"fault": "short_listing", "number": numbers[1]})
    first = shop.get("/numbers?limit=2")
    second = shop.get(f"/numbers?limit=2&cursor={first['next_cursor']}")
    shown = [number["number"] for page in (first, second) for number in page["data"]]
    assert shown == [number for number in numbers if number != numbers[1]]
    assert (second["next_cursor"], first["total"], second["total"]) == (None, 4, 4)
    assert _look_up(shop, numbers[1]) == [numbers[1]]


def test_a_short_listing_leaves_out_the_same_share_of_numbers_each_time(
    shop: Shop, simulator: SimulatorProcess
) -> None:
    numbers = shop.stage(20)
    shop.checkout("co-1")
    simulator.set_faults({"fault": "short_listing", "probability": 0.5})
    shown = shop.listed()
    assert set(shown) < set(numbers)
    assert shown
    assert shop.listed() == shown


def test_about_the_asked_share_of_numbers_is_snapped_up_and_never_billed(
    shop: Shop, simulator: SimulatorProcess
) -> None:
    simulator.set_faults({"fault": "snapped_up", "probability": 0.3})
    replies = [shop.put_into_cart(row) for row in shop.search("628", 100)]
    staged = [reply.json()["item"]["number"] for reply in replies if reply.status_code == 201]
    refused = [code(reply) for reply in replies if reply.status_code != 201]
    items = shop.checkout("co-1")
    lost = [item["number"] for item in items if item["outcome"] == "failed"]
    assert set(refused) == {(409, "number_unavailable")}
    assert {item["reason"] for item in items} == {None, "number_unavailable"}
    assert 15 <= len(refused) + len(lost) <= 45
    assert shop.cart() == lost
    assert shop.owned() == [number for number in staged if number not in lost]
    assert set(lost) <= set(simulator.control("GET", "numbers")["off_market"])


def test_a_failed_item_stays_in_the_cart_and_the_same_checkout_tries_it_again(
    shop: Shop, simulator: SimulatorProcess
) -> None:
    numbers = shop.stage(3)
    simulator.set_faults({"fault": "partial_failure", "script": [0, 1, 0]})
    first = shop.checkout("co-1")
    assert [(item["outcome"], item["reason"]) for item in first] == [
        ("provisioned", None),
        ("failed", "carrier_error"),
        ("provisioned", None),
    ]
    assert shop.cart() == [numbers[1]]
    assert outcomes(shop.checkout("co-1")) == dict.fromkeys(numbers, "provisioned")
    assert sorted(shop.bought()) == sorted(numbers)


def test_a_failed_item_that_left_the_cart_is_not_tried_again(shop: Shop, simulator: SimulatorProcess) -> None:
    shop.stage(1)
    simulator.set_faults({"fault": "partial_failure", "script": [1]})
    failed = shop.checkout("co-1")
    item = shop.get("/cart")["items"][0]
    shop.call("DELETE", f"/cart/items/{item['id']}")
    assert shop.checkout("co-1") == failed
    assert shop.bought() == []


def test_a_slow_number_can_be_routed_once_it_is_active(shop: Shop, simulator: SimulatorProcess) -> None:
    simulator.set_faults({"fault": "slow_activation", "seconds": 120})
    shop.stage(1)
    path = f"/numbers/{shop.checkout('co-1')[0]['number_id']}"
    profile = shop.call("PUT", "/routing-profiles/main", {"name": "Main"}).json()["id"]
    refused = shop.call("PATCH", path, {"routing_profile_id": profile, "reference": "mine"})
    assert code(refused) == (409, "number_not_active")
    marked = shop.call("PATCH", path, {"reference": "mine"}).json()
    assert (marked["status"], marked["reference"], marked["routing_profile_id"]) == ("activating", "mine", None)
    simulator.control("POST", "clock", {"advance_seconds": 121})
    assert shop.call("PATCH", path, {"routing_profile_id": profile}).json()["status"] == "active"


def test_documents_can_be_asked_for_where_the_market_needs_none(shop: Shop, simulator: SimulatorProcess) -> None:
    simulator.set_faults({"fault": "pending_documents", "script": [0, 1]})
    shop.stage(2)
    items = shop.checkout("co-1")
    assert [item["outcome"] for item in items] == ["provisioned", "pending_documents"]
    assert len(shop.bought()) == 2
    simulator.control("POST", "documents/approve", {"numbers": None})
    assert shop.get(f"/numbers/{items[1]['number_id']}")["status"] == "active"


def test_a_client_that_dies_in_the_middle_of_a_request_is_forgotten(shop: Shop, simulator: SimulatorProcess) -> None:
    shop.stage(1)
    host, port = simulator.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as dying:
        head = f"POST /v1/cart/checkout HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {shop.token}\r\n"
        dying.sendall(f"{head}Content-Length: 100\r\n\r\n{{".encode())
    assert len(shop.cart()) == 1
    assert (shop.bought(), simulator.errors()) == ([], "")


def test_a_fault_of_one_account_leaves_the_others_alone(shop: Shop, simulator: SimulatorProcess) -> None:
    other = Shop(simulator, f"{shop.account}-lucky")
    simulator.set_faults({"fault": "server_error", "account": shop.account})
    assert shop.call("GET", "/account").status_code == 503
    assert other.call("GET", "/account").status_code == 200
    other.close()


def test_a_reset_ends_the_connection_that_it_is_meant_for(shop: Shop, simulator: SimulatorProcess) -> None:
    other = Shop(simulator, f"{shop.account}-bystander")
    shop.get("/account")
    other.get("/account")
    simulator.set_faults({"fault": "reset_before_commit", "account": shop.account, "script": [1]})
    with pytest.raises(httpx.ReadError):
        shop.call("GET", "/account", timeout=5)
    assert other.call("GET", "/account").status_code == 200
    other.close()


@pytest.mark.parametrize(
    ("rule", "field"),
    [
        ({"fault": "weather"}, "fault"),
        ({"fault": "latency", "seconds": -1}, "seconds"),
        ({"fault": "latency", "seconds": [2, 1]}, "seconds"),
        ({"fault": "latency", "operations": ["dance"]}, "operations"),
        ({"fault": "search_down", "operations": ["checkout"]}, "operations"),
        ({"fault": "latency", "probability": 1.5}, "probability"),
        ({"fault": "latency", "script": ["yes"]}, "script"),
        ({"fault": "server_error", "status": 404}, "status"),
        ({"fault": "reply_lost", "how": "loudly"}, "how"),
        ({"fault": "latency", "secs": 1}, "secs"),
    ],
)
def test_a_bad_rule_is_refused_and_the_old_ones_stay(
    simulator: SimulatorProcess, rule: dict[str, Any], field: str
) -> None:
    simulator.set_faults({"fault": "search_down"})
    reply = httpx.put(f"{simulator.url}/_sandbox/faults", json=[rule], timeout=60, trust_env=False, verify=False)
    assert reply.status_code == 422
    assert reply.json()["error"]["message"].startswith(f"{field}: ")
    assert [rule["fault"] for rule in simulator.control("GET", "faults")] == ["search_down"]


def test_the_calls_are_counted_with_what_became_of_them(shop: Shop, simulator: SimulatorProcess) -> None:
    simulator.set_faults({"fault": "rate_limited", "operations": ["account"], "script": [1]})
    shop.call("GET", "/account")
    shop.call("GET", "/account?x=1")
    report = simulator.control("GET", "calls?last=1")
    assert report["counts"] == {"account": 2}
    assert report["last"] == [
        {"operation": "account", "account": shop.account, "target": "/v1/account?x=1", "outcome": "200"}
    ]


def test_many_customers_at_once_never_share_a_number(simulator: SimulatorProcess) -> None:
    shops = [Shop(simulator, f"crowd-{index}") for index in range(4)]
    with ThreadPoolExecutor(len(shops)) as pool:
        list(pool.map(_buy_the_first_ten, shops))
    owned = [number for shop in shops for number in shop.owned()]
    assert len(owned) == len(set(owned)) > 0
    for shop in shops:
        assert sorted(shop.owned()) == sorted(shop.bought())
        shop.close()


def _buy_the_first_ten(shop: Shop) -> None:
    for row in shop.search("833", 10, type="toll_free"):
        shop.put_into_cart(row)
    if shop.cart():
        shop.checkout("co-1")


def _checkout(shop: Shop) -> httpx.Response:
    return shop.call("POST", "/cart/checkout", {"client_checkout_id": "co-1"})


def _every_call_has_ended(simulator: SimulatorProcess) -> bool:
    return all(call["outcome"] is not None for call in simulator.control("GET", "calls")["last"])


def _look_up(shop: Shop, number: str) -> list[str]:
    """The numbers that the account shows when it is asked for this one."""
    return [found["number"] for found in shop.get(f"/numbers?number=%2B{number[1:]}")["data"]]
