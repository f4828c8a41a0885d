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
    tree = ast.parse(inspect.getsource(sys.modules[cls.__module__]))
    classes = (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and node.name == cls.__name__)
    return {
        name: inspect.cleandoc(below.value.value)
        for found in classes
        for field, below in pairwise(found.body)
        if (name := _named(field)) is not None
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) and isinstance(below.value.value, str)
    }


def _named(statement: ast.stmt) -> str | None:
    """The name that a field with an annotation, or a member of an enum, is given."""
    match statement:
        case ast.AnnAssign(target=ast.Name(name)) | ast.Assign(targets=[ast.Name(name)]):
            return name
        case _:
            return None
