"""A number's traffic by the hour: what carriers tell of it, and its replies, which count against no cap."""

from __future__ import annotations

from ringfleet.dispatch.ledger.law.member import hour_of
from ringfleet.dispatch.ledger.owner.group import Group
from ringfleet.dispatch.ledger.tables import TRAFFIC

COUNTS = tuple(TRAFFIC.columns)[2:]
_PLACE = {name: place for place, name in enumerate(COUNTS)}


def count(number: int, at: float, what: str, by: int, group: Group) -> None:
    key = (number, hour_of(at))
    counts = list(group.changes.rows.get(TRAFFIC, {}).get(key, (*key, *(0,) * len(COUNTS)))[2:])
    counts[_PLACE[what]] += by
    group.changes.put(TRAFFIC, key, (*key, *counts))
