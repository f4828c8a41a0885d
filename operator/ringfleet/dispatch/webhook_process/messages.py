"""What the webhook process and its dispatcher say to each other.

::

    webhook process  --Ready, Beat, Ask, Batch-->                    dispatcher
                     <--Begin, Known, Moved, Vouched, Settled, Drain--
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import msgspec

from ringfleet.carriers.webhooks import WebhookRequest
from ringfleet.dispatch.problems import Problem
from ringfleet.model import E164
from ringfleet.model.traffic import CarrierEvent

Account = tuple[str, str]
"""Namespace and name."""
Profile = tuple[str, str]
"""The same of a RoutingProfile."""


class Begin(msgspec.Struct, tag=True, frozen=True):
    """How the webhook process listens. `ahead`: seconds, of the dispatcher's clock; the files are for TLS."""

    events_url: str | None
    trust_forwarded: bool
    tls_cert: str | None
    tls_key: str | None
    ahead: float


class Known(msgspec.Struct, tag=True, frozen=True):
    """All accounts; None: they are not read yet. What was kept of their secrets is void."""

    accounts: tuple[Account, ...] | None


class Moved(msgspec.Struct, tag=True, frozen=True):
    """The dispatcher's clock is so many seconds ahead of the world's."""

    ahead: float


class Refusal(msgspec.Struct, frozen=True):
    """A Problem on its way."""

    type: str
    detail: str
    members: Mapping[str, Any]

    @classmethod
    def of(cls, problem: Problem) -> Refusal:
        return cls(problem.type.name, problem.detail, dict(problem.members))

    def problem(self) -> Problem:
        return Problem(self.type, self.detail, **self.members)


class Vouched(msgspec.Struct, tag=True, frozen=True):
    """The answer to Ask: whose webhooks the account's are and what signs them, or why they are not taken."""

    account: Account
    provider: str = ""
    secrets: tuple[str, ...] = ()
    refusal: Refusal | None = None

    def __repr__(self) -> str:
        return f"Vouched({self.account})"


class Settled(msgspec.Struct, tag=True, frozen=True):
    """The answer to Batch, event for event: what became of it, or why nothing did."""

    batch: int
    results: tuple[str | Refusal, ...]


class Drain(msgspec.Struct, tag=True, frozen=True):
    """Take no more connections, answer what is under way, and end."""


class Ready(msgspec.Struct, tag=True, frozen=True):
    """The webhook process listens."""


class Beat(msgspec.Struct, tag=True, frozen=True):
    """It lives; and what it has answered since the last one: outcome, status, how often."""

    answered: tuple[tuple[str, int, int], ...]


class Ask(msgspec.Struct, tag=True, frozen=True):
    """Who signs the webhooks of this account?"""

    account: Account


class Batch(msgspec.Struct, tag=True, frozen=True):
    """Events that are signed and read, and requests that are to be passed on, each with its account, and packed by
    itself: an odd one is refused alone. A request has the namespace and name of the RoutingProfile whose program is to
    get it, an event None."""

    batch: int
    events: tuple[tuple[Account, bytes, Profile | None], ...]

    def __repr__(self) -> str:
        return f"Batch({self.batch}, {len(self.events)} events)"


Down = Begin | Known | Moved | Vouched | Settled | Drain
Up = Ready | Beat | Ask | Batch


def pack(event: CarrierEvent) -> bytes:
    """The event as MessagePack. Half of a character, which JSON may carry, becomes a question mark."""
    try:
        return _encode(event)
    except UnicodeEncodeError:
        return _encode(_whole(event))


def unpack(packed: bytes) -> CarrierEvent:
    """Raises ValueError: it is none."""
    return _decode(packed)


def pack_request(request: WebhookRequest, peer: E164 | None) -> bytes:
    """The request, and whose words it has, as MessagePack. Its headers were read as Latin-1, and its URL is ASCII."""
    return _encode((replace(request, headers=dict(request.headers)), peer))


def unpack_request(packed: bytes) -> tuple[WebhookRequest, E164 | None]:
    """Raises ValueError: it is none."""
    return _decode_request(packed)


def _whole(event: CarrierEvent) -> CarrierEvent:
    label, text, pick = (_fit(one) if one else one for one in (event.label, event.text, event.pick))
    return replace(event, id=_fit(event.id), subject=_fit(event.subject), label=label, text=text, pick=pick)


def _fit(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _plain(value: Any) -> Any:
    if isinstance(value, E164):
        return str(value)
    raise NotImplementedError(type(value).__name__)


def _typed(type_: type, value: Any) -> Any:
    if type_ is E164 and isinstance(value, str):
        return E164(value)
    raise NotImplementedError(type_.__name__)


_encode: Final = msgspec.msgpack.Encoder(enc_hook=_plain).encode
_decode_request: Final = msgspec.msgpack.Decoder(tuple[WebhookRequest, E164 | None], dec_hook=_typed).decode
_decode: Final = msgspec.msgpack.Decoder(CarrierEvent, dec_hook=_typed).decode
