"""Errors of turns that last: counted by key, and said on the object once they have outlasted the patience for them.

::

    a turn fails --counted--> its patience is over --> Ready=False and Stalled=True, with the sentence of whoever
                                                       refused; said anew with each status that a later turn writes,
                                                       so that a turn which fails half-way does not take it back
    a turn ends well -------> forgotten; the next turn writes what is so

What will be refused again is said at once. What heals by itself (an API server or a carrier that is away, another
writer) is given about a minute; whoever has to wait for it says so already. The sentence holds nothing that our own
errors do not say, and those quote no object (`kube/refusals.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ringfleet.carriers.errors import CarrierError, CarrierUnavailable, OutcomeUnknown
from ringfleet.kube.errors import Conflict, Forbidden, Gone, Invalid, KubeError, NotProcessed, Unavailable
from ringfleet.objects.refs import Key
from ringfleet.plan.conditions import Condition, Reason, not_ready, stalled
from ringfleet.traces import place

_NEVER = (NotProcessed,)
_HEALS = (Unavailable, Conflict, Gone, CarrierUnavailable, OutcomeUnknown)
_REFUSED = (Forbidden, Invalid)

_SPEAKS_FOR = {
    "BundleCount": "ComplianceBundle",
    "AccountUse": "CarrierAccount",
    "ProfileUse": "RoutingProfile",
    "Catalog": "CarrierAccount",
    "Prices": "CarrierAccount",
    "Profiles": "CarrierAccount",
    "Requirements": "CarrierAccount",
}
_ABOUT_PEOPLE = frozenset({"ComplianceBundle", "BundleCount"})
"""The kinds of which a carrier's sentence may tell what was filed."""


def object_of(key: Key) -> Key:
    """The object that a key's turns are about."""
    return key._replace(kind=_SPEAKS_FOR.get(key.kind, key.kind))


def patience(error: Exception) -> int | None:
    """After how many failures in a row an error is said; None: it is not."""
    if isinstance(error, _NEVER) or (isinstance(error, KubeError) and error.told):
        return None
    if isinstance(error, _HEALS):
        return 8
    return 1 if isinstance(error, _REFUSED) else 3


def sentence(kind: str, error: Exception) -> tuple[Reason, str]:
    """What is said of an error on an object of `kind`."""
    if isinstance(error, KubeError):
        reason = Reason.WRITE_REFUSED if isinstance(error, _REFUSED) else Reason.RECONCILE_FAILED
        return reason, f"The API server stands in the way: {_stop(str(error))} It is tried again by itself."
    if isinstance(error, CarrierError):
        said = type(error).__name__ if kind in _ABOUT_PEOPLE else str(error)
        return Reason.RECONCILE_FAILED, f"The carrier stands in the way: {_stop(said)} It is tried again by itself."
    where = f" in {found}" if (found := place(error)) else ""
    message = (
        f"The operator has met an error that nobody has foreseen: {type(error).__name__}{where}. It is tried again by "
        "itself. Compare the spec with the descriptions of kubectl explain; if it is as it should be, please report "
        "these words."
    )
    return Reason.RECONCILE_FAILED, message


def _stop(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is said of an error that lasts."""

    reason: Reason
    message: str

    @property
    def conditions(self) -> tuple[Condition, Condition]:
        return not_ready(self.reason, self.message), stalled(self.reason, self.message)

    def is_as(self, other: Trouble) -> bool:
        """Whether both say the same but for numbers, such as those of a quota: that is not worth a write."""
        return (self.reason, _NUMBERS.sub("", self.message)) == (other.reason, _NUMBERS.sub("", other.message))


_NUMBERS = re.compile(r"\d+")


class LastingErrors:
    """See the module."""

    def __init__(self) -> None:
        self._failures: dict[Key, int] = {}
        self._said: dict[Key, Trouble] = {}
        self._unsaid: set[Key] = set()

    def note(self, key: Key, error: Exception) -> Trouble | None:
        """Count a failure of a turn of `key`; what is to be said of it, if it has lasted for long enough."""
        self._failures[key] = failures = self._failures.get(key, 0) + 1
        needed = patience(error)
        if needed is None or failures < needed:
            return self._said.get(key)
        trouble, before = Trouble(*sentence(key.kind, error)), self._said.get(key)
        if before is None or not trouble.is_as(before):
            self._said[key] = trouble
        return self._said[key]

    def forget(self, key: Key) -> bool:
        """A turn of `key` has ended well. Whether an error was said, which has to be taken back."""
        self._failures.pop(key, None)
        self._unsaid.discard(key)
        return self._said.pop(key, None) is not None

    def of(self, kind: str, namespace: str, name: str) -> Trouble | None:
        """What is to be said on an object."""
        if not self._said:
            return None
        kinds = (kind, *(key for key, speaks in _SPEAKS_FOR.items() if speaks == kind))
        return next(filter(None, (self._said.get(Key(one, namespace, name)) for one in kinds)), None)

    def note_said(self, key: Key, said: bool) -> None:
        """Whether the object could be made to say it."""
        (self._unsaid.discard if said else self._unsaid.add)(key)

    def unsaid(self) -> frozenset[Key]:
        """Those of whose errors only the log tells: the API server does not even take the condition."""
        return frozenset(self._unsaid)

    def __iter__(self) -> Iterator[Key]:
        """Those that are said, or should be."""
        return iter(tuple(self._said))
