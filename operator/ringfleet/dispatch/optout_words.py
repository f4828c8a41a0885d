"""What a person can write to a number to be left alone, and to be let in again.

The words are those that the FCC's rule names (47 CFR 64.1200(a)(10)), and STOPALL. A word counts when it is the whole
message; how it is written does not matter: `Opt-out!` is `OPT OUT`.
"""

from __future__ import annotations

import unicodedata
from enum import StrEnum
from typing import Final


class Wish(StrEnum):
    LEAVE = "leave"
    RETURN = "return"


_WISHES: Final = {
    **dict.fromkeys(("STOP", "QUIT", "END", "REVOKE", "OPTOUT", "CANCEL", "UNSUBSCRIBE", "STOPALL"), Wish.LEAVE),
    **dict.fromkeys(("START", "UNSTOP"), Wish.RETURN),
}
_LONGEST: Final = 100
"""Characters; what is longer is no single word, however much of it is punctuation."""


def wish_in(text: str | None) -> tuple[Wish, str] | None:
    """What the message asks for, and the word that says so; None when it is any other message."""
    if text is None or len(text) > _LONGEST:
        return None
    word = "".join(letter for letter in unicodedata.normalize("NFKC", text).upper() if letter.isalnum())
    wish = _WISHES.get(word)
    return None if wish is None else (wish, word)
