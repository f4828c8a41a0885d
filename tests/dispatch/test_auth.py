"""Who may call, asked of the real API server, and for how long the answer is remembered."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from ringfleet.dispatch import auth
from ringfleet.dispatch.auth import AUDIENCE, UNCHECKED_SECONDS, Act
from ringfleet.dispatch.problems import Problem
from ringfleet.kube.access import token_expiry
from ringfleet.kube.client import Kube
from tests.cluster.stage import SYSTEM, install_dispatcher_rbac, install_operator_rbac
from tests.controlplane.cluster import Cluster
from tests.controlplane.rights import a_role_binding, a_service_account
from tests.dispatch.gate import Gate
from tests.dispatch.process import may_pick
from tests.waiting import wait_until

REVIEWS = ("create", "tokenreviews")
TEN_MINUTES = 600


class Guard:
    """An authority behind a gate, on a clock of its own."""

    def __init__(self, cluster: Cluster, namespace: str, gate: Gate, kube: Kube) -> None:
        self.cluster, self.namespace, self.gate, self.kube = cluster, namespace, gate, kube
        self.now = 0.0
        self.act = Act("create", "picks", namespace, "calls")
        self._authority = auth.Cluster(kube, lambda: self.now)

    async def says(self, token: str) -> str:
        """`yes`, or the name of the problem."""
        try:
            await self._authority.allow(f"Bearer {token}", self.act)
        except Problem as problem:
            return problem.type.name
        return "yes"

    def token(self, *, grant: bool = True) -> str:
        self.cluster.apply(a_service_account("dialer"), namespace=self.namespace)
        if grant:
            self.grant()
        return self.cluster.api.token(self.namespace, "dialer", TEN_MINUTES, AUDIENCE)

    def grant(self) -> None:
        binding = a_role_binding(self.namespace, "dialer", "ringfleet-dispatch-caller", "ClusterRole")
        self.cluster.apply(binding, namespace=self.namespace)
        wait_until(lambda: may_pick(self.cluster, self.namespace, "dialer"), "the API server to know of the right")


@pytest.fixture(scope="session")
def installed(cluster: Cluster, crds: None) -> None:
    install_operator_rbac(cluster)
    install_dispatcher_rbac(cluster)


@pytest.fixture
async def guard(cluster: Cluster, installed: None, namespace: str, tmp_path: Path) -> AsyncIterator[Guard]:
    server = cluster.server()
    gate = Gate(server.url)
    kubeconfig = cluster.kubeconfig_of(SYSTEM, "ringfleet-dispatcher", server=replace(server, url=gate.url))
    async with Kube.connect(kubeconfig) as kube:
        yield Guard(cluster, namespace, gate, kube)
    gate.shut()


async def test_a_yes_holds_for_a_quarter_of_an_hour_while_the_api_server_is_away(guard: Guard) -> None:
    token = guard.token()
    guard.now = time.time() - UNCHECKED_SECONDS  # a token of ten minutes outlasts it
    assert await guard.says(token) == "yes"
    guard.gate.shut()
    guard.now += UNCHECKED_SECONDS - 0.1
    assert await guard.says(token) == "yes"
    guard.now += 0.1
    assert await guard.says(token) == "authority-unavailable"
    guard.gate.open()
    assert await guard.says(token) == "yes"


async def test_a_yes_ends_with_the_token(guard: Guard) -> None:
    token = guard.token()
    expiry = token_expiry(token)
    assert expiry is not None
    guard.now = expiry - 30
    assert await guard.says(token) == "yes"
    guard.gate.shut()
    guard.now = expiry - 0.1
    assert await guard.says(token) == "yes"
    guard.now = expiry
    assert await guard.says(token) == "authority-unavailable"


async def test_a_no_holds_for_ten_seconds(guard: Guard) -> None:
    token = guard.token(grant=False)
    assert await guard.says(token) == "forbidden"
    guard.grant()
    guard.now += 9.9
    assert await guard.says(token) == "forbidden"
    guard.now += 0.1
    assert await guard.says(token) == "yes"


async def test_a_right_is_for_one_verb_on_one_part_in_one_namespace(guard: Guard) -> None:
    token = guard.token()
    assert await guard.says(token) == "yes"
    for other in (
        guard.act._replace(verb="get", subresource="rollup"),
        guard.act._replace(verb="list"),
        guard.act._replace(namespace="default"),
    ):
        guard.act = other
        assert await guard.says(token) == "forbidden"


async def test_callers_who_ask_the_same_at_once_cost_the_api_server_one_question(guard: Guard) -> None:
    token = guard.token()
    assert await asyncio.gather(*(guard.says(token) for _ in range(20))) == ["yes"] * 20
    assert guard.kube.writes[REVIEWS] == 1


async def test_strangers_crowd_out_nobody_who_is_known(guard: Guard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth, "REMEMBERED", 3)
    token = guard.token()
    assert await guard.says(token) == "yes"
    assert {await guard.says(f"stranger-{n}") for n in range(8)} == {"unauthenticated"}
    assert len(guard._authority._no) == 3
    guard.gate.shut()
    assert await guard.says(token) == "yes"


@pytest.mark.parametrize("said", [None, "", "Bearer", "Bearer  ", "Basic dXNlcjpwYXNz", "Bearer " + "x" * 20_000])
async def test_what_is_no_token_is_refused_without_a_question(guard: Guard, said: str | None) -> None:
    with pytest.raises(Problem) as refused:
        await guard._authority.allow(said, guard.act)
    assert refused.value.type.name == "unauthenticated"
    assert guard.kube.writes[REVIEWS] == 0
