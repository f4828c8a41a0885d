"""The docstrings under the fields of a class, which Python does not keep: read from its source when asked for."""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Mapping
from functools import cache
from itertools import pairwise


@cache
def docstrings_of_fields(cls: type) -> Mapping[str, str]:
    """What stands under the annotated fields in the body of `cls` itself, by field; cleaned, line breaks kept."""
    tree = ast.parse(inspect.getsource(sys.modules[cls.__module__]))
    classes = (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and node.name == cls.__name__)
    return {
        field.target.id: inspect.cleandoc(below.value.value)
        for found in classes
        for field, below in pairwise(found.body)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) and isinstance(below.value.value, str)
    }
