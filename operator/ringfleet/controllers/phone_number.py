"""Reconciling one phone number: look it up, route it, stop it, let it go, say what it is; one status patch at the end.

The carrier's latest word comes from `services.pending_observations`: put there by the order that bought the number, or
by the sweep that saw it change. A restart forgets it, and nothing is lost: what the object does not know is looked up
again.

Before the carrier is told to stop a number, that is written to its status; before it is told to take one back, the
pool's status names it. So a crash finds the intent, and repeats what is safe to repeat.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import structlog

from ringfleet.api import NumberOrder
from ringfleet.api.meta import NUMBER_FINALIZER
from ringfleet.carriers.errors import CarrierUnavailable, CredentialsRejected, NotActive, NotHeld, RequestRejected
from ringfleet.controllers.after_rush import put_off
from ringfleet.controllers.carrier_clients import OpenAccount
from ringfleet.controllers.desired_number import farewell, labels_wanted, number_want
from ringfleet.controllers.number_campaign import enrolled
from ringfleet.controllers.number_claim import claim_is_gone, rest_from_now, unbind
from ringfleet.controllers.number_emergency import clear_address, intended, set_address
from ringfleet.controllers.number_release import NotOurs, find_nobody_to_tell, leave, tell_left_behind
from ringfleet.controllers.queues import seconds_until
from ringfleet.controllers.services import Services
from ringfleet.model import GONE, Holding, HoldingStatus, Phase
from ringfleet.model.policy import SuspendBy
from ringfleet.model.refs import ObjectRef
from ringfleet.objects.number_order import asked_for, holding_of
from ringfleet.objects.ownership import foreign_mark
from ringfleet.objects.phone_number import NumberRecord, rests_by_a_clock_ahead
from ringfleet.objects.phone_number_status import Life, documents, emergency, number_patch, suspension
from ringfleet.objects.refs import PHONE_NUMBERS, Key
from ringfleet.objects.routing_profile import reference_of
from ringfleet.plan.carrier_account import AccountSeen
from ringfleet.plan.conditions import Reason, not_ready
from ringfleet.plan.next_look import next_look_at_number
from ringfleet.plan.phone_number.case import Case, DesiredNumber, NumberEmergency, NumberState, Routed
from ringfleet.plan.phone_number.documents import last_refusal, note_refusal
from ringfleet.plan.phone_number.emergency import may_ask_again, noted
from ringfleet.plan.phone_number.ownership import is_left_alone
from ringfleet.plan.phone_number.phase import IN_FLIGHT
from ringfleet.plan.phone_number.plan import plan_number
from ringfleet.plan.phone_number.removal import Way
from ringfleet.plan.phone_number.routing import as_followed
from ringfleet.plan.phone_number.steps import (
    Attach,
    ClearEmergency,
    Leave,
    Look,
    NumberPlan,
    Resume,
    Route,
    SetEmergency,
    Stop,
    Unroute,
)

log = structlog.get_logger(__name__)

NOT_LISTED_YET = 5.0
"""Seconds until a number that the carrier does not show yet is looked up again."""


@dataclass(slots=True)
class Turn:
    """One look at one number, while it lasts: what is known of it, and what has been done to it since."""

    record: NumberRecord
    want: DesiredNumber
    state: NumberState
    holding: Holding | None


async def reconcile_number(services: Services, key: Key) -> float | None:
    """Bring the number to where it is wished. Returns the delay, in seconds, until it wants another turn."""
    record = services.fleet.number(key.namespace, key.name)
    if record is None:
        return None
    try:
        return await _reconcile(services, record)
    except Exception:
        services.needy.note(record)
        raise


async def _reconcile(services: Services, record: NumberRecord) -> float | None:
    if services.fleet.claim_is_missing(record) and await claim_is_gone(services, record):
        await unbind(services, record, services.fleet.departed_holder(record))
        return None
    if record.deleting and (record.observed or record.state.phase in GONE):
        await _drop_guard(services, record)
        return None
    if record.deleting:
        await services.namespaces.look(record.namespace)
    if not record.guarded and not record.deleting:
        record = await _guard(services, record)
    if not record.deleting and labels_wanted(services, record) != record.labels:
        record = await _label(services, record)
    if rests_by_a_clock_ahead(record, services.clock()):
        record = await rest_from_now(services, record)
    return await _take_turn(services, record)


async def _take_turn(services: Services, record: NumberRecord) -> float | None:
    news = services.pending_observations.get(record.place)
    state, bought = _from_order(services, record)
    await services.emergency.read(record)
    want = number_want(services, record)
    turn = Turn(record, want, _with_bought_routing(want, state, bought), news or bought)
    account = services.accounts.seen_by_holder(record.account, record.namespace)
    plan = _plan(services, turn, account)
    _wake_profile(services, turn)
    if _only_shows_its_claim(services, record, plan):
        put_off(services, Key("PhoneNumber", record.namespace, record.name))
        return None
    if not _calls(plan):
        return await _go_through(services, turn, plan, account, news)
    key, opened = Key("PhoneNumber", record.namespace, record.name), services.accounts.opened(record.account)
    number_calls = services.queues.lane(record.account).number_calls
    if not number_calls.enter(key, opened.room_for_numbers):
        return number_calls.look_again
    try:
        return await _go_through(services, turn, plan, account, news)
    finally:
        for waiting in number_calls.leave(opened.room_for_numbers):
            services.queues.add(waiting, at_once=True)


def _calls(plan: NumberPlan) -> bool:
    """Whether the carrier is called: then the number needs a place among those that call it."""
    return plan.step is not None and not (isinstance(plan.step, Leave) and plan.step.way is Way.LEAVE)


async def _go_through(
    services: Services, turn: Turn, plan: NumberPlan, account: AccountSeen, news: Holding | None
) -> float | None:
    """Take the steps of the plan, and of those that follow from it, and write what has come of them."""
    record = turn.record
    try:
        while plan.step and not isinstance(plan.step, Leave):
            await _act(services, turn, plan.step)
            plan = _plan(services, turn, account)
    except (CarrierUnavailable, CredentialsRejected):
        services.queues.wake_account(record.account)
        raise
    except NotHeld as error:
        log.info("number not shown by the carrier yet", number=record.name, error=str(error))
        return await _not_shown(services, turn, plan)
    if is_left_alone(turn.want, turn.state, turn.holding):
        await _leave_alone(services, turn, plan)
        return None
    await _write(services, turn, plan)
    told = _told(turn.state) != _told(record.state)  # what a sweep heard meanwhile is older than what we have told
    if told or services.pending_observations.get(record.place) is news:
        services.pending_observations.pop(record.place, None)
    if isinstance(plan.step, Leave):
        return await _leave(services, turn, plan.step)
    now = services.clock()
    return seconds_until(next_look_at_number(turn.record, now), now)


def _wake_profile(services: Services, turn: Turn) -> None:
    """Let the profile that the number is to follow tell itself to the number's account, where it has not."""
    routing, place = turn.want.routing, services.fleet.profile_place(turn.record)
    if place and routing and not (routing.told or routing.missing or routing.held):
        services.queues.wake("RoutingProfile", *place)


def _told(state: NumberState) -> object:
    return (state.routed, state.attached)


def _plan(services: Services, turn: Turn, account: AccountSeen) -> NumberPlan:
    """The plan as the turn stands. A number belongs to whom the carrier's mark says, and carries the bundle that the
    carrier says; one that is only observed is routed as it says."""
    if turn.holding:
        mark = foreign_mark(turn.holding.mark, turn.record, services.installation)
        turn.state = replace(turn.state, foreign_mark=mark)
        turn.want = replace(turn.want, taken_by=services.fleet.taken_by(turn.record, mark))
    if turn.holding and turn.holding.bundle and turn.holding.bundle != turn.state.attached:
        bundle, record = turn.holding.bundle, turn.record
        tenants = services.claim_bundles.tenants(bundle, record.account, but=record.namespace)
        turn.state = replace(turn.state, attached=bundle, registered=tenants or turn.state.registered)
    if turn.want.observed and turn.holding:
        routing = turn.holding.routing
        turn.state = replace(turn.state, routed=Routed("", routing) if routing else None)
    turn.state = replace(turn.state, routed=as_followed(turn.want.routing, turn.state.routed))
    turn.state = replace(turn.state, emergency=noted(Case(turn.want, turn.state, turn.holding, account)))
    return plan_number(turn.want, turn.state, turn.holding, account)


async def _not_shown(services: Services, turn: Turn, plan: NumberPlan) -> float:
    """Say that the carrier does not show the number; of one that no order bought, that it may never have had it."""
    record = turn.record
    if record.state.external_id or _is_bought(services, record):
        await _write(services, turn, plan)
        return NOT_LISTED_YET
    message = (
        f"CarrierAccount {record.account} does not have this number: correct spec.number and spec.accountRef by making "
        "another object, and delete this one; or wait until the number is moved to that account."
    )
    await _write(services, turn, NumberPlan(plan.phase, (not_ready(Reason.NUMBER_MISSING, message),)))
    return _NOT_THERE_AGAIN


def _is_bought(services: Services, record: NumberRecord) -> bool:
    """Whether an order of its pool names the number: then the carrier has it, and will show it."""
    orders = services.fleet.orders_for(record.namespace, record.pool) if record.pool else ()
    return any(_names(order, record) for order in orders)


_NOT_THERE_AGAIN = 60.0
"""Seconds until a number that the account does not have is looked up again."""


def _only_shows_its_claim(services: Services, record: NumberRecord, plan: NumberPlan) -> bool:
    """Whether this turn would only show what the claim says already, while other claims are being bound."""
    shows = plan.step is None and plan.phase is Phase.BOUND and record.state.phase is Phase.AVAILABLE
    claim = services.fleet.claim_of(record) if shows else None
    return claim is not None and services.claim_queue.gives_way(claim)


async def _leave_alone(services: Services, turn: Turn, plan: NumberPlan) -> None:
    """A number that is not this object's to touch: only that is noted. The sweep sees when its mark is another one."""
    services.pending_observations.pop(turn.record.place, None)
    if turn.record.deleting:
        await _drop_guard(services, turn.record)
        return
    turn.holding = None
    await _write(services, turn, plan)


def _from_order(services: Services, record: NumberRecord) -> tuple[NumberState, Holding | None]:
    """What the order that bought a number knows of it, for a number whose object knows nothing yet: whose documents it
    was bought under, and what the carrier has said."""
    if record.state.external_id or record.pool is None:
        return record.state, None
    for order in services.fleet.orders_for(record.namespace, record.pool):
        if item := services.fleet.item_of(order, record.number):
            holding = holding_of(item, services.fleet.mark_for(record.namespace, record.pool), order.status.bundle)
            tenants = asked_for(order.spec.for_claims).bundle if holding and holding.bundle else None
            return replace(record.state, registered=tenants or record.state.registered), holding
    return record.state, None


def _with_bought_routing(want: DesiredNumber, state: NumberState, bought: Holding | None) -> NumberState:
    """The state with the routing that the purchase itself has given the number, where that is the one it is to have."""
    desired = want.routing
    if state.routed or not (bought and bought.routing and desired) or desired.external_id != bought.routing:
        return state
    return replace(state, routed=Routed(desired.profile, bought.routing))


def _names(order: NumberOrder, record: NumberRecord) -> bool:
    return any(item.number == record.number for item in order.status.items or ())


# Acting.


Doing = Look | Route | Unroute | Stop | Resume | Attach | SetEmergency | ClearEmergency
"""The steps that are taken with the carrier, one after the other; what is left is its leaving."""


async def _act(services: Services, turn: Turn, step: Doing) -> None:
    """Take the plan's one carrier step, and note in `turn` what is so afterwards.

    Raises:
        NotHeld: the carrier does not show the number, or not yet.
        CarrierError: anything else that went wrong; what was written stands, and the key is tried again.
    """
    account = services.accounts.opened(turn.record.account)
    if isinstance(step, Stop):
        await _intend_stop(services, turn, step)
    if isinstance(step, Attach) and step.tenants and step.tenants != turn.state.registered:
        await _intend_registration(services, turn, step.tenants)
    match step:
        case Look():
            turn.holding = await _find(account, turn.record)
        case Stop(external_id, by, _):
            await _stop(account, turn, external_id, by)
        case Resume():
            await _resume(services, account, turn, step)
        case Attach():
            await _attach(services, account, turn, step)
        case Route():
            await _route(services, account, turn, step.external_id, _profile(turn, step))
        case Unroute():
            await _route(services, account, turn, step.external_id, None)
        case SetEmergency():
            await _set_emergency(services, account, turn, step)
        case ClearEmergency():
            _stands(turn, await clear_address(account, turn.record.number, turn.state.emergency))


async def _intend_stop(services: Services, turn: Turn, stop: Stop) -> None:
    """Write that the number is being stopped, how, and what routing it gets back, before the carrier hears of it."""
    if turn.state.stopped is None:
        turn.state = replace(turn.state, stopped=stop.by, parked=stop.parked)
        turn.record = await _patch_status(services, turn.record, {"suspension": suspension(turn.state)})


async def _set_emergency(services: Services, account: OpenAccount, turn: Turn, step: SetEmergency) -> None:
    """Write what the number is about to be given, and give it that."""
    meant = intended(turn.state.emergency, step)
    if meant != turn.record.state.emergency:
        turn.state = replace(turn.state, emergency=meant)
        turn.record = await _patch_status(services, turn.record, {"emergency": emergency(meant)})
    _stands(turn, await set_address(services, account, turn.record, meant, step))
    again = may_ask_again(turn.state.emergency.refused, services.clock())
    turn.want = replace(turn.want, emergency_again=again)


def _stands(turn: Turn, now: NumberEmergency) -> None:
    """How the number stands with its emergency address, by the carrier's answer to what we have done."""
    turn.state = replace(turn.state, emergency=now)
    turn.holding = turn.holding and replace(turn.holding, emergency=now.standing)


async def _intend_registration(services: Services, turn: Turn, tenants: ObjectRef) -> None:
    """Write whose documents the number is about to be used under, before the carrier hears of it: should the claim go
    just then, nobody else is handed the number before it is registered to its pool's again."""
    turn.state = replace(turn.state, registered=tenants)
    patched = documents(turn.state.waits_for, turn.state)
    turn.record = await _patch_status(services, turn.record, {"documents": patched})


async def _stop(account: OpenAccount, turn: Turn, external_id: str, by: SuspendBy) -> None:
    if by is SuspendBy.VERB:
        await account.carrier.suspend(external_id)
        turn.holding = turn.holding and replace(turn.holding, status=HoldingStatus.SUSPENDED)
    else:
        await account.carrier.route(external_id, None)
        turn.holding = turn.holding and replace(turn.holding, routing=None)
    turn.state = replace(turn.state, phase=Phase.SUSPENDED)


async def _resume(services: Services, account: OpenAccount, turn: Turn, step: Resume) -> None:
    if step.by is SuspendBy.VERB:
        await account.carrier.resume(step.external_id)
        turn.holding = turn.holding and replace(turn.holding, status=HoldingStatus.ACTIVE)
    else:
        await _point(services, account, turn.record, step.external_id, step.routing)
        turn.holding = turn.holding and replace(turn.holding, routing=step.routing)
    # In service once it is seen to be routed.
    turn.state = replace(turn.state, stopped=None, parked=None, phase=Phase.ORDERING)


async def _attach(services: Services, account: OpenAccount, turn: Turn, step: Attach) -> None:
    """Give the number its bundle. When the carrier says no, that is noted: the number says so, and asks again later."""
    bundle = step.bundle
    try:
        if registrar := account.carrier.registrar:
            await registrar.attach(step.external_id, bundle)
    except NotHeld:
        raise
    except RequestRejected as error:
        log.warning("bundle not attached", number=turn.record.name, bundle=bundle, code=error.code)
        now = services.clock()
        turn.state = replace(turn.state, refused=note_refusal(turn.state.refused, bundle, error.code, now))
        turn.want = replace(turn.want, last_refusal=last_refusal(turn.state.refused, now))
        return
    turn.want = replace(turn.want, last_refusal=None)
    turn.holding = turn.holding and replace(turn.holding, bundle=bundle)
    turn.state = replace(turn.state, attached=bundle, registered=step.tenants, refused=None)


async def _route(services: Services, account: OpenAccount, turn: Turn, external_id: str, routed: Routed | None) -> None:
    routing = routed.external_id if routed else None
    try:
        await _point(services, account, turn.record, external_id, routing)
    except NotActive:
        turn.holding = await _find_inactive(account, turn.record)
        return
    turn.holding = turn.holding and replace(turn.holding, routing=routing)
    turn.state = replace(turn.state, routed=routed, drift=None)
    if routed and turn.holding and turn.want.routing:
        turn.holding = await enrolled(account, turn.holding, turn.want.routing.campaign)


def _profile(turn: Turn, step: Route) -> Routed | None:
    """The routing that the step gives the number."""
    routing = turn.want.routing
    return Routed(step.profile, routing.external_id) if routing else None


async def _point(
    services: Services, account: OpenAccount, record: NumberRecord, external_id: str, routing: str | None
) -> None:
    """Point the number at a routing of the carrier's, or at none.

    Raises:
        NotHeld, NotActive: it is not the routing that the carrier minds.
        RequestRejected: it may be; the profile is looked at.
    """
    try:
        await account.carrier.route(external_id, routing)
    except (NotHeld, NotActive):
        raise
    except RequestRejected:
        _doubt_profile(services, account, record)
        raise


def _doubt_profile(services: Services, account: OpenAccount, record: NumberRecord) -> None:
    """The carrier takes no number for the profile: it may have been deleted there, so let it be looked at."""
    if profile := services.fleet.profile_of(record):
        account.routings[reference_of(services.installation, profile.metadata.uid)] = None
        services.queues.wake("RoutingProfile", profile.metadata.namespace, profile.metadata.name)


async def _find(account: OpenAccount, record: NumberRecord) -> Holding:
    found = await account.carrier.find(record.number)
    if found is None:
        raise NotHeld(f"{record.account} does not list {record.name}")
    return found


async def _find_inactive(account: OpenAccount, record: NumberRecord) -> Holding:
    """The carrier refused to route the number for now; what it says instead. Active since then counts as activating."""
    found = await _find(account, record)
    return replace(found, status=HoldingStatus.ACTIVATING) if found.status is HoldingStatus.ACTIVE else found


async def _leave(services: Services, turn: Turn, step: Leave) -> float | None:
    """The last steps of a number that may go; see `controllers/number_release.py`."""
    if step.way is Way.LEAVE:
        return await _leave_behind(services, turn)
    account = services.accounts.opened(turn.record.account)
    try:
        left = await leave(services, account, turn.record, step)
    except NotOurs:
        await _write(services, turn, NumberPlan(Phase.RELEASING, (not_ready(Reason.RELEASE_FORBIDDEN, _NOT_OURS),)))
        return _NOT_OURS_AGAIN
    if not left:
        return NOT_LISTED_YET
    if turn.record.deleting:
        await _drop_guard(services, turn.record)
        return None
    turn.record = services.fleet.number(turn.record.namespace, turn.record.name) or turn.record
    turn.state, turn.holding = replace(turn.state, phase=Phase.RELEASED), None
    await _write(services, turn, plan_number(turn.want, turn.state, None, AccountSeen()))
    return None


async def _leave_behind(services: Services, turn: Turn) -> float | None:
    why = await find_nobody_to_tell(services, turn.record)
    if why is None:
        return NOT_LISTED_YET
    await tell_left_behind(services, turn.record, why)
    await _drop_guard(services, turn.record)
    return None


_NOT_OURS = (
    "It was asked to go and stays: the carrier does not show the mark of this installation, namespace and pool on it, "
    "so it may be another's now. Set spec.deletionPolicy to Retain and delete it, or have it marked again by taking "
    "the request back."
)
_NOT_OURS_AGAIN = 60.0
"""Seconds until such a number is looked at again."""


# Writing.


async def _write(services: Services, turn: Turn, plan: NumberPlan) -> None:
    """Patch what has changed. A number that waits for the carrier has its account swept sooner."""
    life = _life(services, turn.record, plan)
    health = services.health.get(turn.record.place)
    patch = number_patch(turn.record, plan, turn.holding, turn.state, life, services.clock(), health)
    if patch:
        turn.record = await _patch_status(services, turn.record, patch)
    if services.health.get(turn.record.place) is health:
        services.health.pop(turn.record.place, None)
    if plan.phase in IN_FLIGHT:
        services.queues.wake_account(turn.record.account)


async def _patch_status(services: Services, record: NumberRecord, patch: dict[str, object]) -> NumberRecord:
    await services.status.patch(PHONE_NUMBERS, record, patch)
    return services.fleet.number(record.namespace, record.name) or record


def _life(services: Services, record: NumberRecord, plan: NumberPlan) -> Life:
    """The times of the number's life, as they are under this plan."""
    now = services.clock().replace(microsecond=0)
    free = (record.free_since or now) if plan.phase is Phase.AVAILABLE else None
    return Life(services.fleet.rests_until(record), free, farewell(services, record, now))


async def _guard(services: Services, record: NumberRecord) -> NumberRecord:
    """From now on its deletion waits until the carrier has been told what it means."""
    return await _set_finalizers(services, record, (*record.finalizers, NUMBER_FINALIZER))


async def _label(services: Services, record: NumberRecord) -> NumberRecord:
    """Write the labels that people have changed, or that a move to another pool has left behind."""
    body = {"metadata": {"labels": labels_wanted(services, record).as_labels()}}
    reply = await services.kube.patch(PHONE_NUMBERS, record.namespace, record.name, body, record.resource_version)
    services.fleet.learn("PhoneNumber", reply)
    return services.fleet.number(record.namespace, record.name) or record


async def _drop_guard(services: Services, record: NumberRecord) -> None:
    await _set_finalizers(services, record, tuple(name for name in record.finalizers if name != NUMBER_FINALIZER))


async def _set_finalizers(services: Services, record: NumberRecord, names: tuple[str, ...]) -> NumberRecord:
    namespace, name = record.namespace, record.name
    await services.status.set_finalizers(PHONE_NUMBERS, namespace, name, names, record.resource_version)
    return services.fleet.number(namespace, name) or record
