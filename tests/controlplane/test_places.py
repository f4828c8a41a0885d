"""Programs that are there are used, when they fit together."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.controlplane import places as looked_at
from tests.controlplane.fakes import a_program, programs
from tests.controlplane.places import OLDEST_MINOR, Place, cached, choose, envtest_store, find_places

ROOT = Path(__file__).parent.parent.parent
DEMO = ("etcd", "kube-apiserver", "kubectl")
ALL = (*DEMO, "kube-controller-manager")
CACHE = cached(Path("cache"), 36)
FROM_CACHE = dict.fromkeys(ALL, "cache")
SERVED_SINCE = {"selectableFields:": 32, "kind: ValidatingAdmissionPolicy\n": 30}


def a_place(name: str, minor: int | None, having: tuple[str, ...] = DEMO) -> Place:
    return Place(Path(name), {program: None if program == "etcd" else minor for program in having})


@pytest.mark.parametrize(
    ("names", "places", "chosen"),
    [
        pytest.param(ALL, [], {}, id="nothing is there: all is built"),
        pytest.param(DEMO, [a_place("a", 36)], dict.fromkeys(DEMO, "a"), id="the demo needs nothing else"),
        pytest.param(DEMO, [a_place("a", 32)], dict.fromkeys(DEMO, "a"), id="the oldest that is new enough"),
        pytest.param(DEMO, [a_place("a", 31)], {}, id="too old"),
        pytest.param(DEMO, [a_place("a", None)], {}, id="it does not say its version"),
        pytest.param(DEMO, [a_place("a", 31), a_place("b", 33)], dict.fromkeys(DEMO, "b"), id="the next, if too old"),
        pytest.param(ALL, [a_place("a", 36)], dict.fromkeys(DEMO, "a"), id="only the controllers are built"),
        pytest.param(ALL, [a_place("a", 37)], dict.fromkeys(DEMO, "a"), id="controllers may be one minor older"),
        pytest.param(ALL, [a_place("a", 38)], {}, id="but not two"),
        pytest.param(ALL, [a_place("a", 35)], {}, id="and never newer than the API server"),
        pytest.param(ALL, [a_place("a", 35, ALL)], dict.fromkeys(ALL, "a"), id="unless they are beside it"),
        pytest.param(
            ALL, [a_place("a", 38), a_place("b", 36)], dict.fromkeys(DEMO, "b"), id="an older API server may fit better"
        ),
        pytest.param(
            ALL,
            [a_place("a", 35, ("kube-apiserver",)), a_place("b", 34, ("kube-controller-manager", "etcd"))],
            {"kube-apiserver": "a", "kube-controller-manager": "b", "etcd": "b"},
            id="each program is found by itself",
        ),
        pytest.param(
            DEMO,
            [a_place("a", 36, ("kube-apiserver", "etcd")), a_place("b", 34, ("kubectl",))],
            {"kube-apiserver": "a", "etcd": "a"},
            id="a kubectl two minors away stays",
        ),
        pytest.param(
            DEMO,
            [a_place("a", 36, ("etcd",)), a_place("b", 36)],
            {"kube-apiserver": "b", "kubectl": "b", "etcd": "b"},
            id="the others come from the API server's own folder if they are there",
        ),
        pytest.param(("kubectl",), [a_place("a", 31), a_place("b", 34)], {"kubectl": "b"}, id="kubectl alone"),
        pytest.param(("kubectl",), [a_place("a", 31)], {}, id="kubectl alone, too old"),
    ],
)
def test_what_is_there_and_fits_is_chosen(
    names: tuple[str, ...], places: list[Place], chosen: Mapping[str, str]
) -> None:
    wanted = {name: Path((FROM_CACHE | dict(chosen))[name]) / name for name in names}
    assert choose(names, places, CACHE).programs == wanted


@pytest.mark.parametrize(
    ("minor", "said"),
    [
        (None, "Passing over a/kube-apiserver: it does not say which version it is"),
        (
            31,
            f"Passing over a/kube-apiserver: it is of Kubernetes 1.31, and 1.{OLDEST_MINOR} is the oldest that serves "
            "our kinds",
        ),
        (
            35,
            "Passing over a/kube-apiserver: it is of Kubernetes 1.35, which our kube-controller-manager of 1.36 can't "
            "go with, and none is there",
        ),
    ],
)
def test_an_api_server_that_is_passed_over_is_named_with_the_reason(minor: int | None, said: str) -> None:
    assert choose(ALL, [a_place("a", minor)], CACHE).passed_over == [said]


def test_the_oldest_release_is_the_first_that_serves_all_that_our_manifests_use() -> None:
    files = [*(ROOT / "crds").glob("*.yaml"), *(ROOT / "manifests").rglob("*.yaml")]
    texts = "".join(path.read_text() for path in files)
    assert max(minor for word, minor in SERVED_SINCE.items() if word in texts) == OLDEST_MINOR


def test_folders_are_looked_at_in_the_order_assets_store_old_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looked_at, "OLD_PLACE", programs(tmp_path / "old", DEMO, 33))
    store = envtest_store({"XDG_DATA_HOME": str(tmp_path)})
    own = f"{platform.system().lower()}-{looked_at.ARCHITECTURES.get(platform.machine(), platform.machine())}"
    for version in ("1.31.9", "1.35.2", "1.36.0", "1.35.10"):
        programs(store / f"{version}-{own}", DEMO)
    for other in ("1.37.0-plan9-amd64", "notes", f"1.37.0-rc.1-{own}"):
        programs(store / other, DEMO)
    environment = {
        "KUBEBUILDER_ASSETS": str(programs(tmp_path / "assets", DEMO, 34)),
        "XDG_DATA_HOME": str(tmp_path),
    }
    assert find_places(ALL, environment) == [
        a_place(str(tmp_path / "assets"), 34),
        a_place(str(store / f"1.36.0-{own}"), 36),
        a_place(str(store / f"1.35.10-{own}"), 35),
        a_place(str(store / f"1.35.2-{own}"), 35),
        a_place(str(tmp_path / "old"), 33),
    ]


def test_a_program_that_is_no_executable_is_not_there_and_a_silent_one_has_no_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looked_at, "OLD_PLACE", tmp_path / "nowhere")
    (tmp_path / "etcd").touch()
    a_program(tmp_path, "kube-apiserver", says="go away")
    a_program(tmp_path, "kubectl", says="Client Version: v1.34.1")
    environment = {"KUBEBUILDER_ASSETS": str(tmp_path), "HOME": str(tmp_path)}
    assert find_places(ALL, environment) == [Place(tmp_path, {"kube-apiserver": None, "kubectl": 34})]


@pytest.mark.parametrize(
    ("system", "environment", "store"),
    [
        ("Linux", {"HOME": "/h"}, "/h/.local/share/kubebuilder-envtest/k8s"),
        ("Linux", {"HOME": "/h", "XDG_DATA_HOME": "/data"}, "/data/kubebuilder-envtest/k8s"),
        (
            "Darwin",
            {"HOME": "/h", "XDG_DATA_HOME": "/data"},
            "/h/Library/Application Support/io.kubebuilder.envtest/k8s",
        ),
    ],
)
def test_the_store_is_where_setup_envtest_has_it(system: str, environment: dict[str, str], store: str) -> None:
    assert envtest_store(environment, system) == Path(store)
