"""Who has opted out, and who takes that back: what becomes of the rows of a recipient."""

from __future__ import annotations

from collections.abc import Sequence

from ringfleet.dispatch.ledger.owner.deferrals import free_room_of
from ringfleet.dispatch.ledger.owner.group import Group
from ringfleet.dispatch.ledger.tables import SUPPRESSIONS, Row, Wanted
from ringfleet.dispatch.ledger.types import OptIn, Suppression


def want_opt_outs(recipients: Sequence[bytes], wanted: Wanted) -> None:
    wanted.setdefault(SUPPRESSIONS, set()).update((one,) for one in recipients)


def suppress(entries: Sequence[Suppression], group: Group) -> int:
    """Record opt-outs; returns how many are new. One by word gives way to a younger one by word, and to any other."""
    new = 0
    for one in entries:
        hashes = (one.recipient, *one.also)
        there = ((hash_, group.opt_outs.get(hash_, {}).get(one.scope)) for hash_ in hashes)
        listed = next((row[5] or hash_ for hash_, row in there if row is not None), None)
        new += listed is None
        for hash_ in hashes:
            _write(one, hash_, listed or one.recipient, group)
    return new


def _write(one: Suppression, hash_: bytes, listed: bytes, group: Group) -> None:
    """Under one of the recipient's hashes. `listed`: the one that it is listed under."""
    of_hash = group.opt_outs.setdefault(hash_, {})
    before = of_hash.get(one.scope)
    if before is None or _gives_way(before, one):
        alias_of = (None if hash_ == listed else listed) if before is None else before[5]
        row = (one.scope, hash_, one.since, one.reason, one.by_word, alias_of)
        of_hash[one.scope] = row
        group.changes.put(SUPPRESSIONS, (hash_, one.scope), row)
        free_room_of(one.scope, hash_, group)


def _gives_way(before: Row, one: Suppression) -> bool:
    _, _, since, _, by_word, _ = before
    return bool(by_word) and (one.since > since or not one.by_word)


def opt_in(one: OptIn, group: Group) -> None:
    """What is by word and no younger is taken back."""
    before = group.opt_outs.get(one.recipient, {}).get(one.scope)
    if before is not None and before[4] and before[2] <= one.at:
        _drop(one.scope, one.recipient, group)


def allow(scope: str, recipients: Sequence[bytes], group: Group) -> int:
    """Take opt-outs back, whatever they are by; returns how many there were."""
    there = [one for one in dict.fromkeys(recipients) if scope in group.opt_outs.get(one, {})]
    listed = sum(group.opt_outs[one][scope][5] is None for one in there)
    for recipient in there:
        _drop(scope, recipient, group)
    return listed


def _drop(scope: str, recipient: bytes, group: Group) -> None:
    del group.opt_outs[recipient][scope]
    group.changes.drop(SUPPRESSIONS, (recipient, scope))
