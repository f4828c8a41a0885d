"""Phone numbers as people paste them: a column of a spreadsheet, a carrier's export, a mail.

::

    +1 (415) 555-0123          spaces, dashes, brackets and dots; 00 in the place of the plus sign
    "415-555-0123", sales      cells between commas, semicolons or tabs, in quotes or not; in a row with a number, cells
                               that are none are let be
    Phone,Name                 a header, by its words; where it names the numbers' column, only that one is read
    # moved in May             a remark, and an empty line

A number without its country code is read as one of `country`, if that is given. What a row of several cells means is
decided by those that begin with a plus sign, when there are any: a date beside them is none. Nothing is left out in
silence: a line of which nothing can be read is told, with the number that it has in the text.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from dataclasses import dataclass

import phonenumbers

from ringfleet.model import E164

LONGEST_LINE = 2_000
"""Characters of a line that are looked at; a longer one is no list of numbers."""
FEWEST_DIGITS = 7
"""The digits of the shortest number that is taken for one: below that, a price or a count."""
_WRITTEN = re.compile(r"\+?[0-9()\[\]\s./\u2010-\u2015-]+")
_HEADER = re.compile(r"num|phone|tel|did\b|e\.?164|msisdn|caller|ruf|line", re.IGNORECASE)
_INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
"""What address books put around a number that is copied from them."""


@dataclass(frozen=True, slots=True)
class Unread:
    """A line of which no number can be read, or a part of one."""

    line: int
    """Its place in the text, from 1."""
    text: str
    """What stands there."""
    reason: str
    """Why that is no number; without what stands there, which may be anybody's."""


@dataclass(frozen=True, slots=True)
class Pasted:
    """What a text says: each number once, in its order, and the lines that can't be read."""

    numbers: tuple[E164, ...] = ()
    unread: tuple[Unread, ...] = ()


def read_numbers(text: str, country: str | None = None) -> Pasted:
    """The numbers in `text`. `country`: ISO 3166-1 alpha-2, of numbers without a country code; None: these are
    unread."""
    numbers, unread, column = dict[E164, None](), list[Unread](), None
    expects_header = True
    for at, line in enumerate(text.splitlines(), 1):
        cells = _cells(line)
        if not any(cells) or cells[0].startswith("#"):
            continue
        if expects_header and (named := _header(cells)) is not None:
            column, expects_header = named, False
            continue
        expects_header = False
        if column is not None:
            cells = cells[column : column + 1]
        found, wrong = _read_row(cells, country)
        numbers.update(dict.fromkeys(found))
        unread += [Unread(at, cell, reason) for cell, reason in wrong]
    return Pasted(tuple(numbers), tuple(unread))


def read_number(text: str, country: str | None = None) -> E164:
    """The number in `text`, however a person writes it.

    Raises:
        ValueError: it is none. The message says why, and quotes nothing.
    """
    written = _clean(text)
    if not _WRITTEN.fullmatch(written) or not any(char.isdigit() for char in written):
        raise ValueError("it is no phone number: write one such as +14155550123")
    if written.startswith("00"):
        written = f"+{written[2:]}"
    if not written.startswith("+") and country is None:
        raise ValueError("it has no country code: write the plus sign and the country code before it")
    try:
        parsed = phonenumbers.parse(written, None if written.startswith("+") else country)
        return E164.parse(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164))
    except (phonenumbers.NumberParseException, ValueError):
        raise ValueError("no phone number has these digits: some are missing, or too many") from None


def _cells(line: str) -> list[str]:
    """The cells of a line, clean. Numbers that only blanks part, each with its plus sign, are cells too."""
    line = line[:LONGEST_LINE]
    parting = next((sign for sign in "\t;," if sign in line), ",")
    row = next(csv.reader([line], delimiter=parting, skipinitialspace=True), [])
    return [part for cell in row for part in re.split(r"\s+(?=\+)", _clean(cell))]


def _clean(text: str) -> str:
    plain = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text)).strip().strip("'\"`").strip()
    return plain.removeprefix("tel:").replace("(0)", "", 1) if plain.startswith(("tel:", "+")) else plain


def _header(cells: list[str]) -> int | None:
    """The column of the numbers, by a first line of words; None: it is no header."""
    if any(_is_like_a_number(cell) for cell in cells):
        return None
    return next((at for at, cell in enumerate(cells) if _HEADER.search(cell)), None)


def _is_like_a_number(cell: str) -> bool:
    return bool(_WRITTEN.fullmatch(cell)) and sum(char.isdigit() for char in cell) >= FEWEST_DIGITS


def _read_row(cells: list[str], country: str | None) -> tuple[list[E164], list[tuple[str, str]]]:
    """The numbers of a row, and the cells that should be some and are not."""
    international = [cell for cell in cells if cell.startswith(("+", "00"))]
    found, wrong = list[E164](), list[tuple[str, str]]()
    for cell in international or [cell for cell in cells if cell]:
        try:
            found.append(read_number(cell, country))
        except ValueError as error:
            wrong.append((cell, str(error)))
    return (found, [] if found and not international else wrong[: None if international else 1])
