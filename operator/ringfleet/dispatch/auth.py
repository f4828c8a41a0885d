"""Who calls, and may they: a Kubernetes token for our audience (TokenReview), then normal RBAC (SubjectAccessReview).

A token for the API server itself is refused: its owner gave it to nobody but the API server. Answers are remembered by
the token's SHA-256, never the token: a yes for a minute and not past the token's own end, a no for ten seconds. ::

    remembered, fresh         let in; from 45 seconds on it is asked anew beside that, so that nobody waits
    remembered, older         asked anew; while the API server can't be asked it holds, until the token's end, and for a
                              quarter of an hour at most
    not remembered            asked, and refused while the API server can't be
    no token of ours          refused without a question, where the token itself says so

Nobody can be in another's way. Strangers are asked about in a lane of their own, which is short: beyond it they are
told to come again. The callers of a namespace, who have shown a right there, have a lane and a book of answers of that
namespace, so that what one tenant asks for crowds out no other.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import NamedTuple, Protocol, TypeVar

from ringfleet.api.meta import GROUP
from ringfleet.dispatch.metrics import Metrics
from ringfleet.dispatch.problems import Problem
from ringfleet.kube.access import Access, Caller, may, review_token, token_claims
from ringfleet.kube.client import Kube
from ringfleet.kube.errors import KubeError

T = TypeVar("T")

AUDIENCE = f"dispatch.{GROUP}"
YES_SECONDS = 60.0
AHEAD_SECONDS = 15.0
"""So long before a yes is old it is asked anew, while it lets everybody in."""
UNCHECKED_SECONDS = 900.0
"""A right holds for so long at most while the API server can't be asked."""
PATIENCE_SECONDS = 1.0
"""So long a caller who is known waits for the API server."""
AGAIN_SECONDS = 10.0
NO_SECONDS = 10.0
SKEW_SECONDS = 60.0
"""What clocks may differ by where a token says that it is over."""
REMEMBERED = 4096
"""How many answers are remembered that were a no."""
REMEMBERED_OF_A_NAMESPACE = 1024
AT_ONCE = 8
IN_LINE = 64
"""Questions of one lane that are asked at once, and that wait for their turn."""
LONGEST_TOKEN = 16_384


class Act(NamedTuple):
    """What a caller wants: the verb on a subresource of a RotationSet, such as create on picks. `name`: empty for all
    of the namespace."""

    verb: str
    subresource: str
    namespace: str
    name: str
    resource: str = "rotationsets"


Question = tuple[bytes, Act]
"""A token's hash, and what its owner wants."""


class Authority(Protocol):
    """Decides who may do what."""

    async def allow(self, authorization: str | None, act: Act) -> None:
        """Return when the caller may. Raises Problem."""
        ...

    def knows(self, authorization: str | None, act: Act) -> bool:
        """Whether `allow` would return at once: then the caller is let in by this."""
        ...


class Anybody:
    """Dev mode, on loopback only: everybody may do everything."""

    async def allow(self, authorization: str | None, act: Act) -> None:  # noqa: ARG002 - nothing is asked for
        return

    def knows(self, authorization: str | None, act: Act) -> bool:  # noqa: ARG002 - the same
        return True


@dataclass(slots=True)
class Yes:
    """A right that the API server has confirmed. All in POSIX seconds."""

    checked: float
    """When it was confirmed last."""
    ends: float
    """The token's end, or the time for which a yes holds at most while it can't be confirmed."""
    fresh_until: float
    """Until then nobody waits for it to be confirmed."""
    ask_from: float
    """From then on it is confirmed beside the requests that it lets in."""


class Book:
    """The rights that callers have shown in one namespace. When it is full, the one goes that was confirmed first."""

    def __init__(self) -> None:
        self._rights: OrderedDict[Question, Yes] = OrderedDict()
        self._tokens: Counter[bytes] = Counter()

    def get(self, question: Question) -> Yes | None:
        return self._rights.get(question)

    def knows(self, token: bytes) -> bool:
        return token in self._tokens

    def note(self, question: Question, yes: Yes) -> None:
        self.drop(question)
        self._rights[question] = yes
        self._tokens[question[0]] += 1
        if len(self._rights) > REMEMBERED_OF_A_NAMESPACE:
            self.drop(next(iter(self._rights)))

    def drop(self, question: Question) -> None:
        if self._rights.pop(question, None) is not None:
            self._tokens[question[0]] -= 1
            if not self._tokens[question[0]]:
                del self._tokens[question[0]]


class Lane:
    """Questions that wait for each other, and for no others."""

    def __init__(self) -> None:
        self.asked = 0
        self.turns = asyncio.Semaphore(AT_ONCE)

    @property
    def is_full(self) -> bool:
        return self.asked >= AT_ONCE + IN_LINE


class Cluster:
    """See the module. `now` in POSIX seconds, the world's: tokens do not move with a dev clock."""

    def __init__(self, kube: Kube, now: Callable[[], float], metrics: Metrics | None = None) -> None:
        self._kube = kube
        self._now = now
        self._metrics = metrics or Metrics()
        self._books: dict[str, Book] = {}
        self._no: OrderedDict[Question, tuple[float, Problem]] = OrderedDict()
        self._asking: dict[Question, asyncio.Task[Problem | None]] = {}
        self._lanes: dict[str | None, Lane] = {}

    async def allow(self, authorization: str | None, act: Act) -> None:
        token = _token(authorization)
        question = (sha256(token.encode()).digest(), act)
        now = self._now()
        yes = self._known(question)
        if self._is_fresh(yes, question, token, now):
            return
        until, problem = self._no.get(question, (now, None))
        if until <= now:
            if _is_for_others(token, now):
                raise _unauthenticated()
            known = yes is not None and now < yes.ends
            problem = await (self._ask_again(question, token, yes) if known and yes else self._ask(question, token))
        if problem is not None:
            raise Problem(problem.type.name, problem.detail)

    def knows(self, authorization: str | None, act: Act) -> bool:
        try:
            token = _token(authorization)
        except Problem:
            return False
        question = (sha256(token.encode()).digest(), act)
        return self._is_fresh(self._known(question), question, token, self._now())

    def _known(self, question: Question) -> Yes | None:
        book = self._books.get(question[1].namespace)
        return book.get(question) if book else None

    def _is_fresh(self, yes: Yes | None, question: Question, token: str, now: float) -> bool:
        """Whether the right lets its owner in without a question. One that is soon to be old is asked anew beside."""
        if yes is None or now >= yes.fresh_until:
            return False
        if now >= yes.ask_from:
            self._ask_beside(question, token, yes)
        return True

    async def _ask(self, question: Question, token: str) -> Problem | None:
        """Ask the API server, once for all who want to know the same. Raises Problem."""
        return await asyncio.shield(self._begin(question, token))

    def _ask_beside(self, question: Question, token: str, yes: Yes) -> None:
        yes.ask_from = self._now() + AGAIN_SECONDS
        with suppress(Problem):  # too many are asked about: later
            self._begin(question, token)

    async def _ask_again(self, question: Question, token: str, yes: Yes) -> Problem | None:
        """Confirm a right that was remembered too long; it holds while that can't be done soon."""
        with suppress(Problem):
            asking = self._begin(question, token)
            done, _ = await asyncio.wait({asking}, timeout=PATIENCE_SECONDS)
            if done:
                return await asking
        yes.fresh_until = min(self._now() + AGAIN_SECONDS, yes.ends)
        self._metrics.let_in_unchecked()
        return None

    def _begin(self, question: Question, token: str) -> asyncio.Task[Problem | None]:
        """The question, which is under way once. Raises Problem: the lane is full."""
        asking = self._asking.get(question)
        if asking is None:
            lane = self._lane_of(question)
            if lane.is_full:
                raise Problem(
                    "too-many-questions", "Too many callers are asked about who are not known yet. Ask again soon."
                )
            lane.asked += 1
            asking = self._asking[question] = asyncio.create_task(self._learn(question, token, lane))
            asking.add_done_callback(partial(self._asked, question, lane))
        return asking

    def _lane_of(self, question: Question) -> Lane:
        token, act = question
        book = self._books.get(act.namespace)
        return self._lanes.setdefault(act.namespace if book and book.knows(token) else None, Lane())

    def _asked(self, question: Question, lane: Lane, asking: asyncio.Task[Problem | None]) -> None:
        del self._asking[question]
        lane.asked -= 1
        if not asking.cancelled():
            asking.exception()  # it was told to all who wait; nobody may be left

    async def _learn(self, question: Question, token: str, lane: Lane) -> Problem | None:
        async with lane.turns:
            expires, problem = await self._judge(token, question[1])
        now, namespace = self._now(), question[1].namespace
        if problem is None:
            self._no.pop(question, None)
            self._books.setdefault(namespace, Book()).note(question, _yes(now, expires))
        else:
            if namespace in self._books:
                self._books[namespace].drop(question)
            _note(self._no, question, (now + NO_SECONDS, problem))
        return problem

    async def _judge(self, token: str, act: Act) -> tuple[float | None, Problem | None]:
        """The token's end, and the problem if the answer is a no. Raises Problem: nobody can tell."""
        try:
            caller = await review_token(self._kube, token, AUDIENCE)
            allowed = caller is not None and await may(self._kube, caller, _access(act))
        except KubeError as error:
            raise Problem(
                "authority-unavailable", "The API server can't be asked now who calls and whether they may."
            ) from error
        if caller is None:
            return None, _unauthenticated()
        return caller.expires, None if allowed else _forbidden(caller, act)


def _yes(now: float, expires: float | None) -> Yes:
    ends = now + UNCHECKED_SECONDS if expires is None else min(now + UNCHECKED_SECONDS, expires)
    return Yes(now, ends, min(now + YES_SECONDS, ends), now + YES_SECONDS - AHEAD_SECONDS)


def _is_for_others(token: str, now: float) -> bool:
    """Whether the token itself says that it is for others, or over: then the API server need not be asked. What does
    not say so may be one all the same."""
    claims = token_claims(token)
    audiences = claims.get("aud", AUDIENCE)
    named = audiences if isinstance(audiences, list) else [audiences]
    expires = claims.get("exp")
    over = isinstance(expires, int | float) and expires + SKEW_SECONDS <= now
    return AUDIENCE not in named or over


def _note(book: OrderedDict[Question, T], question: Question, answer: T) -> None:
    """Write the answer down; the oldest one goes when the book is full."""
    book.pop(question, None)
    book[question] = answer
    if len(book) > REMEMBERED:
        book.popitem(last=False)


def _token(authorization: str | None) -> str:
    scheme, _, token = (authorization or "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token or len(token) > LONGEST_TOKEN:
        raise Problem(
            "unauthenticated", f"Send a Kubernetes token for the audience {AUDIENCE}: Authorization: Bearer ..."
        )
    return token


def _access(act: Act) -> Access:
    return Access(act.verb, GROUP, act.resource, act.subresource, act.namespace, act.name)


def _unauthenticated() -> Problem:
    return Problem(
        "unauthenticated",
        f"The token is not valid here: it must be a Kubernetes token for the audience {AUDIENCE}, such as "
        f"`kubectl create token NAME --audience {AUDIENCE}` makes or a projected volume mounts.",
    )


def _forbidden(caller: Caller, act: Act) -> Problem:
    return Problem(
        "forbidden",
        f"{caller.user} may not {act.verb} {act.resource}/{act.subresource} of {act.namespace}/{act.name}: {_REMEDY}",
    )


_REMEDY = "bind the ClusterRole ringfleet-dispatch-caller to it in that namespace."
