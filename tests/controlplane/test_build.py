"""Programs are taken from where they are, and built once where they are not.

The `go` of these tests is a shell script: what is tested is what we do around it. The real build runs whenever the
cache is empty, as in CI, and what we rely on of the real `go` is in test_compiler.py.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from tests.controlplane import places
from tests.controlplane.build import MINOR as BUILT_MINOR
from tests.controlplane.build import (
    PACKAGES,
    VERSION,
    BuildFailed,
    Programs,
    cache_folder,
    find_kubectl,
    find_programs,
    provide,
)
from tests.controlplane.fakes import FakeGo, programs
from tests.waiting import wait_until

ROOT = Path(__file__).parent.parent.parent
DEMO = ("etcd", "kube-apiserver", "kubectl")
STOPS_AT_KUBECTL = (
    'case "$program" in */kubectl) echo $$ > "{pid}"; exec tail -f /dev/null > /dev/null ;; *) touch "$output" ;; esac'
)
PATIENCE_S = 60.0
BUILDER = """
import signal, sys
from tests.controlplane.build import find_programs
signal.signal(signal.SIGINT, signal.default_int_handler)
find_programs(dict(XDG_CACHE_HOME=sys.argv[1], HOME=sys.argv[1]))
"""


@pytest.fixture
def go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeGo:
    go = FakeGo(tmp_path / "go")
    go.install()
    monkeypatch.setenv("PATH", go.path)
    return go


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A user whose home is empty, on a machine without anything of envtest."""
    monkeypatch.setattr(places, "OLD_PLACE", tmp_path / "nowhere")
    return {"XDG_CACHE_HOME": str(tmp_path / "cache"), "HOME": str(tmp_path / "home")}


def test_all_programs_are_built_once_and_then_found(go: FakeGo, environment: dict[str, str]) -> None:
    cache = cache_folder(environment)
    found = Programs(
        cache / "etcd", cache / "kube-apiserver", cache / "kube-controller-manager", kubectl=cache / "kubectl"
    )
    assert find_programs(environment) == found
    assert find_programs(environment) == found
    assert find_kubectl(environment) == found.kubectl
    assert go.builds == ["v3", "kube-apiserver", "kubectl", "kube-controller-manager"]
    assert sorted(path.name for path in cache.iterdir()) == sorted([*PACKAGES, "in-use", "lock"])


def test_without_controllers_the_controller_manager_is_not_built_and_then_it_alone(
    go: FakeGo, environment: dict[str, str]
) -> None:
    assert find_programs(environment, controllers=False).controller_manager is None
    assert go.builds == ["v3", "kube-apiserver", "kubectl"]
    assert find_programs(environment).controller_manager == cache_folder(environment) / "kube-controller-manager"
    assert go.builds[3:] == ["kube-controller-manager"]


def test_a_folder_of_envtest_is_completed_with_what_it_lacks(
    go: FakeGo, environment: dict[str, str], tmp_path: Path
) -> None:
    assets = programs(tmp_path / "assets", DEMO)
    found = provide(tuple(PACKAGES), {**environment, "KUBEBUILDER_ASSETS": str(assets)})
    assert {name: path.parent for name, path in found.items()} == {
        **dict.fromkeys(DEMO, assets),
        "kube-controller-manager": cache_folder(environment),
    }
    assert go.builds == ["kube-controller-manager"]


def test_a_folder_of_envtest_is_all_that_a_control_plane_without_controllers_needs(
    go: FakeGo, environment: dict[str, str], tmp_path: Path
) -> None:
    assets = programs(tmp_path / "assets", DEMO, minor=33)
    found = find_programs({**environment, "KUBEBUILDER_ASSETS": str(assets)}, controllers=False)
    assert found == Programs(assets / "etcd", assets / "kube-apiserver", None, assets / "kubectl")
    assert go.builds == []
    assert not cache_folder(environment).exists()


def test_an_api_server_that_our_controllers_may_not_join_is_passed_over_aloud(
    go: FakeGo, environment: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assets = programs(tmp_path / "assets", DEMO, minor=33)
    found = find_programs({**environment, "KUBEBUILDER_ASSETS": str(assets)})
    assert found.api_server == cache_folder(environment) / "kube-apiserver"
    assert f"Passing over {assets / 'kube-apiserver'}: it is of Kubernetes 1.33" in capsys.readouterr().out


def test_the_minor_release_is_that_of_the_version_and_of_the_pins() -> None:
    assert VERSION.startswith(f"v1.{BUILT_MINOR}.")
    assert f"\tk8s.io/kubernetes {VERSION}" in (Path(__file__).parent / "go.mod").read_text()


def test_a_failed_build_says_why_and_leaves_nothing_half_made(go: FakeGo, environment: dict[str, str]) -> None:
    go.install("touch $output; echo no space left on device; exit 1")
    with pytest.raises(BuildFailed, match=r"go build of kubectl failed:\n(.*\n)*no space left on device"):
        provide(("kubectl",), environment)
    assert not (cache_folder(environment) / "kubectl").exists()


def test_a_cache_that_can_not_be_written_is_named_with_what_to_do(
    go: FakeGo, environment: dict[str, str], tmp_path: Path
) -> None:
    cache = cache_folder(environment)
    (tmp_path / "cache").touch()
    with pytest.raises(BuildFailed) as error:
        find_programs(environment)
    assert str(error.value) == (
        f"nothing can be built into {cache}: Not a directory. Name a folder of yours in XDG_CACHE_HOME, or a cluster "
        "in KUBECONFIG, or in KUBEBUILDER_ASSETS a folder that has the programs."
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_build_ends_go_and_goes_on_where_it_was(
    go: FakeGo, environment: dict[str, str], tmp_path: Path, number: signal.Signals
) -> None:
    pid = tmp_path / "pid"
    go.install(STOPS_AT_KUBECTL.format(pid=pid))
    command = [sys.executable, "-c", BUILDER, environment["XDG_CACHE_HOME"]]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as builder:
        wait_until(lambda: pid.exists() and pid.read_text().endswith("\n"), "the build of kubectl to begin")
        builder.send_signal(number)
        said, _ = builder.communicate()
    assert builder.returncode != 0
    assert b"interrupted with" in said
    assert not psutil.pid_exists(int(pid.read_text()))
    go.install()
    find_programs(environment)
    assert go.builds == ["v3", "kube-apiserver", "kubectl", "kubectl", "kube-controller-manager"]


def test_a_killed_build_takes_go_along(go: FakeGo, environment: dict[str, str], tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    go.install(STOPS_AT_KUBECTL.format(pid=pid))
    command = [sys.executable, "-c", BUILDER, environment["XDG_CACHE_HOME"]]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) as builder:
        wait_until(lambda: pid.exists() and pid.read_text().endswith("\n"), "the build of kubectl to begin")
        compiling = psutil.Process(int(pid.read_text()))
        builder.kill()
    _gone, alive = psutil.wait_procs([compiling], timeout=PATIENCE_S)
    for process in alive:
        process.kill()
    assert not alive


def test_two_builders_at_once_build_once(go: FakeGo, environment: dict[str, str]) -> None:
    builders = [threading.Thread(target=provide, args=(tuple(PACKAGES), environment)) for _ in range(2)]
    for builder in builders:
        builder.start()
    for builder in builders:
        builder.join()
    assert sorted(go.builds) == ["kube-apiserver", "kube-controller-manager", "kubectl", "v3"]


def test_a_finished_build_removes_those_before_the_last_two(go: FakeGo, environment: dict[str, str]) -> None:
    root = cache_folder(environment).parent
    for number in range(3):
        folder = root / f"{number:016x}"
        programs(folder, ("kubectl",))
        os.utime(folder, (number, number))
    provide(("kubectl",), environment)
    assert sorted(path.name for path in root.iterdir()) == sorted([f"{2:016x}", cache_folder(environment).name])
