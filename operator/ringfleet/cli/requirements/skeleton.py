"""A ComplianceBundle to be filled in, as YAML with comments that say what to write.

It is accepted as it is, and suspended, so that no carrier ever gets a `CHANGE-ME`. What carriers say is quoted, or
stands in a comment of one line: none of it can become a field.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from ringfleet.cli._shared.printing import one_line
from ringfleet.model import AccountKey
from ringfleet.model.compliance import Regulation
from ringfleet.plan.compliance_bundle.requirements import Skeleton, Slot, describe, outline

if TYPE_CHECKING:
    from ringfleet.dryrun.requirements import Question

CHANGE_ME = "CHANGE-ME"
_PLAIN = re.compile(r"[a-z][a-z_-]*[a-z]")
_WORDS = frozenset({"no", "on", "off", "yes", "true", "false", "null"})


def as_yaml(question: Question, namespace: str, regulations: Iterable[tuple[AccountKey, Regulation]]) -> str:
    """The bundle that covers what these carriers require."""
    asked = tuple(regulations)
    name = f"{question.country}-{question.type}-{question.end_user}".lower()
    return "\n".join(_lines(name, question, namespace, tuple(account for account, _ in asked), outline(asked)))


def _lines(
    name: str, question: Question, namespace: str, carriers: tuple[AccountKey, ...], skeleton: Skeleton
) -> Iterator[str]:
    yield f"# Replace every {CHANGE_ME}, put the files into the Secret {name}-papers, then take out suspend."
    yield "apiVersion: ringfleet.dev/v1alpha1"
    yield "kind: ComplianceBundle"
    yield f"metadata: {{name: {name}, namespace: {_scalar(namespace)}}}"
    yield "spec:"
    yield "  suspend: true  # nothing is sent to a carrier"
    yield f"  country: {_scalar(question.country)}"
    yield f"  numberTypes: [{question.type}]"
    yield f"  contact: {CHANGE_ME}@example.com  # carriers write to it about the review"
    yield "  carriers:"
    yield from (f"  - {_reference(account, namespace)}" for account in carriers)
    yield "  endUser:"
    yield f"    type: {question.end_user}"
    yield from _attributes(skeleton.end_user, "    ", "attributes")
    yield from _attributes(skeleton.address, "  ", "address")
    yield from _documents(name, skeleton.slots)


def _reference(account: AccountKey, namespace: str) -> str:
    home = "" if account.namespace == namespace else f", namespace: {_scalar(account.namespace)}"
    return f"{{name: {_scalar(account.name)}{home}}}"


def _attributes(names: tuple[str, ...], indent: str, field: str) -> Iterator[str]:
    if names:
        yield f"{indent}{field}:"
    yield from (f"{indent}- {{name: {_scalar(name)}, value: {CHANGE_ME}}}" for name in names)


def _documents(bundle: str, slots: tuple[Slot, ...]) -> Iterator[str]:
    if slots:
        yield "  documents:"
    for slot in slots:
        yield from (f"  # {account}: {_wanted(slot, at)}" for at, (account, _) in enumerate(slot.asked))
        yield f"  - name: {_scalar(slot.name)}"
        yield f"    type: {_scalar(slot.type)}{_alternatives(slot)}"
        yield from _attributes(slot.attributes, "    ", "attributes")
        if slot.media_types:
            yield f"    file: {{secretKeyRef: {{name: {bundle}-papers, key: {_scalar(slot.name)}}}}}"


def _wanted(slot: Slot, at: int) -> str:
    _, requirement = slot.asked[at]
    return one_line(f"{requirement.description}: {describe(requirement)}")


def _alternatives(slot: Slot) -> str:
    others = slot.accepts[1:]
    return f"  # or {one_line(', '.join(others))}" if others else ""


def _scalar(text: str) -> str:
    return text if _PLAIN.fullmatch(text) and text not in _WORDS else json.dumps(text)
