"""One person's rights: to be told what is known, and to be forgotten, opt-outs aside; and for how long all is kept."""

from __future__ import annotations

from importlib.resources import files

import pytest

from ringfleet.dispatch.ledger import postgres, sqlite
from ringfleet.dispatch.ledger.interface import Ledger
from ringfleet.dispatch.ledger.retention import RETENTION
from ringfleet.dispatch.ledger.types import GivenBack, Past, PastContact, PastPick, Suppressed
from tests.dispatch.ledger.builders import (
    NOON,
    SET,
    SET_SCOPE,
    TODAY,
    OpenLedger,
    a_member,
    a_number,
    a_roster,
    an_ask,
    an_opt_out,
    deferred,
    heard_from,
    picked,
    somebody,
    used,
)

ANN = (somebody("ann"), somebody("ann-under-the-old-key"))
OTHER = "shop/other"


async def lived(ledger: Ledger) -> str:
    """Ann was called, has written, is put off elsewhere and has opted out of another brand; Bob was called. The id of
    the pick for Ann."""
    await ledger.enlist(a_roster(a_member(1)))
    await ledger.enlist(a_roster(a_member(2, daily=0), set_=OTHER))
    first = await picked(ledger, an_ask(key="k", fingerprint=b"f"))
    await picked(ledger, an_ask("bob"))
    await deferred(ledger, an_ask(set=OTHER))
    await ledger.ingest([heard_from(after=10)])
    await ledger.suppress([an_opt_out(scope="brand:shop/another")])
    return first.id


@pytest.mark.parametrize("folded", [False, True])
async def test_a_person_is_told_all_that_is_known(ledger: Ledger, folded: bool) -> None:
    await lived(ledger)
    if folded:
        await ledger.prune(NOON, 0.0)
    past = await ledger.recall(ANN)
    assert sorted(past.contacts, key=lambda one: one.set) == [
        PastContact(SET, a_number(1), NOON, (NOON,)),
        PastContact(OTHER, a_number(2), NOON, ()),
    ]
    assert past.picks == (PastPick(SET, a_number(1), NOON, True),)
    assert past.put_off == ((OTHER, NOON + 12 * 3600),)
    assert past.heard == ((a_number(1), NOON + 10),)
    assert [one.scope for one in past.opt_outs] == ["brand:shop/another"]
    assert await ledger.recall([somebody("eve")]) == Past()


@pytest.mark.parametrize("folded", [False, True])
async def test_a_person_is_forgotten_and_the_opt_out_stays(open_ledger: OpenLedger, folded: bool) -> None:
    ledger = await open_ledger()
    id_ = await lived(ledger)
    if folded:
        await ledger.prune(NOON, 0.0)
    opt_outs = (await ledger.recall(ANN)).opt_outs
    assert await ledger.erase(ANN) == 5
    for turn in range(2):
        opened = await open_ledger() if turn else ledger
        assert await opened.recall(ANN) == Past(opt_outs=opt_outs)
        assert await used(opened) == {a_number(1): 2}, "what numbers did stays counted"
        assert len((await opened.recall([somebody("bob")])).picks) == 1
        assert (await opened.deferrals(OTHER, TODAY)).by_day == ()
    asked = an_ask(scopes=(SET_SCOPE, "brand:shop/another"))
    assert await opened.pick(asked) == Suppressed("brand:shop/another")
    assert await opened.give_back(SET, id_, TODAY) is GivenBack.RETURNED
    assert not (await picked(opened, an_ask(after=60))).sticky


def test_each_table_says_for_how_long_it_is_kept() -> None:
    made = set()
    for module, since in ((sqlite, "0000"), (postgres, "0000")):
        for script in files(module).iterdir():
            if script.name.endswith(".sql") and script.name[:4] >= since:
                words = script.read_text().split()
                made |= {words[at + 2] for at in range(len(words) - 2) if words[at : at + 2] == ["CREATE", "TABLE"]}
    made.add("schema_version")
    gone = {"pick", "answer", "member", "tier"}
    assert made - gone == RETENTION.keys()
