"""One turn of a claim: two writes bind it, no carrier is called, and whatever is lost, it holds one number at most."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from ringfleet.controllers.connection_secret import LOOK_AGAIN
from ringfleet.controllers.meter import Unmetered
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
async def test_two_writes_bind_a_claim_and_no_third_one_of_it_follows() -> None:
    async with a_rig(*HOUSE, a_pool(), a_number(1), a_claim()) as rig:
        delay = await turn(rig)
        assert (rig.told(), delay) == ([FIRST, CLAIM], None)
        claim, number = await rig.find("NumberClaim", "desk"), await rig.find("PhoneNumber", ONE)
        assert claim
        assert number
        assert number["spec"]["claimRef"] == {"namespace": HERE, "name": "desk", "uid": claim["metadata"]["uid"]}
        named = {"namespace": HERE, "name": ONE, "number": digits(1)}
        assert claim["status"]["phoneNumber"].items() >= named.items()
        assert (claim["status"]["phase"], claim["status"]["timeToBind"]) == ("Bound", "0s")
        assert await rig.says("NumberClaim", "desk") == "True Bound"
        await rig.run_queues()
        assert [one for one in rig.told() if "claim" in one] == []
        assert await rig.find("NumberClaim", "desk") == claim
        assert (await turn(rig), rig.told()) == (None, [])


@in_virtual_time
async def test_what_follows_on_a_binding_waits_until_no_claim_is_being_bound_and_takes_one_turn_then() -> None:
    """A turn a second of each claim and each number took a third of the time that bindings have."""
    numbers, names = range(1, 41), [f"desk-{n}" for n in range(40)]
    async with a_rig(*HOUSE, a_pool(0), *map(a_number, numbers), begun=False) as rig, rig.running():
        await asyncio.sleep(20)
        turns, before = count_turns(rig), followed(rig)
        for name in names:
            await rig.create(a_claim(name))
            await asyncio.sleep(0.25)
        assert turns["NumberClaim"] == len(names)
        assert turns["PhoneNumber"] <= len(names)
        assert followed(rig) == before
        await asyncio.sleep(10)
        phases = [(await rig.status("PhoneNumber", digits(n).digits))["phase"] for n in numbers]
        assert phases == ["Bound"] * len(names)
        assert followed(rig) - before == {"events": len(names), "phonenumbers/status": len(names)}
        assert (turns["NumberClaim"], turns["PhoneNumber"]) == (2 * len(names), 2 * len(names))


@in_virtual_time
async def test_what_follows_on_a_binding_gives_way_for_half_a_minute_and_no_longer() -> None:
    numbers, names = range(1, 81), [f"desk-{n}" for n in range(80)]
    async with a_rig(*HOUSE, a_pool(0), *map(a_number, numbers), begun=False) as rig, rig.running():
        await asyncio.sleep(20)
        before = followed(rig)
        for name in names:
            await rig.create(a_claim(name))
            await asyncio.sleep(0.45)
        made = followed(rig) - before
        assert 0 < made["events"] < 20
        assert 0 < made["phonenumbers/status"] < 20


@in_virtual_time
async def test_a_pool_is_written_every_two_seconds_while_claims_are_being_bound() -> None:
    numbers, names = range(1, 41), [f"desk-{n}" for n in range(40)]
    async with a_rig(*HOUSE, a_pool(0), *map(a_number, numbers), begun=False) as rig, rig.running():
        await asyncio.sleep(20)
        before = rig.kube.writes["patch", "numberpools/status"]
        for name in names:
            await rig.create(a_claim(name))
            await asyncio.sleep(0.25)
        assert rig.kube.writes["patch", "numberpools/status"] - before <= 6
        await asyncio.sleep(10)
        assert (await rig.status("NumberPool", "west"))["numbers"]["claimed"] == len(names)


def followed(rig: Rig) -> Counter[str]:
    """What was written so far of what may follow on a binding."""
    kinds = {"events", "phonenumbers/status"}
    return Counter({kind: made for (_, kind), made in rig.kube.writes.items() if kind in kinds})


def count_turns(rig: Rig) -> Counter[str]:
    """The turns from now on, by kind."""
    turns: Counter[str] = Counter()

    class Counting(Unmetered):
        def reconciled(self, kind: str, ending: str, seconds: float) -> None:
            turns[kind] += 1

    rig.services.meter = Counting()
    return turns


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
@pytest.mark.parametrize("nth", range(2))
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
    await rig.woken()
    rig.told()


@in_virtual_time
async def test_a_deleted_claim_unbinds_its_number_before_it_goes_and_the_number_rests_from_then_on() -> None:
    async with a_rig(*HOUSE, a_pool(), a_number(1), a_claim()) as rig:
        await bound(rig)
        await rig.delete("NumberClaim", "desk")
        await rig.look()
        assert [key for key in await rig.woken() if "Claim" in key] == ["NumberClaim desk"]
        assert (await turn(rig), rig.told()) == (None, [FIRST])
        spec = await spec_of(rig, ONE)
        assert ("claimRef" in spec, "unboundAt" in spec) == (False, True)
        await rig.turn("PhoneNumber", ONE)
        assert (await rig.status("PhoneNumber", ONE))["phase"] == "Cooling"


async def spec_of(rig: Rig, number: str) -> Json:
    found = await rig.find("PhoneNumber", number)
    assert found
    spec: Json = found["spec"]
    return spec


LEFT = {"namespace": HERE, "name": "desk", "tenant": "acme"}


@pytest.mark.parametrize("seen", [pytest.param(True, id="seen"), pytest.param(False, id="while no operator looked")])
@in_virtual_time
async def test_a_number_remembers_whose_it_was_when_its_claim_is_deleted(seen: bool) -> None:
    async with a_rig(*HOUSE, a_pool(), a_number(1), a_claim(tenant="acme"), begun=False) as rig:
        async with rig.running():
            await rig.until(lambda: _says(rig, "True Bound"))
            await asyncio.sleep(5)
            if seen:
                await rig.delete("NumberClaim", "desk")
                await asyncio.sleep(5)
        if not seen:
            await rig.delete("NumberClaim", "desk")
            async with restarted(rig, begun=False) as again, again.running():
                await asyncio.sleep(5)
        spec = await spec_of(rig, ONE)
        assert ("claimRef" in spec, spec["lastClaimRef"]) == (False, LEFT)


@pytest.mark.parametrize("note", [None, "ringfleet.dev/quarantine"])
@in_virtual_time
async def test_a_claim_that_was_deleted_and_made_anew_at_once_has_its_number_back_unless_nobody_may_have_it(
    note: str | None,
) -> None:
    """Not as one that came back from a backup, which takes its number up whatever is the matter with it."""
    async with a_rig(*HOUSE, a_pool(), a_number(1), a_number(2), a_claim(), begun=False) as rig, rig.running():
        await rig.until(lambda: _says(rig, "True Bound"))
        await asyncio.sleep(5)
        if note:
            await rig.change("PhoneNumber", ONE, {"metadata": {"annotations": {note: digits(1)}}})
            await asyncio.sleep(5)
        await rig.delete("NumberClaim", "desk")
        await rig.create(a_claim())
        await asyncio.sleep(10)
        assert await holds(rig) == [TWO if note else ONE]
        assert "unboundAt" in await spec_of(rig, ONE)
        assert rig.services.fleet.departed == {}


@pytest.mark.parametrize("done", [pytest.param(False, id="not done"), pytest.param(True, id="done, and not answered")])
@in_virtual_time
async def test_a_number_of_a_deleted_claim_is_unbound_by_whoever_comes_after_a_process_that_ended(done: bool) -> None:
    async with a_rig(*HOUSE, a_pool(), a_number(1), a_claim(tenant="acme")) as rig:
        await bound(rig)
        await rig.delete("NumberClaim", "desk")
        await rig.look()
        rig.api.break_write(0, done=done)
        with pytest.raises(Unavailable):
            await turn(rig)
        async with restarted(rig, begun=False) as again, again.running():
            await asyncio.sleep(5)
        spec = await spec_of(rig, ONE)
        assert ("claimRef" in spec, spec["lastClaimRef"]) == (False, LEFT)


@in_virtual_time
async def test_a_number_that_has_changed_since_is_unbound_from_its_deleted_claim_at_the_next_turn() -> None:
    async with a_rig(*HOUSE, a_pool(), a_number(1), a_claim()) as rig:
        await bound(rig)
        await rig.delete("NumberClaim", "desk")
        await rig.change("PhoneNumber", ONE, {"spec": {"protected": True}})
        await rig.look_at_claims()
        with pytest.raises(Conflict):
            await turn(rig)
        assert (_holder({"spec": await spec_of(rig, ONE)}) is None, rig.told()) == (False, [])
        await turn(rig)
        number = await rig.find("PhoneNumber", ONE)
        assert number
        assert (_holder(number), number["spec"]["protected"]) == (None, True)


@in_virtual_time
async def test_a_claim_that_only_our_copy_has_lost_keeps_its_number() -> None:
    async with a_rig(*HOUSE, a_pool(), a_number(1), a_claim()) as rig:
        await bound(rig)
        claim = await rig.find("NumberClaim", "desk")
        assert claim
        rig.services.fleet.learn("NumberClaim", claim, deleted=True)
        assert (await turn(rig), await holds(rig), rig.told()) == (None, [ONE], [])


@in_virtual_time
async def test_a_claim_with_the_finalizer_of_an_earlier_version_is_freed_of_it_and_no_other() -> None:
    claim = a_claim(guarded=True)
    claim["metadata"]["finalizers"].append("example.com/theirs")
    async with a_rig(*HOUSE, a_pool(), a_number(1), claim, a_claim("waits", guarded=True), begun=False) as rig:
        async with rig.running():
            await asyncio.sleep(LOOK_AGAIN + 10)
        found = [await rig.find("NumberClaim", name) for name in ("desk", "waits")]
        assert [one and one["metadata"].get("finalizers") for one in found] == [["example.com/theirs"], None]
        assert rig.kube.writes["patch", "numberclaims"] == 2


@in_virtual_time
async def test_a_claim_that_still_has_that_finalizer_is_deleted_as_it_was() -> None:
    async with a_rig(*HOUSE, a_pool(), a_number(1), a_claim(guarded=True)) as rig:
        await turn(rig)
        rig.told()
        await rig.delete("NumberClaim", "desk")
        await rig.look()
        assert (await turn(rig), rig.told()) == (None, [FIRST, "patch numberclaims desk"])
        assert await rig.find("NumberClaim", "desk") is None


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
