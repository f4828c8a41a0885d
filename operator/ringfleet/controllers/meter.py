"""Who is told what controllers have done, so that it can be counted: nobody, unless `controllers/metrics.py` listens.

Controllers tell of it once it is so: a purchase when its outcome is written, not when it is made, so that a write that
has to be repeated counts nothing twice. No number, name or namespace is told.
"""

from __future__ import annotations

from typing import Protocol

from ringfleet.model import ItemState, Money


class Meter(Protocol):
    """`provider` is that of the CarrierAccount; seconds are those of a clock that only grows."""

    def reconciled(self, kind: str, outcome: str, seconds: float) -> None:
        """One turn has ended; the outcomes are those of `controllers/reconcile.py`."""

    def carrier_called(self, provider: str, operation: str, outcome: str, seconds: float) -> None:
        """A carrier has answered or failed; the outcomes are those of `carriers.metered.ending_of`."""

    def swept(self, provider: str, outcome: str, seconds: float) -> None:
        """A sweep has ended, in the same words."""

    def item_settled(self, provider: str, state: ItemState) -> None:
        """An item of an order has got an outcome; one that is Unknown gets another one later."""

    def spent(self, provider: str, cost: Money) -> None:
        """A number was bought: its setup and its first month."""

    def order_ended(self, provider: str, outcome: str) -> None:
        """An order has ended: `Complete`, or the reason of its shortage or refusal."""


class Unmetered:
    """Tells nobody: what a dry run and a test work with."""

    def reconciled(self, kind: str, outcome: str, seconds: float) -> None: ...

    def carrier_called(self, provider: str, operation: str, outcome: str, seconds: float) -> None: ...

    def swept(self, provider: str, outcome: str, seconds: float) -> None: ...

    def item_settled(self, provider: str, state: ItemState) -> None: ...

    def spent(self, provider: str, cost: Money) -> None: ...

    def order_ended(self, provider: str, outcome: str) -> None: ...
