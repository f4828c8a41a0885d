"""Owned numbers at the Twilio face: bought one at a time by name, with their routing and their name in the same call.

Three traps are as they are there: a purchase of a number that the account owns already is no error, but an update of
it, answered with the 201 of a purchase; a number that was just bought can be missing when it is fetched (the fault
`slow_activation`); `status` says `in-use` of every number, whoever bought it and when.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from ringfleet.simulator.errors import Code, Refused, invalid, not_found
from ringfleet.simulator.exchange import Exchange
from ringfleet.simulator.faces.twilio import available, emergency
from ringfleet.simulator.faces.twilio.wire import (
    API,
    Json,
    account_of,
    account_sid,
    format_sid,
    mail_time,
    page_size,
    page_token,
    parse_sid,
    read_flag,
    v2010_page,
    whole_v2010_page,
)
from ringfleet.simulator.faults.rules import Operation
from ringfleet.simulator.fields import Fields
from ringfleet.simulator.http.pipeline import Action, Answer, Asked
from ringfleet.simulator.market import GEOGRAPHIC, MOBILE, TOLL_FREE
from ringfleet.simulator.records import Record
from ringfleet.simulator.selling.holdings import Holding, Status
from ringfleet.simulator.selling.sales import Reason, Result
from ringfleet.simulator.selling.stock import Offer

NUMBER: Final = "number"
"""The kind of record that holds what Twilio keeps on a number; its parent is the number."""
_LONGEST_NAME: Final = 64
_TYPES: Final = {"Local": GEOGRAPHIC, "Mobile": MOBILE, "TollFree": TOLL_FREE}
_TYPE_WORDS: Final = {GEOGRAPHIC: "local", MOBILE: "mobile", TOLL_FREE: "tollfree", "national": "national"}
_CODES: Final[Mapping[str, Code]] = {
    Reason.NUMBER_UNAVAILABLE: Code.NUMBER_UNAVAILABLE,
    Reason.INSUFFICIENT_FUNDS: Code.INSUFFICIENT_FUNDS,
    Reason.CARRIER_ERROR: Code.CARRIER_ERROR,
    Reason.BUNDLE_MISSING: Code.BUNDLE_MISSING,
}
_TEXTS: Final[Mapping[str, str]] = {
    "VoiceUrl": "voice_url",
    "VoiceMethod": "voice_method",
    "VoiceFallbackUrl": "voice_fallback_url",
    "VoiceFallbackMethod": "voice_fallback_method",
    "SmsUrl": "sms_url",
    "SmsMethod": "sms_method",
    "SmsFallbackUrl": "sms_fallback_url",
    "SmsFallbackMethod": "sms_fallback_method",
    "StatusCallback": "status_callback",
    "StatusCallbackMethod": "status_callback_method",
    "ApiVersion": "api_version",
}
_CHOICES: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "VoiceReceiveMode": ("voice_receive_mode", ("voice", "fax")),
    "EmergencyStatus": ("emergency_status", ("Active", "Inactive")),
}
_EMERGENCY: Final = "emergency_address_sid"
_REFERENCES: Final[Mapping[str, tuple[str, str, str | None]]] = {
    "VoiceApplicationSid": ("voice_application_sid", "AP", "application"),
    "SmsApplicationSid": ("sms_application_sid", "AP", "application"),
    "TrunkSid": ("trunk_sid", "TK", "trunk"),
    "AddressSid": ("address_sid", "AD", "address"),
    "EmergencyAddressSid": (_EMERGENCY, "AD", "address"),
    "IdentitySid": ("identity_sid", "RI", None),
}
"""What names something else: its field, the two letters, and the kind of record that must be there."""
_FRESH: Final[Json] = {
    "voice_url": None,
    "voice_method": "POST",
    "voice_fallback_url": None,
    "voice_fallback_method": "POST",
    "voice_caller_id_lookup": False,
    "voice_application_sid": None,
    "voice_receive_mode": "voice",
    "trunk_sid": None,
    "sms_url": "",
    "sms_method": "POST",
    "sms_fallback_url": "",
    "sms_fallback_method": "POST",
    "sms_application_sid": "",
    "status_callback": "",
    "status_callback_method": "POST",
    "api_version": "2010-04-01",
    "emergency_status": "Inactive",
    "emergency_address_sid": None,
    "address_sid": None,
    "identity_sid": None,
}
_ROUTES_CALLS: Final = ("voice_url", "voice_application_sid", "trunk_sid", "sms_url", "sms_application_sid")


def buy(exchange: Exchange, asked: Asked) -> Answer:
    account, form = account_of(asked), Fields(asked.body, "body")
    number = _wanted(exchange, form)
    owned = exchange.holdings.owner(number)
    if owned is None or owned.account != account:
        changes = _changes(exchange, account, form)
        owned = _bought(exchange, account, number, form)
        emergency.give(exchange, owned, changes.get(_EMERGENCY), None)
        exchange.records.add(account, NUMBER, {**_FRESH, **changes}, owned.id)
        _take_effect(exchange, account, owned)
    else:
        _update(exchange, account, owned, form)
    return Answer(201, resource(exchange, exchange.holdings.get(account, owned.id)))


def buy_of_type(exchange: Exchange, asked: Asked, kind: str) -> Answer:
    """As `buy`, for a number of the type in the path only."""
    number = Fields(asked.body, "body").required_text("PhoneNumber")
    offer = exchange.stock.offer(number)
    if offer is not None and offer.type != _TYPES[kind]:
        raise Refused(Code.INVALID_NUMBER, f"{number} is not a {kind} number")
    return buy(exchange, asked)


def numbers(exchange: Exchange, asked: Asked, kind: str | None = None) -> Answer:
    account, query = account_of(asked), Fields(asked.query, "query")
    path = f"/2010-04-01/Accounts/{account_sid(account)}/IncomingPhoneNumbers{f'/{kind}' if kind else ''}.json"
    pattern, name = query.text("PhoneNumber"), query.text("FriendlyName")
    if pattern is None and name is None and kind is None:
        page = exchange.listing(account, page_token(query), page_size(query), None)
        rows = [resource(exchange, held) for held in page.holdings]
        return v2010_page(asked, "incoming_phone_numbers", path, rows, page.next)
    since = exchange.shown_until(account)
    shown = (held for held in exchange.holdings.everyone(account) if since is None or held.purchased_at <= since)
    found = [held for held in shown if _asked_for(held, pattern, name, kind)]
    return whole_v2010_page(
        asked, "incoming_phone_numbers", path, found, lambda held: held.id, lambda held: resource(exchange, held)
    )


def number(exchange: Exchange, asked: Asked) -> Answer:
    return Answer(200, resource(exchange, _held(exchange, asked)))


def update(exchange: Exchange, asked: Asked) -> Answer:
    account, form, held = account_of(asked), Fields(asked.body, "body"), _held(exchange, asked)
    _update(exchange, account, held, form)
    if (other := form.text("AccountSid")) and other != account_sid(account):
        _move(exchange, held, other)
        return Answer(200, {**resource(exchange, held), "account_sid": other})
    return Answer(200, resource(exchange, exchange.holdings.get(account, held.id)))


def release(exchange: Exchange, asked: Asked) -> Answer:
    account, held = account_of(asked), _held(exchange, asked)
    if emergency.is_in_the_way(exchange, held, settings(exchange, held)[_EMERGENCY]):
        raise Refused(Code.ADDRESS_ATTACHED, "the emergency address has to be taken off the number first")
    if (kept := _record(exchange, held)) is not None:
        exchange.records.remove(kept)
    emergency.forget(exchange, held)
    exchange.holdings.release(account, held.id)
    return Answer(204)


def resource(exchange: Exchange, held: Holding) -> Json:
    """The number as v2010 writes it."""
    sid, owner = format_sid("PN", held.id), account_sid(held.account)
    record = _record(exchange, held)
    changed = record.changed_at if record else held.purchased_at
    told = {**_FRESH, **(record.content if record else {})}
    return {
        **told,
        "sid": sid,
        "account_sid": owner,
        "phone_number": held.number,
        "friendly_name": held.reference if held.reference is not None else available.spoken(held.number),
        "date_created": mail_time(held.purchased_at),
        "date_updated": mail_time(max(changed, held.purchased_at)),
        "beta": False,
        "capabilities": {word: word in held.capabilities for word in ("voice", "sms", "mms", "fax")},
        "origin": "twilio",
        "status": "in-use",
        "type": _TYPE_WORDS[held.type],
        "uri": f"/2010-04-01/Accounts/{owner}/IncomingPhoneNumbers/{sid}.json",
        "address_requirements": available.address_wanted(held.country, held.type),
        "bundle_sid": None if held.bundle is None else format_sid("BU", held.bundle),
        **emergency.words(exchange, held, told[_EMERGENCY]),
    }


def find(exchange: Exchange, account: str, sid: str | None) -> Holding:
    """The account's number of this SID. Refused when it has none, or not yet."""
    held = exchange.holdings.get(account, parse_sid("PN", sid))
    if held.status(exchange.clock.now()) is Status.ACTIVATING:
        raise not_found("number", f"with the SID {sid}")
    return held


def change_settings(exchange: Exchange, held: Holding, changes: Mapping[str, Any]) -> None:
    """Write these fields of the number, as another product than v2010 does it."""
    record = _record(exchange, held) or exchange.records.add(held.account, NUMBER, _FRESH, held.id)
    exchange.records.change(record, changes)
    _take_effect(exchange, held.account, held)


def _wanted(exchange: Exchange, form: Fields) -> str:
    number, area_code = form.text("PhoneNumber"), form.text("AreaCode")
    if number is not None:
        if not re.fullmatch(r"\+[1-9]\d{6,14}", number):
            raise Refused(Code.INVALID_NUMBER, f"{number} is not a valid phone number")
        return number
    if area_code is None:
        raise invalid("PhoneNumber", "or AreaCode is required")
    found = available.first_in(exchange, area_code)
    if found is None:
        raise Refused(Code.NOTHING_FOR_SALE, f"no number of area code {area_code} is for sale")
    return found


def _bought(exchange: Exchange, account: str, number: str, form: Fields) -> Holding:
    exchange.sales.let_others_come(number, Operation.CHECKOUT, account)
    offer = exchange.stock.offer(number)
    prices = (available.price_of(exchange, offer.country, offer.type), 0) if offer else None
    bundle = parse_sid("BU", form.text("BundleSid")) or None
    if bundle and offer:
        _refuse_without_address(exchange, account, offer, form)
    outcome = exchange.sales.buy(account, number, _name(form), None, bundle, prices, waits=False)
    if outcome.outcome is Result.FAILED or outcome.number_id is None:
        raise Refused(_CODES[outcome.reason or Reason.CARRIER_ERROR], outcome.message or "the number was not sold")
    return exchange.holdings.get(account, outcome.number_id)


def _refuse_without_address(exchange: Exchange, account: str, offer: Offer, form: Fields) -> None:
    """The bundle names an address too; the purchase has to say it all the same."""
    wanted = available.address_wanted(offer.country, offer.type)
    named = exchange.records.get(account, "address", parse_sid("AD", form.text("AddressSid")))
    if wanted != "none" and (named is None or (wanted == "local" and named.content["country"] != offer.country)):
        raise Refused(Code.ADDRESS_MISSING, "Phone Number Requires an Address")


def _update(exchange: Exchange, account: str, held: Holding, form: Fields) -> None:
    changes = _changes(exchange, account, form)
    if _EMERGENCY in changes:
        emergency.give(exchange, held, changes[_EMERGENCY], settings(exchange, held)[_EMERGENCY])
    if "FriendlyName" in form:
        exchange.holdings.set_reference(account, held.id, _name(form))
    if bundle := form.text("BundleSid"):
        exchange.sales.attach(account, held.id, parse_sid("BU", bundle))
    change_settings(exchange, held, changes)


def _name(form: Fields) -> str | None:
    name = form.text("FriendlyName")
    if name is not None and len(name) > _LONGEST_NAME:
        raise invalid("FriendlyName", f"has more than {_LONGEST_NAME} characters")
    return name


def _changes(exchange: Exchange, account: str, form: Fields) -> Json:
    """What the form says of a number's settings, an empty string of a reference being none. Refused when it names
    what is not there."""
    changes: Json = {field: form.text(name) for name, field in _TEXTS.items() if name in form}
    for name, (field, words) in _CHOICES.items():
        if name in form:
            changes[field] = form.choice(name, words)
    if "VoiceCallerIdLookup" in form:
        changes["voice_caller_id_lookup"] = read_flag(form, "VoiceCallerIdLookup")
    for name, (field, prefix, kind) in _REFERENCES.items():
        if name in form:
            changes[field] = _reference(exchange, account, name, form.text(name), prefix, kind)
    if changes.get("trunk_sid"):
        changes["voice_application_sid"] = None
    elif changes.get("voice_application_sid"):
        changes["trunk_sid"] = None
    return changes


def _reference(
    exchange: Exchange, account: str, name: str, sid: str | None, prefix: str, kind: str | None
) -> str | None:
    if not sid:
        return None
    if kind is not None and exchange.records.get(account, kind, parse_sid(prefix, sid)) is None:
        raise invalid(name, f"{sid} is not there in this account")
    return sid


def _take_effect(exchange: Exchange, account: str, held: Holding) -> None:
    told = settings(exchange, held)
    exchange.holdings.route_itself(account, held.id, any(told[field] for field in _ROUTES_CALLS))


def _asked_for(held: Holding, pattern: str | None, name: str | None, kind: str | None) -> bool:
    """`pattern` is any part of the number, `*` any digit of it; `name` the whole name."""
    if kind is not None and held.type != _TYPES[kind]:
        return False
    if name is not None and name != (held.reference or available.spoken(held.number)):
        return False
    digits = re.escape((pattern or "").lstrip("+")).replace(r"\*", r"\d")
    begins = "^" if (pattern or "").startswith("+") else ""
    return re.search(begins + digits, held.number[1:]) is not None


def _held(exchange: Exchange, asked: Asked) -> Holding:
    return find(exchange, account_of(asked), asked.path["sid"])


def _move(exchange: Exchange, held: Holding, other: str) -> None:
    for account in exchange.accounts.all():
        if account_sid(account.id) == other:
            exchange.holdings.move([held.number], account.id)
            return
    raise invalid("AccountSid", f"there is no account {other}")


def _record(exchange: Exchange, held: Holding) -> Record | None:
    return exchange.records.of(held.account, NUMBER, held.id)


def settings(exchange: Exchange, held: Holding) -> Json:
    """What Twilio keeps on a number, by the names of its answers."""
    record = _record(exchange, held)
    return {**_FRESH, **(record.content if record else {})}


def _routes_of_type(kind: str) -> tuple[tuple[str, str, Operation, Action], ...]:
    path = f"{API}/IncomingPhoneNumbers/{kind}.json"
    return (
        ("POST", path, Operation.CHECKOUT, partial(buy_of_type, kind=kind)),
        ("GET", path, Operation.NUMBERS_LIST, partial(numbers, kind=kind)),
    )


ROUTES: Final = (
    ("POST", f"{API}/IncomingPhoneNumbers.json", Operation.CHECKOUT, buy),
    ("GET", f"{API}/IncomingPhoneNumbers.json", Operation.NUMBERS_LIST, numbers),
    *(route for kind in _TYPES for route in _routes_of_type(kind)),
    ("GET", f"{API}/IncomingPhoneNumbers/{{sid}}.json", Operation.NUMBER_GET, number),
    ("POST", f"{API}/IncomingPhoneNumbers/{{sid}}.json", Operation.NUMBER_PATCH, update),
    ("DELETE", f"{API}/IncomingPhoneNumbers/{{sid}}.json", Operation.RELEASE, release),
)
