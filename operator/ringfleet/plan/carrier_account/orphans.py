"""Whether a number of ours that has no object may get one, and in which words it is said that it may not.

A number is adopted into the pool that its mark names. A mark is only a word at the carrier: whoever may write there
could send numbers anywhere. So the pool has to order from this very account, and the account to let the
pool's namespace in, as when the number was bought.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from ringfleet.model import AccountKey
from ringfleet.model.refs import ObjectRef

TOLD = 3
"""How many sentences a condition has at most."""


@dataclass(frozen=True, slots=True)
class Home:
    """The pool that a number belongs into, and what is there already."""

    pool: ObjectRef
    """The pool that the number's mark names."""
    exists: bool = True
    """Whether there is such a pool."""
    ending: bool = False
    """Whether the pool's namespace is being deleted, in which nothing can be created."""
    listed: bool = True
    """Whether the pool orders from the account that shows the number."""
    let_in: bool = True
    """Whether the account lets the pool's namespace in."""
    taken: AccountKey | None = None
    """The other account that the PhoneNumber in the number's place names; None: there is none, or it is this one."""
    released: bool = False
    """Whether the PhoneNumber in the number's place says that the number was given back."""


def obstacle(home: Home, account: AccountKey, name: str) -> str:
    """Why the number can't be adopted, and what to do; empty when it can. `name`: that of its PhoneNumber."""
    there = f"PhoneNumber {home.pool.namespace}/{name}"
    if home.ending:
        return f"NumberPool {home.pool} goes with its namespace, which is being deleted: create both again afterwards."
    if not home.exists:
        return f"NumberPool {home.pool} is gone: create it again."
    if not home.let_in:
        namespace = home.pool.namespace
        return f"CarrierAccount {account} does not let in namespace {namespace}: add it to its spec.allowedNamespaces."
    if not home.listed:
        return f"NumberPool {home.pool} does not order from CarrierAccount {account}: list it in its spec.carriers."
    if home.taken is not None:
        return f"{there} names CarrierAccount {home.taken}: delete that object if it is wrong."
    if home.released:
        return f"{there} says that the number was given back: delete that object."
    return ""


def tell(sentences: Collection[str]) -> str:
    """The first of them, in a stable order; that there are more, when there are."""
    ordered = sorted(set(sentences))
    return " ".join((*ordered[:TOLD], *(("There is more of this kind.",) if len(ordered) > TOLD else ())))
