"""A length of time as people type it, and as policies say it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from mct_s2s.errors import UsageError
from mct_s2s.model.duration import LONGEST, duration, read_duration


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("24h", timedelta(hours=24)),
        ("30d", timedelta(days=30)),
        (" 4W ", timedelta(days=28)),
        ("0h", timedelta(0)),
        ("3660d", timedelta(days=3660)),
        ("P30D", timedelta(days=30)),
        ("PT36H", timedelta(hours=36)),
    ],
)
def test_hours_days_and_weeks(text: str, length: timedelta) -> None:
    assert duration(text, "--keep-old") == length


@pytest.mark.parametrize(
    "text", ["", "30", "d", "-1d", "1.5d", "30m", "1y", "P11Y", "3661d", "٣d", "1d1h", "99999999999w"]
)
def test_anything_else_is_refused_with_the_options_name(text: str) -> None:
    with pytest.raises(UsageError, match="--keep-old") as refused:
        duration(text, "--keep-old")
    assert refused.value.code == "malformed-duration"
    assert "--keep-old 24h" in refused.value.remedy


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
def test_a_duration_has_a_length_without_a_calendar(text: str, length: timedelta) -> None:
    found = read_duration(text)
    assert found is not None
    assert found.length == length


@pytest.mark.parametrize("text", ["", "P", "PT", "180", "P-1D", "P1.5D", "P٣D", "P1H"])
def test_anything_else_is_no_read_duration(text: str) -> None:
    assert read_duration(text) is None
