"""The words for what can go wrong: operations, faults, and the rules that join them, as files and flags write them.

As JSON, in a fault file or at the control endpoint::

    {"fault": "reply_lost", "operations": ["checkout"], "script": [false, false, true]}
    {"fault": "latency", "probability": 0.1, "seconds": [0.2, 1.5], "account": "acct-1"}

As a flag: `reply_lost:operations=checkout:script=0,0,1`, `latency:probability=0.1:seconds=0.2-1.5:account=acct-1`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final

from ringfleet.simulator.fields import BadField, Fields


class Operation(StrEnum):
    """What a carrier can be asked, whatever its wire looks like. A face without a cart maps its purchase to
    CHECKOUT."""

    SEARCH = "search"
    CART_ADD = "cart_add"
    CART_LIST = "cart_list"
    CART_REMOVE = "cart_remove"
    CHECKOUT = "checkout"
    NUMBERS_LIST = "numbers_list"
    NUMBER_GET = "number_get"
    NUMBER_PATCH = "number_patch"
    SUSPEND = "suspend"
    RESUME = "resume"
    RELEASE = "release"
    PROFILE_PUT = "profile_put"
    PROFILE_LIST = "profile_list"
    ACCOUNT = "account"
    MARKETS = "markets"
    PRICES = "prices"
    ORDER_FIND = "order_find"
    ORDER_GET = "order_get"
    SERVICE_PUT = "service_put"
    SERVICE_GET = "service_get"
    SERVICE_DELETE = "service_delete"
    """What numbers can be given to: applications, trunks, messaging services."""
    REQUIREMENTS = "requirements"
    ITEM_FIND = "item_find"
    END_USER_CREATE = "end_user_create"
    DOCUMENT_CREATE = "document_create"
    BUNDLE_FIND = "bundle_find"
    BUNDLE_GET = "bundle_get"
    BUNDLE_CREATE = "bundle_create"
    BUNDLE_ITEMS = "bundle_items"
    BUNDLE_EVALUATE = "bundle_evaluate"
    BUNDLE_SUBMIT = "bundle_submit"
    BUNDLE_ATTACH = "bundle_attach"
    BUNDLE_DELETE = "bundle_delete"
    ITEM_DELETE = "item_delete"
    MESSAGES_LIST = "messages_list"
    MESSAGE_GET = "message_get"
    CALLS_LIST = "calls_list"
    WEBHOOK_PUT = "webhook_put"
    WEBHOOK_GET = "webhook_get"
    WEBHOOK_DELETE = "webhook_delete"
    WEBHOOK = "webhook"
    """Not asked of the carrier: it tells the account of an event."""


class Fault(StrEnum):
    LATENCY = "latency"
    """The call takes `seconds` longer, and goes on when the client has given up."""
    RATE_LIMITED = "rate_limited"
    """429 with `retry_after` in seconds, or without it when that is null. The call is not processed."""
    SERVER_ERROR = "server_error"
    """A 5xx of `status`; nothing was done."""
    SERVER_ERROR_AFTER_COMMIT = "server_error_after_commit"
    """A 5xx of `status`; all was done."""
    SEARCH_DOWN = "search_down"
    """503 on search."""
    RESET_BEFORE_COMMIT = "reset_before_commit"
    """The connection is reset; nothing was done."""
    RESET_AFTER_COMMIT = "reset_after_commit"
    """The connection is reset; all was done."""
    REPLY_LOST = "reply_lost"
    """All was done, and no answer comes: `how` is `hang` until the client gives up, or `close` at once."""
    LISTING_LAG = "listing_lag"
    """Numbers bought in the last `seconds` (of the exchange's clock) are not listed yet."""
    TRUNCATED_LISTING = "truncated_listing"
    """Half a page, and it says that it is the last, though its total says more."""
    EMPTY_LISTING = "empty_listing"
    """Nothing is listed, and the total agrees. A number that is asked for by its digits is found."""
    SHORT_LISTING = "short_listing"
    """A number is not listed, and the total agrees. When it is asked for by its digits, it is found."""
    SNAPPED_UP = "snapped_up"
    """Another buyer takes the number just before it is put into the cart, or just before the checkout."""
    PARTIAL_FAILURE = "partial_failure"
    """An item of a checkout fails with `carrier_error` and stays in the cart."""
    SLOW_ACTIVATION = "slow_activation"
    """A number is `activating` for `seconds` (of the exchange's clock)."""
    PENDING_DOCUMENTS = "pending_documents"
    """A number waits for documents in a market that does not require any."""
    ATTACH_REFUSED = "attach_refused"
    """A number is not given the bundle that it should carry."""
    CAMPAIGN_REFUSED = "campaign_refused"
    """A number is not let into a campaign, which is told when one asks again."""
    SLOW_EMERGENCY = "slow_emergency"
    """An emergency address is registered, or taken off, `seconds` later (of the exchange's clock)."""
    EMERGENCY_FAILED = "emergency_failed"
    """An emergency address that a number is given can't be registered, which is told when one asks again."""
    REVIEW_REJECTED = "review_rejected"
    """A review finds fault with a document of the type `document` (None: with each), and gives `reason`."""

    EVENT_DELAYED = "event_delayed"
    """The account is told of an event `seconds` later (of the exchange's clock)."""
    EVENT_REORDERED = "event_reordered"
    """The account is told of an event after the one that follows it."""
    EVENT_DUPLICATED = "event_duplicated"
    """The account is told of an event once more, after it has said yes."""
    EVENT_REPLY_LOST = "event_reply_lost"
    """The account's yes does not arrive, so that it will be told again."""


_STRIKES: Final[Mapping[Fault, frozenset[Operation]]] = {
    Fault.SEARCH_DOWN: frozenset({Operation.SEARCH}),
    Fault.LISTING_LAG: frozenset({Operation.NUMBERS_LIST}),
    Fault.TRUNCATED_LISTING: frozenset({Operation.NUMBERS_LIST}),
    Fault.EMPTY_LISTING: frozenset({Operation.NUMBERS_LIST}),
    Fault.SHORT_LISTING: frozenset({Operation.NUMBERS_LIST}),
    Fault.SNAPPED_UP: frozenset({Operation.CART_ADD, Operation.CHECKOUT}),
    Fault.PARTIAL_FAILURE: frozenset({Operation.CHECKOUT}),
    Fault.SLOW_ACTIVATION: frozenset({Operation.CHECKOUT}),
    Fault.PENDING_DOCUMENTS: frozenset({Operation.CHECKOUT}),
    Fault.ATTACH_REFUSED: frozenset({Operation.BUNDLE_ATTACH}),
    Fault.CAMPAIGN_REFUSED: frozenset({Operation.SERVICE_PUT}),
    Fault.SLOW_EMERGENCY: frozenset({Operation.NUMBER_PATCH}),
    Fault.EMERGENCY_FAILED: frozenset({Operation.NUMBER_PATCH}),
    Fault.REVIEW_REJECTED: frozenset({Operation.BUNDLE_SUBMIT}),
    Fault.EVENT_DELAYED: frozenset({Operation.WEBHOOK}),
    Fault.EVENT_REORDERED: frozenset({Operation.WEBHOOK}),
    Fault.EVENT_DUPLICATED: frozenset({Operation.WEBHOOK}),
    Fault.EVENT_REPLY_LOST: frozenset({Operation.WEBHOOK}),
}
"""Where a fault can strike; those that are not named strike anywhere."""

_A_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Rule:
    """One fault and the calls it may befall."""

    fault: Fault
    """What goes wrong."""
    operations: frozenset[Operation]
    """The operations that it may befall."""
    account: str | None = None
    """The account that it may befall; None: every account."""
    number: str | None = None
    """The number that it may befall, of faults that belong to a number; None: every number."""
    probability: float = 1.0
    """How likely each call is to be befallen, from 0 to 1."""
    script: tuple[bool, ...] | None = None
    """One entry for each of the next calls that match: whether the fault strikes it. After the last entry the rule
    rests. None: the probability decides. In a rule with a document, each review of such a document takes an entry."""
    seconds: tuple[float, float] = (0.0, 0.0)
    """The least and the most seconds that a fault with a duration lasts."""
    retry_after: int | None = None
    """The seconds that a Retry-After header names; None: the header is left out."""
    status: int = 503
    """The status of a server error, 500 to 599."""
    how: str = "hang"
    """How a reply is lost: `hang` until the client gives up, or `close` at once."""
    document: str | None = None
    """The type of document that a review finds fault with; None: every document."""
    reason: str = "document_rejected"
    """The reason that a review gives."""

    def matches(self, fault: Fault, operation: Operation, account: str, subject: str) -> bool:
        if fault is not self.fault or operation not in self.operations:
            return False
        return self.account in (None, account) and {self.number, self.document} <= {None, subject}


def parse_rule(content: object) -> Rule:
    """Raises BadField, a ValueError, which names the field that is wrong."""
    fields = Fields(content, "fault rule", known=Rule.__dataclass_fields__)
    fault = Fault(fields.required_choice("fault", tuple(Fault)))
    probability = fields.number("probability", most=1)
    return Rule(
        fault=fault,
        operations=_operations(fault, fields),
        account=fields.text("account"),
        number=fields.text("number"),
        probability=1.0 if probability is None else probability,
        script=_script(fields),
        seconds=_span(fields),
        retry_after=fields.integer("retry_after", 0, _A_DAY),
        status=fields.integer("status", 500, 599) or 503,
        how=fields.choice("how", ("hang", "close")) or "hang",
        document=fields.text("document"),
        reason=fields.text("reason") or "document_rejected",
    )


def parse_flag(text: str) -> Rule:
    """A rule as the command line writes it. Raises BadField, a ValueError, which names the field that is wrong."""
    fault, *pairs = text.split(":")
    content: dict[str, object] = {"fault": fault}
    for pair in pairs:
        field, _, value = pair.partition("=")
        try:
            content[field] = _FLAG_VALUES.get(field, str)(value)
        except (ValueError, KeyError) as error:
            raise BadField(field, f"{value!r} can't be read; write it as in {_EXAMPLE}") from error
    return parse_rule(content)


def format_rule(rule: Rule) -> dict[str, Any]:
    """The inverse of `parse_rule`."""
    return asdict(rule) | {"operations": sorted(rule.operations)}


def _operations(fault: Fault, fields: Fields) -> frozenset[Operation]:
    allowed = _STRIKES.get(fault, frozenset(Operation))
    names = fields.texts("operations")
    for name in names or ():
        if name not in allowed:
            raise BadField("operations", f"{fault} can't befall {name!r}, only {', '.join(sorted(allowed))}")
    return allowed if names is None else frozenset(Operation(name) for name in names)


def _script(fields: Fields) -> tuple[bool, ...] | None:
    script = fields.any("script")
    if script is None:
        return None
    if not isinstance(script, list | tuple) or any(entry not in (0, 1) for entry in script):
        raise BadField("script", f"{script!r} is not a list of true and false, one for each of the next matching calls")
    return tuple(bool(entry) for entry in script)


def _span(fields: Fields) -> tuple[float, float]:
    value = fields.any("seconds")
    if not isinstance(value, list | tuple):
        length = fields.number("seconds") or 0.0
        return length, length
    match value:
        case [int() | float() as least, int() | float() as most] if 0 <= least <= most:
            return float(least), float(most)
        case _:
            raise BadField("seconds", f"{value!r} is not a number of seconds, or a list of the least and the most")


_EXAMPLE = "latency:operations=search,checkout:probability=0.1:seconds=0.2-1.5 or reply_lost:script=0,0,1"
_FLAG_VALUES: Final[Mapping[str, Callable[[str], object]]] = {
    "operations": lambda text: text.split(","),
    "script": lambda text: [{"0": False, "1": True}[entry] for entry in text.split(",")],
    "seconds": lambda text: [float(text.split("-")[0]), float(text.split("-")[-1])],
    "probability": float,
    "retry_after": int,
    "status": int,
}
