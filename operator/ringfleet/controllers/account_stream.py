"""The account's event stream, by which its carrier tells the dispatcher of messages that come in: made, found, removed.

::

    spec.webhooks (Auto, EventStreams) --> a stream of this installation's name, looked at with each listing
         active      status.webhooks says EventStreams: profiles are told their own webhook (objects/routing_profile.py)
         not, or refused                 StreamBroken; with Auto, where the account has none, nothing: it relays
    no such wish, and status.webhooks has a sink --> it goes

Only the object that acts for the account at its carrier does so; the stream is the account's, whichever object that is.
"""

from __future__ import annotations

import structlog

from ringfleet.api import CarrierAccount
from ringfleet.api.carrier_account import InboundBy, InboundNow, WebhooksInUse
from ringfleet.carriers.errors import CarrierError, CarrierUnavailable, CredentialsRejected, RequestRejected
from ringfleet.carriers.event_streams import EventStreams, Stream
from ringfleet.controllers.carrier_clients import OpenAccount, StreamSeen
from ringfleet.controllers.services import Services
from ringfleet.objects.carrier_account import streams_to

log = structlog.get_logger(__name__)


def stream_name(services: Services) -> str:
    """By which the stream is known at the carrier, to this installation and to people."""
    return f"Ringfleet {services.installation}"


async def keep_stream(services: Services, obj: CarrierAccount, account: OpenAccount) -> None:
    """Have the stream be as the account wishes, when it is time to look. What can't be seen now stays as it was said.
    Credentials that are refused here have just had the balance: they lack a right, and the account works without."""
    streams, wanted = account.carrier.streams, streams_to(obj)
    if streams is None or (wanted is None and not _may_be_there(obj, account)):
        account.stream = None
        return
    known = account.stream
    if known and known.wanted == wanted and services.monotonic() < known.due:
        return
    due = services.monotonic() + obj.spec.sweep_interval.total_seconds()
    try:
        account.stream = StreamSeen(wanted, due, await _settle(services, streams, wanted))
    except (RequestRejected, CredentialsRejected) as error:
        account.stream = StreamSeen(wanted, due, refused=str(error).rstrip("."))
    except CarrierUnavailable as error:
        log.warning("event stream not looked at", account=obj.key, error=str(error))


async def leave_stream(services: Services, account: OpenAccount | None) -> None:
    """Take along the stream of an account whose object is gone: nobody would remove it later. Who can't be asked now
    keeps a sink that tells a dispatcher which does not know the account."""
    streams = account.carrier.streams if account and account.stream and account.stream.stream else None
    if account is None or streams is None:
        return
    try:
        await streams.remove(stream_name(services))
    except CarrierError as error:
        log.warning("event stream left at the carrier", account=account.account_id, error=str(error))


async def _settle(services: Services, streams: EventStreams, wanted: str | None) -> Stream | None:
    name = stream_name(services)
    if wanted is None:
        await streams.remove(name)
        return None
    return await streams.ensure(name, wanted)


def _may_be_there(obj: CarrierAccount, account: OpenAccount) -> bool:
    told = obj.status.webhooks
    return bool((account.stream and account.stream.stream) or (told and told.sink))


def webhooks_in_use(obj: CarrierAccount, account: OpenAccount | None) -> WebhooksInUse | None:
    """What the status says of how the carrier tells of messages; what it said, while nobody has looked."""
    hooks, seen, before = obj.spec.webhooks, account.stream if account else None, obj.status.webhooks
    sink = seen.stream.id if seen and seen.stream else None
    if seen is None or (seen.refused and seen.wanted is None):
        sink = before.sink if before else None
    if hooks is None or hooks.public_url is None:
        return WebhooksInUse(inbound=InboundNow.EVENT_STREAMS, sink=sink) if sink else None
    if hooks.inbound is InboundBy.AUTO:
        unseen = seen is None or seen.wanted is None
        works = bool(before and before.inbound is InboundNow.EVENT_STREAMS) if unseen else _is_active(seen)
    else:
        works = hooks.inbound is InboundBy.EVENT_STREAMS
    return WebhooksInUse(inbound=InboundNow.EVENT_STREAMS if works else InboundNow.RELAY, sink=sink)


def _is_active(seen: StreamSeen | None) -> bool:
    return bool(seen and seen.stream and seen.stream.active)


def broken(obj: CarrierAccount, account: OpenAccount) -> str:
    """Why the account's stream tells nothing; empty: it does, or need not. With Auto an account need not have any."""
    seen, hooks = account.stream, obj.spec.webhooks
    if seen is None or hooks is None or (seen.wanted is None and not seen.refused):
        return ""
    if seen.stream and not seen.stream.active:
        return (
            f"Sink {seen.stream.id}, by which the carrier should tell the dispatcher of messages, is "
            f"{seen.stream.state}: see in its console why, or delete it there, and it is made anew."
        )
    if seen.refused and hooks.inbound is InboundBy.EVENT_STREAMS:
        return (
            f"The carrier makes no event stream for the account: {seen.refused}. Give the credentials the right to "
            "Event Streams, or set spec.webhooks.inbound to Relay."
        )
    return ""
