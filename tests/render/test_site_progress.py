"""Several sites at once: a line for each on a screen, its name before each line of a log."""

from __future__ import annotations

from dataclasses import replace

from mct_s2s.planning.changes import WriteSettings
from mct_s2s.planning.plan import Plan
from mct_s2s.ports.apply_progress import Wait, activity, watched_by
from mct_s2s.render.live.progress import NoProgress, TerminalProgress, progress
from mct_s2s.render.live.running import Signs
from mct_s2s.render.live.site_progress import NamedWatcher, SiteLine

from tests.render.conftest import Screens
from tests.render.examples import full_plan, refusal

PLAN = full_plan()
FIRST, SECOND = PLAN.changes[:2]
WRITE = next(change for change in PLAN.changes if isinstance(change, WriteSettings))


def rows(shown: TerminalProgress, width: int = 80) -> list[str]:
    return [row.plain[2:] for row in shown._board.rows(Signs(), width, 24, shown.now())]


def test_a_site_has_one_line_with_the_step_that_runs_and_what_that_waits_for(screens: Screens) -> None:
    shown = TerminalProgress(screens(80, is_terminal=True).terminal, now=lambda: 0.0)
    line = SiteLine("learn", PLAN, shown)
    settings = line.started(WRITE)
    settings.waits(Wait("waiting for the other steps"))
    assert rows(shown)[0].startswith(f"learn  0 of {len(PLAN.changes)} steps  Updating application settings")
    first = line.started(FIRST)
    wait = Wait("waiting for Entra ID to replicate")
    first.waits(wait)
    (row,) = [" ".join(rows(shown))]
    assert "Updating" not in row, "it waits for the others anyway"
    assert row.endswith("waiting for Entra ID to replicate")
    first.goes_on(wait)
    assert "waiting" not in " ".join(rows(shown))
    line.finished(FIRST, "")
    line.finished(FIRST, "told again")
    assert rows(shown)[0].startswith(f"learn  1 of {len(PLAN.changes)} steps")
    line.close()
    assert rows(shown) == []


def test_the_line_that_stays_says_how_far_the_site_came(screens: Screens) -> None:
    plan = Plan((FIRST, SECOND))
    for ends, expected in (
        (("finished", "finished"), "✓ Applied    learn  2 of 2 steps"),
        (("finished", "failed"), "✗ Failed     learn  1 of 2 steps"),
        (("finished",), "? Stopped    learn  1 of 2 steps"),
    ):
        screen = screens(80, is_terminal=True)
        with progress(screen.terminal).applying_at("learn", plan) as steps:
            for change, end in zip(plan.changes, ends, strict=False):
                steps.started(change)
                if end == "failed":
                    steps.failed(change, refusal())
                else:
                    steps.finished(change, "")
        assert expected in screen.err


def test_a_log_has_the_site_before_each_step(screens: Screens) -> None:
    screen = screens()
    with progress(screen.terminal).applying_at("learn", Plan((FIRST,))) as steps:
        steps.started(FIRST)
        steps.finished(FIRST, "")
    assert "Z learn: Created " in screen.err


def test_what_is_no_step_bears_the_sites_name(screens: Screens) -> None:
    shown = TerminalProgress(screens(80, is_terminal=True).terminal, now=lambda: 0.0)
    with watched_by(NamedWatcher("learn", shown)), activity("Testing the clients"):
        assert rows(shown) == ["learn: Testing the clients"]
    assert rows(shown) == []


def test_quiet_shows_nothing_of_it(screens: Screens) -> None:
    screen = screens(80, is_terminal=True)
    with NoProgress().applying_at("learn", Plan((FIRST,))) as steps:
        steps.started(FIRST)
        steps.finished(replace(FIRST, detail="x"), "x")
    assert (screen.out, screen.err) == ("", "")
