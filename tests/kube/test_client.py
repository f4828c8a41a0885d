"""The verbs, against the real API server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from ringfleet.kube.client import Change, Kube, Limits, WatchEvent
from ringfleet.kube.errors import AlreadyExists, Conflict, Gone, Invalid, NotFound, Unavailable
from ringfleet.kube.transport import Json
from ringfleet.model.refs import Resource
from tests.controlplane.cluster import Cluster
from tests.kube.conftest import CONFIG_MAPS, NUMBER_POOLS
from tests.kube.wire import Wire
from tests.waiting import until

NAMESPACES = Resource("", "v1", "namespaces", "Namespace")
INGRESSES = Resource("networking.k8s.io", "v1", "ingresses", "Ingress")


def a_config_map(name: str, labels: dict[str, str] | None = None, **data: str) -> Json:
    return {"metadata": {"name": name, "labels": labels or {}}, "data": data}


@pytest.mark.parametrize(
    ("resource", "where", "path"),
    [
        (CONFIG_MAPS, (), "/api/v1/configmaps"),
        (CONFIG_MAPS, ("ns", "a"), "/api/v1/namespaces/ns/configmaps/a"),
        (NAMESPACES, (None, "ns", "status"), "/api/v1/namespaces/ns/status"),
        (
            Resource("ringfleet.dev", "v1alpha1", "numberpools", "NumberPool"),
            ("ns", "us", "scale"),
            "/apis/ringfleet.dev/v1alpha1/namespaces/ns/numberpools/us/scale",
        ),
        (CONFIG_MAPS, ("ns", "../secrets/a?b"), "/api/v1/namespaces/ns/configmaps/..%2Fsecrets%2Fa%3Fb"),
    ],
)
def test_a_path_leads_to_its_resource_and_to_no_other(
    resource: Resource, where: tuple[str | None, ...], path: str
) -> None:
    assert resource.path(*where) == path


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_a_name_that_would_climb_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not the name"):
        CONFIG_MAPS.path("ns", name)


async def test_what_is_created_can_be_read(kube: Kube, namespace: str) -> None:
    created = await kube.create(CONFIG_MAPS, namespace, a_config_map("a", colour="rød"))
    assert await kube.get(CONFIG_MAPS, namespace, "a") == created
    assert (created["kind"], created["data"]) == ("ConfigMap", {"colour": "rød"})


async def test_our_writes_are_marked_as_ours(kube: Kube, namespace: str) -> None:
    created = await kube.create(CONFIG_MAPS, namespace, a_config_map("a", colour="red"))
    assert created["metadata"]["managedFields"][0]["manager"] == "ringfleet"


async def test_what_is_not_there_is_not_found(kube: Kube, namespace: str) -> None:
    with pytest.raises(NotFound, match=f"GET /api/v1/namespaces/{namespace}/configmaps/a.*not found"):
        await kube.get(CONFIG_MAPS, namespace, "a")


async def test_a_kind_that_is_not_installed_is_not_found(kube: Kube) -> None:
    with pytest.raises(NotFound):
        await kube.list_all(Resource("nobody.example", "v1", "things", "Thing"))


async def test_a_name_can_be_taken_once(kube: Kube, namespace: str) -> None:
    await kube.create(CONFIG_MAPS, namespace, a_config_map("a"))
    with pytest.raises(AlreadyExists):
        await kube.create(CONFIG_MAPS, namespace, a_config_map("a"))


async def test_an_unknown_field_is_refused_and_not_dropped(kube: Kube, namespace: str) -> None:
    with pytest.raises(Invalid, match='unknown field "date"'):
        await kube.create(CONFIG_MAPS, namespace, {"metadata": {"name": "a"}, "date": {}})


async def test_a_refusal_names_the_field(kube: Kube, namespace: str) -> None:
    with pytest.raises(Invalid) as refusal:
        await kube.create(CONFIG_MAPS, namespace, a_config_map("Not_A_Name"))
    assert [cause.field for cause in refusal.value.causes] == ["metadata.name"]


async def test_a_patch_merges(kube: Kube, namespace: str) -> None:
    await kube.create(CONFIG_MAPS, namespace, a_config_map("a", kept="1", changed="1", removed="1"))
    patch = {"data": {"changed": "2", "removed": None, "added": "2"}}
    patched = await kube.patch(CONFIG_MAPS, namespace, "a", patch)
    assert patched["data"] == {"kept": "1", "changed": "2", "added": "2"}


@pytest.mark.parametrize("verb", ["patch", "replace", "delete"])
async def test_of_two_writers_who_saw_the_same_version_the_second_is_refused(
    kube: Kube, namespace: str, verb: str
) -> None:
    seen = await kube.create(CONFIG_MAPS, namespace, a_config_map("a"))
    version = seen["metadata"]["resourceVersion"]
    second = {
        "patch": lambda: kube.patch(CONFIG_MAPS, namespace, "a", {"data": {"by": "second"}}, version),
        "replace": lambda: kube.replace(CONFIG_MAPS, namespace, "a", {**seen, "data": {"by": "second"}}),
        "delete": lambda: kube.delete(CONFIG_MAPS, namespace, "a", resource_version=version),
    }
    await kube.patch(CONFIG_MAPS, namespace, "a", {"data": {"by": "first"}}, version)
    with pytest.raises(Conflict):
        await second[verb]()
    assert (await kube.get(CONFIG_MAPS, namespace, "a"))["data"] == {"by": "first"}


async def test_what_a_manager_applies_and_applies_no_more_is_gone(kube: Kube, namespace: str) -> None:
    await kube.create(CONFIG_MAPS, namespace, a_config_map("a", others="1"))
    await kube.apply(CONFIG_MAPS, namespace, "a", a_config_map("a", kept="1", removed="1"), "somebody")
    applied = await kube.apply(CONFIG_MAPS, namespace, "a", a_config_map("a", kept="2"), "somebody")
    assert applied["data"] == {"others": "1", "kept": "2"}


async def test_no_write_of_a_dry_run_is_kept(cluster: Cluster, kube: Kube, namespace: str) -> None:
    there = await kube.create(CONFIG_MAPS, namespace, a_config_map("there", colour="red"))
    async with Kube.connect(cluster.kubeconfig, dry_run=True) as rehearsal:
        created = await rehearsal.create(CONFIG_MAPS, namespace, a_config_map("new", colour="red"))
        applied = await rehearsal.apply(CONFIG_MAPS, namespace, "there", a_config_map("there", colour="blue"), "us")
        patched = await rehearsal.patch(CONFIG_MAPS, namespace, "there", {"data": {"colour": "green"}})
        await rehearsal.delete(CONFIG_MAPS, namespace, "there")
        with pytest.raises(Invalid):
            await rehearsal.create(CONFIG_MAPS, namespace, a_config_map("Not_A_Name"))
    assert [obj["data"]["colour"] for obj in (created, applied, patched)] == ["red", "blue", "green"]
    page = await kube.list_all(CONFIG_MAPS, namespace)
    assert [obj for obj in page.items if obj["metadata"]["name"] != "kube-root-ca.crt"] == [
        {key: value for key, value in there.items() if key not in {"apiVersion", "kind"}}
    ]


async def test_what_is_served_can_be_asked_for_by_kind(kube: Kube) -> None:
    kinds = {one["kind"]: one["name"] for one in await kube.served("v1") if "/" not in one["name"]}
    assert (kinds["ConfigMap"], kinds["Secret"]) == ("configmaps", "secrets")
    with pytest.raises(NotFound):
        await kube.served("nobody.example/v1")


def a_status(address: str) -> Json:
    return {"loadBalancer": {"ingress": [{"ip": address}]}}


async def test_status_is_written_apart_from_the_rest(kube: Kube, namespace: str) -> None:
    backend = {"service": {"name": "nobody", "port": {"number": 80}}}
    created = await kube.create(INGRESSES, namespace, {"metadata": {"name": "a"}, "spec": {"defaultBackend": backend}})
    version = created["metadata"]["resourceVersion"]
    patched = await kube.patch_status(INGRESSES, namespace, "a", a_status("192.0.2.1"), version)
    with pytest.raises(Conflict):
        await kube.patch_status(INGRESSES, namespace, "a", a_status("192.0.2.2"), version)
    assert (patched["spec"], patched["status"]) == (created["spec"], a_status("192.0.2.1"))
    assert kube.writes == {("create", "ingresses"): 1, ("patch", "ingresses/status"): 2}


async def test_another_object_of_the_same_name_is_not_deleted(kube: Kube, namespace: str) -> None:
    first = await kube.create(CONFIG_MAPS, namespace, a_config_map("a"))
    await kube.delete(CONFIG_MAPS, namespace, "a", uid=first["metadata"]["uid"])
    second = await kube.create(CONFIG_MAPS, namespace, a_config_map("a"))
    with pytest.raises(Conflict):
        await kube.delete(CONFIG_MAPS, namespace, "a", uid=first["metadata"]["uid"])
    assert await kube.get(CONFIG_MAPS, namespace, "a") == second


async def test_a_long_list_comes_in_pages_of_one_version(kube: Kube, namespace: str) -> None:
    names = [f"n{number:04}" for number in range(1200)]
    created = await asyncio.gather(*(kube.create(CONFIG_MAPS, namespace, a_config_map(name)) for name in names))
    async with aclosing(kube.pages(CONFIG_MAPS, namespace)) as pages:
        seen = [page async for page in pages]
    listed = [item["metadata"]["name"] for page in seen for item in page.items]
    assert ([len(page.items) >= 200 for page in seen], sorted(set(listed) & set(names))) == ([True] * 3, names)
    assert len(listed) == len(set(listed))
    assert {page.resource_version for page in seen} == {seen[0].resource_version}
    assert int(seen[0].resource_version) >= max(int(obj["metadata"]["resourceVersion"]) for obj in created)


async def test_a_list_can_be_narrowed(kube: Kube, namespace: str) -> None:
    for name, colour in (("a", "red"), ("b", "blue"), ("c", "green")):
        await kube.create(CONFIG_MAPS, namespace, a_config_map(name, {"colour": colour}))
    by_label = await kube.list_all(CONFIG_MAPS, namespace, label_selector="colour in (red, blue)")
    by_field = await kube.list_all(CONFIG_MAPS, namespace, field_selector="metadata.name=c")
    assert [item["metadata"]["name"] for page in (by_label, by_field) for item in page.items] == ["a", "b", "c"]


async def test_a_watch_tells_what_happened_since(kube: Kube, namespace: str) -> None:
    since = (await kube.list_all(CONFIG_MAPS, namespace, field_selector="metadata.name=a")).resource_version
    await kube.create(CONFIG_MAPS, namespace, a_config_map("a"))
    await kube.patch(CONFIG_MAPS, namespace, "a", {"data": {"b": "c"}})
    await kube.delete(CONFIG_MAPS, namespace, "a")
    told = []
    async with aclosing(kube.watch(CONFIG_MAPS, namespace, since, field_selector="metadata.name=a")) as events:
        async for change, obj in events:
            told.append((change, obj["metadata"]["name"]))
            if change is Change.DELETED:
                break
    assert told == [(Change.ADDED, "a"), (Change.MODIFIED, "a"), (Change.DELETED, "a")]


async def to_its_end(watch: AsyncGenerator[WatchEvent]) -> list[WatchEvent]:
    async with aclosing(watch):
        return [event async for event in watch]


@pytest.mark.usefixtures("crds")
async def test_a_watch_from_a_version_that_is_forgotten_is_gone(kube: Kube, namespace: str) -> None:
    """An API server that has just learnt of a kind may want a moment before it answers at all."""

    async def is_gone() -> bool:
        before_there_were_pools = "1"
        try:
            await to_its_end(kube.watch(NUMBER_POOLS, namespace, before_there_were_pools))
        except Unavailable:
            return False
        except Gone:
            return True
        return False

    await until(is_gone, "the API server to say that the version is forgotten")


async def test_a_watch_in_which_nothing_comes_is_given_up(kube: Kube, namespace: str) -> None:
    since = (await kube.list_all(CONFIG_MAPS, namespace)).resource_version
    watch = kube.watch(CONFIG_MAPS, namespace, since, field_selector="metadata.name=none", silence=0.2)
    with pytest.raises(Unavailable, match="in time"):
        await to_its_end(watch)


async def test_a_watch_whose_connection_breaks_says_so(wire: Wire, wired_kube: Kube, namespace: str) -> None:
    since = (await wired_kube.list_all(CONFIG_MAPS, namespace)).resource_version
    await wired_kube.create(CONFIG_MAPS, namespace, a_config_map("a"))
    watch = wired_kube.watch(CONFIG_MAPS, namespace, since)
    await anext(watch)
    await wire.cut()
    with pytest.raises(Unavailable):
        await to_its_end(watch)


async def test_never_more_writes_are_under_way_than_allowed(cluster: Cluster, namespace: str) -> None:
    async with Kube.connect(cluster.kubeconfig, limits=Limits(writes_at_once=3)) as kube:
        call, under_way, most = kube._transport.call, 0, 0

        async def counted(*arguments: object) -> Json:
            nonlocal under_way, most
            under_way += 1
            most = max(most, under_way)
            try:
                return await call(*arguments)  # type: ignore[arg-type]
            finally:
                under_way -= 1

        kube._transport.call = counted  # type: ignore[assignment]
        await asyncio.gather(*(kube.create(CONFIG_MAPS, namespace, a_config_map(f"n{n}")) for n in range(30)))
    assert most == 3
