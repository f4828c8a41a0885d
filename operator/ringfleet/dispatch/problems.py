"""Every error that the dispatcher answers: RFC 9457 problem documents, all listed here.

A caller decides by `type` (stable), a person reads `detail`. Members beside the standard ones are in camelCase, such as
`notBefore` (RFC 3339), `excluded` (numbers by reason) and `errors` (JSON pointers into the body).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from math import ceil
from typing import Any

import msgspec
from starlette.responses import Response

BASE = "https://ringfleet.dev/problems/"
MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Type:
    """One kind of problem."""

    name: str
    status: HTTPStatus
    title: str

    @property
    def uri(self) -> str:
        return BASE + self.name


TYPES = {
    one.name: one
    for one in (
        Type("malformed-request", HTTPStatus.BAD_REQUEST, "The request can't be read"),
        Type("idempotency-key-missing", HTTPStatus.BAD_REQUEST, "The request needs an Idempotency-Key"),
        Type("account-required", HTTPStatus.BAD_REQUEST, "The request must name the account that originates"),
        Type("unauthenticated", HTTPStatus.UNAUTHORIZED, "The caller is not known"),
        Type("bad-signature", HTTPStatus.UNAUTHORIZED, "The signature does not hold"),
        Type("stale-signature", HTTPStatus.UNAUTHORIZED, "The signature is too old or from the future"),
        Type("forbidden", HTTPStatus.FORBIDDEN, "The caller may not do this"),
        Type("recipient-suppressed", HTTPStatus.FORBIDDEN, "The recipient has opted out"),
        Type("not-found", HTTPStatus.NOT_FOUND, "There is no such thing"),
        Type("no-session", HTTPStatus.NOT_FOUND, "Who calls is in no session under that number"),
        Type("unknown-deferral", HTTPStatus.NOT_FOUND, "There is no such deferral"),
        Type("method-not-allowed", HTTPStatus.METHOD_NOT_ALLOWED, "This can't be done here"),
        Type("quiet-hours", HTTPStatus.CONFLICT, "It is night where the recipient is"),
        Type("time-zone-unknown", HTTPStatus.CONFLICT, "The recipient's clock is not known"),
        Type("proxy-exhausted", HTTPStatus.CONFLICT, "There is no proxy number for a participant"),
        Type("session-full", HTTPStatus.CONFLICT, "The session has both participants"),
        Type("session-incomplete", HTTPStatus.CONFLICT, "The session has no other participant yet"),
        Type("session-name-taken", HTTPStatus.CONFLICT, "An open session has the name"),
        Type("service-suspended", HTTPStatus.CONFLICT, "The proxy service is suspended"),
        Type("set-invalid", HTTPStatus.CONFLICT, "The rotation set makes no sense"),
        Type("set-suspended", HTTPStatus.CONFLICT, "The rotation set is suspended"),
        Type("pick-in-use", HTTPStatus.CONFLICT, "The pick is in use"),
        Type("deferral-used", HTTPStatus.CONFLICT, "The contact has gone out"),
        Type("pick-too-old", HTTPStatus.CONFLICT, "The day of the pick is over"),
        Type("session-ended", HTTPStatus.GONE, "The session has ended"),
        Type("not-the-owner", HTTPStatus.MISDIRECTED_REQUEST, "Another dispatcher decides"),
        Type("body-too-large", HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The body is too large"),
        Type("sender-unreadable", HTTPStatus.UNPROCESSABLE_ENTITY, "Who wishes to be left alone can't be read"),
        Type("not-json", HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Only JSON changes anything"),
        Type("idempotency-key-reused", HTTPStatus.UNPROCESSABLE_ENTITY, "The key was used for another request"),
        Type("budget-exhausted", HTTPStatus.TOO_MANY_REQUESTS, "The budget is used up"),
        Type("recipient-frequency", HTTPStatus.TOO_MANY_REQUESTS, "The recipient was contacted often enough"),
        Type("too-many-questions", HTTPStatus.TOO_MANY_REQUESTS, "Too many callers are not known yet"),
        Type("no-eligible-number", HTTPStatus.SERVICE_UNAVAILABLE, "No number may be used"),
        Type("ledger-unavailable", HTTPStatus.SERVICE_UNAVAILABLE, "The ledger can't be written"),
        Type("authority-unavailable", HTTPStatus.SERVICE_UNAVAILABLE, "The API server can't be asked who calls"),
        Type("ledger-split", HTTPStatus.SERVICE_UNAVAILABLE, "Another ledger decides for the same sets"),
        Type("frozen", HTTPStatus.SERVICE_UNAVAILABLE, "Somebody has frozen it"),
        Type("inventory-unknown", HTTPStatus.SERVICE_UNAVAILABLE, "The inventory has not been read yet"),
        Type("internal-error", HTTPStatus.INTERNAL_SERVER_ERROR, "Something is wrong with the dispatcher"),
    )
}


class Problem(Exception):
    """A problem to be answered. `detail` is a sentence for this occurrence; `members` are added to the document."""

    def __init__(self, type_: str, detail: str, **members: Any) -> None:
        super().__init__(detail)
        self.type = TYPES[type_]
        self.detail = detail
        self.members: Mapping[str, Any] = members

    def document(self, instance: str | None = None) -> dict[str, Any]:
        standard = {"type": self.type.uri, "title": self.type.title, "status": int(self.type.status)}
        where = {"instance": instance} if instance else {}
        return {**standard, "detail": self.detail, **where, **self.members}


def later(type_: str, detail: str, not_before: float, **members: Any) -> Problem:
    """A problem that time mends: `notBefore` in the document, from which Retry-After is made."""
    return Problem(type_, detail, notBefore=write_time(not_before), **members)


def unwritable() -> Problem:
    """What a ledger can't hold is the caller's, and no fault of the ledger's."""
    return Problem("malformed-request", "A text in it can't be kept: it is too long, or has a NUL.")


def answer(problem: Problem, instance: str | None = None, now: float | None = None) -> Response:
    """The response. `now` in POSIX seconds, for Retry-After."""
    headers = {}
    if now is not None and "notBefore" in problem.members:
        wait = datetime.fromisoformat(problem.members["notBefore"]).timestamp() - now
        headers["Retry-After"] = str(max(0, ceil(wait)))
    if problem.type.status is HTTPStatus.UNAUTHORIZED and problem.type.name == "unauthenticated":
        headers["WWW-Authenticate"] = "Bearer"
    body = msgspec.json.encode(problem.document(instance))
    return Response(body, int(problem.type.status), headers, MEDIA_TYPE)


def write_time(moment: float) -> str:
    """POSIX seconds as RFC 3339 in UTC, rounded up to the second: what is not before then is not a moment before."""
    return datetime.fromtimestamp(ceil(moment), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
