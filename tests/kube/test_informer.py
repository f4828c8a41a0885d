"""The informer, against the real API server: it knows what is there, whatever happens to the wire."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

import pytest

from ringfleet.kube import client
from ringfleet.kube.client import Kube, WatchEvent
from ringfleet.kube.errors import Gone
from ringfleet.kube.informer import Informer
from ringfleet.kube.transport import Json
from ringfleet.model.refs import ObjectRef
from tests.controlplane.cluster import Cluster
from tests.kube.conftest import CONFIG_MAPS, NUMBER_POOLS
from tests.kube.wire import Wire
from tests.waiting import until

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Paint:
    """The slim record of a ConfigMap of ours."""

    name: str
    colour: str


def paint(obj: Json) -> Paint | None:
    colour = obj.get("data", {}).get("colour")
    return Paint(obj["metadata"]["name"], colour) if colour else None


def a_can(name: str, colour: str = "red") -> Json:
    return {"metadata": {"name": name}, "data": {"colour": colour}}


def an_informer(kube: Kube, *namespaces: str, page: int = 500) -> Informer[Paint]:
    by_colour = {"colour": lambda record: [record.colour]}
    return Informer(kube, CONFIG_MAPS, paint, indexes=by_colour, namespaces=namespaces or None, page=page)


@asynccontextmanager
async def following(informer: Informer[T]) -> AsyncIterator[Informer[T]]:
    """Run `informer`; it is synced when the block begins."""
    task = asyncio.create_task(informer.run())
    try:
        await asyncio.wait_for(informer.synced.wait(), timeout=30)
        yield informer
    finally:
        task.cancel()
        await asyncio.wait([task])


def shows(informer: Informer[Paint], expected: dict[str, str]) -> Callable[[], bool]:
    return lambda: {record.name: record.colour for _, record in informer.store.items()} == expected


async def test_what_was_there_is_known_when_it_is_synced(kube: Kube, namespace: str) -> None:
    await asyncio.gather(*(kube.create(CONFIG_MAPS, namespace, a_can(f"n{number}")) for number in range(25)))
    async with following(an_informer(kube, namespace, page=10)) as informer:
        assert sorted(record.name for record in informer.store.by("colour", "red")) == sorted(
            f"n{number}" for number in range(25)
        )


async def test_changes_are_followed_and_told(kube: Kube, namespace: str) -> None:
    told: list[tuple[str, str | None, str | None]] = []
    async with following(an_informer(kube, namespace)) as informer:
        informer.store.subscribe(lambda key, old, new: told.append((key.name, old and old.colour, new and new.colour)))
        await kube.create(CONFIG_MAPS, namespace, a_can("a", "red"))
        await kube.patch(CONFIG_MAPS, namespace, "a", {"data": {"colour": "blue"}})
        await kube.patch(CONFIG_MAPS, namespace, "a", {"metadata": {"labels": {"not": "of-interest"}}})
        await kube.delete(CONFIG_MAPS, namespace, "a")
        await until(lambda: len(told) >= 3, "three changes to be told")
    assert told == [("a", None, "red"), ("a", "red", "blue"), ("a", "blue", None)]


async def test_only_the_namespaces_asked_for_are_followed(cluster: Cluster, kube: Kube, namespace: str) -> None:
    second, third = cluster.new_namespace("second"), cluster.new_namespace("third")
    try:
        for place in (namespace, second, third):
            await kube.create(CONFIG_MAPS, place, a_can(f"in-{place}"))
        async with following(an_informer(kube, namespace, second)) as informer:
            assert {key.namespace for key, _ in informer.store.items()} == {namespace, second}
        async with following(an_informer(kube)) as informer:
            assert {key.namespace for key, _ in informer.store.items()} >= {namespace, second, third}
    finally:
        cluster.leave_namespace(second)
        cluster.leave_namespace(third)


async def test_a_write_of_our_own_is_known_at_once_and_told_once(kube: Kube, namespace: str) -> None:
    told: list[ObjectRef] = []
    async with following(an_informer(kube, namespace)) as informer:
        informer.store.subscribe(lambda key, _old, _new: told.append(key))
        informer.observe(await kube.create(CONFIG_MAPS, namespace, a_can("a", "red")))
        assert informer.store.get(ObjectRef(namespace, "a")) == Paint("a", "red")
        last = await kube.create(CONFIG_MAPS, namespace, a_can("last"))
        version = int(last["metadata"]["resourceVersion"])
        await until(lambda: informer.store.progress(namespace) >= version, "the watch to catch up")
    assert [key.name for key in told] == ["a", "last"]


async def test_a_wire_that_was_cut_is_watched_again_and_nothing_is_missed(
    kube: Kube, wired_kube: Kube, wire: Wire, namespace: str
) -> None:
    await kube.create(CONFIG_MAPS, namespace, a_can("goes"))
    async with following(an_informer(wired_kube, namespace)) as informer:
        await wire.cut()
        await kube.delete(CONFIG_MAPS, namespace, "goes")
        await kube.create(CONFIG_MAPS, namespace, a_can("comes"))
        await wire.mend()
        await until(shows(informer, {"comes": "red"}), "the informer to catch up")
        assert informer.lists == 1


async def test_an_api_server_that_is_away_at_first_is_waited_for(wired_kube: Kube, wire: Wire, namespace: str) -> None:
    await wire.cut()
    informer = an_informer(wired_kube, namespace)
    task = asyncio.create_task(informer.run())
    await asyncio.sleep(0)
    assert (informer.synced.is_set(), informer.age()) == (False, float("inf"))
    await wire.mend()
    await asyncio.wait_for(informer.synced.wait(), timeout=30)
    assert 0 <= informer.age() < 30
    task.cancel()


class Forgetful(Kube):
    """A door whose API server forgets what a watch would start from, for as long as `forgets`."""

    forgets = False
    watches = 0

    async def watch(self, resource, namespace, resource_version, **more) -> AsyncGenerator[WatchEvent]:  # type: ignore
        self.watches += 1
        if self.forgets:
            raise Gone("too old resource version")
        async for event in super().watch(resource, namespace, resource_version, **more):
            if self.forgets:
                raise Gone("too old resource version")
            yield event


async def test_a_deletion_that_the_watch_missed_is_seen_by_listing_again(
    kube: Kube, cluster: Cluster, namespace: str
) -> None:
    for name in ("stays", "goes", "changes"):
        await kube.create(CONFIG_MAPS, namespace, a_can(name))
    async with Forgetful.connect(cluster.kubeconfig) as forgetful:
        told: list[tuple[str, bool]] = []
        async with following(an_informer(forgetful, namespace)) as informer:
            informer.store.subscribe(lambda key, _old, new: told.append((key.name, new is not None)))
            await until(lambda: forgetful.watches, "the watch to begin")
            forgetful.forgets = True
            await kube.delete(CONFIG_MAPS, namespace, "goes")
            await kube.patch(CONFIG_MAPS, namespace, "changes", {"data": {"colour": "blue"}})
            await until(shows(informer, {"stays": "red", "changes": "blue"}), "the informer to list again")
    assert (sorted(told), informer.lists >= 2) == ([("changes", True), ("goes", False)], True)


@pytest.mark.usefixtures("crds")
async def test_a_version_that_the_api_server_has_forgotten_is_listed_again(kube: Kube, namespace: str) -> None:
    informer = Informer(kube, NUMBER_POOLS, lambda obj: obj, namespaces=[namespace])
    listed = informer._list

    async def listed_before_there_were_pools(scope: str | None) -> None:
        await listed(scope)
        if informer.lists == 1:
            informer.store._progress[scope] = 1

    informer._list = listed_before_there_were_pools  # type: ignore[method-assign]
    async with following(informer):
        await until(lambda: informer.lists == 2, "a second list")


async def test_cancelling_leaves_no_task_behind(kube: Kube, namespace: str) -> None:
    before = asyncio.all_tasks()
    async with following(an_informer(kube, namespace)):
        assert asyncio.all_tasks() > before
    assert asyncio.all_tasks() == before


async def test_a_quiet_namespace_keeps_up_by_bookmarks(
    cluster: Cluster, kube: Kube, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "WATCH_SECONDS", (3, 3))  # a bookmark comes two seconds before the end
    elsewhere = cluster.new_namespace("elsewhere")
    async with following(an_informer(kube, namespace)) as informer:
        version = int((await kube.create(CONFIG_MAPS, elsewhere, a_can("a")))["metadata"]["resourceVersion"])
        await until(lambda: informer.store.progress(namespace) >= version, "a bookmark")
        watches = kube.reads["watch", "configmaps"]
        await until(lambda: kube.reads["watch", "configmaps"] > watches, "the next watch")
        assert (informer.lists, len(informer.store)) == (1, 0)
    cluster.leave_namespace(elsewhere)
