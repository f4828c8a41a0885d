"""Masked sessions in a ledger, on both stores: who is put through to whom, when a session ends, and what is kept."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace

import pytest

from ringfleet.dispatch.ledger.interface import Ledger, LedgerUnavailable
from ringfleet.dispatch.ledger.law.sessions import NOTHING_HELD
from ringfleet.dispatch.ledger.owner.groups import OwnedLedger
from ringfleet.dispatch.ledger.owner.session_memory import Sessions
from ringfleet.dispatch.ledger.session_types import (
    Alone,
    Bar,
    EndedSession,
    Exhaustion,
    ExtendSession,
    GeoUse,
    ListSessions,
    NameTaken,
    Once,
    OpenSession,
    OptedOut,
    Refused,
    Resolved,
    SamePerson,
    SessionFull,
    SessionTold,
    State,
    UnknownSession,
)
from ringfleet.dispatch.ledger.types import KeyReused, PastSession
from ringfleet.model.rotation import Channel
from tests.dispatch.ledger.builders import DAY, HOUR, NOON, OpenLedger, a_number, an_opt_out, somebody
from tests.dispatch.ledger.session_builders import (
    QUARANTINE,
    SERVICE,
    a_service,
    begin,
    begun,
    call,
    end,
    join,
    look,
    newcomer,
    sid,
    usage,
)


async def reaches(ledger: Ledger, name: str, number: str, after: float = 0.0, id_: str = "call-1") -> Resolved:
    answer = await call(ledger, name, number, after, id_)
    assert isinstance(answer, Resolved), answer
    return answer


async def rows(ledger: Ledger) -> tuple[int, int]:
    """How many sessions and participants are written."""
    assert isinstance(ledger, OwnedLedger)
    loaded = await ledger.store.load()
    return len(loaded.sessions), len(loaded.legs)


# Who reaches whom.


async def test_each_of_two_reaches_the_other_under_the_others_own_proxy_number(ledger: Ledger) -> None:
    session = await begun(ledger, "ann", "dan")
    anns, dans = (leg.number for leg in session.legs)
    there = await reaches(ledger, "ann", anns)
    assert (there.sealed, there.shown, there.account) == (b"sealed dan", dans, "shop/sandbox")
    back = await reaches(ledger, "dan", dans, id_="call-2")
    assert (back.sealed, back.shown) == (b"sealed ann", anns)


async def test_who_is_in_no_session_under_a_number_reaches_nobody(ledger: Ledger) -> None:
    session = await begun(ledger, "ann", "dan")
    assert await call(ledger, "eve", session.legs[0].number) == UnknownSession()
    assert await call(ledger, "ann", a_number(9)) == UnknownSession()


async def test_who_is_alone_in_a_session_reaches_nobody_until_another_one_joins(ledger: Ledger) -> None:
    alone = await begun(ledger, "ann")
    assert await call(ledger, "ann", alone.legs[0].number) == Alone(alone)
    assert isinstance(await join(ledger, "dan"), SessionTold)
    assert (await reaches(ledger, "ann", alone.legs[0].number)).sealed == b"sealed dan"
    assert await join(ledger, "eve") == SessionFull()


async def test_a_person_is_known_by_an_older_hash_too(ledger: Ledger) -> None:
    """The key that people are hashed by is another one now, and the session is from before."""
    session = await begun(ledger, "ann under the old key", "dan")
    both = (somebody("ann"), somebody("ann under the old key"))
    assert isinstance(await call(ledger, "ann", session.legs[0].number, hashes=both), Resolved)
    again = OpenSession(a_service(1), sid("s2"), NOON, (replace(newcomer("ann"), hashes=both), newcomer("eve")))
    assert isinstance(await ledger.session(again), Refused)


async def test_two_sessions_of_one_person_are_told_apart_by_their_numbers(ledger: Ledger) -> None:
    first, second = await begun(ledger, "ann", "dan"), await begun(ledger, "ann", "eve", session="s2")
    assert first.legs[0].number != second.legs[0].number
    assert (await reaches(ledger, "ann", first.legs[0].number)).sealed == b"sealed dan"
    assert (await reaches(ledger, "ann", second.legs[0].number, id_="call-2")).sealed == b"sealed eve"


async def test_when_every_number_is_taken_nobody_comes_in_and_the_other_participant_is_not_let_in_either(
    ledger: Ledger,
) -> None:
    service = a_service(1)
    await begun(ledger, "ann", "dan", service=service)
    refused = await begin(ledger, "bob", "dan", session="s2", service=service)
    assert refused == Refused(Exhaustion.NONE_COMPATIBLE, 1, Bar.IN_USE, ((Bar.IN_USE, 1),))
    assert await look(ledger, "s2") == UnknownSession()
    seen = await usage(ledger)
    assert (seen.open, seen.load) == (1, ((a_number(1), 1),))
    assert seen.refused == ((Exhaustion.NONE_COMPATIBLE, "", 1),)
    assert seen.geos == (GeoUse("", 2, 1),)


async def test_nobody_is_in_a_session_with_themselves(ledger: Ledger) -> None:
    assert await begin(ledger, "ann", "ann") == SamePerson()


async def test_two_open_sessions_have_not_the_same_name(ledger: Ledger) -> None:
    await begun(ledger, "ann", "dan", name="ride 7")
    assert await begin(ledger, "bob", "eve", session="s2", name="ride 7") == NameTaken(sid("s"))
    await end(ledger)
    assert (await begun(ledger, "bob", "eve", session="s2", name="ride 7")).name == "ride 7"
    found = await ledger.session(ListSessions(SERVICE, NOON, name="ride 7"))
    assert isinstance(found, tuple)
    assert [one.id for one in found] == [sid("s2")]


# Time.


async def test_a_session_ends_when_nobody_has_called_for_its_time_to_live(ledger: Ledger) -> None:
    session = await begun(ledger, "ann", "dan")
    await reaches(ledger, "ann", session.legs[0].number, HOUR - 1)
    await reaches(ledger, "dan", session.legs[1].number, 2 * HOUR - 2, "call-2")
    ended = await call(ledger, "ann", session.legs[0].number, 3 * HOUR - 2, "call-3")
    assert isinstance(ended, EndedSession)
    assert (ended.session.state, ended.session.ends) == (State.EXPIRED, NOON + 3 * HOUR - 2)
    assert ended.session.interactions == 2


@pytest.mark.parametrize(
    ("terms", "asked", "ends"),
    [
        ({"ttl": HOUR}, {}, HOUR),
        ({"ttl": HOUR}, {"ttl": 60.0}, 60.0),
        ({"ttl": HOUR}, {"expires": NOON + 5 * HOUR}, 5 * HOUR),
        ({"ttl": HOUR}, {"expires": NOON + 5 * HOUR, "ttl": 60.0}, 5 * HOUR),
        ({"ttl": HOUR, "longest": 1800.0}, {}, 1800.0),
        ({"ttl": 0.0, "longest": DAY}, {"expires": NOON + 5 * DAY}, DAY),
    ],
)
async def test_an_end_that_is_named_goes_before_the_time_to_live_and_the_longest_life_before_both(
    ledger: Ledger, terms: dict[str, float], asked: dict[str, float], ends: float
) -> None:
    session = await begun(ledger, "ann", "dan", service=a_service(**terms), **asked)
    assert session.ends == NOON + ends
    before, after = await look(ledger, after=ends - 1), await look(ledger, after=ends)
    assert isinstance(before, SessionTold)
    assert isinstance(after, SessionTold)
    assert (before.state, after.state) == (State.OPEN, State.EXPIRED)


async def test_a_session_is_extended_and_not_when_it_is_over(ledger: Ledger) -> None:
    await begun(ledger, "ann", "dan")
    longer = await ledger.session(ExtendSession(SERVICE, sid("s"), NOON + HOUR - 1, ttl=2 * HOUR))
    assert isinstance(longer, SessionTold)
    assert longer.ends == NOON + 2 * HOUR
    over = await ledger.session(ExtendSession(SERVICE, sid("s"), NOON + 2 * HOUR, ttl=9 * HOUR))
    assert isinstance(over, EndedSession)


async def test_closed_twice_is_closed_once_and_who_calls_afterwards_is_told_so(ledger: Ledger) -> None:
    session = await begun(ledger, "ann", "dan")
    closed = await end(ledger, after=60)
    assert isinstance(closed, SessionTold)
    assert (closed.state, closed.ends) == (State.CLOSED, NOON + 60)
    assert await end(ledger, after=90) == closed
    assert await call(ledger, "ann", session.legs[0].number, 99) == EndedSession(closed)
    assert await join(ledger, "eve", after=99) == EndedSession(closed)


async def test_a_number_rests_for_a_person_after_a_session_and_for_nobody_else(ledger: Ledger) -> None:
    service = a_service(1)
    await begun(ledger, "ann", "dan", service=service)
    await end(ledger)
    at_rest = await begin(ledger, "ann", "eve", session="s2", after=QUARANTINE - 1, service=service)
    assert at_rest == Refused(Exhaustion.NONE_COMPATIBLE, 0, Bar.RESTING, ((Bar.RESTING, 1),))
    await begun(ledger, "bob", "eve", session="s3", after=1, service=service)
    assert isinstance(await begin(ledger, "ann", "fay", session="s4", after=QUARANTINE, service=service), SessionTold)


async def test_the_numbers_of_a_session_that_ran_out_unseen_rest_from_when_that_was_seen(
    open_ledger: OpenLedger,
) -> None:
    """Nobody was there to look: until then a call would have been put through."""
    await begun(await open_ledger(), "ann", "dan", service=a_service(1))
    reopened = await open_ledger()
    refused = await begin(reopened, "ann", "eve", session="s2", after=9 * HOUR, service=a_service(1))
    assert isinstance(refused, Refused)
    assert refused.bar is Bar.RESTING
    later = 9 * HOUR + QUARANTINE
    assert isinstance(await begin(reopened, "ann", "eve", session="s3", after=later, service=a_service(1)), SessionTold)


# What is kept.


async def test_sessions_survive_a_restart_with_all_that_is_promised_of_them(open_ledger: OpenLedger) -> None:
    session = await begun(await open_ledger(), "ann", "dan", name="ride 7")
    reopened = await open_ledger()
    assert await look(reopened) == session
    assert (await reaches(reopened, "ann", session.legs[0].number)).sealed == b"sealed dan"
    assert await begin(reopened, "bob", "eve", session="s2", name="ride 7") == NameTaken(sid("s"))
    assert (await usage(reopened)).load == ((a_number(1), 1), (a_number(2), 1))
    closed = await end(reopened, after=10)
    assert await look(await open_ledger(), after=11) == closed


async def test_the_same_request_is_answered_as_before_and_another_one_under_its_key_is_refused(
    open_ledger: OpenLedger,
) -> None:
    once = Once("k1", b"f" * 16)
    ledger = await open_ledger()
    asked = [begin(ledger, "ann", "dan", session=f"s{n}", once=once) for n in range(9)]
    first, *others = await asyncio.gather(*asked)
    assert set(others) == {first}
    again = await open_ledger()
    assert await begin(again, "ann", "dan", session="s9", after=60, once=once) == first
    assert (await usage(again)).open == 1
    assert await begin(again, "ann", "eve", session="s9", once=Once("k1", b"g" * 16)) == KeyReused()
    joined = await begun(again, "bob", session="s10")
    twice = [await join(again, "eve", "s10", once=Once("k2", b"f" * 16)) for _ in range(2)]
    assert twice[0] == twice[1] != joined


async def test_a_call_that_is_told_twice_counts_once(open_ledger: OpenLedger) -> None:
    ledger = await open_ledger()
    session = await begun(ledger, "ann", "dan")
    for after in (1.0, 2.0):
        assert isinstance(await call(ledger, "ann", session.legs[0].number, after, channel=Channel.SMS), Resolved)
    told = await call(await open_ledger(), "ann", session.legs[0].number, 3.0)
    assert isinstance(told, Resolved)
    assert (told.session.interactions, told.session.last) == (1, NOON + 1)


async def test_an_opt_out_keeps_a_person_from_new_sessions_and_from_calls_in_open_ones(ledger: Ledger) -> None:
    session = await begun(ledger, "ann", "dan")
    await ledger.suppress([an_opt_out("dan")])
    assert isinstance(await begin(ledger, "bob", "dan", session="s2"), OptedOut)
    assert isinstance(await call(ledger, "ann", session.legs[0].number), OptedOut)
    assert isinstance(await call(ledger, "dan", session.legs[1].number), Resolved), "dan may call"


async def test_a_session_is_forgotten_after_its_retention_with_who_was_in_it(open_ledger: OpenLedger) -> None:
    ledger = await open_ledger()
    session = await begun(ledger, "ann", "dan")
    await end(ledger)
    assert await ledger.prune(NOON + DAY - 1, 0.0) == 0
    assert isinstance(await look(ledger, after=DAY - 1), SessionTold)
    assert await ledger.prune(NOON + DAY, 0.0) == 1
    assert await rows(ledger) == (0, 0)
    for _ in range(2):
        assert await look(ledger, after=DAY) == UnknownSession()
        assert await call(ledger, "ann", session.legs[0].number, DAY) == UnknownSession()
        assert (await ledger.recall([somebody("ann")])).sessions == ()
        ledger = await open_ledger()


async def test_a_person_is_told_of_their_sessions_and_forgotten(open_ledger: OpenLedger) -> None:
    ledger = await open_ledger()
    session = await begun(ledger, "ann", "dan")
    past = await ledger.recall([somebody("ann")])
    assert past.sessions == (PastSession(SERVICE, session.legs[0].number, NOON, None),)
    assert await ledger.erase([somebody("ann")]) == 1
    assert await rows(ledger) == (0, 0)
    for _ in range(2):
        assert await look(ledger) == UnknownSession()
        assert (await usage(ledger)).open == 0
        ledger = await open_ledger()


# Concurrency.


async def test_sessions_that_are_opened_at_once_never_collide_and_overload_no_number(open_ledger: OpenLedger) -> None:
    """64 clients, and eight drivers with eight rides each; at the size of the formula nobody is refused."""
    ledger, service = await open_ledger(), a_service(8 + 16 - 1, per_number=8)
    asked = [begun(ledger, f"rider {n}", f"driver {n % 8}", session=f"ride {n}", service=service) for n in range(64)]
    sessions = await asyncio.gather(*asked)
    load = Counter(number for one in sessions for number in {leg.number for leg in one.legs})
    assert max(load.values()) <= 8
    for driver in range(8):
        numbers = [one.legs[1].number for n, one in enumerate(sessions) if n % 8 == driver]
        assert len(numbers) == len(set(numbers)) == 8
    assert (await usage(await open_ledger())).load == tuple(sorted(load.items()))


async def test_no_store_takes_two_open_sessions_of_one_person_under_one_number(
    open_ledger: OpenLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Should the law fail one day: the unique index refuses the row, and what was acknowledged stands."""
    ledger, service = await open_ledger(), a_service(1)
    first = await begun(ledger, "ann", "dan", service=service)
    monkeypatch.setattr(Sessions, "held", lambda *_: NOTHING_HELD)
    with pytest.raises(LedgerUnavailable):
        await begin(ledger, "ann", "eve", session="s2", service=service)
    assert await look(ledger, "s2") == UnknownSession()
    assert await look(await open_ledger()) == first
