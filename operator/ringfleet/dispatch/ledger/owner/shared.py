"""What is used of the limits that sets share, in memory, and what was changed of it since it was last written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ringfleet.dispatch.ledger.law.shared import HOUR, NOTHING, Use, least, left_today, moment_of, restrict, step_of
from ringfleet.dispatch.ledger.owner.undo import Undo
from ringfleet.dispatch.ledger.tables import Row
from ringfleet.dispatch.ledger.types import Ask, Limit, Per, Terms


class Shared:
    """See the module. `know` which limits there are before anything is asked."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._uses: dict[str, Use] = {}
        self._most: dict[str, int] = {}
        self._changed: set[tuple[str, int]] = set()
        for name, at, used in rows:
            self._use(name).used[at] = used

    def know(self, terms: Iterable[Terms]) -> None:
        """Of sets that say a limit differently the least holds."""
        self._most = least(limit for one in terms for limit in one.limits)

    def restrict(self, ask: Ask, terms: Terms, own: int) -> None:
        """Tell the ask what the limits of its set forbid. `own`: what is put aside for it today."""
        ask.limited, ask.full = None, frozenset()
        for limit in terms.limits:
            restrict(ask, limit, self._most_of(limit), self._uses.get(limit.name, NOTHING), terms.units, own)

    def left(self, ask: Ask, terms: Terms) -> int | None:
        """How many contacts more the limits of its set let through today; None: it has none."""
        if not terms.limits:
            return None
        uses = ((one, self._most_of(one), self._uses.get(one.name, NOTHING)) for one in terms.limits)
        return min(left_today(ask, one, most, use, terms.units) for one, most, use in uses)

    def _most_of(self, limit: Limit) -> int:
        return min(limit.most, self._most.get(limit.name, limit.most))

    def count(self, limits: Iterable[Limit], at: float, units: int, undo: Undo) -> None:
        for limit in limits:
            used, moment = self._use(limit.name).used, moment_of(at, step_of(limit))
            undo.put(used, moment, used.get(moment, 0) + units)
            self._changed.add((limit.name, moment))

    def put_aside(self, limits: Iterable[Limit], at: float, units: int, undo: Undo) -> None:
        for limit in limits:
            if limit.per is Per.DAY:
                reserved, moment = self._use(limit.name).reserved, moment_of(at, HOUR)
                undo.put(reserved, moment, reserved.get(moment, 0) + units)

    def take_changed(self) -> Sequence[Row]:
        """The rows to be written."""
        changed, self._changed = self._changed, set()
        return [(name, at, self._uses[name].used.get(at, 0)) for name, at in sorted(changed)]

    def _use(self, name: str) -> Use:
        return self._uses.setdefault(name, Use())
