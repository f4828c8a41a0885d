"""How the Telnyx face writes ids and times, reads filters, cuts pages and says no.

A filter is a name with brackets: `filter[phone_number][ends_with]=99`. A list is joined by commas or given several
times, with or without `[]` behind its name. Ids are strings of digits, of numbers and all else.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

from starlette.requests import Request

from ringfleet.simulator.errors import Code, not_found
from ringfleet.simulator.fields import BadField, Fields
from ringfleet.simulator.http.pipeline import Answer, Asked
from ringfleet.simulator.store import LARGEST_ID

Json = dict[str, Any]
T = TypeVar("T")

V2: Final = "/telnyx/v2"
_FIRST_ID: Final = 1_293_384_261_075_731_499
"""What an id is counted from: Telnyx' are as long."""
_PAGE: Final = 20
_LONGEST_PAGE: Final = 250
_SAID: Final[Mapping[str, tuple[str, str]]] = {
    "invalid_token": ("10009", "Authentication failed"),
    "rate_limited": ("10011", "Too many requests"),
    "unavailable": ("10007", "Unexpected error"),
    Code.NOT_FOUND: ("10005", "Resource not found"),
    Code.INVALID_NUMBER: ("10016", "Phone number must be in +E.164 format"),
    Code.INSUFFICIENT_FUNDS: ("20100", "Insufficient Funds"),
    Code.NOT_SEARCHED: ("85000", "Number was not searched for"),
    Code.OWNED_ALREADY: ("85001", "Number already purchased"),
    Code.ADDRESS_INVALID: ("10015", "Bad Request"),
    Code.ADDRESS_IN_USE: ("10021", "Resource in use"),
    Code.LOCKED: ("10010", "Deletion lock is enabled"),
}
"""The code and the title of each refusal; others are 10015. That of a lock is a guess, as is 409 for what is owned."""
STATUSES: Final[Mapping[Code, int]] = dict.fromkeys(Code, 422) | {
    Code.NOT_FOUND: 404,
    Code.INSUFFICIENT_FUNDS: 402,
    Code.OWNED_ALREADY: 409,
    Code.LOCKED: 403,
}


def format_id(id_: int) -> str:
    return str(_FIRST_ID + id_)


def parse_id(text: str | None) -> int:
    """0, which nothing has, when it is no id."""
    id_ = int(text) - _FIRST_ID if text and re.fullmatch("[0-9]{1,30}", text) else 0
    return id_ if 0 < id_ <= LARGEST_ID else 0


def user_id(account: str) -> str:
    """The account's own id, as the answers about its orders tell it."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"telnyx/{account}"))


def missing(asked: Asked) -> Exception:
    return not_found("resource", f"with the id {asked.path.get('id')}")


def token_of(request: Request) -> str | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" else None


def decode(body: bytes) -> object:
    try:
        return json.loads(body) if body else {}
    except ValueError as error:
        raise BadField("body", f"is not JSON: {error}") from error


def say_no(code: str, message: str, _status: int) -> object:
    number, title = _SAID.get(code, ("10015", "Bad request"))
    url = f"https://developers.telnyx.com/docs/overview/errors/{number}"
    return {"errors": [{"code": number, "title": title, "detail": message, "meta": {"url": url}}]}


def filters(asked: Asked) -> dict[tuple[str, ...], str]:
    """`{("phone_number", "ends_with"): "99"}`; the values of a list are joined by commas."""
    read: dict[tuple[str, ...], str] = {}
    for name, value in asked.query.multi_items():
        if not name.startswith("filter["):
            continue
        path = tuple(part.rstrip("]") for part in name.split("[")[1:] if part != "]")
        read[path] = f"{read[path]},{value}" if path in read else value
    return read


def page_of(asked: Asked, longest: int = _LONGEST_PAGE) -> tuple[int, int]:
    """The number of the page, from 1, and its size; more than the most is the most."""
    query = Fields(asked.query, "query")
    size = query.integer("page[size]", 1, 2**31) or _PAGE
    return query.integer("page[number]", 1, 2**31) or 1, min(size, longest)


def paged(
    asked: Asked,
    found: Sequence[T],
    row: Callable[[T], Json],
    total: int | None = None,
    longest: int = _LONGEST_PAGE,
) -> Answer:
    """One page of all that was found; `total` is how many the answer says that there are, if not all of these."""
    number, size = page_of(asked, longest)
    rows = found[(number - 1) * size : number * size]
    told = len(found) if total is None else total
    meta = {"page_number": number, "page_size": size, "total_pages": -(-told // size), "total_results": told}
    return Answer(200, {"data": [row(one) for one in rows], "meta": meta})
