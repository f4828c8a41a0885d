"""One turn of a number: what it does at the carrier, in which order with its writes, and what it leaves alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ringfleet.api.crds import UNSEEN
from ringfleet.carriers.errors import (
    CarrierError,
    CarrierUnavailable,
    CredentialsRejected,
    NotActive,
    NotHeld,
    RequestRejected,
)
from ringfleet.kube.errors import Conflict, Forbidden, KubeError, Unavailable
from ringfleet.kube.transport import Json
from ringfleet.model import HoldingStatus, Mark
from tests.controllers.rig import (
    HERE,
    HOUSE,
    Rig,
    a_claim,
    a_number,
    a_pool,
    a_rig,
    a_told_profile,
    an_account,
    an_order,
    in_virtual_time,
    later,
    restarted,
)
from tests.plan.builders import a_holding, digits

ONE = digits(1)
NAME = ONE.digits
STATUS, SPEC = f"patch phonenumbers/status {NAME}", f"patch phonenumbers {NAME}"
OURS = Mark("home", HERE, "west")
ROUTED = {"routingProfileRef": {"name": "sip"}}
SIP = "at-carrier/sip"


def held(rig: Rig, **facts: object) -> None:
    rig.carrier.held[ONE] = a_holding(1, **{"mark": OURS, "area_code": "415", **facts})


def a_new_number(**spec: object) -> Json:
    return {**a_number(1, **spec), "status": {}}


async def turn(rig: Rig) -> float | None:
    return await rig.turn("PhoneNumber", NAME)


# Getting ready.


@in_virtual_time
async def test_a_new_number_is_looked_up_routed_and_then_free() -> None:
    async with a_rig(*HOUSE, a_told_profile(), a_pool(**ROUTED), a_new_number()) as rig:
        held(rig)
        assert await turn(rig) is None
        assert rig.told() == [
            *(f"carrier: find {NAME}", f"carrier: route did-1 {SIP}"),
            STATUS,
        ]
        status = await rig.status("PhoneNumber", NAME)
        facts = ("phase", "externalId", "areaCode", "freeSince", "observedGeneration")
        assert [status[fact] for fact in facts] == ["Available", "did-1", "415", later(0), 1]
        assert (status["routing"]["profile"], status["routing"]["externalId"]) == ("sip", SIP)
        assert await rig.says("PhoneNumber", NAME) == "True Routed"
        assert (await turn(rig), rig.told()) == (None, [])


@in_virtual_time
async def test_what_its_order_knows_of_a_number_is_not_asked_for_again() -> None:
    item = {"number": ONE, "state": "Provisioned", "externalId": "did-1", "monthly": "2", "setup": "1"}
    order = an_order(count=1, status={"items": [item], "key": "k", "completedAt": later(0)})
    async with a_rig(*HOUSE, a_pool(), order, a_new_number()) as rig:
        held(rig)
        await turn(rig)
        assert rig.told() == [STATUS]
        status = await rig.status("PhoneNumber", NAME)
        assert (status["externalId"], status["price"]["monthly"]) == ("did-1", "2")


@pytest.mark.parametrize(
    ("pointed_at", "calls"),
    [
        pytest.param(SIP, [], id="the one of its profile"),
        pytest.param("at-carrier/older", [f"carrier: route did-1 {SIP}"], id="another one"),
    ],
)
@in_virtual_time
async def test_a_number_that_its_purchase_has_routed_is_free_with_its_first_write(
    pointed_at: str, calls: list[str]
) -> None:
    item = {"number": ONE, "state": "Provisioned", "externalId": "did-1", "monthly": "2", "setup": "1"}
    status = {"items": [{**item, "routing": pointed_at}], "key": "k", "completedAt": later(0)}
    order = an_order(count=1, status=status)
    async with a_rig(*HOUSE, a_told_profile(), a_pool(**ROUTED), order, a_new_number()) as rig:
        held(rig, routing=pointed_at)
        assert await turn(rig) is None
        assert rig.told() == [*calls, STATUS]
        status = await rig.status("PhoneNumber", NAME)
        assert (status["phase"], status["routing"]["profile"], status["routing"]["externalId"]) == (
            *("Available", "sip"),
            SIP,
        )
        assert (await turn(rig), rig.told()) == (None, [])


@in_virtual_time
async def test_a_number_that_its_purchase_has_pointed_elsewhere_follows_no_profile_that_is_suspended() -> None:
    """One that is suspended keeps whatever was routed by it; this number was not."""
    item = {"number": ONE, "state": "Provisioned", "externalId": "did-1", "routing": "at-carrier/older"}
    order = an_order(count=1, status={"items": [item], "key": "k", "completedAt": later(0)})
    async with a_rig(*HOUSE, a_told_profile(suspend=True), a_pool(**ROUTED), order, a_new_number()) as rig:
        held(rig, routing="at-carrier/older")
        await turn(rig)
        assert await rig.says("PhoneNumber", NAME) == "False Suspended"


@in_virtual_time
async def test_a_number_that_has_no_finalizer_gets_one_before_anything_else() -> None:
    number = a_new_number()
    number["metadata"]["finalizers"] = []
    async with a_rig(*HOUSE, a_pool(), number) as rig:
        held(rig)
        await turn(rig)
        assert rig.told() == [SPEC, f"carrier: find {NAME}", STATUS]


@pytest.mark.parametrize(
    ("status", "phase", "said"),
    [
        (HoldingStatus.ACTIVE, "Available", "True NoRoutingWanted"),
        (HoldingStatus.ACTIVATING, "Ordering", "False Activating"),
        (HoldingStatus.PENDING_DOCUMENTS, "PendingDocuments", "False PendingDocuments"),
        (HoldingStatus.SUSPENDED, "Suspended", "False Suspended"),
    ],
)
@in_virtual_time
async def test_the_carriers_word_decides_the_phase_of_a_new_number(
    status: HoldingStatus, phase: str, said: str
) -> None:
    async with a_rig(*HOUSE, a_pool(), a_new_number()) as rig:
        held(rig, status=status)
        await turn(rig)
        assert ((await rig.status("PhoneNumber", NAME))["phase"], await rig.says("PhoneNumber", NAME)) == (phase, said)
        sweeps_sooner = "CarrierAccount main" in await rig.woken(1.0)
        assert sweeps_sooner is (phase in ("Ordering", "PendingDocuments"))


@pytest.mark.parametrize("ordered", [True, False])
@in_virtual_time
async def test_a_number_that_the_carrier_does_not_show_is_asked_for_again_soon_only_if_it_was_bought(
    ordered: bool,
) -> None:
    bought = {"items": [{"number": ONE, "state": "Provisioned"}], "key": "k", "completedAt": later(0)}
    orders = (an_order(count=1, status=bought),) if ordered else ()
    async with a_rig(*HOUSE, a_pool(), a_new_number(), *orders) as rig:
        assert await turn(rig) == (5.0 if ordered else 60.0)
        said = "False Probing" if ordered else "False NumberMissing"
        assert await rig.says("PhoneNumber", NAME) == said


@in_virtual_time
async def test_a_number_that_the_carrier_says_is_not_active_yet_is_routed_later() -> None:
    async with a_rig(*HOUSE, a_told_profile(), a_pool(**ROUTED), a_new_number()) as rig:
        held(rig)
        rig.carrier.fail("route", NotActive("It is being activated."))
        await turn(rig)
        assert (await rig.status("PhoneNumber", NAME))["phase"] == "Ordering"
        assert await rig.says("PhoneNumber", NAME) == "False Activating"


NEWS = {"service": {"id": "MG1", "campaign": "CM1"}}
SEATED = {"id": "CM1", "state": "Assigned"}


@pytest.mark.parametrize(
    ("country", "messaging", "refused", "says"),
    [
        pytest.param("US", NEWS, False, SEATED, id="into the campaign of its profile"),
        pytest.param("DE", NEWS, False, None, id="where nobody registers senders"),
        pytest.param("US", {"webhook": {"url": "https://example.com"}}, False, None, id="of a profile without one"),
        pytest.param("US", NEWS, True, None, id="refused: the next sweep says why"),
    ],
)
@in_virtual_time
async def test_a_number_that_is_routed_is_put_into_the_campaign_of_its_profile(
    country: str, messaging: Json, refused: bool, says: Json | None
) -> None:
    async with a_rig(*HOUSE, a_told_profile(messaging=messaging), a_pool(**ROUTED), a_new_number()) as rig:
        held(rig, country=country)
        if refused:
            rig.carrier.fail("enrol", RequestRejected("it is none of this account"))
        await turn(rig)
        assert await rig.says("PhoneNumber", NAME) == "True Routed"
        assert (await rig.status("PhoneNumber", NAME)).get("campaign") == says


@pytest.mark.parametrize("error", [CarrierUnavailable("It is down."), CredentialsRejected("The token is wrong.")])
@in_virtual_time
async def test_a_carrier_that_can_not_be_used_leaves_the_number_as_it_is_and_has_its_account_looked_at(
    error: CarrierError,
) -> None:
    async with a_rig(*HOUSE, a_told_profile(), a_pool(**ROUTED), a_new_number()) as rig:
        held(rig)
        rig.carrier.fail("route", error)
        with pytest.raises(type(error)):
            await turn(rig)
        assert await rig.status("PhoneNumber", NAME) == UNSEEN
        assert "CarrierAccount main" in await rig.woken(1.0)
        await turn(rig)
        assert await rig.says("PhoneNumber", NAME) == "True Routed"


@pytest.mark.parametrize(("code", "error"), [(409, Conflict), (403, Forbidden), (503, Unavailable)])
@in_virtual_time
async def test_what_was_done_and_could_not_be_written_is_done_again_and_comes_out_the_same(
    code: int, error: type[KubeError]
) -> None:
    async with a_rig(*HOUSE, a_told_profile(), a_pool(**ROUTED), a_new_number()) as rig:
        held(rig)
        rig.tell_news(rig.carrier.held[ONE])
        rig.api.refuse("patch", "phonenumbers/status", code)
        with pytest.raises(error):
            await turn(rig)
        rig.told()
        await turn(rig)
        assert rig.told() == [f"carrier: route did-1 {SIP}", STATUS], "the news were kept, and nothing was looked up"
        await turn(rig)  # takes back what a refusal has said
        assert await rig.says("PhoneNumber", NAME) == "True Routed"


# Stopping.


@pytest.mark.parametrize(
    ("how", "before", "stop", "resume", "memory"),
    [
        ("Verb", [], "carrier: suspend did-1", "carrier: resume did-1", {}),
        (
            *("Parking", [f"carrier: find {NAME}"], "carrier: route did-1 nowhere", f"carrier: route did-1 {SIP}"),
            {"routing": SIP},
        ),
    ],
)
@in_virtual_time
async def test_that_a_number_is_being_stopped_and_how_is_written_before_the_carrier_hears_of_it(
    how: str, before: list[str], stop: str, resume: str, memory: Json
) -> None:
    house = (HOUSE[0], an_account(suspendBy=how))
    async with a_rig(*house, a_told_profile(), a_pool(**ROUTED), a_number()) as rig:
        held(rig)
        await turn(rig)
        rig.told()
        await rig.change("PhoneNumber", NAME, {"spec": {"suspend": True}})
        await rig.look()
        await turn(rig)
        assert rig.told() == [*before, STATUS, stop, STATUS]
        status = await rig.status("PhoneNumber", NAME)
        assert (status["phase"], status["suspension"]) == ("Suspended", {"by": how} | memory)
        await rig.change("PhoneNumber", NAME, {"spec": {"suspend": False}})
        await rig.look()
        await turn(rig)
        assert rig.told() == [resume, STATUS]
        status = await rig.status("PhoneNumber", NAME)
        assert (status["phase"], "suspension" in status, rig.carrier.held[ONE].routing) == ("Available", False, SIP)


@pytest.mark.parametrize("routing", ["theirs", None])
@in_virtual_time
async def test_a_parked_number_gets_back_the_routing_that_somebody_else_gave_it(routing: str | None) -> None:
    house = (HOUSE[0], an_account(suspendBy="Parking"))
    async with a_rig(*house, a_pool(), a_number()) as rig:
        held(rig, routing=routing)
        await rig.change("PhoneNumber", NAME, {"spec": {"suspend": True}})
        await rig.look()
        await turn(rig)
        assert rig.carrier.held[ONE].routing is None
        async with restarted(rig) as again:
            await again.change("PhoneNumber", NAME, {"spec": {"suspend": False}})
            await again.look()
            await turn(again)
            assert again.carrier.held[ONE].routing == routing
            assert "suspension" not in await again.status("PhoneNumber", NAME)


@in_virtual_time
async def test_a_parked_number_whose_routing_the_carrier_does_not_take_back_has_its_profile_looked_up_at_once() -> None:
    house = (HOUSE[0], an_account(suspendBy="Parking"))
    async with a_rig(*house, a_told_profile(), a_pool(**ROUTED), a_number()) as rig:
        held(rig)
        await turn(rig)
        await rig.change("PhoneNumber", NAME, {"spec": {"suspend": True}})
        await rig.look()
        await turn(rig)
        rig.carrier.fail("route", RequestRejected("There is no such profile."))
        await rig.change("PhoneNumber", NAME, {"spec": {"suspend": False}})
        await rig.look()
        await rig.woken(30.0)
        with pytest.raises(RequestRejected):
            await turn(rig)
        assert "RoutingProfile sip" in await rig.woken(1.0)
        await turn(rig)
        await rig.settle()
        (profile,) = rig.carrier.profiles.values()
        assert rig.carrier.held[ONE].routing == profile.external_id
        assert await rig.says("PhoneNumber", NAME) == "True Routed"


@in_virtual_time
async def test_a_stop_that_was_begun_one_way_is_ended_that_way_by_the_next_process() -> None:
    async with a_rig(*HOUSE, a_told_profile(), a_pool(**ROUTED), a_number()) as rig:
        held(rig)
        await turn(rig)
        await rig.change("PhoneNumber", NAME, {"spec": {"suspend": True}})
        await rig.look()
        rig.carrier.fail("suspend", CarrierUnavailable("It is down."))
        with pytest.raises(CarrierUnavailable):
            await turn(rig)
        await rig.change("CarrierAccount", "main", {"spec": {"suspendBy": "Parking"}})
        async with restarted(rig) as again:
            await turn(again)
            assert again.told() == ["carrier: suspend did-1", STATUS]
            assert (await again.status("PhoneNumber", NAME))["phase"] == "Suspended"


# Leaving.


def a_granting_pool() -> Json:
    status = {"memory": {"release": {"granted": [NAME]}}}
    return a_pool(0, release={"mode": "Manual", "hold": "0s"}, status=status)


def a_leaving_number(**spec: object) -> Json:
    farewell = {"since": later(-60), "cause": "Manual", "notBefore": later(-60)}
    number = a_number(1, "Releasing", {"farewell": farewell}, **spec)
    number["metadata"]["annotations"] = {"ringfleet.dev/release": ONE}
    return number


@in_virtual_time
async def test_a_number_that_has_leave_to_go_is_looked_at_once_more_and_given_back() -> None:
    async with a_rig(*HOUSE, a_granting_pool(), a_leaving_number()) as rig:
        held(rig)
        await turn(rig)
        calls = [line for line in rig.told() if line.startswith("carrier:")]
        assert calls == [f"carrier: find {NAME}", "carrier: release did-1"]
        assert (await rig.status("PhoneNumber", NAME))["phase"] == "Released"
        assert (rig.carrier.held, await turn(rig)) == ({}, None)


@in_virtual_time
async def test_a_leave_in_the_older_place_lets_nobody_go() -> None:
    pool = a_pool(0, release={"mode": "Manual", "hold": "0s"}, status={"release": {"granted": [NAME]}})
    async with a_rig(*HOUSE, pool, a_leaving_number()) as rig:
        held(rig)
        await turn(rig)
        assert [line for line in rig.told() if line.startswith("carrier:")] == []
        assert ONE in rig.carrier.held


@pytest.mark.parametrize(
    ("change", "status"),
    [
        pytest.param({"metadata": {"annotations": {"ringfleet.dev/release": None}}}, None, id="taken back"),
        pytest.param({"spec": {"protected": True}}, None, id="protected"),
        pytest.param({"spec": {"claimRef": {"namespace": HERE, "name": "desk", "uid": "1"}}}, None, id="bound"),
        pytest.param(None, {"memory": {"release": {"granted": []}}}, id="leave withdrawn"),
        pytest.param(None, {"release": {"frozenSince": later(0)}}, id="frozen"),
    ],
)
@in_virtual_time
async def test_whatever_has_changed_since_the_last_look_keeps_the_number(
    change: Json | None, status: Json | None
) -> None:
    """The operator's copy still says that it may go, and a turn that was cut short has said so too."""
    async with a_rig(*HOUSE, a_granting_pool(), a_leaving_number()) as rig:
        held(rig)
        rig.carrier.fail("find", CarrierUnavailable("It is down."))
        with pytest.raises(CarrierUnavailable):
            await turn(rig)
        if change:
            await rig.change("PhoneNumber", NAME, change)
        if status:
            await rig.change_status("NumberPool", "west", status)
        assert await turn(rig) == 5.0
        assert [line for line in rig.told() if "release" in line] == []
        assert ONE in rig.carrier.held


@pytest.mark.parametrize(("mark", "goes"), [(OURS, True), (None, False), (Mark("others", "a", "b"), False)])
@in_virtual_time
async def test_only_a_number_with_our_mark_is_given_back(mark: Mark | None, goes: bool) -> None:
    async with a_rig(*HOUSE, a_granting_pool(), a_leaving_number()) as rig:
        held(rig, mark=mark)
        delay = await turn(rig)
        assert (ONE not in rig.carrier.held) is goes
        if not goes:
            assert (delay, await rig.says("PhoneNumber", NAME)) == (60.0, "False ReleaseForbidden")


@in_virtual_time
async def test_a_number_that_is_deleted_and_retained_loses_our_mark_and_then_its_object() -> None:
    farewell = {"since": later(-60), "cause": "Deletion", "notBefore": later(-60)}
    number = a_number(1, "Releasing", {"farewell": farewell})
    async with a_rig(*HOUSE, a_granting_pool(), number) as rig:
        held(rig)
        await rig.delete("PhoneNumber", NAME)
        await rig.look()
        await turn(rig)
        assert "carrier: mark did-1 off" in rig.told()
        assert (await rig.find("PhoneNumber", NAME), rig.carrier.held[ONE].mark) == (None, None)


@in_virtual_time
async def test_a_deleted_number_stays_until_its_pool_lets_it_go() -> None:
    async with a_rig(*HOUSE, a_pool(0, release={"mode": "Manual"}), a_number(1, deletionPolicy="Release")) as rig:
        held(rig)
        await rig.delete("PhoneNumber", NAME)
        await rig.look()
        await turn(rig)
        assert [line for line in rig.told() if line.startswith("carrier:")] == []
        found = await rig.find("PhoneNumber", NAME)
        assert found
        assert (found["status"]["phase"], ONE in rig.carrier.held) == ("Releasing", True)


@pytest.mark.parametrize(
    ("policy", "acknowledged", "goes"), [("Retain", False, False), ("Retain", True, True), ("Release", True, False)]
)
@in_virtual_time
async def test_a_deleted_number_whose_pool_is_gone_is_let_go_on_a_persons_word_and_never_given_back(
    policy: str, acknowledged: bool, goes: bool
) -> None:
    async with a_rig(*HOUSE, a_number(1, deletionPolicy=policy)) as rig:
        held(rig)
        words = {"ringfleet.dev/acknowledge-release": ONE} if acknowledged else {}
        await rig.change("PhoneNumber", NAME, {"metadata": {"annotations": words}})
        await rig.delete("PhoneNumber", NAME)
        await rig.look()
        await turn(rig)
        assert (await rig.find("PhoneNumber", NAME) is None, rig.carrier.held[ONE].mark is None) == (goes, goes)


# What is not ours to touch.


@in_virtual_time
async def test_a_number_with_another_installations_mark_is_left_alone() -> None:
    async with a_rig(*HOUSE, a_told_profile(), a_pool(**ROUTED), a_new_number()) as rig:
        held(rig, mark=Mark("others", "a", "b"))
        assert await turn(rig) is None, "the sweep sees when the mark is another one"
        assert rig.told() == [f"carrier: find {NAME}", STATUS]
        assert await rig.says("PhoneNumber", NAME) == "False NotOurs"
        status = await rig.status("PhoneNumber", NAME)
        assert ("externalId" not in status, status["foreignMark"]) == (True, "rf/others/a/b")
        assert (await turn(rig), rig.told()) == (None, [])


@in_virtual_time
async def test_an_observed_number_is_told_of_and_never_touched() -> None:
    number = a_new_number(managementPolicy="Observe", suspend=True, **ROUTED)
    async with a_rig(*HOUSE, a_told_profile(), number) as rig:
        held(rig, mark=None, routing="theirs")
        await turn(rig)
        assert rig.told() == [f"carrier: find {NAME}", STATUS]
        assert (await rig.status("PhoneNumber", NAME))["routing"]["externalId"] == "theirs"
        await rig.delete("PhoneNumber", NAME)
        await rig.look()
        await turn(rig)
        assert (rig.told(), await rig.find("PhoneNumber", NAME)) == ([SPEC], None)


# Its claim.


@pytest.mark.parametrize(
    "there", [pytest.param(False, id="the claim is gone"), pytest.param(True, id="our copy of claims is late")]
)
@in_virtual_time
async def test_a_number_whose_claim_is_not_in_sight_is_unbound_only_when_a_live_look_agrees(there: bool) -> None:
    async with a_rig(*HOUSE, a_pool()) as rig:
        await rig.create(a_claim())
        claim = await rig.find("NumberClaim", "desk")
        assert claim
        ref = {"namespace": HERE, "name": "desk", "uid": claim["metadata"]["uid"]}
        await rig.create(a_number(1, "Bound", claimRef=ref))
        if not there:
            await rig.delete("NumberClaim", "desk")
        await rig.look_at_numbers()
        held(rig)
        await turn(rig)
        number = await rig.find("PhoneNumber", NAME)
        assert number
        assert ("claimRef" in number["spec"], "unboundAt" in number["spec"]) == (there, not there)


@in_virtual_time
async def test_drift_that_a_sweep_has_found_is_repaired_and_said_only_while_it_lasts() -> None:
    async with a_rig(*HOUSE, a_told_profile(), a_pool(**ROUTED), a_number()) as rig:
        held(rig)
        await turn(rig)
        rig.carrier.held[ONE] = replace(rig.carrier.held[ONE], routing="elsewhere")
        rig.tell_news(rig.carrier.held[ONE])
        rig.told()
        await turn(rig)
        assert rig.told() == [f"carrier: route did-1 {SIP}"]
        assert (rig.carrier.held[ONE].routing, rig.has_news(ONE)) == (SIP, False)


@in_virtual_time
async def test_a_number_that_was_given_away_at_the_carrier_while_it_was_routed_is_looked_for_again() -> None:
    async with a_rig(*HOUSE, a_told_profile(), a_pool(**ROUTED), a_number()) as rig:
        held(rig)
        rig.carrier.fail("route", NotHeld("Not here."))
        assert await turn(rig) == 5.0
