"""The control plane behaves as a real cluster does, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from tests.controlplane import plane
from tests.controlplane.build import Programs, find_programs
from tests.controlplane.cluster import Cluster, KubectlFailed, NoCluster, running_cluster
from tests.controlplane.kubeconfig import Server, write_kubeconfig
from tests.waiting import wait_until

pytestmark = pytest.mark.cluster
Kubectl = Callable[..., str]
ROOT = Path(__file__).parent.parent.parent


def a_config_map(name: str, owner: Mapping[str, object] | None = None) -> dict[str, object]:
    owners = [owner] if owner else []
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "ownerReferences": owners}}


def test_our_kubectl_and_api_server_are_of_one_version() -> None:
    with running_cluster(environment=_without_cluster()) as own:
        version = json.loads(own.kubectl("version", "--output=json"))
    assert version["clientVersion"]["gitVersion"] == version["serverVersion"]["gitVersion"]


def test_a_deleted_owner_takes_its_children_along(cluster: Cluster, namespace: str, kubectl: Kubectl) -> None:
    cluster.apply(a_config_map("owner"), namespace=namespace)
    metadata = cluster.get("configmap", "owner", namespace=namespace)["metadata"]
    assert isinstance(metadata, dict)
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": metadata["uid"]}
    cluster.apply(a_config_map("child", owner), namespace=namespace)
    kubectl("delete", "configmap", "owner", "--namespace", namespace)
    kubectl("wait", "--for=delete", "configmap/child", "--namespace", namespace, "--timeout=60s")


def test_a_deleted_namespace_goes_away_with_what_is_in_it(cluster: Cluster) -> None:
    name = cluster.new_namespace("doomed")
    cluster.apply(a_config_map("inside"), namespace=name)
    cluster.kubectl("delete", "namespace", name, "--timeout=60s")
    assert name not in cluster.kubectl("get", "namespaces")


def test_a_service_account_may_do_only_what_its_role_says(cluster: Cluster, namespace: str, kubectl: Kubectl) -> None:
    kubectl("create", "serviceaccount", "reader", "--namespace", namespace)
    kubectl("create", "role", "reader", "--verb=list", "--resource=configmaps", "--namespace", namespace)
    binding = ("--role=reader", f"--serviceaccount={namespace}:reader")
    kubectl("create", "rolebinding", "reader", *binding, "--namespace", namespace)
    # Asked of the API server: `kubectl auth can-i` fails for as long as the answer is no.
    wait_until(lambda: cluster.may("reader", "list", "configmaps", namespace=namespace), "the role to be in force")
    reader = Cluster(cluster.kubeconfig_of(namespace, "reader"), cluster.program, Path())
    assert reader.kubectl("auth", "can-i", "list", "configmaps") == "yes\n"
    with pytest.raises(KubectlFailed, match=r"system:serviceaccount:.*:reader.* cannot list resource \"secrets\""):
        reader.kubectl("get", "secrets")


def test_a_refused_manifest_raises_what_kubectl_said(kubectl: Kubectl, namespace: str) -> None:
    with pytest.raises(KubectlFailed, match='namespaces "nowhere" not found'):
        kubectl("create", "configmap", "x", "--namespace", "nowhere")


def test_nothing_of_the_control_plane_outlives_its_killed_owner() -> None:
    owner, folder = _start_by_command()
    programs = psutil.Process(owner.pid).children(recursive=True)
    assert {"etcd", "kube-apiserver", "kube-controller-manager"} <= {program.name() for program in programs}
    owner.kill()
    owner.communicate()
    _gone, alive = psutil.wait_procs(programs, timeout=30)
    assert not alive, f"still running: {alive}"
    shutil.rmtree(folder)


def test_when_etcd_ends_all_ends_and_it_is_said_which_program_it_was() -> None:
    """Else the API server keeps each request for half a minute, and every test waits for it."""
    with running_cluster(environment=_without_cluster(), controllers=False) as small:
        small.must_live()
        ours = [program for program in psutil.process_iter(["cmdline"]) if _is_of(program, small)]
        assert {program.name() for program in ours} >= {"etcd", "kube-apiserver"}
        next(program for program in ours if program.name() == "etcd").kill()
        others = [program for program in ours if program not in psutil.Process().children()]
        _gone, alive = psutil.wait_procs(others, timeout=30)  # of our own children it would take the exit code away
        assert not alive
        wait_until((small.kubeconfig.parent / plane.ENDED).exists, "it to be said")
        said = r"^etcd has ended with code 137, and the control plane with it"
        with pytest.raises(plane.ControlPlaneFailed, match=said):
            small.must_live()


def test_ctrl_c_stops_the_control_plane_and_removes_its_folder() -> None:
    owner, folder = _start_by_command()
    assert folder.name.startswith(plane.FOLDER_PREFIX)
    programs = psutil.Process(owner.pid).children(recursive=True)
    owner.send_signal(signal.SIGINT)
    owner.communicate(timeout=30)
    assert owner.returncode == 0
    assert not [program for program in programs if program.is_running()]
    assert not folder.exists()


def test_a_program_that_ends_at_once_is_an_error_with_its_last_words(tmp_path: Path) -> None:
    broken = tmp_path / "kube-apiserver"
    broken.write_text("#!/bin/sh\necho no such luck\nexit 3\n")
    broken.chmod(0o755)
    programs = find_programs()
    failing = plane.ControlPlane(Programs(programs.etcd, broken, programs.controller_manager, programs.kubectl))
    with pytest.raises(plane.ControlPlaneFailed, match=r"kube-apiserver ended with code 3\nno such luck"):
        failing.start()
    assert not failing.folder.exists()


@pytest.mark.parametrize("name", ["kube-apiserver", "kubectl"])
def test_a_damaged_program_is_named_with_what_to_do(name: str, tmp_path: Path) -> None:
    damaged = tmp_path / name
    damaged.write_bytes(b"\x7fELF")
    damaged.chmod(0o755)
    programs = find_programs()
    server, kubectl = (damaged, programs.kubectl) if name == "kube-apiserver" else (programs.api_server, damaged)
    failing = plane.ControlPlane(Programs(programs.etcd, server, programs.controller_manager, kubectl))
    with pytest.raises(plane.ControlPlaneFailed, match=f"\n{damaged} is damaged: remove it, and it is built anew$"):
        failing.start()


def test_a_disk_that_is_full_is_named_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plane.shutil, "disk_usage", lambda folder: SimpleNamespace(free=8 * 2**20))
    said = "has room for 8 MB more, and a control plane takes 200 MB: make room there, or name another folder in TMPDIR"
    with pytest.raises(plane.ControlPlaneFailed, match=said):
        plane.ControlPlane(find_programs()).start()


def test_a_port_that_is_taken_is_exchanged_for_another(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as squatter:
        taken, *free = squatter.getsockname()[1], *plane.free_ports(5)
        choices = iter([[free[0], free[1], taken], free[2:]])
        monkeypatch.setattr(plane, "free_ports", lambda _count: next(choices))
        with plane.ControlPlane(find_programs()) as ours:
            assert f"127.0.0.1:{free[4]}" in ours.kubeconfig.read_text()


def test_without_controllers_a_service_account_that_was_applied_works_and_no_namespace_is_given_one() -> None:
    with running_cluster(environment=_without_cluster(), controllers=False) as small:
        namespace = small.new_namespace("small")
        small.kubectl("create", "serviceaccount", "reader", "--namespace", namespace)
        small.kubectl("create", "role", "reader", "--verb=list", "--resource=serviceaccounts", "--namespace", namespace)
        binding = ("--role=reader", f"--serviceaccount={namespace}:reader")
        small.kubectl("create", "rolebinding", "reader", *binding, "--namespace", namespace)
        wait_until(
            lambda: small.may("reader", "list", "serviceaccounts", namespace=namespace), "the role to be in force"
        )
        reader = Cluster(small.kubeconfig_of(namespace, "reader"), small.program, Path())
        assert reader.kubectl("get", "serviceaccounts", "--output=name", "--namespace", namespace) == (
            "serviceaccount/reader\n"
        )


def test_a_kubeconfig_of_the_user_is_the_cluster(cluster: Cluster) -> None:
    with running_cluster(str(cluster.kubeconfig)) as same:
        assert same.server() == cluster.server()
        assert "default" in same.kubectl("get", "namespaces")


NOBODY = Server("https://127.0.0.1:9", None)


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_run_on_a_cluster_that_does_not_answer_ends_with_one_sentence(workers: str, tmp_path: Path) -> None:
    dead = write_kubeconfig(tmp_path / "dead", NOBODY, "token")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-n",
        workers,
        "tests/controlplane/test_api.py",
    ]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "KUBECONFIG": str(dead)}, capture_output=True, text=True, check=False
    )
    said = [line for line in done.stdout.splitlines() if "does not answer" in line]
    assert f"no cluster to test on: the cluster that the kubeconfig {dead} names does not answer: " in said[-1]
    assert "127.0.0.1:9 was refused" in said[-1]
    assert "Start it, or unset KUBECONFIG to use a control plane of our own." in said[-1]
    assert "Traceback" not in done.stdout
    assert "INTERNALERROR" not in done.stdout
    assert done.returncode != 0


def test_a_kubeconfig_that_is_not_there_is_named_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NoCluster) as error, running_cluster(str(tmp_path / "none")):
        pass
    assert str(error.value) == (
        f"the kubeconfig {tmp_path / 'none'} names no usable context: error: current-context must exist in order to "
        "minify. Name another in KUBECONFIG, or unset KUBECONFIG to use a control plane of our own."
    )


def _is_of(program: psutil.Process, cluster: Cluster) -> bool:
    return any(str(cluster.kubeconfig.parent) in word for word in program.info["cmdline"] or ())


def _without_cluster() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "KUBECONFIG"}


def _start_by_command() -> tuple[subprocess.Popen[bytes], Path]:
    """Start `python -m tests.controlplane`; return it, and its folder, once it says that it is ready."""
    command = [sys.executable, "-m", "tests.controlplane"]
    owner = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, env=_without_cluster())
    assert owner.stdout
    ready = next(line.decode() for line in owner.stdout if b"KUBECONFIG=" in line)
    return owner, Path(ready.partition("=")[2].strip()).parent
