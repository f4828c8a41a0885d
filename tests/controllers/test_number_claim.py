"""One turn of a claim: two writes bind it, no carrier is called, and whatever is lost, it holds one number at most."""

from __future__ import annotations

import asyncio

import pytest

from ringfleet.controllers.connection_secret import LOOK_AGAIN
from ringfleet.kube.errors import Conflict, Forbidden, KubeError, Unavailable
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
    a_secret,
    in_virtual_time,
    restarted,
)
from tests.plan.builders import a_holding, digits

CLAIM = "patch numberclaims/status desk"
ONE, TWO = digits(1).digits, digits(2).digits
FIRST, SECOND = f"patch phonenumbers {ONE}", f"patch phonenumbers {TWO}"
OTHERS = {"namespace": HERE, "name": "other", "uid": "others"}


async def turn(rig: Rig) -> float | None:
    return await rig.turn("NumberClaim", "desk")


async def take_turns(rig: Rig) -> None:
    """Turn after turn, each when the last one asked for it, until the claim wants none soon."""
    while (delay := await turn(rig)) is not None and delay < LOOK_AGAIN:
        await rig.woken(delay)


async def holds(rig: Rig) -> list[str]:
    """The numbers that are bound to the claim, by their own word."""
    claim = await rig.find("NumberClaim", "desk")
    assert claim
    found = [await rig.find("PhoneNumber", name) for name in await rig.names("PhoneNumber")]
    return [one["metadata"]["name"] for one in found if one and _holder(one) == claim["metadata"]["uid"]]


def _holder(number: Json) -> str | None:
    uid: str | None = number["spec"].get("claimRef", {}).get("uid")
    return uid


# Binding.


@in_virtual_time
async def test_two_writes_bind_a_claim_and_its_finalizer_follows_when_nobody_waits_for_it() -> None:
    async with a_rig(*HOUSE, a_pool(), a_number(1), a_claim()) as rig:
        delay = await turn(rig)
        assert (rig.told(), delay) == ([FIRST, CLAIM], 1.0)
        claim, number = await rig.find("NumberClaim", "desk"), await rig.find("PhoneNumber", ONE)
        assert claim
        assert number
        assert number["spec"]["claimRef"] == {"namespace": HERE, "name": "desk", "uid": claim["metadata"]["uid"]}
        named = {"namespace": HERE, "name": ONE, "number": digits(1)}
        assert claim["status"]["phoneNumber"].items() >= named.items()
        assert (claim["status"]["phase"], claim["status"]["timeToBind"]) == ("Bound", "0s")
        assert await rig.says("NumberClaim", "desk") == "True Bound"
        await rig.woken(1.0)
        assert (await turn(rig), rig.told()) == (None, ["patch numberclaims desk"])
        claim = await rig.find("NumberClaim", "desk")
        assert claim
        assert claim["metadata"]["finalizers"] == ["ringfleet.dev/claim"]
        assert (await turn(rig), rig.told()) == (None, [])


@in_virtual_time
async def test_a_claim_whose_number_was_taken_meanwhile_gets_another_one() -> None:
    async with a_rig(*HOUSE, a_pool(), a_number(1), a_number(2), a_claim()) as rig:
        await rig.change("PhoneNumber", ONE, {"spec": {"claimRef": OTHERS}})
        assert await turn(rig) == 0.0
        await turn(rig)
        assert (await holds(rig), rig.told()) == ([TWO], [SECOND, CLAIM])


@in_virtual_time
async def test_a_claim_whose_number_was_deleted_meanwhile_waits_when_there_is_no_other() -> None:
    async with a_rig(*HOUSE, a_pool(), a_number(1), a_claim()) as rig:
        await rig.change("PhoneNumber", ONE, {"metadata": {"finalizers": []}})
        await rig.delete("PhoneNumber", ONE)
        while await turn(rig) == 0.0:
            await rig.look()
        assert await rig.says("NumberClaim", "desk") == "False WaitingForNumber"


@pytest.mark.parametrize("done", [pytest.param(False, id="not done"), pytest.param(True, id="done, and not answered")])
@in_virtual_time
async def test_a_first_write_without_an_answer_is_looked_up_before_another_number_is_written(done: bool) -> None:
    async with a_rig(*HOUSE, a_pool(), a_number(1), a_number(2), a_claim()) as rig:
        rig.api.break_write(0, done=done)
        with pytest.raises(Unavailable):
            await turn(rig)
        rig.told()
        await turn(rig)
        assert (await holds(rig), rig.told()) == ([ONE], [CLAIM] if done else [FIRST, CLAIM])
        assert await rig.says("NumberClaim", "desk") == "True Bound"


@pytest.mark.parametrize("done", [pytest.param(False, id="not done"), pytest.param(True, id="done, and not answered")])
@pytest.mark.parametrize("nth", range(3))
@in_virtual_time
async def test_a_process_that_ends_at_any_write_is_followed_by_one_that_binds_no_second_number(
    nth: int, done: bool
) -> None:
    async with a_rig(*HOUSE, a_pool(), a_number(1), a_number(2), a_claim()) as rig:
        rig.api.break_write(nth, done=done)
        with pytest.raises(Unavailable):
            await take_turns(rig)
        async with restarted(rig) as again:
            await take_turns(again)
            status = await again.status("NumberClaim", "desk")
            assert (await holds(again), status["phoneNumber"]["name"], status["phase"]) == ([ONE], ONE, "Bound")


@pytest.mark.parametrize(("code", "error"), [(403, Forbidden), (503, Unavailable)])
@in_virtual_time
async def test_a_claim_that_can_not_be_bound_now_is_bound_at_the_next_turn(code: int, error: type[KubeError]) -> None:
    async with a_rig(*HOUSE, a_pool(), a_number(1), a_claim()) as rig:
        rig.api.refuse("patch", "phonenumbers", code)
        with pytest.raises(error):
            await turn(rig)
        assert await holds(rig) == []
        await turn(rig)
        assert (await holds(rig), await rig.says("NumberClaim", "desk")) == ([ONE], "True Bound")


@in_virtual_time
async def test_a_status_that_somebody_else_has_written_is_not_written_over() -> None:
    async with a_rig(*HOUSE, a_pool(), a_number(1), a_claim()) as rig:
        await rig.change("NumberClaim", "desk", {"spec": {"tenant": "acme"}})
        with pytest.raises(Conflict):
            await turn(rig)
        assert await holds(rig) == [ONE], "the first write stands"
        await rig.look()
        await turn(rig)
        assert (await rig.status("NumberClaim", "desk"))["phoneNumber"]["name"] == ONE


# What the API server refuses.


async def tries(rig: Rig) -> int:
    """How often a number was written to, done or not."""
    return rig.kube.writes["patch", "phonenumbers"]


@pytest.mark.parametrize(
    "code", [pytest.param(403, id="a right or a policy"), pytest.param(422, id="a rule"), pytest.param(409, id="a 409")]
)
@in_virtual_time
async def test_a_binding_that_is_refused_is_tried_ever_more_rarely_and_the_claim_says_so(code: int) -> None:
    async with a_rig(*HOUSE, a_pool(), a_number(1), a_claim(), begun=False) as rig:
        rig.api.refuse("patch", "phonenumbers", code, times=5000)
        async with rig.running():
            await rig.until(lambda: _says(rig, "False BindingRefused"))
            await asyncio.sleep(60)
        assert 5 <= await tries(rig) <= 10
        claim = await rig.status("NumberClaim", "desk")
        assert (claim["phase"], await rig.says("NumberClaim", "desk")) == ("Waiting", "False BindingRefused")
        said = "refused as not acceptable (422)" if code == 422 else f"HTTP {code}, says the test"
        assert said in claim["conditions"][0]["message"]


@in_virtual_time
async def test_a_claim_is_bound_by_itself_once_its_binding_is_not_refused_any_more() -> None:
    async with a_rig(*HOUSE, a_pool(), a_number(1), a_claim(), begun=False) as rig:
        rig.api.refuse("patch", "phonenumbers", 403, times=4)
        async with rig.running():
            await rig.until(lambda: _says(rig, "True Bound"), within=5.0)
        assert await tries(rig) == 5


@in_virtual_time
async def test_a_number_that_one_claim_is_refused_is_there_for_the_next() -> None:
    async with a_rig(*HOUSE, a_pool(), a_number(1), a_claim("first"), a_claim("second")) as rig:
        rig.api.refuse("patch", "phonenumbers", 403)
        with pytest.raises(KubeError):
            await rig.turn("NumberClaim", "first")
        await rig.turn("NumberClaim", "second")
        assert await rig.says("NumberClaim", "first") == "False BindingRefused"
        assert await rig.says("NumberClaim", "second") == "True Bound"


async def _says(rig: Rig, said: str) -> bool:
    return await rig.says("NumberClaim", "desk") == said


# Waiting.


@pytest.mark.parametrize(
    ("claim", "others", "phase", "said"),
    [
        pytest.param(a_claim(), (a_pool(),), "Waiting", "False WaitingForNumber", id="nothing is free"),
        pytest.param(a_claim(onNoStock="Fail"), (a_pool(),), "Failed", "False NoStock", id="and it will not wait"),
        pytest.param(a_claim(), (), "Waiting", "False PoolMissing", id="no pool"),
        pytest.param(
            a_claim(areaCode="1415"),
            (a_pool(), a_number(1)),
            "Waiting",
            "False InvalidSpec",
            id="an area code that can be none",
        ),
        pytest.param(
            a_claim(wishes=[{"areaCode": "1415"}]),
            (a_pool(), a_number(1)),
            "Waiting",
            "False InvalidSpec",
            id="and as a further wish",
        ),
        pytest.param(a_claim(suspend=True), (a_pool(), a_number(1)), "Waiting", "True Suspended", id="suspended"),
        pytest.param(
            a_claim(phoneNumberName=TWO), (a_pool(), a_number(1)), "Waiting", "False NumberMissing", id="no such number"
        ),
        pytest.param(
            a_claim(phoneNumberName=ONE),
            (a_pool(), a_number(1, "Cooling")),
            "Waiting",
            "False NumberNotFree",
            id="that number rests",
        ),
        pytest.param(
            a_claim(capabilities=["Fax"]),
            (a_pool(), a_number(1)),
            "Waiting",
            "False WaitingForNumber",
            id="none can fax",
        ),
        pytest.param(
            a_claim(poolRef={"name": "west", "namespace": "else"}),
            (),
            "Waiting",
            "False PoolNotAllowed",
            id="a pool that lets nobody in",
        ),
    ],
)
@in_virtual_time
async def test_a_claim_without_a_number_says_why(claim: Json, others: tuple[Json, ...], phase: str, said: str) -> None:
    async with a_rig(*HOUSE, *others, claim) as rig:
        queues = said in ("False WaitingForNumber", "False NumberNotFree")
        assert await turn(rig) == (again := 10.0 if queues else None)
        status = await rig.status("NumberClaim", "desk")
        assert (status["phase"], await rig.says("NumberClaim", "desk"), await holds(rig)) == (phase, said, [])
        rig.told()
        assert (await turn(rig), rig.told()) == (again, [])


@in_virtual_time
async def test_a_waiting_claim_shows_its_place_and_is_called_up_when_a_number_becomes_free() -> None:
    async with a_rig(*HOUSE, a_pool(), a_claim("first"), a_claim("second")) as rig:
        await rig.turn_all(("NumberClaim", "first"), ("NumberClaim", "second"))
        assert [(await rig.status("NumberClaim", name))["place"] for name in ("first", "second")] == [1, 2]
        await rig.woken()
        await rig.create(a_number(1))
        await rig.look()
        assert [key for key in await rig.woken() if "Claim" in key] == ["NumberClaim first"]


# Handing over.


@in_virtual_time
async def test_the_number_is_written_where_the_claim_wants_it_and_anothers_object_is_not_touched() -> None:
    to = {"configMap": {"name": "phone"}}
    async with a_rig(*HOUSE, a_pool(), a_number(1), a_claim(writeTo=to, tenant="acme")) as rig:
        await turn(rig)
        await turn(rig)
        made = await rig.find("ConfigMap", "phone")
        assert made
        assert made["data"] == {"number": digits(1), "digits": ONE, "tenant": "acme", "inService": "true"}
        assert made["metadata"]["ownerReferences"][0]["name"] == "desk"
    async with a_rig(*HOUSE, a_pool(), a_number(1), a_claim(writeTo={"secret": {"name": "phone"}})) as rig:
        await rig.create(a_secret("phone", number="theirs"))
        await turn(rig)
        await turn(rig)
        assert (await rig.find("Secret", "phone") or {})["data"] == a_secret("phone", number="theirs")["data"]
        assert await rig.says("NumberClaim", "desk") == "False WriteRefused"


@in_virtual_time
async def test_what_was_written_for_a_program_follows_the_claim_and_what_is_said_no_more_is_taken_away() -> None:
    to = {"configMap": {"name": "phone"}}
    async with a_rig(*HOUSE, a_pool(), a_profile(), a_number(1), a_claim(writeTo=to, tenant="acme")) as rig:
        await take_turns(rig)
        await rig.change("NumberClaim", "desk", {"spec": {"tenant": None, "routingProfileRef": {"name": "sip"}}})
        await rig.look()
        await take_turns(rig)
        assert (await rig.find("ConfigMap", "phone") or {})["data"] == {
            **{"number": digits(1), "digits": ONE, "inService": "false", "reason": "Routing"},
            **{"routingProfile": "sip", "sipUri": "sip:pbx.example.com", "sipUris": "sip:pbx.example.com"},
        }


# Letting go.


async def bound(rig: Rig) -> None:
    await turn(rig)
    await rig.woken(1.0)
    await turn(rig)
    rig.told()


@in_virtual_time
async def test_a_deleted_claim_unbinds_its_number_before_it_goes_and_the_number_rests_from_then_on() -> None:
    async with a_rig(*HOUSE, a_pool(), a_number(1), a_claim()) as rig:
        await bound(rig)
        await rig.delete("NumberClaim", "desk")
        await rig.look()
        assert (await turn(rig), rig.told()) == (None, [FIRST, "patch numberclaims desk"])
        number = await rig.find("PhoneNumber", ONE)
        assert number
        assert ("claimRef" in number["spec"], "unboundAt" in number["spec"]) == (False, True)
        assert await rig.find("NumberClaim", "desk") is None
        await rig.turn("PhoneNumber", ONE)
        assert (await rig.status("PhoneNumber", ONE))["phase"] == "Cooling"


@in_virtual_time
async def test_a_deleted_claim_stays_while_its_number_can_not_be_unbound() -> None:
    async with a_rig(*HOUSE, a_pool(), a_number(1), a_claim()) as rig:
        await bound(rig)
        await rig.delete("NumberClaim", "desk")
        await rig.change("PhoneNumber", ONE, {"spec": {"protected": True}})
        await rig.look_at_claims()
        with pytest.raises(Conflict):
            await turn(rig)
        assert (await holds(rig), rig.told()) == ([ONE], [])
        await turn(rig)
        number = await rig.find("PhoneNumber", ONE)
        assert number
        assert (_holder(number), number["spec"]["protected"]) == (None, True)


@in_virtual_time
async def test_a_claim_whose_number_was_taken_by_force_says_so_and_takes_no_other() -> None:
    async with a_rig(*HOUSE, a_pool(), a_number(1), a_number(2), a_claim()) as rig:
        await bound(rig)
        await rig.change("PhoneNumber", ONE, {"spec": {"claimRef": None}})
        await rig.look()
        await turn(rig)
        assert (await rig.says("NumberClaim", "desk"), await holds(rig)) == ("False NumberMissing", [])


@in_virtual_time
async def test_a_claim_is_not_ready_while_its_number_is_suspended() -> None:
    async with a_rig(*HOUSE, a_pool(0), a_number(1), a_claim()) as rig:
        rig.carrier.held[digits(1)] = a_holding(1, mark=Mark("home", HERE, "west"))
        await take_turns(rig)
        said = [await rig.says("NumberClaim", "desk")]
        for suspend in (True, False):
            await rig.change("PhoneNumber", digits(1).digits, {"spec": {"suspend": suspend}})
            await rig.look()
            await rig.settle()
            said.append(await rig.says("NumberClaim", "desk"))
        assert said == ["True Bound", "False Suspended", "True Bound"]


@in_virtual_time
async def test_a_claim_says_that_its_number_was_lost_or_is_back_also_when_an_earlier_process_has_seen_it() -> None:
    async with a_rig(*HOUSE, a_pool(0), a_number(1), a_claim()) as rig:
        await take_turns(rig)
        said = []
        for phase in ("Lost", "Bound"):
            await rig.change_status("PhoneNumber", digits(1).digits, {"phase": phase})
            async with restarted(rig, begun=False) as again, again.running():
                await asyncio.sleep(30.0)
            said.append(await rig.says("NumberClaim", "desk"))
        assert said == ["False Lost", "True Bound"]


@in_virtual_time
async def test_of_two_numbers_that_two_operators_have_bound_the_one_that_the_status_names_stays() -> None:
    async with a_rig(*HOUSE, a_pool(), a_number(1), a_number(2), a_claim()) as rig:
        claim = await rig.find("NumberClaim", "desk")
        assert claim
        ref = {"namespace": HERE, "name": "desk", "uid": claim["metadata"]["uid"]}
        for name in (ONE, TWO):
            await rig.change("PhoneNumber", name, {"spec": {"claimRef": ref}})
        named = {"namespace": HERE, "name": TWO, "number": digits(2)}
        await rig.change_status("NumberClaim", "desk", {"phase": "Bound", "phoneNumber": named})
        await rig.look_at_numbers()
        await turn(rig)
        assert await holds(rig) == [TWO]
