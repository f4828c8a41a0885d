"""Quotas: what a namespace may have, what waits when it is used up, and that no tenant exhausts another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.cluster.stage import Stage, a_quota

FAST = {"limits": {"requestsPerSecond": 200, "concurrency": 8}}


def open_market(stage: Stage) -> None:
    stage.account(**FAST)
    stage.profile()
    stage.start_operator()


def used(stage: Stage) -> dict[str, Any]:
    return dict(stage.get("numberquota", "tenant")["status"].get("used", {}))


def test_pools_of_a_namespace_share_its_numbers_and_the_rest_waits_with_a_reason(stage: Stage) -> None:
    stage.apply(a_quota(limits={"numbers": 7}))
    open_market(stage)
    stage.pool("east", target=5)
    stage.pool("west", target=5)
    said = stage.wait_for(lambda: quota_reason(stage, "east", "west"), "one of the pools to meet the quota")
    assert "spec.limits.numbers of NumberQuota 'tenant'" in said
    stage.wait_for(lambda: used(stage).get("numbers") == 7, "the quota to be used up")
    stage.wait_reason("numberquota", "tenant", "QuotaExceeded")
    stage.wait_for(lambda: sum(stage.bills().values()) == 7, "what was ordered to be bought")
    stage.patch("numberquota", "tenant", limits={"numbers": 12})
    stage.wait_ready("east")
    stage.wait_ready("west")
    assert sum(stage.bills().values()) == 10


def quota_reason(stage: Stage, *pools: str) -> str | None:
    """What the first of these pools says that waits for the quota."""
    said = (stage.condition("numberpool", pool) for pool in pools)
    return next((one["message"] for one in said if one and one["reason"] == "QuotaExceeded"), None)


def test_spend_is_reserved_before_the_call(stage: Stage) -> None:
    stage.apply(a_quota(limits={"monthlySpend": "10.00"}))
    open_market(stage)
    stage.pool(target=10)
    stage.wait_for(lambda: len(stage.numbers()) == 5, "five numbers of 1.99")
    stage.wait_for(lambda: used(stage).get("monthlySpend") == "9.95", "them to be counted")
    stage.wait_for(lambda: stage.list("numberorders")[-1].get("status", {}).get("completedAt"), "the order to end")
    assert sum(stage.bills().values()) == 5


def test_so_many_orders_a_day_and_no_more(stage: Stage) -> None:
    stage.apply(a_quota(limits={"ordersPerDay": 2}))
    open_market(stage)
    stage.pool(target=9, ordering={"batchSize": 3})
    stage.wait_reason("numberpool", "us-west", "QuotaExceeded")
    stage.wait_for(lambda: used(stage).get("ordersToday") == 2, "both orders to be counted")
    assert len(stage.list("numberorders")) == 2
    stage.wait_for(lambda: len(stage.numbers()) == 6, "what was ordered to come")


@pytest.fixture
def neighbour(stage: Stage) -> Iterator[str]:
    """Another tenant's namespace."""
    name = stage.cluster.new_namespace("neighbour")
    yield name
    stage.cluster.leave_namespace(name)


def claim_from(stage: Stage, namespace: str, *names: str) -> None:
    """Claims in another namespace for numbers of this stage's pool."""
    ref = {"poolRef": {"name": "us-west", "namespace": stage.namespace}}
    kind = {"apiVersion": "ringfleet.dev/v1alpha1", "kind": "NumberClaim"}
    stage.cluster.apply(*({**kind, "metadata": {"name": name}, "spec": ref} for name in names), namespace=namespace)


def reasons(stage: Stage, namespace: str) -> list[str]:
    """Why each claim of a namespace is ready or not, sorted."""
    claims = stage.api.list("numberclaims", namespace)
    said = (claim.get("status", {}).get("conditions", []) for claim in claims)
    return sorted(conditions[0]["reason"] for conditions in said if conditions)


def test_a_tenant_can_not_exhaust_what_another_shares_with_it(stage: Stage, neighbour: str) -> None:
    stage.account(**FAST)
    stage.profile()
    stage.pool(target=6, limits={"maxNumbers": 6}, allowedNamespaces=[neighbour], reclaim={"cooldown": "1s"})
    stage.cluster.apply(a_quota(limits={"numbers": 2}), namespace=neighbour)
    stage.start_operator(also=(neighbour,))
    stage.wait_for(lambda: list(stage.phases().values()).count("Available") == 6, "six free numbers")
    claim_from(stage, neighbour, "a", "b", "c", "d")
    stage.wait_for(
        lambda: reasons(stage, neighbour) == ["Bound", "Bound", "QuotaExceeded", "QuotaExceeded"], "two to be kept out"
    )
    stage.claim(*(f"own-{n}" for n in range(4)))
    stage.wait_for(lambda: len(stage.bound()) == 4, "the owner to have its own")
    bound = [one["spec"]["claimRef"]["name"] for one in stage.list("phonenumbers")]
    freed = next(name for name in bound if name in "abcd")
    stage.api.delete("numberclaim", freed, namespace=neighbour)
    stage.wait_for(lambda: reasons(stage, neighbour) == ["Bound", "Bound", "QuotaExceeded"], "the next to be let in")


def test_unpaid_bills_stop_what_a_tenant_has_borrowed_and_nobody_elses(stage: Stage, neighbour: str) -> None:
    stage.account(**FAST)
    stage.profile()
    stage.pool(target=2, limits={"maxNumbers": 2}, allowedNamespaces=[neighbour])
    stage.start_operator(also=(neighbour,))
    stage.wait_for(lambda: list(stage.phases().values()).count("Available") == 2, "two free numbers")
    claim_from(stage, neighbour, "theirs")
    stage.claim("ours")
    stage.wait_for(lambda: list(stage.phases().values()) == ["Bound", "Bound"], "both to be bound")
    stage.cluster.apply(a_quota(billing="Suspended"), namespace=neighbour)
    stage.wait_for(lambda: sorted(stage.phases().values()) == ["Bound", "Suspended"], "theirs to be suspended")
    assert stage.phases()[stage.bound()["ours"]] == "Bound"
    stage.cluster.apply(a_quota(billing="Current"), namespace=neighbour)
    stage.wait_for(lambda: list(stage.phases().values()) == ["Bound", "Bound"], "theirs to be back")
