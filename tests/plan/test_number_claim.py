"""What keeps a claim out of the queue, and what a claim says of itself."""

from __future__ import annotations

from typing import Any

import pytest

from ringfleet.model import AccountKey, Capability, Market, NumberType
from ringfleet.model.asking import NOTHING, Ask, Traits
from ringfleet.model.policy import OnNoStock
from ringfleet.plan.conditions import NEEDS_A_PERSON, Condition, Reason, not_ready, ready, reconciling, stalled
from ringfleet.plan.number_claim import (
    Bar,
    ClaimWant,
    ClaimWorld,
    Hindrance,
    bar_claim,
    bound_conditions,
    waiting_conditions,
    why_unservable,
)
from tests.plan.builders import an_ask


def a_claim(**rest: Any) -> ClaimWant:
    return ClaimWant(**{"namespace": "shop", "pool": "shop/west", "pool_namespace": "shop", **rest})


FULL = "The namespace has used up spec.limits.numbers of NumberQuota 'cap': raise it, or wait."
PAUSED = Bar(Reason.SUSPENDED, "The claim is suspended (spec.suspend): it is not served.")
SHUT_OUT = Bar(
    Reason.POOL_NOT_ALLOWED,
    "NumberPool shop/west does not let in claims of namespace shop, or does not exist: "
    "its owner can add the namespace to its spec.allowedNamespaces.",
)
NO_POOL = Bar(
    Reason.POOL_MISSING, "NumberPool shop/west (spec.poolRef) does not exist: create it, or correct the name."
)
NO_NUMBER = Bar(
    Reason.NUMBER_MISSING,
    "NumberPool shop/west has no number 14155550123 (spec.phoneNumberName): claim another one.",
)
MISSPELT = Bar(Reason.INVALID_SPEC, "The claim wishes an area code that can be none: write 30.")
NAMED = a_claim(named="14155550123")
TWILIO, TELNYX = AccountKey("shop", "twilio"), AccountKey("shop", "telnyx")


@pytest.mark.parametrize(
    ("want", "world", "bar"),
    [
        pytest.param(a_claim(), ClaimWorld(), None, id="nothing"),
        pytest.param(NAMED, ClaimWorld(), None, id="nothing, for a named number"),
        pytest.param(a_claim(suspended=True), ClaimWorld(), PAUSED, id="it is suspended"),
        pytest.param(a_claim(), ClaimWorld(let_in=False), SHUT_OUT, id="it is not let in"),
        pytest.param(a_claim(), ClaimWorld(pool_exists=False), NO_POOL, id="there is no pool"),
        pytest.param(
            a_claim(),
            ClaimWorld(quota=FULL),
            Bar(Reason.QUOTA_EXCEEDED, FULL),
            id="its namespace has used up its quota",
        ),
        pytest.param(NAMED, ClaimWorld(named_exists=False), NO_NUMBER, id="there is no such number"),
        pytest.param(
            a_claim(), ClaimWorld(misspelt="write 30"), MISSPELT, id="it wishes an area code that can be none"
        ),
        pytest.param(
            a_claim(suspended=True),
            ClaimWorld(False, False, FULL, False),
            PAUSED,
            id="suspension is said before all else",
        ),
        pytest.param(
            NAMED,
            ClaimWorld(pool_exists=False, let_in=False, quota=FULL, named_exists=False),
            SHUT_OUT,
            id="whoever is not let in does not learn whether the pool exists",
        ),
        pytest.param(
            NAMED,
            ClaimWorld(pool_exists=False, quota=FULL, named_exists=False),
            NO_POOL,
            id="a missing pool before the quota",
        ),
        pytest.param(
            NAMED,
            ClaimWorld(quota=FULL, named_exists=False),
            Bar(Reason.QUOTA_EXCEEDED, FULL),
            id="the quota before the number",
        ),
    ],
)
def test_what_keeps_a_claim_out_of_the_queue(want: ClaimWant, world: ClaimWorld, bar: Bar | None) -> None:
    assert bar_claim(want, world) == bar


NONE_FITTED = "No number of NumberPool shop/west fitted when it was asked for, and spec.onNoStock is Fail."
NOT_FREE = "PhoneNumber 14155550123 is not free: it is bound, rests or is stopped. The claim waits for it."
QUEUES = "No free number of NumberPool shop/west fits: the claim waits in the queue."
ORDERED = "The pool orders one that does; where it can't, its conditions say why."


@pytest.mark.parametrize(
    ("want", "bar", "said"),
    [
        pytest.param(a_claim(), SHUT_OUT, (not_ready(Reason.POOL_NOT_ALLOWED, SHUT_OUT.message),), id="barred"),
        pytest.param(
            a_claim(suspended=True), PAUSED, (ready(Reason.SUSPENDED, PAUSED.message),), id="suspended, as it wishes"
        ),
        pytest.param(
            a_claim(on_no_stock=OnNoStock.FAIL),
            NO_POOL,
            (not_ready(Reason.POOL_MISSING, NO_POOL.message),),
            id="barred, and fails only when it is not",
        ),
        pytest.param(
            a_claim(on_no_stock=OnNoStock.FAIL),
            None,
            (not_ready(Reason.NO_STOCK, NONE_FITTED), stalled(Reason.NO_STOCK, NONE_FITTED)),
            id="failed",
        ),
        pytest.param(
            NAMED,
            None,
            (not_ready(Reason.NUMBER_NOT_FREE, NOT_FREE), reconciling(Reason.NUMBER_NOT_FREE, NOT_FREE)),
            id="named",
        ),
        pytest.param(
            a_claim(),
            None,
            (not_ready(Reason.WAITING_FOR_NUMBER, QUEUES), reconciling(Reason.WAITING_FOR_NUMBER, QUEUES)),
            id="waiting",
        ),
        pytest.param(
            a_claim(on_no_stock=OnNoStock.ORDER),
            None,
            (
                not_ready(Reason.WAITING_FOR_NUMBER, f"{QUEUES} {ORDERED}"),
                reconciling(Reason.WAITING_FOR_NUMBER, f"{QUEUES} {ORDERED}"),
            ),
            id="ordered for",
        ),
    ],
)
def test_a_claim_without_a_number_says_why(want: ClaimWant, bar: Bar | None, said: tuple[Condition, ...]) -> None:
    assert waiting_conditions(want, bar) == said


NOTHING_ORDERED = (
    "(spec.areaCodeRequired): nothing is ordered for it. Claim from another pool, or add an area code to this one."
)
HERE_ONLY = Market("US", NumberType.GEOGRAPHIC, ("415", "628"))
NO_CODES = Market("DE", NumberType.MOBILE)
IN_212 = an_ask(codes="212 646", required=True)
TALKS = Traits(frozenset({Capability.VOICE}), frozenset({"212"}))


@pytest.mark.parametrize(
    ("want", "ask", "market", "named", "why"),
    [
        pytest.param(a_claim(), NOTHING, HERE_ONLY, None, None, id="it takes any"),
        pytest.param(a_claim(), an_ask(Capability.SMS), HERE_ONLY, None, None, id="an order can bring it"),
        pytest.param(
            a_claim(),
            IN_212,
            HERE_ONLY,
            None,
            "NumberPool shop/west orders only area codes 415, 628 (spec.market.areaCodes), and the claim takes only "
            f"212 or 646 {NOTHING_ORDERED}",
            id="another area code",
        ),
        pytest.param(
            a_claim(),
            IN_212,
            NO_CODES,
            None,
            "NumberPool shop/west orders numbers without area codes, and the claim takes only "
            f"212 or 646 {NOTHING_ORDERED}",
            id="no area codes at all",
        ),
        pytest.param(NAMED, IN_212, HERE_ONLY, None, None, id="a number of which nothing is known"),
        pytest.param(NAMED, IN_212, HERE_ONLY, TALKS, None, id="a number that the pool would not order"),
        pytest.param(
            NAMED,
            an_ask(Capability.SMS, Capability.FAX),
            HERE_ONLY,
            TALKS,
            "PhoneNumber 14155550123 (spec.phoneNumberName) has no Fax and no SMS, which the claim must have: claim "
            "another number.",
            id="a number that can't do it",
        ),
        pytest.param(
            NAMED,
            an_ask(codes="415", required=True),
            HERE_ONLY,
            TALKS,
            "PhoneNumber 14155550123 (spec.phoneNumberName) is not of area code 415, which the claim must have: claim "
            "another number.",
            id="a number of another area code",
        ),
        pytest.param(a_claim(), Ask(account=TWILIO), HERE_ONLY, None, None, id="an account of the pool"),
        pytest.param(
            a_claim(),
            Ask(account=TELNYX),
            HERE_ONLY,
            None,
            "NumberPool shop/west does not order from CarrierAccount shop/telnyx (spec.carriers), and the claim takes "
            "only a number of it (spec.accountRef): nothing is ordered for it. Correct the name, claim from another "
            "pool, or let this one order there.",
            id="an account that the pool does not order from",
        ),
        pytest.param(
            NAMED,
            Ask(account=TELNYX),
            HERE_ONLY,
            TALKS._replace(account=TWILIO),
            "PhoneNumber 14155550123 (spec.phoneNumberName) is not of CarrierAccount shop/telnyx, which the claim must "
            "have: claim another number.",
            id="a number of another account",
        ),
    ],
)
def test_what_a_claim_must_have_and_its_pool_can_never_give(
    want: ClaimWant, ask: Ask, market: Market, named: Traits | None, why: str | None
) -> None:
    assert why_unservable(want, ask, market, named, [TWILIO]) == why


def test_a_claim_that_can_never_be_served_says_so_unless_it_is_barred() -> None:
    said = (not_ready(Reason.POOL_CANNOT_SERVE, "It can't."),)
    for how in OnNoStock:
        assert waiting_conditions(a_claim(on_no_stock=how), None, "It can't.") == said
    assert waiting_conditions(a_claim(), PAUSED, "It can't.") == (not_ready(Reason.SUSPENDED, PAUSED.message),)
    assert Reason.POOL_CANNOT_SERVE in NEEDS_A_PERSON, "and it is Stalled with that"


REFUSED = "Secret line belongs to somebody else."
NUMBER = "+14155550123"
STOPPED = Hindrance(Reason.SUSPENDED, "It carries no call.")
STOPPING = Hindrance(Reason.SUSPENDED, "It carries no call.", goes_on=True)
SPAM = Hindrance(Reason.QUARANTINED, "Taken out of use: spam.")
ROUTING = Hindrance(Reason.ROUTING, "It is being routed.", goes_on=True)
GONE = Hindrance(Reason.LOST, "The carrier shows it no more.")
WITH_IT = f"It holds {NUMBER}, which is suspended with it (spec.suspend): no call or message gets through."
ABOUT_TO = f"It holds {NUMBER}, whose traffic is about to be stopped (spec.suspend)."


def as_it_says(hindrance: Hindrance) -> tuple[Condition, ...]:
    message = f"It holds {NUMBER}, whose PhoneNumber is not ready: {hindrance.message}"
    goes_on = (reconciling(hindrance.reason, message),) if hindrance.goes_on else ()
    return (not_ready(hindrance.reason, message), *goes_on)


@pytest.mark.parametrize(
    ("suspended", "refused", "hindrance", "said"),
    [
        pytest.param(False, None, None, (ready(Reason.BOUND, f"It holds {NUMBER}."),), id="it serves"),
        pytest.param(False, None, SPAM, as_it_says(SPAM), id="it does not"),
        pytest.param(False, None, ROUTING, as_it_says(ROUTING), id="not yet"),
        pytest.param(False, None, STOPPED, as_it_says(STOPPED), id="stopped by another's word"),
        pytest.param(
            True,
            None,
            None,
            (not_ready(Reason.SUSPENDED, ABOUT_TO), reconciling(Reason.SUSPENDED, ABOUT_TO)),
            id="suspended, and not stopped yet",
        ),
        pytest.param(True, None, STOPPING, as_it_says(STOPPING), id="suspended, and being stopped"),
        pytest.param(True, None, STOPPED, (ready(Reason.SUSPENDED, WITH_IT),), id="suspended, as it wishes"),
        pytest.param(True, None, SPAM, as_it_says(SPAM), id="suspended, and something else is amiss"),
        pytest.param(
            True,
            REFUSED,
            None,
            (not_ready(Reason.WRITE_REFUSED, REFUSED), stalled(Reason.WRITE_REFUSED, REFUSED)),
            id="it can't be written",
        ),
    ],
)
def test_a_bound_claim_is_as_ready_as_its_number(
    suspended: bool, refused: str | None, hindrance: Hindrance | None, said: tuple[Condition, ...]
) -> None:
    assert bound_conditions(NUMBER, suspended, refused, hindrance=hindrance) == said


def test_a_claim_whose_number_is_lost_says_what_to_do() -> None:
    (said,) = bound_conditions(NUMBER, suspended=False, refused=REFUSED, hindrance=GONE)
    assert (said.status, said.reason) == (False, Reason.LOST)
    assert "delete this claim and make another one" in said.message
