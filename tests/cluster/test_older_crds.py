"""The kinds are older than the operator, by one field of a status: a control plane of its own, for all share theirs."""

from __future__ import annotations

from pathlib import Path

import yaml

from tests.cluster.papers import PLANTED, a_german_bundle, papers
from tests.cluster.stage import Stage, install_operator_rbac
from tests.cluster.test_compliance import open_account
from tests.conftest import CRDS
from tests.controlplane.cluster import Cluster, running_cluster
from tests.simulator.process import SimulatorProcess


def without_a_field(folder: Path) -> Path:
    """The CRDs, and in that of ComplianceBundle no `status.states`."""
    for path in CRDS.glob("ringfleet.dev_*.yaml"):
        (crd,) = yaml.safe_load_all(path.read_text())
        schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        if crd["spec"]["names"]["kind"] == "ComplianceBundle":
            del schema["properties"]["status"]["properties"]["states"]
        (folder / path.name).write_text(yaml.safe_dump(crd))
    return folder


def test_a_status_that_the_api_server_refuses_is_said_on_the_object_and_quotes_nobody(
    cluster: Cluster, tmp_path: Path
) -> None:
    """The fixture's cluster is only asked for so that the control plane is built before the first test.

    The API server's own message quotes the whole object; closing the stage looks for what is planted in it.
    """
    with running_cluster(environment={}) as apart, SimulatorProcess("--balance", "1000.00") as simulator:
        apart.install(without_a_field(tmp_path))
        install_operator_rbac(apart)
        stage = Stage(apart, apart.new_namespace("older"), simulator)
        try:
            open_account(stage)
            stage.apply(papers(), a_german_bundle())
            said = stage.wait_reason("compliancebundle", "germany", "WriteRefused", "Stalled")
            assert 'unknown field "status.states"' in said["message"]
            assert PLANTED not in said["message"]
            assert stage.wait_reason("compliancebundle", "germany", "WriteRefused")["status"] == "False"
        finally:
            stage.close()
