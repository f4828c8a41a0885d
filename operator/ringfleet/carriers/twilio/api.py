"""Twilio's hosts and pages, for one account.

Twilio has a host for each product (`api`, `pricing`, `trunking`, `messaging`), which the account's endpoint names by
`{product}`. A page names the next one, the oldest product by its path and the newer ones by a whole URL. Of that only
path and query are followed, at the host that the account names: a reply never says where our credentials go.

A subaccount has credentials of its own. Those of its parent open it too, but only at `api`, whose paths name the
account; at every other host they would act for the parent. So its own auth token is read there, which Twilio tells the
parent, and is kept in memory only.
"""

from __future__ import annotations

import base64
import re
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from urllib.parse import quote, urlsplit

import httpx

from ringfleet.carriers.carrier import AccountSettings
from ringfleet.carriers.errors import (
    AccountRestricted,
    CarrierUnavailable,
    CredentialsRejected,
    ListingIncomplete,
    NotHeld,
    OutcomeUnknown,
    ReplyUnreadable,
    RequestRejected,
)
from ringfleet.carriers.http import ACCOUNT_CIRCUIT, AccountClient, Call
from ringfleet.carriers.json_fields import Fields
from ringfleet.carriers.twilio.wire import NOT_FOUND, NUMBERS, Form, read_refusal

PRODUCT = "{product}"
LONGEST_PAGE = 1000
MOST_PAGES = 1000
"""Pages of a listing that has no end: a million numbers."""
_ACCOUNT_SID = re.compile(r"AC[0-9a-f]{32}")


class Api:
    """The calls of one account; `product` is the first part of Twilio's host."""

    def __init__(self, settings: AccountSettings, client: AccountClient | None = None) -> None:
        """`client` is for tests.

        Raises:
            ValueError: the endpoint is no URL.
            CredentialsRejected: the account SID is none.
        """
        self.name = settings.name
        self.owner = settings.credentials["accountSid"].strip()
        """The account that the credentials open."""
        self.sid = settings.subaccount or self.owner
        self._token: str | None = None
        """The subaccount's own auth token, once its parent has been told it."""
        if not _ACCOUNT_SID.fullmatch(self.owner):
            raise CredentialsRejected(
                f"{settings.name}: accountSid is no account SID, which is AC and 32 digits of 0-9 and a-f; an API key "
                "(SK...) goes with apiKeySid and apiKeySecret"
            )
        self._endpoint = settings.endpoint.rstrip("/")
        self._http = client or open_client(settings)

    async def close(self) -> None:
        await self._http.close()

    @property
    def http(self) -> AccountClient:
        return self._http

    def of_account(self, path: str) -> str:
        """A path of the oldest product, which has all of an account below its SID."""
        return f"/2010-04-01/Accounts/{self.sid}{path}"

    async def get(
        self,
        product: str,
        path: str,
        params: Mapping[str, str] | None = None,
        circuit: str = ACCOUNT_CIRCUIT,
        quotable: frozenset[str] | None = None,
    ) -> Fields:
        call = Call("GET", path, params=params, circuit=circuit, quotable=quotable)
        return Fields(await self._call(product, call), path)

    async def about_people(self, product: str, call: Call, circuit: str, quotable: frozenset[str] | None) -> object:
        """A call whose `path` is below the product's host, of whose refusal only these codes are told; None: all of
        it."""
        return await self._call(product, replace(call, circuit=circuit, quotable=quotable))

    async def change(self, product: str, path: str, form: Form) -> Fields:
        """Write what may be written twice."""
        return Fields(await self._call(product, Call("POST", path, form=form)), path)

    async def buy(self, form: Form) -> object:
        """Make a purchase: it goes out once, and the reply is read by whoever knows what an unread one means."""
        return await self._call("api", Call("POST", self.of_account(f"{NUMBERS}.json"), False, form=form))

    async def number(self, sid: str) -> Fields:
        """A number of the account. Raises NotHeld."""
        with _number_missing():
            return await self.get("api", self._number(sid))

    async def change_number(self, sid: str, form: Form) -> Fields:
        """The number as it is then. Raises NotHeld."""
        with _number_missing():
            return await self.change("api", self._number(sid), form)

    async def release_number(self, sid: str) -> None:
        """Raises NotHeld."""
        with _number_missing():
            await self.delete("api", self._number(sid))

    def _number(self, sid: str) -> str:
        return self.of_account(f"{NUMBERS}/{quote(sid, safe='')}.json")

    async def make(self, product: str, path: str, form: Form, circuit: str = ACCOUNT_CIRCUIT) -> Fields:
        """Make something that is looked for before it is made again.

        Raises:
            CarrierUnavailable: also when it may have been made, and the reply was lost.
        """
        try:
            return Fields(await self._call(product, Call("POST", path, False, form=form, circuit=circuit)), path)
        except OutcomeUnknown as error:
            raise CarrierUnavailable(str(error)) from error

    async def delete(self, product: str, path: str) -> None:
        await self._call(product, Call("DELETE", path))

    async def delete_if_there(self, product: str, path: str) -> None:
        try:
            await self.delete(product, path)
        except RequestRejected as error:
            if error.code != NOT_FOUND:
                raise

    async def pages(
        self,
        product: str,
        path: str,
        key: str,
        params: Mapping[str, str] | None = None,
        circuit: str = ACCOUNT_CIRCUIT,
        quotable: frozenset[str] | None = None,
    ) -> AsyncGenerator[list[object], None]:
        """The rows of a listing, page by page. Raises ListingIncomplete when its pages never end, or go in a circle."""
        asked, next_ = {"PageSize": str(LONGEST_PAGE), **(params or {})}, path
        followed: set[str] = set()
        page = await self.get(product, path, asked, circuit, quotable)
        while True:
            yield page.items(key)
            found = page.inside("meta").maybe_text("next_page_url") if page.has("meta") else None
            next_ = found or page.maybe_text("next_page_uri") or ""
            if not next_:
                return
            if next_ in followed or len(followed) >= MOST_PAGES:
                raise ListingIncomplete(f"{self.name}: the pages of GET {path} never end, or go round in a circle")
            followed.add(next_)
            page = await self.get(product, _path_and_query(next_), None, circuit, quotable)

    def _url(self, product: str, path: str) -> str:
        """Raises ReplyUnreadable: a reply has named something that can be no part of a path, or would be of a host."""
        if not path.startswith("/") or not path.isprintable():
            raise ReplyUnreadable(
                f"{self.name}: Twilio has named what is no path at its host, such as /2010-04-01/Accounts"
            )
        return self._endpoint.replace(PRODUCT, product) + path

    async def _call(self, product: str, call: Call) -> object:
        """`call.path` is below the product's host."""
        call = replace(call, path=self._url(product, call.path))
        if product == "api" or self.sid == self.owner:
            return await self._http.call(call)
        try:
            return await self._http.call(replace(call, headers=_basic(self.sid, await self._own_token())))
        except CredentialsRejected:  # it may have been changed: it is asked for anew
            self._token = None
            raise

    async def _own_token(self) -> str:
        """Raises AccountRestricted: the credentials are not shown it."""
        if self._token is None:
            self._token = (await self.get("api", self.of_account(".json"))).maybe_text("auth_token")
        if self._token is None:
            raise AccountRestricted(
                f"{self.name}: these credentials are not shown the auth token of subaccount {self.sid}, which all of "
                f"Twilio's hosts but api want: put the subaccount's own accountSid and authToken into the Secret",
                words="no auth token is shown",
            )
        self._http.keep_secret(self._token)
        return self._token


@contextmanager
def _number_missing() -> Iterator[None]:
    """A number that is not there, or not yet: Twilio may not know one for a moment that it has just sold."""
    try:
        yield
    except RequestRejected as error:
        if error.code == NOT_FOUND:
            raise NotHeld(str(error), error.code) from error
        raise


def _path_and_query(url: str) -> str:
    """Raises ReplyUnreadable: it is no URL."""
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise ReplyUnreadable("the reply's next page is no URL") from error
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def open_client(settings: AccountSettings, transport: httpx.AsyncBaseTransport | None = None) -> AccountClient:
    """The account's HTTP client: HTTP Basic with the API key where there is one, else with SID and auth token."""
    given = {key: value.strip() for key, value in settings.credentials.items()}
    user, secret = given["accountSid"], given.get("authToken", "")
    if given.get("apiKeySid") and given.get("apiKeySecret"):
        user, secret = given["apiKeySid"], given["apiKeySecret"]
    return AccountClient(
        replace(settings, endpoint=settings.endpoint.replace(PRODUCT, "api")),
        headers=_basic(user, secret),
        read_refusal=read_refusal,
        transport=transport,
    )


def _basic(user: str, secret: str) -> Mapping[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(f'{user}:{secret}'.encode()).decode()}"}
