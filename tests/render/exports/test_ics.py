"""`-o ics`: read back by icalendar, an event and alarms for each credential that ends."""

import functools
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from icalendar import Calendar
from mct_s2s.plain_text import plain
from mct_s2s.planning.reports.status import StatusReport
from mct_s2s.render.exports import as_ics

from tests.planning.scenarios import NOW, client, complete, credential, guid
from tests.render.examples import WHERE
from tests.render.exports.hostile_reports import COMMON, ICS, USUAL, report
from tests.render.reports import WITHIN, named, one, status_of


def events(text: str) -> list[Any]:
    return list(Calendar.from_ical(text).walk("VEVENT"))


def test_each_credential_that_ends_has_an_event_at_its_end_with_the_command() -> None:
    found = events(as_ics(one()))
    assert [str(event["SUMMARY"]) for event in found] == [
        "Secret of Reports expires (contosolearn)",
        "Secret of Nightly expires (contosolearn)",
        "Secret of Import expires (contosolearn)",
    ]
    assert found[1]["DTSTART"].dt == NOW + timedelta(days=20)
    assert str(found[1]["DESCRIPTION"]).splitlines()[-1] == f"mct-s2s rotate-secret {guid('Nightly')} {WHERE}"
    assert "days" not in str(found[1]["DESCRIPTION"]), "it would be wrong tomorrow"


def test_an_alarm_rings_at_the_horizon() -> None:
    past, soon, later = events(as_ics(one()))
    assert list(past.walk("VALARM")) == []
    for event in (soon, later):
        alarms = list(event.walk("VALARM"))
        assert [alarm["TRIGGER"].dt for alarm in alarms] == [timedelta(days=-30)]
        assert all("mct-s2s rotate-secret" in str(alarm["DESCRIPTION"]) for alarm in alarms)


@pytest.mark.parametrize("within", [timedelta(days=7), timedelta(hours=36), timedelta(0)])
def test_the_horizon_may_be_short(within: timedelta) -> None:
    found = events(as_ics(replace(one(), within=within)))[-1]
    assert [alarm["TRIGGER"].dt for alarm in found.walk("VALARM")] == [-within]


def test_a_client_of_two_app_services_has_one_event() -> None:
    mine = client("Import", credential(50))
    sites = (status_of(complete(mine)), status_of(named(complete(mine), "other"), "-a other -g mct-prod"))
    (only,) = events(as_ics(StatusReport(NOW, WITHIN, sites)))
    assert str(only["SUMMARY"]).endswith("(contosolearn, other)")


def test_a_later_export_updates_the_same_events() -> None:
    first, later = one(), replace(one(), now=NOW + timedelta(days=1))
    uids = [[str(event["UID"]) for event in events(as_ics(each))] for each in (first, later)]
    assert uids[0] == uids[1]
    assert len(set(uids[0])) == 3
    stamps = [{event["LAST-MODIFIED"].dt for event in events(as_ics(each))} for each in (first, later)]
    assert stamps[0] != stamps[1]


def test_without_a_credential_that_ends_it_is_an_empty_calendar() -> None:
    unending = complete(client("Import", replace(credential(), expires=None)))
    assert events(as_ics(one(unending))) == []


@functools.cache
def usual_parts() -> list[tuple[str | None, list[str]]]:
    return [(part.name, sorted(part)) for part in Calendar.from_ical(as_ics(report(USUAL))).walk()]


@pytest.mark.parametrize("name", [*COMMON, *ICS])
def test_no_name_makes_another_line(name: str) -> None:
    text = as_ics(report(name))
    assert text.count("\n") == text.count("\r\n") == text.count("\r")
    assert max(len(line.encode()) for line in text.split("\r\n")) <= 75
    found = Calendar.from_ical(text)
    assert [(part.name, sorted(part)) for part in found.walk()] == usual_parts()
    assert f"Secret of {plain(name)} expires (contosolearn)" in {
        str(event["SUMMARY"]) for event in found.walk("VEVENT")
    }
