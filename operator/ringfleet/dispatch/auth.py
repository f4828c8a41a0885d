"""Who calls, and may they: a Kubernetes token for our audience (TokenReview), then normal RBAC (SubjectAccessReview).

A token for the API server itself is refused: its owner gave it to nobody but the API server. Answers are remembered by
the token's SHA-256, never the token: a yes for a minute and not past the token's own end, a no for ten seconds, each in
a book of its own, so that strangers crowd out nobody who is known. While the API server is away, what is remembered
holds; everybody else is refused.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import NamedTuple, Protocol, TypeVar

from ringfleet.api.meta import GROUP
from ringfleet.dispatch.problems import Problem
from ringfleet.kube.client import Kube
from ringfleet.kube.errors import KubeError
from ringfleet.kube.transport import Json
from ringfleet.model.refs import Resource

T = TypeVar("T")

AUDIENCE = f"dispatch.{GROUP}"
YES_SECONDS = 60.0
NO_SECONDS = 10.0
REMEMBERED = 4096
LONGEST_TOKEN = 16_384

_TOKEN_REVIEWS = Resource("authentication.k8s.io", "v1", "tokenreviews", "TokenReview")
_ACCESS_REVIEWS = Resource("authorization.k8s.io", "v1", "subjectaccessreviews", "SubjectAccessReview")


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


@dataclass(frozen=True, slots=True)
class Caller:
    """As the API server knows the owner of a token. `expires`: of the token, in POSIX seconds; None when not told."""

    user: str
    uid: str
    groups: tuple[str, ...]
    extra: tuple[tuple[str, tuple[str, ...]], ...]
    expires: float | None


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
            caller = await self._review(token)
            allowed = isinstance(caller, Caller) and await self._may(caller, act)
        except KubeError as error:
            raise Problem(
                "authority-unavailable", "The API server can't be asked now who calls and whether they may."
            ) from error
        if isinstance(caller, Problem):
            return self._now() + NO_SECONDS, caller
        if not allowed:
            return self._now() + NO_SECONDS, _forbidden(caller, act)
        until = self._now() + YES_SECONDS
        return (until if caller.expires is None else min(until, caller.expires)), None

    async def _review(self, token: str) -> Caller | Problem:
        body: Json = {
            "apiVersion": _TOKEN_REVIEWS.api_version,
            "kind": "TokenReview",
            "spec": {"token": token, "audiences": [AUDIENCE]},
        }
        status = (await self._kube.create(_TOKEN_REVIEWS, None, body)).get("status", {})
        if not status.get("authenticated") or AUDIENCE not in status.get("audiences", ()):
            return Problem(
                "unauthenticated",
                f"The token is not valid here: it must be a Kubernetes token for the audience {AUDIENCE}, such as "
                f"`kubectl create token NAME --audience {AUDIENCE}` makes or a projected volume mounts.",
            )
        user = status.get("user", {})
        extra = tuple(sorted((name, tuple(values)) for name, values in (user.get("extra") or {}).items()))
        return Caller(
            user.get("username", ""), user.get("uid", ""), tuple(user.get("groups", ())), extra, _expiry(token)
        )

    async def _may(self, caller: Caller, act: Act) -> bool:
        body: Json = {
            "apiVersion": _ACCESS_REVIEWS.api_version,
            "kind": "SubjectAccessReview",
            "spec": {
                "user": caller.user,
                "uid": caller.uid,
                "groups": list(caller.groups),
                "extra": {name: list(values) for name, values in caller.extra},
                "resourceAttributes": {
                    "group": GROUP,
                    "resource": "rotationsets",
                    "subresource": act.subresource,
                    "verb": act.verb,
                    "namespace": act.namespace,
                    "name": act.name,
                },
            },
        }
        return bool((await self._kube.create(_ACCESS_REVIEWS, None, body)).get("status", {}).get("allowed"))


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


def _expiry(token: str) -> float | None:
    """The end that a JWT names; the API server has checked it, and so it may be believed."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return float(claims["exp"])
    except (IndexError, KeyError, ValueError, TypeError, binascii.Error):
        return None


def _forbidden(caller: Caller, act: Act) -> Problem:
    return Problem(
        "forbidden",
        f"{caller.user} may not {act.verb} rotationsets/{act.subresource} of {act.namespace}/{act.name}: bind the "
        "ClusterRole ringfleet-dispatch-caller to it in that namespace.",
    )
