"""A customer who calls: numbers bought and routed, and a clock that can be moved."""

from __future__ import annotations

from typing import Any

from tests.simulator.process import SimulatorProcess
from tests.simulator.receiver import SECRET, Receiver
from tests.simulator.shop import Json, Shop

DAY = 86_400
BUSY_DAY = 170
"""More calls than any number can make in a day without a label."""
STREET = "+1646555"


def people(count: int, first: int = 0) -> list[str]:
    return [f"{STREET}{number:04d}" for number in range(first, first + count)]


def buy(shop: Shop, count: int = 1, area_code: str = "415") -> list[str]:
    """So many numbers, active and routed."""
    bought = shop.simulator.control(
        "POST", "numbers", {"account": shop.account, "count": count, "area_code": area_code}
    )
    numbers = [item["number"] for item in bought["items"]]
    for number in numbers:
        route(shop, number)
    return numbers


def route(shop: Shop, number: str) -> None:
    profile = shop.call(
        "PUT", "/routing-profiles/desk", {"name": "desk", "sip_targets": [{"uri": "sip:pbx.example.com"}]}
    )
    id_ = id_of(shop, number)
    assert shop.call("PATCH", f"/numbers/{id_}", {"routing_profile_id": profile.json()["id"]}).is_success


def id_of(shop: Shop, number: str) -> str:
    (found,) = (one for one in shop.get("/numbers?limit=250")["data"] if one["number"] == number)
    id_: str = found["id"]
    return id_


def call(shop: Shop, number: str, to: list[str], **rest: Any) -> list[Json]:
    calls = [{"from": number, "to": peer, **rest} for peer in to]
    outcomes: list[Json] = shop.simulator.control("POST", "traffic/calls", {"account": shop.account, "calls": calls})[
        "calls"
    ]
    return outcomes


def write(shop: Shop, number: str, to: list[str], **rest: Any) -> list[Json]:
    messages = [{"from": number, "to": peer, **rest} for peer in to]
    body = {"account": shop.account, "messages": messages}
    outcomes: list[Json] = shop.simulator.control("POST", "traffic/messages", body)["messages"]
    return outcomes


def standing(shop: Shop) -> dict[str, Json]:
    """What the exchange knows of each number of the account."""
    return {one["number"]: one for one in shop.simulator.control("GET", f"traffic/numbers?account={shop.account}")}


def pass_time(simulator: SimulatorProcess, seconds: float) -> None:
    simulator.control("POST", "clock", {"advance_seconds": seconds})


def listen(shop: Shop, receiver: Receiver, secret: str = SECRET) -> None:
    assert shop.call("PUT", "/webhooks", {"url": receiver.url, "secret": secret}).status_code == 200


def wait_told(shop: Shop, wait: int = 30) -> Json:
    """Wait until everything ripe was told; what is left."""
    path = f"webhooks/pending?account={shop.account}&wait={wait}"
    pending: Json = shop.simulator.control("GET", path, timeout=wait + 60)
    assert pending["ripe"] == 0, pending
    return pending
