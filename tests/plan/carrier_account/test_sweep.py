"""What a sweep finds in one page of a carrier's listing, and when the next one comes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfleet.model import E164, Capability, Holding, HoldingStatus, Mark, Phase
from ringfleet.model.campaign import NO_SEAT, CampaignSeat, CampaignState
from ringfleet.plan.carrier_account.sweep import Findings, Known, compare, differs, next_sweep, unseated, unsigned
from tests.plan.builders import MARK, NOW, a_holding, a_price, digits, dollars

THEIRS = Mark("elsewhere", "default", "west")
OURS_BY_MARK = a_holding(mark=MARK)
UNMARKED = a_holding(mark=None)
OF_ANOTHER = a_holding(mark=THEIRS)
MOVED = a_holding(mark=replace(MARK, pool="east"))
OF_NAMESPACE = a_holding(mark=replace(MARK, namespace="gone"))


def known(phase: Phase = Phase.AVAILABLE, **rest: Any) -> Known:
    suspended = phase is Phase.SUSPENDED and not rest.get("parked")
    facts = {"external_id": "did-1", "monthly": dollars(2), "suspended": suspended, "home": MARK}
    return Known(phase, **{**facts, **rest})


@pytest.mark.parametrize(
    ("holding", "object_", "on_order", "expected"),
    [
        pytest.param(OURS_BY_MARK, known(), False, Findings(owned=1, ours=1), id="ours, as remembered"),
        pytest.param(
            OURS_BY_MARK,
            known(external_id=None),
            False,
            Findings(owned=1, ours=1, changed=(OURS_BY_MARK,)),
            id="ours, and not as remembered",
        ),
        pytest.param(
            OURS_BY_MARK,
            None,
            False,
            Findings(owned=1, ours=1, orphans=(OURS_BY_MARK,)),
            id="ours and without an object: an orphan",
        ),
        pytest.param(
            OURS_BY_MARK,
            None,
            True,
            Findings(owned=1, ours=1),
            id="ours and without an object, but its order has not ended",
        ),
        pytest.param(
            UNMARKED,
            known(),
            False,
            Findings(owned=1, ours=1, unmarked=(UNMARKED,)),
            id="ours by its object, and to be marked again",
        ),
        pytest.param(UNMARKED, None, True, Findings(owned=1, ours=1), id="on order and not marked yet"),
        pytest.param(UNMARKED, None, False, Findings(owned=1, unmanaged=1), id="somebody else's"),
        pytest.param(OF_ANOTHER, None, False, Findings(owned=1, unmanaged=1), id="another installation's"),
        pytest.param(
            OF_ANOTHER,
            known(),
            False,
            Findings(owned=1, unmanaged=1, changed=(OF_ANOTHER,)),
            id="another installation's now: told to its object, and not marked",
        ),
        pytest.param(
            OF_ANOTHER,
            known(foreign_mark=THEIRS),
            False,
            Findings(owned=1, unmanaged=1),
            id="another installation's, as its object says",
        ),
        pytest.param(
            MOVED, known(), False, Findings(owned=1, ours=1, unmarked=(MOVED,)), id="ours, and moved to another pool"
        ),
        pytest.param(
            OF_NAMESPACE,
            known(foreign_mark=OF_NAMESPACE.mark),
            False,
            Findings(owned=1, ours=1, unmarked=(OF_NAMESPACE,)),
            id="ours, and marked for a namespace that is gone",
        ),
        pytest.param(MOVED, known(), True, Findings(owned=1, ours=1), id="marked otherwise, and on order"),
        pytest.param(MOVED, known(leaving=True), False, Findings(owned=1, ours=1), id="moved, and on its way out"),
        pytest.param(
            UNMARKED, known(observed=True), False, Findings(owned=1, unmanaged=1), id="only observed, and not marked"
        ),
        pytest.param(
            OF_ANOTHER,
            known(observed=True),
            False,
            Findings(owned=1, unmanaged=1),
            id="only observed, and another installation's",
        ),
        pytest.param(
            UNMARKED,
            known(observed=True, monthly=None),
            False,
            Findings(owned=1, unmanaged=1, changed=(UNMARKED,)),
            id="only observed, and not as remembered",
        ),
        pytest.param(
            OURS_BY_MARK,
            known(observed=True),
            False,
            Findings(owned=1, ours=1),
            id="only observed, and ours by its mark",
        ),
        pytest.param(
            UNMARKED, known(leaving=True), False, Findings(owned=1, ours=1), id="let go of: its mark is off on purpose"
        ),
        pytest.param(
            OURS_BY_MARK,
            known(Phase.RELEASED),
            False,
            Findings(owned=1, ours=1, orphans=(OURS_BY_MARK,)),
            id="given back, and there again: an orphan",
        ),
        pytest.param(
            OURS_BY_MARK, known(Phase.RELEASED), True, Findings(owned=1, ours=1), id="given back, and listed still"
        ),
        pytest.param(
            UNMARKED,
            known(Phase.RELEASED),
            False,
            Findings(owned=1, unmanaged=1),
            id="given back, without a mark, and listed still",
        ),
        pytest.param(
            OURS_BY_MARK,
            known(Phase.LOST),
            False,
            Findings(owned=1, ours=1, changed=(OURS_BY_MARK,)),
            id="lost, and there again",
        ),
    ],
)
def test_a_holding_is_judged(holding: Holding, object_: Known | None, on_order: bool, expected: Findings) -> None:
    objects = {digits(1): object_} if object_ else {}
    orders = {digits(1)} if on_order else set()
    assert compare([holding], objects, orders, "home") == expected


def test_an_object_that_is_not_listed_is_not_concluded_to_be_lost() -> None:
    assert compare([], {digits(1): known()}, set(), "home") == Findings()


@pytest.mark.parametrize(
    ("holding", "object_", "expected"),
    [
        pytest.param(a_holding(), known(), False, id="nothing"),
        pytest.param(a_holding(external_id="did-9"), known(), True, id="its id"),
        pytest.param(a_holding(price=a_price(5)), known(), True, id="its price"),
        pytest.param(a_holding(), known(monthly=None), True, id="a price that was not known"),
        pytest.param(a_holding(renews_at=NOW), known(), True, id="its renewal"),
        pytest.param(a_holding(renews_at=NOW), known(renews_at=NOW), False, id="a renewal that is known"),
        pytest.param(a_holding(), known(Phase.ORDERING, activating=True), True, id="it is active now"),
        pytest.param(a_holding(), known(Phase.ORDERING), False, id="it is active, and waits for something else"),
        pytest.param(a_holding(), known(Phase.PENDING_DOCUMENTS), True, id="its documents are approved"),
        pytest.param(a_holding(), known(Phase.BOUND), False, id="nothing of a bound number"),
        pytest.param(a_holding(status=HoldingStatus.ACTIVATING), known(Phase.ORDERING), False, id="still activating"),
        pytest.param(
            a_holding(status=HoldingStatus.PENDING_DOCUMENTS), known(Phase.ORDERING), True, id="it needs documents"
        ),
        pytest.param(
            a_holding(status=HoldingStatus.PENDING_DOCUMENTS),
            known(Phase.PENDING_DOCUMENTS),
            False,
            id="it still needs documents",
        ),
        pytest.param(a_holding(status=HoldingStatus.SUSPENDED), known(), True, id="it is suspended"),
        pytest.param(
            a_holding(status=HoldingStatus.SUSPENDED), known(Phase.SUSPENDED), False, id="it is still suspended"
        ),
        pytest.param(a_holding(), known(Phase.SUSPENDED), True, id="it is resumed"),
        pytest.param(a_holding(routing="profile-1"), known(routing="profile-1"), False, id="routed as remembered"),
        pytest.param(a_holding(routing="profile-9"), known(routing="profile-1"), True, id="it has drifted"),
        pytest.param(
            a_holding(routing="profile-9"), known(routing="profile-1", drifted=True), False, id="it is still astray"
        ),
        pytest.param(
            a_holding(routing="profile-1"),
            known(routing="profile-1", drifted=True),
            True,
            id="it is back from its drift",
        ),
        pytest.param(a_holding(routing="profile-9"), known(), False, id="a routing that is not ours"),
        pytest.param(a_holding(routing="profile-9"), known(observed=True), True, id="an observed number is routed"),
        pytest.param(
            a_holding(routing="profile-9"),
            known(observed=True, routing="profile-9"),
            False,
            id="an observed number is routed as remembered",
        ),
        pytest.param(
            a_holding(), known(observed=True, routing="profile-9"), True, id="an observed number is routed no more"
        ),
        pytest.param(
            a_holding(),
            known(Phase.SUSPENDED, parked=True, routing="profile-1"),
            False,
            id="a parked number has no routing",
        ),
        pytest.param(
            a_holding(routing="profile-1"),
            known(Phase.SUSPENDED, parked=True, routing="profile-1"),
            True,
            id="a parked number rings",
        ),
        pytest.param(
            a_holding(status=HoldingStatus.SUSPENDED),
            known(Phase.SUSPENDED, parked=True),
            True,
            id="a parked number is suspended by the carrier as well",
        ),
        pytest.param(a_holding(), known(Phase.LOST), True, id="it was lost"),
        pytest.param(OF_ANOTHER, known(), True, id="another installation's mark"),
        pytest.param(OF_ANOTHER, known(foreign_mark=THEIRS), False, id="another installation's mark, still"),
        pytest.param(
            OF_ANOTHER,
            known(Phase.LOST, foreign_mark=THEIRS, monthly=None),
            False,
            id="nothing else of a number that is another's",
        ),
        pytest.param(OURS_BY_MARK, known(foreign_mark=THEIRS), True, id="our mark again"),
        pytest.param(UNMARKED, known(foreign_mark=THEIRS), True, id="no mark any more"),
        pytest.param(OF_NAMESPACE, known(), True, id="the mark of another namespace"),
        pytest.param(OF_ANOTHER, known(observed=True), False, id="any mark of an observed number"),
        pytest.param(a_holding(bundle="bun-1"), known(), True, id="it carries a bundle"),
        pytest.param(a_holding(bundle="bun-1"), known(bundle="bun-1"), False, id="the bundle that is remembered"),
        pytest.param(a_holding(bundle="bun-2"), known(bundle="bun-1"), True, id="another bundle"),
        pytest.param(a_holding(), known(bundle="bun-1"), False, id="a carrier that says nothing of bundles"),
        pytest.param(replace(a_holding(), price=None), known(), False, id="a carrier that says nothing of prices"),
    ],
)
def test_what_the_carrier_says_anew(holding: Holding, object_: Known, expected: bool) -> None:
    assert differs(holding, object_) is expected


pages = st.lists(
    st.builds(a_holding, st.integers(1, 20), mark=st.sampled_from([MARK, THEIRS, None])),
    unique_by=lambda holding: holding.number,
)
objects = st.dictionaries(
    st.integers(1, 20).map(digits),
    st.builds(
        known,
        st.sampled_from(Phase),
        external_id=st.sampled_from(["did-1", "x"]),
        observed=st.booleans(),
        parked=st.booleans(),
        leaving=st.booleans(),
    ),
)
orders = st.frozensets(st.integers(1, 20).map(digits))


@given(pages, objects, orders, st.randoms(use_true_random=True))
def test_the_order_of_a_page_does_not_matter_and_pages_add_up(
    page: list[Holding], known: dict[E164, Known], on_order: frozenset[E164], random: Random
) -> None:
    whole = compare(page, known, on_order, "home")
    assert compare(random.sample(page, len(page)), known, on_order, "home") == whole
    ordered = sorted(page, key=lambda holding: holding.number)
    half = len(page) // 2
    first, second = (compare(part, known, on_order, "home") for part in (ordered[:half], ordered[half:]))
    assert first + second == whole


@given(pages, objects, orders)
def test_every_number_is_ours_or_unmanaged_and_what_is_not_ours_is_never_touched(
    page: list[Holding], known: dict[E164, Known], on_order: frozenset[E164]
) -> None:
    found = compare(page, known, on_order, "home")
    assert found.owned == len(page) == found.ours + found.unmanaged
    for holding in (*found.orphans, *found.changed, *found.unmarked):
        assert holding.mark == MARK or holding.number in known
    held = {number for number, object_ in known.items() if object_.phase is not Phase.RELEASED}
    assert not {holding.number for holding in found.orphans} & (held | on_order)
    for holding in found.unmarked:
        seen = known[holding.number]
        assert holding.mark is None
        assert (seen.observed, seen.leaving) == (False, False)
        assert seen.phase is not Phase.RELEASED


@pytest.mark.parametrize(
    ("waiting", "quiet", "seconds"),
    [(False, 0, 300), (False, 9, 300), (True, 0, 5), (True, 1, 10), (True, 5, 160), (True, 6, 300), (True, 10**6, 300)],
)
def test_a_sweep_comes_sooner_while_numbers_wait(waiting: bool, quiet: int, seconds: int) -> None:
    assert next_sweep(timedelta(minutes=5), waiting, quiet) == timedelta(seconds=seconds)


def test_an_interval_shorter_than_five_seconds_is_kept() -> None:
    assert next_sweep(timedelta(seconds=2), waiting=True, quiet=0) == timedelta(seconds=2)


def test_a_mark_of_our_installation_in_another_pool_is_still_ours() -> None:
    holding = replace(OURS_BY_MARK, mark=Mark("home", "other", "east"))
    assert compare([holding], {}, set(), "home").orphans == (holding,)


@pytest.mark.parametrize(("carrier", "ours", "different"), [("A", "A", False), ("A", None, True), (None, "A", True)])
def test_how_the_carrier_signs_calls_is_told_to_the_object(
    carrier: str | None, ours: str | None, different: bool
) -> None:
    holding = replace(a_holding(), attestation=carrier)
    assert differs(holding, known(attestation=ours)) is different


@pytest.mark.parametrize(("asked", "different"), [(True, True), (False, False)])
def test_a_number_stays_signed_while_nobody_can_be_asked_how_it_is(asked: bool, different: bool) -> None:
    holding = replace(a_holding(), attestation=None, signing_asked=asked)
    assert differs(holding, known(attestation="A")) is different


@pytest.mark.parametrize(("told", "different"), [(True, True), (False, False)])
def test_what_a_number_can_do_is_news_to_an_object_that_does_not_know_it(told: bool, different: bool) -> None:
    holding = replace(a_holding(), capabilities=frozenset({Capability.SMS}) if told else frozenset())
    assert differs(holding, known(unable=True)) is different
    assert not differs(holding, known())


def test_abroad_calls_are_not_signed_and_that_is_told_once() -> None:
    holding = replace(a_holding(), country="DE", attestation=None)
    assert differs(holding, known())
    assert not differs(holding, known(attestation="NotApplicable"))


@pytest.mark.parametrize(
    ("changes", "knows", "wanted"),
    [
        ({}, {}, True),
        ({"attestation": "A"}, {}, False),
        ({"signing_asked": False}, {}, False),
        ({"country": "DE"}, {}, False),
        ({"mark": None}, {}, False),
        ({"mark": THEIRS}, {}, False),
        ({}, {"observed": True}, False),
        ({}, {"leaving": True}, False),
        ({"status": HoldingStatus.PENDING_DOCUMENTS}, {}, False),
    ],
)
def test_only_our_own_numbers_whose_calls_should_be_signed_are_put_into_the_trust_product(
    changes: dict[str, Any], knows: dict[str, Any], wanted: bool
) -> None:
    assert unsigned(replace(OURS_BY_MARK, **{"attestation": None, **changes}), known(**knows), "home") is wanted


CM1 = CampaignSeat("CM1", CampaignState.ASSIGNED)


@pytest.mark.parametrize(
    ("seat", "before", "different"),
    [
        (CM1, CM1, False),
        (CM1, None, True),
        (CM1, CampaignSeat("CM1", CampaignState.PENDING), True),
        (NO_SEAT, CM1, True),
        (NO_SEAT, None, False),
        (None, CM1, False),
    ],
)
def test_for_which_campaign_a_number_sends_is_told_to_the_object(
    seat: CampaignSeat | None, before: CampaignSeat | None, different: bool
) -> None:
    assert differs(replace(a_holding(), seat=seat), known(seat=before)) is different


@pytest.mark.parametrize(
    ("changes", "knows", "wanted"),
    [
        ({}, {}, True),
        ({"seat": NO_SEAT}, {}, True),
        ({"seat": CampaignSeat("CM2", CampaignState.ASSIGNED)}, {}, True),
        ({"seat": CampaignSeat("CM1", CampaignState.PENDING)}, {}, False),
        ({"seat": CampaignSeat("CM1", CampaignState.FAILED)}, {}, False),
        ({"country": "DE"}, {}, False),
        ({"number": E164("+18005550100")}, {}, False),
        ({"mark": None}, {}, False),
        ({"mark": THEIRS}, {}, False),
        ({"status": HoldingStatus.SUSPENDED}, {}, False),
        ({}, {"campaign": None}, False),
        ({}, {"observed": True}, False),
        ({}, {"leaving": True}, False),
        ({}, {"parked": True}, False),
    ],
)
def test_only_our_own_long_numbers_of_the_us_are_put_into_the_campaign_of_their_profile(
    changes: dict[str, Any], knows: dict[str, Any], wanted: bool
) -> None:
    assert unseated(replace(OURS_BY_MARK, **changes), known(**{"campaign": "CM1", **knows}), "home") is wanted
