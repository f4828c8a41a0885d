"""When each key runs next. Pure: the time is passed in, in seconds of any monotonic clock.

::

              add                 take (when due)                done
    (absent) ------> waiting ----------------------> running ------------> (absent)
                     ^    |                          |   ^ |
                     '----'  add: the soonest wins   '---' '--> waiting    when it was added while it ran,
                                                      add                  or wants to run again

A key is never running twice, and what is added while it runs is not lost. Adding never makes a key later, so a key
that is added all the time still runs. A heap orders the waiting keys; entries that were overtaken stay in it until
they come up or outnumber the others.
"""

from __future__ import annotations

import heapq
from collections.abc import Hashable
from itertools import count
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)

SPARE = 64  # overtaken entries that are not worth a clean-up


class Schedule(Generic[K]):
    def __init__(self) -> None:
        self.running: set[K] = set()
        self._due: dict[K, float] = {}
        self._heap: list[tuple[float, int, K]] = []
        self._order = count()

    def add(self, key: K, due: float) -> bool:
        """Let `key` run at `due` or sooner. Whether it became the very next to come up."""
        if self._due.get(key, float("inf")) <= due:
            return False
        self._due[key] = due
        if key in self.running:
            return False
        self._push(key, due)
        return self.next_due() == due

    def take(self, now: float) -> K | None:
        """The key that has been due for longest, now running; None when none is due."""
        due = self.next_due()
        if due is None or due > now:
            return None
        key = heapq.heappop(self._heap)[2]
        del self._due[key]
        self.running.add(key)
        return key

    def done(self, key: K, again: float | None = None) -> None:
        """`key` has run. It waits again if it was added meanwhile, or until `again`, whichever is sooner."""
        self.running.discard(key)
        wishes = [due for due in (self._due.pop(key, None), again) if due is not None]
        if wishes:
            self._due[key] = min(wishes)
            self._push(key, min(wishes))

    def next_due(self) -> float | None:
        """When the next waiting key comes up; None when none waits."""
        while self._heap and self._overtaken(self._heap[0]):
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def overdue(self, now: float) -> dict[K, float]:
        """The keys that are due and have not been taken, and since when they are. What it costs grows with those keys
        alone: in a heap, what lies under an entry that is not due is not due either."""
        found: dict[K, float] = {}
        places = [0]
        while places:
            place = places.pop()
            if place < len(self._heap) and self._heap[place][0] <= now:
                places += (2 * place + 1, 2 * place + 2)
                if not self._overtaken(self._heap[place]):
                    found[self._heap[place][2]] = self._heap[place][0]
        return found

    @property
    def again(self) -> int:
        """How many of the running keys were added while they ran."""
        return sum(key in self._due for key in self.running)

    @property
    def waiting(self) -> int:
        return len(self._due)

    def _push(self, key: K, due: float) -> None:
        heapq.heappush(self._heap, (due, next(self._order), key))
        if len(self._heap) > 2 * len(self._due) + SPARE:
            self._heap = [entry for entry in self._heap if not self._overtaken(entry)]
            heapq.heapify(self._heap)

    def _overtaken(self, entry: tuple[float, int, K]) -> bool:
        due, _, key = entry
        return key in self.running or self._due.get(key) != due
