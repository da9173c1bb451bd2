"""What a run prints on the terminal, where names are shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from mct_s2s.render.console import Terminal

from conformance.cleanup import CleanupResult
from conformance.journal import Journal
from conformance.steps import SETTING, Step
from conformance.verdicts import Finding, Verdict

STILL_THERE = "The objects created by this run still exist. Remove them with: scripts/conformance --clean-up"


def run(journal: Journal, who: str) -> list[str]:
    """Return what a run will change."""
    name, place = journal.name, journal.place
    app_service = place.site.rpartition("/")[2]
    vault = [f"  - in key vault {place.vault}: sets, deletes and purges the secret {name}"] if place.vault else []
    return [
        f"On the cloud '{place.cloud}', in tenant {place.tenant}, as {who}, this run",
        f"  - registers the applications {name}-api and {name}-client with their service principals, gives one a",
        "    secret, a certificate and a federated credential and the other's app role, and purges them",
        f"  - in resource group {place.group}: creates and deletes the user-assigned managed identity {name}",
        f"  - of App Service {app_service}: adds the application setting {SETTING} and removes it, with all others",
        "    unchanged. App Service restarts the app each time: twice.",
        *vault,
        f"  - calls GET /api/v1/organization of {app_service} three times, without access to it",
        f"It only reads everything else. What it creates is recorded in {journal.path}:",
        "  scripts/conformance --clean-up",
        "removes it if the run ends early.",
    ]


def journals(found: Sequence[Journal]) -> list[str]:
    """Return what the cleanup will remove."""
    lines = ["Earlier runs left objects behind. Removing them:"]
    for journal in found:
        place = journal.place
        kinds = dict.fromkeys([*(kind for kind, _ in journal.made), *journal.expected])
        what = ", ".join(kinds) or "nothing known"
        lines.append(f"  - {journal.name}, started {journal.began} on '{place.cloud}', tenant {place.tenant}: {what}")
    return lines


def progress(terminal: Terminal) -> Callable[[Step], None]:
    """Return a function that prints each step."""

    def tell(step: Step) -> None:
        terminal.say(f"{step.id}  {step.method} {step.path}", style="quiet")

    return tell


def cleaned(terminal: Terminal, what: CleanupResult) -> None:
    """What was removed, and what was not."""
    for line in what.removed:
        terminal.say(f"Removed {line}.")
    if what.changed:
        names = ", ".join(what.changed)
        terminal.say(f"Someone else changed these settings. They are kept: {names}", style="warn")
    for line in what.left:
        terminal.say(f"Not removed: {line}", style="bad")
    if what.left:
        terminal.say("Remove it with: scripts/conformance --clean-up")


def result(terminal: Terminal, findings: Sequence[Finding], files: Sequence[Path]) -> None:
    """Print the number of differences, and the path of the report."""
    counts = Counter(finding.verdict for finding in findings)
    terminal.result(", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict))
    later = sum(len(finding.waits) for finding in findings)
    if later:
        terminal.result(f"{later} responses came later.")
    terminal.result(f"The report: {files[0]}. Read it, then send its folder as described in docs/conformance.md.")
