"""The single place where a command meets its deadline, its interruption and its errors, and becomes an exit code."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

from mct_s2s.cli.interruption import Interruption
from mct_s2s.cli.options import AzureOptions, Output
from mct_s2s.cli.wiring import Clientele, Needs, Session, connect, connect_client
from mct_s2s.errors import DeadlinePassed, S2SError
from mct_s2s.flows.converge import Convergence
from mct_s2s.planning.changes import AnyChange
from mct_s2s.render.console import Terminal
from mct_s2s.render.diagnostics import show_error, show_standing
from mct_s2s.render.documents import error_document


class Run:
    """One command while it runs: its streams, and how far it has come."""

    def __init__(self, options: AzureOptions) -> None:
        self.options = options
        self.terminal = Terminal.open(json=options.output is Output.JSON)
        self.convergence: Convergence | None = None

    def watch(self, convergence: Convergence) -> None:
        """Remember how far the command has come."""
        self.convergence = convergence

    def standing(self) -> tuple[list[AnyChange], list[AnyChange], list[AnyChange]]:
        """What is done, what is in doubt, what is not done."""
        journal = self.convergence.journal if self.convergence else None
        if journal is None:
            return [], [], []
        refused = [change for change, _ in journal.failed]
        return [entry.change for entry in journal.done], list(journal.in_doubt), [*refused, *journal.left]


Body = Callable[[Run, Session], Awaitable[int]]
ClientBody = Callable[[Run, Clientele], Awaitable[int]]


def run(options: AzureOptions, needs: Needs, body: Body) -> int:
    """Run a command's body with a session, and turn whatever comes of it into text and an exit code."""

    async def connected(current: Run) -> int:
        async with connect(options, needs, current.terminal) as session:
            return await body(current, session)

    return _ended(options, connected)


def run_as_client(options: AzureOptions, body: ClientBody) -> int:
    """The same for a command that sees the world as a client of the MCT API does, and signs nobody in."""

    async def connected(current: Run) -> int:
        async with connect_client(options, current.terminal) as clientele:
            return await body(current, clientele)

    return _ended(options, connected)


def _ended(options: AzureOptions, connected: Callable[[Run], Awaitable[int]]) -> int:
    # The SDKs log refusals on their own; everything there is to say is said by us, without bodies or tokens.
    for name in ("azure", "msal", "kiota", "httpx", "asyncio"):
        logging.getLogger(name).addHandler(logging.NullHandler())
        logging.getLogger(name).propagate = False
    current = Run(options)
    with Interruption() as interruption:
        try:
            return asyncio.run(_with_deadline(current, connected, interruption))
        except S2SError as error:
            _tell(current, error)
            return error.exit_code
        except (asyncio.CancelledError, KeyboardInterrupt):
            _tell_interrupted(current, interruption)
            return interruption.exit_code


async def _with_deadline(current: Run, connected: Callable[[Run], Awaitable[int]], interruption: Interruption) -> int:
    try:
        with interruption.ends(asyncio.current_task(), asyncio.get_running_loop()):
            async with asyncio.timeout(current.options.timeout):
                return await connected(current)
    except TimeoutError as error:
        raise DeadlinePassed(
            "deadline-passed",
            f"The deadline of {current.options.timeout:g} s has passed. Nothing is lost.",
            remedy="Run the same command again: it resumes. Give it longer with --timeout SECONDS.",
        ) from error


def _tell(current: Run, error: S2SError) -> None:
    done, doubtful, left = current.standing()
    if current.terminal.json:
        current.terminal.document(error_document(error, done, doubtful, left))
    else:
        show_error(current.terminal, error)
        show_standing(current.terminal, done, doubtful, left)


def _tell_interrupted(current: Run, interruption: Interruption) -> None:
    with suppress(BrokenPipeError):
        if current.terminal.json and getattr(current.options, "watch", None) is None:  # a watch has no other end
            told = S2SError(interruption.code, "Interrupted.", remedy="Run the same command again: it resumes.")
            current.terminal.document(error_document(told, *current.standing()))
        current.terminal.say()
        current.terminal.say("Interrupted.", style="warn")
        show_standing(current.terminal, *current.standing())
