"""What stands on a branch of a tree: one object in a line, or many of them with a few by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ringfleet.cli._shared.objects import readiness
from ringfleet.kube.errors import Forbidden, NotFound

if TYPE_CHECKING:
    from ringfleet.api import Resource
    from ringfleet.kube.client import Kube

NAMED = 3
"""How many numbers or claims of a phase are named; of the others, there is a count."""


@dataclass(frozen=True, slots=True)
class Relative:
    """One object of a family, and what it says of itself in a line."""

    kind: str
    namespace: str
    name: str
    says: str


async def find(kube: Kube, kind: type[Resource], namespace: str, name: str) -> Relative:
    """An object that another one names, which may be missing, or not for our eyes."""
    from ringfleet.objects.refs import resource_of

    try:
        obj = kind.parse(await kube.get(resource_of(kind), namespace, name))
    except NotFound:
        return Relative(kind.__name__, namespace, name, "does not exist")
    except Forbidden:
        return Relative(kind.__name__, namespace, name, "can't be read with your rights")
    return relative(obj, ready_says(obj))


def relative(obj: Resource, says: str) -> Relative:
    return Relative(obj.__class__.__name__, obj.metadata.namespace, obj.metadata.name, says)


def ready_says(obj: Resource) -> str:
    ready = readiness(obj)
    return f"{'ready' if ready.status == 'True' else 'not ready'}: {ready.reason}" if ready else "not seen yet"


def draw(lines: Iterable[str]) -> Iterator[str]:
    """The lines as the branches of a tree."""
    lines = tuple(lines)
    yield from (f"├─ {line}" for line in lines[:-1])
    yield from (f"└─ {line}" for line in lines[-1:])


def line(one: Relative) -> str:
    return f"{one.kind}/{one.name}  {one.says}"


def crowd(what: str, phase: str, names: tuple[str, ...]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{what} {phase} ({len(names)}): {', '.join(names[:NAMED])}{more}"


def one_json(one: Relative) -> dict[str, str]:
    return {"namespace": one.namespace, "name": one.name, "says": one.says}
