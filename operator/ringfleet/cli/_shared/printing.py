"""How commands print: rich tables for a person at a terminal, plain columns for a pipe, JSON or YAML for a program.

Plain columns are those of kubectl: two spaces between, nothing cut off, nothing coloured.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any

import click

Row = Sequence[object]
"""The cells of a line; None is shown as a dash."""


def echo_json(value: Any) -> None:
    """Print a JSON value, indented, its keys in the order in which they are given."""
    import orjson

    click.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2))


def echo_yaml(value: Any) -> None:
    """Print the same value as YAML, its keys in the order in which they are given."""
    import yaml

    click.echo(yaml.safe_dump(value, sort_keys=False, allow_unicode=True), nl=False)


def echo_table(columns: Sequence[str], rows: Iterable[Row], title: str = "") -> None:
    """Print rows under column names; nothing at all when there are none."""
    cells = [[_cell(value) for value in row] for row in rows]
    if not cells:
        return
    if sys.stdout.isatty():
        _echo_rich(columns, cells, title)
    else:
        _echo_plain(columns, cells, title)


def echo_heading(text: str) -> None:
    """Print a line that stands over what follows."""
    click.secho(text, bold=True)


def one_line(text: str) -> str:
    """What somebody else has written, without line breaks and control characters."""
    return "".join(char for char in " ".join(text.split()) if char.isprintable())


def plural(count: int, noun: str) -> str:
    """`1 number`, `2 numbers`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _cell(value: object) -> str:
    return "-" if value is None or value == "" else str(value)


def _echo_rich(columns: Sequence[str], rows: list[list[str]], title: str) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*columns, title=title or None, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))  # Text: a name is never read as markup
    Console().print(table)


def _echo_plain(columns: Sequence[str], rows: list[list[str]], title: str) -> None:
    if title:
        click.echo(title)
    lines = [[column.upper() for column in columns], *rows]
    widths = [max(len(line[at]) for line in lines) for at in range(len(columns))]
    for line in lines:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
