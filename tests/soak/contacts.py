"""What callers were told, and what follows from it: the model that the dispatcher of a soak is held against.

Only acknowledged facts count: an answer that was lost says nothing until the same key is answered. Moments are those of
one monotonic clock: what was asked before something ended, and answered after it began, is judged by neither.
"""

from __future__ import annotations

import itertools
import threading
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]
LATE_S = 60.0
"""How long the dispatcher may use a number that has left, or is new to it: it may have been stopped meanwhile."""


@dataclass
class Person:
    """Somebody who is contacted. `wish` is held while a wish of theirs is on its way: they say one thing at a time."""

    number: str
    wish: threading.Lock = field(default_factory=threading.Lock)
    out_since: float | None = None
    """When an opt-out was acknowledged; None: there is none, or its end has been asked for."""
    may_be_out: bool = False
    """Whether an opt-out has been asked for, whose end was not acknowledged."""
    numbers: list[tuple[float, float, str]] = field(default_factory=list)
    """When it was asked and answered, and the number that the contact was to come from."""
    deferral: str | None = None
    """The one that waits, when it is known."""
    endings: int = 0
    """Of what may end a deferral: asked for, or acknowledged."""
    asking: int = 0


@dataclass(frozen=True)
class Asked:
    """One request, before its first attempt."""

    set: str
    person: Person
    key: str
    body: Json
    at: float
    endings: int
    alone: bool
    out: bool
    """Whether an opt-out of the person had been acknowledged."""


@dataclass(frozen=True)
class Told:
    """A pick that was acknowledged."""

    asked: Asked
    pick: str
    number: str
    window: str
    counts: bool


class Model:
    """See the module. Called from any thread."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.faults: list[str] = []
        self.doings: Counter[str] = Counter()
        self.used: Counter[tuple[str, str]] = Counter()
        """By number and the end of its day: picks that were acknowledged, and whose return was not asked for."""
        self.unsure: Counter[str] = Counter()
        """By set: picks that may have been made, and were never told."""
        self.caps: dict[str, int] = {}
        self.left: dict[str, float] = {}
        """When a number was taken out of its set."""
        self.away: defaultdict[str, list[list[float]]] = defaultdict(list)
        """Of a number, from when until when it could not be used: labelled, or out of its set."""
        self.labelled: dict[str, float] = {}
        """When a label was acknowledged, and its end not asked for."""
        self.kept: list[Told] = []
        """Picks that nobody gives back: the same key is to get the same answer."""
        self.people: dict[str, Person] = {}
        """By the key of each request."""
        self._ids: dict[str, str] = {}

    def fault(self, what: str) -> None:
        with self.lock:
            if what not in self.faults:
                self.faults.append(what)
                print(f"FAULT: {what}", flush=True)

    # Picks.

    def asks(self, set_: str, person: Person, key: str, body: Json, at: float) -> Asked:
        with self.lock:
            person.asking += 1
            self.people[key] = person
            return Asked(set_, person, key, body, at, person.endings, person.asking == 1, person.out_since is not None)

    def picked(self, asked: Asked, reply: Json, at: float) -> Told:
        """It was told a number, for the first time."""
        number, person = reply["number"], asked.person
        counts = "reply" not in reply["reasons"]
        told = Told(asked, reply["pickId"], number, reply["windowResetsAt"], counts)
        with self.lock:
            person.asking -= 1
            if asked.out and person.out_since is not None and person.out_since < asked.at:
                self.fault(f"{person.number} has opted out and was picked for: {told.pick} of {asked.set}")
            if self._ids.setdefault(told.pick, asked.key) != asked.key:
                self.fault(f"{told.pick} was told to two requests")
            since = self.labelled.get(number)
            if since is not None and since < asked.at:
                self.fault(f"{number} is labelled and was picked: {told.pick}")
            if number in self.left and self.left[number] + LATE_S < asked.at:
                self.fault(f"{number} has left long ago and was picked: {told.pick}")
            if counts:
                self._stick(person, asked, number, at)
                self.used[number, told.window] += 1
                if self.used[number, told.window] > self.caps[number]:
                    self.fault(f"{number} was picked {self.used[number, told.window]} times, of {self.caps[number]}")
                self._end_deferral(person)
            return told

    def _stick(self, person: Person, asked: Asked, number: str, at: float) -> None:
        """One number a person, until it can't be used."""
        for began, _, other in person.numbers:
            if other != number and not self._was_away(other, began, at) and not self._was_away(number, began, at):
                self.fault(f"{person.number} has two numbers in {asked.set}: {other} and {number}")
        person.numbers = [*[one for one in person.numbers if one[2] == number][-1:], (asked.at, at, number)]

    def _was_away(self, number: str, since: float, until: float) -> bool:
        return any(begin <= until and end >= since for begin, end in self.away[number])

    def deferred(self, asked: Asked, reply: Json) -> None:
        person, id_ = asked.person, str(reply["deferredId"])
        with self.lock:
            alone = asked.alone and person.asking == 1
            person.asking -= 1
            if asked.out and person.out_since is not None and person.out_since < asked.at:
                self.fault(f"{person.number} has opted out and was put off: {id_}")
            if asked.endings != person.endings or not alone:
                return
            if person.deferral not in (None, id_):
                self.fault(f"{person.number} waits twice in {asked.set}: {person.deferral} and {id_}")
            person.deferral = id_

    def refused(self, asked: Asked, *, lost: bool) -> None:
        """`lost`: an answer before it was, which may have told a number."""
        with self.lock:
            asked.person.asking -= 1
            if lost:
                self.unsure[asked.set] += 1

    def gives_back(self, told: Told) -> None:
        with self.lock:
            self.used[told.number, told.window] -= told.counts

    def keeps(self, told: Told) -> None:
        with self.lock:
            self.kept.append(told)

    def replayed(self, told: Told, status: int, reply: Json, at: float, *, was_out: bool) -> None:
        """The same key again, asked at `at`. `was_out`: an opt-out had been acknowledged by then."""
        person = told.asked.person
        with self.lock:
            out = was_out and person.out_since is not None and person.out_since < at
            if status == 200:
                if out:
                    self.fault(f"{person.number} has opted out, and the key told the number again: {told.pick}")
                if (reply["pickId"], reply["number"]) != (told.pick, told.number):
                    self.fault(f"{told.pick} is another the second time: {reply['pickId']}, {reply['number']}")
            elif not (person.may_be_out or was_out):
                self.fault(
                    f"{told.pick} of {told.asked.set} is lost: its key is answered {status}, {reply.get('type')}"
                )

    # Wishes.

    def wishes(self, person: Person, *, out: bool) -> None:
        """It is about to be told."""
        with self.lock:
            self._end_deferral(person)
            person.may_be_out = True
            if not out:
                person.out_since = None

    def wished(self, person: Person, at: float, *, out: bool) -> None:
        """It was acknowledged."""
        with self.lock:
            self._end_deferral(person)
            person.out_since, person.may_be_out = (at, True) if out else (None, False)

    def ends_deferral(self, person: Person) -> None:
        with self.lock:
            self._end_deferral(person)

    def _end_deferral(self, person: Person) -> None:
        person.endings += 1
        person.deferral = None

    # Numbers.

    def labels(self, number: str, at: float) -> None:
        with self.lock:
            self.away[number].append([at, float("inf")])

    def has_labelled(self, number: str, at: float) -> None:
        with self.lock:
            self.labelled[number] = at

    def clears(self, number: str) -> None:
        with self.lock:
            self.labelled.pop(number, None)

    def has_cleared(self, number: str, at: float) -> None:
        with self.lock:
            self.away[number][-1][1] = at

    def leaves(self, number: str, at: float) -> None:
        with self.lock:
            self.left[number] = at
            self.away[number].append([at, float("inf")])

    # At rest.

    def compare(self, set_: str, rollup: Json, deferred: Json) -> None:
        """The ledger's own count against what was told, while nobody asks."""
        with self.lock:
            for one in rollup["numbers"]:
                number = one["number"]
                told = sum(n for (other, _), n in self.used.items() if other == number)
                unsure = sum(self.unsure.values())
                if not told <= one["used"] <= told + unsure:
                    self.fault(f"{number} of {set_} has {one['used']} uses; {told} were told, {unsure} are not known")
            waiting = [(self.people[one["idempotencyKey"]], one["deferredId"]) for one in deferred["first"]]
            counts = Counter(person.number for person, _ in waiting)
            for number in (number for number, times in counts.items() if times > 1):
                self.fault(f"{number} waits {counts[number]} times in {set_}")
            for person, id_ in waiting:
                if person.out_since is not None:
                    self.fault(f"{person.number} has opted out, and room is kept: {id_}")

    def compare_waiting(self, people: list[Person], deferred: Json) -> None:
        """Each deferral that was told, and that nothing has ended, waits."""
        there = {one["deferredId"] for one in deferred["first"]}
        with self.lock:
            for person in people:
                if person.deferral is not None and person.deferral not in there:
                    self.fault(f"the deferral {person.deferral} of {person.number} is lost")


_serial = itertools.count(1)


def fresh_id(seed: int, what: str) -> str:
    """An id that no other run has used."""
    return f"{what}-{seed}-{next(_serial)}"
