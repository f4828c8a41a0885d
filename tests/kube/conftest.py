"""A door to the real API server, and one whose wire can be cut."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ringfleet.kube.client import Kube
from ringfleet.model.refs import Resource
from tests.controlplane.cluster import Cluster
from tests.kube.wire import Wire, kubeconfig_through, server_in

CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap")
NUMBER_POOLS = Resource("ringfleet.dev", "v1alpha1", "numberpools", "NumberPool")


@pytest.fixture
async def kube(cluster: Cluster) -> AsyncIterator[Kube]:
    async with Kube.connect(cluster.kubeconfig) as kube:
        yield kube


@pytest.fixture
async def wire(cluster: Cluster) -> AsyncIterator[Wire]:
    """A wire to the API server, mended."""
    wire = Wire(server_in(cluster.kubeconfig))
    await wire.mend()
    yield wire
    await wire.cut()


@pytest.fixture
async def wired_kube(cluster: Cluster, wire: Wire, tmp_path: Path) -> AsyncIterator[Kube]:
    """A door that goes through `wire`."""
    async with Kube.connect(kubeconfig_through(wire, cluster.kubeconfig, tmp_path)) as kube:
        yield kube
