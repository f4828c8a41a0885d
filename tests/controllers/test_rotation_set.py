"""One turn of a rotation set: its status remembers first, then each action is one write, and no member is cut off."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ringfleet.controllers.rotation_set import MOST_CLAIMS
from ringfleet.controllers.wake import wake_users
from ringfleet.kube.errors import Conflict, Forbidden, KubeError, Unavailable
from ringfleet.kube.transport import Json
from ringfleet.model import AccountKey, Mark
from ringfleet.plan.rotation_set.seen import NumberUse
from tests.controllers.rig import (
    HERE,
    HOUSE,
    Rig,
    a_claim,
    a_number,
    a_pool,
    a_profile,
    a_rig,
    a_set,
    an_object,
    clock,
    in_virtual_time,
    restarted,
)
from tests.plan.builders import a_holding, digits

STATUS = "patch rotationsets/status calls"
FIRST, SECOND, THIRD = (f"create numberclaims calls-{n}" for n in (1, 2, 3))
WELL, BADLY = NumberUse(tries=200, successes=100), NumberUse(tries=200, successes=1)
QUARANTINE, DRAINING = "ringfleet.dev/quarantine", "ringfleet.dev/draining"


async def turn(rig: Rig) -> float | None:
    return await rig.turn("RotationSet", "calls")


async def bound(rig: Rig, size: int) -> Rig:
    """The set's claims made and bound, its numbers routed, and all of it said."""
    await turn(rig)
    for n in range(1, size + 1):
        await rig.turn("NumberClaim", f"calls-{n}")
    for name in await rig.names("PhoneNumber"):
        await rig.change_status("PhoneNumber", name, {"routing": {"externalId": "x"}, "health": {"attestation": "A"}})
    await rig.look()
    await turn(rig)
    await rig.woken()
    rig.told()
    return rig


def a_stock(size: int) -> tuple[Json, ...]:
    return (*HOUSE, a_pool(size), *(a_number(n) for n in range(1, size + 1)))


async def annotation(rig: Rig, kind: str, name: str, key: str) -> str | None:
    found = await rig.find(kind, name)
    assert found
    said: str | None = found["metadata"].get("annotations", {}).get(key)
    return said


# Growing.


@in_virtual_time
async def test_a_set_says_how_it_stands_and_then_makes_its_claims_which_it_owns() -> None:
    async with a_rig(*HOUSE, a_profile(), a_pool(), a_set(2, routingProfileRef={"name": "sip"})) as rig:
        await turn(rig)
        assert rig.told() == [STATUS, FIRST, SECOND]
        claim, obj = await rig.find("NumberClaim", "calls-1"), await rig.find("RotationSet", "calls")
        assert claim
        assert obj
        assert claim["metadata"]["labels"] == {"ringfleet.dev/rotation-set": "calls"}
        assert claim["metadata"]["ownerReferences"] == [
            {
                **{"apiVersion": "ringfleet.dev/v1alpha1", "kind": "RotationSet", "name": "calls"},
                **{"uid": obj["metadata"]["uid"], "controller": True, "blockOwnerDeletion": False},
            }
        ]
        assert claim["spec"] == {
            **{"poolRef": {"name": "west"}, "capabilities": ["Voice"], "onNoStock": "Order"},
            "routingProfileRef": {"name": "sip"},
        }
        await turn(rig)
        status = await rig.status("RotationSet", "calls")
        assert (rig.told(), status["members"]["waiting"], status["replicas"]) == ([STATUS], 2, 2)
        await turn(rig)
        assert rig.told() == []


@in_virtual_time
async def test_regions_that_share_a_pool_claim_numbers_of_their_own_places_only() -> None:
    regions = [
        {"name": "east", "country": "US", "states": ["CT"], "percent": 50},
        {"name": "west", "country": "US", "areaCodes": ["415"], "percent": 50},
    ]
    async with a_rig(*HOUSE, a_pool(), a_set(2, regions=regions)) as rig:
        await turn(rig)
        east, west = await rig.find("NumberClaim", "calls-east-1"), await rig.find("NumberClaim", "calls-west-1")
        assert east
        assert west
        said = ("areaCode", "areaCodeRequired", "wishes")
        others = [{"areaCode": code} for code in ("475", "860", "959")]
        assert [east["spec"].get(word) for word in said] == ["203", True, others]
        assert [west["spec"].get(word) for word in said] == ["415", True, None]


@in_virtual_time
async def test_a_region_that_is_short_says_of_how_many_numbers_and_what_they_would_cost() -> None:
    regions = [
        {"name": "east", "country": "US", "areaCodes": ["212"], "percent": 50},
        {"name": "west", "country": "US", "areaCodes": ["415"], "percent": 50},
    ]
    market = {"country": "US", "type": "Geographic", "areaCodes": ["212", "415"]}
    stock = [a_number(n) for n in range(1, 4)]
    async with a_rig(*HOUSE, a_pool(3, market=market), *stock, a_set(4, regions=regions)) as rig:
        await turn(rig)
        await rig.look()
        for name in await rig.names("NumberClaim"):
            await rig.turn("NumberClaim", name)
        await rig.look()
        await turn(rig)
        east, west = (await rig.status("RotationSet", "calls"))["regions"]
        priced = {"short": 2, "shortMonthly": "4.00", "currency": "USD"}
        assert east == {"name": "east", "wanted": 2, "bound": 0, **priced}
        assert west == {"name": "west", "wanted": 2, "bound": 2}


@in_virtual_time
async def test_the_claims_of_a_set_are_bound_and_counted() -> None:
    async with a_rig(*a_stock(2), a_set(2)) as rig:
        await bound(rig, 2)
        members = (await rig.status("RotationSet", "calls"))["members"]
        assert {key: count for key, count in members.items() if count} == {"total": 2, "active": 2}


@pytest.mark.parametrize("done", [pytest.param(False, id="not done"), pytest.param(True, id="done, and not answered")])
@pytest.mark.parametrize("nth", range(3))
@in_virtual_time
async def test_a_process_that_ends_at_any_write_is_followed_by_one_that_makes_no_claim_too_many(
    nth: int, done: bool
) -> None:
    async with a_rig(*HOUSE, a_pool(), a_set(2)) as rig:
        rig.api.break_write(nth, done=done)
        with pytest.raises(Unavailable):
            await turn(rig)
        async with restarted(rig) as again:
            await turn(again)
            await turn(again)
            assert await again.names("NumberClaim") == ["calls-1", "calls-2"]


@in_virtual_time
async def test_claims_that_another_operator_has_made_already_are_the_sets_and_not_made_again() -> None:
    """Our copy of claims is late: the same names are tried, and found to be taken by the set itself."""
    async with a_rig(*HOUSE, a_pool(), a_set(2)) as rig:
        async with restarted(rig) as other:
            await turn(other)
        rig.told()
        await rig.look_at_intents()
        delay = await turn(rig)
        assert (await rig.names("NumberClaim"), rig.told()) == (["calls-1", "calls-2"], [])
        assert (delay or 0.0) > 1.0


@in_virtual_time
async def test_a_name_that_somebody_elses_claim_has_is_gone_around_at_the_next_turn() -> None:
    async with a_rig(*HOUSE, a_pool(), a_set(2)) as rig:
        await rig.create(a_claim("calls-1"))
        assert await turn(rig) == 1.0
        rig.told()
        await turn(rig)
        assert [line for line in rig.told() if "create" in line] == [THIRD]
        theirs = await rig.find("NumberClaim", "calls-1")
        assert theirs
        assert "ownerReferences" not in theirs["metadata"]


@pytest.mark.parametrize(("code", "error"), [(409, Conflict), (403, Forbidden), (503, Unavailable)])
@in_virtual_time
async def test_no_claim_is_made_of_a_plan_that_could_not_be_written(code: int, error: type[KubeError]) -> None:
    async with a_rig(*HOUSE, a_pool(), a_set(2)) as rig:
        rig.api.refuse("patch", "rotationsets/status", code)
        with pytest.raises(error):
            await turn(rig)
        assert await rig.names("NumberClaim") == []


@pytest.mark.parametrize(
    ("spec", "condition", "said"),
    [
        ({"pools": [{"name": "none"}]}, "Ready", "False PoolMissing"),
        ({"suspend": True}, "Ready", "True Suspended"),
        ({"resetTimeZone": "Mars/Olympus"}, "Ready", "False InvalidSpec"),
        ({"quietHours": {"defaultTimeZone": "Mars/Olympus"}}, "Ready", "False InvalidSpec"),
        ({}, "Ready", "False WaitingForNumber"),
        ({}, "UsageUnknown", "True NoDispatcher"),
    ],
)
@in_virtual_time
async def test_a_set_says_what_is_against_it(spec: Json, condition: str, said: str) -> None:
    async with a_rig(*HOUSE, a_pool(), a_set(2, **spec)) as rig:
        await turn(rig)
        await turn(rig)
        assert await rig.says("RotationSet", "calls", condition) == said


@in_virtual_time
async def test_a_set_that_wants_no_numbers_says_what_would_give_it_some() -> None:
    """One that names neither size nor dailyVolume is not refused: an autoscaler reads its size."""
    async with a_rig(*HOUSE, a_pool(), a_set(0)) as rig:
        await turn(rig)
        (ready,) = (one for one in (await rig.status("RotationSet", "calls"))["conditions"] if one["type"] == "Ready")
        assert ready["message"] == "It wants no numbers: give it spec.size, or spec.dailyVolume."


@in_virtual_time
async def test_a_set_that_is_gone_or_going_does_nothing() -> None:
    async with a_rig(*HOUSE, a_pool(), a_set(2)) as rig:
        await rig.change("RotationSet", "calls", {"metadata": {"finalizers": ["ringfleet.dev/somebody"]}})
        await rig.delete("RotationSet", "calls")
        await rig.look()
        assert (await turn(rig), rig.told(), await rig.turn("RotationSet", "none")) == (None, [], None)


@in_virtual_time
async def test_a_size_that_was_a_mistake_is_taken_back_before_all_of_it_is_claimed() -> None:
    """All claims were made in one turn, whatever the spec said meanwhile, and numbers were ordered for them."""
    async with a_rig(*HOUSE, a_pool(), a_set(0, dailyVolume=5000, perNumber={"daily": 1})) as rig:
        assert await turn(rig) == 1.0
        assert len(await rig.names("NumberClaim")) == MOST_CLAIMS
        await rig.change("RotationSet", "calls", {"spec": {"dailyVolume": 250}})
        await rig.look()
        await rig.settle(30)
        assert len(await rig.names("NumberClaim")) == 250


# Shrinking.


@in_virtual_time
async def test_a_set_that_is_made_smaller_first_lets_go_of_claims_that_wait() -> None:
    async with a_rig(*a_stock(1), a_set(2)) as rig:
        await bound(rig, 2)
        await rig.change("RotationSet", "calls", {"spec": {"size": 1}})
        await rig.look()
        await turn(rig)
        assert [line for line in rig.told() if line != STATUS] == ["delete numberclaims calls-2"]


@in_virtual_time
async def test_a_claim_that_was_bound_since_it_was_looked_at_is_not_deleted() -> None:
    async with a_rig(*a_stock(1), a_set(2)) as rig:
        await bound(rig, 2)
        await rig.change("RotationSet", "calls", {"spec": {"size": 1}})
        await rig.look()
        await rig.change_status("NumberClaim", "calls-2", {"phase": "Bound"})
        assert await turn(rig) == 1.0
        assert await rig.names("NumberClaim") == ["calls-1", "calls-2"]


@in_virtual_time
async def test_a_number_in_use_drains_before_its_claim_goes() -> None:
    recent = NumberUse(last_pick=clock() - timedelta(minutes=5))
    async with a_rig(*a_stock(2), a_set(2)) as rig:
        await bound(rig, 2)
        rig.tell_traffic(n1=recent, n2=recent)
        await rig.change("RotationSet", "calls", {"spec": {"size": 1}})
        await rig.look()
        await turn(rig)
        (drain,) = [line for line in rig.told() if line.startswith("patch numberclaims ")]
        name = drain.rpartition(" ")[2]
        assert await annotation(rig, "NumberClaim", name, DRAINING) is not None
        await turn(rig)
        assert name in await rig.names("NumberClaim"), "it was picked five minutes ago"
        old = NumberUse(last_pick=clock() - timedelta(hours=2))
        await rig.woken(60.0)
        rig.tell_traffic(n1=old, n2=old)
        await turn(rig)
        await rig.look()
        await rig.turn("NumberClaim", name)
        assert name not in await rig.names("NumberClaim")


# Health.


@in_virtual_time
async def test_a_number_that_is_seldom_answered_is_taken_out_of_use_and_told_how_it_is_received() -> None:
    async with a_rig(*a_stock(4), a_set(4)) as rig:
        await bound(rig, 4)
        rig.tell_traffic(n1=BADLY, n2=WELL, n3=WELL, n4=WELL)
        await turn(rig)
        name = digits(1).digits
        assert [line for line in rig.told() if line != STATUS] == [f"patch phonenumbers {name}"]
        said = await annotation(rig, "PhoneNumber", name, QUARANTINE)
        assert said == f"RotationSet {HERE}/calls: seldom answered"
        assert f"PhoneNumber {name}" in await rig.woken(1.0)
        await rig.turn("PhoneNumber", name)
        status = await rig.status("PhoneNumber", name)
        assert (status["phase"], "answerRate" in status["health"]) == ("Quarantined", True)
        assert len(await rig.names("NumberClaim")) == 4, "it is not replaced unless somebody allows that"


@in_virtual_time
async def test_a_number_that_has_changed_since_it_was_looked_at_is_judged_anew() -> None:
    async with a_rig(*a_stock(4), a_set(4)) as rig:
        await bound(rig, 4)
        rig.tell_traffic(n1=BADLY, n2=WELL, n3=WELL, n4=WELL)
        await rig.change("PhoneNumber", digits(1).digits, {"metadata": {"annotations": {"by": "a person"}}})
        assert await turn(rig) == 1.0
        assert await annotation(rig, "PhoneNumber", digits(1).digits, QUARANTINE) is None
        await rig.look()
        await turn(rig)
        assert await annotation(rig, "PhoneNumber", digits(1).digits, QUARANTINE) is not None


@in_virtual_time
async def test_whom_a_set_replaces_is_in_its_status_before_anything_is_done_about_it() -> None:
    replaces = {"onFlagged": "QuarantineAndReplace"}
    async with a_rig(*a_stock(10), a_set(10, health=replaces)) as rig:
        words = {"metadata": {"annotations": {"override.ringfleet.dev/on-flagged": "Joe: we have consent"}}}
        await rig.change("RotationSet", "calls", words)
        await rig.look()
        await bound(rig, 10)
        rig.tell_traffic(n1=BADLY, **{f"n{n}": WELL for n in range(2, 11)})
        remembered: list[Json] = []

        async def look() -> None:
            remembered.extend((await rig.status("RotationSet", "calls")).get("replaced", ()))

        rig.api.meanwhile("patch", "phonenumbers", look)
        rig.api.meanwhile("patch", "numberclaims", look)
        await turn(rig)
        assert [one["number"] for one in remembered] == [digits(1)] * len(remembered)
        assert len(remembered) == 2
        await turn(rig)
        assert "calls-11" in await rig.names("NumberClaim")


@in_virtual_time
async def test_a_member_whose_number_is_gone_is_looked_up_live_and_another_one_is_claimed() -> None:
    async with a_rig(*a_stock(2), a_set(2)) as rig:
        await bound(rig, 2)
        name = digits(1).digits
        await rig.change("PhoneNumber", name, {"metadata": {"finalizers": []}})
        await rig.delete("PhoneNumber", name)
        await rig.look()
        await turn(rig)
        assert THIRD in rig.told()


@in_virtual_time
async def test_a_changed_profile_is_written_on_every_claim() -> None:
    async with a_rig(*a_stock(2), a_profile(), a_set(2)) as rig:
        await bound(rig, 2)
        await rig.change("RotationSet", "calls", {"spec": {"routingProfileRef": {"name": "sip"}}})
        await rig.look()
        await turn(rig)
        claims = [await rig.find("NumberClaim", name) or {} for name in await rig.names("NumberClaim")]
        assert [claim["spec"]["routingProfileRef"] for claim in claims] == [{"name": "sip"}] * 2


# Answered.


@in_virtual_time
async def test_a_number_whose_profile_is_for_messages_only_is_no_caller_id_until_calls_go_somewhere() -> None:
    """Whoever calls it back would hear nothing, although it has a profile."""
    messages = {"messaging": {"service": {"id": "m1", "campaign": "c1"}}}
    profile, pool = an_object("RoutingProfile", "sip", messages), a_pool(0, routingProfileRef={"name": "sip"})
    number = a_number(1, status={"health": {"attestation": "A"}})
    async with a_rig(*HOUSE, profile, pool, number, a_set(1)) as rig:
        mark = Mark("home", HERE, "west")
        rig.carrier.held[digits(1)] = a_holding(1, area_code="415", attestation="A", mark=mark)
        wake_users(rig.services, AccountKey(HERE, "main"))
        await turn(rig)
        await rig.settle()
        status = await rig.status("PhoneNumber", digits(1).digits)
        assert (status["routing"]["profile"], status["routing"].get("calls")) == ("sip", False)
        assert status["routing"]["campaign"] == "c1", "for which a set of another campaign may not send"
        assert "for messages only" in next(one["message"] for one in status["conditions"] if one["type"] == "Ready")
        assert (await rig.status("RotationSet", "calls"))["members"].get("active", 0) == 0
        assert await rig.says("RotationSet", "calls", "MembersUnusable") == "True MembersUnusable"
        await rig.change("RoutingProfile", "sip", {"spec": a_profile()["spec"]})
        await rig.look()
        await rig.settle()
        assert "calls" not in (await rig.status("PhoneNumber", digits(1).digits))["routing"]
        assert (await rig.status("RotationSet", "calls"))["members"]["active"] == 1
        await rig.change("RoutingProfile", "sip", {"spec": {"messaging": None}})
        await rig.look()
        await rig.settle()
        assert "campaign" not in (await rig.status("PhoneNumber", digits(1).digits))["routing"]
