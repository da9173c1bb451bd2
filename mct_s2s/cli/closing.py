"""The closing words of `setup` and `add-client`: where each secret is, and how each client calls."""

from __future__ import annotations

import shlex

from mct_s2s.cli.changing import Changed
from mct_s2s.cli.options import ChangingOptions
from mct_s2s.cli.run import Run
from mct_s2s.cli.where import where
from mct_s2s.cli.wiring import Session
from mct_s2s.model.client_credentials import CredentialKind
from mct_s2s.model.commands import own_command
from mct_s2s.model.observed import ObservedState
from mct_s2s.planning.application_uri import uri_shown
from mct_s2s.planning.changes import AddFederatedCredential
from mct_s2s.ports.secret_stores import KeyStore
from mct_s2s.render.closing import show_credentials, vault_reading
from mct_s2s.render.console import Terminal
from mct_s2s.render.handover import show_lacking, show_left_to_others
from mct_s2s.render.next_steps import (
    Call,
    show_certificate_example,
    show_client_example,
    show_federated_example,
    show_identity_example,
)
from mct_s2s.render.verification import show_verification
from mct_s2s.stores.file_store import FileStore


def _show_how_clients_call(terminal: Terminal, call: Call, changed: Changed) -> None:
    """Once for each kind of credential, by the first client that has it; each federated one, for each is different."""
    name, first = next(iter(changed.stores.items()), ("", None))
    dotenv = str(first.path) if isinstance(first, FileStore) and first.path.exists() else None
    keys = [c for c in changed.credentials if c.kind is CredentialKind.CERTIFICATE]
    if isinstance(first, KeyStore):
        show_certificate_example(terminal, call, next((c.client_id for c in keys), ""), dotenv)
    elif first is not None:
        from_vault = _from_vault(first.label, name, changed.convergence.after)
        show_client_example(terminal, call, dotenv, from_vault)
    elif keys:
        show_certificate_example(terminal, call, keys[0].client_id, None)
    client_ids = {credential.client: credential.client_id for credential in changed.credentials}
    for change in changed.convergence.plan.changes:
        if isinstance(change, AddFederatedCredential):
            show_federated_example(terminal, call, client_ids[change.client], change.federation)


def _from_vault(label: str, name: str, after: ObservedState) -> str | None:
    """The line of a script that fetches a client's secret from its vault, where it is in one."""
    if not label.startswith("keyvault:"):
        return None
    client = next((c for c in after.trust.clients if name in {c.display_name, c.client_id}), None)
    known = f"AZURE_CLIENT_ID={shlex.quote(client.client_id) if client else '…'}"
    return f'export {known} AZURE_CLIENT_SECRET="$({vault_reading(label)})"'


def close(current: Run, options: ChangingOptions, session: Session, changed: Changed) -> None:
    """Say it to a person; JSON has said it all."""
    terminal, convergence = current.terminal, changed.convergence
    if terminal.json or options.dry_run:
        return
    show_credentials(terminal, [one for one in changed.credentials if one.secret is None])  # others were shown at once
    after = convergence.after
    show_left_to_others(terminal, changed.left)
    service, site = after.trust.service, after.app_service
    if service is None or after.tenant is None:
        return
    call = Call(session.cloud.login, after.tenant.id, uri_shown(service, after) or "", site.site.url if site else None)
    _show_how_clients_call(terminal, call, changed)
    for holder in after.holders:
        show_identity_example(terminal, call, holder)
    if changed.verification is not None:
        show_verification(terminal, changed.verification)
    show_lacking(terminal, convergence.lacks)
    show_end(terminal, changed, where(options, after))


def show_end(terminal: Terminal, changed: Changed, place: str) -> None:
    """The last line: what came of it, and how to see what there is.

    Args:
        terminal: the streams.
        changed: what was done.
        place: the options that name the App Service.
    """
    told, style = _end(changed)
    look = f"Check it any time: {own_command('status', where=place)}"
    terminal.result(f"{told} {look}".strip(), style=style)


def _end(changed: Changed) -> tuple[str, str]:
    if changed.verification is not None and changed.verification.failed:
        return "Setup is complete, but a client's test failed. See above.", "warn"
    if changed.convergence.lacks:
        return "Completed the steps you can do.", "good"
    if changed.left:
        return "Completed this part. The remaining steps are listed above.", "good"
    return ("Done." if changed.applied else ""), "good"
