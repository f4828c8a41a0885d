"""A carrier that reviews documents, as a dictionary; operators that file there, lose replies and die; and the values
that the tests of compliance are made of."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

from ringfleet.model import NumberType
from ringfleet.model.compliance import (
    EndUserType,
    Filing,
    Paper,
    Party,
    Regulation,
    Requirement,
    Review,
    Subject,
    Waste,
)
from ringfleet.plan.compliance_bundle.filing import (
    Action,
    Answer,
    CarrierSeen,
    CreateParty,
    Evaluate,
    FilingKey,
    FilingRecord,
    FindFiling,
    FindItem,
    Look,
    OpenFiling,
    PutItems,
    ReadRegulation,
    Submit,
    TakeOver,
    TidyUp,
    Upload,
    refuse,
    settle,
)
from ringfleet.plan.compliance_bundle.plan import FilingPlan, plan_filing
from ringfleet.plan.compliance_bundle.requirements import BundleWant
from tests.plan.builders import MAIN, NOW

PDF = "application/pdf"
SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

COMPANY = Requirement("company", Subject.END_USER, "The company", attributes=("business_name",))
STREET = Requirement("street", Subject.ADDRESS, "A local address", attributes=("city", "postal_code"))
PROOF = Requirement(
    "proof",
    Subject.DOCUMENT,
    "Proof of address",
    ("utility_bill", "bank_statement"),
    ("issued_on",),
    (PDF, "image/jpeg", "image/png"),
    5_000_000,
)
RULES = Regulation("de-geo-biz", "DE", NumberType.GEOGRAPHIC, EndUserType.BUSINESS, (COMPANY, STREET, PROOF))
IN_PLACE = replace(RULES, in_place=True, deletes=True)
KEY = FilingKey("home", "u1", MAIN, NumberType.GEOGRAPHIC)


def a_party(content: str = "p0", **rest: Any) -> Party:
    fields = {"attributes": {"business_name": "x"}, "address": {"city": "x", "postal_code": "x"}}
    return Party(EndUserType.BUSINESS, content, **{**fields, **rest})


def a_paper(content: str = "d0", name: str = "bill", **rest: Any) -> Paper:
    fields = {"type": "utility_bill", "media_type": PDF, "size": 1_000, "attributes": {"issued_on": "x"}}
    return Paper(name, hash=content, **{**fields, **rest})


def a_bundle(*papers: Paper, **rest: Any) -> BundleWant:
    fields = {"party": a_party(), "papers": papers or (a_paper(),)}
    return BundleWant("acme", "DE", (NumberType.GEOGRAPHIC,), EndUserType.BUSINESS, **{**fields, **rest})


class Refused(Exception):
    """The carrier takes no such call."""


class Lost(Exception):
    """The reply was lost, or the caller has died; the call may have been carried out."""


@dataclass
class Registry:
    """The carrier. `created` counts creations by reference; reviews go on only when `review` is called."""

    regulation: Regulation | None = RULES
    items: dict[str, str] = field(default_factory=dict)
    filings: dict[str, Filing] = field(default_factory=dict)
    created: dict[str, int] = field(default_factory=dict)
    submitted: list[str] = field(default_factory=list)
    valid: timedelta | None = None
    refuses: tuple[type[Action], ...] = ()
    opened: int = 0
    made: int = 0

    def do(self, action: Action) -> Answer:
        if isinstance(action, self.refuses):
            raise Refused
        match action:
            case ReadRegulation():
                return self.regulation
            case FindItem(reference=reference):
                return self.items.get(reference)
            case CreateParty(reference=reference) | Upload(reference=reference):
                return self._create(reference, self.items)
            case FindFiling(reference):
                return next((one for one in self.filings.values() if one.reference == reference), None)
            case Look(id_):
                return self.filings.get(id_)
            case _:
                return self._change(action)

    def _change(self, action: Action) -> Answer:
        match action:
            case OpenFiling(_, items, reference):
                id_ = f"B{self.opened}"
                self.opened += 1
                self.created[reference] = self.created.get(reference, 0) + 1
                self.filings[id_] = Filing(id_, reference, Review.DRAFT, items)
                return self.filings[id_]
            case PutItems(id_, items):
                self.put(id_, items=items, review=Review.DRAFT)
            case Evaluate():
                return ()
            case TakeOver(id_, successor, reference):
                taken = self.filings[successor]
                self.put(id_, reference=reference, items=taken.items, expires_at=taken.expires_at)
                return self.filings[id_]
            case TidyUp(waste):
                self.tidy(waste)
            case Submit(id_):
                if self.filings[id_].review in (Review.DRAFT, Review.REJECTED):
                    self.submitted.append(id_)
                    self.put(id_, review=Review.SUBMITTED)
        return None

    def _create(self, reference: str, shelf: dict[str, str]) -> str:
        self.created[reference] = self.created.get(reference, 0) + 1
        self.made += 1
        shelf[reference] = f"I{self.made}"
        return shelf[reference]

    def tidy(self, waste: Waste) -> None:
        for id_, one in list(self.filings.items()):
            left = one.review is Review.DRAFT and not waste.keep & {id_, one.reference}
            if one.reference.startswith(waste.filings) and (left or id_ in waste.emptied):
                self.created.pop(self.filings.pop(id_).reference, None)
        held = {item for one in self.filings.values() for item in one.items}
        for reference, id_ in list(self.items.items()):
            if reference.startswith(waste.items) and id_ not in held and reference not in waste.keep:
                del self.items[reference], self.created[reference]

    def put(self, id_: str, **fields: Any) -> None:
        self.filings[id_] = replace(self.filings[id_], **fields)

    def review(self, verdict: Review, now: datetime) -> None:
        """Everything that is handed in gets this verdict; what has run out expires."""
        for id_, filing in self.filings.items():
            if filing.review in (Review.SUBMITTED, Review.IN_REVIEW):
                ends = now + self.valid if verdict is Review.APPROVED and self.valid else None
                self.put(id_, review=verdict, expires_at=ends)
            elif filing.review is Review.APPROVED and filing.expires_at and filing.expires_at <= now:
                self.put(id_, review=Review.EXPIRED)


@dataclass
class Dice:
    """What goes wrong; none of it when `calm`."""

    random: Random
    calm: bool = False

    def happens(self, chance: float) -> bool:
        return not self.calm and self.random.random() < chance


@dataclass
class Desk:
    """The status of one bundle at one carrier, with its version: what two operators write to."""

    want: BundleWant = field(default_factory=a_bundle)
    registry: Registry = field(default_factory=Registry)
    record: FilingRecord = field(default_factory=FilingRecord)
    version: int = 0
    now: datetime = NOW

    def write(self, record: FilingRecord, version: int) -> int:
        """The new version; raises Lost when another has written since `version` was read."""
        if version != self.version:
            raise Lost
        self.record, self.version = record, version + 1
        return self.version


@dataclass
class Operator:
    """One operator, one step at a time: what it has read, and what it has seen since."""

    desk: Desk
    seen: CarrierSeen = field(default_factory=CarrierSeen)
    held: tuple[FilingRecord, int] | None = None
    call: Action | None = None
    since: datetime = NOW

    def step(self, dice: Dice) -> FilingPlan | None:
        """Plan and write, or carry out what was written; the other operator may come in between. None: it died."""
        try:
            if self.call:
                return self._carry_out(self.call, dice)
            return self._plan(dice)
        except Lost:
            self.forget()
            return None

    def forget(self) -> None:
        self.seen, self.held, self.call = CarrierSeen(), None, None

    def _plan(self, dice: Dice) -> FilingPlan:
        record, version = self.held or (self.desk.record, self.desk.version)
        plan = plan_filing(KEY, self.desk.want, record, self.seen, self.desk.now)
        if dice.happens(0.05):
            raise Lost
        if plan.record != record:
            version = self.desk.write(plan.record, version)
        if dice.happens(0.05):
            raise Lost
        self.held, self.call, self.since = (plan.record, version), plan.action, self.desk.now
        if plan.action is None:
            self.forget()
        return plan

    def _carry_out(self, action: Action, dice: Dice) -> None:
        assert self.held
        self.call = None
        if dice.happens(0.05):
            raise Lost
        before, version = self.held
        try:
            answer = self.desk.registry.do(action)
        except Refused:
            record = refuse(KEY, before, action, "no")
            self.held = record, self.desk.write(record, version)
            return
        if dice.happens(0.15):
            raise Lost
        record, self.seen = settle(KEY, before, self.seen, action, answer, self.desk.now)
        self.held = record, version if record == before else self.desk.write(record, version)

    def rest(self) -> FilingPlan:
        """Without mishaps, until there is nothing to do now."""
        calm = Dice(Random(0), calm=True)
        for _ in range(200):
            plan = self.step(calm)
            if plan and plan.action is None:
                return plan
        raise AssertionError("it never rests")
