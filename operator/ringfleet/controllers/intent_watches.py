"""When each kind of intents was heard of: by Kopf's watch, and by the list of all that is read now and then.

Kopf does not tell of bookmarks, so a kind that nobody changes is as young as its last list. And a watch of Kopf's that
has died, a known fault of it, shows in one way only: the list finds what the watch has not told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Follower:
    """How one kind of object is followed."""

    kind: str
    age: float
    """Seconds since something was heard of the kind; infinite before the first list."""
    silent: bool
    """Whether that is too long: what is known of the kind may be old."""
    deaf: bool
    """Whether nothing will be heard any more, so that a new process is needed."""


class IntentWatches:
    """When each kind of intents was heard of. Times are seconds of `monotonic`."""

    def __init__(self, kinds: Iterable[str], monotonic: Callable[[], float]) -> None:
        self.kinds = tuple(kinds)
        self.changes: Counter[str] = Counter()
        """How many objects of a kind have come or changed, whoever told of it."""
        self._monotonic = monotonic
        self._heard: dict[str, float] = {}
        self._untold: dict[str, float] = {}  # since when the list has known what the watch has not told
        self._tried = monotonic()

    def heard(self, kind: str) -> None:
        """The watch has told something of the kind."""
        self._heard[kind] = self._monotonic()
        self._untold.pop(kind, None)

    def listed(self, kind: str, news: bool) -> None:
        """The kind was listed whole; `news`: there was something that nobody had told of."""
        self._heard[kind] = self._tried = self._monotonic()
        if news:
            self._untold.setdefault(kind, self._monotonic())

    def tried(self) -> None:
        """Listing has failed, and will be tried again."""
        self._tried = self._monotonic()

    def see(self, kind: str, relist: float, limit: float) -> Follower:
        """How the kind is followed. `relist`: seconds between two lists; `limit`: how long is too long beyond that."""
        now = self._monotonic()
        age = now - self._heard.get(kind, float("-inf"))
        untold = now - self._untold.get(kind, now)
        return Follower(kind, age, age >= relist + limit, untold > relist or now - self._tried >= relist + limit)
