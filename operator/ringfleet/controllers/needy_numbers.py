"""The numbers that had something to do when they were last looked at, by account: they may wait for it.

An account that answers again, or does no more, concerns these only. Whether any other number wants a step does not
depend on whether its account can be called, and whatever brings it one is noted here: the look that finds it, or the
turn that fails.
"""

from __future__ import annotations

from ringfleet.model import AccountKey
from ringfleet.model.refs import ObjectRef
from ringfleet.objects.phone_number import NumberRecord


class NeedyNumbers:
    """See the module."""

    def __init__(self) -> None:
        self._at: dict[AccountKey, dict[ObjectRef, None]] = {}

    def note(self, record: NumberRecord, needy: bool = True) -> None:
        """What a look at the number has found, or a turn of it that failed."""
        if needy:
            self._at.setdefault(record.account, {})[record.place] = None
        elif there := self._at.get(record.account):
            there.pop(record.place, None)
            if not there:
                del self._at[record.account]

    def at(self, account: AccountKey) -> list[ObjectRef]:
        """Those of an account, the one first that was noted first."""
        return list(self._at.get(account, ()))
