"""Objects as they are named on the command line: `pn/14155550123`, `phonenumber/14155550123`, or the name alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ringfleet.api.meta import Resource


def names_kind(text: str, kind: type[Resource]) -> bool:
    """Whether `text` says this kind."""
    said, slash, _ = text.rpartition("/")
    return bool(slash) and said.partition(".")[0].lower() in (*kind.short_names, kind.singular, kind.plural)


def parse_name(text: str, kind: type[Resource]) -> str:
    """The name in `text`, which may say its kind as kubectl does: short, singular or plural, a group after a dot.

    Raises:
        click.UsageError: `text` names another kind, or nothing.
    """
    _, slash, name = text.rpartition("/")
    if not name or (slash and not names_kind(text, kind)):
        raise click.UsageError(f"{text!r} does not name a {kind.__name__}: write {kind.short_names[0]}/NAME, or NAME.")
    return name
