"""One phone, several ways to write its number: which is the one, and which others mean the same.

Each of them is a number in E.164 form, so no parser makes one of the other; they come from numbering plans that have
two forms, or had another one that lists and carriers still write::

    Argentina   +54 9 11 5550 0123   the 9 says that a mobile is called from abroad   = +54 11 5550 0123
    Benin       +229 90 01 12 34     eight digits, before November 2024               = +229 01 90 01 12 34
    Brazil      +55 11 8555 0123     mobiles before their ninth digit                 = +55 11 98555 0123
    Mexico      +52 1 55 5550 0187   the 1 said that it is a mobile, before 2020      = +52 55 5550 0187

What one person says in one of them holds in all: an opt-out, a sender's number, a contact's count. What looks like two
and is none is taken for one: then a call is not made, and nobody is called who has said no.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from ringfleet.model import E164


@dataclass(frozen=True, slots=True)
class Forms:
    """Two forms of a country's numbers. `written` matches both, and its group is what they have in common."""

    written: re.Pattern[str]
    canonical: str
    """What stands before the group in the form that is the one."""
    other: str
    """What stands before it in the other form."""


FORMS: Final = {
    "54": Forms(re.compile(r"\+549?([1-3]\d{9})"), "+54{}", "+549{}"),
    "229": Forms(re.compile(r"\+229(?:01)?(\d{8})"), "+22901{}", "+229{}"),
    "55": Forms(re.compile(r"\+55([1-9]{2})9?([6-9]\d{7})"), "+55{}9{}", "+55{}{}"),
    "52": Forms(re.compile(r"\+521?(\d{10})"), "+52{}", "+521{}"),
}
"""By calling code. Argentina's area codes begin with 1 to 3; Brazil's mobiles began with 6 to 9, its other lines do
not."""


def spellings(number: E164) -> tuple[E164, ...]:
    """Every known way to write this phone's number, the canonical one first. The same for each of them."""
    forms = FORMS.get(number[1:3]) or FORMS.get(number[1:4])
    found = forms.written.fullmatch(number) if forms else None
    if forms is None or found is None:
        return (number,)
    return E164(forms.canonical.format(*found.groups())), E164(forms.other.format(*found.groups()))


def canonical(number: E164) -> E164:
    """The one way to write this phone's number."""
    return spellings(number)[0]
