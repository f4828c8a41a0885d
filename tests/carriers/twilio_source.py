"""What Twilio's own library says can be sent: read from its source, so that somebody else than us has written it down.

Each resource of the library has its path in `_uri`, and a method for each thing that can be done to it, which names the
parameters in a dictionary for `values.of`. Nothing of it is run.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import twilio.rest

ROOT = Path(twilio.rest.__file__).parent
VERSIONS = {"v2010": "/2010-04-01"}
"""How a version is written in a path, where it is not as its folder is named."""
_HEADERS = frozenset({"Content-Type", "Accept", "X-Twilio-Api-Version", "Idempotency-Key", "If-Match"})


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that the library can do: `path` is a pattern for the whole of it, `names` those of query or form."""

    product: str
    method: str
    path: re.Pattern[str]
    names: frozenset[str]


def operations(*products: str) -> list[Operation]:
    """All that the library can do in these products."""
    return [one for product in products for path in sorted((ROOT / product).rglob("*.py")) for one in _in_file(path)]


def _in_file(path: Path) -> Iterator[Operation]:
    product, version, *_ = path.relative_to(ROOT).parts
    if version == "__init__.py":
        return
    prefix = VERSIONS.get(version, f"/{version.removesuffix('.py')}")
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ClassDef) and (uri := _uri(node)) is not None:
            for function in node.body:
                if isinstance(function, ast.FunctionDef) and (method := _method(function)):
                    yield Operation(product, method, _pattern(prefix + uri), _names(function))


def _uri(node: ast.ClassDef) -> str | None:
    """`self._uri = "/Trunks/{sid}".format(...)`, or without what is put in."""
    for one in ast.walk(node):
        if isinstance(one, ast.Assign) and isinstance(one.targets[0], ast.Attribute) and one.targets[0].attr == "_uri":
            texts = [part.value for part in ast.walk(one.value) if isinstance(part, ast.Constant)]
            return next((text for text in texts if isinstance(text, str)), None)
    return None


def _method(function: ast.FunctionDef) -> str | None:
    for node in ast.walk(function):
        if isinstance(node, ast.keyword) and node.arg == "method" and isinstance(node.value, ast.Constant):
            return str(node.value.value)
    return None


def _names(function: ast.FunctionDef) -> frozenset[str]:
    found = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "of":
            for given in node.args:
                if isinstance(given, ast.Dict):
                    found |= {key.value for key in given.keys if isinstance(key, ast.Constant)}
    return frozenset(str(name) for name in found) - _HEADERS


def _pattern(uri: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(uri)))


def declared(known: list[Operation], product: str, method: str, path: str) -> Mapping[str, frozenset[str]]:
    """The operations that this call may be, each with its names; none: the library knows no such call."""
    return {
        one.path.pattern: one.names
        for one in known
        if (one.product, one.method) == (product, method) and one.path.fullmatch(path)
    }
