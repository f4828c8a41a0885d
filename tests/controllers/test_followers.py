"""Who is followed, how one sees that a follower is deaf, and what becomes of one that fails or ends."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import ClientSession
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from ringfleet.controllers.followers import observe, troubles
from ringfleet.controllers.intent_watches import Follower
from ringfleet.controllers.runtime import run_controllers
from ringfleet.handlers.liveness import serve_health
from ringfleet.handlers.operator import run_both
from ringfleet.kube.errors import NotConfigured, Unavailable, WentBack
from tests.controllers.rig import HOUSE, Rig, a_claim, a_number, a_pool, a_rig, in_virtual_time
from tests.controllers.test_runtime import stocked
from tests.kube.virtual_time import now


async def _is_bound(rig: Rig, name: str = "desk") -> bool:
    return (await rig.status("NumberClaim", name)).get("phase") == "Bound"


@pytest.mark.parametrize("plural", ["numberclaims", "phonenumbers"])
@in_virtual_time
async def test_an_event_that_nobody_understands_ends_no_follower(plural: str) -> None:
    """It is logged, and everything is listed anew: what came with the event may be more than it said."""
    async with a_rig(*HOUSE, a_pool(1), begun=False) as rig, stocked(rig).running():
        await rig.until(lambda: _pool_says(rig, "True AtTarget"), within=60)
        lists = rig.api.lists_of(plural)
        with capture_logs() as logs:
            rig.api.garble(plural)
            await asyncio.sleep(30)
        assert rig.api.lists_of(plural) == lists + 1
        told = [line for line in logs if line["event"] == "follower failed: listing again"]
        assert [(line["resource"], line["log_level"]) for line in told] == [(plural, "error")]
        await rig.create(a_claim())
        await rig.until(lambda: _is_bound(rig), within=30)


async def _pool_says(rig: Rig, said: str) -> bool:
    return await rig.says("NumberPool", "west") == said


@pytest.mark.parametrize("name", ["number_informer", "claim_informer"])
@in_virtual_time
async def test_a_follower_that_ends_ends_the_operator(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def ends() -> None:
        await asyncio.sleep(5)

    async with a_rig(*HOUSE, begun=False) as rig:
        informer = getattr(rig.services, name)
        monkeypatch.setattr(informer, "run", ends)
        informer.synced.set()
        with pytest.raises(RuntimeError, match="has ended"):
            async with asyncio.timeout(60):
                await rig.run()
        assert now() == pytest.approx(5.0)


@in_virtual_time
async def test_a_relist_that_fails_in_any_way_is_logged_and_made_again_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_rig(*HOUSE, a_pool(0), a_claim(), begun=False) as rig, rig.running(misses_deletions=True):
        await rig.until(lambda: _claim_says(rig, "False WaitingForNumber"))
        await rig.delete("NumberPool", "west")
        store = rig.services.fleet.store("CarrierAccount")
        understood = store.learn_page

        def fails(*_: object) -> object:
            monkeypatch.setattr(store, "learn_page", understood)
            raise ValueError("nobody has foreseen this")

        monkeypatch.setattr(store, "learn_page", fails)
        with capture_logs() as logs:
            await rig.until(lambda: _claim_says(rig, "False PoolMissing"), within=305)
        assert "intents not listed anew" in [line["event"] for line in logs]


async def _claim_says(rig: Rig, said: str) -> bool:
    return await rig.says("NumberClaim", "desk") == said


@pytest.mark.parametrize("whole", [pytest.param(False, id="a watch goes on"), pytest.param(True, id="all is listed")])
@in_virtual_time
async def test_an_api_server_that_was_restored_from_an_older_snapshot_ends_the_operator(whole: bool) -> None:
    """Its versions have gone back: what is known looks newer than all that is told, until they are there again."""
    async with a_rig(*HOUSE, a_pool(0), a_number(1), begun=False) as rig:
        operator = asyncio.create_task(rig.run())
        await asyncio.sleep(10)
        snapshot = rig.api.snapshot()
        await rig.create(a_number(2))
        await asyncio.sleep(10)
        rig.api.restore(snapshot)
        if whole:
            rig.api.garble("phonenumbers")
        with pytest.raises(WentBack, match="history has gone back"):
            async with asyncio.timeout(60):
                await operator


@in_virtual_time
async def test_a_list_of_intents_that_is_older_than_the_last_one_ends_the_operator() -> None:
    async with a_rig(*HOUSE, a_pool(0), begun=False) as rig:
        snapshot = rig.api.snapshot()
        await rig.create(a_pool(0, "east"))
        await rig.look_at_intents()
        rig.api.restore(snapshot)
        with pytest.raises(WentBack, match="history has gone back"):
            await rig.look_at_intents()


# Who is deaf.


@in_virtual_time
async def test_whoever_is_followed_is_young_and_nobody_is_deaf_while_all_is_well() -> None:
    async with a_rig(*HOUSE, a_pool(0), begun=False) as rig, rig.running():
        await asyncio.sleep(3600)
        followers = observe(rig.services)
        assert sorted(one.kind for one in followers) == [
            *("CarrierAccount", "ComplianceBundle", "NumberClaim", "NumberOrder", "NumberPool", "NumberQuota"),
            *("PhoneNumber", "ProxyService", "RotationSet", "RoutingProfile"),
        ]
        assert [one.kind for one in followers if one.deaf or one.silent] == []


@in_virtual_time
async def test_a_follower_without_a_sign_of_life_is_deaf(monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_rig(*HOUSE, a_number(), begun=False) as rig, rig.running():

        async def hangs(_: object) -> None:
            await asyncio.Event().wait()

        monkeypatch.setattr(rig.services.claim_informer, "_watch", hangs)
        rig.api.cut_watches()
        await asyncio.sleep(290)
        assert _deaf(rig) == []
        await asyncio.sleep(20)
        assert _deaf(rig) == ["NumberClaim"]


def _deaf(rig: Rig) -> list[str]:
    return [one.kind for one in observe(rig.services) if one.deaf]


def _silent(rig: Rig) -> list[str]:
    return [one.kind for one in observe(rig.services) if one.silent]


@in_virtual_time
async def test_an_api_server_that_refuses_makes_a_follower_silent_and_not_deaf() -> None:
    """A new process would hear no more than this one does."""
    async with a_rig(*HOUSE, a_number(), begun=False) as rig, rig.running():
        rig.api.refuse_watches("numberclaims", 401)
        await asyncio.sleep(400)
        assert (_silent(rig), _deaf(rig)) == (["NumberClaim"], [])


@in_virtual_time
async def test_a_watch_of_intents_that_tells_nothing_of_what_the_list_finds_is_deaf() -> None:
    async with a_rig(*HOUSE, begun=False) as rig, rig.running(misses="NumberPool"):
        await asyncio.sleep(10)
        await rig.create(a_pool(0))
        await asyncio.sleep(300)
        assert _deaf(rig) == [], "what the list has found may still be on its way"
        await asyncio.sleep(310)
        assert _deaf(rig) == ["NumberPool"]


@in_virtual_time
async def test_a_watch_of_intents_that_is_late_is_not_deaf() -> None:
    async with a_rig(*HOUSE, begun=False) as rig, rig.running(misses="NumberPool"):
        await asyncio.sleep(10)
        await rig.create(a_pool(0))
        await asyncio.sleep(300)
        rig.services.intent_watches.heard("NumberPool")
        await asyncio.sleep(900)
        assert _deaf(rig) == []


# What probes are told.


def _follower(kind: str, age: float, deaf: bool) -> Follower:
    return Follower(kind, age, silent=False, deaf=deaf)


@pytest.mark.parametrize(
    ("path", "deaf", "troubles", "status", "told"),
    [
        ("healthz", False, ["starting"], 200, {"alive": True, "deaf": []}),
        ("healthz", True, [], 503, {"alive": False, "deaf": ["NumberClaim"]}),
        ("readyz", True, [], 200, {"ready": True, "because": []}),
        ("readyz", False, ["starting"], 503, {"ready": False, "because": ["starting"]}),
    ],
)
async def test_probes_are_told_who_is_deaf_and_what_keeps_the_operator_from_its_work(
    path: str, deaf: bool, troubles: list[str], status: int, told: dict[str, object]
) -> None:
    followers = [_follower("NumberClaim", 1.23, deaf), _follower("PhoneNumber", float("inf"), deaf=False)]
    serving = serve_health("127.0.0.1", 0, lambda: followers, lambda: troubles, CollectorRegistry())
    async with serving as port, ClientSession() as asking, asking.get(f"http://127.0.0.1:{port}/{path}") as reply:
        ages = {"lastHeardSeconds": {"NumberClaim": 1.2, "PhoneNumber": None}} if path == "healthz" else {}
        assert (reply.status, await reply.json()) == (status, told | ages)


@in_virtual_time
async def test_an_operator_is_ready_when_all_is_listed_and_not_when_it_hears_nothing() -> None:
    async with a_rig(*HOUSE, begun=False) as rig:
        assert [one.partition(":")[0] for one in troubles(rig.services)] == ["It is starting or stopping"]
        async with rig.running():
            assert troubles(rig.services) == []
            rig.api.refuse_watches("phonenumbers", 401)
            await asyncio.sleep(400)
            assert troubles(rig.services) == [
                "Nothing has been heard of PhoneNumber for too long: what is known may be old."
            ]


@in_virtual_time
async def test_an_operator_that_is_stopped_before_it_has_begun_ends_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async def hears_nothing() -> None:
        await asyncio.Event().wait()

    async with a_rig(*HOUSE, begun=False) as rig:
        monkeypatch.setattr(rig.services.claim_informer, "run", hears_nothing)
        stop = asyncio.Event()
        asyncio.get_running_loop().call_later(60, stop.set)
        async with asyncio.timeout(61):
            await run_controllers(rig.services, stop)
        assert now() == pytest.approx(60, abs=0.1)


@in_virtual_time
async def test_a_kopf_that_does_not_end_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never_ends(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr("ringfleet.handlers.operator.run_shell", never_ends)
    async with a_rig(*HOUSE, begun=False) as rig:
        stop = asyncio.Event()
        asyncio.get_running_loop().call_later(60, stop.set)
        async with asyncio.timeout(70):
            await run_both(rig.services, stop)


@in_virtual_time
async def test_an_operator_without_its_kinds_says_what_to_install() -> None:
    async with a_rig(begun=False) as rig:
        rig.api.refuse("list", "numberpools", 404)
        with pytest.raises(NotConfigured, match="install crds/ first: kubectl apply --server-side -k crds"):
            await rig.run()


@pytest.mark.parametrize("error", [None, ValueError("the library has a bug")])
@in_virtual_time
async def test_a_kopf_that_ends_by_itself_ends_the_operator_with_a_sentence(
    error: Exception | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ends(*_: object) -> None:
        await asyncio.sleep(5)
        if error:
            raise error

    monkeypatch.setattr("ringfleet.handlers.operator.run_shell", ends)
    async with a_rig(*HOUSE, begun=False) as rig:
        with pytest.raises(Unavailable, match="the watches of intents have ended"):
            await run_both(rig.services, asyncio.Event())
