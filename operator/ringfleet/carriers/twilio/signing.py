"""How Twilio signs a number's calls (STIR/SHAKEN), which no number says of itself.

Calls from a number are signed with A while the number is in an approved trust product of the SHAKEN policy. Whoever is
in none has B or C, and Twilio does not say which: nothing is told of such a number. To come in, a number has to be in
the business profile first that the trust product names among its entities::

    TrustProducts/BU1                                 policy SHAKEN, twilio-approved
      EntityAssignments            object_sid BU2     the business profile
      ChannelEndpointAssignments   the number         its calls are signed with A
    CustomerProfiles/BU2
      ChannelEndpointAssignments   the number         comes before the one above

TrustHub can be down, or closed to an API key, while all else works. What was seen last holds then: a number must not
become unfit because nobody answers.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import structlog

from ringfleet.carriers.errors import CarrierUnavailable, CredentialsRejected, RequestRejected
from ringfleet.carriers.json_fields import Fields
from ringfleet.carriers.twilio.api import Api

log = structlog.get_logger(__name__)

SHAKEN_POLICY = "RN7a97559effdf62d00f4298208492a5ea"
"""The policy of a SHAKEN trust product, the same in every account (Twilio's guide to STIR/SHAKEN by TrustHub's API)."""
APPROVED = "twilio-approved"
SIGNED = "A"
SIGNING_CIRCUIT = "signing"
_PRODUCTS = "/v1/TrustProducts"
_PROFILES = "/v1/CustomerProfiles"
_MEMBERS = "ChannelEndpointAssignments"


class Signing:
    """The approved SHAKEN trust products of one account."""

    def __init__(self, api: Api, product: str | None) -> None:
        """`product`: the SID of the one that numbers are put into; None: they are put into none."""
        self._api = api
        self._product = product
        self._approved: tuple[str, ...] | None = None
        """Those that were approved at the last look; None: nobody has looked."""
        self._signed: frozenset[str] | None = None
        """The SIDs of the numbers that were in one of them then."""
        self._profile: str | None = None
        """The business profile that the trust product stands on; None: nobody has asked yet."""

    async def members(self) -> frozenset[str]:
        """The SIDs of the numbers whose calls are signed with A. Raises CarrierUnavailable before the first answer."""
        try:
            self._approved = tuple([sid async for sid in self._read_approved()])
            self._signed = frozenset([sid for one in self._approved async for sid in self._read_members(one)])
        except CarrierUnavailable:
            if self._signed is None:
                raise
            log.warning("trust products not read: those seen last hold", account=self._api.name)
        except (RequestRejected, CredentialsRejected) as error:
            log.warning("trust products can't be read with these credentials", account=self._api.name, error=str(error))
            self._approved, self._signed = (), frozenset()
        return self._signed

    async def is_member(self, number_sid: str) -> bool:
        """The same of one number, by the products of the last look."""
        if self._approved is None:
            return number_sid in await self.members()
        try:
            return any([await self._has(one, number_sid) for one in self._approved])
        except CarrierUnavailable:
            return number_sid in (self._signed or ())

    async def join(self, number_sid: str) -> None:
        """Put the number into the account's trust product. Twice is once.

        Raises:
            RequestRejected: the account names none, or what it names is not approved, or none of this policy.
        """
        if self._product is None:
            raise RequestRejected(f"{self._api.name}: the account names no trust product (spec.trustProduct)")
        if self._approved is None:
            await self.members()
        if self._product not in (self._approved or ()):
            raise RequestRejected(
                f"{self._api.name}: spec.trustProduct {self._product} is no approved SHAKEN trust product of this "
                "account: correct it, or wait until Twilio has approved it"
            )
        if await self._has(self._product, number_sid):
            return
        self._profile = self._profile or await self._find_profile()
        form = {"ChannelEndpointType": "phone-number", "ChannelEndpointSid": number_sid}
        if not await self._is_in(f"{_PROFILES}/{self._profile}/{_MEMBERS}", number_sid):
            await self._api.make("trusthub", f"{_PROFILES}/{self._profile}/{_MEMBERS}", form)
        await self._api.make("trusthub", f"{_PRODUCTS}/{self._product}/{_MEMBERS}", form)

    async def _find_profile(self) -> str:
        """The business profile that the trust product stands on."""
        async for row in self._rows(f"{_PRODUCTS}/{self._product}/EntityAssignments"):
            if (sid := row.text("object_sid")).startswith("BU"):
                return sid
        raise RequestRejected(f"{self._api.name}: trust product {self._product} names no business profile")

    async def _read_approved(self) -> AsyncIterator[str]:
        """What the filter is for is asked again of each row: one that it lets through by mistake would sign nothing."""
        async for row in self._rows(_PRODUCTS, Status=APPROVED, PolicySid=SHAKEN_POLICY):
            if (row.maybe_text("status"), row.maybe_text("policy_sid")) == (APPROVED, SHAKEN_POLICY):
                yield row.text("sid")

    async def _read_members(self, product: str) -> AsyncIterator[str]:
        async for row in self._rows(f"{_PRODUCTS}/{product}/{_MEMBERS}"):
            yield row.text("channel_endpoint_sid")

    async def _has(self, product: str, number_sid: str) -> bool:
        return await self._is_in(f"{_PRODUCTS}/{product}/{_MEMBERS}", number_sid)

    async def _is_in(self, path: str, number_sid: str) -> bool:
        rows = self._rows(path, ChannelEndpointSid=number_sid)
        return any([row.maybe_text("channel_endpoint_sid") == number_sid async for row in rows])

    async def _rows(self, path: str, **params: str) -> AsyncIterator[Fields]:
        async for page in self._api.pages("trusthub", path, "results", params, SIGNING_CIRCUIT):
            for row in page:
                yield Fields(row, "trust product")
