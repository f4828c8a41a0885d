"""Two operators of one identity, one of which was stopped in the middle of an act and runs on later (SIGSTOP, a
suspended machine): both believe that they hold the leases, and what the first one sees is long past."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from ringfleet.kube.errors import Conflict
from ringfleet.kube.transport import Json
from ringfleet.model import Mark
from tests.controllers.rig import (
    HERE,
    HOUSE,
    Rig,
    a_number,
    a_pool,
    a_rig,
    an_order,
    in_virtual_time,
    later,
    restarted,
)
from tests.plan.builders import a_holding, an_offer, digits

ONE = digits(1)
MARK = Mark("home", HERE, "west")
GOES = {"deletionPolicy": "Release", "release": {"mode": "Manual", "hold": "0s"}}


@asynccontextmanager
async def two_of_one_identity(*objects: Json) -> AsyncIterator[tuple[Rig, Rig]]:
    """The one that is stopped, and the one that goes on."""
    async with a_rig(*HOUSE, *objects) as stopped, restarted(stopped) as other:
        stopped.carrier.stock = [an_offer(n) for n in range(1, 9)]
        yield stopped, other


async def see_through(rig: Rig) -> None:
    await rig.look()
    for _ in range(4):
        await rig.turn("NumberOrder", "west-1")


@in_virtual_time
async def test_an_order_that_was_seen_through_meanwhile_buys_nothing_more() -> None:
    """The number was taken when the other one asked for it, and is for sale again."""
    async with two_of_one_identity(a_pool(1), an_order(1)) as (stopped, other):
        carrier = stopped.carrier

        async def stop() -> None:
            carrier.before_buying = None
            carrier.taken = {ONE}
            await see_through(other)
            assert (await other.status("NumberOrder", "west-1"))["items"][0]["state"] == "Failed"
            carrier.taken.clear()
            carrier._answers.clear()

        await stopped.turn("NumberOrder", "west-1")
        carrier.before_buying = stop
        with pytest.raises(Conflict):  # it runs again, with what is so now
            await stopped.turn("NumberOrder", "west-1")
        assert not carrier.billed


@in_virtual_time
async def test_an_order_that_the_other_one_bought_is_bought_once_and_written_once() -> None:
    async with two_of_one_identity(a_pool(1), an_order(1)) as (stopped, other):
        carrier = stopped.carrier

        async def stop() -> None:
            carrier.before_buying = None
            await see_through(other)
            carrier._answers.clear()  # as a carrier without idempotency keys

        await stopped.turn("NumberOrder", "west-1")
        carrier.before_buying = stop
        with pytest.raises(Conflict):
            await stopped.turn("NumberOrder", "west-1")
        await see_through(stopped)
        assert (carrier.billed, len(carrier.purchases)) == ({ONE: 1}, 1)
        assert await stopped.says("NumberOrder", "west-1") == "True Complete"
        assert await stopped.names("PhoneNumber") == [ONE.digits]


def a_number_that_goes() -> Json:
    farewell = {"since": later(-3600), "cause": "Manual", "notBefore": later(-60)}
    number = a_number(1, "Releasing", {"farewell": farewell}, deletionPolicy="Release")
    number["metadata"]["annotations"] = {"ringfleet.dev/release": ONE}
    return number


def a_pool_that_lets_go() -> Json:
    name = ONE.digits
    day = later(0)[:10]
    memory = {"release": {"granted": [name], "cleared": [name]}}
    return a_pool(0, status={"release": {"day": day, "released": [name], "recent": []}, "memory": memory}, **GOES)


@in_virtual_time
async def test_a_number_goes_that_may() -> None:
    async with two_of_one_identity(a_pool_that_lets_go(), a_number_that_goes()) as (stopped, _):
        stopped.carrier.held = {ONE: a_holding(1, mark=MARK)}
        await stopped.turn("PhoneNumber", ONE.digits)
        assert ONE not in stopped.carrier.held


@in_virtual_time
async def test_a_number_that_was_taken_back_while_the_carrier_was_asked_is_not_given_back() -> None:
    async with two_of_one_identity(a_pool_that_lets_go(), a_number_that_goes()) as (stopped, other):
        stopped.carrier.held = {ONE: a_holding(1, mark=MARK)}
        stopped.carrier.takes["find"] = 20.0

        async def take_back() -> None:
            await asyncio.sleep(10.0)
            await other.change(
                "PhoneNumber", ONE.digits, {"metadata": {"annotations": {"ringfleet.dev/release": None}}}
            )

        await asyncio.gather(stopped.turn("PhoneNumber", ONE.digits), take_back())
        assert ONE in stopped.carrier.held


@in_virtual_time
async def test_a_process_that_was_stopped_after_its_last_look_looks_again() -> None:
    async with two_of_one_identity(a_pool_that_lets_go(), a_number_that_goes()) as (stopped, other):
        stopped.carrier.held = {ONE: a_holding(1, mark=MARK)}

        async def stop() -> None:
            await other.change("PhoneNumber", ONE.digits, {"spec": {"protected": True}})
            await asyncio.sleep(3600.0)

        stopped.api.meanwhile("get", "configmaps", stop)
        await stopped.turn("PhoneNumber", ONE.digits)
        assert ONE in stopped.carrier.held
