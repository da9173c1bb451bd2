"""An error on the screen: what is wrong, what to type, and how far the command came."""

from __future__ import annotations

from mct_s2s.errors import DOCS, PermissionMissing
from mct_s2s.render.diagnostics import show_account, show_error

from tests.render.conftest import Screens
from tests.render.examples import REQUEST_ID, principal, refusal, removal
from tests.render.reading import line_with, pasteable


def test_what_to_do_what_to_run_and_what_the_service_said_are_lines_of_their_own(screens: Screens) -> None:
    screen = screens(80, is_terminal=True)
    run = f"az role assignment create --assignee {'0' * 36} --role Reader --scope /subscriptions/{'1' * 36}"
    show_error(
        screen.terminal,
        PermissionMissing(
            "x", "You can't do it.", remedy="They run:", command=run, answer="Denied: No.", request_id="7"
        ),
    )
    said = [
        "error: You can't do it. [x]",
        "They run:",
        run,
        "Denied: No.",
        f"more: {DOCS}permissions.md",
        "request id: 7",
    ]
    assert pasteable(screen.err) == said


def test_the_request_id_of_a_refusal_is_there_for_a_support_case(screens: Screens) -> None:
    screen = screens(80, is_terminal=True)
    show_error(screen.terminal, refusal())
    assert line_with(screen.err, REQUEST_ID).endswith(REQUEST_ID)


def test_an_error_that_no_service_made_speaks_of_no_request(screens: Screens) -> None:
    screen = screens()
    show_error(screen.terminal, refusal(request_id=None))
    assert len(screen.err.splitlines()) == 2
    assert "None" not in screen.err


def test_an_interrupted_command_reports_what_was_done_what_is_in_doubt_and_what_was_not(screens: Screens) -> None:
    screen = screens(120)
    show_account(
        screen.terminal, [principal("One"), principal("Two")], [removal("Three")], [principal("Four"), removal("Five")]
    )
    done, doubtful, left, resume = screen.err.splitlines()
    assert "service principal One" in done
    assert "service principal Two" in done
    assert "secret Three" in doubtful
    assert "service principal Four" in left
    assert "secret Five" in left
    assert resume  # how to go on
    assert screen.out == ""


def test_where_nothing_was_begun_there_is_nothing_to_resume(screens: Screens) -> None:
    screen = screens()
    show_account(screen.terminal, [], [], [principal()])
    assert len(screen.err.splitlines()) == 1
    assert line_with(screen.err, "service principal Import")


def test_a_doubtful_step_alone_can_be_resumed(screens: Screens) -> None:
    screen = screens()
    show_account(screen.terminal, [], [removal()], [])
    assert len(screen.err.splitlines()) == 2


def test_a_command_that_had_nothing_to_do_says_nothing_of_its_progress(screens: Screens) -> None:
    screen = screens()
    show_account(screen.terminal, [], [], [])
    assert (screen.out, screen.err) == ("", "")
