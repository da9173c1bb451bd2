"""What a changing command prints for programs: the JSON document of its result, and a plan as Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from mct_s2s.cli.closing import left_to_others
from mct_s2s.cli.credential_stores.made import all_credentials
from mct_s2s.cli.options import ChangingOptions, PlanFormat
from mct_s2s.engine.outcome import Outcome
from mct_s2s.engine.session import Session
from mct_s2s.plain_text import plain
from mct_s2s.planning.identifiers import identify
from mct_s2s.planning.permissions.grants import missing_rights
from mct_s2s.planning.reviewed import fingerprint as digest_of
from mct_s2s.render.console import Terminal
from mct_s2s.render.documents import connection_document
from mct_s2s.render.plan import target_details
from mct_s2s.render.plan_markdown import plan_markdown
from mct_s2s.render.result_document import Step, result_document
from mct_s2s.render.verification import verification_document


def write_document(terminal: Terminal, options: ChangingOptions, session: Session, outcome: Outcome) -> None:
    """Print the JSON document, or the plan as Markdown; nothing where the output is text."""
    if terminal.json:
        terminal.document(result_of(options, session, outcome, _fingerprint(outcome)))
    elif options.output is PlanFormat.MARKDOWN:
        about, left = target_details(outcome.before), left_to_others(options, session, outcome)
        lines = plan_markdown(outcome.plan, outcome.request.label, about, _fingerprint(outcome), left)
        terminal.verbatim("".join(f"{plain(line)}\n" for line in lines))


def result_of(options: ChangingOptions, session: Session, outcome: Outcome, fingerprint: str) -> dict[str, object]:
    """`mct-s2s/result/v1`; the fingerprint is part of a dry run's."""
    return result_document(
        _steps(outcome),
        all_credentials(outcome),
        connection_document(outcome.after),
        left=left_to_others(options, session, outcome),
        notes=outcome.plan.remarks,
        missing=missing_rights(outcome.lacks),
        fingerprint=fingerprint if options.dry_run else None,
        verification=verification_document(outcome.verification) if outcome.verification else None,
    )


def _fingerprint(outcome: Outcome) -> str:
    """The digest of what would be done."""
    request = outcome.request
    return digest_of(outcome.plan, request.now, request.subject(outcome.before))


def _steps(outcome: Outcome) -> Iterator[Step]:
    """The plan's steps, with what came of those that are done."""
    done = {entry.change.key: entry for entry in outcome.done}
    blocked = {step.key for step in outcome.plan.blocked}
    for step in (*(entry.change for entry in outcome.restored), *outcome.plan.steps):
        entry = done.get(step.key)
        change = entry.change if entry is not None else step
        ids = identify(change, outcome.before, outcome.results)
        if entry is None:
            yield Step(change, ids, change.detail, is_blocked=step.key in blocked)
        else:
            yield Step(change, replace(ids, id=ids.id or entry.id), entry.detail, entry.seconds)
