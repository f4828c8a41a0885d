"""What the sandbox tells its customers: signed, at least once, and as badly as it is told to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from tests.simulator.phone import BUSY_DAY, buy, call, listen, pass_time, people, wait_told, write
from tests.simulator.process import SimulatorProcess
from tests.simulator.receiver import SECRET, Receiver, signature_is_good
from tests.simulator.shop import Shop
from tests.waiting import wait_until

LONG_ENOUGH = 1000
"""Seconds, after which every call is over."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


def test_an_answered_call_is_told_as_started_answered_and_ended(shop: Shop, receiver: Receiver) -> None:
    (number,) = buy(shop)
    listen(shop, receiver)
    (outcome,) = answered(call(shop, number, people(20), pick="p1"))[:1]
    pass_time(shop.simulator, LONG_ENOUGH)
    wait_told(shop)
    told = [event for event in receiver.events if event["data"]["call_id"] == outcome["id"]]
    assert [event["type"] for event in told] == ["call.started", "call.answered", "call.ended"]
    started, picked_up, ended = (at(event) for event in told)
    assert started < picked_up < ended
    assert (ended - picked_up).total_seconds() == outcome["seconds"]
    parties = {"number": number, "peer": outcome["to"], "direction": "outbound", "pick_id": "p1"}
    assert told[0]["data"] == {"call_id": outcome["id"], **parties}


def test_a_call_that_goes_on_is_not_told_to_have_ended(shop: Shop, receiver: Receiver) -> None:
    (number,) = buy(shop)
    listen(shop, receiver)
    call(shop, number, people(1))
    assert wait_told(shop)["later"] >= 1
    assert begun(receiver) == ["call.started"]
    assert "call.ended" not in receiver.told()
    pass_time(shop.simulator, LONG_ENOUGH)
    assert wait_told(shop)["later"] == 0
    assert receiver.told()[-1] == "call.ended"


def test_every_event_is_signed_over_its_raw_body_by_the_exchanges_time(shop: Shop, receiver: Receiver) -> None:
    (number,) = buy(shop)
    listen(shop, receiver)
    pass_time(shop.simulator, 3 * 86_400)
    call(shop, number, people(3))
    wait_told(shop)
    now = datetime.fromisoformat(shop.simulator.control("GET", "clock")["now"])
    for headers, body in receiver.requests:
        assert signature_is_good(headers, body, SECRET)
        assert not signature_is_good(headers, body, SECRET + "x")
        assert not signature_is_good(headers, body + b" ", SECRET)
        signed_at = int(headers["didhub-signature"].split(",")[0].removeprefix("t="))
        assert abs(now.timestamp() - signed_at) < 60


def test_messages_and_labels_are_told(shop: Shop, receiver: Receiver) -> None:
    (number,) = buy(shop)
    listen(shop, receiver)
    write(shop, number, people(1), text="hello")
    inbound = {"kind": "message", "from": people(1)[0], "to": number, "text": "Stop!"}
    shop.simulator.control("POST", "traffic/inbound", inbound)
    call(shop, number, people(BUSY_DAY))
    pass_time(shop.simulator, 8 * 86_400)
    wait_told(shop)
    counts = Counter(receiver.told())
    assert (counts["message.sent"], counts["message.delivered"] + counts["message.failed"]) == (1, 1)
    assert (counts["number.labelled"], counts["number.cleared"]) == (1, 1)
    (received,) = (event for event in receiver.events if event["type"] == "message.received")
    assert (received["data"]["text"], received["data"]["direction"]) == ("Stop!", "inbound")
    (labelled,) = (event for event in receiver.events if event["type"] == "number.labelled")
    assert labelled["data"] == {"number": number, "label": "Spam Likely"}


def test_what_is_not_answered_with_a_2xx_is_told_again_under_its_id(shop: Shop, receiver: Receiver) -> None:
    (number,) = buy(shop)
    listen(shop, receiver)
    receiver.answers = [500, 401, 302]
    call(shop, number, people(1))
    wait_told(shop)
    assert begun(receiver) == ["call.started"] * 4
    assert len({event["id"] for event in receiver.events if event["type"] == "call.started"}) == 1


def test_an_event_that_is_refused_for_ever_does_not_stop_the_others(shop: Shop, receiver: Receiver) -> None:
    (number,) = buy(shop)
    listen(shop, receiver)
    receiver.refused = "call.started"
    call(shop, number, people(1))
    write(shop, number, people(1))
    pass_time(shop.simulator, LONG_ENOUGH)
    wait_until(lambda: {"message.sent", "call.ended"} <= set(receiver.told()), "the others to be told")
    receiver.refused = None
    wait_told(shop)


def test_in_fair_weather_the_events_of_a_number_come_as_they_happened(shop: Shop, receiver: Receiver) -> None:
    (number,) = buy(shop)
    listen(shop, receiver)
    for _ in range(5):
        call(shop, number, people(5))
        pass_time(shop.simulator, 60)
    pass_time(shop.simulator, LONG_ENOUGH)
    wait_told(shop)
    times = [event["created_at"] for event in receiver.events]
    assert len(times) > 50
    assert times == sorted(times)


def test_an_event_outlives_the_simulator_and_a_webhook_that_is_away() -> None:
    with SimulatorProcess() as simulator:
        shop = Shop(simulator, "caller")
        (number,) = buy(shop)
        with Receiver() as gone:
            listen(shop, gone)
        call(shop, number, people(1))
        simulator.kill()
        simulator.start()
        with Receiver() as receiver:
            listen(shop, receiver)
            wait_told(shop)
            assert begun(receiver) == ["call.started"]
        shop.close()


def test_nothing_is_told_without_a_webhook_nor_after_it_is_taken_away(shop: Shop, receiver: Receiver) -> None:
    (number,) = buy(shop)
    call(shop, number, people(1))
    listen(shop, receiver)
    call(shop, number, people(1, first=1))
    wait_told(shop)
    assert shop.get("/webhooks") == {"url": receiver.url}
    assert shop.call("DELETE", "/webhooks").status_code == 204
    pass_time(shop.simulator, LONG_ENOUGH)
    assert wait_told(shop)["later"] == 0
    assert begun(receiver) == ["call.started"]
    assert "call.ended" not in receiver.told()
    assert shop.get("/webhooks") == {"url": None}


@pytest.mark.parametrize(
    "body",
    [{"url": "ftp://x", "secret": SECRET}, {"url": "http://x", "secret": "short"}, {"secret": SECRET}, {"url": "x"}],
)
def test_a_webhook_needs_a_url_and_a_secret_worth_the_name(shop: Shop, body: dict[str, str]) -> None:
    assert shop.call("PUT", "/webhooks", body).status_code == 422


def test_a_duplicated_event_comes_twice_under_one_id(shop: Shop, receiver: Receiver) -> None:
    (number,) = buy(shop)
    listen(shop, receiver)
    shop.simulator.set_faults({"fault": "event_duplicated"})
    call(shop, number, people(1))
    wait_told(shop)
    assert begun(receiver) == ["call.started"] * 2
    assert len({event["id"] for event in receiver.events if event["type"] == "call.started"}) == 1


def test_a_lost_reply_tells_an_event_again(shop: Shop, receiver: Receiver) -> None:
    (number,) = buy(shop)
    listen(shop, receiver)
    shop.simulator.set_faults({"fault": "event_reply_lost", "account": shop.account, "script": [1, 1]})
    call(shop, number, people(1))
    wait_told(shop)
    assert begun(receiver) == ["call.started"] * 3


def test_a_reordered_event_comes_after_the_next(shop: Shop, receiver: Receiver) -> None:
    (number,) = buy(shop)
    listen(shop, receiver)
    shop.simulator.set_faults({"fault": "event_reordered", "account": shop.account, "script": [1]})
    earlier = shop.simulator.control("GET", "clock")["now"]
    pass_time(shop.simulator, LONG_ENOUGH)
    call(shop, number, people(1), at=earlier)
    wait_told(shop)
    assert receiver.told()[0] != "call.started"
    assert "call.started" in receiver.told()


def test_a_delayed_event_comes_when_the_delay_is_over(shop: Shop, receiver: Receiver) -> None:
    (number,) = buy(shop)
    listen(shop, receiver)
    shop.simulator.set_faults({"fault": "event_delayed", "seconds": 5000})
    call(shop, number, people(1))
    wait_told(shop)
    assert receiver.told() == []
    pass_time(shop.simulator, 5100)
    wait_told(shop)
    assert receiver.told()[0] == "call.started"


def test_a_day_of_calls_is_told_whole(shop: Shop, receiver: Receiver) -> None:
    numbers = buy(shop, 20)
    listen(shop, receiver)
    outcomes = [one for number in numbers for one in call(shop, number, people(75))]
    pass_time(shop.simulator, LONG_ENOUGH)
    wait_told(shop, wait=60)
    assert Counter(receiver.told()) == {
        "call.started": 1500,
        "call.answered": len(answered(outcomes)),
        "call.ended": 1500,
    }


def begun(receiver: Receiver) -> list[str]:
    """What is told at once: a call goes on by the real clock, and may be answered meanwhile."""
    return [one for one in receiver.told() if one == "call.started"]


def answered(outcomes: list[dict[str, object]]) -> list[dict[str, object]]:
    return [one for one in outcomes if one["answered"]]


def at(event: dict[str, str]) -> datetime:
    return datetime.fromisoformat(event["created_at"]).astimezone(UTC)
