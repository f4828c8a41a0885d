"""Each command that a page, a message or a description tells has the words and options that it is told with."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click

import ringfleet
from ringfleet.cli.main import main

PACKAGE = Path(ringfleet.__file__).parent
ROOT = PACKAGE.parents[1]
QUOTED = re.compile(r"`(?:kubectl )?ringfleet ([a-z][^`|]*)`")
TYPED = re.compile(r"^\$ kubectl ringfleet (.+)$", re.MULTILINE)


def test_a_command_that_is_told_is_there_with_its_options() -> None:
    told = sorted(
        {" ".join(command.split()) for text in _texts() for command in (*QUOTED.findall(text), *TYPED.findall(text))}
    )
    assert len(told) > 25
    assert [command for command in told if not _is_there(command)] == []


def _texts() -> Iterator[str]:
    for page in (ROOT / "README.md", *(ROOT / "examples").glob("*/README.md")):
        yield page.read_text()
    for module in PACKAGE.rglob("*.py"):
        nodes = ast.walk(ast.parse(module.read_text()))
        yield from (node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str))


def _is_there(told: str) -> bool:
    command: click.Command = main
    words = shlex.split(told)
    context = click.Context(command)
    while words and isinstance(command, click.Group):
        found = command.get_command(context, words.pop(0))
        if found is None:
            return False
        command, context = found, click.Context(found, parent=context)
    try:
        command.make_parser(context).parse_args(words)
    except click.NoSuchOption:
        return False
    except click.UsageError:
        return True  # a value that is left out, as in `plan -f`
    return True
