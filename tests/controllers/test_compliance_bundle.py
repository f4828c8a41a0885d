"""One turn of a compliance bundle: what is to be created is written before the carrier hears of it, and never twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from ringfleet.carriers.errors import (
    CarrierError,
    CarrierUnavailable,
    CredentialsRejected,
    ItemsGone,
    OutcomeUnknown,
    RequestRejected,
)
from ringfleet.kube.errors import Conflict, KubeError, Unavailable
from ringfleet.kube.transport import Json
from ringfleet.model.compliance import Review, Shortcoming
from tests.controllers.registrar_double import ReviewingDouble
from tests.controllers.rig import (
    HERE,
    HOUSE,
    Rig,
    a_rig,
    a_secret,
    an_account,
    an_object,
    clock,
    in_virtual_time,
    restarted,
)

WRITTEN = "patch compliancebundles/status papers"
FIVE_MINUTES, GRACE = 300.0, 120.0
LOOKS = {f"carrier: {call}" for call in ("regulation", "find_item", "find_filing", "filing", "evaluate")}
PERSON = "Planted Person"


def a_bundle(**spec: object) -> Json:
    """One that has all that the registry asks for."""
    bill = {"name": "bill", "type": "utility_bill", "attributes": [{"name": "issued_on", "value": "2026-01-01"}]}
    wish = {
        "country": "DE",
        "numberTypes": ["Geographic"],
        "endUser": {"type": "Business", "attributes": [{"name": "business_name", "value": PERSON}]},
        "address": [{"name": "city", "value": "Berlin"}, {"name": "postal_code", "value": "10115"}],
        "documents": [{**bill, "file": {"secretKeyRef": {"name": "files", "key": "bill"}}}],
        "contact": "numbers@example.com",
        "carriers": [{"name": "main"}],
        **spec,
    }
    return an_object("ComplianceBundle", "papers", wish)


FILES = a_secret("files", bill="%PDF-1.7 a bill")


@asynccontextmanager
async def a_desk(*more: Json, **spec: object) -> AsyncIterator[tuple[Rig, ReviewingDouble]]:
    """A bundle that nobody has filed yet, and the carrier that it is for."""
    async with a_rig(*HOUSE, FILES, *more, a_bundle(**spec)) as rig:
        registrar = rig.carrier.registrar = ReviewingDouble(story=rig.story)
        yield rig, registrar


async def turn(rig: Rig) -> float | None:
    return await rig.turn("ComplianceBundle", "papers")


async def filing(rig: Rig) -> Json:
    (found,) = (await rig.status("ComplianceBundle", "papers"))["filings"]
    return dict(found)


# Filing.


@in_virtual_time
async def test_what_is_created_is_written_down_before_the_carrier_hears_of_it_and_handed_in_at_the_end() -> None:
    async with a_desk() as (rig, registrar):
        delay = await turn(rig)
        assert rig.told() == [
            WRITTEN,  # a bundle that has said nothing yet says that it is being filed
            *("carrier: regulation", WRITTEN),  # which filing it is
            *("carrier: find_item", WRITTEN, "carrier: create_party", WRITTEN),
            *("carrier: find_item", WRITTEN, "carrier: upload", WRITTEN),
            *("carrier: find_filing", WRITTEN, "carrier: open_filing", WRITTEN),
            *("carrier: evaluate", WRITTEN, "carrier: submit", WRITTEN),
        ]
        assert set(registrar.registry.created.values()) == {1}
        assert (delay, (await filing(rig))["state"]) == (60.0, "Submitted")
        assert await rig.says("ComplianceBundle", "papers") == "False InReview"
        assert await rig.says("ComplianceBundle", "papers", "Complete") == "True Complete"


@in_virtual_time
async def test_a_bundle_at_rest_is_read_and_nothing_is_written_or_asked_but_what_is_required() -> None:
    async with a_desk() as (rig, _):
        await turn(rig)
        rig.told()
        await turn(rig)
        assert rig.told() == ["carrier: regulation"]


@in_virtual_time
async def test_a_review_is_followed_until_the_carrier_approves_and_then_looked_at_seldom() -> None:
    async with a_desk() as (rig, registrar):
        await turn(rig)
        registrar.registry.review(Review.APPROVED, clock())
        await rig.woken(60.0)
        assert await turn(rig) == FIVE_MINUTES
        assert ((await filing(rig))["approved"]["id"], (await filing(rig))["state"]) == ("B0", "Approved")
        assert await rig.says("ComplianceBundle", "papers") == "True Approved"


@in_virtual_time
async def test_one_bundle_is_filed_for_each_number_type_one_after_the_other() -> None:
    async with a_desk(numberTypes=["Geographic", "TollFree"]) as (rig, registrar):
        await turn(rig)
        calls = [line for line in rig.told() if line.startswith("carrier: ")]
        first = calls[: calls.index("carrier: submit") + 1]
        assert [calls.count(f"carrier: {call}") for call in ("regulation", "upload", "open_filing", "submit")] == [
            2,
            1,
            2,
            2,
        ]
        assert first.count("carrier: regulation") == 1, "one is taken as far as it goes before the next is begun"
        filings = (await rig.status("ComplianceBundle", "papers"))["filings"]
        assert [(one["numberType"], one["state"]) for one in filings] == [
            ("Geographic", "Submitted"),
            ("TollFree", "Submitted"),
        ]
        assert len(registrar.registry.submitted) == 2


@in_virtual_time
async def test_a_filing_that_is_not_wanted_any_more_is_forgotten_and_the_others_stay() -> None:
    async with a_desk(numberTypes=["Geographic", "TollFree"]) as (rig, _):
        await turn(rig)
        await rig.change("ComplianceBundle", "papers", {"spec": {"numberTypes": ["Geographic"]}})
        await rig.look()
        await turn(rig)
        assert (await filing(rig))["numberType"] == "Geographic"


# Several carriers.


@asynccontextmanager
async def two_desks(*, slow: float = 0.0) -> AsyncIterator[tuple[Rig, ReviewingDouble, ReviewingDouble]]:
    """A bundle that is to be filed at two carriers, of which the first one may be slow."""
    carriers = [{"name": "main"}, {"name": "spare"}]
    async with a_rig(*HOUSE, an_account("spare"), FILES, a_bundle(carriers=carriers)) as rig:
        doubles = [ReviewingDouble(story=rig.story, takes=takes) for takes in (slow, 0.0)]
        rig.carrier.registrar, rig.carriers[f"{HERE}/spare"].registrar = doubles
        yield rig, doubles[0], doubles[1]


async def states(rig: Rig) -> dict[str, str]:
    filings = (await rig.status("ComplianceBundle", "papers"))["filings"]
    return {one["account"]: one["state"] for one in filings}


@in_virtual_time
async def test_a_slow_first_carrier_holds_up_the_filing_at_the_second_in_nothing() -> None:
    async with two_desks(slow=100.0) as (rig, slow, quick):
        whole = asyncio.create_task(turn(rig))
        await asyncio.sleep(1)
        assert (slow.registry.submitted, quick.registry.submitted) == ([], ["B0"])
        assert (await states(rig))["shop/spare"] == "Submitted"
        await whole
        assert (slow.registry.submitted, quick.registry.submitted) == (["B0"], ["B0"])
        assert await states(rig) == {"shop/main": "Submitted", "shop/spare": "Submitted"}
        assert [set(one.registry.created.values()) for one in (slow, quick)] == [{1}, {1}]


@pytest.mark.parametrize("done", [pytest.param(False, id="not done"), pytest.param(True, id="done, and not answered")])
@pytest.mark.parametrize("nth", range(10))
@in_virtual_time
async def test_a_process_that_ends_while_two_carriers_are_filed_at_is_followed_by_one_that_files_nothing_twice(
    nth: int, done: bool
) -> None:
    async with two_desks() as (rig, *doubles):
        rig.api.break_write(nth, done=done)
        with pytest.raises(Unavailable):
            await turn(rig)
        async with restarted(rig) as again:
            await _finish(again)
        assert [set(one.registry.created.values()) for one in doubles] == [{1}, {1}]
        assert [one.registry.submitted for one in doubles] == [["B0"], ["B0"]]


@in_virtual_time
async def test_a_turn_that_is_cancelled_leaves_no_call_behind() -> None:
    async with two_desks(slow=100.0) as (rig, slow, _):
        whole = asyncio.create_task(turn(rig))
        await asyncio.sleep(1)
        whole.cancel()
        await asyncio.wait({whole}, timeout=1)
        assert whole.cancelled()
        await asyncio.sleep(200)
        assert slow.registry.created == {}


# Crashes.


@pytest.mark.parametrize("done", [pytest.param(False, id="not done"), pytest.param(True, id="done, and not answered")])
@pytest.mark.parametrize("nth", range(10))
@in_virtual_time
async def test_a_process_that_ends_at_any_write_is_followed_by_one_that_files_nothing_twice(
    nth: int, done: bool
) -> None:
    async with a_desk() as (rig, registrar):
        rig.api.break_write(nth, done=done)
        with pytest.raises(Unavailable):
            await turn(rig)
        async with restarted(rig) as again:
            await _finish(again)
        assert set(registrar.registry.created.values()) == {1}
        assert registrar.registry.submitted == ["B0"]


@pytest.mark.parametrize("call", ["create_party", "upload", "open_filing", "submit"])
@in_virtual_time
async def test_a_call_whose_reply_is_lost_is_looked_for_and_not_made_again(call: str) -> None:
    async with a_desk() as (rig, registrar):
        registrar.lose_reply(call, OutcomeUnknown("no reply"))
        await turn(rig)
        await _finish(rig)
        assert set(registrar.registry.created.values()) == {1}
        assert registrar.registry.submitted == ["B0"]


@pytest.mark.parametrize("call", ["open_filing", "put_items"])
@in_virtual_time
async def test_a_document_that_the_carrier_has_no_more_is_filed_anew_and_the_bundle_goes_on(call: str) -> None:
    """As at a carrier that deletes what is in no bundle for too long."""
    async with a_desk() as (rig, registrar):
        shelf = registrar.registry.items
        first = "open_filing" if call == "open_filing" else "evaluate"
        registrar.fail(first, CarrierUnavailable("down"))
        await turn(rig)
        for id_ in registrar.registry.filings:  # somebody has taken out of the draft what was in it
            registrar.registry.put(id_, items=())
        gone = max(shelf, key=lambda reference: shelf[reference])
        registrar.fail(call, ItemsGone("gone", (shelf.pop(gone),)))
        await _finish(rig)
        assert registrar.registry.created[gone] == 2
        assert registrar.registry.submitted == ["B0"]
        assert registrar.registry.filings["B0"].items == tuple(sorted(shelf.values()))


async def _finish(rig: Rig) -> None:
    """Turns, with the time between them in which no call of an earlier one can be on its way any more."""
    for _ in range(4):
        await turn(rig)
        await rig.woken(GRACE)
    assert set((await states(rig)).values()) == {"Submitted"}


@in_virtual_time
async def test_a_call_that_may_be_on_its_way_is_waited_for_and_the_bundle_says_so() -> None:
    async with a_desk() as (rig, registrar):
        registrar.fail("upload", OutcomeUnknown("no reply"))
        delay = await turn(rig)
        assert await rig.says("ComplianceBundle", "papers") == "False OutcomeUnknown"
        assert delay is not None
        assert 0 < delay <= GRACE
        assert registrar.registry.filings == {}


@in_virtual_time
async def test_no_call_is_made_of_a_plan_that_could_not_be_written() -> None:
    async with a_desk() as (rig, registrar):
        await _learn_of_requirements(rig, registrar)
        rig.api.refuse("patch", "compliancebundles/status", 409)
        with pytest.raises(Conflict):
            await turn(rig)
        assert [line for line in rig.told() if line not in LOOKS] == []
        assert registrar.registry.created == {}


async def _learn_of_requirements(rig: Rig, registrar: ReviewingDouble) -> None:
    """A turn that says something, and creates nothing: its next write is that of something begun."""
    registrar.fail("find_item", CarrierUnavailable("it is down"))
    await turn(rig)
    await rig.woken(GRACE)
    rig.told()


# What is against it.


@pytest.mark.parametrize(
    ("call", "error", "said", "delay"),
    [
        pytest.param("regulation", CarrierUnavailable("it is down"), "False CarrierUnavailable", 15.0, id="down"),
        pytest.param(
            "upload", CarrierUnavailable("it is down"), "False OutcomeUnknown", GRACE, id="down as something is made"
        ),
        pytest.param(
            "evaluate", CarrierUnavailable("it is down"), "False CarrierUnavailable", 15.0, id="down at a check"
        ),
        pytest.param("find_item", CredentialsRejected("a new key"), "False CarrierUnavailable", 15.0, id="key refused"),
        pytest.param("upload", RequestRejected("422: no"), "False DocumentsRefused", FIVE_MINUTES, id="refused"),
        pytest.param("submit", RequestRejected("422: no"), "False DocumentsRefused", FIVE_MINUTES, id="not taken"),
    ],
)
@in_virtual_time
async def test_a_carrier_that_fails_or_says_no_is_left_alone_and_the_bundle_says_why(
    call: str, error: CarrierError, said: str, delay: float
) -> None:
    async with a_desk() as (rig, registrar):
        registrar.fail(call, error)
        assert await turn(rig) == delay
        assert await rig.says("ComplianceBundle", "papers") == said
        rest = rig.told()
        assert rest.count(f"carrier: {call}") == 1
        woken = await rig.woken(1.0)
        assert ("CarrierAccount main" in woken) is not isinstance(error, RequestRejected)


@pytest.mark.parametrize(
    ("spec", "said", "delay"),
    [
        pytest.param({"suspend": True}, "True Suspended", FIVE_MINUTES, id="suspended"),
        pytest.param({"documents": []}, "False MissingDocuments", FIVE_MINUTES, id="incomplete"),
        pytest.param(
            {"documents": [{"name": "a", "type": "b", "file": {"secretKeyRef": {"name": "none", "key": "c"}}}]},
            "False DocumentsUnreadable",
            10.0,
            id="unreadable: Secrets are not watched",
        ),
        pytest.param({"carriers": [{"name": "none"}]}, "False AccountMissing", 15.0, id="no such account"),
    ],
)
@in_virtual_time
async def test_a_bundle_says_what_is_against_it_and_nothing_is_filed(spec: Json, said: str, delay: float) -> None:
    async with a_desk(**spec) as (rig, registrar):
        assert await turn(rig) == delay
        assert await rig.says("ComplianceBundle", "papers") == said
        assert registrar.registry.created == {}


@in_virtual_time
async def test_an_account_that_can_not_be_called_keeps_no_filing_at_another_one_back() -> None:
    both = [{"name": "main"}, {"name": "spare"}]
    async with a_desk(an_account("spare", suspend=True), carriers=both) as (rig, registrar):
        assert await turn(rig) == 15.0
        filings = (await rig.status("ComplianceBundle", "papers"))["filings"]
        states = {one["account"]: one["state"] for one in filings}
        assert states == {"shop/main": "Submitted", "shop/spare": "Draft"}
        assert registrar.registry.submitted == ["B0"]


@in_virtual_time
async def test_a_carrier_that_reviews_nothing_asks_for_nothing() -> None:
    async with a_desk() as (rig, _):
        rig.carrier.registrar = None
        await turn(rig)
        assert await rig.says("ComplianceBundle", "papers") == "True Approved"
        assert (await filing(rig))["state"] == "Approved"


@in_virtual_time
async def test_a_carriers_sentence_that_quotes_a_person_is_kept_back() -> None:
    async with a_desk() as (rig, registrar):
        registrar.finds = (Shortcoming("I2", "Blurred", f"{PERSON} can't be read"),)
        await turn(rig)
        (reason,) = (await filing(rig))["reasons"]
        assert (reason["document"], reason["reason"]) == ("bill", "Blurred")
        assert PERSON not in reason["message"]
        assert await rig.says("ComplianceBundle", "papers") == "False DocumentsRefused"


@in_virtual_time
async def test_the_settings_may_have_a_review_asked_for_more_often() -> None:
    every = timedelta(seconds=5)
    async with a_rig(*HOUSE, FILES, a_bundle(), review_interval=every) as rig:
        registrar = rig.carrier.registrar = ReviewingDouble(story=rig.story)
        assert await turn(rig) == 5.0
        registrar.registry.review(Review.IN_REVIEW, clock())
        assert await turn(rig) == 5.0
        assert (await filing(rig))["state"] == "InReview"


@pytest.mark.parametrize(("code", "error"), [(409, Conflict), (503, Unavailable)])
@in_virtual_time
async def test_a_turn_that_another_writer_meets_is_forgotten_whole(code: int, error: type[KubeError]) -> None:
    async with a_desk() as (rig, registrar):
        rig.api.refuse("patch", "compliancebundles/status", code)
        with pytest.raises(error):
            await turn(rig)
        await turn(rig)
        assert set(registrar.registry.created.values()) == {1}


@in_virtual_time
async def test_a_bundle_that_is_gone_or_going_does_nothing() -> None:
    async with a_desk() as (rig, _):
        await rig.change("ComplianceBundle", "papers", {"metadata": {"finalizers": ["ringfleet.dev/somebody"]}})
        await rig.delete("ComplianceBundle", "papers")
        await rig.look()
        assert (await turn(rig), rig.told(), await rig.turn("ComplianceBundle", "none")) == (None, [], None)


# After a downgrade.


@pytest.mark.parametrize("came", [Review.IN_REVIEW, Review.APPROVED, Review.REJECTED])
@in_virtual_time
async def test_a_filing_in_a_state_that_only_a_newer_version_knows_is_looked_up_and_nothing_of_it_is_changed(
    came: Review,
) -> None:
    async with a_desk() as (rig, registrar):
        await turn(rig)
        registrar.registry.review(came, clock())
        (before,) = (await rig.status("ComplianceBundle", "papers"))["filings"]
        newer = {**before, "state": "Escalated", "review": "Escalated", "nextLook": "2099-01-01T00:00:00Z"}
        await rig.change_status("ComplianceBundle", "papers", {"filings": [newer]})
        async with restarted(rig) as again:
            await turn(again)
            assert set(again.told()) - {WRITTEN} <= LOOKS
            found = await filing(again)
            assert (found["id"], found["review"], found["state"]) == (before["id"], came, came)
            assert set(registrar.registry.created.values()) == {1}


@in_virtual_time
async def test_a_filing_for_numbers_of_a_type_that_only_a_newer_version_knows_hides_no_other() -> None:
    async with a_desk() as (rig, registrar):
        await turn(rig)
        (before,) = (await rig.status("ComplianceBundle", "papers"))["filings"]
        status = {"filings": [before, {**before, "numberType": "Satellite"}]}
        await rig.change_status("ComplianceBundle", "papers", status)
        registrar.registry.review(Review.APPROVED, clock())
        async with restarted(rig) as again:
            await again.woken(60.0)
            await turn(again)
            filings = (await again.status("ComplianceBundle", "papers"))["filings"]
            known = [(one["id"], one["state"]) for one in filings if one["numberType"] == "Geographic"]
            assert known == [(before["id"], "Approved")]
            assert set(registrar.registry.created.values()) == {1}
