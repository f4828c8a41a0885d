"""What carriers offer of a market now: a person's question, asked with that person's rights."""

from __future__ import annotations

from functools import partial

from ringfleet.controllers.offers import offers_of
from ringfleet.dryrun.account_access import Told, ask_each
from ringfleet.kube.client import Kube
from ringfleet.model import AccountKey
from ringfleet.objects.offers import Found, Wish

Answer = Told[Found]


async def search_carriers(
    kube: Kube, namespace: str, names: tuple[AccountKey, ...], wish: Wish, count: int
) -> tuple[Answer, ...]:
    """At most `count` offers of each of the named accounts, or of all in the namespace: as `ask_each`."""
    return await ask_each(kube, namespace, names, partial(offers_of, wish, count))
