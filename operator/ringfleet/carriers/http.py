"""HTTP to one carrier account: pace, retries, circuit breaker, and the translation of everything that goes wrong.

The one idea: a call is either *safe* (made twice it does no more than once) or a purchase. Safe calls are tried again
here; a purchase goes out exactly once, and what is not known of it is said (`OutcomeUnknown`) and never guessed::

                                   safe call                    purchase
    no connection, no seat         tried again, Unavailable     Unavailable: it was not sent
    429                            tried again, Throttled       Throttled: it was not processed
    sent, and no whole answer      tried again, Unavailable     OutcomeUnknown
    408, 5xx, 3xx, not JSON        tried again, Unavailable     OutcomeUnknown
    401                            CredentialsRejected          CredentialsRejected
    403, or "inactive account"     AccountRestricted            AccountRestricted: it was refused
    other 4xx                      RequestRejected              RequestRejected: it was refused

A carrier that asks to be left alone for longer than a call waits is left alone: until then no call of the same kind
(its circuit) is made at all, and each says `Throttled` by itself.

A kept connection that the carrier has just closed looks like "sent, and no whole answer", and is one: no client can
tell. Messages name the account, the method and the path; never a credential, a query, or a number in the carrier's
text.
"""

from __future__ import annotations

import asyncio
import random
import re
import ssl
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cache
from typing import NoReturn

import httpx

from ringfleet.carriers.breaker import Breaker
from ringfleet.carriers.carrier import AccountSettings, Health
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
from ringfleet.carriers.pace import Place
from ringfleet.rate import backoff

TRIES = 4
RETRY_FOR_S = 60.0
FIRST_PAUSE_S = 0.25
LONGEST_PAUSE_S = 8.0
LONGEST_CONNECT_S = 10.0
LONGEST_REST_S = 3600.0
"""Seconds after which a carrier that has asked for a longer wait is called again: it may not have meant that."""
MESSAGE_LENGTH = 200

NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
ACCOUNT_CIRCUIT = "account"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A carrier's own words about an error: its code, and a sentence.

    `of_account`: its code says that the account is suspended or closed, whatever the status is.
    """

    code: str = ""
    message: str = ""
    of_account: bool = False


@dataclass(frozen=True, slots=True)
class File:
    """A file that a form carries (RFC 7578): `part` is the name of its field."""

    part: str
    name: str = field(repr=False)
    content: bytes = field(repr=False)
    media_type: str


@dataclass(frozen=True, slots=True)
class Call:
    """One call as the adapter means it. `path` is below the endpoint, or a whole URL where the carrier has several
    hosts. `json` or `form` is its body, if any; of a form's list each value is sent under the same name. `file` goes
    with a form, which is then of several parts. `headers`, which may hold credentials, go before the client's own.
    `circuit`: calls that fail together share one, such as all searches.

    `quotable`: the call is about people, whom the carrier may quote when it refuses; of what it says then only the
    status is told, and its code when it is one of these. None: the carrier is quoted.
    """

    method: str
    path: str
    safe: bool = True
    params: Mapping[str, str | Sequence[str]] | None = None
    json: object = field(default=None, repr=False)
    form: Mapping[str, str | Sequence[str]] | None = field(default=None, repr=False)
    file: File | None = field(default=None, repr=False)
    headers: Mapping[str, str] | None = field(default=None, repr=False)
    circuit: str = ACCOUNT_CIRCUIT
    quotable: frozenset[str] | None = None

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class AccountClient:
    """The HTTP client of one carrier account: opened once, closed once, shared by all its tasks.

    `headers` carry the credentials; `read_refusal` reads the carrier's form of an error reply. `clock` and `sleep` are
    in seconds, `jitter` gives numbers from 0 to 1.
    """

    def __init__(
        self,
        settings: AccountSettings,
        *,
        headers: Mapping[str, str],
        read_refusal: Callable[[httpx.Response], Refusal],
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """Raises ValueError: the endpoint is no URL; CredentialsRejected: no header can carry the credentials."""
        self._settings = settings
        self._secrets = tuple(
            sorted(filter(None, map(str.strip, settings.credentials.values())), key=len, reverse=True)
        )
        self._read_refusal = read_refusal
        self._clock, self._sleep, self._jitter = clock, sleep, jitter
        self._http = _open(settings, headers, transport)
        self._place = settings.place or Place(settings.requests_per_second, settings.concurrency)
        self._circuits: dict[str, Breaker] = {}
        self._throttled = False
        self._rests: dict[str, float] = {}
        """Until when calls of a circuit are not made, as the carrier has asked, in seconds of the clock."""
        self._dated: tuple[datetime, float] | None = None
        """The date of the last reply that had one, and when it came, in seconds of the clock."""

    async def close(self) -> None:
        await self._http.aclose()

    def keep_secret(self, text: str) -> None:
        """Tell it in no message: a credential that the carrier has told."""
        self._secrets = tuple(sorted({*self._secrets, text}, key=len, reverse=True))

    @property
    def health(self) -> Health:
        return Health(throttled=self._throttled, circuit_open=self._circuit(ACCOUNT_CIRCUIT).is_open)

    def carrier_time(self) -> datetime | None:
        """The carrier's own time, about to the second, by the date of its last reply (RFC 9110, 6.6.1); None: no reply
        has said one. Our clock may be wrong by any time."""
        if self._dated is None:
            return None
        date, came_at = self._dated
        return date + timedelta(seconds=self._clock() - came_at)

    def _circuit(self, name: str) -> Breaker:
        if name not in self._circuits:
            self._circuits[name] = Breaker(f"{self._settings.name} ({name})", clock=self._clock)
        return self._circuits[name]

    async def call(self, call: Call) -> object:
        """Make the call and return its JSON, None when the reply is empty. Raises as the table above says."""
        if not call.safe:
            return await self._attempt(call)
        deadline = self._clock() + RETRY_FOR_S
        for tried in range(TRIES - 1):
            try:
                return await self._attempt(call)
            except CircuitOpen:
                raise
            except CarrierUnavailable as error:
                pause = self._pause(error, tried)
                if self._clock() + pause > deadline or self._circuit(call.circuit).is_open:
                    raise
            await self._sleep(pause)
        return await self._attempt(call)

    def _pause(self, error: CarrierUnavailable, tried: int) -> float:
        """Seconds until the next try: full jitter under a doubling ceiling, after what the carrier asked for."""
        if isinstance(error, Throttled) and error.retry_after is not None:
            return error.retry_after + FIRST_PAUSE_S * self._jitter()
        return backoff(tried + 1, FIRST_PAUSE_S, LONGEST_PAUSE_S) * self._jitter()

    async def _attempt(self, call: Call) -> object:
        circuit = self._circuit(call.circuit)
        self._leave_alone(call)
        async with self._place.pace.turn(self._clock, self._sleep):
            circuit.admit()
            try:
                response = await self._send(call)
            except (httpx.RequestError, TimeoutError) as error:
                circuit.failed()
                raise self._no_answer(call, error) from error
            except BaseException:
                circuit.abandoned()
                raise
        if date := _date(response.headers.get("Date", "")):
            self._dated = date, self._clock()
        if _failing(response):
            circuit.failed()
        else:
            circuit.answered()
        return self._read(call, response)

    def _leave_alone(self, call: Call) -> None:
        """Raises Throttled: the carrier has asked for no such call before a while is over."""
        rest = self._rests.get(call.circuit, 0.0) - self._clock()
        if rest > 0:
            raise Throttled(f"{self._settings.name}: {call} was not made: the carrier has asked to be left alone", rest)

    async def _send(self, call: Call) -> httpx.Response:
        """One exchange on the wire. httpx's timeouts are per read; the outer one bounds a reply that trickles."""
        file = call.file
        async with asyncio.timeout(self._settings.timeout):
            return await self._http.request(
                call.method,
                call.path,
                params=call.params,
                json=call.json,
                data=call.form and dict(call.form),
                files={file.part: (file.name, file.content, file.media_type)} if file else None,
                headers=call.headers,
            )

    def _no_answer(self, call: Call, error: Exception) -> CarrierError:
        what = f"{self._settings.name}: {call} at {httpx.URL(call.path).host or self._http.base_url.host}"
        why = type(error).__name__
        if isinstance(error, NEVER_SENT):
            return CarrierUnavailable(f"{what} could not be sent ({why}); check spec.endpoint if it never could")
        if call.safe:
            return CarrierUnavailable(f"{what} got no answer ({why})")
        return OutcomeUnknown(f"{what} was sent and got no answer ({why})")

    def _read(self, call: Call, response: httpx.Response) -> object:
        self._throttled = response.status_code == httpx.codes.TOO_MANY_REQUESTS
        if not response.is_success:
            self._refuse(call, response)
        if not response.content:
            return None
        try:
            return response.json()
        except (ValueError, RecursionError) as error:  # as deep as nobody means it
            raise self._failure(call, f"answered {response.status_code} with something that is not JSON") from error

    def _refuse(self, call: Call, response: httpx.Response) -> NoReturn:
        refusal = _quotable(call, self._read_refusal(response))
        words = _words(response, refusal, self._secrets)
        said = f"{self._settings.name}: {call} was answered {words}"
        match response.status_code:
            case status if status == httpx.codes.FORBIDDEN or refusal.of_account:
                raise AccountRestricted(said, refusal.code, words)
            case 401:
                raise CredentialsRejected(f"{said}; check the credentials in the account's Secret")
            case 429:
                wait = _retry_after(response)
                if wait is not None and wait > RETRY_FOR_S:
                    self._rests[call.circuit] = self._clock() + min(wait, LONGEST_REST_S)
                raise Throttled(said, wait)
            case status if _failing(response) or status < httpx.codes.BAD_REQUEST:
                raise self._failure(call, f"was answered {words}")
            case _:
                raise RequestRejected(said, refusal.code, words)

    def _failure(self, call: Call, what: str) -> CarrierError:
        kind = CarrierUnavailable if call.safe else OutcomeUnknown
        return kind(f"{self._settings.name}: {call} {what}")


def _open(
    settings: AccountSettings, headers: Mapping[str, str], transport: httpx.AsyncBaseTransport | None
) -> httpx.AsyncClient:
    if not _is_url(settings.endpoint):
        raise ValueError(f"{settings.name}: the endpoint is no URL such as https://api.example.com")
    if not all(value.isascii() and value.isprintable() for value in headers.values()):
        raise CredentialsRejected(f"{settings.name}: the credentials have characters that no HTTP header can carry")
    return httpx.AsyncClient(
        base_url=settings.endpoint.rstrip("/"),
        headers={"Accept": "application/json", "User-Agent": "ringfleet", **headers},
        timeout=httpx.Timeout(settings.timeout, connect=min(LONGEST_CONNECT_S, settings.timeout / 2)),
        limits=httpx.Limits(max_connections=settings.concurrency, max_keepalive_connections=settings.concurrency),
        transport=transport,
        verify=_trusted(),
    )


def _is_url(endpoint: str) -> bool:
    try:
        return re.match(r"https?://[^/\s]", endpoint) is not None and bool(httpx.URL(endpoint).host)
    except httpx.InvalidURL:
        return False


@cache
def _trusted() -> ssl.SSLContext:
    """The authorities that carriers' certificates are held against: read once for all accounts, since it is dear."""
    return httpx.create_ssl_context()


def _quotable(call: Call, refusal: Refusal) -> Refusal:
    """What may be told of a refusal."""
    if call.quotable is None:
        return refusal
    return Refusal(refusal.code if refusal.code in call.quotable else "", of_account=refusal.of_account)


def _failing(response: httpx.Response) -> bool:
    """The carrier's own failure, as against its answer no."""
    return response.is_server_error or response.status_code == httpx.codes.REQUEST_TIMEOUT


def _retry_after(response: httpx.Response) -> float | None:
    """The seconds that the carrier asks to wait; None when it gives none that can be read.

    A date (RFC 9110, 10.2.3) counts from the date of the reply: the carrier's clock need not be ours. Some carriers
    only say in how many seconds their count begins anew.
    """
    text = response.headers.get("Retry-After") or response.headers.get("x-ratelimit-reset", "")
    if re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,3})?", text):
        return float(text)
    until = _date(text)
    if until is None:
        return None
    now = _date(response.headers.get("Date", "")) or datetime.now(UTC)
    return max(0.0, (until - now).total_seconds())


def _date(text: str) -> datetime | None:
    """An HTTP date, in any of its three forms; None when it is none."""
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def _words(response: httpx.Response, refusal: Refusal, secrets: Iterable[str]) -> str:
    """Status, code and sentence in one line, without the credentials and with phone numbers masked.

    `secrets` come longest first: one may hold another, and nothing of either may be left.
    """
    words = " ".join(filter(None, (str(response.status_code), refusal.code)))
    words = f"{words}: {refusal.message}" if refusal.message else words
    for secret in secrets:
        words = words.replace(secret, "***")
    return re.sub(r"\+?[0-9]{7,}", "(a number)", " ".join(words.split()))[:MESSAGE_LENGTH]
