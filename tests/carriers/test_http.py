"""The account's client: what is tried again, what is not, and what is said of what went wrong."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from ringfleet.carriers.carrier import Health
from ringfleet.carriers.errors import (
    AccountRestricted,
    CarrierError,
    CarrierUnavailable,
    CircuitOpen,
    CredentialsRejected,
    OutcomeUnknown,
    RequestRejected,
    Throttled,
)
from ringfleet.carriers.http import FIRST_PAUSE_S, TRIES, Call
from tests.carriers.scripts import TOKEN, Line, Script, Time, client, error

LOOK = Call("GET", "/v1/account")
BUY = Call("POST", "/v1/cart/checkout", safe=False, json={"client_checkout_id": "k"})

NO_CONNECTION = [httpx.ConnectError("refused"), httpx.ConnectTimeout("slow"), httpx.PoolTimeout("no seat")]
NO_WHOLE_ANSWER = [
    httpx.ReadTimeout("slow"),
    httpx.WriteTimeout("slow"),
    httpx.ReadError("reset"),
    httpx.WriteError("reset"),
    httpx.CloseError("reset"),
    httpx.RemoteProtocolError("closed without an answer"),
    httpx.ProxyError("proxy"),
    httpx.DecodingError("not gzip"),
    TimeoutError("trickles"),
]
GARBAGE = httpx.Response(200, content=b"<html>hello</html>")
ABYSS = httpx.Response(200, content=b"[" * 100_000)


def named(line: Line) -> str:
    return type(line).__name__ if isinstance(line, Exception) else str(getattr(line, "status_code", line))


@pytest.mark.parametrize(
    ("line", "raised"),
    [
        *[(error, CarrierUnavailable) for error in NO_CONNECTION],
        *[(error, OutcomeUnknown) for error in NO_WHOLE_ANSWER],
        *[(status, OutcomeUnknown) for status in (301, 408, 500, 502, 503, 504)],
        (GARBAGE, OutcomeUnknown),
        (ABYSS, OutcomeUnknown),
        (429, Throttled),
        (401, CredentialsRejected),
        (403, AccountRestricted),
        *[(status, RequestRejected) for status in (400, 404, 409, 410, 422)],
    ],
    ids=named,
)
async def test_a_purchase_goes_out_once_and_says_exactly_what_is_known_of_it(
    line: Line, raised: type[CarrierError]
) -> None:
    script = Script(line)
    with pytest.raises(CarrierError) as caught:
        await client(script).call(BUY)
    assert (type(caught.value), len(script.requests)) == (raised, 1)


@pytest.mark.parametrize(
    "line", [*NO_CONNECTION, *NO_WHOLE_ANSWER, 301, 408, 429, 500, 502, 503, 504, GARBAGE, ABYSS], ids=named
)
async def test_a_safe_call_is_tried_again_after_what_may_pass(line: Line) -> None:
    script = Script(line, 200)
    assert await client(script).call(LOOK) == {}
    assert len(script.requests) == 2


@pytest.mark.parametrize("line", [*NO_CONNECTION, *NO_WHOLE_ANSWER, 500, 429], ids=named)
async def test_a_safe_call_gives_up_after_four_tries(line: Line) -> None:
    script, time = Script(line), Time()
    with pytest.raises(CarrierUnavailable):
        await client(script, time).call(LOOK)
    assert len(script.requests) == TRIES
    assert time.slept == [0.5 * FIRST_PAUSE_S * doubled for doubled in (1, 2, 4)]


@pytest.mark.parametrize(
    ("status", "raised"), [(401, CredentialsRejected), (403, AccountRestricted), (404, RequestRejected)]
)
async def test_a_refusal_is_not_tried_again(status: int, raised: type[CarrierError]) -> None:
    script = Script(status)
    with pytest.raises(raised):
        await client(script).call(LOOK)
    assert len(script.requests) == 1


async def test_a_refusal_carries_the_carriers_own_code() -> None:
    with pytest.raises(RequestRejected) as caught:
        await client(Script(httpx.Response(409, json=error("number_unavailable", "Gone.")))).call(LOOK)
    assert caught.value.code == "number_unavailable"
    assert str(caught.value) == "shop/didhub: GET /v1/account was answered 409 number_unavailable: Gone."


async def test_the_wait_that_the_carrier_asks_for_is_kept() -> None:
    script, time = Script(httpx.Response(429, headers={"Retry-After": "7"}), 200), Time()
    await client(script, time).call(LOOK)
    assert time.slept == [7 + 0.5 * FIRST_PAUSE_S]


async def test_a_wait_longer_than_we_have_is_left_to_the_caller() -> None:
    script, time = Script(httpx.Response(429, headers={"Retry-After": "3600"})), Time()
    with pytest.raises(Throttled) as caught:
        await client(script, time).call(LOOK)
    assert (caught.value.retry_after, len(script.requests), time.slept) == (3600.0, 1, [])


async def test_a_carrier_that_asks_for_a_long_wait_is_left_alone_until_it_is_over() -> None:
    script, time = Script(httpx.Response(429, headers={"Retry-After": "1800"}), 200), Time()
    http = client(script, time)
    with pytest.raises(Throttled):
        await http.call(LOOK)
    time.now += 100
    for call in (LOOK, BUY):
        with pytest.raises(Throttled) as caught:
            await http.call(call)
        assert (caught.value.retry_after, len(script.requests), http.health.throttled) == (1700.0, 1, True)
    assert await http.call(Call("GET", "/v1/catalog/search", circuit="search")) == {}
    time.now += 1701
    assert await http.call(BUY) == {}


async def test_a_carrier_that_asks_for_a_wait_of_weeks_is_asked_again_after_an_hour() -> None:
    script, time = Script(httpx.Response(429, headers={"Retry-After": "999999"}), 200), Time()
    http = client(script, time)
    with pytest.raises(Throttled):
        await http.call(LOOK)
    time.now += 3601
    assert await http.call(LOOK) == {}


DATE = "Wed, 21 Oct 2026 07:28:00 GMT"


@pytest.mark.parametrize(
    ("until", "seconds"),
    [
        pytest.param("Wed, 21 Oct 2026 07:28:30 GMT", 30.0, id="a date"),
        pytest.param("Wednesday, 21-Oct-26 07:28:30 GMT", 30.0, id="an old form of it"),
        pytest.param("Wed Oct 21 07:28:30 2026", 30.0, id="and an older one"),
        pytest.param("Wed, 21 Oct 2026 07:27:00 GMT", 0.0, id="a date that has passed"),
    ],
)
async def test_a_wait_until_a_date_counts_from_the_carriers_own_clock(until: str, seconds: float) -> None:
    headers = {"Retry-After": until, "Date": DATE}
    script, time = Script(httpx.Response(429, headers=headers), 200), Time()
    await client(script, time).call(LOOK)
    assert time.slept == [seconds + 0.5 * FIRST_PAUSE_S]


async def test_a_wait_until_a_date_counts_from_our_clock_when_the_carrier_has_none() -> None:
    reply = httpx.Response(429, headers={"Retry-After": "Wed, 31 Dec 2064 07:28:30 GMT"})
    with pytest.raises(Throttled) as caught:
        await client(Script(reply)).call(BUY)
    assert caught.value.retry_after
    assert caught.value.retry_after > 0


@pytest.mark.parametrize("text", ["", "soon", "-1", "nan", "Wed, 41 Oct 2026 07:28:00 GMT"])
async def test_a_wait_that_is_neither_seconds_nor_a_date_is_none(text: str) -> None:
    with pytest.raises(Throttled) as caught:
        await client(Script(httpx.Response(429, headers={"Retry-After": text}))).call(BUY)
    assert caught.value.retry_after is None


async def test_a_reply_that_never_ends_is_cut_off_and_a_purchase_is_then_unknown() -> None:
    script = Script(200, before=asyncio.Event().wait)  # type: ignore[arg-type]
    with pytest.raises(OutcomeUnknown, match="TimeoutError"):
        await client(script, timeout=0.01).call(BUY)


async def test_the_circuit_opens_after_five_failures_and_then_nothing_is_called() -> None:
    script = Script(500)
    http = client(script)
    for _ in range(2):
        with pytest.raises(CarrierUnavailable):
            await http.call(LOOK)
    assert (len(script.requests), http.health) == (5, Health(circuit_open=True))
    with pytest.raises(CircuitOpen):
        await http.call(BUY)
    assert len(script.requests) == 5


async def test_one_probe_goes_through_after_the_delay_and_closes_the_circuit() -> None:
    script, time = Script(500, 500, 500, 500, 500, 200), Time()
    http = client(script, time)
    for _ in range(2):
        with pytest.raises(CarrierUnavailable):
            await http.call(LOOK)
    time.now += 15
    assert await http.call(LOOK) == {}
    assert http.health == Health()


async def test_a_no_is_an_answer_and_never_opens_the_circuit() -> None:
    http = client(Script(404))
    for _ in range(20):
        with pytest.raises(RequestRejected):
            await http.call(LOOK)
    assert not http.health.circuit_open


async def test_a_search_that_is_down_does_not_close_the_way_to_the_cart() -> None:
    http = client(Script(*[500] * 5, 200))
    for _ in range(2):
        with pytest.raises(CarrierUnavailable):
            await http.call(Call("GET", "/v1/catalog/search", circuit="search"))
    assert await http.call(BUY) == {}


async def test_a_cancelled_probe_leaves_the_next_call_to_probe() -> None:
    hang = asyncio.Event()
    script, time = Script(500), Time()
    http = client(script, time)
    for _ in range(2):
        with pytest.raises(CarrierUnavailable):
            await http.call(LOOK)
    time.now += 15
    script.lines, script._before = (200,), hang.wait  # type: ignore[assignment]
    probe = asyncio.create_task(http.call(LOOK))
    while len(script.requests) < 6:
        await asyncio.sleep(0)
    probe.cancel()
    await asyncio.gather(probe, return_exceptions=True)
    hang.set()
    assert await http.call(LOOK) == {}


async def test_throttled_shows_in_health_until_the_next_answer() -> None:
    http = client(Script(429, 200))
    with pytest.raises(Throttled):
        await http.call(BUY)
    assert http.health == Health(throttled=True)
    await http.call(LOOK)
    assert http.health == Health()


async def test_never_more_calls_at_once_than_the_account_allows() -> None:
    inside, most = 0, 0

    async def count() -> None:
        nonlocal inside, most
        inside, most = inside + 1, max(most, inside + 1)
        for _ in range(3):
            await asyncio.sleep(0)
        inside -= 1

    http = client(Script(200, before=count), concurrency=3)
    await asyncio.gather(*[http.call(LOOK) for _ in range(20)])
    assert most == 3


async def test_calls_keep_the_pace_of_the_account() -> None:
    time = Time()
    http = client(Script(200), time, requests_per_second=10, concurrency=1)
    began = time.now
    for _ in range(11):
        await http.call(LOOK)
    assert time.now - began == pytest.approx(1.0)


@pytest.mark.parametrize("status", [401, 404, 429, 500])
@pytest.mark.parametrize("call", [pytest.param(LOOK, id="look"), pytest.param(BUY, id="buy")])
async def test_no_message_holds_a_token_a_query_or_a_number(status: int, call: Call) -> None:
    reply = httpx.Response(status, json=error("code", f"Bearer {TOKEN} may not\ntouch +14155550123."))
    asked = Call(call.method, call.path, call.safe, params={"number": "+14155550123"}, json=call.json)
    with pytest.raises(CarrierError) as caught:
        await client(Script(reply)).call(asked)
    text = f"{caught.value}{caught.value.__cause__}{client(Script(200))._settings}"
    assert TOKEN not in text
    assert "4155550123" not in text
    assert "\n" not in str(caught.value)


async def test_every_credential_is_masked_and_of_one_that_holds_another_nothing_is_left() -> None:
    reply = httpx.Response(404, json=error("code", "tok_1 and tok_1_longer of AC_sid."))
    credentials = {"token": "tok_1", "second": "tok_1_longer", "sid": " AC_sid ", "none": ""}
    with pytest.raises(CarrierError, match=r"\*\*\* and \*\*\* of \*\*\*\.$"):
        await client(Script(reply), credentials=credentials).call(LOOK)


def test_credentials_that_no_header_carries_are_the_users_to_mend() -> None:
    from ringfleet.carriers.carrier import AccountSettings
    from ringfleet.carriers.didhub.account import open_client

    with pytest.raises(CredentialsRejected, match="shop/didhub: the credentials"):
        open_client(AccountSettings("shop/didhub", "http://carrier.test", {"token": "two\nlines"}))


@pytest.mark.parametrize("endpoint", ["", "api.didhub.io", "ftp://api.didhub.io", "https://"])
def test_an_endpoint_that_is_no_url_is_refused_at_once(endpoint: str) -> None:
    from dataclasses import replace

    from ringfleet.carriers.registry import open_carrier
    from tests.carriers.scripts import settings

    with pytest.raises(ValueError, match="is no URL"):
        open_carrier("DIDHub", replace(settings(), endpoint=endpoint))


async def test_a_form_is_sent_as_one_and_a_list_of_values_under_one_name() -> None:
    script = Script(200)
    await client(script).call(Call("POST", "/v1/numbers", form={"Name": "one & two", "Sample": ["a", "b"]}))
    (request,) = script.requests
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert request.content == b"Name=one+%26+two&Sample=a&Sample=b"


async def test_a_carrier_of_several_hosts_is_called_at_each_by_one_account_and_the_host_is_told() -> None:
    script = Script(200, httpx.ConnectError("refused"))
    account = client(script)
    await account.call(Call("GET", "http://pricing.carrier.test/v1/prices"))
    with pytest.raises(CarrierUnavailable, match=r"at trunking\.carrier\.test could not be sent"):
        await account.call(Call("POST", "http://trunking.carrier.test/v1/trunks", safe=False))
    assert [str(request.url) for request in script.requests] == [
        "http://pricing.carrier.test/v1/prices",
        "http://trunking.carrier.test/v1/trunks",
    ]
