"""Calls of Telnyx' compliance side: in a circuit of their own, and of a refusal only these codes are quoted, for its
sentences may quote what we have filed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from ringfleet.carriers.errors import CarrierUnavailable, OutcomeUnknown
from ringfleet.carriers.http import AccountClient, Call
from ringfleet.carriers.json_fields import Fields
from ringfleet.carriers.telnyx import wire
from ringfleet.carriers.telnyx.listing import pages

COMPLIANCE_CIRCUIT = "compliance"
CODES = frozenset({wire.NOT_FOUND, "10001", "10004", "10009", "10010", "10011", "10012", "10015", "10019"})
"""Telnyx' codes for what was wrong: all that is quoted."""

Made = TypeVar("Made")


class ComplianceCalls:
    """Of one account, whose HTTP client it shares."""

    def __init__(self, http: AccountClient) -> None:
        self._http = http

    async def call(
        self,
        method: str,
        path: str,
        id_: str = "",
        *,
        params: Mapping[str, str] | None = None,
        json: object = None,
        safe: bool = True,
    ) -> object:
        """As `AccountClient.call`: `path` and `id_` as of `wire.path`; not `safe`: it goes out once."""
        about = Call(
            *(method, wire.path(path, id_), safe),
            params=params,
            json=json,
            circuit=COMPLIANCE_CIRCUIT,
            quotable=CODES,
        )
        return await self._http.call(about)

    async def make(self, path: str, json: object) -> str:
        """The id of what is made. It goes out once."""
        reply = await self.call("POST", path, json=json, safe=False)
        return made(lambda: Fields(reply, "reply").inside("data").text("id"))

    async def find_named(self, path: str, reference: str) -> str | None:
        """The id of what was made under the reference; of two the older one."""
        params = {"filter[customer_reference][eq]": reference}
        listed = pages(self._http, path, params, COMPLIANCE_CIRCUIT, CODES)
        rows = [Fields(row, path) async for page in listed for row in page.items("data")]
        ours = [row for row in rows if row.maybe_text("customer_reference") == reference]
        return min(ours, key=age).text("id") if ours else None


def made(read: Callable[[], Made]) -> Made:
    """The reply to a call that made something. One that does not read is no proof that nothing was."""
    try:
        return read()
    except CarrierUnavailable as error:
        raise OutcomeUnknown(str(error)) from error


def age(row: Fields) -> tuple[str, str]:
    """Sorts the oldest first."""
    return row.maybe_text("created_at") or "", row.text("id")
