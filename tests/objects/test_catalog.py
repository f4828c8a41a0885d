"""What an account's searches gave, in a ConfigMap: read back as it was, small enough, and believed only if signed."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from ringfleet.api import CarrierAccount
from ringfleet.carriers.catalog import Remembered
from ringfleet.model import E164, Capability, NumberType, Offer, Query
from ringfleet.objects.catalog import (
    CATALOG,
    MOST_BYTES,
    SIGNATURE,
    CatalogUnreadable,
    SavedCatalog,
    Seal,
    catalog_body,
    catalog_data,
    catalog_patch,
    is_catalog_of,
    saved_catalog,
)
from tests.plan.builders import NOW, a_price, an_offer

VOICE = frozenset({Capability.VOICE})
WEST = Query("US", NumberType.GEOGRAPHIC, "415", VOICE)
ANY = Query("US", NumberType.TOLL_FREE)
ODD = an_offer(
    2, "0.10", "0", capabilities=VOICE | {Capability.SMS}, region="São Paulo", needs_documents=True, token="sel_2"
)
OTHER = Offer(E164("+18005550100"), "CA", NumberType.TOLL_FREE, a_price(currency="CAD"))
MEMORY = {
    WEST: Remembered((an_offer(1), ODD), NOW - timedelta(minutes=3)),
    ANY: Remembered((OTHER,), NOW),
    Query("US", NumberType.MOBILE): Remembered((), NOW),
}
CREDENTIALS = {"token": "tok"}


def an_account(name: str = "main", **spec: object) -> CarrierAccount:
    fixed = {"provider": "DIDHub", "credentialsSecretRef": {"name": "main-secret"}}
    return CarrierAccount.parse({"metadata": {"namespace": "shop", "name": name, "uid": "u-1"}, "spec": fixed | spec})


SEAL = Seal.of(an_account(), CREDENTIALS)


def kept(memory: dict[Query, Remembered] = MEMORY, now: datetime = NOW) -> dict[str, str]:
    return catalog_data(an_account(), "acct-1", memory, SEAL, now)


def signed(text: str) -> dict[str, str]:
    return {CATALOG: text, SIGNATURE: SEAL.sign(text)}


def test_what_was_written_is_read_as_it_was() -> None:
    assert saved_catalog(kept(), "acct-1", SEAL) == SavedCatalog(MEMORY, NOW)


def test_a_memory_of_nothing_is_written_and_read_too() -> None:
    assert saved_catalog(kept({}), "acct-1", SEAL) == SavedCatalog({}, NOW)


def test_times_are_kept_to_the_second_and_none_becomes_younger() -> None:
    moment = NOW.replace(microsecond=999_000)
    (read,) = saved_catalog(kept({ANY: Remembered((), moment)}, moment), None, SEAL).memory.values()
    assert read.seen_at == NOW


def test_a_person_can_read_it() -> None:
    text = kept()[CATALOG]
    told = json.loads(text)
    assert (told["provider"], told["endpoint"], told["account"]) == ("DIDHub", "https://api.didhub.io", "acct-1")
    assert told["searches"][-1]["seenAt"] == "2026-03-10T11:57:00Z"
    assert max(map(len, text.splitlines())) < 250, "an offer a line"
    assert "São Paulo" in text


def test_no_credential_stands_in_it() -> None:
    secret = {"token": "a-very-secret-token"}
    account = an_account(endpoint="https://user:hidden@api.example.com")
    data = catalog_data(account, None, MEMORY, Seal.of(account, secret), NOW)
    assert not any(word in str(data) for word in ("a-very-secret-token", "hidden"))
    assert "key" not in repr(Seal.of(account, secret))


@pytest.mark.parametrize(
    ("other", "credentials"),
    [
        pytest.param(an_account(), {"token": "another"}, id="other credentials"),
        pytest.param(an_account(endpoint="https://eu.api.didhub.io"), CREDENTIALS, id="another endpoint"),
    ],
)
def test_what_another_account_has_signed_is_not_believed(other: CarrierAccount, credentials: dict[str, str]) -> None:
    with pytest.raises(CatalogUnreadable, match="not signed"):
        saved_catalog(kept(), "acct-1", Seal.of(other, credentials))


def test_what_is_of_another_account_at_the_carrier_is_not_believed() -> None:
    with pytest.raises(CatalogUnreadable, match="another account"):
        saved_catalog(kept(), "acct-2", SEAL)


def forged(data: dict[str, str]) -> dict[str, str]:
    return {**data, CATALOG: data[CATALOG].replace('"monthly": "2"', '"monthly": "1"')}


def without(told: str) -> str:
    text: dict[str, Any] = json.loads(kept()[CATALOG])
    del text["searches"][0]["offers"][0][told]
    return json.dumps(text)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        pytest.param({}, "has no", id="empty"),
        pytest.param({CATALOG: kept()[CATALOG]}, "has no", id="no signature"),
        pytest.param({SIGNATURE: "x"}, "has no", id="nothing but a signature"),
        pytest.param(forged(kept()), "not signed", id="a price made up"),
        pytest.param({**kept(), SIGNATURE: ""}, "not signed", id="an empty signature"),
        pytest.param({**kept(), SIGNATURE: "ä" * 64}, "not signed", id="a signature in no alphabet of ours"),
        pytest.param(signed(" " * (MOST_BYTES + 1)), "larger", id="too large"),
        pytest.param(signed("{"), "not known here", id="no JSON"),
        pytest.param(signed("[]"), "not known here", id="other JSON"),
        pytest.param(signed('{"savedAt": "2026-03-10T12:00:00Z"}'), "not known here", id="another version"),
        pytest.param(signed(without("monthly")), "not known here", id="an offer without a price"),
        pytest.param(signed(kept()[CATALOG].replace('"0.10"', '"NaN"')), "not known here", id="a price that is none"),
        pytest.param(signed(kept()[CATALOG].replace("12:00:00Z", "noon")), "not known here", id="a time that is none"),
    ],
)
def test_what_is_not_as_we_write_it_is_ignored_with_a_reason_that_quotes_nothing(
    data: dict[str, str], why: str
) -> None:
    with pytest.raises(CatalogUnreadable, match=why) as raised:
        saved_catalog(data, "acct-1", SEAL)
    assert "+1415" not in str(raised.value)


def many(searches: int, offers: int) -> dict[Query, Remembered]:
    """Of the n-th search the answer is n seconds old."""
    found = tuple(an_offer(n, token="t" * 60, region="San Francisco, CA") for n in range(1, offers + 1))
    return {
        Query("US", NumberType.GEOGRAPHIC, str(200 + n), VOICE): Remembered(found, NOW - timedelta(seconds=n))
        for n in range(searches)
    }


@pytest.mark.parametrize(
    ("searches", "each"),
    [
        pytest.param(20, 100, id="a hundred each"),
        pytest.param(60, 50, id="half of them"),
        pytest.param(110, 25, id="a quarter"),
        pytest.param(200, 10, id="ten"),
    ],
)
def test_where_there_are_many_searches_fewer_offers_of_each_are_kept(searches: int, each: int) -> None:
    data = kept(many(searches, 120))
    memory = saved_catalog(data, None, SEAL).memory
    assert (len(memory), {len(one.offers) for one in memory.values()}) == (searches, {each})
    assert len(data[CATALOG].encode()) <= MOST_BYTES


def test_where_there_are_too_many_searches_those_that_were_answered_last_are_kept() -> None:
    data = kept(many(700, 20))
    read = [int(query.area_code or "") - 200 for query in saved_catalog(data, None, SEAL).memory]
    assert read == list(range(len(read)))
    assert 300 < len(read) < 700
    assert len(data[CATALOG].encode()) <= MOST_BYTES


def test_it_goes_with_its_account() -> None:
    body = catalog_body(an_account(), kept())
    assert body["metadata"]["name"] == "main-catalog"
    (owner,) = body["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["uid"]) == ("CarrierAccount", "main", "u-1")
    assert is_catalog_of(body, "main")
    assert not is_catalog_of(body, "other")
    assert not is_catalog_of({"metadata": {"name": "main-catalog"}}, "main")


def test_data_that_somebody_has_added_goes() -> None:
    body = catalog_body(an_account(), kept())
    patch = catalog_patch({"data": {"note": "mine", CATALOG: "old"}}, body)
    assert patch["data"] == {**kept(), "note": None}
