"""The docstrings under the fields of a class, or under the members of an enum, which Python does not keep: read from
the source when asked for."""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Mapping
from functools import cache
from itertools import pairwise


@cache
def docstrings_of_fields(cls: type) -> Mapping[str, str]:
    """What stands under the fields in the body of `cls` itself, by field; cleaned, line breaks kept."""
    return {
        name: inspect.cleandoc(below.value.value)
        for found in _classes_of(cls.__module__).get(cls.__name__, ())
        for field, below in pairwise(found.body)
        if (name := _named(field)) is not None
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) and isinstance(below.value.value, str)
    }


@cache
def _classes_of(module: str) -> Mapping[str, list[ast.ClassDef]]:
    """The classes that the source of a module has, by name: it is parsed once, and not for each of them."""
    found: dict[str, list[ast.ClassDef]] = {}
    for node in ast.walk(ast.parse(inspect.getsource(sys.modules[module]))):
        if isinstance(node, ast.ClassDef):
            found.setdefault(node.name, []).append(node)
    return found


def _named(statement: ast.stmt) -> str | None:
    """The name that a field with an annotation, or a member of an enum, is given."""
    match statement:
        case ast.AnnAssign(target=ast.Name(name)) | ast.Assign(targets=[ast.Name(name)]):
            return name
        case _:
            return None
