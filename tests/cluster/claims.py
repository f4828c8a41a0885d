"""Many claims on the pool `us-west`, and which numbers they got."""

from __future__ import annotations

from collections.abc import Mapping

from ringfleet.api import NumberClaim
from ringfleet.kube.transport import Json
from ringfleet.objects.refs import resource_of
from tests.cluster.stage import Stage

NUMBER_CLAIMS = resource_of(NumberClaim)


def some_claims(count: int, purpose: str) -> list[Json]:
    return [
        {"metadata": {"name": f"{purpose}-{turn}"}, "spec": {"poolRef": {"name": "us-west"}}} for turn in range(count)
    ]


def numbers_of_claims(stage: Stage) -> dict[str, str]:
    """The number that each bound claim says it holds, by the claim's uid."""
    bound = (claim for claim in stage.list("numberclaims") if "phoneNumber" in claim.get("status", {}))
    return {claim["metadata"]["uid"]: claim["status"]["phoneNumber"]["name"] for claim in bound}


def claims_of_numbers(stage: Stage) -> dict[str, str]:
    """The uid of the claim that each bound number says it is held by, by the number's name."""
    bound = (number for number in stage.list("phonenumbers") if "claimRef" in number["spec"])
    return {number["metadata"]["name"]: number["spec"]["claimRef"]["uid"] for number in bound}


def bound_twice(numbers: Mapping[str, str]) -> int:
    """How many claims hold a number that another one holds too; `numbers` as of `numbers_of_claims`."""
    return len(numbers) - len(set(numbers.values()))
