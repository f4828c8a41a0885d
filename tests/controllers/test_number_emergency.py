"""The emergency address of a number: made once, set, exchanged, taken off, and never another's."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace

import pytest

from ringfleet.carriers.errors import CarrierUnavailable, RequestRejected
from ringfleet.kube.errors import Unavailable
from ringfleet.kube.transport import Json
from ringfleet.model import Capability, Mark
from ringfleet.model.emergency import NO_ADDRESS, EmergencyAddress, EmergencyStanding, EmergencyState, address_reference
from tests.controllers.carrier_double import DeskDouble
from tests.controllers.rig import (
    HERE,
    HOUSE,
    INSTALLATION,
    Rig,
    a_claim,
    a_number,
    a_pool,
    a_rig,
    a_secret,
    a_told_profile,
    in_virtual_time,
    restarted,
)
from tests.plan.builders import a_holding, digits

ONE, TWO = digits(1), digits(2)
OURS = Mark(INSTALLATION, HERE, "west")
SIP = "at-carrier/sip"
ROUTED = {"routingProfileRef": {"name": "sip"}}
READY = "EmergencyAddressReady"
OFFICE: Json = {
    "name": "Example Inc.",
    "street": "645 Harrison St",
    "extended": "Suite 200",
    "city": "San Francisco",
    "region": "CA",
    "postalCode": "94105",
    "country": "US",
}
HOME: Json = {**OFFICE, "name": "Jane Roe", "street": "1 Secretly Ln", "extended": "Flat 9"}
REGISTERED = EmergencyState.REGISTERED


def a_desk(rig: Rig, **facts: object) -> DeskDouble:
    """Let the carrier register emergency addresses in the US and Canada."""
    rig.carrier.abilities = replace(rig.carrier.abilities, emergency=("CA", "US"))
    rig.carrier.emergency = DeskDouble(rig.carrier, **facts)  # type: ignore[arg-type]  # by their names
    return rig.carrier.emergency


def held(rig: Rig, n: int = 1, **facts: object) -> None:
    known = {"mark": OURS, "area_code": "415", "routing": SIP, "capabilities": frozenset({Capability.VOICE})}
    rig.carrier.held[digits(n)] = a_holding(n, **known | facts)


def a_routed(n: int = 1, phase: str = "Available", **rest: object) -> Json:
    """A number that follows the profile, and has nothing to do."""
    return a_number(n, phase, status={"routing": {"profile": "sip", "externalId": SIP}}, **rest)


def with_address(address: Json | None = OFFICE, **spec: object) -> tuple[Json, ...]:
    """The pool's numbers follow a profile with this address."""
    said = {"emergencyAddress": address} if address else {}
    return (*HOUSE, a_told_profile(**said, **spec), a_pool(**ROUTED))


async def turn(rig: Rig, n: int = 1) -> float | None:
    return await rig.turn("PhoneNumber", digits(n).digits)


async def says(rig: Rig, n: int = 1) -> str | None:
    return await rig.says("PhoneNumber", digits(n).digits, READY)


async def message(rig: Rig) -> str:
    status = await rig.status("PhoneNumber", ONE.digits)
    return next(str(one["message"]) for one in status["conditions"] if one["type"] == READY)


def has(rig: Rig, n: int = 1) -> str | None:
    """The carrier's id of the address that the number has there."""
    standing = rig.carrier.held[digits(n)].emergency
    return standing.address if standing else None


async def a_change_of_profile(rig: Rig, **spec: object) -> None:
    await rig.change("RoutingProfile", "sip", {"spec": spec})
    await rig.look()


async def sweep(rig: Rig) -> None:
    """The account's next sweep, and the turns that it brings."""
    account = next(iter(rig.services.fleet.numbers.values())).account
    opened = rig.services.accounts.opened(account)
    opened.swept_at = opened.routings_read_at = opened.last_owned = opened.doubted = None
    await rig.turn("CarrierAccount", "main")
    await rig.run_queues(2.0)


# Setting.


@in_virtual_time
async def test_what_is_being_set_is_written_before_the_carrier_hears_of_it() -> None:
    async with a_rig(*with_address(), a_routed()) as rig:
        held(rig)
        a_desk(rig)
        await turn(rig)
        status = f"patch phonenumbers/status {ONE.digits}"
        assert rig.told() == [
            status,
            "carrier: ensure_address Suite 200",
            "carrier: put_on did-1 AD1",
            status,
        ]
        assert await says(rig) == "True EmergencyRegistered"
        assert await message(rig) == f"The emergency address of RoutingProfile {HERE}/sip is registered."
        assert await rig.says("PhoneNumber", ONE.digits) == "True Routed"
        assert (await turn(rig), rig.told()) == (None, [])


@in_virtual_time
async def test_numbers_of_one_owner_share_an_address_that_is_made_once() -> None:
    async with a_rig(*with_address(), a_routed(1), a_routed(2)) as rig:
        held(rig, 1)
        held(rig, 2)
        desk = a_desk(rig)
        rig.carrier.takes["ensure_address"] = 1.0
        await rig.turn_all(("PhoneNumber", ONE.digits), ("PhoneNumber", TWO.digits))
        assert [has(rig, 1), has(rig, 2), len(desk.made)] == ["AD1", "AD1", 1]
        assert sum("ensure_address" in one for one in rig.told()) == 1


@pytest.mark.parametrize("done", [pytest.param(False, id="not done"), pytest.param(True, id="done, and not answered")])
@pytest.mark.parametrize("nth", range(2))
@in_virtual_time
async def test_a_process_that_ends_at_any_write_is_followed_by_one_that_makes_no_second_address(
    nth: int, done: bool
) -> None:
    async with a_rig(*with_address(), a_routed()) as rig:
        held(rig)
        desk = a_desk(rig)
        rig.api.break_write(nth, done=done)
        with pytest.raises(Unavailable):
            await turn(rig)
        async with restarted(rig) as again:
            await turn(again)
            assert (list(desk.made), has(again), await says(again)) == (["AD1"], "AD1", "True EmergencyRegistered")


@pytest.mark.parametrize("call", ["ensure_address", "put_on"])
@in_virtual_time
async def test_a_process_that_ends_between_address_and_number_is_followed_by_one_with_the_same_address(
    call: str,
) -> None:
    async with a_rig(*with_address(), a_routed()) as rig:
        held(rig)
        desk = a_desk(rig)
        rig.carrier.lose_reply(call, CarrierUnavailable("no answer"))
        with pytest.raises(CarrierUnavailable):
            await turn(rig)
        async with restarted(rig) as again:
            await turn(again)
            assert (list(desk.made), has(again), await says(again)) == (["AD1"], "AD1", "True EmergencyRegistered")


@in_virtual_time
async def test_the_claims_address_goes_before_that_of_the_profile_and_back_when_it_goes() -> None:
    async with a_rig(*with_address(), a_claim(emergencyAddress=HOME), a_routed()) as rig:
        held(rig)
        desk = a_desk(rig)
        await turn(rig)
        claim = await rig.find("NumberClaim", "desk")
        assert claim
        ref = {"namespace": HERE, "name": "desk", "uid": claim["metadata"]["uid"]}
        await rig.change("PhoneNumber", ONE.digits, {"spec": {"claimRef": ref}})
        await rig.look()
        await turn(rig)
        assert (has(rig), await message(rig)) == (
            "AD2",
            f"The emergency address of NumberClaim {HERE}/desk is registered.",
        )
        assert desk.made["AD2"] == address_reference(
            INSTALLATION, claim["metadata"]["uid"], EmergencyAddress(*_values(HOME))
        )
        await rig.change("NumberClaim", "desk", {"spec": {"emergencyAddress": None}})
        await rig.look()
        await turn(rig)
        assert has(rig) == "AD1"


def _values(said: Json) -> tuple[str, ...]:
    return tuple(said[key] for key in ("name", "street", "city", "region", "postalCode", "country", "extended"))


@in_virtual_time
async def test_a_claim_says_of_the_address_what_its_number_says_to_whoever_may_not_read_that() -> None:
    async with a_rig(*with_address(), a_claim(emergencyAddress=HOME), a_routed()) as rig:
        held(rig)
        a_desk(rig, state=EmergencyState.PENDING)
        await rig.turn("NumberClaim", "desk")
        await rig.run_queues(5.0)
        assert (has(rig), await says(rig)) == ("AD1", "False EmergencyPending")
        assert await rig.says("NumberClaim", "desk", READY) == "False EmergencyPending"
        held(rig, emergency=EmergencyStanding(REGISTERED, "AD1"))
        await sweep(rig)
        assert await rig.says("NumberClaim", "desk", READY) == "True EmergencyRegistered"
        await rig.change("NumberClaim", "desk", {"spec": {"emergencyAddress": None}})
        await a_change_of_profile(rig, emergencyAddress=None)
        await rig.run_queues(10.0)
        assert (has(rig), await rig.says("NumberClaim", "desk", READY)) == (None, None)


# What the carrier says.


@in_virtual_time
async def test_a_carrier_that_takes_its_time_is_said_to_until_a_sweep_sees_the_end() -> None:
    async with a_rig(*with_address(), a_routed()) as rig:
        held(rig)
        a_desk(rig, state=EmergencyState.PENDING)
        await turn(rig)
        assert await says(rig) == "False EmergencyPending"
        assert (await turn(rig), "carrier: put_on did-1 AD1" in rig.told()) == (None, True)
        held(rig, emergency=EmergencyStanding(REGISTERED, "AD1"))
        await sweep(rig)
        assert await says(rig) == "True EmergencyRegistered"


@in_virtual_time
async def test_an_address_that_is_edited_is_set_anew_after_the_former_one_has_gone() -> None:
    async with a_rig(*with_address(), a_routed()) as rig:
        held(rig)
        desk = a_desk(rig, gone=EmergencyState.REMOVING)
        await turn(rig)
        await a_change_of_profile(rig, emergencyAddress={**OFFICE, "extended": "Suite 300"})
        await turn(rig)
        assert (has(rig), await says(rig)) == (None, "False EmergencyPending")
        assert "is taking the former emergency address off" in await message(rig)
        held(rig, emergency=EmergencyStanding(EmergencyState.UNREGISTERED))
        await sweep(rig)
        assert (has(rig), await says(rig)) == ("AD2", "True EmergencyRegistered")
        await sweep(rig)
        assert list(desk.made) == ["AD2"], "the former address is deleted"


@in_virtual_time
async def test_a_refusal_is_told_by_code_and_sentence_and_the_number_keeps_what_it_has() -> None:
    async with a_rig(*with_address(), a_routed()) as rig:
        held(rig)
        a_desk(rig)
        await turn(rig)
        said = RequestRejected("main: no", "21629", "400 21629: Failed to validate. Look at what is suggested")
        rig.carrier.fail("ensure_address", said)
        await a_change_of_profile(rig, emergencyAddress={**OFFICE, "street": "1 Nowhere St"})
        assert await turn(rig) == 60.0
        assert (has(rig), await says(rig)) == ("AD1", "False EmergencyRefused")
        assert await message(rig) == (
            f"The carrier does not take the emergency address of RoutingProfile {HERE}/sip: 21629: Failed to validate. "
            "Look at what is suggested. Correct it. The number keeps the one that it has."
        )
        rig.told()
        await turn(rig)
        assert rig.told() == [], "it is asked again when its time has come"
        await a_change_of_profile(rig, emergencyAddress=OFFICE)
        await turn(rig)
        assert (has(rig), await says(rig)) == ("AD1", "True EmergencyRegistered")


@in_virtual_time
async def test_a_sentence_that_quotes_the_address_is_kept_back() -> None:
    async with a_rig(*with_address(), a_claim(emergencyAddress=HOME), a_routed(phase="Bound")) as rig:
        claim = await rig.find("NumberClaim", "desk")
        assert claim
        ref = {"namespace": HERE, "name": "desk", "uid": claim["metadata"]["uid"]}
        await rig.change("PhoneNumber", ONE.digits, {"spec": {"claimRef": ref}})
        await rig.look()
        held(rig)
        a_desk(rig)
        quoting = RequestRejected("main: no", "21629", "400 21629: Did you mean 1 SECRETLY LANE")
        rig.carrier.fail("ensure_address", quoting)
        await turn(rig)
        assert await says(rig) == "False EmergencyRefused"
        assert "secretly" not in str(await rig.find("PhoneNumber", ONE.digits)).lower()


@in_virtual_time
async def test_what_somebody_has_put_there_instead_is_mended() -> None:
    async with a_rig(*with_address(), a_routed()) as rig:
        held(rig)
        a_desk(rig)
        await turn(rig)
        held(rig, emergency=EmergencyStanding(REGISTERED, "AD-of-a-person"))
        await sweep(rig)
        assert (has(rig), await says(rig)) == ("AD1", "True EmergencyRegistered")


# Taking off.


@in_virtual_time
async def test_an_address_that_nobody_wants_any_more_is_taken_off_and_deleted() -> None:
    async with a_rig(*with_address(), a_routed()) as rig:
        held(rig)
        desk = a_desk(rig)
        await turn(rig)
        await a_change_of_profile(rig, emergencyAddress=None)
        await turn(rig)
        assert (has(rig), await says(rig)) == (None, None)
        await sweep(rig)
        assert (desk.made, (await rig.status("PhoneNumber", ONE.digits))["emergency"]) == (
            {},
            {"state": "Unregistered"},
        )


@in_virtual_time
async def test_an_address_of_somebody_else_is_never_taken_off_nor_deleted() -> None:
    async with a_rig(*with_address(None), a_routed()) as rig:
        held(rig, emergency=EmergencyStanding(REGISTERED, "AD7"))
        desk = a_desk(rig, made={"AD7": "front desk", "AD8": "911.other.0123456789abcdef01", "AD9": "spare"})
        await sweep(rig)
        assert has(rig) == "AD7"
        assert list(desk.made) == ["AD7", "AD8", "AD9"]
        assert await says(rig) is None


@in_virtual_time
async def test_what_another_hand_has_put_there_stays_when_nobody_here_has_an_address_any_more() -> None:
    async with a_rig(*with_address(), a_routed()) as rig:
        held(rig)
        a_desk(rig)
        await turn(rig)
        await a_change_of_profile(rig, emergencyAddress=None)
        held(rig, emergency=EmergencyStanding(REGISTERED, "AD-of-a-person"))
        await turn(rig)
        assert has(rig) == "AD-of-a-person"
        assert not any("take_off" in one for one in rig.told())


@in_virtual_time
async def test_an_address_that_a_dead_process_has_set_is_taken_off_when_its_owner_is_gone_meanwhile() -> None:
    async with a_rig(*with_address(), a_routed()) as rig:
        held(rig)
        a_desk(rig)
        rig.carrier.lose_reply("put_on", CarrierUnavailable("no answer"))
        with pytest.raises(CarrierUnavailable):
            await turn(rig)
        await a_change_of_profile(rig, emergencyAddress=None)
        async with restarted(rig) as again:
            await turn(again)
            assert has(again) is None


@pytest.mark.parametrize("address", [None, {**OFFICE, "extended": "Suite 300"}], ids=["removed", "edited"])
@in_virtual_time
async def test_a_suspended_profile_changes_no_address_before_it_is_resumed(address: Json | None) -> None:
    async with a_rig(*with_address(), a_routed()) as rig:
        held(rig)
        a_desk(rig)
        await turn(rig)
        await a_change_of_profile(rig, emergencyAddress=address, suspend=True)
        await turn(rig)
        assert has(rig) == "AD1"
        await a_change_of_profile(rig, suspend=False)
        await turn(rig)
        assert has(rig) == ("AD2" if address else None)


@in_virtual_time
async def test_of_a_number_that_never_had_an_address_nothing_is_written() -> None:
    async with a_rig(*HOUSE, a_told_profile(), a_pool(**ROUTED), {**a_routed(), "status": {}}) as rig:
        held(rig, emergency=NO_ADDRESS)
        await turn(rig)
        assert "emergency" not in await rig.status("PhoneNumber", ONE.digits)


# What else is said.


def _no_desk(rig: Rig) -> None:
    assert rig.carrier.emergency is None


@pytest.mark.parametrize(
    ("objects", "facts", "desk", "said"),
    [
        pytest.param(with_address(), {}, _no_desk, "False EmergencyUnsupported", id="the carrier has none"),
        pytest.param(
            with_address(None, emergencyAddressRequired=True),
            {},
            a_desk,
            "False EmergencyMissing",
            id="required and missing",
        ),
        pytest.param(
            with_address(None, emergencyAddressRequired=True),
            {"emergency": EmergencyStanding(REGISTERED, "AD-of-a-person")},
            a_desk,
            "True EmergencyRegistered",
            id="required, and set by a person",
        ),
        pytest.param(
            with_address(),
            {"capabilities": frozenset({Capability.SMS})},
            a_desk,
            "True EmergencyNotApplicable",
            id="a number that makes no calls",
        ),
        pytest.param(with_address(None), {}, a_desk, None, id="nobody has one"),
    ],
)
@in_virtual_time
async def test_what_is_said_where_nothing_is_set(
    objects: tuple[Json, ...], facts: dict[str, object], desk: Callable[[Rig], object], said: str | None
) -> None:
    async with a_rig(*objects, a_routed()) as rig:
        held(rig, **facts)
        desk(rig)
        rig.tell_news(rig.carrier.held[ONE])
        await turn(rig)
        assert await says(rig) == said
        assert not any("put_on" in one or "take_off" in one for one in rig.told())


# Secrets.


SECRET: dict[str, str] = {key: str(value) for key, value in HOME.items()}
FROM_SECRET = {"secretRef": {"name": "home"}}


def home_secret(**data: str) -> Json:
    return {**a_secret("home"), "data": _encoded(data)}


def _encoded(data: dict[str, str]) -> dict[str, str]:
    return {key: b64encode(value.encode()).decode() for key, value in data.items()}


@in_virtual_time
async def test_an_address_may_be_in_a_secret_which_is_read_again_with_each_sweep() -> None:
    async with a_rig(*with_address(FROM_SECRET), home_secret(**SECRET), a_routed()) as rig:
        held(rig)
        desk = a_desk(rig)
        await turn(rig)
        assert (has(rig), await says(rig)) == ("AD1", "True EmergencyRegistered")
        assert "secretly" not in str(await rig.find("PhoneNumber", ONE.digits)).lower()
        moved = home_secret(**{**SECRET, "extended": "Flat 10"})
        await rig.change("Secret", "home", {"data": moved["data"]})
        await sweep(rig)
        assert (has(rig), list(desk.made)) == ("AD2", ["AD1", "AD2"])
        await a_change_of_profile(rig, emergencyAddress={**OFFICE, "secretRef": None})
        await turn(rig)
        await sweep(rig)
        assert rig.services.emergency.kept == frozenset(), "what no number needs any more is forgotten"


@pytest.mark.parametrize(
    ("secret", "said"),
    [
        pytest.param((), "Secret shop/home, which is to hold the emergency address, does not exist", id="no Secret"),
        pytest.param((home_secret(street="1"),), "it has no name", id="a key is missing"),
        pytest.param(
            (home_secret(**{**SECRET, "postalCode": "9410"}),),
            "postalCode is none of the country",
            id="postal code",
        ),
    ],
)
@in_virtual_time
async def test_a_secret_that_holds_no_address_is_said_and_nothing_is_changed(
    secret: tuple[Json, ...], said: str
) -> None:
    async with a_rig(*with_address(FROM_SECRET), *secret, a_routed()) as rig:
        held(rig, emergency=EmergencyStanding(REGISTERED, "AD7"))
        a_desk(rig)
        await turn(rig)
        assert await says(rig) == "False EmergencyUnreadable"
        assert said in await message(rig)
        assert has(rig) == "AD7"
