"""Where calls and messages of a number go: a routing profile in Twilio's own things, and read back from them.

A number points at one thing for its calls and at one for its messages, and that pair is the id of the profile::

    SIP targets              a trunk of ours with their origination URLs     TK.../
    a webhook for calls      an application of ours with its URL             AP.../
    an application           that application                                AP.../
    a webhook for messages   an application of ours with its URL                  /AP...
    a messaging service      that service, which the number is put into           /MG...
    nothing                                                                   -/-

So what a number follows is read from the number itself, and whatever a person changes there shows. A profile that comes
to use other things has another id, and its numbers are pointed anew; what is changed inside of a thing reaches them by
itself.

Trunk and application have the profile's reference for a name. What they have no field for stands in a note: an
application that nothing points at, whose voice URL is below `NOWHERE`, a host that can't exist. Nothing calls it.

A number that is stopped is parked: it points at an application without URLs, whose note says what it pointed at before.
There is one for each such pair. Resuming reads it, so that a number is routed again exactly as it was, by whichever
process, and nothing of it has to be remembered here. The URLs that a person has given the number itself are not
touched: an application goes before them, and they count again without it.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from urllib.parse import parse_qsl, urlencode

import structlog

from ringfleet.carriers.errors import CarrierUnavailable, RequestRejected
from ringfleet.carriers.json_fields import Fields
from ringfleet.carriers.twilio.api import Api
from ringfleet.carriers.twilio.wire import NOT_FOUND, Form, Row
from ringfleet.model import HeldRouting, Routing, SipTarget

log = structlog.get_logger(__name__)

NOWHERE = "https://ringfleet.invalid"
"""No such host can exist (RFC 2606)."""
PROFILE_NOTE = f"{NOWHERE}/profile?"
PARKED_NOTE = f"{NOWHERE}/parked?"
PARKED_NAME = "Ringfleet: parked numbers"
PROFILES_CIRCUIT = "profiles"
MESSAGING_CIRCUIT = "messaging"
VERIFIED = "VERIFIED"
_ID = re.compile(r"(-|TK[0-9a-f]{32}|AP[0-9a-f]{32})/(-|AP[0-9a-f]{32}|MG[0-9a-f]{32})")


@dataclass(frozen=True, slots=True)
class Pointers:
    """What a number points at; None: at nothing."""

    calls: str | None = None
    """The SID of a trunk or an application."""
    messages: str | None = None
    """The SID of an application or a messaging service."""
    beside: str | None = None
    """Of a number that is in a messaging service: the application that it names for its messages all the same."""

    @property
    def id(self) -> str | None:
        """The id of the profile that is just these; None: the number is not routed."""
        if self.calls is None and self.messages is None:
            return None
        return f"{self.calls or '-'}/{self.messages or '-'}"

    @property
    def service(self) -> str | None:
        return self.messages if self.messages and self.messages.startswith("MG") else None

    def form(self) -> Form:
        """The fields of the number; what it does not point at is taken off."""
        calls = self.calls or ""
        return {
            "TrunkSid": calls if calls.startswith("TK") else "",
            "VoiceApplicationSid": calls if calls.startswith("AP") else "",
            "SmsApplicationSid": (self.beside if self.service else self.messages) or "",
        }


def parse_pointers(id_: str | None) -> Pointers | None:
    """What the profile of this id is; None when there is no such id."""
    if id_ is None:
        return Pointers()
    found = _ID.fullmatch(id_)
    return Pointers(*(None if sid == "-" else sid for sid in found.groups())) if found else None


@dataclass(frozen=True, slots=True)
class _Application:
    sid: str
    name: str
    voice_url: str | None
    sms_url: str | None
    sms_fallback_url: str | None
    note: str | None

    @property
    def profile(self) -> Mapping[str, str] | None:
        """What the note of a profile says; None: it is none."""
        return _note(self.voice_url, PROFILE_NOTE)

    @property
    def parked(self) -> Pointers | None:
        """What a number points at that is parked here; None: no number is."""
        note = _note(self.note, PARKED_NOTE)
        return Pointers(note.get("calls"), note.get("messages"), note.get("beside")) if note is not None else None


def _note(url: str | None, prefix: str) -> Mapping[str, str] | None:
    return dict(parse_qsl(url.removeprefix(prefix))) if url and url.startswith(prefix) else None


class Targets:
    """The things that numbers of one account can point at."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._parked: dict[str, Pointers | None] = {}
        """What is known of applications: the note of one that parks numbers; None: it parks none."""
        self._services: frozenset[str] | None = None
        """The messaging services that a profile of ours names; None: nobody has looked."""
        self._members: dict[str, frozenset[str]] = {}
        """The SIDs of the numbers that were in each of them when it was read last."""

    # Profiles.

    async def ensure(self, routing: Routing) -> str:
        """Have the things that the profile needs, and its note; the profile's id."""
        if routing.agent:
            raise RequestRejected(
                f"{self._api.name}: Twilio has no voice agents: give the profile a webhook, an application or a SIP "
                "trunk instead of an agent"
            )
        await self._refuse_unfit(routing)
        note, ours = await self._named(routing.reference)
        application = await self._ensure_application(routing, ours)
        trunk = await self._ensure_trunk(routing)
        calls = trunk or (application if routing.voice_webhook else routing.voice_application)
        messages = routing.messaging_service or (application if routing.messaging_webhook else None)
        pointers = Pointers(calls, messages)
        id_ = pointers.id
        if id_ is None:
            raise RequestRejected(f"{self._api.name}: the profile sends calls and messages nowhere")
        await self._write_note(routing, pointers, note)
        if pointers.service:
            self._services = (self._services or frozenset()) | {pointers.service}
        return id_

    async def find(self, reference: str) -> HeldRouting | None:
        note, ours = await self._named(reference)
        return await self._held(note, {ours.sid: ours} if ours else {}) if note else None

    async def _named(self, reference: str) -> tuple[_Application | None, _Application | None]:
        """The note of a profile, and the application with its webhooks. Of several the oldest counts: two operators may
        have made one each."""
        named = [one async for one in self._applications(reference)]
        notes, others = ([one for one in named if (one.profile is None) is other] for other in (False, True))
        return next(iter(notes), None), next(iter(others), None)

    async def all(self) -> AsyncIterator[tuple[HeldRouting, ...]]:
        everything = {one.sid: one async for one in self._applications(circuit=PROFILES_CIRCUIT)}
        notes = [one for one in everything.values() if one.profile is not None]
        self._services = frozenset(filter(None, map(_service_of, notes)))
        yield tuple([held for note in notes if (held := await self._held(note, everything))])

    async def _held(self, note: _Application, applications: Mapping[str, _Application]) -> HeldRouting | None:
        """The profile of this note, as what it points at is now; None: it is none that we have written."""
        said = note.profile or {}
        pointers = Pointers(said.get("calls"), said.get("messages"))
        if pointers.id is None:
            return None
        calls = applications.get(pointers.calls or "") if said.get("voice") == "webhook" else None
        messages = applications.get(pointers.messages or "") if pointers.service is None else None
        routing = Routing(
            reference=note.name,
            name=said.get("name", ""),
            sip_targets=await self._sip_targets(pointers.calls, said.get("targets", "").split(" ")),
            voice_webhook=calls.voice_url if calls else None,
            voice_application=pointers.calls if said.get("voice") == "application" else None,
            messaging_webhook=messages.sms_url if messages else None,
            messaging_service=pointers.service,
            campaign=said.get("campaign"),
            messaging_fallback=messages.sms_fallback_url if messages else None,
        )
        return HeldRouting(pointers.id, routing)

    async def _refuse_unfit(self, routing: Routing) -> None:
        """A number is pointed at no service that is not there, nor sends for a campaign that is not approved."""
        service = routing.messaging_service
        if service is None:
            return
        path = f"/v1/Services/{service}"
        await self._api.get("messaging", path)
        if routing.campaign is None:
            return
        states = [
            Fields(row, "campaign").maybe_text("campaign_status") or "unknown"
            async for page in self._api.pages("messaging", f"{path}/Compliance/Usa2p", "compliance")
            for row in page
            if routing.campaign in _names_of_campaign(row)
        ]
        if VERIFIED not in states:
            is_ = f"is {states[0]}" if states else "is none of its campaigns"
            raise RequestRejected(
                f"{self._api.name}: campaign {routing.campaign} of messaging service {service} {is_}, and numbers send "
                "for an approved one only (VERIFIED): correct messaging.service.campaign, or wait for the approval"
            )

    async def _ensure_application(self, routing: Routing, found: _Application | None) -> str | None:
        """The application with the profile's webhooks; None: it has none."""
        form = {
            "FriendlyName": routing.reference,
            "VoiceUrl": routing.voice_webhook or "",
            "SmsUrl": routing.messaging_webhook or "",
            "SmsFallbackUrl": routing.messaging_fallback or "",
        }
        if not routing.voice_webhook and not routing.messaging_webhook:
            return None
        return await self._write_application(form, found)

    async def _write_application(self, form: Form, found: _Application | None) -> str:
        path = self._api.of_account("/Applications")
        if found is None:
            return (await self._api.make("api", f"{path}.json", form)).text("sid")
        await self._api.change("api", f"{path}/{found.sid}.json", form)
        return found.sid

    async def _write_note(self, routing: Routing, pointers: Pointers, found: _Application | None) -> None:
        voice = "webhook" if routing.voice_webhook else "application" if routing.voice_application else None
        said = {
            "name": routing.name,
            "calls": pointers.calls,
            "messages": pointers.messages,
            "voice": voice,
            "campaign": routing.campaign,
            "targets": " ".join(map(_written, routing.sip_targets)),
        }
        url = PROFILE_NOTE + urlencode({name: value for name, value in said.items() if value})
        if found is None or found.voice_url != url:
            await self._write_application({"FriendlyName": routing.reference, "VoiceUrl": url}, found)

    async def _ensure_trunk(self, routing: Routing) -> str | None:
        """The trunk with the profile's targets; None: it has none. New targets come before old ones go."""
        if not routing.sip_targets:
            return None
        trunk = await self._find_trunk(routing.reference)
        if trunk is None:
            trunk = (await self._api.make("trunking", "/v1/Trunks", {"FriendlyName": routing.reference})).text("sid")
        path = f"/v1/Trunks/{trunk}/OriginationUrls"
        there = await self._origination_urls(trunk)
        for target in dict.fromkeys(routing.sip_targets):
            if target not in there:
                await self._api.make("trunking", path, _origination_url(target))
        for target in there.keys() - set(routing.sip_targets):
            for sid in there[target]:
                await self._api.delete_if_there("trunking", f"{path}/{sid}")
        return trunk

    async def _find_trunk(self, reference: str) -> str | None:
        async for page in self._api.pages("trunking", "/v1/Trunks", "trunks"):
            for json in page:
                row = Fields(json, "trunk")
                if row.maybe_text("friendly_name") == reference:
                    return row.text("sid")
        return None

    async def _sip_targets(self, calls: str | None, order: list[str]) -> tuple[SipTarget, ...]:
        """The targets of a trunk, in the order in which the profile names them; none, too, of a trunk that is gone."""
        if calls is None or not calls.startswith("TK"):
            return ()
        try:
            found = await self._origination_urls(calls)
        except RequestRejected as error:
            if error.code == NOT_FOUND:
                return ()
            raise
        return tuple(sorted(found, key=lambda target: _place_in(order, target)))

    async def _origination_urls(self, trunk: str) -> Mapping[SipTarget, list[str]]:
        """The SIDs of a trunk's targets."""
        found: dict[SipTarget, list[str]] = {}
        async for page in self._api.pages("trunking", f"/v1/Trunks/{trunk}/OriginationUrls", "origination_urls"):
            for json in page:
                row = Fields(json, "origination_url")
                if row.flag("enabled"):
                    target = SipTarget(row.text("sip_url"), row.count("priority"), row.count("weight"))
                    found.setdefault(target, []).append(row.text("sid"))
        return found

    async def _applications(self, name: str | None = None, circuit: str = "account") -> AsyncIterator[_Application]:
        """The account's applications, oldest first; those of one name only, when it is given."""
        params = {"FriendlyName": name} if name else None
        path = self._api.of_account("/Applications.json")
        async for page in self._api.pages("api", path, "applications", params, circuit):
            for json in page:
                one = _read_application(Fields(json, "application"))
                if name is None or one.name == name:
                    yield one

    # Numbers.

    async def learn(self, rows: Iterable[Row]) -> None:
        """Read the applications that numbers point at for calls, and of which nothing is known yet: one of them may be
        where they are parked. What an application is for never changes."""
        for sid in sorted({row.voice_application for row in rows if row.voice_application} - self._parked.keys()):
            path = self._api.of_account(f"/Applications/{sid}.json")
            try:
                self._parked[sid] = _read_application(await self._api.get("api", path)).parked
            except RequestRejected as error:
                if error.code != NOT_FOUND:
                    raise
                self._parked[sid] = None

    def is_parked(self, row: Row) -> bool:
        """Whether the number is stopped."""
        return self._parked.get(row.voice_application or "") is not None

    def pointers_of(self, row: Row, services: Mapping[str, str]) -> Pointers:
        """What the number points at, or did before it was parked. `services`: the messaging service of each number, by
        SID, that is in one."""
        parked = self._parked.get(row.voice_application or "")
        if parked is not None:
            return parked
        calls, service = row.trunk or row.voice_application, services.get(row.sid)
        return Pointers(calls, service, row.sms_application) if service else Pointers(calls, row.sms_application)

    async def members(self) -> Mapping[str, str]:
        """The messaging service of each number that is in one of those that our profiles name. A number does not say in
        which it is. While a service can't be read, those are in it that were before; raises CarrierUnavailable where
        nobody knows."""
        self._services = await self._read_services()
        for service in sorted(self._services):
            try:
                self._members[service] = await self._members_of(service)
            except RequestRejected:  # it is gone, and no number in it
                self._members[service] = frozenset()
            except CarrierUnavailable as error:
                if service not in self._members:
                    raise
                log.warning("service not read: what was known holds", account=self._api.name, error=str(error))
        return {sid: service for service in sorted(self._services) for sid in self._members[service]}

    async def _members_of(self, service: str) -> frozenset[str]:
        pages = self._api.pages("messaging", _in_service(service), "phone_numbers", circuit=MESSAGING_CIRCUIT)
        return frozenset([Fields(row, "phone_number").text("sid") async for page in pages for row in page])

    async def service_of(self, number_sid: str) -> Mapping[str, str]:
        """The same of one number."""
        if self._services is None:
            self._services = await self._read_services()
        for service in sorted(self._services):
            with suppress(RequestRejected):
                await self._api.get("messaging", _in_service(service, number_sid))
                return {number_sid: service}
        return {}

    async def _read_services(self) -> frozenset[str]:
        return frozenset([sid async for one in self._applications() if (sid := _service_of(one))])

    async def point(self, number_sid: str, to: Pointers, services: Mapping[str, str]) -> None:
        """Point the number at these things; `services` as in `pointers_of`."""
        await self._api.change_number(number_sid, to.form())
        current = services.get(number_sid)
        if current and current != to.service:
            await self._api.delete_if_there("messaging", _in_service(current, number_sid))
        if to.service and current != to.service:
            await self._join(to.service, number_sid)

    async def _join(self, service: str, number_sid: str) -> None:
        try:
            await self._api.change("messaging", _in_service(service), {"PhoneNumberSid": number_sid})
        except RequestRejected:
            if not await self._is_in(service, number_sid):
                raise

    async def _is_in(self, service: str, number_sid: str) -> bool:
        try:
            await self._api.get("messaging", _in_service(service, number_sid))
        except RequestRejected:
            return False
        return True

    async def park(self, row: Row, services: Mapping[str, str]) -> None:
        """Stop the number's traffic, and note what it points at."""
        before = self.pointers_of(row, services)
        place = await self._parking(before)
        await self.point(row.sid, Pointers(place, place), services)

    async def unpark(self, row: Row) -> None:
        """Point a parked number at what it pointed at before, and at nothing in place of what is gone from Twilio: it
        is then routed anew, and would else stay parked for ever."""
        parked = self._parked.get(row.voice_application or "")
        if parked is None:
            return
        try:
            await self.point(row.sid, parked, {})
        except RequestRejected:
            left = Pointers(*[await self._if_there(sid) for sid in (parked.calls, parked.messages, parked.beside)])
            if left == parked:
                raise
            log.warning("what a parked number pointed at is gone", account=self._api.name, number=row.sid)
            await self.point(row.sid, left, {})

    async def _if_there(self, sid: str | None) -> str | None:
        """The SID; None: it is gone from Twilio."""
        if sid is None:
            return None
        places = {"TK": ("trunking", f"/v1/Trunks/{sid}"), "MG": ("messaging", f"/v1/Services/{sid}")}
        product, path = places.get(sid[:2]) or ("api", self._api.of_account(f"/Applications/{sid}.json"))
        try:
            await self._api.get(product, path)
        except RequestRejected as error:
            if error.code != NOT_FOUND:
                raise
            return None
        return sid

    async def _parking(self, before: Pointers) -> str:
        """The application that parks numbers which pointed at this."""
        async for one in self._applications(PARKED_NAME):
            self._parked[one.sid] = one.parked
            if one.parked == before:
                return one.sid
        note = PARKED_NOTE + urlencode({name: sid for name, sid in asdict(before).items() if sid})
        sid = await self._write_application({"FriendlyName": PARKED_NAME, "MessageStatusCallback": note}, None)
        self._parked[sid] = before
        return sid


def _read_application(row: Fields) -> _Application:
    return _Application(
        row.text("sid"),
        row.maybe_text("friendly_name") or "",
        row.maybe_text("voice_url"),
        row.maybe_text("sms_url"),
        row.maybe_text("sms_fallback_url"),
        row.maybe_text("message_status_callback"),
    )


def _written(target: SipTarget) -> str:
    return f"{target.uri};{target.priority};{target.weight}"


def _place_in(order: list[str], target: SipTarget) -> tuple[int, str]:
    """Where a profile names the target; behind all others, when it does not."""
    written = _written(target)
    return (order.index(written) if written in order else len(order), written)


def _service_of(one: _Application) -> str | None:
    """The messaging service that a profile's note names."""
    messages = (one.profile or {}).get("messages", "")
    return messages if messages.startswith("MG") else None


def _in_service(service: str, number_sid: str | None = None) -> str:
    return f"/v1/Services/{service}/PhoneNumbers" + (f"/{number_sid}" if number_sid else "")


def _names_of_campaign(json: object) -> tuple[str | None, ...]:
    """What a person may call a campaign: Twilio's SID of it, or the registry's id."""
    row = Fields(json, "campaign")
    return (row.maybe_text("sid"), row.maybe_text("campaign_id"))


def _origination_url(target: SipTarget) -> Form:
    return {
        "FriendlyName": target.uri[:64],
        "SipUrl": target.uri,
        "Priority": str(target.priority),
        "Weight": str(target.weight),
        "Enabled": "true",
    }
