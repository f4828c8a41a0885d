"""A lane for each carrier account: whatever awaits its carrier waits here, and holds up nobody of another account.

::

    CarrierAccount (probe, sweep)    --.
    its NumberOrders                 --+--> errands --.
    Requirements of its markets      --+              +--> one carrier, however slow
    Profiles that its numbers follow --'              |
    its PhoneNumbers                 -----> numbers --'

A lane has two queues, so that thousands of numbers never hold an order up. What is filed at several accounts is in no
lane, and has a worker of its own (`controllers/queues.py`); the central queue awaits no carrier at all.

No worker waits for what another one of the lane has: it gives its key back, and the key is woken when its turn comes.
"""

from __future__ import annotations

from ringfleet.kube.queue import WorkQueue
from ringfleet.objects.refs import Key


class Lane:
    """The two queues of one account; see the module."""

    def __init__(self, workers: int, number_workers: int) -> None:
        self.errands = WorkQueue[Key](workers=workers)
        self.numbers = WorkQueue[Key](workers=number_workers)

    def queue_of(self, kind: str) -> WorkQueue[Key]:
        return self.numbers if kind == "PhoneNumber" else self.errands


class Turnstile:
    """Lets one key at a time through, in the order in which they came; nobody waits inside.

    Who is next may be gone by then, so whoever stands in line also asks again by itself, now and then.
    """

    def __init__(self) -> None:
        self._taken = False
        self._line: dict[Key, None] = {}

    def enter(self, key: Key) -> bool:
        """Go through; False, and stand in line, while another key is inside."""
        if self._taken:
            self._line[key] = None
            return False
        self._line.pop(key, None)
        self._taken = True
        return True

    def leave(self) -> Key | None:
        """The one that is inside goes out; who is to be woken now, and stands in line no more."""
        self._taken = False
        key = next(iter(self._line), None)
        if key is not None:
            del self._line[key]
        return key
