"""Many numbers are deleted at once, or one after the other: what the breaker holds is not bought a second time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from ringfleet.kube.transport import Json
from ringfleet.model import Mark
from ringfleet.objects.refs import CRDS
from tests.controllers.rig import (
    HERE,
    HOUSE,
    INSTALLATION,
    Rig,
    a_number,
    a_pool,
    a_rig,
    an_object,
    in_virtual_time,
)
from tests.controllers.test_number_pool import KIND, NAMESPACE
from tests.plan.builders import a_holding, an_offer, digits

SIX = range(1, 7)
MINE = Mark(INSTALLATION, HERE, "west")
HOUR = 3600.0


@asynccontextmanager
async def a_stocked_rig(*objects: Json, count: int = 6, **settings: object) -> AsyncIterator[Rig]:
    """A running operator with a pool of so many free numbers, all held at a carrier that would sell more."""
    some = [a_number(n) for n in range(1, count + 1)]
    async with a_rig(*HOUSE, NAMESPACE, KIND, *(objects or (a_pool(count),)), *some, begun=False, **settings) as rig:
        for n in range(1, count + 1):
            rig.carrier.held[digits(n)] = a_holding(n, mark=MINE)
        rig.carrier.stock = [an_offer(n) for n in range(100, 130)]
        async with rig.running():
            yield rig


async def delete(rig: Rig, *numbers: int, every: float = 0.0) -> None:
    for n in numbers:
        await rig.delete("PhoneNumber", digits(n).digits)
        await asyncio.sleep(every)


def bought(rig: Rig) -> int:
    return sum(rig.carrier.billed.values())


async def acknowledge(rig: Rig, pool: str = "west") -> None:
    frozen = (await rig.status("NumberPool", pool))["release"]["frozenSince"]
    await rig.change("NumberPool", pool, {"metadata": {"annotations": {"ringfleet.dev/acknowledge-release": frozen}}})


@pytest.mark.parametrize("every", [0.0, 0.3, 2.0, 9.0, 30.0])
@in_virtual_time
async def test_a_mass_deletion_that_is_frozen_is_not_bought_again_until_a_person_has_spoken(every: float) -> None:
    """However far apart the deletions come: what had gone before the breaker opened is replaced, and nothing else."""
    async with a_stocked_rig() as rig:
        await delete(rig, *SIX, every=every)
        await asyncio.sleep(HOUR)
        gone = 6 - len(await rig.names("PhoneNumber")) + bought(rig)
        assert bought(rig) == gone == (1 if every > 10 else 0)
        assert await rig.says("NumberPool", "west", "ReleaseFrozen") == "True ReleaseFrozen"
        assert await rig.says("NumberPool", "west") == "False OrderingFrozen"
        await acknowledge(rig)
        await asyncio.sleep(HOUR)
        assert (bought(rig), await rig.says("NumberPool", "west")) == (6, "True AtTarget")
        marks = [holding.mark for number, holding in rig.carrier.held.items() if number in map(digits, SIX)]
        assert marks == [None] * 6


@in_virtual_time
async def test_a_pool_whose_release_is_frozen_still_orders_what_it_lacks_beside_what_the_freeze_holds() -> None:
    async with a_stocked_rig() as rig:
        await delete(rig, *SIX)
        await asyncio.sleep(HOUR)
        await rig.change("NumberPool", "west", {"spec": {"size": {"target": 8}}})
        await asyncio.sleep(HOUR)
        assert (bought(rig), await rig.says("NumberPool", "west")) == (2, "False OrderingFrozen")


@in_virtual_time
async def test_a_number_that_is_replaced_by_force_is_not_bought_again_in_between() -> None:
    """`kubectl replace --force` deletes, waits until the object is gone, and makes it anew."""
    async with a_stocked_rig(count=4) as rig:
        name = digits(1).digits
        await delete(rig, 1)

        async def is_gone() -> bool:
            return await rig.find("PhoneNumber", name) is None

        await rig.until(is_gone)
        await asyncio.sleep(5.0)
        await rig.create(a_number(1, status={}))
        await asyncio.sleep(HOUR)
        assert (bought(rig), len(await rig.names("PhoneNumber"))) == (0, 4)
        assert await rig.says("NumberPool", "west") == "True AtTarget"


@in_virtual_time
async def test_a_number_that_was_deleted_for_good_is_replaced_when_it_has_gone() -> None:
    async with a_stocked_rig(count=4) as rig:
        await delete(rig, 1)
        await asyncio.sleep(5.0)
        assert (bought(rig), await rig.says("NumberPool", "west")) == (0, "False Releasing")
        await asyncio.sleep(HOUR)
        assert (bought(rig), await rig.says("NumberPool", "west")) == (1, "True AtTarget")


@in_virtual_time
async def test_nothing_is_ordered_while_the_kind_that_would_record_it_is_being_deleted() -> None:
    kind = an_object("CustomResourceDefinition", KIND["metadata"]["name"], {}, finalizers=["customresourcecleanup"])
    async with a_rig(*HOUSE, NAMESPACE, kind, a_pool(3)) as rig:
        await rig.kube.delete(CRDS, None, kind["metadata"]["name"])
        rig.carrier.stock = [an_offer(n) for n in range(100, 130)]
        await rig.turn("NumberPool", "west")
        assert (bought(rig), await rig.names("NumberOrder")) == (0, [])
        assert await rig.says("NumberPool", "west") == "False OrderingFrozen"


@in_virtual_time
async def test_numbers_that_were_all_taken_back_are_neither_bought_again_nor_missed() -> None:
    manual = a_pool(6, release={"mode": "Manual"})
    async with a_stocked_rig(manual) as rig:
        for n in SIX:
            await rig.change("PhoneNumber", digits(n).digits, _asked(digits(n)))
        await asyncio.sleep(HOUR)
        assert await rig.says("NumberPool", "west") == "False OrderingFrozen"
        for n in SIX:
            await rig.change("PhoneNumber", digits(n).digits, _asked(None))
        await asyncio.sleep(HOUR)
        assert (bought(rig), await rig.says("NumberPool", "west")) == (0, "True AtTarget")


def _asked(number: str | None) -> Json:
    return {"metadata": {"annotations": {"ringfleet.dev/release": number}}}
