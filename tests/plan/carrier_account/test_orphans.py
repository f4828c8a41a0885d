"""Why a number of ours that has no object gets none."""

from __future__ import annotations

import pytest

from ringfleet.model import AccountKey
from ringfleet.model.refs import ObjectRef
from ringfleet.plan.carrier_account.orphans import Home, obstacle, tell

HERE = AccountKey("platform", "main")
POOL = ObjectRef("shop", "west")


@pytest.mark.parametrize(
    ("home", "why"),
    [
        (Home(POOL), ""),
        (Home(POOL, exists=False, listed=False), "NumberPool shop/west is gone: create it again."),
        (
            Home(POOL, exists=False, ending=True),
            "NumberPool shop/west goes with its namespace, which is being deleted: create both again afterwards.",
        ),
        (
            Home(POOL, let_in=False, listed=False),
            "CarrierAccount platform/main does not let in namespace shop: add it to its spec.allowedNamespaces.",
        ),
        (
            Home(POOL, listed=False),
            "NumberPool shop/west does not order from CarrierAccount platform/main: list it in its spec.carriers.",
        ),
        (
            Home(POOL, taken=AccountKey("shop", "other")),
            "PhoneNumber shop/14155550001 names CarrierAccount shop/other: delete that object if it is wrong.",
        ),
        (
            Home(POOL, released=True),
            "PhoneNumber shop/14155550001 says that the number was given back: delete that object.",
        ),
    ],
)
def test_an_orphan_is_adopted_only_where_it_was_bought_for_and_else_it_is_said_why_not(home: Home, why: str) -> None:
    assert obstacle(home, HERE, "14155550001") == why


def test_a_condition_tells_the_first_few_sentences_in_a_stable_order() -> None:
    assert tell({"C.", "A.", "B."}) == "A. B. C."
    assert tell(["D.", "C.", "A.", "B.", "A."]) == "A. B. C. There is more of this kind."
    assert tell(()) == ""
