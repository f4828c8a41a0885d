"""`ringfleet tree pn/NAME`: a number, what holds it, and how it came to be where it is.

`-o json` prints::

    number    {namespace, name, says}
    pool      {namespace, name, says} or null
    account   {namespace, name, says}
    claim     {namespace, name, says} or null
    history   [{at, phase, reason, by}]         the oldest first; by is null when nobody is known
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ringfleet.cli._shared.objects import read
from ringfleet.cli.tree.nodes import Relative, find, line, one_json, ready_says, relative

if TYPE_CHECKING:
    from ringfleet.api.phone_number import NumberStep
    from ringfleet.kube.client import Kube


@dataclass(frozen=True, slots=True)
class NumberFamily:
    """A number and all that it names."""

    number: Relative
    pool: Relative | None
    account: Relative
    claim: Relative | None
    history: tuple[NumberStep, ...]


async def see_number(kube: Kube, namespace: str, name: str) -> NumberFamily:
    """Read the number and what it names.

    Raises:
        click.ClickException: there is no such number.
    """
    from ringfleet.api import CarrierAccount, NumberClaim, NumberPool, PhoneNumber
    from ringfleet.objects.refs import account_key

    obj = await read(kube, PhoneNumber, namespace, name)
    spec, account = obj.spec, account_key(obj.spec.account_ref, namespace)
    return NumberFamily(
        number=relative(obj, f"{obj.status.phase or 'New'}, {ready_says(obj)}"),
        pool=await find(kube, NumberPool, namespace, spec.pool_ref.name) if spec.pool_ref else None,
        account=await find(kube, CarrierAccount, account.namespace, account.name),
        claim=await find(kube, NumberClaim, spec.claim_ref.namespace, spec.claim_ref.name) if spec.claim_ref else None,
        history=obj.status.history,
    )


def number_branches(family: NumberFamily) -> Iterator[str]:
    yield from (line(one) for one in (family.pool, family.account, family.claim) if one)
    yield from map(_step, family.history)


def _step(step: NumberStep) -> str:
    by = f" by {step.by}" if step.by else ""
    return f"{step.at:%Y-%m-%dT%H:%M:%SZ}  {step.phase or '(not known here)'}: {step.reason}{by}"


def number_json(family: NumberFamily) -> dict[str, Any]:
    return {
        "number": one_json(family.number),
        "pool": one_json(family.pool) if family.pool else None,
        "account": one_json(family.account),
        "claim": one_json(family.claim) if family.claim else None,
        "history": [{"by": None, **step.as_dict()} for step in family.history],
    }
