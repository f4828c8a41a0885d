"""How a number's calls are signed (STIR/SHAKEN): told, or seen to, where the carrier does not say it by itself.

Right after its purchase, so that a set can call from it at once, and again in each sweep, for those of which that could
not be done.
"""

from __future__ import annotations

from dataclasses import replace

from ringfleet.api import CarrierAccount
from ringfleet.controllers.carrier_clients import OpenAccount
from ringfleet.controllers.services import Services
from ringfleet.model import AccountKey, Holding
from ringfleet.plan.carrier_account.sweep import needs_signing


async def signed(services: Services, key: AccountKey, account: OpenAccount, holding: Holding) -> Holding:
    """The number with how its calls are signed: as its carrier signs those of all its numbers, or by the trust product
    that the account names.

    Raises:
        CarrierError: it could not be put into the trust product.
    """
    if not needs_signing(holding):
        return holding
    if by := account.carrier.abilities.signs:
        return replace(holding, attestation=by)
    obj = services.fleet.get(CarrierAccount, key.namespace, key.name)
    if obj is None or obj.spec.trust_product is None:
        return holding
    return replace(holding, attestation=await account.carrier.attest(holding.external_id))
