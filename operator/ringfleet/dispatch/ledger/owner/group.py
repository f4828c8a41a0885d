"""A group on its way: what was found for it, what it has done to memory, what it will write."""

from __future__ import annotations

from dataclasses import dataclass, field

from ringfleet.dispatch.ledger.owner.journal import Contact, Entry, read_contact
from ringfleet.dispatch.ledger.owner.memory import Memory
from ringfleet.dispatch.ledger.owner.undo import Undo
from ringfleet.dispatch.ledger.tables import (
    ANSWERS,
    CALLS,
    CONTACTS,
    DEFERRALS,
    EVENTS,
    HEARD,
    INTERACTIONS,
    LETTERS,
    OF_RECIPIENT,
    PICKS,
    SESSION_REPLAYS,
    SUPPRESSIONS,
    UNCLEAR,
    Changes,
    Found,
    Row,
)


@dataclass(slots=True)
class Group:
    """See the module. What is found is changed with what the group does: those later in the group see it."""

    memory: Memory
    changes: Changes = field(default_factory=Changes)
    undo: Undo = field(default_factory=Undo)
    contacts: dict[tuple[int, bytes], Contact] = field(default_factory=dict)
    opt_outs: dict[bytes, dict[str, Row]] = field(default_factory=dict)
    """By recipient and scope."""
    answers: dict[bytes, Entry] = field(default_factory=dict)
    states: dict[int, int] = field(default_factory=dict)
    """What became of the picks that are asked about."""
    picks: dict[int, Entry] = field(default_factory=dict)
    deferrals: dict[int, Row] = field(default_factory=dict)
    heard: dict[bytes, dict[int, float]] = field(default_factory=dict)
    """By recipient and number of ours: when the recipient called or wrote last."""
    unclear: set[tuple[str, str, str]] = field(default_factory=set)
    of_recipient: dict[int, Entry] = field(default_factory=dict)
    letters: dict[int, tuple[str, float]] = field(default_factory=dict)
    """By id, what waits of the words of the recipients that are asked about: for which URL, and when it came."""
    events: set[tuple[str, str]] = field(default_factory=set)
    calls: dict[tuple[str, str], Row] = field(default_factory=dict)
    session_replays: dict[bytes, Row] = field(default_factory=dict)
    interactions: set[bytes] = field(default_factory=set)
    """Those of masked sessions that are asked about and are written down."""

    def take_in(self, found: Found) -> None:
        for set_id, recipient, number, _, times in found.get(CONTACTS, ()):
            self.contacts[set_id, recipient] = read_contact(number, times)
        for row in found.get(SUPPRESSIONS, ()):
            self.opt_outs.setdefault(row[1], {})[row[0]] = row
        for key, *columns, state in found.get(ANSWERS, ()):
            self.answers[key] = entry = Entry(*columns)
            self.states[entry.seq] = state
        for *columns, state in found.get(PICKS, ()):
            entry = Entry(*columns)
            self.picks[entry.seq], self.states[entry.seq] = entry, state
        self.deferrals.update({row[0]: row for row in found.get(DEFERRALS, ())})
        self.unclear.update((row[0], row[1], row[2]) for row in found.get(UNCLEAR, ()))
        self.of_recipient.update({row[0]: Entry(*row) for row in found.get(OF_RECIPIENT, ())})
        self.letters.update({id_: (target, at) for id_, at, target, _ in found.get(LETTERS, ())})
        for recipient, number, at in found.get(HEARD, ()):
            self.heard.setdefault(recipient, {})[number] = at
        self.events.update((account, id_) for account, id_, _ in found.get(EVENTS, ()))
        self.calls.update({(row[0], row[1]): row for row in found.get(CALLS, ())})
        self.session_replays.update({bytes(row[0]): row for row in found.get(SESSION_REPLAYS, ())})
        self.interactions.update(bytes(row[0]) for row in found.get(INTERACTIONS, ()))

    def contact(self, set_id: int, recipient: bytes) -> Contact | None:
        return self.memory.contact((set_id, recipient), self.contacts.get((set_id, recipient)))

    def state(self, pick: int) -> int:
        return self.memory.state(pick, self.states.get(pick, 0))
