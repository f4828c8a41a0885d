"""A carrier that never answers a search holds up nobody at another one."""

from __future__ import annotations

from tests.cluster.stage import Stage, a_pool

WAITING = tuple(f"slow-{n}" for n in range(30))


def test_a_pool_at_a_quick_carrier_is_ready_while_every_search_of_thirty_pools_is_held_at_another(stage: Stage) -> None:
    stage.simulator.control("POST", "accounts", {"token": "spare-token", "id": "spare", "balance": "100.00"})
    held = {"fault": "latency", "operations": ["search"], "seconds": [600, 600], "account": "sandbox"}
    stage.simulator.set_faults(held)
    stage.account(limits={"timeout": "10m"})
    stage.account("spare", token="spare-token")
    stage.profile()
    stage.apply(*(a_pool(name, 1) for name in WAITING))
    stage.start_operator()
    orders = [f"{name}-1" for name in WAITING]
    stage.wait_for(lambda: set(orders) <= _names(stage, "numberorder"), "every pool to have its order")
    stage.pool(target=3, carriers=[{"accountRef": {"name": "spare"}}])
    stage.wait_ready()
    assert len(stage.simulator.ledger("spare", "purchase")) == 3
    found = (obj["metadata"]["name"] for obj in stage.list("numberorder") if obj.get("status", {}).get("items"))
    assert not set(orders) & set(found), "not one search has been answered there"


def _names(stage: Stage, what: str) -> set[str]:
    return {obj["metadata"]["name"] for obj in stage.list(what)}
