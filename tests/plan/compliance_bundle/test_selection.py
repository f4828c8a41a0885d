"""Which bundle an order lives by, and whether it waits for one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from ringfleet.model import NumberType
from ringfleet.model.compliance import FilingState
from ringfleet.plan.compliance_bundle.filing import Approval
from ringfleet.plan.compliance_bundle.selection import (
    Ambiguous,
    Approved,
    AwaitBundle,
    BundleFiling,
    BundleSeen,
    BundleStanding,
    NoBundle,
    OrderAndPark,
    OrderFreely,
    OrderLeave,
    OrderWith,
    Rejected,
    Waiting,
    bundle_for,
    wait_for_bundle,
)
from ringfleet.plan.conditions import Reason
from tests.plan.builders import MAIN, NOW, SPARE

GEO = NumberType.GEOGRAPHIC
DAY = timedelta(days=1)


def a_bundle(name: str = "acme", state: FilingState | None = None, id_: str = "", **rest: Any) -> BundleSeen:
    """A bundle for DE at MAIN; approved as `id_` until `ends` where those are given."""
    ends: Any = rest.pop("ends", None)
    approved = Approval(id_, "r", ends) if id_ else None
    filings = (BundleFiling(MAIN, GEO, state, approved),) if state else ()
    fields = {"country": "DE", "types": (GEO,), "accounts": (MAIN,), "filings": filings}
    return BundleSeen(name, **{**fields, **rest})


APPROVED, DRAFT, REJECTED = FilingState.APPROVED, FilingState.DRAFT, FilingState.REJECTED
GOOD = a_bundle(state=APPROVED, id_="B0")
BAD = a_bundle("bad", REJECTED)
REJECTION = Rejected("bad", "ComplianceBundle bad is Rejected by default/main: see its conditions.")
CREATE = (
    "Create a ComplianceBundle for Geographic numbers in DE that names default/main; "
    "`kubectl ringfleet requirements DE --type Geographic` lists what it needs."
)


AMBIGUOUS = Ambiguous(
    "Several ComplianceBundles are for Geographic numbers in DE at default/main: acme, bad. Name the one to use in "
    "spec.complianceBundleRef of the NumberPool."
)


def waiting(name: str, state: FilingState) -> Waiting:
    return Waiting(name, state, f"ComplianceBundle {name} is {state} at default/main.")


@pytest.mark.parametrize(
    ("bundles", "standing"),
    [
        ((), NoBundle(CREATE)),
        ((a_bundle(country="FR"), a_bundle(types=(NumberType.MOBILE,)), a_bundle(accounts=(SPARE,))), NoBundle(CREATE)),
        ((a_bundle(),), waiting("acme", DRAFT)),
        ((a_bundle(state=FilingState.IN_REVIEW),), waiting("acme", FilingState.IN_REVIEW)),
        ((GOOD,), Approved("acme", "B0")),
        ((BAD, GOOD), AMBIGUOUS),
        ((GOOD, a_bundle("bad", accounts=(SPARE,))), Approved("acme", "B0")),
        ((GOOD, a_bundle("bad", types=(NumberType.MOBILE,))), Approved("acme", "B0")),
        ((BAD,), REJECTION),
        ((a_bundle(state=REJECTED, id_="B0"),), Approved("acme", "B0")),
        ((a_bundle(state=FilingState.EXPIRING, id_="B0", ends=NOW + DAY),), Approved("acme", "B0")),
        ((a_bundle(state=APPROVED, id_="B0", ends=NOW),), waiting("acme", FilingState.EXPIRED)),
        ((a_bundle("bad", APPROVED, "B1", ends=NOW + DAY), GOOD), AMBIGUOUS),
    ],
)
def test_the_one_bundle_of_a_market_is_found_and_of_several_none_is_chosen(
    bundles: tuple[BundleSeen, ...], standing: BundleStanding
) -> None:
    assert bundle_for("DE", GEO, MAIN, bundles, NOW) == standing


def test_a_pool_that_names_its_bundle_uses_no_other() -> None:
    assert bundle_for("DE", GEO, MAIN, (GOOD, BAD), NOW, named="bad") == REJECTION
    nowhere = bundle_for("DE", GEO, MAIN, (GOOD,), NOW, named="other")
    assert nowhere == NoBundle(CREATE.replace("a ComplianceBundle", "ComplianceBundle other"))
    elsewhere = bundle_for("FR", GEO, MAIN, (GOOD,), NOW, named="acme")
    message = "ComplianceBundle acme is not for Geographic numbers in FR at default/main: extend it."
    assert elsewhere == NoBundle(message)


NONE, SOON = NoBundle("create it"), Waiting("acme", DRAFT, "it is a draft")
UNKNOWN = AwaitBundle(Reason.READING_REQUIREMENTS, "It is not known yet whether the carrier asks for documents.")


@pytest.mark.parametrize(
    ("require", "demanded", "standing", "leave"),
    [
        (None, False, NONE, OrderFreely()),
        (True, False, NONE, OrderFreely()),
        (False, False, REJECTION, OrderFreely()),
        (None, True, NONE, AwaitBundle(Reason.BUNDLE_MISSING, "create it")),
        (None, True, SOON, AwaitBundle(Reason.WAITING_FOR_BUNDLE, "it is a draft")),
        (True, None, SOON, AwaitBundle(Reason.WAITING_FOR_BUNDLE, "it is a draft")),
        (None, None, SOON, UNKNOWN),
        (False, True, NONE, OrderAndPark("create it")),
        (False, None, SOON, OrderAndPark("it is a draft")),
        (False, True, REJECTION, AwaitBundle(Reason.DOCUMENTS_REJECTED, REJECTION.message)),
        (None, True, REJECTION, AwaitBundle(Reason.DOCUMENTS_REJECTED, REJECTION.message)),
        (False, True, Approved("acme", "B0"), OrderWith("B0")),
        (None, None, Approved("acme", "B0"), OrderWith("B0")),
        (None, False, AMBIGUOUS, OrderFreely()),
        (None, None, AMBIGUOUS, UNKNOWN),
        (None, True, AMBIGUOUS, AwaitBundle(Reason.AMBIGUOUS_BUNDLE, AMBIGUOUS.message)),
        (False, True, AMBIGUOUS, AwaitBundle(Reason.AMBIGUOUS_BUNDLE, AMBIGUOUS.message)),
        (False, None, AMBIGUOUS, AwaitBundle(Reason.AMBIGUOUS_BUNDLE, AMBIGUOUS.message)),
    ],
)
def test_an_order_waits_for_what_its_carrier_demands(
    require: bool | None, demanded: bool | None, standing: BundleStanding, leave: OrderLeave
) -> None:
    assert wait_for_bundle(require, demanded, standing) == leave


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (DRAFT, "ComplianceBundle acme is Draft at default/main: An address: city in spec.address; bill: illegible."),
        (
            REJECTED,
            "ComplianceBundle acme is Rejected by default/main: An address: city in spec.address; bill: illegible.",
        ),
    ],
)
def test_what_a_bundle_lacks_is_said_to_whoever_waits_for_it(state: FilingState, message: str) -> None:
    lacking = BundleFiling(MAIN, GEO, state, lacks=("An address: city in spec.address", "bill: illegible."))
    standing = bundle_for("DE", GEO, MAIN, [a_bundle(filings=(lacking,))], NOW)
    assert isinstance(standing, Waiting | Rejected)
    assert standing.message == message
