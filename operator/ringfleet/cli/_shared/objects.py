"""What commands read of the cluster: objects of our kinds, parsed, and the words for their condition."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import click

from ringfleet.kube.errors import NotFound

if TYPE_CHECKING:
    from ringfleet.api.meta import Condition, Resource
    from ringfleet.kube.client import Kube

R = TypeVar("R", bound="Resource")


async def read(kube: Kube, kind: type[R], namespace: str, name: str) -> R:
    """One object.

    Raises:
        click.ClickException: it is not there.
    """
    from ringfleet.objects.refs import resource_of

    try:
        return kind.parse(await kube.get(resource_of(kind), namespace, name))
    except NotFound as error:
        short = kind.short_names[0]
        raise click.ClickException(
            f"{kind.__name__} {namespace}/{name} does not exist: see kubectl get {short} --namespace {namespace}"
        ) from error


async def read_all(
    kube: Kube,
    kind: type[R],
    namespace: str | None,
    *,
    label_selector: str | None = None,
    field_selector: str | None = None,
) -> list[R]:
    """All objects of a namespace, or of the cluster, in the order of their names."""
    from ringfleet.objects.refs import resource_of

    page = await kube.list_all(
        resource_of(kind), namespace, label_selector=label_selector, field_selector=field_selector
    )
    return [kind.parse(obj) for obj in page.items]


def readiness(obj: Resource) -> Condition | None:
    """The object's Ready condition; None before the operator has seen it."""
    return next((condition for condition in obj.status.conditions if condition.type == "Ready"), None)
