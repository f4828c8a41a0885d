"""Who wrote, as carriers write it: not always in E.164 form.

One carrier leaves out the `+`, another writes a number as it is dialled in the country of the number that was written
to, a third still has a form that a country has given up. Whoever is not read can't be left alone, so all of these are
read, by the called number's country; but never guessed::

    +14155550181, whatsapp:+1 415 555 0181    the number itself
    0044 7911 123456                          the same, as it is dialled
    14155550181, (415) 555-0181               to +1 ...   by the called country: its code, or its national form
    07911 123456                              to +44 ...  with the trunk digit that is dialled there
    5215555500187                             Mexico's old form: `model/spellings.py`
    4155550181                                to +44 ...  nobody: a Swiss number without its +, or an American one?

None: a short code, a name, a withheld number, or what has more than one reading.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

import phonenumbers

from ringfleet.model import E164
from ringfleet.model.spellings import canonical

_SCHEME: Final = re.compile(r"(?:whatsapp|rcs|sms|tel):", re.IGNORECASE)
_WRITTEN: Final = re.compile(r"[\s(]*(\+?)[\d\s().\-/]+")
_OLD_TRUNKS: Final = {52: re.compile(r"(?:01|044|045)(?=\d{10}$)")}
"""What was dialled before a number of the country, by its calling code, and is in no plan any more."""
_NANP_DIGITS: Final = 10


def read_sender(text: str, called: E164) -> E164 | None:
    """The number of who wrote or called `called`, a number of ours; None when it can't be read."""
    plain = _SCHEME.sub("", unicodedata.normalize("NFKC", text).strip(), count=1)
    written = _WRITTEN.fullmatch(plain)
    if written is None:
        return None
    digits = "".join(letter for letter in plain if letter.isdigit())
    if written[1] or digits.startswith("00"):
        return _international(digits if written[1] else digits[2:])
    return next(_without_plus(digits, called), None)


def _without_plus(digits: str, called: E164) -> Iterator[E164]:
    """What the digits may mean, the likeliest first. What stands here by its length alone is not looked for in the
    plan, which does not know the newest area codes."""
    ours = phonenumbers.parse(called, None).country_code
    assert ours is not None  # it was parsed
    national = _national(digits, ours)
    if national is not None and _is_in_service(national):
        yield national
    if digits.startswith(str(ours)) and (own := _international(digits)) is not None:
        yield own
    if ours == 1 and len(digits) == _NANP_DIGITS and national is not None:
        yield national
    abroad = _international(digits)
    if abroad is not None and _is_in_service(abroad):
        yield abroad


def _international(digits: str) -> E164 | None:
    """The number of these digits, its calling code first; in today's form when it is written in another."""
    for number in (E164(f"+{digits}"), canonical(E164(f"+{digits}"))):
        try:
            return E164.parse(number)
        except ValueError:
            continue
    return None


def _national(digits: str, code: int) -> E164 | None:
    """The number that is dialled so in the country of that calling code."""
    if code in _OLD_TRUNKS:
        digits = _OLD_TRUNKS[code].sub("", digits)
    try:
        parsed = phonenumbers.parse(digits, phonenumbers.region_code_for_country_code(code))
    except phonenumbers.NumberParseException:
        return None
    return _international(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)[1:])


def _is_in_service(number: E164) -> bool:
    return bool(phonenumbers.is_valid_number(phonenumbers.parse(number, None)))
