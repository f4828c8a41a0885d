"""Which number a claim holds, when two operators have bound one each; and what a number leaves behind with it."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from ringfleet.controllers.number_claim import committed, unbind
from ringfleet.controllers.status_writer import BINDER
from ringfleet.objects.number_claim import ClaimRecord, project_claim
from ringfleet.objects.phone_number import Holder
from tests.plan.builders import NOW

FIRST, SECOND = "14155550101", "14155550102"


def a_claim(bound: str | None) -> dict[str, Any]:
    meta = {"name": "desk", "namespace": "shop", "uid": "1", "resourceVersion": "1", "generation": 1}
    named = {"namespace": "shop", "name": bound, "number": f"+{bound}"}
    status = {"phase": "Bound", "phoneNumber": named} if bound else {}
    spec = {"poolRef": {"name": "west"}}
    return {"metadata": {**meta, "creationTimestamp": NOW.isoformat()}, "spec": spec, "status": status}


class Shop:
    """Services with one claim, as our copy and as the API server have it, and the numbers that are bound to it."""

    def __init__(self, copy: str | None, live: str | None, held: tuple[str, ...]) -> None:
        self.copy = project_claim(a_claim(copy))
        self.freed: list[str] = []
        self.kube = SimpleNamespace(get=self._get, patch=self._patch)
        self.fleet = self
        self.claim_queue = SimpleNamespace(unsure=set[str](), assignment=lambda _: None)
        self._live = a_claim(live)
        self._held = held

    def claim(self, *_: str) -> ClaimRecord:
        return self.copy

    def number(self, *_: str) -> None:
        return None

    def numbers_of(self, _: ClaimRecord) -> list[Any]:
        return [SimpleNamespace(namespace="shop", name=name, resource_version="1") for name in self._held]

    async def _get(self, resource: Any, *_: str) -> Mapping[str, Any]:
        return self._live if resource.kind == "NumberClaim" else {}

    async def _patch(self, _: Any, __: str, name: str, *___: Any, manager: str) -> dict[str, Any]:
        assert manager == BINDER
        self.freed.append(name)
        return {}

    def learn(self, kind: str, obj: dict[str, Any]) -> None:
        if kind == "NumberClaim":
            self.copy = project_claim(obj)


@pytest.mark.parametrize(
    ("copy", "live", "held", "keeps", "frees"),
    [
        pytest.param(None, None, (), None, [], id="it has none"),
        pytest.param(None, None, (FIRST,), FIRST, [], id="found again after a crash"),
        pytest.param(None, None, (FIRST, SECOND), FIRST, [], id="neither is told yet: both stay"),
        pytest.param(
            None, SECOND, (FIRST, SECOND), SECOND, [FIRST], id="the other operator has told, and our copy does not know"
        ),
        pytest.param(SECOND, SECOND, (FIRST, SECOND), SECOND, [FIRST], id="one is told"),
        pytest.param(SECOND, SECOND, (FIRST,), None, [FIRST], id="what was told is gone"),
    ],
)
async def test_the_claims_status_says_which_number_it_holds_and_the_other_is_freed_only_then(
    copy: str | None, live: str | None, held: tuple[str, ...], keeps: str | None, frees: list[str]
) -> None:
    services: Any = Shop(copy, live, held)
    kept = await committed(services, services.copy)
    assert (kept.name if kept else None, services.freed) == (keeps, frees)


@pytest.mark.parametrize(
    ("quarantine", "lifted"),
    [
        ("RotationSet shop/calls: seldom answered", True),
        ("RotationSet shop/calls: labelled Spam: seldom answered", False),
        ("RotationSet shop/calls: labelled Spam Likely", False),
        ("complaints, says Joe: seldom answered", False),
        (None, False),
    ],
)
async def test_a_number_that_leaves_its_set_leaves_behind_that_it_was_seldom_answered(
    quarantine: str | None, lifted: bool
) -> None:
    written: list[dict[str, Any]] = []

    async def patch(_: Any, __: str, ___: str, body: dict[str, Any], *____: str, manager: str) -> dict[str, Any]:
        assert manager == BINDER
        written.append(body)
        return {}

    services: Any = SimpleNamespace(
        kube=SimpleNamespace(patch=patch),
        fleet=SimpleNamespace(learn=lambda *_: None, number=lambda *_: None),
        clock=lambda: NOW,
    )
    notes = SimpleNamespace(quarantine=quarantine)
    holder = Holder("shop", "desk", "1")
    record: Any = SimpleNamespace(namespace="shop", name=FIRST, resource_version="1", notes=notes, claim=holder)
    await unbind(services, record)
    (body,) = written
    assert body["spec"]["claimRef"] is None
    last = {"namespace": "shop", "name": "desk", "tenant": None, "rotationSet": None}
    assert body["spec"]["lastClaimRef"] == (None if lifted else last)
    assert body["metadata"].get("annotations") == ({"ringfleet.dev/quarantine": None} if lifted else None)
