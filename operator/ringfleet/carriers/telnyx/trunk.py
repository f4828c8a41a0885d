"""A routing in Telnyx' terms, and what of it Telnyx can't do. Pure.

Telnyx sends calls to a *connection*. Three kinds are ours to make::

    SIP targets by name        FQDN connection      its hosts are objects of their own, the first three are named in it
    SIP targets by address     IP connection        the same
    a URL                      TeXML application

An application, and an assistant's own TeXML application, is a connection already, and not ours to change. So that such
a routing can be found again, too, an FQDN connection that is switched off and has no hosts keeps what we know of it.

What was told is written in the connection's tags, because a connection has no place for a priority, a weight, or an id
that belongs to somebody else. A tag proves nothing: whoever reads it holds it against what the connection really does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address
from typing import Final

from ringfleet.model import Routing, SipTarget

OURS: Final = "ringfleet"
"""The tag of every connection that is ours."""
MOST_TARGETS: Final = 3
"""Telnyx has a first, a second and a third place for calls to go."""
_TARGET: Final = re.compile(r"(\d{1,5}) (\d{1,5}) (\S+)")
_URI: Final = re.compile(
    r"(?P<scheme>sips?):(?:(?P<user>[^@\s]*)@)?(?P<host>\[[^\]\s]+\]|[^\[\]:;?@\s]+)(?::(?P<port>\d{1,5}))?"
    r"(?P<parameters>[;?]\S*)?"
)
_TRANSPORTS: Final = {"": None, ";transport=udp": "UDP", ";transport=tcp": "TCP", ";transport=tls": "TLS"}
_PORT: Final = {"UDP": 5060, "TCP": 5060, "TLS": 5061}


class CantBeSaid(ValueError):
    """Telnyx has no way to do what the profile says. The message says what to change."""


class Kind(StrEnum):
    """The kinds of connections that are ours, by the words that stand in Telnyx' paths."""

    FQDN = "fqdn"
    IP = "ip"
    TEXML = "texml"


@dataclass(frozen=True, slots=True)
class Host:
    """One place where calls go."""

    name: str
    """A host name, or an IP address."""
    port: int


@dataclass(frozen=True, slots=True)
class Trunk:
    """What an FQDN or IP connection does with calls."""

    kind: Kind = Kind.FQDN
    hosts: tuple[Host, ...] = ()
    """In the order in which they are tried; none: the connection is switched off."""
    shared: bool = False
    """Whether the hosts take calls in turn, in place of one after the other has failed."""
    transport: str = "UDP"

    @property
    def method(self) -> str:
        return "round-robin" if self.shared else "sequential"


def kind_of(routing: Routing) -> Kind:
    """The kind of connection that the routing needs."""
    return Kind.TEXML if routing.voice_webhook else trunk_of(routing).kind


def trunk_of(routing: Routing) -> Trunk:
    """The connection for the SIP targets; one that is switched off when there are none.

    Raises CantBeSaid.
    """
    targets = sorted(routing.sip_targets, key=lambda target: target.priority)
    if not targets:
        return Trunk()
    if len(targets) > MOST_TARGETS:
        raise CantBeSaid(f"Telnyx takes {MOST_TARGETS} SIP targets at most, and the profile has {len(targets)}")
    parsed = [_parse(target.uri) for target in targets]
    hosts = tuple(host for host, _, _ in parsed)
    if len({transport for _, transport, _ in parsed}) > 1:
        raise CantBeSaid("at Telnyx all SIP targets of a profile use one transport: UDP, TCP or TLS (sips)")
    if len({kind for _, _, kind in parsed}) > 1:
        raise CantBeSaid("at Telnyx the SIP targets of a profile are all host names, or all IP addresses")
    if len(set(hosts)) < len(hosts):
        raise CantBeSaid("at Telnyx each SIP target of a profile is another host or port")
    return Trunk(parsed[0][2], hosts, _are_shared(targets), parsed[0][1])


def _are_shared(targets: list[SipTarget]) -> bool:
    """Telnyx tries one after the other, or takes all in turn, evenly; nothing between the two."""
    priorities = {target.priority for target in targets}
    if len(priorities) == len(targets):
        return False
    if len(priorities) > 1 or len({target.weight for target in targets}) > 1:
        raise CantBeSaid(
            "Telnyx tries SIP targets one after the other, or shares calls evenly among them: give them different "
            "priorities, or all of them the same priority and weight"
        )
    return True


def _parse(uri: str) -> tuple[Host, str, Kind]:
    """Host, transport, and the kind of connection that can have it."""
    match = _URI.fullmatch(uri)
    if match is None:
        raise CantBeSaid(f"{uri} is no SIP URI of a host, such as sip:pbx.example.com:5060")
    if match["user"] is not None:
        raise CantBeSaid(f"Telnyx calls the number itself at a host: write {uri} without what stands before the @")
    parameters = (match["parameters"] or "").lower()
    if parameters not in _TRANSPORTS:
        raise CantBeSaid(f"Telnyx can't be told {parameters} of {uri}: of parameters it knows transport only")
    transport = "TLS" if match["scheme"] == "sips" else _TRANSPORTS[parameters] or "UDP"
    name = match["host"].strip("[]").lower()
    return Host(name, int(match["port"] or _PORT[transport])), transport, _kind_of_host(name)


def _kind_of_host(name: str) -> Kind:
    try:
        ip_address(name)
    except ValueError:
        return Kind.FQDN
    return Kind.IP


# The tags.


def tags_of(routing: Routing, application: str) -> tuple[str, ...]:
    """What was told. `application`: the connection that is not ours and takes the calls, or nothing."""
    said = {
        "voice-webhook": routing.voice_webhook,
        "voice-application": routing.voice_application,
        "agent": routing.agent,
        "messaging-webhook": routing.messaging_webhook,
        "messaging-service": routing.messaging_service,
        "campaign": routing.campaign,
        "messaging-fallback": routing.messaging_fallback,
        "application": application,
    }
    targets = [f"sip={target.priority} {target.weight} {target.uri}" for target in routing.sip_targets]
    return (OURS, *targets, *(f"{word}={value}" for word, value in said.items() if value))


def read_tags(reference: str, name: str, tags: Iterable[str]) -> tuple[Routing, str]:
    """The inverse of `tags_of`. What is no tag of ours is left out."""
    pairs = [tag.partition("=")[::2] for tag in tags]
    said, targets = dict(pairs), [_TARGET.fullmatch(value) for word, value in pairs if word == "sip"]
    routing = Routing(
        reference,
        name,
        sip_targets=tuple(SipTarget(match[3], int(match[1]), int(match[2])) for match in targets if match),
        voice_webhook=said.get("voice-webhook"),
        voice_application=said.get("voice-application"),
        agent=said.get("agent"),
        messaging_webhook=said.get("messaging-webhook"),
        messaging_service=said.get("messaging-service"),
        campaign=said.get("campaign"),
        messaging_fallback=said.get("messaging-fallback"),
    )
    return routing, said.get("application", "")
