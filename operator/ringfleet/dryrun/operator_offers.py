"""What carriers offer, asked of the operator: the person needs no right to a Secret.

::

    1  own credentials --> API server   a token of ServiceAccount ringfleet-offers in the person's namespace, for the
                                        audience of offers alone, good for ten minutes
    2  that token --> operator          through the API server's service proxy, or by an address (a port-forward)

The person's own token stays with the API server: what goes to the operator is good for offers and nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from ringfleet.dryrun.account_access import Told
from ringfleet.kube.client import Kube
from ringfleet.kube.errors import KubeError
from ringfleet.model import AccountKey
from ringfleet.objects.offers import OFFERS_AUDIENCE, OFFERS_PATH, TOKEN_HEADER, Found, Wish, read_found, wish_json

SERVICE = "ringfleet-offers:offers"
SERVICE_ACCOUNT = "ringfleet-offers"
TOKEN_SECONDS = 600
ANSWER_SECONDS = 40.0


class OffersUnreachable(Exception):
    """The operator can't be asked this way; the message says why. The person's own rights may do."""


class OffersRefused(Exception):
    """The operator has understood and refused; the message is its own."""


@dataclass(frozen=True, slots=True)
class Reach:
    """How the operator is reached."""

    system_namespace: str
    """Its namespace, for the API server's service proxy."""
    url: str | None = None
    """Its address instead, such as http://127.0.0.1:8086 of a port-forward."""


async def search_by_operator(
    kube: Kube, namespace: str, names: Iterable[AccountKey], wish: Wish, count: int, reach: Reach
) -> tuple[Told[Found], ...]:
    """At most `count` offers of each of the named accounts, or of all in the namespace.

    Raises:
        OffersUnreachable: it can't be asked this way.
        OffersRefused: it refuses.
    """
    body = {**wish_json(wish), "namespace": namespace, "accounts": [str(name) for name in names], "count": count}
    try:
        token = await kube.issue_token(namespace, SERVICE_ACCOUNT, OFFERS_AUDIENCE, TOKEN_SECONDS)
        if reach.url:
            told = await _post(reach.url.rstrip("/") + OFFERS_PATH, body, token)
        else:
            headers = ((TOKEN_HEADER, token),)
            told = await kube.post_to_service(reach.system_namespace, SERVICE, OFFERS_PATH, body, headers)
    except KubeError as error:
        raise OffersUnreachable(str(error)) from error
    try:
        return tuple(_told(answer, wish) for answer in told["carriers"])
    except (ValueError, LookupError, TypeError) as error:
        raise OffersUnreachable("the operator's answer can't be read: it is of another version") from error


def _told(answer: Mapping[str, Any], wish: Wish) -> Told[Found]:
    home, _, name = answer["account"].partition("/")
    key, trouble = AccountKey(home, name), answer["trouble"]
    return Told(key, trouble=trouble) if trouble else Told(key, read_found(answer, wish))


async def _post(url: str, body: Mapping[str, Any], token: str) -> Mapping[str, Any]:
    limits = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
    try:
        async with (
            aiohttp.ClientSession(timeout=limits) as session,
            session.post(url, json=body, headers={TOKEN_HEADER: token}) as reply,
        ):
            told, refused = json.loads(await reply.read()), reply.status
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        raise OffersUnreachable(
            f"{url} does not answer as an operator does: {error or type(error).__name__}"
        ) from error
    if refused != 200:  # noqa: PLR2004 - HTTP
        raise OffersRefused(str(told.get("detail", refused)) if isinstance(told, dict) else str(refused))
    return dict(told)
