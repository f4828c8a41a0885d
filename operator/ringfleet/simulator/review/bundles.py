"""Bundles: the papers for one market and end user, and their review.

::

    draft --submit--> submitted --> in_review --+--> approved --> expired
      ^                                         |        ^
      +------------- new items ------- rejected +        |
                                                +--> provisional

The review runs on the exchange's clock: it is decided when it is due, and settled when somebody next looks. `in_review`
and `expired` are not stored, they follow from the clock. An expired bundle opens no new number; the numbers that it
opened keep working. A provisional approval, which only a test gives, opens none either.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Final

from ringfleet.simulator.accounts import Accounts, Kind
from ringfleet.simulator.clock import DAY, Clock
from ringfleet.simulator.errors import Code, ReferenceTaken, Refused, invalid, not_found
from ringfleet.simulator.faults.faults import Faults, Strike
from ringfleet.simulator.faults.rules import Fault, Operation
from ringfleet.simulator.review.documents import Paper, Papers
from ringfleet.simulator.review.evaluation import Lack, find_lacks
from ringfleet.simulator.review.requirements import REGULATIONS, Regulation
from ringfleet.simulator.store import Row, Store

HOUR: Final = 3_600.0
QUEUE: Final = 0.25
"""The part of the review time that a bundle waits before anybody looks at it."""


class Stage(StrEnum):
    DRAFT = "draft"
    SUBMITTED = "submitted"
    IN_REVIEW = "in_review"
    PROVISIONAL = "provisional"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Bundle:
    """`stage` is what is stored; what a customer sees is `status`. Times in seconds since 1970."""

    id: int
    account: str
    reference: str
    regulation: Regulation
    papers: tuple[int, ...]
    stage: Stage
    reasons: tuple[Lack, ...]
    submitted_at: float | None
    due_at: float | None
    decided_at: float | None
    expires_at: float | None

    def status(self, now: float) -> Stage:
        if self.stage is Stage.APPROVED and self.expires_at is not None and now >= self.expires_at:
            return Stage.EXPIRED
        if self.submitted_at is None or self.due_at is None or self.stage is not Stage.SUBMITTED:
            return self.stage
        begins = self.submitted_at + QUEUE * (self.due_at - self.submitted_at)
        return Stage.IN_REVIEW if now >= begins else Stage.SUBMITTED


class Bundles:
    def __init__(self, store: Store, clock: Clock, accounts: Accounts, papers: Papers, faults: Faults) -> None:
        self._store = store
        self._clock = clock
        self._accounts = accounts
        self._papers = papers
        self._faults = faults

    def create(self, account: str, reference: str, regulation: str, papers: Sequence[int], contact: str) -> Bundle:
        """A draft. `contact` is an e-mail address, kept and shown to nobody."""
        if old := self.find(account, reference):
            raise ReferenceTaken("bundle", old.id)
        if regulation not in REGULATIONS:
            raise invalid("requirement_id", "is not the id of any requirements")
        if "@" not in contact:
            raise invalid("contact", "is an e-mail address")
        self._refuse_unknown(account, papers)
        id_ = self._store.write(
            "INSERT INTO bundles (account, reference, regulation, contact, papers, stage, reasons) "
            "VALUES (?, ?, ?, ?, ?, ?, '[]')",
            account,
            reference,
            regulation,
            contact,
            json.dumps(list(papers)),
            Stage.DRAFT,
        )
        self._accounts.bill(account, "", Kind.BUNDLE, 0, reference)
        return self.get(account, id_)

    def find(self, account: str, reference: str) -> Bundle | None:
        row = self._store.row(f"{_SELECT} WHERE account = ? AND reference = ?", account, reference)
        return None if row is None else _bundle(row)

    def get(self, account: str, id_: int) -> Bundle:
        row = self._store.row(f"{_SELECT} WHERE account = ? AND id = ?", account, id_)
        if row is None:
            raise not_found("bundle", f"with id {id_} in this account")
        return _bundle(row)

    def everyone(self) -> list[Bundle]:
        return [_bundle(row) for row in self._store.rows(f"{_SELECT} ORDER BY id")]

    def put_papers(self, account: str, id_: int, papers: Sequence[int]) -> Bundle:
        """Make these the papers of a draft or a rejected bundle; it is a draft afterwards."""
        bundle = self.get(account, id_)
        if bundle.stage not in (Stage.DRAFT, Stage.REJECTED):
            raise self._wrong_state(bundle, "its items can't be changed")
        self._refuse_unknown(account, papers)
        self._store.write(
            "UPDATE bundles SET papers = ?, stage = ?, reasons = '[]', submitted_at = NULL, due_at = NULL, "
            "decided_at = NULL WHERE id = ?",
            json.dumps(list(papers)),
            Stage.DRAFT,
            id_,
        )
        return self.get(account, id_)

    def evaluate(self, account: str, id_: int) -> list[Lack]:
        bundle = self.get(account, id_)
        return find_lacks(bundle.regulation, self._papers.of(account, bundle.papers))

    def submit(self, account: str, id_: int) -> Bundle:
        """Hand a complete draft in. One that is handed in or approved already stays as it is."""
        bundle = self.get(account, id_)
        match bundle.status(self._clock.now()):
            case Stage.SUBMITTED | Stage.IN_REVIEW | Stage.PROVISIONAL | Stage.APPROVED:
                return bundle
            case Stage.REJECTED | Stage.EXPIRED:
                raise self._wrong_state(bundle, "it can't be submitted")
        if lacks := self.evaluate(account, id_):
            message = f"the bundle lacks {len(lacks)} things, the first of them: {lacks[0].message}"
            raise Refused(Code.BUNDLE_INCOMPLETE, message)
        now = self._clock.now()
        due = now + bundle.regulation.review_hours * HOUR
        self._store.write(
            "UPDATE bundles SET stage = ?, submitted_at = ?, due_at = ? WHERE id = ?", Stage.SUBMITTED, now, due, id_
        )
        return self.get(account, id_)

    def take_over(self, account: str, id_: int, other: int) -> Bundle:
        """Put what another approved bundle of the same market holds into this one, with its approval."""
        bundle, source = self.get(account, id_), self.get(account, other)
        for one in (bundle, source):
            if one.status(self._clock.now()) is not Stage.APPROVED:
                raise self._wrong_state(one, "nothing is taken over")
        if source.regulation != bundle.regulation:
            raise invalid("bundle_id", "is a bundle for another market")
        papers, ends = json.dumps(list(source.papers)), source.expires_at
        self._store.write("UPDATE bundles SET papers = ?, expires_at = ? WHERE id = ?", papers, ends, id_)
        return self.get(account, id_)

    def remove(self, account: str, id_: int) -> None:
        """Refused while it is reviewed, or a number carries it."""
        bundle = self.get(account, id_)
        if bundle.status(self._clock.now()) in (Stage.SUBMITTED, Stage.IN_REVIEW):
            raise self._wrong_state(bundle, "it can't be deleted")
        if self._store.row("SELECT 1 FROM numbers WHERE bundle = ?", id_) is not None:
            raise Refused(Code.BUNDLE_STATE, "a number carries the bundle: it can't be deleted")
        self._store.write("DELETE FROM bundles WHERE id = ?", id_)

    def usable(self, account: str, id_: int, country: str, type_: str) -> Bundle:
        """The account's bundle, refused when it is of another market or has expired."""
        bundle = self.get(account, id_)
        if (bundle.regulation.country, bundle.regulation.type) != (country, type_):
            raise invalid("bundle_id", f"is a bundle for {bundle.regulation.country} {bundle.regulation.type} numbers")
        if bundle.status(self._clock.now()) is Stage.EXPIRED:
            raise self._wrong_state(bundle, "it opens no more numbers")
        return bundle

    def opens(self, account: str, id_: int | None, country: str, type_: str) -> bool:
        """Whether a number of this market is active at once with this bundle (None: with none)."""
        row = self._store.row(f"{_SELECT} WHERE account = ? AND id = ?", account, id_)
        if row is None:
            return False
        bundle = _bundle(row)
        same_market = (bundle.regulation.country, bundle.regulation.type) == (country, type_)
        return same_market and bundle.status(self._clock.now()) is Stage.APPROVED

    def settle(self) -> None:
        """Decide the reviews that are due, each as of the moment when it was."""
        now = self._clock.now()
        rows = self._store.rows(f"{_SELECT} WHERE stage = ? AND due_at <= ? ORDER BY due_at", Stage.SUBMITTED, now)
        for bundle in map(_bundle, rows):
            assert bundle.due_at is not None
            self._decide(bundle, bundle.due_at, self._find_faults(bundle))

    def decide(self, id_: int, reasons: Sequence[Lack], valid: float | None = None) -> None:
        """Decide a review now, as the test wants it: no reasons approve, for `valid` seconds or as long as the market's
        approvals last. Raises ValueError when none is under way."""
        row = self._store.row(f"{_SELECT} WHERE id = ? AND stage IN (?, ?)", id_, Stage.SUBMITTED, Stage.PROVISIONAL)
        if row is None:
            raise ValueError(f"bundle {id_} is not being reviewed")
        self._decide(_bundle(row), self._clock.now(), reasons, valid)

    def make_provisional(self, id_: int) -> None:
        """Give a provisional approval, or make one of an approval, as the test wants it."""
        self._store.write("UPDATE bundles SET stage = ? WHERE id = ?", Stage.PROVISIONAL, id_)

    def papers_of(self, bundle: Bundle) -> list[Paper]:
        """In the order in which they were put in."""
        return sorted(self._papers.of(bundle.account, bundle.papers), key=lambda paper: bundle.papers.index(paper.id))

    def _decide(self, bundle: Bundle, at: float, reasons: Sequence[Lack], valid: float | None = None) -> None:
        days = bundle.regulation.valid_days
        lasts = valid if valid is not None or days is None else days * DAY
        self._store.write(
            "UPDATE bundles SET stage = ?, reasons = ?, decided_at = ?, expires_at = ? WHERE id = ?",
            Stage.REJECTED if reasons else Stage.APPROVED,
            json.dumps([asdict(reason) for reason in reasons]),
            at,
            None if reasons or lasts is None else at + lasts,
            bundle.id,
        )

    def _find_faults(self, bundle: Bundle) -> list[Lack]:
        strikes = [(paper, self._strike(bundle, paper)) for paper in self.papers_of(bundle)]
        return [reject(paper, strike.rule.reason) for paper, strike in strikes if strike]

    def _strike(self, bundle: Bundle, paper: Paper) -> Strike | None:
        return self._faults.strike(Fault.REVIEW_REJECTED, Operation.BUNDLE_SUBMIT, bundle.account, paper.type)

    def _refuse_unknown(self, account: str, papers: Sequence[int]) -> None:
        if len(self._papers.of(account, papers)) != len(papers):
            raise invalid("items", "are the ids of end users and documents of this account, each once")

    def _wrong_state(self, bundle: Bundle, consequence: str) -> Refused:
        return Refused(Code.BUNDLE_STATE, f"the bundle is {bundle.status(self._clock.now())}: {consequence}")


def reject(paper: Paper, reason: str) -> Lack:
    return Lack(paper.id, reason, f"the reviewer did not accept the {paper.type}: {reason}")


_SELECT = (
    "SELECT id, account, reference, regulation, papers, stage, reasons, submitted_at, due_at, decided_at, expires_at "
    "FROM bundles"
)


def _bundle(row: Row) -> Bundle:
    id_, account, reference, regulation, papers, stage, reasons, *times = row
    return Bundle(
        id_,
        account,
        reference,
        REGULATIONS[regulation],
        tuple(json.loads(papers)),
        Stage(stage),
        tuple(Lack(**reason) for reason in json.loads(reasons)),
        *times,
    )
