"""The intents in memory: carrier accounts, profiles, bundles, pools, orders, quotas and sets, as they were last seen.

They come in by Kopf's watch, by a full list now and then (a watch may miss a deletion), and by the replies to our own
writes. What of these is newest, and what was deleted, is judged by `kube.store`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from ringfleet.api import (
    CarrierAccount,
    ComplianceBundle,
    NumberOrder,
    NumberPool,
    NumberQuota,
    RotationSet,
    RoutingProfile,
)
from ringfleet.api.meta import Resource as ApiObject
from ringfleet.kube.client import Kube
from ringfleet.kube.store import Key as Place
from ringfleet.kube.store import Store
from ringfleet.model import AccountKey
from ringfleet.objects.refs import account_key, resource_of

R = TypeVar("R", bound=ApiObject)

INTENTS: tuple[type[ApiObject], ...] = (
    CarrierAccount,
    RoutingProfile,
    ComplianceBundle,
    NumberPool,
    NumberOrder,
    NumberQuota,
    RotationSet,
)


def _pool_of(order: NumberOrder) -> Iterator[tuple[str, str]]:
    yield (order.metadata.namespace, order.spec.pool_ref.name)


def _account_of(order: NumberOrder) -> Iterator[AccountKey]:
    yield account_key(order.spec.account_ref, order.metadata.namespace)


class Intents:
    """All intents of the namespaces that are served; `namespaces` empty for the whole cluster."""

    def __init__(self, namespaces: tuple[str, ...] = ()) -> None:
        self.scopes: tuple[str | None, ...] = namespaces or (None,)
        self._stores: dict[str, Store[Any]] = {
            model.__name__: Store(model.parse, _INDEXES.get(model.__name__), self.scopes) for model in INTENTS
        }

    def store(self, kind: str) -> Store[Any]:
        return self._stores[kind]

    def get(self, model: type[R], namespace: str, name: str) -> R | None:
        found: R | None = self._stores[model.__name__].get(Place(namespace, name))
        return found

    def all(self, model: type[R]) -> list[R]:
        return self._stores[model.__name__].values()

    def orders_for(self, namespace: str, pool: str) -> list[NumberOrder]:
        return self._stores["NumberOrder"].by("pool", (namespace, pool))

    def orders_at(self, account: AccountKey) -> list[NumberOrder]:
        return self._stores["NumberOrder"].by("account", account)

    def take_in(self, kind: str, obj: Mapping[str, Any], deleted: bool = False) -> None:
        """Learn of an object from a watch or from the reply to a write."""
        store = self._stores[kind]
        if deleted:
            store.learn_deleted(dict(obj))
        else:
            store.learn(dict(obj))

    async def relist(self, kube: Kube) -> None:
        """List all intents anew, and forget those that are gone although no watch said so."""
        for model in INTENTS:
            for scope in self.scopes:
                page = await kube.list_all(resource_of(model), scope)
                store = self._stores[model.__name__]
                store.learn_list_ended(scope, store.learn_page(page.items), int(page.resource_version))


_INDEXES: dict[str, dict[str, Any]] = {"NumberOrder": {"pool": _pool_of, "account": _account_of}}
