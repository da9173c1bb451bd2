"""`scripts/conformance`: describe the run, confirm, send the story to both sides, clean up,
report.
"""

import asyncio
import logging
import os
import re
import secrets
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import typer
from mct_s2s import clock
from mct_s2s.azure.clouds import BY_NAME, SANDBOX
from mct_s2s.cli.binding import command, option
from mct_s2s.cli.interruption import Interruption
from mct_s2s.cli.mistakes import report
from mct_s2s.cli.options import AzureOptions
from mct_s2s.cli.session import open_connection, signed_in
from mct_s2s.cli.streams import ask, check_arguments, replace_unencodable
from mct_s2s.errors import Cancelled, DeadlinePassed, S2SError, UsageError
from mct_s2s.model.commands import option as option_text
from mct_s2s.render.console import Terminal
from mct_s2s.render.diagnostics import show_error

from conformance.cleanup import clean
from conformance.clouds import Side, cloud_side, names_of, own_sandbox, questioned_side
from conformance.questions import answers
from conformance.redaction import private_values
from conformance.report import Verdict, counted, findings, save
from conformance.story import SETTING, STEPS, Service, Step
from conformance.walk import Outcome, walk

PREFIX = "mct-s2s-conformance-"
REPORT = Path("conformance-report")
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

    resource_group: str | None = option(
        "-g --group --resource-group NAME",
        "The App Service's resource group. An identity is created there.",
        env=True,
    )
    key_vault: str | None = option("--key-vault NAME", "A key vault for a test secret.")
    report: Path = option(
        "--report FOLDER",
        "The folder for the report and the tables.",
        default=Path("conformance-report"),
    )
    yes: bool = option("-y --yes", "Do not ask.")
    questions: bool = option(
        "--questions", "Only ask what a real tenant alone can settle. Nothing is changed."
    )
    machine: str | None = option(
        "--machine ID", "For --questions: a virtual machine with an identity that a user assigned."
    )
    scale_set: str | None = option(
        "--scale-set ID", "For --questions: a scale set with an identity of its own."
    )
    client: str | None = option("--client APP_ID", "For --questions: the appId of a client.")
    clean_up: str | None = option("--clean-up RUN", "Only remove what the run of this name left.")
    timeout: float = option(
        "--timeout SECONDS", "Deadline in seconds; the clean-up follows it.", default=1800.0
    )


def conformance(options: ConformanceOptions) -> int:
    """Compare a cloud with the sandbox, in throwaway objects, and write a report that names
    nobody.
    """
    for name in ("azure", "msal", "asyncio"):
        logging.getLogger(name).addHandler(logging.NullHandler())
        logging.getLogger(name).propagate = False
    terminal = Terminal.open(json=False)
    with Interruption() as interruption:

        async def until_interrupted() -> int:
            with interruption.ends(asyncio.current_task(), asyncio.get_running_loop()):
                return await _run(options, terminal)

        try:
            return asyncio.run(until_interrupted())
        except S2SError as error:
            show_error(terminal, error)
            return error.exit_code
        except (asyncio.CancelledError, KeyboardInterrupt):
            terminal.say("Interrupted. There is no report.", style="warn")
            return interruption.exit_code


command(app, "conformance", ConformanceOptions, conformance, str(conformance.__doc__))


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
        return report(error, words)
    return result if isinstance(result, int) else 0


async def _run(options: ConformanceOptions, terminal: Terminal) -> int:
    run = options.clean_up or PREFIX + secrets.token_hex(5)
    if not re.fullmatch(PREFIX + "[0-9a-f]{10}", run):
        raise UsageError(
            "usage", f"'{run}' is no name of a run.", remedy=f"A run's name begins with {PREFIX}."
        )
    try:
        if not (options.clean_up or options.questions):
            options.report.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        text = f"Cannot write to '{options.report}': {error.strerror or error}"
        remedy = "Choose another folder: --report FOLDER"
        raise UsageError("backup-place-unwritable", text, remedy=remedy) from error
    patient = replace(options, timeout=options.timeout + CLEANING_SECONDS)
    opening = open_connection(patient, terminal, target=True)
    async with opening as (connection, target, subscription):
        credential = signed_in(patient, connection, terminal)
        if options.questions:
            named = {
                "subscriptionId": subscription,
                "machine": options.machine,
                "scaleSet": options.scale_set,
                "clientId": options.client,
            }
            for line in await answers(await questioned_side(connection, credential, named)):
                terminal.result(line)
            return 0
        cloud = await cloud_side(connection, credential, target, options.key_vault)
        for line in _what(cloud, run, options, credential.signed_in.description):
            terminal.say(line)
        await _confirm(options, terminal)
        if options.clean_up:
            return 1 if await _clean(cloud, run, terminal, sure=False) else 0
        return await _compare(
            cloud, await asyncio.to_thread(names_of, run, clock.now()), options, terminal
        )


async def _compare(
    cloud: Side, names: dict[str, str], options: ConformanceOptions, terminal: Terminal
) -> int:
    cloud.bindings |= names
    steps = [
        step for step in STEPS if step.service is not Service.VAULT or "vault" in cloud.bindings
    ]
    terminal.say(
        f"Sending {len(steps)} requests to a sandbox, then to the cloud '{options.cloud}'."
    )
    async with own_sandbox(names) as sandbox:
        theirs = await walk(steps, sandbox)
    expected, ours = {outcome.step.id: outcome.answer for outcome in theirs}, list[Outcome]()

    def progress(step: Step) -> None:
        if options.verbose:
            terminal.say(f"{step.id}  {step.method} {step.path}", style="quiet")

    try:
        async with asyncio.timeout(options.timeout):
            ours = await walk(steps, cloud, expected, progress)
    except TimeoutError as error:
        text = f"Timed out after {options.timeout:g} s. There is no report."
        raise DeadlinePassed(
            "deadline-passed", text, remedy="Run it again with a larger --timeout SECONDS."
        ) from error
    finally:
        terminal.say("Removing what this run created.")
        sure = bool(ours) and not any(outcome.unanswered for outcome in ours)
        remains = await _clean(cloud, names["name"], terminal, sure=sure)
    label = options.cloud if options.cloud.lower() in {*BY_NAME, SANDBOX} else "private"
    private = private_values(cloud, ours, sandbox, theirs)
    compared = findings(
        cloud, ours, sandbox, theirs, private, f"conformance:{label}:{clock.now():%Y-%m}"
    )
    report = save(options.report, compared, private, label, clock.now(), len(remains))
    terminal.result(counted(compared))
    terminal.result(
        f"The report: {report}. Read it, then send its folder as described in docs/conformance.md."
    )
    if remains:
        return 1
    return (
        3
        if any(finding.verdict in {Verdict.DIFFERS, Verdict.REFUSED} for finding in compared)
        else 0
    )


async def _clean(cloud: Side, run: str, terminal: Terminal, *, sure: bool) -> list[str]:
    remains = ["everything"]
    try:
        remains = await clean(cloud, run, terminal.say, sure=sure)
    finally:
        for line in remains:
            terminal.say(f"Not removed: {line}", style="bad")
        if remains:
            terminal.say(f"Remove it with the same options and: {option_text('--clean-up', run)}")
    return remains


def _what(cloud: Side, run: str, options: ConformanceOptions, who: str) -> Sequence[str]:
    """Return what a run, or its clean-up, will change."""
    names = cloud.bindings
    where = f"On the cloud '{options.cloud}', in tenant {names['tenantId']}, as {who}, this"
    if options.clean_up:
        return [
            (
                f"{where} removes everything that is named {run}, and the setting {SETTING} of "
                f"{names['site']}."
            )
        ]
    vault = [f"  - in key vault {options.key_vault}: sets, deletes and purges the secret {run}"]
    return [
        f"{where} run",
        (
            f"  - registers the applications {run}-api and {run}-client with their service "
            "principals, gives one a"
        ),
        (
            "    secret, a certificate and a federated credential and the other's app role, and "
            "purges them"
        ),
        (
            f"  - in resource group {names['group']}: creates and deletes the user-assigned "
            f"managed identity {run}"
        ),
        (
            f"  - of App Service {names['site']}: adds the application setting {SETTING} and "
            "removes it, with all others"
        ),
        "    unchanged. App Service restarts the app each time: twice.",
        *(vault if "vault" in names else []),
        f"  - calls GET /api/v1/organization of {names['site']} three times, without access to it",
        (
            "It only reads everything else. If it is killed, the same options remove what it "
            "created, with:"
        ),
        f"  {option_text('--clean-up', run)}",
    ]


async def _confirm(options: ConformanceOptions, terminal: Terminal) -> None:
    if options.yes:
        return
    if not terminal.talks_to_person:
        raise UsageError(
            "confirmation-missing",
            "Cannot ask for confirmation: this is not an interactive terminal. Nothing was "
            "changed.",
            remedy="Add --yes to continue.",
        )
    if (await ask(terminal, "Continue? [y/N] ")).strip().lower() not in {"y", "yes"}:
        raise Cancelled(
            "cancelled",
            "Nothing was changed.",
            remedy="Run the same command again when you are ready.",
        )
