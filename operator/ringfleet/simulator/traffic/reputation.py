"""What people think of a number: how often they answer it, and when it is called spam.

A number's *velocity* is the number of its calls in the last 24 hours, the present one included. Above a threshold of
its own it is labelled; the label goes when the number has been calm for a week, and no sooner::

    unlabelled --velocity > threshold--> labelled --7 days with a velocity under CALM--> unlabelled

No carrier publishes how it decides. These figures have the shape that dialers report, and nothing more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ringfleet.simulator.clock import DAY
from ringfleet.simulator.randomness import draw
from ringfleet.simulator.store import Store

LABEL: Final = "Spam Likely"
THRESHOLD: Final = 150
SPREAD: Final = 15
"""The thresholds of numbers lie within so many calls of THRESHOLD."""
CALM: Final = 50
REST: Final = 7 * DAY
ANSWERED: Final = 0.45
"""The share of its calls that a calm number gets answered."""
WORN: Final = 0.5
"""What is left of that share at a velocity of WORN_AT and above."""
WORN_AT: Final = 300
LABELLED: Final = 0.3
"""What a label leaves of it."""
DELIVERED: Final = 0.98


@dataclass(frozen=True, slots=True)
class Label:
    number: str
    label: str
    since: float


def threshold(seed: int, number: str) -> int:
    """The velocity above which this number is labelled."""
    return THRESHOLD - SPREAD + int(draw(seed, "labelled above", number) * (2 * SPREAD + 1))


def answer_rate(velocity: int, labelled: bool) -> float:
    """The share of calls that is answered at this velocity."""
    worn = min(max(velocity - CALM, 0) / (WORN_AT - CALM), 1.0)
    return ANSWERED * (1 - (1 - WORN) * worn) * (LABELLED if labelled else 1.0)


class Labels:
    def __init__(self, store: Store, seed: int) -> None:
        self._store = store
        self._seed = seed

    def of(self, number: str) -> Label | None:
        row = self._store.row("SELECT number, label, since FROM labels WHERE number = ?", number)
        return None if row is None else Label(*row)

    def weigh(self, number: str, velocity: int, at: float) -> Label | None:
        """A number calls at this velocity; return its label when it gets one by that."""
        if velocity > CALM:
            self._store.write("UPDATE labels SET busy_at = max(busy_at, ?) WHERE number = ?", at, number)
        if velocity <= threshold(self._seed, number) or self.of(number):
            return None
        self._store.write("INSERT INTO labels VALUES (?, ?, ?, ?)", number, LABEL, at, at)
        return Label(number, LABEL, at)

    def clear(self, now: float) -> list[Label]:
        """Take the labels off that numbers have rested off, and return them; `since` is when they went."""
        rows = self._store.rows("SELECT number, label, busy_at + ?1 FROM labels WHERE busy_at + ?1 <= ?2", REST, now)
        self._store.write_all("DELETE FROM labels WHERE number = ?", [row[:1] for row in rows])
        return [Label(*row) for row in rows]
