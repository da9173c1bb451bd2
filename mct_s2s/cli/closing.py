"""How the changing commands end: whether the clients can call, where each secret is, and what is left to do."""

from __future__ import annotations

from collections.abc import Iterator

from mct_s2s import clock
from mct_s2s.cli.credential_stores import all_credentials, credentials_of
from mct_s2s.cli.options import ChangingOptions
from mct_s2s.cli.requests import where
from mct_s2s.engine.outcome import Outcome
from mct_s2s.engine.session import Session
from mct_s2s.model.commands import own_command
from mct_s2s.model.desired import Rotation
from mct_s2s.model.ids import PrincipalId
from mct_s2s.plain_text import plain
from mct_s2s.planning.changes import EnableIdentity, Part, Ref, identify
from mct_s2s.planning.reports.verification import CALL, CheckSubject
from mct_s2s.planning.reviewed import fingerprint as digest_of
from mct_s2s.render.closing import ClientResult, Closing, show_closing
from mct_s2s.render.console import Terminal
from mct_s2s.render.documents import connection_document
from mct_s2s.render.manual_steps import Instruction, grants_to_ask_for, instructions, show_manual_steps
from mct_s2s.render.plan import target_details
from mct_s2s.render.plan_markdown import plan_markdown
from mct_s2s.render.result_document import Step, result_document
from mct_s2s.render.verification import show_verification, verification_document


def left_to_others(options: ChangingOptions, session: Session, outcome: Outcome) -> list[Instruction]:
    """What someone else has to do, with the command that does it."""
    return instructions(
        outcome.left_to_others,
        outcome.before,
        outcome.results,
        where=where(options, outcome.before.site),
        login=session.login,
        handoff=outcome.request.handoff,
    )


def close_clients(terminal: Terminal, options: ChangingOptions, session: Session, outcome: Outcome) -> None:
    """Close a command that adds clients, or that has no more to do than to put right what is there."""
    clients = list(_clients(outcome))
    close(terminal, options, session, outcome, "" if clients else f"Configured {outcome.request.label}", clients)


def close(
    terminal: Terminal,
    options: ChangingOptions,
    session: Session,
    outcome: Outcome,
    headline: str,
    clients: list[ClientResult] | None = None,
) -> None:
    """Close a command that changes something; JSON is printed elsewhere, and a dry run has printed its plan.

    Args:
        headline: what that is, in words; empty where it is that clients can call.
    """
    if terminal.json or options.dry_run:
        return
    if outcome.verification is not None and not outcome.verification.is_proved:
        show_verification(terminal, outcome.verification)
    status = own_command("status", where=where(options, outcome.before.site))
    if outcome.applied:
        called = [] if headline else [one.name for one in clients or ()][:1]
        snippet = [own_command("snippet", about=name, where=where(options, outcome.before.site)) for name in called]
        show_closing(
            terminal,
            Closing(
                label=outcome.request.label,
                clients=clients or (),
                headline=headline,
                seconds=clock.seconds() - outcome.began,
                verification=outcome.verification,
                is_partial=bool(outcome.left_to_others or outcome.plan.losing),
                next_commands=[*snippet, status],
                remarks=[*unsaid(terminal, options, outcome), *(_ended(session) if clients else ())],
            ),
        )
    left = left_to_others(options, session, outcome)
    if outcome.applied and left:
        terminal.result()
    show_manual_steps(terminal.out, left)
    if outcome.lacks:
        terminal.say("To do this yourself:", style="warn")
        sentence, again = session.azure.directory_access.signed_in.after_a_grant
        steps = [*grants_to_ask_for(outcome.lacks), *([Instruction(sentence, again)] if sentence else [])]
        show_manual_steps(terminal.err, steps)


def unsaid(terminal: Terminal, options: ChangingOptions, outcome: Outcome) -> Iterator[tuple[str, str]]:
    """Whom the change leaves without access; of a rotation whose plan was not shown, who needs the new credential."""
    yield from ((text, "") for text in outcome.plan.losing)
    if terminal.quiet and options.yes and isinstance(outcome.request.desired, Rotation):
        yield from ((note, "") if isinstance(note, str) else note for note in outcome.plan.notes)


def _ended(session: Session) -> list[tuple[str, str]]:
    if not session.reopened_by:
        return []
    return [
        ("This sandbox ended with the command. To call it, keep it running in another terminal:", session.reopened_by)
    ]


def _clients(outcome: Outcome) -> Iterator[ClientResult]:
    """The clients that the command was about, each with the credential that it got."""
    made = {credential.client: credential for credential in credentials_of(outcome)}
    answered = _answers(outcome)
    for name in outcome.request.desired.names:
        client_id = outcome.client_id(name) or ""
        yield ClientResult(name, client_id, credential=made.get(name), can_call=answered.get(name))
    enabled = {one.identity_resource: one.key for one in outcome.plan.changes if isinstance(one, EnableIdentity)}
    for resource in outcome.before.identity_resources:
        principal = resource.principal_id
        if principal is None and resource in enabled:
            principal = outcome.results.known(Ref[PrincipalId](enabled[resource], Part.PRINCIPAL_ID))
        yield ClientResult(resource.display_name, principal_id=principal or "")


def made_by(outcome: Outcome) -> list[ClientResult]:
    """The clients that got a new credential."""
    return [ClientResult(one.client, one.client_id, credential=one) for one in credentials_of(outcome)]


def _answers(outcome: Outcome) -> dict[str | None, bool | None]:
    """What came of the test of each client: true only if nothing about it failed."""
    found: dict[str | None, bool | None] = {}
    for check in outcome.verification.checks if outcome.verification is not None else ():
        if check.kind is CheckSubject.APPLICATION:
            before = found.get(check.client)
            if check.ok is False or before is False:
                found[check.client] = False
            elif check.check == CALL:
                found[check.client] = check.ok
    return found


def write_document(terminal: Terminal, options: ChangingOptions, session: Session, outcome: Outcome) -> None:
    """Print the JSON document, or the plan as Markdown; nothing where the output is text."""
    if terminal.json:
        terminal.document(result_of(options, session, outcome, _fingerprint(outcome)))
    elif options.output == "markdown":
        about, left = target_details(outcome.before), left_to_others(options, session, outcome)
        lines = plan_markdown(outcome.plan, outcome.request.label, about, _fingerprint(outcome), left)
        terminal.verbatim("".join(f"{plain(line)}\n" for line in lines))


def result_of(
    options: ChangingOptions, session: Session, outcome: Outcome, fingerprint: str | None
) -> dict[str, object]:
    """`mct-s2s/result/v1`; the fingerprint is part of a dry run's."""
    return result_document(
        _steps(outcome),
        all_credentials(outcome),
        connection_document(outcome.after),
        left=left_to_others(options, session, outcome),
        notes=outcome.plan.remarks,
        missing=dict.fromkeys(outcome.lacks),
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
        ids = identify(change, outcome.results)
        if entry is None:
            yield Step(change, ids, change.detail, is_blocked=step.key in blocked)
        else:
            yield Step(change, ids, entry.detail, entry.seconds)
