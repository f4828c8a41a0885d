"""`ringfleet ledger`: the dispatcher's memory, looked after.

`migrate` and a dispatcher that starts do the same to the schema. `backup`, `verify` and `export-opt-outs` may run while
a dispatcher works; all the others may with PostgreSQL. `verify` ends with 1 and says in sentences what is wrong.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from importlib import import_module
from pathlib import Path
from typing import Any, TextIO

import click


@click.group()
def ledger() -> None:
    """Look after the dispatcher's ledger."""


Where = Path | str
"""The file of a SQLite ledger, or the DSN of one in PostgreSQL."""


def _of_a_ledger(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command `--ledger`, and its troubles as errors."""

    @click.option(
        "--ledger",
        "url",
        required=True,
        envvar="RINGFLEET_DISPATCH_LEDGER",
        show_envvar=True,
        metavar="sqlite:PATH|postgresql://...",
        help="Where it is.",
    )
    @wraps(command)
    def run(url: str, **options: Any) -> None:
        from ringfleet.dispatch.ledger.interface import LedgerUnavailable
        from ringfleet.dispatch.ledger.open import UnknownLedger, sqlite_path

        try:
            command(sqlite_path(url) or url, **options)
        except (LedgerUnavailable, UnknownLedger, OSError, ValueError) as error:
            raise click.ClickException(str(error)) from error

    return run


@ledger.command()
@_of_a_ledger
def migrate(where: Where) -> None:
    """Make the ledger, or bring its schema up to date."""
    import asyncio

    if isinstance(where, Path):
        before, after = _engine("sqlite.file").migrate(where)
    else:
        address = _engine("postgres.connection").Address(where)
        before, after = asyncio.run(_engine("postgres.migrations").migrate(address))
    if before == after:
        click.echo(f"The schema is {after}: nothing to do.")
    else:
        click.echo(f"The schema is {after} now; it was {before}." if before else f"Made, with schema {after}.")


@ledger.command()
@click.argument("to", type=click.Path(dir_okay=False, path_type=Path))
@_of_a_ledger
def backup(where: Where, to: Path) -> None:
    """Copy a SQLite ledger to the file TO, while the dispatcher runs.

    To restore it, stop the dispatcher and put the copy in the ledger's place, without the files beside it that end in
    -wal and -shm. The dispatcher knows that it has a copy: it gives no id again that was given since, and picks no
    number until each set's next day begins, because what was used today is not in the copy (accept-counts ends that).
    Opt-outs of the time since are not in it either: merge those that you have exported.
    """
    if not isinstance(where, Path):
        raise click.ClickException("A PostgreSQL ledger is backed up by PostgreSQL: pg_dump --schema=ringfleet DSN")
    click.echo(f"{to}: {_engine('sqlite.file').back_up(where, to):,} bytes")


@ledger.command("accept-counts")
@_of_a_ledger
def accept_counts(where: Where) -> None:
    """After a restore: say that today's counts are right.

    It is so when nothing was picked since the copy was made. A dispatcher with SQLite has to be stopped meanwhile.
    """
    import asyncio

    if isinstance(where, Path):
        was = _engine("sqlite.file").accept_counts(where)
    else:
        was = asyncio.run(_engine("postgres.restored").accept_counts(_engine("postgres.connection").Address(where)))
    click.echo("Today's counts are taken for right." if was else "The ledger was not restored: nothing to do.")


@ledger.command("export-opt-outs")
@click.argument("to", type=click.File("x", encoding="utf-8"))
@_of_a_ledger
def export_opt_outs(where: Where, to: TextIO) -> None:
    """Write all opt-outs to the file TO, while the dispatcher runs.

    A line of JSON each, recipients as keyed hashes. Keep it apart from backups of the ledger: opt-outs hold for ever.
    """
    import asyncio

    from ringfleet.dispatch.ledger.optout_lists import write_list

    if isinstance(where, Path):
        rows, keys = _engine("sqlite.optouts").read_opt_outs(where)
    else:
        address = _engine("postgres.connection").Address(where)
        rows, keys = asyncio.run(_engine("postgres.optouts").read_opt_outs(address))
    click.echo(f"{write_list(rows, keys, to):,} opt-outs")


@ledger.command("merge-opt-outs")
@click.argument("source", type=click.File("r", encoding="utf-8"), metavar="FROM")
@_of_a_ledger
def merge_opt_outs(where: Where, source: TextIO) -> None:
    """Add the opt-outs of a file that export-opt-outs has written.

    None that is there is lost or made weaker, so that it may be done twice. A dispatcher with SQLite has to be stopped
    meanwhile.
    """
    import asyncio

    from ringfleet.dispatch.ledger.open import open_ledger
    from ringfleet.dispatch.ledger.optout_lists import merge_list

    url = f"sqlite:{where}" if isinstance(where, Path) else where
    click.echo(f"{asyncio.run(merge_list(source, open_ledger(url))):,} opt-outs are new")


def _of_a_recipient(command: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Give a command the keys and a number: it is called with the open ledger and the number's hashes."""

    @click.argument("number")
    @click.option(
        "--keys",
        "folder",
        required=True,
        envvar="RINGFLEET_DISPATCH_KEYS",
        show_envvar=True,
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        help="The folder of the keys by which the dispatcher hashes recipients.",
    )
    @_of_a_ledger
    @wraps(command)
    def run(where: Where, number: str, folder: Path) -> None:
        import asyncio

        from ringfleet.dispatch.ledger.open import open_ledger
        from ringfleet.dispatch.recipients import KeysMissing, is_recipient, meet, read_keys

        if not is_recipient(number):
            raise click.ClickException("That is no possible number in E.164 form, such as +14155550123.")

        async def look() -> None:
            async with open_ledger(f"sqlite:{where}" if isinstance(where, Path) else where) as opened:
                hasher = read_keys(folder)
                await meet(opened, hasher)
                await command(opened, hasher.hashes(number))

        try:
            asyncio.run(look())
        except KeysMissing as error:
            raise click.ClickException(str(error)) from error

    return run


@ledger.command("export-recipient")
@_of_a_recipient
async def export_recipient(opened: Any, hashes: tuple[bytes, ...]) -> None:
    """Print what the ledger knows of the recipient NUMBER, as JSON.

    It is what a person may ask for: contacts, picks, what is put off, opt-outs, masked sessions. The dispatcher has to
    be stopped meanwhile; with PostgreSQL all of them.
    """
    import msgspec

    past = msgspec.to_builtins(await opened.recall(hashes))
    for opt_out in past["opt_outs"]:
        del opt_out["recipient"], opt_out["also"]
    click.echo(msgspec.json.format(msgspec.json.encode(past)).decode())


@ledger.command("erase-recipient")
@_of_a_recipient
async def erase_recipient(opened: Any, hashes: tuple[bytes, ...]) -> None:
    """Forget the recipient NUMBER.

    Contacts, picks and what is put off are no more the recipient's, and masked sessions with the recipient end and are
    gone; opt-outs stay, as hashes, for they are what the
    person has asked for. What numbers have used stays counted. A dispatcher with SQLite has to be stopped meanwhile.
    """
    click.echo(f"{await opened.erase(hashes):,} rows forgotten")


@ledger.command()
def retention() -> None:
    """Print what a ledger keeps, table by table, and for how long."""
    from ringfleet.dispatch.ledger.retention import RETENTION

    for table, kept in sorted(RETENTION.items()):
        click.echo(f"{table:17} {'recipients' if kept.personal else '':11} {kept.how_long}: {kept.what}")


@ledger.command()
@_of_a_ledger
def verify(where: Where) -> None:
    """Check that the ledger keeps its own laws: ends with 1 when it does not."""
    import asyncio

    if isinstance(where, Path):
        evidence = _engine("sqlite.verify").look(where)
    else:
        address = _engine("postgres.connection").Address(where)
        evidence = asyncio.run(_engine("postgres.verify").look(address))
    found = evidence if isinstance(evidence, tuple) else _engine("owner.verify").judge(evidence)
    if found:
        raise click.ClickException("\n".join(("The ledger breaks its laws:", *found)))
    click.echo("The ledger keeps its laws.")


def _engine(module: str) -> Any:
    """Loaded when it is needed: one engine, not both."""
    return import_module(f"ringfleet.dispatch.ledger.{module}")
