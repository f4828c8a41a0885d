"""`ringfleet reason`: what the reason of a condition means, and what to do."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ringfleet.api.runbook import Entry


@click.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--markdown", is_flag=True, help="The whole runbook as a page.")
def reason(names: tuple[str, ...], markdown: bool) -> None:
    """Say what the reason of a condition means, and what to do.

    NAME is what stands beside Ready in `kubectl get`, such as ReleaseFrozen; without one, the names are listed.
    """
    from ringfleet.api.runbook import entries, runbook

    if markdown:
        click.echo(runbook(), nl=False)
        return
    known = entries()
    if not names:
        click.echo("\n".join(dict.fromkeys(one.reason for one in known)))
    for name in names:
        found = [one for one in known if one.reason.lower() == name.lower()]
        if not found:
            raise click.ClickException(_unknown(name, [one.reason for one in known]))
        click.echo("\n".join(map(_told, found)))


def _told(one: Entry) -> str:
    return f"{one.reason} ({', '.join(one.types)} of {', '.join(one.kinds)})\n  {one.meaning}"


def _unknown(name: str, known: list[str]) -> str:
    near = get_close_matches(name, dict.fromkeys(known), n=3)
    hint = f" Do you mean {' or '.join(near)}?" if near else " `kubectl ringfleet reason` lists them."
    return f"No condition has the reason {name}.{hint}"
