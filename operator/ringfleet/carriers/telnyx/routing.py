"""Where calls and messages go at Telnyx: connections and messaging profiles, made, found and read back.

Each routing has one connection of ours (`trunk` says of which kind), named by its reference and then by the name that
people know; and a messaging profile of that name, when its messages go to a URL::

    ensure   find by name, or make -> hosts that are missing -> connection: where calls go, and the tags -> spare hosts
    find     by name    } what its tags say, when connection, hosts and profile do just that;
    all      every one  } else a routing that leads nowhere, so that it is told anew

The tags are written last, so that what is made by half reads as nothing. A call that makes something goes out once; one
whose answer is lost is found by name when it is told again. A profile that goes from one kind of connection to another
gets another id; its former connection stays, under a name that says so, for the numbers that still are pointed at it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from ringfleet.carriers.errors import CarrierUnavailable, OutcomeUnknown, ReplyUnreadable, RequestRejected
from ringfleet.carriers.http import AccountClient, Call
from ringfleet.carriers.json_fields import Fields
from ringfleet.carriers.telnyx import wire
from ringfleet.carriers.telnyx.listing import pages
from ringfleet.carriers.telnyx.trunk import OURS, CantBeSaid, Host, Kind, Trunk, kind_of, read_tags, tags_of, trunk_of
from ringfleet.model import HeldRouting, Routing

ROUTING_CIRCUIT = "profiles"
FORMER = "former"
"""Begins the name of a connection that a profile has left."""
CANT_BE_SAID = "cant_be_said"
_NAMED = re.compile(r"(\S+) (\S.*)")
_NAME_FIELDS = {Kind.FQDN: "connection_name", Kind.IP: "connection_name", Kind.TEXML: "friendly_name"}
_LISTS = {Kind.FQDN: "fqdn connections", Kind.IP: "ip connections", Kind.TEXML: "texml applications"}
_ONES = {Kind.FQDN: "fqdn connection", Kind.IP: "ip connection", Kind.TEXML: "texml application"}
_FILTERS = {
    Kind.FQDN: "filter[connection_name][contains]",
    Kind.IP: "filter[connection_name][contains]",
    Kind.TEXML: "filter[friendly_name]",
}
_HOST_FIELDS = {Kind.FQDN: "fqdn", Kind.IP: "ip_address"}
_PLACES = ("primary", "secondary", "tertiary")


@dataclass(frozen=True, slots=True)
class Connection:
    """One connection of ours, as Telnyx has it."""

    id: str
    kind: Kind
    name: str
    active: bool = False
    tags: tuple[str, ...] = ()
    url: str | None = None
    """Of a TeXML application."""
    transport: str = ""
    method: str | None = None
    places: tuple[str, ...] = ()
    """The ids of the hosts that calls go to, in order."""


@dataclass(frozen=True, slots=True)
class Profile:
    """One messaging profile."""

    id: str
    name: str
    enabled: bool
    url: str | None
    fallback: str | None


class Routings:
    """Of one account, whose name is `account`."""

    def __init__(self, account: str, http: AccountClient) -> None:
        self._account = account
        self._http = http

    # Looking.

    async def find(self, reference: str) -> HeldRouting | None:
        return next((held for held in await self._read(reference) if held.routing.reference == reference), None)

    async def all(self) -> tuple[HeldRouting, ...]:
        return await self._read("")

    async def _read(self, part: str) -> tuple[HeldRouting, ...]:
        """The routings whose connection has `part` in its name; of two of one reference the older one."""
        connections = [one for kind in Kind for one in await self._connections(kind, part)]
        ours = [one for one in connections if OURS in one.tags and _split(one.name)]
        if not ours:
            return ()
        profiles = {one.name: one for one in reversed(await self._profiles(part))}
        hosts = {kind: await self._hosts(kind) for kind in _HOST_FIELDS if any(one.kind is kind for one in ours)}
        held = [_held(one, hosts.get(one.kind, {}), profiles.get(one.name)) for one in ours]
        return tuple({one.routing.reference: one for one in reversed(held)}.values())[::-1]

    async def _connections(self, kind: Kind, part: str) -> list[Connection]:
        """Those that can be read, oldest first."""
        rows = await self._rows(_LISTS[kind], {_FILTERS[kind]: part} if part else {})
        return [read for row in rows if (read := _maybe_connection(kind, row))]

    async def _profiles(self, part: str) -> list[Profile]:
        rows = await self._rows("messaging profiles", {"filter[name][contains]": part} if part else {})
        return [read for row in rows if (read := _maybe_profile(row))]

    async def _hosts(self, kind: Kind, connection: str = "") -> dict[str, tuple[str, Host]]:
        """The hosts of one connection or of all, by their ids: the connection of each, and where it is."""
        rows = await self._rows(f"{kind}s", {"filter[connection_id]": connection} if connection else {})
        found = (_maybe_host(kind, row) for row in rows)
        return {id_: (of, host) for id_, of, host in filter(None, found) if connection in ("", of)}

    async def _rows(self, path: str, params: Mapping[str, str]) -> list[object]:
        """Oldest first, by what can be known of that."""
        read = pages(self._http, path, params, ROUTING_CIRCUIT)
        return sorted([row async for page in read for row in page.items("data")], key=_age)

    # Telling.

    async def ensure(self, routing: Routing) -> str:
        """Make the connection and the profile as `routing` says; our id of the routing.

        Raises RequestRejected where Telnyx can't do what it says.
        """
        try:
            kind = kind_of(routing)
        except CantBeSaid as error:
            raise RequestRejected(f"{self._account}: routing profile {routing.name}: {error}", CANT_BE_SAID) from error
        name = f"{routing.reference} {routing.name}"
        application = routing.voice_application or await self._application_of(routing.agent) or ""
        profile = await self._ensure_profile(routing, name)
        named = [
            one
            for each in Kind
            for one in await self._connections(each, routing.reference)
            if one.name.startswith(f"{routing.reference} ")
        ]
        old = next((one for one in named if one.kind is kind), None)
        home = old.id if old else await self._make(_LISTS[kind], _bare(kind, name, routing))
        await self._write(kind, home, routing, name, application)
        for former in named:
            if former.id != home:
                await self._retire(former)
        return wire.routing_id(_voice(routing, home, application), profile) or ""

    async def _application_of(self, agent: str | None) -> str | None:
        """The TeXML application that Telnyx has made for the assistant."""
        if agent is None:
            return None
        assistant = Fields(await self._call("GET", "assistant", agent), "assistant")
        settings = assistant.inside("telephony_settings") if assistant.has("telephony_settings") else None
        if settings is None or (application := settings.maybe_text("default_texml_app_id")) is None:
            raise RequestRejected(f"{self._account}: assistant {agent} takes no calls: enable telephony for it")
        return application

    async def _ensure_profile(self, routing: Routing, name: str) -> str:
        """The messaging profile that the numbers get; "": none."""
        if routing.messaging_webhook is None:
            return routing.messaging_service or ""
        body = {
            "name": name,
            "enabled": True,
            "webhook_url": routing.messaging_webhook,
            "webhook_failover_url": routing.messaging_fallback,
            "webhook_api_version": "2",
        }
        found = await self._profiles(routing.reference)
        old = next((one for one in found if one.name.startswith(f"{routing.reference} ")), None)
        if old is None:
            return await self._make("messaging profiles", {**body, "whitelisted_destinations": ["*"]})
        wanted = (name, True, routing.messaging_webhook, routing.messaging_fallback)
        if (old.name, old.enabled, old.url, old.fallback) != wanted:
            await self._call("PATCH", "messaging profile", old.id, body)
        return old.id

    async def _write(self, kind: Kind, home: str, routing: Routing, name: str, application: str) -> None:
        """Have the connection do what the routing says, and say so in its tags."""
        tags = list(tags_of(routing, application))
        if kind is Kind.TEXML:
            body = {"friendly_name": name, "voice_url": routing.voice_webhook, "active": True, "tags": tags}
            await self._call("PATCH", _ONES[kind], home, body)
            return
        trunk = trunk_of(routing)
        there = await self._hosts(kind, home)
        places = [await self._ensure_host(kind, home, host, there) for host in trunk.hosts]
        body = {"connection_name": name, "active": bool(trunk.hosts), "transport_protocol": trunk.transport}
        await self._call("PATCH", _ONES[kind], home, {**body, "inbound": _inbound(kind, trunk, places), "tags": tags})
        for spare in set(there) - set(places):
            await self._drop(str(kind), spare)

    async def _ensure_host(self, kind: Kind, home: str, host: Host, there: Mapping[str, tuple[str, Host]]) -> str:
        old = next((id_ for id_, (_, one) in sorted(there.items()) if one == host), None)
        if old is not None:
            return old
        body: dict[str, object] = {"connection_id": home, _HOST_FIELDS[kind]: host.name, "port": host.port}
        return await self._make(f"{kind}s", {**body, "dns_record_type": "a"} if kind is Kind.FQDN else body)

    async def _retire(self, former: Connection) -> None:
        body: dict[str, object] = {_NAME_FIELDS[former.kind]: f"{FORMER} {former.name}", "tags": [OURS]}
        if former.kind is Kind.TEXML:
            body["voice_url"] = former.url
        await self._call("PATCH", _ONES[former.kind], former.id, body)

    async def _make(self, path: str, body: Mapping[str, object]) -> str:
        """Its id. It costs nothing: when the answer is lost, it is looked for by its name the next time."""
        call = Call("POST", wire.path(path), safe=False, json=body, circuit=ROUTING_CIRCUIT)
        try:
            return Fields(await self._http.call(call), "reply").inside("data").text("id")
        except OutcomeUnknown as error:
            raise CarrierUnavailable(str(error)) from error

    async def _drop(self, path: str, id_: str) -> None:
        try:
            await self._call("DELETE", path, id_)
        except RequestRejected as error:
            if error.code != wire.NOT_FOUND:
                raise

    async def _call(self, method: str, path: str, id_: str, json: object = None) -> object:
        return await self._http.call(Call(method, wire.path(path, id_), json=json, circuit=ROUTING_CIRCUIT))


# What a connection does, and what it should.


def _bare(kind: Kind, name: str, routing: Routing) -> dict[str, object]:
    """A connection that does nothing yet; a TeXML application can't be made without its URL."""
    if kind is Kind.TEXML:
        return {"friendly_name": name, "voice_url": routing.voice_webhook, "voice_method": "post"}
    return {"connection_name": name, "active": False}


def _inbound(kind: Kind, trunk: Trunk, places: list[str]) -> dict[str, object]:
    """The order in which calls are tried at the hosts of these ids. A place of an IP connection can't be said to be
    empty: one that is left over names a host that is taken away next."""
    named = dict(zip(_PLACES, places, strict=False))
    said = named if kind is Kind.IP else _PLACES
    hosts = {f"default_{place}_{kind}_id": named.get(place) for place in said}
    return {"default_routing_method": trunk.method, **hosts}


def _voice(routing: Routing, home: str, application: str) -> str:
    """The connection that the numbers get; "": none."""
    return home if routing.sip_targets or routing.voice_webhook else application


def _held(connection: Connection, hosts: Mapping[str, tuple[str, Host]], profile: Profile | None) -> HeldRouting:
    """The routing of a connection: what its tags say, if that is what connection and profile do."""
    reference, name = _split(connection.name) or ("", "")
    routing, application = read_tags(reference, name, connection.tags)
    messages = routing.messaging_service or (profile.id if profile and routing.messaging_webhook else "")
    external_id = wire.routing_id(_voice(routing, connection.id, application), messages) or ""
    urls = (routing.messaging_webhook, routing.messaging_fallback)
    told = profile is not None and profile.enabled and (profile.url, profile.fallback) == urls
    as_told = _does(connection, hosts, routing) and (routing.messaging_webhook is None or told)
    return HeldRouting(external_id, routing if as_told else Routing(reference, name))


def _does(connection: Connection, hosts: Mapping[str, tuple[str, Host]], routing: Routing) -> bool:
    if connection.kind is Kind.TEXML:
        return connection.active and connection.url == routing.voice_webhook
    try:
        trunk = trunk_of(routing)
    except CantBeSaid:
        return False
    places = tuple(hosts[id_][1] for id_ in connection.places if id_ in hosts)
    there = Trunk(connection.kind, places, connection.method == "round-robin", connection.transport)
    return there == replace(trunk, kind=connection.kind) and connection.active is bool(trunk.hosts)


# Reading.


def _split(name: str) -> tuple[str, str] | None:
    """Reference and name of a connection of ours; None for a name that is of another form, or a former one."""
    match = _NAMED.fullmatch(name)
    return None if match is None or match[1] == FORMER else (match[1], match[2])


def _age(row: object) -> tuple[str, str]:
    """Sorts the oldest first."""
    known = row if isinstance(row, dict) else {}
    return str(known.get("created_at") or ""), str(known.get("id") or "")


def _maybe_connection(kind: Kind, row: object) -> Connection | None:
    """None for what can't be read, and so is not of our making."""
    try:
        fields = Fields(row, "connection")
        inbound = fields.inside("inbound") if fields.has("inbound") else Fields({}, "connection.inbound")
        places = (inbound.maybe_text(f"default_{place}_{kind}_id") for place in _PLACES)
        return Connection(
            id=fields.text("id"),
            kind=kind,
            name=fields.text(_NAME_FIELDS[kind]),
            active=fields.maybe_flag("active"),
            tags=fields.texts("tags"),
            url=fields.maybe_text("voice_url"),
            transport=fields.maybe_text("transport_protocol") or "",
            method=inbound.maybe_text("default_routing_method"),
            places=tuple(filter(None, places)) if kind is not Kind.TEXML else (),
        )
    except ReplyUnreadable:
        return None


def _maybe_profile(row: object) -> Profile | None:
    try:
        fields = Fields(row, "messaging profile")
        urls = (fields.maybe_text(field) for field in ("webhook_url", "webhook_failover_url"))
        return Profile(fields.text("id"), fields.text("name"), fields.maybe_flag("enabled"), *urls)
    except ReplyUnreadable:
        return None


def _maybe_host(kind: Kind, row: object) -> tuple[str, str, Host] | None:
    """Its id, the id of its connection, and where it is."""
    try:
        fields = Fields(row, "host")
        host = Host(fields.text(_HOST_FIELDS[kind]).lower(), fields.count("port"))
        return fields.text("id"), fields.text("connection_id"), host
    except ReplyUnreadable:
        return None
