"""The emergency stop on a real API server: everything is frozen by plain kubectl, says so, and goes on when thawed."""

from __future__ import annotations

from tests.cluster.stage import ACCOUNT, SYSTEM, Stage
from tests.controlplane.rights import GROUP, a_role, a_rule
from tests.waiting import wait_until

PATIENCE = "--timeout=120s"


def let_see(stage: Stage) -> None:
    """The operator follows a freeze in its own namespace, which is that of the stage here: the server is shared."""
    reader = a_role("freeze-reader", a_rule(["configmaps"], ["get", "list", "watch"]))
    binding = {
        "apiVersion": f"{GROUP}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "freeze-reader"},
        "roleRef": {"apiGroup": GROUP, "kind": "Role", "name": "freeze-reader"},
        "subjects": [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": SYSTEM}],
    }
    stage.apply(reader, binding)


def test_everything_is_frozen_by_one_config_map_and_goes_on_where_it_stood(stage: Stage) -> None:
    let_see(stage)
    stage.account()
    stage.profile()
    stage.pool(target=2)
    stage.start_operator(RINGFLEET_SYSTEM_NAMESPACE=stage.namespace)
    stage.wait_ready()
    stage.kubectl("create", "configmap", "ringfleet-freeze", "--from-literal=who=ada", "--from-literal=why=bills")
    stage.kubectl("wait", "--for=condition=Frozen", "np/us-west", "ca/sandbox", PATIENCE)
    stage.scale(4)
    stage.claim("line")
    said = stage.wait_reason("numberclaim", "line", "Frozen")
    assert "Everything is frozen by ada (bills)" in said["message"]
    assert stage.wait_reason("numberpool", "us-west", "Frozen")["status"] == "False"
    stage.wait_event("us-west", "Frozen")
    wait_until(
        lambda: stage.get("numberpool", "us-west")["status"]["observedGeneration"] == 2, "the operator to see the scale"
    )
    assert (len(stage.bills()), stage.bound()) == (2, {})
    stage.kubectl("delete", "configmap", "ringfleet-freeze")
    stage.kubectl("wait", "--for=condition=Ready", "nc/line", PATIENCE)
    stage.wait_gone("numberpool", "us-west", "Frozen")
    stage.wait_ready()
    wait_until(lambda: len(stage.bills()) == 5, "what the pool wishes beside the number that is bound")
