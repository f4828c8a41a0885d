"""Wishes: what people say that no pick may overlook (opt-outs, and what takes them back), taken in by any replica.

A wish is acknowledged when it is in the store's inbox. The owner's groups name how many wishes they have seen, so that
none is written that has not seen them all: the owner takes the new ones first, and decides the group anew.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ringfleet.dispatch.ledger.interface import Unwritable
from ringfleet.dispatch.ledger.owner.events import ingest, want_for_events
from ringfleet.dispatch.ledger.owner.group import Group
from ringfleet.dispatch.ledger.owner.jobs import Job
from ringfleet.dispatch.ledger.owner.optouts import allow, suppress, want_opt_outs
from ringfleet.dispatch.ledger.owner.outbox import post_letters
from ringfleet.dispatch.ledger.owner.recipients import erase, want_recipient
from ringfleet.dispatch.ledger.tables import INBOX, PROGRESS
from ringfleet.dispatch.ledger.types import Heard, Letter, Suppression, can_be_kept
from ringfleet.model.traffic import Happening

_LABELS = frozenset({Happening.NUMBER_LABELLED, Happening.NUMBER_CLEARED})


class Wish(msgspec.Struct, omit_defaults=True):
    """One of these. What was heard is done once, whoever takes it in."""

    suppress: tuple[Suppression, ...] = ()
    allow: tuple[str, tuple[bytes, ...]] | None = None
    heard: tuple[Heard, ...] = ()
    erase: tuple[bytes, ...] = ()
    letters: tuple[Letter, ...] = ()
    at: float = 0.0
    """When the letters came, in POSIX seconds."""

    @property
    def is_urgent(self) -> bool:
        """Whether a pick may depend on it: who has called or written may be answered. What is only counted is not
        waited for."""
        return not (self.heard or self.letters) or any(
            one.opt_outs or one.opt_ins or one.sender or one.event.happening in _LABELS for one in self.heard
        )


_decode = msgspec.msgpack.Decoder(Wish, dec_hook=lambda type_, text: type_(text)).decode  # E164
_encode = msgspec.msgpack.Encoder(enc_hook=str).encode


def write_wish(wish: Wish) -> bytes:
    return _encode(wish)


def refuse_unwritable(wish: Wish) -> None:
    """Before anybody takes it in: one that the owner can't write would keep it from writing anything, for ever.

    Raises:
        Unwritable: no store can hold what it says.
    """
    reasons = [one.reason for one in (*wish.suppress, *(out for heard in wish.heard for out in heard.opt_outs))]
    if not all(map(can_be_kept, reasons)) or not all(one.can_be_counted for one in wish.heard if one.counts):
        raise Unwritable("The ledger can't hold a text with a NUL, half a surrogate pair or more than 255 characters.")


def job_of_wish(number: int, written: bytes) -> Job:
    """What the owner does about it, before all else in its next group."""
    job = job_of(_decode(written))

    def do(group: Group) -> None:
        job.do(group)
        group.undo.put(group.memory.marks, "wishes", number)
        group.changes.put(PROGRESS, ("wishes",), ("wishes", number))

    return Job(do, job.want, job.want_more)


def job_of_inbox(id_: int, written: bytes) -> Job:
    """The same for what lies in the inbox; it is taken out with what it does."""
    job = job_of(_decode(written))

    def do(group: Group) -> None:
        job.do(group)
        group.changes.drop(INBOX, (id_,))

    return Job(do, job.want, job.want_more)


def job_of(wish: Wish) -> Job:
    """The same as a job of the owner's own; its result is how many were new, or were there."""
    if wish.allow is not None:
        scope, recipients = wish.allow
        return Job(lambda group: allow(scope, recipients, group), lambda _, wanted: want_opt_outs(recipients, wanted))
    if wish.erase:
        hashes = wish.erase
        return Job(lambda group: erase(hashes, group), lambda group, wanted: want_recipient(hashes, group, wanted))
    if wish.heard:
        heard: Sequence[Heard] = wish.heard
        return Job(lambda group: ingest(heard, group), lambda group, wanted: want_for_events(heard, group, wanted))
    if wish.letters:
        letters, at = wish.letters, wish.at
        return Job(lambda group: post_letters(letters, at, group))
    entries = wish.suppress
    recipients = tuple(hash_ for one in entries for hash_ in (one.recipient, *one.also))
    return Job(lambda group: suppress(entries, group), lambda _, wanted: want_opt_outs(recipients, wanted))
