"""Which reconcile serves which kind."""

from __future__ import annotations

from ringfleet.engine.account import reconcile_account
from ringfleet.engine.intents import Key
from ringfleet.engine.number import reconcile_number
from ringfleet.engine.order import reconcile_order
from ringfleet.engine.pool import reconcile_pool
from ringfleet.engine.profile import reconcile_profile
from ringfleet.engine.world import World


async def reconcile(world: World, key: Key) -> float | None:
    """Take the object of `key` one step further; the delay, in seconds, until it wants another turn."""
    match key.kind:
        case "PhoneNumber":
            return await reconcile_number(world, key)
        case "NumberOrder":
            return await reconcile_order(world, key)
        case "NumberPool":
            return await reconcile_pool(world, key)
        case "CarrierAccount":
            return await reconcile_account(world, key)
        case "RoutingProfile":
            await reconcile_profile(world, key)
            return None
    raise ValueError(f"nothing reconciles a {key.kind}")
