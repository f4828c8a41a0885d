"""A freeze between its object and `plan/freeze.py`, both ways. Pure.

The annotation reads `who: why`. The ConfigMap has the two under keys of their own, so that in an emergency plain
kubectl makes it too::

    kubectl create configmap ringfleet-freeze -n ringfleet-system --from-literal=who=ada --from-literal=why=bills
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ringfleet.api import CarrierAccount, NumberPool
from ringfleet.api.meta import FROZEN
from ringfleet.plan.freeze import Freeze

FREEZE_NAME = "ringfleet-freeze"
"""Name of the ConfigMap whose being there freezes everything."""
LONGEST_WORD = 200
"""Characters of a name or a reason that are said on in conditions."""


def freeze_of_all(config_map: Mapping[str, Any]) -> Freeze:
    """What the ConfigMap says; that it is there is enough."""
    data = config_map.get("data") or {}
    return Freeze(
        "Everything", "kubectl ringfleet thaw --all", _words(str(data.get("who", ""))), _words(str(data.get("why", "")))
    )


def freeze_of(obj: CarrierAccount | NumberPool) -> Freeze | None:
    """What the annotation on an account or a pool says; None without one. An empty one holds as well."""
    said = obj.metadata.annotations.get(FROZEN)
    if said is None:
        return None
    option = "pool" if isinstance(obj, NumberPool) else "account"
    who, _, why = said.partition(": ")
    thaw = f"kubectl ringfleet thaw --{option} {obj.metadata.name} -n {obj.metadata.namespace}"
    return Freeze(f"{obj.__class__.__name__} {obj.key}", thaw, _words(who), _words(why))


def annotation_of(who: str, why: str) -> str:
    """The annotation's value. `who` has no `: ` in it afterwards, so that the value is read back as it was meant."""
    return f"{_words(who).replace(': ', ' ')}: {_words(why)}"


def config_map_of(who: str, why: str, namespace: str) -> dict[str, Any]:
    """The ConfigMap that freezes everything."""
    return {
        "metadata": {"name": FREEZE_NAME, "namespace": namespace},
        "data": {"who": _words(who), "why": _words(why)},
    }


def _words(text: str) -> str:
    """One line of at most so many characters."""
    return " ".join(text.split())[:LONGEST_WORD]
