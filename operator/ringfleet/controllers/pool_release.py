"""What a pool lets go, between its objects and `plan/number_pool/release.py`: who was asked, who is idle.

The pool's status names whom it lets go before any of them acts on it. Numbers that the pool asks to go as surplus get
an annotation, and lose it again when the pool takes them back.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

from ringfleet.api import NumberPool
from ringfleet.api.meta import ACKNOWLEDGE, GROUP, SURPLUS
from ringfleet.api.number_pool import IdleBy
from ringfleet.controllers.desired_number import going
from ringfleet.controllers.services import Services
from ringfleet.kube.errors import Conflict, NotFound
from ringfleet.model import GONE
from ringfleet.model.policy import ReleaseMode
from ringfleet.model.refs import NAMESPACES, ObjectRef, Resource
from ringfleet.objects.number_pool import release_record
from ringfleet.objects.phone_number import NumberRecord
from ringfleet.objects.refs import CRDS, PHONE_NUMBERS
from ringfleet.plan.number_pool.release import Idler, Leaver, ReleasePlan, ReleaseSeen
from ringfleet.plan.number_traffic import silent_for
from ringfleet.plan.phone_number.removal import DELETIONS, Way


async def see_release(services: Services, pool: NumberPool) -> ReleaseSeen:
    """All that leaving depends on but the supply. Whether namespace or kind is going away is read live, when a deletion
    makes it matter."""
    records, others = _count(services, pool)
    if any(one.deleting for one in records):
        await services.namespaces.look(pool.metadata.namespace)
    leavers = tuple(leaver for record in records if (leaver := _leaver(services, record)))
    record = release_record(pool)
    passed = record.has_passed()
    deleted = any(one.cause in DELETIONS and not passed(one) for one in leavers)
    return ReleaseSeen(
        leavers=leavers,
        idlers=tuple(_idler(services, pool, one) for one in records if one.free or one.notes.surplus),
        size=len(records) + others,
        record=record,
        ending=await find_ending(services, pool.metadata.namespace) if deleted else None,
        acknowledged=_acknowledged(pool),
    )


def _count(services: Services, pool: NumberPool) -> tuple[list[NumberRecord], int]:
    """The numbers that go or could go, and how many others there are. A pool that is deleted asks all of them; one that
    gives back what is idle looks at all that are free."""
    place = ObjectRef(pool.metadata.namespace, pool.metadata.name)
    release, idle_after = pool.spec.release, pool.spec.reclaim.idle_after
    if pool.metadata.deletion_timestamp or (release.mode is ReleaseMode.AUTOMATIC and idle_after is not None):
        records, others = services.fleet.numbers_in_pool(*place), 0
    else:
        records, lots = services.fleet.counted_in_pool(place, ())
        others = sum(count for lot, count in lots.items() if lot.phase not in GONE)
    return [record for record in records if record.state.phase not in GONE], others


def _leaver(services: Services, record: NumberRecord) -> Leaver | None:
    asked = going(services, record)
    if asked is None or record.observed or asked.way is Way.LEAVE:
        return None  # nothing of these changes at the carrier: nobody has to let them pass
    farewell = record.state.farewell
    return Leaver(
        record.name,
        asked.cause,
        asked.way,
        asked.obstacle is not None or services.fleet.freeze_of(record) is not None,
        farewell.since if farewell else None,
        farewell.not_before if farewell else None,
        record.uid in services.found_going,
    )


def _idler(services: Services, pool: NumberPool, record: NumberRecord) -> Idler:
    """One of another market is no surplus of the pool, however long it has been free: a person decides about it."""
    idle_since = _idle_since(services, pool, record) if services.fleet.fits(record) else None
    return Idler(record.name, idle_since, record.renews_at, record.protected, record.notes.surplus)


def _idle_since(services: Services, pool: NumberPool, record: NumberRecord) -> datetime | None:
    """From when a free number is idle, as its pool counts; None: it is not, or nobody can tell."""
    if record.free_since is None:
        return None
    if pool.spec.reclaim.idle_by is IdleBy.TRAFFIC:
        since, after = record.idle_since, pool.spec.reclaim.idle_after
        proven = silent_for(since, services.traffic.heard(record.account)) if since else None
        return since if proven is not None and after is not None and proven >= after else None
    traffic = services.traffic.of(record)
    last = traffic.last if traffic and traffic.last else record.last_traffic
    return max(record.free_since, last) if last else record.free_since


def _acknowledged(pool: NumberPool) -> datetime | None:
    text = pool.metadata.annotations.get(ACKNOWLEDGE, "")
    with suppress(ValueError):
        return datetime.fromisoformat(text)
    return None


async def find_ending(services: Services, namespace: str) -> str | None:
    """A clause that says that the numbers go because their namespace or kind does; None when neither does."""
    return await _find_end(services, namespace, gone=True)


async def find_deletion(services: Services, namespace: str) -> str | None:
    """The same, before an order is made: what it would buy could not be written down. Here only what is seen counts."""
    return await _find_end(services, namespace, gone=False)


async def _find_end(services: Services, namespace: str, *, gone: bool) -> str | None:
    """`gone`: what can't be found has ended."""
    if await _is_ending(services, NAMESPACES, namespace, gone):
        return f"namespace {namespace} is being deleted, and with it all its numbers"
    if await _is_ending(services, CRDS, f"phonenumbers.{GROUP}", gone):
        return "the kind PhoneNumber is being deleted, and with it all numbers"
    return None


async def _is_ending(services: Services, resource: Resource, name: str, gone: bool) -> bool:
    try:
        found = await services.kube.get(resource, None, name)
    except NotFound:
        return gone
    return "deletionTimestamp" in found["metadata"]


# Asking.


async def ask_surplus(services: Services, pool: NumberPool, plan: ReleasePlan) -> None:
    """Write on numbers that their pool asks them to go, or does not ask any more."""
    for name in plan.ask:
        await _annotate(services, pool, name, ask=True)
    for name in plan.take_back:
        await _annotate(services, pool, name, ask=False)


async def _annotate(services: Services, pool: NumberPool, name: str, *, ask: bool) -> None:
    record = services.fleet.number(pool.metadata.namespace, name)
    if record is None or (ask and not record.free):
        return
    value = str(record.number) if ask else None
    body = {"metadata": {"annotations": {SURPLUS: value}}}
    with suppress(Conflict, NotFound):  # the number has changed: it is looked at again
        namespace = pool.metadata.namespace
        services.fleet.learn(
            "PhoneNumber", await services.kube.patch(PHONE_NUMBERS, namespace, name, body, record.resource_version)
        )
