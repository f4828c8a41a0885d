"""Manifests to try on an API server: one good one of each kind, and one change at a time."""

from __future__ import annotations

import copy
from typing import Any

from ringfleet.api.meta import API_VERSION

Manifest = dict[str, Any]

LEFT_OUT = object()


def a_manifest(kind: str, name: str, spec: Manifest) -> Manifest:
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}


def an_account() -> Manifest:
    return a_manifest("CarrierAccount", "main", {"provider": "DIDHub", "credentialsSecretRef": {"name": "token"}})


def a_profile() -> Manifest:
    return a_manifest("RoutingProfile", "desk", {"voice": {"webhook": {"url": "https://example.com/voice"}}})


def a_bundle() -> Manifest:
    spec = {
        "country": "DE",
        "numberTypes": ["Geographic"],
        "endUser": {"type": "Business", "attributes": [{"name": "business_name", "value": "Example GmbH"}]},
        "documents": [
            {
                "name": "register",
                "type": "commercial_register",
                "file": {"secretKeyRef": {"name": "papers", "key": "register.pdf"}},
            },
        ],
        "carriers": [{"name": "main"}],
        "contact": "numbers@example.com",
    }
    return a_manifest("ComplianceBundle", "germany", spec)


def a_pool() -> Manifest:
    spec = {
        "market": {"country": "US", "type": "Geographic", "areaCodes": ["415", "628"]},
        "carriers": [{"accountRef": {"name": "main"}}],
        "size": {"target": 25},
    }
    return a_manifest("NumberPool", "west", spec)


def an_order() -> Manifest:
    spec = {
        "poolRef": {"name": "west"},
        "accountRef": {"name": "main", "namespace": "default"},
        "sequence": 1,
        "market": {"country": "US", "type": "Geographic", "areaCodes": ["415"]},
        "count": 30,
    }
    return a_manifest("NumberOrder", "west-1", spec)


def a_named_order() -> Manifest:
    """A person's own, which names its numbers."""
    spec = an_order()["spec"] | {"count": 2, "numbers": ["+14155550123", "+14155550124"]}
    return a_manifest("NumberOrder", "two-for-sales", {key: spec[key] for key in spec if key != "sequence"})


def a_number(digits: str = "14155550123", pool: str = "west") -> Manifest:
    spec = {
        "number": f"+{digits}",
        "accountRef": {"name": "main", "namespace": "default"},
        "poolRef": {"name": pool},
    }
    return a_manifest("PhoneNumber", digits, spec)


def a_claim() -> Manifest:
    return a_manifest("NumberClaim", "line", {"poolRef": {"name": "west"}})


def a_quota() -> Manifest:
    return a_manifest("NumberQuota", "tenant", {"limits": {"numbers": 20, "monthlySpend": "50", "ordersPerDay": 5}})


def a_set() -> Manifest:
    return a_manifest("RotationSet", "calls", {"channel": "Voice", "size": 2, "pools": [{"name": "us-west"}]})


def a_service() -> Manifest:
    return a_manifest("ProxyService", "rides", {"pools": [{"name": "us-west"}]})


def changed(manifest: Manifest, path: str, value: object) -> Manifest:
    """A copy with `value` at `path`, such as `spec.size.min`; `LEFT_OUT` takes the field away."""
    result = copy.deepcopy(manifest)
    *outer, last = path.split(".")
    place = result
    for name in outer:
        place = place.setdefault(name, {})
    if value is LEFT_OUT:
        del place[last]
    else:
        place[last] = value
    return result


def in_market(country: str, type_: str, *area_codes: str) -> Manifest:
    return changed(a_pool(), "spec.market", {"country": country, "type": type_, "areaCodes": list(area_codes)})
