"""Telnyx' wire: its paths, what we say, and how what it says is read.

JSON both ways, all answers but errors in `{"data": ...}`; a list adds `meta` with `total_pages`. Amounts are decimal
texts. What is easily taken for something else:

- Of a number two things are its routing: `connection_id` for calls, `messaging_profile_id` for messages. Our id of a
  routing is both, as `<connection>/<profile>`, either of which may be empty.
- Our mark is the number's `customer_reference`: one text, written in one call. The reference of an *order* is another
  one, the order's key; whether Telnyx copies it to the numbers is nowhere said, so that nothing here depends on it.
- A number whose traffic we have stopped remembers its routing in one of its tags, since Telnyx can't suspend a number.
  Another tag says what it was bought for, since Telnyx does not.
- A number is looked up by its digits only: with its `+` the documented answer is an empty list, which is no proof of
  anything. Part of a number is enough to be found, so that each row is compared.
- `messaging_profile_id` may be the text `UNAVAILABLE`. Then the row can't be read: it is no drift.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from urllib.parse import quote

import httpx
import phonenumbers

from ringfleet.carriers.errors import ReplyUnreadable
from ringfleet.carriers.http import Refusal
from ringfleet.carriers.json_fields import AMOUNT, Fields
from ringfleet.model import (
    E164,
    Capability,
    Holding,
    HoldingStatus,
    ItemState,
    Mark,
    Money,
    NumberType,
    Offer,
    Outcome,
    Price,
    Query,
)
from ringfleet.model.attestation import signs_calls
from ringfleet.model.failures import FailureReason
from ringfleet.model.places import answers

PATHS = MappingProxyType(
    {
        "balance": "/v2/balance",
        "available numbers": "/v2/available_phone_numbers",
        "number orders": "/v2/number_orders",
        "number order": "/v2/number_orders/{id}",
        "numbers": "/v2/phone_numbers",
        "number": "/v2/phone_numbers/{id}",
        "messaging of number": "/v2/phone_numbers/{id}/messaging",
        "messaging of numbers": "/v2/phone_numbers/messaging",
        "verify ownership": "/v2/phone_numbers/actions/verify_ownership",
        "update job": "/v2/phone_numbers/jobs/update_phone_numbers",
        "job": "/v2/phone_numbers/jobs/{id}",
        "fqdn connections": "/v2/fqdn_connections",
        "fqdn connection": "/v2/fqdn_connections/{id}",
        "fqdns": "/v2/fqdns",
        "fqdn": "/v2/fqdns/{id}",
        "ip connections": "/v2/ip_connections",
        "ip connection": "/v2/ip_connections/{id}",
        "ips": "/v2/ips",
        "ip": "/v2/ips/{id}",
        "texml applications": "/v2/texml_applications",
        "texml application": "/v2/texml_applications/{id}",
        "messaging profiles": "/v2/messaging_profiles",
        "messaging profile": "/v2/messaging_profiles/{id}",
        "assistant": "/v2/ai/assistants/{id}",
        "detail records": "/v2/detail_records",
        "message": "/v2/messages/{id}",
        "regulatory requirements": "/v2/regulatory_requirements",
        "requirement groups": "/v2/requirement_groups",
        "requirement group": "/v2/requirement_groups/{id}",
        "approval of requirement group": "/v2/requirement_groups/{id}/submit_for_approval",
        "campaigns of numbers": "/v2/10dlc/phone_number_campaigns",
        "campaign of number": "/v2/10dlc/phone_number_campaigns/{id}",
        "documents": "/v2/documents",
        "document": "/v2/documents/{id}",
        "addresses": "/v2/addresses",
        "ordered numbers": "/v2/number_order_phone_numbers",
        "requirement group of ordered number": "/v2/number_order_phone_numbers/{id}/requirement_group",
    }
)

NUMBER = "phone_number"
"""The field of a row that has its number."""
PAGE = 250
"""Rows of a page: the most that Telnyx gives of numbers, orders and profiles."""
MESSAGE_LENGTH = 300

NOT_FOUND = "10005"
NO_FUNDS = "20100"
NOT_SEARCHED = "85000"
"""A number of the order was not among what a search has shown to this account."""
NOT_AVAILABLE = "85001"
"""A number of the order is sold already: to somebody else, or to this very account."""

TYPE_WORDS = {
    NumberType.GEOGRAPHIC: "local",
    NumberType.MOBILE: "mobile",
    NumberType.NATIONAL: "national",
    NumberType.TOLL_FREE: "toll_free",
}
TYPES = {word: type_ for type_, word in TYPE_WORDS.items()} | {
    "landline": NumberType.GEOGRAPHIC,
    "tollfree": NumberType.TOLL_FREE,
}
"""`tollfree` and `longcode` are said of numbers bought long ago, or a moment ago; `longcode` is any other number."""
LONG_CODE = "longcode"
CAPABILITY_WORDS = {
    Capability.VOICE: "voice",
    Capability.SMS: "sms",
    Capability.MMS: "mms",
    Capability.FAX: "fax",
}
CAPABILITIES = {word: capability for capability, word in CAPABILITY_WORDS.items()}
STATUSES = {
    "active": HoldingStatus.ACTIVE,
    "port-out-pending": HoldingStatus.ACTIVE,  # it works until it has gone
    "purchase-pending": HoldingStatus.ACTIVATING,
    "port-pending": HoldingStatus.ACTIVATING,
    "provision-pending": HoldingStatus.ACTIVATING,
    "requirement-info-pending": HoldingStatus.PENDING_DOCUMENTS,
    "requirement-info-under-review": HoldingStatus.PENDING_DOCUMENTS,
    "requirement-info-exception": HoldingStatus.PENDING_DOCUMENTS,
    "emergency-only": HoldingStatus.SUSPENDED,  # calls to the emergency services, and no others
}
NOT_OWNED = frozenset({"purchase-failed", "port-failed", "deleted", "ported-out"})
"""Statuses of rows about numbers that the account does not own, not yet or not any more."""
UNAVAILABLE = "UNAVAILABLE"

SUSPENDED_TAG = "ringfleet-suspended="
"""Begins the tag of a number whose traffic we have stopped; behind it stands the routing that it gets back."""
PRICE_TAG = "ringfleet-price="
"""Begins the tag that says what a number of ours was bought for: its month, once, and the currency."""


def path(name: str, id_: str = "") -> str:
    """A path of the table, with the id that it is about."""
    return PATHS[name].format(id=quote(id_, safe=""))


# What Telnyx says


def parse_offer(json: object, query: Query, seen: float) -> Offer | None:
    """One row of what is for sale; None: it is not what `query` asks for. A row says neither country nor type.

    `seen` is when it was shown, in POSIX seconds: the offer's token.
    """
    row = Fields(json, "offer")
    number = row.number("phone_number")
    listed = row.items("features") if row.has("features") else []
    features = {Fields(one, "offer.features").text("name") for one in listed}
    capabilities = frozenset(CAPABILITIES[word] for word in features if word in CAPABILITIES)
    place = _region(row)
    beside = row.maybe_flag("best_effort") or not national_digits(number).startswith(query.area_code or "")
    if beside or not query.capabilities <= capabilities or not answers(query, number, place):
        return None
    cost = row.inside("cost_information")
    currency = cost.text("currency")
    return Offer(
        number=number,
        country=query.country,
        type=query.type,
        price=Price(cost.price("monthly_cost", currency), cost.price("upfront_cost", currency)),
        area_code=query.area_code or _area_code(number, query.type),
        region=place,
        capabilities=capabilities,
        token=f"{seen:.0f}",
    )


def _region(row: Fields) -> str | None:
    """`San Francisco, CA`, of the places that the row names."""
    places: dict[str, str] = {}
    for json in row.items("region_information") if row.has("region_information") else ():
        place = Fields(json, "offer.region_information")
        if (kind := place.maybe_text("region_type")) and (name := place.maybe_text("region_name")):
            places.setdefault(kind, name)
    city = places.get("location") or places.get("rate_center")
    return ", ".join(filter(None, (city, places.get("state")))) or None


def national_digits(number: E164) -> str:
    """The digits behind the calling code."""
    parsed = phonenumbers.parse(number, None)
    return number.digits[len(str(parsed.country_code)) :]


def _area_code(number: E164, type_: NumberType) -> str | None:
    """Of a number in North America; elsewhere Telnyx does not say where an area code ends."""
    return number[2:5] if type_ is NumberType.GEOGRAPHIC and number.startswith("+1") else None


@dataclass(frozen=True, slots=True)
class NumberRow:
    """One number of the account: the number, and what of its row the adapter needs to change it."""

    holding: Holding
    connection: str = ""
    profile: str = ""
    """The messaging profile."""
    tags: tuple[str, ...] = ()
    locked: bool = False
    """Whether somebody has forbidden, at Telnyx, that it be given back."""

    @property
    def suspended_from(self) -> str | None:
        """The routing that the number had when we stopped its traffic; None: we have not."""
        return _suspended_from(self.tags)

    @property
    def is_stopped(self) -> bool:
        """Whether we have stopped its traffic, altogether."""
        return self.holding.status is HoldingStatus.SUSPENDED and self.suspended_from is not None

    @property
    def other_tags(self) -> tuple[str, ...]:
        """Its tags, without ours."""
        return tuple(tag for tag in self.tags if not tag.startswith(SUSPENDED_TAG))


def is_owned(json: object) -> bool:
    """Whether the row is about a number that the account owns."""
    status = json.get("status") if isinstance(json, dict) else None
    return not (isinstance(status, str) and status in NOT_OWNED)


def parse_number(json: object) -> NumberRow:
    """One number of the account. What it can carry, and when it renews, is not in the row; what it costs only in our
    tag, if we have bought it.

    A number is suspended by us when its tag says so and it has no routing: half of either is not yet, or not any more.
    Its routing is then the one that it gets back.
    """
    row = Fields(json, "number")
    number, reference = row.number("phone_number"), row.maybe_text("customer_reference")
    connection, profile = row.maybe_text("connection_id") or "", row.maybe_text("messaging_profile_id") or ""
    if profile == UNAVAILABLE:
        raise row.wrong("messaging_profile_id", "the id of a profile, which Telnyx can't tell at the moment,")
    tags, mark, country = row.texts("tags"), Mark.parse(reference), row.text("country_iso_alpha2")
    type_, had = _type(row, number), _suspended_from(tags)
    status = row.choice("status", STATUSES)
    stopped = status is HoldingStatus.ACTIVE and had is not None and not (connection or profile)
    holding = Holding(
        number=number,
        external_id=row.text("id"),
        status=HoldingStatus.SUSPENDED if stopped else status,
        country=country,
        type=type_,
        price=_price_in(tags),
        area_code=_area_code(number, type_),
        mark=mark,
        reference=None if mark else reference,
        routing=(had or None) if stopped else routing_id(connection, profile),
        purchased_at=row.maybe_time("purchased_at"),
        # Telnyx signs calls from a number that the account owns with A: test_telnyx_wire.
        attestation="A" if signs_calls(country) else None,
    )
    return NumberRow(holding, connection, profile, tags, row.maybe_flag("deletion_lock_enabled"))


def _suspended_from(tags: Iterable[str]) -> str | None:
    return next((tag.removeprefix(SUSPENDED_TAG) for tag in tags if tag.startswith(SUSPENDED_TAG)), None)


def suspended_tag(routing: str | None) -> str:
    """`routing`: what the number gets back."""
    return f"{SUSPENDED_TAG}{routing or ''}"


def price_tag(price: Price) -> str:
    return f"{PRICE_TAG}{price.monthly.amount:f} {price.setup.amount:f} {price.monthly.currency}"


def _price_in(tags: Iterable[str]) -> Price | None:
    """What our tag says; None: there is none, or somebody has rewritten it."""
    said = next((tag.removeprefix(PRICE_TAG).split() for tag in tags if tag.startswith(PRICE_TAG)), [])
    match said:
        case [monthly, setup, currency] if AMOUNT.fullmatch(monthly) and AMOUNT.fullmatch(setup):
            return Price(Money.parse(monthly, currency), Money.parse(setup, currency))
        case _:
            return None


def _type(row: Fields, number: E164) -> NumberType:
    if row.text("phone_number_type") != LONG_CODE:
        return row.choice("phone_number_type", TYPES)
    mobile = phonenumbers.number_type(phonenumbers.parse(number, None)) == phonenumbers.PhoneNumberType.MOBILE
    return NumberType.MOBILE if mobile else NumberType.GEOGRAPHIC


def messaging_capabilities(json: object) -> tuple[E164, frozenset[Capability]]:
    """One number's row of messaging settings: which messages it can carry."""
    row = Fields(json, "messaging settings")
    features = row.inside("features") if row.has("features") else None
    able = {Capability.SMS: "sms", Capability.MMS: "mms"}
    carried = (one for one, word in able.items() if features and _carries(features, word))
    return row.number("phone_number"), frozenset(carried)


def _carries(features: Fields, word: str) -> bool:
    """Whether any use of such messages is possible."""
    if not features.has(word):
        return False
    uses = features.inside(word)
    return any(map(uses.maybe_flag, ("domestic_two_way", "international_inbound", "international_outbound")))


class OrderState(StrEnum):
    """Telnyx' words for how each number of an order stands."""

    PENDING = "pending"
    SUCCESS = "success"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class OrderItem:
    """One number of an order. `waits`: it is bought, and waits for documents. `routing`: what it is pointed at."""

    number: E164
    state: OrderState
    waits: bool = False
    routing: str | None = None

    @property
    def is_bought(self) -> bool:
        """Whether it is bought, or may still be."""
        return self.state is not OrderState.FAILURE

    @property
    def settled(self) -> bool:
        """Whether Telnyx will change nothing of it by itself within the next minutes."""
        return self.state is not OrderState.PENDING or self.waits


_ORDER_STATES = {state.value: state for state in OrderState}


def parse_order(json: object) -> list[OrderItem]:
    """What the order has of each of its numbers."""
    read = Fields(json, "order")
    routing = routing_id(read.maybe_text("connection_id") or "", read.maybe_text("messaging_profile_id") or "")
    return [replace(parse_order_item(row), routing=routing) for row in read.items("phone_numbers")]


def parse_order_item(json: object) -> OrderItem:
    """One number of an order. One whose requirements were cancelled or deleted is sold no more."""
    row = Fields(json, "ordered number")
    state, requirements = row.choice("status", _ORDER_STATES), row.maybe_text("requirements_status") or ""
    if state is OrderState.PENDING and requirements in _GIVEN_UP:
        return OrderItem(row.number("phone_number"), OrderState.FAILURE)
    waits = state is OrderState.PENDING and requirements.startswith("requirement-info")
    return OrderItem(row.number("phone_number"), state, waits)


_GIVEN_UP = frozenset({"cancelled", "deleted"})


def refusal_reason(code: str) -> FailureReason:
    """Telnyx' code in the house's word."""
    return _REASONS.get(code, FailureReason.CARRIER_REFUSED)


_REASONS = {
    NO_FUNDS: FailureReason.INSUFFICIENT_FUNDS,
    NOT_SEARCHED: FailureReason.OFFER_EXPIRED,
    NOT_AVAILABLE: FailureReason.NUMBER_TAKEN,
}


def failed(number: E164, reason: FailureReason, message: str) -> Outcome:
    """The outcome of a number that was not sold."""
    return Outcome(number, ItemState.FAILED, reason, " ".join(message.split())[:MESSAGE_LENGTH])


def read_refusal(response: httpx.Response) -> Refusal:
    """`{"errors": [{"code", "title", "detail"}]}`, the first of them; some of Telnyx' products write `description`.

    Nothing when something between us and Telnyx answered in its own way.
    """
    try:
        errors = Fields(response.json(), "reply").items("errors")
        error = Fields(errors[0], "error")
        said = (error.maybe_text("title"), error.maybe_text("detail") or error.maybe_text("description"))
        return Refusal(error.maybe_text("code") or "", ": ".join(filter(None, said)))
    except (ValueError, RecursionError, IndexError, ReplyUnreadable):
        return Refusal()


# What we say


def search_params(query: Query, limit: int, ends_with: str = "") -> dict[str, str | Sequence[str]]:
    """A search for exactly what `query` asks for. `ends_with`: the last digits; behind the area code, if one is asked.

    Each feature is a parameter of its own: Telnyx' library joins them by commas, its documentation does not, and a row
    is checked for them again. Digits are matched behind the area code that a search names, and signs match nothing: so
    an area code beside digits is asked for as what the number starts with, and of a pattern with `*` the longest run.
    """
    params: dict[str, str | Sequence[str]] = {
        "filter[country_code]": query.country,
        "filter[phone_number_type]": TYPE_WORDS[query.type],
        "filter[limit]": str(limit),
        "filter[best_effort]": "false",
        "filter[exclude_held_numbers]": "true",
    }
    if query.area_code:
        whole = "filter[phone_number][starts_with]" if query.contains else "filter[national_destination_code]"
        params[whole] = query.area_code
    if query.region:
        params["filter[administrative_area]"] = query.region
    if query.locality:
        params["filter[locality]"] = query.locality
    if query.contains:
        params["filter[phone_number][contains]"] = query.contains.longest_run
    if query.capabilities:
        params["filter[features][]"] = sorted(CAPABILITY_WORDS[one] for one in query.capabilities)
    if ends_with:
        params["filter[phone_number][ends_with]"] = ends_with
    return params


def page_params(number: int, **filters: str) -> dict[str, str]:
    return {"page[number]": str(number), "page[size]": str(PAGE), **filters}


def order(key: str, offers: Iterable[Offer], bundle: str | None, routing: str | None = None) -> dict[str, object]:
    """The order of these numbers, under the key by which it is found again. `bundle`: a requirement group of their
    market, which each of them carries; in some countries nothing is sold without. All of them follow the routing."""
    connection, profile = split_routing_id(routing)
    wishes = {"connection_id": connection, "messaging_profile_id": profile}
    group = {"requirement_group_id": bundle} if bundle else {}
    numbers = [{"phone_number": str(offer.number), **group} for offer in offers]
    return {"phone_numbers": numbers, "customer_reference": key, **{field: id_ for field, id_ in wishes.items() if id_}}


def bought(mark: Mark, price: Price, tags: Iterable[str] = ()) -> dict[str, object]:
    """What is written on a number that we have bought. Tags are replaced as a whole."""
    return {"customer_reference": str(mark), "tags": [*tags, price_tag(price)]}


def routing_id(connection: str, profile: str) -> str | None:
    """Our id of a routing; None: neither calls nor messages go anywhere."""
    return f"{connection}/{profile}" if connection or profile else None


def split_routing_id(id_: str | None) -> tuple[str, str]:
    """Connection and messaging profile, each empty when it is none."""
    connection, _, profile = (id_ or "").partition("/")
    return connection, profile
