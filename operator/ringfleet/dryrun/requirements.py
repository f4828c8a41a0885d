"""What carriers require of a market: a person's question, asked with that person's rights. Nothing is changed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from ringfleet.carriers.carrier import Carrier
from ringfleet.dryrun.account_access import Told, ask_each
from ringfleet.kube.client import Kube
from ringfleet.model import AccountKey, NumberType
from ringfleet.model.compliance import EndUserType, Regulation


@dataclass(frozen=True, slots=True)
class Question:
    """Whose numbers, of which market."""

    country: str
    type: NumberType
    end_user: EndUserType


Answer = Told[Regulation]
"""A carrier's regulation; None, without a trouble, when it sells no such numbers."""


async def ask_carriers(
    kube: Kube, namespace: str, names: tuple[AccountKey, ...], question: Question
) -> tuple[Answer, ...]:
    """The answers of the named accounts, or of all in the namespace: as `ask_each`."""
    return await ask_each(kube, namespace, names, partial(_regulation, question))


async def _regulation(question: Question, carrier: Carrier) -> Regulation | None:
    """A carrier that takes no documents by its API asks for none."""
    country, type_, end_user = question.country, question.type, question.end_user
    if carrier.registrar is None:
        return Regulation("", country, type_, end_user)
    return await carrier.registrar.regulation(country, type_, end_user)
