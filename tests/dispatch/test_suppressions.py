"""Opt-outs, as callers see them: of a set, its brand, and all of a namespace; under every key, and listed once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ringfleet.dispatch.ledger.interface import Unwritable
from ringfleet.dispatch.ledger.types import Suppression
from ringfleet.dispatch.recipients import Hasher
from ringfleet.model.rotation import Channel
from ringfleet.plan.rotation_set.guardrails import MessagingWant
from tests.dispatch.desk import ANN, HASHER, a_desk
from tests.dispatch.ledger.builders import heard_from

ACME: dict[str, Any] = {"channel": Channel.SMS, "messaging": MessagingWant("acme")}


@pytest.mark.parametrize("scope", ["set", "brand", "namespace"])
async def test_opt_outs_of_each_scope_are_made_listed_and_lifted(tmp_path: Path, scope: str) -> None:
    async with a_desk(tmp_path, **ACME) as desk:
        said = {"recipients": [ANN], "scope": scope}
        assert (await desk.send("POST", "suppressions", said)).json() == {"changed": 1}
        assert (await desk.send("POST", "suppressions", said)).json() == {"changed": 0}
        assert (await desk.pick(ANN)).json()["type"].endswith("/recipient-suppressed")
        (item,) = (await desk.get(f"suppressions?scope={scope}")).json()["items"]
        assert item["recipientHash"] == HASHER.hashes(ANN)[0].hex()
        assert (await desk.send("DELETE", "suppressions", said)).json() == {"changed": 1}
        assert (await desk.pick(ANN)).status_code == 200


async def test_who_has_said_stop_to_a_number_of_no_set_is_found_and_let_in_again(tmp_path: Path) -> None:
    async with a_desk(tmp_path, **ACME) as desk:
        await desk.ledger.suppress([Suppression("brand:shop/", HASHER.hashes(ANN)[0], 0.0, "message: STOP", True)])
        assert "all sets of namespace shop" in (await desk.pick(ANN)).json()["detail"]
        assert (await desk.get("suppressions?scope=brand")).json()["items"] == []
        assert len((await desk.get("suppressions?scope=namespace")).json()["items"]) == 1
        said = {"recipients": [ANN], "scope": "namespace"}
        assert (await desk.send("DELETE", "suppressions", said)).json() == {"changed": 1}


async def test_a_reason_that_no_ledger_can_hold_is_the_callers_fault(tmp_path: Path) -> None:
    async with a_desk(tmp_path, **ACME) as desk:
        reply = await desk.send("POST", "suppressions", {"recipients": [ANN], "reason": "a list\0"})
        assert (reply.status_code, reply.json()["errors"][0]["pointer"]) == (400, "/reason")
        with pytest.MonkeyPatch.context() as refusing:
            refusing.setattr(desk.ledger, "suppress", refuses)
            reply = await desk.send("POST", "suppressions", {"recipients": [ANN]})
        assert (reply.status_code, reply.json()["type"].rpartition("/")[2]) == (400, "malformed-request")


async def refuses(_: object) -> int:
    raise Unwritable("it has a NUL")


async def test_an_opt_out_holds_for_who_has_only_one_of_the_keys(tmp_path: Path) -> None:
    async with a_desk(tmp_path, **ACME) as desk:
        await desk.send("POST", "suppressions", {"recipients": [ANN]})
    for key in (b"key-of-this-year", b"key-of-last-year"):
        async with a_desk(tmp_path, hasher=Hasher((key,)), **ACME) as desk:
            assert (await desk.pick(ANN)).json()["type"].endswith("/recipient-suppressed")
            assert len((await desk.get("suppressions")).json()["items"]) == 1


async def test_a_message_that_may_ask_to_be_left_alone_is_listed_until_it_is_read(tmp_path: Path) -> None:
    async with a_desk(tmp_path, **ACME) as desk:
        await desk.ledger.ingest([replace(heard_from(), unclear=True)])
        (item,) = (await desk.get("unclear")).json()["items"]
        assert item == {
            "account": "shop/sandbox",
            "eventId": "in-ann-1-0.0",
            "messageId": "",
            "number": "+14155550001",
            "at": "2026-11-24T12:00:00Z",
        }
        asked = "unclear?account=shop/sandbox&eventId=in-ann-1-0.0"
        assert [(await desk.delete(asked)).status_code for _ in range(2)] == [204, 404]
        assert (await desk.delete("unclear?account=shop/sandbox")).status_code == 400
        assert (await desk.get("unclear")).json()["items"] == []
