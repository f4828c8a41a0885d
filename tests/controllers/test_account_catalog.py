"""What an account's searches gave: renewed slowly, kept over restarts, ordered from while search is down, and said."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise

import pytest
from structlog.testing import capture_logs

from ringfleet.carriers.carrier import Health
from ringfleet.carriers.errors import CarrierUnavailable, RequestRejected
from ringfleet.kube.transport import Json
from ringfleet.model import AccountKey, Capability, NumberType, Query
from ringfleet.objects.catalog import CATALOG
from tests.controllers.rig import (
    HERE,
    HOUSE,
    MARKET,
    Rig,
    a_pool,
    a_rig,
    a_secret,
    an_account,
    in_virtual_time,
    later,
    restarted,
)
from tests.controllers.test_runtime import at_target
from tests.kube.virtual_time import now
from tests.plan.builders import an_offer, digits

MINUTE, HOUR = 60, 3600
MAIN, SPARE = AccountKey(HERE, "main"), AccountKey(HERE, "spare")
WEST = Query("US", NumberType.GEOGRAPHIC, "415", frozenset({Capability.VOICE}))
SHORT_OF_SIX = {"spec": {"size": {"target": 6}}}
TWO_CARRIERS = {"carriers": [{"accountRef": {"name": "main"}}, {"accountRef": {"name": "spare"}}]}


def stocked(rig: Rig, last: int = 6, first: int = 1, account: str = "main") -> Rig:
    rig.carriers[f"{HERE}/{account}"].stock += [an_offer(n) for n in range(first, last + 1)]
    return rig


async def has(rig: Rig, count: int) -> bool:
    names = await rig.names("PhoneNumber")
    return [(await rig.status("PhoneNumber", name)).get("phase") for name in names] == ["Available"] * count


async def kept(rig: Rig, account: str = "main") -> Json | None:
    return await rig.find("ConfigMap", f"{account}-catalog")


async def is_kept(rig: Rig, account: str = "main") -> bool:
    return await kept(rig, account) is not None


async def fill(rig: Rig, count: int = 2) -> None:
    """Let the pool be filled, and what its searches gave be kept."""
    await rig.until(lambda: has(rig, count))
    await rig.until(lambda: is_kept(rig))


# Over a restart.


@in_virtual_time
async def test_after_a_restart_with_search_down_all_that_is_missing_is_bought_from_memory() -> None:
    async with a_rig(*HOUSE, a_pool(2), begun=False) as rig:
        async with stocked(rig, last=8).running():
            await fill(rig)
        rig.carrier.down.add("search")
        async with restarted(rig, begun=False) as again:
            await again.change("NumberPool", "west", SHORT_OF_SIX)
            async with again.running():
                await again.until(lambda: has(again, 6))
                assert again.carrier.billed == Counter(digits(n) for n in range(1, 7))
                assert (await again.status("NumberOrder", "west-2"))["source"] == "Catalog"
                await again.until(lambda: says_stale(again))
                assert await again.says("CarrierAccount", "main", "CatalogStale") == "True CatalogStale"


@in_virtual_time
async def test_what_is_older_than_the_ttl_is_not_ordered_from_by_another_process_either() -> None:
    async with a_rig(*HOUSE, a_pool(2), begun=False) as rig:
        async with stocked(rig).running():
            await fill(rig)
        rig.carrier.down.add("search")
        await asyncio.sleep(16 * MINUTE)
        async with restarted(rig, begun=False) as again:
            await again.change("NumberPool", "west", SHORT_OF_SIX)
            async with again.running():
                await again.until(lambda: says_unavailable(again))
                assert len(again.carrier.held) == 2
                await asyncio.sleep(MINUTE)
                assert await again.says("NumberPool", "west", "CatalogStale") is None
                assert await again.says("CarrierAccount", "main", "CatalogStale") is None
                assert await again.says("CarrierAccount", "main", "SearchUnavailable") == "True SearchUnavailable"
                again.carrier.down.clear()
                await again.until(lambda: has(again, 6))
                assert await again.says("CarrierAccount", "main", "SearchUnavailable") is None


async def says_unavailable(rig: Rig) -> bool:
    return await rig.says("NumberPool", "west") == "False SearchUnavailable"


@in_virtual_time
async def test_numbers_that_were_bought_since_it_was_kept_are_not_offered_from_it() -> None:
    async with a_rig(*HOUSE, a_pool(2), begun=False) as rig, stocked(rig).running():
        await fill(rig)
        await rig.change("NumberPool", "west", {"spec": {"size": {"target": 4}}})
        await rig.until(lambda: has(rig, 4))
        assert digits(3) in ((await kept(rig)) or {})["data"][CATALOG], "of before"
        rig.carrier.down.add("search")
        async with restarted(rig) as again:
            found = await again.services.accounts.opened(MAIN).carrier.search(WEST, 10)
            assert [offer.number for offer in found.offers] == [digits(5), digits(6)]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param({CATALOG: "{}"}, id="no price is made up"),
        pytest.param({"signature": "0" * 64}, id="nor signed by somebody else"),
        pytest.param({CATALOG: None}, id="nor found in nothing"),
    ],
)
@in_virtual_time
async def test_a_kept_catalog_that_somebody_has_changed_is_ignored_and_the_log_says_so_once(data: Json) -> None:
    async with a_rig(*HOUSE, a_pool(2), begun=False) as rig:
        async with stocked(rig).running():
            await fill(rig)
        rig.carrier.down.add("search")
        await rig.change("ConfigMap", "main-catalog", {"data": data})
        with capture_logs() as logs:
            async with restarted(rig, begun=False) as again:
                await again.change("NumberPool", "west", SHORT_OF_SIX)
                async with again.running():
                    await again.until(lambda: says_unavailable(again))
                    await asyncio.sleep(MINUTE)
        assert len(rig.carrier.held) == 2
        assert [line["name"] for line in logs if line["event"] == "kept catalog ignored"] == ["main-catalog"]


@in_virtual_time
async def test_two_accounts_keep_a_catalog_each_and_neither_believes_the_others() -> None:
    house = (a_secret(), an_account(), an_account("spare"))
    async with a_rig(*house, a_pool(2, **TWO_CARRIERS), begun=False) as rig:
        async with stocked(stocked(rig), first=11, last=13, account="spare").running():
            await fill(rig)
            await rig.until(lambda: is_kept(rig, "spare"))
            mine, others = await kept(rig), await kept(rig, "spare")
        assert mine
        assert others
        assert (digits(13) in mine["data"][CATALOG], digits(13) in others["data"][CATALOG]) == (False, True)
        owners = [one["metadata"]["ownerReferences"][0]["name"] for one in (mine, others)]
        assert owners == ["main", "spare"]
        await rig.change("ConfigMap", "spare-catalog", {"data": mine["data"]})
        rig.carriers[f"{HERE}/spare"].down.add("search")
        async with restarted(rig) as again:
            assert again.services.accounts.opened(SPARE).catalog.usable() == frozenset()
            assert again.services.accounts.opened(MAIN).catalog.usable() == {WEST}


# Within a budget.


def times(rig: Rig, since: float = 0.0) -> list[float]:
    return [moment for moment in rig.carrier.called_at.get("search", []) if moment >= since]


@in_virtual_time
async def test_at_rest_one_search_is_made_in_half_of_the_ttl_and_nothing_is_written_but_its_answer() -> None:
    async with a_rig(*HOUSE, a_pool(2), begun=False) as rig, stocked(rig).running():
        await fill(rig)
        await asyncio.sleep(20 * MINUTE)
        rig.told()
        began = now()
        await asyncio.sleep(HOUR)
        written = Counter(line for line in rig.told() if not line.startswith("carrier:"))
        listed = written.pop("patch carrieraccounts/status main", 0)
        assert (set(written), listed <= 1) == ({"patch configmaps main-catalog"}, True), "when it was listed: hourly"
        assert 7 <= written["patch configmaps main-catalog"] <= 8
        assert 7 <= len(times(rig, began)) <= 8


@in_virtual_time
async def test_fifty_searches_are_made_one_after_the_other_and_none_twice_in_half_of_the_ttl() -> None:
    codes = [str(200 + n) for n in range(50)]
    async with a_rig(*HOUSE, a_pool(0, market={**MARKET, "areaCodes": codes}), begun=False) as rig, rig.running():
        rig.carrier.stock += [an_offer(n, area_code=code) for n, code in enumerate(codes, 1)]
        await asyncio.sleep(HOUR)
        made = times(rig)
        assert round(min(second - first for first, second in pairwise(made)), 6) >= 5
        asked = Counter(line for line in rig.told() if line.startswith("carrier: search"))
        assert set(asked) == {f"carrier: search {code}" for code in codes}
        assert set(asked.values()) <= {7, 8}
        catalog = (await rig.status("CarrierAccount", "main"))["catalog"]
        assert catalog == {"searches": 50}


@pytest.mark.parametrize(
    "house",
    [
        pytest.param([an_account(catalog={"cacheTTL": "0s"}), a_pool(0)], id="nothing is to be remembered"),
        pytest.param([an_account(suspend=True), a_pool(0)], id="the account is suspended"),
        pytest.param([an_account(), a_pool(0, suspend=True)], id="the pool is suspended"),
        pytest.param([an_account()], id="there is no pool"),
    ],
)
@in_virtual_time
async def test_nothing_is_searched_for_the_memory_nor_kept_where(house: Iterable[Json]) -> None:
    async with a_rig(a_secret(), *house, begun=False) as rig, stocked(rig).running():
        await asyncio.sleep(HOUR)
        assert (times(rig), await kept(rig)) == ([], None)


@in_virtual_time
async def test_with_no_ttl_an_order_finds_nothing_while_search_is_down() -> None:
    account = an_account(catalog={"cacheTTL": "0s"})
    async with a_rig(a_secret(), account, a_pool(2), begun=False) as rig, stocked(rig).running():
        await rig.until(lambda: has(rig, 2))
        rig.carrier.down.add("search")
        await rig.change("NumberPool", "west", SHORT_OF_SIX)
        await rig.until(lambda: says_unavailable(rig))


@in_virtual_time
async def test_a_pool_in_a_namespace_that_the_account_does_not_let_in_is_not_searched_for() -> None:
    pool = a_pool(0, carriers=[{"accountRef": {"name": "main", "namespace": HERE}}])
    pool["metadata"]["namespace"] = "elsewhere"
    async with a_rig(*HOUSE, pool, begun=False) as rig, stocked(rig).running():
        await asyncio.sleep(10 * MINUTE)
        assert times(rig) == []
        await rig.change("CarrierAccount", "main", {"spec": {"allowedNamespaces": ["elsewhere"]}})
        await asyncio.sleep(10 * MINUTE)
        assert len(times(rig)) in {1, 2}


@pytest.mark.parametrize(
    "health",
    [
        pytest.param(Health(throttled=True), id="asks for fewer calls"),
        pytest.param(Health(circuit_open=True), id="fails"),
    ],
)
@in_virtual_time
async def test_a_carrier_is_not_searched_for_the_memory_while_it(health: Health) -> None:
    async with a_rig(*HOUSE, a_pool(0), begun=False) as rig, stocked(rig).running():
        rig.carrier.health = health
        await asyncio.sleep(HOUR)
        assert times(rig) == []
        rig.carrier.health = Health()
        await asyncio.sleep(2 * MINUTE)
        assert len(times(rig)) == 1


@in_virtual_time
async def test_a_search_that_the_carrier_refuses_is_made_no_sooner_again() -> None:
    async with a_rig(*HOUSE, a_pool(0), begun=False) as rig:
        rig.carrier.fail("search", *[RequestRejected("There is no such area code.")] * 100)
        async with rig.running():
            await asyncio.sleep(HOUR)
            assert len(times(rig)) in {7, 8}
            assert await rig.says("CarrierAccount", "main") == "True Reachable"


@in_virtual_time
async def test_what_a_pool_would_search_since_a_moment_is_searched_soon() -> None:
    async with a_rig(*HOUSE, a_pool(0), begun=False) as rig, stocked(rig).running():
        await asyncio.sleep(MINUTE)
        rig.told()
        await rig.change("NumberPool", "west", {"spec": {"market": {**MARKET, "areaCodes": ["628"]}}})
        await asyncio.sleep(MINUTE)
        assert [line for line in rig.told() if line.startswith("carrier: search")] == ["carrier: search 628"]


# What is kept.


@in_virtual_time
async def test_what_was_learnt_shortly_before_the_operator_stops_is_kept() -> None:
    async with a_rig(*HOUSE, a_pool(2), begun=False) as rig:
        async with stocked(rig).running():
            await rig.until(lambda: has(rig, 2))
            assert await kept(rig) is None
        assert digits(3) in ((await kept(rig)) or {})["data"][CATALOG]


@in_virtual_time
async def test_an_api_server_that_takes_no_catalog_does_not_keep_the_operator_from_stopping() -> None:
    async with a_rig(*HOUSE, a_pool(2), begun=False) as rig:
        rig.api.refuse("create", "configmaps", 403)
        async with stocked(rig).running():
            await rig.until(lambda: has(rig, 2))
        assert await kept(rig) is None


@in_virtual_time
async def test_a_kept_catalog_that_was_deleted_by_hand_is_made_again() -> None:
    async with a_rig(*HOUSE, a_pool(2), begun=False) as rig, stocked(rig).running():
        await fill(rig)
        await rig.delete("ConfigMap", "main-catalog")
        await rig.until(lambda: is_kept(rig), within=15 * MINUTE)


@in_virtual_time
async def test_a_config_map_that_is_somebody_elses_is_left_alone() -> None:
    theirs = {"kind": "ConfigMap", "metadata": {"name": "main-catalog", "namespace": HERE}, "data": {"note": "mine"}}
    async with a_rig(*HOUSE, theirs, a_pool(2), begun=False) as rig:
        with capture_logs() as logs:
            async with stocked(rig).running():
                await rig.until(lambda: has(rig, 2))
                await asyncio.sleep(HOUR)
        assert ((await kept(rig)) or {})["data"] == {"note": "mine"}
        assert sum("is not ours" in line["event"] for line in logs) == 1


@pytest.mark.parametrize("verb", ["create", "patch"])
@in_virtual_time
async def test_a_catalog_that_the_api_server_does_not_take_is_said_and_stands_in_nobodys_way(verb: str) -> None:
    async with a_rig(*HOUSE, a_pool(2), begun=False) as rig:
        rig.api.refuse(verb, "configmaps", 403, times=5, message="exceeded quota: few")
        async with stocked(rig).running():
            await rig.until(lambda: says_refused(rig), within=HOUR)
            await rig.change("NumberPool", "west", SHORT_OF_SIX)
            await rig.until(lambda: has(rig, 6))
            await rig.until(lambda: is_reachable(rig), within=2 * HOUR)
            assert await kept(rig)


async def says_refused(rig: Rig) -> bool:
    return await rig.says("CarrierAccount", "main") == "False WriteRefused"


async def is_reachable(rig: Rig) -> bool:
    return await rig.says("CarrierAccount", "main") == "True Reachable"


@pytest.mark.parametrize("code", [403, 500])
@in_virtual_time
async def test_an_account_whose_kept_catalog_can_not_be_read_is_opened_without(code: int) -> None:
    async with a_rig(*HOUSE, a_pool(2), begun=False) as rig:
        rig.api.refuse("get", "configmaps", code, times=1)
        async with stocked(rig).running():
            await rig.until(lambda: has(rig, 2))


@in_virtual_time
async def test_two_processes_write_once_in_half_of_the_ttl_together() -> None:
    async with a_rig(*HOUSE, a_pool(2), begun=False) as rig, stocked(rig).running():
        await fill(rig)
        async with restarted(rig, begun=False) as other, other.running():
            await asyncio.sleep(20 * MINUTE)
            rig.told()
            await asyncio.sleep(HOUR)
            written = Counter(line for line in rig.told() if "configmaps" in line)
            assert 7 <= written["patch configmaps main-catalog"] <= 8


@in_virtual_time
async def test_a_client_that_is_opened_anew_for_the_same_account_remembers_what_the_one_before_did() -> None:
    async with a_rig(*HOUSE, a_pool(2), begun=False) as rig, stocked(rig).running():
        await rig.until(lambda: has(rig, 2))
        assert await kept(rig) is None
        before = rig.services.accounts.opened(MAIN)
        await rig.change("CarrierAccount", "main", {"spec": {"limits": {"concurrency": 2}}})
        await rig.until(lambda: is_another(rig, before))
        assert rig.services.accounts.opened(MAIN).catalog.usable() == {WEST}
        await rig.change("Secret", "token", {"data": a_secret(token="another")["data"]})
        await rig.until(lambda: forgets(rig), within=HOUR)


async def is_another(rig: Rig, before: object) -> bool:
    return rig.services.accounts.get(MAIN) not in (None, before)


async def forgets(rig: Rig) -> bool:
    account = rig.services.accounts.get(MAIN)
    return account is not None and not account.catalog.usable()


# What is said.


@in_virtual_time
async def test_while_search_is_down_a_pool_says_that_it_orders_from_memory_until_that_is_too_old() -> None:
    async with a_rig(*HOUSE, a_pool(2), begun=False) as rig, stocked(rig, last=4).running():
        await fill(rig)
        rig.carrier.down.add("search")
        await rig.until(lambda: says_stale(rig), within=10 * MINUTE)
        assert "no older than 15m." in await message(rig, "NumberPool", "west", "CatalogStale")
        since = now()
        assert await rig.says("NumberPool", "west") == "True AtTarget"
        await rig.until(lambda: tells_its_age(rig))
        await rig.until(lambda: is_stale_no_more(rig), within=15 * MINUTE)
        assert now() - since > 5 * MINUTE
        assert await rig.says("CarrierAccount", "main", "SearchUnavailable") == "True SearchUnavailable"
        await rig.change("NumberPool", "west", SHORT_OF_SIX)
        await rig.until(lambda: says_unavailable(rig))


@in_virtual_time
async def test_while_search_is_down_nothing_is_written_at_each_look() -> None:
    async with a_rig(*HOUSE, a_pool(2), begun=False) as rig, stocked(rig, last=4).running():
        await fill(rig)
        rig.carrier.down.add("search")
        await rig.until(lambda: says_stale(rig), within=10 * MINUTE)
        await asyncio.sleep(MINUTE)
        rig.told()
        await asyncio.sleep(5 * MINUTE)
        assert [line for line in rig.told() if line.startswith("patch")] == []


async def tells_its_age(rig: Rig) -> bool:
    told = (await rig.status("CarrierAccount", "main")).get("catalog", {})
    return told.get("searches") == 1 and later(0) <= told.get("oldestSeenAt", "") <= later(MINUTE)


async def says_stale(rig: Rig) -> bool:
    return await rig.says("NumberPool", "west", "CatalogStale") == "True CatalogStale"


async def is_stale_no_more(rig: Rig) -> bool:
    return await rig.says("NumberPool", "west", "CatalogStale") is None


async def message(rig: Rig, kind: str, name: str, type_: str) -> str:
    said = (await rig.status(kind, name))["conditions"]
    return str(next(one["message"] for one in said if one["type"] == type_))


@in_virtual_time
async def test_a_pool_of_whose_searches_nothing_is_remembered_goes_to_its_next_carrier_while_search_is_down() -> None:
    house = (a_secret(), an_account(), an_account("spare"))
    async with a_rig(*house, a_pool(0, **TWO_CARRIERS), begun=False) as rig:
        rig.carrier.down.add("search")
        async with stocked(rig, first=11, last=13, account="spare").running():
            await rig.until(lambda: says_down(rig))
            assert await rig.says("NumberPool", "west", "CatalogStale") is None
            await rig.change("NumberPool", "west", {"spec": {"size": {"target": 2}}})
            await rig.until(lambda: has(rig, 2))
            assert set(rig.carriers[f"{HERE}/spare"].held) == {digits(11), digits(12)}
            assert await rig.says("NumberPool", "west", "FallbackCarrier") == "True FallbackCarrier"
            order = await rig.find("NumberOrder", "west-1")
            assert order
            assert order["spec"]["accountRef"]["name"] == "spare", "it was not tried in vain before"


async def says_down(rig: Rig) -> bool:
    return await rig.says("CarrierAccount", "main", "SearchUnavailable") == "True SearchUnavailable"


@in_virtual_time
async def test_an_area_code_of_which_nothing_is_remembered_is_passed_over_while_search_is_down() -> None:
    async with a_rig(*HOUSE, a_pool(2), begun=False) as rig, stocked(rig).running():
        await fill(rig)
        rig.carrier.down.add("search")
        wish = {"market": {**MARKET, "areaCodes": ["628", "415"]}, "size": {"target": 4}}
        await rig.change("NumberPool", "west", {"spec": wish})
        await rig.until(lambda: has(rig, 4))
        await rig.until(lambda: at_target(rig))


@in_virtual_time
async def test_an_area_code_that_fails_once_is_not_passed_over_while_search_works() -> None:
    market = {**MARKET, "areaCodes": ["628", "415"]}
    async with a_rig(*HOUSE, a_pool(2, market=market), begun=False) as rig:
        rig.carrier.stock += [an_offer(n, area_code="628") for n in (11, 12)]
        rig.carrier.fail("search", CarrierUnavailable("Once."))
        async with stocked(rig).running():
            await rig.until(lambda: has(rig, 2))
            assert set(rig.carrier.held) == {digits(11), digits(12)}
