"""The dispatcher: what rotation sets and numbers are used for is read from it, the one thing that the operator does not
see itself; and it is told what carriers list of messages and calls, which it can't ask for.

A set is read at most once in `usage_interval`; numbers when `controllers/number_traffic.py` has its turn. What can't
be read is not known: nothing is concluded from old figures, so they are forgotten when they have not been renewed for
three intervals.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import aiohttp
import structlog

from ringfleet.controllers.numbers_read import joined, parse_numbers, read_label, read_time
from ringfleet.model import E164, AccountKey
from ringfleet.model.rotation import Channel
from ringfleet.model.traffic import CarrierEvent
from ringfleet.plan.conditions import Condition, Reason
from ringfleet.plan.number_traffic import NumbersSeen
from ringfleet.plan.proxy_service.plan import SessionsSeen
from ringfleet.plan.proxy_service.size import Load
from ringfleet.plan.rotation_set.seen import UNKNOWN, DayUsage, NumberUse, Usage, usage_unknown
from ringfleet.settings import Settings

log = structlog.get_logger(__name__)

TIMEOUT = aiohttp.ClientTimeout(total=10.0, sock_connect=3.0)
OLD = 3
"""After so many intervals, figures are too old to go by."""
PAGE = 1000
"""So many numbers are read at once."""
_NEVER = frozenset({400, 413})
"""The statuses of what is never taken."""
_NOT_UNDERSTOOD = "The dispatcher answers what can't be understood."


class Unreadable(Exception):
    """The dispatcher did not say; the message is a sentence."""


class NotTaken(Unreadable):
    """The dispatcher has understood, and will never take this: another try is no use."""


class Refused(Unreadable):
    """It may not, because another ledger decides for the same sets; the message is what it says of that."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read of a set's traffic."""

    usage: Usage | None = None
    """The set's traffic; None: it is not known."""
    unknown: Condition = UNKNOWN
    """What the set says while its traffic is not known."""
    blind_since: datetime | None = None
    """When the first of the readings failed that have failed in a row since; None: the last reading did not fail."""
    ended: Mapping[E164, DayUsage] = field(default_factory=dict)
    """Each number's traffic of the last day that was seen to end."""
    split: str | None = None
    """What a dispatcher says of two ledgers for the same sets; None: of none that is known."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of events that were handed over: how many were new, and how many the dispatcher will never take."""

    new: int = 0
    refused: int = 0


@dataclass(slots=True)
class _Known:
    """`tried` and `renewed`: by the monotonic clock."""

    tried: float
    renewed: float
    reading: Reading


class Trust:
    """Which certificates vouch for the dispatcher's: those of `file`, PEM, read again when it was renewed."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._seen: tuple[int, int] | None = None
        self._context: ssl.SSLContext | None = None

    def context(self) -> ssl.SSLContext:
        """Raises Unreadable: the file can't be read, or holds no certificate."""
        try:
            stat = self._file.stat()
            if self._context is None or self._seen != (stat.st_mtime_ns, stat.st_ino):
                self._context = ssl.create_default_context(cafile=self._file)
                self._seen = stat.st_mtime_ns, stat.st_ino
        except OSError as error:  # ssl.SSLError is one
            raise Unreadable(
                f"The certificates that vouch for the dispatcher can't be read from {self._file}"
                f" (RINGFLEET_DISPATCHER_CA_FILE): {error.strerror or error}."
            ) from error
        return self._context


class Dispatcher:
    """The door to it; see the module. The connection is opened with the first question."""

    def __init__(self, settings: Settings, clock: Callable[[], datetime], monotonic: Callable[[], float]) -> None:
        self._settings, self._clock, self._monotonic = settings, clock, monotonic
        self._trust = Trust(settings.dispatcher_ca_file) if settings.dispatcher_ca_file else None
        self._session: aiohttp.ClientSession | None = None
        self._known: dict[tuple[str, str], _Known] = {}
        self._sessions: dict[tuple[str, str], tuple[float, SessionsSeen | Unreadable]] = {}

    @property
    def interval(self) -> float | None:
        """Seconds between readings of one set; None: there is no dispatcher to read from."""
        return self._settings.usage_interval.total_seconds() if self._settings.dispatcher else None

    @property
    def is_there(self) -> bool:
        """Whether there is a dispatcher."""
        return bool(self._settings.dispatcher)

    @property
    def numbers_interval(self) -> float | None:
        """Seconds between readings of all numbers; None: there is no dispatcher to read from."""
        return self._settings.numbers_interval.total_seconds() if self._settings.dispatcher else None

    async def read(self, namespace: str, name: str, channel: Channel) -> Reading:
        """What the set is used for. Does not raise: what can't be read is a reading without usage."""
        interval, now = self.interval, self._monotonic()
        if interval is None:
            return Reading()
        known = self._known.get((namespace, name))
        if known is not None and now - known.tried < interval:
            return known.reading
        before = known.reading if known else Reading()
        try:
            usage = await self._ask(namespace, name, channel)
        except Unreadable as error:
            log.warning("usage of a rotation set not read", set=f"{namespace}/{name}", error=str(error))
            split = str(error) if isinstance(error, Refused) else None
            said = "The dispatcher is refused: another ledger decides (LedgerSplit)." if split else str(error)
            return self._not_read(namespace, name, before, usage_unknown(Reason.DISPATCHER_UNAVAILABLE, said), split)
        reading = Reading(usage, ended=_ended(before, usage), split=usage.split)
        self._known[namespace, name] = _Known(now, now, reading)
        return reading

    def forget(self, namespace: str, name: str) -> None:
        """The set is gone."""
        self._known.pop((namespace, name), None)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    def _not_read(self, namespace: str, name: str, before: Reading, unknown: Condition, split: str | None) -> Reading:
        """What was read before, while it is not too old."""
        now, known = self._monotonic(), self._known.get((namespace, name))
        renewed = known.renewed if known else float("-inf")
        fresh = before.usage is not None and now - renewed < OLD * (self.interval or 0.0)
        blind_since = before.blind_since or self._clock()
        usage = before.usage if fresh else None
        reading = Reading(usage, unknown, blind_since, before.ended, split)
        self._known[namespace, name] = _Known(now, renewed, reading)
        return reading

    async def _ask(self, namespace: str, name: str, channel: Channel) -> Usage:
        body = await self._get(f"/v1/namespaces/{namespace}/rotationsets/{name}/rollup", "the set")
        try:
            return parse_rollup(body, channel, self._clock())
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise Unreadable(_NOT_UNDERSTOOD) from error

    async def read_sessions(self, namespace: str, name: str) -> SessionsSeen:
        """How a proxy service is used, read at most once in an interval.

        Raises:
            Unreadable: the dispatcher did not say when it was asked last.
        """
        known, now = self._sessions.get((namespace, name)), self._monotonic()
        if known is None or now - known[0] >= (self.interval or 0.0):
            known = self._sessions[namespace, name] = now, await self._ask_sessions(namespace, name)
        if isinstance(known[1], Unreadable):
            raise known[1]
        return known[1]

    async def _ask_sessions(self, namespace: str, name: str) -> SessionsSeen | Unreadable:
        try:
            body = await self._get(f"/v1/namespaces/{namespace}/proxyservices/{name}/rollup", "the service")
            return parse_sessions(body, self._clock())
        except Unreadable as error:
            return error
        except (KeyError, TypeError, ValueError, AttributeError):
            return Unreadable(_NOT_UNDERSTOOD)

    async def read_numbers(self, namespace: str) -> NumbersSeen:
        """What the numbers of a namespace are used for, read page by page.

        Raises:
            Unreadable: the dispatcher did not say.
        """
        pages: list[NumbersSeen] = []
        query: dict[str, str] = {"limit": str(PAGE)}
        while True:
            body = await self._get(f"/v1/namespaces/{namespace}/numbers/rollup", "the numbers", query)
            try:
                pages.append(parse_numbers(body))
                after = body.get("next")
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise Unreadable(_NOT_UNDERSTOOD) from error
            if after is None or after == query.get("after"):
                return joined(pages)
            query["after"] = str(after)

    async def tell(self, account: AccountKey, events: Sequence[CarrierEvent]) -> Taken:
        """Hand over what the account's detail records tell. All of it is in the dispatcher's ledger then, or refused
        for good.

        Raises:
            NotTaken: one of the events is none to the dispatcher, or all of them together are too many bytes.
            Unreadable: nothing of it is known to be; it is to be told again.
        """
        path = f"/v1/namespaces/{account.namespace}/carrieraccounts/{account.name}/events"
        body = await self._call("POST", path, "the events", json={"events": [_told(event) for event in events]})
        try:
            return Taken(int(body["counted"]), int(body["refused"]))
        except (KeyError, TypeError, ValueError) as error:
            raise Unreadable(_NOT_UNDERSTOOD) from error

    async def _get(self, path: str, what: str, query: Mapping[str, str] | None = None) -> Any:
        """What the dispatcher answers. `what`: whose figures they are, in a sentence.

        Raises:
            Unreadable: it does not.
        """
        return await self._call("GET", path, what, params=query)

    async def _call(self, method: str, path: str, what: str, **more: Any) -> Any:
        """The same of any call."""
        try:
            session = self._open()
            headers = await self._headers()
            async with session.request(
                method,
                f"{(self._settings.dispatcher or '').rstrip('/')}{path}",
                **more,
                headers=headers,
                allow_redirects=False,
                ssl=self._trust.context() if self._trust else True,
            ) as reply:
                if split := await _split_of(reply):
                    raise Refused(split)
                if reply.status != 200:  # noqa: PLR2004 - OK
                    raise (NotTaken if reply.status in _NEVER else Unreadable)(
                        f"The dispatcher answers {reply.status} for {what}."
                    )
                return await reply.json()
        except TimeoutError as error:
            raise Unreadable("The dispatcher does not answer in time.") from error
        except aiohttp.ClientConnectorCertificateError as error:
            raise Unreadable(f"The dispatcher's certificate is not trusted: {_why(error)}.") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise Unreadable(f"The dispatcher can't be read ({type(error).__name__}).") from error

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=TIMEOUT)
        return self._session

    async def _headers(self) -> dict[str, str]:
        file = self._settings.dispatcher_token_file
        if file is None:
            return {}
        token = await asyncio.to_thread(file.read_text)
        return {"Authorization": f"Bearer {token.strip()}"}


async def _split_of(reply: aiohttp.ClientResponse) -> str | None:
    """What a dispatcher says whose ledger is not the one that decides."""
    if reply.status != 503:  # noqa: PLR2004 - unavailable
        return None
    try:
        problem = await reply.json(content_type=None)
    except ValueError:  # a proxy's words
        return None
    split = isinstance(problem, dict) and str(problem.get("type")).endswith("/ledger-split")
    return str(problem.get("detail")) if split else None


def _why(error: aiohttp.ClientConnectorCertificateError) -> str:
    """Such as: unable to get local issuer certificate."""
    refused = error.certificate_error
    return refused.verify_message if isinstance(refused, ssl.SSLCertVerificationError) else str(refused)


def _told(event: CarrierEvent) -> Mapping[str, str | None]:
    return {
        "id": event.id,
        "happening": event.happening.value,
        "at": event.at.isoformat(),
        "number": str(event.number),
        "subject": event.subject,
        "direction": event.direction.value,
        "peer": None if event.peer is None else str(event.peer),
        "text": event.text,
    }


def parse_rollup(body: Any, channel: Channel, at: datetime) -> Usage:
    """The dispatcher's answer. Raises KeyError, TypeError, ValueError or AttributeError: it is none."""
    numbers = {E164(row["number"]): _use(row, channel) for row in body["numbers"]}
    day, used, deferred = date.fromisoformat(body["day"]), int(body["used"]), int(body["deferred"])
    return Usage(at, day, used, deferred, numbers, int(body.get("replies", 0)), body.get("ledgerSplit"))


def parse_sessions(body: Any, at: datetime) -> SessionsSeen:
    """The dispatcher's answer of a proxy service. Raises as `parse_rollup` does."""
    refused: dict[int, int] = {}
    for row in body["refused"]:
        refused[int(row["errorClass"])] = refused.get(int(row["errorClass"]), 0) + int(row["times"])
    return SessionsSeen(
        at=at,
        open=int(body["openSessions"]),
        load={E164(row["number"]): int(row["sessions"]) for row in body["numbers"]},
        places={str(row["place"]): Load(int(row["busiest"]), int(row["participants"])) for row in body["places"]},
        refused=refused,
    )


def _use(row: Mapping[str, Any], channel: Channel) -> NumberUse:
    voice = channel is Channel.VOICE
    return NumberUse(
        used=int(row["used"]),
        reserved=int(row["reserved"]),
        open_calls=int(row["openCalls"]),
        last_pick=read_time(row.get("lastPick")),
        label=read_label(row.get("label")),
        cleared=read_time(row.get("clearedAt")),
        tries=int(row["calls7d"]) if voice else int(row["delivered7d"]) + int(row["failed7d"]),
        successes=int(row["answered7d"]) if voice else int(row["delivered7d"]),
        sent=int(row["calls7d"]) if voice else int(row["messages7d"]),
        today=int(row["callsToday"]) if voice else int(row["used"]),
        answered=int(row["answered30d"]) if voice else 0,
    )


def _ended(before: Reading, usage: Usage) -> Mapping[E164, DayUsage]:
    """The traffic of the last day that has ended: as it was read last before it did, of numbers that had any."""
    old = before.usage
    if old is None or old.day >= usage.day:
        return before.ended
    return {number: DayUsage(old.day.isoformat(), use.today) for number, use in old.numbers.items() if use.today}
