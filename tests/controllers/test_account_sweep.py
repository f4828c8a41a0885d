"""What one sweep does, and refuses to do, number by number."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace

import pytest

from ringfleet.carriers.errors import CarrierUnavailable, CredentialsRejected, RequestRejected
from ringfleet.kube.transport import Json
from ringfleet.model import E164, AccountKey, Mark
from ringfleet.model.campaign import CampaignSeat, CampaignState
from ringfleet.plan.carrier_account.loss import Roll
from tests.controllers.carrier_double import ABILITIES
from tests.controllers.rig import (
    HERE,
    HOUSE,
    Rig,
    a_number,
    a_pool,
    a_profile,
    a_rig,
    an_account,
    an_order,
    in_virtual_time,
)
from tests.plan.builders import a_holding, an_offer, digits

OURS = Mark("home", HERE, "west")
ONE, TWO, THREE = digits(1), digits(2), digits(3)


async def sweep(rig: Rig) -> None:
    await asyncio.sleep(600)
    await rig.turn("CarrierAccount", "main")


async def why(rig: Rig, condition: str) -> str | None:
    """What the account says in a condition; None when it has none of that type."""
    conditions = (await rig.status("CarrierAccount", "main"))["conditions"]
    return next((one["message"] for one in conditions if one["type"] == condition), None)


def elsewhere(pool: Json) -> Json:
    return {**pool, "metadata": {**pool["metadata"], "namespace": "other"}}


IN_OTHER = [{"accountRef": {"name": "main", "namespace": HERE}}]


@pytest.mark.parametrize(
    ("objects", "mark", "said"),
    [
        pytest.param((a_pool(),), Mark("home", HERE, "gone"), "NumberPool shop/gone is gone", id="no pool"),
        pytest.param(
            (a_pool(carriers=[{"accountRef": {"name": "spare"}}]), an_account("spare")),
            OURS,
            "NumberPool shop/west does not order from CarrierAccount shop/main",
            id="a pool that orders elsewhere",
        ),
        pytest.param(
            (elsewhere(a_pool(carriers=IN_OTHER)),),
            Mark("home", "other", "west"),
            "CarrierAccount shop/main does not let in namespace other",
            id="a namespace that is not let in",
        ),
        pytest.param(
            (a_pool(), an_account("spare"), a_number(accountRef={"name": "spare", "namespace": HERE})),
            OURS,
            "names CarrierAccount shop/spare",
            id="another account's object",
        ),
        pytest.param(
            (a_pool(), a_number(phase="Released")), OURS, "says that the number was given back", id="given back"
        ),
    ],
)
@in_virtual_time
async def test_a_number_is_adopted_only_where_it_was_bought_for_and_else_is_an_orphan_that_says_why(
    objects: tuple[Json, ...], mark: Mark, said: str
) -> None:
    async with a_rig(*HOUSE, *objects) as rig:
        before = [await rig.names("PhoneNumber"), await rig.find("PhoneNumber", ONE.digits, "other")]
        rig.carrier.held[ONE] = a_holding(1, mark=mark)
        await sweep(rig)
        assert [await rig.names("PhoneNumber"), await rig.find("PhoneNumber", ONE.digits, "other")] == before
        assert (await rig.status("CarrierAccount", "main"))["numbers"]["orphans"] == 1
        assert said in (await why(rig, "Orphans") or "")


@in_virtual_time
async def test_a_number_is_adopted_into_a_pool_of_a_namespace_that_the_account_lets_in() -> None:
    shared = an_account(allowedNamespaces=["other"])
    async with a_rig(HOUSE[0], shared, elsewhere(a_pool(carriers=IN_OTHER))) as rig:
        rig.carrier.held[ONE] = a_holding(1, mark=Mark("home", "other", "west"))
        await sweep(rig)
        assert await rig.find("PhoneNumber", ONE.digits, "other")
        assert await why(rig, "Orphans") is None


@in_virtual_time
async def test_a_sweep_knows_its_own_numbers_by_marks_that_are_longer_than_the_carriers_field() -> None:
    """One whose pool has this long name is adopted there; one of a pool that is gone is an orphan; neither is touched
    as if it were nobody's."""
    long_name = "outbound-campaigns-of-the-west-coast-and-of-the-mountain-states"
    async with a_rig(*HOUSE, a_pool(name=long_name), begun=False) as rig:
        rig.carrier.abilities = replace(ABILITIES, mark_length=64)
        await rig.begin()
        for n, pool in ((1, long_name), (2, f"{long_name[:-1]}x")):
            rig.carrier.held[digits(n)] = a_holding(n, mark=Mark("home", HERE, pool).within(64))
        await sweep(rig)
        adopted = await rig.find("PhoneNumber", ONE.digits)
        assert adopted
        assert adopted["spec"]["poolRef"]["name"] == long_name
        numbers = (await rig.status("CarrierAccount", "main"))["numbers"]
        assert (numbers["ours"], numbers["unmanaged"], numbers["orphans"]) == (2, 0, 1)
        await sweep(rig)
        assert not any(line.startswith("carrier: mark") for line in rig.story)


@pytest.mark.parametrize("namespace", [HERE, "other"])
@pytest.mark.parametrize(
    "state",
    [pytest.param("Failed", id="somebody was faster"), pytest.param("Provisioned", id="it was given back since")],
)
@in_virtual_time
async def test_a_number_goes_to_the_pool_of_its_mark_whatever_order_has_named_it_before(
    state: str, namespace: str
) -> None:
    """Else another pool, or another tenant, has its object, and the pool that paid for it never gets it back."""
    item = {"number": ONE, "state": state, "externalId": "did-1", "monthly": "2", "setup": "1"}
    order = an_order(count=1, status={"items": [item], "key": "k", "completedAt": "2026-03-10T11:00:00Z"})
    east = a_pool(name="east", carriers=IN_OTHER)
    account = an_account(allowedNamespaces=["other"])
    async with a_rig(HOUSE[0], account, a_pool(), order, east if namespace == HERE else elsewhere(east)) as rig:
        rig.carrier.held[ONE] = a_holding(1, mark=Mark("home", namespace, "east"))
        await sweep(rig)
        found = await rig.find("PhoneNumber", ONE.digits, namespace)
        assert found
        assert (found["spec"]["poolRef"], "orderRef" in found["spec"]) == ({"name": "east"}, False)


@in_virtual_time
async def test_a_number_bought_while_the_account_is_listed_is_told_of_by_the_next_listing_within_seconds() -> None:
    """Until then nobody knows how its calls are signed, and no set uses it."""
    item = {"number": ONE, "state": "Provisioned", "externalId": "did-1", "monthly": "2", "setup": "1"}
    async with a_rig(*HOUSE, a_pool()) as rig:
        await sweep(rig)
        rig.carrier.takes["holdings end"] = 30.0
        listing = asyncio.create_task(sweep(rig))
        await asyncio.sleep(610)
        rig.carrier.held[ONE] = a_holding(1, mark=OURS, attestation="A")
        await rig.create(an_order(count=1, status={"items": [item], "key": "k"}))
        await rig.look()
        await rig.turn("NumberOrder", "west-1")
        await rig.look()
        await rig.turn("PhoneNumber", ONE.digits)
        await rig.look()
        assert (await rig.status("PhoneNumber", ONE.digits))["phase"] == "Available"
        await listing
        assert not rig.has_news(ONE)
        rig.carrier.takes.clear()
        await asyncio.sleep(10)
        await rig.turn("CarrierAccount", "main")
        assert rig.has_news(ONE)


@pytest.mark.parametrize("code", [403, 422, 500])
@in_virtual_time
async def test_a_number_whose_object_is_refused_is_said_and_the_others_are_adopted(code: int) -> None:
    async with a_rig(*HOUSE, a_pool()) as rig:
        rig.carrier.held |= {digits(n): a_holding(n, mark=OURS) for n in (1, 2, 3)}
        rig.api.refuse("create", "phonenumbers", code)
        await sweep(rig)
        assert await rig.names("PhoneNumber") == [TWO.digits, THREE.digits]
        assert (await rig.says("CarrierAccount", "main"), await rig.says("CarrierAccount", "main", "SweepRefused")) == (
            "True Reachable",
            "True SweepRefused",
        )
        assert f"{ONE.digits} could not be adopted" in (await why(rig, "SweepRefused") or "")
        await sweep(rig)
        assert await rig.names("PhoneNumber") == [ONE.digits, TWO.digits, THREE.digits]
        assert await why(rig, "SweepRefused") is None


@pytest.mark.parametrize("error", [RequestRejected("The number is locked."), CarrierUnavailable("500.")])
@in_virtual_time
async def test_a_number_whose_mark_is_refused_is_said_and_the_others_are_marked(error: Exception) -> None:
    numbers = [a_number(n) for n in (1, 2, 3)]
    async with a_rig(*HOUSE, a_pool(3), *numbers) as rig:
        rig.carrier.held |= {digits(n): a_holding(n, mark=None) for n in (1, 2, 3)}
        rig.carrier.fail("mark", error)
        await sweep(rig)
        assert [rig.carrier.held[digits(n)].mark for n in (1, 2, 3)] == [None, OURS, OURS]
        assert await rig.says("CarrierAccount", "main") == "True Reachable"
        assert f"{ONE.digits} could not be marked again" in (await why(rig, "SweepRefused") or "")
        await sweep(rig)
        assert (rig.carrier.held[ONE].mark, await why(rig, "SweepRefused")) == (OURS, None)


@in_virtual_time
async def test_a_number_that_can_not_be_asked_for_is_not_lost_and_the_others_are_asked_for() -> None:
    numbers = [a_number(n) for n in range(1, 12)]
    async with a_rig(*HOUSE, a_pool(11), *numbers) as rig:
        rig.carrier.held |= {digits(n): a_holding(n, mark=OURS) for n in range(1, 12)}
        await sweep(rig)
        del rig.carrier.held[ONE], rig.carrier.held[TWO]
        rig.carrier.fail("find", RequestRejected("Not a number."))
        for _ in range(3):
            await sweep(rig)
        assert (rig.is_lost(ONE), rig.is_lost(TWO)) == (False, True)
        assert f"{ONE.digits} could not be asked for" in (await why(rig, "SweepRefused") or "")
        await sweep(rig)
        assert rig.is_lost(ONE)


@pytest.mark.parametrize("restarts", [False, True])
@in_virtual_time
async def test_a_lost_number_says_which_other_account_has_it_and_is_back_when_it_is_back(restarts: bool) -> None:
    """Also by a process that has not lost it itself. The other accounts are asked once, not in each sweep."""
    numbers = [a_number(n) for n in range(1, 12)]
    async with a_rig(*HOUSE, a_pool(11), *numbers) as rig:
        rig.carrier.held |= {digits(n): a_holding(n, mark=OURS) for n in range(1, 12)}
        await sweep(rig)
        moved, rig.carrier.elsewhere[ONE] = rig.carrier.held.pop(ONE), "AC-other"
        for _ in range(3):
            await sweep(rig)
        await rig.turn("PhoneNumber", ONE.digits)
        if restarts:
            at_carrier = rig.services.accounts.opened(AccountKey(HERE, "main")).at_carrier
            at_carrier.elsewhere.clear()
            at_carrier.roll = Roll()
            await sweep(rig)
            await rig.turn("PhoneNumber", ONE.digits)
        assert await rig.says("PhoneNumber", ONE.digits) == "False Lost"
        assert "in account AC-other at the carrier now" in await ready_message(rig, ONE)
        rig.carrier.elsewhere.clear()
        await sweep(rig)
        await rig.turn("PhoneNumber", ONE.digits)
        assert "in account AC-other at the carrier now" in await ready_message(rig, ONE)
        rig.carrier.held[ONE] = moved
        await sweep(rig)
        await rig.turn("PhoneNumber", ONE.digits)
        assert (await rig.status("PhoneNumber", ONE.digits))["phase"] != "Lost"


@in_virtual_time
async def test_few_lost_numbers_are_looked_for_elsewhere_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """An owner of a thousand accounts has a thousand calls made for each; all are asked for in the end, and once."""
    numbers = [a_number(n, "Lost") for n in range(1, 13)]
    async with a_rig(*HOUSE, a_pool(12), *numbers) as rig:
        asked: list[E164] = []

        async def look(number: E164) -> str | None:
            asked.append(number)
            return None

        monkeypatch.setattr(rig.carrier, "whereabouts", look)
        counts = []
        for _ in range(3):
            await sweep(rig)
            counts.append(len(asked))
        assert counts == [5, 7, 7]  # five were when the operator began
        assert len(set(asked)) == len(asked)


async def ready_message(rig: Rig, number: E164) -> str:
    status = await rig.status("PhoneNumber", number.digits)
    return str(next(one["message"] for one in status["conditions"] if one["type"] == "Ready"))


@in_virtual_time
async def test_credentials_that_are_refused_in_a_sweep_are_the_accounts_and_no_numbers() -> None:
    async with a_rig(*HOUSE, a_pool(), a_number()) as rig:
        rig.carrier.held[ONE] = a_holding(1, mark=None)
        rig.carrier.fail("mark", CredentialsRejected("Wrong."))
        await sweep(rig)
        assert await rig.says("CarrierAccount", "main") == "False CredentialsRejected"


@in_virtual_time
async def test_a_number_whose_status_is_refused_is_taken_up_by_its_own_back_off_and_not_by_each_sweep() -> None:
    """Each sweep finds anew what its object does not say. Told again and again, the number was routed again at the
    carrier, and refused again at the API server, every five seconds; and so often the account was listed."""
    async with a_rig(*HOUSE, a_profile(), a_pool(2, routingProfileRef={"name": "sip"}), begun=False) as rig:
        rig.carrier.stock = [an_offer(n) for n in range(1, 9)]
        rig.api.refuse("patch", "phonenumbers/status", 403, times=1000)
        async with rig.running():
            await asyncio.sleep(1200)
            rig.told()
            refused = rig.kube.writes["patch", "phonenumbers/status"]
            await asyncio.sleep(1200)
            calls = Counter(" ".join(step.split()[:2]) for step in rig.told())
            tries = 2 * 1200 / 150  # two numbers, each at half of the longest back-off at the soonest
            writes = rig.kube.writes["patch", "phonenumbers/status"] - refused
            assert writes <= 2 * tries  # what the turn would say, and that it fails
            assert calls["carrier: route"] <= tries
            assert calls["carrier: holdings"] <= 1200 / 600 + 1


@in_virtual_time
async def test_a_number_that_waits_for_its_routing_profile_is_no_news_in_each_sweep() -> None:
    """The carrier takes the profile not, and the number is active: it was looked at, and the account listed, every five
    seconds."""
    refuses = [RequestRejected("It is too long.", "invalid")] * 200
    async with a_rig(*HOUSE, a_profile(), a_pool(1, routingProfileRef={"name": "sip"}), begun=False) as rig:
        rig.carrier.stock = [an_offer(n) for n in range(1, 9)]
        rig.carrier.fail("ensure_routing", *refuses)
        async with rig.running():
            await asyncio.sleep(3600)
            assert await rig.says("PhoneNumber", digits(1).digits) == "False Routing"
            rig.told()
            await asyncio.sleep(1200)
            assert rig.told().count("carrier: holdings") <= 1200 / 600 + 1


@pytest.mark.parametrize("named", [True, False])
@in_virtual_time
async def test_a_sweep_has_calls_signed_where_the_account_names_a_trust_product(named: bool) -> None:
    account = an_account(**({"trustProduct": "BU" + "0" * 32} if named else {}))
    async with a_rig(HOUSE[0], account, a_pool(), a_number()) as rig:
        rig.carrier.held[ONE] = a_holding(1, mark=OURS)
        await sweep(rig)
        assert rig.carrier.held[ONE].attestation == ("A" if named else None)


@in_virtual_time
async def test_why_a_number_can_not_be_put_into_the_trust_product_is_a_condition() -> None:
    async with a_rig(HOUSE[0], an_account(trustProduct="BU" + "0" * 32), a_pool(), a_number()) as rig:
        rig.carrier.held[ONE] = a_holding(1, mark=OURS)
        rig.carrier.fail("attest", RequestRejected("shop/main: spec.trustProduct BU0 is no approved one"))
        await sweep(rig)
        assert "could not be put into the trust product: shop/main: spec.trustProduct BU0" in (
            await why(rig, "SweepRefused") or ""
        )


# Campaigns.

NEWS = {"profile": "news", "externalId": "p1", "campaign": "CM1"}
"""The routing of a number whose profile names a campaign."""


@in_virtual_time
async def test_a_sweep_puts_numbers_into_the_campaign_of_their_profile_and_each_says_how_it_stands() -> None:
    async with a_rig(HOUSE[0], an_account(), a_pool(), a_number(status={"routing": NEWS})) as rig:
        rig.carrier.held[ONE] = a_holding(1, mark=OURS, routing="p1")
        rig.carrier.seated = CampaignState.PENDING
        await sweep(rig)
        await rig.turn("PhoneNumber", ONE.digits)
        assert (await rig.status("PhoneNumber", ONE.digits))["campaign"] == {"id": "CM1", "state": "Pending"}


@in_virtual_time
async def test_a_number_that_its_campaign_refuses_says_why_and_is_not_put_in_again() -> None:
    seat = CampaignSeat("C-of-the-carrier", CampaignState.FAILED, "the brand is suspended")
    async with a_rig(HOUSE[0], an_account(), a_pool(), a_number(status={"routing": NEWS})) as rig:
        held = a_holding(1, mark=OURS, routing="p1")
        rig.carrier.held[ONE] = replace(held, seat=seat, campaign_aliases=("C-of-the-carrier", "CM1"))
        rig.carrier.fail("enrol", AssertionError("it is not to be asked"))
        await sweep(rig)
        await rig.turn("PhoneNumber", ONE.digits)
        said = {"id": "CM1", "state": "Failed", "message": "the brand is suspended"}
        assert (await rig.status("PhoneNumber", ONE.digits))["campaign"] == said


@in_virtual_time
async def test_why_a_number_can_not_be_put_into_its_campaign_is_a_condition() -> None:
    async with a_rig(HOUSE[0], an_account(), a_pool(), a_number(status={"routing": NEWS})) as rig:
        rig.carrier.held[ONE] = a_holding(1, mark=OURS, routing="p1")
        rig.carrier.fail("enrol", RequestRejected("shop/main: the campaign is none of this account"))
        await sweep(rig)
        assert "could not be put into campaign CM1: shop/main: the campaign is none" in (
            await why(rig, "SweepRefused") or ""
        )
