"""What the dispatcher has told of numbers, by namespace, for as long as it is fresh."""

from __future__ import annotations

from dataclasses import dataclass, field

from ringfleet.model import AccountKey
from ringfleet.objects.phone_number import NumberRecord
from ringfleet.plan.number_traffic import Heard, NumbersSeen, NumberTraffic


@dataclass(slots=True)
class TrafficBook:
    """See the module."""

    _pages: dict[str, NumbersSeen] = field(default_factory=dict)
    _read: dict[str, float] = field(default_factory=dict)

    def learn(self, namespace: str, seen: NumbersSeen, now: float) -> None:
        self._pages[namespace], self._read[namespace] = seen, now

    def forget_older(self, than: float) -> None:
        """What was read before that is not gone by any more."""
        for namespace in [name for name, read in self._read.items() if read < than]:
            del self._pages[namespace], self._read[namespace]

    @property
    def is_known(self) -> bool:
        """Whether anything was read that is fresh."""
        return bool(self._pages)

    def of(self, record: NumberRecord) -> NumberTraffic | None:
        """The traffic of one number; None: nothing is known of it."""
        page = self._pages.get(record.namespace)
        return page.numbers.get((record.number, record.account)) if page else None

    def heard(self, account: AccountKey) -> Heard | None:
        """For how long the account is heard; None: it is not, or nobody has said so lately."""
        told = [page.accounts[account] for page in self._pages.values() if account in page.accounts]
        return max(told, key=lambda one: one.last, default=None)
