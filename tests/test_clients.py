"""A client is one thread's as long as it asks: see `tests/clients.py` for what happens otherwise."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Barrier

import httpx
import pytest

from tests.clients import Clients
from tests.controlplane.api import Api
from tests.simulator.process import SimulatorProcess

PATIENCE_S = 60.0
Ask = Callable[[], object]


def through_the_api(tmp_path: Path) -> tuple[Api, Ask]:
    kubeconfig = tmp_path / "kubeconfig"
    place = {"server": "http://127.0.0.1:1"}
    kubeconfig.write_text(json.dumps({"clusters": [{"cluster": place}], "users": [{"user": {}}]}))
    api = Api(kubeconfig)
    return api, lambda: api.request("GET", "/any")


def at_the_simulator(_: Path) -> tuple[SimulatorProcess, Ask]:
    simulator = SimulatorProcess(port=1)
    return simulator, lambda: simulator.control("GET", "calls")


@pytest.fixture(params=[through_the_api, at_the_simulator], ids=["API server", "simulator"])
def ask(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ask]:
    asked, ask = request.param(tmp_path)
    with closing(asked):
        yield ask


def test_threads_that_ask_at_the_same_time_use_a_client_each(monkeypatch: pytest.MonkeyPatch, ask: Ask) -> None:
    both, used = Barrier(2), []

    def request(client: httpx.Client, *_: object, **__: object) -> httpx.Response:
        used.append(client)
        both.wait(PATIENCE_S)
        return httpx.Response(200, json={})

    monkeypatch.setattr(httpx.Client, "request", request)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: ask(), range(2)))
    assert used[0] is not used[1]


def test_who_asks_next_uses_a_client_that_is_there() -> None:
    with closing(Clients(httpx.Client)) as clients:
        with clients.borrowed() as first, clients.borrowed() as second:
            pass
        with clients.borrowed() as third, clients.borrowed() as fourth:
            pass
        assert {id(third), id(fourth)} == {id(first), id(second)}


def test_all_are_closed_in_the_end() -> None:
    with closing(Clients(httpx.Client)) as clients, clients.borrowed() as first, clients.borrowed() as second:
        pass
    assert (first.is_closed, second.is_closed) == (True, True)
