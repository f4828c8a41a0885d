"""Programs are taken from where they are, and built once where they are not.

The `go` of these tests is a shell script: what is tested is what we do around it. The real build runs whenever the
cache is empty, as in CI.
"""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from tests.controlplane.build import PACKAGES, BuildFailed, cache_folder, provide

FAKE_GO = """#!/bin/sh
case "$1" in
  env) echo {version} ;;
  list) printf 'a\\nb\\n' ;;
  build)
    echo built >> {log}
    for argument in "$@"; do case "$argument" in */build-*) output=$argument ;; esac; done
    echo compiling a
    {body} ;;
esac
"""
BUILDS_ALL = 'touch "$output/server" "$output/kube-apiserver" "$output/kube-controller-manager" "$output/kubectl"'


class FakeGo:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._log = folder / "go.log"

    def install(self, body: str, version: str = "go1.26.0") -> None:
        go = self._folder / "go"
        go.write_text(FAKE_GO.format(version=version, log=self._log, body=body))
        go.chmod(0o755)

    @property
    def builds(self) -> int:
        return len(self._log.read_text().splitlines()) if self._log.exists() else 0


@pytest.fixture
def go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeGo:
    (tmp_path / "go").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'go'}:/usr/bin:/bin")
    return FakeGo(tmp_path / "go")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {"XDG_CACHE_HOME": str(tmp_path / "cache")}


def test_all_programs_are_built_once_and_then_found(go: FakeGo, environment: dict[str, str]) -> None:
    go.install(BUILDS_ALL)
    first = provide(tuple(PACKAGES), environment)
    assert provide(tuple(PACKAGES), environment) == first
    assert all(path.exists() for path in first.values())
    assert sorted(first) == sorted(PACKAGES)
    assert go.builds == 1


def test_a_folder_of_envtest_is_completed_with_what_it_lacks(
    go: FakeGo, environment: dict[str, str], tmp_path: Path
) -> None:
    go.install('touch "$output/kube-controller-manager"')
    assets = tmp_path / "assets"
    assets.mkdir()
    for name in ("etcd", "kube-apiserver", "kubectl"):
        (assets / name).touch()
    found = provide(tuple(PACKAGES), {**environment, "KUBEBUILDER_ASSETS": str(assets)})
    assert {name: path.parent for name, path in found.items()} == {
        "etcd": assets,
        "kube-apiserver": assets,
        "kube-controller-manager": cache_folder(environment),
        "kubectl": assets,
    }


def test_a_failed_build_says_why_and_leaves_nothing_behind(go: FakeGo, environment: dict[str, str]) -> None:
    go.install("echo no space left on device; exit 1")
    with pytest.raises(BuildFailed, match=r"go build of kubectl failed:\n(.*\n)*no space left on device"):
        provide(("kubectl",), environment)
    assert [path.name for path in cache_folder(environment).iterdir()] == ["lock"]


def test_two_builders_at_once_build_once(go: FakeGo, environment: dict[str, str]) -> None:
    go.install(BUILDS_ALL)
    builders = [threading.Thread(target=provide, args=(tuple(PACKAGES), environment)) for _ in range(2)]
    for builder in builders:
        builder.start()
    for builder in builders:
        builder.join()
    assert go.builds == 1
