"""Who asks the dispatchers of a soak: callers, who repeat what was not answered under the same key, and a carrier,
which repeats its events under the same id."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from random import Random
from typing import Any

import httpx

from tests.carriers.webhooks import an_event, signed
from tests.soak.contacts import Asked, Model, Person, Told, fresh_id
from tests.soak.dispatchers import MORE, PLENTY, SCARCE, Dispatchers
from tests.waiting import NeverHappened, wait_until

Json = dict[str, Any]
PATIENCE_S = 120.0
"""Until a request that is repeated has to be answered."""
REPLY_S = 12.0
AGAIN = {"ledger-unavailable", "inventory-unknown", "not-the-owner", "internal-error"}
"""Problems that are over soon."""
PICKS, EVENTS = 0, 1


class NeverAnswered(Exception):
    """See PATIENCE_S."""


class Caller:
    """One of those who ask at the same time; `now` is the soak's clock."""

    def __init__(self, world: Dispatchers, model: Model, people: list[Person], dice: Random, seed: int) -> None:
        self._world, self._model, self._dice, self._seed = world, model, dice, seed
        self._people = people
        self._client = httpx.Client(timeout=REPLY_S, trust_env=False)

    def close(self) -> None:
        self._client.close()

    def act(self) -> None:
        """Do one thing."""
        things = {self.pick: 60, self.again: 12, self.say: 8, self.reply: 6, self.label: 1, self.cancel: 5}
        try:
            self._dice.choices(list(things), list(things.values()))[0]()
        except NeverAnswered as error:
            self._model.fault(str(error))

    # Picks.

    def pick(self) -> None:
        person, set_ = self._whom()
        told = self._pick(set_, person, {"to": person.number})
        if told is None:
            return
        if self._dice.random() < 0.15:
            self._give_back(told)
        else:
            self._model.keeps(told)

    def _whom(self) -> tuple[Person, str]:
        n = self._dice.randrange(len(self._people))
        return self._people[n], (SCARCE if n % 2 else self._dice.choice((PLENTY, MORE)))

    def _pick(self, set_: str, person: Person, body: Json) -> Told | None:
        asked = self._model.asks(set_, person, fresh_id(self._seed, "k"), body, time.monotonic())
        try:
            status, reply, lost = self._ask_pick(asked)
        except NeverAnswered:
            self._model.refused(asked, lost=True)
            raise
        self._model.doings[f"picks: {reply['type'].rpartition('/')[2] if 'type' in reply else reply['status']}"] += 1
        if status == 200:
            return self._model.picked(asked, reply, time.monotonic())
        if status == 202:
            self._model.deferred(asked, reply)
        else:
            self._model.refused(asked, lost=lost)
        return None

    def _ask_pick(self, asked: Asked) -> tuple[int, Json, bool]:
        path = self._world.path(asked.set, "picks")
        return self._ask(PICKS, "POST", path, asked.body, {"Idempotency-Key": asked.key})

    def _give_back(self, told: Told) -> None:
        self._model.gives_back(told)
        status, reply, _ = self._ask(PICKS, "DELETE", self._world.path(told.asked.set, f"picks/{told.pick}"))
        self._model.doings["given back"] += 1
        if status != 204:
            self._model.fault(f"{told.pick} can't be given back: {status}, {reply.get('type')}")

    def again(self) -> None:
        """The same request under the same key."""
        with self._model.lock:
            kept = self._model.kept
            told = self._dice.choice(kept[-2000:]) if kept else None
            was_out = told is not None and told.asked.person.may_be_out
            out = told is not None and told.asked.person.out_since is not None
        if told is None:
            return
        at = time.monotonic()
        status, reply, _ = self._ask_pick(told.asked)
        self._model.doings[f"replays: {status}"] += 1
        with self._model.lock:
            was_out = was_out or told.asked.person.may_be_out
        if status == 200 or not was_out:
            self._model.replayed(told, status, reply, at, was_out=out)

    def reply(self) -> None:
        """Somebody writes, and is answered."""
        person, set_ = self._whom()
        number = self._number_of(person)
        if number is None:
            return
        self._tell("message.received", number, person.number, text="hello, is it you?", direction="inbound")
        told = self._pick(set_, person, {"to": person.number, "kind": "reply"})
        if told is not None:
            self._model.keeps(told)

    def cancel(self) -> None:
        """A contact that waits is not wanted any more."""
        with self._model.lock:
            waiting = [one for one in self._people[1::2] if one.deferral is not None]
            person = self._dice.choice(waiting) if waiting else None
            id_ = person.deferral if person else None
            if person is not None:
                self._model.ends_deferral(person)
        if person is not None:
            self._ask(PICKS, "DELETE", self._world.path(SCARCE, f"deferred/{id_}"))
            self._model.ends_deferral(person)
            self._model.doings["deferrals given up"] += 1

    # Wishes.

    def say(self) -> None:
        """STOP or START, by a message to the number that the person knows, or by a list."""
        person, set_ = self._whom()
        if not person.wish.acquire(blocking=False):
            return
        try:
            number = self._number_of(person)
            if person.out_since is not None:
                self._come_back(person, set_)
            elif number is not None and self._dice.random() < 0.7:
                self._wish(person, out=True, by=lambda: self._say(number, person, "STOP"))
            else:
                self._wish(person, out=True, by=lambda: self._list("POST", set_, person))
        finally:
            person.wish.release()

    def _come_back(self, person: Person, set_: str) -> None:
        """By START, and by the list, where the opt-out came from there, or reaches further than a START does."""

        def by() -> None:
            number = self._number_of(person)
            if number is not None:
                self._say(number, person, "START")
            for scope in ("set", "brand", "namespace"):
                self._list("DELETE", set_, person, scope)

        self._wish(person, out=False, by=by)

    def _wish(self, person: Person, *, out: bool, by: Any) -> None:
        self._model.wishes(person, out=out)
        by()
        self._model.wished(person, time.monotonic(), out=out)
        self._model.doings["STOP" if out else "START"] += 1

    def _say(self, number: str, person: Person, text: str) -> None:
        self._tell("message.received", number, person.number, text=text, direction="inbound")

    def _list(self, method: str, set_: str, person: Person, scope: str = "brand") -> None:
        body = {"recipients": [person.number], "scope": scope}
        status, reply, _ = self._ask(PICKS, method, self._world.path(set_, "suppressions"), body)
        if status != 200:
            self._model.fault(f"{method} of an opt-out is answered {status}, {reply.get('type')}")

    def label(self) -> None:
        """A spam label comes to a number, or goes."""
        with self._model.lock:
            labelled = list(self._model.labelled)
        if labelled:
            number = self._dice.choice(labelled)
            self._model.clears(number)
            if number in self._model.labelled:
                return
            self._tell("number.cleared", number, None)
            self._model.has_cleared(number, time.monotonic())
        else:
            number = self._dice.choice(self._world.members[PLENTY])
            with self._model.lock:
                if number in self._model.labelled or self._model.away[number]:
                    return
                self._model.labels(number, time.monotonic())
            self._tell("number.labelled", number, None, label="Spam Likely")
            self._model.has_labelled(number, time.monotonic())
        self._model.doings["labels"] += 1

    def _number_of(self, person: Person) -> str | None:
        with self._model.lock:
            return person.numbers[-1][2] if person.numbers else None

    # The wire.

    def _tell(self, type_: str, number: str, peer: str | None, **data: Any) -> None:
        id_ = fresh_id(self._seed, "evt")
        created = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        event = an_event(type_, id_, number=number, peer=peer, created_at=created, **data)
        if "message_id" in event["data"]:
            event["data"]["message_id"] = id_
        status, reply, _ = self._ask(EVENTS, "POST", self._world.events, event, sign=True)
        if status != 200:
            self._model.fault(f"{type_} is answered {status}, {reply.get('type')}: {reply.get('detail')}")

    def _ask(
        self,
        where: int,
        method: str,
        path: str,
        body: Json | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        sign: bool = False,
    ) -> tuple[int, Json, bool]:
        """Until it is answered: the status, the body, and whether an answer before it was lost."""
        content = b"" if body is None else json.dumps(body).encode()
        lost, last = False, ""

        def once() -> tuple[int, Json] | None:
            """The answer of one of them, chosen anew each time; None: it is to be asked again."""
            nonlocal lost, last
            said = {"Content-Type": "application/json", **(headers or {})}
            said |= signed(content, at=int(time.time())) if sign else {}
            url = self._dice.choice(self._world.all).urls[where] + path
            try:
                reply = self._client.request(method, url, content=content, headers=said)
            except httpx.TransportError as error:
                lost, last = lost or not isinstance(error, httpx.ConnectError), repr(error)
            else:
                document = reply.json() if reply.content else {}
                if str(document.get("type", "")).rpartition("/")[2] not in AGAIN:
                    return reply.status_code, document
                lost, last = True, reply.text
            self._model.doings["asked again"] += 1
            return None

        try:
            answered = wait_until(once, f"an answer to {method} {path}", timeout=PATIENCE_S)
        except NeverHappened as error:
            raise NeverAnswered(f"{method} {path} has no answer in {PATIENCE_S:.0f} s: {last}") from error
        assert answered is not None
        return *answered, lost
