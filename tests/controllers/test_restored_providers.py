"""A cluster that came back from a backup while a part of its carrier is down: nothing is bought a second time."""

from __future__ import annotations

import asyncio

import pytest

from tests.controllers.rig import MARKET, a_pool, a_profile, in_virtual_time
from tests.controllers.wired import Refusal, Wired, a_wired_rig, restored

DOWN = (503, {"errors": []})
BESIDE_THE_NUMBERS = {
    "Telnyx": Refusal("GET", "/phone_numbers/messaging", *DOWN),
    "Twilio": Refusal("", "/twilio/trusthub/", *DOWN),
}
"""What says more of numbers than their own listing does."""
A_WHILE_S = 400.0


@pytest.mark.parametrize("provider", BESIDE_THE_NUMBERS)
@in_virtual_time
async def test_a_restored_pool_buys_nothing_while_what_its_numbers_can_do_is_not_told(provider: str) -> None:
    """Numbers that seem to be able to do less than the pool asks for are no stock: others would be bought for them."""
    profile = a_profile(messaging={"webhook": {"url": "https://example.com/sms"}})
    pool = a_pool(2, market={**MARKET, "capabilities": ["Voice", "SMS"]}, routingProfileRef={"name": "sip"})
    async with a_wired_rig(provider, profile, pool) as wired:
        async with wired.rig.running():
            await wired.rig.until(lambda: is_ready(wired))
        bought = wired.sold()
        wired.wire.refusals = (BESIDE_THE_NUMBERS[provider],)
        kept = ("secrets", "carrieraccounts", "routingprofiles", "numberpools")
        async with restored(wired, *kept) as again, again.rig.running():
            await asyncio.sleep(A_WHILE_S)
            assert again.sold() == bought
            assert len(await again.rig.names("PhoneNumber")) == len(bought)
            wired.wire.refusals = ()
            await again.rig.until(lambda: can_send(again), within=2 * A_WHILE_S)
        assert wired.sold() == bought


async def is_ready(wired: Wired) -> bool:
    return await wired.rig.says("NumberPool", "west") == "True AtTarget"


async def can_send(wired: Wired) -> bool:
    told = [await wired.rig.status("PhoneNumber", name) for name in await wired.rig.names("PhoneNumber")]
    return all("SMS" in one.get("capabilities", ()) for one in told)
