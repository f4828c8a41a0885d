"""`ringfleet plan` buys for claims what the operator buys for them, and says what their pool can never give."""

from __future__ import annotations

import pytest

from ringfleet.dryrun.plan import foresee
from ringfleet.dryrun.simulation import what_if
from ringfleet.kube.transport import Json
from tests.controllers.rig import HERE, HOUSE, a_pool, a_rig, a_service, a_set, in_virtual_time
from tests.controllers.test_bought_for_whom import BOTH, ONLY_415, STOCK, asking, bought, in_628, work

CANNOT = (
    "NumberClaim shop/desk: NumberPool shop/west orders only area codes 415 (spec.market.areaCodes), and the claim "
    "takes only 628 (spec.areaCodeRequired): nothing is ordered for it. Claim from another pool, or add an area code "
    "to this one."
)


@pytest.mark.parametrize(
    ("asker", "market", "served", "notes"),
    [
        pytest.param(asking(capabilities=["SMS"]), ONLY_415, ("shop/desk",), (), id="messages"),
        pytest.param(asking(areaCode="628"), BOTH, ("shop/desk",), (), id="a wished area code"),
        pytest.param(in_628(), BOTH, ("shop/desk",), (), id="an area code that is a must"),
        pytest.param(a_set(2, channel="SMS"), ONLY_415, ("shop/calls-1", "shop/calls-2"), (), id="a set"),
        pytest.param(
            *(a_service(minNumbers=2, channels=["SMS"]), ONLY_415, ("shop/rides-1", "shop/rides-2"), ()), id="a service"
        ),
        pytest.param(in_628(), ONLY_415, (), (("PoolCannotServe", CANNOT),), id="what it can never give"),
    ],
)
@in_virtual_time
async def test_a_plan_says_what_the_operator_then_does(
    asker: Json, market: Json, served: tuple[str, ...], notes: tuple[tuple[str, str], ...]
) -> None:
    async with a_rig(*HOUSE, a_pool(1, market=market), asker, begun=False) as rig:
        rig.carrier.stock = list(STOCK)
        async with what_if(rig.kube, [HERE], ()) as after:
            (pool,) = (await foresee(after, (), {})).pools
        assert rig.carrier.billed == {}
        assert (pool.served, tuple((note.reason, note.message) for note in pool.notes)) == (served, notes)
        await work(rig)
        assert sorted(int(one.offer.number[-4:]) for one in pool.bought) == bought(rig)
