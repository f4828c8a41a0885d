"""What a crash trial is about: a story says what is there before, what is done, when it is calm, and what must hold.

::

    prepare   nothing counts yet: apply what the story begins with, let the operator bring it about
    (the tripwire is armed)
    act       what is asked of the operator; its calls count from here, one of them is its last
    (it is killed, and started again)
    calm      nothing is left to do
    judge     by the exchange and the API server

A story of a later step of a number's life derives from `Ordering`, as `Adopting` does: it begins once the numbers are
there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Protocol

import httpx

from tests.carriers.customer import OPENINGS
from tests.cluster.papers import a_german_bundle_for, a_revision, papers
from tests.cluster.stage import a_claim, a_pool, a_profile, a_set
from tests.waiting import wait_until

if TYPE_CHECKING:
    from tests.chaos.trial import Trial

PRICE = Decimal("1.99")
WITH_CARRIER = {"submitted", "in_review"}


class Story(Protocol):
    """See the module. A story keeps nothing: what differs from trial to trial is in the trial."""

    def prepare(self, trial: Trial) -> None:
        """Before anything counts. May start the operator and wait for it; it then runs on."""
        ...

    def act(self, trial: Trial) -> None:
        """Ask for what the operator is to be killed over. It is started afterwards unless `prepare` has done so."""
        ...

    def nudge(self, trial: Trial) -> None:
        """What the world outside does meanwhile, again and again."""
        ...

    def is_calm(self, trial: Trial) -> bool:
        """Whether nothing is left to do."""
        ...

    def judge_crash(self, trial: Trial) -> None:
        """What must hold even between the crash and the restart. Raises AssertionError."""
        ...

    def judge(self, trial: Trial) -> None:
        """What must hold in the end. Raises AssertionError."""
        ...


@dataclass(frozen=True)
class Ordering:
    """A new pool orders `count` numbers: promises 1, 2 and 5. `provider`: whose API the carrier is spoken to by."""

    count: int
    provider: str = "DIDHub"

    def prepare(self, trial: Trial) -> None:
        trial.open_account(self.provider)

    def act(self, trial: Trial) -> None:
        trial.apply(a_profile("front-desk", "sip:pbx.example.com"), self._pool(trial.area_code))

    def fill(self, trial: Trial) -> None:
        """Have the pool filled by an operator that runs on: for the stories that begin then."""
        Ordering.prepare(self, trial)
        Ordering.act(self, trial)
        trial.start()
        trial.settle(Ordering(self.count))

    def nudge(self, trial: Trial) -> None:
        """Documents are approved as they are asked for."""
        pending = [number["number"] for number in trial.owned() if number["status"] == "pending_documents"]
        if pending:
            trial.simulator.control("POST", "documents/approve", {"numbers": pending})

    def is_calm(self, trial: Trial) -> bool:
        return all(_is_calm(obj) for what in ("numberpools", "numberorders") for obj in trial.list(what))

    def judge_crash(self, trial: Trial) -> None:
        assert len(trial.owned()) <= self.count, "more was bought than wanted before the restart"

    def judge(self, trial: Trial) -> None:
        """Bought once, none lost, nothing beyond the limits."""
        bills = Counter(entry["number"] for entry in trial.simulator.ledger(trial.account, "purchase"))
        objects = [number["spec"]["number"] for number in trial.list("phonenumbers")]
        assert set(bills.values()) == {1}, f"billed more than once: {bills.most_common(3)}"
        assert sorted(objects) == sorted(bills), "what was bought is not what is in the cluster"
        assert len(bills) == self.count, f"{len(bills)} numbers were bought, {self.count} were wanted"

    def _pool(self, area_code: str) -> dict[str, Any]:
        return a_pool(
            "us-west",
            self.count,
            market={"country": "US", "type": "Geographic", "areaCodes": [area_code]},
            limits={
                "maxNumbers": self.count,
                "maxMonthlyPrice": str(PRICE),
                "maxSetupPrice": "0.00",
                "monthlyBudget": str(PRICE * self.count),
            },
        )


@dataclass(frozen=True)
class Adopting(Ordering):
    """Numbers of ours turn up that have no object, as after a lost cluster: promise 2."""

    orphans: int = 3

    def prepare(self, trial: Trial) -> None:
        super().prepare(trial)
        super().act(trial)
        trial.start()
        trial.settle(self)

    def act(self, trial: Trial) -> None:
        said = trial.get("carrieraccount", "sandbox")
        mark = f"rf/{said['status']['installation']}/{trial.namespace}/us-west"
        one = {"account": trial.account, "area_code": trial.area_code, "reference": mark, "count": 1}
        wanted = len(trial.owned()) + self.orphans
        while len(trial.owned()) < wanted:  # in bad weather, not every purchase succeeds
            trial.simulator.control("POST", "numbers", one)

    def is_calm(self, trial: Trial) -> bool:
        """Every number that is owned has an object, and is routed."""
        objects = trial.list("phonenumbers")
        routed = {obj["spec"]["number"] for obj in objects if obj.get("status", {}).get("phase") == "Available"}
        return super().is_calm(trial) and bool(routed) and routed == {number["number"] for number in trial.owned()}

    def judge_crash(self, trial: Trial) -> None:
        assert len(trial.owned()) <= self.count + self.orphans, "something was bought"

    def judge(self, trial: Trial) -> None:
        Ordering(self.count + self.orphans).judge(trial)


@dataclass(frozen=True)
class Living(Ordering):
    """Two of four numbers are claimed, one is suspended and one given back: promises 3 and 4, and nothing twice."""

    count: int = 4

    def prepare(self, trial: Trial) -> None:
        self.fill(trial)

    def act(self, trial: Trial) -> None:
        """The pool wants no number in place of those that go. Each number has its own fate, so that none races."""
        given_back, suspended, first, second = _objects(trial)
        release = {"mode": "Manual", "hold": "1s"}
        trial.patch("numberpool", "us-west", {"spec": {"size": {"target": 0}, "release": release}})
        asked = {"ringfleet.dev/release": f"+{given_back}"}
        trial.patch("phonenumber", given_back, {"metadata": {"annotations": asked}})
        trial.patch("phonenumber", suspended, {"spec": {"suspend": True}})
        trial.apply(a_claim("first", phoneNumberName=first), a_claim("second", phoneNumberName=second))

    def nudge(self, trial: Trial) -> None:
        """A person lets go what the operator has found asked for when it started again."""
        super().nudge(trial)
        (pool,) = trial.list("numberpools") or [{}]
        if frozen := pool.get("status", {}).get("release", {}).get("frozenSince"):
            word = {"ringfleet.dev/acknowledge-release": frozen}
            trial.patch("numberpool", "us-west", {"metadata": {"annotations": word}})

    def is_calm(self, trial: Trial) -> bool:
        """Its end is what the numbers show of their claims too, which follows a binding after a moment."""
        phases = sorted(_phases(trial).values())
        return phases == ["Bound", "Bound", "Released", "Suspended"] and super().is_calm(trial)

    def judge_crash(self, trial: Trial) -> None:
        assert self.count - 1 <= len(trial.owned()) <= self.count, "something was bought, or too much was given back"

    def judge(self, trial: Trial) -> None:
        """Exactly the asked number went and exactly the asked one is stopped; each claim has the number it named."""
        given_back, suspended, first, second = _objects(trial)
        ledger = trial.simulator.ledger(trial.account)
        bills = Counter(entry["number"] for entry in ledger if entry["kind"] == "purchase")
        assert bills == dict.fromkeys((f"+{name}" for name in _objects(trial)), 1), "bought once, and nothing since"
        assert [entry["number"] for entry in ledger if entry["kind"] == "release"] == [f"+{given_back}"]
        assert [one["number"] for one in trial.owned() if one["suspended"]] == [f"+{suspended}"]
        claims = trial.list("numberclaims")
        bound = {claim["metadata"]["name"]: claim["status"]["phoneNumber"]["name"] for claim in claims}
        assert bound == {"first": first, "second": second}


@dataclass(frozen=True)
class Rotating(Ordering):
    """A rotation set claims three of four numbers: promise 4, and never a claim more than wanted."""

    count: int = 4
    size: int = 3

    def prepare(self, trial: Trial) -> None:
        self.fill(trial)

    def act(self, trial: Trial) -> None:
        trial.apply(a_set(size=self.size))

    def is_calm(self, trial: Trial) -> bool:
        """The set counts all its numbers, every claim and number says that it is bound, and each claim is guarded."""
        (rotation,) = trial.list("rotationsets")
        members = rotation.get("status", {}).get("members", {})
        bound = Counter(_phases(trial).values())["Bound"]
        counted = members.get("total") == self.size == bound == len(_held(trial))
        return _is_calm(rotation) and counted and _are_guarded(_claims(trial))

    def judge_crash(self, trial: Trial) -> None:
        assert len(_claims(trial)) <= self.size, "more was claimed than wanted before the restart"

    def judge(self, trial: Trial) -> None:
        """As many claims as wanted, each the set's own, each with one number that names it and carries its label."""
        claims = {claim["metadata"]["uid"]: claim for claim in _claims(trial)}
        assert sorted(one["metadata"]["name"] for one in claims.values()) == [
            f"calls-{n + 1}" for n in range(self.size)
        ]
        numbers = trial.list("phonenumbers")
        held = {one["spec"]["claimRef"]["uid"]: one["metadata"]["name"] for one in numbers if "claimRef" in one["spec"]}
        said = {uid: claim["status"]["phoneNumber"]["name"] for uid, claim in claims.items()}
        assert held == said, "a claim has another number than it says"
        assert sum("claimRef" in one["spec"] for one in numbers) == self.size, "a claim has two numbers"
        labels = {one["metadata"]["name"]: one["metadata"].get("labels", {}).get(_OF_SET) for one in numbers}
        assert {name for name, label in labels.items() if label == "calls"} == set(held.values())
        super().judge(trial)


@dataclass(frozen=True)
class Freezing(Ordering):
    """The pool is frozen while its order is under way, and thawed later: once it says Frozen nothing more is bought."""

    count: int = 6

    def prepare(self, trial: Trial) -> None:
        super().prepare(trial)
        trial.start()

    def act(self, trial: Trial) -> None:
        """As soon as the order has chosen its numbers; an operator that is killed before that chooses them later."""
        super().act(trial)
        wait_until(
            lambda: trial.tripwire.has_sprung() or any(order["status"].get("items") for order in _orders(trial)),
            "the order to choose",
        )
        trial.annotate("numberpool", "us-west", frozen="the tests: to see it stop")

    def nudge(self, trial: Trial) -> None:
        """The pool is thawed when it has said for some looks that it is frozen, and nothing was bought meanwhile."""
        super().nudge(trial)
        (pool,) = trial.list("numberpools")
        if not _is_frozen(pool) or "ringfleet.dev/frozen" not in pool["metadata"].get("annotations", {}):
            return
        owned = sorted(number["number"] for number in trial.owned())
        before = trial.notes.setdefault("owned when it said Frozen", owned)
        assert owned == before, "something was bought after the pool had said that it is frozen"
        trial.notes["looks"] = trial.notes.get("looks", 0) + 1
        if trial.notes["looks"] >= _LOOKS_AT_FROZEN:
            trial.annotate("numberpool", "us-west", frozen=None)

    def is_calm(self, trial: Trial) -> bool:
        (pool,) = trial.list("numberpools")
        return trial.notes.get("looks", 0) >= _LOOKS_AT_FROZEN and not _is_frozen(pool) and super().is_calm(trial)

    def judge_crash(self, trial: Trial) -> None:
        super().judge_crash(trial)
        if (before := trial.notes.get("owned when it said Frozen")) and trial.notes["looks"] < _LOOKS_AT_FROZEN:
            assert sorted(number["number"] for number in trial.owned()) == before


_LOOKS_AT_FROZEN = 5


def _is_frozen(pool: Mapping[str, Any]) -> bool:
    """Whether the pool says that nothing of it is on its way to a carrier any more."""
    return any(
        one["type"] == "Frozen" and one["status"] == "True" for one in pool.get("status", {}).get("conditions", ())
    )


def _orders(trial: Trial) -> list[dict[str, Any]]:
    return [order for order in trial.list("numberorders") if "conditions" in order.get("status", {})]


_OF_SET = "ringfleet.dev/rotation-set"


def _are_guarded(claims: Iterable[Mapping[str, Any]]) -> bool:
    """Whether the deletion of each waits until its number is unbound."""
    return all(claim["metadata"].get("finalizers") for claim in claims)


def _claims(trial: Trial) -> list[dict[str, Any]]:
    return trial.list("numberclaims")


def _held(trial: Trial) -> list[dict[str, Any]]:
    return [claim for claim in _claims(trial) if claim.get("status", {}).get("phase") == "Bound"]


@dataclass(frozen=True)
class Filing(Ordering):
    """A bundle is filed and approved, and numbers are ordered with it: nothing is filed twice, and no number lost.

    The review is decided for this trial's bundle alone: the carrier's clock is that of the trials beside it too.
    """

    count: int = 2

    revisions = 1
    """How many of the bundle there are in the end."""

    def act(self, trial: Trial) -> None:
        bundle = a_german_bundle_for(self.provider)
        trial.apply(papers(), bundle, a_profile("front-desk", "sip:pbx.example.com"), self._berlin())

    def nudge(self, trial: Trial) -> None:
        """Whatever is handed in is approved; numbers that wait for documents are finished by it alone."""
        for filed in _at_carrier(trial, "bundles"):
            if filed["status"] in WITH_CARRIER:
                decided = {"account": trial.account, "reference": filed["reference"]}
                trial.simulator.control("POST", "bundles/decide", decided)

    def is_calm(self, trial: Trial) -> bool:
        (bundle,) = trial.list("compliancebundles")
        return _is_calm(bundle) and super().is_calm(trial)

    def judge_crash(self, trial: Trial) -> None:
        super().judge_crash(trial)
        self._judge_filed(trial)

    def judge(self, trial: Trial) -> None:
        """Each content and each revision filed once, and approved; each number billed once, and live."""
        super().judge(trial)
        self._judge_filed(trial)
        contents = Counter(one["kind"] for one in _at_carrier(trial, "papers"))
        wanted = 1 + self.revisions
        assert contents["document"] == wanted, f"{wanted} documents were wanted, not {contents}"
        assert contents.total() <= wanted + 1, f"one end user or none was wanted, not {contents}"
        assert [one["status"] for one in _at_carrier(trial, "bundles")] == ["approved"] * self.revisions
        assert [one["status"] for one in trial.owned()] == ["active"] * self.count

    def _judge_filed(self, trial: Trial) -> None:
        contents = Counter(f"{one['kind']} {one['sha256']}" for one in _at_carrier(trial, "papers"))
        assert set(contents.values()) <= {1}, f"created more than once: {contents.most_common(3)}"
        assert len(_at_carrier(trial, "bundles")) <= self.revisions, "more than one bundle of one revision"

    def _berlin(self, **spec: Any) -> dict[str, Any]:
        market = {"country": "DE", "type": "Geographic", "areaCodes": ["30"]}
        return a_pool("berlin", self.count, market=market, limits={"maxNumbers": self.count}, **spec)


@dataclass(frozen=True)
class Parking(Filing):
    """Numbers are ordered before their bundle is approved, wait at the carrier, and are finished by attaching it."""

    def nudge(self, trial: Trial) -> None:
        """The review lasts until the numbers wait for it."""
        if len(trial.owned()) == self.count:
            super().nudge(trial)

    def _berlin(self, **spec: Any) -> dict[str, Any]:
        return super()._berlin(ordering={"requireApprovedBundle": False}, **spec)


@dataclass(frozen=True)
class Revising(Filing):
    """A revision is approved of the bundle that numbers live on: each is moved to it, and works all the while."""

    revisions = 2

    def prepare(self, trial: Trial) -> None:
        super().prepare(trial)
        super().act(trial)
        trial.start()
        trial.settle(Filing(self.count))

    def act(self, trial: Trial) -> None:
        trial.apply(*a_revision())

    def is_calm(self, trial: Trial) -> bool:
        """Every number carries the revision that supersedes the first."""
        (bundle,) = trial.list("compliancebundles")
        (filing,) = bundle["status"]["filings"]
        numbers = trial.list("phonenumbers")
        carried = [(number["status"].get("documents") or {}).get("attached") for number in numbers]
        moved = bool(filing["superseded"]) and carried == [filing["approved"]["id"]] * self.count
        return moved and super().is_calm(trial)

    def judge_crash(self, trial: Trial) -> None:
        super().judge_crash(trial)
        assert [one["status"] for one in trial.owned()] == ["active"] * self.count, "a number has stopped"

    def judge(self, trial: Trial) -> None:
        super().judge(trial)
        newest = max(one["id"] for one in _at_carrier(trial, "bundles"))
        assert [one["bundle"] for one in trial.owned()] == [newest] * self.count


@dataclass(frozen=True)
class Streaming(Ordering):
    """An account comes to have its messages told by Event Streams, and then elsewhere: one sink, told once."""

    count: int = 0
    provider: str = "Twilio"

    def prepare(self, trial: Trial) -> None:
        super().prepare(trial)
        trial.patch("carrieraccount", "sandbox", {"spec": self._hears("https://old.example.com")})
        trial.start()
        wait_until(lambda: self._tells(trial, "https://old.example.com"), "the first sink")

    def act(self, trial: Trial) -> None:
        trial.patch("carrieraccount", "sandbox", {"spec": self._hears(_NEW)})

    def is_calm(self, trial: Trial) -> bool:
        return self._tells(trial, _NEW)

    def judge_crash(self, trial: Trial) -> None:
        """Somebody is told at any time."""
        told = [sink for sink in _sinks(trial) if sink["url"] and _RECEIVED in sink["types"]]
        assert told, "no sink was subscribed"

    def judge(self, trial: Trial) -> None:
        assert [(sink["url"], sink["types"]) for sink in _sinks(trial)] == [(self._url(trial, _NEW), [_RECEIVED])]

    def _hears(self, url: str) -> dict[str, Any]:
        return {"webhookSecretRef": {"name": "token", "key": "authToken"}, "webhooks": {"publicURL": url}}

    def _url(self, trial: Trial, base: str) -> str:
        return f"{base}/v1/events/{trial.namespace}/sandbox"

    def _tells(self, trial: Trial, base: str) -> bool:
        """One sink tells there, and the account says so."""
        used = trial.get("carrieraccount", "sandbox").get("status", {}).get("webhooks", {})
        sinks = [(sink["sid"], sink["url"], sink["types"]) for sink in _sinks(trial)]
        return sinks == [(used.get("sink"), self._url(trial, base), [_RECEIVED])]


_NEW = "https://new.example.com"
_RECEIVED = "com.twilio.messaging.inbound-message.received"


def _sinks(trial: Trial) -> list[dict[str, Any]]:
    """The sinks of the trial's account at Twilio's API, each with its URL and what it is subscribed to."""
    _, credentials = OPENINGS["Twilio"](trial.simulator.url, trial.account, trial.token)
    base = f"{trial.simulator.url}/twilio/events/v1"
    auth = (credentials["accountSid"], credentials["authToken"])
    with httpx.Client(trust_env=False, timeout=60, auth=auth) as client:
        found = []
        subscriptions = client.get(f"{base}/Subscriptions").json()["subscriptions"]
        for sink in client.get(f"{base}/Sinks").json()["sinks"]:
            types = [
                event["type"]
                for one in subscriptions
                if one["sink_sid"] == sink["sid"]
                for event in client.get(f"{base}/Subscriptions/{one['sid']}/SubscribedEvents").json().get("types", ())
            ]
            found.append({"sid": sink["sid"], "url": sink["sink_configuration"]["destination"], "types": types})
        return found


def _at_carrier(trial: Trial, what: str) -> list[dict[str, Any]]:
    """The `papers` or `bundles` that the exchange keeps for the trial's account."""
    return [one for one in trial.simulator.control("GET", what) if one["account"] == trial.account]


def _objects(trial: Trial) -> list[str]:
    """The names of the numbers that have an object, sorted."""
    return sorted(_phases(trial))


def _phases(trial: Trial) -> dict[str, str]:
    numbers = trial.list("phonenumbers")
    return {number["metadata"]["name"]: number.get("status", {}).get("phase", "") for number in numbers}


def _is_calm(obj: dict[str, Any]) -> bool:
    """A pool that is ready, or an order that has ended."""
    status = obj.get("status", {})
    if obj["kind"] == "NumberOrder":
        return "completedAt" in status
    return any(one["type"] == "Ready" and one["status"] == "True" for one in status.get("conditions", []))
