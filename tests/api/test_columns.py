"""What `kubectl get` shows of each kind: the columns of its CRD, over an object as it is met in practice."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ringfleet.api import KINDS
from ringfleet.api.meta import Resource
from tests.api.schemas import crd_of

TERMINAL = 120
"""Columns of a terminal on a laptop, two windows side by side."""
GAP = 3
"""Spaces that kubectl leaves between two columns."""

LATER = "2027-01-15T09:30:00Z"
IN_PRACTICE: dict[str, dict[str, Any]] = {
    "CarrierAccount": {
        "metadata": {"name": "didhub-production"},
        "spec": {"provider": "DIDHub", "endpoint": "https://api.didhub.io"},
        "status": {
            "calls": "CircuitOpen",
            "balance": {"amount": "104223.85", "currency": "USD"},
            "numbers": {"owned": 12_345, "ours": 12_000, "unmanaged": 345, "orphans": 0},
            "sweptAt": LATER,
        },
    },
    "RoutingProfile": {
        "metadata": {"name": "front-desk-emea"},
        "spec": {"voice": {"sipTrunk": {"targets": [{"uri": "sips:sbc-1.voice.example.com:5061"}]}}},
        "status": {"routed": 12_000, "drifted": 3},
    },
    "ComplianceBundle": {
        "metadata": {"name": "germany-acme"},
        "spec": {"country": "DE", "numberTypes": ["Geographic", "Mobile"]},
        "status": {"states": "Approved, InReview", "expiresAt": LATER, "attached": 1200},
    },
    "NumberPool": {
        "metadata": {"name": "us-west-voice"},
        "spec": {"size": {"target": 1500}},
        "status": {
            "numbers": {"available": 1480, "ordering": 20, "pendingDocuments": 12, "bound": 9000},
            "inFlight": 32,
            "cost": {"monthly": "24880.95"},
        },
    },
    "NumberOrder": {
        "metadata": {"name": "us-west-voice-127"},
        "spec": {"poolRef": {"name": "us-west-voice"}, "accountRef": {"name": "didhub-main"}, "count": 100},
        "status": {
            "phase": "AwaitingApproval",
            "counts": {"provisioned": 60, "pending": 30, "pendingDocuments": 5, "failed": 4, "unknown": 1},
        },
    },
    "PhoneNumber": {
        "metadata": {"name": "14152000042"},
        "spec": {"poolRef": {"name": "us-west-voice"}, "claimRef": {"name": "outbound-collections-17"}},
        "status": {"phase": "PendingDocuments", "region": "San Francisco, CA", "renewsAt": LATER},
    },
    "NumberClaim": {
        "metadata": {"name": "support-line-7"},
        "spec": {"poolRef": {"name": "us-west-voice"}},
        "status": {
            "phase": "Waiting",
            "phoneNumber": {"number": "+14152000042"},
            "place": 12,
            "timeToBind": "2s547ms",
        },
    },
    "NumberQuota": {
        "metadata": {"name": "tenant-acme"},
        "spec": {"limits": {"numbers": 5000, "monthlySpend": "12500.00"}, "billing": "Suspended"},
        "status": {"used": {"numbers": 4980, "monthlySpend": "12441.50"}, "suspendedSince": LATER},
    },
    "RotationSet": {
        "metadata": {"name": "outbound-collections"},
        "spec": {"channel": "Voice"},
        "status": {
            "members": {"active": 240, "cooling": 12, "quarantined": 3},
            "usage": {"capacity": 18_000, "used": 12_345, "deferred": 120},
            "recommendedSize": 255,
        },
    },
    "ProxyService": {
        "metadata": {"name": "ride-hailing-north"},
        "spec": {"pools": [{"name": "us-west-voice"}]},
        "status": {
            "numbers": {"total": 480},
            "openSessions": 20_294,
            "utilisationPercent": 86,
            "refusedLastHour": 12,
            "recommendedSize": 477,
        },
    },
}
LONG_REASONS = {
    "CarrierAccount": "CredentialsRejected",
    "NumberPool": "RoutingProfileMissing",
    "ComplianceBundle": "MissingDocuments",
}
USUAL_REASON = "WaitingForNumber"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.plural)
def test_a_kind_answers_its_first_question_in_the_width_of_a_terminal(kind: type[Resource]) -> None:
    row = shown(kind)
    width = sum(max(len(title), len(cell)) for title, cell in row.items()) + GAP * (len(row) - 1)
    assert width <= TERMINAL, row


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.plural)
def test_the_first_question_is_whether_it_is_ready(kind: type[Resource]) -> None:
    assert list(shown(kind))[:2] == ["NAME", "READY"]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.plural)
def test_no_column_that_is_always_shown_is_empty_in_practice(kind: type[Resource]) -> None:
    assert [title for title, cell in shown(kind).items() if not cell] == []


def test_of_a_number_only_what_tells_it_from_others_is_always_shown() -> None:
    (number,) = (kind for kind in KINDS if kind.plural == "phonenumbers")
    assert list(shown(number)) == ["NAME", "READY", "PHASE", "POOL", "CLAIM", "AGE"]


def test_a_number_of_a_pool_is_counted_in_one_column_only() -> None:
    """ORDERING once was all that is on its way, those that wait for documents included, which PENDING counts."""
    (pool,) = (kind for kind in KINDS if kind.plural == "numberpools")
    assert (shown(pool)["ORDERING"], shown(pool)["PENDING"]) == ("20", "12")


def shown(kind: type[Resource]) -> dict[str, str]:
    """What `kubectl get` without `-o wide` shows of the kind's object in practice, by title."""
    crd = crd_of(kind)["spec"]
    name = crd["names"]["kind"]
    reason = LONG_REASONS.get(name, USUAL_REASON)
    body = IN_PRACTICE[name]
    body = {
        **body,
        "status": {**body["status"], "conditions": [{"type": "Ready", "status": "False", "reason": reason}]},
    }
    columns = [one for one in crd["versions"][0]["additionalPrinterColumns"] if not one.get("priority")]
    cells = {column["name"].upper(): cell_of(column, body) for column in columns}
    return {"NAME": body["metadata"]["name"], **cells}


def cell_of(column: dict[str, Any], body: dict[str, Any]) -> str:
    if column["type"] == "date":
        return "300d"
    found: Any = body
    for field, at, type_ in re.findall(r'\.(\w+)|\[(\d+)\]|\[\?\(@\.type=="(\w+)"\)\]', column["jsonPath"]):
        if field:
            found = found.get(field, {})
        elif at:
            found = found[int(at)]
        else:
            found = next(one for one in found if one["type"] == type_)
    return "" if found == {} else str(found)
