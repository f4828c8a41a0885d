"""What a user's traffic is: first contacts among the known, recipients of four countries, a token with each request,
and three signed events of the carrier for each call, which come by another listener.

Picks wait while events lie behind by more than BACKLOG, so that there are three for each pick, whatever either costs.
"""

from __future__ import annotations

import hashlib
import hmac
import random
import time
from collections import deque
from datetime import UTC, datetime
from itertools import count

from tests.bench.http_load import Connection, Queued

FIRST = 0.5
"""Share of recipients who were never called."""
COUNTRIES = (("+1415{:07}", 2_000_000), ("+44770{:07}", 0), ("+4915{:09}", 112_000_000), ("+5511{:09}", 960_000_000))
"""How numbers are written there, and the first. The last ones have two spellings each."""
BACKLOG = 64
HAPPENINGS = ("call.started", "call.answered", "call.ended")


def recipient(n: int, country: int = 0) -> str:
    """The n-th of that country: a number that is possible there."""
    written, first = COUNTRIES[country]
    return written.format(first + n)


class Mix:
    """Pick requests to `path`, and the events that follow to `events`, signed with `secret`. `rows`: so many recipients
    of each country are remembered."""

    def __init__(self, path: str, events: str, token: str, secret: str, rows: int) -> None:
        self._path, self._events_path = path, events
        self._token, self._secret = token, secret.encode()
        self._rows = rows
        self._dice = random.Random(6)
        self._asked, self._new, self._told = count(), count(), count()
        self._waiting: deque[Connection] = deque()
        self.events = Queued()
        self.events.on_answer = self._go_on

    def take(self, connection: Connection) -> bytes | None:
        if len(self.events) > BACKLOG:
            self._waiting.append(connection)
            return None
        return self._pick()

    def answered(self, body: bytes) -> None:
        """Of a pick: the call is made."""
        if not body.startswith(b'{"pickId":"'):
            return
        pick, number = body[11 : body.index(b'"', 11)].decode(), _text_after(body, b'"number":"')
        call = f"call_{next(self._told)}"
        for place, happening in enumerate(HAPPENINGS):
            self.events.put(self._event(f"evt_{call}_{place}", happening, call, number, pick))

    def _go_on(self) -> None:
        while self._waiting and len(self.events) <= BACKLOG:
            self._waiting.popleft().send(self._pick())

    def _pick(self) -> bytes:
        country = self._dice.randrange(len(COUNTRIES))
        if self._dice.random() < FIRST:
            to = recipient(self._rows + next(self._new), country)
        else:
            to = recipient(self._dice.randrange(self._rows), country)
        body = b'{"to":"%s"}' % to.encode()
        return (
            f"POST {self._path} HTTP/1.1\r\nHost: dispatcher\r\nAuthorization: Bearer {self._token}\r\n"
            f"Content-Type: application/json\r\nIdempotency-Key: bench-{next(self._asked)}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        ).encode() + body

    def _event(self, id_: str, happening: str, call: str, number: str, pick: str) -> bytes:
        now = int(time.time())
        at = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        body = (
            f'{{"id":"{id_}","type":"{happening}","created_at":"{at}","data":{{"call_id":"{call}","number":"{number}",'
            f'"peer":"+14155550123","direction":"outbound","pick_id":"{pick}"}}}}'
        ).encode()
        code = hmac.digest(self._secret, b"%d." % now + body, hashlib.sha256).hex()
        return (
            f"POST {self._events_path} HTTP/1.1\r\nHost: dispatcher\r\nContent-Type: application/json\r\n"
            f"DIDHub-Signature: t={now},v1={code}\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode() + body


def _text_after(body: bytes, name: bytes) -> str:
    begins = body.index(name) + len(name)
    return body[begins : body.index(b'"', begins)].decode()
