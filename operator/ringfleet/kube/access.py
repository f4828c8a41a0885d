"""Who a token belongs to (TokenReview), and what its owner may do (SubjectAccessReview), as the API server says."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from ringfleet.kube.client import Kube
from ringfleet.kube.transport import Json
from ringfleet.model.refs import Resource

_TOKEN_REVIEWS = Resource("authentication.k8s.io", "v1", "tokenreviews", "TokenReview")
_ACCESS_REVIEWS = Resource("authorization.k8s.io", "v1", "subjectaccessreviews", "SubjectAccessReview")


@dataclass(frozen=True, slots=True)
class Caller:
    """The owner of a token, as the API server knows it."""

    user: str
    """The name, such as system:serviceaccount:shop:agent."""
    uid: str
    """The id; "" when the API server tells none."""
    groups: tuple[str, ...]
    """The groups that RBAC may name."""
    extra: tuple[tuple[str, tuple[str, ...]], ...]
    """What else its authenticator tells, sorted by name."""
    expires: float | None
    """The end of the token, in POSIX seconds; None when the token does not tell it."""


class Access(NamedTuple):
    """A verb on a subresource of one object: what RBAC is asked about."""

    verb: str
    group: str
    resource: str
    subresource: str
    namespace: str
    name: str


async def review_token(kube: Kube, token: str, audience: str) -> Caller | None:
    """Whose token it is; None when it is not valid for the audience.

    Raises:
        KubeError: the API server can't be asked.
    """
    body: Json = {
        "apiVersion": _TOKEN_REVIEWS.api_version,
        "kind": _TOKEN_REVIEWS.kind,
        "spec": {"token": token, "audiences": [audience]},
    }
    status = (await kube.create(_TOKEN_REVIEWS, None, body)).get("status", {})
    if not status.get("authenticated") or audience not in status.get("audiences", ()):
        return None
    user = status.get("user", {})
    extra = tuple(sorted((name, tuple(values)) for name, values in (user.get("extra") or {}).items()))
    groups = tuple(user.get("groups", ()))
    return Caller(user.get("username", ""), user.get("uid", ""), groups, extra, token_expiry(token))


async def may(kube: Kube, caller: Caller, access: Access) -> bool:
    """Whether RBAC lets the caller do that.

    Raises:
        KubeError: the API server can't be asked.
    """
    body: Json = {
        "apiVersion": _ACCESS_REVIEWS.api_version,
        "kind": _ACCESS_REVIEWS.kind,
        "spec": {
            "user": caller.user,
            "uid": caller.uid,
            "groups": list(caller.groups),
            "extra": {name: list(values) for name, values in caller.extra},
            "resourceAttributes": access._asdict(),
        },
    }
    return bool((await kube.create(_ACCESS_REVIEWS, None, body)).get("status", {}).get("allowed"))


def token_expiry(token: str) -> float | None:
    """The end that a JWT names. Believed only after the API server has checked the token."""
    try:
        return float(token_claims(token)["exp"])
    except (KeyError, ValueError, TypeError):
        return None


def token_claims(token: str) -> Mapping[str, Any]:
    """What a JWT says of itself, and nobody has checked; nothing of a token that is none."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError, RecursionError, binascii.Error):
        return {}
    return claims if isinstance(claims, dict) else {}
