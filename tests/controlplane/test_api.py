"""The tests' own client: names as kubectl's, refusals in the server's words, and waits that are woken, not polled."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from concurrent import futures
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

import httpx
import pytest

from tests import waiting
from tests.controlplane.api import Api, Json, Refused, watching_loop
from tests.controlplane.cluster import Cluster
from tests.controlplane.rights import a_role, a_role_binding, a_rule, a_service_account
from tests.dispatch.gate import Gate
from tests.waiting import Source, note, wait_until

AN_HOUR_S, PATIENCE_S = 3600.0, 20.0
POLLED = 10
"""More looks than a waiter takes that is woken, and fewer than one that polls takes meanwhile."""


def a_secret(name: str, **data: str) -> Json:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data}


def names(listed: list[Json]) -> list[str]:
    return [one["metadata"]["name"] for one in listed]


# Names.


@pytest.mark.parametrize("name", ["configmaps", "configmap", "cm", "ConfigMap"])
def test_a_kind_is_found_by_each_of_its_names(api: Api, name: str) -> None:
    assert api.kind(name).path("shop", "a b") == "/api/v1/namespaces/shop/configmaps/a%20b"


def test_of_two_kinds_of_one_name_the_core_one_goes_first_and_a_group_names_the_other(api: Api) -> None:
    found = [api.kind(name).path("shop") for name in ("events", "events.events.k8s.io")]
    assert found == ["/api/v1/namespaces/shop/events", "/apis/events.k8s.io/v1/namespaces/shop/events"]


def test_a_kind_of_the_whole_cluster_is_in_no_namespace(api: Api) -> None:
    assert api.kind("ns").path("shop", "a", "status") == "/api/v1/namespaces/a/status"


def test_a_kind_that_is_served_later_is_found_later(api: Api, namespace: str) -> None:
    group = f"{namespace}.example.com"
    with pytest.raises(LookupError, match=f"serves no pond.{group}"):
        api.kind(f"pond.{group}")
    api.create(a_kind(group))
    try:
        assert wait_until(lambda: kind_or_none(api, f"pond.{group}"), "the new kind to be served").plural == "ponds"
    finally:
        api.delete("crd", f"ponds.{group}")


def kind_or_none(api: Api, name: str) -> Any:
    with suppress(LookupError):
        return api.kind(name)
    return None


def a_kind(group: str) -> Json:
    schema = {"openAPIV3Schema": {"type": "object"}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"ponds.{group}"},
        "spec": {
            "group": group,
            "names": {"plural": "ponds", "singular": "pond", "kind": "Pond"},
            "scope": "Namespaced",
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
        },
    }


# Writing, and what is refused.


def test_a_refusal_is_in_the_servers_words(api: Api, namespace: str) -> None:
    with pytest.raises(Refused) as refused:
        api.get("secret", "none", namespace)
    assert (refused.value.complaint, refused.value.code) == ('secrets "none" not found', 404)
    assert api.find("secret", "none", namespace) is None


@pytest.mark.parametrize("write", [Api.create, lambda api, bad, where: api.apply(bad, namespace=where)])
def test_a_field_that_there_is_not_is_refused(api: Api, namespace: str, write: Callable[..., object]) -> None:
    with pytest.raises(Refused, match="date") as refused:
        write(api, {**a_secret("typo"), "date": {}}, namespace)
    assert refused.value.code in {400, 500}
    assert api.list("secrets", namespace) == []


def test_a_dry_run_writes_nothing(api: Api, namespace: str) -> None:
    api.create(a_secret("a"), namespace, dry_run=True)
    api.apply(a_secret("b"), namespace=namespace, dry_run=True)
    assert api.list("secrets", namespace) == []


def test_what_is_applied_and_no_longer_said_is_taken_off(api: Api, namespace: str) -> None:
    labelled = a_secret("a")
    labelled["metadata"] |= {"labels": {"team": "voice"}}
    api.apply(labelled, namespace=namespace)
    api.annotate("secret", "a", namespace, by_hand="yes")
    api.apply(a_secret("a"), namespace=namespace)
    metadata = api.get("secret", "a", namespace)["metadata"]
    assert ("labels" in metadata, metadata["annotations"]) == (False, {"ringfleet.dev/by-hand": "yes"})


def test_what_is_listed_says_its_kind_and_may_be_chosen(api: Api, namespace: str) -> None:
    for name in ("a", "b"):
        api.create(a_secret(name), namespace)
    (found,) = api.list("secrets", namespace, fieldSelector="metadata.name=b")
    assert (found["kind"], found["apiVersion"], found["metadata"]["name"]) == ("Secret", "v1", "b")


def test_another_user_is_acted_as_with_his_rights_or_those_of_a_group(cluster: Cluster, namespace: str) -> None:
    reader = f"system:serviceaccount:{namespace}:reader"
    rights = a_role("reader", a_rule(["secrets"], ["list"])), a_role_binding(namespace, "reader", "reader")
    cluster.apply(a_service_account("reader"), *rights, namespace=namespace)
    wait_until(lambda: cluster.may("reader", "list", "secrets", namespace=namespace), "the role to be in force")
    assert cluster.api_as(reader).list("secrets", namespace) == []
    with pytest.raises(Refused, match=f'User "{reader}" cannot create resource "secrets"'):
        cluster.api_as(reader).create(a_secret("a"), namespace)
    cluster.api_as(reader, "system:masters").create(a_secret("a"), namespace)
    assert names(cluster.api_as(reader).list("secrets", namespace)) == ["a"]


class Busy(BaseHTTPRequestHandler):
    """Answers `later` so often, and then what it was asked."""

    later: ClassVar[list[dict[str, str]]] = []

    def do_POST(self) -> None:
        asked = self.rfile.read(int(self.headers["Content-Length"]))
        headers = self.later.pop() if self.later else None
        self.send_response(200 if headers is None else 429)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(asked)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def busy(tmp_path: Path) -> Iterator[Api]:
    """The client of a server that is `Busy`."""
    server = HTTPServer(("127.0.0.1", 0), Busy)
    kubeconfig = tmp_path / "busy.kubeconfig"
    place = {"server": f"http://127.0.0.1:{server.server_port}"}
    kubeconfig.write_text(json.dumps({"clusters": [{"cluster": place}], "users": [{"user": {}}]}))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    with closing(Api(kubeconfig)) as api:
        yield api
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_server_that_says_later_is_asked_again(busy: Api) -> None:
    Busy.later[:] = [{"Retry-After": "1"}] * 2
    assert busy.request("POST", "/any", {"message": "hello"}) == {"message": "hello"}
    assert Busy.later == []


def test_too_many_without_a_word_of_later_is_a_refusal(busy: Api) -> None:
    Busy.later[:] = [{}, {}]
    with pytest.raises(Refused, match="hello"):
        busy.request("POST", "/any", {"message": "hello"})
    assert len(Busy.later) == 1


# Waiting.


class Waiter:
    """Somebody who waits in a thread of its own, and counts its looks; it never looks because time has passed."""

    def __init__(self, look: Callable[[], object]) -> None:
        self.looks = 0
        self._look = look
        self._end = Source()
        self._pool = ThreadPoolExecutor(1)
        self._done: Future[object] = self._pool.submit(
            wait_until, self._look_once, "what is awaited", timeout=AN_HOUR_S, interval=0.001
        )

    def __enter__(self) -> Waiter:
        return self

    def __exit__(self, *_: object) -> None:
        self._end.changed()
        self._pool.shutdown()

    def result(self) -> object:
        return self._done.result(PATIENCE_S)

    def wait_looks(self, count: int) -> None:
        wait_until(lambda: self.looks >= count, f"look {count}", timeout=PATIENCE_S)

    def _look_once(self) -> object:
        note(lambda: self._end)
        seen = self._end.version or self._look()
        self.looks += 1
        return seen


@pytest.fixture
def only_woken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody looks again because time has passed."""
    monkeypatch.setattr(waiting, "LONGEST_REST_S", AN_HOUR_S)


@pytest.mark.usefixtures("only_woken")
def test_a_wait_is_woken_by_what_it_waits_for_and_looks_at_nothing_meanwhile(api: Api, namespace: str) -> None:
    with Waiter(lambda: api.find("secret", "awaited", namespace)) as waiter:
        waiter.wait_looks(2)  # the second look is when the watch begins
        for n in range(50):
            config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"c{n}"}}
            api.create(config, namespace)
        assert waiter.looks < POLLED
        api.create(a_secret("awaited"), namespace)
        assert waiter.result()
    assert waiter.looks < POLLED


@pytest.mark.usefixtures("only_woken")
def test_a_wait_is_woken_by_what_goes(api: Api, namespace: str) -> None:
    api.create(a_secret("doomed"), namespace)
    with Waiter(lambda: not api.list("secrets", namespace)) as waiter:
        waiter.wait_looks(2)
        api.delete("secret", "doomed", namespace=namespace, wait=False)
        assert waiter.result()


@pytest.fixture
def held_watches() -> Iterator[threading.Event]:
    """No watch begins before the event is set."""
    go_on = threading.Event()
    watching_loop().call_soon_threadsafe(go_on.wait)
    yield go_on
    go_on.set()


@pytest.mark.usefixtures("only_woken")
@pytest.mark.parametrize("comes", [pytest.param(True, id="what comes"), pytest.param(False, id="what goes")])
def test_nothing_is_missed_between_a_look_and_its_watch(
    cluster: Cluster, namespace: str, held_watches: threading.Event, comes: bool
) -> None:
    if not comes:
        cluster.api.create(a_secret("a"), namespace)
    with closing(Api(cluster.kubeconfig)) as api:

        def look() -> bool:
            seen = api.find("secret", "a", namespace)
            if waiter.looks == 0:
                if comes:
                    cluster.api.create(a_secret("a"), namespace)
                else:
                    cluster.api.delete("secret", "a", namespace=namespace, wait=False)
                held_watches.set()
            return bool(seen) is comes

        ready = threading.Event()
        with Waiter(lambda: ready.wait() and look()) as waiter:
            ready.set()
            assert waiter.result()


@pytest.mark.usefixtures("only_woken")
def test_a_watch_that_is_cut_is_opened_again(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    gate, kubeconfig = Gate(cluster.server().url), tmp_path / "through-the-gate.kubeconfig"
    kubeconfig.write_text(cluster.kubeconfig.read_text().replace(cluster.server().url, gate.url))

    def look() -> object:
        with suppress(httpx.TransportError):  # the gate is shut
            return api.find("secret", "awaited", namespace)
        return None

    with closing(Api(kubeconfig)) as api, Waiter(look) as waiter:
        waiter.wait_looks(2)
        gate.shut()
        waiter.wait_looks(3)  # that the watch has ended is something new, too
        gate.open()
        cluster.api.create(a_secret("awaited"), namespace)
        assert waiter.result()
    gate.shut()


@pytest.mark.usefixtures("only_woken")
@pytest.mark.parametrize("manifest", [a_secret("b"), a_service_account("b")], ids=lambda manifest: manifest["kind"])
def test_a_look_at_two_collections_is_woken_by_either(api: Api, namespace: str, manifest: Json) -> None:
    both = ("secrets", "serviceaccounts")
    with Waiter(lambda: "b" in [name for what in both for name in names(api.list(what, namespace))]) as waiter:
        waiter.wait_looks(2)
        api.create(manifest, namespace)
        assert waiter.result()


def test_changes_are_told_until_the_watch_ends(api: Api, namespace: str) -> None:
    api.create(a_secret("before"), namespace)
    with ThreadPoolExecutor(1) as pool:
        told = pool.submit(api.changes, "secrets", namespace, 1)
        seen = 0
        while not told.done():
            api.create(a_secret(f"s{seen}"), namespace)
            seen += 1
            futures.wait([told], timeout=0.05)
    changes = [(change["type"], change["object"]["metadata"]["name"]) for change in told.result()]
    assert changes
    assert set(changes) <= {("ADDED", f"s{n}") for n in range(seen)}
