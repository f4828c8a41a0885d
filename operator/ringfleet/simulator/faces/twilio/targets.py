"""Where a number's calls and messages can go at the Twilio face: applications, SIP trunks, messaging services.

A trunk and a service are given numbers, by their SIDs; that the number itself names its trunk, and says nothing of its
service, is as it is there. `_TARGETS` is the table of what can be made; making, reading, changing and deleting are the
same for all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from ringfleet.simulator.clock import format_time
from ringfleet.simulator.errors import invalid
from ringfleet.simulator.exchange import Exchange
from ringfleet.simulator.faces.twilio import numbers
from ringfleet.simulator.faces.twilio.wire import (
    API,
    Json,
    account_of,
    account_sid,
    format_sid,
    mail_time,
    meta_page,
    missing,
    parse_sid,
    read_flag,
    whole_v2010_page,
)
from ringfleet.simulator.faults.rules import Operation
from ringfleet.simulator.fields import BadField, Fields
from ringfleet.simulator.http.pipeline import Action, Answer, Asked
from ringfleet.simulator.records import Record
from ringfleet.simulator.selling.holdings import Holding

Reader = Callable[[Fields, str], object]
TRUNKING: Final = "/twilio/trunking"
MESSAGING: Final = "/twilio/messaging"


def _text(form: Fields, name: str) -> object:
    return form.text(name)


def _flag(form: Fields, name: str) -> object:
    return read_flag(form, name)


def _texts(form: Fields, name: str) -> object:
    """A name that is given once is a list of one."""
    value = form.any(name)
    return [value] if isinstance(value, str) else value


def _whole(least: int, most: int) -> Reader:
    return lambda form, name: form.integer(name, least, most)


def _sip(form: Fields, name: str) -> object:
    url = form.text(name)
    if url is not None and not url.startswith("sip:"):
        raise BadField(name, f"{url!r} is no sip: URL")
    return url


@dataclass(frozen=True, slots=True)
class Field:
    """One parameter: what it is called in answers, how it is read, what it is when nobody says."""

    answer: str
    read: Reader = _text
    fallback: object = None
    required: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """One kind of target. `site` and `path` are where its list is; `key` names the list in answers; `links` are what
    hangs below it, and goes with it."""

    kind: str
    prefix: str
    key: str
    site: str
    path: str
    fields: Mapping[str, Field]
    parent: tuple[str, str, str] | None = None
    """Of what it belongs to: its kind, the two letters, and the name under which answers have its SID."""
    links: Mapping[str, str] | None = None
    fixed: Mapping[str, object] | None = None
    """What answers say besides, the same of each."""
    belongings: tuple[str, ...] = ()


_APPLICATION: Final = Target(
    "application",
    "AP",
    "applications",
    "",
    "Applications",
    {
        "FriendlyName": Field("friendly_name"),
        "ApiVersion": Field("api_version", fallback="2010-04-01"),
        "VoiceUrl": Field("voice_url"),
        "VoiceMethod": Field("voice_method", fallback="POST"),
        "VoiceFallbackUrl": Field("voice_fallback_url"),
        "VoiceFallbackMethod": Field("voice_fallback_method", fallback="POST"),
        "VoiceCallerIdLookup": Field("voice_caller_id_lookup", _flag, fallback=False),
        "StatusCallback": Field("status_callback"),
        "StatusCallbackMethod": Field("status_callback_method", fallback="POST"),
        "SmsUrl": Field("sms_url"),
        "SmsMethod": Field("sms_method", fallback="POST"),
        "SmsFallbackUrl": Field("sms_fallback_url"),
        "SmsFallbackMethod": Field("sms_fallback_method", fallback="POST"),
        "SmsStatusCallback": Field("sms_status_callback"),
        "MessageStatusCallback": Field("message_status_callback"),
        "PublicApplicationConnectEnabled": Field("public_application_connect_enabled", _flag, fallback=False),
    },
)
_TRUNK: Final = Target(
    "trunk",
    "TK",
    "trunks",
    "https://trunking.twilio.com",
    "/v1/Trunks",
    {
        "FriendlyName": Field("friendly_name"),
        "DomainName": Field("domain_name"),
        "DisasterRecoveryUrl": Field("disaster_recovery_url"),
        "DisasterRecoveryMethod": Field("disaster_recovery_method"),
        "TransferMode": Field("transfer_mode", fallback="disable-all"),
        "Secure": Field("secure", _flag, fallback=False),
        "CnamLookupEnabled": Field("cnam_lookup_enabled", _flag, fallback=False),
        "TransferCallerId": Field("transfer_caller_id", fallback="from-transferee"),
    },
    links={"origination_urls": "OriginationUrls", "phone_numbers": "PhoneNumbers"},
    fixed={
        "auth_type": "",
        "auth_type_set": [],
        "symmetric_rtp_enabled": False,
        "recording": {"mode": "do-not-record", "trim": "do-not-trim"},
    },
    belongings=("origination_url",),
)
_ORIGINATION: Final = Target(
    "origination_url",
    "OU",
    "origination_urls",
    "https://trunking.twilio.com",
    "/v1/Trunks/{parent}/OriginationUrls",
    {
        "Weight": Field("weight", _whole(1, 65_535), required=True),
        "Priority": Field("priority", _whole(0, 65_535), required=True),
        "Enabled": Field("enabled", _flag, required=True),
        "FriendlyName": Field("friendly_name", required=True),
        "SipUrl": Field("sip_url", _sip, required=True),
    },
    parent=("trunk", "TK", "trunk_sid"),
)
_SERVICE: Final = Target(
    "messaging_service",
    "MG",
    "services",
    "https://messaging.twilio.com",
    "/v1/Services",
    {
        "FriendlyName": Field("friendly_name", required=True),
        "InboundRequestUrl": Field("inbound_request_url"),
        "InboundMethod": Field("inbound_method", fallback="POST"),
        "FallbackUrl": Field("fallback_url"),
        "FallbackMethod": Field("fallback_method", fallback="POST"),
        "StatusCallback": Field("status_callback"),
        "StickySender": Field("sticky_sender", _flag, fallback=True),
        "MmsConverter": Field("mms_converter", _flag, fallback=True),
        "SmartEncoding": Field("smart_encoding", _flag, fallback=True),
        "ScanMessageContent": Field("scan_message_content", fallback="inherit"),
        "AreaCodeGeomatch": Field("area_code_geomatch", _flag, fallback=True),
        "ValidityPeriod": Field("validity_period", _whole(1, 36_000), fallback=36_000),
        "SynchronousValidation": Field("synchronous_validation", _flag, fallback=False),
        "Usecase": Field("usecase", fallback="undeclared"),
        "UseInboundWebhookOnNumber": Field("use_inbound_webhook_on_number", _flag, fallback=False),
    },
    links={"phone_numbers": "PhoneNumbers", "us_app_to_person": "Compliance/Usa2p"},
    fixed={"fallback_to_long_code": False},
    belongings=("service_number", "campaign"),
)
_CAMPAIGN: Final = Target(
    "campaign",
    "QE",
    "compliance",
    "https://messaging.twilio.com",
    "/v1/Services/{parent}/Compliance/Usa2p",
    {
        "BrandRegistrationSid": Field("brand_registration_sid", required=True),
        "Description": Field("description", required=True),
        "MessageFlow": Field("message_flow", required=True),
        "MessageSamples": Field("message_samples", _texts, required=True),
        "UsAppToPersonUsecase": Field("us_app_to_person_usecase", required=True),
        "HasEmbeddedLinks": Field("has_embedded_links", _flag, required=True),
        "HasEmbeddedPhone": Field("has_embedded_phone", _flag, required=True),
        "OptInMessage": Field("opt_in_message"),
        "OptOutMessage": Field("opt_out_message"),
        "HelpMessage": Field("help_message"),
        "OptInKeywords": Field("opt_in_keywords", _texts),
        "OptOutKeywords": Field("opt_out_keywords", _texts),
        "HelpKeywords": Field("help_keywords", _texts),
        "SubscriberOptIn": Field("subscriber_opt_in", _flag, fallback=False),
        "AgeGated": Field("age_gated", _flag, fallback=False),
        "DirectLending": Field("direct_lending", _flag, fallback=False),
        "PrivacyPolicyUrl": Field("privacy_policy_url"),
        "TermsAndConditionsUrl": Field("terms_and_conditions_url"),
    },
    parent=("messaging_service", "MG", "messaging_service_sid"),
    fixed={
        "campaign_status": "VERIFIED",
        "campaign_id": None,
        "is_externally_registered": False,
        "rate_limits": None,
        "mock": False,
        "errors": [],
    },
)


def make(exchange: Exchange, asked: Asked, target: Target) -> Answer:
    account, form = account_of(asked), Fields(asked.body, "body")
    content = {field.answer: field.fallback for field in target.fields.values()} | _read(target, form)
    for name, field in target.fields.items():
        if field.required and content[field.answer] is None:
            raise invalid(name, "is required")
    record = exchange.records.add(account, target.kind, content, _parent(exchange, asked, target))
    return Answer(201, _resource(asked, target, record))


def show(exchange: Exchange, asked: Asked, target: Target) -> Answer:
    return Answer(200, _resource(asked, target, _find(exchange, asked, target)))


def change(exchange: Exchange, asked: Asked, target: Target) -> Answer:
    record = exchange.records.change(_find(exchange, asked, target), _read(target, Fields(asked.body, "body")))
    return Answer(200, _resource(asked, target, record))


def drop(exchange: Exchange, asked: Asked, target: Target) -> Answer:
    exchange.records.remove(_find(exchange, asked, target), *target.belongings)
    return Answer(204)


def show_all(exchange: Exchange, asked: Asked, target: Target) -> Answer:
    account, wanted = account_of(asked), Fields(asked.query, "query").text("FriendlyName")
    found = exchange.records.all(account, target.kind, _parent(exchange, asked, target))
    named = [one for one in found if wanted in (None, one.content.get("friendly_name"))]
    row = partial(_resource, asked, target)
    if not target.site:
        path = f"/2010-04-01/Accounts/{account_sid(account)}/{target.path}.json"
        return whole_v2010_page(asked, target.key, path, named, _id_of, row)
    return meta_page(asked, target.key, _url(asked, target), named, _id_of, row)


# The numbers of a trunk are those that name it.


def give_to_trunk(exchange: Exchange, asked: Asked) -> Answer:
    trunk = _parent(exchange, asked, _ORIGINATION)
    held = numbers.find(exchange, account_of(asked), Fields(asked.body, "body").required_text("PhoneNumberSid"))
    changes = {"trunk_sid": format_sid("TK", trunk), "voice_application_sid": None}
    numbers.change_settings(exchange, held, changes)
    return Answer(201, _trunk_number(exchange, held, trunk))


def numbers_of_trunk(exchange: Exchange, asked: Asked) -> Answer:
    trunk = _parent(exchange, asked, _ORIGINATION)
    url = f"https://trunking.twilio.com/v1/Trunks/{asked.path['parent']}/PhoneNumbers"
    row = partial(_trunk_number, exchange, trunk=trunk)
    return meta_page(asked, "phone_numbers", url, _on_trunk(exchange, asked, trunk), lambda held: held.id, row)


def number_of_trunk(exchange: Exchange, asked: Asked) -> Answer:
    trunk = _parent(exchange, asked, _ORIGINATION)
    return Answer(200, _trunk_number(exchange, _one_on_trunk(exchange, asked, trunk), trunk))


def take_from_trunk(exchange: Exchange, asked: Asked) -> Answer:
    held = _one_on_trunk(exchange, asked, _parent(exchange, asked, _ORIGINATION))
    numbers.change_settings(exchange, held, {"trunk_sid": None})
    return Answer(204)


# The numbers of a messaging service are records of the service: a number says nothing of it.


def give_to_service(exchange: Exchange, asked: Asked) -> Answer:
    account, service = account_of(asked), _parent(exchange, asked, _CAMPAIGN)
    held = numbers.find(exchange, account, Fields(asked.body, "body").required_text("PhoneNumberSid"))
    for other in exchange.records.all(account, "messaging_service"):
        if any(one.content["number"] == held.id for one in exchange.records.all(account, "service_number", other.id)):
            raise invalid("PhoneNumberSid", "the number is in a messaging service already")
    record = exchange.records.add(account, "service_number", {"number": held.id}, service)
    exchange.holdings.route_itself(account, held.id, routed=True)
    return Answer(201, _service_number(exchange, asked, record))


def numbers_of_service(exchange: Exchange, asked: Asked) -> Answer:
    url = f"https://messaging.twilio.com/v1/Services/{asked.path['parent']}/PhoneNumbers"
    found = _in_service(exchange, asked)
    return meta_page(asked, "phone_numbers", url, found, _id_of, partial(_service_number, exchange, asked))


def number_of_service(exchange: Exchange, asked: Asked) -> Answer:
    return Answer(200, _service_number(exchange, asked, _one_in_service(exchange, asked)))


def take_from_service(exchange: Exchange, asked: Asked) -> Answer:
    record = _one_in_service(exchange, asked)
    exchange.records.remove(record)
    held = exchange.holdings.get(account_of(asked), record.content["number"])
    numbers.change_settings(exchange, held, {})
    return Answer(204)


def _read(target: Target, form: Fields) -> Json:
    return {field.answer: field.read(form, name) for name, field in target.fields.items() if name in form}


def _find(exchange: Exchange, asked: Asked, target: Target) -> Record:
    account, parent = account_of(asked), _parent(exchange, asked, target)
    record = exchange.records.get(account, target.kind, parse_sid(target.prefix, asked.path["sid"]), parent)
    if record is None:
        raise missing(asked)
    return record


def _parent(exchange: Exchange, asked: Asked, target: Target) -> int:
    """The id of what it belongs to, 0 when it belongs to nothing. Refused when that is not there."""
    if target.parent is None:
        return 0
    kind, prefix, _ = target.parent
    record = exchange.records.get(account_of(asked), kind, parse_sid(prefix, asked.path["parent"]))
    if record is None:
        raise missing(asked)
    return record.id


def _url(asked: Asked, target: Target) -> str:
    return target.site + target.path.format(parent=asked.path.get("parent"))


def _id_of(record: Record) -> int:
    return record.id


def _resource(asked: Asked, target: Target, record: Record) -> Json:
    account = account_sid(asked.customer.account.id)
    sid = format_sid(target.prefix, record.id)
    told = {"sid": sid, "account_sid": account, **record.content, **(target.fixed or {})}
    if target.kind == "messaging_service":
        told["us_app_to_person_registered"] = False
    if not target.site:
        times = {"date_created": mail_time(record.made_at), "date_updated": mail_time(record.changed_at)}
        return {**told, **times, "uri": f"/2010-04-01/Accounts/{account}/{target.path}/{sid}.json"}
    if target.parent is not None:
        told[target.parent[2]] = asked.path["parent"]
    url = f"{_url(asked, target)}/{sid}"
    links = {name: f"{url}/{path}" for name, path in (target.links or {}).items()}
    times = {"date_created": format_time(record.made_at), "date_updated": format_time(record.changed_at)}
    return {**told, **times, "url": url, **({"links": links} if links else {})}


def _on_trunk(exchange: Exchange, asked: Asked, trunk: int) -> list[Holding]:
    sid = format_sid("TK", trunk)
    everyone = exchange.holdings.everyone(account_of(asked))
    return [held for held in everyone if numbers.settings(exchange, held)["trunk_sid"] == sid]


def _one_on_trunk(exchange: Exchange, asked: Asked, trunk: int) -> Holding:
    for held in _on_trunk(exchange, asked, trunk):
        if format_sid("PN", held.id) == asked.path["sid"]:
            return held
    raise missing(asked)


def _trunk_number(exchange: Exchange, held: Holding, trunk: int) -> Json:
    told = numbers.resource(exchange, held)
    url = f"https://trunking.twilio.com/v1/Trunks/{format_sid('TK', trunk)}/PhoneNumbers/{told['sid']}"
    times = {"date_created": format_time(held.purchased_at), "date_updated": format_time(held.purchased_at)}
    return {name: told[name] for name in _TRUNK_NUMBER} | times | {"url": url, "links": {"phone_number": told["uri"]}}


_TRUNK_NUMBER: Final = (
    "account_sid",
    "address_requirements",
    "api_version",
    "beta",
    "capabilities",
    "friendly_name",
    "phone_number",
    "sid",
    "sms_application_sid",
    "sms_fallback_method",
    "sms_fallback_url",
    "sms_method",
    "sms_url",
    "status_callback",
    "status_callback_method",
    "trunk_sid",
    "voice_application_sid",
    "voice_caller_id_lookup",
    "voice_fallback_method",
    "voice_fallback_url",
    "voice_method",
    "voice_url",
)


def _in_service(exchange: Exchange, asked: Asked) -> list[Record]:
    """Those of its numbers that are still owned."""
    account, service = account_of(asked), _parent(exchange, asked, _CAMPAIGN)
    owned = {held.id for held in exchange.holdings.everyone(account)}
    found = exchange.records.all(account, "service_number", service)
    return [one for one in found if one.content["number"] in owned]


def _one_in_service(exchange: Exchange, asked: Asked) -> Record:
    for record in _in_service(exchange, asked):
        if format_sid("PN", record.content["number"]) == asked.path["sid"]:
            return record
    raise missing(asked)


def _service_number(exchange: Exchange, asked: Asked, record: Record) -> Json:
    held = exchange.holdings.get(account_of(asked), record.content["number"])
    sid = format_sid("PN", held.id)
    words = {"voice": "Voice", "sms": "SMS", "mms": "MMS"}
    return {
        "sid": sid,
        "account_sid": account_sid(held.account),
        "service_sid": asked.path["parent"],
        "phone_number": held.number,
        "country_code": held.country,
        "capabilities": [words[one] for one in held.capabilities if one in words],
        "date_created": format_time(record.made_at),
        "date_updated": format_time(record.changed_at),
        "url": f"https://messaging.twilio.com/v1/Services/{asked.path['parent']}/PhoneNumbers/{sid}",
    }


def _routes(target: Target, base: str, end: str = "") -> tuple[tuple[str, str, Operation, Action], ...]:
    """The five calls of a kind."""
    all_, one = f"{base}{end}", f"{base}/{{sid}}{end}"
    return (
        ("POST", all_, Operation.SERVICE_PUT, partial(make, target=target)),
        ("GET", all_, Operation.SERVICE_GET, partial(show_all, target=target)),
        ("GET", one, Operation.SERVICE_GET, partial(show, target=target)),
        ("POST", one, Operation.SERVICE_PUT, partial(change, target=target)),
        ("DELETE", one, Operation.SERVICE_DELETE, partial(drop, target=target)),
    )


_TRUNK_NUMBERS: Final = f"{TRUNKING}/v1/Trunks/{{parent}}/PhoneNumbers"
_SERVICE_NUMBERS: Final = f"{MESSAGING}/v1/Services/{{parent}}/PhoneNumbers"

ROUTES: Final = (
    *_routes(_APPLICATION, f"{API}/Applications", ".json"),
    *_routes(_TRUNK, f"{TRUNKING}/v1/Trunks"),
    *_routes(_ORIGINATION, f"{TRUNKING}/v1/Trunks/{{parent}}/OriginationUrls"),
    *_routes(_SERVICE, f"{MESSAGING}/v1/Services"),
    *_routes(_CAMPAIGN, f"{MESSAGING}/v1/Services/{{parent}}/Compliance/Usa2p"),
    ("POST", _TRUNK_NUMBERS, Operation.NUMBER_PATCH, give_to_trunk),
    ("GET", _TRUNK_NUMBERS, Operation.SERVICE_GET, numbers_of_trunk),
    ("GET", f"{_TRUNK_NUMBERS}/{{sid}}", Operation.SERVICE_GET, number_of_trunk),
    ("DELETE", f"{_TRUNK_NUMBERS}/{{sid}}", Operation.NUMBER_PATCH, take_from_trunk),
    ("POST", _SERVICE_NUMBERS, Operation.NUMBER_PATCH, give_to_service),
    ("GET", _SERVICE_NUMBERS, Operation.SERVICE_GET, numbers_of_service),
    ("GET", f"{_SERVICE_NUMBERS}/{{sid}}", Operation.SERVICE_GET, number_of_service),
    ("DELETE", f"{_SERVICE_NUMBERS}/{{sid}}", Operation.NUMBER_PATCH, take_from_service),
)
