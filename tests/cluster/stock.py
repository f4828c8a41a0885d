"""Numbers that we own without having ordered them: at the carrier and in the cluster, by the thousand, in seconds."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from ringfleet.api.meta import NUMBER_FINALIZER
from ringfleet.carriers.didhub.wire import CAPABILITIES, TYPES
from ringfleet.kube.client import Kube
from ringfleet.objects.refs import PHONE_NUMBERS
from tests.cluster.stage import Stage

AT_ONCE = 32
AREA_CODE = "415"
FOR_SALE = 50_000
CALM: dict[str, Any] = {"limits": {"requestsPerSecond": 500, "concurrency": 16}, "sweepInterval": "24h"}


def open_stock(stage: Stage, count: int) -> None:
    """Start an operator with `count` free numbers in the pool `us-west`, which orders no more, and wait for them."""
    stage.account(**CALM)
    stage.stock(FOR_SALE, AREA_CODE)
    asyncio.run(put_numbers(stage, {AREA_CODE: count}))
    stage.pool(target=0, routingProfileRef=None)
    stage.start_operator()
    wait_free(stage, count)


def wait_free(stage: Stage, count: int) -> None:
    """Wait until the pool counts exactly so many free numbers, and every number says what it is."""
    stage.wait_for(lambda: _free(stage) == count, f"{count} free numbers", timeout=300)
    stage.wait_for(lambda: _is_calm(stage), "every number to say how it is", timeout=300)


def _is_calm(stage: Stage) -> bool:
    """Whether each number, free or bound, shows what it is."""
    return all(_is_shown(number.get("status", {}), number["spec"]) for number in stage.list("phonenumbers"))


def _is_shown(status: Mapping[str, Any], spec: Mapping[str, Any]) -> bool:
    return bool(status.get("conditions")) and (status.get("phase") == "Bound") is ("claimRef" in spec)


def _free(stage: Stage) -> int:
    return int(stage.get("numberpool", "us-west").get("status", {}).get("numbers", {}).get("available", 0))


async def put_numbers(stage: Stage, counts: Mapping[str, int]) -> None:
    """Make so many geographic US numbers of each area code: of account `sandbox`, marked ours, in pool `us-west`."""
    bought = {number for area_code, count in counts.items() for number in _buy(stage, area_code, count)}
    async with Kube.connect(stage.cluster.kubeconfig) as kube:
        places = asyncio.Semaphore(AT_ONCE)
        listed = (number for number in _listing(stage) if number["number"] in bought)
        await asyncio.gather(*(_write_down(kube, stage, places, number) for number in listed))


def _buy(stage: Stage, area_code: str, count: int) -> list[str]:
    """Buy past the operator, and return the numbers."""
    installation = stage.api.get("namespace", "kube-system")["metadata"]["uid"]
    reference = f"rf/{installation.split('-', 1)[0]}/{stage.namespace}/us-west"
    kind = {"country": "US", "type": "geographic", "area_code": area_code}
    wish = {"account": _account(stage), "count": count, "reference": reference, **kind}
    return [item["number"] for item in stage.simulator.control("POST", "numbers", wish)["items"]]


def _account(stage: Stage) -> str:
    return str(stage.at_carrier("GET", "account")["id"])


def _listing(stage: Stage) -> list[dict[str, Any]]:
    """All that the carrier lists, as the operator's sweep will see it."""
    rows: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = stage.at_carrier("GET", f"numbers?limit=250&cursor={cursor}" if cursor else "numbers?limit=250")
        rows += page["data"]
        cursor = page["next_cursor"]
    return rows


async def _write_down(kube: Kube, stage: Stage, places: asyncio.Semaphore, number: Mapping[str, Any]) -> None:
    name = number["number"][1:]
    spec = {
        "number": number["number"],
        "accountRef": {"name": "sandbox", "namespace": stage.namespace},
        "poolRef": {"name": "us-west"},
    }
    labels = {"ringfleet.dev/pool": "us-west", "ringfleet.dev/account": "sandbox"}
    status = {
        "observedGeneration": 1,
        "phase": "Available",
        "externalId": number["id"],
        "country": number["country"],
        "type": TYPES[number["type"]],
        "areaCode": number["area_code"],
        "region": number["region"],
        "capabilities": sorted(CAPABILITIES[word] for word in number["capabilities"]),
        "price": {"monthly": number["monthly_price"], "setup": number["setup_price"], "currency": number["currency"]},
        "purchasedAt": number["purchased_at"],
        "renewsAt": number["renews_at"],
    }
    async with places:
        metadata = {"name": name, "labels": labels, "finalizers": [NUMBER_FINALIZER]}
        await kube.create(PHONE_NUMBERS, stage.namespace, {"metadata": metadata, "spec": spec})
        await kube.patch_status(PHONE_NUMBERS, stage.namespace, name, status)
