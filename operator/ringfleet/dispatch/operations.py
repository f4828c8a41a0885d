"""What the API can do, operation by operation: the table from which `openapi` makes its document.

Of each operation: its path and method, what goes in and out, and which problems it answers beside those that all do. A
test compares the table with the routes of `app`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from msgspec import Struct

from ringfleet.dispatch import schema
from ringfleet.dispatch.calculators import answer_struct
from ringfleet.dispatch.sessions import schema as sessions
from ringfleet.dispatch.sessions.schema import PROXY, SESSION
from ringfleet.plan.sizing.questions import CALCULATORS

LONGEST_WAIT = 20
"""Seconds: less than a dispatcher that ends leaves to what is under way."""
NUMBERS = "/v1/namespaces/{namespace}/numbers/rollup"
EVENTS = "/v1/namespaces/{namespace}/carrieraccounts/{account}/events"
SET = "/v1/namespaces/{namespace}/rotationsets/{name}"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of the query or one header. `required` says what holds without exception."""

    name: str
    where: str
    description: str
    schema: Mapping[str, Any]
    required: bool = False


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path."""

    id: str
    """The operation's id in the OpenAPI document."""
    method: str
    """The HTTP method, in capitals."""
    path: str
    """The path, with its parameters in braces."""
    summary: str
    """What the operation does, in one line of the OpenAPI document."""
    answers: Mapping[int, type[Struct] | None]
    """The struct of the body of each status; None for an empty body."""
    right: tuple[str, str] | None = None
    """The verb and the subresource that RBAC must grant the caller; None: everybody may."""
    resource: str = "rotationsets"
    """The resource that the subresource is of."""
    body: type[Struct] | None = None
    """The struct of the request's body; None: it has no body."""
    parameters: tuple[Parameter, ...] = ()
    """The parameters of the query and the headers."""
    asks: type | None = None
    """A calculator's question, whose fields are the query; None for every other operation."""
    problems: tuple[str, ...] = field(default=())
    """The names of the problems that the operation may answer with."""


DRY_RUN = Parameter(
    "dryRun",
    "query",
    "true: say what would be answered, and record nothing. Needs no Idempotency-Key.",
    {"type": "boolean", "default": False},
)
IDEMPOTENCY_KEY = Parameter(
    "Idempotency-Key",
    "header",
    "The caller's own name for this contact, such as a UUID, in quotes or not. The same key with the same body gets "
    "the same answer for 24 hours, and counts once. Required unless dryRun=true.",
    {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
)
LIMIT = Parameter(
    "limit", "query", "The most items to list.", {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}
)
DUE = Parameter("due", "query", "now: list only what may go out now.", {"type": "string", "enum": ["now"]})
WAIT = Parameter(
    "wait",
    "query",
    "With due=now: for how many seconds to wait for the first that may go out, when none may yet.",
    {"type": "integer", "minimum": 0, "maximum": LONGEST_WAIT, "default": 0},
)
ACCOUNT = Parameter(
    "account", "query", "The item's account.", {"type": "string", "minLength": 1, "maxLength": 512}, True
)
EVENT = Parameter("eventId", "query", "The item's eventId.", {"type": "string", "minLength": 1, "maxLength": 512}, True)
SCOPE = Parameter(
    "scope",
    "query",
    "Whose opt-outs: the set's, its brand's, or those that hold in all of the namespace.",
    {"$ref": "#/components/schemas/Scope"},
)
AFTER = Parameter(
    "after",
    "query",
    "The `next` of the page before.",
    {"type": "string", "pattern": "^([0-9a-f]{2})*$", "maxLength": 64},
)
AFTER_NUMBER = Parameter(
    "after", "query", "The `next` of the page before.", {"type": "string", "pattern": "^\\+[0-9]+$", "maxLength": 16}
)

KEY_OF_SESSION = Parameter(
    "Idempotency-Key",
    "header",
    "The caller's own name for this request, such as a UUID, in quotes or not. The same key with the same body gets "
    "the same answer for 24 hours, and makes one session or participant.",
    {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
)
AFTER_SESSION = Parameter(
    "after", "query", "The `next` of the page before.", {"type": "string", "pattern": "^([0-9a-f]{32})?$"}
)
SESSION_NAME = Parameter(
    "sessionName", "query", "List only the open session of that name.", {"type": "string", "minLength": 1}
)

_NO_SERVICE = ("not-found", "inventory-unknown", "service-suspended", "frozen", "ledger-split")
_NO_NUMBER = ("proxy-exhausted", "recipient-suppressed", "idempotency-key-missing", "idempotency-key-reused")
_NO_SET = ("not-found", "inventory-unknown", "set-invalid")
_LEDGER = ("ledger-unavailable",)
_OWNERS = ("not-the-owner",)  # told to another dispatcher that has carried it here, never to a caller
_BODY = ("malformed-request", "body-too-large", "not-json")

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "pick",
        "post",
        f"{SET}/picks",
        "Which number for this contact, now?",
        {200: schema.PickReply, 202: schema.DeferredReply},
        right=("create", "picks"),
        body=schema.PickRequest,
        parameters=(DRY_RUN, IDEMPOTENCY_KEY),
        problems=(
            *_BODY,
            *_NO_SET,
            *_LEDGER,
            *_OWNERS,
            "idempotency-key-missing",
            "idempotency-key-reused",
            "account-required",
            "set-suspended",
            "frozen",
            "ledger-split",
            "recipient-suppressed",
            "recipient-frequency",
            "quiet-hours",
            "time-zone-unknown",
            "budget-exhausted",
            "no-eligible-number",
            "unknown-deferral",
        ),
    ),
    Operation(
        "giveBack",
        "delete",
        f"{SET}/picks/{{pick}}",
        "A pick was not used: give its unit back.",
        {204: None},
        right=("delete", "picks"),
        problems=(*_NO_SET, *_LEDGER, *_OWNERS, "pick-in-use", "pick-too-old"),
    ),
    Operation(
        "deferred",
        "get",
        f"{SET}/deferred",
        "What is put off and has not gone out yet; or what may go out now, as soon as there is something.",
        {200: schema.DeferredList},
        right=("get", "deferred"),
        parameters=(LIMIT, DUE, WAIT),
        problems=(*_NO_SET, *_LEDGER, *_OWNERS, "malformed-request"),
    ),
    Operation(
        "cancel",
        "delete",
        f"{SET}/deferred/{{deferral}}",
        "A contact that was put off is not wanted any more: give its room up.",
        {204: None},
        right=("delete", "deferred"),
        problems=(*_NO_SET, *_LEDGER, *_OWNERS, "deferral-used"),
    ),
    Operation(
        "suppressions",
        "get",
        f"{SET}/suppressions",
        "The opt-outs of the set, of its brand or of its namespace, page by page.",
        {200: schema.SuppressionList},
        right=("get", "suppressions"),
        parameters=(SCOPE, LIMIT, AFTER),
        problems=(*_NO_SET, *_LEDGER, "malformed-request"),
    ),
    Operation(
        "suppress",
        "post",
        f"{SET}/suppressions",
        "Record opt-outs, one or a whole list. Every pick asked for afterwards sees them.",
        {200: schema.SuppressionReply},
        right=("create", "suppressions"),
        body=schema.SuppressionRequest,
        problems=(*_BODY, *_NO_SET, *_LEDGER, "ledger-split"),
    ),
    Operation(
        "allow",
        "delete",
        f"{SET}/suppressions",
        "Take opt-outs back, by the recipients' own word.",
        {200: schema.SuppressionReply},
        right=("delete", "suppressions"),
        body=schema.SuppressionRequest,
        problems=(*_BODY, *_NO_SET, *_LEDGER, "ledger-split"),
    ),
    Operation(
        "unclear",
        "get",
        f"{SET}/unclear",
        "The messages to the set that may ask to be left alone, and that nobody has read yet.",
        {200: schema.UnclearList},
        right=("get", "suppressions"),
        parameters=(LIMIT,),
        problems=(*_NO_SET, *_LEDGER, *_OWNERS, "malformed-request"),
    ),
    Operation(
        "hasRead",
        "delete",
        f"{SET}/unclear",
        "A person has read such a message, and has done what it asks.",
        {204: None},
        right=("create", "suppressions"),
        parameters=(ACCOUNT, EVENT),
        problems=(*_NO_SET, *_LEDGER, *_OWNERS, "malformed-request"),
    ),
    Operation(
        "rollup",
        "get",
        f"{SET}/rollup",
        "The set's day and its numbers' traffic, as the operator reads it.",
        {200: schema.RollupReply},
        right=("get", "rollup"),
        problems=(*_NO_SET, *_LEDGER, *_OWNERS, "ledger-split"),
    ),
    Operation(
        "numbers",
        "get",
        NUMBERS,
        "The traffic of a namespace's numbers, as their carriers tell, page by page.",
        {200: schema.NumbersReply},
        right=("get", "rollup"),
        resource="phonenumbers",
        parameters=(LIMIT, AFTER_NUMBER),
        problems=("inventory-unknown", *_LEDGER, *_OWNERS, "malformed-request"),
    ),
    Operation(
        "tellEvents",
        "post",
        EVENTS,
        "What an account's detail records tell, as the operator has read them: webhooks may have lost some of it.",
        {200: schema.ToldReply},
        right=("create", "events"),
        resource="carrieraccounts",
        body=schema.ToldEvents,
        problems=(*_BODY, "not-found", "inventory-unknown", *_LEDGER),
    ),
    Operation(
        "openSession",
        "post",
        f"{PROXY}/sessions",
        "Make a masked session: a proxy number for each participant.",
        {201: sessions.SessionReply},
        right=("create", "sessions"),
        resource="proxyservices",
        body=sessions.SessionRequest,
        parameters=(KEY_OF_SESSION,),
        problems=(*_BODY, *_NO_SERVICE, *_LEDGER, *_OWNERS, *_NO_NUMBER, "session-name-taken"),
    ),
    Operation(
        "sessions",
        "get",
        f"{PROXY}/sessions",
        "The open sessions of a service, page by page.",
        {200: sessions.SessionList},
        right=("get", "sessions"),
        resource="proxyservices",
        parameters=(LIMIT, AFTER_SESSION, SESSION_NAME),
        problems=("malformed-request", "not-found", *_LEDGER, *_OWNERS),
    ),
    Operation(
        "session",
        "get",
        SESSION,
        "How a session stands.",
        {200: sessions.SessionReply},
        right=("get", "sessions"),
        resource="proxyservices",
        problems=("not-found", *_LEDGER, *_OWNERS),
    ),
    Operation(
        "extendSession",
        "patch",
        SESSION,
        "Give a session another time to live, or another end.",
        {200: sessions.SessionReply},
        right=("update", "sessions"),
        resource="proxyservices",
        body=sessions.ExtendRequest,
        problems=(*_BODY, "not-found", "session-ended", *_LEDGER, *_OWNERS),
    ),
    Operation(
        "closeSession",
        "delete",
        SESSION,
        "End a session. Its numbers rest for its participants.",
        {204: None},
        right=("delete", "sessions"),
        resource="proxyservices",
        problems=("not-found", *_LEDGER, *_OWNERS),
    ),
    Operation(
        "joinSession",
        "post",
        f"{SESSION}/participants",
        "Let another participant into a session.",
        {201: sessions.SessionReply},
        right=("create", "sessions"),
        resource="proxyservices",
        body=sessions.ParticipantRequest,
        parameters=(KEY_OF_SESSION,),
        problems=(*_BODY, *_NO_SERVICE, *_LEDGER, *_OWNERS, *_NO_NUMBER, "session-full", "session-ended"),
    ),
    Operation(
        "resolve",
        "post",
        f"{PROXY}/resolve",
        "Somebody calls or writes to a proxy number: who is it for, and what is shown?",
        {200: sessions.ResolveReply},
        right=("create", "resolve"),
        resource="proxyservices",
        body=sessions.ResolveRequest,
        problems=(
            *(*_BODY, *_LEDGER, *_OWNERS),
            *("no-session", "session-ended", "session-incomplete", "recipient-suppressed"),
        ),
    ),
    Operation(
        "serviceRollup",
        "get",
        f"{PROXY}/rollup",
        "How a service is used now, as the operator reads it.",
        {200: sessions.ServiceRollup},
        right=("get", "rollup"),
        resource="proxyservices",
        problems=("not-found", *_LEDGER, *_OWNERS),
    ),
    *(
        Operation(
            f"size{name.title()}",
            "get",
            f"/v1/size/{name}",
            (calculator.question.__doc__ or "").partition("\n")[0],
            {200: answer_struct(name, calculator)},
            asks=calculator.question,
            problems=("malformed-request",),
        )
        for name, calculator in CALCULATORS.items()
    ),
)
