"""Who held a number before, and whose it still is while it rests: its people have it back at once, and before others.

::

    a claim let it go        the claim of that namespace, name and tenant, made again
                             any claim of that tenant in that namespace, when a tenant is named
    a rotation set's claim   any claim of the set of that name and brand
                             once there is no such set: any set of its brand in that namespace (it was renamed)

A number rests so that calls for its last holder die away; those who call back reach the same people then. A set is
known by its brand (spec.messaging.brand, which its claims have as their tenant), for it is the brand that has opt-outs
of its own; a set without one is of its namespace as a whole, as its opt-outs are. While the set is there the number is
held for it, since a set that shrinks may grow again. Sets and other claims are never one another's people: who calls
back a caller ID does not look for a support line.

Nobody is remembered of a number that rests for another reason than that a claim let it go: one that was seldom answered
leaves its set without a word on whose it was (`controllers/number_claim.py`).
"""

from __future__ import annotations

from typing import NamedTuple

from ringfleet.model.refs import ObjectRef

People = tuple[str, ...]
"""Those who count as one holder, as words."""


class FormerHolder(NamedTuple):
    """A claim that holds a number, or that let it go. `rotation`: the name of the set that owns the claim."""

    namespace: str
    name: str
    tenant: str | None = None
    rotation: str | None = None

    @property
    def place(self) -> ObjectRef:
        """Where the claim is, or was."""
        return ObjectRef(self.namespace, self.name)


def people_of(holder: FormerHolder, set_is_there: bool = False) -> tuple[People, ...]:
    """Whom the claim is of, the nearest first. `set_is_there`: a number of its set is held for that set alone."""
    namespace, name, tenant, rotation = holder
    whose = tenant or ""
    if rotation is not None:
        of_set, of_brand = ("set", namespace, rotation, whose), ("brand", namespace, whose)
        return (of_set,) if set_is_there else (of_set, of_brand)
    named = ("claim", namespace, name, whose)
    return (named, ("tenant", namespace, tenant)) if tenant else (named,)
