"""One turn of a carrier account: its Secret, its client, its probe, its sweep, and who is told of the change."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from unittest.mock import patch

import pytest

from ringfleet.api import CarrierAccount
from ringfleet.carriers.carrier import Health
from ringfleet.carriers.errors import (
    CarrierError,
    CarrierUnavailable,
    CredentialsRejected,
    ListingIncomplete,
    RequestRejected,
    Throttled,
)
from ringfleet.carriers.registry import open_carrier
from ringfleet.controllers.account_opening import open_account
from ringfleet.controllers.carrier_account import REJECTED_AGAIN
from ringfleet.kube.errors import Conflict, Forbidden, KubeError, Unavailable
from ringfleet.kube.transport import Json
from ringfleet.model import AccountKey, HoldingStatus, Mark, Money
from tests.controllers.rig import (
    HERE,
    Rig,
    a_number,
    a_pool,
    a_rig,
    a_secret,
    an_account,
    an_order,
    in_virtual_time,
    later,
)
from tests.plan.builders import a_holding, an_offer, digits, dollars

STATUS = "patch carrieraccounts/status main"
OURS = Mark("home", HERE, "west")
ONE = digits(1)


async def turn(rig: Rig) -> float | None:
    return await rig.turn("CarrierAccount", "main")


async def sweep(rig: Rig, times: int = 1) -> None:
    """Take turns until so many more listings were asked for."""
    for _ in range(times):
        await asyncio.sleep(600)
        await turn(rig)


# Reaching it.


@pytest.mark.parametrize(
    ("objects", "error", "said", "again"),
    [
        pytest.param((an_account(),), None, "False SecretMissing", 5.0, id="no secret"),
        pytest.param((a_secret(other="tok"), an_account()), None, "False SecretKeyMissing", 5.0, id="no such key"),
        pytest.param((a_secret(token=" "), an_account()), None, "False SecretKeyMissing", 5.0, id="an empty token"),
        pytest.param((a_secret(), an_account(suspend=True)), None, "True Suspended", None, id="suspended"),
        pytest.param(
            (a_secret(), an_account()), CredentialsRejected("Wrong."), "False CredentialsRejected", 5.0, id="refused"
        ),
        pytest.param(
            (a_secret(), an_account()), RequestRejected("404"), "False InvalidSpec", 1.0, id="no carrier's API"
        ),
        pytest.param(
            (a_secret(), an_account()), CarrierUnavailable("Down."), "False CarrierUnavailable", 1.0, id="down"
        ),
        pytest.param((a_secret(), an_account()), None, "True Reachable", 600.0, id="all is well"),
    ],
)
@in_virtual_time
async def test_an_account_says_whether_it_can_be_used_and_looks_again_in_time(
    objects: tuple[Json, ...], error: CarrierError | None, said: str, again: float | None
) -> None:
    async with a_rig(begun=False) as rig:
        await rig.create(*objects)
        rig.carrier.fail("balance", *([error] if error else []))
        await rig.look()
        delay = await turn(rig)
        assert (await rig.says("CarrierAccount", "main"), rig.told()[-1]) == (said, STATUS)
        assert delay == (again and pytest.approx(again, rel=0.5))
        assert (await rig.status("CarrierAccount", "main"))["installation"] == "home"


@in_virtual_time
async def test_an_account_that_answers_shows_its_balance_and_its_numbers() -> None:
    async with a_rig(a_secret(), an_account(), a_pool(), a_number()) as rig:
        rig.carrier.money = dollars("12.34")
        rig.carrier.held |= {
            ONE: a_holding(1, mark=OURS),
            digits(2): a_holding(2, mark=None),
            digits(3): a_holding(3, mark=Mark("home", HERE, "gone")),
        }
        await sweep(rig)
        status = await rig.status("CarrierAccount", "main")
        assert status["balance"] == {"amount": "12.34", "currency": "USD"}
        counts = {key: count for key, count in status["numbers"].items() if count}
        assert counts == {"owned": 3, "ours": 2, "unmanaged": 1, "orphans": 1}
        assert await rig.says("CarrierAccount", "main", "Orphans") == "True OrphansFound"


@in_virtual_time
async def test_a_look_without_news_writes_nothing() -> None:
    async with a_rig(a_secret(), an_account()) as rig:
        await sweep(rig)
        rig.told()
        await turn(rig)
        assert rig.told() == ["carrier: balance"]


@asynccontextmanager
async def moving_balance(rig: Rig, cents: int) -> AsyncIterator[None]:
    """Let the balance fall by so much in every tenth of a second."""

    async def move() -> None:
        while True:
            await asyncio.sleep(0.1)
            rig.carrier.money = Money(rig.carrier.money.amount - Decimal(cents) / 100, "USD")

    moving = asyncio.create_task(move())
    try:
        yield
    finally:
        moving.cancel()


@pytest.mark.parametrize(
    ("seconds", "cents", "calls", "writes"),
    [
        pytest.param(15, 1, 1, 1, id="the first quarter of a minute"),
        pytest.param(600, 1, 12, 12, id="ten minutes of small moves"),
        pytest.param(600, 100, 12, 12, id="ten minutes of large moves"),
        pytest.param(600, 0, 2, 1, id="ten minutes without a move"),
    ],
)
@in_virtual_time
async def test_a_balance_that_moves_all_the_time_is_asked_for_and_written_once_a_minute_at_most(
    seconds: float, cents: int, calls: int, writes: int
) -> None:
    async with a_rig(a_secret(), an_account(), begun=False) as rig:
        rig.carrier.money = dollars("100000")
        async with rig.running(), moving_balance(rig, cents):
            await asyncio.sleep(seconds)
        told = rig.told()
        assert (told.count("carrier: balance") <= calls, told.count(STATUS) <= writes) == (True, True), told


@in_virtual_time
async def test_a_balance_that_moved_by_a_step_is_written_at_the_next_look_and_a_smaller_move_within_a_minute() -> None:
    async with a_rig(a_secret(), an_account()) as rig:
        for money, said in (("990", "990"), ("989.99", "990"), ("970", "970")):
            rig.carrier.money = dollars(money)
            await turn(rig)
            assert (await rig.status("CarrierAccount", "main"))["balance"]["amount"] == said
        rig.carrier.money = dollars("969.99")
        again = await turn(rig)
        assert again is not None
        assert again <= 60
        await asyncio.sleep(again)
        await turn(rig)
        assert (await rig.status("CarrierAccount", "main"))["balance"]["amount"] == "969.99"


@in_virtual_time
async def test_an_account_is_woken_by_its_spec_and_by_a_persons_word_and_not_by_its_own_status() -> None:
    async with a_rig(a_secret(), an_account()) as rig:
        await rig.change_status("CarrierAccount", "main", {"balance": {"amount": "1", "currency": "USD"}})
        await rig.look()
        assert await rig.woken(1.0) == {}
        await rig.change("CarrierAccount", "main", {"metadata": {"annotations": {"ringfleet.dev/accept-listing": "1"}}})
        await rig.look()
        assert "CarrierAccount main" in await rig.woken(1.0)
        await rig.change("CarrierAccount", "main", {"spec": {"sweepInterval": "5m"}})
        await rig.look()
        assert "CarrierAccount main" in await rig.woken(1.0)


@in_virtual_time
async def test_who_uses_the_account_is_woken_when_it_becomes_usable_or_ceases_to_be() -> None:
    async with a_rig(a_secret(), an_account(), a_pool(), a_pool(name="east"), an_order()) as rig:
        rig.carrier.fail("balance", CarrierUnavailable("It is down."))
        users = {"NumberPool west": 0.1, "NumberPool east": 0.1, "NumberOrder west-1": 0.0}
        await turn(rig)
        assert users.items() <= (await rig.woken(1.0)).items()
        await turn(rig)
        assert users.items() <= (await rig.woken(1.0)).items()
        await turn(rig)
        assert await rig.woken(1.0) == {}


@in_virtual_time
async def test_failures_in_a_row_are_said_once_and_looked_at_ever_more_seldom() -> None:
    async with a_rig(a_secret(), an_account()) as rig:
        rig.carrier.fail("balance", *[CarrierUnavailable("It is down.")] * 4)
        delays, told = [], []
        for _ in range(4):
            delays.append(await turn(rig))
            told += rig.told()
        assert told.count(STATUS) == 1
        assert delays == sorted(delays, key=lambda delay: delay or 0.0)
        await turn(rig)
        assert await rig.says("CarrierAccount", "main") == "True Reachable"


@in_virtual_time
async def test_a_carrier_that_asks_for_fewer_calls_stays_usable() -> None:
    async with a_rig(a_secret(), an_account(), a_pool()) as rig:
        rig.carrier.fail("balance", Throttled("Slower."))
        await turn(rig)
        assert (await rig.says("CarrierAccount", "main"), await rig.woken(1.0)) == ("True Reachable", {})


@in_virtual_time
async def test_an_account_that_is_throttled_after_it_has_answered_says_so_and_keeps_what_its_listing_said() -> None:
    async with a_rig(a_secret(), an_account()) as rig:
        rig.carrier.fail("holdings", ListingIncomplete("It ended early."))
        await sweep(rig)
        rig.carrier.health = Health(throttled=True)
        rig.carrier.fail("balance", Throttled("Slower."))
        await turn(rig)
        status = await rig.status("CarrierAccount", "main")
        assert {one["type"] for one in status["conditions"]} == {"Ready", "Throttled", "ListingIncomplete"}
        assert status["calls"] == "Throttled"
        rig.carrier.health = Health()
        await turn(rig)
        assert (await rig.status("CarrierAccount", "main"))["calls"] == "Flowing"


@pytest.mark.parametrize(
    ("money", "said"), [(1, None), (0, "True BalanceSpent"), (-3, "True BalanceSpent")], ids=["some", "none", "owed"]
)
@in_virtual_time
async def test_an_account_whose_money_is_spent_says_so(money: int, said: str | None) -> None:
    async with a_rig(a_secret(), an_account()) as rig:
        rig.carrier.money = dollars(money)
        await turn(rig)
        assert await rig.says("CarrierAccount", "main", "BalanceSpent") == said
        assert await rig.says("CarrierAccount", "main") == "True Reachable"


@in_virtual_time
async def test_the_time_of_the_last_sweep_is_written_hourly() -> None:
    async with a_rig(a_secret(), an_account(sweepInterval="10m"), begun=False) as rig, rig.running():
        await asyncio.sleep(5)
        first = (await rig.status("CarrierAccount", "main"))["sweptAt"]
        rig.told()
        await asyncio.sleep(3000)
        assert STATUS not in rig.told()
        await asyncio.sleep(1500)
        assert (await rig.status("CarrierAccount", "main"))["sweptAt"] > first


@pytest.mark.parametrize(
    ("health", "condition"),
    [(Health(throttled=True), "Throttled"), (Health(circuit_open=True), "CircuitOpen"), (Health(), None)],
)
@in_virtual_time
async def test_an_account_says_what_is_not_as_it_should_be_although_it_can_be_used(
    health: Health, condition: str | None
) -> None:
    async with a_rig(a_secret(), an_account()) as rig:
        rig.carrier.health = health
        await turn(rig)
        types = [one["type"] for one in (await rig.status("CarrierAccount", "main"))["conditions"]]
        assert types == ["Ready", *([condition] if condition else [])]


@in_virtual_time
async def test_a_new_token_opens_the_account_anew_and_the_old_client_is_closed() -> None:
    async with a_rig(a_secret(), an_account()) as rig:
        first = rig.opened[f"{HERE}/main"].credentials["token"]
        rig.carrier.fail("balance", CredentialsRejected("Wrong."))
        await turn(rig)
        rig.told()
        assert (await turn(rig), rig.told()) == (5.0, []), "a refused token is not tried again"
        await rig.change("Secret", "token", a_secret(token="new"))
        await turn(rig)
        assert (first, rig.opened[f"{HERE}/main"].credentials["token"], rig.carrier.opened) == ("tok", "new", 1)
        assert await rig.says("CarrierAccount", "main") == "True Reachable"


@in_virtual_time
async def test_a_token_that_was_refused_by_a_fault_of_the_carrier_is_tried_again_after_a_while() -> None:
    """Or an hour in which its login service is down would need a person, at every account."""
    async with a_rig(a_secret(), an_account(), a_pool()) as rig:
        rig.carrier.fail("balance", CredentialsRejected("Wrong."), CredentialsRejected("Wrong."))
        await turn(rig)
        rig.told()
        rig.services.queues.wake_account(AccountKey(HERE, "main"))
        await rig.run_queues(2 * REJECTED_AGAIN)
        assert sum(line == "carrier: balance" for line in rig.told()) == 1, "seldom: it may lock the account"
        await rig.settle(REJECTED_AGAIN)
        assert await rig.says("CarrierAccount", "main") == "True Reachable"


@in_virtual_time
async def test_credentials_that_can_not_even_be_sent_are_said_to_be_the_users_to_mend() -> None:
    async with a_rig(a_secret(), an_account(), a_pool()) as rig:
        unsendable = CredentialsRejected("No header can carry them.")
        with patch("ringfleet.controllers.account_opening.open_carrier", side_effect=unsendable):
            await rig.change("Secret", "token", a_secret(token="two\nlines"))
            assert await turn(rig) == 5.0
        assert await rig.says("CarrierAccount", "main") == "False CredentialsRejected"
        assert await rig.says("CarrierAccount", "main", "Stalled") == "True CredentialsRejected"
        await rig.change("Secret", "token", a_secret(token="new"))
        await turn(rig)
        assert await rig.says("CarrierAccount", "main") == "True Reachable"


@in_virtual_time
async def test_an_endpoint_that_no_client_can_be_opened_with_is_said_and_not_told() -> None:
    """The schema refuses it; an older one may have let it be stored."""
    async with a_rig(a_secret(), begun=False) as rig:
        await rig.create(an_account(endpoint="https://me:hunter2@api.didhub.io\n/v1"))
        await rig.look()
        with patch("ringfleet.controllers.account_opening.open_carrier", open_carrier):
            assert await turn(rig) is None
        assert await rig.says("CarrierAccount", "main") == "False InvalidSpec"
        assert await rig.says("CarrierAccount", "main", "Stalled") == "True InvalidSpec"
        assert "hunter2" not in str(await rig.status("CarrierAccount", "main"))


@in_virtual_time
async def test_a_password_in_a_stored_endpoint_is_not_told() -> None:
    async with a_rig(a_secret(), begun=False) as rig:
        await rig.create(an_account(endpoint="https://me:hunter2@api.didhub.io/v1?key=hunter2"))
        await rig.look()
        rig.carrier.fail("balance", CarrierUnavailable("Down."))
        await turn(rig)
        said = str((await rig.status("CarrierAccount", "main"))["conditions"])
        assert "https://api.didhub.io/v1 does not answer" in said
        assert "hunter2" not in said


@pytest.mark.parametrize("changed", [{"token": "new", "sid": "AC1"}, {"token": "tok", "sid": "AC2"}, {"token": "tok"}])
@in_virtual_time
async def test_any_credential_that_changes_opens_the_account_anew(changed: dict[str, str]) -> None:
    async with a_rig(a_secret(), an_account()) as rig:
        obj, key = rig.services.fleet.get(CarrierAccount, HERE, "main"), AccountKey(HERE, "main")
        assert obj is not None
        first = await open_account(rig.services, key, obj, {"token": "tok", "sid": "AC1"})
        assert await open_account(rig.services, key, obj, {"sid": "AC1", "token": "tok"}) is first
        assert await open_account(rig.services, key, obj, changed) is not first
        assert rig.opened[f"{HERE}/main"].credentials == changed


@in_virtual_time
async def test_a_deleted_account_is_closed_and_its_users_hear_that_it_is_missing() -> None:
    async with a_rig(a_secret(), an_account(), a_pool()) as rig:
        await rig.delete("CarrierAccount", "main")
        await rig.look()
        await turn(rig)
        assert (rig.carrier.opened, "NumberPool west" in await rig.woken(1.0)) == (0, True)
        await rig.turn("NumberPool", "west")
        assert await rig.says("NumberPool", "west") == "False AccountMissing"


@pytest.mark.parametrize(("code", "error"), [(409, Conflict), (403, Forbidden), (503, Unavailable)])
@in_virtual_time
async def test_an_account_whose_status_can_not_be_written_is_usable_all_the_same(
    code: int, error: type[KubeError]
) -> None:
    async with a_rig(begun=False) as rig:
        await rig.create(a_secret(), an_account(), a_pool())
        await rig.look()
        rig.api.refuse("patch", "carrieraccounts/status", code)
        with pytest.raises(error):
            await turn(rig)
        await rig.turn("NumberPool", "west")
        assert await rig.names("NumberOrder") == ["west-1"]


@in_virtual_time
async def test_a_secret_that_can_not_be_read_leaves_the_account_open_and_is_said() -> None:
    async with a_rig(a_secret(), an_account()) as rig:
        rig.api.refuse("get", "secrets", 403)
        with pytest.raises(Forbidden):
            await turn(rig)
        assert (rig.carrier.opened, rig.told()) == (1, ["patch carrieraccounts/status main"])
        assert await rig.says("CarrierAccount", "main", "Stalled") == "True WriteRefused"


@in_virtual_time
async def test_credentials_that_are_refused_are_said_although_that_could_not_be_written_at_first() -> None:
    async with a_rig(begun=False) as rig:
        await rig.create(a_secret(), an_account())
        await rig.look()
        rig.carrier.fail("account_id", CredentialsRejected("Wrong."))
        rig.api.refuse("patch", "carrieraccounts/status", 503)
        with pytest.raises(Unavailable):
            await turn(rig)
        assert rig.told() == ["carrier: account_id"]
        assert await turn(rig) == 5.0
        assert await rig.says("CarrierAccount", "main") == "False CredentialsRejected"
        assert rig.told() == [STATUS]  # and the carrier is not asked again
        assert await turn(rig) == 5.0
        assert rig.told() == []


@in_virtual_time
async def test_an_account_whose_credentials_are_refused_says_so_of_the_secret_of_today_and_that_it_stays() -> None:
    async with a_rig(a_secret(), a_secret("other"), an_account(), a_number()) as rig:
        rig.carrier.fail("balance", CredentialsRejected("Wrong."))
        await turn(rig)
        await rig.turn("AccountUse", "main")
        await rig.change("CarrierAccount", "main", {"spec": {"credentialsSecretRef": {"name": "other"}}})
        await rig.delete("CarrierAccount", "main")
        await rig.look()
        await turn(rig)
        assert await rig.says("CarrierAccount", "main", "InUse") == "True InUse"
        said = (await rig.status("CarrierAccount", "main"))["conditions"]
        assert "Secret other" in next(one["message"] for one in said if one["type"] == "Ready")


# Sweeping.


@in_virtual_time
async def test_a_number_of_ours_without_an_object_gets_one_in_the_pool_that_its_mark_names() -> None:
    async with a_rig(a_secret(), an_account(), a_pool(name="east")) as rig:
        rig.carrier.held[ONE] = a_holding(1, mark=Mark("home", HERE, "east"))
        await sweep(rig)
        found = await rig.find("PhoneNumber", ONE.digits)
        assert found
        assert (found["spec"]["poolRef"], "orderRef" in found["spec"]) == ({"name": "east"}, False)
        assert f"PhoneNumber {ONE.digits}" in await rig.woken(1.0)
        rig.told()
        await rig.turn("PhoneNumber", ONE.digits)
        assert rig.told() == [f"patch phonenumbers/status {ONE.digits}"], "the sweep has seen it, it is not looked up"


@pytest.mark.parametrize("finished", [False, True])
@in_virtual_time
async def test_a_number_of_an_order_that_has_not_ended_is_left_to_that_order(finished: bool) -> None:
    status: Json = {"items": [{"number": ONE, "state": "Submitting"}], "key": "k"}
    status |= {"completedAt": later(0)} if finished else {}
    async with a_rig(a_secret(), an_account(), a_pool(), an_order(count=1, status=status)) as rig:
        rig.carrier.held[ONE] = a_holding(1, mark=OURS)
        await sweep(rig)
        assert await rig.names("PhoneNumber") == ([ONE.digits] if finished else [])


@pytest.mark.parametrize(
    ("changes", "woken"),
    [
        pytest.param({}, False, id="as it was"),
        pytest.param({"routing": "elsewhere"}, False, id="an unrouted number is routed"),
        pytest.param({"status": HoldingStatus.SUSPENDED}, True, id="suspended"),
    ],
)
@in_virtual_time
async def test_a_number_is_woken_by_what_the_carrier_says_anew_of_it(changes: dict, woken: bool) -> None:
    async with a_rig(a_secret(), an_account(), a_pool(), a_number()) as rig:
        rig.carrier.held[ONE] = a_holding(1, mark=OURS, **changes)
        await sweep(rig)
        assert (f"PhoneNumber {ONE.digits}" in await rig.woken(1.0), rig.has_news(ONE)) == (woken, woken)


@in_virtual_time
async def test_a_mark_that_was_lost_is_written_again() -> None:
    async with a_rig(a_secret(), an_account(), a_pool(), a_number()) as rig:
        rig.carrier.held[ONE] = a_holding(1, mark=None)
        await sweep(rig)
        assert rig.carrier.held[ONE].mark == OURS


@in_virtual_time
async def test_nothing_is_concluded_from_a_listing_that_broke_off() -> None:
    async with a_rig(a_secret(), an_account(), a_pool(), a_number()) as rig:
        rig.carrier.held[ONE] = a_holding(1, mark=OURS)
        await sweep(rig)
        rig.carrier.held.clear()
        for _ in range(4):
            rig.carrier.lose_reply("holdings", ListingIncomplete("It ended early."))
            await sweep(rig)
        assert await rig.says("CarrierAccount", "main", "ListingIncomplete") == "True ListingIncomplete"
        assert not rig.is_lost(ONE)
        await sweep(rig)
        assert await rig.says("CarrierAccount", "main", "ListingIncomplete") is None


@in_virtual_time
async def test_a_number_is_lost_after_three_listings_without_it_and_a_question_and_found_by_the_next_listing() -> None:
    numbers = [a_number(n) for n in range(1, 11)]
    async with a_rig(a_secret(), an_account(), a_pool(10), *numbers) as rig:
        rig.carrier.held |= {digits(n): a_holding(n, mark=OURS) for n in range(1, 11)}
        await sweep(rig)
        gone = rig.carrier.held.pop(ONE)
        await sweep(rig, 2)
        assert [line for line in rig.told() if "find" in line] == []
        await sweep(rig)
        assert f"carrier: find {ONE.digits}" in rig.told()
        await rig.turn("PhoneNumber", ONE.digits)
        assert await rig.says("PhoneNumber", ONE.digits) == "False Lost"
        rig.carrier.held[ONE] = gone
        await sweep(rig)
        await rig.turn("PhoneNumber", ONE.digits)
        assert (await rig.status("PhoneNumber", ONE.digits))["phase"] == "Available"


@in_virtual_time
async def test_a_listing_that_has_shrunk_is_believed_only_when_a_person_says_so() -> None:
    numbers = [a_number(n) for n in range(1, 11)]
    async with a_rig(a_secret(), an_account(), a_pool(10), *numbers) as rig:
        rig.carrier.held |= {digits(n): a_holding(n, mark=OURS) for n in range(1, 11)}
        await sweep(rig)
        rig.carrier.held = {ONE: rig.carrier.held[ONE]}
        await sweep(rig, 5)
        counts = (await rig.status("CarrierAccount", "main"))["numbers"]
        assert (counts["owned"], counts["shrunkTo"]) == (10, 1)
        assert await rig.says("CarrierAccount", "main", "ListingShrunk") == "True ListingShrunk"
        assert not any(rig.is_lost(digits(n)) for n in range(1, 11))
        await rig.change("CarrierAccount", "main", {"metadata": {"annotations": {"ringfleet.dev/accept-listing": "1"}}})
        await rig.look()
        await sweep(rig, 4)
        assert (await rig.status("CarrierAccount", "main"))["numbers"]["owned"] == 1
        assert rig.is_lost(digits(2))


@in_virtual_time
async def test_a_search_that_was_down_is_asked_again_by_the_account_until_it_answers() -> None:
    async with a_rig(a_secret(), an_account(), a_pool(), an_order()) as rig:
        rig.carrier.stock.append(an_offer(1))
        rig.carrier.fail("search", CarrierUnavailable("It is down."))
        await rig.turn("NumberOrder", "west-1")
        await turn(rig)
        rig.told()
        assert await rig.says("CarrierAccount", "main", "CatalogStale") is None, "the probe has asked, and was answered"
        rig.carrier.fail("search", *[CarrierUnavailable("It is down.")] * 2)
        await asyncio.sleep(5)
        await rig.turn("NumberOrder", "west-1")
        assert await turn(rig) == 5.0
        assert await rig.says("CarrierAccount", "main", "CatalogStale") == "True CatalogStale"
        await turn(rig)
        assert await rig.says("CarrierAccount", "main", "CatalogStale") is None
