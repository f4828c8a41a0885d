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
become unfit because nobody answers. A process that has seen nothing yet says that nobody was asked.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass

import structlog

from ringfleet.carriers.errors import CarrierError, CredentialsRejected, RequestRejected
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


@dataclass(frozen=True, slots=True)
class Signed:
    """Whose calls are signed with A."""

    numbers: frozenset[str] = frozenset()
    """Their SIDs."""
    asked: bool = True
    """Whether TrustHub could be asked, now or before."""


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

    async def members(self) -> Signed:
        """All of the account's."""
        try:
            return Signed(await self._look())
        except CarrierError as error:
            log.warning("trust products not read: what was known holds", account=self._api.name, error=str(error))
            return self._seen()

    async def among(self, sids: Collection[str]) -> Signed:
        """Those of these few, each asked for by itself, by the products of the last look."""
        if not sids:
            return Signed()
        try:
            approved = self._approved
            if approved is None:
                return Signed(await self._look())
            return Signed(frozenset([sid for sid in sids if any([await self._has(one, sid) for one in approved])]))
        except CarrierError as error:
            log.warning("trust products not asked: what was known holds", account=self._api.name, error=str(error))
            return self._seen()

    def _seen(self) -> Signed:
        return Signed(asked=False) if self._signed is None else Signed(self._signed)

    async def _look(self) -> frozenset[str]:
        approved = tuple([sid async for sid in self._read_approved()])
        self._signed = frozenset([sid for one in approved async for sid in self._read_members(one)])
        self._approved = approved
        return self._signed

    async def join(self, number_sid: str) -> None:
        """Put the number into the account's trust product. Twice is once.

        Raises:
            RequestRejected: the account names none, or what it names is not approved, or none of this policy; or the
                credentials have no right to TrustHub, which is no matter of all else that they open.
        """
        if self._product is None:
            raise RequestRejected(f"{self._api.name}: the account names no trust product (spec.trustProduct)")
        try:
            await self._join(self._product, number_sid)
        except CredentialsRejected as error:
            said = "give the API key the right to TrustHub, or take spec.trustProduct out"
            raise RequestRejected(f"{error}; {said}") from error

    async def _join(self, product: str, number_sid: str) -> None:
        if self._approved is None:
            await self._look()
        if product not in (self._approved or ()):
            raise RequestRejected(
                f"{self._api.name}: spec.trustProduct {product} is no approved SHAKEN trust product of this "
                "account: correct it, or wait until Twilio has approved it"
            )
        if await self._has(product, number_sid):
            return
        self._profile = self._profile or await self._find_profile()
        form = {"ChannelEndpointType": "phone-number", "ChannelEndpointSid": number_sid}
        if not await self._is_in(f"{_PROFILES}/{self._profile}/{_MEMBERS}", number_sid):
            await self._api.make("trusthub", f"{_PROFILES}/{self._profile}/{_MEMBERS}", form, SIGNING_CIRCUIT)
        await self._api.make("trusthub", f"{_PRODUCTS}/{product}/{_MEMBERS}", form, SIGNING_CIRCUIT)

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
