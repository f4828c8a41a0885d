"""A plan for people: as tables, and as Markdown for a comment on a pull request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import click

from ringfleet.cli._shared.printing import Row, echo_heading, echo_table, plural
from ringfleet.cli.plan.as_json import all_bought, costs, total
from ringfleet.dryrun.result import Bought, Changed, PoolPreview, Preview, Released
from ringfleet.dryrun.server import Fate, Rehearsed

BOUGHT = ("Buy", "Region", "Account", "Order", "Monthly", "Setup", "Needs")
CHANGED = ("Number", "Change", "Routing profile", "Account")
RELEASED = ("Release", "Account", "Why")
OBJECTS = ("Object", "Namespace", "Action", "Message")


def headline(found: Preview) -> str:
    """The plan in one line."""
    if not (found.changes or found.failed):
        return "Nothing would change."
    counts = total(found)
    parts = [
        f"{plural(counts['bought'], 'number')} to buy",
        f"{counts['routed']} to route",
        f"{counts['released']} to release",
    ]
    if counts["refused"]:
        parts.append(f"{plural(counts['refused'], 'object')} refused")
    return ", ".join([*parts, *_said(all_bought(found.pools))])


def _said(bought: Sequence[Bought]) -> list[str]:
    return [f"{monthly} a month and {setup} once" for monthly, setup in costs(bought)]


def _pool_line(pool: PoolPreview) -> str:
    """The pool in one line: what it has, wants, gets and still misses."""
    parts = [f"{plural(len(pool.bought), 'number')} to buy", *_said(pool.bought)]
    if pool.short:
        parts.append(f"{pool.short} short")
    return f"{pool.namespace}/{pool.name}: holds {pool.held}, target {pool.target}; {', '.join(parts)}"


def _worth_telling(pool: PoolPreview) -> bool:
    return bool(pool.changes or pool.short or pool.notes or pool.errors)


def _object_row(one: Rehearsed) -> Row:
    return (f"{one.kind}/{one.name}", one.namespace, one.fate, one.message)


def _bought_row(one: Bought) -> Row:
    offer = one.offer
    needs = [word for word, needed in (("documents", offer.needs_documents), ("approval", one.approval)) if needed]
    price = offer.price
    return (offer.number, offer.region, one.account, one.order, price.monthly, price.setup, " ".join(needs))


def _changed_row(one: Changed) -> Row:
    return (one.number, one.step, one.profile, one.account)


def _released_row(one: Released) -> Row:
    return (one.number, one.account, one.why)


def _tables(pool: PoolPreview) -> Iterator[tuple[Sequence[str], list[Row]]]:
    yield BOUGHT, [_bought_row(one) for one in pool.bought]
    yield CHANGED, [_changed_row(one) for one in pool.routed]
    yield RELEASED, [_released_row(one) for one in pool.released]


def _remarks(pool: PoolPreview) -> Iterator[tuple[str, str]]:
    """What has to be said of a pool in sentences, each with its word."""
    if pool.served:
        yield "Served", f"{plural(len(pool.served), 'claim')}: {', '.join(pool.served)}"
    yield from ((note.reason, note.message) for note in pool.notes)
    yield from (("Error", message) for message in pool.errors)


def _too_poor(found: Preview) -> list[str]:
    return [
        f"CarrierAccount {one.account} has {one.balance} and would be billed {one.spend} in the first month."
        for one in found.accounts
        if not one.covered
    ]


def _told_by_operator(found: Preview) -> list[str]:
    keys = sorted({str(one.account) for one in found.accounts if one.by_operator})
    return [f"The offers of {', '.join(keys)} are told by the operator: you may not read the Secret."] if keys else []


# Tables.


def echo_preview(found: Preview) -> None:
    """Print the plan for a person: objects, then each pool with something to tell, then the sum of all."""
    echo_table(OBJECTS, [_object_row(one) for one in found.objects if one.fate is not Fate.UNCHANGED])
    for pool in filter(_worth_telling, found.pools):
        click.echo()
        echo_heading(_pool_line(pool))
        for columns, rows in _tables(pool):
            echo_table(columns, rows)
        for reason, message in _remarks(pool):
            click.echo(f"{reason}: {message}")
    echo_table(CHANGED, [_changed_row(one) for one in found.unpooled])
    for sentence in (*_too_poor(found), *_told_by_operator(found)):
        click.echo(f"InsufficientFunds: {sentence}")
    click.echo()
    echo_heading(headline(found))


# Markdown.


def as_markdown(found: Preview) -> str:
    """The plan as a comment for a pull request; long lists of numbers are folded."""
    parts = [
        f"### Ringfleet plan\n\n**{headline(found) if found.changes or found.failed else 'Nothing would change.'}**"
    ]
    objects = [_object_row(one) for one in found.objects if one.fate is not Fate.UNCHANGED]
    parts += _markdown_table(OBJECTS, objects)
    for pool in filter(_worth_telling, found.pools):
        parts.append(f"#### {_pool_line(pool)}")
        parts += [f"- **{reason}**: {message}" for reason, message in _remarks(pool)]
        parts += [part for columns, rows in _tables(pool) for part in _folded(columns, rows)]
    parts += _markdown_table(CHANGED, [_changed_row(one) for one in found.unpooled])
    parts += [f"- **InsufficientFunds**: {sentence}" for sentence in _too_poor(found)]
    parts += [f"- {sentence}" for sentence in _told_by_operator(found)]
    return "\n\n".join(parts)


def _folded(columns: Sequence[str], rows: list[Row]) -> list[str]:
    table = _markdown_table(columns, rows)
    if len(rows) <= _MOST_OPEN:
        return table
    return [f"<details><summary>{columns[0]}: {len(rows)}</summary>", *table, "</details>"]


_MOST_OPEN = 10


def _markdown_table(columns: Sequence[str], rows: list[Row]) -> list[str]:
    if not rows:
        return []
    lines = [columns, ["---"] * len(columns), *rows]
    return ["\n".join(f"| {' | '.join(map(_markdown_cell, line))} |" for line in lines)]


def _markdown_cell(value: object) -> str:
    text = "" if value is None else " ".join(str(value).split())
    return text.replace("|", "\\|").replace("<", "&lt;")
