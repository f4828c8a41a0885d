"""Two CarrierAccounts that are one account at the carrier: one works, and the other one says so and buys nothing.

`shop/main` and `team/main` have the same token, so both are opened with the same carrier double.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from ringfleet.carriers.errors import CarrierUnavailable, CredentialsRejected
from ringfleet.carriers.http import AccountClient, Call, Refusal
from ringfleet.controllers.triggers import follow
from ringfleet.kube.errors import NotFound
from ringfleet.kube.transport import Json
from ringfleet.model import AccountKey, Mark
from ringfleet.model.refs import ObjectRef
from tests.controllers.carrier_double import CarrierDouble
from tests.controllers.rig import (
    HERE,
    RESOURCES,
    Rig,
    a_number,
    a_pool,
    a_rig,
    a_secret,
    an_account,
    an_object,
    an_order,
    in_virtual_time,
    restarted,
)
from tests.kube.virtual_time import now
from tests.plan.builders import a_holding, an_offer, digits

TEAM = "team"
ONE = digits(1)


def in_team(obj: Json) -> Json:
    return {**obj, "metadata": {**obj["metadata"], "namespace": TEAM}}


BOTH = (a_secret(), in_team(a_secret()), an_account(), in_team(an_account()))


@asynccontextmanager
async def two_accounts(*objects: Json, **settings: Any) -> AsyncIterator[Rig]:
    """One carrier, and the two objects that have its token; nobody has looked at anything yet."""
    async with a_rig(begun=False, **settings) as rig:
        rig.carriers[f"{TEAM}/main"] = rig.carrier
        rig.carrier.stock += [an_offer(n) for n in range(1, 30)]
        await rig.create(*objects)
        yield rig


async def says(rig: Rig, namespace: str, condition: str = "Ready") -> str | None:
    found = await rig.find("CarrierAccount", "main", namespace)
    conditions = (found or {}).get("status", {}).get("conditions", ())
    return next((f"{one['status']} {one['reason']}" for one in conditions if one["type"] == condition), None)


async def numbers(rig: Rig, namespace: str) -> list[str]:
    return sorted(
        obj["metadata"]["name"] for obj in (await rig.kube.list_all(RESOURCES["PhoneNumber"], namespace)).items
    )


async def pool_says(rig: Rig, namespace: str) -> str | None:
    found = await rig.find("NumberPool", "west", namespace)
    conditions = (found or {}).get("status", {}).get("conditions", ())
    return next((f"{one['status']} {one['reason']}" for one in conditions if one["type"] == "Ready"), None)


@in_virtual_time
async def test_of_two_accounts_with_one_token_one_buys_and_the_other_says_what_to_do() -> None:
    async with two_accounts(*BOTH, a_pool(5), in_team(a_pool(5))) as rig, rig.running():
        await asyncio.sleep(120)
        assert (await says(rig, HERE), await says(rig, TEAM)) == ("True Reachable", "False DuplicateAccount")
        assert await says(rig, TEAM, "Stalled") == "True DuplicateAccount"
        assert await pool_says(rig, TEAM) == "False DuplicateAccount"
        assert (len(await numbers(rig, HERE)), await numbers(rig, TEAM)) == (5, [])
        assert rig.carrier.billed.total() == 5
        team = await rig.find("CarrierAccount", "main", TEAM)
        assert team
        assert team["status"]["accountId"] == "main"
        assert "numbers" not in team["status"]
        message = next(one["message"] for one in team["status"]["conditions"] if one["type"] == "Ready")
        assert "CarrierAccount shop/main" in message
        assert "spec.allowedNamespaces" in message


@pytest.mark.parametrize(("provider", "reason"), [("Twilio", "False DuplicateAccount"), ("DIDHub", "True Reachable")])
@in_virtual_time
async def test_one_id_at_two_endpoints_is_one_account_where_ids_say_it_all(provider: str, reason: str) -> None:
    """Each of the two would call the other one's numbers orphans, and have a person delete their objects."""
    sid = "AC" + "0" * 32
    secret = a_secret(accountSid=sid, authToken="tok", token="tok")
    here, there = (an_account(provider=provider, endpoint=f"https://{name}.example.com") for name in ("us1", "ie1"))
    async with two_accounts(secret, in_team(secret), here, in_team(there), a_pool(2)) as rig, rig.running():
        await asyncio.sleep(120)
        assert (await says(rig, HERE), await says(rig, TEAM)) == ("True Reachable", reason)


@in_virtual_time
async def test_when_the_first_is_deleted_the_second_takes_over_and_adopts_nothing_of_its_numbers() -> None:
    async with two_accounts(*BOTH, a_pool(5), in_team(a_pool(5))) as rig, rig.running():
        await asyncio.sleep(120)
        await rig.delete("CarrierAccount", "main")
        await asyncio.sleep(120)
        assert await says(rig, TEAM) == "True Reachable"
        assert (len(await numbers(rig, HERE)), len(await numbers(rig, TEAM))) == (5, 5)
        assert set(await numbers(rig, HERE)).isdisjoint(await numbers(rig, TEAM))
        assert rig.carrier.billed.total() == 10
        assert max(rig.carrier.billed.values()) == 1


@in_virtual_time
async def test_a_token_of_its_own_makes_an_account_of_its_own_within_a_minute() -> None:
    async with two_accounts(*BOTH, in_team(a_pool(5))) as rig, rig.running():
        await rig.until(lambda: is_duplicate(rig))
        rig.carriers[f"{TEAM}/main"] = CarrierDouble(rig.story, "another", stock=[an_offer(n) for n in range(1, 9)])
        await rig.kube.patch(RESOURCES["Secret"], TEAM, "token", a_secret(token="its own"))
        await asyncio.sleep(120)
        assert await says(rig, TEAM) == "True Reachable"
        assert len(await numbers(rig, TEAM)) == 5


async def is_duplicate(rig: Rig) -> bool:
    return await says(rig, TEAM) == "False DuplicateAccount"


@in_virtual_time
async def test_the_older_of_two_works_whoever_is_looked_at_first_and_after_a_restart() -> None:
    async with two_accounts(*BOTH[:3]) as rig:
        await asyncio.sleep(5)
        await rig.create(BOTH[3])
        rig.carriers[f"{TEAM}/main"] = rig.carrier
        await rig.look()
        for namespace in (TEAM, HERE, TEAM):
            await rig.turn("CarrierAccount", "main", namespace)
        assert (await says(rig, HERE), await says(rig, TEAM)) == ("True Reachable", "False DuplicateAccount")
        async with restarted(rig) as again:
            await again.turn("CarrierAccount", "main", TEAM)
            assert (await says(again, HERE), await says(again, TEAM)) == ("True Reachable", "False DuplicateAccount")


@in_virtual_time
async def test_the_younger_waits_a_while_until_it_is_known_who_the_older_is() -> None:
    async with two_accounts(*BOTH, in_team(a_pool(5))) as rig:
        follow(rig.services)
        await rig.look()
        assert await rig.turn("CarrierAccount", "main", TEAM) == 1.0
        await rig.turn("NumberPool", "west", TEAM)
        assert await pool_says(rig, TEAM) != "False DuplicateAccount"
        assert (await rig.kube.list_all(RESOURCES["NumberOrder"], TEAM)).items == []


@in_virtual_time
async def test_an_older_account_that_never_answers_does_not_hold_the_younger_up_for_long() -> None:
    async with two_accounts(*BOTH, in_team(a_pool(5))) as rig:
        follow(rig.services)
        await rig.look()
        await rig.turn("CarrierAccount", "main", TEAM)
        await asyncio.sleep(31)
        await rig.turn("CarrierAccount", "main", TEAM)
        assert await says(rig, TEAM) == "True Reachable"


@in_virtual_time
async def test_an_order_that_a_duplicate_has_sent_is_brought_to_its_end_and_no_new_one_is() -> None:
    """The older account comes to the same token when the younger one has bought already."""
    async with two_accounts(BOTH[1], BOTH[2], BOTH[3], in_team(a_pool(5))) as rig:
        stop = asyncio.Event()

        async def the_older_comes() -> None:
            rig.carrier.before_buying = None
            await rig.create(a_secret())
            await rig.turn("CarrierAccount", "main", HERE)
            stop.set()

        rig.carrier.before_buying = the_older_comes
        async with rig.running():
            await asyncio.sleep(300)
        assert stop.is_set()
        assert (await says(rig, HERE), await says(rig, TEAM)) == ("True Reachable", "False DuplicateAccount")
        assert len(await numbers(rig, TEAM)) == rig.carrier.billed.total() == 5


@in_virtual_time
async def test_a_duplicates_numbers_are_served_and_swept_by_the_account_that_works() -> None:
    theirs = in_team(a_number(accountRef={"name": "main", "namespace": TEAM}))
    async with two_accounts(*BOTH, a_pool(), in_team(a_pool(1)), theirs) as rig:
        rig.carrier.held[ONE] = a_holding(1, mark=Mark("home", TEAM, "west"))
        await rig.begin()
        await asyncio.sleep(600)
        await rig.turn("CarrierAccount", "main", HERE)
        counted = (await rig.status("CarrierAccount", "main"))["numbers"]
        assert (counted["ours"], counted["orphans"]) == (1, 0)
        await rig.kube.patch(RESOURCES["PhoneNumber"], TEAM, ONE.digits, {"spec": {"suspend": True}})
        await rig.look()
        await rig.turn("PhoneNumber", ONE.digits, TEAM)
        assert "carrier: suspend did-1" in rig.told()


@in_virtual_time
async def test_one_number_of_two_objects_by_two_accounts_that_are_one_belongs_to_the_one_that_its_mark_names() -> None:
    """So it was left by versions that let both accounts buy and adopt."""
    theirs = in_team(a_number(accountRef={"name": "main", "namespace": TEAM}))
    async with two_accounts(*BOTH, a_pool(1), in_team(a_pool(1)), a_number(), theirs) as rig:
        rig.carrier.held[ONE] = a_holding(1, mark=Mark("home", HERE, "west"))
        async with rig.running():
            await asyncio.sleep(1300)
        said = [await rig.find("PhoneNumber", ONE.digits, namespace) for namespace in (HERE, TEAM)]
        reasons = [one["status"]["conditions"][0]["reason"] for one in said if one]
        assert reasons == ["NoRoutingWanted", "NumberTaken"]
        assert rig.carrier.held[ONE].mark == Mark("home", HERE, "west")


@in_virtual_time
async def test_orders_of_one_account_at_the_carrier_have_one_lease_whatever_their_objects() -> None:
    async with two_accounts(*BOTH[:3:2], a_pool(1)) as rig, rig.running():
        await rig.until(lambda: bought(rig, 1))
        leases = [obj["metadata"]["name"] for obj in (await rig.kube.list_all(RESOURCES["Lease"], HERE)).items]
        assert len(leases) == 1
        assert leases[0].startswith("ringfleet-purchase-")
        assert "main" not in leases[0]


async def bought(rig: Rig, count: int) -> bool:
    return rig.carrier.billed.total() == count and len(await numbers(rig, HERE)) == count


@in_virtual_time
async def test_objects_of_one_account_at_the_carrier_have_one_lane_once_that_is_known() -> None:
    async with two_accounts(*BOTH, in_team(a_pool(5))) as rig:
        here, team = AccountKey(HERE, "main"), AccountKey(TEAM, "main")
        lane = rig.services.queues.lane
        assert lane(here) is not lane(team)
        async with rig.running():
            await rig.until(lambda: is_duplicate(rig))
            assert lane(here) is lane(team)
            await asyncio.sleep(600)
        probes = [line for line in rig.story if line == "carrier: balance"]
        assert len(probes) < 20, "each is looked at in one lane only"


@in_virtual_time
async def test_accounts_of_a_carrier_that_tells_no_id_are_one_when_their_credentials_are() -> None:
    async with two_accounts(*BOTH) as rig:
        rig.carrier.id = None
        await rig.begin()
        await rig.turn("CarrierAccount", "main", TEAM)
        assert (await says(rig, HERE), await says(rig, TEAM)) == ("True Reachable", "False DuplicateAccount")
        found = await rig.find("CarrierAccount", "main", TEAM)
        assert found
        assert "accountId" not in found["status"]


# An older one that is of no use.


async def revoke(rig: Rig) -> CarrierDouble:
    """The carrier takes the older account's token no more; that of the younger is good. The older's good client."""
    good, bad = rig.carriers[f"{HERE}/main"], CarrierDouble(rig.story, "main")
    for call in ("account_id", "balance"):
        bad.fail(call, *[CredentialsRejected("It is revoked.")] * 10_000)
    rig.carriers[f"{HERE}/main"] = bad
    await give_token(rig, "revoked")
    await annotate(rig, {"look": "again"})
    return good


async def annotate(rig: Rig, annotations: Json) -> None:
    await rig.change("CarrierAccount", "main", {"metadata": {"annotations": annotations}})


async def give_token(rig: Rig, token: str) -> None:
    await rig.kube.patch(RESOURCES["Secret"], HERE, "token", a_secret(token=token))


async def lose_secret(rig: Rig) -> None:
    await rig.kube.delete(RESOURCES["Secret"], HERE, "token")
    await annotate(rig, {"look": "again"})


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        pytest.param(revoke, "False CredentialsRejected", id="refused"),
        pytest.param(lose_secret, "False SecretMissing", id="without credentials"),
    ],
)
@in_virtual_time
async def test_the_younger_works_while_the_older_can_not_and_steps_back_when_it_can(harm: Any, said: str) -> None:
    async with two_accounts(*BOTH, a_pool(2), in_team(a_pool(3))) as rig:
        good = rig.carrier
        async with rig.running():
            await asyncio.sleep(120)
            assert (await says(rig, TEAM), good.billed.total()) == ("False DuplicateAccount", 2)
            await harm(rig)
            await asyncio.sleep(120)
            assert (await says(rig, HERE), await says(rig, TEAM)) == (said, "True Reachable")
            assert await pool_says(rig, TEAM) == "True AtTarget"
            assert good.billed.total() == 5
            leases = [(await rig.kube.list_all(RESOURCES["Lease"], one)).items for one in (HERE, TEAM)]
            assert [len(found) for found in leases] == [1, 0]  # whoever buys meets the others there
        async with restarted(rig, begun=False) as again, again.running():
            await asyncio.sleep(120)
            assert (await says(again, HERE), await says(again, TEAM)) == (said, "True Reachable")
            again.carriers[f"{HERE}/main"] = good
            if said == "False SecretMissing":
                await again.create(a_secret())
            await give_token(again, "a new one")
            await asyncio.sleep(120)
            assert (await says(again, HERE), await says(again, TEAM)) == ("True Reachable", "False DuplicateAccount")
            assert (len(await numbers(again, HERE)), len(await numbers(again, TEAM))) == (2, 3)
            assert max(good.billed.values()) == 1


@in_virtual_time
async def test_a_refused_account_that_is_asked_again_in_vain_does_not_come_between() -> None:
    """It is tried again now and then, and the carrier may be away at that moment."""
    async with two_accounts(*BOTH) as rig, rig.running():
        await asyncio.sleep(120)
        await revoke(rig)
        await asyncio.sleep(60)
        rig.carrier.stop_failing()
        rig.carrier.fail("account_id", *[CarrierUnavailable("It is down.")] * 10_000)
        await asyncio.sleep(1200)
        assert (await says(rig, HERE), await says(rig, TEAM)) == ("False CarrierUnavailable", "True Reachable")


@in_virtual_time
async def test_an_older_account_that_a_person_has_suspended_is_not_taken_over_from() -> None:
    async with two_accounts(*BOTH, in_team(a_pool(3))) as rig, rig.running():
        await asyncio.sleep(120)
        await rig.change("CarrierAccount", "main", {"spec": {"suspend": True}})
        await asyncio.sleep(600)
        assert (await says(rig, HERE), await says(rig, TEAM)) == ("True Suspended", "False DuplicateAccount")
        assert rig.carrier.billed.total() == 0


@in_virtual_time
async def test_whoever_takes_over_from_a_frozen_account_buys_nothing_either() -> None:
    async with two_accounts(*BOTH, in_team(a_pool(3))) as rig, rig.running():
        await asyncio.sleep(120)
        await annotate(rig, {"ringfleet.dev/frozen": "ada: strange bills"})
        good = await revoke(rig)
        await asyncio.sleep(600)
        assert (await says(rig, TEAM), await says(rig, TEAM, "Frozen")) == ("True Reachable", "True Frozen")
        assert await pool_says(rig, TEAM) == "False Frozen"
        await annotate(rig, {"ringfleet.dev/frozen": None})
        await asyncio.sleep(120)
        assert good.billed.total() == 3


@in_virtual_time
async def test_what_a_refused_account_has_sent_keeps_nobody_of_the_same_account_from_buying() -> None:
    sent = {"items": [{"number": digits(29), "state": "Unknown", "monthly": "2", "setup": "1"}], "key": "k"}
    async with two_accounts(*BOTH, in_team(a_pool(3))) as rig, rig.running():
        await asyncio.sleep(60)
        good = await revoke(rig)
        await asyncio.sleep(1)
        await rig.create(a_pool(1), an_order(1, status=sent))
        await asyncio.sleep(600)
        said = await rig.says("NumberOrder", "west-1")
        assert (said, len(await numbers(rig, TEAM))) == ("False CredentialsRejected", 3)
        assert good.billed.total() == 3


# What is known is of the account at the carrier.

LIFE = (an_object("Namespace", HERE, {}), an_object("CustomResourceDefinition", "phonenumbers.ringfleet.dev", {}))
CARRIERS = {"carriers": [{"accountRef": {"name": "main"}}, {"accountRef": {"name": "spare"}}]}


@asynccontextmanager
async def a_spare(*objects: Json) -> AsyncIterator[Rig]:
    """One carrier with a number of ours; `shop/spare` has the token of `shop/main`, as soon as there is one."""
    async with a_rig(begun=False) as rig:
        rig.carriers[f"{HERE}/spare"] = rig.carrier
        rig.carrier.stock += [an_offer(n) for n in range(2, 30)]
        rig.carrier.held[ONE] = a_holding(1, mark=Mark("home", HERE, "west"))
        await rig.create(a_secret(), *LIFE, *objects)
        yield rig


@in_virtual_time
async def test_a_number_that_is_let_go_through_the_next_object_of_an_account_is_missed_by_its_pool() -> None:
    async with a_spare(an_account(), a_pool(2, **CARRIERS)) as rig, rig.running():
        await asyncio.sleep(120)
        await rig.create(an_account("spare"))
        await asyncio.sleep(100)
        for name in await rig.names("PhoneNumber"):
            await rig.change("PhoneNumber", name, {"metadata": {"finalizers": []}})
            await rig.delete("PhoneNumber", name)
        await rig.delete("CarrierAccount", "main")
        await asyncio.sleep(7200)
        assert (await rig.names("CarrierAccount"), len(await rig.names("PhoneNumber"))) == (["spare"], 2)
        await rig.delete("PhoneNumber", ONE.digits)
        await asyncio.sleep(7200)
        assert (await rig.names("PhoneNumber"), rig.carrier.billed.total()) == ([digits(2).digits, digits(3).digits], 2)
        assert (await rig.status("NumberPool", "west"))["supply"] == 2


@in_virtual_time
async def test_what_an_account_has_shown_is_forgotten_with_its_last_object() -> None:
    """Its number has no object, and nobody can see any more what becomes of it: it is not on its way."""
    pool = a_pool(1, carriers=[{"accountRef": {"name": "main"}}, {"accountRef": {"name": "other"}}])
    async with a_spare(an_account(), a_pool(1, **CARRIERS), an_account("spare")) as rig:
        rig.carriers[f"{HERE}/other"] = CarrierDouble(rig.story, "other", stock=[an_offer(50)])
        await rig.begin()
        assert await rig.names("PhoneNumber") == [ONE.digits]
        await rig.change("PhoneNumber", ONE.digits, {"metadata": {"finalizers": []}})
        await rig.delete("PhoneNumber", ONE.digits)
        await rig.look()
        for gone, shown in (("main", 1), ("spare", 0)):
            await rig.delete("CarrierAccount", gone)
            await rig.look()
            assert len(list(rig.services.fleet.marked.of(ObjectRef(HERE, "west")))) == shown
        assert "NumberPool west" in await rig.woken(1.0)
        await rig.change("NumberPool", "west", {"spec": pool["spec"]})
        await rig.create(an_account("other"))
        await rig.look()
        await rig.turn_all(("CarrierAccount", "main"), ("CarrierAccount", "spare"))
        await rig.settle(120)
        assert await rig.names("PhoneNumber") == [digits(50).digits]


@in_virtual_time
async def test_an_account_that_goes_while_it_is_listed_leaves_nothing_behind() -> None:
    async with two_accounts(*BOTH, a_pool(1)) as rig:
        await rig.begin()
        rig.carrier.held[ONE] = a_holding(1, mark=Mark("home", HERE, "west"))
        rig.carrier.takes["holdings"] = 5.0
        await asyncio.sleep(600)
        looking = asyncio.create_task(rig.turn("CarrierAccount", "main"))
        await asyncio.sleep(1)
        await rig.delete("CarrierAccount", "main")
        await rig.look()
        with pytest.raises(NotFound):  # it writes its status in vain
            await looking
        assert rig.services.accounts.identities.first(AccountKey(TEAM, "main")) == AccountKey(TEAM, "main")
        await rig.turn("CarrierAccount", "main")
        await rig.turn("CarrierAccount", "main", TEAM)
        await rig.kube.delete(RESOURCES["CarrierAccount"], TEAM, "main")
        await rig.look()
        assert list(rig.services.fleet.marked.of(ObjectRef(HERE, "west"))) == []


@pytest.mark.parametrize("by", ["another object", "the same one, opened anew"])
@in_virtual_time
async def test_a_late_listing_does_not_bring_back_a_number_that_was_let_go(by: str) -> None:
    """The carrier's listing shows for a while yet the mark that was taken off."""
    first = "main" if by == "the same one, opened anew" else "spare"
    held = a_holding(1, mark=Mark("home", HERE, "west"))
    number = a_number(accountRef={"name": first, "namespace": HERE})
    async with a_spare(an_account(), a_pool(0, **CARRIERS), an_account("spare"), number) as rig:
        await rig.begin()
        await rig.delete("PhoneNumber", ONE.digits)
        await rig.look()
        await rig.run_queues(60.0)
        assert f"carrier: mark {held.external_id} off" in rig.story
        rig.carrier.held[ONE] = held
        await rig.change("CarrierAccount", "main", {"spec": {"limits": {"requestsPerSecond": 3}}})
        await rig.look()
        await asyncio.sleep(600)
        await rig.turn("CarrierAccount", "main")
        assert (await rig.names("PhoneNumber"), (await rig.status("CarrierAccount", "main"))["numbers"]["orphans"]) == (
            [],
            0,
        )


# Pace.


class Wire(httpx.AsyncBaseTransport):
    """A carrier that takes a while for each call. `most`: so many were at once on their way; `calls`: when."""

    def __init__(self) -> None:
        self.inside = self.most = 0
        self.calls: list[float] = []

    async def handle_async_request(self, _: httpx.Request) -> httpx.Response:
        self.calls.append(now())
        self.inside += 1
        self.most = max(self.most, self.inside)
        await asyncio.sleep(0.2)
        self.inside -= 1
        return httpx.Response(200, json={})


def a_client(rig: Rig, account: str, wire: Wire) -> AccountClient:
    """The client of an account as its adapter opens it, over `wire`."""
    settings = rig.opened[account]
    return AccountClient(
        settings, headers={}, read_refusal=lambda _: Refusal(), transport=wire, clock=now, sleep=asyncio.sleep
    )


@pytest.mark.parametrize("anew", [pytest.param(False, id="both there"), pytest.param(True, id="one opened anew")])
@in_virtual_time
async def test_two_accounts_with_one_token_press_the_carrier_no_harder_than_the_smaller_of_their_limits(
    anew: bool,
) -> None:
    """A duplicate serves the numbers that it has, and the carrier counts its calls together with the other one's."""
    mine = an_account(limits={"requestsPerSecond": 5, "concurrency": 3})
    theirs = in_team(an_account(limits={"requestsPerSecond": 50, "concurrency": 8}))
    async with two_accounts(a_secret(), in_team(a_secret()), mine, theirs) as rig:
        await rig.begin()
        if anew:
            await rig.change("CarrierAccount", "main", {"spec": {"limits": {"timeout": "20s"}}})
            await rig.look()
            await rig.turn("CarrierAccount", "main")
        wire = Wire()
        clients = [a_client(rig, f"{namespace}/main", wire) for namespace in (HERE, TEAM)]
        await asyncio.gather(*(one.call(Call("GET", "/v1/numbers")) for one in clients for _ in range(30)))
        assert wire.most <= 3
        took = wire.calls[-1] - wire.calls[0]
        assert took >= (60 - 3) / 5 - 0.01
        assert {(await says(rig, namespace)) for namespace in (HERE, TEAM)} == {
            "True Reachable",
            "False DuplicateAccount",
        }


@in_virtual_time
async def test_accounts_of_their_own_keep_a_pace_of_their_own() -> None:
    slow, quick = ({"requestsPerSecond": rate, "concurrency": 3} for rate in (1, 100))
    async with a_rig(a_secret(), an_account(limits=slow), an_account("spare", limits=quick), begun=False) as rig:
        rig.carriers[f"{HERE}/spare"].id = "spare"
        await rig.begin()
        wires = {name: Wire() for name in ("main", "spare")}
        clients = {name: a_client(rig, f"{HERE}/{name}", wire) for name, wire in wires.items()}
        await asyncio.gather(*(one.call(Call("GET", "/v1/numbers")) for one in clients.values() for _ in range(9)))
        assert wires["main"].calls[-1] >= 6 - 0.01
        assert wires["spare"].calls[-1] < 1
