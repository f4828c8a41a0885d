"""The relay stops the world at exactly the call that it was told to, and passes everything else on unchanged."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, field

import httpx
import pytest
from aiohttp import web

from tests.chaos.relay import Call, Tripwire, Upstream, everything_but_watches, relaying
from tests.controlplane.api import Api
from tests.controlplane.cluster import Cluster
from tests.controlplane.rights import a_role, a_role_binding, a_rule, a_service_account
from tests.waiting import until, wait_until


@dataclass
class Witness:
    """A tiny upstream that remembers what reached it, and that answers `/slow` and watches only when told."""

    url: str = ""
    seen: list[str] = field(default_factory=list)
    requests: list[tuple[str, str, str, bytes]] = field(default_factory=list)
    answered: list[str] = field(default_factory=list)
    watching: int = 0
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read()
        self.seen.append(f"{request.method} {request.path}")
        self.requests.append((request.method, request.raw_path, request.headers.get("Authorization", ""), body))
        if "watch" in request.query:
            return await self._watch(request)
        if request.path == "/slow":
            await self.go_on.wait()
        self.answered.append(request.path)
        return web.json_response({"path": request.path}, status=201, headers={"X-Carrier": "yes"})

    async def _watch(self, request: web.BaseRequest) -> web.StreamResponse:
        self.watching += 1
        try:
            response = web.StreamResponse()
            await response.prepare(request)
            await response.write(b"first\n")
            await self.go_on.wait()
            await response.write(b"second\n")
        finally:
            self.watching -= 1
        return response


@asynccontextmanager
async def a_witness() -> AsyncIterator[Witness]:
    witness = Witness()
    runner = web.ServerRunner(web.Server(witness.handle, handler_cancellation=True), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    witness.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield witness
    finally:
        await runner.cleanup()


@pytest.fixture
async def witness() -> AsyncIterator[Witness]:
    async with a_witness() as witness:
        yield witness


@pytest.fixture
def tripwire() -> Tripwire:
    return Tripwire()


@contextmanager
def relayed(witness: Witness, tripwire: Tripwire) -> Iterator[str]:
    with relaying(tripwire, {"carrier": Upstream(witness.url)}) as relays:
        yield relays.urls["carrier"]


async def send(url: str, method: str = "POST") -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False, verify=False, timeout=60) as client:
        return await client.request(method, url)


async def test_a_call_and_its_reply_pass_unchanged(witness: Witness, tripwire: Tripwire) -> None:
    with relayed(witness, tripwire) as url:
        async with httpx.AsyncClient(
            headers={"Authorization": "Bearer abc"}, trust_env=False, verify=False, timeout=60
        ) as client:
            reply = await client.patch(f"{url}/a%2Fb?number=%2B1415&x=", content=b"\x00binary")
    assert witness.requests == [("PATCH", "/a%2Fb?number=%2B1415&x=", "Bearer abc", b"\x00binary")]
    assert (reply.status_code, reply.headers["X-Carrier"], reply.json()) == (201, "yes", {"path": "/a/b"})


async def test_calls_of_all_relays_count_in_one_sequence_and_reads_do_not(tripwire: Tripwire) -> None:
    async with a_witness() as carrier, a_witness() as kubernetes:
        upstreams = {"carrier": Upstream(carrier.url), "kubernetes": Upstream(kubernetes.url)}
        with relaying(tripwire, upstreams) as relays:
            await send(f"{relays.urls['kubernetes']}/intent")
            await send(f"{relays.urls['carrier']}/search", "GET")
            await send(f"{relays.urls['carrier']}/buy")
    assert tripwire.count == 2
    assert tripwire.calls == (
        Call("kubernetes", "POST", "/intent", 1),
        Call("carrier", "GET", "/search", None),
        Call("carrier", "POST", "/buy", 2),
    )


async def test_reads_count_when_the_predicate_says_so_but_watches_do_not(witness: Witness) -> None:
    tripwire = Tripwire(counts=everything_but_watches)
    witness.go_on.set()
    with relayed(witness, tripwire) as url:
        await send(f"{url}/list", "GET")
        await send(f"{url}/list?watch=true", "GET")
    assert [call.index for call in tripwire.calls] == [1, None]


async def test_before_the_upstream_never_sees_the_call_and_nothing_passes_afterwards(
    witness: Witness, tripwire: Tripwire
) -> None:
    killed: list[list[str]] = []
    with relayed(witness, tripwire) as url:
        tripwire.arm(2, "before", lambda: killed.append(list(witness.seen)))
        await send(f"{url}/first")
        for path in ("second", "third"):
            with pytest.raises(httpx.TransportError):
                await send(f"{url}/{path}")
    assert tripwire.sprung.is_set()
    assert killed == [["POST /first"]]
    assert witness.seen == ["POST /first"]


async def test_after_the_upstream_has_answered_and_the_caller_hears_nothing(
    witness: Witness, tripwire: Tripwire
) -> None:
    killed: list[list[str]] = []
    with relayed(witness, tripwire) as url:
        tripwire.arm(2, "after", lambda: killed.append(list(witness.answered)))
        await send(f"{url}/first")
        for path in ("second", "third"):
            with pytest.raises(httpx.TransportError):
                await send(f"{url}/{path}")
    assert killed == [["/first", "/second"]]
    assert witness.answered == ["/first", "/second"]


async def test_a_reset_lets_everything_pass_again(witness: Witness, tripwire: Tripwire) -> None:
    with relayed(witness, tripwire) as url:
        tripwire.arm(1, "before", lambda: None)
        with pytest.raises(httpx.TransportError):
            await send(f"{url}/lost")
        tripwire.reset()
        assert (await send(f"{url}/again")).status_code == 201
    assert tripwire.calls == (Call("carrier", "POST", "/again", 1),)


async def test_a_call_in_flight_takes_effect_but_its_reply_is_withheld(witness: Witness, tripwire: Tripwire) -> None:
    with relayed(witness, tripwire) as url:
        tripwire.arm(2, "before", lambda: None)
        slow = asyncio.create_task(send(f"{url}/slow"))
        await until(lambda: "POST /slow" in witness.seen, "the slow call to arrive")
        with pytest.raises(httpx.TransportError):
            await send(f"{url}/second")
        witness.go_on.set()
        with pytest.raises(httpx.TransportError):
            await slow
    assert witness.answered == ["/slow"]


async def test_a_call_takes_effect_even_if_its_caller_dies_meanwhile(witness: Witness, tripwire: Tripwire) -> None:
    with relayed(witness, tripwire) as url:
        slow = asyncio.create_task(send(f"{url}/slow"))
        await until(lambda: "POST /slow" in witness.seen, "the slow call to arrive")
        slow.cancel()
        watch = asyncio.create_task(send(f"{url}/list?watch=1", "GET"))
        await until(lambda: witness.watching, "the watch to begin")
        watch.cancel()
        await until(lambda: not witness.watching, "the abandoned watch to be given up")
        witness.go_on.set()
        await until(lambda: witness.answered == ["/slow"], "the slow call to take effect")


async def test_a_watch_flows_as_it_comes(witness: Witness, tripwire: Tripwire) -> None:
    with relayed(witness, tripwire) as url:
        async with (
            httpx.AsyncClient(trust_env=False, verify=False, timeout=60) as client,
            client.stream("GET", f"{url}/list?watch=1") as reply,
        ):
            lines = reply.aiter_lines()
            assert await anext(lines) == "first"
            witness.go_on.set()
            assert await anext(lines) == "second"


async def test_an_upstream_that_is_gone_is_a_cut_connection(tripwire: Tripwire) -> None:
    async with a_witness() as witness:
        gone = witness.url
    with relaying(tripwire, {"carrier": Upstream(gone)}) as relays, pytest.raises(httpx.TransportError):
        await send(relays.urls["carrier"])


@pytest.fixture
def writer(cluster: Cluster, namespace: str) -> str:
    """A service account that may write ConfigMaps."""
    role = a_role("writer", a_rule(["configmaps"], ["create", "get", "list"]))
    binding = a_role_binding(namespace, "writer", "writer")
    cluster.apply(a_service_account("writer"), role, binding, namespace=namespace)
    wait_until(lambda: cluster.may("writer", "create", "configmaps", namespace=namespace), "the role to be in force")
    return "writer"


@pytest.mark.parametrize(("when", "exists"), [("before", False), ("after", True)])
def test_a_write_to_a_real_api_server_is_stopped_under_tls_and_rbac(
    cluster: Cluster, namespace: str, writer: str, tripwire: Tripwire, when: str, exists: bool
) -> None:
    kubernetes = cluster.server()
    with relaying(tripwire, {"kubernetes": Upstream(kubernetes.url, kubernetes.authority)}) as relays:
        kubeconfig = cluster.kubeconfig_of(namespace, writer, server=relays.server("kubernetes"))
        with closing(Api(kubeconfig)) as through:
            through.create(a_config_map("first"), namespace)
            tripwire.arm(1, when, lambda: None)
            with pytest.raises(httpx.TransportError):
                through.create(a_config_map("second"), namespace)
    assert cluster.api.find("configmap", "first", namespace)
    assert (cluster.api.find("configmap", "second", namespace) is not None) is exists


def a_config_map(name: str) -> dict[str, object]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}
