"""Whether a carrier's sentence may be shown: only one in which nothing is found of what was filed.

A reviewer writes what it likes: a name, half of an address, a line of a document. What is left out of such a sentence
word by word may still tell; so it is shown whole, or not at all, and a person reads it in the carrier's console.

    every value that we filed is in hand, and the text is short     else it is kept back: nothing can be proved
    no e-mail address                                               the contact may have been another one when we filed
    no word of a value, in whole or in part                         "Plante", "planted-person" and "PLANTED" alike
    no run of eight characters of a document's readable bytes       compressed bytes are not readable, nor by a reviewer

A carrier's code is one word that its program chose; it is shown unless it is no such word, or one of a value's.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cached_property
from typing import Literal

from ringfleet.model.compliance import Dossier

TELLING = 3
"""Letters and digits from which on a word is taken for a person's, and not for one that any sentence may hold."""
IN_PART = 4
"""Letters and digits from which on a word that is part of another one tells of it."""
RUN = 8
"""Characters in a row that a text and a document have in common when the one quotes the other."""
LONGEST = 500
MOST_READABLE = 2_000_000
"""Characters that can be searched in no time; a text about longer documents is kept back."""

WITHHELD = "the carrier gives a reason that quotes your data; read it in the carrier's console"
NO_CODE = "withheld"

_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
_UNREADABLE = re.compile(r"[\x00-\x08\x0e-\x1f\x7f\ufffd]+")


class Discretion:
    """What may be told to others. `values`: all that attributes, address and contact say; `contents`: the documents'.

    `whole`: they are all that was filed, and as it was filed.
    """

    def __init__(self, values: Iterable[str], contents: Iterable[bytes], *, whole: bool = True) -> None:
        self._values = tuple({words for value in values if (words := _words(value))})
        self._contents = tuple(contents)
        self._whole = whole

    def sentence(self, text: str, *, whole: bool = True) -> str:
        """The carrier's sentence, or that there is one. `whole` False: it may be about something filed before."""
        return text if not text or (whole and self.allows(text)) else WITHHELD

    def code(self, code: str) -> str:
        """The carrier's code, or that there is one."""
        return code if _CODE.fullmatch(code) and self.names_nothing(code) else NO_CODE

    def allows(self, text: str) -> bool:
        """Whether a text that others have written tells nothing of what was filed."""
        if not self._whole or len(text) > LONGEST or "@" in text or self._readable is None:
            return False
        return self.names_nothing(text) and not self._quotes_document(text)

    def names_nothing(self, text: str) -> bool:
        """Whether no word of a value is in the text: enough for what no person wrote, such as an error of ours."""
        words = _words(text)
        return not any(_quotes(words, value) for value in self._values)

    def _quotes_document(self, text: str) -> bool:
        plain, readable = _plain(text), self._readable or ""
        return any(plain[at : at + RUN] in readable for at in range(len(plain) - RUN + 1))

    @cached_property
    def _readable(self) -> str | None:
        """What can be read in the documents; None when that is too much to search."""
        found = [_plain(run) for content in self._contents for run in _runs(content)]
        return "\0".join(found) if sum(map(len, found)) <= MOST_READABLE else None


def discretion_of(dossier: Dossier) -> Discretion:
    """What others have written of a bundle may be held against this before it is shown."""
    said = (dossier.party.attributes, dossier.party.address, *(paper.attributes for paper in dossier.papers))
    values = (value for attributes in said for value in attributes.values())
    contents = (paper.content for paper in dossier.papers)
    return Discretion((*values, dossier.contact), contents, whole=not dossier.unreadable)


def _quotes(words: tuple[str, ...], value: tuple[str, ...]) -> bool:
    """Whether a text of these words tells of a value: by one of its telling words, or by all of it if it has none."""
    telling = [word for word in value if len(word) >= TELLING]
    if telling:
        return any(_tells(word, one) for word in words for one in telling)
    return any(words[at : at + len(value)] == value for at in range(len(words) - len(value) + 1))


def _tells(word: str, of: str) -> bool:
    shorter, longer = sorted((word, of), key=len)
    return word == of or (len(shorter) >= IN_PART and shorter in longer)


def _words(text: str) -> tuple[str, ...]:
    """Its words, each of letters and digits, without case and accents."""
    words = re.findall(r"[^\W_]+", _without_accents(text.upper().casefold(), "NFD"))
    return tuple(letters for word in words if (letters := re.sub(r"[\W_]+", "", _bare(word))))


def _plain(text: str) -> str:
    """The text without case, accents, and differences in white space."""
    return " ".join(_bare(text).split())


def _bare(text: str) -> str:
    """Without case and accents. Case goes first, as some accents are letters in upper case, and last again; each time
    by way of upper case, in which an i without a dot is one like any other."""
    return _without_accents(text.upper().casefold(), "NFKD").upper().casefold()


def _without_accents(text: str, form: Literal["NFD", "NFKD"]) -> str:
    """Taken apart into letters and marks, without the marks. NFKD also makes one letter of those that look alike."""
    return "".join(one for one in unicodedata.normalize(form, text) if not unicodedata.combining(one))


def _runs(content: bytes) -> list[str]:
    """The readable runs of a file. Zero bytes are left out: between them, text in UTF-16 is read too."""
    text = content.replace(b"\0", b"").decode("utf-8", errors="replace")
    return [run for run in _UNREADABLE.split(text) if len(run) >= RUN]
