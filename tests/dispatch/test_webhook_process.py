"""The webhook process: what it answers with a 2xx is in the ledger, whoever dies or stops; and it holds up no port.

The programs run on uvloop, as in production: asyncio's own loop takes what uvloop refuses.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from ringfleet.carriers.webhooks import WebhookRequest
from ringfleet.dispatch.ledger.embedded import SqliteLedger
from ringfleet.dispatch.problems import Problem
from ringfleet.dispatch.webhook_process import life, watch
from ringfleet.model import E164, AccountKey
from ringfleet.model.refs import ObjectRef
from ringfleet.model.traffic import CarrierEvent
from tests.carriers.webhooks import NOW, a_body, an_event, signed
from tests.dispatch.test_webhooks import HERE
from tests.dispatch.webhook_world import PATH, Load, a_client, a_dispatcher, lost, send
from tests.mortal import mortal
from tests.programs import start_program
from tests.waiting import until


async def test_an_event_is_counted_once_through_the_process_and_told_in_our_metrics(tmp_path: Path) -> None:
    async with a_dispatcher(tmp_path) as (watch, world, _), a_client(watch.url) as client:
        assert [await send(client, "evt_1") for _ in range(2)] == [(200, "counted"), (200, "known")]
        assert (await client.post(PATH, content=b"{}")).status_code == 401
        assert (await client.post("/v1/events/shop/none", content=b"{}")).status_code == 404
        value = world.metrics.registry.get_sample_value
        told = {"event-counted": "200", "event-known": "200", "event-bad-signature": "401", "event-not-found": "404"}
        names = [{"outcome": outcome, "status": status} for outcome, status in told.items()]
        counts = lambda: [value("ringfleet_dispatch_answers_total", name) for name in names]  # noqa: E731
        await until(lambda: counts() == [1.0] * 4, "each answer counted once")
        assert [hour.calls for hour in await world.hours()] == [1]


async def test_a_secret_that_an_account_changes_is_taken_up(tmp_path: Path) -> None:
    async with a_dispatcher(tmp_path) as (watch, _, sandbox), a_client(watch.url) as client:
        assert (await send(client, "evt_1", "the-new-one"))[0] == 401
        sandbox.change("the-new-one")

        async def taken() -> bool:
            return (await send(client, "evt_2", "the-new-one"))[0] == 200

        await until(taken, "the new secret to count")
        assert (await send(client, "evt_3"))[0] == 401


async def test_an_account_that_goes_and_comes_is_told_to_the_process(tmp_path: Path) -> None:
    async with a_dispatcher(tmp_path) as (watch, _, sandbox), a_client(watch.url) as client:

        async def answers(status: int) -> bool:
            return (await send(client, "evt_1"))[0] == status

        sandbox.have()
        await until(lambda: answers(404), "the account to be gone")
        sandbox.have(HERE)
        await until(lambda: answers(200), "the account to be back")


class Odd:
    """Takes all but two."""

    async def take(self, _: AccountKey, event: CarrierEvent) -> str:
        if event.id == "evt_odd":
            raise ZeroDivisionError
        if event.id == "evt_refused":
            raise Problem("sender-unreadable", "Nobody knows who.")
        return "counted"


async def test_an_odd_event_holds_up_no_other(tmp_path: Path) -> None:
    async with a_dispatcher(tmp_path, Odd()) as (watch, _, _), a_client(watch.url) as client:
        ids = ("evt_1", "evt_odd", "evt_2", "evt_refused", "evt_3")
        answers = await asyncio.gather(*(send(client, id_) for id_ in ids))
        assert [status for status, _ in answers] == [200, 500, 200, 422, 200]


class Passing:
    """Keeps what is to be passed on, unless it is for nobody."""

    def __init__(self) -> None:
        self.passed: list[tuple[AccountKey, ObjectRef, WebhookRequest]] = []
        self.peers: list[E164 | None] = []

    async def take(self, *_: object) -> str:
        return "counted"

    async def pass_on(self, key: AccountKey, profile: ObjectRef, request: WebhookRequest, peer: E164 | None) -> None:
        if profile.name == "nobody":
            raise Problem("not-found", "Nobody is told.")
        self.passed.append((key, profile, request))
        self.peers.append(peer)


async def test_a_request_that_is_to_be_passed_on_comes_over_as_it_was_sent(tmp_path: Path) -> None:
    passing, body = Passing(), a_body(an_event("message.received", "evt_1", text="STOP \u00fc"))
    headers = signed(body, at=NOW) | {"x-odd": "\u00e9"}
    async with a_dispatcher(tmp_path, passing) as (watch, _, _), a_client(watch.url) as client:
        encoded = [(name.encode(), text.encode("latin-1")) for name, text in headers.items()]
        answer = await client.post(f"{PATH}/shop/desk?a=%2F", content=body, headers=encoded)
        assert (answer.status_code, answer.text) == (200, "<Response/>")
        refused = await client.post(f"{PATH}/shop/nobody", content=body, headers=encoded)
        assert refused.status_code == 404
    ((key, profile, request),) = passing.passed
    assert (key, profile) == (HERE, ObjectRef("shop", "desk"))
    assert passing.peers == [E164("+12125550123")], "so that it can be forgotten with that person"
    assert (request.method, request.url, request.body) == ("POST", f"{watch.url}{PATH}/shop/desk?a=%2F", body)
    assert headers.items() <= dict(request.headers).items()


async def test_a_process_that_is_killed_is_not_ready_and_comes_again_at_the_same_port(tmp_path: Path) -> None:
    async with a_dispatcher(tmp_path) as (watch, world, _):
        load = Load(watch.url)
        await load.goes_on()
        first = watch.pid
        assert first
        os.kill(first, signal.SIGKILL)
        await until(lambda: not watch.alive, "its end to be seen", interval=0.001)
        await until(lambda: watch.alive, "the next one")
        await load.goes_on()
        assert watch.pid != first
        assert await lost(world.ledger, await load.end()) == []  # type: ignore[arg-type]  # it is SQLite here


async def test_a_process_that_is_stopped_is_taken_for_dead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(life, "SILENT_LOOKS", 3)
    async with a_dispatcher(tmp_path) as (watch, _, _), a_client(watch.url) as client:
        first = watch.pid
        assert first
        os.kill(first, signal.SIGSTOP)
        await until(lambda: watch.alive and watch.pid != first, "another one")
        assert await send(client, "evt_1") == (200, "counted")


async def test_a_process_that_never_listens_is_given_up_for_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(life, "START_LOOKS", 2)
    begun: list[int] = []

    async def start(*given: Any) -> life.Process:
        if begun:
            monkeypatch.setattr(life, "START_LOOKS", 60)
            return await life.start(*given)
        process = await asyncio.create_subprocess_exec(*mortal("sleep", "1000"), pass_fds=(given[0].fileno(),))
        begun.append(process.pid)
        return process

    monkeypatch.setattr(watch, "start", start)
    async with a_dispatcher(tmp_path) as (kept, _, _), a_client(kept.url) as client:
        assert kept.pid not in begun
        assert await send(client, "evt_1") == (200, "counted")


class Held:
    """Takes an event when it is let."""

    def __init__(self) -> None:
        self.has, self.may = asyncio.Event(), asyncio.Event()

    async def take(self, _: AccountKey, __: CarrierEvent) -> str:
        self.has.set()
        await self.may.wait()
        return "counted"


async def test_what_is_under_way_is_answered_when_it_drains_and_the_port_is_free(tmp_path: Path) -> None:
    held = Held()
    async with a_dispatcher(tmp_path, held) as (watch, _, _), a_client(watch.url) as client:
        sending = asyncio.create_task(send(client, "evt_1"))
        await held.has.wait()
        watch.drain()
        held.may.set()
        assert await sending == (200, "counted")
        await until(lambda: watch.pid is None, "its end")
        assert is_free(watch.url)


async def test_a_dispatcher_that_ends_before_the_next_one_is_started_waits_for_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "AGAIN_SECONDS", (1000,))
    async with a_dispatcher(tmp_path) as (kept, _, _):
        assert kept.pid
        os.kill(kept.pid, signal.SIGKILL)
        await until(lambda: kept.pid is None, "its end to be seen")
    assert is_free(kept.url)


class Program:
    """A dispatcher of its own, that may be killed and stopped."""

    def __init__(self, folder: Path) -> None:
        command = mortal(sys.executable, "-m", "tests.dispatch.webhook_world", str(folder))
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout
        self.url, pid = self.process.stdout.readline().split()
        self.pid = int(pid)

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout
        self.process.stdout.close()


def is_free(url: str) -> bool:
    """Whether another dispatcher may listen there."""
    parts = urlsplit(url)
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((parts.hostname, parts.port))
            tried.listen()
        except OSError:
            return False
        return True


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_when_the_dispatcher_is_killed_under_load_nothing_acknowledged_is_lost_and_the_port_is_free(
    tmp_path: Path,
) -> None:
    with Program(tmp_path) as program:
        load = Load(program.url)
        await load.goes_on()
        program.process.kill()
        await until(lambda: is_free(program.url), "a free port")
        await until(lambda: not is_there(program.pid), "the end of the webhook process")
        acknowledged = await load.end()
    async with SqliteLedger(tmp_path / "ledger.sqlite") as ledger:
        assert await lost(ledger, acknowledged) == []


async def test_while_the_dispatcher_is_stopped_no_event_is_acknowledged_and_each_is_answered(tmp_path: Path) -> None:
    with Program(tmp_path) as program:
        async with a_client(program.url) as client:
            assert await send(client, "evt_1") == (200, "counted")
            program.process.send_signal(signal.SIGSTOP)
            answers = await asyncio.gather(*(send(client, f"evt_s{n}") for n in range(8)))
            assert [status for status, _ in answers] == [503] * 8
            program.process.send_signal(signal.SIGCONT)
            again = [await send(client, f"evt_s{n}") for n in range(8)]
            assert {status for status, _ in again} == {200}


KUBECONFIG = """\
apiVersion: v1
kind: Config
clusters: [{name: none, cluster: {server: "http://127.0.0.1:9"}}]
contexts: [{name: none, context: {cluster: none, user: nobody}}]
current-context: none
users: [{name: nobody, user: {}}]
"""


async def test_the_real_dispatcher_has_carriers_answered_and_ends_with_its_webhook_process(tmp_path: Path) -> None:
    (tmp_path / "kubeconfig").write_text(KUBECONFIG)
    addresses = [part for name in ("listen", "events", "health") for part in (f"--{name}", "127.0.0.1:0")]
    files = ("--ledger", f"sqlite:{tmp_path / 'ledger.sqlite'}", "--kubeconfig", str(tmp_path / "kubeconfig"))
    with (tmp_path / "log").open("a") as log:
        program = start_program("dispatch", *addresses, *files, "--dev-insecure", log=log, piped=True)
        try:
            assert program.stdout
            events = program.stdout.readline().split()[1]
            async with a_client(events) as client:
                answer = await client.post(PATH, content=b"{}")
                assert answer.json()["type"].endswith("/inventory-unknown")
            program.terminate()
            assert await asyncio.to_thread(program.wait, 60) == 0
            assert is_free(events)
        finally:
            program.kill()
