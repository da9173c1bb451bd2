"""Durations: what each form means, and where the calendar decides."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from mct_s2s.model.duration import LONGEST, Duration, iso_duration, short_duration


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("P180D", timedelta(days=180)),
        ("P365DT12H", timedelta(days=365, hours=12)),
        ("P1Y", timedelta(days=365)),
        ("P2M3W", timedelta(days=81)),
        ("PT90.5S", timedelta(seconds=90)),
        ("P999999Y", LONGEST),
    ],
)
def test_a_policys_duration_has_a_length_without_a_calendar(text: str, length: timedelta) -> None:
    duration = iso_duration(text)
    assert duration is not None
    assert duration.length == length


@pytest.mark.parametrize("text", ["", "P", "PT", "180D", "P-1D", "P1.5D", "P٣D", "P1D "])
def test_anything_else_is_no_iso_duration(text: str) -> None:
    assert iso_duration(text) is None


@pytest.mark.parametrize(
    ("text", "moment", "end"),
    [
        ("6m", "2026-08-31", "2027-03-01"),
        ("1m", "2026-12-15", "2027-01-15"),
        ("1y", "2028-02-29", "2029-03-01"),
        ("4w", "2026-12-31", "2027-01-28"),
    ],
)
def test_months_are_counted_by_the_calendar(text: str, moment: str, end: str) -> None:
    duration = short_duration(text)
    assert duration is not None
    assert duration.after(datetime.fromisoformat(moment).replace(tzinfo=UTC)) == datetime.fromisoformat(end).replace(
        tzinfo=UTC
    )


def test_an_end_that_no_calendar_has_is_said() -> None:
    with pytest.raises(OverflowError):
        Duration(months=12 * 8000).after(datetime(2026, 1, 1, tzinfo=UTC))
