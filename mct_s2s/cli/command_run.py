"""Runs a command: its deadline, interruption and errors become an exit code."""

import asyncio
import logging
import os
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from mct_s2s.activity import watched_by
from mct_s2s.azure.clouds import has_own_site
from mct_s2s.cli.interruption import Interruption
from mct_s2s.cli.options import AzureOptions, ChangingOptions
from mct_s2s.cli.session import Services, open_session
from mct_s2s.engine.observe.sites import AmbiguousSite
from mct_s2s.engine.request import Session
from mct_s2s.errors import (
    Cancelled,
    DeadlinePassed,
    Instruction,
    Interrupted,
    S2SError,
)
from mct_s2s.model.ids import ClientId
from mct_s2s.render.console import Terminal, has_screen_reader
from mct_s2s.render.diagnostics import show_error, show_error_line
from mct_s2s.render.outcome import is_all_done, nothing_to_resume, show_stopped
from mct_s2s.render.pipelines import is_unattended
from mct_s2s.render.progress import Reporter
from mct_s2s.render.site_report import SiteReport

if TYPE_CHECKING:
    from mct_s2s.render.documents import Part


class CommandRun:
    def __init__(self, options: AzureOptions) -> None:
        self.options = options
        self.terminal = Terminal.open(json=options.output == "json", quiet=options.quiet)
        self.display = Reporter(self.terminal)
        self.site_reports: Callable[[], Sequence[SiteReport]] = list
        """How far it has come at each App Service, reported on every way out."""
        self.error_document: Callable[[S2SError], Part] = self._error_document
        """Makes the JSON document about the error that ends the run."""
        self.is_asking = False
        """A question is open: no change is under way, and Ctrl-C means no.

        So it stays where Ctrl-C or the deadline ends it.
        """
        self.adopted: ClientId | None = None
        """The service application that the user agreed to use, as --service-app would say."""
        self.is_interrupted: Callable[[], bool] = lambda: False
        self.resume: Callable[[], Instruction] = lambda: Instruction(
            "Run the same command again to resume."
        )
        """Says how a run that was cut off is completed."""

    def as_reported(self, error: BaseException) -> S2SError:
        """Return the error to report for an interruption or the deadline, which cancel a run."""
        if isinstance(error, S2SError):
            return error
        sites = self.site_reports()
        has_written = any(site.done or site.in_doubt for site in sites)
        # A command that only reads has nothing to say of it.
        is_still_reading = isinstance(self.options, ChangingOptions) and not sites
        says_unchanged = is_still_reading or (self.is_asking and not has_written)
        resume = nothing_to_resume(sites)[0] if is_all_done(sites) else self.resume()
        if isinstance(error, TimeoutError) or not (
            self.is_interrupted() or isinstance(error, KeyboardInterrupt)
        ):
            if self.is_asking:
                return DeadlinePassed(
                    "deadline-passed",
                    f"No answer within {self.options.timeout:g} s.",
                    says_unchanged=says_unchanged,
                    remedy="Run the same command again. To have more time, add --timeout SECONDS.",
                )
            return DeadlinePassed(
                "deadline-passed",
                f"Timed out after {self.options.timeout:g} s.",
                says_unchanged=says_unchanged,
                remedy=f"To allow more time, add --timeout SECONDS. {resume.what}",
                command=resume.command,
            )
        return Interrupted(
            "interrupted",
            "Cancelled." if self.is_asking else "Interrupted.",
            remedy=resume.what,
            command=resume.command,
            says_unchanged=says_unchanged,
        )

    def _error_document(self, error: S2SError) -> "Part":
        from mct_s2s.render.documents import ErrorDocument  # noqa: PLC0415  # 30 ms, and text needs none of its models

        return ErrorDocument.of(next(iter(self.site_reports()), SiteReport("")), error)

    def write_error_document(self, error: BaseException) -> None:
        """Write the document about the error that ends the run, if it has no document yet.

        Raises OSError: no reader takes it.
        """
        if not self.terminal.has_document:
            self.terminal.document(self.error_document(self.as_reported(error)))


Body = Callable[[CommandRun], Awaitable[int]]
SessionBody = Callable[[CommandRun, Session], Awaitable[int]]


def may_ask(options: AzureOptions, environ: Mapping[str, str] = os.environ) -> bool:
    if options.output != "text" or (isinstance(options, ChangingOptions) and options.yes):
        return False
    if is_unattended(environ):  # some give jobs a terminal
        return False
    if environ.get("TERM") == "dumb" and not has_screen_reader(environ):
        return False
    return all(
        stream is not None and not stream.closed and stream.isatty()
        for stream in (sys.stdin, sys.stderr)
    )


def run_in_session(options: AzureOptions, needs: Services, body: SessionBody) -> int:
    """Run what needs a session; return its exit code.

    Asks which App Service is meant where none was named, or several have the name.
    """

    async def pick(
        command_run: CommandRun, session: Session, ambiguous: AmbiguousSite | None = None
    ) -> Session:
        from mct_s2s.cli.picking import pick_among_twins, pick_site  # noqa: PLC0415  # questionary takes a tenth of a second

        command_run.is_asking = True  # it stays so where Ctrl-C ends it
        if ambiguous is None:
            session = await pick_site(options, session)
        else:
            session = await pick_among_twins(options, session, ambiguous)
        command_run.is_asking = False
        return session

    async def in_session(command_run: CommandRun) -> int:
        asks = may_ask(options)
        is_named = (options.app_service or "").strip() or has_own_site(options.cloud)
        picks = asks and needs.target and not is_named
        async with open_session(
            options, needs._replace(target=needs.target and not picks), command_run.terminal
        ) as session:
            try:
                return await body(
                    command_run, await pick(command_run, session) if picks else session
                )
            except AmbiguousSite as error:
                if not asks:
                    raise
                return await body(command_run, await pick(command_run, session, error))

    return run_with_deadline(options, in_session)


def run_with_deadline(options: AzureOptions, body: Body) -> int:
    """Run a command, with a session or without; return its exit code."""
    # The SDKs log refusals on their own; whatever is worth printing is printed by us, without
    # bodies or tokens.
    for name in ("azure", "msal", "kiota", "httpx", "asyncio"):
        logging.getLogger(name).addHandler(logging.NullHandler())
        logging.getLogger(name).propagate = False
    command_run = CommandRun(options)
    with Interruption(command_run.display.restore) as interruption, watched_by(command_run.display):
        command_run.is_interrupted = lambda: interruption.number is not None
        try:
            return asyncio.run(_with_deadline(command_run, body, interruption))
        except S2SError as error:
            return _report_error(command_run, error)
        except (asyncio.CancelledError, KeyboardInterrupt) as error:
            with suppress(BrokenPipeError):
                _report_error(command_run, command_run.as_reported(error))
            # Which signal it was is known here alone: 130 or 143.
            return interruption.exit_code
        except OSError as error:
            return _report_lost_document(command_run, error)


async def _with_deadline(command_run: CommandRun, body: Body, interruption: Interruption) -> int:
    try:
        with interruption.ends(asyncio.current_task(), asyncio.get_running_loop()):
            async with asyncio.timeout(command_run.options.timeout):
                return await body(command_run)
    except TimeoutError as error:
        raise command_run.as_reported(error) from error


def _report_error(command_run: CommandRun, error: S2SError) -> int:
    """Tell the user what ended the run and how far it has come; return the exit code."""
    terminal = command_run.terminal
    sites = command_run.site_reports()
    is_wanted = isinstance(error, Cancelled | Interrupted)
    has_document = terminal.json
    if terminal.json:
        try:
            command_run.write_error_document(error)
        except OSError as cause:
            if any(site.has_reached_no_one for site in sites):
                return _report_lost_document(command_run, cause)
            has_document = False  # no reader takes it: its message may still be seen
    if isinstance(error, Interrupted) or (
        isinstance(error, DeadlinePassed) and command_run.is_asking
    ):
        terminal.say()  # the question's line has no end
    if is_wanted:
        terminal.say(error.headline)
    elif has_document:
        show_error_line(terminal, error)
    else:
        show_error(terminal, error)
    if is_wanted or not has_document:
        show_stopped(terminal, sites, command_run.resume(), with_credentials=not has_document)
    return error.exit_code


def _report_lost_document(command_run: CommandRun, cause: OSError) -> int:
    """Say what became of the secrets of a JSON document that no reader takes.

    Raises `cause`: there are none.
    """
    sites = command_run.site_reports()
    if not any(site.has_reached_no_one for site in sites):
        raise cause
    message = (
        f"Cannot write to standard output ({cause.strerror or cause}), so a secret reached no one."
    )
    remedy = (
        "Run the same command again with standard output open, or save the secret with --secret-to "
        "file:PATH"
    )
    removed = [
        Instruction(f"The {credential} was removed again.")
        for site in sites
        for credential in site.taken_back
    ]
    remaining = [
        Instruction(
            f"The {credential.kind.noun} of '{credential.client}' is still there. Remove it:",
            credential.removal,
        )
        for site in sites
        for credential in site.credentials
        if credential.removal
    ]
    items = [*removed, *remaining]
    show_error(
        command_run.terminal, S2SError("secret-not-delivered", message, remedy=remedy, items=items)
    )
    return S2SError.exit_code
