"""The keys that wait for a turn, in three queues.

Numbers have a queue of their own, so that thousands of them never hold an order up; claims too, so that nothing ever
holds a claim up.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from ringfleet.kube.queue import WorkQueue
from ringfleet.model import AccountKey
from ringfleet.objects.number_claim import ClaimRecord
from ringfleet.objects.phone_number import NumberRecord
from ringfleet.objects.refs import Key

LONGEST_SLEEP = timedelta(hours=1)
"""No key sleeps for longer. A timer runs by a clock that stands still while a machine is suspended, and the hours of
objects by one that may be set: a look too early costs next to nothing, and sleeps on."""


def seconds_until(moment: datetime | None, now: datetime) -> float | None:
    """How long a key sleeps that is to be looked at then; None when it is not."""
    return None if moment is None else max(0.0, min(moment - now, LONGEST_SLEEP).total_seconds())


class Queues:
    """See the module. `delay` is in seconds."""

    def __init__(self, intents: WorkQueue[Key], numbers: WorkQueue[Key], claims: WorkQueue[Key]) -> None:
        self.intents = intents
        self.numbers = numbers
        self.claims = claims

    def __iter__(self) -> Iterator[WorkQueue[Key]]:
        return iter((self.intents, self.numbers, self.claims))

    def wake(self, kind: str, namespace: str, name: str, delay: float = 0.0) -> None:
        """Let an object have a turn."""
        queue = {"PhoneNumber": self.numbers, "NumberClaim": self.claims}.get(kind, self.intents)
        queue.add(Key(kind, namespace, name), delay)

    def wake_number(self, record: NumberRecord) -> None:
        self.wake("PhoneNumber", record.namespace, record.name)

    def wake_claim(self, claim: ClaimRecord) -> None:
        """At once: somebody waits for it."""
        self.claims.add(Key("NumberClaim", claim.namespace, claim.name), at_once=True)

    def wake_order(self, namespace: str, name: str) -> None:
        """At once: it takes over from another one."""
        self.intents.add(Key("NumberOrder", namespace, name), at_once=True)

    def wake_account(self, key: AccountKey) -> None:
        self.wake("CarrierAccount", key.namespace, key.name)
