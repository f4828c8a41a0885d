"""How numbers are used and received: read for all at once, told by each that has news, and acted upon."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest

from ringfleet.controllers.dispatcher_client import OLD
from ringfleet.controllers.number_traffic import NUMBER_TRAFFIC
from ringfleet.kube.transport import Json
from ringfleet.plan.number_traffic import Counts, Heard, NumberTraffic
from tests.controllers.rig import (
    HERE,
    HOUSE,
    RESOURCES,
    Rig,
    a_claim,
    a_number,
    a_pool,
    a_rig,
    a_set,
    in_virtual_time,
    later,
    restarted,
)
from tests.plan.builders import NOW, digits

ONE = digits(1).digits
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LAST = NOW.replace(minute=0)
WELL_HEARD = {"main": Heard(LAST - 60 * DAY, LAST)}
BUSY = NumberTraffic(
    last=LAST, day=Counts(calls=40, messages=3), week=Counts(calls=200, answered=80), month=Counts(calls=900)
)


async def read(rig: Rig) -> list[str]:
    """Read what the dispatcher tells, and let whoever is woken have a turn; what was written then."""
    await rig.turn(NUMBER_TRAFFIC.kind, "", "")
    await rig.run_queues(5.0)
    await rig.look()
    return rig.told()


async def held(rig: Rig) -> None:
    """A claim of an agent holds the first number."""
    await rig.turn("NumberClaim", "desk")
    await rig.settle()
    await rig.look()


def an_agents() -> tuple[Json, ...]:
    return (*HOUSE, a_pool(), a_number(1), a_number(2), a_claim("desk"))


@in_virtual_time
async def test_the_number_of_an_agent_says_how_it_is_received_and_used() -> None:
    async with a_rig(*an_agents()) as rig:
        await held(rig)
        rig.hear_numbers(WELL_HEARD, n1=BUSY)
        await read(rig)
        status = await rig.status("PhoneNumber", ONE)
        assert status["health"] == {"answerRate": "0.40"}
        day = (NOW - DAY).date().isoformat()
        assert status["usage"] == {
            **{"day": day, "calls": 40, "messages": 3, "lastTraffic": f"{LAST:%Y-%m-%dT%H:%M:%SZ}"},
            "at": status["usage"]["at"],
        }
        claim = await rig.status("NumberClaim", "desk")
        assert claim["phoneNumber"]["health"] == {"answerRate": "0.40"}


@in_virtual_time
async def test_numbers_at_rest_cost_no_write_however_often_they_are_read() -> None:
    """Nor do those whose figures stand still."""
    stock = [a_number(n) for n in range(1, 31)]
    async with a_rig(*HOUSE, a_pool(30), *stock) as rig:
        await rig.settle()
        rig.hear_numbers({"main": Heard(LAST - 2 * DAY, LAST)}, n1=BUSY)
        assert [line for line in await read(rig) if ONE not in line] == []
        for _ in range(3):
            assert await read(rig) == []
        async with restarted(rig) as again:
            again.services.dispatcher = rig.services.dispatcher
            assert await read(again) == [], "what is written is read from the status, and not remembered"


@pytest.mark.parametrize(
    ("seconds", "written"), [pytest.param(1800.0, False, id="half-an-hour"), pytest.param(3700.0, True, id="an-hour")]
)
@in_virtual_time
async def test_use_is_written_at_most_once_an_hour(seconds: float, written: bool) -> None:
    async with a_rig(*HOUSE, a_pool(), a_number(1), a_number(2)) as rig:
        rig.hear_numbers(WELL_HEARD, n1=BUSY)
        await read(rig)
        await rig.settle(seconds)
        rig.hear_numbers(WELL_HEARD, n1=NumberTraffic(9, None, LAST, BUSY.day, week=Counts(calls=200, answered=160)))
        assert bool(await read(rig)) is written
        status = await rig.status("PhoneNumber", ONE)
        assert (status["health"]["answerRate"], status["usage"].get("openCalls")) == (
            ("0.80", 9) if written else ("0.40", None)
        )


@in_virtual_time
async def test_a_label_is_told_at_once_though_use_was_written_a_moment_ago() -> None:
    async with a_rig(*HOUSE, a_pool(), a_number(1), a_number(2)) as rig:
        rig.hear_numbers(WELL_HEARD, n1=BUSY)
        await read(rig)
        rig.hear_numbers(WELL_HEARD, n1=NumberTraffic(label="Spam Likely", last=LAST))
        await read(rig)
        assert (await rig.status("PhoneNumber", ONE))["health"]["spamLabel"] == "Spam Likely"


@in_virtual_time
async def test_a_dispatcher_that_does_not_answer_takes_nothing_back() -> None:
    labelled = a_number(1, "Quarantined", {"health": {"spamLabel": "Spam Likely"}})
    async with a_rig(*HOUSE, a_pool(), labelled, a_number(2)) as rig:
        await rig.settle()
        rig.hear_numbers({})
        await read(rig)
        rig.services.dispatcher.numbers = None  # type: ignore[attr-defined]  # the double's
        await read(rig)
        assert (await rig.status("PhoneNumber", ONE))["health"]["spamLabel"] == "Spam Likely"


@in_virtual_time
async def test_what_was_read_counts_no_more_when_the_dispatcher_has_been_away_for_long() -> None:
    async with a_rig(*HOUSE, a_pool(), a_number(1)) as rig:
        await rig.settle()
        rig.hear_numbers(WELL_HEARD, n1=BUSY)
        await read(rig)
        interval = rig.services.dispatcher.numbers_interval
        assert interval is not None
        rig.services.dispatcher.numbers = None  # type: ignore[attr-defined]  # the double's
        known = []
        for waits in (OLD - 1, 2):
            await asyncio.sleep(waits * interval)
            await read(rig)
            known.append(rig.services.traffic.is_known)
        assert known == [True, False]


@in_virtual_time
async def test_a_number_that_was_given_back_says_nothing_of_its_traffic() -> None:
    """It is another customer's by now."""
    async with a_rig(*HOUSE, a_pool(0), a_number(1, phase="Released")) as rig:
        rig.hear_numbers(WELL_HEARD, n1=BUSY)
        await read(rig)
        assert not {"health", "usage"} & (await rig.status("PhoneNumber", ONE)).keys()


# Silence.


@pytest.mark.parametrize(
    ("heard", "last", "since"),
    [
        pytest.param(Heard(LAST - 60 * DAY, LAST), LAST - 10 * DAY, LAST - 10 * DAY, id="silent"),
        pytest.param(Heard(LAST - 60 * DAY, LAST), LAST - 7 * DAY, LAST - 7 * DAY, id="for-a-week"),
        pytest.param(Heard(LAST - 60 * DAY, LAST), LAST - 6 * DAY, None, id="not-for-long"),
        pytest.param(Heard(LAST - 60 * DAY, LAST - 8 * DAY), LAST - 10 * DAY, None, id="account-fell-silent-too"),
        pytest.param(Heard(LAST - 20 * DAY, LAST), None, LAST - 20 * DAY, id="never-since-it-is-heard"),
        pytest.param(Heard(LAST - 60 * DAY, LAST), None, LAST - 30 * DAY, id="never-since-it-was-bought"),
        pytest.param(None, None, None, id="account-not-heard"),
    ],
)
@in_virtual_time
async def test_a_number_says_since_when_it_is_silent_where_its_account_is_heard(
    heard: Heard | None, last: datetime | None, since: datetime | None
) -> None:
    bought = {"purchasedAt": later(-30 * 86400)}
    async with a_rig(*HOUSE, a_pool(), a_number(1, status=bought), a_number(2, status=bought)) as rig:
        await rig.settle()
        traffic = {} if last is None else {"n1": NumberTraffic(last=last)}
        rig.hear_numbers({"main": heard} if heard else {}, **traffic)
        await read(rig)
        said = (await rig.status("PhoneNumber", ONE)).get("idleSince")
        assert said == (f"{since:%Y-%m-%dT%H:%M:%SZ}" if since else None)


@in_virtual_time
async def test_a_number_that_is_called_again_is_not_idle_any_more() -> None:
    idle = a_number(1, status={"idleSince": f"{LAST - 10 * DAY:%Y-%m-%dT%H:%M:%SZ}"})
    async with a_rig(*HOUSE, a_pool(), idle, a_number(2)) as rig:
        await rig.settle()
        rig.hear_numbers(WELL_HEARD, n1=NumberTraffic(last=LAST, day=Counts(received=1)))
        await read(rig)
        assert "idleSince" not in await rig.status("PhoneNumber", ONE)


# A label.


@in_virtual_time
async def test_stock_with_a_label_is_quarantined_until_the_label_has_gone() -> None:
    async with a_rig(*HOUSE, a_pool(), a_number(1), a_number(2)) as rig:
        await rig.settle()
        rig.hear_numbers(WELL_HEARD, n1=NumberTraffic(label="Spam Likely", last=LAST))
        written = await read(rig)
        assert written.count(f"patch phonenumbers/status {ONE}") == 1, "label and phase go together"
        status = await rig.status("PhoneNumber", ONE)
        assert (status["phase"], await rig.says("PhoneNumber", ONE)) == ("Quarantined", "False Quarantined")
        await rig.create(a_claim("desk", phoneNumberName=ONE))
        await rig.look()
        await rig.settle()
        assert await rig.says("NumberClaim", "desk") == "False NumberNotFree"
        rig.hear_numbers(WELL_HEARD, n1=NumberTraffic(last=LAST))
        await read(rig)
        await rig.settle()
        assert (await rig.status("PhoneNumber", ONE))["phase"] == "Bound"


@in_virtual_time
async def test_a_bound_number_with_a_label_keeps_its_claim_and_both_advise_to_replace_it() -> None:
    async with a_rig(*an_agents()) as rig:
        await held(rig)
        rig.hear_numbers(WELL_HEARD, n1=NumberTraffic(label="Spam Likely", last=LAST))
        await read(rig)
        await rig.settle()
        for kind, name in (("PhoneNumber", ONE), ("NumberClaim", "desk")):
            assert await rig.says(kind, name, "ReplaceAdvised") == "True SpamLabelled"
            assert (await rig.says(kind, name) or "").startswith("True ")
            message = next(
                one["message"]
                for one in (await rig.status(kind, name))["conditions"]
                if one["type"] == "ReplaceAdvised"
            )
            assert "'Spam Likely'" in message
        assert (await rig.status("NumberClaim", "desk"))["phoneNumber"]["name"] == ONE
        rig.hear_numbers(WELL_HEARD, n1=NumberTraffic(last=LAST))
        await read(rig)
        await rig.settle()
        for kind, name in (("PhoneNumber", ONE), ("NumberClaim", "desk")):
            assert await rig.says(kind, name, "ReplaceAdvised") is None


@in_virtual_time
async def test_a_number_that_comes_back_from_its_claim_with_a_label_is_no_stock() -> None:
    async with a_rig(*HOUSE, a_pool(reclaim={"cooldown": "0s"}), a_number(1), a_claim("desk")) as rig:
        await held(rig)
        rig.hear_numbers(WELL_HEARD, n1=NumberTraffic(label="Scam", last=LAST))
        await read(rig)
        await rig.delete("NumberClaim", "desk")
        await rig.look()
        await rig.settle()
        assert (await rig.status("PhoneNumber", ONE))["phase"] == "Quarantined"


# A whole that is answered less.

DROPPED = NumberTraffic(
    last=LAST,
    recent=Counts(calls=400, answered=40),
    week=Counts(calls=2800, answered=1000),
    month=Counts(calls=14000, answered=5600),
)
AS_EVER = NumberTraffic(
    last=LAST,
    recent=Counts(calls=400, answered=160),
    week=Counts(calls=2800, answered=1120),
    month=Counts(calls=14000, answered=5600),
)


async def told_of_drops(rig: Rig) -> list[str]:
    """The kinds of which an event tells so."""
    page = await rig.kube.list_all(RESOURCES["Event"], HERE)
    told = [event for event in page.items if event["reason"] == "FewerAnswered"]
    assert all(event["type"] == "Warning" for event in told)
    return sorted(event["regarding"]["kind"] for event in told)


@in_virtual_time
async def test_pool_account_and_set_say_that_their_answer_rate_has_dropped_and_an_event_tells_it() -> None:
    stock = [a_number(n) for n in range(1, 5)]
    async with a_rig(*HOUSE, a_pool(4), *stock, a_set(2)) as rig:
        await rig.turn("RotationSet", "calls")
        await rig.settle()
        await rig.look()
        traffic = {f"n{n}": DROPPED for n in range(1, 5)}
        rig.hear_numbers(WELL_HEARD, **traffic)
        await read(rig)
        await rig.settle()
        wholes = (("NumberPool", "west"), ("CarrierAccount", "main"), ("RotationSet", "calls"))
        for kind, name in wholes:
            assert await rig.says(kind, name, "AnswerRateDropped") == "True FewerAnswered", kind
        assert await told_of_drops(rig) == sorted(kind for kind, _ in wholes)
        await read(rig)
        assert len(await told_of_drops(rig)) == 3, "once"
        async with restarted(rig) as again:
            again.hear_numbers()
            again.services.dispatcher.numbers = None  # type: ignore[attr-defined]  # the double's: it does not answer
            for read_once in (False, True):
                if read_once:
                    await read(again)
                for kind, name in wholes:
                    await again.turn(kind, name)
                    assert await again.says(kind, name, "AnswerRateDropped") == "True FewerAnswered", "nothing read yet"
        rig.hear_numbers(WELL_HEARD, **{f"n{n}": AS_EVER for n in range(1, 5)})
        await rig.look()
        await read(rig)
        await rig.settle()
        for kind, name in wholes:
            assert await rig.says(kind, name, "AnswerRateDropped") is None, kind


@in_virtual_time
async def test_one_bad_number_of_many_is_no_drop_of_the_pool() -> None:
    async with a_rig(*HOUSE, a_pool(4), *[a_number(n) for n in range(1, 5)]) as rig:
        await rig.settle()
        rig.hear_numbers(WELL_HEARD, n1=DROPPED, n2=AS_EVER, n3=AS_EVER, n4=AS_EVER)
        await read(rig)
        await rig.settle()
        assert await rig.says("NumberPool", "west", "AnswerRateDropped") is None


# Giving back what is silent.

AUTOMATIC = {"mode": "Automatic", "hold": "1h"}
RENEWING = {"freeSince": later(-40 * 86400), "renewsAt": later(7200)}


async def asked_to_go(rig: Rig, n: int = 1) -> bool:
    number = await rig.find("PhoneNumber", digits(n).digits)
    assert number
    return "ringfleet.dev/surplus" in number["metadata"].get("annotations", {})


@in_virtual_time
async def test_a_free_number_that_is_still_called_is_not_idle() -> None:
    pool = a_pool(0, release=AUTOMATIC, reclaim={"idleAfter": "720h"})
    async with a_rig(*HOUSE, pool, a_number(1, status=RENEWING), a_number(2, status=RENEWING)) as rig:
        rig.hear_numbers(WELL_HEARD, n1=NumberTraffic(last=LAST - 2 * DAY, week=Counts(received=1)))
        await read(rig)
        await rig.turn("NumberPool", "west")
        assert [await asked_to_go(rig, n) for n in (1, 2)] == [False, True]


@in_virtual_time
async def test_a_free_number_that_was_called_lately_is_not_idle_to_a_process_that_has_heard_nothing_yet() -> None:
    """The number says itself when it was used last: a restart gives back nothing that is called."""
    pool = a_pool(0, release=AUTOMATIC, reclaim={"idleAfter": "720h"})
    called = RENEWING | {"usage": {"lastTraffic": f"{LAST - 2 * DAY:%Y-%m-%dT%H:%M:%SZ}"}}
    async with a_rig(*HOUSE, pool, a_number(1, status=called), a_number(2, status=RENEWING)) as rig:
        await rig.turn("NumberPool", "west")
        assert [await asked_to_go(rig, n) for n in (1, 2)] == [False, True]


@pytest.mark.parametrize(
    ("heard", "last", "goes"),
    [
        pytest.param(Heard(LAST - 60 * DAY, LAST), LAST - 35 * DAY, True, id="silent"),
        pytest.param(Heard(LAST - 60 * DAY, LAST), LAST - 25 * DAY, False, id="not-for-long-enough"),
        pytest.param(Heard(LAST - 60 * DAY, LAST - 10 * DAY), LAST - 35 * DAY, False, id="account-not-heard-lately"),
        pytest.param(None, None, False, id="account-never-heard"),
    ],
)
@in_virtual_time
async def test_by_traffic_only_what_is_known_to_be_silent_is_given_back(
    heard: Heard | None, last: datetime | None, goes: bool
) -> None:
    """It was let go by its claim a moment ago, which had not used it for long."""
    pool = a_pool(0, release=AUTOMATIC, reclaim={"idleAfter": "720h", "idleBy": "Traffic"})
    fresh = {"freeSince": later(-60), "renewsAt": later(7200)}
    async with a_rig(*HOUSE, pool, a_number(1, status=fresh)) as rig:
        traffic = {} if last is None else {"n1": NumberTraffic(last=last)}
        rig.hear_numbers({"main": heard} if heard else {}, **traffic)
        await read(rig)
        await rig.run_queues(5.0)
        assert await asked_to_go(rig) is goes


@in_virtual_time
async def test_by_traffic_nothing_is_given_back_by_a_process_that_has_heard_nothing_yet() -> None:
    pool = a_pool(0, release=AUTOMATIC, reclaim={"idleAfter": "720h", "idleBy": "Traffic"})
    silent = {"freeSince": later(-60), "renewsAt": later(7200), "idleSince": later(-90 * 86400)}
    async with a_rig(*HOUSE, pool, a_number(1, status=silent)) as rig:
        await rig.turn("NumberPool", "west")
        assert not await asked_to_go(rig)
