"""Programs that only say what they are, and a `go` that only writes down what it was asked: shell scripts."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

PROGRAM = """#!/bin/sh
echo {says}
"""
# Lists two packages of which one is not compiled, and "builds" by running `body` with $output and $program set.
GO = """#!/bin/sh
case "$1" in
  env) echo go1.26.0 ;;
  list) printf 'a\\nb stale\\n' ;;
  build)
    while [ "$#" -gt 0 ]; do case "$1" in -o) output=$2 ;; esac; program=$1; shift; done
    echo "$program" >> "{log}"
    echo b
    {body} ;;
esac
"""


def a_program(folder: Path, name: str, says: str = "Kubernetes v1.36.3") -> Path:
    """An executable that prints what a program of Kubernetes says of its version."""
    return _script(folder / name, PROGRAM.format(says=says))


def programs(folder: Path, names: Iterable[str], minor: int = 36) -> Path:
    """A folder with these programs, all of one minor release."""
    for name in names:
        a_program(folder, name, f"Kubernetes v1.{minor}.1")
    return folder


class FakeGo:
    """A `go` for the PATH."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._log = folder / "go.log"

    def install(self, body: str = 'touch "$output"') -> None:
        _script(self.folder / "go", GO.format(log=self._log, body=body))

    @property
    def path(self) -> str:
        return f"{self.folder}{os.pathsep}/usr/bin{os.pathsep}/bin"

    @property
    def builds(self) -> list[str]:
        """The last part of each package that was built, in order: the program's name, `v3` for etcd."""
        return [line.rpartition("/")[2] for line in self._log.read_text().splitlines()] if self._log.exists() else []


def _script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path
