"""What is put off, as callers see it: told once, redeemed under any key, cancelled, and waited for."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from ringfleet.plan.rotation_set.guardrails import Governed, Terms
from tests.dispatch.desk import ANN, BOB, a_desk
from tests.dispatch.ledger.builders import DAY, HOUR, a_member

FULL = a_member(1, daily=9, hourly=1, daily_tomorrow=9)
USED_UP = a_member(1, daily=1, hourly=1, daily_tomorrow=9)


async def test_who_is_put_off_gets_the_number_under_the_same_key_with_the_id_or_without(tmp_path: Path) -> None:
    async with a_desk(tmp_path, FULL) as desk:
        await desk.pick("+14155550111", "n")
        told = {name: (await desk.pick(to, name)).json() for name, to in (("ann", ANN), ("bob", BOB))}
        assert {one["status"] for one in told.values()} == {"deferred"}
        assert (await desk.pick(ANN, "another")).json()["deferredId"] == told["ann"]["deferredId"]
        desk.after(HOUR)
        assert (await desk.pick(ANN, "ann", deferredId=told["ann"]["deferredId"])).status_code == 200
        desk.after(2 * HOUR)
        assert (await desk.pick(BOB, "bob")).status_code == 200


async def test_a_deferral_is_cancelled_once_and_for_all(tmp_path: Path) -> None:
    async with a_desk(tmp_path, FULL) as desk:
        await desk.pick("+14155550111", "n")
        told = (await desk.pick(ANN, "ann")).json()
        for _ in range(2):
            assert (await desk.delete(f"deferred/{told['deferredId']}")).status_code == 204
        assert (await desk.get("deferred")).json()["byDay"] == []
        assert (await desk.delete("deferred/d999")).json()["type"].endswith("/not-found")
        again = (await desk.pick(ANN, "ann")).json()
        desk.after(HOUR)
        assert (await desk.pick(ANN, "ann")).status_code == 200
        used = await desk.delete(f"deferred/{again['deferredId']}")
        assert (used.status_code, used.json()["type"].rpartition("/")[2]) == (409, "deferral-used")


async def test_who_waits_is_told_by_key_what_may_go_out(tmp_path: Path) -> None:
    async with a_desk(tmp_path, FULL) as desk:
        await desk.pick("+14155550111", "n")
        told = (await desk.pick(ANN, "the contact with Ann")).json()
        listed = (await desk.get("deferred")).json()
        assert [one["idempotencyKey"] for one in listed["first"]] == ["the contact with Ann"]
        assert (await desk.get("deferred?due=now")).json()["first"] == []
        desk.after(HOUR)
        (due,) = (await desk.get("deferred?due=now&wait=20")).json()["first"]
        assert (due["deferredId"], due["idempotencyKey"]) == (told["deferredId"], "the contact with Ann")
        assert ANN not in str(due)


async def test_who_waits_is_told_when_the_time_has_come(tmp_path: Path) -> None:
    async with a_desk(tmp_path, FULL) as desk:
        await desk.pick("+14155550111", "n")
        desk.after(HOUR - 0.2)
        waiting = asyncio.create_task(desk.get("deferred?due=now&wait=20"))
        await asyncio.sleep(0)
        told = (await desk.pick(ANN, "ann")).json()
        desk.after(HOUR)
        (due,) = (await waiting).json()["first"]
        assert due["deferredId"] == told["deferredId"]


@pytest.mark.parametrize("query", ["due=later", "due=now&wait=21", "due=now&wait=-1", "due=now&wait=soon", "limit=0"])
async def test_what_is_asked_in_another_way_is_refused(tmp_path: Path, query: str) -> None:
    async with a_desk(tmp_path) as desk:
        reply = await desk.get(f"deferred?{query}")
    assert (reply.status_code, reply.json()["type"].rpartition("/")[2]) == (400, "malformed-request")


async def test_nobody_is_put_off_to_the_night(tmp_path: Path) -> None:
    """The set's day begins at midnight, which is night where the recipient is: room is kept from the morning on."""
    async with a_desk(tmp_path, USED_UP, governed=Governed(Terms()), zone="America/Los_Angeles") as desk:
        desk.after(6 * HOUR)
        assert (await desk.pick("+14155550111", "n")).status_code == 200
        told = (await desk.pick(ANN, "ann")).json()
        assert told["notBefore"] == "2026-11-25T16:00:00Z"
        desk.after(DAY + 5 * HOUR)
        assert (await desk.pick(ANN, "ann")).json()["reasons"] == ["deferred-earlier"]
