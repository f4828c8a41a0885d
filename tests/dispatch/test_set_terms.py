"""What the ledger's owner is told of a set beside its members, and what sets of one campaign make of each other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ringfleet.dispatch.clock import Clock
from ringfleet.dispatch.inventory import Inventory, terms_of
from ringfleet.dispatch.ledger.types import Limit, Per, Roster
from ringfleet.kube.client import Kube
from ringfleet.model.rotation import Channel, StickyMode, StickyScope
from ringfleet.objects.rotation_set import rotation_want
from ringfleet.plan.rotation_set import roster
from ringfleet.plan.rotation_set.guardrails import MessagingWant, RotationWant
from ringfleet.plan.rotation_set.roster import State
from tests.controllers.api_double import ApiDouble
from tests.controllers.rig import HERE, RESOURCES, a_claim, a_number, a_set, an_account, later
from tests.dispatch.desk import a_want
from tests.kube.virtual_time import run_in_virtual_time
from tests.plan.builders import digits

ACME = MessagingWant("acme", "c1", campaign_approved=True, per_minute=75, daily_limit=2000, segments=2)
TEXTS = a_want("texts", channel=Channel.SMS, messaging=ACME)
APPROVED = {"brand": "acme", "campaign": "c1", "campaignApproved": True}


def test_the_limits_of_a_set_are_its_brands_and_its_campaigns() -> None:
    terms = terms_of(TEXTS)
    assert terms.limits == (Limit("brand:shop/acme", Per.DAY, 2000), Limit("campaign:shop/acme/c1", Per.MINUTE, 75))
    assert (terms.units, terms.scopes, terms.brand) == (2, TEXTS.looks_in, "brand:shop/acme")
    alone = replace(TEXTS, messaging=replace(ACME, campaign=None, daily_limit=None))
    assert terms_of(alone).limits == (Limit("set:shop/texts", Per.MINUTE, 75),)
    assert terms_of(replace(TEXTS, channel=Channel.VOICE)).limits == ()


@pytest.mark.parametrize(
    ("changes", "people"),
    [
        ({}, ""),
        ({"sticky_scope": StickyScope.BRAND}, "people:SMS:shop/acme/c1"),
        ({"sticky_scope": StickyScope.NAMESPACE}, "people:SMS:shop/acme/c1"),
        ({"sticky_scope": StickyScope.BRAND, "suspended": True}, ""),
        ({"sticky_scope": StickyScope.BRAND, "channel": Channel.VOICE}, "people:Voice:shop/acme"),
        ({"sticky_scope": StickyScope.NAMESPACE, "channel": Channel.VOICE}, "people:Voice:shop"),
    ],
)
def test_sets_share_people_by_channel_and_brand_and_for_messages_by_campaign(
    changes: dict[str, Any], people: str
) -> None:
    assert terms_of(replace(TEXTS, **changes)).people == people


def want_of(**spec: Any) -> RotationWant:
    obj = a_set(**spec)
    obj["metadata"] |= {"namespace": HERE, "uid": "u", "generation": 1, "creationTimestamp": later(0)}
    from ringfleet.api import RotationSet

    return rotation_want(RotationSet.parse(obj))


def test_a_set_for_messages_keeps_the_number_strictly_unless_it_says_otherwise() -> None:
    assert want_of(channel="SMS", messaging=APPROVED).sticky is StickyMode.STRICT
    assert want_of(channel="SMS", messaging=APPROVED, sticky={"mode": "Prefer"}).sticky is StickyMode.PREFER
    assert want_of().sticky is StickyMode.PREFER


def test_what_a_set_says_of_rooms_and_replies() -> None:
    want = want_of(keepRoomFor="30m", replyWindow="48h", sticky={"scope": "Brand"})
    assert (want.room_kept, want.reply_window) == (timedelta(minutes=30), timedelta(hours=48))
    assert want.sticky_scope is StickyScope.BRAND


class Rosters:
    """A ledger as far as the inventory asks it."""

    def __init__(self) -> None:
        self.last: dict[str, Roster] = {}

    async def enlist(self, roster: Roster) -> None:
        self.last[roster.set] = roster

    def on_taken(self, hear: object) -> None:
        """It is never taken."""

    def active(self, set_: str) -> list[str]:
        return [one.number for one in self.last[set_].members if one.state is State.ACTIVE]


@asynccontextmanager
async def following(api: ApiDouble) -> AsyncIterator[Rosters]:
    ledger: Any = Rosters()
    inventory = Inventory(Kube(api), ledger, Clock())  # type: ignore[arg-type]  # the double is the transport
    running = asyncio.create_task(inventory.run())
    try:
        await inventory.synced.wait()
        yield ledger
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def put_set(kube: Kube, name: str, numbers: list[int], last_claim: dict[str, Any] | None = None) -> None:
    """A set for messages, with these numbers, which joined one after the other by their n."""
    made = await kube.create(RESOURCES["RotationSet"], HERE, a_set(name=name, channel="SMS", messaging=APPROVED))
    owner = {
        "apiVersion": "ringfleet.dev/v1alpha1",
        "kind": "RotationSet",
        "name": name,
        "uid": made["metadata"]["uid"],
    }
    for n in numbers:
        claim = a_claim(f"{name}-{n}")
        claim["metadata"] |= {
            "labels": {"ringfleet.dev/rotation-set": name},
            "ownerReferences": [{**owner, "controller": True}],
        }
        held = await kube.create(RESOURCES["NumberClaim"], HERE, claim)
        await kube.patch_status(RESOURCES["NumberClaim"], HERE, f"{name}-{n}", {"boundAt": later(n)})
        ref = {"namespace": HERE, "name": f"{name}-{n}", "uid": held["metadata"]["uid"]}
        number = a_number(n, "Bound", claimRef=ref, **({"lastClaimRef": last_claim} if last_claim else {}))
        number["status"] |= {"country": "US", "routing": {"profile": "texts", "externalId": "at-carrier/texts"}}
        await kube.create(RESOURCES["PhoneNumber"], HERE, number)
        await kube.patch_status(RESOURCES["PhoneNumber"], HERE, digits(n).digits, number["status"])


def test_the_numbers_of_a_campaign_are_those_that_joined_first_in_any_of_its_sets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(roster, "CAMPAIGN_NUMBERS", 3)

    async def main() -> None:
        api = ApiDouble([an_account()])
        kube = Kube(api)  # type: ignore[arg-type]  # the same
        await put_set(kube, "texts", [1, 4, 5])
        await put_set(kube, "more", [2, 3, 6])
        async with following(api) as ledger:
            assert ledger.active("shop/texts") == [str(digits(1))]
            assert ledger.active("shop/more") == [str(digits(2)), str(digits(3))]
            await kube.delete(RESOURCES["NumberClaim"], HERE, "more-2")
            await asyncio.sleep(1.0)
            assert ledger.active("shop/texts") == [str(digits(1)), str(digits(4))], "it moves up"
            assert ledger.active("shop/more") == [str(digits(3))]
            await kube.delete(RESOURCES["RotationSet"], HERE, "more")
            await asyncio.sleep(1.0)
            assert len(ledger.active("shop/texts")) == 3
            assert ledger.last["shop/more"].terms.limits == ()

    run_in_virtual_time(main())


def test_a_set_is_heir_of_one_of_its_brand_that_is_no_more() -> None:
    had = {"namespace": HERE, "name": "old-1", "tenant": "acme", "rotationSet": "old"}

    async def main() -> None:
        api = ApiDouble([an_account()])
        kube = Kube(api)  # type: ignore[arg-type]  # the same
        await put_set(kube, "new", [1], had)
        await put_set(kube, "other", [2], had | {"tenant": "rival"})
        async with following(api) as ledger:
            assert ledger.last["shop/new"].terms.heir_of == ("shop/old",)
            assert ledger.last["shop/other"].terms.heir_of == ()
        await put_set(kube, "old", [])
        async with following(api) as ledger:
            assert ledger.last["shop/new"].terms.heir_of == (), "there it is, with people of its own"

    run_in_virtual_time(main())
