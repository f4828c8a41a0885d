"""How the Twilio face writes ids and times, reads forms, cuts pages and says no.

An id (SID) is two letters of its kind and 32 hexadecimal digits. `v2010` is the oldest product, `api`: times as in
mail headers, pages that name the next one by path. All newer products write RFC 3339 and `meta`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from email.parser import Parser
from email.utils import format_datetime
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request

from ringfleet.simulator.errors import Code, not_found
from ringfleet.simulator.fields import BadField, Fields
from ringfleet.simulator.http.pipeline import Answer, Asked
from ringfleet.simulator.store import LARGEST_ID

Json = dict[str, Any]
T = TypeVar("T")

API: Final = "/twilio/api/2010-04-01/Accounts/{account}"
_PAGE: Final = 50
_LONGEST_PAGE: Final = 1000
_CODES: Final[Mapping[str, int]] = {
    "invalid_token": 20003,
    "rate_limited": 20429,
    "unavailable": 20500,
    Code.NOT_FOUND: 20404,
    Code.INVALID_REQUEST: 20001,
    Code.INVALID_NUMBER: 21421,
    Code.NUMBER_UNAVAILABLE: 21422,
    Code.CARRIER_ERROR: 21422,
    Code.NOTHING_FOR_SALE: 21452,
    Code.BUNDLE_MISSING: 21649,
    Code.BUNDLE_STATE: 21649,
    Code.ADDRESS_MISSING: 21631,
    Code.BUNDLE_INCOMPLETE: 22216,
    Code.INSUFFICIENT_FUNDS: 20005,
    Code.ADDRESS_ATTACHED: 21627,
    Code.ADDRESS_INVALID: 21629,
    Code.ADDRESS_IN_USE: 21627,
}
"""Twilio publishes none for too little money, nor for an address that is in the way, or in use: these are guesses."""
STATUSES: Final[Mapping[Code, int]] = dict.fromkeys(Code, 400) | {Code.NOT_FOUND: 404}


def format_sid(prefix: str, id_: int) -> str:
    return f"{prefix}{id_:032x}"


def parse_sid(prefix: str, text: str | None) -> int:
    """0, which nothing has, when it is no SID of this kind."""
    if not text or not text.startswith(prefix) or len(text) != len(prefix) + 32:
        return 0
    digits = text[len(prefix) :]
    id_ = int(digits, 16) if re.fullmatch("[0-9a-fA-F]+", digits) else 0
    return id_ if id_ <= LARGEST_ID else 0


def account_sid(account: str) -> str:
    """The account's SID: it follows from the exchange's own id of it."""
    return "AC" + hashlib.md5(account.encode(), usedforsecurity=False).hexdigest()


def account_of(asked: Asked) -> str:
    """The caller's account. Refused when the path names another."""
    mine = asked.customer.account.id
    if asked.path.get("account") not in (None, account_sid(mine)):
        raise missing(asked)
    return mine


def missing(asked: Asked) -> Exception:
    """What Twilio says of anything that is not there for this caller."""
    return not_found("resource", f"at {'/'.join(str(part) for part in asked.path.values())}")


def token_of(request: Request) -> str | None:
    """HTTP Basic: the SID of the account with its auth token, or that of an API key with its secret."""
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, _, password = base64.b64decode(text, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return password if re.fullmatch(r"(AC|SK)[0-9a-fA-F]{32}", user) else None


def decode(body: bytes) -> object:
    """A form: a name that is given several times is a list. One of several parts, as files come, has its file as bytes
    under `File`, with the media type under `File type`."""
    if body.startswith(b"--"):
        return _parts(body)
    form: dict[str, str | list[str]] = {}
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=bool(body))
    except (UnicodeDecodeError, ValueError) as error:
        raise BadField("body", f"is not a form: {error}") from error
    for name, value in pairs:
        held = form.get(name)
        form[name] = value if held is None else [*(held if isinstance(held, list) else [held]), value]
    return form


def _parts(body: bytes) -> object:
    """`multipart/form-data`, whose first line is its boundary (RFC 7578)."""
    boundary = body.partition(b"\r\n")[0]
    form: dict[str, object] = {}
    for part in body.split(boundary)[1:-1]:
        head, _, content = part.removeprefix(b"\r\n").removesuffix(b"\r\n").partition(b"\r\n\r\n")
        headers = Parser().parsestr(head.decode(errors="replace"))
        name = headers.get_param("name", header="Content-Disposition")
        if name == "File":
            form |= {"File": content, "File type": headers.get_content_type()}
        else:
            form[str(name)] = content.decode(errors="replace")
    return form


def say_no(code: str, message: str, status: int) -> object:
    number = _CODES.get(code, 20001)
    more = f"https://www.twilio.com/docs/errors/{number}"
    return {"code": number, "message": message, "more_info": more, "status": status}


def read_flag(form: Fields, name: str) -> bool | None:
    text = form.text(name)
    if text is None:
        return None
    if text.lower() not in ("true", "false"):
        raise BadField(name, f"{text!r} is not true or false")
    return text.lower() == "true"


def mail_time(at: float) -> str:
    """`Thu, 30 Jul 2015 23:19:04 +0000`, as v2010 writes times."""
    return format_datetime(datetime.fromtimestamp(int(at), UTC))


def page_size(query: Fields) -> int:
    """More than the most is the most."""
    size = query.integer("PageSize", 1, 2**31) or _PAGE
    return min(size, _LONGEST_PAGE)


def page_token(query: Fields) -> int:
    """Behind which id the page begins."""
    return parse_sid("PA", query.text("PageToken"))


def v2010_page(asked: Asked, key: str, path: str, rows: Sequence[Json], next_: int | None) -> Answer:
    """One page at `path`, of the rows under `key`; `next_` is the id behind which the next one begins."""
    query = Fields(asked.query, "query")
    size, page = page_size(query), query.integer("Page", 0, 2**31) or 0
    start = page * size
    kept = {name: value for name, value in asked.query.items() if name not in ("Page", "PageToken", "PageSize")}

    def uri(page: int, token: int | None) -> str:
        more = {"PageToken": format_sid("PA", token)} if token else {}
        return f"{path}?{urlencode({**kept, 'PageSize': str(size), 'Page': str(page), **more})}"

    return Answer(
        200,
        {
            key: list(rows),
            "page": page,
            "page_size": size,
            "start": start,
            "end": max(start, start + len(rows) - 1),
            "uri": uri(page, page_token(query) or None),
            "first_page_uri": uri(0, None),
            "next_page_uri": None if next_ is None else uri(page + 1, next_),
            "previous_page_uri": uri(page - 1, None) if page else None,
        },
    )


def meta_page(
    asked: Asked, key: str, url: str, found: Sequence[T], id_of: Callable[[T], int], row: Callable[[T], Json]
) -> Answer:
    """One page of all that was found, oldest first, in the form of the newer products; `url` is the list's own."""
    query = Fields(asked.query, "query")
    size, page, after = page_size(query), query.integer("Page", 0, 2**31) or 0, page_token(query)
    rest = [one for one in found if id_of(one) > after]
    rows, more = rest[:size], len(rest) > size
    first = f"{url}?PageSize={size}&Page=0"
    here = f"{url}?PageSize={size}&Page={page}" + (f"&PageToken={format_sid('PA', after)}" if after else "")
    token = format_sid("PA", id_of(rows[-1])) if more else ""
    next_ = f"{url}?PageSize={size}&Page={page + 1}&PageToken={token}" if more else None
    meta = {
        "key": key,
        "page": page,
        "page_size": size,
        "url": here,
        "first_page_url": first,
        "next_page_url": next_,
        "previous_page_url": first if page else None,
    }
    return Answer(200, {key: [row(one) for one in rows], "meta": meta})


def whole_v2010_page(
    asked: Asked, key: str, path: str, found: Sequence[T], id_of: Callable[[T], int], row: Callable[[T], Json]
) -> Answer:
    """One v2010 page of all that was found, oldest first."""
    query = Fields(asked.query, "query")
    size, after = page_size(query), page_token(query)
    rest = [one for one in found if id_of(one) > after]
    rows = rest[:size]
    return v2010_page(asked, key, path, [row(one) for one in rows], id_of(rows[-1]) if len(rest) > size else None)
