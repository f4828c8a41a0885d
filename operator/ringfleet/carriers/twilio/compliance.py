"""The calls of Twilio's Regulatory Compliance v2, for one account: rows by name, one thing, what is made and what goes.

Twilio takes the same name twice, and neither end users nor documents can be filtered by it: looking at the whole list
first is all that keeps a thing from being made twice. Of a refusal only the code is told: its sentence may quote what
we have filed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar
from urllib.parse import quote

from ringfleet.carriers.errors import CarrierUnavailable, OutcomeUnknown, RequestRejected
from ringfleet.carriers.http import Call, File
from ringfleet.carriers.json_fields import Fields
from ringfleet.carriers.twilio.api import Api
from ringfleet.carriers.twilio.wire import NOT_FOUND, Form

COMPLIANCE_CIRCUIT = "compliance"
CODES = frozenset({NOT_FOUND, "20001", "20409", "21649", "22214", "22215", "22216", "22217"})
"""Twilio's codes for what was wrong: all that is quoted, since its sentences may quote what we have filed."""
BASE = "/v2/RegulatoryCompliance"

Made = TypeVar("Made")


class Compliance:
    """What the compliance side of one account is asked. It shares the account's HTTP client, and has a circuit breaker
    of its own."""

    def __init__(self, api: Api) -> None:
        self.api = api

    async def named(self, path: str, name: str) -> Fields | None:
        """The thing of this FriendlyName, of a list that can't be searched; of several the oldest."""
        rows = await self.rows(f"{BASE}/{path}", {})
        return oldest(row for row in rows if row.maybe_text("friendly_name") == name)

    async def rows(self, path: str, params: Mapping[str, str], product: str = "numbers", key: str = "results") -> Rows:
        pages = self.api.pages(product, path, key, params, COMPLIANCE_CIRCUIT, CODES)
        return [Fields(row, "row") async for page in pages for row in page]

    async def one(self, path: str) -> Fields | None:
        try:
            return Fields(await self.read("numbers", path), path)
        except RequestRejected as error:
            if error.code == NOT_FOUND:
                return None
            raise

    async def read(self, product: str, path: str) -> object:
        return await self.call(Call("GET", path), product)

    async def send(self, product: str, path: str, form: Form) -> object:
        """Write what may be written twice."""
        return await self.call(Call("POST", path, form=form), product)

    async def drop(self, path: str) -> None:
        try:
            await self.call(Call("DELETE", path))
        except RequestRejected as error:
            if error.code != NOT_FOUND:
                raise

    async def make(self, product: str, path: str, form: Form, file: File | None = None) -> str:
        """The id of what is made. It goes out once."""
        reply = await self.call(Call("POST", path, safe=False, form=form, file=file), product)
        return _made(lambda: Fields(reply, "item").text("sid"))

    async def call(self, call: Call, product: str = "numbers") -> object:
        return await self.api.about_people(product, call, COMPLIANCE_CIRCUIT, CODES)


Rows = list[Fields]


def oldest(rows: Iterable[Fields]) -> Fields | None:
    """Of several with one name, as two operators may have made them, all have to take the same one."""
    return min(rows, key=lambda row: (row.maybe_text("date_created") or "", row.text("sid")), default=None)


def part(sid: str) -> str:
    """A SID as a part of a path."""
    return quote(sid, safe="")


def _made(read: Callable[[], Made]) -> Made:
    """The reply to a call that made something. One that does not read is no proof that nothing was."""
    try:
        return read()
    except CarrierUnavailable as error:
        raise OutcomeUnknown(str(error)) from error
