"""The stage of the stories, and the program as a user calls it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from ringfleet.cli.main import main
from tests.cluster.conftest import installed, stage
from tests.cluster.stage import Stage

__all__ = ["installed", "stage"]


@dataclass(frozen=True)
class Said:
    """How a command ended, and what it said."""

    exit_code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        assert self.out, self.err
        return json.loads(self.out)


Ringfleet = Callable[..., Said]


@pytest.fixture
def ringfleet(stage: Stage) -> Ringfleet:
    """`ringfleet("status", "-o", "json", stdin=None)` on the stage, as its administrator."""

    def run(command: str, *arguments: str, stdin: str | None = None) -> Said:
        where = ("--kubeconfig", str(stage.cluster.kubeconfig), "--namespace", stage.namespace)
        result = CliRunner().invoke(main, [command, *where, *arguments], input=stdin)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Said(result.exit_code, result.stdout, result.stderr)

    return run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder for manifests."""
    path = tmp_path / "manifests"
    path.mkdir()
    return path
