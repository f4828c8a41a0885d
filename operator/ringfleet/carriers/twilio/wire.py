"""Twilio's words: what we say to it, and how what it says is read.

Forms go out, with names in CamelCase; JSON comes back, in snake_case. Times of the oldest product are those of mail
headers (RFC 2822). A number of the account says neither its country nor its price: the first is read from its digits,
the second from the price list. A word for a capability is read whatever its letters' case: a search writes `SMS` where
a number of the account says `sms`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx
import phonenumbers

from ringfleet.carriers.errors import ReplyUnreadable
from ringfleet.carriers.http import Refusal
from ringfleet.carriers.json_fields import Fields
from ringfleet.model import (
    E164,
    Capability,
    Holding,
    HoldingStatus,
    ItemState,
    Mark,
    NumberType,
    Offer,
    Outcome,
    Price,
)
from ringfleet.model.emergency import EmergencyStanding, EmergencyState
from ringfleet.model.failures import FailureReason
from ringfleet.model.geography import whereabouts
from ringfleet.model.numbering import is_toll_free, nanp_countries

Form = Mapping[str, str | Sequence[str]]

NUMBERS = "/IncomingPhoneNumbers"
NAME_LENGTH = 64
"""How many characters a FriendlyName has at most: it carries our mark."""
KINDS = {
    NumberType.GEOGRAPHIC: "Local",
    NumberType.MOBILE: "Mobile",
    NumberType.NATIONAL: "National",
    NumberType.TOLL_FREE: "TollFree",
}
"""The word of a search's path for each number type."""
TYPES = {
    "local": NumberType.GEOGRAPHIC,
    "mobile": NumberType.MOBILE,
    "national": NumberType.NATIONAL,
    "tollfree": NumberType.TOLL_FREE,
}
"""Twilio writes the last one in four ways: letters alone count."""
CAPABILITIES = {
    "voice": Capability.VOICE,
    "sms": Capability.SMS,
    "mms": Capability.MMS,
    "fax": Capability.FAX,
}
ENABLED = {
    Capability.VOICE: "VoiceEnabled",
    Capability.SMS: "SmsEnabled",
    Capability.MMS: "MmsEnabled",
    Capability.FAX: "FaxEnabled",
}
"""The filter of a search for each capability."""

NOT_FOUND = "20404"
INACTIVE_ACCOUNT = "20005"
SUSPENDED = frozenset({INACTIVE_ACCOUNT, "10001", "20403"})
"""The account is not active: suspended or closed, or out of money."""
NOT_AVAILABLE = "21422"
MESSAGE_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Row:
    """One number of the account as Twilio has it, before it is known what it costs and follows."""

    sid: str
    number: E164
    name: str | None
    """Its FriendlyName; None where nobody has given it one."""
    created: datetime | None
    updated: datetime | None
    type: NumberType
    capabilities: frozenset[Capability]
    trunk: str | None
    voice_application: str | None
    sms_application: str | None
    bundle: str | None
    emergency: EmergencyStanding

    @property
    def mark(self) -> Mark | None:
        return Mark.parse(self.name)

    @property
    def country(self) -> str:
        """Raises ReplyUnreadable: its digits are of no country."""
        country = whereabouts(self.number).country
        if country is None:
            raise ReplyUnreadable("the reply's number.phone_number is of no country; one of a country was expected")
        return country


# What Twilio says


def parse_offer(json: object, type_: NumberType, area_code: str | None, price: Price) -> Offer:
    """One row of a search for `type_`; `area_code` is the one that was asked for, `price` that of its market."""
    row = Fields(json, "available number")
    number, country = row.number("phone_number"), row.text("iso_country")
    place = ", ".join(filter(None, (row.maybe_text("locality"), row.maybe_text("region"))))
    return Offer(
        number=number,
        country=country,
        type=type_,
        price=price,
        area_code=area_code_of(number, country) or area_code,
        region=place or None,
        capabilities=_capabilities(row),
        needs_documents=row.maybe_text("address_requirements") not in (None, "none"),
    )


def parse_row(json: object) -> Row:
    """One number of the account."""
    return read_row(Fields(json, "number"))


def read_row(row: Fields) -> Row:
    """The same of fields."""
    number = row.number("phone_number")
    name = row.maybe_text("friendly_name")
    return Row(
        sid=row.text("sid"),
        number=number,
        name=None if name is None or _is_the_number(name, number) else name,
        created=mail_time(row, "date_created"),
        updated=mail_time(row, "date_updated"),
        type=_type(row.maybe_text("type"), number),
        capabilities=_capabilities(row),
        trunk=row.maybe_text("trunk_sid"),
        voice_application=row.maybe_text("voice_application_sid"),
        sms_application=row.maybe_text("sms_application_sid"),
        bundle=row.maybe_text("bundle_sid"),
        emergency=standing_in(row),
    )


REGISTRATIONS = {
    "registered": EmergencyState.REGISTERED,
    "pending-registration": EmergencyState.PENDING,
    "registration-failure": EmergencyState.FAILED,
    "pending-unregistration": EmergencyState.REMOVING,
    "unregistration-failure": EmergencyState.FAILED,
}


def standing_in(row: Fields) -> EmergencyStanding:
    """The emergency address of a number, and how it stands. One that is not said to be registered yet is on its way."""
    address = row.maybe_text("emergency_address_sid")
    otherwise = EmergencyState.PENDING if address else EmergencyState.UNREGISTERED
    state = REGISTRATIONS.get(row.maybe_text("emergency_address_status") or "", otherwise)
    return EmergencyStanding(state, None if state is EmergencyState.REMOVING else address)


def holding_of(row: Row, price: Price | None, routing: str | None, parked: bool) -> Holding:
    """The number as the rest of the house knows it; `routing` is what it follows, also while it is parked."""
    return Holding(
        number=row.number,
        external_id=row.sid,
        status=HoldingStatus.SUSPENDED if parked else HoldingStatus.ACTIVE,
        country=row.country,
        type=row.type,
        price=price,
        area_code=area_code_of(row.number, row.country),
        capabilities=row.capabilities,
        mark=row.mark,
        reference=None if row.mark else row.name,
        routing=routing,
        bundle=row.bundle,
        purchased_at=row.created,
        emergency=row.emergency,
    )


def unnamed(number: E164) -> Form:
    """The name of a number that nobody has named."""
    return {"FriendlyName": number}


def failed(number: E164, reason: FailureReason, message: str) -> Outcome:
    return Outcome(number, ItemState.FAILED, reason, " ".join(message.split())[:MESSAGE_LENGTH])


def read_refusal(response: httpx.Response) -> Refusal:
    """`{code, message}`, or `{code, title, detail}` of RFC 9457; nothing when somebody between us and Twilio answers in
    a way of his own. A code is a number there, and a word here."""
    try:
        body = response.json()
    except (ValueError, RecursionError):
        return Refusal()
    if not isinstance(body, dict):
        return Refusal()
    code = body.get("code")
    words = [body.get(field) for field in ("message", "title", "detail")]
    told = ": ".join(word.strip() for word in words if isinstance(word, str) and word.strip())
    word = str(code) if isinstance(code, int | str) else ""
    return Refusal(word, told, of_account=word in SUSPENDED)


def area_code_of(number: E164, country: str) -> str | None:
    """Of a North American number; elsewhere nobody says how long an area code is."""
    return number[2:5] if country in nanp_countries() else None


def _is_the_number(name: str, number: E164) -> bool:
    """A number that nobody has named has itself for a name: `(415) 555-0100`, or as it is."""
    written = re.fullmatch(r"[\d\s().+-]+", name) is not None
    digits = re.sub(r"\D", "", name)
    return written and bool(digits) and number.digits.endswith(digits)


def mail_time(row: Fields, field: str) -> datetime | None:
    """A time of the oldest product, as UTC; None: there is none."""
    text = row.maybe_text(field)
    if text is None:
        return None
    try:
        time = parsedate_to_datetime(text)
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise row.wrong(field, "a time such as Thu, 30 Jul 2015 23:19:04 +0000") from error


def _type(word: str | None, number: E164) -> NumberType:
    """By Twilio's word where it has one that we know, else by the digits."""
    told = TYPES.get(re.sub("[^a-z]", "", (word or "").lower()))
    return told or _type_by_digits(number)


def _type_by_digits(number: E164) -> NumberType:
    if is_toll_free(number):
        return NumberType.TOLL_FREE
    match phonenumbers.number_type(phonenumbers.parse(number, None)):
        case phonenumbers.PhoneNumberType.MOBILE:
            return NumberType.MOBILE
        case phonenumbers.PhoneNumberType.TOLL_FREE:
            return NumberType.TOLL_FREE
        case phonenumbers.PhoneNumberType.FIXED_LINE | phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE:
            return NumberType.GEOGRAPHIC
        case _:
            return NumberType.NATIONAL


def _capabilities(row: Fields) -> frozenset[Capability]:
    """Those that we know; Twilio may well have others."""
    if not row.has("capabilities"):
        return frozenset()
    told = row.inside("capabilities")
    words = {word.lower() for word in told.names() if told.flag(word)}
    return frozenset(CAPABILITIES[word] for word in words & CAPABILITIES.keys())
