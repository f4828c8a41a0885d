"""How the numbers of a rotation set are received, and which of them are flagged.

Two things flag a number. A label that carriers or call analytics show for it always does, whatever its own figures say.
Without one, its answer rate does, when it is *surely* low: the upper end of its Wilson interval is below a share of the
set's median. The interval is what keeps ten unlucky calls from being taken for a label; the median, and not a fixed
rate, what keeps a list that nobody answers from being taken for twenty labels.

Rates are shares between 0 and 1. For voice a try is a call and a success an answered one; for sms a message whose fate
is known, and a delivered one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import sqrt
from statistics import median

from ringfleet.model import E164

Z = 1.959963984540054
"""Of a 95 % interval: the normal quantile of 0.975."""
PRIOR_TRIES = 10.0
"""How many tries the set's own rate counts for, where a number's rate is estimated."""
COMPARED = 3
"""So many numbers of one place are enough to be compared with each other; fewer are compared with the whole set."""


@dataclass(frozen=True, slots=True)
class HealthTerms:
    """`share`: of the median, below which a number is flagged. `min_sample`: the tries that say anything at all."""

    share: float = 0.5
    min_sample: int = 30


@dataclass(frozen=True, slots=True)
class Tally:
    """What one number has had in the last seven days. `place`: it is compared with the numbers of the same place.
    `label`: what is shown for it."""

    number: E164
    tries: int = 0
    successes: int = 0
    label: str | None = None
    place: str | None = None


class Judgement(StrEnum):
    FINE = "fine"
    UNKNOWN = "unknown"  # too few tries to say
    LABELLED = "labelled"
    SELDOM_ANSWERED = "seldom answered"


FLAGGED = frozenset({Judgement.LABELLED, Judgement.SELDOM_ANSWERED})


@dataclass(frozen=True, slots=True)
class Verdict:
    """`rate` is the best estimate of the number's rate, drawn toward the set's while tries are few; None: no tries."""

    judgement: Judgement
    tries: int = 0
    rate: float | None = None
    label: str | None = None

    @property
    def flagged(self) -> bool:
        return self.judgement in FLAGGED


def judge(tallies: Iterable[Tally], terms: HealthTerms) -> dict[E164, Verdict]:
    """A verdict for each number."""
    tallies = tuple(tallies)
    common, medians = _rate_of_all(tallies), _medians(tallies, terms)
    return {tally.number: _verdict(tally, common, medians[tally.place], terms) for tally in tallies}


def wilson(successes: int, tries: int, z: float = Z) -> tuple[float, float]:
    """The Wilson score interval of a rate (Wilson 1927); all that is possible when nothing was tried."""
    if tries == 0:
        return 0.0, 1.0
    rate, spread = successes / tries, z * z / tries
    middle = rate + spread / 2
    reach = z * sqrt(rate * (1 - rate) / tries + spread / (4 * tries))
    return max(0.0, (middle - reach) / (1 + spread)), min(1.0, (middle + reach) / (1 + spread))


def shrunk(successes: int, tries: int, prior: float) -> float:
    """A rate drawn toward `prior`, as if that had been seen in `PRIOR_TRIES` tries more."""
    return (successes + PRIOR_TRIES * prior) / (tries + PRIOR_TRIES)


def _rate_of_all(tallies: Sequence[Tally]) -> float:
    tries = sum(tally.tries for tally in tallies)
    return sum(tally.successes for tally in tallies) / tries if tries else 0.0


def _medians(tallies: Sequence[Tally], terms: HealthTerms) -> Mapping[str | None, float]:
    """The median rate that the numbers of each place are compared with, of those with tries enough.

    Of plain rates: so a flagged number is always below the median, and no set is ever emptied by its own figures.
    """
    rates: defaultdict[str | None, list[float]] = defaultdict(list)
    for tally in tallies:
        if _says_something(tally, terms):
            rates[tally.place].append(tally.successes / tally.tries)
    everywhere = median([rate for some in rates.values() for rate in some] or [0.0])
    places = {tally.place for tally in tallies}
    return {place: median(rates[place]) if len(rates[place]) >= COMPARED else everywhere for place in places}


def _says_something(tally: Tally, terms: HealthTerms) -> bool:
    return tally.tries >= max(1, terms.min_sample)


def _verdict(tally: Tally, common: float, middle: float, terms: HealthTerms) -> Verdict:
    rate = shrunk(tally.successes, tally.tries, common) if tally.tries else None
    return Verdict(_judgement(tally, middle, terms), tally.tries, rate, tally.label)


def _judgement(tally: Tally, middle: float, terms: HealthTerms) -> Judgement:
    if tally.label is not None:
        return Judgement.LABELLED
    if not _says_something(tally, terms):
        return Judgement.UNKNOWN
    _, at_most = wilson(tally.successes, tally.tries)
    return Judgement.SELDOM_ANSWERED if at_most < terms.share * middle else Judgement.FINE
