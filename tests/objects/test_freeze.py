"""A freeze is read back as it was said; one that says nothing holds as well."""

from __future__ import annotations

from typing import Any

import pytest

from ringfleet.api import CarrierAccount, NumberPool
from ringfleet.objects.freeze import annotation_of, config_map_of, freeze_of, freeze_of_all
from ringfleet.plan.freeze import Freeze
from tests.controllers.rig import a_pool, an_account


def a_frozen_pool(value: str | None) -> NumberPool:
    pool: dict[str, Any] = a_pool()
    pool["metadata"] |= {"namespace": "sales", "annotations": {} if value is None else {"ringfleet.dev/frozen": value}}
    return NumberPool.parse(pool)


@pytest.mark.parametrize(
    ("value", "who", "why"),
    [
        pytest.param("ada: strange bills", "ada", "strange bills", id="both"),
        pytest.param("ada: see: the wiki", "ada", "see: the wiki", id="a colon in the reason"),
        pytest.param("ada", "ada", "", id="no reason"),
        pytest.param("", "", "", id="nothing"),
        pytest.param("ada:\n  two  lines", "ada: two lines", "", id="no line breaks"),
    ],
)
def test_who_and_why_are_read_from_the_annotation(value: str, who: str, why: str) -> None:
    thaw = "kubectl ringfleet thaw --pool west -n sales"
    assert freeze_of(a_frozen_pool(value)) == Freeze("NumberPool sales/west", thaw, who, why)


def test_an_object_without_the_annotation_is_not_frozen() -> None:
    assert freeze_of(a_frozen_pool(None)) is None


@pytest.mark.parametrize("who", ["ada", "system:serviceaccount:sales:bot", "ada: the boss", "o'hara, ada"])
def test_what_is_written_is_read_back(who: str) -> None:
    freeze = freeze_of(a_frozen_pool(annotation_of(who, "why: not")))
    assert freeze
    assert (freeze.who, freeze.why) == (who.replace(": ", " "), "why: not")
    everything = freeze_of_all(config_map_of(who, "why: not", "system"))
    assert (everything.who, everything.why) == (who, "why: not")


def test_the_sentence_says_what_who_why_and_how_to_go_on() -> None:
    account = an_account()
    account["metadata"] |= {"namespace": "sales", "annotations": {"ringfleet.dev/frozen": "ada: strange bills"}}
    freeze = freeze_of(CarrierAccount.parse(account))
    assert freeze
    assert freeze.message == (
        "CarrierAccount sales/main is frozen by ada (strange bills): nothing is bought, given back, bound or picked "
        "there until `kubectl ringfleet thaw --account main -n sales`."
    )
    assert freeze_of_all({}).message.startswith("Everything is frozen: nothing is bought")


def test_a_long_reason_is_cut() -> None:
    freeze = freeze_of_all({"data": {"why": "x" * 4000}})
    assert len(freeze.message) < 500
