"""What a person can write to a number to be left alone, and to be let in again.

The words to leave are those that the FCC's rule names (47 CFR 64.1200(a)(10)) and carriers answer to, those of other
languages that carriers ask for, and a set's own (spec.messaging.optOutWords). How a word is written does not matter:
`Opt-out!` is `OPT OUT`, `Arrêt` is `ARRET`. ::

    LEAVE     the whole message, or its first or last line, is such a word, or several, with no more than courtesy
              around:  Stop  -  Please stop, thank you  -  Stop / Sent from my phone
    RETURN    the whole message is START or UNSTOP
    UNCLEAR   a word is in it, and more that may turn its sense:  Please stop texting me  -  Don't stop
    None      any other message

A person looks at what is unclear: nobody is opted out by it, for `please stop by at nine` is no wish to be left alone.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from enum import StrEnum
from functools import lru_cache
from typing import Final


class Wish(StrEnum):
    LEAVE = "leave"
    RETURN = "return"
    UNCLEAR = "unclear"


_LEAVE: Final = frozenset(
    (
        *("STOP", "STOPALL", "QUIT", "END", "REVOKE", "OPTOUT", "CANCEL", "UNSUBSCRIBE", "UNSUB"),
        "ARRET",  # French; Canadian carriers demand it
        *("ALTO", "BAJA"),  # Spanish
        *("PARAR", "SAIR"),  # Portuguese
        "СТОП",  # Russian, Ukrainian, Bulgarian
    )
)
_RETURN: Final = frozenset(("START", "UNSTOP"))
_COURTESY: Final = frozenset(("PLEASE", "PLS", "PLZ", "THANKS", "THANK", "YOU", "NOW", "ME"))
_LONGEST: Final = 2000
"""Characters at either end of a message that are looked at: more than any carrier takes for one message."""
_LINES: Final = re.compile(r"[\n\r\u2028\u2029]+")


def wish_in(text: str | None, own_words: Collection[str] = ()) -> tuple[Wish, str] | None:
    """What the message asks for, and the word that says so; None when it is any other message. `own_words`: of the set
    that the message was written to, as a person has written them."""
    if text is None:
        return None
    leave = _LEAVE | _plain(tuple(own_words))
    ends = text if len(text) <= 2 * _LONGEST else f"{text[:_LONGEST]}\n{text[-_LONGEST:]}"
    lines = [line for line in map(_tokens, _LINES.split(ends)) if line]
    if not lines:
        return None
    whole = "".join(token for line in lines for token in line)
    if whole in leave or whole in _RETURN:
        return (Wish.LEAVE if whole in leave else Wish.RETURN), whole
    bare = next(filter(None, (_bare(line, leave) for line in (lines[0], lines[-1]))), None)
    if bare is not None:
        return Wish.LEAVE, bare
    held = next((token for line in lines for token in line if token in leave), None)
    return None if held is None else (Wish.UNCLEAR, held)


def _bare(line: list[str], leave: Collection[str]) -> str | None:
    """The word that the line is, with no more than courtesy around; None: it is none, or says more."""
    if (joined := "".join(line)) in leave:
        return joined
    rest = [token for token in line if token not in _COURTESY]
    return rest[0] if rest and all(token in leave for token in rest) else None


def _tokens(line: str) -> list[str]:
    """Its words; an apostrophe parts none: Don't is one."""
    letters = _letters(line)
    return "".join(letter if letter.isalnum() else " " for letter in letters if letter not in "'\u2019").split()


def _letters(text: str) -> str:
    """In capitals, without accents, each letter in its plain form."""
    apart = unicodedata.normalize("NFKD", text).upper()
    return "".join(letter for letter in apart if unicodedata.category(letter) != "Mn")


@lru_cache(maxsize=1024)
def _plain(words: tuple[str, ...]) -> frozenset[str]:
    return frozenset("".join(_tokens(word)) for word in words) - {""}
