"""The conditions that `kubectl explain` tells are those that the code writes, all of them and no others.

Of which kind each of them is, the API server's double looks at every status that a controller writes
(tests/controllers/api_double.py).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import ringfleet
from ringfleet.api import KINDS
from ringfleet.api.conditions import CONDITIONS, EVERYWHERE, conditions_of
from ringfleet.api.crds import build_schema
from ringfleet.api.meta import Resource

ROOMS = ("plan", "objects", "controllers")


def test_every_condition_that_is_written_is_told_and_no_other() -> None:
    told = EVERYWHERE.keys() | {name for kind in CONDITIONS.values() for name in kind}
    assert set(_written()) == told


def _written() -> Iterator[str]:
    """The types of all conditions that are made anywhere: the first argument of `Condition`."""
    for room in ROOMS:
        for path in (Path(ringfleet.__file__).parent / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Condition":
                    kind = node.args[0]
                    assert isinstance(kind, ast.Constant), f"{path}:{node.lineno}: write the type as it is"
                    yield str(kind.value)


def test_only_our_kinds_have_conditions() -> None:
    assert CONDITIONS.keys() <= {kind.model_fields["kind"].default for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.plural)
def test_explain_tells_each_condition_of_a_kind(kind: type[Resource]) -> None:
    told = build_schema(kind)["properties"]["status"]["properties"]["conditions"]["description"]
    for name, said in conditions_of(kind.model_fields["kind"].default).items():
        assert f" {name}: {said}." in told
