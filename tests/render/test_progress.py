"""What runs, as it runs: lines and a live area on a terminal, timed lines in a log, nothing with
`--quiet`.
"""

import asyncio
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
from mct_s2s import clock as time
from mct_s2s.activity import activity, counting, throttled, waiting, watched_by
from mct_s2s.cli.trust_file_requests import TrustFileMistake
from mct_s2s.errors import S2SError
from mct_s2s.planning.plan import Plan
from mct_s2s.render.console import Terminal
from mct_s2s.render.diagnostics import show_error, show_error_line
from mct_s2s.render.pipelines import masks
from mct_s2s.render.progress import Reporter

from tests.render.conftest import Screen, Screens, line_with
from tests.render.examples import full_plan, principal
from tests.support.screens import check_readable, check_screen


def shown_by(reporter: Reporter) -> list[str]:
    rows = reporter.rows()
    return [str(cell) for cell in rows.columns[1]._cells]


TIMED = re.compile(r"^\d\d:\d\d:\d\dZ ")
PIPELINES = {"GITHUB_ACTIONS": "true", "TF_BUILD": "True"}


@contextmanager
def logged(screens: Screens) -> Iterator[tuple[Terminal, list[str]]]:
    """A log, and at its end its lines, whose times are looked at and taken off."""
    screen = screens()
    lines = list[str]()
    yield screen.terminal, lines
    assert screen.out == ""
    told = screen.err.splitlines()
    assert all(TIMED.match(line) for line in told if not line.startswith(("::", "##")))
    lines += [TIMED.sub("", line) for line in told]


LIVE, LOG = (True, False), (False, True)


@pytest.mark.parametrize(
    ("is_terminal", "environ", "mode"),
    [
        (True, {}, LIVE),
        (False, {}, LOG),
        (True, {"CI": "true"}, LOG),
        (True, {"TERM": "dumb"}, LOG),  # it moves no cursor
        (False, {"FORCE_COLOR": "1"}, LOG),
        (False, {"TTY_COMPATIBLE": "1"}, LOG),
    ],
)
def test_progress_is_live_on_a_terminal_and_a_log_elsewhere(
    screens: Screens,
    monkeypatch: pytest.MonkeyPatch,
    is_terminal: bool,
    environ: dict[str, str],
    mode: object,
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    terminal = screens(80 if is_terminal else None, is_terminal=is_terminal).terminal
    for quiet, expected in ((False, mode), (True, (False, False))):
        terminal.quiet = quiet
        assert (Reporter(terminal).is_live, Reporter(terminal).is_log) == expected


def one_step(shown: Reporter, end: str, *detail: str) -> None:
    with shown.applying(Plan((principal(),))) as steps:
        steps.started(principal())
        getattr(steps, end)(principal(), *detail)


# in a log


@pytest.mark.parametrize(
    ("end", "detail", "line"),
    [
        ("finished", ("restored",), "Created service principal of Import (restored)"),
        ("finished", ("",), "Created service principal of Import"),
        ("failed", (), "Failed to create service principal of Import"),
        (
            "skipped",
            ("you don't have permission",),
            "Skipped service principal of Import (you don't have permission)",
        ),
    ],
)
def test_a_step_is_one_line_when_it_has_ended_and_its_error_is_printed_elsewhere(
    screens: Screens, end: str, detail: tuple[str, ...], line: str
) -> None:
    with logged(screens) as (terminal, lines):
        one_step(Reporter(terminal), end, *detail)
    assert lines == [line]


def test_a_wait_that_is_noticed_is_one_line_however_often_it_is_repeated(screens: Screens) -> None:
    with logged(screens) as (terminal, lines):
        shown = Reporter(terminal)
        time.seconds = lambda: times.pop(0)
        times = [0.0, 1.0, 2.5, 3.5, 4.5]
        running = shown.begin("Creating secret of Import", None)
        for _ in range(4):
            running.waits("waiting for Entra ID to replicate")
    assert lines == ["Creating secret of Import: waiting for Entra ID to replicate"]


def test_a_throttle_is_told_by_the_service(screens: Screens) -> None:
    with logged(screens) as (terminal, lines), watched_by(Reporter(terminal)):
        throttled("Microsoft Graph", 150.0)
    assert lines == ["Microsoft Graph limits requests: waiting 150 s."]


def test_a_step_beside_the_plan_is_in_the_log_of_a_job(
    screens: Screens, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What is a part of it has no line of its own
    for in_job, told in (
        (False, []),
        (True, ["Reading the directory"]),
    ):
        if in_job:
            monkeypatch.setenv("CI", "1")
        with (
            logged(screens) as (terminal, lines),
            watched_by(Reporter(terminal)),
            activity("Reading the directory"),
            activity("Testing A"),
        ):
            pass
        assert lines == told


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

    with (
        logged(screens) as (terminal, lines),
        suppress(KeyboardInterrupt),
        Reporter(terminal).applying(Plan((principal(),))) as steps,
    ):
        steps.started(principal())
        steps.finished(principal(), "")
        raise KeyboardInterrupt
    assert lines == [group, "Created service principal of Import", end]


# on a terminal


class Clock:
    """The time on a screen."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture(autouse=True)
def _real_time_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "seconds", time.seconds)


def reporter(terminal: Terminal, clock: Clock) -> Reporter:
    """One that draws only when it is asked."""
    shown = Reporter(terminal)
    time.seconds, shown._draw = clock, lambda: None  # type: ignore[method-assign]
    terminal.err.get_time = clock
    return shown


def on_terminal(screens: Screens, width: int = 80) -> tuple[Screen, Reporter, Clock]:
    clock = Clock()
    screen = screens(width, is_terminal=True)
    return screen, reporter(screen.terminal, clock), clock


def rows(shown: Reporter) -> list[str]:
    """What the live area shows, without its spinners."""
    console = shown._terminal.err
    with console.capture() as captured:
        console.print(shown.rows())
    text = re.sub(r"\x1b\[[0-9;]*m", "", captured.get())
    return [line[2:].rstrip() for line in text.splitlines() if line.strip()]


def test_finished_steps_stay_and_only_running_ones_are_live(screens: Screens) -> None:
    screen, shown, clock = on_terminal(screens)
    a, b = principal("A"), principal("B")
    with shown.applying(Plan((a, b))) as steps:
        steps.started(a)
        steps.started(b)
        clock.seconds = 3.0
        steps.finished(a, "restored")
        assert rows(shown) == ["Creating service principal of B … 3 s"]
    assert (
        line_with(screen.err, "principal of A").rstrip()
        == "✓ Created    service principal of A in 3 s  restored"
    )
    assert (rows(shown), screen.out) == ([], "")


def test_a_step_that_is_cut_off_is_no_longer_shown_and_has_no_line(screens: Screens) -> None:
    screen, shown, _ = on_terminal(screens)
    with suppress(KeyboardInterrupt), shown.applying(Plan((principal(),))) as steps:
        steps.started(principal())
        raise KeyboardInterrupt
    assert (rows(shown), screen.err.strip()) == ([], "")


def test_a_wait_has_a_reason_its_time_and_an_end(screens: Screens) -> None:
    _, shown, clock = on_terminal(screens, 100)
    with (
        watched_by(shown),
        activity("Testing A"),
        waiting("contosolearn returns 503, starting", gives_up_at=600.0),
    ):
        assert rows(shown) == ["Testing A: contosolearn returns 503, starting"]
        clock.seconds = 6.0
        assert rows(shown) == ["Testing A: contosolearn returns 503, starting … 6 s"]
        clock.seconds = 81.0
        assert rows(shown) == [
            "Testing A: contosolearn returns 503, starting … 1:21 (gives up at 10:00)"
        ]


def test_a_step_with_parts_is_shown_by_them(screens: Screens) -> None:
    _, shown, _ = on_terminal(screens)
    with watched_by(shown), activity("Testing the clients"):
        with activity("Testing A"):
            assert rows(shown) == ["Testing A"]
        assert rows(shown) == ["Testing the clients"]


def test_a_terminal_has_room_to_echo_ctrl_c_behind_what_runs(screens: Screens) -> None:
    """In a row of its own, it would leave one of the live area's behind."""
    _, shown, _ = on_terminal(screens)
    with watched_by(shown), activity("x" * 100):
        assert max(map(len, rows(shown))) + len("* ^C^C^C") == 80


def test_a_throttle_is_shown_first_until_it_is_over(screens: Screens) -> None:
    _, shown, clock = on_terminal(screens)
    with watched_by(shown), activity("Reading A"):
        throttled("Microsoft Graph", 5.0)
        clock.seconds = 2.0
        assert rows(shown) == ["Microsoft Graph limits requests: 3 s left", "Reading A … 2 s"]
        clock.seconds = 5.0
        assert rows(shown) == ["Reading A … 5 s"]


def test_a_wait_belongs_to_what_runs_in_its_task(screens: Screens) -> None:
    _, shown, _ = on_terminal(screens)

    async def one(name: str) -> list[str]:
        with activity(f"Testing {name}"), waiting(f"for {name}"):
            await asyncio.sleep(0)
            return rows(shown)

    async def main() -> list[str]:
        first, _ = await asyncio.gather(one("A"), one("B"))
        return first

    with watched_by(shown):
        assert asyncio.run(main()) == ["Testing A: for A", "Testing B: for B"]


@pytest.mark.parametrize("stream", ["out", "err"])
def test_printed_lines_stay_and_the_live_area_leaves_nothing_behind(
    screens: Screens, stream: str
) -> None:
    screen = screens(80, is_terminal=True)
    screen.terminal.out.file = screen.terminal.err.file  # the same screen
    shown = Reporter(screen.terminal)
    with watched_by(shown), activity("Reading A"):
        assert shown._live is not None
        shown._live.refresh()
        getattr(screen.terminal, stream).print("done")
        shown._live.refresh()
    raw = screen.err_stream.getvalue()
    assert raw.count("Reading A") >= 2
    assert raw.rpartition("done")[2].rstrip("\n\r").endswith(("\x1b[2K", "\x1b[?25h"))
    assert raw.count("\x1b[?25l") == raw.count("\x1b[?25h"), "the cursor is shown again"
    assert shown._live is None


def test_no_frame_comes_between_a_lines_place_and_the_line(
    screens: Screens, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Frames come from a thread of their own; the line would be in the row where it was to be
    before one.
    """
    screen = screens(80, is_terminal=True)
    frames = list[bool]()
    shown = Reporter(screen.terminal)

    def frame() -> bool:
        assert shown._live is not None
        if is_drawn := shown._live._lock.acquire(blocking=False):
            shown._live._lock.release()
        return is_drawn

    with (
        watched_by(shown),
        activity("Reading A"),
        ThreadPoolExecutor(1) as another,
        monkeypatch.context() as patch,
    ):
        patch.setattr(
            screen.err_stream, "write", lambda _: frames.append(another.submit(frame).result())
        )
        screen.terminal.say("done")
    assert set(frames) == {False}


# several sites


def test_of_many_sites_each_has_one_line_that_says_how_far_it_came(screens: Screens) -> None:
    plan = Plan((principal("A"), principal("B")))
    for ends, expected in (
        (("finished", "finished"), "✓ Applied    learn  2 of 2 steps"),
        (("finished", "failed"), "✗ Failed     learn  1 of 2 steps"),
        (("finished",), "? Stopped    learn  1 of 2 steps"),
    ):
        screen, shown, _ = on_terminal(screens)
        with shown.about("learn"), shown.applying(plan) as steps:
            for change, end in zip(plan.changes, ends, strict=False):
                steps.started(change)
                assert rows(shown)[0].startswith("learn: Creating service principal of ")
                if end == "failed":
                    steps.failed(change)
                else:
                    steps.finished(change, "")
        assert screen.err.splitlines() == [expected]


def test_a_log_has_the_site_before_each_step_and_no_group(
    screens: Screens, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    with logged(screens) as (terminal, lines), Reporter(terminal).about("learn"):
        one_step(Reporter(terminal), "finished", "")
    assert lines == ["learn: Created service principal of Import"]


def test_a_jobs_annotation_names_the_site_whose_error_it_is(
    screens: Screens, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    with logged(screens) as (terminal, lines):
        show_error(terminal, S2SError("no-site", "There is none.", remedy=""), "learn")
    assert lines == ["::error::learn: There is none. [no-site]"]


def test_a_jobs_annotation_has_the_list_that_its_error_introduces(
    screens: Screens, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    error = S2SError(
        "no-right", "Refused.", remedy="", introduction="Missing:", items=["Owner of x", "Reader"]
    )
    with logged(screens) as (terminal, lines):
        show_error(terminal, error, "learn")
    assert lines == ["::error::learn: Refused. [no-right] Missing:%0A- Owner of x%0A- Reader"]


def test_an_error_beside_a_json_document_is_an_annotation_in_a_jobs_log(
    screens: Screens, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    with logged(screens) as (terminal, lines):
        show_error_line(terminal, S2SError("no-plan", "It is another plan.", remedy=""))
    assert lines == ["::error::It is another plan. [no-plan]"]


@pytest.mark.parametrize(
    ("service", "start"),
    [
        ("GITHUB_ACTIONS", "::error file=a%3A%2C;%25.toml::"),
        ("TF_BUILD", "##vso[task.logissue type=error;sourcepath=a:,%3B%AZP25.toml]"),
    ],
)
def test_a_jobs_annotation_of_a_file_has_all_of_its_mistakes(
    screens: Screens, monkeypatch: pytest.MonkeyPatch, service: str, start: str
) -> None:
    monkeypatch.setenv(service, "true")
    error = TrustFileMistake(
        Path("a:,;%.toml"), "malformed", "It has 2 mistakes.", remedy="", items=["x: no", "y: no"]
    )
    screen = screens()
    show_error(screen.terminal, error)
    annotation, *rest = screen.err.splitlines()
    assert annotation == f"{start}It has 2 mistakes. [malformed]%0A- x: no%0A- y: no"
    assert "x: no" not in "".join(rest)


# pictures


def everything_at_once(terminal: Terminal) -> None:
    """A run in the middle: what is done, what waits and for what, and what has not come to
    anything.
    """
    clock = Clock()
    shown = reporter(terminal, clock)
    plan = full_plan("S2S-client")
    shown.is_live, shown.is_log = True, False
    changes = plan.changes
    with suppress(KeyboardInterrupt), watched_by(shown), shown.applying(plan) as steps:
        running = [steps.started(change) for change in changes]
        clock.seconds = 6.2
        for change in changes[:3]:
            steps.finished(change, change.detail)
        steps.skipped(changes[3], "you don't have permission")
        steps.failed(changes[4])
        for one, wait in zip(running[5:], WAITS, strict=False):
            one.waits(*wait)
        shown.throttled("Microsoft Graph", 20.0)
        clock.seconds = 21.2
        with activity("Watching contosolearn for other writers of its settings"):
            terminal.err.print(shown.rows())
        raise KeyboardInterrupt


WAITS = (
    ("waiting for Entra ID to replicate", 306.2),
    ("contosolearn.azurewebsites.net returns 503, starting", 600.0),
    ("waiting for its old process to end", None),
)


def test_a_screen_in_the_middle_of_a_run_looks_as_it_did() -> None:
    check_screen("progress", everything_at_once)


def test_a_screen_in_the_middle_of_a_run_is_readable_on_any_terminal() -> None:
    check_readable(everything_at_once)


def test_a_key_is_masked_line_by_line(monkeypatch: pytest.MonkeyPatch) -> None:
    key = "-----BEGIN PRIVATE KEY-----\nabc\n\ndef%\n-----END PRIVATE KEY-----\n"
    assert list(masks(key, {})) == []
    assert list(masks(key, {"GITHUB_ACTIONS": "true"})) == ["::add-mask::abc", "::add-mask::def%25"]
    assert list(masks(key, {"TF_BUILD": "True"})) == [
        "##vso[task.setsecret]abc",
        "##vso[task.setsecret]def%AZP25",
    ]


def test_many_sites_have_one_line_while_they_are_read(screens: Screens) -> None:
    reporter = Reporter(screens(is_terminal=True).terminal)
    with (
        watched_by(reporter),
        counting("Reading 30 sites", covers=True) as one_more,
        ExitStack() as stack,
    ):
        for number in range(30):
            stack.enter_context(activity(f"Reading the directory and site-{number}"))
        one_more()
        one_more()
        assert shown_by(reporter) == ["Reading 30 sites: 2 done"]
    reporter.restore()


def test_of_what_runs_at_once_ten_are_shown_below_how_far_it_is(screens: Screens) -> None:
    reporter = Reporter(screens(is_terminal=True).terminal)
    with watched_by(reporter), counting("Applying to 30 sites", covers=False) as one_more:
        one_more()
        for number in range(30):
            reporter.run(f"Creating secret {number}")
        rows = shown_by(reporter)
        assert (rows[0], len(rows), rows[-1]) == ("Applying to 30 sites: 1 done", 11, "and 21 more")
    reporter.restore()
