"""The single place where a command meets its deadline, its interruption and its errors, and becomes an exit code."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress

from mct_s2s.cli.interruption import Interruption
from mct_s2s.cli.options import AzureOptions, Output
from mct_s2s.cli.showing import Unseen, take_back, unseen
from mct_s2s.cli.wiring import Clientele, Needs, Session, connect, connect_client
from mct_s2s.engine.converge import Convergence
from mct_s2s.errors import DeadlinePassed, Interrupted, NotShown, S2SError
from mct_s2s.planning.changes import AnyChange
from mct_s2s.ports.secret_stores import SecretStore
from mct_s2s.render.closing import credential_lines
from mct_s2s.render.console import Terminal
from mct_s2s.render.diagnostics import show_error, show_standing
from mct_s2s.render.documents import SavedCredential, error_document

RESUME = "Run the same command again to resume."


class Run:
    """One command while it runs: its streams, and how far it has come."""

    def __init__(self, options: AzureOptions) -> None:
        self.options = options
        self.terminal = Terminal.open(json=options.output is Output.JSON)
        self.convergence: Convergence | None = None
        self.stores: Mapping[str, SecretStore] = {}
        """Where this run's credentials go, by the client's name in the wish."""

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

    def credentials(self) -> list[SavedCredential]:
        """The credentials that have been made: they are told on every way out."""
        from mct_s2s.cli.made_credentials import made_so_far  # noqa: PLC0415  # only commands that make some need it

        if self.convergence is None or self.convergence.journal is None:
            return []
        return made_so_far(self.convergence.plan, self.convergence.journal, self.stores)


Body = Callable[[Run, Session], Awaitable[int]]
ClientBody = Callable[[Run, Clientele], Awaitable[int]]
Again = Callable[[Run, Sequence[Unseen]], Awaitable[int]]


def run(options: AzureOptions, needs: Needs, body: Body) -> int:
    """Run a command's body with a session, and turn whatever comes of it into text and an exit code."""

    async def connected(current: Run) -> int:
        async with connect(options, needs, current.terminal) as session:
            return await body(current, session)

    async def again(current: Run, secrets: Sequence[Unseen]) -> int:
        async with connect(options, needs, current.terminal) as session:
            await take_back(session.azure.directory, secrets)
        return NotShown.exit_code

    return _ended(options, connected, again)


def run_as_client(options: AzureOptions, body: ClientBody) -> int:
    """The same for a command that sees the world as a client of the MCT API does, and signs nobody in."""

    async def connected(current: Run) -> int:
        async with connect_client(options, current.terminal) as clientele:
            return await body(current, clientele)

    return _ended(options, connected)


def _ended(options: AzureOptions, connected: Callable[[Run], Awaitable[int]], again: Again | None = None) -> int:
    # The SDKs log refusals on their own; everything there is to say is said by us, without bodies or tokens.
    for name in ("azure", "msal", "kiota", "httpx", "asyncio"):
        logging.getLogger(name).addHandler(logging.NullHandler())
        logging.getLogger(name).propagate = False
    current = Run(options)
    with Interruption() as interruption:
        try:
            return _code(current, connected, interruption)
        except OSError as error:
            secrets = list(unseen(current.convergence, current.stores)) if current.terminal.json else []
            if not secrets or again is None:
                raise
            return _taken_back(current, secrets, again, error, interruption)


def _code(current: Run, connected: Callable[[Run], Awaitable[int]], interruption: Interruption) -> int:
    try:
        return asyncio.run(_with_deadline(current, connected, interruption))
    except S2SError as error:
        _tell(current, error)
        return error.exit_code
    except (asyncio.CancelledError, KeyboardInterrupt):
        _tell_interrupted(current)
        return interruption.exit_code


def _taken_back(
    current: Run, secrets: Sequence[Unseen], again: Again, cause: OSError, interruption: Interruption
) -> int:
    """The document with the secrets reached nobody: they are removed, so that the next run makes others."""
    names = ", ".join(f"the {one.change.kind.noun} of '{one.change.client}'" for one in secrets)
    told = f"Standard output is closed ({cause.strerror or cause}): {names} could not be printed"
    stay = [one for one in secrets if not one.change.can_be_taken_back]
    try:
        asyncio.run(_with_deadline(current, lambda current: again(current, secrets), interruption))
    except S2SError as error:
        told = f"{told}, and could not be removed: {error.message}"
        remedy = "; ".join(one.removal_command for one in secrets)
    else:
        told = f"{told}." if stay else f"{told}. The secret was removed again."
        commands = "".join(f"{one.removal_command}. " for one in stay)
        remedy = f"{commands}Run it again with standard output open."
    show_error(current.terminal, NotShown("secret-not-shown", told, remedy=remedy))
    return NotShown.exit_code


async def _with_deadline(current: Run, connected: Callable[[Run], Awaitable[int]], interruption: Interruption) -> int:
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


def _tell(current: Run, error: S2SError) -> None:
    done, doubtful, left = current.standing()
    credentials = current.credentials()
    if current.terminal.json:
        try:
            current.terminal.document(error_document(error, done, doubtful, left, credentials))
        except OSError:
            if any(credential.secret for credential in credentials):
                raise
            show_error(current.terminal, error)  # nobody takes the document: its message may still be seen
    else:
        show_error(current.terminal, error)
        show_standing(current.terminal, done, doubtful, left)
        _tell_places(current, credentials)


def _tell_interrupted(current: Run) -> None:
    credentials = current.credentials()
    with suppress(BrokenPipeError):
        current.terminal.say()
        current.terminal.say("Interrupted.", style="warn")
        show_standing(current.terminal, *current.standing())
        if not current.terminal.json:
            _tell_places(current, credentials)
    if current.terminal.json and getattr(current.options, "watch", None) is None:  # a watch has no other end
        told = Interrupted("interrupted", "Interrupted.", remedy=RESUME)
        current.terminal.document(error_document(told, *current.standing(), credentials))


def _tell_places(current: Run, credentials: Sequence[SavedCredential]) -> None:
    """Where the credentials are that were made; those that were to be shown have been."""
    for credential in credentials:
        if credential.secret is None:
            for line in credential_lines(credential):
                current.terminal.say(line)
