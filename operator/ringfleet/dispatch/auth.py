"""Who calls, and may they: a Kubernetes token for our audience (TokenReview), then normal RBAC (SubjectAccessReview).

A token for the API server itself is refused: its owner gave it to nobody but the API server. Answers are remembered by
the token's SHA-256, never the token: a yes for a minute and not past the token's own end, a no for ten seconds, each in
a book of its own, so that strangers crowd out nobody who is known. While the API server is away, what is remembered
holds; everybody else is refused.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from hashlib import sha256
from typing import NamedTuple, Protocol, TypeVar

from ringfleet.api.meta import GROUP
from ringfleet.dispatch.problems import Problem
from ringfleet.kube.access import Access, Caller, may, review_token
from ringfleet.kube.client import Kube
from ringfleet.kube.errors import KubeError

T = TypeVar("T")

AUDIENCE = f"dispatch.{GROUP}"
YES_SECONDS = 60.0
NO_SECONDS = 10.0
REMEMBERED = 4096
LONGEST_TOKEN = 16_384


class Act(NamedTuple):
    """What a caller wants: the verb on a subresource of a RotationSet, such as create on picks."""

    verb: str
    subresource: str
    namespace: str
    name: str


Question = tuple[bytes, Act]
"""A token's hash, and what its owner wants."""


class Authority(Protocol):
    """Decides who may do what."""

    async def allow(self, authorization: str | None, act: Act) -> None:
        """Return when the caller may. Raises Problem."""
        ...


class Anybody:
    """Dev mode, on loopback only: everybody may do everything."""

    async def allow(self, authorization: str | None, act: Act) -> None:  # noqa: ARG002 - nothing is asked for
        return


class Cluster:
    """See the module. `now` in POSIX seconds, the world's: tokens do not move with a dev clock."""

    def __init__(self, kube: Kube, now: Callable[[], float]) -> None:
        self._kube = kube
        self._now = now
        self._yes: OrderedDict[Question, float] = OrderedDict()
        self._no: OrderedDict[Question, tuple[float, Problem]] = OrderedDict()
        self._asking: dict[Question, asyncio.Task[Problem | None]] = {}

    async def allow(self, authorization: str | None, act: Act) -> None:
        token = _token(authorization)
        question = (sha256(token.encode()).digest(), act)
        now = self._now()
        if self._yes.get(question, now) > now:
            return
        until, problem = self._no.get(question, (now, None))
        if until <= now:
            problem = await self._ask(question, token)
        if problem is not None:
            raise Problem(problem.type.name, problem.detail)

    async def _ask(self, question: Question, token: str) -> Problem | None:
        """Ask the API server, once for all who want to know the same. Raises Problem."""
        asking = self._asking.get(question)
        if asking is None:
            asking = self._asking[question] = asyncio.create_task(self._learn(question, token))
            asking.add_done_callback(partial(self._asked, question))
        return await asyncio.shield(asking)

    def _asked(self, question: Question, asking: asyncio.Task[Problem | None]) -> None:
        del self._asking[question]
        if not asking.cancelled():
            asking.exception()  # it was told to all who wait; nobody may be left

    async def _learn(self, question: Question, token: str) -> Problem | None:
        until, problem = await self._judge(token, question[1])
        if problem is None:
            self._no.pop(question, None)
            _note(self._yes, question, until)
        else:
            self._yes.pop(question, None)
            _note(self._no, question, (until, problem))
        return problem

    async def _judge(self, token: str, act: Act) -> tuple[float, Problem | None]:
        """Until when the answer holds, and the problem if it is a no."""
        try:
            caller = await review_token(self._kube, token, AUDIENCE)
            allowed = caller is not None and await may(self._kube, caller, _access(act))
        except KubeError as error:
            raise Problem(
                "authority-unavailable", "The API server can't be asked now who calls and whether they may."
            ) from error
        if caller is None:
            return self._now() + NO_SECONDS, _unauthenticated()
        if not allowed:
            return self._now() + NO_SECONDS, _forbidden(caller, act)
        until = self._now() + YES_SECONDS
        return (until if caller.expires is None else min(until, caller.expires)), None


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
    return Access(act.verb, GROUP, "rotationsets", act.subresource, act.namespace, act.name)


def _unauthenticated() -> Problem:
    return Problem(
        "unauthenticated",
        f"The token is not valid here: it must be a Kubernetes token for the audience {AUDIENCE}, such as "
        f"`kubectl create token NAME --audience {AUDIENCE}` makes or a projected volume mounts.",
    )


def _forbidden(caller: Caller, act: Act) -> Problem:
    return Problem(
        "forbidden",
        f"{caller.user} may not {act.verb} rotationsets/{act.subresource} of {act.namespace}/{act.name}: bind the "
        "ClusterRole ringfleet-dispatch-caller to it in that namespace.",
    )
