"""What the tests of the dispatcher share: a PostgreSQL server for the session, an empty database for each test, and a
dispatcher as it runs, of a set `outbound` with two numbers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.cluster.stage import SYSTEM, install_dispatcher_rbac, install_operator_rbac
from tests.controlplane.cluster import Cluster
from tests.dispatch.postgres_server import PostgresServer, running_postgres
from tests.dispatch.process import DispatcherProcess, a_set, put_members

ONE, TWO = "+14155550101", "+14155550102"
"""The numbers of the set."""


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A real PostgreSQL server, the same for all tests: use a `postgres_dsn` of it."""
    with running_postgres() as server:
        yield server


@pytest.fixture
async def postgres_dsn(postgres_server: PostgresServer) -> AsyncIterator[str]:
    """The DSN of an empty database that only this test uses."""
    async with postgres_server.database() as dsn:
        yield dsn


@pytest.fixture(scope="session")
def installed(cluster: Cluster, crds: None) -> None:
    """The operator's account and what the API server refuses; the dispatcher's account with its role."""
    install_operator_rbac(cluster)
    install_dispatcher_rbac(cluster)


@pytest.fixture
def open_one(cluster: Cluster, installed: None, namespace: str, tmp_path: Path) -> Iterator[DispatcherProcess]:
    """In dev mode, which asks for no token."""
    cluster.apply(a_set(), namespace=namespace)
    put_members(cluster, namespace, [ONE, TWO])
    with DispatcherProcess(
        tmp_path, cluster.kubeconfig_of(SYSTEM, "ringfleet-dispatcher"), namespace, "--dev-insecure"
    ) as process:
        yield process
