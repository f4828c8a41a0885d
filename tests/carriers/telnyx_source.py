"""What Telnyx declares, as the source of its own Python library says it: for each operation its method and path, the
names of its query, and the names and kinds of its body.

The source is read by its syntax: `self._post("/number_orders", body=maybe_transform({...}, Params), options=...)`.
`Params` is then asked for the names on the wire, which may differ from those of Python. The library is loaded when it
is asked, not when the tests are collected (`tests/simulator/telnyx_sdk.py`).
"""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from typing_extensions import (  # noqa: UP035 - the library makes its own TypedDicts
    NoExtraItems,
    NotRequired,
    Required,
    is_typeddict,
)

_LIBRARY = find_spec("telnyx")
assert _LIBRARY
assert _LIBRARY.origin
SOURCE = Path(_LIBRARY.origin).parent
ANY = "*"
"""Stands in brackets where the library lets any name pass."""
VERBS = {"_get": "GET", "_get_api_list": "GET", "_post": "POST", "_patch": "PATCH", "_put": "PUT", "_delete": "DELETE"}


@dataclass(frozen=True)
class Operation:
    """`query`: the names that it may have. `body`: the kind of each field that it may have."""

    method: str
    path: str
    query: frozenset[str]
    body: Mapping[str, Any]

    def is_of(self, method: str, path: str) -> bool:
        pattern = "".join(
            "[^/]+" if part.startswith("{") else re.escape(part) for part in re.split(r"(\{\w+\})", self.path)
        )
        return method == self.method and re.fullmatch(pattern, path) is not None


def find_operation(method: str, path: str, *files: str) -> Operation:
    """The operation of this call, among those of the `files` below `resources`. One with no variable in its path goes
    before one with any."""
    found = [one for file in files for one in operations(file) if one.is_of(method, path)]
    assert found, f"the library has no {method} {path}"
    return min(found, key=lambda one: one.path.count("{"))


@cache
def operations(file: str) -> tuple[Operation, ...]:
    path = SOURCE / "resources" / file
    tree = ast.parse(path.read_text())
    package = ".".join(("telnyx", "resources", *Path(file).parent.parts))
    imported = dict(_imports(tree, package))
    classes = [
        one for one in tree.body if isinstance(one, ast.ClassDef) and re.fullmatch(r"(?!Async)\w+Resource", one.name)
    ]
    calls = [node for one in classes for node in ast.walk(one) if isinstance(node, ast.Call) and _verb(node)]
    return tuple(_operation(call, imported) for call in calls)


def _imports(tree: ast.Module, package: str) -> Iterator[tuple[str, Any]]:
    """The modules and classes that hold parameters, by the names that the file gives them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            for name in node.names:
                yield name.asname or name.name, ("." * node.level + (node.module or ""), name.name, package)


def _verb(call: ast.Call) -> str | None:
    function = call.func
    named = isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name) and function.value.id == "self"
    return VERBS.get(function.attr) if named and isinstance(function, ast.Attribute) else None


def _operation(call: ast.Call, imported: Mapping[str, Any]) -> Operation:
    first = call.args[0]
    path = first.args[0] if isinstance(first, ast.Call) else first
    assert isinstance(path, ast.Constant)
    transformed = {keyword: node for node in ast.walk(call) for keyword, node in _parts(node)}
    query, body = (_fields(transformed.get(part), imported) for part in ("query", "body"))
    return Operation(_verb(call) or "", str(path.value), frozenset(_names(query)), body)


def _parts(node: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    if isinstance(node, ast.Call):
        for keyword in node.keywords:
            if keyword.arg in ("query", "body") and isinstance(keyword.value, ast.Call):
                yield keyword.arg, keyword.value


def _fields(transform: ast.Call | None, imported: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of `maybe_transform({...}, Params)` by their names on the wire, with the kind of each."""
    if transform is None:
        return {}
    said, params = transform.args
    if isinstance(said, ast.Name):  # the whole body is one parameter: `document`
        whole = next(kind for name, _, kind in _declared(_resolve(params, imported)) if name == said.id)
        return {alias: kind for _, alias, kind in _declared(whole)}
    assert isinstance(said, ast.Dict)
    keys = {key.value for key in said.keys if isinstance(key, ast.Constant)}
    return {alias: kind for name, alias, kind in _declared(_resolve(params, imported)) if name in keys}


def _resolve(node: ast.expr, imported: Mapping[str, Any]) -> Any:
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return getattr(_load(*imported[node.value.id]), node.attr)
    assert isinstance(node, ast.Name)
    return _load(*imported[node.id])


def _load(module: str, name: str, package: str) -> Any:
    found = importlib.import_module(module, package)
    return getattr(found, name) if hasattr(found, name) else importlib.import_module(f"{found.__name__}.{name}")


def _declared(kind: Any) -> Iterator[tuple[str, str, Any]]:
    """The fields of a TypedDict: Python's name, the name on the wire, and the kind."""
    from telnyx._utils import PropertyInfo

    for name, hint in get_type_hints(kind, include_extras=True).items():
        alias, bare = name, hint
        while get_origin(bare) in (Annotated, Required, NotRequired):
            if get_origin(bare) is Annotated:
                alias = next(
                    (one.alias for one in get_args(bare)[1:] if isinstance(one, PropertyInfo) and one.alias), alias
                )
            bare = get_args(bare)[0]
        yield name, alias, bare


def _names(fields: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """`page[size]`, `filter[phone_number][ends_with]`."""
    for name, kind in fields.items():
        whole = f"{prefix}[{name}]" if prefix else name
        for one in get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,):
            if is_typeddict(one):
                yield from _names({alias: of for _, alias, of in _declared(one)}, whole)
                if getattr(one, "__extra_items__", NoExtraItems) is not NoExtraItems:
                    yield f"{whole}[{ANY}]"
            else:
                yield whole


def undeclared(kind: Any, value: Any, where: str) -> Iterator[str]:
    """What of a body is not declared, or is of another kind than declared. `kind` is a type, or fields by name."""
    if isinstance(kind, Mapping):
        fields = kind
    elif is_typeddict(kind):
        fields = {alias: of for _, alias, of in _declared(kind)}
    else:
        yield from _unlike(kind, value, where)
        return
    for name, part in value.items():
        if name not in fields:
            yield f"{where}.{name} is not declared"
        else:
            yield from undeclared(fields[name], part, f"{where}.{name}")


def _unlike(kind: Any, value: Any, where: str) -> Iterator[str]:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        told = [list(undeclared(option, value, where)) for option in arguments]
        yield from min(told, key=len)
    elif origin is Literal:
        if value not in arguments:
            yield f"{where} is {value!r}, none of {arguments}"
    elif kind is NoneType:
        if value is not None:
            yield f"{where} is not null"
    elif isinstance(value, list):
        for one in value:
            yield from undeclared(arguments[0], one, f"{where}[]")
    elif isinstance(kind, type) and not isinstance(value, kind):
        yield f"{where} is {value!r}, no {kind.__name__}"
