"""An error that lasts is said on the object, in words that quote nobody, and is taken back when it is over."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from structlog.testing import capture_logs

from ringfleet.carriers.errors import CarrierUnavailable, RequestRejected
from ringfleet.controllers import reconcile as reconciling
from ringfleet.controllers.followers import troubles
from ringfleet.controllers.lasting_errors import patience, sentence
from ringfleet.kube.errors import Conflict, Forbidden, Invalid, KubeError, NotFound, NotProcessed, Unavailable
from tests.controllers.rig import (
    HOUSE,
    Rig,
    a_claim,
    a_number,
    a_pool,
    a_profile,
    a_quota,
    a_rig,
    a_set,
    an_object,
    an_order,
    in_virtual_time,
)
from tests.controllers.test_runtime import at_target, stocked

QUOTA = 'phonenumbers.ringfleet.dev "14155550001" is forbidden: exceeded quota: few, used: count/phonenumbers=1'
PLANTED = "Planted Person GmbH"
DUMP = 'ComplianceBundle "papers" is invalid: patch: Invalid value: "{\\"value\\":\\"' + PLANTED + '\\"}"'


# What is said, and when.


@pytest.mark.parametrize(
    ("error", "failures"),
    [
        (Forbidden("exceeded quota"), 1),
        (Invalid("refused"), 1),
        (NotFound("gone"), 3),
        (ValueError("a bug"), 3),
        (RequestRejected("no"), 3),
        (CarrierUnavailable("down"), 8),
        (Unavailable("down"), 8),
        (Conflict("somebody was faster"), 8),
        (NotProcessed("too many requests"), None),
    ],
)
def test_what_heals_by_itself_is_said_late_and_what_will_be_refused_again_at_once(
    error: Exception, failures: int | None
) -> None:
    assert patience(error) == failures


def test_what_the_object_says_already_in_better_words_is_not_said_again() -> None:
    error = Forbidden("no")
    error.told = True
    assert patience(error) is None


@pytest.mark.parametrize("kind", ["ComplianceBundle", "BundleCount"])
def test_a_carriers_sentence_about_people_is_not_said(kind: str) -> None:
    assert PLANTED not in sentence(kind, RequestRejected(f"422: {PLANTED} is no business"))[1]


def test_the_message_of_an_error_that_is_not_ours_is_not_said() -> None:
    reason, message = sentence("NumberPool", ValueError(PLANTED))
    assert (reason, PLANTED in message, "ValueError" in message) == ("ReconcileFailed", False, True)


# On every kind.

KINDS = {
    "CarrierAccount": "main",
    "NumberPool": "west",
    "NumberOrder": "west-1",
    "PhoneNumber": "14155550001",
    "NumberClaim": "desk",
    "RotationSet": "calls",
    "RoutingProfile": "sip",
    "NumberQuota": "month",
    "ComplianceBundle": "papers",
}


def a_bundle() -> dict[str, Any]:
    said = [{"name": "business_name", "value": PLANTED}]
    spec = {
        "country": "DE",
        "numberTypes": ["Geographic"],
        "endUser": {"type": "Business", "attributes": said},
        "carriers": [{"name": "main"}],
        "contact": "numbers@example.com",
    }
    return an_object("ComplianceBundle", "papers", spec)


def _everything() -> list[dict[str, Any]]:
    return [*HOUSE, a_pool(0), an_order(), a_number(), a_claim(), a_set(1), a_profile(), a_quota(), a_bundle()]


@pytest.mark.parametrize(("kind", "name"), KINDS.items())
@in_virtual_time
async def test_an_error_that_lasts_is_said_on_an_object_of_every_kind_and_taken_back_when_it_is_over(
    kind: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with a_rig(*_everything()) as rig:
        with monkeypatch.context() as broken:
            broken.setattr(reconciling, "_reconcile", _fails(lambda: KeyError(PLANTED)))
            for expected in (None, None, "True ReconcileFailed", "True ReconcileFailed"):
                with pytest.raises(KeyError):
                    await rig.turn(kind, name)
                assert await rig.says(kind, name, "Stalled") == expected
        assert await rig.says(kind, name) == "False ReconcileFailed"
        assert PLANTED not in json.dumps(await rig.status(kind, name))
        assert await rig.says(kind, name, "Reconciling") is None, "for kstatus, what is reconciling is not stalled"
        with suppress(Conflict):
            await rig.turn(kind, name)
        await rig.settle()
        if await rig.find(kind, name):  # an order that is over is trimmed
            assert await rig.says(kind, name, "Stalled") is None
            assert await rig.says(kind, name) != "False ReconcileFailed"


def _fails(error: Callable[[], Exception]) -> Callable[..., object]:
    async def fails(*_: object) -> None:
        raise error()

    return fails


@in_virtual_time
async def test_an_error_in_counting_a_bundles_numbers_is_said_on_the_bundle(monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_rig(*_everything()) as rig:
        with monkeypatch.context() as broken:
            broken.setitem(reconciling.TURNS, "BundleCount", _fails(lambda: Forbidden("no right")))
            with pytest.raises(Forbidden):
                await rig.turn("BundleCount", "papers")
            await rig.turn("ComplianceBundle", "papers")
            assert await rig.says("ComplianceBundle", "papers", "Stalled") == "True WriteRefused"
        await rig.turn("BundleCount", "papers")
        await rig.turn("ComplianceBundle", "papers")
        assert await rig.says("ComplianceBundle", "papers", "Stalled") is None


# As it happens.


@in_virtual_time
async def test_numbers_that_a_quota_of_the_cluster_refuses_are_said_on_their_order_until_there_is_room() -> None:
    async with a_rig(*HOUSE, a_pool(2), begun=False) as rig:
        rig.api.refuse("create", "phonenumbers", 403, times=20, message=QUOTA)
        async with stocked(rig).running():
            await rig.until(lambda: _says(rig, "NumberOrder", "west-1", "True WriteRefused"), within=30)
            assert await rig.says("NumberOrder", "west-1") == "False WriteRefused"
            assert "exceeded quota: few" in json.dumps(await rig.status("NumberOrder", "west-1"))
            assert [event["type"] for event in await _events(rig, "WriteRefused")] == ["Warning"]
            await rig.until(lambda: _is_complete(rig), within=3600)
            assert await rig.says("NumberOrder", "west-1", "Stalled") is None
            await rig.until(lambda: at_target(rig), within=60)


async def _is_complete(rig: Rig) -> bool:
    return await rig.says("NumberOrder", "west-1") == "True Complete"


async def _says(rig: Rig, kind: str, name: str, said: str) -> bool:
    return bool(await rig.find(kind, name)) and await rig.says(kind, name, "Stalled") == said


async def _events(rig: Rig, reason: str) -> list[dict[str, object]]:
    found = [await rig.find("Event", name) for name in await rig.names("Event")]
    return [event for event in found if event and event["reason"] == reason]


@pytest.mark.parametrize("code", [403, 422])
@in_virtual_time
async def test_a_claim_whose_secret_is_refused_is_not_ready(code: int) -> None:
    claim = a_claim(writeTo={"secret": {"name": "out"}})
    async with a_rig(*HOUSE, a_pool(1), claim, begun=False) as rig:
        rig.api.refuse("create", "secrets", code, times=12)
        async with stocked(rig).running():
            await rig.until(lambda: _says(rig, "NumberClaim", "desk", "True WriteRefused"), within=60)
            assert await rig.says("NumberClaim", "desk") == "False WriteRefused"
            await rig.until(lambda: _is_ready(rig, "NumberClaim", "desk"), within=3600)


async def _is_ready(rig: Rig, kind: str, name: str) -> bool:
    return ((await rig.says(kind, name)) or "").startswith("True")


@in_virtual_time
async def test_a_turn_that_fails_half_way_does_not_take_back_what_is_said() -> None:
    """The pool writes its status before it creates its order: each failing turn would say both, in turn, for ever."""
    async with a_rig(*HOUSE, a_pool(2), begun=False) as rig:
        rig.api.refuse("create", "numberorders", 403, times=1000)
        async with stocked(rig).running():
            await rig.until(lambda: _says(rig, "NumberPool", "west", "True WriteRefused"), within=30)
            await asyncio.sleep(5)
            rig.told()
            for _ in range(60):
                await asyncio.sleep(10)
                assert await rig.says("NumberPool", "west") == "False WriteRefused"
            assert [write for write in rig.told() if "numberpools" in write] == []


@in_virtual_time
async def test_a_refused_binding_keeps_its_own_words() -> None:
    async with a_rig(*HOUSE, a_pool(1), a_number(), a_claim(), begun=False) as rig:
        rig.api.refuse("patch", "phonenumbers", 403, times=1000)
        async with rig.running():
            await asyncio.sleep(120)
            assert await rig.says("NumberClaim", "desk") == "False BindingRefused"


@in_virtual_time
async def test_where_not_even_the_condition_is_taken_the_log_the_metric_and_the_probe_say_so() -> None:
    async with a_rig(*HOUSE, a_pool(0), begun=False) as rig, rig.running():
        await rig.until(lambda: _is_ready(rig, "NumberPool", "west"))
        rig.api.refuse("patch", "numberpools/status", 422, times=20)
        with capture_logs() as logs:
            await rig.change("NumberPool", "west", {"spec": {"size": {"target": 1}}})
            await asyncio.sleep(2)
            assert [line["key"] for line in logs if line["event"] == "an error can't be said on its object"]
        assert [one.partition(":")[0] for one in troubles(rig.services)] == [
            "The API server takes no status of some NumberPool"
        ]
        await asyncio.sleep(1000)
        assert troubles(rig.services) == []


@in_virtual_time
async def test_a_refused_status_leaves_nothing_of_the_end_user_anywhere() -> None:
    async with a_rig(*_everything()) as rig:
        rig.api.refuse("patch", "compliancebundles/status", 422, message=DUMP)
        with capture_logs() as logs:
            await rig.change("ComplianceBundle", "papers", {"spec": {"renewBefore": "48h"}})
            await rig.look()
            await rig.settle()
        told = {
            "the log": repr(logs),
            "a status": json.dumps(await rig.status("ComplianceBundle", "papers")),
            "an event": json.dumps([await rig.find("Event", name) for name in await rig.names("Event")]),
        }
        assert [place for place, text in told.items() if PLANTED in text] == []
        assert "refused as" in told["the log"], "the story has met the refusal"


@in_virtual_time
async def test_an_object_that_nobody_understands_is_not_quoted() -> None:
    async with a_rig(*HOUSE) as rig:
        odd = a_bundle()
        odd["spec"]["endUser"] = {"type": PLANTED}
        odd["spec"]["numberTypes"] = [PLANTED]
        with capture_logs() as logs:
            await rig.create(odd)
            await rig.look()
        line = next(line for line in logs if line["event"] == "object not understood")
        assert (PLANTED in repr(logs), "exc_info" in line) == (False, False), (
            "a traceback ends with the error's message"
        )
        assert line["error"].startswith("ValidationError at spec.")


def test_an_error_of_the_api_server_keeps_its_words_for_the_person_who_asked() -> None:
    assert KubeError("short").verbatim is None
