"""YAML as kubectl reads it, which is neither YAML 1.1 as PyYAML has it nor YAML 1.2.

::

    written        PyYAML            kubectl (go-yaml 2, held by tests/cli/test_manifests.py against the real one)
    21:00          1260              "21:00"
    2026-01-01     a date            "2026-01-01"
    1e3            "1e3"             1000
    0o17, 08       "0o17", "08"      15, 8
    y, N           "y", "N"          true, false
    =              an error          "="
    NO, off        false             false

The last two lines are a trap for who writes a country or a mode: what was read so is kept beside the document, for the
message of who refuses it. The encoding is UTF-8, or UTF-16 with a byte order mark, as Windows PowerShell writes it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

TRUE = frozenset({"y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"})
FALSE = frozenset({"n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"})
MEANT = frozenset({"true", "True", "TRUE", "false", "False", "FALSE"})
"""The spellings by which somebody who writes them means true or false."""

_INTEGER = re.compile(r"[-+]?(0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|[0-9][0-9_]*)$")
_FLOAT = re.compile(
    r"[-+]?(\.[0-9_]+|[0-9][0-9_]*(\.[0-9_]*)?)([eE][-+]?[0-9]+)?$|[-+]?\.(inf|Inf|INF)$|\.(nan|NaN|NAN)$"
)
_EXACT = 2.0**53
"""Up to here every integer is a float, and a float without a fraction is written to JSON as an integer."""


@dataclass(frozen=True, slots=True)
class Document:
    """One document. `unquoted`: what was written where a word became true or false, by its path, such as
    spec.market.country."""

    value: Any
    unquoted: Mapping[str, str] = field(default_factory=dict)


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader with kubectl's scalars."""


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("bool", re.compile(rf"({'|'.join(sorted(TRUE | FALSE))})$"), "yYnNtTfFoO"),
    ("int", _INTEGER, "-+0123456789"),
    ("float", _FLOAT, "-+.0123456789"),
    ("null", re.compile(r"(~|null|Null|NULL|)$"), ["~", "n", "N", ""]),
    ("merge", re.compile(r"<<$"), "<"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", _pattern, list(_first))


def _bool(loader: _Loader, node: yaml.ScalarNode) -> bool:
    return str(loader.construct_scalar(node)) in TRUE


def _integer(loader: _Loader, node: yaml.ScalarNode) -> int | float:
    text = str(loader.construct_scalar(node)).replace("_", "")
    digits = text.lstrip("+-")
    if re.fullmatch("0[0-7]+", digits):
        return int(text, 8)
    return int(text) if digits.isdecimal() else int(text, 0)


def _float(loader: _Loader, node: yaml.ScalarNode) -> int | float:
    text = str(loader.construct_scalar(node)).replace("_", "").lower().replace(".inf", "inf").replace(".nan", "nan")
    value = float(text)
    return int(value) if value.is_integer() and abs(value) < _EXACT else value


_Loader.add_constructor("tag:yaml.org,2002:bool", _bool)
_Loader.add_constructor("tag:yaml.org,2002:int", _integer)
_Loader.add_constructor("tag:yaml.org,2002:float", _float)


def read_documents(content: bytes) -> list[Document]:
    """All documents that hold anything.

    Raises:
        yaml.YAMLError: it is no YAML, or in no encoding of YAML.
    """
    loader = _Loader(content)
    try:
        found = []
        while loader.check_node():
            node = loader.get_node()
            assert node is not None  # check_node says so
            unquoted = dict(_unquoted(node))
            found.append(Document(loader.construct_document(node), unquoted))
        return [one for one in found if one.value is not None]
    finally:
        loader.dispose()


def _unquoted(node: yaml.Node, path: str = "") -> Iterator[tuple[str, str]]:
    """The words that became true or false without being one of these, by path."""
    match node:
        case yaml.MappingNode():
            for key, value in node.value:
                yield from _unquoted(value, f"{path}.{key.value}" if path else str(key.value))
        case yaml.SequenceNode():
            for at, value in enumerate(node.value):
                yield from _unquoted(value, f"{path}[{at}]")
        case yaml.ScalarNode() if node.tag == "tag:yaml.org,2002:bool" and node.value not in MEANT:
            yield path, node.value
