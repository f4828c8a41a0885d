"""Event Streams: Twilio tells a sink of every message that comes in, whatever the numbers' own URLs are.

::

    Sinks/DG1           description: our name; webhook; POST to the dispatcher
      Subscriptions/DF1   sink_sid DG1; a sink has one at most ("is in use")
        SubscribedEvents    com.twilio.messaging.inbound-message.received

A sink is made active: the test event and its validation are left from before (twilio.com/docs/events/event-streams/
sink-resource/validate). Where it sends to can't be changed, so that another URL is another sink: the new one is
subscribed before the old one goes, and what both tell is known by the message's SID. A sink that does not deliver is
`active` all the same; Twilio tries each event again for four hours, and the messages are listed besides.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

from ringfleet.carriers.errors import ReplyUnreadable
from ringfleet.carriers.event_streams import Stream
from ringfleet.carriers.json_fields import Fields
from ringfleet.carriers.twilio.api import Api
from ringfleet.carriers.twilio.streamed import RECEIVED

STREAMS_CIRCUIT = "streams"
ACTIVE = "active"
_SINKS = "/v1/Sinks"
_SUBSCRIPTIONS = "/v1/Subscriptions"


@dataclass(frozen=True, slots=True)
class _Sink:
    sid: str
    name: str
    state: str
    target: tuple[str, str, str]
    """Its type, method and URL."""


class Streams:
    """See `EventStreams`."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def ensure(self, name: str, url: str) -> Stream:
        ours = [sink async for sink in self._sinks(name)]
        kept = next((sink for sink in ours if sink.target == _target(url)), None) or await self._make(name, url)
        if kept.state == ACTIVE:
            await self._subscribe(kept, name)
        for other in ours:
            if other.sid != kept.sid:
                await self._drop(other)
        return Stream(kept.sid, kept.state == ACTIVE, kept.state)

    async def remove(self, name: str) -> None:
        for sink in [sink async for sink in self._sinks(name)]:
            await self._drop(sink)

    async def _sinks(self, name: str) -> AsyncIterator[_Sink]:
        """Those of this name. What another program has made so that it can't be read is none of ours."""
        async for page in self._api.pages("events", _SINKS, "sinks", circuit=STREAMS_CIRCUIT):
            for row in page:
                fields = Fields(row, "sink")
                if fields.value("description") == name:
                    yield _read_sink(fields)

    async def _make(self, name: str, url: str) -> _Sink:
        type_, method, destination = _target(url)
        said = json.dumps({"destination": destination, "method": method})
        form = {"Description": name, "SinkConfiguration": said, "SinkType": type_}
        return _read_sink(await self._api.make("events", _SINKS, form))

    async def _subscribe(self, sink: _Sink, name: str) -> None:
        """A subscription that was made by a call whose reply was lost is found, and whoever took the event out of it
        gets it put in again."""
        found = [sid async for sid in self._subscriptions(sink)]
        if not found:
            types = json.dumps({"type": RECEIVED})
            form = {"Description": name, "SinkSid": sink.sid, "Types": types}
            await self._api.make("events", _SUBSCRIPTIONS, form)
            return
        path = f"{_SUBSCRIPTIONS}/{found[0]}/SubscribedEvents"
        if RECEIVED not in [type_ async for type_ in self._types(path)]:
            await self._api.make("events", path, {"Type": RECEIVED})

    async def _subscriptions(self, sink: _Sink) -> AsyncIterator[str]:
        params = {"SinkSid": sink.sid}
        async for page in self._api.pages("events", _SUBSCRIPTIONS, "subscriptions", params, STREAMS_CIRCUIT):
            for row in page:
                fields = Fields(row, "subscription")
                if fields.maybe_text("sink_sid") == sink.sid:
                    yield fields.text("sid")

    async def _types(self, path: str) -> AsyncIterator[str | None]:
        async for page in self._api.pages("events", path, "types", circuit=STREAMS_CIRCUIT):
            for row in page:
                yield Fields(row, "type").maybe_text("type")

    async def _drop(self, sink: _Sink) -> None:
        """A sink that is in use does not go."""
        for sid in [sid async for sid in self._subscriptions(sink)]:
            await self._api.delete_if_there("events", f"{_SUBSCRIPTIONS}/{sid}")
        await self._api.delete_if_there("events", f"{_SINKS}/{sink.sid}")


def _target(url: str) -> tuple[str, str, str]:
    return ("webhook", "POST", url)


def _read_sink(row: Fields) -> _Sink:
    return _Sink(
        row.text("sid"),
        row.text("description"),
        row.maybe_text("status") or "unknown",
        (row.maybe_text("sink_type") or "", *_where(row)),
    )


def _where(row: Fields) -> tuple[str, str]:
    """Method and URL; empty where they can't be read: it is then no sink that is fit."""
    try:
        told = row.inside("sink_configuration")
        return ((told.maybe_text("method") or "").upper(), told.maybe_text("destination") or "")
    except ReplyUnreadable:
        return ("", "")
