"""The single place where a command meets its deadline, its interruption and its errors, and becomes an exit code."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace

from mct_s2s.activity import watched_by
from mct_s2s.cli.interruption import Interruption
from mct_s2s.cli.options import AzureOptions
from mct_s2s.cli.session import Needs, connect
from mct_s2s.engine.outcome import Outcome
from mct_s2s.engine.session import Session
from mct_s2s.errors import CANCELLED, Cancelled, DeadlinePassed, Interrupted, NotThere, S2SError, UsageError
from mct_s2s.planning.changes import AnyChange
from mct_s2s.render.console import Terminal
from mct_s2s.render.diagnostics import show_account, show_error, show_error_line
from mct_s2s.render.documents import SavedCredential, error_document
from mct_s2s.render.outcome import credential_lines
from mct_s2s.render.progress import Reporter

RESUME = "Run the same command again to resume."


class Run:
    """One command while it runs: its streams, and how far it has come."""

    def __init__(self, options: AzureOptions) -> None:
        self.options = options
        self.terminal = Terminal.open(json=options.output == "json", quiet=options.quiet)
        self.display = Reporter(self.terminal)
        self.outcome: Outcome | None = None
        """Of a command that changes something, once it has begun to."""

        self.ended_early: Callable[[S2SError], None] | None = None
        """Tells what has become of a command about several sites that the deadline or a signal has ended: it has an
        account for each of them."""
        self.is_asking = False
        """Whether a question is open: no change is under way then, and Ctrl-C means no."""

    def progress(self) -> tuple[list[AnyChange], list[AnyChange], list[AnyChange]]:
        """What is done, what is in doubt, what is not done."""
        if self.outcome is None or not self.outcome.applied:
            return [], [], []
        journal = self.outcome.journal
        refused = [change for change, _ in journal.failed]
        return [entry.change for entry in self.outcome.done], list(journal.in_doubt), [*refused, *journal.left]

    def credentials(self) -> list[SavedCredential]:
        """The credentials that have been made: they are printed on every way out."""
        if self.outcome is None or not self.outcome.applied:
            return []
        from mct_s2s.cli.credential_stores import credentials_of  # noqa: PLC0415  # most commands make none

        return credentials_of(self.outcome)


Body = Callable[[Run, Session], Awaitable[int]]
Connected = Callable[[Run], Awaitable[int]]


def run(options: AzureOptions, needs: Needs, body: Body) -> int:
    """Run a command's body with a session, and turn whatever comes of it into text and an exit code."""

    async def connected(current: Run) -> int:
        try:
            async with connect(options, needs, current.terminal) as session:
                return await _about_one_site(current, session, body)
        except UsageError as error:
            if error.code != "app-service-missing":
                raise
            missing = error  # nothing was sent yet
        return await _about_chosen_site(current, needs, body, missing)

    return run_connected(options, connected)


async def _about_one_site(current: Run, session: Session, body: Body) -> int:
    """Run the body; where several App Services have the name that was given, ask which of them is meant."""
    try:
        return await body(current, session)
    except NotThere as error:
        if error.code != "site-ambiguous":
            raise
        from mct_s2s.cli.picking import pick_namesake  # noqa: PLC0415  # hardly ever

        session = await pick_namesake(current.options, session, error)
    return await body(current, session)


async def _about_chosen_site(current: Run, needs: Needs, body: Body, missing: UsageError) -> int:
    """Run the body about an App Service that is picked from those that there are."""
    from mct_s2s.cli.picking import may_ask, pick_site  # noqa: PLC0415  # only where it was not named

    if not may_ask(current.options):
        raise missing
    async with connect(current.options, replace(needs, target=False), current.terminal) as session:
        return await body(current, await pick_site(current.options, session))


def run_connected(options: AzureOptions, connected: Connected) -> int:
    """The same for a command that opens its sessions itself."""
    # The SDKs log refusals on their own; whatever is worth printing is printed by us, without bodies or tokens.
    for name in ("azure", "msal", "kiota", "httpx", "asyncio"):
        logging.getLogger(name).addHandler(logging.NullHandler())
        logging.getLogger(name).propagate = False
    current = Run(options)
    with Interruption(current.display.restore) as interruption, watched_by(current.display):
        try:
            return _run_once(current, connected, interruption)
        except OSError as error:
            if not _report_unseen(current, error):
                raise
            return S2SError.exit_code


def _run_once(current: Run, connected: Connected, interruption: Interruption) -> int:
    try:
        return asyncio.run(_with_deadline(current, connected, interruption))
    except S2SError as error:
        _report(current, error)
        return error.exit_code
    except (asyncio.CancelledError, KeyboardInterrupt):
        _report_interruption(current)
        return interruption.exit_code


def _report_unseen(current: Run, cause: OSError) -> bool:
    """Say how to remove what was to be shown in the JSON document, which no one takes; tell whether there is any."""
    unseen = [one for one in current.credentials() if one.secret is not None] if current.terminal.json else []
    if unseen:
        message = f"Standard output is closed ({cause.strerror or cause}). What was created reached no one:"
        remedy = "Remove it, then run the same command again with standard output open."
        items = [(f"the {one.kind.noun} of '{one.client}'", one.removal) for one in unseen]
        show_error(current.terminal, S2SError("secret-not-delivered", message, remedy=remedy, items=items))
    return bool(unseen)


async def _with_deadline(current: Run, connected: Connected, interruption: Interruption) -> int:
    try:
        with interruption.ends(asyncio.current_task(), asyncio.get_running_loop()):
            async with asyncio.timeout(current.options.timeout):
                return await connected(current)
    except TimeoutError as error:
        raise DeadlinePassed(
            "deadline-passed",
            f"Timed out after {current.options.timeout:g} s.",
            remedy="Run the same command again to resume. To allow more time, add --timeout SECONDS.",
        ) from error


def _report(current: Run, error: S2SError) -> None:
    if current.ended_early is not None and isinstance(error, DeadlinePassed):
        current.ended_early(error)
        return
    done, doubtful, left = current.progress()
    credentials = current.credentials()
    if isinstance(error, Cancelled | Interrupted):
        current.terminal.say(error.headline)  # no error: it is what the user wanted
    elif current.terminal.json:
        try:
            current.terminal.document(error_document(error, done, doubtful, left, credentials))
            show_error_line(current.terminal, error)
        except OSError:
            if any(credential.secret for credential in credentials):
                raise
            show_error(current.terminal, error)  # no one takes the document: its message may still be seen
            _print_locations(current, credentials)
    else:
        show_error(current.terminal, error)
        show_account(current.terminal, done, doubtful, left)
        _print_locations(current, credentials)


def _report_interruption(current: Run) -> None:
    if current.ended_early is not None and not current.is_asking:
        with suppress(BrokenPipeError):
            current.ended_early(Interrupted("interrupted", "Interrupted.", remedy=RESUME))
        return
    credentials = current.credentials()
    with suppress(BrokenPipeError):
        current.terminal.say()
        if current.is_asking:
            current.terminal.say(CANCELLED)
        else:
            current.terminal.say("Interrupted.", style="warn")
        show_account(current.terminal, *current.progress())
        if not current.terminal.json:
            _print_locations(current, credentials)
    if current.terminal.json and getattr(current.options, "watch", None) is None:  # a watch has no other end
        message = Interrupted("interrupted", "Interrupted.", remedy=RESUME)
        current.terminal.document(error_document(message, *current.progress(), credentials))


def _print_locations(current: Run, credentials: Sequence[SavedCredential]) -> None:
    """Where the credentials are that were made, or how to remove them; those that were to be shown have been."""
    for credential in credentials:
        if credential.secret is None:
            for line in credential_lines(credential):
                current.terminal.say(line)


WORST_LAST = (0, 3, 4, 1)
"""Exit codes by how little is known: a problem that was found, a missing permission, an answer that did not come. Any
other is worse: something was refused because it is wrong as it was asked for."""


def worst(codes: Iterable[int]) -> int:
    """The worst of them; 0 where there is none."""
    return max(codes, key=lambda code: WORST_LAST.index(code) if code in WORST_LAST else len(WORST_LAST), default=0)
