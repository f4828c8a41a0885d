"""A campaign starts: hundreds of claims within seconds, each of which gets a number of its own."""

from __future__ import annotations

import asyncio

from ringfleet.kube.client import Kube
from tests.cluster.claims import NUMBER_CLAIMS, bound_twice, claims_of_numbers, numbers_of_claims, some_claims
from tests.cluster.load import UNHINDERED, Load, run_load
from tests.cluster.stage import Stage
from tests.cluster.stock import open_stock

FREE = 1_050
RATE = 75
CLAIMS = RATE * 10


def test_seventy_five_claims_a_second_for_ten_seconds_are_all_bound_and_none_twice(stage: Stage) -> None:
    open_stock(stage, FREE)
    load = asyncio.run(claim_all(stage))
    held = numbers_of_claims(stage)
    assert len(load.bound) == len(held) == CLAIMS
    assert bound_twice(held) == 0
    assert claims_of_numbers(stage) == {number: claim for claim, number in held.items()}


async def claim_all(stage: Stage) -> Load:
    async with Kube.connect(stage.cluster.kubeconfig, limits=UNHINDERED) as kube:
        return await run_load(kube, NUMBER_CLAIMS, stage.namespace, some_claims(CLAIMS, "campaign"), RATE)
