"""A lane for each carrier account: whatever awaits its carrier waits here, and holds up nobody of another account.

::

    CarrierAccount (probe, sweep)    --.
    its NumberOrders                 --+--> errands --.
    Requirements of its markets      --+              +--> one carrier, however slow
    what it offers, for its Catalog  --+              |
    and its Prices                   --+              |
    its Records of messages and calls -+              |
    Profiles that its numbers follow --'              |
    its PhoneNumbers                 -----> numbers --'

A lane has two queues, so that thousands of numbers never hold an order up. What is filed at several accounts is in no
lane, and has a worker of its own (`controllers/queues.py`); the central queue awaits no carrier at all. Objects that
are one account at the carrier have one lane, once that is known (`controllers/account_identities.py`).

No worker waits for what another one of the lane has: it gives its key back, and the key is woken when its turn comes.
So whatever needs no carrier, such as showing that a claim has a number, is never behind what does.

A lane begins with its first key, and ends when it has none any more: its account is gone, or waits for nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import islice

from ringfleet.kube.queue import Later, WorkQueue
from ringfleet.objects.refs import Key


class Turnstile:
    """Lets so many keys through at once, in the order in which they came; nobody waits inside.

    How many, whoever comes or goes says: that may change from moment to moment, and one always may. Who is next may be
    gone by then, so whoever stands in line also asks again by itself, now and then.
    """

    def __init__(self) -> None:
        self._taken = 0
        self._line: dict[Key, None] = {}

    def enter(self, key: Key, room: int = 1) -> bool:
        """Go through; False, and stand in line, while so many keys are inside as there is room for."""
        if self._taken >= max(1, room):
            self._line[key] = None
            return False
        self._line.pop(key, None)
        self._taken += 1
        return True

    @property
    def is_empty(self) -> bool:
        """Whether nobody is inside."""
        return self._taken == 0

    def leave(self, room: int = 1) -> tuple[Key, ...]:
        """One that is inside goes out; who are to be woken now, and stand in line no more."""
        self._taken -= 1
        woken = tuple(islice(self._line, max(1, room) - self._taken))
        for key in woken:
            del self._line[key]
        return woken

    @property
    def look_again(self) -> Later:
        """After how many seconds a key in line asks by itself: the longer the line is, the later."""
        return Later(_LOOK_AGAIN + len(self._line) * _FOR_EACH)


_LOOK_AGAIN = 5.0
_FOR_EACH = 0.05


class Lane:
    """The two queues of one account, and what lets their keys at its carrier; see the module."""

    def __init__(self, workers: int, number_workers: int, on_rest: Callable[[], object] = lambda: None) -> None:
        """`on_rest` is called when one of the queues has come to rest."""
        self.errands = WorkQueue[Key](workers=workers, on_rest=on_rest)
        self.numbers = WorkQueue[Key](workers=number_workers, on_rest=on_rest)
        self.ended = asyncio.Event()
        """Set when the lane is no more: its queues end then."""
        self.choosing = Turnstile()
        """Lets one order at a time search and write its choice, so that no two orders choose the same numbers."""
        self.number_calls = Turnstile()
        """Lets so many numbers at once be changed at the carrier as never hold up an order."""

    @property
    def at_rest(self) -> bool:
        """Whether no key is in it, nor behind one of its turnstiles from elsewhere. That of an account which is there
        always waits for its next look."""
        queues, turnstiles = (self.errands, self.numbers), (self.choosing, self.number_calls)
        return all(queue.at_rest for queue in queues) and all(one.is_empty for one in turnstiles)

    def queue_of(self, kind: str) -> WorkQueue[Key]:
        return self.numbers if kind == "PhoneNumber" else self.errands
