"""The account's event stream: made once, found after a restart, removed, and what is said when it does not work."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from ringfleet.carriers.errors import CarrierUnavailable, CredentialsRejected, RequestRejected
from ringfleet.carriers.event_streams import Stream
from ringfleet.kube.transport import Json
from tests.controllers.rig import (
    HERE,
    Rig,
    a_number,
    a_pool,
    a_profile,
    a_rig,
    a_secret,
    an_account,
    in_virtual_time,
    restarted,
)
from tests.controllers.test_routing_profile import ROUTED, SMS, hold, set_out, settle

URL = f"https://events.example.com/v1/events/{HERE}/main"
PROGRAM = "https://example.com/sms"


@dataclass
class StreamsDouble:
    """A carrier's event streams. `there`: by name, where each sends, and its id; `refusal`: raised instead."""

    there: dict[str, tuple[str, str]] = field(default_factory=dict)
    state: str = "active"
    refusal: Exception | None = None
    asked: list[str] = field(default_factory=list)

    async def ensure(self, name: str, url: str) -> Stream:
        self.asked.append(f"ensure {name}")
        if self.refusal:
            raise self.refusal
        if self.there.get(name, ("", ""))[0] != url:
            self.there[name] = (url, f"DG{len(self.asked)}")
        return Stream(self.there[name][1], self.state == "active", self.state)

    async def remove(self, name: str) -> None:
        self.asked.append(f"remove {name}")
        if self.refusal:
            raise self.refusal
        self.there.pop(name, None)


def fleet(inbound: str = "Auto") -> tuple[Json, ...]:
    account = an_account(
        webhookSecretRef={"name": "main-token", "key": "webhooks"},
        webhooks={"publicURL": "https://events.example.com", "inbound": inbound},
        sweepInterval="60s",
    )
    return (a_secret(), account, a_profile("sip", **SMS), a_pool(**ROUTED), a_number(1, **ROUTED))


def streaming(rig: Rig) -> StreamsDouble:
    rig.carriers[f"{HERE}/main"].streams = found = StreamsDouble()
    hold(rig, 1)
    return found


async def in_use(rig: Rig) -> dict[str, str] | None:
    found: dict[str, str] | None = (await rig.status("CarrierAccount", "main")).get("webhooks")
    return found


async def broken(rig: Rig) -> str | None:
    """What is said of the stream; None: nothing."""
    conditions = (await rig.status("CarrierAccount", "main"))["conditions"]
    return next((str(one["message"]) for one in conditions if one["type"] == "StreamBroken"), None)


def called(rig: Rig) -> tuple[str | None, str | None]:
    """Whom the carrier calls for messages, and whom when that one is away."""
    (told,) = rig.carriers[f"{HERE}/main"].profiles.values()
    return told.routing.messaging_webhook, told.routing.messaging_fallback


RELAYED = (f"{URL}/{HERE}/sip", PROGRAM)
ALONE = (PROGRAM, None)


@pytest.mark.parametrize("inbound", ["Auto", "EventStreams"])
@in_virtual_time
async def test_a_stream_is_made_once_and_the_number_calls_its_program_as_if_we_were_not_there(inbound: str) -> None:
    async with a_rig(*fleet(inbound), begun=False) as rig:
        streams = streaming(rig)
        await rig.begin()
        await set_out(rig)
        name = f"Ringfleet {rig.services.installation}"
        assert streams.there == {name: (URL, "DG1")}
        assert await in_use(rig) == {"inbound": "EventStreams", "sink": "DG1"}
        assert called(rig) == ALONE
        assert await broken(rig) is None
        async with restarted(rig) as again:
            await set_out(again)
            assert (streams.there, called(again)) == ({name: (URL, "DG1")}, ALONE)


@in_virtual_time
async def test_where_the_account_has_none_messages_are_relayed_and_nothing_is_amiss() -> None:
    async with a_rig(*fleet(), begun=False) as rig:
        streaming(rig).refusal = RequestRejected("There are no Event Streams here", "20404")
        await rig.begin()
        await set_out(rig)
        assert (called(rig), await in_use(rig), await broken(rig)) == (RELAYED, {"inbound": "Relay"}, None)


@in_virtual_time
async def test_credentials_that_may_not_use_streams_are_said_and_the_account_works() -> None:
    async with a_rig(*fleet("EventStreams"), begun=False) as rig:
        streaming(rig).refusal = CredentialsRejected("Permission denied", "70051")
        await rig.begin()
        await set_out(rig)
        assert called(rig) == ALONE, "as it was wished"
        message = await broken(rig)
        assert message
        assert "Permission denied" in message
        assert "set spec.webhooks.inbound to Relay" in message
        assert await rig.says("CarrierAccount", "main") == "True Reachable"


@in_virtual_time
async def test_a_sink_that_fails_is_said_and_messages_are_relayed_until_it_works_again() -> None:
    async with a_rig(*fleet(), begun=False) as rig:
        streams = streaming(rig)
        await rig.begin()
        await set_out(rig)
        streams.state = "failed"
        await settle(rig, 600.0)
        message = await broken(rig)
        assert message
        assert "DG1" in message
        assert "failed" in message
        assert (called(rig), await in_use(rig)) == (RELAYED, {"inbound": "Relay", "sink": "DG1"})
        streams.state = "active"
        await settle(rig, 600.0)
        assert (called(rig), await broken(rig)) == (ALONE, None)


@in_virtual_time
async def test_while_the_carrier_can_not_be_asked_what_was_said_of_the_stream_stays() -> None:
    async with a_rig(*fleet(), begun=False) as rig:
        streams = streaming(rig)
        await rig.begin()
        await set_out(rig)
        streams.refusal = CarrierUnavailable("It is down")
        async with restarted(rig) as again:
            await settle(again, 600.0)
            assert (called(again), await broken(again)) == (ALONE, None)
            assert await in_use(again) == {"inbound": "EventStreams", "sink": "DG1"}


@pytest.mark.parametrize("webhooks", [{"inbound": "Relay"}, None])
@in_virtual_time
async def test_the_stream_goes_with_the_wish_after_a_restart_too(webhooks: Json | None) -> None:
    async with a_rig(*fleet(), begun=False) as rig:
        streams = streaming(rig)
        await rig.begin()
        await set_out(rig)
        async with restarted(rig) as again:
            await again.change("CarrierAccount", "main", {"spec": {"webhooks": webhooks}})
            await settle(again)
            assert streams.there == {}
            assert called(again) == (RELAYED if webhooks else ALONE)
            assert await in_use(again) == ({"inbound": "Relay"} if webhooks else None)
            streams.asked.clear()
            await settle(again, 3600.0)
            assert streams.asked == [], "it is gone"


@in_virtual_time
async def test_a_stream_that_can_not_be_removed_now_is_removed_later() -> None:
    async with a_rig(*fleet(), begun=False) as rig:
        streams = streaming(rig)
        await rig.begin()
        await set_out(rig)
        streams.refusal = CarrierUnavailable("It is down")
        await rig.change("CarrierAccount", "main", {"spec": {"webhooks": None}})
        await settle(rig)
        assert streams.there
        streams.refusal = None
        await settle(rig, 600.0)
        assert (streams.there, await in_use(rig)) == ({}, None)


@in_virtual_time
async def test_the_stream_goes_with_the_account() -> None:
    async with a_rig(*fleet()[:2], begun=False) as rig:
        streams = streaming(rig)
        await rig.begin()
        await settle(rig)
        assert streams.there
        await rig.delete("CarrierAccount", "main")
        await settle(rig)
        assert (await rig.find("CarrierAccount", "main"), streams.there) == (None, {})


@in_virtual_time
async def test_an_account_that_never_wished_for_a_stream_is_not_asked_for_one() -> None:
    house = fleet()
    alone = (house[0], an_account(), *house[2:])
    async with a_rig(*alone, begun=False) as rig:
        streams = streaming(rig)
        await rig.begin()
        await set_out(rig)
        await settle(rig, 3600.0)
        assert streams.asked == []
        assert replace(streams) == StreamsDouble()
