"""Reconciling one phone number: look it up, route it, say what it is. At most two carrier calls, then one status patch.

The carrier's latest word comes from `world.news`: put there by the order that bought the number, or by the sweep that
saw it change. A restart forgets the news, and nothing is lost: what the object does not know is looked up again.
"""

from __future__ import annotations

from dataclasses import replace

import structlog

from ringfleet.api import NumberOrder, RoutingProfile
from ringfleet.carriers.errors import CarrierUnavailable, CredentialsRejected, NotActive, NotHeld
from ringfleet.engine.accounts import OpenAccount
from ringfleet.engine.intents import Key
from ringfleet.engine.observe import holding_of, order_state, routing_of
from ringfleet.engine.records import NumberRecord
from ringfleet.engine.status import number_patch
from ringfleet.engine.world import PHONE_NUMBERS, NotOpen, World
from ringfleet.model import Holding, HoldingStatus
from ringfleet.plan.number import Look, NumberPlan, NumberState, NumberWant, Route, Routed, Unroute, plan_number
from ringfleet.plan.phase import IN_FLIGHT

log = structlog.get_logger(__name__)

NOT_LISTED_YET = 5.0
"""Seconds until a number that the carrier does not show yet is looked up again."""


async def reconcile_number(world: World, key: Key) -> float | None:
    """Bring the number to where its spec wants it. Returns the delay, in seconds, until it wants another turn."""
    record = world.number(key.namespace, key.name)
    if record is None:
        return None
    want, state = world.number_want(record), record.state
    news = world.news.get(record.number)
    holding = news or _from_order(world, record)
    account = world.accounts.seen(record.account, record.account.namespace)
    plan = plan_number(want, state, holding, account)
    try:
        while plan.step:
            state, holding = await _act(world, record, plan.step, want, state, holding)
            plan = plan_number(want, state, holding, account)
    except (CarrierUnavailable, CredentialsRejected):
        world.wake_account(record.account)
        raise
    except NotHeld as error:
        log.info("number not shown by the carrier yet", number=str(key), error=str(error))
        await _write(world, record, plan, None, state)
        return NOT_LISTED_YET
    await _write(world, record, plan, holding, state)
    told = state.routed != record.state.routed  # what a sweep heard meanwhile is older than what we have just told
    if told or world.news.get(record.number) is news:
        world.news.pop(record.number, None)
    return None


def _from_order(world: World, record: NumberRecord) -> Holding | None:
    """What the order that bought a number knows of it, for a number whose object knows nothing yet."""
    if record.state.external_id or record.pool is None:
        return None
    mark = world.mark_for(record.namespace, record.pool)
    for order in world.intents.orders_for(record.namespace, record.pool):
        for item in order_state(order).items or () if _names(order, record) else ():
            if item.offer.number == record.number:
                return holding_of(item, mark)
    return None


def _names(order: NumberOrder, record: NumberRecord) -> bool:
    return any(item.number == record.number for item in order.status.items or ())


async def _act(
    world: World,
    record: NumberRecord,
    step: Look | Route | Unroute,
    want: NumberWant,
    state: NumberState,
    holding: Holding | None,
) -> tuple[NumberState, Holding | None]:
    """Take the plan's one carrier step; the state and the holding as they are after it.

    Raises:
        NotHeld: the carrier does not show the number, or not yet.
        CarrierError: anything else that went wrong; nothing is written, and the key is tried again.
    """
    account = world.open_account(record.account)
    async with account.number_calls:
        return await _call(world, account, record, step, want, state, holding)


async def _call(
    world: World,
    account: OpenAccount,
    record: NumberRecord,
    step: Look | Route | Unroute,
    want: NumberWant,
    state: NumberState,
    holding: Holding | None,
) -> tuple[NumberState, Holding | None]:
    if isinstance(step, Look):
        return state, await _find(account, record)
    routed = await _profile(world, account, record, step, want)
    try:
        await account.carrier.route(step.external_id, routed.external_id if routed else None)
    except NotActive:
        return state, await _find_inactive(account, record)
    now = replace(holding, routing=routed.external_id if routed else None) if holding else None
    return replace(state, routed=routed, drift=None), now


async def _profile(
    world: World, account: OpenAccount, record: NumberRecord, step: Route | Unroute, want: NumberWant
) -> Routed | None:
    """The routing that the step gives the number, its profile told to the carrier."""
    if isinstance(step, Unroute) or want.routing is None:
        return None
    profile = world.intents.get(RoutingProfile, record.namespace, step.profile)
    if profile is None:
        raise NotOpen(f"RoutingProfile {record.namespace}/{step.profile} has just been deleted")
    routing_id = await account.profile_id(routing_of(profile, world.installation), want.routing.hash)
    return Routed(step.profile, want.routing.hash, routing_id)


async def _find(account: OpenAccount, record: NumberRecord) -> Holding:
    found = await account.carrier.find(record.number)
    if found is None:
        raise NotHeld(f"{record.account} does not list {record.name}")
    return found


async def _find_inactive(account: OpenAccount, record: NumberRecord) -> Holding:
    """The carrier refused to route the number for now; what it says instead. Active since then counts as activating."""
    found = await _find(account, record)
    return replace(found, status=HoldingStatus.ACTIVATING) if found.status is HoldingStatus.ACTIVE else found


async def _write(
    world: World, record: NumberRecord, plan: NumberPlan, holding: Holding | None, state: NumberState
) -> None:
    """Patch what has changed. A number that waits for the carrier has its account swept sooner."""
    patch = number_patch(record, plan, holding, state.routed, world.clock())
    if patch:
        reply = await world.kube.patch_status(
            PHONE_NUMBERS, record.namespace, record.name, patch, record.resource_version
        )
        world.numbers.observe(reply)
    if plan.phase in IN_FLIGHT:
        world.wake_account(record.account)
