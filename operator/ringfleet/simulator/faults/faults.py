"""Whether a fault befalls a call: by probability, or by script.

A rule without a script rolls the dice for each matching call. A rule with one goes through it, an entry a call, and
then rests: `script: [0, 0, 1]` strikes the third matching call and no other. Every rule counts its own calls.

The dice know the seed, the rule, the operation, the account, the subject and how often all that came before; no clock
and no task order. Faults that belong to a number (another buyer wants it, its documents are missing, the listing leaves
it out) are decided once for that number.

Here is only the decision. The door acts out what befalls a call on the wire; the exchange, what befalls a number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from ringfleet.simulator.faults.rules import Fault, Operation, Rule
from ringfleet.simulator.randomness import draw

_DECIDED_ONCE: Final = frozenset({Fault.SNAPPED_UP, Fault.PENDING_DOCUMENTS, Fault.SHORT_LISTING})


@dataclass(frozen=True, slots=True)
class Strike:
    """One rule that strikes one call; `seconds` is the length that was drawn for it."""

    rule: Rule
    seconds: float


class Faults:
    """The rules in force. Rules are weather, not state: a restart brings back those of the command line."""

    def __init__(self, seed: int, rules: Iterable[Rule] = ()) -> None:
        self._seed = seed
        self._count: Counter[tuple[object, ...]] = Counter()
        self.rules = tuple(rules)

    def replace(self, rules: Iterable[Rule]) -> None:
        """Put these rules in force; every script and count begins anew."""
        self.rules = tuple(rules)
        self._count.clear()

    def threatens(self, fault: Fault) -> bool:
        """Whether a rule of this fault is in force at all, so that one need not ask for each number."""
        return any(rule.fault is fault for rule in self.rules)

    def strike(self, fault: Fault, operation: Operation, account: str, subject: str = "") -> Strike | None:
        """Whether, and how, `fault` befalls this call. Asking counts.

        `subject` is the number concerned, if one is, or the type of the document.
        """
        for index, rule in enumerate(self.rules):
            if rule.matches(fault, operation, account, subject) and self._hits(
                index, rule, operation, account, subject
            ):
                return Strike(rule, self._length(index, rule, operation, account, subject))
        return None

    def _hits(self, index: int, rule: Rule, operation: Operation, account: str, subject: str) -> bool:
        if rule.script is not None:
            turn = self._next(index)
            return turn < len(rule.script) and rule.script[turn]
        if rule.fault is Fault.SNAPPED_UP and not self._comes_at(rule, operation, subject):
            return False
        if rule.fault in _DECIDED_ONCE:
            return draw(self._seed, index, rule.fault, subject) < rule.probability
        turn = self._next(index, operation, account, subject)
        return draw(self._seed, index, rule.fault, operation, account, subject, turn) < rule.probability

    def _comes_at(self, rule: Rule, operation: Operation, number: str) -> bool:
        """The other buyer comes before the cart for one half of the numbers, before the checkout for the other."""
        moments = sorted(rule.operations)
        return moments[int(draw(self._seed, "comes at", number) * len(moments))] is operation

    def _length(self, index: int, rule: Rule, operation: Operation, account: str, subject: str) -> float:
        least, most = rule.seconds
        if least == most:
            return least
        turn = self._next("length", index, operation, account, subject)
        return least + (most - least) * draw(self._seed, "length", index, operation, account, subject, turn)

    def _next(self, *key: object) -> int:
        turn = self._count[key]
        self._count[key] += 1
        return turn
