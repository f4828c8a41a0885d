"""The desk: who gets which free number, in which order, and what becomes of one that could not be taken."""

from __future__ import annotations

import pytest

from ringfleet.kube.errors import Unavailable
from ringfleet.kube.transport import Json
from ringfleet.model.refs import ObjectRef
from tests.controllers.rig import (
    HERE,
    HOUSE,
    RESOURCES,
    Rig,
    a_claim,
    a_number,
    a_pool,
    a_quota,
    a_rig,
    in_virtual_time,
)
from tests.plan.builders import digits

ELSE = "else"
LENT = {"poolRef": {"name": "west", "namespace": HERE}}


async def called_up(rig: Rig) -> list[str]:
    """The claims that the desk has called up, in the order of their names."""
    return sorted(key.removeprefix("NumberClaim ") for key in await rig.woken(0.2) if key.startswith("NumberClaim"))


async def bind(rig: Rig, *claims: str) -> dict[str, str | None]:
    """One turn of each claim, and the number that it has then."""
    held = {}
    for name in claims:
        await rig.turn("NumberClaim", name)
        held[name] = (await rig.status("NumberClaim", name)).get("phoneNumber", {}).get("name")
    return held


def names(*numbers: int | None) -> list[str | None]:
    return [digits(n).digits if n else None for n in numbers]


@in_virtual_time
async def test_the_first_to_come_is_the_first_to_be_served_whoever_is_looked_at_first() -> None:
    async with a_rig(*HOUSE, a_pool(), a_claim("c"), a_claim("a"), a_claim("b")) as rig:
        await rig.woken()
        await rig.create(a_number(1), a_number(2))
        await rig.look()
        assert await called_up(rig) == ["a", "c"]
        assert await bind(rig, "a", "b", "c") == dict(zip("abc", names(2, None, 1), strict=True))


@in_virtual_time
async def test_a_claim_that_came_before_the_operator_started_keeps_its_turn() -> None:
    late, early = {"memory": {"ticket": 9}}, {"memory": {"ticket": 3}}
    async with a_rig(*HOUSE, a_pool(), a_claim("late", late), a_claim("early", early), a_number(1)) as rig:
        assert await bind(rig, "late", "early") == {"late": None, "early": digits(1).digits}


@pytest.mark.parametrize(
    ("wishes", "takes"),
    [
        pytest.param({}, 1, id="anything"),
        pytest.param({"areaCode": "212"}, 2, id="an area code"),
        pytest.param({"areaCode": "999"}, 1, id="none of it is there"),
        pytest.param({"areaCode": "999", "wishes": [{"areaCode": "212"}]}, 2, id="the next wish"),
        pytest.param({"capabilities": ["SMS"]}, 3, id="a capability"),
        pytest.param({"areaCode": "212", "capabilities": ["SMS"]}, 3, id="a wish gives way to a need"),
        pytest.param({"phoneNumberName": digits(3).digits}, 3, id="this very one"),
        pytest.param({"capabilities": ["Fax"]}, None, id="none fits"),
    ],
)
@in_virtual_time
async def test_a_claim_is_handed_what_it_needs_and_if_there_is_any_what_it_wishes(
    wishes: Json, takes: int | None
) -> None:
    stock = (a_number(1), a_number(2, status={"areaCode": "212"}), a_number(3, status={"capabilities": ["SMS", "Voice"]}))
    async with a_rig(*HOUSE, a_pool(), *stock, a_claim(**wishes)) as rig:
        assert list((await bind(rig, "desk")).values()) == names(takes)


@pytest.mark.parametrize(
    ("change", "status"),
    [
        pytest.param(None, {"phase": "Cooling", "freeSince": None}, id="it rests"),
        pytest.param(None, {"phase": "Suspended", "freeSince": None}, id="it is stopped"),
        pytest.param({"spec": {"suspend": True}}, None, id="it is to be stopped"),
        pytest.param({"spec": {"claimRef": {"namespace": HERE, "name": "other", "uid": "1"}}}, None, id="it is bound"),
        pytest.param({"metadata": {"annotations": {"ringfleet.dev/quarantine": "labelled"}}}, None, id="quarantined"),
        pytest.param({"metadata": {"annotations": {"ringfleet.dev/release": digits(1)}}}, None, id="asked to go"),
    ],
)
@in_virtual_time
async def test_a_number_that_is_not_free_any_more_is_handed_to_nobody(change: Json | None, status: Json | None) -> None:
    async with a_rig(*HOUSE, a_pool(), a_number(1)) as rig:
        if change:
            await rig.change("PhoneNumber", digits(1).digits, change)
        if status:
            await rig.change_status("PhoneNumber", digits(1).digits, status)
        await rig.look()
        await rig.create(a_claim())
        await rig.look()
        assert await bind(rig, "desk") == {"desk": None}


@in_virtual_time
async def test_a_number_in_a_hand_is_offered_to_nobody_else_until_its_fate_is_known() -> None:
    async with a_rig(*HOUSE, a_pool(), a_number(1), a_claim("first")) as rig:
        rig.api.break_write(0, done=False)
        with pytest.raises(Unavailable):
            await rig.turn("NumberClaim", "first")
        await rig.create(a_claim("second"))
        await rig.look()
        assert await bind(rig, "second", "first") == {"second": None, "first": digits(1).digits}


@pytest.mark.parametrize(
    ("change", "status", "quota"),
    [
        pytest.param({"capabilities": ["Fax"]}, {}, {}, id="the claim must have something else by now"),
        pytest.param({"areaCode": "628", "areaCodeRequired": True}, {}, {}, id="it must have another area code"),
        pytest.param({}, {"capabilities": []}, {}, id="the number can do less by now"),
        pytest.param({}, {"price": {"monthly": "9"}}, {}, id="the number costs more by now"),
        pytest.param({}, {}, {"monthlySpend": "1"}, id="there is less money by now"),
    ],
)
@in_virtual_time
async def test_what_a_claim_has_in_its_hand_is_looked_at_again_before_it_is_bound(
    change: Json, status: Json, quota: Json
) -> None:
    claim = {**a_claim(**LENT, capabilities=["Voice"]), "metadata": {"name": "desk", "namespace": ELSE}}
    month = {**a_quota(monthlySpend="2"), "metadata": {"name": "month", "namespace": ELSE}}
    async with a_rig(*HOUSE, a_pool(0, allowedNamespaces=[ELSE]), a_number(1), month, claim) as rig:
        await rig.kube.patch(RESOURCES["NumberClaim"], ELSE, "desk", {"spec": change})
        await rig.kube.patch(RESOURCES["NumberQuota"], ELSE, "month", {"spec": {"limits": quota}})
        await rig.change_status("PhoneNumber", digits(1).digits, status)
        await rig.look()
        await rig.turn("NumberClaim", "desk", ELSE)
        number = await rig.find("PhoneNumber", digits(1).digits)
        assert number
        assert "claimRef" not in number["spec"]
        assert rig.services.claim_queue.stock(ObjectRef(HERE, "west")).free == 1


@in_virtual_time
async def test_what_a_claim_that_goes_had_in_its_hand_is_handed_to_the_next() -> None:
    async with a_rig(*HOUSE, a_pool(), a_number(1), a_claim("first"), a_claim("second")) as rig:
        assert await called_up(rig) == []
        await rig.delete("NumberClaim", "first")
        await rig.look()
        assert await called_up(rig) == ["second"]
        assert await bind(rig, "second") == {"second": digits(1).digits}


@in_virtual_time
async def test_a_claim_that_failed_for_want_of_stock_is_served_no_more() -> None:
    async with a_rig(*HOUSE, a_pool(), a_claim(onNoStock="Fail")) as rig:
        await bind(rig, "desk")
        await rig.create(a_number(1))
        await rig.look()
        assert await bind(rig, "desk") == {"desk": None}
        assert (await rig.status("NumberClaim", "desk"))["phase"] == "Failed"


@in_virtual_time
async def test_claims_ask_anew_when_what_kept_them_out_is_lifted() -> None:
    async with a_rig(*HOUSE, a_number(1), a_claim()) as rig:
        assert await bind(rig, "desk") == {"desk": None}
        await rig.create(a_pool())
        await rig.look()
        assert await bind(rig, "desk") == {"desk": digits(1).digits}


@pytest.mark.parametrize(("limit", "served"), [(None, 3), (2, 2), (0, 0)])
@in_virtual_time
async def test_claims_that_borrow_at_the_same_moment_do_not_take_more_than_their_quota(
    limit: int | None, served: int
) -> None:
    claims = [{**a_claim(f"c{n}", **LENT), "metadata": {"name": f"c{n}", "namespace": ELSE}} for n in range(3)]
    quotas = [{**a_quota(numbers=limit), "metadata": {"name": "month", "namespace": ELSE}}] if limit is not None else []
    pool = a_pool(allowedNamespaces=[ELSE])
    async with a_rig(*HOUSE, pool, *(a_number(n) for n in (1, 2, 3)), *quotas, *claims) as rig:
        await rig.turn_all(*(("NumberClaim", f"c{n}", ELSE) for n in range(3)))
        found = [await rig.find("PhoneNumber", digits(n).digits) for n in (1, 2, 3)]
        assert sum("claimRef" in number["spec"] for number in found if number) == served


@in_virtual_time
async def test_a_claim_that_is_let_into_the_queue_wakes_the_pool_that_is_to_order_for_it() -> None:
    """It is in another namespace than the quota that has kept the claim out, and hears of nothing else."""
    claim = {**a_claim(onNoStock="Order", **LENT), "metadata": {"name": "desk", "namespace": ELSE}}
    quota = {**a_quota(numbers=0), "metadata": {"name": "month", "namespace": ELSE}}
    async with a_rig(*HOUSE, a_pool(0, allowedNamespaces=[ELSE]), claim, quota) as rig:
        await rig.settle()
        await rig.kube.patch(RESOURCES["NumberQuota"], ELSE, "month", {"spec": {"limits": {"numbers": 1}}})
        await rig.look()
        assert "NumberPool west" in await rig.woken(1.0)
        await rig.turn("NumberPool", "west")
        assert await rig.names("NumberOrder") == ["west-1"]
