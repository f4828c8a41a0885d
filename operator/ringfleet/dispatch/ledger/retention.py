"""How long a ledger keeps what it has, table by table: said here once, for people and for who forgets."""

from __future__ import annotations

from dataclasses import dataclass

from ringfleet.dispatch.ledger.interface import KEPT

DAY = 86400.0
KEPT_LONG = 35 * DAY
"""Seconds for which picks, events and traffic are kept: what a person answers, and what a bill is compared with."""
ROOMS = 2 * DAY
"""Seconds for which a deferral is remembered after it was due."""
POSTED = 7 * DAY
"""Seconds for which an event waits that nobody takes."""
LIMITS = 3 * DAY
"""Seconds for which the use of shared limits is kept: longer than any day of theirs lasts."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What is in a table, and for how long. `personal`: whether recipients are in it, as keyed hashes."""

    what: str
    how_long: str
    personal: bool = False


RETENTION = {
    "journal": Kept("picks, deferrals, and what became of them", f"{KEPT_LONG / DAY:.0f} days", personal=True),
    "replay": Kept("which answer a request got, by its key", f"{KEPT / 3600:.0f} hours"),
    "contact": Kept("the number that a recipient knows", "10 years after the last contact", personal=True),
    "heard": Kept("who has called or written to which number", f"{KEPT_LONG / DAY:.0f} days", personal=True),
    "deferral": Kept("what is put off, with the caller's key for it", f"{ROOMS / DAY:.0f} days after it was due", True),
    "suppression": Kept("opt-outs", "for ever, until they are taken back", personal=True),
    "unclear": Kept(
        "messages that may ask to be left alone, by the carrier's ids",
        f"{KEPT_LONG / DAY:.0f} days, or until they are read",
    ),
    "event": Kept("which events of carriers were counted", f"{KEPT_LONG / DAY:.0f} days"),
    "call": Kept("when calls began and ended", f"{KEPT_LONG / DAY:.0f} days"),
    "traffic": Kept("each number's traffic by the hour", f"{KEPT_LONG / DAY:.0f} days"),
    "label": Kept("spam labels of numbers, by account", "for ever"),
    "activity": Kept("when each number was first and last used, by account", "for ever"),
    "outbox": Kept(
        "events on their way to analytics, and carriers' requests, as they came, to the program that they are for",
        f"until they have arrived, {POSTED / DAY:.0f} days at most",
        personal=True,
    ),
    "proxy_session": Kept("masked sessions, without who is in them", "spec.retention after they ended"),
    "proxy_leg": Kept(
        "participants of masked sessions, their real numbers encrypted", "spec.retention after it ended", personal=True
    ),
    "proxy_interaction": Kept("when there was a call or message in a masked session", f"{KEPT_LONG / DAY:.0f} days"),
    "proxy_replay": Kept("what a request about masked sessions was answered, by its key", f"{KEPT / 3600:.0f} hours"),
    "rotation_set": Kept("names of sets", "for ever"),
    "roster": Kept("the last roster of each set", "until the next one"),
    "roster_member": Kept("the numbers of that roster", "until the next one"),
    "seat": Kept("counts of each number in each set", "for ever; those of its last day"),
    "shared_use": Kept("what is used of the limits of brands and campaigns", f"{LIMITS / DAY:.0f} days"),
    "hash_key": Kept("check values of the keys that recipients are hashed by", "for ever"),
    "progress": Kept("how far the journal is folded, and by what the store is known", "for ever"),
    "owner": Kept("which dispatcher decides (PostgreSQL)", "until the next one"),
    "wish": Kept("opt-outs that another dispatcher has taken in (PostgreSQL)", "until the owner has done them", True),
    "inbox": Kept("events that another dispatcher has taken in (PostgreSQL)", "until the owner has done them", True),
    "schema_version": Kept("the migrations that have run (PostgreSQL)", "for ever"),
}
"""By the name of the table."""
