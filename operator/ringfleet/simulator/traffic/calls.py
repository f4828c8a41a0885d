"""What was asked of the carrier: how often, and the last calls. For tests that count."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from typing import Any, Final

from ringfleet.simulator.faults.rules import Operation

_KEPT: Final = 10_000


@dataclass(slots=True)
class Call:
    """One call. `outcome` is a status code, the fault that ate the reply, or None while it is under way."""

    operation: Operation
    account: str
    target: str
    outcome: str | None = None


class Calls:
    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._last: deque[Call] = deque(maxlen=_KEPT)

    def begin(self, operation: Operation, account: str, target: str) -> Call:
        call = Call(operation, account, target)
        self._counts[operation] += 1
        self._last.append(call)
        return call

    def forget(self) -> None:
        self._counts.clear()
        self._last.clear()

    def report(self, last: int) -> dict[str, Any]:
        calls = list(self._last)[-last:] if last else []
        return {
            "total": self._counts.total(),
            "counts": dict(sorted(self._counts.items())),
            "last": [
                {"operation": call.operation, "account": call.account, "target": call.target, "outcome": call.outcome}
                for call in calls
            ],
        }
