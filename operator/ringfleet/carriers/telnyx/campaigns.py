"""US campaigns (10DLC) at Telnyx: each number is in one by itself, and comes in asynchronously.

Only ASSIGNED may send. The list is in the form of its own product: camel case, `page` from 1, and the answer has
`records` and `totalRecords`. A number is asked for by its E.164 form. A campaign has Telnyx' id, and one of the
registry (TCR); a profile may name it by either.
"""

from __future__ import annotations

import structlog

from ringfleet.carriers.errors import CarrierError, CredentialsRejected, RequestRejected
from ringfleet.carriers.http import AccountClient, Call
from ringfleet.carriers.json_fields import Fields
from ringfleet.carriers.telnyx import wire
from ringfleet.model import E164
from ringfleet.model.campaign import NO_SEAT, CampaignSeat, CampaignState
from ringfleet.model.numbering import is_american

log = structlog.get_logger(__name__)

CAMPAIGN_CIRCUIT = "campaigns"
PAGE = 500
STATES = {
    "ASSIGNED": CampaignState.ASSIGNED,
    "PENDING_ASSIGNMENT": CampaignState.PENDING,
    "FAILED_ASSIGNMENT": CampaignState.FAILED,
    "PENDING_UNASSIGNMENT": CampaignState.PENDING,
    "FAILED_UNASSIGNMENT": CampaignState.FAILED,
}
_IDS = ("campaignId", "tcrCampaignId", "telnyxCampaignId")
Seat = tuple[CampaignSeat, tuple[str, ...]]
"""How a number stands, and all that its campaign is called."""


class Campaigns:
    """Of one account, whose name is `account`."""

    def __init__(self, account: str, http: AccountClient) -> None:
        self._account = account
        self._http = http

    async def all(self) -> dict[E164, Seat] | None:
        """The numbers that are in a campaign; None: Telnyx does not say, as of an account that may not register any."""
        try:
            return await self._all()
        except CarrierError as error:
            log.warning("campaigns of numbers not read: what was known holds", account=self._account, error=str(error))
            return None

    async def _all(self) -> dict[E164, Seat]:
        found: dict[E164, Seat] = {}
        read, page = 0, 1
        while True:
            params = {"page": str(page), "recordsPerPage": str(PAGE)}
            call = Call("GET", wire.path("campaigns of numbers"), params=params, circuit=CAMPAIGN_CIRCUIT)
            reply = Fields(await self._http.call(call), "campaigns of numbers")
            rows = reply.items("records")
            found |= dict(map(_seat, rows))
            read, page = read + len(rows), page + 1
            if not rows or read >= reply.count("totalRecords"):
                return found

    async def enrol(self, number: E164, campaign: str) -> CampaignSeat:
        """Put the number into the campaign, unless it is there; a failure is not tried again, but told.

        Credentials without a right to campaigns are no matter of all else that they open.
        """
        try:
            return await self._enrol(number, campaign)
        except CredentialsRejected as error:
            said = "give the API key the right to 10DLC campaigns, or take the campaign out of the RoutingProfile"
            raise RequestRejected(f"{error}; {said}") from error

    async def _enrol(self, number: E164, campaign: str) -> CampaignSeat:
        found = await self._find(number)
        if found and campaign in found[1]:
            return found[0].called(campaign, found[1])
        try:
            return await self._put(number, campaign, found)
        except RequestRejected:  # perhaps because an earlier try, whose answer was lost, has put it there
            found = await self._find(number)
            if found is None or campaign not in found[1]:
                raise
            return found[0].called(campaign, found[1])

    async def _put(self, number: E164, campaign: str, found: Seat | None) -> CampaignSeat:
        body = {"phoneNumber": str(number), "campaignId": campaign}
        if found:
            path, method = wire.path("campaign of number", number), "PUT"
        else:
            path, method = wire.path("campaigns of numbers"), "POST"
        seat, aliases = _seat(await self._http.call(Call(method, path, json=body, circuit=CAMPAIGN_CIRCUIT)))[1]
        return seat.called(campaign, (*aliases, campaign))

    async def _find(self, number: E164) -> Seat | None:
        call = Call("GET", wire.path("campaign of number", number), circuit=CAMPAIGN_CIRCUIT)
        try:
            return _seat(await self._http.call(call))[1]
        except RequestRejected as error:
            if error.code == wire.NOT_FOUND:
                return None
            raise


def seat_of(number: E164, country: str, seats: dict[E164, Seat] | None) -> Seat | None:
    """None: nothing is said of it. Only numbers of the US are registered."""
    if seats is None or not is_american(country):
        return None
    return seats.get(number, (NO_SEAT, ()))


def _seat(json: object) -> tuple[E164, Seat]:
    row = Fields(json, "campaign of number")
    aliases = tuple(filter(None, map(row.maybe_text, _IDS)))
    state = row.choice("assignmentStatus", STATES) if row.has("assignmentStatus") else CampaignState.PENDING
    seat = CampaignSeat(row.text("campaignId"), state, row.maybe_text("failureReasons") or "")
    return row.number("phoneNumber"), (seat, aliases)
