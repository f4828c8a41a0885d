"""What holds on the API server, asked of the double that unit tests use in its place, and of a real one.

Each law is played on both, so that the double can't drift from what it stands for.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing, suppress

import pytest

from ringfleet.api import KINDS, NumberPool
from ringfleet.api.crds import UNSEEN
from ringfleet.api.meta import Resource as ApiObject
from ringfleet.kube.client import Change, Kube, WatchEvent
from ringfleet.kube.errors import AlreadyExists, Conflict, Gone, Invalid, NotFound, Unavailable
from ringfleet.kube.transport import Json
from ringfleet.model.refs import Resource
from ringfleet.objects.refs import resource_of
from tests.api.schemas import schema_of
from tests.controllers.api_double import ApiDouble, Fields, status_fields
from tests.controlplane.cluster import Cluster
from tests.kstatus import Word, compute
from tests.kube.virtual_time import run_in_virtual_time
from tests.waiting import until

MAPS = Resource("", "v1", "configmaps", "ConfigMap")
POOLS = resource_of(NumberPool)
GUARD = "ringfleet.dev/number"

Law = Callable[[Kube, str], Awaitable[None]]


def a_map(name: str = "a", **rest: object) -> Json:
    return {"metadata": {"name": name, **rest}, "data": {"colour": "red"}}


def a_pool(*finalizers: str) -> Json:
    spec = {
        "market": {"country": "US", "type": "Geographic"},
        "carriers": [{"accountRef": {"name": "main"}}],
        "size": {"target": 10},
    }
    return {"metadata": {"name": "west", "finalizers": list(finalizers)}, "spec": spec}


def version(obj: Json) -> str:
    found: str = obj["metadata"]["resourceVersion"]
    return found


async def told_since(kube: Kube, resource: Resource, namespace: str, since: str, count: int) -> list[WatchEvent]:
    """The next `count` changes. A server that has just learnt of a kind may want a moment before it answers."""
    seen: list[WatchEvent] = []

    async def watched() -> bool:
        seen.clear()
        with suppress(Unavailable):
            async with aclosing(kube.watch(resource, namespace, since)) as events:
                async for event in events:
                    seen.append(event)
                    if len(seen) == count:
                        return True
        return False

    await until(watched, f"{count} changes")
    return seen


# The laws.


async def a_name_is_taken_once(kube: Kube, namespace: str) -> None:
    created = await kube.create(MAPS, namespace, a_map())
    with pytest.raises(AlreadyExists):
        await kube.create(MAPS, namespace, a_map())
    assert await kube.get(MAPS, namespace, "a") == created
    assert created["metadata"].keys() >= {"uid", "creationTimestamp", "resourceVersion", "namespace"}


async def what_is_not_there_is_not_found(kube: Kube, namespace: str) -> None:
    for call in (
        lambda: kube.get(MAPS, namespace, "a"),
        lambda: kube.patch(MAPS, namespace, "a", {"data": {}}),
        lambda: kube.delete(MAPS, namespace, "a"),
    ):
        with pytest.raises(NotFound):
            await call()


async def of_two_writers_who_saw_one_version_the_second_is_refused(kube: Kube, namespace: str) -> None:
    seen = await kube.create(MAPS, namespace, a_map())
    await kube.patch(MAPS, namespace, "a", {"data": {"by": "first"}}, version(seen))
    for call in (
        lambda: kube.patch(MAPS, namespace, "a", {"data": {"by": "second"}}, version(seen)),
        lambda: kube.replace(MAPS, namespace, "a", seen),
        lambda: kube.delete(MAPS, namespace, "a", resource_version=version(seen)),
        lambda: kube.delete(MAPS, namespace, "a", uid="another"),
    ):
        with pytest.raises(Conflict):
            await call()
    assert (await kube.get(MAPS, namespace, "a"))["data"] == {"colour": "red", "by": "first"}


async def a_write_without_news_makes_no_version(kube: Kube, namespace: str) -> None:
    created = await kube.create(MAPS, namespace, a_map())
    patched = await kube.patch(MAPS, namespace, "a", {"data": {"colour": "red", "gone": None}}, version(created))
    assert version(patched) == version(created)
    changed = await kube.patch(MAPS, namespace, "a", {"data": {"colour": "blue"}})
    assert int(version(changed)) > int(version(created))


async def null_takes_a_field_away_and_a_list_takes_the_place_of_a_list(kube: Kube, namespace: str) -> None:
    await kube.create(MAPS, namespace, a_map(annotations={"a": "1", "b": "1"}, finalizers=[GUARD, "ringfleet.dev/x"]))
    patch = {"metadata": {"annotations": {"a": None, "c": "2"}, "finalizers": ["ringfleet.dev/x"]}}
    patched = (await kube.patch(MAPS, namespace, "a", patch))["metadata"]
    assert (patched["annotations"], patched["finalizers"]) == ({"b": "1", "c": "2"}, ["ringfleet.dev/x"])
    emptied = await kube.patch(MAPS, namespace, "a", {"metadata": {"annotations": None, "finalizers": []}})
    assert not {"annotations", "finalizers"} & emptied["metadata"].keys()


async def what_the_server_owns_of_an_object_no_patch_changes(kube: Kube, namespace: str) -> None:
    created = await kube.create(POOLS, namespace, a_pool())
    theirs = {"generation": 7, "creationTimestamp": "2020-01-01T00:00:00Z"}
    patched = await kube.patch(POOLS, namespace, "west", {"metadata": theirs})
    assert [patched["metadata"][key] for key in theirs] == [created["metadata"][key] for key in theirs]
    for refused in ({"deletionTimestamp": "2020-01-01T00:00:00Z"}, {"uid": "another"}):
        with pytest.raises(Invalid):
            await kube.patch(POOLS, namespace, "west", {"metadata": refused})


async def status_and_spec_are_written_apart(kube: Kube, namespace: str) -> None:
    created = await kube.create(POOLS, namespace, {**a_pool(), "status": {"supply": 9}})
    assert (created["status"], created["metadata"]["generation"]) == (UNSEEN, 1)
    body = {"spec": {"size": {"target": 11}}, "status": {"supply": 3}, "metadata": {"annotations": {"a": "b"}}}
    by_status = await kube.patch(POOLS, namespace, "west", body, version(created), "status")
    assert (by_status["spec"], by_status["status"]) == (created["spec"], UNSEEN | {"supply": 3})
    assert ("annotations" in by_status["metadata"], by_status["metadata"]["generation"]) == (False, 1)
    by_spec = await kube.patch(POOLS, namespace, "west", {**body, "status": {"supply": 4}})
    assert (by_spec["spec"]["size"]["target"], by_spec["status"]) == (11, UNSEEN | {"supply": 3})
    assert (by_spec["metadata"]["annotations"], by_spec["metadata"]["generation"]) == ({"a": "b"}, 2)
    with pytest.raises(Conflict):
        await kube.patch_status(POOLS, namespace, "west", {"supply": 5}, version(by_status))


async def what_nobody_has_looked_at_says_so_in_every_answer(kube: Kube, namespace: str) -> None:
    """The status that a person sends is dropped, and the default of the kind stands in its place: for kstatus, that the
    object is not Current."""
    created = await kube.create(POOLS, namespace, {**a_pool(), "status": {"supply": 9}})
    read = await kube.get(POOLS, namespace, "west")
    (listed,) = (await kube.list_all(POOLS, namespace)).items
    assert [one["status"] for one in (created, read, listed)] == [UNSEEN] * 3
    assert [compute(one) for one in (created, read, listed)] == [Word.IN_PROGRESS] * 3
    await kube.patch(POOLS, namespace, "west", {"metadata": {"annotations": {"a": "b"}}})
    (event,) = await told_since(kube, POOLS, namespace, version(created), 1)
    assert event.obj["status"] == UNSEEN
    written = await kube.patch_status(POOLS, namespace, "west", {"observedGeneration": 1})
    assert (written["status"], compute(written)) == ({"observedGeneration": 1}, Word.CURRENT)


async def an_object_with_a_finalizer_stays_until_it_is_off(kube: Kube, namespace: str) -> None:
    created = await kube.create(POOLS, namespace, a_pool(GUARD))
    going = await kube.delete(POOLS, namespace, "west", uid=created["metadata"]["uid"])
    assert (going["metadata"]["generation"], "deletionTimestamp" in going["metadata"]) == (2, True)
    assert int(version(going)) > int(version(created))
    again = await kube.delete(POOLS, namespace, "west")
    assert version(again) == version(going)
    with pytest.raises(Invalid):
        await kube.patch(POOLS, namespace, "west", {"metadata": {"finalizers": [GUARD, "ringfleet.dev/late"]}})
    with pytest.raises(AlreadyExists):
        await kube.create(POOLS, namespace, a_pool())
    gone = await kube.patch(POOLS, namespace, "west", {"metadata": {"finalizers": []}}, version(going))
    assert (gone["metadata"]["uid"], "finalizers" in gone["metadata"]) == (created["metadata"]["uid"], False)
    with pytest.raises(NotFound):
        await kube.get(POOLS, namespace, "west")
    events = await told_since(kube, POOLS, namespace, version(created), 2)
    assert [event.change for event in events] == [Change.MODIFIED, Change.DELETED]
    assert int(version(events[-1].obj)) > int(version(going))


async def an_object_without_a_finalizer_goes_at_once_and_its_name_is_free(kube: Kube, namespace: str) -> None:
    first = await kube.create(MAPS, namespace, a_map())
    await kube.delete(MAPS, namespace, "a")
    second = await kube.create(MAPS, namespace, a_map())
    assert second["metadata"]["uid"] != first["metadata"]["uid"]
    with pytest.raises(Conflict):
        await kube.delete(MAPS, namespace, "a", uid=first["metadata"]["uid"])


async def a_list_is_of_its_namespace_and_of_its_labels(kube: Kube, namespace: str) -> None:
    for name, colour in (("a", "red"), ("b", "blue")):
        await kube.create(MAPS, namespace, a_map(name, labels={"colour": colour}))
    page = await kube.list_all(MAPS, namespace, label_selector="colour=blue")
    assert [obj["metadata"]["name"] for obj in page.items] == ["b"]
    assert int(page.resource_version) >= int(version(page.items[0]))
    assert (await kube.list_all(MAPS, f"{namespace}-else")).items == []


async def a_list_and_a_watch_are_of_one_name_when_they_ask_for_one(kube: Kube, namespace: str) -> None:
    named = "metadata.name=b"
    for name in ("a", "b"):
        await kube.create(MAPS, namespace, a_map(name))
    page = await kube.list_all(MAPS, namespace, field_selector=named)
    assert [obj["metadata"]["name"] for obj in page.items] == ["b"]
    for name in ("a", "b"):
        await kube.delete(MAPS, namespace, name)

    async def gone() -> Sequence[str]:
        async with aclosing(kube.watch(MAPS, namespace, page.resource_version, field_selector=named)) as events:
            async for event in events:
                return (event.change, event.obj["metadata"]["name"])
        return ()

    assert await gone() == (Change.DELETED, "b")


async def the_pages_of_a_list_hold_each_object_once_and_are_of_one_version(kube: Kube, namespace: str) -> None:
    """Of pools, for a real cluster puts ConfigMaps of its own into a new namespace."""
    for name in ("a", "b", "c"):
        pool = a_pool()
        await kube.create(POOLS, namespace, {**pool, "metadata": {**pool["metadata"], "name": name}})
    async with aclosing(kube.pages(POOLS, namespace, page=2)) as found:
        pages = [page async for page in found]
    assert [[obj["metadata"]["name"] for obj in page.items] for page in pages] == [["a", "b"], ["c"]]
    assert len({page.resource_version for page in pages}) == 1


async def a_watch_tells_what_happened_since_in_its_order(kube: Kube, namespace: str) -> None:
    """Of pools, for a real cluster puts ConfigMaps of its own into a new namespace."""
    first = await kube.create(POOLS, namespace, a_pool())
    for _ in range(2):
        await kube.patch(POOLS, namespace, "west", {"spec": {"size": {"target": 11}}})
    await kube.delete(POOLS, namespace, "west")
    events = await told_since(kube, POOLS, namespace, version(first), 2)
    told = [(event.change, event.obj["spec"]["size"]["target"]) for event in events]
    assert told == [(Change.MODIFIED, 11), (Change.DELETED, 11)]
    modified, deleted = (int(version(event.obj)) for event in events)
    assert int(version(first)) < modified < deleted


async def a_watch_from_a_version_that_is_forgotten_is_gone(kube: Kube, namespace: str) -> None:
    async def is_gone() -> bool:
        with suppress(Unavailable):
            try:
                await told_since(kube, POOLS, namespace, "1", 1)
            except Gone:
                return True
        return False

    await until(is_gone, "the server to say that the version is forgotten")


LAWS: tuple[Law, ...] = (
    a_name_is_taken_once,
    what_is_not_there_is_not_found,
    of_two_writers_who_saw_one_version_the_second_is_refused,
    a_write_without_news_makes_no_version,
    null_takes_a_field_away_and_a_list_takes_the_place_of_a_list,
    what_the_server_owns_of_an_object_no_patch_changes,
    status_and_spec_are_written_apart,
    what_nobody_has_looked_at_says_so_in_every_answer,
    an_object_with_a_finalizer_stays_until_it_is_off,
    an_object_without_a_finalizer_goes_at_once_and_its_name_is_free,
    a_list_is_of_its_namespace_and_of_its_labels,
    a_list_and_a_watch_are_of_one_name_when_they_ask_for_one,
    the_pages_of_a_list_hold_each_object_once_and_are_of_one_version,
    a_watch_tells_what_happened_since_in_its_order,
    a_watch_from_a_version_that_is_forgotten_is_gone,
)
every_law = pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)


@every_law
def test_on_the_double(law: Law) -> None:
    async def main() -> None:
        await law(Kube(ApiDouble([])), "shop")

    run_in_virtual_time(main())


@every_law
@pytest.mark.usefixtures("crds")
async def test_on_a_real_api_server(law: Law, cluster: Cluster, namespace: str) -> None:
    async with Kube.connect(cluster.kubeconfig) as kube:
        await law(kube, namespace)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_the_double_knows_the_fields_of_a_status_that_its_schema_has(kind: type[ApiObject]) -> None:
    assert status_fields(kind.__name__) == _fields_of(schema_of(kind)["properties"]["status"])


def _fields_of(schema: Json) -> Fields | None:
    if "items" in schema:
        return _fields_of(schema["items"])
    if "properties" not in schema:
        return None
    return {name: _fields_of(inner) for name, inner in schema["properties"].items()}


def test_the_double_lets_a_field_stand_that_an_older_version_left_and_no_new_one_in() -> None:
    async def main() -> None:
        api = ApiDouble([])
        kube = Kube(api)  # type: ignore[arg-type]  # the double stands for the transport
        await kube.create(POOLS, "shop", {**a_pool(), "kind": "NumberPool"})
        api.leaves_older = True
        await kube.patch_status(POOLS, "shop", "west", {"gone": 1, "numbers": {"former": 2}})
        api.leaves_older = False
        await kube.patch_status(POOLS, "shop", "west", {"numbers": {"former": 3, "available": 1}})
        with pytest.raises(AssertionError, match=r"NumberPool has no status\.numbers\.newer"):
            await kube.patch_status(POOLS, "shop", "west", {"numbers": {"newer": 1}})
        with pytest.raises(AssertionError, match=r"NumberPool has no status\.odd"):
            await kube.patch_status(POOLS, "shop", "west", {"odd": 1})

    run_in_virtual_time(main())
