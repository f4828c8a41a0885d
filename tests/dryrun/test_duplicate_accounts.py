"""What `plan` and `adopt` say of an account that is one with an older one at the carrier."""

from __future__ import annotations

import pytest

from ringfleet.dryrun.adopt import CannotAdopt, Request, find_adoptable
from ringfleet.dryrun.simulation import what_if
from ringfleet.kube.transport import Json
from ringfleet.model import AccountKey
from ringfleet.plan.carrier_account.adopt import Wish
from ringfleet.plan.conditions import Reason
from tests.controllers.rig import HERE, HOUSE, RESOURCES, a_rig, a_secret, an_account, in_virtual_time

TEAM = "team"
THEIRS = AccountKey(TEAM, "main")


def in_team(obj: Json) -> Json:
    return {**obj, "metadata": {**obj["metadata"], "namespace": TEAM}}


@pytest.mark.parametrize(
    ("id_", "blocked"),
    [pytest.param("main", Reason.DUPLICATE_ACCOUNT, id="one account"), pytest.param("own", None, id="one of its own")],
)
@in_virtual_time
async def test_a_plan_foresees_that_a_new_account_is_one_that_is_there(id_: str, blocked: Reason | None) -> None:
    manifest = {"apiVersion": "ringfleet.dev/v1alpha1", **in_team(an_account())}
    async with a_rig(*HOUSE) as rig, what_if(rig.kube, [TEAM], [manifest]) as after:
        rig.carriers[str(THEIRS)] = type(rig.carrier)(rig.story, id_)
        await rig.kube.create(RESOURCES["Secret"], TEAM, a_secret())
        await after.reach(THEIRS, {}, TEAM)
        seen = after.services.accounts.seen(THEIRS, TEAM)
        assert (seen.blocked, f"CarrierAccount {HERE}/main" in seen.message) == (blocked, blocked is not None)


@in_virtual_time
async def test_nothing_is_adopted_by_an_account_that_is_one_with_another() -> None:
    said = {"type": "Stalled", "status": "True", "reason": "DuplicateAccount", "message": "It is shop/main."}
    status = {"conditions": [{**said, "lastTransitionTime": "2026-03-10T12:00:00Z"}]}
    async with a_rig(*HOUSE) as rig:
        await rig.create(in_team({**an_account(), "status": status}))
        with pytest.raises(CannotAdopt, match=r"It is shop/main\."):
            await find_adoptable(rig.kube, Request(THEIRS, TEAM, Wish()))
