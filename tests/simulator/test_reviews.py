"""Laws of the review and of the numbers that wait for it. No wire; the clock is in the test's hand."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from ringfleet.simulator.clock import DAY
from ringfleet.simulator.errors import Code, ReferenceTaken, Refused
from ringfleet.simulator.exchange import Exchange, open_exchange
from ringfleet.simulator.faults.faults import Faults
from ringfleet.simulator.faults.rules import parse_flag
from ringfleet.simulator.review.bundles import HOUR, QUEUE, Bundle, Stage
from ringfleet.simulator.review.requirements import EndUser
from ringfleet.simulator.selling.carts import Customer
from ringfleet.simulator.selling.holdings import DOCUMENTS_DUE, Status
from ringfleet.simulator.selling.sales import Outcome
from tests.examples import examples

GERMAN = "req_de_geographic_business"
REVIEW = 72 * HOUR
VALID = 365 * DAY
_HANDED_IN = {Stage.SUBMITTED, Stage.IN_REVIEW, Stage.APPROVED, Stage.REJECTED, Stage.EXPIRED}
REACHABLE = {
    Stage.DRAFT: {Stage.DRAFT, Stage.SUBMITTED},
    Stage.SUBMITTED: _HANDED_IN,
    Stage.IN_REVIEW: _HANDED_IN - {Stage.SUBMITTED},
    Stage.REJECTED: {Stage.REJECTED, Stage.DRAFT},
    Stage.APPROVED: {Stage.APPROVED, Stage.EXPIRED},
    Stage.EXPIRED: {Stage.EXPIRED},
}
"""What one act or one wait, however long, can make of a bundle."""


class Office:
    """An exchange at time `now`, and Ann, who files for German numbers."""

    def __init__(self, *flags: str) -> None:
        self.now = 0.0
        faults = Faults(1, [parse_flag(flag) for flag in flags])
        self.exchange: Exchange = open_exchange(":memory:", faults, stock_size=40, real_time=lambda: self.now)
        with self.exchange.turn():
            self.exchange.accounts.open("token", "ann", balance=100_000_000, currency=None)

    def file(self, reference: str = "b", regulation: str = GERMAN) -> Bundle:
        """A complete draft."""
        with self.exchange.turn():
            bundles = self.exchange.bundles
            return bundles.create("ann", reference, regulation, self.papers(reference), "a@example.com")

    def papers(self, reference: str) -> list[int]:
        papers, address = self.exchange.papers, {"street": "S", "city": "C", "postal_code": "1", "country": "DE"}
        attributes = {"business_name": "N", "registration_number": "R"}
        user = papers.create_end_user("ann", f"{reference}-user", EndUser.BUSINESS, attributes, address)
        said = {"document_number": "1", "issued_on": "2026-01-01"}
        return [
            user.id,
            *(
                papers.create_document("ann", f"{reference}-{type_}", type_, said, "application/pdf", b"%PDF").id
                for type_ in ("trade_license", "utility_bill")
            ),
        ]

    def submit(self, reference: str = "b") -> None:
        with self.exchange.turn():
            self.exchange.bundles.submit("ann", self.find(reference).id)

    def find(self, reference: str = "b") -> Bundle:
        found = self.exchange.bundles.find("ann", reference)
        assert found is not None
        return found

    def wait(self, until: float) -> None:
        self.now = until
        with self.exchange.turn():
            pass

    def status(self, reference: str = "b") -> Stage:
        with self.exchange.turn():
            return self.find(reference).status(self.now)

    def buy(self, bundle: int | None = None, key: str = "k", country: str = "DE", code: str = "30") -> Outcome:
        carts, ann = self.exchange.carts, Customer(self.exchange.accounts.find("ann"), basket="ann")
        offer = self.exchange.stock.offers(country, "geographic", code, frozenset(), "", 1)[0]
        with self.exchange.turn():
            carts.stage(ann, carts.token_of(offer), offer.number, offer.monthly, offer.setup, None, bundle)
            return carts.checkout(ann, key)[0]

    def number_status(self, number_id: int | None) -> Status:
        assert number_id is not None
        with self.exchange.turn():
            return self.exchange.holdings.get("ann", number_id).status(self.now)

    def attach(self, bought: Outcome, reference: str = "b") -> None:
        assert bought.number_id is not None
        with self.exchange.turn():
            self.exchange.sales.attach("ann", bought.number_id, self.find(reference).id)

    def filed(self) -> list[tuple[str, str | None]]:
        ledger = self.exchange.accounts.ledger("ann")
        return [(entry.kind, entry.key) for entry in ledger if not entry.number]


def test_a_review_goes_through_its_states_on_the_exchanges_clock() -> None:
    office = Office()
    office.file()
    assert office.status() is Stage.DRAFT
    office.submit()
    seen = []
    for moment in (0, QUEUE * REVIEW, REVIEW - 1, REVIEW, REVIEW + VALID - 1, REVIEW + VALID):
        office.now = moment
        seen.append(office.status())
    assert seen == [
        *(Stage.SUBMITTED, Stage.IN_REVIEW, Stage.IN_REVIEW),
        *(Stage.APPROVED, Stage.APPROVED, Stage.EXPIRED),
    ]


def test_a_review_is_decided_when_it_is_due_however_late_anybody_looks() -> None:
    office = Office()
    office.file()
    office.submit()
    office.wait(REVIEW + 100 * DAY)
    assert (office.find().decided_at, office.find().expires_at) == (REVIEW, REVIEW + VALID)


def test_a_draft_that_lacks_something_cannot_be_submitted() -> None:
    office = Office()
    bundle = office.file()
    with office.exchange.turn():
        office.exchange.bundles.put_papers("ann", bundle.id, bundle.papers[1:])
    with pytest.raises(Refused, match="the bundle needs one end user") as refused:
        office.submit()
    assert (refused.value.code, office.status()) == (Code.BUNDLE_INCOMPLETE, Stage.DRAFT)


def test_submitting_twice_is_submitting_once() -> None:
    office = Office()
    office.file()
    office.submit()
    office.now = REVIEW / 2
    office.submit()
    assert (office.find().submitted_at, office.find().due_at) == (0, REVIEW)


def test_a_rejected_bundle_names_each_item_and_takes_others_in_their_place() -> None:
    office = Office("review_rejected:document=utility_bill:reason=illegible:script=1")
    bundle = office.file()
    office.submit()
    office.wait(REVIEW)
    assert office.status() is Stage.REJECTED
    assert [(lack.paper, lack.reason) for lack in office.find().reasons] == [(bundle.papers[2], "illegible")]
    with pytest.raises(Refused, match="the bundle is rejected: it can't be submitted"):
        office.submit()
    with office.exchange.turn():
        put = office.exchange.bundles.put_papers("ann", bundle.id, office.papers("again"))
    assert (put.stage, put.reasons) == (Stage.DRAFT, ())
    office.submit()
    office.wait(2 * REVIEW)
    assert office.status() is Stage.APPROVED


@pytest.mark.parametrize("moment", [0, REVIEW / 2, REVIEW, REVIEW + VALID])
def test_the_items_of_a_bundle_that_was_handed_in_stay_as_they_are(moment: float) -> None:
    office = Office()
    bundle = office.file()
    office.submit()
    office.wait(moment)
    with pytest.raises(Refused, match="its items can't be changed"), office.exchange.turn():
        office.exchange.bundles.put_papers("ann", bundle.id, bundle.papers)


def test_nothing_is_created_twice_under_one_reference() -> None:
    office = Office()
    bundle = office.file()
    with pytest.raises(ReferenceTaken) as taken:
        office.file()
    assert taken.value.existing == bundle.id
    with pytest.raises(ReferenceTaken) as taken, office.exchange.turn():
        office.papers("b")
    assert taken.value.existing == bundle.papers[0]
    assert office.filed() == [
        *(("end_user", "b-user"), ("document", "b-trade_license"), ("document", "b-utility_bill")),
        ("bundle", "b"),
    ]


def test_another_account_sees_none_of_it_and_has_references_of_its_own() -> None:
    office = Office()
    bundle, exchange = office.file(), office.exchange
    with exchange.turn():
        exchange.accounts.open("other", "bob", None, None)
        assert exchange.papers.find("bob", "b-user") is None
        assert exchange.papers.create_end_user("bob", "b-user", EndUser.BUSINESS, {}, {}).id not in bundle.papers
    with pytest.raises(Refused), exchange.turn():
        exchange.bundles.get("bob", bundle.id)
    with pytest.raises(Refused), exchange.turn():
        exchange.bundles.create("bob", "b", GERMAN, bundle.papers, "b@example.com")


def test_a_number_is_provisioned_with_an_approved_bundle_and_waits_without() -> None:
    office = Office()
    bundle = office.file()
    office.submit()
    office.wait(REVIEW)
    bought, waiting = office.buy(bundle.id, "with"), office.buy(None, "without")
    assert [bought.outcome, waiting.outcome] == ["provisioned", "pending_documents"]
    assert [office.number_status(each.number_id) for each in (bought, waiting)] == [
        *(Status.ACTIVE, Status.PENDING_DOCUMENTS)
    ]


def test_a_number_bought_with_a_bundle_in_review_is_active_when_that_is_approved() -> None:
    office = Office()
    bundle = office.file()
    office.submit()
    bought = office.buy(bundle.id)
    assert bought.outcome == "pending_documents"
    office.wait(REVIEW - 1)
    assert office.number_status(bought.number_id) is Status.PENDING_DOCUMENTS
    office.wait(REVIEW)
    assert office.number_status(bought.number_id) is Status.ACTIVE


def test_a_waiting_number_is_active_as_soon_as_it_has_an_approved_bundle_and_twice_is_once() -> None:
    office = Office()
    office.file()
    bought = office.buy()
    office.attach(bought)
    office.attach(bought)
    assert office.number_status(bought.number_id) is Status.PENDING_DOCUMENTS
    office.submit()
    office.wait(REVIEW)
    assert office.number_status(bought.number_id) is Status.ACTIVE
    office.wait(REVIEW + VALID)
    office.attach(bought)
    assert office.status() is Stage.EXPIRED
    assert office.number_status(bought.number_id) is Status.ACTIVE


def test_a_bundle_of_another_market_is_refused_at_the_cart_and_at_the_number() -> None:
    office = Office()
    bundle = office.file(regulation="req_de_mobile_business")
    with pytest.raises(Refused, match="bundle_id: is a bundle for DE mobile numbers"):
        office.buy(bundle.id)
    with pytest.raises(Refused, match="bundle_id: is a bundle for DE mobile numbers"):
        office.attach(office.buy())


def test_an_expired_bundle_opens_no_number() -> None:
    office = Office()
    bundle = office.file()
    office.submit()
    office.wait(REVIEW + VALID)
    with pytest.raises(Refused, match="the bundle is expired: it opens no more numbers"):
        office.buy(bundle.id)
    with pytest.raises(Refused, match="the bundle is expired: it opens no more numbers"):
        office.attach(office.buy())


def test_a_cart_item_whose_bundle_expired_before_the_checkout_waits_for_documents() -> None:
    office = Office()
    bundle = office.file()
    office.submit()
    office.wait(REVIEW + VALID - 1)
    carts, ann = office.exchange.carts, Customer(office.exchange.accounts.find("ann"), basket="ann")
    offer = office.exchange.stock.offers("DE", "geographic", "30", frozenset(), "", 1)[0]
    with office.exchange.turn():
        carts.stage(ann, carts.token_of(offer), offer.number, offer.monthly, offer.setup, None, bundle.id)
    office.now += 1
    with office.exchange.turn():
        bought = carts.checkout(ann, "k")[0]
    assert bought.outcome == "pending_documents"
    assert office.number_status(bought.number_id) is Status.PENDING_DOCUMENTS


@pytest.mark.parametrize(("late", "kept"), [(-1, True), (0, False), (1, False)])
def test_the_deadline_and_the_decision_come_in_their_own_order_however_far_the_clock_jumps(
    late: float, kept: bool
) -> None:
    office = Office()
    office.file()
    bought = office.buy()
    office.attach(bought)
    office.wait(DOCUMENTS_DUE + late - REVIEW)
    office.submit()
    office.wait(DOCUMENTS_DUE + 10 * DAY)
    assert bool(office.exchange.holdings.everyone()) == kept


def test_a_number_takes_the_bundle_that_replaces_its_own_and_works_on() -> None:
    office = Office()
    first = office.file()
    office.submit()
    office.wait(REVIEW)
    bought = office.buy(first.id)
    office.file("revision")
    office.attach(bought, "revision")
    assert office.number_status(bought.number_id) is Status.ACTIVE
    assert office.exchange.holdings.everyone()[0].bundle == office.find("revision").id


def test_a_number_that_is_refused_a_bundle_keeps_the_one_that_it_has() -> None:
    office = Office("attach_refused:script=1")
    first = office.file()
    office.submit()
    office.wait(REVIEW)
    bought = office.buy(first.id)
    office.file("revision")
    with pytest.raises(Refused, match="the bundle can't be used for"):
        office.attach(bought, "revision")
    assert office.exchange.holdings.everyone()[0].bundle == first.id
    office.attach(bought, "revision")
    assert office.exchange.holdings.everyone()[0].bundle == office.find("revision").id


class Desk(RuleBasedStateMachine):
    """One bundle, some numbers that carry it, and reviewers in a good mood or a bad one."""

    @initialize(mood=st.sampled_from(["script=0", "script=1", "script=0,1,0"]))
    def open(self, mood: str) -> None:
        self.office = Office(f"review_rejected:{mood}")
        self.bundle = self.office.file()
        self.seen = Stage.DRAFT
        self.opened: set[int] = set()
        self.serial = 0

    def teardown(self) -> None:
        if hasattr(self, "office"):
            self.office.exchange.close()

    @rule()
    def submit(self) -> None:
        try:
            self.office.submit()
        except Refused:
            assert self.seen in (Stage.REJECTED, Stage.EXPIRED)

    @rule()
    def put_items(self) -> None:
        try:
            with self.office.exchange.turn():
                self.office.exchange.bundles.put_papers("ann", self.bundle.id, self.bundle.papers)
        except Refused:
            assert self.seen not in (Stage.DRAFT, Stage.REJECTED)

    @rule()
    def buy(self) -> None:
        self.serial += 1
        try:
            bought = self.office.buy(self.bundle.id, f"k{self.serial}")
        except Refused:
            assert self.seen is Stage.EXPIRED
            return
        assert (bought.outcome == "provisioned") == (self.seen is Stage.APPROVED)

    @rule(hours=st.sampled_from([1, 20, 80, 24 * 400]))
    def wait(self, hours: int) -> None:
        self.office.wait(self.office.now + hours * HOUR)

    @invariant()
    def the_bundle_goes_only_where_its_life_leads_and_has_reasons_while_it_is_rejected(self) -> None:
        now = self.office.status()
        assert now in REACHABLE[self.seen]
        assert bool(self.office.find().reasons) == (now is Stage.REJECTED)
        self.seen = now

    @invariant()
    def an_opened_number_stays_open_and_none_waits_for_what_is_approved(self) -> None:
        everyone = self.office.exchange.holdings.everyone()
        waiting = {held.id for held in everyone if held.status(self.office.now) is Status.PENDING_DOCUMENTS}
        assert not waiting & self.opened
        assert not waiting or self.office.status() not in (Stage.APPROVED, Stage.EXPIRED)
        self.opened |= {held.id for held in everyone} - waiting


Desk.TestCase.settings = settings(max_examples=examples(40), stateful_step_count=25, deadline=None)
TestDesk = Desk.TestCase


def test_a_decision_by_hand_ends_only_a_review_that_is_under_way() -> None:
    office = Office()
    bundle = office.file()
    with pytest.raises(ValueError, match="is not being reviewed"), office.exchange.turn():
        office.exchange.bundles.decide(bundle.id, [])
    office.submit()
    with office.exchange.turn():
        office.exchange.bundles.decide(bundle.id, [])
    assert office.status() is Stage.APPROVED
