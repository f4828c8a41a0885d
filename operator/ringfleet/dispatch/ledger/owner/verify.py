"""Whether a ledger keeps its own laws, whatever its store: what a new owner would have in memory, beside what the rows
say. It sees the store at one moment, so an owner may go on meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ringfleet.dispatch.ledger.owner.memory import Memory
from ringfleet.dispatch.ledger.store import Evidence, Loaded

FIRST = 5
"""So many findings of a law are told one by one."""
DAY = 86400.0


def judge(evidence: Evidence) -> tuple[str, ...]:
    """What is wrong, in sentences; empty when nothing is."""
    if orphans := _first_of(_orphans(evidence)):
        return tuple(orphans)
    memory = Memory(evidence.loaded)
    return tuple(sentence for law in _LAWS for sentence in _first_of(law(evidence, memory)))


def _orphans(evidence: Evidence) -> Iterator[str]:
    loaded = evidence.loaded
    sets = {row[0] for row in loaded.sets}
    for id_, set_id, *_ in loaded.deferrals:
        if set_id not in sets:
            yield f"deferral {id_} belongs to no set"
    for set_id, number, *_ in loaded.seats:
        if set_id not in sets:
            yield f"the counts of number +{number} belong to no set"
    for set_id, number, _ in sorted(evidence.out):
        if set_id not in sets:
            yield f"picks of the number +{number} belong to no set"


def _known(loaded: Loaded) -> set[tuple[int, int]]:
    """Each set and number that was in it."""
    return {
        (row[place], row[place + 1 + skip])
        for rows, place, skip in ((loaded.seats, 0, 0), (loaded.roster_members, 0, 0), (loaded.tail, 1, 1))
        for row in rows
    }


def _counts(evidence: Evidence, memory: Memory) -> Iterator[str]:
    """Of a set's newest day, and where picks were forgotten, not of the days that were forgotten with them."""
    seq, at = evidence.oldest or (1, 0.0)
    kept_since = at + 2 * DAY if seq > 1 else 0.0
    for set_id, bench in memory.benches.items():
        newest = max((seat.day for seat in bench.known.values()), default=0)
        for seat in sorted(bench.known.values(), key=lambda one: one.digits):
            out = evidence.out.get((set_id, seat.digits, seat.day), 0)
            if seat.day == newest and seat.used != out and seat.last >= kept_since:
                yield (
                    f"number +{seat.digits} of {memory.names[set_id]}: {seat.used} counted as used on its last day, "
                    f"and {out} picks of that day are out"
                )


def _numbers(evidence: Evidence, memory: Memory) -> Iterator[str]:
    known = _known(evidence.loaded)
    anywhere = {number for _, number in known}
    for set_id, number in sorted(evidence.contacts):
        of_several = set_id in memory.names and set_id not in memory.rostered
        if number not in anywhere or (not of_several and (set_id, number) not in known):
            where = memory.names.get(set_id, "no set")
            yield f"a recipient of {where} has the number +{number}, which was never in it"


def _deferrals(evidence: Evidence, memory: Memory) -> Iterator[str]:
    known = _known(evidence.loaded)
    for id_, set_id, number, *_ in evidence.loaded.deferrals:
        if (set_id, number) not in known:
            yield (
                f"deferral d{id_} of {memory.names[set_id]} reserves room on the number +{number}, "
                "which was never in it"
            )


def _picks(evidence: Evidence, memory: Memory) -> Iterator[str]:
    known = _known(evidence.loaded)
    for set_id, number, _ in sorted(evidence.out):
        if (set_id, number) not in known:
            yield f"picks of the number +{number} in {memory.names[set_id]}: the number has no counts"


def _replays(evidence: Evidence, _: Memory) -> Iterator[str]:
    for seq in sorted(evidence.lost_replays):
        yield f"a key is answered by the entry {seq}, which is not there"


def _sessions(evidence: Evidence, memory: Memory) -> Iterator[str]:
    """No key of the store holds what is of two tables."""
    known = memory.sessions.by_id
    for id_, place, *_, is_open, _ in sorted(evidence.loaded.legs):
        session = known.get(bytes(id_))
        if session is None:
            yield f"participant {place} of the masked session {bytes(id_).hex()}: there is no such session"
        elif bool(is_open) is not session.is_open:
            yield f"participant {place} of the masked session {bytes(id_).hex()} is open, and it is not, or the reverse"


_LAWS = (_counts, _numbers, _deferrals, _picks, _replays, _sessions)


def _first_of(found: Iterable[str]) -> list[str]:
    sentences = list(dict.fromkeys(found))
    more = len(sentences) - FIRST
    return [*sentences[:FIRST], *([f"... and {more} more of the kind"] if more > 0 else [])]
