"""What a carrier is told of a routing profile: by whom, how often, and what becomes of an edit there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ringfleet.carriers.errors import CarrierUnavailable, RequestRejected
from ringfleet.kube.transport import Json
from ringfleet.model import HeldRouting, Mark, Routing
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
    a_told_profile,
    an_account,
    an_order,
    in_virtual_time,
    restarted,
)
from tests.plan.builders import a_holding, digits

NAME = digits(1).digits
ROUTED = {"routingProfileRef": {"name": "sip"}}
SHARED = (a_secret(), an_account(allowedNamespaces=["*"]))


def elsewhere(obj: Json, namespace: str) -> Json:
    return {**obj, "metadata": {**obj["metadata"], "namespace": namespace}}


def to(uri: str) -> Json:
    return {"voice": {"sipTrunk": {"targets": [{"uri": uri}]}}}


def hold(rig: Rig, *numbers: int, namespace: str = HERE, account: str = "main", **facts: object) -> None:
    for n in numbers:
        fields = {"mark": Mark("home", namespace, "west"), "area_code": "415", **facts}
        rig.carriers[f"{HERE}/{account}"].held[digits(n)] = a_holding(n, **fields)


def trunk(rig: Rig, n: int = 1, account: str = "main") -> str | None:
    """Where a call of the number goes, by what the carrier has; None: nowhere."""
    carrier = rig.carriers[f"{HERE}/{account}"]
    routings = {one.external_id: one.routing for one in carrier.profiles.values()}
    routing = carrier.held[digits(n)].routing
    return routings[routing].sip_targets[0].uri if routing in routings else None


def profile_calls(rig: Rig) -> list[str]:
    """The carrier calls about profiles since the story was last told, without their arguments."""
    words = [line.split()[1] for line in rig.told() if line.startswith("carrier:")]
    return [word for word in words if word in ("find_routing", "ensure_routing", "routings", "route")]


async def settle(rig: Rig, seconds: float = 60.0) -> None:
    """Let the operator see everything, and run whoever is woken; the story is kept."""
    await rig.look()
    await rig.run_queues(seconds)


async def set_out(rig: Rig) -> None:
    """Everything gets a turn, as when an operator has just started, until nobody has anything left to do."""
    for kind in ("RoutingProfile", "CarrierAccount"):
        for obj in rig.services.fleet.store(kind).values():
            rig.services.queues.wake(kind, obj.metadata.namespace, obj.metadata.name)
    for record in rig.services.fleet.numbers.values():
        rig.services.queues.wake_number(record)
    await settle(rig)


async def tell(rig: Rig) -> None:
    """What the profile has its account told, and what it then says of that."""
    await rig.turn_all(("RoutingProfile", "sip"))
    await rig.turn_all(("Profiles", "main"))
    await rig.turn_all(("RoutingProfile", "sip"))


async def reference(rig: Rig, name: str = "sip") -> str:
    """What carriers know the profile by."""
    found = await rig.find("RoutingProfile", name)
    assert found
    return f"home.{found['metadata']['uid']}"


async def told(rig: Rig, name: str = "sip") -> dict[str, str]:
    """The carrier's ids of the profile, by account, by its status."""
    accounts = (await rig.status("RoutingProfile", name)).get("accounts", ())
    return {entry["account"]: entry["externalId"] for entry in accounts}


# Who is who.


@in_virtual_time
async def test_two_profiles_whose_names_run_together_are_two_at_the_carrier() -> None:
    """`acme/b-desk` and `acme-b/desk` are one text when they are glued together with a dash."""
    mine = elsewhere(a_profile("b-desk", **to("sip:mine.example.com")), "acme")
    theirs = elsewhere(a_profile("desk", **to("sip:theirs.example.com")), "acme-b")
    one = elsewhere(a_number(1, poolRef=None, routingProfileRef={"name": "b-desk"}), "acme")
    other = elsewhere(a_number(2, poolRef=None, routingProfileRef={"name": "desk"}), "acme-b")
    async with a_rig(*SHARED, mine, theirs, one, other) as rig:
        hold(rig, 1, namespace="acme")
        hold(rig, 2, namespace="acme-b")
        await set_out(rig)
        assert (trunk(rig, 1), trunk(rig, 2)) == ("sip:mine.example.com", "sip:theirs.example.com")
        assert len(rig.carrier.profiles) == 2


@in_virtual_time
async def test_a_profile_of_another_key_under_our_reference_is_never_overwritten() -> None:
    async with a_rig(*HOUSE, a_profile(), a_pool(0, **ROUTED), a_number(1)) as rig:
        hold(rig, 1)
        theirs = HeldRouting("rp-9", Routing(await reference(rig), "acme/desk", agent="agent-7"))
        rig.carrier.profiles[await reference(rig)] = theirs
        await set_out(rig)
        assert list(rig.carrier.profiles.values()) == [theirs]
        assert await rig.says("RoutingProfile", "sip") == "False ProfileTaken"
        assert (await told(rig), rig.carrier.held[digits(1)].routing) == ({}, None)
        rig.carrier.profiles.clear()
        await settle(rig, 400.0)
        assert (await rig.says("RoutingProfile", "sip"), trunk(rig)) == ("True Configured", "sip:pbx.example.com")


@in_virtual_time
async def test_a_number_that_an_older_version_has_routed_follows_the_new_id_and_is_never_without_a_route() -> None:
    """0.2 told profiles under `<installation>-<namespace>-<name>`, and kept nothing in their status."""
    before = {"profile": "sip", "hash": "0ld", "externalId": "at-carrier/home-shop-sip"}
    async with a_rig(*HOUSE, a_profile(), a_pool(0, **ROUTED), a_number(1, status={"routing": before})) as rig:
        hold(rig, 1, routing="at-carrier/home-shop-sip")
        old = Routing("home-shop-sip", "shop/sip", agent="old")
        rig.carrier.profiles["home-shop-sip"] = HeldRouting("at-carrier/home-shop-sip", old)
        assert (await rig.turn("PhoneNumber", NAME), await rig.says("PhoneNumber", NAME)) == (None, "True Routed")
        await set_out(rig)
        new = f"at-carrier/{await reference(rig)}"
        routes = [line for line in rig.told() if "carrier: route " in line]
        assert (routes, trunk(rig)) == ([f"carrier: route did-1 {new}"], "sip:pbx.example.com")
        assert (await rig.status("PhoneNumber", NAME))["routing"]["externalId"] == new
        assert rig.carrier.profiles["home-shop-sip"].routing == old, "nobody writes there any more"


# What was told is state.


@in_virtual_time
async def test_a_profile_that_is_changed_and_changed_back_reaches_the_carrier_each_time() -> None:
    async with a_rig(*HOUSE, a_profile(), a_pool(0, **ROUTED), a_number(1)) as rig:
        hold(rig, 1)
        await set_out(rig)
        for uri in ("sip:b.example.com", "sip:pbx.example.com", "sip:b.example.com"):
            await rig.change("RoutingProfile", "sip", {"spec": to(uri)})
            await settle(rig)
            assert trunk(rig) == uri


@in_virtual_time
async def test_a_change_costs_one_look_and_one_write_at_each_account_however_many_numbers_follow() -> None:
    numbers = [a_number(n) for n in range(1, 6)]
    spare = {"accountRef": {"name": "spare", "namespace": HERE}}
    house = (*HOUSE, an_account("spare"))
    async with a_rig(*house, a_profile(), a_pool(0, **ROUTED), *numbers, a_number(6, **spare)) as rig:
        hold(rig, *range(1, 6))
        hold(rig, 6, account="spare")
        await set_out(rig)
        calls = profile_calls(rig)
        assert (calls.count("find_routing"), calls.count("ensure_routing"), calls.count("route")) == (2, 2, 6)
        assert sorted(await told(rig)) == ["shop/main", "shop/spare"]
        await rig.change("RoutingProfile", "sip", {"spec": to("sip:b.example.com")})
        await settle(rig)
        assert sorted(profile_calls(rig)) == [*["ensure_routing"] * 2, *["find_routing"] * 2]
        assert {trunk(rig, 1), trunk(rig, 5), trunk(rig, 6, "spare")} == {"sip:b.example.com"}
        assert (await rig.status("RoutingProfile", "sip"))["routed"] == 6


@in_virtual_time
async def test_the_next_process_knows_what_was_told_and_tells_nothing_again() -> None:
    async with a_rig(*HOUSE, a_profile(), a_pool(0, **ROUTED), a_number(1)) as rig:
        hold(rig, 1)
        await set_out(rig)
        rig.told()
        async with restarted(rig) as again:
            await set_out(again)
            assert profile_calls(again) == []


@in_virtual_time
async def test_a_change_whose_answer_was_lost_is_looked_up_also_when_it_was_taken_back_meanwhile() -> None:
    async with a_rig(*HOUSE, a_profile(), a_pool(0, **ROUTED), a_number(1)) as rig:
        hold(rig, 1)
        await set_out(rig)
        await rig.change("RoutingProfile", "sip", {"spec": to("sip:b.example.com")})
        await rig.look()
        rig.carrier.lose_reply("ensure_routing", CarrierUnavailable("No answer."))
        await tell(rig)
        assert (trunk(rig), await rig.says("RoutingProfile", "sip")) == (
            "sip:b.example.com",
            "False CarrierUnavailable",
        )
        await rig.change("RoutingProfile", "sip", {"spec": to("sip:pbx.example.com")})
        await settle(rig)
        assert (trunk(rig), await rig.says("RoutingProfile", "sip")) == ("sip:pbx.example.com", "True Configured")


@in_virtual_time
async def test_an_account_that_nothing_follows_the_profile_at_any_more_is_not_told() -> None:
    async with a_rig(*HOUSE, a_profile(), a_pool(0, **ROUTED), a_number(1)) as rig:
        hold(rig, 1)
        await set_out(rig)
        await rig.change("NumberPool", "west", {"spec": {"routingProfileRef": None}})
        await settle(rig)
        assert (await told(rig), rig.carrier.held[digits(1)].routing) == ({}, None)
        rig.told()
        await rig.change("RoutingProfile", "sip", {"spec": to("sip:b.example.com")})
        await settle(rig)
        assert profile_calls(rig) == []


# Before numbers follow.


@in_virtual_time
async def test_numbers_follow_the_profile_that_they_are_routed_by_when_the_pool_that_named_it_is_gone() -> None:
    """Claims hold them still: the program behind the profile moves, and their calls have to move with it."""
    async with a_rig(*HOUSE, a_profile(), a_pool(0, **ROUTED), a_number(1)) as rig:
        hold(rig, 1)
        await set_out(rig)
        assert trunk(rig) == "sip:pbx.example.com"
        await rig.delete("NumberPool", "west")
        await rig.look()
        await settle(rig)
        assert (await rig.status("RoutingProfile", "sip"))["routed"] == 1
        await rig.change("RoutingProfile", "sip", {"spec": to("sip:new.example.com")})
        await rig.look()
        await settle(rig)
        assert trunk(rig) == "sip:new.example.com"
        assert (await rig.status("RoutingProfile", "sip"))["routed"] == 1


@in_virtual_time
async def test_no_number_is_pointed_at_a_profile_that_its_account_was_not_told() -> None:
    async with a_rig(*HOUSE, a_profile(), a_pool(0, **ROUTED), a_number(1)) as rig:
        hold(rig, 1)
        rig.carrier.fail("ensure_routing", RequestRejected("A trunk is wanted.", "invalid"))
        await set_out(rig)
        assert await rig.says("RoutingProfile", "sip") == "False ProfileRefused"
        assert (await rig.says("PhoneNumber", NAME), rig.carrier.held[digits(1)].routing) == ("False Routing", None)
        await settle(rig, 400.0)
        assert (await rig.says("PhoneNumber", NAME), trunk(rig)) == ("True Routed", "sip:pbx.example.com")


@in_virtual_time
async def test_one_account_that_refuses_the_profile_keeps_it_from_no_other() -> None:
    spare = {"accountRef": {"name": "spare", "namespace": HERE}}
    house = (*HOUSE, an_account("spare"))
    async with a_rig(*house, a_profile(), a_pool(0, **ROUTED), a_number(1), a_number(2, **spare)) as rig:
        hold(rig, 1)
        hold(rig, 2, account="spare")
        rig.carrier.fail("ensure_routing", RequestRejected("A trunk is wanted.", "invalid"))
        await set_out(rig)
        assert (sorted(await told(rig)), trunk(rig, 2, "spare")) == (["shop/spare"], "sip:pbx.example.com")
        assert await rig.says("RoutingProfile", "sip") == "False ProfileRefused"


@in_virtual_time
async def test_the_profile_of_a_claim_is_told_to_the_account_of_the_number_that_it_holds() -> None:
    profile = elsewhere(a_profile("theirs", **to("sip:theirs.example.com")), "tenant")
    claim = a_claim(poolRef={"name": "west", "namespace": HERE}, routingProfileRef={"name": "theirs"})
    pool = a_pool(0, allowedNamespaces=["tenant"])
    async with a_rig(*SHARED, profile, pool, elsewhere(claim, "tenant")) as rig:
        found = await rig.find("NumberClaim", "desk", "tenant")
        assert found
        holder = {"namespace": "tenant", "name": "desk", "uid": found["metadata"]["uid"]}
        await rig.create(a_number(1, "Bound", claimRef=holder))
        hold(rig, 1)
        await rig.look()
        await set_out(rig)
        assert trunk(rig) == "sip:theirs.example.com"


@in_virtual_time
async def test_an_account_where_a_pool_is_just_buying_is_told_before_the_first_number_is_there() -> None:
    async with a_rig(*HOUSE, a_profile(), a_pool(2, **ROUTED), an_order()) as rig:
        await tell(rig)
        assert list(await told(rig)) == ["shop/main"]


# What the carrier makes of it.


@pytest.mark.parametrize("deleted", [False, True])
@in_virtual_time
async def test_a_profile_that_was_edited_or_deleted_at_the_carrier_is_put_right_after_the_next_sweep(
    deleted: bool,
) -> None:
    house = (HOUSE[0], an_account(sweepInterval="60s"))
    async with a_rig(*house, a_profile(), a_pool(0, **ROUTED), a_number(1)) as rig:
        hold(rig, 1)
        await set_out(rig)
        ours = await reference(rig)
        held = rig.carrier.profiles[ours]
        if deleted:
            del rig.carrier.profiles[ours]
        else:
            edited = replace(held.routing, sip_targets=(), agent="agent-7")
            rig.carrier.profiles[ours] = replace(held, routing=edited)
        rig.told()
        await settle(rig, 150.0)
        assert (rig.carrier.profiles[ours], trunk(rig)) == (held, "sip:pbx.example.com")
        assert profile_calls(rig).count("ensure_routing") == 1


@in_virtual_time
async def test_an_edit_at_the_carrier_is_said_and_left_while_the_profile_is_suspended() -> None:
    house = (HOUSE[0], an_account(sweepInterval="60s"))
    async with a_rig(*house, a_profile(), a_pool(0, **ROUTED), a_number(1)) as rig:
        hold(rig, 1)
        await set_out(rig)
        await rig.change("RoutingProfile", "sip", {"spec": {"suspend": True}})
        ours = await reference(rig)
        edited = replace(rig.carrier.profiles[ours], routing=Routing(ours, "shop/sip", agent="agent-7"))
        rig.carrier.profiles[ours] = edited
        await settle(rig, 150.0)
        assert rig.carrier.profiles[ours] == edited
        assert await rig.says("RoutingProfile", "sip") == "True Suspended"
        assert await rig.says("RoutingProfile", "sip", "Drifted") == "True RoutingDrifted"
        await rig.change("RoutingProfile", "sip", {"spec": {"suspend": False}})
        await settle(rig)
        assert (trunk(rig), await rig.says("RoutingProfile", "sip", "Drifted")) == ("sip:pbx.example.com", None)


@in_virtual_time
async def test_a_number_that_the_carrier_takes_for_no_profile_has_the_profile_looked_up_at_once() -> None:
    async with a_rig(*HOUSE, a_told_profile(), a_pool(0, **ROUTED), a_number(1)) as rig:
        hold(rig, 1)
        rig.carrier.fail("route", RequestRejected("There is no such profile.", "invalid_request"))
        with pytest.raises(RequestRejected):
            await rig.turn("PhoneNumber", NAME)
        await settle(rig)
        assert (trunk(rig), await rig.says("PhoneNumber", NAME)) == ("sip:pbx.example.com", "True Routed")


@in_virtual_time
async def test_a_listing_of_profiles_that_fails_is_no_trouble_of_the_account() -> None:
    house = (HOUSE[0], an_account(sweepInterval="60s"))
    async with a_rig(*house, a_told_profile(), a_pool(0, **ROUTED), a_number(1)) as rig:
        hold(rig, 1)
        rig.carrier.fail("routings", CarrierUnavailable("It is down."))
        await set_out(rig)
        assert await rig.says("CarrierAccount", "main") == "True Reachable"


# Through the dispatcher.


RELAYS = {
    "webhookSecretRef": {"name": "main-token", "key": "webhooks"},
    "webhooks": {"publicURL": "https://events.example.com"},
}
SMS = {"messaging": {"webhook": {"url": "https://example.com/sms"}}}


@in_virtual_time
async def test_an_account_with_a_public_url_calls_the_dispatcher_and_one_without_calls_the_program() -> None:
    """And a sweep that reads it back finds no drift."""
    fleet = (a_secret(), an_account(**RELAYS), a_profile("sip", **SMS), a_pool(**ROUTED), a_number(1, **ROUTED))
    async with a_rig(*fleet) as rig:
        hold(rig, 1)
        await set_out(rig)
        (told,) = rig.carriers[f"{HERE}/main"].profiles.values()
        assert told.routing.messaging_webhook == f"https://events.example.com/v1/events/{HERE}/main/{HERE}/sip"
        assert told.routing.messaging_fallback == "https://example.com/sms"
        assert await rig.says("RoutingProfile", "sip") == "True Configured"
        rig.told()
        await settle(rig, 3600.0)
        assert "ensure_routing" not in profile_calls(rig)
        await rig.change("CarrierAccount", "main", {"spec": {"webhooks": {"publicURL": None}}})
        await settle(rig)
        (told,) = rig.carriers[f"{HERE}/main"].profiles.values()
        assert (told.routing.messaging_webhook, told.routing.messaging_fallback) == ("https://example.com/sms", None)
