"""A number's history: each phase that it came into, when, why and by whom, in the write that brings the phase."""

from __future__ import annotations

import pytest

from ringfleet.api import PhoneNumber
from ringfleet.kube.transport import Json
from tests.api.schemas import schema_of
from tests.controllers.rig import (
    HERE,
    HOUSE,
    Rig,
    a_claim,
    a_number,
    a_pool,
    a_rig,
    in_virtual_time,
    later,
    restarted,
)
from tests.plan.builders import a_holding, digits

ONE = digits(1).digits
WRITE = f"patch phonenumbers/status {ONE}"


async def history(rig: Rig) -> list[tuple[str, str, str | None]]:
    steps = (await rig.status("PhoneNumber", ONE)).get("history", [])
    return [(one["phase"], one["reason"], one.get("by")) for one in steps]


@in_virtual_time
async def test_a_history_tells_which_claim_had_a_number_and_costs_no_write_of_its_own() -> None:
    async with a_rig(*HOUSE, a_pool(0), a_number(1), a_claim(guarded=True)) as rig:
        await rig.turn("NumberClaim", "desk")
        await rig.run_queues()
        assert rig.told().count(WRITE) == 1
        await rig.delete("NumberClaim", "desk")
        await rig.look()
        await rig.turn("NumberClaim", "desk")
        async with restarted(rig) as again:
            await again.turn("PhoneNumber", ONE)
            claim = f"NumberClaim {HERE}/desk"
            assert await history(again) == [("Bound", "NoRoutingWanted", claim), ("Cooling", "Cooling", claim)]
            (first, _) = (await again.status("PhoneNumber", ONE))["history"]
            assert first["at"] == later(0)
            again.told()
            await again.turn("PhoneNumber", ONE)
            assert again.told() == []


@pytest.mark.parametrize(
    ("notes", "by"),
    [({"ringfleet.dev/requested-by": "ada"}, "ada"), ({}, None)],
    ids=["by the command line", "by hand"],
)
@in_virtual_time
async def test_a_history_tells_who_asked_for_a_number_to_go(notes: dict[str, str], by: str | None) -> None:
    async with a_rig(*HOUSE, a_pool(0, release={"mode": "Manual"}), a_number(1)) as rig:
        rig.carrier.held[digits(1)] = a_holding(1, area_code="415")
        await rig.change(
            "PhoneNumber", ONE, {"metadata": {"annotations": {"ringfleet.dev/release": digits(1), **notes}}}
        )
        await rig.look()
        await rig.turn("PhoneNumber", ONE)
        assert await history(rig) == [("Releasing", "Releasing", by)]


@in_virtual_time
async def test_a_history_that_somebody_else_has_written_keeps_a_number_from_no_step() -> None:
    odd = {"at": later(0), "phase": "Avail able", "reason": "Rou\nted", "by": "ada\n\u2028 lovelace\x1c"}
    async with a_rig(*HOUSE, a_pool(0), a_number(1, status={"history": [odd]}), a_claim()) as rig:
        await rig.turn("NumberClaim", "desk")
        await rig.settle()
        told = (await rig.status("PhoneNumber", ONE))["history"]
        first = {"at": later(0), "phase": "Available", "reason": "Routed", "by": "ada lovelace"}
        assert (told[0], told[1]["phase"]) == (first, "Bound")


@in_virtual_time
async def test_the_last_twenty_steps_are_kept() -> None:
    steps: list[Json] = [{"at": later(n), "phase": "Available", "reason": "Routed", "by": "a b"} for n in range(20)]
    number = a_number(1, status={"history": steps})
    async with a_rig(*HOUSE, a_pool(0), number, a_claim()) as rig:
        await rig.turn("NumberClaim", "desk")
        await rig.settle()
        kept = (await rig.status("PhoneNumber", ONE))["history"]
        assert (kept[:-1], kept[-1]["phase"], len(kept)) == (steps[1:], "Bound", 20)


@in_virtual_time
async def test_a_step_in_words_of_a_newer_version_is_written_back_as_it_is() -> None:
    """A list is written whole: what the schema of an older version refused would keep the number from every step."""
    step = {"at": later(0), "phase": "FromTheFuture", "reason": "Unheard"}
    async with a_rig(*HOUSE, a_pool(0), a_number(1, status={"history": [step]}), a_claim()) as rig:
        await rig.turn("NumberClaim", "desk")
        await rig.settle()
        assert (await rig.status("PhoneNumber", ONE))["history"][0] == step
    number = PhoneNumber.parse({**a_number(1), "metadata": {"name": ONE}, "status": {"history": [step]}})
    assert number.status.as_dict()["history"] == [step]
    schema = schema_of(PhoneNumber)["properties"]["status"]["properties"]["history"]
    assert "enum" not in schema["items"]["properties"]["phase"]
