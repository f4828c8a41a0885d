"""What is asked of an owner beside picks: what must be found for it first, and what is done then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ringfleet.dispatch.ledger.owner.group import Group
from ringfleet.dispatch.ledger.tables import Wanted


def _nothing(*_: object) -> None:
    """Nothing must be found."""


@dataclass(frozen=True, slots=True)
class Job:
    """See the module. `want_more`: what must be found once the first is there."""

    do: Callable[[Group], Any]
    want: Callable[[Group, Wanted], None] = _nothing
    want_more: Callable[[Group, Wanted], None] = _nothing
