"""How far an account's detail records have been read: from where they are read next, and until when they are known.

::

    ---------|--------------------|------------------|-----> time
           since                until               now
             '---- OVERLAP -------'                         read again: a carrier lists some things late
                                  '--- what is new --'

What has not ended when it is listed, as a call that goes on, holds `until` back to its beginning. Nothing is read from
before `LONGEST`: whoever counts events forgets their ids, and would count them again. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

OVERLAP = timedelta(minutes=15)
"""So far back a listing goes beyond what has been read: carriers list with a lag."""
FIRST = timedelta(days=3)
"""So far back the first listing of an account goes."""
LONGEST = timedelta(days=10)
"""So far back a listing goes at most. The dispatcher knows events for 35 days, but not every carrier knows the
texts of messages for longer than ten."""
NEVER_ENDED = timedelta(days=1)
"""What is said to go on for longer is not waited for."""
TOLD_AFTER = timedelta(hours=1)
"""How far `until` has to come before it is written again: an account at rest costs no write a minute."""

OFTEN = 3
"""So many readings in a row have to fail before it is said: a dispatcher may be started anew."""


def since(until: datetime | None, now: datetime) -> datetime:
    """From when records are to be read. `until`: until when they are known; None: they were never read."""
    return now - FIRST if until is None else max(until - OVERLAP, now - LONGEST)


def until(began: datetime, unfinished: Iterable[datetime]) -> datetime:
    """Until when records are known after a listing that began then. `unfinished`: when those began that go on."""
    waited_for = (max(one, began - NEVER_ENDED) for one in unfinished)
    return min((began, *waited_for))


def is_unread(failures: int) -> bool:
    """Whether it is to be said that records can't be read, after so many failures in a row."""
    return failures >= OFTEN


def to_tell(known: datetime | None, told: datetime | None) -> datetime | None:
    """What a status says of `known`, which has said `told` before."""
    if known is None or (told is not None and known - told < TOLD_AFTER):
        return told
    return known.replace(microsecond=0)
