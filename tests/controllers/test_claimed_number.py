"""A claim is as ready as its number, and tells a tenant who may not read PhoneNumbers what that one says."""

from __future__ import annotations

import asyncio
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from ringfleet.controllers.triggers import follow, open_queue
from ringfleet.kube.transport import Json
from ringfleet.model import Mark
from tests.controllers.rig import (
    HERE,
    HOUSE,
    Rig,
    a_claim,
    a_number,
    a_pool,
    a_profile,
    a_rig,
    a_told_profile,
    in_virtual_time,
    restarted,
)
from tests.kstatus import Word, compute
from tests.plan.builders import a_holding, digits

ONE = digits(1).digits
OURS = Mark("home", HERE, "west")


def noted(name: str, why: str) -> Json:
    return {"metadata": {"annotations": {f"ringfleet.dev/{name}": why}}}


@asynccontextmanager
async def a_bound_claim(*others: Json, pool: Json | None = None, **spec: object) -> AsyncIterator[Rig]:
    """A claim that holds the number 1, at rest."""
    async with a_rig(*HOUSE, pool or a_pool(0), a_number(1), a_claim(**spec), *others) as rig:
        rig.carrier.held[digits(1)] = a_holding(1, mark=OURS)
        await rig.turn("NumberClaim", "desk")
        await rig.settle()
        yield rig


async def message(rig: Rig, kind: str, name: str) -> str:
    (said,) = (one for one in (await rig.status(kind, name))["conditions"] if one["type"] == "Ready")
    told: str = said["message"]
    return told


@pytest.mark.parametrize(
    ("befalls", "reason", "word"),
    [
        pytest.param({"spec": {"suspend": True}}, "Suspended", Word.FAILED, id="suspended"),
        pytest.param(noted("fraud", "calls to Mars"), "Suspended", Word.FAILED, id="stopped for fraud"),
        pytest.param(noted("quarantine", "spam"), "Quarantined", Word.FAILED, id="quarantined"),
        pytest.param(
            {"spec": {"routingProfileRef": {"name": "none"}}},
            "RoutingProfileMissing",
            Word.FAILED,
            id="its profile is missing",
        ),
    ],
)
@in_virtual_time
async def test_a_claim_is_not_ready_while_its_number_does_not_serve_it_and_says_why_in_the_numbers_words(
    befalls: Json, reason: str, word: Word
) -> None:
    async with a_bound_claim() as rig:
        assert await rig.says("NumberClaim", "desk") == "True Bound"
        await rig.change("PhoneNumber", ONE, befalls)
        await rig.look()
        await rig.settle()
        assert await rig.says("NumberClaim", "desk") == f"False {reason}"
        assert await message(rig, "PhoneNumber", ONE) in await message(rig, "NumberClaim", "desk")
        claim = await rig.find("NumberClaim", "desk")
        assert claim
        assert (compute(claim), claim["status"]["phase"]) == (word, "Bound")
        nothing = {"suspend": False, "routingProfileRef": None}
        notes = {"annotations": {f"ringfleet.dev/{name}": None for name in ("fraud", "quarantine")}}
        await rig.change("PhoneNumber", ONE, {"metadata": notes, "spec": nothing})
        await rig.look()
        await rig.settle()
        assert await rig.says("NumberClaim", "desk") == "True Bound"


@in_virtual_time
async def test_a_claim_of_an_account_that_is_gone_says_so() -> None:
    async with a_bound_claim() as rig:
        await rig.change("CarrierAccount", "main", {"metadata": {"finalizers": []}})
        await rig.delete("CarrierAccount", "main")
        await rig.look()
        await rig.settle()
        assert await rig.says("NumberClaim", "desk") == "False AccountMissing"


@in_virtual_time
async def test_a_claim_is_not_ready_before_its_number_is_routed_as_the_claim_itself_wishes() -> None:
    """Until then calls go where the pool's profile sends them, which is somewhere else."""
    pool, mine = a_pool(0, routingProfileRef={"name": "sip"}), a_told_profile("mine")
    routed = {"routing": {"profile": "sip", "externalId": "at-carrier/sip"}}
    number, claim = a_number(1, status=routed), a_claim(routingProfileRef={"name": "mine"})
    async with a_rig(*HOUSE, pool, a_told_profile(), mine, number, claim) as rig:
        rig.carrier.held[digits(1)] = a_holding(1, mark=OURS, routing="at-carrier/sip")
        await rig.turn("NumberClaim", "desk")
        assert await rig.says("NumberClaim", "desk") == "False Routing"
        assert await rig.says("NumberClaim", "desk", "Reconciling") == "True Routing"
        await rig.settle()
        assert await rig.says("NumberClaim", "desk") == "True Bound"
        assert rig.carrier.held[digits(1)].routing != "at-carrier/sip"


@in_virtual_time
async def test_a_claim_whose_own_profile_is_missing_says_so_at_once_and_is_ready_when_it_comes() -> None:
    async with a_rig(*HOUSE, a_pool(0), a_number(1), a_claim(routingProfileRef={"name": "sip"})) as rig:
        rig.carrier.held[digits(1)] = a_holding(1, mark=OURS)
        await rig.turn("NumberClaim", "desk")
        assert await rig.says("NumberClaim", "desk") == "False RoutingProfileMissing"
        await rig.settle()
        assert await rig.says("NumberClaim", "desk", "Stalled") == "True RoutingProfileMissing"
        await rig.create(a_profile())
        await rig.look()
        await rig.settle()
        assert await rig.says("NumberClaim", "desk") == "True Bound"


@in_virtual_time
async def test_a_claim_that_is_suspended_by_its_own_wish_is_as_it_wishes_once_the_traffic_has_stopped() -> None:
    async with a_bound_claim() as rig:
        await rig.change("NumberClaim", "desk", {"spec": {"suspend": True}})
        await rig.look()
        await rig.turn("NumberClaim", "desk")
        assert await rig.says("NumberClaim", "desk") == "False Suspended"
        assert await rig.says("NumberClaim", "desk", "Reconciling") == "True Suspended"
        await rig.settle()
        claim = await rig.find("NumberClaim", "desk")
        assert claim
        assert (await rig.says("NumberClaim", "desk"), compute(claim)) == ("True Suspended", Word.CURRENT)
        assert (await rig.status("PhoneNumber", ONE))["phase"] == "Suspended"


@pytest.mark.parametrize("befalls", [noted("quarantine", "spam"), {"spec": {"suspend": True}}])
@in_virtual_time
async def test_what_befell_a_number_while_no_operator_looked_is_told_by_its_claim_after_the_start(
    befalls: Json,
) -> None:
    async with a_bound_claim() as rig:
        await rig.change("PhoneNumber", ONE, befalls)
        await rig.look_at_numbers()
        await rig.turn("PhoneNumber", ONE)  # and the process ends before the claim has its turn
        assert await rig.says("NumberClaim", "desk") == "True Bound"
        async with restarted(rig, begun=False) as again:
            assert "NumberClaim desk" in await woken_by_a_start(again)
            await again.turn("NumberClaim", "desk")
            assert (await again.says("NumberClaim", "desk") or "").startswith("False ")


@in_virtual_time
async def test_a_claim_that_tells_all_of_its_number_is_not_woken_by_a_start() -> None:
    async with a_bound_claim() as rig, restarted(rig, begun=False) as again:
        assert "NumberClaim desk" not in await woken_by_a_start(again)


async def woken_by_a_start(rig: Rig) -> dict[str, float]:
    """Whom the next process wakes when it has listed all."""
    follow(rig.services)
    await rig.look()
    open_queue(rig.services)
    return await rig.woken(1.0)


# What it shows.


@in_virtual_time
async def test_a_claim_shows_what_its_number_costs_where_it_is_and_how_it_is_received() -> None:
    known = {"region": "San Francisco, CA", "health": {"attestation": "A"}}
    async with a_rig(*HOUSE, a_pool(0), a_number(1, status=known), a_claim()) as rig:
        rig.carrier.held[digits(1)] = a_holding(1, mark=OURS, attestation="A")
        await rig.turn("NumberClaim", "desk")
        assert (await rig.status("NumberClaim", "desk"))["phoneNumber"] == {
            "namespace": HERE,
            "name": ONE,
            "number": digits(1),
            "region": "San Francisco, CA",
            "price": {"monthly": "2", "setup": "1", "currency": "USD"},
            "health": {"attestation": "A"},
        }
        await rig.settle()
        await rig.change_status("PhoneNumber", ONE, {"health": {"spamLabel": "Spam Likely", "answerRate": "0.31"}})
        await rig.look()
        await rig.settle()
        health = {"attestation": "A", "spamLabel": "Spam Likely", "answerRate": "0.31"}
        assert (await rig.status("NumberClaim", "desk"))["phoneNumber"]["health"] == health
        await rig.change_status("PhoneNumber", ONE, {"health": {"spamLabel": None, "answerRate": None}})
        await rig.look()
        await rig.settle()
        assert (await rig.status("NumberClaim", "desk"))["phoneNumber"]["health"] == {"attestation": "A"}


@in_virtual_time
async def test_two_writes_bind_a_claim_and_nothing_more_is_written_for_what_it_shows() -> None:
    known = {"region": "San Francisco, CA", "health": {"attestation": "A"}}
    async with a_rig(*HOUSE, a_pool(0), a_number(1, status=known), a_claim()) as rig:
        await rig.turn("NumberClaim", "desk")
        await rig.run_queues()
        assert sum("numberclaims/status" in line for line in rig.told()) == 1


# What is written for a program.


@in_virtual_time
async def test_a_program_is_told_when_its_number_does_not_serve_and_when_it_does_again() -> None:
    async def written() -> tuple[str, str | None]:
        secret = await rig.find("Secret", "line")
        assert secret
        data = {key: b64decode(value).decode() for key, value in secret["data"].items()}
        return data["inService"], data.get("reason")

    async with a_bound_claim(writeTo={"secret": {"name": "line"}}) as rig:
        assert await written() == ("true", None)
        for befalls, told in (
            (noted("quarantine", "spam"), ("false", "Quarantined")),
            ({"metadata": {"annotations": {"ringfleet.dev/quarantine": None}}}, ("true", None)),
            ({"spec": {"suspend": True}}, ("false", "Suspended")),
            ({"spec": {"suspend": False}}, ("true", None)),
        ):
            await rig.change("PhoneNumber", ONE, befalls)
            await rig.look()
            await rig.settle()
            assert await written() == told


# Where it stands.


@in_virtual_time
async def test_a_claim_that_waits_tells_its_place_anew_as_the_queue_moves_and_seldom_far_back() -> None:
    claims = [a_claim(f"desk-{n:02}") for n in range(12)]
    async with a_rig(*HOUSE, a_pool(0), *claims, begun=False) as rig, rig.running():
        await asyncio.sleep(5)
        assert (await rig.status("NumberClaim", "desk-11"))["place"] == 12
        for n in range(1, 12):
            await rig.create(a_number(n))
        await asyncio.sleep(150)
        assert (await rig.status("NumberClaim", "desk-11"))["place"] == 1
        assert rig.told().count("patch numberclaims/status desk-11") == 1


@in_virtual_time
async def test_a_waiting_claim_looks_where_it_stands_the_sooner_the_nearer_it_is_to_its_turn() -> None:
    async with a_rig(*HOUSE, a_pool(0), a_claim("first"), a_claim("second"), later_claim()) as rig:
        assert [await rig.turn("NumberClaim", name) for name in ("first", "second")] == [10.0, 20.0]
        assert await rig.turn("NumberClaim", "suspended") is None


def later_claim() -> Json:
    return a_claim("suspended", suspend=True)
