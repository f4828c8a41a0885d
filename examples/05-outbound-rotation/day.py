"""One day of outbound calls on the moved clock, and the same day with one number. Writes a plot, prints a summary.

Hour by hour, from nine to nine in New York: what was put off and is due goes first, then the hour's contacts. Each asks
the dispatcher which number to use, and calls with that number at the sandbox carrier. Some people call back, and get
their call returned. What did not fit into the day goes out the next one, before any other call of its number.
"""

from __future__ import annotations

import argparse
import json
import random
import secrets
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt

Json = dict[str, Any]

NEW_YORK = ZoneInfo("America/New_York")
HOURS = range(9, 21)
"""Of the day, in New York."""
REGIONS = {"415": (0.4, 12), "212": (0.3, 9), "312": (0.3, 10)}
"""By area code: its share of the people, and from which of these hours on it is past nine there."""
NEXT_DAY = -1
"""In the place of an hour: whatever comes after the day that is compared."""
LONGEST_CALL = 1000
RAMPED = 15
"""Days after which a new number has its whole caps."""
CAP = 75
OLD, NEW = "old", "new"
"""Calls of the next day: put off from the day before, or not."""
ONE = "one-number"


@dataclass(frozen=True)
class Contact:
    to: str
    hour: int


@dataclass
class PutOff:
    contact: Contact
    id: str | None
    not_before: datetime


@dataclass
class Log:
    """What became of the contacts. `order`: by number, in which the old and the new ones of the next day went out."""

    seen: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    used: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    replies: Counter[str] = field(default_factory=Counter)
    order: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    by_hour: dict[int, list[bool]] = field(default_factory=lambda: defaultdict(list))
    by_hour_with_one: dict[int, list[bool]] = field(default_factory=lambda: defaultdict(list))
    unanswered: list[tuple[str, str]] = field(default_factory=list)
    put_off_within_the_day: int = 0


class Sandbox:
    """The carrier's control endpoint."""

    def __init__(self, url: str, account: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=90, trust_env=False)
        self.account = account

    def control(self, method: str, path: str, body: Json | None = None) -> Any:
        return self._http.request(method, f"/_sandbox/{path}", json=body).raise_for_status().json()

    def now(self) -> datetime:
        return datetime.fromisoformat(self.control("GET", "clock")["now"])

    def call(self, account: str, calls: list[Json]) -> list[Json]:
        outcomes: list[Json] = self.control("POST", "traffic/calls", {"account": account, "calls": calls})["calls"]
        return outcomes

    def ring(self, person: str, number: str) -> None:
        self.control("POST", "traffic/inbound", {"kind": "call", "from": person, "to": number})

    def numbers(self, account: str, since: datetime) -> list[Json]:
        at = since.astimezone(ZoneInfo("UTC")).strftime("%Y-%m-%dT%H:%M:%SZ")
        listed: list[Json] = self.control("GET", f"traffic/numbers?account={account}&since={at}")
        return listed

    def wait_told(self) -> None:
        """Until the dispatcher knows of everything that has happened."""
        pending = self.control("GET", f"webhooks/pending?account={self.account}&wait=60")
        if pending["ripe"]:
            raise SystemExit(f"the dispatcher does not take its events: {pending}")

    def own_one_number(self) -> str:
        """A number of an account of its own, routed as the others are."""
        token = {"Authorization": f"Bearer {ONE}-token"}
        self.control("POST", "accounts", {"token": f"{ONE}-token", "id": ONE, "balance": "1000.00"})
        listed = self._http.get("/v1/numbers", headers=token).json()["data"]
        if not listed:
            self.control("POST", "numbers", {"account": ONE, "count": 1, "area_code": "646"})
            listed = self._http.get("/v1/numbers", headers=token).json()["data"]
        desk = {"name": "desk", "sip_targets": [{"uri": "sip:pbx-1.example.com"}]}
        profile = self._http.put("/v1/routing-profiles/desk", json=desk, headers=token).json()["id"]
        path = f"/v1/numbers/{listed[0]['id']}"
        self._http.patch(path, json={"routing_profile_id": profile}, headers=token).raise_for_status()
        number: str = listed[0]["number"]
        return number


class Dispatcher:
    """In dev mode: no tokens, and a clock that can be moved."""

    def __init__(self, url: str, namespace: str, name: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=30, trust_env=False)
        self._set = f"/v1/namespaces/{namespace}/rotationsets/{name}"
        self._run, self._serial = secrets.token_hex(4), count(1)

    def pick(self, to: str, kind: str = "new", deferred: str | None = None) -> httpx.Response:
        body = {"to": to, "kind": kind, **({"deferredId": deferred} if deferred else {})}
        key = f'"{self._run}-{next(self._serial)}"'
        return self._http.post(f"{self._set}/picks", json=body, headers={"Idempotency-Key": key})

    def give_back(self, pick: str) -> None:
        self._http.delete(f"{self._set}/picks/{pick}")

    def rollup(self) -> Json:
        rollup: Json = self._http.get(f"{self._set}/rollup").raise_for_status().json()
        return rollup

    def advance(self, seconds: float) -> datetime:
        reply = self._http.post("/dev/clock", json={"advanceSeconds": seconds}).raise_for_status()
        return datetime.fromisoformat(reply.json()["now"])


class Play:
    def __init__(self, sandbox: Sandbox, dispatcher: Dispatcher, seed: int) -> None:
        self.sandbox = sandbox
        self.dispatcher = dispatcher
        self.dice = random.Random(seed)
        self.log = Log()
        self.waiting: list[PutOff] = []
        self.one = sandbox.own_one_number()

    # Time.

    def move_to(self, moment: datetime) -> None:
        """Both clocks, the dispatcher's first: when the carrier's follows, everything older has been told."""
        self.sandbox.wait_told()
        ahead = (moment - self.dispatcher.advance(0)).total_seconds()
        self.dispatcher.advance(max(0.0, ahead))
        behind = (moment - self.sandbox.now()).total_seconds()
        self.sandbox.control("POST", "clock", {"advance_seconds": max(0.0, behind)})
        self.now = max(moment, self.sandbox.now())
        self.sandbox.wait_told()

    # One hour.

    def hour(self, contacts: list[Contact]) -> None:
        """What is due, then these."""
        due = [one for one in self.waiting if one.not_before <= self.now]
        self.waiting = [one for one in self.waiting if one.not_before > self.now]
        calls = [self.ask(one.contact, one.id) for one in sorted(due, key=lambda one: one.not_before)]
        calls += [self.ask(contact, None) for contact in contacts]
        made = [call for call in calls if call]
        for outcome in self.call(made):
            self.log.by_hour[self.hour_played].append(outcome["answered"])
            if not outcome["answered"]:
                self.log.unanswered.append((outcome["to"], outcome["from"]))

    def ask(self, contact: Contact, deferred: str | None) -> Json | None:
        """The call to make, or nothing: it was put off, or refused."""
        reply = self.dispatcher.pick(contact.to, deferred=deferred)
        body = reply.json()
        if reply.status_code == httpx.codes.OK:
            self.log.used[body["number"]] += 1
            if self.hour_played == NEXT_DAY:
                self.log.order[body["number"]].append(NEW if contact.to in self.new_people else OLD)
            return {"from": body["number"], "to": contact.to, "pick": body["pickId"]}
        if "notBefore" not in body:
            self.log.refused[body.get("type", "").rsplit("/", 1)[-1]] += 1
            return None
        not_before = datetime.fromisoformat(body["notBefore"])
        self.log.put_off_within_the_day += not_before.astimezone(NEW_YORK).date() == self.today
        put_off = PutOff(contact, body.get("deferredId", deferred), not_before)
        if put_off.id is None or put_off.id not in [one.id for one in self.waiting]:  # who waits already goes out once
            self.waiting.append(put_off)
        return None

    def call(self, calls: list[Json]) -> list[Json]:
        """The calls that were made; a pick that the carrier had no use for is given back."""
        made = []
        for call, outcome in zip(calls, self.sandbox.call(self.sandbox.account, calls), strict=True):
            if outcome["refused"]:
                self.log.refused[f"carrier: {outcome['refused']}"] += 1
                self.dispatcher.give_back(call["pick"])
                continue
            self.log.seen[call["to"]].add(call["from"])
            made.append(outcome)
        return made

    def return_calls(self, most: int = 5) -> None:
        """Some who did not answer call back, and are called from the number that they know, whatever its budget."""
        self.dice.shuffle(self.log.unanswered)
        for person, number in self.log.unanswered[:most]:
            self.sandbox.ring(person, number)
            self.sandbox.wait_told()  # a reply is one when the carrier has told of the call
            reply = self.dispatcher.pick(person, kind="reply")
            self.log.replies["asked"] += 1
            if reply.status_code != httpx.codes.OK:
                self.log.replies["deferred or refused"] += 1
                continue
            body = reply.json()
            self.log.replies["the number they know"] += body["number"] == number
            self.call([{"from": body["number"], "to": person, "pick": body["pickId"]}])
        self.log.unanswered.clear()

    def call_with_one(self, contacts: list[Contact], hour: int) -> None:
        """The same contacts at the same hour, all from one number."""
        calls = [{"from": self.one, "to": contact.to} for contact in contacts]
        self.log.by_hour_with_one[hour] += [outcome["answered"] for outcome in self.sandbox.call(ONE, calls)]

    # Two days.

    def play(self, day: list[Contact], tomorrow: list[Contact], starts: datetime) -> Json:
        self.today = starts.date()
        for hour in HOURS:
            self.move_to(starts.replace(hour=hour))
            self.hour_played = hour
            contacts = [contact for contact in day if contact.hour == hour]
            self.hour(contacts)
            self.call_with_one(contacts, hour)
            self.return_calls()
        self.move_to(starts.replace(hour=HOURS[-1]) + timedelta(seconds=LONGEST_CALL))
        told, used = self.dispatcher.rollup(), Counter(self.log.used)
        at_carrier = self.sandbox.numbers(self.sandbox.account, starts.replace(hour=0))
        with_one = self.sandbox.numbers(ONE, starts.replace(hour=0))[0]
        put_off = len(self.waiting)
        self.play_next_day(tomorrow, starts + timedelta(days=1))
        return self.summary(day, used, told, at_carrier, with_one, put_off)

    def play_next_day(self, contacts: list[Contact], starts: datetime) -> None:
        """From noon on, when it is morning everywhere; what is put off goes first."""
        self.new_people = {contact.to for contact in contacts}
        for hour in range(12, 16):
            self.today = starts.date()
            self.move_to(starts.replace(hour=hour))
            self.hour_played = NEXT_DAY
            self.hour(contacts if hour == 12 else [])  # noqa: PLR2004 - noon
        self.sandbox.wait_told()

    # What came of it.

    def summary(
        self, day: list[Contact], used: Counter[str], told: Json, at_carrier: list[Json], one: Json, put_off: int
    ) -> Json:
        carrier = {row["number"]: row for row in at_carrier}
        ledger = {row["number"]: row for row in told["numbers"]}
        numbers = [
            {
                "number": number,
                "used": used[number],
                "calls": carrier[number]["calls"],
                "callsByTheLedger": row["callsToday"],
                "label": carrier[number]["label"],
            }
            for number, row in sorted(ledger.items())
        ]
        old, new = (sum(order.count(mark) for order in self.log.order.values()) for mark in (OLD, NEW))
        judged = {
            "noNumberOverItsCap": all(row["used"] <= CAP for row in numbers),
            "noNumberLabelled": not any(row["label"] for row in numbers),
            "theLedgerKnowsEveryCall": all(row["calls"] == row["callsByTheLedger"] for row in numbers),
            "sameRecipientSameNumber": all(len(seen) == 1 for seen in self.log.seen.values()),
            "deferredWentOutFirst": 0 < put_off == old and all(map(_old_first, self.log.order.values())),
            "repliesNeverDeferred": 0 < self.log.replies["asked"] == self.log.replies["the number they know"],
            "theOneNumberIsLabelled": one["label"] is not None,
        }
        return {
            "judged": judged,
            "contacts": len(day),
            "recipients": len({contact.to for contact in day}),
            "calledToday": sum(used.values()),
            "putOffWithinTheDay": self.log.put_off_within_the_day,
            "putOffToTomorrow": put_off,
            "tomorrow": {"old": old, "new": new, "stillWaiting": len(self.waiting)},
            "refused": dict(self.log.refused),
            "replies": dict(self.log.replies),
            "answerRate": {"rotation": _rate(self.log.by_hour), "one": _rate(self.log.by_hour_with_one)},
            "numbers": numbers,
            "one": {"number": one["number"], "calls": one["calls"], "label": one["label"]},
        }


def people(dice: random.Random, recipients: int) -> list[str]:
    """Numbers that nobody has: 555 in three area codes."""
    codes = dice.choices(list(REGIONS), [share for share, _ in REGIONS.values()], k=recipients)
    lines = dice.sample(range(10_000), recipients)
    return [f"+1{code}555{line:04d}" for code, line in zip(codes, lines, strict=True)]


def plan(dice: random.Random, everybody: list[str], contacts: int) -> list[Contact]:
    """Each is called once, some again later in the day; at nine in the morning or later, by their own clock."""
    again = dice.sample(everybody, contacts - len(everybody))
    day = []
    for person in everybody:
        first = REGIONS[person[2:5]][1]
        hour = dice.randrange(first, HOURS[-1])
        day.append(Contact(person, hour))
    hours = {contact.to: contact.hour for contact in day}
    day += [Contact(person, dice.randrange(hours[person] + 1, HOURS.stop)) for person in again]
    dice.shuffle(day)
    return day


def draw(summary: Json, play: Play, path: Path) -> None:
    figure, (left, right) = plt.subplots(1, 2, figsize=(13, 5), width_ratios=(3, 2), layout="constrained")
    rows = summary["numbers"]
    bars = [(row["number"][2:], row["calls"], row["label"]) for row in rows]
    bars.append((f"{summary['one']['number'][2:]}\nalone", summary["one"]["calls"], summary["one"]["label"]))
    places = [*range(len(rows)), len(rows) + 1]
    colours = ["tab:red" if label else "tab:blue" for _, _, label in bars]
    left.bar(places, [calls for _, calls, _ in bars], color=colours)
    left.axhline(CAP, color="black", linestyle="--", linewidth=1, label=f"cap: {CAP} a day, replies aside")
    left.axhspan(135, 165, color="tab:orange", alpha=0.3, label="above this a number is labelled")
    for place, (_, calls, label) in zip(places, bars, strict=True):
        left.annotate(label or "", (place, calls), ha="right", va="bottom", color="tab:red")
    left.set_yscale("log")
    left.set_ylim(10, 4000)
    left.set_xticks(places, [name for name, _, _ in bars], rotation=90, fontsize=8)
    left.set_ylabel("calls in the day")
    left.set_title(f"{len(rows)} numbers in rotation, and one number alone")
    left.legend(loc="upper left", fontsize=8)
    for name, by_hour, colour in (
        (f"{len(rows)} numbers", play.log.by_hour, "tab:blue"),
        ("one number", play.log.by_hour_with_one, "tab:red"),
    ):
        shares = [100 * sum(by_hour[hour]) / max(1, len(by_hour[hour])) for hour in HOURS]
        right.plot(list(HOURS), shares, marker="o", color=colour, label=name)
    right.set_ylim(0, 70)
    right.set_xlabel("hour in New York")
    right.set_ylabel("answered calls, %")
    right.set_title("Answer rate")
    right.legend()
    figure.savefig(path, dpi=110, metadata={"Software": ""})


def _old_first(order: list[str]) -> bool:
    return order == [OLD] * order.count(OLD) + [NEW] * order.count(NEW)


def _rate(by_hour: dict[int, list[bool]]) -> float:
    answers = [answered for hour in HOURS for answered in by_hour[hour]]
    return round(sum(answers) / max(1, len(answers)), 3)


def main() -> int:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--dispatcher", default="http://127.0.0.1:8095", help="where picks are answered")
    options.add_argument("--events", default="http://127.0.0.1:8096", help="where the dispatcher takes events")
    options.add_argument("--sandbox", default="http://127.0.0.1:8085", help="the sandbox carrier")
    options.add_argument("--account", default="outbound-rotation", help="the account at the sandbox carrier")
    options.add_argument("--namespace", default="default")
    options.add_argument("--carrier-account", default="sandbox", help="the CarrierAccount")
    options.add_argument("--secret", default="sandbox-webhook-secret", help="what the carrier signs events with")
    options.add_argument("--set", default="outbound", help="the RotationSet")
    options.add_argument("--contacts", type=int, default=1600)
    options.add_argument("--recipients", type=int, default=1200)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--output", type=Path, default=Path(__file__).with_name("day.png"))
    chosen = options.parse_args()

    sandbox = Sandbox(chosen.sandbox, chosen.account)
    url = f"{chosen.events}/v1/events/{chosen.namespace}/{chosen.carrier_account}"
    sandbox.control("POST", "webhooks", {"account": chosen.account, "url": url, "secret": chosen.secret})
    play = Play(sandbox, Dispatcher(chosen.dispatcher, chosen.namespace, chosen.set), chosen.seed)
    everybody = people(play.dice, chosen.recipients + 50)
    day = plan(play.dice, everybody[: chosen.recipients], chosen.contacts)
    tomorrow = [Contact(person, 12) for person in everybody[chosen.recipients :]]
    starts = (sandbox.now() + timedelta(days=RAMPED)).astimezone(NEW_YORK)
    summary = play.play(day, tomorrow, starts.replace(hour=0, minute=0, second=0, microsecond=0))
    draw(summary, play, chosen.output)
    print(json.dumps(summary, indent=2))
    return 0 if all(summary["judged"].values()) else 1


if __name__ == "__main__":
    sys.exit(main())
