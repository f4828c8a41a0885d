"""The worst deletion of all: the kind itself, and with it every number. On a control plane of its own."""

from __future__ import annotations

from tests.cluster.stage import Stage, install_operator_rbac
from tests.cluster.test_release import count_phase, open_pool, said
from tests.conftest import CRDS
from tests.controlplane.cluster import Cluster, running_cluster
from tests.simulator.process import SimulatorProcess


def test_a_deleted_kind_takes_no_number_with_it(cluster: Cluster) -> None:
    """The fixture's cluster is only asked for so that the control plane is built before the first test."""
    with running_cluster(environment={}) as apart, SimulatorProcess("--balance", "1000.00") as simulator:
        apart.install(CRDS)
        install_operator_rbac(apart)
        stage = Stage(apart, apart.new_namespace("kind-deleted"), simulator)
        try:
            open_pool(stage, 4)
            before = simulator.owned()
            apart.api.delete("crd", "phonenumbers.ringfleet.dev", wait=False)
            condition = stage.wait_reason("numberpool", "us-west", "ReleaseFrozen", "ReleaseFrozen")
            assert "the kind PhoneNumber is being deleted" in condition["message"]
            stage.wait_for(lambda: count_phase(stage, "Releasing") == 4, "the deletions to be seen")
            stage.wait_for(lambda: {said(stage, one)[0] for one in stage.numbers()} == {"ReleaseFrozen"}, "each to say")
            assert simulator.owned() == before
        finally:
            stage.close()
