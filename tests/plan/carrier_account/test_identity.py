"""Which of the objects that are one account at the carrier works."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from ringfleet.model import AccountKey
from ringfleet.plan.carrier_account.identity import Identity, Standing, duplicate_message, first_of

NOON = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
ACCOUNT = Identity("DIDHub", "api.didhub.io:443", "acct-1")


def a_standing(namespace: str, name: str = "main", seconds: int = 0, useless: bool = False) -> Standing:
    return Standing(AccountKey(namespace, name), ACCOUNT, NOON + timedelta(seconds=seconds), useless)


@pytest.mark.parametrize(
    ("standings", "first"),
    [
        ((a_standing("b"),), AccountKey("b", "main")),
        ((a_standing("a", seconds=1), a_standing("b")), AccountKey("b", "main")),
        ((a_standing("b"), a_standing("a")), AccountKey("a", "main")),
        ((a_standing("a", "two"), a_standing("a", "one")), AccountKey("a", "one")),
        ((a_standing("a-b", "c"), a_standing("a", "b-c")), AccountKey("a", "b-c")),
        ((a_standing("a", useless=True), a_standing("b", seconds=1)), AccountKey("b", "main")),
        ((a_standing("a", useless=True), a_standing("b", seconds=1, useless=True)), AccountKey("a", "main")),
    ],
)
def test_the_oldest_that_can_work_does_and_of_equal_age_the_first_by_name(
    standings: tuple[Standing, ...], first: AccountKey
) -> None:
    assert first_of(standings) == first
    assert first_of(reversed(standings)) == first


def test_a_digest_is_fit_for_a_name_and_differs_in_each_part() -> None:
    others = (
        Identity("Other", ACCOUNT.host, ACCOUNT.id),
        Identity(ACCOUNT.provider, "127.0.0.1:8085", ACCOUNT.id),
        Identity(ACCOUNT.provider, ACCOUNT.host, "acct-2"),
        Identity(ACCOUNT.provider, "api.didhub.io:443acct", "-1"),
    )
    digests = {one.digest for one in (ACCOUNT, *others)}
    assert len(digests) == len(others) + 1
    assert all(re.fullmatch("[0-9a-f]{16}", digest) for digest in digests)


def test_a_duplicate_says_what_to_do_from_where_it_is() -> None:
    first = AccountKey("platform", "main")
    assert "adding namespace shop to its spec.allowedNamespaces" in duplicate_message(AccountKey("shop", "main"), first)
    assert "allowedNamespaces" not in duplicate_message(AccountKey("platform", "copy"), first)
