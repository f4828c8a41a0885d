"""Emergency addresses at Twilio, behind the protocol of `carriers/emergency.py`.

::

    Addresses (EmergencyEnabled, checked when it is made) --EmergencyAddressSid--> number --> emergency_address_status

What is easily taken for something else: `EmergencyStatus` of a number is ignored since October 2021, so that only
`emergency_address_status` says how it stands. An address is not exchanged for another one: the first has to be
unregistered before (Twilio's page on emergency calling), and a number that has one, or is just losing it, is not given
back. A name has 32 characters here. A refused address is quoted in Twilio's sentence behind a bar, which is cut off.
"""

from __future__ import annotations

from urllib.parse import quote

from ringfleet.carriers.errors import CarrierUnavailable, OutcomeUnknown, RequestRejected
from ringfleet.carriers.http import Call
from ringfleet.carriers.json_fields import Fields
from ringfleet.carriers.twilio.api import Api
from ringfleet.carriers.twilio.wire import NOT_FOUND, Form, standing_in
from ringfleet.model.emergency import EmergencyAddress, EmergencyStanding, EmergencyState, HeldAddress

EMERGENCY_CIRCUIT = "emergency"
COUNTRIES = ("CA", "GB", "US")
"""Where Twilio registers addresses; elsewhere emergency calls go without one."""
_QUOTED = " | "
_KEY = "EmergencyAddressSid"


class TwilioEmergencyDesk:
    """The emergency addresses of one account."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._path = api.of_account("/Addresses.json")

    async def ensure_address(self, address: EmergencyAddress, reference: str) -> str:
        if found := [held.id for held in await self._held({"FriendlyName": reference}) if held.reference == reference]:
            return min(found)
        call = Call("POST", self._path, safe=False, form=_form(address, reference))
        try:
            reply = await self._api.about_people("api", call, EMERGENCY_CIRCUIT, None)
            return Fields(reply, "address").text("sid")
        except OutcomeUnknown as error:
            raise CarrierUnavailable(str(error)) from error
        except RequestRejected as error:
            raise _without_quote(error) from error

    async def put_on(self, external_id: str, address_id: str) -> EmergencyStanding:
        standing = standing_in(await self._api.number(external_id))
        if standing.address not in (None, address_id):
            standing = await self.take_off(external_id)
        if standing.address is not None or standing.state is EmergencyState.REMOVING:
            return standing
        return standing_in(await self._api.change_number(external_id, {_KEY: address_id}))

    async def take_off(self, external_id: str) -> EmergencyStanding:
        return standing_in(await self._api.change_number(external_id, {_KEY: ""}))

    async def addresses(self) -> tuple[HeldAddress, ...]:
        return await self._held({})

    async def _held(self, asked: dict[str, str]) -> tuple[HeldAddress, ...]:
        params = {"EmergencyEnabled": "true", **asked}
        pages = self._api.pages("api", self._path, "addresses", params, EMERGENCY_CIRCUIT)
        rows = [Fields(row, "address") async for page in pages for row in page]
        return tuple(HeldAddress(row.text("sid"), name) for row in rows if (name := row.maybe_text("friendly_name")))

    async def drop_address(self, address_id: str) -> bool:
        path = self._api.of_account(f"/Addresses/{quote(address_id, safe='')}.json")
        try:
            await self._api.about_people("api", Call("DELETE", path), EMERGENCY_CIRCUIT, None)
        except RequestRejected as error:
            return error.code == NOT_FOUND
        return True


def _form(address: EmergencyAddress, reference: str) -> Form:
    told = {
        "FriendlyName": reference,
        "CustomerName": address.name,
        "Street": address.street,
        "StreetSecondary": address.extended,
        "City": address.city,
        "Region": address.region or address.city,
        "PostalCode": address.postal_code,
        "IsoCountry": address.country,
        "EmergencyEnabled": "true",
    }
    return {name: value for name, value in told.items() if value}


def _without_quote(error: RequestRejected) -> RequestRejected:
    return RequestRejected(str(error).partition(_QUOTED)[0], error.code, error.words.partition(_QUOTED)[0])
