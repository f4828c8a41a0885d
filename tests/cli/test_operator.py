"""`ringfleet operator` as a process: what it says when it can't begin, and how soon it ends."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from click.testing import CliRunner

from ringfleet.cli.main import main
from ringfleet.controllers.fleet import INTENTS
from ringfleet.settings import read_settings
from tests.programs import Program, start_program
from tests.waiting import until

PATIENCE_S = 60.0


class DeafServer:
    """An API server that answers lists with nothing, or with a refusal once it has `turned`."""

    def __init__(self, *missing: str) -> None:
        self.missing = missing
        self.turned = False
        self.refused = asyncio.Event()
        self.asked = asyncio.Event()
        """Kopf has set itself up and asks what there is to watch."""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if self.turned:
            self.refused.set()
            return _status(401, "Unauthorized")
        if request.path.endswith("/namespaces/kube-system"):
            return web.json_response({"metadata": {"name": "kube-system", "uid": "abc-def"}})
        if request.path.rpartition("/")[2] in self.missing:
            return _status(404, "NotFound")
        if request.path in _DISCOVERY:
            self.asked.set()
            return web.json_response(_DISCOVERY[request.path])
        if "watch" in request.query:
            await asyncio.sleep(0.2)
            return web.Response(body=b"")
        return web.json_response({"kind": "List", "metadata": {"resourceVersion": "5"}, "items": []})


_VERSION = {"groupVersion": "ringfleet.dev/v1alpha1", "version": "v1alpha1"}
_GROUP = {"name": "ringfleet.dev", "versions": [_VERSION], "preferredVersion": _VERSION}
_VERBS = ["get", "list", "watch", "patch"]
_DISCOVERY = {
    "/api": {"versions": ["v1"]},
    "/api/v1": {"resources": []},
    "/apis": {"groups": [_GROUP]},
    "/apis/ringfleet.dev": _GROUP,
    "/apis/ringfleet.dev/v1alpha1": {
        "resources": [
            {
                "name": model.plural,
                "singularName": model.__name__.lower(),
                "kind": model.__name__,
                "namespaced": True,
                "verbs": _VERBS,
            }
            for model in INTENTS
        ]
    },
}


def _status(code: int, reason: str) -> web.Response:
    return web.json_response({"kind": "Status", "code": code, "reason": reason, "message": reason}, status=code)


@asynccontextmanager
async def _serving(server: DeafServer, folder: Path) -> AsyncIterator[Path]:
    """The kubeconfig of the server."""
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", server.answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "it",
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "me"}}],
        "clusters": [{"name": "it", "cluster": {"server": f"http://127.0.0.1:{runner.addresses[0][1]}"}}],
        "users": [{"name": "me", "user": {"token": "t"}}],
    }
    path = folder / "kubeconfig"
    path.write_text(json.dumps(config))
    try:
        yield path
    finally:
        await runner.cleanup()


def _start(kubeconfig: Path, log: Path) -> Program:
    with log.open("w") as sink:
        return start_program("operator", "--kubeconfig", str(kubeconfig), "--health-port", "0", log=sink)


async def _ended(operator: Program) -> int:
    return await asyncio.to_thread(operator.wait, PATIENCE_S)


@pytest.mark.parametrize("missing", ["carrieraccounts", "phonenumbers", "numberclaims"])
async def test_a_kind_that_is_not_installed_is_said_in_one_line(missing: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    async with _serving(DeafServer(missing), tmp_path) as kubeconfig:
        status = await _ended(_start(kubeconfig, log))
    lines = [line for line in log.read_text().splitlines() if not line.startswith("{")]
    assert (status, len(lines)) == (1, 1), lines
    assert "install crds/ first: kubectl apply --server-side -k crds" in lines[0]


async def test_an_operator_that_is_refused_everything_heeds_a_signal_itself_and_at_once(tmp_path: Path) -> None:
    """Kopf would wait for its watches first, and then cancel after five seconds whatever turn is under way."""
    server, log = DeafServer(), tmp_path / "log"
    async with _serving(server, tmp_path) as kubeconfig:
        operator = _start(kubeconfig, log)
        await until(lambda: '"synced"' in log.read_text(), "the operator to have listed everything")
        await server.asked.wait()
        server.turned = True
        await server.refused.wait()
        heard = len(log.read_text())
        operator.send_signal(signal.SIGTERM)
        status = await _ended(operator)
    events = [json.loads(line)["event"] for line in log.read_text()[heard:].splitlines() if line.startswith("{")]
    assert (status, [one for one in events if one.startswith(("stopping", "operator"))]) == (
        0,
        ["stopping", "operator stopped"],
    )


PROGRAM = """
import json, sys
from ringfleet.cli.main import main

try:
    main(sys.argv[1:], standalone_mode=False)
except Exception as error:
    print(json.dumps([str(error), sorted(sys.modules)]))
"""
WORKS_WITH = {
    "aiohttp.web",
    "kopf",
    "prometheus_client",
    "ringfleet.api",
    "ringfleet.carriers",
    "ringfleet.plan",
    "rich",
}


async def test_an_api_server_is_asked_before_what_an_operator_works_with_is_loaded(tmp_path: Path) -> None:
    """One that is away, or refuses, costs a third of a start, each time that the operator is started anew."""
    server = DeafServer()
    server.turned = True
    async with _serving(server, tmp_path) as kubeconfig:
        words = ("operator", "--kubeconfig", str(kubeconfig), "--health-port", "0")
        program = await asyncio.create_subprocess_exec(sys.executable, "-c", PROGRAM, *words, stdout=subprocess.PIPE)
        said, _ = await program.communicate()
    error, loaded = json.loads(said)
    assert "Unauthorized" in error
    assert {"aiohttp", "kubernetes.aio.client", "structlog"} <= set(loaded)
    assert WORKS_WITH.isdisjoint(loaded)


# Settings.


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("LOG_LEVEL", "verbose", "RINGFLEET_LOG_LEVEL: 'verbose' is not 'debug', 'info', 'warning' or 'error'."),
        (
            "NAMESPACES",
            "ex01,Ex 02",
            "RINGFLEET_NAMESPACES: 'Ex 02' is not the name of a namespace: lower-case letters, digits and hyphens, at "
            "most 63.",
        ),
        ("WORKERS", "many", "RINGFLEET_WORKERS: 'many' is not a whole number."),
        ("RELIST", "5m", "RINGFLEET_RELIST: '5m' is not a duration such as PT5M or 00:05:00."),
    ],
)
def test_a_setting_that_cannot_be_meant_is_answered_by_a_sentence(
    name: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"RINGFLEET_{name}", value)
    told = CliRunner().invoke(main, ["operator"])
    assert (told.exit_code, told.output.splitlines()[-1]) == (1, f"Error: {said}")


def test_an_option_that_cannot_be_meant_is_named_as_it_was_given() -> None:
    told = CliRunner().invoke(main, ["operator", "-n", "Sales"])
    assert (told.exit_code, "Error: --namespaces: 'Sales' is not the name of a namespace" in told.output) == (1, True)


@pytest.mark.parametrize("given", ["ex01,ex02", " ex01 , ex02 ", '["ex01", "ex02"]'])
def test_namespaces_are_written_with_commas_between_them(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RINGFLEET_NAMESPACES", given)
    assert read_settings({}).namespaces == ("ex01", "ex02")
