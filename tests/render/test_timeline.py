"""The end of each credential: in order, with how far away it is."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from mct_s2s.model.client_credentials import CredentialKind
from mct_s2s.model.trust import ClientApplication
from mct_s2s.render.timeline import COLUMNS, show_timeline

from tests.planning.scenarios import NOW, client, credential
from tests.render.conftest import Screen, Screens
from tests.render.reading import line_with

WITHIN = timedelta(days=30)
FILLED = "━"
BAR = f"{FILLED}╌"


def rows(screen: Screen, *clients: ClientApplication, within: timedelta = WITHIN) -> list[str]:
    """The lines below the heading."""
    show_timeline(screen.terminal, clients, NOW, within)
    assert screen.err == ""
    return screen.out.splitlines()[2:]


def filled(row: str) -> int:
    bar = next(word for word in row.split() if set(word) <= set(BAR))
    assert len(bar) == COLUMNS
    return bar.count(FILLED)


@pytest.mark.parametrize("width", [80, 120, None])
def test_credentials_of_all_clients_are_in_the_order_of_their_ends(screens: Screens, width: int | None) -> None:
    found = rows(
        screens(width),
        client("Import", credential(300, "c"), credential(10, "a")),
        client("Reports", credential(100, "b")),
    )
    assert [row.split()[0] for row in found] == ["2026-12-04", "2027-03-04", "2027-09-20"]
    assert [("Import" in row, row.split()[-1]) for row in found] == [(True, "a"), (False, "b"), (True, "c")]


@pytest.mark.parametrize(
    ("days", "told"),
    [
        (365, "in 365 days"),
        (20, "in 20 days"),
        (2, "in 2 days"),
        (1, "in 1 day "),
        (-10, "10 days ago"),
        (-1.5, "1 day ago "),
        (-2.9, "2 days ago"),
        (-0.5, "expired"),
        (0, "expired"),
    ],
)
def test_a_row_says_how_far_away_the_end_is(screens: Screens, days: float, told: str) -> None:
    (row,) = rows(screens(120), client("Import", credential(days)))
    assert told in row


def test_a_bar_is_the_longer_the_further_away_the_end_is(screens: Screens) -> None:
    found = rows(screens(120), client("Import", *(credential(days, str(days)) for days in (-5, 0, 90, 180, 365, 900))))
    lengths = [filled(row) for row in found]
    assert lengths[:2] == [0, 0]
    assert lengths[4:] == [COLUMNS, COLUMNS]  # what is further away than a year is as good as far
    assert 0 < lengths[2] < lengths[3] < COLUMNS


def test_what_never_ends_is_not_on_the_timeline(screens: Screens) -> None:
    federated = replace(credential(name="never", kind=CredentialKind.FEDERATED), expires=None)
    century = credential(100 * 365, "century")
    (row,) = rows(screens(120), client("Import", federated, century, credential(10, "soon")))
    assert row.split()[-1] == "soon"


def test_where_nothing_ends_there_is_no_heading_either(screens: Screens) -> None:
    screen = screens(120)
    federated = replace(credential(kind=CredentialKind.FEDERATED), expires=None)
    assert rows(screen, client("Import", federated), replace(client("Partner"), application=None)) == []
    assert screen.out == ""


def test_a_credential_without_a_name_is_reported_by_its_id(screens: Screens) -> None:
    nameless = replace(credential(), name=None, kind=CredentialKind.CERTIFICATE)
    (row,) = rows(screens(120), client("Import", nameless))
    assert row.rstrip().endswith(f"certificate {nameless.key_id}")


@pytest.mark.parametrize("name", ["Good[/red]", "Düsseldorf 日本語", "y" * 120])
def test_the_name_of_a_credential_is_whole_in_a_log(screens: Screens, name: str) -> None:
    rows(screen := screens(), client("Import", credential(10, name)))
    assert line_with(screen.out, "2026-12-04", f"secret {name}")


def test_the_heading_says_from_when_the_days_are_counted(screens: Screens) -> None:
    rows(screen := screens(120), client("Import"))
    assert line_with(screen.out, "2026-11-24", "365")


@pytest.mark.parametrize(
    ("days", "within", "color"),
    [(100, 30, "32"), (20, 30, "33"), (100, 120, "33"), (20, 7, "32"), (-1, 30, "31"), (0, 30, "31"), (30, 30, "33")],
)
def test_the_color_of_a_row_follows_the_warning_time(screens: Screens, days: int, within: int, color: str) -> None:
    screen = screens(120, is_terminal=True)
    rows(screen, client("Import", credential(days)), within=timedelta(days=within))
    raw = screen.out_stream.getvalue()
    others = {"31m20", "32m20", "33m20"} - {f"{color}m20"}
    assert f"{color}m20" in raw  # the date's first digits
    assert not any(other in raw for other in others)
