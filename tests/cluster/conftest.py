"""The fixtures of the stories."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cluster.stage import Stage, install_operator_rbac
from tests.controlplane.cluster import Cluster
from tests.simulator.process import SimulatorProcess


@pytest.fixture(scope="session")
def installed(cluster: Cluster, crds: None) -> None:
    """Our kinds and the operator's service account with its role, as the manifests ship them."""
    install_operator_rbac(cluster)


@pytest.fixture
def stage(cluster: Cluster, installed: None, namespace: str) -> Iterator[Stage]:
    """A namespace with a fair-weather carrier; no operator runs yet."""
    with SimulatorProcess("--balance", "100000.00") as simulator:
        stage = Stage(cluster, namespace, simulator)
        try:
            yield stage
        finally:
            stage.close()
