"""One turn of a pool: what it orders is in its status before the order is there, and one intent makes one order."""

from __future__ import annotations

import asyncio

import pytest

from ringfleet.carriers.errors import CarrierUnavailable
from ringfleet.kube.errors import Conflict, Forbidden, KubeError, NotFound, Unavailable
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
    a_quota,
    a_rig,
    an_account,
    an_object,
    an_order,
    in_virtual_time,
    later,
    restarted,
)
from tests.kube.virtual_time import now
from tests.plan.builders import a_holding, an_offer, digits

STATUS, CREATE = "patch numberpools/status west", "create numberorders west-1"
RELEASES = {"deletionPolicy": "Release", "release": {"mode": "Manual"}}
NAMESPACE = an_object("Namespace", HERE, {})
KIND = an_object("CustomResourceDefinition", "phonenumbers.ringfleet.dev", {})


async def turn(rig: Rig) -> float | None:
    return await rig.turn("NumberPool", "west")


@in_virtual_time
async def test_the_intent_is_in_the_pools_status_before_the_order_is_there_and_the_order_is_what_it_says() -> None:
    seen: list[Json] = []
    async with a_rig(*HOUSE, a_profile(), a_pool(3, routingProfileRef={"name": "sip"})) as rig:

        async def look() -> None:
            seen.append(await rig.status("NumberPool", "west"))

        rig.api.meanwhile("create", "numberorders", look)
        await turn(rig)
        assert rig.told() == [STATUS, CREATE]
        order = await rig.find("NumberOrder", "west-1")
    assert order
    (status,) = seen
    notes = status["memory"]["topUp"]
    assert {key: notes[key] for key in ("sequence", "ordered", "order")} == {
        "sequence": 1,
        "ordered": False,
        "order": order["spec"],
    }
    assert order["spec"] == {
        "poolRef": {"name": "west"},
        "accountRef": {"name": "main", "namespace": "shop"},
        "sequence": 1,
        "market": {
            "country": "US",
            "type": "Geographic",
            "areaCodes": ["415"],
            "regions": [],
            "localities": [],
            "capabilities": ["Voice"],
        },
        "count": 3,
        "limits": {"currency": "USD"},
        "routingProfileRef": {"name": "sip"},
        "approval": "Automatic",
    }
    assert order["metadata"]["finalizers"] == ["ringfleet.dev/unfinished-order"]
    assert order["metadata"]["labels"] == {"ringfleet.dev/pool": "west", "ringfleet.dev/account": "main"}


@in_virtual_time
async def test_a_pool_that_has_ordered_orders_no_more_and_writes_nothing_without_news() -> None:
    async with a_rig(*HOUSE, a_pool()) as rig:
        for _ in range(3):
            await turn(rig)
        rig.told()
        await turn(rig)
        assert (rig.told(), await rig.names("NumberOrder")) == ([], ["west-1"])


@pytest.mark.parametrize(("code", "error"), [(409, Conflict), (403, Forbidden), (503, Unavailable)])
@in_virtual_time
async def test_no_order_is_made_of_an_intent_that_could_not_be_written(code: int, error: type[KubeError]) -> None:
    async with a_rig(*HOUSE, a_pool()) as rig:
        rig.api.refuse("patch", "numberpools/status", code)
        with pytest.raises(error):
            await turn(rig)
        assert CREATE not in rig.told(), "at most the refusal is said"
        await turn(rig)
        assert rig.told() == [STATUS, CREATE]


@pytest.mark.parametrize("done", [pytest.param(False, id="not done"), pytest.param(True, id="done, and not answered")])
@pytest.mark.parametrize("nth", [0, 1])
@in_virtual_time
async def test_a_process_that_ends_at_any_write_is_followed_by_one_that_makes_the_same_order(
    nth: int, done: bool
) -> None:
    async with a_rig(*HOUSE, a_pool()) as rig:
        rig.api.break_write(nth, done=done)
        with pytest.raises(Unavailable):
            await turn(rig)
        intent = (await rig.status("NumberPool", "west")).get("memory", {}).get("topUp", {}).get("order")
        async with restarted(rig) as again:
            for _ in range(3):
                await turn(again)
            assert await again.names("NumberOrder") == ["west-1"]
            made = await again.find("NumberOrder", "west-1")
            assert made
            assert intent in (None, made["spec"])
            assert (await again.status("NumberPool", "west"))["memory"]["topUp"]["ordered"] is True


@in_virtual_time
async def test_an_order_whose_creation_was_not_answered_is_found_to_be_there() -> None:
    async with a_rig(*HOUSE, a_pool()) as rig:
        rig.api.lose_reply("create", "numberorders")
        with pytest.raises(Unavailable):
            await turn(rig)
        rig.told()
        await turn(rig)
        await turn(rig)
        assert ([line for line in rig.told() if "create" in line], await rig.names("NumberOrder")) == ([], ["west-1"])
        assert (await rig.status("NumberPool", "west"))["memory"]["topUp"]["ordered"] is True


@in_virtual_time
async def test_a_changed_spec_does_not_change_the_order_that_was_written_down() -> None:
    async with a_rig(*HOUSE, a_pool()) as rig:
        rig.api.refuse("create", "numberorders", 503)
        with pytest.raises(Unavailable):
            await turn(rig)
        await rig.change("NumberPool", "west", {"spec": {"market": {"areaCodes": ["212"]}}})
        await rig.look()
        await turn(rig)
        order = await rig.find("NumberOrder", "west-1")
        assert order
        assert order["spec"]["market"]["areaCodes"] == ["415"]


@in_virtual_time
async def test_orders_that_another_operator_made_and_that_are_not_seen_yet_are_looked_for() -> None:
    """Our copy has the pool's record of them already, and not them: a plan on that would order them once more."""
    async with a_rig(*HOUSE, a_pool()) as rig:
        done = {"sequence": 2, "ordered": True}
        await rig.change_status("NumberPool", "west", {"memory": {"topUp": done}})
        await rig.look()
        await rig.create(an_order(count=1), an_order(count=1, sequence=2))
        await turn(rig)
        assert (await rig.status("NumberPool", "west"))["supply"] == 2
        assert await rig.names("NumberOrder") == ["west-1", "west-2"]


@pytest.mark.parametrize(
    "status",
    [
        pytest.param({}, id="never written"),
        pytest.param({"observedGeneration": 1, "topUp": {"sequence": 7, "ordered": True}}, id="in the older place"),
    ],
)
@in_virtual_time
async def test_a_pool_whose_notes_are_missing_looks_for_its_orders_and_counts_on_from_the_last(status: Json) -> None:
    """Our copy has none of them, and the first ones are history: their names are free again."""
    async with a_rig(*HOUSE, a_pool(10, status=status)) as rig:
        left = [f"west-{sequence}" for sequence in range(3, 8)]
        await rig.create(*(an_order(sequence=sequence) for sequence in range(3, 8)))
        await turn(rig)
        assert (await rig.names("NumberOrder"), (await rig.status("NumberPool", "west"))["supply"]) == (left, 10)
        ended = {"items": [], "completedAt": later(0), "failure": "SearchUnavailable"}
        for name in left:
            await rig.change_status("NumberOrder", name, ended)
        await rig.look()
        await rig.woken(await turn(rig) or 0.0)
        await turn(rig)
        assert await rig.names("NumberOrder") == [*left, "west-8"]


@pytest.mark.parametrize(
    ("pool", "others", "said", "orders"),
    [
        pytest.param(a_pool(suspend=True), HOUSE, "True Suspended", [], id="suspended"),
        pytest.param(a_pool(), HOUSE[:1], "False AccountMissing", [], id="no account"),
        pytest.param(a_pool(), (an_account(),), "False SecretMissing", [], id="no secret"),
        pytest.param(a_pool(), (HOUSE[0], an_account(suspend=True)), "False Suspended", [], id="account suspended"),
        pytest.param(
            a_pool(routingProfileRef={"name": "none"}), HOUSE, "False RoutingProfileMissing", [], id="no profile"
        ),
        pytest.param(a_pool(3, limits={"monthlyBudget": "0"}), HOUSE, "False BudgetExhausted", [], id="no money"),
        pytest.param(a_pool(3), (*HOUSE, a_quota(numbers=0)), "False QuotaExceeded", [], id="no room"),
        pytest.param(a_pool(0), HOUSE, "True AtTarget", [], id="wants none"),
        pytest.param(a_pool(1), (*HOUSE, a_number()), "True AtTarget", [], id="has it"),
        pytest.param(a_pool(2), (*HOUSE, a_number()), "False Ordering", ["west-1"], id="one is missing"),
    ],
)
@in_virtual_time
async def test_a_pool_orders_only_when_nothing_is_against_it_and_says_what_is(
    pool: Json, others: tuple[Json, ...], said: str, orders: list[str]
) -> None:
    async with a_rig(*others, pool) as rig:
        await turn(rig)
        found = await rig.status("NumberPool", "west")
        assert (found["observedGeneration"], await rig.names("NumberOrder")) == (1, orders)
        assert await rig.says("NumberPool", "west") == said


@in_virtual_time
async def test_a_pool_orders_at_its_next_carrier_while_the_first_can_not_be_reached() -> None:
    carriers = [{"accountRef": {"name": "main"}}, {"accountRef": {"name": "spare"}}]
    async with a_rig(*HOUSE, an_account("spare"), a_pool(carriers=carriers)) as rig:
        rig.carrier.fail("balance", CarrierUnavailable("It is down."))
        await rig.turn("CarrierAccount", "main")
        await turn(rig)
        order = await rig.find("NumberOrder", "west-1")
        assert order
        assert order["spec"]["accountRef"]["name"] == "spare"
        assert await rig.says("NumberPool", "west", "FallbackCarrier") == "True FallbackCarrier"


@in_virtual_time
async def test_a_carrier_that_goes_on_offering_what_is_sold_is_asked_ever_less_often() -> None:
    """Its catalog lags behind: an order after the other, a second apart and for ever, would be all that there is."""
    async with a_rig(*HOUSE, a_pool(2)) as rig:
        rig.carrier.stock += [an_offer(n) for n in range(1, 41)]
        rig.carrier.taken = {digits(n) for n in range(1, 41)}
        await turn(rig)
        await rig.run_queues(600.0)
        tries = sum(line.startswith("carrier: buy") for line in rig.told())
        assert 5 <= tries <= 12, "the first ones soon: others may be offered by then"
        assert await rig.says("NumberPool", "west") == "False NumberTaken"
        assert await rig.says("NumberOrder", "west-1") == "False NumberTaken"
        rig.carrier.taken = set()
        await rig.settle(600.0)
        assert await rig.says("NumberPool", "west") == "True AtTarget"


@in_virtual_time
async def test_numbers_that_are_the_pools_and_can_not_be_adopted_are_not_said_to_be_on_order() -> None:
    """The pool does not order from that account any more; to have them, a person has to do something."""
    async with a_rig(*HOUSE, an_account("spare"), a_pool(1)) as rig:
        rig.carriers[f"{HERE}/spare"].held[digits(1)] = a_holding(1, mark=Mark("home", HERE, "west"))
        await asyncio.sleep(600.0)
        await rig.turn("CarrierAccount", "spare")
        await turn(rig)
        assert await rig.names("NumberOrder") == [], "they are there, and paid for"
        assert await rig.says("NumberPool", "west") == "False OrphansFound"
        assert await rig.says("NumberPool", "west", "Reconciling") == "True OrphansFound"


@in_virtual_time
async def test_a_pool_whose_carrier_rests_for_a_reason_of_a_newer_version_says_so_and_orders_at_its_time() -> None:
    """As after a downgrade."""
    rests = {"name": "main", "namespace": HERE, "sequence": 1, "failures": 1, "reason": "FromTheFuture"}
    rests |= {"message": "It was short.", "nextAttemptTime": later(600)}
    notes = {"topUp": {"sequence": 1, "ordered": True, "carriers": [rests]}}
    async with a_rig(*HOUSE, a_pool(1, status={"observedGeneration": 1, "memory": notes})) as rig:
        assert await turn(rig) == 600.0
        assert await rig.says("NumberPool", "west") == "False Unrecognized"
        status = await rig.status("NumberPool", "west")
        assert (status["conditions"][0]["message"], status["nextAttemptTime"]) == ("It was short.", later(600))
        await asyncio.sleep(600)
        await turn(rig)
        assert await rig.names("NumberOrder") == ["west-2"]


@in_virtual_time
async def test_the_status_counts_numbers_by_phase_and_by_who_holds_them() -> None:
    ref = {"namespace": HERE, "name": "desk", "uid": "1"}
    some = (a_number(1), a_number(2), a_number(3, "Bound", claimRef=ref), a_number(4, "Cooling"), a_number(5, "Lost"))
    async with a_rig(*HOUSE, a_pool(2), *some) as rig:
        await turn(rig)
        status = await rig.status("NumberPool", "west")
        counts = {key: count for key, count in status["numbers"].items() if count}
        assert counts == {"total": 4, "available": 2, "bound": 1, "claimed": 1, "cooling": 1, "lost": 1}
        assert (status["supply"], status["cost"]["monthly"]) == (2, "8")


@in_virtual_time
async def test_claims_that_want_one_ordered_are_ordered_for_beyond_the_target() -> None:
    claims = [a_claim(f"c{n}", onNoStock=how) for n, how in enumerate(("Order", "Wait", "Order"))]
    async with a_rig(*HOUSE, a_pool(0), *claims) as rig:
        await turn(rig)
        order = await rig.find("NumberOrder", "west-1")
        assert order
        assert (order["spec"]["count"], (await rig.status("NumberPool", "west"))["waitingClaims"]) == (2, 3)


@in_virtual_time
async def test_pools_of_one_namespace_that_take_their_turns_at_once_do_not_both_get_the_last_room() -> None:
    async with a_rig(*HOUSE, a_quota(numbers=3), a_pool(2), a_pool(2, "east")) as rig:
        await rig.turn_all(("NumberPool", "west"), ("NumberPool", "east"))
        counts = []
        for name in await rig.names("NumberOrder"):
            order = await rig.find("NumberOrder", name)
            assert order
            counts.append(order["spec"]["count"])
        assert sum(counts) == 3


@in_virtual_time
async def test_finished_orders_beyond_the_history_are_deleted_and_one_that_is_gone_already_is_no_matter() -> None:
    ended = {"items": [], "completedAt": later(-90 * 86400), "failure": "NoStock"}
    orders = [an_order(sequence=n, status=ended) for n in (1, 2, 3, 4)]
    for order in orders:
        order["metadata"]["finalizers"] = []
    pool = a_pool(0, ordering={"historyLimit": 1}, status={"memory": {"topUp": {"sequence": 4, "ordered": True}}})
    async with a_rig(*HOUSE, pool, *orders) as rig:
        await rig.delete("NumberOrder", "west-1")
        await turn(rig)
        assert await rig.names("NumberOrder") == ["west-3", "west-4"]


@in_virtual_time
async def test_attempt_after_attempt_a_pool_without_stock_says_the_same_and_only_its_next_attempt_moves() -> None:
    said, attempts = set(), set()
    async with a_rig(*HOUSE, a_pool(1), begun=False) as rig, rig.running():
        for _ in range(60):
            await asyncio.sleep(60)
            status = await rig.status("NumberPool", "west")
            said |= {one["message"] for one in status["conditions"] if one["reason"] == "NoStock"}
            attempts.add(status.get("nextAttemptTime"))
    assert said == {"shop/main offers no more numbers for US Geographic 415 with Voice."}
    assert len(attempts - {None}) >= 3


# Letting numbers go.


@in_virtual_time
async def test_a_pool_that_releases_its_numbers_with_it_stays_until_they_are_gone() -> None:
    leaving = a_number(1, deletionPolicy="Release")
    async with a_rig(*HOUSE, NAMESPACE, KIND, a_pool(1, **RELEASES), leaving) as rig:
        await turn(rig)
        assert rig.told() == ["patch numberpools west"], "the finalizer is put on first"
        await rig.delete("NumberPool", "west")
        await rig.look()
        await turn(rig)
        assert await rig.says("NumberPool", "west") == "False Releasing"
        assert await rig.names("NumberOrder") == []
        await rig.change_status("PhoneNumber", digits(1).digits, {"phase": "Released"})
        await rig.look()
        await turn(rig)
        assert await rig.find("NumberPool", "west") is None


@in_virtual_time
async def test_a_deleted_pool_that_retains_its_numbers_goes_at_once_and_orders_nothing() -> None:
    async with a_rig(*HOUSE, a_pool(3), a_number(1)) as rig:
        await rig.delete("NumberPool", "west")
        with pytest.raises(NotFound):
            await turn(rig)
        assert rig.told() == [], "it has not seen yet that the pool is gone"
        await rig.look()
        assert (await turn(rig), rig.told()) == (None, [])


async def granted(rig: Rig) -> list[str]:
    notes = (await rig.status("NumberPool", "west"))["memory"].get("release") or {}
    names: list[str] = notes.get("granted", [])
    return names


@in_virtual_time
async def test_a_number_is_granted_leave_in_the_pools_status_after_its_hold_and_not_before() -> None:
    async with a_rig(*HOUSE, a_pool(0, release={"mode": "Manual", "hold": "60s"}), a_number(1)) as rig:
        asked = {"metadata": {"annotations": {"ringfleet.dev/release": digits(1)}}}
        await rig.change("PhoneNumber", digits(1).digits, asked)
        await rig.look()
        await rig.turn("PhoneNumber", digits(1).digits)
        assert (await rig.status("PhoneNumber", digits(1).digits))["phase"] == "Releasing"
        while (delay := await turn(rig)) is not None:
            assert await granted(rig) == []
            await rig.woken(delay)
        assert (await granted(rig), now()) == ([digits(1).digits], 60.0)


@in_virtual_time
async def test_no_number_is_granted_leave_while_its_namespace_is_gone_or_going() -> None:
    leaving = a_number(1, deletionPolicy="Release")
    async with a_rig(*HOUSE, KIND, a_pool(0, release={"mode": "Manual", "hold": "0s"}), leaving) as rig:
        await rig.delete("PhoneNumber", digits(1).digits)
        await rig.look()
        await rig.turn("PhoneNumber", digits(1).digits)
        for _ in range(5):
            await rig.woken(await turn(rig) or 30.0)
        release = (await rig.status("NumberPool", "west"))["release"]
        assert (await granted(rig), await rig.says("NumberPool", "west", "ReleaseFrozen")) == ([], "True ReleaseFrozen")
        assert release["frozenBecause"].startswith("namespace shop is being deleted")


@in_virtual_time
async def test_surplus_that_has_long_been_free_is_asked_to_go_on_its_last_day_and_is_taken_back_when_it_is_wanted() -> (
    None
):
    automatic = {"release": {"mode": "Automatic", "hold": "1h"}, "reclaim": {"idleAfter": "30m"}}
    ending = a_number(1, status={"freeSince": later(-7200), "renewsAt": later(7200)})
    async with a_rig(*HOUSE, a_pool(0, **automatic), ending, a_number(2)) as rig:
        await turn(rig)
        asked = [await surplus(rig, n) for n in (1, 2)]
        assert asked == [digits(1), None]
        await rig.change("NumberPool", "west", {"spec": {"size": {"target": 2}}})
        await rig.look()
        await turn(rig)
        assert ([await surplus(rig, n) for n in (1, 2)], await rig.names("NumberOrder")) == ([None, None], [])


async def surplus(rig: Rig, n: int) -> str | None:
    number = await rig.find("PhoneNumber", digits(n).digits)
    assert number
    asked: str | None = number["metadata"].get("annotations", {}).get("ringfleet.dev/surplus")
    return asked


# After a downgrade.


@pytest.mark.parametrize("ordered", [pytest.param(True, id="and seen"), pytest.param(False, id="and not seen yet")])
@in_virtual_time
async def test_a_pool_orders_nothing_while_an_order_of_it_is_written_in_words_of_a_newer_version(ordered: bool) -> None:
    """What that has bought nobody here can count: it would be bought a second time."""
    order = an_order(count=2, approval="ByTwoPeople")
    notes = {"memory": {"topUp": {"sequence": 1, "ordered": ordered, "order": order["spec"]}}}
    async with a_rig(*HOUSE, a_pool(2, status=notes), order) as rig:
        rig.carrier.stock += [an_offer(n) for n in (1, 2)]
        await turn(rig)
        await rig.settle()
        assert (rig.carrier.billed.total(), await rig.names("NumberOrder")) == (0, ["west-1"])
        assert await rig.says("NumberPool", "west") == "False OrderingFrozen"
        (said,) = [one for one in (await rig.status("NumberPool", "west"))["conditions"] if one["type"] == "Ready"]
        assert "NumberOrder west-1 can't be read" in said["message"]
        await rig.change("NumberOrder", "west-1", {"metadata": {"finalizers": None}})
        await rig.delete("NumberOrder", "west-1")
        await rig.look()
        await rig.settle(120.0)
        assert rig.carrier.billed.total() == 2


@in_virtual_time
async def test_an_order_that_was_meant_in_words_of_a_newer_version_and_not_made_is_meant_anew() -> None:
    spec = an_order(count=2, approval="ByTwoPeople")["spec"]
    notes = {"memory": {"topUp": {"sequence": 1, "ordered": False, "order": spec}}}
    async with a_rig(*HOUSE, a_pool(2, status=notes)) as rig:
        rig.carrier.stock += [an_offer(n) for n in (1, 2)]
        await turn(rig)
        await rig.settle()
        assert (rig.carrier.billed.total(), await rig.names("NumberOrder")) == (2, ["west-2"])


@in_virtual_time
async def test_scale_shows_the_free_stock_wanted_and_held_whatever_claims_hold() -> None:
    held = [a_number(n, "Bound", claimRef={"namespace": HERE, "name": f"c{n}", "uid": str(n)}) for n in range(4, 8)]
    async with a_rig(*HOUSE, a_pool(3), *(a_number(n) for n in (1, 2, 3)), *held) as rig:
        await turn(rig)
        status = await rig.status("NumberPool", "west")
        assert (status["replicas"], status["selector"]) == (3, "ringfleet.dev/pool=west")
        await rig.change("PhoneNumber", digits(1).digits, {"spec": {"claimRef": held[0]["spec"]["claimRef"]}})
        await rig.look()
        await turn(rig)  # which orders another one
        assert (await rig.status("NumberPool", "west"))["replicas"] == 3
