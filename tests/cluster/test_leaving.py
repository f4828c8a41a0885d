"""What the stories leave behind: on a cluster that outlives them, nothing."""

from __future__ import annotations

from tests.cluster.stage import Stage, leave_namespace
from tests.controlplane.cluster import Cluster
from tests.waiting import wait_until


def test_a_story_told_on_a_cluster_that_stays_leaves_nothing_there(stage: Stage) -> None:
    """Numbers that are bound and hold finalizers are let go of, though no operator runs any more."""
    stage.account()
    stage.profile()
    stage.pool(target=2)
    stage.claim("held")
    stage.start_operator()
    stage.wait_ready("held", "numberclaim")
    stage.stop_operators()
    lasting = Cluster(stage.cluster.kubeconfig, stage.cluster.program, stage.cluster.kubeconfig.parent)
    leave_namespace(lasting, stage.namespace)
    wait_until(lambda: lasting.api.find("namespace", stage.namespace) is None, "the namespace to be gone")
    lasting.close()
