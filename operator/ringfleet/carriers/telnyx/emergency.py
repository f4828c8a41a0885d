"""Emergency addresses at Telnyx, behind the protocol of `carriers/emergency.py`.

::

    POST /addresses (checked when it is made, and never changed) --id--> enable_emergency --> emergency_status

The number's answer says what it will be: enabling is done later (`provisioning`), and so is disabling
(`deprovisioning`). To disable, the address that the number has is named once more. Whether Telnyx gives back a number
that has one is nowhere said, so that it goes first.
"""

from __future__ import annotations

from ringfleet.carriers.errors import CarrierUnavailable, NotHeld, OutcomeUnknown, RequestRejected
from ringfleet.carriers.http import AccountClient, Call
from ringfleet.carriers.json_fields import Fields
from ringfleet.carriers.telnyx import wire
from ringfleet.carriers.telnyx.listing import pages
from ringfleet.model.emergency import NO_ADDRESS, EmergencyAddress, EmergencyStanding, EmergencyState, HeldAddress

EMERGENCY_CIRCUIT = "emergency"
COUNTRIES = ("CA", "US")
"""Where Telnyx registers addresses."""


class TelnyxEmergencyDesk:
    """The emergency addresses of one account; it shares the account's HTTP client."""

    def __init__(self, http: AccountClient) -> None:
        self._http = http

    async def ensure_address(self, address: EmergencyAddress, reference: str) -> str:
        asked = {"filter[customer_reference][eq]": reference}
        if found := [held.id for held in await self._held(asked) if held.reference == reference]:
            return min(found)
        path = wire.path("addresses")
        call = Call("POST", path, safe=False, json=_body(address, reference), circuit=EMERGENCY_CIRCUIT)
        try:
            return Fields(await self._http.call(call), "reply").inside("data").text("id")
        except OutcomeUnknown as error:
            raise CarrierUnavailable(str(error)) from error

    async def put_on(self, external_id: str, address_id: str) -> EmergencyStanding:
        standing = await self._standing(external_id)
        if standing.address == address_id or standing.state is EmergencyState.REMOVING:
            return standing
        return await self._enable(external_id, address_id, enabled=True)

    async def take_off(self, external_id: str) -> EmergencyStanding:
        standing = await self._standing(external_id)
        if standing.address is None:
            return standing
        return await self._enable(external_id, standing.address, enabled=False)

    async def addresses(self) -> tuple[HeldAddress, ...]:
        return await self._held({})

    async def _held(self, asked: dict[str, str]) -> tuple[HeldAddress, ...]:
        listed = pages(self._http, "addresses", asked, EMERGENCY_CIRCUIT)
        rows = [Fields(row, "address") async for page in listed for row in page.items("data")]
        return tuple(
            HeldAddress(row.text("id"), reference)
            for row in rows
            if (reference := row.maybe_text("customer_reference"))
        )

    async def drop_address(self, address_id: str) -> bool:
        try:
            await self._http.call(Call("DELETE", wire.path("address", address_id), circuit=EMERGENCY_CIRCUIT))
        except RequestRejected as error:
            return error.code == wire.NOT_FOUND
        return True

    async def _standing(self, external_id: str) -> EmergencyStanding:
        found = await self._of_number(Call("GET", wire.path("number", external_id)))
        return wire.standing_in(found) or NO_ADDRESS

    async def _enable(self, external_id: str, address_id: str, *, enabled: bool) -> EmergencyStanding:
        """The answer may be that it was accepted, and no more."""
        body = {"emergency_enabled": enabled, "emergency_address_id": address_id}
        said = await self._of_number(Call("POST", wire.path("emergency of number", external_id), json=body))
        told = wire.standing_in(said.inside("emergency")) if said.has("emergency") else None
        going = EmergencyStanding(EmergencyState.REMOVING)
        return told or (EmergencyStanding(EmergencyState.PENDING, address_id) if enabled else going)

    async def _of_number(self, call: Call) -> Fields:
        """Raises NotHeld: the account does not show the number."""
        try:
            return Fields(await self._http.call(call), "reply").inside("data")
        except RequestRejected as error:
            if error.code == wire.NOT_FOUND and call.method == "GET":
                raise NotHeld(str(error), error.code) from error
            raise


def _body(address: EmergencyAddress, reference: str) -> dict[str, object]:
    return {
        "customer_reference": reference,
        "first_name": "",
        "last_name": "",
        "business_name": address.name,
        "street_address": address.street,
        "extended_address": address.extended,
        "locality": address.city,
        "administrative_area": address.region,
        "postal_code": address.postal_code,
        "country_code": address.country,
        "validate_address": True,
    }
