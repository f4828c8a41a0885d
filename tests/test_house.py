"""What the code says of itself is so: promises that are cited, files and tests that are named, layers and rooms."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

import ringfleet

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "operator" / "ringfleet"
ROOMS = ROOT / "operator" / "README.md"
CONTRIBUTING = ROOT / "CONTRIBUTING.md"
SEARCHED = ("operator", "tests", "examples", "manifests", "crds")
PROMISES = tuple(range(1, 9))

CITED = re.compile(r"\bpromises? (\d+(?:(?:, | and )\d+)*)")
NAMED_FILE = re.compile(r"[\w.*/-]*\w\.(?:py|md|sql|yaml|json|toml|txt|lock|mod)\b")
NAMED_FOLDER = re.compile(rf"(?<![\w/.-])(?:{'|'.join(SEARCHED)})/[\w/-]++(?!\.\w|\*)")
QUOTED_PATH = re.compile(r"`([\w.*/-]+/[\w.*/-]*)`")
QUOTED_TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
MADE = re.compile(r"`make ([a-z-]+)`")


def files(*endings: str) -> list[Path]:
    found = [path for folder in SEARCHED for path in (ROOT / folder).rglob("*") if path.suffix in endings]
    return sorted([*found, *(path for path in ROOT.glob("*") if path.suffix in endings)])


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def prose(path: Path) -> str:
    """A page, or all docstrings of a module, those under fields included."""
    if path.suffix != ".py":
        return path.read_text()
    return "\n".join(
        node.value.value
        for node in statements(ast.parse(path.read_text()))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    )


def statements(node: ast.AST) -> Iterator[ast.AST]:
    """Every statement in it, and none of the many expressions."""
    for part in ("body", "orelse", "finalbody", "handlers", "cases"):
        for statement in getattr(node, part, ()) if not isinstance(node, ast.expr) else ():
            yield statement
            yield from statements(statement)


def is_there(named: str, path: Path) -> bool:
    """Whether `named` is a file or folder of the repository or of the package, or stands beside or above `path`."""
    return any(stands_in(folder, named.rstrip("/")) for folder in (ROOT, PACKAGE, *above(path)))


@cache
def above(path: Path) -> tuple[Path, ...]:
    return tuple(folder for folder in path.parents if folder.is_relative_to(ROOT))


@cache
def stands_in(folder: Path, named: str) -> bool:
    """Whether there is such a file; a pattern is looked for, which takes much longer than a name."""
    return any(folder.glob(named)) if "*" in named else (folder / named).exists()


def missing(named: re.Pattern[str], paths: list[Path]) -> Iterator[str]:
    for path in paths:
        for one in sorted(set(named.findall(prose(path)))):
            if not is_there(one, path):
                yield f"{name(path)}: {one}"


def functions_of(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_the_eight_promises_are_numbered() -> None:
    told = re.findall(r"^(\d+)\. ", ringfleet.__doc__ or "", re.MULTILINE)
    assert tuple(map(int, told)) == PROMISES


def test_each_promise_that_is_cited_is_one_of_them() -> None:
    cited = [
        (name(path), int(number))
        for path in files(".py", ".md", ".sql", ".yaml")
        for numbers in CITED.findall(path.read_text())
        for number in re.findall(r"\d+", numbers)
    ]
    assert len(cited) > 15
    assert [one for one in cited if one[1] not in PROMISES] == []


def test_each_promise_names_tests_that_are_there() -> None:
    rows = re.findall(r"^\| (\d) \|.*$", ROOMS.read_text(), re.MULTILINE)
    lines = re.findall(r"^\| \d \|.*$", ROOMS.read_text(), re.MULTILINE)
    assert tuple(map(int, rows)) == PROMISES
    assert all(QUOTED_TEST.search(line) for line in lines)
    named = QUOTED_TEST.findall(ROOMS.read_text())
    assert [one for one in named if not (ROOT / one[0]).is_file() or one[1] not in functions_of(ROOT / one[0])] == []


def test_docstrings_and_pages_name_only_files_and_folders_that_are_there() -> None:
    paths = files(".py", ".md")
    assert [*missing(NAMED_FILE, paths), *missing(NAMED_FOLDER, paths)] == []


@pytest.mark.parametrize("page", [pytest.param(ROOMS, id="rooms"), pytest.param(CONTRIBUTING, id="contributing")])
def test_a_page_for_contributors_names_only_paths_and_targets_that_are_there(page: Path) -> None:
    text = page.read_text()
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert list(missing(QUOTED_PATH, [page])) == []
    assert set(MADE.findall(text)) <= targets
    assert len(text.splitlines()) <= 140, "it is read in one go"


FIELD = re.compile(r"\b(?:spec|status)(?:\.[a-z][A-Za-z]*)+(?![\w(])")
"""A field of one of our kinds by its whole path, and no call of a method."""


def test_messages_descriptions_and_pages_name_only_fields_that_are_there() -> None:
    fields = {field for path in (ROOT / "crds").glob("ringfleet.dev_*.yaml") for field in fields_in(path)}
    paths = [*(PACKAGE).rglob("*.py"), *ROOT.glob("README.md"), *(ROOT / "examples").rglob("*.md"), CONTRIBUTING]
    named = [(name(path), field) for path in paths for text in texts(path) for field in FIELD.findall(text)]
    assert len(named) > 200
    assert sorted({one for one in named if one[1] not in fields}) == []


def fields_in(path: Path) -> set[str]:
    """The path of every field in spec and status, lists and all."""
    (version,) = yaml.load(path.read_text(), yaml.CSafeLoader)["spec"]["versions"]
    return set(below(version["schema"]["openAPIV3Schema"], ""))


def below(schema: dict[str, Any], at: str) -> Iterator[str]:
    for field, part in {**schema.get("properties", {}), **schema.get("items", {}).get("properties", {})}.items():
        yield at + field
        yield from below(part, f"{at}{field}.")


def texts(path: Path) -> list[str]:
    """A page; of a module every text that is written in it."""
    if path.suffix != ".py":
        return [path.read_text()]
    nodes = ast.walk(ast.parse(path.read_text()))
    return [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def test_the_layers_are_told_as_they_are_held() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts = project["tool"]["importlinter"]["contracts"]
    held = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    told = (ringfleet.__doc__ or "").partition("\nLayers\n")[2].partition("\nGlossary\n")[0]
    columns = [line[4:43].strip() for line in told.splitlines() if line.startswith("    ")]
    assert [*(layer.replace("ringfleet.", "") for layer in held), "simulator"] == [one for one in columns if one]


def test_every_room_is_on_the_page_of_rooms() -> None:
    rooms = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()}
    assert set(re.findall(r"^\| `(\w+)/` \|", ROOMS.read_text(), re.MULTILINE)) == rooms


FULL = (
    *("api", "carriers", "controllers", "dispatch", "dispatch/ledger/law", "dispatch/ledger/owner"),
    *("kube", "objects", "plan"),
    *("plan/number_pool", "plan/phone_number", "plan/rotation_set"),
)
"""Rooms with so many files that a stranger needs a list of them."""


@pytest.mark.parametrize("room", FULL)
def test_a_full_room_names_each_of_its_files_and_no_other(room: str) -> None:
    said = ast.get_docstring(ast.parse((PACKAGE / room / "__init__.py").read_text())) or ""
    here = {path.name for path in (PACKAGE / room).glob("*.py")} - {"__init__.py"}
    assert set(re.findall(r"\b\w+\.py\b", said)) == here


def test_a_word_of_the_glossary_is_explained_once() -> None:
    glossary = (ringfleet.__doc__ or "").partition("\nGlossary\n")[2]
    words = re.findall(r"^    (\S.*?)  +\S", glossary, re.MULTILINE)
    assert len(words) > 40
    assert len(words) == len(set(words))
