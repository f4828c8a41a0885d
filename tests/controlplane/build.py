"""The programs of the control plane: found, or built once.

    KUBEBUILDER_ASSETS (envtest's convention)  ->  the user's cache  ->  go build, into the cache

Each program is looked for by itself, so that a folder of envtest, which has no kube-controller-manager, is completed
from the cache. A build lands in the cache program by program with a rename, under a lock: a build that was cut short
leaves nothing half-made, and a second one waits for the first.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.controlplane.progress import Progress
from tests.controlplane.toolchain import find_go

MODULE = Path(__file__).parent
VERSION = "v1.36.3"
PACKAGES = {
    "etcd": "go.etcd.io/etcd/server/v3",
    "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
    "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
    "kubectl": "k8s.io/kubernetes/cmd/kubectl",
}
OUTPUTS = {"etcd": "server"}  # what `go build` calls a program where that is not our name for it
# Without the versions, kubectl cannot tell what the server is.
LINKER_FLAGS = (
    "-s -w"
    f" -X k8s.io/component-base/version.gitVersion={VERSION}"
    " -X k8s.io/component-base/version.gitMajor=1"
    " -X k8s.io/component-base/version.gitMinor=36"
    f" -X k8s.io/client-go/pkg/version.gitVersion={VERSION}"
)
BUILD_FLAGS = ("-trimpath", "-buildvcs=false", "-ldflags", LINKER_FLAGS)
BUILD_ENVIRONMENT = {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off"}


class BuildFailed(RuntimeError):
    """`go build` failed; the message ends with what it said."""


@dataclass(frozen=True, slots=True)
class Programs:
    etcd: Path
    api_server: Path
    controller_manager: Path
    kubectl: Path


def find_programs(environment: Mapping[str, str] = os.environ) -> Programs:
    """Return the four programs, building those that are nowhere: five minutes on two cores, once.

    Raises:
        BuildFailed, NoToolchain: they could not be built; the message says why and what to do.
    """
    found = provide(tuple(PACKAGES), environment)
    return Programs(found["etcd"], found["kube-apiserver"], found["kube-controller-manager"], found["kubectl"])


def find_kubectl(environment: Mapping[str, str] = os.environ) -> Path:
    """Return kubectl alone, for tests against a cluster that is already there."""
    return provide(("kubectl",), environment)["kubectl"]


def provide(names: tuple[str, ...], environment: Mapping[str, str]) -> dict[str, Path]:
    """Return where each of the named programs is, after building those that are missing."""
    cache = cache_folder(environment)
    found = {name: _find(name, cache, environment) for name in names}
    if missing := tuple(name for name in names if found[name] is None):
        build(missing, cache)
    return {name: path or cache / name for name, path in found.items()}


def cache_folder(environment: Mapping[str, str]) -> Path:
    """Where this very build is kept: a change of pins, flags or machine makes another folder."""
    home = environment.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "ringfleet" / "controlplane" / fingerprint()


def fingerprint() -> str:
    seal = hashlib.sha256()
    for part in ((MODULE / "go.mod").read_bytes(), (MODULE / "go.sum").read_bytes()):
        seal.update(part)
    for text in (*BUILD_FLAGS, *BUILD_ENVIRONMENT.values(), platform.system(), platform.machine()):
        seal.update(text.encode())
    return seal.hexdigest()[:16]


def build(names: tuple[str, ...], cache: Path) -> None:
    """Build the named programs into `cache`, showing progress, unless another builder does so first."""
    cache.mkdir(parents=True, exist_ok=True)
    with _lock(cache), tempfile.TemporaryDirectory(dir=cache, prefix="build-") as folder:
        missing = [name for name in names if not (cache / name).exists()]
        if missing:
            _go_build(find_go(cache.parent), missing, Path(folder))
        for name in missing:
            (Path(folder) / OUTPUTS.get(name, name)).rename(cache / name)


def _find(name: str, cache: Path, environment: Mapping[str, str]) -> Path | None:
    assets = environment.get("KUBEBUILDER_ASSETS")
    folders = [Path(assets)] if assets else []
    return next((folder / name for folder in (*folders, cache) if (folder / name).exists()), None)


def _go_build(go: Path, names: list[str], output: Path) -> None:
    packages = [PACKAGES[name] for name in names]
    with Progress(f"Building {', '.join(names)} (once; all of them take five minutes on two cores)") as progress:
        progress.show("fetching the Go modules")
        progress.total = len(_go(go, "list", "-deps", *packages).splitlines())
        command = [str(go), "build", "-v", "-o", f"{output}/", *BUILD_FLAGS, *packages]
        with _start(command, stderr=subprocess.STDOUT) as process:
            said = [progress.step(line.rstrip()) for line in process.stdout or ()]
        if process.returncode != 0:
            raise BuildFailed(f"go build of {', '.join(names)} failed:\n" + "\n".join(said[-15:]))


def _go(go: Path, *arguments: str) -> str:
    with _start([str(go), *arguments], stderr=subprocess.PIPE) as process:
        said, complaint = process.communicate()
    if process.returncode != 0:
        raise BuildFailed(f"go {arguments[0]} failed:\n{complaint.strip()}")
    return said


def _start(command: list[str], *, stderr: int) -> subprocess.Popen[str]:
    environment = {**os.environ, **BUILD_ENVIRONMENT}
    return subprocess.Popen(
        command, cwd=MODULE, env=environment, stdout=subprocess.PIPE, stderr=stderr, text=True, errors="replace"
    )


@contextmanager
def _lock(cache: Path) -> Iterator[None]:
    """Hold the cache folder for the time of a build; waits for another builder."""
    with (cache / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            print("Waiting for another build of the control plane to end", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
