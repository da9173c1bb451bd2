"""An error on the screen: what is wrong, what to type, and how far the command came."""

from collections.abc import Callable, Sequence

from mct_s2s.errors import DOCS, PermissionMissing
from mct_s2s.planning.changes import AnyChange
from mct_s2s.render.console import Terminal
from mct_s2s.render.diagnostics import show_error
from mct_s2s.render.outcome import SiteReport, show_stopped

from tests.render.conftest import Screens
from tests.render.examples import principal, refusal, removal
from tests.render.reading import pasteable
from tests.support.screens import check_texts


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


def account(*changes: Sequence[AnyChange]) -> Callable[[Terminal], None]:
    done, doubtful, left = changes
    return lambda terminal: show_stopped(terminal, [SiteReport("", done=done, doubtful=doubtful, left=left)])


def test_an_error_and_the_account_of_a_command_are_as_they_were() -> None:
    shown = {
        "with a request id": lambda terminal: show_error(terminal, refusal()),
        "that no service made": lambda terminal: show_error(terminal, refusal(request_id=None)),
        "interrupted": account([principal("One"), principal("Two")], [removal("Three")], [principal("Four")]),
        "nothing was begun": account([], [], [principal()]),
        "one doubtful step": account([], [removal()], []),
        "nothing to do": account([], [], []),
    }
    check_texts("errors", shown)
