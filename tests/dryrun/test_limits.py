"""`ringfleet plan` keeps to what a person has said: a freeze, and how many numbers an account buys in an hour."""

from __future__ import annotations

import pytest

from ringfleet.dryrun.orders import fill
from ringfleet.dryrun.simulation import what_if
from ringfleet.kube.transport import Json
from ringfleet.model import AccountKey
from ringfleet.model.refs import ObjectRef
from tests.controllers.rig import HERE, RESOURCES, Rig, a_pool, a_rig, a_secret, an_account, in_virtual_time
from tests.plan.builders import an_offer

SYSTEM = "ringfleet-system"
FROZEN = {"ringfleet.dev/frozen": "ada: strange bills"}


async def planned(rig: Rig) -> tuple[int, list[str]]:
    """How many numbers would be bought for the pool, and what it would say of itself."""
    rig.carrier.stock += [an_offer(n) for n in range(1, 20)]
    async with what_if(rig.kube, [HERE], ()) as after:
        await after.reach(AccountKey(HERE, "main"), {}, HERE)
        filling = await fill(after, ObjectRef(HERE, "west"))
        bought = len(after.services.fleet.numbers_in_pool(HERE, "west"))
    assert not rig.carrier.billed
    return bought, [str(one.reason) for one in filling.last.plan.conditions]


def frozen(obj: Json) -> Json:
    return {**obj, "metadata": {**obj["metadata"], "annotations": FROZEN}}


@pytest.mark.parametrize(
    ("account", "pool", "bought", "reason"),
    [
        pytest.param(an_account(), a_pool(8), 8, "AtTarget", id="nothing is said"),
        pytest.param(an_account(limits={"purchasesPerHour": 3}), a_pool(8), 3, "PurchaseRateReached", id="3 an hour"),
        pytest.param(an_account(), frozen(a_pool(8)), 0, "Frozen", id="the pool is frozen"),
        pytest.param(frozen(an_account()), a_pool(8), 0, "Frozen", id="the account is frozen"),
    ],
)
@in_virtual_time
async def test_what_would_be_bought_is_what_may_be(account: Json, pool: Json, bought: int, reason: str) -> None:
    async with a_rig(a_secret(), account, pool) as rig:
        found, said = await planned(rig)
    assert (found, reason in said) == (bought, True)


@pytest.mark.parametrize(
    ("seen", "bought"), [pytest.param(True, 0, id="seen"), pytest.param(False, 8, id="not let see")]
)
@in_virtual_time
async def test_a_freeze_of_everything_counts_for_who_may_see_it(seen: bool, bought: int) -> None:
    async with a_rig(a_secret(), an_account(), a_pool(8)) as rig:
        freeze = {"metadata": {"name": "ringfleet-freeze", "namespace": SYSTEM}}
        await rig.kube.create(RESOURCES["ConfigMap"], SYSTEM, freeze)
        if not seen:
            rig.api.refuse("get", "configmaps", 403)
        assert (await planned(rig))[0] == bought
