"""One pace for several clients: their smallest limits hold, and whoever goes leaves nobody waiting."""

from __future__ import annotations

import asyncio

from ringfleet.carriers.pace import Pace, Place
from tests.kube.virtual_time import now, run_in_virtual_time


async def call(place: Place, done: list[float], takes: float = 1.0) -> None:
    async with place.pace.turn(now, asyncio.sleep):
        await asyncio.sleep(takes)
        done.append(now())


def two_places(concurrency: int = 1) -> tuple[Place, Place]:
    pace, places = Pace(), (Place(1000, concurrency), Place(1000, 9))
    for place in places:
        place.move(pace)
    return places


def test_who_gives_up_while_it_waits_keeps_nobody_from_the_seat() -> None:
    async def play() -> list[float]:
        one, other = two_places()
        done: list[float] = []
        tasks = [asyncio.create_task(call(place, done)) for place in (one, other, one, other)]
        await asyncio.sleep(0.5)
        tasks[1].cancel()
        await asyncio.sleep(0.5)
        tasks[2].cancel()  # it has just been called up
        await asyncio.wait(tasks)
        return done

    assert run_in_virtual_time(play()) == [1.0, 2.0]


def test_when_the_stricter_client_is_closed_those_that_wait_go_on_at_once() -> None:
    async def play() -> list[float]:
        one, other = two_places()
        done: list[float] = []
        tasks = [asyncio.create_task(call(place, done)) for place in (one, other, other, other)]
        await asyncio.sleep(0.5)
        one.give_up()
        await asyncio.wait(tasks)
        return done

    assert run_in_virtual_time(play()) == [1.0, 1.5, 1.5, 1.5]


def test_a_client_that_is_opened_anew_has_no_burst_of_its_own() -> None:
    async def play() -> list[float]:
        pace, done = Pace(), list[float]()
        for _ in range(3):
            place = Place(1, 1)
            place.move(pace)
            await call(place, done, takes=0.0)
            place.give_up()
        return done

    assert run_in_virtual_time(play()) == [0.0, 1.0, 2.0]
