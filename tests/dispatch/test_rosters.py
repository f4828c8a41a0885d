"""What a change of one number costs: nothing where picks do not depend on it, else the one seat."""

from __future__ import annotations

from collections.abc import AsyncIterator
from copy import deepcopy
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from ringfleet.dispatch.clock import Clock
from ringfleet.dispatch.inventory import Inventory
from ringfleet.dispatch.ledger.embedded import SqliteLedger
from ringfleet.dispatch.ledger.owner import rosters
from ringfleet.kube.client import Kube
from ringfleet.plan.rotation_set import roster
from ringfleet.plan.rotation_set.roster import State
from tests.controllers.api_double import ApiDouble
from tests.controllers.rig import clock
from tests.dispatch.ledger.builders import NOON, TODAY
from tests.dispatch.process import a_set

Json = dict[str, Any]
SET = "shop/outbound"
VERSIONS = count(10)
OWNER = {
    "apiVersion": "ringfleet.dev/v1alpha1",
    "kind": "RotationSet",
    "name": "outbound",
    "uid": "u-set",
    "controller": True,
}


def stored(obj: Json, **metadata: Any) -> Json:
    """As an API server has it: each time it is written, another version."""
    new = deepcopy(obj)
    told = {
        "namespace": "shop",
        "generation": 1,
        "resourceVersion": str(next(VERSIONS)),
        "creationTimestamp": "2026-11-01T00:00:00Z",
    }
    new["metadata"] = {**new["metadata"], **told, **metadata}
    return new


def a_number_of(n: int) -> str:
    return f"+1415555{n:04}"


def a_claim_of(n: int) -> Json:
    name = f"outbound-{n}"
    metadata = {"name": name, "labels": {"ringfleet.dev/rotation-set": "outbound"}, "ownerReferences": [OWNER]}
    claim = {"apiVersion": "ringfleet.dev/v1alpha1", "kind": "NumberClaim", "metadata": metadata}
    return stored(claim | {"spec": {"poolRef": {"name": "us"}}}, uid=f"u-{n}")


def a_phone_number(n: int) -> Json:
    holder = {"namespace": "shop", "name": f"outbound-{n}", "uid": f"u-{n}"}
    spec = {"number": a_number_of(n), "accountRef": {"name": "main"}, "poolRef": {"name": "us"}, "claimRef": holder}
    routing = {"profile": "front-desk", "externalId": "e"}
    status = {"phase": "Bound", "country": "US", "areaCode": "415", "routing": routing, "health": {"attestation": "A"}}
    made = {"apiVersion": "ringfleet.dev/v1alpha1", "kind": "PhoneNumber", "metadata": {"name": a_number_of(n)[1:]}}
    return stored(made | {"spec": spec, "status": status}, uid=f"n-{n}")


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[SqliteLedger]:
    async with SqliteLedger(tmp_path / "ledger.sqlite") as ledger:
        yield ledger


@pytest.fixture
async def inventory(ledger: SqliteLedger) -> Inventory:
    """Of a set of forty numbers, whose roster is in the ledger."""
    inventory = Inventory(Kube(ApiDouble([], clock)), ledger, Clock())  # type: ignore[arg-type]  # the double
    inventory.sets.store.learn_page([stored(a_set(size=40), uid="u-set")])
    inventory.claims.store.learn_page([a_claim_of(n) for n in range(40)])
    inventory.numbers.store.learn_page([a_phone_number(n) for n in range(40)])
    for informer in inventory._informers:
        informer.synced.set()
    await inventory._enlist_dirty()
    assert len((await ledger.rollup(SET, NOON, TODAY)).tallies) == 40
    return inventory


@pytest.mark.parametrize(
    "status",
    [
        pytest.param({"usage": {"calls30d": 7}}, id="usage"),
        pytest.param({"observedGeneration": 3}, id="generation"),
    ],
)
async def test_a_status_that_no_pick_depends_on_makes_no_roster(inventory: Inventory, status: Json) -> None:
    written = a_phone_number(7)
    written["status"] |= status
    inventory.numbers.store.learn_page([written])
    assert not inventory._dirty


async def test_of_a_set_in_which_one_number_has_changed_one_seat_changes(
    inventory: Inventory, ledger: SqliteLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    seated: list[int] = []
    made: list[str] = []
    make = roster._member
    monkeypatch.setattr(roster, "_member", lambda *given: (made.append(given[-1][0].number), make(*given))[1])
    seat = rosters._seat
    monkeypatch.setattr(rosters, "_seat", lambda *given: (seated.append(given[1]), seat(*given)))
    flagged = a_phone_number(7)
    flagged["metadata"]["annotations"] = {"ringfleet.dev/quarantine": "flagged"}
    inventory.numbers.store.learn_page([flagged])
    assert inventory._dirty
    await inventory._enlist_dirty()
    assert made == [a_number_of(7)]
    assert seated == [int(a_number_of(7)[1:])]
    memory = await ledger._known()
    quarantined = [one.number for one in memory.members[1].values() if one.state is State.QUARANTINED]
    assert quarantined == [a_number_of(7)]
