"""The numbers of a Telnyx account: found, listed, marked, routed, stopped, given back.

**Stopped.** Telnyx can't suspend a number. What stops its traffic is to take connection and messaging profile off; what
it had is first written into a tag of the number, in the same call that takes the connection off, so that whoever
resumes it knows, after a crash or from another process::

    suspend   tag and connection off, one call --> messaging profile off
    resume    messaging profile on --> connection on and tag off, one call

Between the two calls the number counts as not suspended, and whoever wants it so calls again.

**Changed.** A row is read before it is changed: what is so already is not said again, a number that is not active yet
is left alone, and tags of other people stay.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import replace

import structlog

from ringfleet.carriers.errors import (
    CarrierUnavailable,
    CredentialsRejected,
    ListingIncomplete,
    NotActive,
    NotHeld,
    ReplyUnreadable,
    RequestRejected,
)
from ringfleet.carriers.http import AccountClient, Call
from ringfleet.carriers.json_fields import Fields, number_in, read_rows
from ringfleet.carriers.telnyx import wire
from ringfleet.carriers.telnyx.emergency import TelnyxEmergencyDesk
from ringfleet.carriers.telnyx.job import mark_by_job
from ringfleet.carriers.telnyx.listing import pages
from ringfleet.carriers.telnyx.wire import NumberRow
from ringfleet.model import E164, Capability, Holding, HoldingsPage, HoldingStatus, Mark, Price

log = structlog.get_logger(__name__)

LISTING_CIRCUIT = "listing"
MESSAGING_CIRCUIT = "messaging"
IN_TRAFFIC = frozenset({HoldingStatus.ACTIVE, HoldingStatus.SUSPENDED})
DELETION_LOCK = "deletion_lock"
CONNECTIONS = ("fqdn connection", "ip connection", "texml application")
"""The kinds of connection that profiles of ours have."""


class Numbers:
    """Of one account. `account` is its name, for messages; `lag`: the seconds for which Telnyx may lag behind."""

    def __init__(self, account: str, http: AccountClient, lag: float, emergency: TelnyxEmergencyDesk) -> None:
        self._account = account
        self._http = http
        self._lag = lag
        self._emergency = emergency

    # Looking.

    async def find(self, number: E164) -> Holding | None:
        row = await self._find(number)
        return None if row is None else (await self._all_able([row.holding]))[0]

    async def _find(self, number: E164) -> NumberRow | None:
        """By its digits; and before it is said to be missing, by the other way that Telnyx has to ask."""
        params = {"filter[phone_number]": number.digits, "handle_messaging_profile_error": "true"}
        rows = [row async for page in pages(self._http, "numbers", params) for row in page.items("data")]
        named = {_number_of(row): row for row in rows if wire.is_owned(row)}
        if number not in named and (id_ := (await self.owned([number])).get(number)):
            return await self._row(id_)
        row = named.get(number, named.get(None))  # of one that names no number it can't be said that it is another
        return None if row is None else self._read(row)

    async def owned(self, numbers: Iterable[E164]) -> dict[E164, str]:
        """Those of the numbers that the account owns and can change, with their ids; one that waits for documents may
        be missing."""
        asked = {"phone_numbers": [str(number) for number in numbers]}
        reply = await self._http.call(Call("POST", wire.path("verify ownership"), json=asked))
        found = Fields(reply, "reply").inside("data")
        rows = [Fields(json, "owned number") for json in (found.items("found") if found.has("found") else ())]
        return {row.number("number_val_e164"): row.text("id") for row in rows}

    async def holdings(self) -> AsyncIterator[HoldingsPage]:
        """Numbers come and go while the pages are read, so the smallest total of any page is what must be reached.

        What a page shows once more is left out.
        """
        seen: set[str] = set()
        nameless, totals = 0, list[int]()
        params = {"sort": "purchased_at", "handle_messaging_profile_error": "true"}
        async for page in pages(self._http, "numbers", params, LISTING_CIRCUIT):
            fresh = [json for json in page.items("data") if _id_of(json) not in seen or _id_of(json) is None]
            seen.update(id_ for json in fresh if (id_ := _id_of(json)))
            rows, others = read_rows(filter(wire.is_owned, fresh), wire.parse_number, wire.NUMBER)
            nameless += sum(_id_of(json) is None for json in fresh)
            totals.append(page.inside("meta").count("total_results"))
            yield HoldingsPage(await self._all_able([row.holding for row in rows]), others)
        if len(seen) + nameless < min(totals):
            raise ListingIncomplete(
                f"{self._account}: GET {wire.path('numbers')} ended before its own total; nothing is concluded from it"
            )

    async def _row(self, external_id: str) -> NumberRow:
        reply = await self._call("GET", "number", external_id)
        return self._read(Fields(reply, "reply").value("data"))

    def _read(self, json: object) -> NumberRow:
        try:
            return wire.parse_number(json)
        except ReplyUnreadable as error:
            raise ReplyUnreadable(f"{self._account}: the account has this number, but {error}") from error

    async def _all_able(self, holdings: list[Holding]) -> tuple[Holding, ...]:
        """The holdings with what they can carry: calls, and what the settings for messages say of each. While Telnyx
        does not tell those, nothing is said: a number that seems to carry calls only would be replaced."""
        able = await self._messages_of([str(holding.number) for holding in holdings]) if holdings else {}
        if able is None:
            return tuple(holdings)
        voice = frozenset({Capability.VOICE})
        return tuple(replace(one, capabilities=voice | able.get(one.number, frozenset())) for one in holdings)

    async def _messages_of(self, numbers: list[str]) -> dict[E164, frozenset[Capability]] | None:
        """Telnyx keeps messages apart from numbers: while only they are down (None), numbers are listed all the
        same."""
        params = {"filter[phone_number]": ",".join(numbers)}
        able: dict[E164, frozenset[Capability]] = {}
        try:
            async for page in pages(self._http, "messaging of numbers", params, MESSAGING_CIRCUIT):
                read, _ = read_rows(page.items("data"), wire.messaging_capabilities, wire.NUMBER)
                able |= dict(read)
        except CarrierUnavailable as error:
            log.warning("what numbers can carry is not known", account=self._account, error=str(error))
            return None
        return able

    # Changing.

    async def take_in(self, bought: Mapping[E164, Price], mark: Mark) -> dict[E164, str]:
        """Mark numbers that were just bought, each for so much; the ids of those that the account has. One that can't
        be marked yet is marked by a sweep, which sees that a number which we have bought has no mark."""
        ids: dict[E164, str] = {}
        for price in dict.fromkeys(bought.values()):
            alike = [number for number in bought if bought[number] == price]
            ids |= await mark_by_job(self._http, alike, mark, price, self._lag)
        for number, price in bought.items():
            if number not in ids and (row := await self._find(number)):
                ids[number] = row.holding.external_id
                await self._mark_late(row, mark, price)
        return ids

    async def _mark_late(self, row: NumberRow, mark: Mark, price: Price) -> None:
        if (row.holding.mark, row.holding.price) == (mark, price):
            return
        try:
            body = wire.bought(mark, price, (tag for tag in row.tags if not tag.startswith(wire.PRICE_TAG)))
            await self._call("PATCH", "number", row.holding.external_id, body)
        except RequestRejected as error:
            log.warning("a number that was bought is not marked yet", account=self._account, error=str(error))

    async def mark(self, external_id: str, mark: Mark | None) -> None:
        await self._call("PATCH", "number", external_id, {"customer_reference": str(mark or "")})

    async def route(self, external_id: str, routing_id: str | None) -> None:
        """A number that we have stopped stays so, and gets this routing when it is resumed."""
        row = await self._in_traffic(external_id)
        if row.is_stopped:
            await self._call_through(row, "", (*row.other_tags, wire.suspended_tag(routing_id)))
            return
        connection, profile = wire.split_routing_id(routing_id)
        await self._message_through(row, profile)
        await self._call_through(row, connection, row.other_tags)

    async def suspend(self, external_id: str) -> None:
        row = await self._in_traffic(external_id)
        if row.holding.status is HoldingStatus.SUSPENDED:
            return
        had = wire.split_routing_id(row.suspended_from)  # an earlier call came half the way
        routing = wire.routing_id(row.connection or had[0], row.profile or had[1])
        await self._call_through(row, "", (*row.other_tags, wire.suspended_tag(routing)))
        await self._message_through(row, "")

    async def resume(self, external_id: str) -> None:
        """With the routing that it had, but for what of it is gone from Telnyx: it is then routed anew, and would else
        stay stopped for ever."""
        row = await self._in_traffic(external_id)
        if row.suspended_from is None:
            return
        connection, profile = wire.split_routing_id(row.suspended_from)
        try:
            await self._message_through(row, profile)
            await self._call_through(row, connection, row.other_tags)
        except RequestRejected:
            left = await self._if_there(connection, *CONNECTIONS), await self._if_there(profile, "messaging profile")
            if left == (connection, profile):
                raise
            log.warning("what a stopped number had is gone", account=self._account, number=external_id)
            await self._message_through(row, left[1])
            await self._call_through(row, left[0], row.other_tags)

    async def _if_there(self, id_: str, *paths: str) -> str:
        """The id, if a thing of one of these kinds has it; else nothing."""
        for path in paths if id_ else ():
            try:
                await self._http.call(Call("GET", wire.path(path, id_)))
            except RequestRejected as error:
                if error.code != wire.NOT_FOUND:
                    raise
            else:
                return id_
        return ""

    async def release(self, external_id: str) -> None:
        """The last look is live: a number that somebody has locked at Telnyx is not given back. Its emergency address
        goes first."""
        try:
            row = await self._row(external_id)
            if row.locked:
                raise self._locked("Telnyx has a deletion lock on it")
            if row.holding.emergency and row.holding.emergency.address:
                await self._emergency.take_off(external_id)
            await self._delete(external_id)
        except NotHeld:
            log.info("a number to release was already gone", account=self._account, external_id=external_id)

    async def _delete(self, external_id: str) -> None:
        """Whoever may read the number and not delete it is refused because of this number, not of the account."""
        try:
            await self._call("DELETE", "number", external_id)
        except CredentialsRejected as error:
            raise self._locked(str(error)) from error

    def _locked(self, why: str) -> RequestRejected:
        said = "take the lock off in Telnyx' portal, or give the API key the right to delete numbers"
        return RequestRejected(f"{self._account}: the number was not given back: {why}; {said}", DELETION_LOCK)

    async def _in_traffic(self, external_id: str) -> NumberRow:
        row = await self._row(external_id)
        if row.holding.status not in IN_TRAFFIC:
            why = f"the number is {row.holding.status}: its traffic can be changed when it is active"
            raise NotActive(f"{self._account}: {why}", str(row.holding.status))
        return row

    async def _call_through(self, row: NumberRow, connection: str, tags: tuple[str, ...]) -> None:
        if (row.connection, row.tags) == (connection, tags):
            return
        body: dict[str, object] = {"connection_id": connection, "tags": list(tags)}
        await self._set(row, "number", body, "connection_id")

    async def _message_through(self, row: NumberRow, profile: str) -> None:
        if row.profile != profile:
            await self._set(row, "messaging of number", {"messaging_profile_id": profile}, "messaging_profile_id")

    async def _set(self, row: NumberRow, path: str, body: dict[str, object], field: str) -> None:
        """The number is there, so that a refusal is about what it is pointed at. The answer says what it has now: an
        empty text is documented to take a profile off, and of a connection only thought to."""
        call = Call("PATCH", wire.path(path, row.holding.external_id), json=body)
        now = Fields(await self._http.call(call), "reply").inside("data").maybe_text(field) or ""
        if now != body[field]:
            raise RequestRejected(f"{self._account}: Telnyx has taken {call}, and {field} of the number is as it was")

    async def _call(self, method: str, path: str, external_id: str, json: object = None) -> object:
        try:
            return await self._http.call(Call(method, wire.path(path, external_id), json=json))
        except RequestRejected as error:
            if error.code == wire.NOT_FOUND:
                raise NotHeld(str(error), error.code) from error
            raise


def _number_of(json: object) -> E164 | None:
    """None when it can't be read."""
    return number_in(Fields(json, "number"), wire.NUMBER) if isinstance(json, dict) else None


def _id_of(json: object) -> str | None:
    """The row's id, by which it is counted once; None when it has none."""
    id_ = json.get("id") if isinstance(json, dict) else None
    return id_ if isinstance(id_, str) else None
