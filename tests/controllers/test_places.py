"""Places, and who gets them."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from ringfleet.controllers.carrier_clients import OpenAccount, not_reached
from ringfleet.controllers.places import Places
from ringfleet.model import AccountKey
from tests.kube.virtual_time import now, run_in_virtual_time

SECONDS = 1.0


async def _starts(places: Places, callers: int) -> list[float]:
    """When each of `callers` that come at once, and stay for a second, gets its place."""
    starts: list[float] = []

    async def call() -> None:
        async with places:
            starts.append(now())
            await asyncio.sleep(SECONDS)

    await asyncio.gather(*(call() for _ in range(callers)))
    return starts


@pytest.mark.parametrize(
    ("room", "expected"), [(1, [0, 1, 2, 3, 4]), (2, [0, 0, 1, 1, 2]), (5, [0] * 5), (0, [0, 1, 2, 3, 4])]
)
def test_no_more_are_in_than_there_is_room_and_one_always_is(room: int, expected: list[float]) -> None:
    assert run_in_virtual_time(_starts(Places(lambda: room), 5)) == pytest.approx(expected)


def test_a_caller_that_gives_up_waiting_takes_no_place() -> None:
    async def play() -> list[float]:
        places = Places(lambda: 1)
        first = asyncio.create_task(_starts(places, 2))
        await asyncio.sleep(0.5)
        first.cancel()
        with suppress(asyncio.CancelledError):
            await first
        return await _starts(places, 2)

    assert run_in_virtual_time(play()) == pytest.approx([0.5, 1.5])


def test_numbers_leave_half_of_the_places_to_the_order_that_has_the_purchase_lock_and_take_all_when_none_has() -> None:
    async def play() -> list[float]:
        key = AccountKey("shop", "main")
        account = OpenAccount(None, "", frozenset(), not_reached(key), concurrency=4)  # type: ignore[arg-type]
        await account.purchase_lock.acquire()
        asyncio.get_running_loop().call_at(0.5, account.purchase_lock.release)
        return await _starts(account.number_calls, 8)

    assert run_in_virtual_time(play()) == pytest.approx([0, 0, 1, 1, 1, 1, 2, 2])
