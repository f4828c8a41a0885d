"""A figure that a description or a reason tells is the one that the code goes by."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial

import pytest

from ringfleet.api import CarrierAccount, NumberOrder, NumberPool, RotationSet
from ringfleet.api.conditions import reasons_of
from ringfleet.api.meta import Resource
from ringfleet.model.policy import OnNoStock
from ringfleet.model.refs import ObjectRef
from ringfleet.objects.rotation_set import claim_body, rotation_want
from ringfleet.plan.carrier_account.loss import LOST_AFTER, is_short
from ringfleet.plan.number_order.last_looks import LOOKED_UP_FOR
from ringfleet.plan.number_pool.carriers import LONGEST_REFUSED_REST, LONGEST_REST
from ringfleet.plan.number_pool.release import MOST_AT_ONCE, SHARE_AT_ONCE, WINDOW, most_at_once
from ringfleet.plan.rotation_set.guardrails import DEFAULT_DAILY
from ringfleet.plan.rotation_set.plan import CreateClaim
from ringfleet.plan.rotation_set.size import size_set
from ringfleet.plan.sizing.formulas import utilisation
from ringfleet.plan.sizing.rotation import CAMPAIGN_NUMBERS
from tests.api.schemas import schema_of


def told(kind: type[Resource], path: str = "") -> str:
    """What `kubectl explain` tells of a field, or of the kind."""
    schema = schema_of(kind)
    for name in filter(None, path.split(".")):
        schema = schema.get("items", schema)["properties"][name]
    text: str = schema["description"]
    return text


def test_so_many_numbers_asked_to_go_at_once_are_held_as_the_reason_says() -> None:
    says = reasons_of("NumberPool")["ReleaseFrozen"]
    whole = MOST_AT_ONCE * SHARE_AT_ONCE
    assert f"More than {MOST_AT_ONCE} numbers of a pool" in says
    assert f"more than {100 // SHARE_AT_ONCE} percent, where it has under {whole}; never for one alone" in says
    assert most_at_once(whole - 1) < most_at_once(whole) == MOST_AT_ONCE
    assert most_at_once(1) == 1
    assert (timedelta(minutes=10), "within ten minutes" in says) == (WINDOW, True)


SHRUNK = [
    pytest.param(lambda: reasons_of("CarrierAccount")["ListingShrunk"], id="reason"),
    pytest.param(partial(told, CarrierAccount, "status.numbers.shrunkTo"), id="status.numbers.shrunkTo"),
]


@pytest.mark.parametrize("says", SHRUNK)
def test_a_listing_is_doubted_under_the_share_that_is_told(says: Callable[[], str]) -> None:
    assert "under 80 percent" in says()
    assert "given back since" in says()
    assert not is_short(owned=80, before=100, released=0)
    assert is_short(owned=79, before=100, released=0)
    assert not is_short(owned=40, before=100, released=50)


def test_so_many_listings_make_a_number_lost_as_the_annotation_is_told() -> None:
    assert f"{['one', 'two', 'three'][LOST_AFTER - 1]} listings in a row" in told(CarrierAccount)


@pytest.mark.parametrize("reason", ["NoStock", "PriceAboveCap", "InsufficientFunds"])
def test_a_pool_tries_again_at_least_as_often_as_it_says(reason: str) -> None:
    assert timedelta(minutes=10) >= LONGEST_REST
    assert "at least every ten minutes" in reasons_of("NumberPool")[reason]


def test_a_pool_that_is_refused_tries_again_at_least_as_often_as_it_says() -> None:
    assert timedelta(hours=1) >= LONGEST_REFUSED_REST
    assert "at least every hour" in reasons_of("NumberPool")["OrderRefused"]


ABANDONED = [
    pytest.param(lambda: reasons_of("NumberOrder")["PoolMissing"], id="reason"),
    pytest.param(partial(told, NumberOrder, "status.abandonedAt"), id="status.abandonedAt"),
]


@pytest.mark.parametrize("says", ABANDONED)
def test_an_abandoned_order_is_looked_up_for_as_long_as_is_told(says: Callable[[], str]) -> None:
    assert timedelta(minutes=15) == LOOKED_UP_FOR
    assert "looked up for a quarter of an hour" in says()


def planned() -> Iterator[str]:
    """Of each default cap, how much of it is planned for."""
    for cap in DEFAULT_DAILY.values():
        yield f"of {cap} a day {int(cap * utilisation(cap, 0.01))}"


def test_what_stays_free_of_a_cap_is_told() -> None:
    first, second = planned()
    says = told(RotationSet, "spec.overloadPercent")
    assert f"with 1, {first} are planned for, {second}" in says


def test_the_size_of_a_set_for_messages_is_the_rule_of_thumb_that_is_told() -> None:
    told_of = {1000: "1000 messages a day are one number", 8000: "8000 are eight"}
    says, spec = told(RotationSet, "spec.dailyVolume"), {"channel": "SMS", "pools": [{"name": "us"}]}
    for volume, numbers in ((1000, 1), (8000, 8)):
        wish = spec | {"dailyVolume": volume, "messaging": {"brand": "acme"}}
        found = RotationSet.parse({"metadata": {"namespace": "shop", "name": "sms", "uid": "1"}, "spec": wish})
        assert size_set(rotation_want(found), "US").total == numbers
        assert told_of[volume] in says


def test_a_set_claims_numbers_in_the_way_that_is_told() -> None:
    spec = {"channel": "Voice", "pools": [{"name": "us"}], "size": 1}
    found = RotationSet.parse({"metadata": {"namespace": "shop", "name": "calls", "uid": "1"}, "spec": spec})
    claim = claim_body(found, rotation_want(found), CreateClaim("calls-1", ObjectRef("shop", "us")))
    assert claim["spec"]["onNoStock"] == OnNoStock.ORDER
    assert f"onNoStock {OnNoStock.ORDER}" in told(RotationSet, "spec.pools")


def test_the_numbers_of_a_campaign_are_told() -> None:
    most = f"{CAMPAIGN_NUMBERS} US numbers"
    assert f"at most {most} send messages" in told(RotationSet, "spec.messaging.numberPool")
    assert reasons_of("RotationSet")["NumberPoolNotApproved"].startswith(most)


def test_a_pool_whose_releases_are_held_says_first_how_to_keep_a_number() -> None:
    for says in (
        reasons_of("NumberPool")["ReleaseFrozen"],
        told(NumberPool, "status.release.frozenSince"),
        told(NumberPool).partition("ringfleet.dev/acknowledge-release")[2],
    ):
        assert "spec.protected" in says
        assert "can't be got again" in says
