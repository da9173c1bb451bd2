"""What `remove-client` and `teardown` share: the query, the spec, and the secret files that are no longer needed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from mct_s2s import clock
from mct_s2s.cli.change import change, exit_code
from mct_s2s.cli.closing import close
from mct_s2s.cli.credential_stores.opening import default_folder
from mct_s2s.cli.options import RemovalOptions
from mct_s2s.cli.requests import request_for, service_spec
from mct_s2s.cli.run import Run, run
from mct_s2s.cli.session import Needs
from mct_s2s.engine.outcome import Outcome
from mct_s2s.engine.session import Session
from mct_s2s.errors import UsageError
from mct_s2s.inputs.secret_to import SecretTo
from mct_s2s.model.desired import Desired, Removal
from mct_s2s.planning.changes import AddCredential, DeleteApplication, RemoveCredential
from mct_s2s.render.console import Terminal
from mct_s2s.stores.departures import LocalDepartures
from mct_s2s.stores.keys import KeyFileStore


def remove(options: RemovalOptions, wanted: Removal) -> int:
    """Plan a removal, confirm and apply it; return the process exit code."""
    if options.keep_registration and (options.purge or options.delete_adopted):
        raise UsageError(
            "contradictory-options",
            "--keep-registration cannot be combined with --purge or --delete-adopted.",
            remedy="Remove one of them.",
        )
    now = clock.now()

    async def body(current: Run, session: Session) -> int:
        service = service_spec(session.target, None, adopt=options.service_app, may_create=False)
        desired = Desired(service, removal=wanted, restart=not options.no_restart)
        request = replace(request_for(session, desired, now), departures=LocalDepartures())
        outcome = await change(current, options, session, request)
        if outcome.applied:
            retire_files(current.terminal, session, outcome)
            what = "service-to-service authentication" if wanted.everything else f"{', '.join(wanted.clients)}"
            close(current.terminal, options, session, outcome, f"Removed {what} from {request.label}")
        return exit_code(options, outcome)

    return run(options, Needs(key_vault=wanted.delete_secrets), body)


def retire_files(terminal: Terminal, session: Session, outcome: Outcome) -> None:
    """Delete the files whose secrets have just become useless, where they are in this tool's own folder."""
    folder = default_folder(session.label, outcome.before, outcome.request.label)
    gone = []
    for name, client_id in _without_secrets(outcome):
        for stem in dict.fromkeys((name, client_id)):
            store = KeyFileStore.at(SecretTo().file_for(stem, folder), is_ours=True)
            gone += [store.path] if store.retire(client_id) else []
    for text in ["Deleted files of secrets that were removed:", *(f"  {path}" for path in gone)] if gone else ():
        terminal.note(text)


def _without_secrets(outcome: Outcome) -> Iterator[tuple[str, str]]:
    done = [entry.change for entry in outcome.journal.done]
    removed = {c.key_id for c in done if isinstance(c, RemoveCredential)}
    usable = {outcome.results.known(c.object_id) for c in done if isinstance(c, AddCredential)}
    for client in outcome.before.trust.clients:
        if client.application is not None:
            left = [one for one in client.application.credentials if one.is_ours and one.key_id not in removed]
            usable |= {client.application.object_id} if left else set()
    emptied = {c.object_id for c in done if isinstance(c, RemoveCredential)} - usable
    emptied |= {c.object_id for c in done if isinstance(c, DeleteApplication)}
    for client in outcome.before.trust.clients:
        if client.application is not None and client.application.object_id in emptied:
            yield client.display_name, client.client_id
