"""Whose number it is when a claim has come back: from a backup, or made anew under the same name.

::

    the number says                        and there is                                   then
    -------------------------------------  ---------------------------------------------  ----------------------------
    claimRef, the uid of no claim          a claim of that place and tenant that fits     it takes the number up again
                                           none                                           unbound: it rests
    no claimRef, lastClaimRef              that claim, and its status names this number   it has it back, rest or none
                                           that claim, made anew                          the claim queue hands it out

Of a claim that an operator has seen go, the number is unbound before another one of its name asks for anything. So a
claimRef that outlives its claim is no deletion: the objects were restored with new uids. The binding was never undone,
and namespace, name and tenant say whose it is. Only a claim that was deleted and made anew while no operator looked is
taken for a restored one, and keeps its number without a rest: unless it is another tenant's, or must have another
number.

A number that was unbound is another matter: it is its people's before all others (`plan/former_holder.py`), but by the
claim queue, with all that may keep a claim from a number. Only a claim whose status names the number was bound to it,
and came back so from a backup.
"""

from __future__ import annotations

from dataclasses import dataclass

from ringfleet.model.asking import NOTHING, Ask, Traits
from ringfleet.model.refs import ObjectRef


@dataclass(frozen=True, slots=True)
class ClaimBack:
    """A claim that may have had a number before.

    `bound`: the number that its status names. `holds`: whether a number names it by its uid.
    """

    place: ObjectRef
    pool: ObjectRef
    named: str | None = None
    bound: ObjectRef | None = None
    ask: Ask = NOTHING
    holds: bool = False
    deleting: bool = False
    tenant: str | None = None


@dataclass(frozen=True, slots=True)
class NumberBack:
    """A number that names a claim that is not there, or none. `last`: the claim that let it go.

    `pool`: None when it is in none. `traits`: None before the carrier has said what it can do. `tenant`: that of the
    claim that it names; None: it had none, or an older version has bound it. `usable`: it is available or rests, and
    nothing else is against giving it to a claim.
    """

    place: ObjectRef
    pool: ObjectRef | None
    traits: Traits | None = None
    tenant: str | None = None
    last: ObjectRef | None = None
    usable: bool = True


def takes_up(claim: ClaimBack, number: NumberBack) -> bool:
    """Whether the claim takes up the number, which names a claim of its namespace and name with another uid."""
    return not claim.deleting and not claim.holds and _fits(claim, number)


def has_back(claim: ClaimBack, number: NumberBack) -> bool:
    """Whether the claim has the number back, which names no claim."""
    return claim.bound == number.place and number.usable and number.last == claim.place and takes_up(claim, number)


def _fits(claim: ClaimBack, number: NumberBack) -> bool:
    named = claim.named in (None, number.place.name)
    told = claim.bound in (None, number.place)
    able = number.traits is None or claim.ask.is_met_by(number.traits)
    same = number.tenant in (None, claim.tenant) or claim.bound == number.place
    return claim.pool == number.pool and named and told and able and same
