"""The closing words of the changing commands: where each secret is, how each client calls, what is left to do."""

from __future__ import annotations

from mct_s2s.cli.made_credentials import credentials_of
from mct_s2s.cli.options import ChangingOptions
from mct_s2s.cli.requests import where
from mct_s2s.engine.outcome import Outcome
from mct_s2s.engine.session import Session
from mct_s2s.model.commands import own_command
from mct_s2s.planning.application_uri import uri_shown
from mct_s2s.planning.changes.credentials import AddCredential
from mct_s2s.planning.membership import clients_called
from mct_s2s.render.closing import show_credentials
from mct_s2s.render.console import Terminal
from mct_s2s.render.credentials import show_calls
from mct_s2s.render.credentials.base import CallingClient
from mct_s2s.render.handover import Instruction, instructions, show_lacking, show_left_to_others
from mct_s2s.render.next_steps import Call, show_identity_example
from mct_s2s.render.verification import show_verification
from mct_s2s.stores.file_store import FileStore


def left_to_others(options: ChangingOptions, session: Session, outcome: Outcome) -> list[Instruction]:
    """What someone else has to do, with the command that does it."""
    after = outcome.after
    return instructions(
        outcome.left_to_others,
        after,
        outcome.results,
        where=where(options, after),
        login=session.login,
        handoff=outcome.request.handoff,
    )


def show_made(terminal: Terminal, outcome: Outcome) -> None:
    """The credentials that were made; one that was to be shown was shown at once."""
    show_credentials(terminal, [one for one in credentials_of(outcome) if one.secret is None])


def close_clients(terminal: Terminal, options: ChangingOptions, session: Session, outcome: Outcome) -> None:
    """Close a command that adds clients."""
    if terminal.json or options.dry_run:
        return
    show_made(terminal, outcome)
    after = outcome.after
    left = left_to_others(options, session, outcome)
    show_left_to_others(terminal, left)
    service, site = after.trust.service, after.app_service
    if service is None or after.tenant is None:
        return
    call = Call(session.login, after.tenant.id, uri_shown(service, after) or "", site.site.url if site else None)
    clients = [(client.credential, _calling(client.name, outcome)) for client in outcome.request.desired.clients]
    show_calls(terminal, call, [(spec, client) for spec, client in clients if spec is not None and client is not None])
    for identity_resource in after.identity_resources:
        show_identity_example(terminal, call, identity_resource)
    if outcome.verification is not None:
        show_verification(terminal, outcome.verification)
    show_lacking(terminal, outcome.lacks)
    show_end(terminal, options, outcome)


def close(terminal: Terminal, options: ChangingOptions, session: Session, outcome: Outcome) -> None:
    """Close any other command."""
    if terminal.json:
        return
    show_left_to_others(terminal, left_to_others(options, session, outcome))
    show_lacking(terminal, outcome.lacks)
    if outcome.applied:
        show_end(terminal, options, outcome)


def show_end(terminal: Terminal, options: ChangingOptions, outcome: Outcome) -> None:
    """The last line: what came of it, and how to see what there is."""
    style, result = "good", "Done." if outcome.applied else ""
    if outcome.verification is not None and outcome.verification.failed:
        style, result = "warn", "Setup is complete, but a client's test failed. See above."
    elif outcome.verification is not None and not outcome.verification.is_proved:
        style, result = "warn", "Setup is complete, but no client could be tested yet. See above."
    elif outcome.lacks:
        result = "Completed the steps you can do."
    elif outcome.left_to_others:
        result = "Completed this part. The remaining steps are listed above."
    look = f"Check it any time: {own_command('status', where=where(options, outcome.after))}"
    terminal.result(f"{result} {look}".strip(), style=style)


def _calling(name: str, outcome: Outcome) -> CallingClient | None:
    """A client as its call is shown; `None` where nothing was done for it that a caller has to know."""
    store = outcome.stores.get(name)
    added = next((c for c in outcome.plan.changes if isinstance(c, AddCredential) and c.client == name), None)
    if store is None and added is None:
        return None
    client = next(iter(clients_called(name, outcome.after, outcome.request.unique_name)), None)
    dotenv = str(store.path) if isinstance(store, FileStore) and store.path.exists() else None
    return CallingClient(client.client_id if client else "", dotenv, store.label if store else None, added)
