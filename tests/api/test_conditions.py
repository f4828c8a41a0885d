"""The conditions and reasons that `kubectl explain` tells are those that the code writes, all of them and no others.

Read from the source: where a condition is made with a reason that stands there, or that is handed on by what GIVEN_TO
names, type and reason are compared one by one. The others, most of them of Ready, have a reason that is born in the
modules of the kind, or in those that PASSED_ON names; which of them is written with which type, the API server's double
looks at each status that a controller writes (tests/controllers/api_double.py).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest

import ringfleet
from ringfleet.api import KINDS
from ringfleet.api.conditions import CONDITIONS, REASONS, REASONS_OF, conditions_of, reasons_of
from ringfleet.api.conditions import NEEDS_A_PERSON as TOLD_OF_A_PERSON
from ringfleet.api.meta import Resource
from ringfleet.plan.conditions import NEEDS_A_PERSON, Reason
from tests.api.schemas import schema_of

SOURCE = Path(ringfleet.__file__).parent
ROOMS = ("plan", "objects", "controllers")

MODULES = {
    "CarrierAccount": (
        *("plan/carrier_account/*", "objects/carrier_account", "controllers/carrier_account"),
        *("controllers/account_sweep", "controllers/account_opening", "controllers/account_listing"),
        *("controllers/account_report", "plan/answer_rate", "controllers/answer_rate"),
    ),
    "ComplianceBundle": (
        *("plan/compliance_bundle/plan", "plan/compliance_bundle/report", "objects/compliance_bundle"),
        *("controllers/compliance_bundle", "controllers/bundle_documents"),
    ),
    "NumberPool": (
        *("plan/number_pool/*", "plan/compliance_bundle/selection", "plan/compliance_bundle/readiness"),
        *("objects/number_pool", "plan/answer_rate", "controllers/answer_rate"),
        *("controllers/number_pool", "controllers/pool_release", "controllers/bundle_readiness"),
    ),
    "NumberOrder": (
        *("plan/number_order/*", "plan/offer_choice", "objects/number_order", "controllers/number_order"),
        *("controllers/order_allowance", "controllers/order_search"),
    ),
    "PhoneNumber": (
        *("plan/phone_number/*", "objects/phone_number", "objects/phone_number_status", "controllers/phone_number"),
        *("controllers/number_release", "controllers/number_create", "controllers/desired_number"),
    ),
    "NumberClaim": (
        *("plan/number_claim", "objects/number_claim", "controllers/number_claim", "controllers/claim_queue"),
        *("controllers/connection_secret", "controllers/claimed_number", "plan/compliance_bundle/tenancy"),
    ),
    "NumberQuota": ("plan/number_quota", "objects/number_quota", "controllers/number_quota"),
    "RoutingProfile": (
        *("plan/routing_profile", "objects/routing_profile", "controllers/routing_profile"),
        "controllers/profile_telling",
    ),
    "ProxyService": ("plan/proxy_service/*", "objects/proxy_service", "controllers/proxy_service"),
    "RotationSet": (
        *("plan/rotation_set/*", "objects/rotation_set", "controllers/rotation_set"),
        *("controllers/dispatcher_client", "plan/answer_rate", "controllers/answer_rate"),
    ),
}
"""The modules in which the conditions of a kind are made."""
ANY_KIND = ("controllers/lasting_errors",)
ACCOUNTS = (*MODULES["CarrierAccount"], "controllers/carrier_clients")
"""The modules in which it is said why an account can't be used."""
PASSED_ON = {
    "NumberPool": (*ACCOUNTS, *MODULES["NumberOrder"]),
    "NumberOrder": (
        *(*ACCOUNTS, "plan/number_pool/allowance", "plan/number_pool/plan", "controllers/bundle_readiness"),
        "plan/compliance_bundle/selection",
    ),
    "PhoneNumber": (*ACCOUNTS, "plan/compliance_bundle/selection"),
    "RoutingProfile": ACCOUNTS,
    "ComplianceBundle": ACCOUNTS,
    "NumberClaim": (
        *(*MODULES["PhoneNumber"], *ACCOUNTS),
        "plan/compliance_bundle/selection",
    ),
    "ProxyService": (*MODULES["NumberClaim"], "plan/compliance_bundle/selection"),
    "RotationSet": (*MODULES["NumberClaim"], "plan/compliance_bundle/selection"),
}
"""The modules, beside its own, from which the conditions of a kind may have their reasons."""
MADE_FOR = {
    ("controllers/in_use", "ACCOUNT_STAYS"): "CarrierAccount",
    ("controllers/in_use", "PROFILE_STAYS"): "RoutingProfile",
}
"""Conditions that are made in one module for several kinds, by the name that they have there."""
GIVEN_TO = {
    ("NumberPool", "StockShort"): "_SHORT",
    ("NumberPool", "LimitReached"): "_LIMITS",
    ("NumberPool", "ComplianceReady"): "AwaitBundle",
    ("PhoneNumber", "Reconciling"): "through_carrier",
    ("PhoneNumber", "ReleaseBlocked"): "Obstacle",
    ("PhoneNumber", "EmergencyAddressReady"): "_is",
    ("ProxyService", "Reconciling"): "_both",
    ("ProxyService", "UsageUnknown"): "sessions_unknown",
    ("RotationSet", "Reconciling"): "_both",
    ("RotationSet", "CapacityShort"): "_short",
    ("RotationSet", "UsageUnknown"): "usage_unknown",
}
"""What stands between the source and a condition: a set, a function or a class that is given each of its reasons."""
FALSE_TOO = {
    *(("PhoneNumber", "Suspended"), ("NumberPool", "Suspended"), ("NumberClaim", "Suspended")),
    *(("RoutingProfile", "Suspended"), ("ComplianceBundle", "Suspended")),
}
"""The reasons with which Ready is True for some objects of a kind, and False for others."""
AT_WORK = {("NumberPool", "NumberTaken")}
"""The reasons that only a person ends on other kinds, and with which this one always says that it goes on."""
EVENTS = {"LeftAtCarrier"}
"""Reasons that are told in an event only, when the object is gone."""
SPEAKS = re.compile(r"\bReason\b|\bCondition\(")
"""A module without either says nothing of conditions."""
OF_TYPE = {"ready": "Ready", "not_ready": "Ready", "reconciling": "Reconciling", "stalled": "Stalled"}


@dataclass
class Written:
    """What the source of some modules says of conditions."""

    pairs: set[tuple[str, str]] = field(default_factory=set)
    """Type and reason of each condition that is made with a reason that stands there."""
    open: set[str] = field(default_factory=set)
    """The types of those whose reason comes from elsewhere."""
    born: set[str] = field(default_factory=set)
    """The reasons that are given to anything, not only looked for."""

    def add(self, other: Written) -> None:
        self.pairs |= other.pairs
        self.open |= other.open
        self.born |= other.born


def written(modules: tuple[str, ...]) -> Written:
    found = Written()
    for name in modules:
        for path in SOURCE.glob(f"{name}.py"):
            found.add(_read(path))
    return found


@cache
def _read(path: Path) -> Written:
    found = Written()
    text = path.read_text()
    for node in _making(ast.parse(text)) if SPEAKS.search(text) else ():
        match node:
            case ast.Call(func=ast.Name("Condition"), args=[ast.Constant(str(type_)), _, reason, *_]):
                _note(found, type_, reason)
            case ast.Call(func=ast.Name("Condition"), args=[ast.Constant(str(type_)), _, ast.Starred()]):
                found.open.add(type_)
            case ast.Call(func=ast.Name("Condition")):
                raise AssertionError(f"{path}:{node.lineno}: write the condition's type as it is")
            case ast.Call(func=ast.Name(maker), args=[reason, *_]) if maker in OF_TYPE:
                _note(found, OF_TYPE[maker], reason)
            case ast.Call(func=ast.Attribute(ast.Name("Reason"), "read")):
                found.born.add(str(Reason.UNRECOGNIZED))
        if reason := _reason(node):
            found.born.add(reason)
    return found


def _making(tree: ast.AST) -> Iterator[ast.AST]:
    """All of the tree but what only looks for a reason, or tells it in an event."""
    left = [tree]
    while left:
        node = left.pop()
        match node:
            case ast.Compare() | ast.MatchValue() | ast.Call(func=ast.Name("frozenset")):
                continue
            case ast.Call(func=ast.Attribute(_, "announce")):
                continue
        yield node
        left.extend(ast.iter_child_nodes(node))


def _note(found: Written, type_: str, node: ast.AST) -> None:
    if reason := _reason(node):
        found.pairs.add((type_, reason))
    else:
        found.open.add(type_)


def _reason(node: ast.AST) -> str | None:
    match node:
        case ast.Attribute(ast.Name("Reason"), name) if name in Reason.__members__:
            return str(Reason[name])
        case _:
            return None


def _made_elsewhere(kind: str) -> set[tuple[str, str]]:
    """Type and reason of the conditions in MADE_FOR."""
    found = set()
    for (module, name), owner in MADE_FOR.items():
        for statement in ast.parse((SOURCE / f"{module}.py").read_text()).body:
            match statement:
                case ast.Assign([ast.Name(target)], ast.Call(args=[ast.Constant(str(type_)), _, reason, _])):
                    if (target, owner) == (name, kind):
                        found.add((type_, _reason(reason) or ""))
    return found


def _given_to(modules: tuple[str, ...], name: str) -> set[str]:
    """The reasons that stand in a set, a function, or a call of that name."""
    trees = [ast.parse(path.read_text()) for module in modules for path in SOURCE.glob(f"{module}.py")]
    places = [node for tree in trees for node in ast.walk(tree) if _is_named(node, name)]
    return {reason for place in places for node in ast.walk(place) if (reason := _reason(node))}


def _is_named(node: ast.AST, name: str) -> bool:
    match node:
        case ast.Assign([ast.Name(found)]) | ast.FunctionDef(found) | ast.Call(func=ast.Name(found)):
            return found == name
        case _:
            return False


def made(kind: str) -> tuple[set[tuple[str, str]], set[str]]:
    """Type and reason of each condition that the code makes of a kind, and the types of which not all is read here."""
    own, lasting = written(MODULES[kind]), written(ANY_KIND)
    pairs = own.pairs | _made_elsewhere(kind) | {(type_, reason) for type_ in lasting.open for reason in lasting.born}
    for type_ in own.open & {type_ for owner, type_ in GIVEN_TO if owner == kind}:
        pairs |= {(type_, reason) for reason in _given_to(MODULES[kind], GIVEN_TO[kind, type_])}
        own.open.discard(type_)
    pairs |= {("Stalled", reason) for reason in _ended_by_a_person(kind)}
    return pairs, own.open


def _ended_by_a_person(kind: str) -> set[str]:
    """The reasons of a Ready that is False with which `with_stalled` says Stalled too."""
    ready = conditions_of(kind)["Ready"]
    false = (reason for reason in ready.reasons if reason not in ready.true or (kind, reason) in FALSE_TOO)
    return {reason for reason in false if reason in NEEDS_A_PERSON and (kind, reason) not in AT_WORK}


def told(kind: str) -> set[tuple[str, str]]:
    return {(type_, reason) for type_, said in conditions_of(kind).items() for reason in said.reasons}


def test_each_kind_is_told_and_its_modules_are_known() -> None:
    assert CONDITIONS.keys() == MODULES.keys() == {kind.model_fields["kind"].default for kind in KINDS}


def test_no_module_makes_a_condition_that_no_kind_is_held_to() -> None:
    known = {
        path
        for names in (*MODULES.values(), ANY_KIND, ACCOUNTS)
        for name in names
        for path in SOURCE.glob(f"{name}.py")
    }
    known |= {SOURCE / f"{module}.py" for module, _ in MADE_FOR} | {SOURCE / "plan/conditions.py"}
    speaking = {path for room in ROOMS for path in (SOURCE / room).rglob("*.py") if _says_anything(path)}
    assert speaking <= known


def _says_anything(path: Path) -> bool:
    found = _read(path)
    return bool(found.pairs or found.open or found.born)


@pytest.mark.parametrize("kind", CONDITIONS)
def test_each_condition_that_is_made_is_told_with_its_reason_and_no_other(kind: str) -> None:
    pairs, unread = made(kind)
    assert pairs <= told(kind)
    assert {pair for pair in told(kind) if pair[0] not in unread} <= pairs
    assert conditions_of(kind).keys() == unread | {type_ for type_, _ in pairs}


def test_both_rooms_know_the_same_reasons_that_only_a_person_ends() -> None:
    """`api` and `plan` do not know each other: what is told is told beside what is decided."""
    assert set(map(str, NEEDS_A_PERSON)) == TOLD_OF_A_PERSON


def test_hardly_anything_of_conditions_is_read_by_their_kind_only() -> None:
    unread = {(kind, type_) for kind in CONDITIONS for type_ in made(kind)[1] if type_ != "Ready"}
    assert unread == {
        ("ComplianceBundle", "Reconciling"),
        ("ComplianceBundle", "Stalled"),
        ("CarrierAccount", "Reconciling"),
        ("NumberOrder", "Reconciling"),
        ("NumberOrder", "Stalled"),
        ("NumberPool", "Reconciling"),
        ("NumberPool", "Stalled"),
        ("NumberClaim", "Reconciling"),
        ("NumberClaim", "EmergencyAddressReady"),
        ("PhoneNumber", "Stalled"),
        ("ProxyService", "Stalled"),
        ("RotationSet", "Stalled"),
    }


@pytest.mark.parametrize("kind", CONDITIONS)
def test_each_reason_that_the_modules_of_a_kind_give_is_told_and_none_that_nobody_gives(kind: str) -> None:
    own = written((*MODULES[kind], *ANY_KIND)).born | {reason for _, reason in _made_elsewhere(kind)}
    passed_on = written(PASSED_ON.get(kind, ())).born
    said = set(reasons_of(kind))
    assert own <= said
    assert said <= own | passed_on


@pytest.mark.parametrize("kind", CONDITIONS)
def test_the_reasons_of_a_ready_that_is_true_are_those_that_the_code_makes_it_with(kind: str) -> None:
    trees = [ast.parse(path.read_text()) for module in MODULES[kind] for path in SOURCE.glob(f"{module}.py")]
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    made_true = {_reason(call.args[0]) for call in calls if _is_named(call, "ready")}
    assert set(conditions_of(kind)["Ready"].true) == made_true


def test_each_reason_has_one_meaning_and_is_said_by_some_kind() -> None:
    said = {reason for kind in CONDITIONS for reason in reasons_of(kind)}
    assert said | EVENTS == set(map(str, Reason))
    assert REASONS.keys() == said
    for kind, meanings in REASONS_OF.items():
        assert meanings.keys() <= set(reasons_of(kind)), kind


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.plural)
def test_explain_tells_each_condition_of_a_kind_and_each_reason(kind: type[Resource]) -> None:
    name = kind.model_fields["kind"].default
    conditions = schema_of(kind)["properties"]["status"]["properties"]["conditions"]
    types = conditions["description"].splitlines()
    for type_, said in conditions_of(name).items():
        (line,) = (line for line in types if line.startswith(f"- {type_}: {said.says}. Reason"))
        assert line.endswith(f": {', '.join(said.reasons)}.")
    reasons = conditions["items"]["properties"]["reason"]["description"].splitlines()
    assert reasons[1:] == [f"- {reason}: {meaning}" for reason, meaning in reasons_of(name).items()]
