"""The closing words of `setup` and `add-client`: where each secret is, and how each client calls."""

from __future__ import annotations

from collections.abc import Sequence

from mct_s2s.cli.changing import Changed
from mct_s2s.cli.options import ChangingOptions
from mct_s2s.cli.run import Run
from mct_s2s.cli.where import where
from mct_s2s.cli.wiring import Session
from mct_s2s.model.commands import own_command
from mct_s2s.model.desired import ClientSpec
from mct_s2s.planning.application_uri import uri_shown
from mct_s2s.planning.changes import AddCredential
from mct_s2s.render.closing import show_credentials
from mct_s2s.render.console import Terminal
from mct_s2s.render.credentials import show_calls
from mct_s2s.render.credentials.base import CallingClient
from mct_s2s.render.handover import show_lacking, show_left_to_others
from mct_s2s.render.next_steps import Call, show_identity_example
from mct_s2s.render.verification import show_verification
from mct_s2s.stores.file_store import FileStore


def _calling(name: str, changed: Changed) -> CallingClient | None:
    """A client as its call is shown; `None` where nothing was done for it that a caller has to know."""
    store, after = changed.stores.get(name), changed.convergence.after
    added = next((c for c in _credentials_of(changed) if c.client == name), None)
    if store is None and added is None:
        return None
    known = changed.convergence.results.known(added.client_id) if added is not None else None
    there = next((c.client_id for c in after.trust.clients if name in {c.display_name, c.client_id}), "")
    dotenv = str(store.path) if isinstance(store, FileStore) and store.path.exists() else None
    return CallingClient(known or there, dotenv, store.label if store is not None else None, added)


def _credentials_of(changed: Changed) -> list[AddCredential]:
    return [change for change in changed.convergence.plan.changes if isinstance(change, AddCredential)]


def close(
    current: Run, options: ChangingOptions, session: Session, changed: Changed, clients: Sequence[ClientSpec]
) -> None:
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
    callers = [(client.credential, _calling(client.name, changed)) for client in clients]
    show_calls(terminal, call, [(spec, caller) for spec, caller in callers if spec is not None and caller is not None])
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
