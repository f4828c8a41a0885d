"""One control plane for several workers. The fixture `cluster` is asked for so that its programs are there."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

import psutil
import pytest

from tests.controlplane.build import VERSION
from tests.controlplane.cluster import Cluster, running_cluster
from tests.controlplane.plane import ControlPlaneFailed
from tests.controlplane.shared import ROOT, folder_of, shared_control_plane
from tests.waiting import wait_until

PATIENCE_S = 90.0
pytestmark = pytest.mark.cluster
WORKER = """
import sys
from tests.controlplane.shared import shared_control_plane
with shared_control_plane(sys.argv[1]) as kubeconfig:
    print(kubeconfig, flush=True)
    input()
"""


KILLED_AT_THE_START = f"""
import os, signal, subprocess
class Started(subprocess.Popen):
    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        print(self.pid, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
subprocess.Popen = Started
{WORKER}"""


UNLUCKY = f"""#!/bin/sh
case "$*" in *version*) echo 'Kubernetes {VERSION}'; exit 0; esac
echo no such luck >&2
exit 3
"""


@pytest.fixture
def run() -> str:
    return uuid4().hex


def test_who_comes_later_shares_it_and_the_last_to_leave_stops_it(cluster: Cluster, run: str) -> None:
    with ExitStack() as first, ExitStack() as second:
        kubeconfig = first.enter_context(shared_control_plane(run))
        assert second.enter_context(shared_control_plane(run)) == kubeconfig
        first.close()
        with running_cluster(str(kubeconfig)) as shared:
            assert shared.get("namespace", "default")
        assert kubeconfig.exists()
    wait_until(lambda: not kubeconfig.exists(), "the control plane to be stopped")
    assert not folder_of(run).exists()


def test_who_comes_after_the_last_has_left_gets_a_new_one(cluster: Cluster, run: str) -> None:
    with shared_control_plane(run) as first:
        pass
    wait_until(lambda: not folder_of(run).exists(), "the first to be stopped")
    with shared_control_plane(run) as second, running_cluster(str(second)) as shared:
        assert second != first
        assert shared.get("namespace", "default")


def test_it_is_stopped_when_its_only_worker_is_killed(cluster: Cluster, run: str) -> None:
    command = [sys.executable, "-c", WORKER, run]
    worker = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, text=True)
    assert worker.stdout
    kubeconfig = Path(worker.stdout.readline().strip())
    assert kubeconfig.exists()
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait()
    worker.stdout.close()
    wait_until(lambda: not kubeconfig.exists(), "the control plane to be stopped")


def test_a_worker_that_is_killed_while_it_starts_the_holder_leaves_nothing_behind(cluster: Cluster, run: str) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED_AT_THE_START, run], cwd=ROOT, capture_output=True, check=False)
    holder = psutil.Process(int(done.stdout))
    gone, alive = psutil.wait_procs([holder], timeout=PATIENCE_S)
    for process in alive:
        process.kill()
    assert gone
    assert not folder_of(run).exists()


def test_every_worker_is_told_why_there_is_none(run: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The programs that the environment names are none."""
    for name in ("etcd", "kube-apiserver", "kube-controller-manager", "kubectl"):
        (tmp_path / name).write_text(UNLUCKY)
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path))
    for _ in range(2):
        with pytest.raises(ControlPlaneFailed, match="no such luck"), shared_control_plane(run):
            pass
    wait_until(lambda: not folder_of(run).exists(), "nothing to be left")


ENDS_AT_ONCE = "echo no such luck >&2; exit 3"
ENDS_WHEN_JOINED = 'exec 3< "$3/users"; echo no such luck >&2; exit 3'


@pytest.mark.parametrize("life", [ENDS_AT_ONCE, ENDS_WHEN_JOINED], ids=["at once", "when it was joined"])
def test_a_holder_that_ends_before_it_has_a_control_plane_is_not_waited_for(
    life: str, run: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Short of memory or of room in /tmp, it says no word in the folder."""
    holder = tmp_path / "holder"
    holder.write_text(f"#!/bin/sh\n{life}\n")
    holder.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(holder))
    try:
        with pytest.raises(ControlPlaneFailed, match="has ended: no such luck"), shared_control_plane(run):
            pass
    finally:
        shutil.rmtree(folder_of(run), ignore_errors=True)
