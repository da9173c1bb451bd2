"""What runs, as it runs: lines and a live area on a terminal, timed lines in a log, nothing with `--quiet`."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from contextlib import suppress

import pytest
from mct_s2s.planning.changes import AnyChange
from mct_s2s.planning.plan import Plan
from mct_s2s.ports.apply_progress import Activity, Wait, activity, throttled, waiting, watched_by
from mct_s2s.render.console import Terminal
from mct_s2s.render.live.log_progress import LogProgress
from mct_s2s.render.live.plan_order import HELD_SECONDS
from mct_s2s.render.live.progress import NoProgress, TerminalProgress, progress
from mct_s2s.render.live.running import Signs
from mct_s2s.render.pipelines import masks

from tests.render.conftest import Screen, Screens
from tests.render.examples import LONG_NAME, ODD_NAMES, full_plan, principal, refusal
from tests.render.reading import line_with
from tests.support.screens import check_screen

TIMED = re.compile(r"^\d\d:\d\d:\d\dZ ")
PIPELINES = {"GITHUB_ACTIONS": "true", "TF_BUILD": "True"}


def in_log(screens: Screens, tell: Callable[[Terminal], object]) -> list[str]:
    """The lines of a log, whose times are looked at and taken off."""
    screen = screens()
    tell(screen.terminal)
    assert screen.out == ""
    lines = screen.err.splitlines()
    assert all(TIMED.match(line) for line in lines if not line.startswith(("::", "##")))
    return [TIMED.sub("", line) for line in lines]


def done(change: AnyChange, detail: str = "") -> Callable[[Terminal], None]:
    """A step that starts and ends."""

    def tell(terminal: Terminal) -> None:
        with progress(terminal).applying(Plan((change,))) as steps:
            steps.started(change)
            steps.finished(change, detail)

    return tell


def test_what_is_shown_depends_on_who_looks(screens: Screens, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(progress(screens().terminal), LogProgress)
    assert isinstance(progress(screens(80, is_terminal=True).terminal), TerminalProgress)
    quiet = screens(80, is_terminal=True).terminal
    quiet.quiet = True
    assert isinstance(progress(quiet), NoProgress)
    monkeypatch.setenv("CI", "true")
    assert isinstance(progress(screens(80, is_terminal=True).terminal), LogProgress)


@pytest.mark.parametrize("name", ["FORCE_COLOR", "TTY_COMPATIBLE"])
def test_colours_that_are_asked_for_do_not_make_a_pipe_a_terminal(
    screens: Screens, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "1")
    assert isinstance(progress(screens().terminal), LogProgress)


def test_a_terminal_that_moves_no_cursor_gets_lines(screens: Screens, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(progress(screens(80, is_terminal=True).terminal), LogProgress)


# in a log


def test_a_step_is_one_line_with_a_time_when_it_has_ended(screens: Screens) -> None:
    assert in_log(screens, done(principal(), "restored")) == ["Created service principal of Import (restored)"]
    assert in_log(screens, done(principal())) == ["Created service principal of Import"]


def test_a_failed_step_is_reported_and_its_error_is_not(screens: Screens) -> None:
    def tell(terminal: Terminal) -> None:
        with progress(terminal).applying(Plan((principal(),))) as steps:
            steps.started(principal())
            steps.failed(principal(), refusal("Graph refused it."))  # printed once, at the end

    assert in_log(screens, tell) == ["Failed to create service principal of Import"]


def test_a_skipped_step_says_why(screens: Screens) -> None:
    def tell(terminal: Terminal) -> None:
        with progress(terminal).applying(Plan((principal(),))) as steps:
            steps.started(principal())
            steps.skipped(principal(), "you don't have permission")

    assert in_log(screens, tell) == ["Skipped service principal of Import (you don't have permission)"]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_an_odd_name_is_in_the_log_as_it_is(screens: Screens, name: str) -> None:
    (line,) = in_log(screens, done(principal(name), f"detail of {name}"))
    assert line == f"Created service principal of {name} (detail of {name})"


def test_a_wait_that_is_noticed_is_one_line_however_often_it_is_repeated(screens: Screens) -> None:
    def tell(terminal: Terminal) -> None:
        shown = LogProgress(terminal)
        shown.now = lambda: times.pop(0)  # type: ignore[method-assign]
        times, wait = [0.0, 1.0, 2.5, 3.5, 4.5], Wait("waiting for Entra ID to replicate")
        running = shown.begin("Creating secret of Import", None)
        for _ in range(4):
            running.waits(wait)

    assert in_log(screens, tell) == ["Creating secret of Import: waiting for Entra ID to replicate"]


def test_a_wait_that_is_known_to_take_long_is_told_at_once(screens: Screens) -> None:
    def tell(terminal: Terminal) -> None:
        with watched_by(progress(terminal)), activity("Reading A"), waiting("waiting for its old process", seconds=30):
            pass
        with watched_by(progress(terminal)), activity("Reading A"), waiting("waiting for a moment", seconds=0.1):
            pass

    assert in_log(screens, tell) == ["Reading A: waiting for its old process"]


def test_a_throttle_is_told_by_the_service(screens: Screens) -> None:
    def tell(terminal: Terminal) -> None:
        with watched_by(progress(terminal)):
            throttled("Microsoft Graph", 150.0)

    assert in_log(screens, tell) == ["Microsoft Graph limits requests: waiting 150 s."]


def test_what_runs_beside_the_plan_is_in_the_log_of_a_job(screens: Screens, monkeypatch: pytest.MonkeyPatch) -> None:
    def tell(terminal: Terminal) -> None:
        with watched_by(progress(terminal)), activity("Reading the directory"), activity("Testing A"):
            pass

    assert in_log(screens, tell) == []
    monkeypatch.setenv("CI", "1")
    assert in_log(screens, tell) == ["Reading the directory"], "what is a part of it has no line of its own"


@pytest.mark.parametrize(
    ("variable", "group", "end"),
    [
        ("GITHUB_ACTIONS", "::group::1 change", "::endgroup::"),
        ("TF_BUILD", "##[group]1 change", "##[endgroup]"),
    ],
)
def test_the_steps_are_a_group_of_a_jobs_log_which_ends_with_them_whatever_happens(
    screens: Screens, monkeypatch: pytest.MonkeyPatch, variable: str, group: str, end: str
) -> None:
    monkeypatch.setenv(variable, PIPELINES[variable])

    def tell(terminal: Terminal) -> None:
        with suppress(KeyboardInterrupt), progress(terminal).applying(Plan((principal(),))) as steps:
            steps.started(principal())
            steps.finished(principal(), "")
            raise KeyboardInterrupt

    assert in_log(screens, tell) == [group, "Created service principal of Import", end]


def test_quiet_says_nothing_of_all_this(screens: Screens) -> None:
    screen = screens()
    screen.terminal.quiet = True
    done(principal(), "restored")(screen.terminal)
    with watched_by(progress(screen.terminal)), activity("Reading A"), waiting("for long", seconds=100):
        throttled("Microsoft Graph", 150.0)
    screen.terminal.note("Signing in.")
    assert (screen.out, screen.err) == ("", "")


# on a terminal


class Clock:
    """The time on a screen."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def on_terminal(screens: Screens, width: int = 80) -> tuple[Screen, TerminalProgress, Clock]:
    clock, screen = Clock(), screens(width, is_terminal=True)
    return screen, TerminalProgress(screen.terminal, clock), clock


def rows(shown: TerminalProgress, width: int = 79, height: int = 23) -> list[str]:
    """What the live area shows."""
    return [row.plain for row in shown._frame(width, height)]


def test_what_is_done_stays_and_only_what_runs_is_live(screens: Screens) -> None:
    screen, shown, clock = on_terminal(screens)
    a, b = principal("A"), principal("B")
    with shown.applying(Plan((a, b))) as steps:
        steps.started(a)
        steps.started(b)
        clock.seconds = 3.0
        steps.finished(a, "restored")
        assert rows(shown) == ["⠋ Creating   service principal of B … 3 s"]
    assert line_with(screen.err, "principal of A").rstrip() == "✓ Created    service principal of A in 3 s  restored"
    assert (rows(shown), screen.out) == ([], "")


def test_lines_are_in_the_plans_order(screens: Screens) -> None:
    screen, shown, _ = on_terminal(screens)
    a, b = principal("A"), principal("B")
    with shown.applying(Plan((a, b))) as steps:
        steps.started(a)
        steps.started(b)
        steps.finished(b, "")
        assert "principal of B" not in screen.err
        steps.failed(a, refusal())
    assert re.findall(r"[✓✗] \w+", screen.err) == ["✗ Failed", "✓ Created"]


def test_a_line_is_not_held_back_for_ever(screens: Screens) -> None:
    screen, shown, _ = on_terminal(screens)
    shown.now = lambda: asyncio.get_running_loop().time()
    shown.held_seconds = 0.01

    async def main() -> None:
        a, b = principal("A"), principal("B")
        with shown.applying(Plan((a, b))) as steps:
            steps.started(a)
            steps.started(b)
            steps.finished(b, "")
            assert "principal of B" not in screen.err
            await asyncio.sleep(0.05)
            assert "principal of B" in screen.err

    asyncio.run(main())
    assert HELD_SECONDS == 2.0


def test_a_step_that_is_cut_off_is_no_longer_shown_and_has_no_line(screens: Screens) -> None:
    screen, shown, _ = on_terminal(screens)
    with suppress(KeyboardInterrupt), shown.applying(Plan((principal(),))) as steps:
        steps.started(principal())
        raise KeyboardInterrupt
    assert (rows(shown), screen.err.strip()) == ([], "")
    assert not shown._area.is_open


def test_a_wait_has_a_reason_its_time_and_an_end(screens: Screens) -> None:
    _, shown, clock = on_terminal(screens)
    with watched_by(shown), activity("Testing A"), waiting("contosolearn returns 503, starting", gives_up_at=600.0):
        assert rows(shown, 100) == ["⠋ Testing A: contosolearn returns 503, starting"]
        clock.seconds = 6.0
        assert rows(shown, 100) == ["⠋ Testing A: contosolearn returns 503, starting … 6 s"]
        clock.seconds = 81.0
        assert rows(shown, 100) == ["⠋ Testing A: contosolearn returns 503, starting … 1:21 (gives up at 10:00)"]


def test_a_wait_whose_length_is_known_says_so(screens: Screens) -> None:
    _, shown, clock = on_terminal(screens)
    with watched_by(shown), activity("Removing A"), waiting("waiting for callers", seconds=3.0):
        clock.seconds = 1.0
        assert rows(shown) == ["⠋ Removing A: waiting for callers … 1 s of 3 s"]


def test_what_has_parts_is_shown_by_them(screens: Screens) -> None:
    _, shown, _ = on_terminal(screens)
    with watched_by(shown), activity("Testing the clients"):
        with activity("Testing A"):
            assert rows(shown) == ["⠋ Testing A"]
        assert rows(shown) == ["⠋ Testing the clients"]


def test_a_throttle_has_a_line_of_its_own_until_it_is_over(screens: Screens) -> None:
    _, shown, clock = on_terminal(screens)
    with watched_by(shown), activity("Reading A"):
        throttled("Microsoft Graph", 5.0)
        clock.seconds = 2.0
        assert rows(shown)[-1] == "⠋ Throttled  Microsoft Graph asked to wait 5 s … 3 s left"
        clock.seconds = 5.0
        assert rows(shown) == ["⠋ Reading A … 5 s"]


def test_a_wait_belongs_to_what_runs_in_its_task(screens: Screens) -> None:
    _, shown, _ = on_terminal(screens)

    async def one(name: str, wait: Activity | None = None) -> list[str]:
        with activity(f"Testing {name}"), waiting(f"for {name}"):
            await asyncio.sleep(0)
            return rows(shown)

    async def main() -> list[str]:
        found, _ = await asyncio.gather(one("A"), one("B"))
        return found

    with watched_by(shown):
        assert asyncio.run(main()) == ["⠋ Testing A: for A", "⠋ Testing B: for B"]


@pytest.mark.parametrize("width", [40, 80, 120])
def test_no_name_is_cut(screens: Screens, width: int) -> None:
    screen, shown, _ = on_terminal(screens, width)
    change = principal(LONG_NAME)
    with shown.applying(Plan((change,))) as steps:
        steps.started(change)
        live = rows(shown, width)
        assert all(len(row) <= width for row in live)
        assert LONG_NAME in "".join(live)
        steps.finished(change, "many words " * 40)
    assert LONG_NAME in screen.err
    assert screen.err.count("many") == screen.err.count("words") == 40


@pytest.mark.parametrize("name", ODD_NAMES)
def test_an_odd_name_is_on_the_screen_as_it_is(screens: Screens, name: str) -> None:
    screen, shown, _ = on_terminal(screens, 400)
    with shown.applying(Plan((principal(name),))) as steps:
        steps.started(principal(name))
        assert name in rows(shown, 400)[0]
        steps.finished(principal(name), "[/red]")
    assert f"{name}  [/red]" in screen.err


@pytest.mark.parametrize("height", [3, 8, 23])
def test_the_live_area_is_never_higher_than_the_screen(screens: Screens, height: int) -> None:
    _, shown, clock = on_terminal(screens)
    plan = Plan(tuple(principal(f"Client {number}") for number in range(30)))
    with shown.applying(plan) as steps:
        for number, change in enumerate(plan.changes):
            clock.seconds = float(number)
            steps.started(change)
        shown.throttled("Microsoft Graph", 60.0)
        clock.seconds = 40.0
        live = rows(shown, 79, height)
    assert len(live) == height
    assert "Microsoft Graph asked to wait" in live[0], "what holds up everything is never hidden"
    assert live[1:2] == ["⠋ Creating   service principal of Client 0 … 40 s"]
    assert live[-1] == f"  and {30 - (height - 2)} more"


def test_an_encoding_without_our_signs_gets_others(screens: Screens) -> None:
    assert Signs.of("utf-8").done == "✓"
    for encoding in ("ascii", "cp1252", "no-such"):
        signs = Signs.of(encoding)
        assert (signs.done, signs.failed, signs.ellipsis, signs.spinner) == ("+", "x", "...", "|/-\\")


# pictures


def everything_at_once(terminal: Terminal) -> None:
    """A run in the middle: what is done, what waits and for what, and what has not come to anything."""
    clock = Clock()
    shown, plan = TerminalProgress(terminal, clock), full_plan("S2S-client")
    shown.signs = Signs.of(terminal.err.encoding)
    shown._area.open = lambda: None  # type: ignore[method-assign]
    changes = plan.changes
    with suppress(KeyboardInterrupt), watched_by(shown), shown.applying(plan) as steps:
        running = [steps.started(change) for change in changes]
        clock.seconds = 6.2
        for change in changes[:3]:
            steps.finished(change, change.detail)
        steps.skipped(changes[3], "you don't have permission")
        steps.failed(changes[4], refusal())
        for one, wait in zip(running[5:], WAITS, strict=False):
            assert one is not None
            one.waits(wait)
        shown.throttled("Microsoft Graph", 20.0)
        clock.seconds = 21.2
        with activity("Watching contosolearn for other writers of its settings"):
            for row in shown._frame(terminal.err.width - 1, terminal.err.height - 1):
                terminal.say(row)
        raise KeyboardInterrupt


WAITS = (
    Wait("waiting for Entra ID to replicate", gives_up_at=306.2),
    Wait("contosolearn.azurewebsites.net returns 503, starting", gives_up_at=600.0),
    Wait("waiting for its old process to end", seconds=30.0),
)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("progress", {}),
        ("progress-120", {"width": 120}),
        ("progress-40", {"width": 40}),
        ("progress-no-color", {"color": False}),
        ("progress-ascii", {"unicode": False}),
    ],
)
def test_a_run_in_the_middle(name: str, options: dict[str, int | bool]) -> None:
    check_screen(name, everything_at_once, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(("name", "height"), [("progress-six-clients", 24), ("progress-twelve-lines", 12)])
def test_six_clients_that_wait_fit_on_the_screen(name: str, height: int) -> None:
    """As many steps as the engine has at work at once, and the one that waits for all of them."""

    def tell(terminal: Terminal) -> None:
        clock = Clock()
        shown = TerminalProgress(terminal, clock)
        shown._area.open = lambda: None  # type: ignore[method-assign]
        changes = [*(principal(client) for client in "ABCDEFGH"), full_plan().changes[-2]]
        with shown.applying(Plan(tuple(changes))) as steps:
            for change in reversed(changes):
                clock.seconds += 0.5
                running = steps.started(change)
                assert running is not None
                waits_last = change is changes[-1]
                reason = "waiting for the other steps" if waits_last else "waiting for Entra ID to replicate"
                running.waits(Wait(reason, gives_up_at=None if waits_last else 300.0 + clock.seconds))
            clock.seconds = 17.0
            for row in shown._frame(terminal.err.width - 1, terminal.err.height - 1):
                terminal.say(row)

    check_screen(name, tell, height=height)


def test_masks_come_line_by_line(monkeypatch: pytest.MonkeyPatch) -> None:
    key = "-----BEGIN PRIVATE KEY-----\nabc\n\ndef%\n-----END PRIVATE KEY-----\n"
    assert list(masks(key, {})) == []
    assert list(masks(key, {"GITHUB_ACTIONS": "true"})) == ["::add-mask::abc", "::add-mask::def%25"]
    assert list(masks(key, {"TF_BUILD": "True"})) == ["##vso[task.setsecret]abc", "##vso[task.setsecret]def%AZP25"]
