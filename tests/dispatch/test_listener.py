"""What strangers can make a listener hold, over real sockets, and what no request changes."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from ringfleet.dispatch import http_edge, http_limits
from ringfleet.dispatch.app import Dispatcher
from ringfleet.dispatch.auth import Anybody
from ringfleet.dispatch.clock import Clock
from ringfleet.dispatch.http_limits import HEADER_BYTES, Connections
from ringfleet.dispatch.inventory import Inventory
from ringfleet.dispatch.ledger.open import open_ledger
from ringfleet.dispatch.listener import Address, Listener
from ringfleet.dispatch.metrics import Metrics
from ringfleet.dispatch.problems import Problem
from ringfleet.dispatch.recipients import Hasher
from ringfleet.dispatch.settings import DispatchSettings
from ringfleet.dispatch.tls import Certificate, CertificateUnreadable
from ringfleet.kube.client import Kube
from tests.controllers.api_double import ApiDouble
from tests.controlplane.certificates import Authority

PICK = "/v1/namespaces/shop/rotationsets/us/picks"
ALL = 256 * 1024


async def echo(request: Request) -> Response:
    return PlainTextResponse(str(len(await http_edge.read_body(request, ALL))))


ECHO = Starlette(routes=[Route("/", echo, methods=["GET", "POST"])])


@asynccontextmanager
async def listening(app: Any = ECHO, certificate: Certificate | None = None) -> AsyncIterator[Listener]:
    listener = Listener(app, Address("127.0.0.1", 0), certificate)
    serving = asyncio.create_task(listener.serve())
    await listener.bound.wait()
    try:
        yield listener
    finally:
        listener.should_exit = True
        await serving


@asynccontextmanager
async def connected(listener: Listener) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    host, port = listener.servers[0].sockets[0].getsockname()
    reader, writer = await asyncio.open_connection(host, port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def until_closed(reader: asyncio.StreamReader) -> bytes:
    """What is answered before the listener closes; nothing where it resets the connection."""
    try:
        return await reader.read()
    except ConnectionError:
        return b""


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param(b"GET / HTTP/1.1\r\nX-Long: " + b"x" * ALL, id="one without an end"),
        pytest.param(b"GET / HTTP/1.1\r\n" + b"X-Many: yes\r\n" * 2000, id="many, and more to come"),
        pytest.param(b"GET / HTTP/1.1\r\n" + b"X-Many: yes\r\n" * 2000 + b"\r\n", id="many, and whole"),
        pytest.param(b"GET /" + b"x" * ALL, id="a path without an end"),
    ],
)
async def test_headers_of_more_than_16_kib_are_refused_before_they_fill_the_memory(headers: bytes) -> None:
    async with listening() as listener, connected(listener) as (reader, writer):
        writer.write(headers)
        answered = await until_closed(reader)
    assert answered == b"" or answered.startswith(b"HTTP/1.1 431 ")


async def test_long_bodies_and_headers_that_are_not_too_long_go_through_one_after_the_other() -> None:
    long = {"X-Long": "x" * (HEADER_BYTES - 1000)}
    async with listening() as listener, httpx.AsyncClient(base_url=listener.url, trust_env=False) as client:
        for size in (0, HEADER_BYTES * 4, 1, ALL):
            assert (await client.post("/", content=b"x" * size, headers=long)).text == str(size)


@pytest.mark.parametrize("sent", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: a\r\n", b"\r\n\r\n"])
async def test_a_connection_whose_headers_do_not_come_is_closed(sent: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was held for ever, with one of the files that the process may open."""
    monkeypatch.setattr(http_limits, "HEADER_SECONDS", 0.01)
    async with listening() as listener, connected(listener) as (reader, writer):
        writer.write(sent)
        assert await until_closed(reader) == b""


async def test_half_of_the_next_headers_is_no_reason_to_wait_either(monkeypatch: pytest.MonkeyPatch) -> None:
    async with listening() as listener, connected(listener) as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
        monkeypatch.setattr(http_limits, "HEADER_SECONDS", 0.01)
        writer.write(b"GET / HTTP/1.1\r\nHost:")
        assert (await until_closed(reader)).endswith(b"0")  # the rest of the first answer


async def test_a_body_that_does_not_come_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_edge, "BODY_SECONDS", 0.01)
    app = Starlette(routes=[Route("/", echo, methods=["POST"])], exception_handlers={Problem: refused})
    async with listening(app) as listener, connected(listener) as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf")
        assert (await reader.readline()).startswith(b"HTTP/1.1 400 ")


async def refused(_: Request, problem: Exception) -> Response:
    return PlainTextResponse(str(problem), 400)


async def test_a_peer_has_half_of_a_listeners_connections_and_what_it_lets_go_is_free_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http_limits, "MOST_CONNECTIONS", 4)
    async with listening() as listener, connected(listener), connected(listener) as (_, second):
        async with connected(listener) as (reader, _):
            assert await until_closed(reader) == b""
        second.close()
        await second.wait_closed()
        async with httpx.AsyncClient(base_url=listener.url, trust_env=False) as client:
            assert (await client.get("/")).status_code == 200


def test_all_peers_together_have_what_the_listener_may_hold() -> None:
    room = Connections(4)
    assert [room.enter(peer) for peer in ("a", "a", "a", "b", "b", "c")] == [True, True, False, True, True, False]
    room.leave("a")
    assert (room.enter("c"), room.enter("d")) == (True, False)


def write_pair(folder: Path, of: Authority) -> Certificate:
    chain, key = of.server("dispatcher", ("127.0.0.1",)).write(folder, "tls")
    return Certificate(chain, key)


async def answers(listener: Listener, authority: Authority) -> bool:
    """Whether who trusts that authority only is answered."""
    trust = ssl.create_default_context(cadata=authority.certificate.decode())
    async with httpx.AsyncClient(verify=trust, trust_env=False) as client:
        try:
            return (await client.get(listener.url)).status_code == 200
        except httpx.ConnectError:
            return False


async def test_a_certificate_that_is_renewed_is_served_to_who_connects_next(tmp_path: Path) -> None:
    old, new = Authority("old"), Authority("new")
    certificate = write_pair(tmp_path, old)
    async with listening(certificate=certificate) as listener:
        assert listener.url.startswith("https://")
        assert (await answers(listener, old), await answers(listener, new)) == (True, False)
        assert not certificate.refresh()
        write_pair(tmp_path, new)
        assert certificate.refresh()
        assert (await answers(listener, old), await answers(listener, new)) == (False, True)


async def test_a_certificate_that_is_half_renewed_leaves_the_old_one_in_force(tmp_path: Path) -> None:
    old = Authority("old")
    certificate = write_pair(tmp_path, old)
    async with listening(certificate=certificate) as listener:
        (tmp_path / "tls.crt").write_bytes(Authority("new").server("dispatcher", ("127.0.0.1",)).certificate)
        with pytest.raises(CertificateUnreadable, match=r"tls\.crt can't be used with the key .*tls\.key"):
            certificate.refresh()
        assert await answers(listener, old)


def test_a_certificate_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CertificateUnreadable, match=r"none\.crt"):
        Certificate(tmp_path / "none.crt", tmp_path / "none.key")


@pytest.mark.parametrize("given", [{"tls_cert": "a"}, {"tls_key": "a"}])
def test_tls_takes_a_certificate_and_its_key(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="name both files for TLS"):
        DispatchSettings(dev_insecure=True, **given)


@asynccontextmanager
async def asking(folder: Path, *, dev: bool) -> AsyncIterator[httpx.AsyncClient]:
    """A dispatcher that has not read its inventory."""
    async with open_ledger(f"sqlite:{folder}/ledger.sqlite") as ledger:
        inventory = Inventory(Kube(ApiDouble([])), ledger, Clock())  # type: ignore[arg-type]  # the double
        hasher = Hasher((b"key-of-this-year",))
        app = Dispatcher(ledger, inventory, Anybody(), Clock(), lambda: hasher, Metrics(), dev=dev).app()
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://dispatcher") as client:
            yield client


@pytest.mark.parametrize(
    "said", [{"content-type": "text/plain"}, {"content-type": "application/x-www-form-urlencoded"}, {}]
)
@pytest.mark.parametrize("path", ["/dev/clock", PICK, PICK.replace("picks", "suppressions")])
async def test_in_dev_mode_a_page_in_a_browser_changes_nothing(tmp_path: Path, path: str, said: dict[str, str]) -> None:
    """It asks for no token, and a browser sends these for any page, without asking first."""
    async with asking(tmp_path, dev=True) as client:
        reply = await client.post(path, content=b'{"advanceSeconds": 86400}', headers=said)
        assert (reply.status_code, reply.json()["type"].rpartition("/")[2]) == (415, "not-json")
        moved = await client.post("/dev/clock", json={"advanceSeconds": 1})
        assert moved.status_code == 200


async def test_a_clock_that_is_moved_to_a_moment_by_what_it_tells_has_come_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It told the next second, so that whoever moved it to noon asked at a second before."""
    monkeypatch.setattr("ringfleet.dispatch.clock.time.time", lambda: 1_795_521_600.25)
    async with asking(tmp_path, dev=True) as client:
        reply = await client.post("/dev/clock", json={"advanceSeconds": 0})
        assert reply.json() == {"now": "2026-11-24T12:00:00Z"}


async def test_nobody_is_sent_to_a_host_that_the_request_has_made_up(tmp_path: Path) -> None:
    async with asking(tmp_path, dev=False) as client:
        reply = await client.get(f"{PICK}/", headers={"host": "evil.example"})
    assert (reply.status_code, reply.json()["type"].rpartition("/")[2]) == (404, "not-found")
