"""Where programs of a control plane are already, and which of them fit together. Nothing is built or fetched here.

    KUBEBUILDER_ASSETS  ->  envtest's store, newest first  ->  /usr/local/kubebuilder/bin  ->  our cache

Each program is looked for by itself, because a folder of envtest has no kube-controller-manager. The API server is
chosen first and the others beside it, within Kubernetes' version skew policy
(https://kubernetes.io/releases/version-skew-policy/): kube-controller-manager is of the API server's minor release or
of the one before, kubectl at most one minor release away. What is in no folder is built, and is of the minor release
that we pin. So an API server that would need another kube-controller-manager than ours, and has none beside it, is
passed over by the tests; the demo, which needs none, takes it.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

# CRDs with selectableFields are served from 1.32 on, ValidatingAdmissionPolicy from 1.30 on.
OLDEST_MINOR = 32
OLD_PLACE = Path("/usr/local/kubebuilder/bin")  # envtest's, before it had a store
API_SERVER = "kube-apiserver"
SAYS_ITS_VERSION = {
    API_SERVER: ("--version",),
    "kube-controller-manager": ("--version",),
    "kubectl": ("version", "--client"),
}
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}  # where Go's name is another than the kernel's
SKEW = {  # by how many minor releases a program may be from its API server: from, to
    API_SERVER: (0, 0),
    "kube-controller-manager": (-1, 0),
    "kubectl": (-1, 1),
}
PATIENCE_S = 30.0


@dataclass(frozen=True, slots=True)
class Place:
    """A folder, and the programs in it with the minor release (36 of v1.36.3) of each; None: it has none (etcd)."""

    folder: Path
    programs: Mapping[str, int | None]


@dataclass(frozen=True, slots=True)
class Choice:
    """Where each program is, or is to be built, and which API servers were passed over and why: one line each."""

    programs: Mapping[str, Path]
    passed_over: list[str] = field(default_factory=list)


def choose(names: Sequence[str], places: Sequence[Place], cache: Place) -> Choice:
    """Choose a place for each named program; the first that fits. `cache` holds, or will hold, all that we build."""
    if API_SERVER not in names:
        return Choice({name: _first(name, [*places, cache]).folder / name for name in names})
    passed_over = []
    for place in (place for place in places if API_SERVER in place.programs):
        chosen = _beside(place, names, places, cache)
        if lacking := [name for name in names if name not in chosen]:
            passed_over.append(_why_not(place, lacking, cache))
        else:
            return Choice(chosen, passed_over)
    return Choice(_beside(cache, names, places, cache), passed_over)


def find_places(names: Sequence[str], environment: Mapping[str, str]) -> list[Place]:
    """The folders outside our cache that have one of the named programs, in the order of our preference."""
    assets = environment.get("KUBEBUILDER_ASSETS")
    found = [_asked(Path(assets).absolute(), names)] if assets else []
    found += [Place(folder, _present(folder, names, minor)) for minor, folder in _stored(envtest_store(environment))]
    return [place for place in (*found, _asked(OLD_PLACE, names)) if place.programs]


def cached(folder: Path, minor: int) -> Place:
    """Our cache as a place that has all that we build; whether a program is there already is of no matter."""
    return Place(folder, {"etcd": None, **dict.fromkeys(SAYS_ITS_VERSION, minor)})


def envtest_store(environment: Mapping[str, str], system: str = platform.system()) -> Path:
    """Where setup-envtest keeps what it has downloaded, unless it is told otherwise (`store.DefaultStoreDir` there)."""
    if system == "Darwin":
        return home(environment) / "Library" / "Application Support" / "io.kubebuilder.envtest" / "k8s"
    data = environment.get("XDG_DATA_HOME") or home(environment) / ".local" / "share"
    return Path(data) / "kubebuilder-envtest" / "k8s"


def home(environment: Mapping[str, str]) -> Path:
    return Path(environment.get("HOME") or Path.home())


def _beside(server: Place, names: Sequence[str], places: Sequence[Place], cache: Place) -> dict[str, Path]:
    """Where each program that goes with this place's API server is; what nobody has or builds is left out."""
    minor = server.programs[API_SERVER]
    if minor is None or not _is_new_enough(API_SERVER, minor):
        return {}
    order = [server, *places, cache]
    fitting = {name: [place for place in order if _fits(name, place, minor)] for name in names}
    return {name: found[0].folder / name for name, found in fitting.items() if found}


def _fits(name: str, place: Place, server: int) -> bool:
    """Whether this place's program may go with an API server of the minor release `server`."""
    if name not in place.programs:
        return False
    if name not in SKEW:
        return True
    minor, (oldest, newest) = place.programs[name], SKEW[name]
    return minor is not None and oldest <= minor - server <= newest


def _first(name: str, order: Sequence[Place]) -> Place:
    """The first place that has the program and not in an older release than we need; the last of `order` has it."""
    return next(place for place in order if name in place.programs and _is_new_enough(name, place.programs[name]))


def _is_new_enough(name: str, minor: int | None) -> bool:
    return name not in SAYS_ITS_VERSION or (minor is not None and minor >= OLDEST_MINOR)


def _why_not(place: Place, lacking: Sequence[str], cache: Place) -> str:
    minor = place.programs[API_SERVER]
    about = f"Passing over {place.folder / API_SERVER}"
    if minor is None:
        return f"{about}: it does not say which version it is"
    if minor < OLDEST_MINOR:
        return f"{about}: it is of Kubernetes 1.{minor}, and 1.{OLDEST_MINOR} is the oldest that serves our kinds"
    others = " and ".join(name for name in lacking if name != API_SERVER)
    ours = cache.programs[API_SERVER]
    return f"{about}: it is of Kubernetes 1.{minor}, which our {others} of 1.{ours} can't go with, and none is there"


def _stored(store: Path) -> Iterator[tuple[int, Path]]:
    """The folders of the store that this machine can run and that are new enough, newest first, with their minor."""
    machine = platform.machine().lower()
    suffix = f"{platform.system().lower()}-{ARCHITECTURES.get(machine, machine)}"
    named = re.compile(rf"(\d+)\.(\d+)\.(\d+)-{re.escape(suffix)}")
    folders = store.iterdir() if store.is_dir() else ()
    found = [(match, folder) for folder in folders if (match := named.fullmatch(folder.name))]
    versions = sorted(((tuple(int(part) for part in match.groups()), folder) for match, folder in found), reverse=True)
    return ((version[1], folder) for version, folder in versions if version >= (1, OLDEST_MINOR))


def _present(folder: Path, names: Sequence[str], minor: int) -> dict[str, int | None]:
    return {name: minor if name in SAYS_ITS_VERSION else None for name in names if _runs(folder / name)}


def _asked(folder: Path, names: Sequence[str]) -> Place:
    """A folder whose name does not say which version is in it: its programs do."""
    return Place(folder, {name: _minor(folder / name) for name in names if _runs(folder / name)})


def _runs(program: Path) -> bool:
    return program.is_file() and os.access(program, os.X_OK)


def works(program: Path) -> bool:
    """Whether a program can at least say its version."""
    said = _version(program, SAYS_ITS_VERSION.get(program.name, ("--version",)))
    return said is not None and said.returncode == 0


def _minor(program: Path) -> int | None:
    """The minor release that a program of Kubernetes says it is of."""
    if program.name not in SAYS_ITS_VERSION:
        return None
    said = _version(program, SAYS_ITS_VERSION[program.name])
    found = said and re.search(r"v1\.(\d+)\.", said.stdout)
    return int(found[1]) if found else None


def _version(program: Path, arguments: Sequence[str]) -> subprocess.CompletedProcess[str] | None:
    """What a program answers; None when it was made for another machine, or hangs."""
    command = [str(program), *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
