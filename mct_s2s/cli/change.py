"""What every changing command does on the terminal: show the plan, ask, show the steps, show the result."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from secrets import token_hex
from typing import TYPE_CHECKING

from mct_s2s.activity import Progress
from mct_s2s.cli.closing import close_clients, write_document
from mct_s2s.cli.options import ChangingOptions
from mct_s2s.cli.requests import where
from mct_s2s.cli.run import Run, run
from mct_s2s.cli.session import Needs
from mct_s2s.cli.streams import ask
from mct_s2s.engine.change import run_change
from mct_s2s.engine.credential_stores import RunStores
from mct_s2s.engine.outcome import Outcome
from mct_s2s.engine.request import Request
from mct_s2s.engine.session import Session
from mct_s2s.errors import CANCELLED, Cancelled, PermissionMissing, UsageError
from mct_s2s.inputs.documents import BackupFile
from mct_s2s.inputs.secret_to import ClientPlaces
from mct_s2s.model.client_credentials import MadeCredential
from mct_s2s.model.desired import Desired, Removal, Rotation, Setup
from mct_s2s.model.observed import ObservedState
from mct_s2s.plain_text import plain
from mct_s2s.planning.changes import DisableIdentity
from mct_s2s.planning.plan import Plan
from mct_s2s.render.closing import credential_lines
from mct_s2s.render.console import Terminal
from mct_s2s.render.documents import SavedCredential
from mct_s2s.render.pipelines import masks
from mct_s2s.render.plan import show_plan, summary, target_details
from mct_s2s.stores.handed_over import Viewer

if TYPE_CHECKING:
    from mct_s2s.cli.run import Run


PENDING = 3
"""The exit code of a dry run that found something to do, and of a run whose clients failed the test."""


End = Callable[[Terminal, ChangingOptions, Session, Outcome], None]
"""Tells a person what was done."""


def change_command(
    options: ChangingOptions,
    requested: Callable[[Session], Request],
    places: ClientPlaces | None = None,
    *,
    needs: Needs | None = None,
    end: End = close_clients,
) -> int:
    """Sign in, and do what is requested; return the process exit code."""
    needs = needs or Needs(key_vault=bool(places and places.vaults))

    async def body(current: Run, session: Session) -> int:
        return await change(current, options, session, requested(session), places, end)

    return run(options, needs, body)


async def change(
    current: Run,
    options: ChangingOptions,
    session: Session,
    request: Request,
    places: ClientPlaces | None,
    end: End = close_clients,
) -> int:
    """The same on a session that there is."""
    ui = TerminalInterface(current, options)
    request = equipped(request, options, session, places or ClientPlaces(), ui, current.terminal)
    outcome = await run_change(session, request, ui)
    write_document(current.terminal, options, session, outcome)
    end(current.terminal, options, session, outcome)
    return exit_code(options, outcome)


def equipped(
    request: Request,
    options: ChangingOptions,
    session: Session,
    places: ClientPlaces,
    viewer: Viewer,
    terminal: Terminal,
) -> Request:
    """The request with what this run alone brings: its name, its stores, and what the options say of every change."""
    for vault in places.vaults:
        session.vaults.address(vault)  # before anything is looked at
    return replace(
        request,
        attempt=token_hex(4),
        places=tuple((name, places.of(name).label) for name in _with_credentials(request.desired)),
        stores=RunStores(places, session.vaults, session.label, request.label, viewer),
        backup=BackupFile(options.backup, terminal.note) if options.backup is not None else None,
        preflight=not options.no_preflight,
        dry_run=options.dry_run,
    )


def _with_credentials(desired: Desired) -> Iterator[str]:
    """The clients whose secret or key is kept somewhere; of a rotation, those that a trust file names."""
    if isinstance(desired, Setup):
        yield from (one.name for one in desired.clients if one.credential is not None and one.credential.keeps)
    elif isinstance(desired, Rotation) and desired.only_named:
        yield from desired.clients


def exit_code(options: ChangingOptions, outcome: Outcome) -> int:
    """The process's, by the contract."""
    if options.dry_run and not outcome.plan.is_empty and not outcome.plan.blocked:
        return PENDING
    if outcome.lacks or outcome.plan.blocked:
        return PermissionMissing.exit_code
    return PENDING if outcome.verification is not None and outcome.verification.failed else 0


class TerminalInterface:
    """The person at the terminal, or the program that reads JSON."""

    def __init__(self, run: Run, options: ChangingOptions) -> None:
        self._run = run
        self._terminal = run.terminal
        self._options = options

    @property
    def takes_time(self) -> bool:
        """Whether a person reads the plan."""
        return not self._options.yes

    async def confirm(self, outcome: Outcome) -> bool:
        """Show the plan and ask; no is `Cancelled`, and no one to ask is a `UsageError`."""
        request, plan, dry_run = outcome.request, outcome.plan, self._options.dry_run
        says_nothing = self._terminal.quiet and (self._options.yes or plan.is_empty)
        if self._options.output == "text" if dry_run else not says_nothing:
            about = target_details(outcome.before)
            is_removal = isinstance(request.desired, Removal)
            show_plan(
                self._terminal,
                plan,
                request.label,
                about=about,
                is_result=dry_run,
                part=request.part,
                is_removal=is_removal,
            )
        if plan.is_empty or dry_run:
            return False
        if not self._options.yes:
            is_teardown = isinstance(request.desired, Removal) and request.desired.everything
            name = request.label if is_teardown else None
            await confirmed(self._run, [plan], f" ({summary(plan)})", name=name)
        return True

    @contextmanager
    def applying(self, outcome: Outcome) -> Iterator[Progress]:
        """Show the steps; a failure from now on is reported by the outcome."""
        self._run.outcome = outcome
        with self._run.display.applying(outcome.plan) as steps:
            yield steps

    def options(self, observed: ObservedState) -> str:
        """The options that name the App Service."""
        return where(self._options, observed.site)

    def look(self) -> None:
        """Make sure that someone reads standard output."""
        self._terminal.check_reader()

    def show(self, made: MadeCredential) -> None:
        """Write a secret's line; in JSON it has its place in the one document at the end."""
        if self._terminal.json:
            self.look()
            return
        lines = credential_lines(SavedCredential(made.client_name, "", made.expires, "show", made.value, made.kind))
        text = [*masks(made.value), *(plain(line.plain) for line in lines)]
        self._terminal.verbatim("".join(f"{line}\n" for line in text))


async def confirmed(run: Run, plans: Sequence[Plan], what: str = "", *, to: str = "", name: str | None = None) -> None:
    """Ask whether to apply these plans; no is `Cancelled`, and no one to ask is a `UsageError`.

    Args:
        what: the plans in few words, for who cannot be asked.
        to: to what they are applied.
        name: what has to be typed to agree.
    """
    if run.terminal.json or not run.terminal.talks_to_person:
        raise UsageError(
            "confirmation-missing",
            f"Cannot ask for confirmation{what}: this is not an interactive terminal. Nothing was changed.",
            remedy="Add --yes to apply the changes, or --dry-run to see the plan only.",
        )
    off = [change.name for plan in plans for change in plan.changes if isinstance(change, DisableIdentity)]
    warning = f"This disables the managed identity of {', '.join(off)}. " if off else ""
    if name is not None:
        agreed = await _types(run, f"{warning}To remove all of this, type the App Service's name, {name}:", name)
    else:
        agreed = await _agrees(run, f"{warning}Apply{to}?")
    if not agreed:
        raise Cancelled("cancelled", CANCELLED, remedy="Run the same command again when you are ready.")


async def _agrees(run: Run, question: str) -> bool:
    """Ask until the answer is yes or no. Enter alone, and the end of standard input, mean no."""
    while True:
        answer = (await _answer(run, f"{question} [y/N] ")).casefold()
        if answer in {"y", "yes"}:
            return True
        if answer in {"", "n", "no"}:
            return False
        run.terminal.say("Please answer y or n.")


async def _types(run: Run, question: str, name: str) -> bool:
    """Ask until a name is typed, or nothing, which means no."""
    while True:
        answer = await _answer(run, f"{question} ")
        if not answer or answer.casefold() == name.casefold():
            return bool(answer)
        run.terminal.say(f"That is not '{name}'. To cancel, press Enter.")


async def _answer(run: Run, question: str) -> str:
    run.is_asking = True  # it stays so where Ctrl-C ends it
    line = await ask(run.terminal, question)
    run.is_asking = False
    if not line.endswith("\n"):
        run.terminal.say()  # Ctrl-D, which a terminal does not show
    return line.strip()
