"""Faults of ours, readiness and settings: what needs no API server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from structlog.testing import capture_logs

from ringfleet.cli.dispatch import dispatch
from ringfleet.dispatch.http_edge import discreet, on_error
from ringfleet.dispatch.listener import Address
from ringfleet.dispatch.metrics import Metrics, health_app
from tests.programs import start_program

SECRET = "+14155550198"


def client(app: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://dispatcher")


async def test_the_text_of_a_fault_is_told_to_nobody_and_its_place_is_logged() -> None:
    async def fail(_: Request) -> Response:
        raise ValueError(SECRET)

    app = discreet(Starlette(routes=[Route("/", fail)], exception_handlers={Exception: on_error}))
    with capture_logs() as logs:
        reply = await client(app).get("/")
    assert (reply.status_code, reply.json()["type"]) == (500, "https://ringfleet.dev/problems/internal-error")
    (entry,) = logs
    assert (entry["error"], entry["where"].partition(":")[0]) == ("ValueError", "test_app.py")
    assert SECRET not in reply.text + str(logs)


@pytest.mark.parametrize(("ready", "status"), [(False, 503), (True, 200)])
async def test_it_lives_before_it_is_ready(ready: bool, status: int) -> None:
    async with client(health_app(Metrics(), lambda: ready, lambda: float("inf"))) as asking:
        assert (await asking.get("/healthz")).status_code == 200
        assert (await asking.get("/readyz")).status_code == status
        assert "ringfleet_dispatch_inventory_age_seconds +Inf\n" in (await asking.get("/metrics")).text


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--dev-insecure", "--listen", "0.0.0.0:8085"], "loopback"),
        (["--dev-insecure", "--events", "[::]:8086"], "loopback"),
        (["--dev-insecure", "--health", "192.0.2.1:8087"], "loopback"),
        ([], "keys"),
        (["--keys", "/nowhere", "--listen", "localhost"], "address"),
    ],
)
def test_a_dispatcher_that_would_not_be_safe_does_not_start(options: list[str], says: str) -> None:
    result = CliRunner().invoke(dispatch, options)
    assert result.exit_code == 1
    assert says in result.output


def test_a_dispatcher_without_a_key_does_not_start(tmp_path: Path) -> None:
    keys, log = tmp_path / "keys", tmp_path / "log"
    keys.mkdir()
    with log.open("w") as sink:
        assert start_program("dispatch", "--keys", str(keys), log=sink).wait(timeout=60) == 1
    assert f"There is no key in {keys}" in log.read_text()


@pytest.mark.parametrize(("text", "loopback"), [("127.0.0.1:0", True), ("[::1]:80", True), ("10.0.0.1:80", False)])
def test_an_address_is_read(text: str, loopback: bool) -> None:
    assert Address.parse(text).loopback is loopback
