"""What `remove-client` and `teardown` share: the query, the wish, and the secret files that are of no use any more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from mct_s2s import clock
from mct_s2s.cli.change_targets import query_for
from mct_s2s.cli.changing import Change, Changed, change, default_folder
from mct_s2s.cli.options import RemovalOptions
from mct_s2s.cli.run import Run, run
from mct_s2s.cli.specs import service_wish
from mct_s2s.cli.where import where
from mct_s2s.cli.wiring import Needs, Session
from mct_s2s.errors import UsageError
from mct_s2s.inputs.clients import SecretTo
from mct_s2s.model.commands import own_command
from mct_s2s.model.desired import Desired, Removal
from mct_s2s.planning.changes import DeleteApplication, RemoveSecret
from mct_s2s.render.handover import show_lacking, show_left_to_others
from mct_s2s.stores.keys import KeyFileStore


def remove(options: RemovalOptions, wanted: Removal) -> int:
    """Exit code of a removal."""
    if options.keep_registration and (options.purge or options.delete_adopted):
        raise UsageError(
            "contradictory-options",
            "--keep-registration cannot be combined with --purge or --delete-adopted.",
            remedy="Remove one of them.",
        )
    now = clock.now()

    async def body(current: Run, session: Session) -> int:
        service = service_wish(session.target, None, may_create=False)
        query = replace(
            query_for(session, service, now), leaving=wanted.clients, everything=wanted.everything, wired=True
        )
        asked = Change(
            query=query,
            desired=Desired(service, removal=wanted, restart=not options.no_restart),
            label=session.target.label if session.target else service.display_name,
            now=now,
        )
        code, changed = await change(current, options, session, asked)
        if changed.applied:
            _retire(current, changed, default_folder(session.label, changed.convergence.before, asked.label))
            _close(current, options, changed)
        return code

    return run(options, Needs(key_vault=wanted.delete_secrets), body)


def _retire(current: Run, changed: Changed, folder: Path) -> None:
    """Delete the files whose secrets have just become useless, where they lie in this tool's own folder."""
    for name, client_id in _without_secrets(changed):
        for stem in dict.fromkeys((name, client_id)):
            place = KeyFileStore.at(SecretTo().file_for(stem, folder), is_ours=True)
            if place.retire(client_id):
                current.terminal.say(f"Deleted {place.path} (its secret was removed)")


def _without_secrets(changed: Changed) -> Iterator[tuple[str, str]]:
    journal, before = changed.convergence.journal, changed.convergence.before
    done = [entry.change for entry in journal.done] if journal else []
    emptied = {c.object_id for c in done if isinstance(c, DeleteApplication | RemoveSecret)}
    for client in before.trust.clients:
        if client.application is not None and client.application.object_id in emptied:
            yield client.display_name, client.client_id


def _close(current: Run, options: RemovalOptions, changed: Changed) -> None:
    if not current.terminal.json:
        after = changed.convergence.after
        show_left_to_others(current.terminal, changed.left)
        show_lacking(current.terminal, changed.convergence.lacks)
        current.terminal.result(
            f"Done. Check it any time: {own_command('status', where=where(options, after))}", style="good"
        )
