"""Windows of budget and quiet hours, across zones and clock changes."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfleet.model import E164
from ringfleet.model.geography import locate, whereabouts
from ringfleet.plan.rotation_set.calendar import HOUR, NEVER, beginning, quiet_until, window
from ringfleet.plan.rotation_set.guardrails import QuietHours

ZONES = ["UTC", "America/Los_Angeles", "America/New_York", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe"]


def at(text: str, zone: str = "UTC") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("America/New_York", date(2026, 3, 8), 23),
        ("America/New_York", date(2026, 11, 1), 25),
        ("America/New_York", date(2026, 11, 2), 24),
        ("UTC", date(2026, 11, 1), 24),
        ("Australia/Lord_Howe", date(2026, 10, 4), 23.5),
    ],
)
def test_a_day_has_the_hours_that_the_clock_gives_it(zone: str, day: date, hours: float) -> None:
    begins = beginning(day, zone)
    assert window(begins, zone).tomorrow - begins == hours * HOUR
    assert window(begins - 1, zone).day == day - timedelta(days=1)
    assert window(begins + hours * HOUR - 1, zone).day == day


def test_midnight_pacific_is_not_midnight_utc() -> None:
    moment = at("2026-11-25T06:00").timestamp()
    assert (window(moment, "UTC").day, window(moment, "America/Los_Angeles").day) == (
        date(2026, 11, 25),
        date(2026, 11, 24),
    )


@given(st.integers(1_700_000_000, 1_900_000_000), st.sampled_from(ZONES))
def test_now_lies_in_its_window(now: int, zone: str) -> None:
    found = window(now, zone)
    assert beginning(found.day, zone) <= now < found.tomorrow <= now + 26 * HOUR
    assert now < found.hour_ends <= now + HOUR


@pytest.mark.parametrize(
    ("number", "moment", "until"),
    [
        ("+14155550123", "2026-11-24T20:59", None),
        ("+14155550123", "2026-11-24T21:00", "2026-11-25T08:00"),
        ("+14155550123", "2026-11-25T07:59", "2026-11-25T08:00"),
        ("+14155550123", "2026-11-25T08:00", None),
        ("+12125550123", "2026-11-24T18:00", "2026-11-25T05:00"),
        ("+12125550123", "2026-11-24T17:59", None),
    ],
)
def test_guardrail_quiet_hours_by_recipient_zone(number: str, moment: str, until: str | None) -> None:
    """The moments are those of a clock in California."""
    zones = locate(E164(number)).zones
    found = quiet_until(QuietHours(), zones, at(moment, "America/Los_Angeles"))
    assert found == (at(until, "America/Los_Angeles") if until else None)


def test_a_recipient_who_may_be_anywhere_is_called_when_it_is_day_everywhere() -> None:
    zones = ["America/New_York", "America/Los_Angeles"]
    assert quiet_until(QuietHours(), zones, at("2026-11-24T09:30", "America/New_York")) == at(
        "2026-11-24T11:00", "America/New_York"
    )
    assert quiet_until(QuietHours(), zones, at("2026-11-24T12:00", "America/New_York")) is None


def test_a_recipient_of_no_known_zone_is_left_alone() -> None:
    now = at("2026-11-24T12:00")
    assert quiet_until(QuietHours(), [], now) == NEVER
    assert quiet_until(QuietHours(time(12), time(12)), [], now) is None


def test_a_recipient_whose_zones_are_always_quiet_somewhere_is_left_alone_for_good() -> None:
    """Not for two days, again and again."""
    apart = ["Pacific/Guam", "America/New_York", "Europe/London"]
    assert quiet_until(QuietHours(), apart, at("2026-11-24T12:00")) == NEVER


@pytest.mark.parametrize("zones", [[], ["Pacific/Guam", "America/New_York", "Europe/London"]])
def test_where_no_clock_is_known_the_sets_own_default_counts(zones: list[str]) -> None:
    quiet = QuietHours(default_zone="America/Denver")
    assert quiet_until(quiet, zones, at("2026-11-24T12:00", "America/Denver")) is None
    assert quiet_until(quiet, zones, at("2026-11-24T21:00", "America/Denver")) == at(
        "2026-11-25T08:00", "America/Denver"
    )
    assert quiet_until(quiet, ["America/New_York"], at("2026-11-24T20:00", "America/Denver")) is not None


def test_a_gap_of_one_minute_in_the_quiet_hours_is_found() -> None:
    quiet = QuietHours(time(12, 8), time(12, 7))
    assert quiet_until(quiet, ["UTC"], at("2026-11-24T12:09")) == at("2026-11-25T12:07")


@given(st.integers(0, 1439), st.integers(0, 1439), st.sampled_from(ZONES), st.integers(0, 2880))
def test_quiet_hours_end_with_the_first_minute_that_is_not_quiet(start: int, end: int, zone: str, after: int) -> None:
    quiet = QuietHours(time(start // 60, start % 60), time(end // 60, end % 60))
    now = datetime(2026, 10, 30, tzinfo=UTC) + timedelta(minutes=after)
    until = quiet_until(quiet, [zone], now)
    here = ZoneInfo(zone)
    if until is None:
        assert not quiet.contains(now.astimezone(here).time())
    else:
        assert not quiet.contains(until.astimezone(here).time())
        assert quiet.contains((until - timedelta(minutes=1)).astimezone(here).time())


@pytest.mark.parametrize(
    ("number", "places"),
    [
        ("+14155550123", ("a:US:415", "r:US:CA", "c:US", "")),
        ("+16285550123", ("a:US:628", "r:US:CA", "c:US", "")),
        ("+16465550123", ("a:US:646", "r:US:NY", "c:US", "")),
        ("+4930123456", ("a:DE:30", "r:DE:Berlin", "c:DE", "")),
        ("+4915112345678", ("c:DE", "")),
        ("+18005550123", ("c:US", "")),
        ("+14165550123", ("a:CA:416", "r:CA:ON", "c:CA", "")),
    ],
)
def test_a_number_is_near_to_its_places(number: str, places: tuple[str, ...]) -> None:
    assert locate(E164(number)).places == whereabouts(E164(number)).places == places
