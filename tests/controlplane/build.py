"""The programs of the control plane: found, or built once.

    KUBEBUILDER_ASSETS  ->  envtest's store  ->  /usr/local/kubebuilder/bin  ->  our cache  ->  go build, into our cache

`places.py` says which of the programs that are there fit. What is built lands in the cache (`cache.py`) program by
program, each with a rename as soon as it is finished, under a lock: a build that was cut short leaves finished programs
and, in Go's own cache, compiled packages (`compiler.py`); a second build at the same time waits for the first.
"""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.controlplane import cache as caches
from tests.controlplane.compiler import BuildFailed, Compiler, interruptible
from tests.controlplane.places import cached, choose, find_places, home
from tests.controlplane.progress import Progress
from tests.controlplane.toolchain import find_go

__all__ = ["BuildFailed", "Programs", "find_kubectl", "find_programs"]

MODULE = Path(__file__).parent
VERSION = "v1.36.3"
MINOR = 36
PACKAGES = {  # in the order in which they are built
    "etcd": "go.etcd.io/etcd/server/v3",
    "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
    "kubectl": "k8s.io/kubernetes/cmd/kubectl",
    "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
}
ONCE = "once: up to ten minutes on two cores; when interrupted, it goes on where it was"
ELSEWHERE = (
    "Name a folder of yours in XDG_CACHE_HOME, or a cluster in KUBECONFIG, "
    "or in KUBEBUILDER_ASSETS a folder that has the programs."
)
CONTROLLER_MANAGER = "kube-controller-manager"
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


@dataclass(frozen=True, slots=True)
class Programs:
    etcd: Path
    api_server: Path
    controller_manager: Path | None
    """None: the control plane runs without it."""
    kubectl: Path


def find_programs(environment: Mapping[str, str] = os.environ, *, controllers: bool = True) -> Programs:
    """Return the programs of a control plane, building those that are nowhere: minutes, once (README.md says how many).

    Without `controllers`, kube-controller-manager is neither looked for nor built.

    Raises:
        BuildFailed, NoToolchain: they could not be built; the message says why and what to do.
    """
    found = provide(tuple(name for name in PACKAGES if controllers or name != CONTROLLER_MANAGER), environment)
    return Programs(found["etcd"], found["kube-apiserver"], found.get(CONTROLLER_MANAGER), found["kubectl"])


def find_kubectl(environment: Mapping[str, str] = os.environ) -> Path:
    """Return kubectl alone, for tests against a cluster that is already there."""
    return provide(("kubectl",), environment)["kubectl"]


def provide(names: tuple[str, ...], environment: Mapping[str, str]) -> dict[str, Path]:
    """Return where each of the named programs is, after building those that are missing.

    Those of our cache stay there for as long as this process lives.
    """
    cache = cache_folder(environment)
    choice = choose(names, find_places(names, environment), cached(cache, MINOR))
    found = dict(choice.programs)
    if ours := tuple(name for name in names if found[name].parent == cache):
        try:
            caches.hold(cache)
            missing = tuple(name for name in ours if not found[name].exists())
            if choice.passed_over and (missing or environment.get("KUBEBUILDER_ASSETS")):
                print(*choice.passed_over, sep="\n", flush=True)
            if missing:
                build(missing, cache)
        except OSError as error:
            raise BuildFailed(f"nothing can be built into {cache}: {error.strerror}. {ELSEWHERE}") from error
    return found


def cache_folder(environment: Mapping[str, str]) -> Path:
    """Where this very build is kept: a change of pins, flags or machine makes another folder."""
    root = environment.get("XDG_CACHE_HOME") or home(environment) / ".cache"
    return Path(root) / "ringfleet" / "controlplane" / fingerprint()


def fingerprint() -> str:
    seal = hashlib.sha256()
    for part in ((MODULE / "go.mod").read_bytes(), (MODULE / "go.sum").read_bytes()):
        seal.update(part)
    for text in (*BUILD_FLAGS, *BUILD_ENVIRONMENT.values(), platform.system(), platform.machine()):
        seal.update(text.encode())
    return seal.hexdigest()[:16]


def build(names: tuple[str, ...], cache: Path) -> None:
    """Build the named programs into `cache`, showing progress, unless another builder does so first; then remove the
    builds that nobody is going to miss."""
    with interruptible(), caches.building(cache) as scratch:
        if missing := [name for name in names if not (cache / name).exists()]:
            _compile(Compiler(find_go(cache.parent), MODULE, scratch, BUILD_FLAGS, BUILD_ENVIRONMENT), missing, cache)
    caches.prune(cache, tuple(PACKAGES))


def _compile(compiler: Compiler, names: list[str], cache: Path) -> None:
    with Progress(f"Building {', '.join(names)} ({ONCE})") as progress:
        progress.say("fetching the Go modules and seeing what is compiled already")
        survey = compiler.survey([PACKAGES[name] for name in names])
        progress.count(survey.packages, survey.packages - len(survey.pending), len(names))
        for name in names:
            progress.say(name)
            compiler.build(PACKAGES[name], cache / name, _teller(progress, survey.pending, name))
            progress.program()


def _teller(progress: Progress, pending: frozenset[str], name: str) -> Callable[[str], None]:
    """Shows each line that `go build -v` of a program prints: a package, the program's own package the last."""

    def tell(line: str) -> None:
        if line in pending:
            progress.package(line)
        elif line == PACKAGES[name]:
            progress.say(f"linking {name}")

    return tell
