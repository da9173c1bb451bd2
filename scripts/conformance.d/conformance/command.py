"""`scripts/conformance`: describe the run, confirm, send the story to both sides, clean up, report."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer
from mct_s2s import clock
from mct_s2s.cli.binding import command
from mct_s2s.cli.interruption import Interruption
from mct_s2s.cli.mistakes import internal_error, show_usage_error
from mct_s2s.cli.options import AzureOptions
from mct_s2s.cli.session import signed_in
from mct_s2s.cli.streams import ask, check_arguments, replace_unencodable
from mct_s2s.errors import Cancelled, DeadlinePassed, NotThere, S2SError, UsageError
from mct_s2s.render.console import Terminal
from mct_s2s.render.diagnostics import show_error

from conformance import messages
from conformance.cleanup import CleanupResult, clean
from conformance.cloud import cloud_side, label_of, place_of
from conformance.journal import Journal, folder, unfinished
from conformance.names import of_run
from conformance.own_sandbox import own_sandbox
from conformance.report import Facts, written
from conformance.side import Side
from conformance.steps import Step
from conformance.story import story
from conformance.verdicts import Comparer, SideAnswers, Verdict
from conformance.walk import Outcome, walk

ISSUES = "https://github.com/mct-s2s/mct-s2s/issues"
DIFFERS = 3
CLEANING_SECONDS = 600.0
"""Time for the cleanup beyond the deadline."""

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@dataclass(kw_only=True)
class ConformanceOptions(AzureOptions):
    """`scripts/conformance`."""

    resource_group: Annotated[
        str | None,
        typer.Option("-g", "--group", "--resource-group", envvar="MCT_S2S_RESOURCE_GROUP", show_envvar=False,
                     help="The App Service's resource group. An identity is created there."),
    ] = None  # fmt: skip
    key_vault: Annotated[
        str | None,
        typer.Option("--key-vault", help="A key vault for a test secret. Default: none is tested."),
    ] = None
    report: Annotated[
        Path, typer.Option("--report", help="The folder for the report and the tables.", file_okay=False)
    ] = Path("conformance-report")
    yes: Annotated[bool, typer.Option("-y", "--yes", help="Do not ask.")] = False
    clean_up: Annotated[
        bool, typer.Option("--clean-up", help="Only remove what earlier runs left behind, in any cloud.")
    ] = False
    timeout: Annotated[float, typer.Option("--timeout", help="Deadline in seconds; the clean-up follows it.")] = 1800.0


@command(app, "conformance", ConformanceOptions)
def conformance(options: ConformanceOptions) -> int:
    """Compare a cloud with the sandbox, in throwaway objects, and write a report that names nobody."""
    if options.slot:
        raise UsageError("contradictory-options", "--slot is not supported here.", remedy="Leave --slot out.")
    for name in ("azure", "msal", "asyncio"):
        logging.getLogger(name).addHandler(logging.NullHandler())
        logging.getLogger(name).propagate = False
    terminal = Terminal.open(json=False)
    body = _clean_up if options.clean_up else _compare
    with Interruption() as interruption:
        return _ended(terminal, interruption, lambda: body(options, terminal))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; exit code 3 means differences."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    replace_unencodable()
    try:
        check_arguments(words, os.environ.items())
        result = app(words, standalone_mode=False, prog_name="scripts/conformance")
    except (KeyboardInterrupt, EOFError):
        return 130
    except Exception as error:  # the last line of defence
        if hasattr(error, "format_message"):
            return show_usage_error(error, as_json=False)
        return internal_error(error, ISSUES, as_json=False)
    return result if isinstance(result, int) else 0


def _ended(terminal: Terminal, interruption: Interruption, body: Callable[[], Awaitable[int]]) -> int:
    async def until_interrupted() -> int:
        with interruption.ends(asyncio.current_task(), asyncio.get_running_loop()):
            return await body()

    try:
        return asyncio.run(until_interrupted())
    except S2SError as error:
        show_error(terminal, error)
        return error.exit_code
    except (asyncio.CancelledError, KeyboardInterrupt):
        terminal.say("Interrupted. There is no report.", style="warn")
        return interruption.exit_code


async def _compare(options: ConformanceOptions, terminal: Terminal) -> int:
    began = clock.now()
    _check_writable(options.report)
    async with signed_in(_patient(options), terminal, target=True) as (line, credential):
        place = await place_of(line, credential, options.cloud, options.key_vault)
        journal = Journal.begin(place, began)
        await _confirm(options, terminal, messages.run(journal, credential.signed_in.description))
        names = await asyncio.to_thread(of_run, journal.run, journal.name, began)
        steps = story(with_vault=place.vault is not None)
        sandbox = await _ask_sandbox(steps, names, terminal)
        side, tokens = cloud_side(line, credential, place, names)
        try:
            with journal.held():
                try:
                    outcomes = await _ask_cloud(steps, side, journal, sandbox, options, terminal)
                finally:
                    cleaned = await _cleaned(side, journal, terminal)
        except OSError as error:
            raise _unusable(journal.path, error, "Make its folder writable for you only.") from error
        comparer = Comparer(steps, SideAnswers(side.bindings, outcomes, [*tokens.values()]), sandbox)
        findings = comparer.findings()
        facts = Facts(label_of(options.cloud), began, len(cleaned.left))
        report = written(findings, facts, comparer.originals)
    saved = report.save(options.report)
    messages.result(terminal, findings, saved)
    if cleaned.left:
        return 1
    return DIFFERS if any(f.verdict in {Verdict.DIFFERS, Verdict.REFUSED} for f in findings) else 0


async def _ask_sandbox(steps: Sequence[Step], names: dict[str, str], terminal: Terminal) -> SideAnswers:
    terminal.say(f"Sending {len(steps)} requests to a sandbox.")
    async with own_sandbox(names) as side:
        return SideAnswers(side.bindings, await walk(steps, side))


async def _ask_cloud(
    steps: Sequence[Step],
    side: Side,
    journal: Journal,
    sandbox: SideAnswers,
    options: ConformanceOptions,
    terminal: Terminal,
) -> list[Outcome]:
    terminal.say(f"Sending {len(steps)} requests to the cloud {label_of(options.cloud)}.")
    expected = {outcome.step.id: outcome for outcome in sandbox.outcomes}
    progress = messages.progress(terminal) if options.verbose else lambda _: None
    try:
        async with asyncio.timeout(options.timeout):
            return await walk(steps, side, journal=journal, expected=expected, progress=progress)
    except TimeoutError as error:
        raise DeadlinePassed(
            "deadline-passed",
            f"Timed out after {options.timeout:g} s. There is no report.",
            remedy="Run it again with a larger --timeout SECONDS.",
        ) from error


async def _cleaned(side: Side, journal: Journal, terminal: Terminal) -> CleanupResult:
    terminal.say("Removing what this run created.")
    try:
        what = await clean(side, journal)
    except S2SError:
        terminal.say(messages.STILL_THERE, style="bad")
        raise
    messages.cleaned(terminal, what)
    return what


async def _clean_up(options: ConformanceOptions, terminal: Terminal) -> int:
    try:
        journals = unfinished()
    except OSError as error:
        raise _unusable(folder(), error, "Make it private: mode 0600.") from error
    except ValueError as error:
        raise NotThere("not-found", str(error), remedy="Delete that file, or use the version that wrote it.") from error
    if not journals:
        terminal.say("Nothing to clean up.")
        return 0
    await _confirm(options, terminal, messages.journals(journals))
    left = False
    for journal in journals:
        with journal.held() as is_ours:
            if not is_ours:
                terminal.say(f"Skipped {journal.name}: it is still running.")
                continue
            try:
                cleaned = await _clean_one(journal, options, terminal)
            except S2SError as error:  # the next one may be in another cloud
                show_error(terminal, error)
                left = True
                continue
            left = left or bool(cleaned.left)
    return 1 if left else 0


async def _clean_one(journal: Journal, options: ConformanceOptions, terminal: Terminal) -> CleanupResult:
    place = journal.place
    there = replace(_patient(options), cloud=place.cloud, tenant=place.tenant, subscription=place.subscription)
    async with signed_in(there, terminal, target=False) as (line, credential):
        side, _ = cloud_side(line, credential, place, {})
        cleaned = await clean(side, journal)
    messages.cleaned(terminal, cleaned)
    return cleaned


async def _confirm(options: ConformanceOptions, terminal: Terminal, lines: Sequence[str]) -> None:
    for line in lines:
        terminal.say(line)
    if options.yes:
        return
    if not terminal.talks_to_person:
        raise UsageError(
            "confirmation-missing",
            "Cannot ask for confirmation: this is not an interactive terminal. Nothing was changed.",
            remedy="Add --yes to continue.",
        )
    if (await ask(terminal, "Continue? [y/N] ")).strip().lower() not in {"y", "yes"}:
        raise Cancelled("cancelled", "Nothing was changed.", remedy="Run the same command again when you are ready.")


def _patient(options: ConformanceOptions) -> ConformanceOptions:
    return replace(options, timeout=options.timeout + CLEANING_SECONDS)


def _check_writable(report: Path) -> None:
    """Check that the report can be written, before any request."""
    try:
        report.mkdir(parents=True, exist_ok=True)
        trial = report / ".trial"
        trial.write_text("")
        trial.unlink()
    except OSError as error:
        raise _unusable(report, error, "Choose another folder: --report FOLDER") from error


def _unusable(path: Path, error: OSError, remedy: str) -> UsageError:
    return UsageError("backup-place-unwritable", f"Cannot write to '{path}': {error.strerror or error}", remedy=remedy)
