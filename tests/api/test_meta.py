"""Text at the door: durations, amounts, times, unknown fields."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ringfleet.api import CarrierAccount, NumberPool, PhoneNumber
from ringfleet.api.meta import Condition, format_duration, parse_duration
from ringfleet.api.phone_number import PhoneNumberStatus
from tests.api.manifests import a_number, a_pool, an_account, changed

DURATIONS = [
    ("250ms", timedelta(milliseconds=250)),
    ("30s", timedelta(seconds=30)),
    ("15m", timedelta(minutes=15)),
    ("720h", timedelta(days=30)),
    ("1h30m", timedelta(minutes=90)),
    ("0s", timedelta()),
]


@pytest.mark.parametrize(("text", "duration"), DURATIONS)
def test_a_duration_is_read_and_written_as_go_writes_it(text: str, duration: timedelta) -> None:
    assert (parse_duration(text), format_duration(duration)) == (duration, text)


@given(st.integers(min_value=0, max_value=10**12))
def test_every_duration_survives_being_written_and_read(milliseconds: int) -> None:
    duration = timedelta(milliseconds=milliseconds)
    assert parse_duration(format_duration(duration)) == duration


@pytest.mark.parametrize("text", ["", "30", "30d", "-1s", "1.5h", "PT30S", "1h ", "1234567h"])
def test_what_is_no_duration_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration such as"):
        parse_duration(text)


def test_amounts_are_exact_and_written_without_an_exponent() -> None:
    pool = NumberPool.parse(changed(a_pool(), "spec.limits", {"monthlyBudget": "1000000.10"}))
    assert pool.spec.limits.monthly_budget == Decimal("1000000.10")
    assert pool.spec.limits.as_dict() == {"monthlyBudget": "1000000.10", "currency": "USD"}


def test_times_are_written_in_utc_to_the_second() -> None:
    noon_in_berlin = datetime(2026, 7, 1, 12, 0, 0, 999, tzinfo=timezone(timedelta(hours=2)))
    status = PhoneNumberStatus(renews_at=noon_in_berlin)
    assert status.as_dict()["renewsAt"] == "2026-07-01T10:00:00Z"
    assert PhoneNumberStatus.model_validate(status.as_dict()).renews_at == datetime(2026, 7, 1, 10, tzinfo=UTC)


def test_a_field_of_a_newer_version_is_ignored_when_reading() -> None:
    assert NumberPool.parse(changed(a_pool(), "spec.size.mood", "sunny")) == NumberPool.parse(a_pool())


def test_left_out_fields_have_the_defaults_that_the_schema_promises() -> None:
    account = CarrierAccount.parse(an_account())
    assert account.spec.endpoint is None, "each provider has its own"
    assert account.spec.credentials_secret_ref.key == "token"
    assert account.spec.limits.timeout == timedelta(seconds=30)
    assert account.spec.catalog.cache_ttl == timedelta(minutes=15)


def test_a_status_says_nothing_that_is_not_known() -> None:
    assert PhoneNumber.parse(a_number()).status.as_dict() == {"conditions": [], "capabilities": [], "history": []}


def test_a_wrong_object_is_refused_with_the_field_named() -> None:
    with pytest.raises(ValidationError, match=r"spec\.size\.target"):
        NumberPool.parse(changed(a_pool(), "spec.size.target", "many"))


def test_what_was_parsed_can_not_be_changed() -> None:
    condition = Condition(
        type="Ready",
        status="True",
        reason="AtTarget",
        message="",
        last_transition_time=datetime(2026, 1, 1, tzinfo=UTC),
    )
    with pytest.raises(ValidationError, match="frozen"):
        condition.status = "False"  # type: ignore[misc]  # the point of the test


def test_no_model_is_built_before_its_first_use() -> None:
    """A program that reads two kinds does not pay for nine when it starts."""
    seen = "{part.__name__ for part in Part.__subclasses__() + Resource.__subclasses__() if part.__pydantic_complete__}"
    asked = f"from ringfleet.api import *; from ringfleet.api.meta import Part, Resource; built = lambda: {seen}"
    told = "assert built() == set(), built(); NumberQuota(spec={}); assert built() == {'NumberQuota'}, built()"
    subprocess.run([sys.executable, "-c", f"{asked}\n{told}"], check=True)
