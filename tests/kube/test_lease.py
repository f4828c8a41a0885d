"""Two contenders for one lease, on the real API server; their clocks are moved by hand."""

from __future__ import annotations

import asyncio

import pytest

from ringfleet.kube.client import Kube
from ringfleet.kube.lease import LEASES, Held, HeldByOther, LeaseLock

DURATION = 15.0


class Clock:
    """A monotonic clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def take(lock: LeaseLock, namespace: str, holder: str, **more: object) -> Held | HeldByOther:
    return await lock.acquire(namespace, "purchase", holder, DURATION, **more)  # type: ignore[arg-type]


async def held(lock: LeaseLock, namespace: str, holder: str) -> Held:
    taken = await take(lock, namespace, holder)
    assert isinstance(taken, Held)
    return taken


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def lock(kube: Kube, clock: Clock) -> LeaseLock:
    return LeaseLock(kube, clock)


async def test_the_first_to_ask_holds_it(lock: LeaseLock, namespace: str) -> None:
    first = await take(lock, namespace, "one", annotations={"for": "order us-1"})
    second = await take(lock, namespace, "two")
    assert isinstance(first, Held)
    assert (first.until, second) == (1000.0 + DURATION, HeldByOther("one", DURATION, {"for": "order us-1"}))


async def test_of_many_who_ask_at_once_one_holds_it(kube: Kube, namespace: str) -> None:
    async def contend(number: int) -> Held | HeldByOther:
        return await take(LeaseLock(kube), namespace, f"contender {number}")

    outcomes = await asyncio.gather(*(contend(number) for number in range(12)))
    assert len([outcome for outcome in outcomes if isinstance(outcome, Held)]) == 1


async def test_the_same_holder_takes_it_again_at_once(kube: Kube, lock: LeaseLock, namespace: str) -> None:
    before = await held(lock, namespace, "one")
    after_a_crash = await held(LeaseLock(kube), namespace, "one")
    spec, again = before.lease["spec"], after_a_crash.lease["spec"]
    assert (again["acquireTime"], again["leaseTransitions"]) == (spec["acquireTime"], spec["leaseTransitions"])


async def test_a_silent_holder_loses_it_after_the_whole_duration_on_our_clock(
    lock: LeaseLock, clock: Clock, namespace: str
) -> None:
    await held(lock, namespace, "one")
    clock.now += 100  # of which we have not been looking
    assert await take(lock, namespace, "two") == HeldByOther("one", DURATION, {})
    clock.now += DURATION - 1
    assert await take(lock, namespace, "two") == HeldByOther("one", 1.0, {})
    clock.now += 1
    assert (await held(lock, namespace, "two")).lease["spec"]["leaseTransitions"] == 2


async def test_a_holder_that_renews_keeps_it(kube: Kube, lock: LeaseLock, clock: Clock, namespace: str) -> None:
    rival = LeaseLock(kube, clock)
    ours: Held | HeldByOther = await held(lock, namespace, "one")
    for _ in range(4):
        assert await take(rival, namespace, "two") == HeldByOther("one", DURATION, {})
        clock.now += DURATION - 1
        assert isinstance(ours, Held)
        ours = await lock.renew(ours)
    assert isinstance(ours, Held)
    assert ours.until == clock.now + DURATION


async def test_a_promise_longer_than_our_patience_is_kept(lock: LeaseLock, clock: Clock, namespace: str) -> None:
    await lock.acquire(namespace, "purchase", "one", 60.0)
    await take(lock, namespace, "two")
    clock.now += DURATION
    assert await take(lock, namespace, "two") == HeldByOther("one", 60.0 - DURATION, {})


async def test_of_two_who_waited_for_a_silent_holder_one_gets_it(kube: Kube, clock: Clock, namespace: str) -> None:
    contenders = [LeaseLock(kube, clock) for _ in range(2)]
    await held(LeaseLock(kube, clock), namespace, "silent")
    for number, contender in enumerate(contenders):
        await take(contender, namespace, f"{number}")
    clock.now += DURATION
    outcomes = await asyncio.gather(*(take(each, namespace, f"{number}") for number, each in enumerate(contenders)))
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Held", "HeldByOther"]


async def test_what_is_released_is_free_at_once(lock: LeaseLock, namespace: str) -> None:
    await lock.release(await held(lock, namespace, "one"))
    assert (await held(lock, namespace, "two")).lease["spec"]["holderIdentity"] == "two"


async def test_a_holder_that_lost_it_learns_so_and_releases_nothing(
    kube: Kube, lock: LeaseLock, clock: Clock, namespace: str
) -> None:
    lost = await held(lock, namespace, "one")
    rival = LeaseLock(kube, clock)
    await take(rival, namespace, "two")
    clock.now += DURATION
    await held(rival, namespace, "two")
    assert await lock.renew(lost) == HeldByOther("two", DURATION, {})
    await lock.release(lost)
    assert (await kube.get(LEASES, namespace, "purchase"))["spec"]["holderIdentity"] == "two"


async def test_a_gap_in_between_is_a_loss_even_if_the_holder_is_the_same(
    kube: Kube, lock: LeaseLock, namespace: str
) -> None:
    before = await held(lock, namespace, "one")
    await lock.release(before)
    await lock.release(await held(lock, namespace, "two"))
    await held(lock, namespace, "one")
    assert isinstance(await lock.renew(before), HeldByOther)


async def test_somebodys_label_on_it_loses_nothing(kube: Kube, lock: LeaseLock, namespace: str) -> None:
    ours = await held(lock, namespace, "one")
    await kube.patch(LEASES, namespace, "purchase", {"metadata": {"labels": {"seen": "yes"}}})
    renewed = await lock.renew(ours)
    assert isinstance(renewed, Held)
    assert renewed.lease["metadata"]["labels"] == {"seen": "yes"}


async def test_a_lease_that_was_deleted_is_lost_and_can_be_made_again(
    kube: Kube, lock: LeaseLock, namespace: str
) -> None:
    ours = await held(lock, namespace, "one")
    await kube.delete(LEASES, namespace, "purchase")
    assert isinstance(await lock.renew(ours), HeldByOther)
    await lock.release(ours)
    await held(lock, namespace, "two")


async def test_a_new_lease_belongs_to_its_owners(kube: Kube, lock: LeaseLock, namespace: str) -> None:
    parent = await kube.get(LEASES, namespace, (await held(lock, namespace, "one")).name)
    owner = {"apiVersion": LEASES.api_version, "kind": "Lease", "name": "purchase", "uid": parent["metadata"]["uid"]}
    child = await lock.acquire(namespace, "child", "one", DURATION, owners=[owner])
    assert isinstance(child, Held)
    assert child.lease["metadata"]["ownerReferences"] == [owner]
