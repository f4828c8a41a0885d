"""Opt-outs in a file of their own: they hold for ever, whatever becomes of the ledger.

A line of JSON each. The first names the keys that the hashes are under; of each opt-out all hashes are told together.
Merged, it makes none weaker that is there: one by word gives way to one by a person, and to a younger one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TextIO, TypeVar

import msgspec

from ringfleet.dispatch.ledger.interface import Ledger
from ringfleet.dispatch.ledger.tables import Row
from ringfleet.dispatch.ledger.types import Suppression

T = TypeVar("T")

FORMAT = "ringfleet-opt-outs/1"
AT_ONCE = 500


class Head(msgspec.Struct, forbid_unknown_fields=True):
    """The first line."""

    format: str
    keys: dict[str, str]
    """Check values in hex, and the names of the keys."""


class Line(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """One opt-out. Hashes are in hex."""

    scope: str
    recipient: str
    since: float
    reason: str
    by_word: bool
    also: tuple[str, ...] = ()


_encode = msgspec.json.Encoder().encode
_read_head = msgspec.json.Decoder(Head).decode
_read_line = msgspec.json.Decoder(Line).decode


def write_list(rows: Iterable[Row], keys: Iterable[Row], to: TextIO) -> int:
    """Returns how many opt-outs there are."""
    to.write(_encode(Head(FORMAT, {bytes(check).hex(): name for check, name in keys})).decode() + "\n")
    aliases: dict[tuple[str, bytes], list[str]] = defaultdict(list)
    listed: list[Row] = []
    for row in rows:
        if row[5] is None:
            listed.append(row)
        else:
            aliases[row[0], bytes(row[5])].append(bytes(row[1]).hex())
    for scope, recipient, since, reason, by_word, _ in listed:
        also = tuple(sorted(aliases[scope, bytes(recipient)]))
        line = Line(scope, bytes(recipient).hex(), since, reason, bool(by_word), also)
        to.write(_encode(line).decode() + "\n")
    return len(listed)


async def merge_list(source: TextIO, ledger: Ledger) -> int:
    """Returns how many are new. Raises LedgerUnavailable and ValueError: the file is none of ours."""
    head = _read(_read_head, source.readline(), 1)
    if head.format != FORMAT:
        raise ValueError(f"The file is {head.format!r}, and {FORMAT!r} was expected.")
    async with ledger:
        listed = {bytes.fromhex(check): name for check, name in head.keys.items()}
        await ledger.meet_keys(listed | dict(await ledger.keys()))
        new, lines = 0, _lines(source)
        while batch := list(islice(lines, AT_ONCE)):
            new += await ledger.suppress(batch)
    return new


def _lines(source: TextIO) -> Iterator[Suppression]:
    for place, text in enumerate(source, 2):
        line = _read(_read_line, text, place)
        recipient, *also = (_unhex(one, place) for one in (line.recipient, *line.also))
        yield Suppression(line.scope, recipient, line.since, line.reason, line.by_word, tuple(also))


def _read(decode: Callable[[str], T], text: str, place: int) -> T:
    try:
        return decode(text)
    except msgspec.DecodeError as error:
        raise ValueError(f"Line {place} of the file is no opt-out: {error}.") from error


def _unhex(text: str, place: int) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise ValueError(f"Line {place} of the file has a recipient that is no hash.") from error
