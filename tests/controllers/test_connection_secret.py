"""What a claim's writeTo asks for is there, says what it is to say, and is nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

import pytest

from ringfleet.controllers.connection_secret import LOOK_AGAIN, TRY_AGAIN
from ringfleet.kube.errors import Conflict, Unavailable
from ringfleet.kube.transport import Json
from tests.controllers.rig import (
    HOUSE,
    Rig,
    a_claim,
    a_number,
    a_pool,
    a_rig,
    a_secret,
    an_object,
    in_virtual_time,
    restarted,
)
from tests.plan.builders import digits

ONE = digits(1).digits
PLACES = {"Secret": "secret", "ConfigMap": "configMap"}


def to(kind: str, name: str = "phone") -> Json:
    return {PLACES[kind]: {"name": name}}


async def take_turns(rig: Rig) -> float | None:
    """Turn after turn, each when the last one asked for it, until the claim wants none soon; when it wants the next."""
    while (delay := await rig.turn("NumberClaim", "desk")) is not None and delay < TRY_AGAIN:
        await rig.woken(delay)
    return delay


@pytest.mark.parametrize("kind", sorted(PLACES))
@in_virtual_time
async def test_what_is_written_says_whose_it_is_and_is_looked_at_again(kind: str) -> None:
    async with a_rig(*HOUSE, a_pool(), a_number(1), a_claim(writeTo=to(kind))) as rig:
        assert await take_turns(rig) == LOOK_AGAIN
        found, claim = await rig.find(kind, "phone"), await rig.find("NumberClaim", "desk")
        assert found
        assert claim
        assert found["metadata"]["labels"] == {
            "app.kubernetes.io/managed-by": "ringfleet",
            "ringfleet.dev/claim": "desk",
        }
        assert found["metadata"]["ownerReferences"][0]["uid"] == claim["metadata"]["uid"]
        assert claim["status"]["memory"]["writtenTo"] == [{"kind": kind, "name": "phone"}]
        rig.told()
        assert (await rig.turn("NumberClaim", "desk"), rig.told()) == (LOOK_AGAIN, [])


@pytest.mark.parametrize("kind", sorted(PLACES))
@pytest.mark.parametrize(
    "change",
    [
        pytest.param(None, id="deleted"),
        pytest.param({"data": {"number": "KzEwMDAwMDAwMDAw"}}, id="another number"),
        pytest.param({"data": {"digits": None}}, id="a key taken away"),
        pytest.param({"data": {"more": "KzEw"}}, id="a key put in"),
        pytest.param({"metadata": {"labels": {"app.kubernetes.io/managed-by": "Helm"}}}, id="another manager"),
        pytest.param({"metadata": {"ownerReferences": []}}, id="no owner"),
    ],
)
@in_virtual_time
async def test_what_was_written_is_put_right(kind: str, change: Json | None) -> None:
    async with a_rig(*HOUSE, a_pool(), a_number(1), a_claim(writeTo=to(kind))) as rig:
        await take_turns(rig)
        before = await rig.find(kind, "phone")
        if change is None:
            await rig.delete(kind, "phone")
        else:
            await rig.change(kind, "phone", change)
        await take_turns(rig)
        assert _told(await rig.find(kind, "phone")) == _told(before)
        assert await rig.says("NumberClaim", "desk") == "True Bound"


def _told(found: Json | None) -> Json:
    assert found
    meta = found["metadata"]
    return {"data": found["data"]} | {key: meta.get(key) for key in ("labels", "annotations", "ownerReferences")}


@in_virtual_time
async def test_labels_and_annotations_of_others_stay() -> None:
    async with a_rig(*HOUSE, a_pool(), a_number(1), a_claim(writeTo=to("Secret"))) as rig:
        await take_turns(rig)
        await rig.change("Secret", "phone", {"metadata": {"labels": {"team": "sales"}, "annotations": {"note": "x"}}})
        rig.told()
        assert (await rig.turn("NumberClaim", "desk"), rig.told()) == (LOOK_AGAIN, [])


@pytest.mark.parametrize(
    "wish",
    [
        pytest.param(to("Secret", "other"), id="another name"),
        pytest.param({"secret": None, "configMap": {"name": "phone"}}, id="another kind"),
        pytest.param(None, id="nowhere"),
    ],
)
@pytest.mark.parametrize("nth", [None, 0, 1, 2])
@in_virtual_time
async def test_what_a_claim_does_not_write_any_more_is_deleted_whatever_process_ends_on_the_way(
    wish: Mapping[str, object] | None, nth: int | None
) -> None:
    async with a_rig(*HOUSE, a_pool(), a_number(1), a_claim(writeTo=to("Secret"))) as rig:
        await take_turns(rig)
        await rig.change("NumberClaim", "desk", {"spec": {"writeTo": wish}})
        await rig.look()
        if nth is not None:
            rig.api.break_write(nth, done=True)
            with suppress(Unavailable):  # the way to nowhere is shorter
                await take_turns(rig)
        async with restarted(rig) as again:
            await take_turns(again)
            assert await again.find("Secret", "phone") is None
            names = {(kind, name) for kind in PLACES for name in await again.names(kind) if name != "token"}
            there = {"secret": "Secret", "configMap": "ConfigMap"}
            wished = {(there[key], ref["name"]) for key, ref in (wish or {}).items() if isinstance(ref, dict)}
            assert names == wished
            places = (await again.status("NumberClaim", "desk"))["memory"].get("writtenTo", [])
            assert {(place["kind"], place["name"]) for place in places} == wished


@in_virtual_time
async def test_what_was_written_by_the_last_write_of_a_process_is_found_when_the_claim_writes_elsewhere_by_then() -> (
    None
):
    async with a_rig(*HOUSE, a_pool(), a_number(1), a_claim(writeTo=to("Secret"))) as rig:
        await take_turns(rig)
        await rig.change("NumberClaim", "desk", {"spec": {"writeTo": to("Secret", "other")}})
        await rig.look()
        rig.api.break_write(1, done=True)
        with pytest.raises(Unavailable):
            await take_turns(rig)
        assert await rig.find("Secret", "other")
        await rig.change("NumberClaim", "desk", {"spec": {"writeTo": to("Secret", "third")}})
        async with restarted(rig) as again:
            await take_turns(again)
            assert await again.names("Secret") == ["third", "token"]


@in_virtual_time
async def test_what_somebody_else_has_put_in_the_old_place_is_not_deleted() -> None:
    async with a_rig(*HOUSE, a_pool(), a_number(1), a_claim(writeTo=to("Secret"))) as rig:
        await take_turns(rig)
        await rig.delete("Secret", "phone")
        await rig.create(a_secret("phone", number="theirs"))
        await rig.change("NumberClaim", "desk", {"spec": {"writeTo": to("Secret", "other")}})
        await rig.look()
        await take_turns(rig)
        assert (await rig.find("Secret", "phone") or {})["data"] == a_secret("phone", number="theirs")["data"]


@pytest.mark.parametrize("code", [pytest.param(403, id="a quota"), pytest.param(422, id="a rule")])
@pytest.mark.parametrize("verb", ["get", "create", "patch"])
@in_virtual_time
async def test_a_write_that_is_refused_is_said_on_the_claim_and_tried_again(code: int, verb: str) -> None:
    async with a_rig(*HOUSE, a_pool(), a_number(1), a_claim(writeTo=to("ConfigMap"))) as rig:
        if verb == "patch":
            await take_turns(rig)
            await rig.change("ConfigMap", "phone", {"data": {"number": None}})
        rig.api.refuse(verb, "configmaps", code, times=2)  # one of them after the status was written
        assert await take_turns(rig) == TRY_AGAIN
        (said,) = (one for one in (await rig.status("NumberClaim", "desk"))["conditions"] if one["type"] == "Ready")
        why = "HTTP 403, says the test" if code == 403 else "(422)"  # whose message may quote what was written
        assert (said["reason"], why in said["message"]) == ("WriteRefused", True)
        assert await take_turns(rig) == LOOK_AGAIN
        assert await rig.says("NumberClaim", "desk") == "True Bound"


@in_virtual_time
async def test_another_writer_at_the_same_moment_is_looked_at_again() -> None:
    async with a_rig(*HOUSE, a_pool(), a_number(1), a_claim(writeTo=to("Secret"))) as rig:
        await take_turns(rig)
        await rig.change("Secret", "phone", {"data": {"number": None}})

        async def write() -> None:
            await rig.change("Secret", "phone", {"data": {"more": "KzEw"}})

        rig.api.meanwhile("patch", "secrets", write)
        with pytest.raises(Conflict):
            await rig.turn("NumberClaim", "desk")
        await take_turns(rig)
        assert set((await rig.find("Secret", "phone") or {})["data"]) == {"number", "digits", "inService"}
        assert await rig.says("NumberClaim", "desk") == "True Bound"


@in_virtual_time
async def test_what_was_written_for_the_claim_of_that_name_before_a_restore_is_the_claims() -> None:
    owner = {"apiVersion": "ringfleet.dev/v1alpha1", "kind": "NumberClaim", "name": "desk", "uid": "of-the-backup"}
    theirs = a_secret("phone", number=digits(1))
    meta = {"name": "phone", "annotations": {"ringfleet.dev/claim-uid": "of-the-backup"}, "ownerReferences": [owner]}
    async with a_rig(*HOUSE, a_pool(), a_number(1), a_claim(writeTo=to("Secret")), {**theirs, "metadata": meta}) as rig:
        await take_turns(rig)
        found, claim = await rig.find("Secret", "phone"), await rig.find("NumberClaim", "desk")
        assert found
        assert claim
        assert found["metadata"]["annotations"] == {"ringfleet.dev/claim-uid": claim["metadata"]["uid"]}
        assert await rig.says("NumberClaim", "desk") == "True Bound"


@in_virtual_time
async def test_what_was_written_is_looked_at_after_a_restart_too() -> None:
    async with a_rig(*HOUSE, a_pool(), a_number(1), a_claim(writeTo=to("Secret")), begun=False) as rig:
        async with rig.running():
            await rig.until(lambda: rig.find("Secret", "phone"))
            await rig.until(lambda: _is_bound(rig))
        async with restarted(rig, begun=False) as again, again.running():
            await again.delete("Secret", "phone")
            await again.until(lambda: again.find("Secret", "phone"), within=LOOK_AGAIN + 1)


async def _is_bound(rig: Rig) -> bool:
    return await rig.says("NumberClaim", "desk") == "True Bound"


@in_virtual_time
async def test_a_program_reads_which_agent_answers_and_on_which_platform() -> None:
    agent = {"voice": {"agent": {"id": "agent-7", "provider": "vapi"}}}
    profile, claim = an_object("RoutingProfile", "ai", agent), a_claim(writeTo=to("ConfigMap"))
    async with a_rig(*HOUSE, profile, a_pool(routingProfileRef={"name": "ai"}), a_number(1), claim) as rig:
        await take_turns(rig)
        found = await rig.find("ConfigMap", "phone")
        assert found
        assert (found["data"]["agent"], found["data"]["agentProvider"]) == ("agent-7", "vapi")
