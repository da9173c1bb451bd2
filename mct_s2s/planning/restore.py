"""The settings of a backup, put back: the steps, and what of the backup is gone meanwhile."""

from collections.abc import Iterator, Sequence

from mct_s2s.errors import Instruction
from mct_s2s.model.desired import Restore
from mct_s2s.model.directory_objects import Application
from mct_s2s.model.ids import client_id_in, client_unique_name, is_guid, same_id
from mct_s2s.model.observed import ObservedState
from mct_s2s.planning.access_changes import (
    describe_losing_callers,
    describe_switching_on,
    state_after,
)
from mct_s2s.planning.changes import AnyChange, WriteSettings
from mct_s2s.planning.clients import unmatched_entries
from mct_s2s.planning.plan import Plan
from mct_s2s.planning.service_facts import has_identifier
from mct_s2s.planning.site import plan_site, settings_of_backup, site_notes


def plan_restore(desired: Restore, observed: ObservedState) -> Plan:
    settings = settings_of_backup(desired.backup, observed)
    steps = plan_site(observed, settings, restart=desired.restart)
    losing = tuple(describe_losing_callers(observed, settings))
    repeated_notes = tuple(describe_switching_on(observed, settings, set_up_again=()))
    after = state_after(observed, settings)
    notes: list[str | Instruction] = [
        *site_notes(observed, steps),
        *_describe_others_put_back(steps),
        *_describe_deleted(observed, after),
        *_describe_gone(observed, after),
    ]
    return Plan(steps, notes=tuple(notes), losing=losing, repeated_notes=repeated_notes)


def _describe_others_put_back(steps: Sequence[AnyChange]) -> Iterator[str]:
    """Warn of settings that are not the API's and have changed since the backup."""
    writes = [step for step in steps if isinstance(step, WriteSettings)]
    names = [edit.name for write in writes for edit in write.edits if not edit.is_ours]
    if names:
        these = "this setting, which is" if len(names) == 1 else "these settings, which are"
        yield (
            f"Warning: the backup also puts back {these} not for service-to-service "
            f"authentication: {', '.join(names)}. To keep a setting as it is now, remove it from "
            "the backup file."
        )


def _describe_deleted(observed: ObservedState, after: ObservedState) -> Iterator[Instruction]:
    """Say what of a backup's registrations is deleted, and how it comes back."""
    service_named, base = after.service_in_settings, observed.trust.unique_name
    clients = [row for row in observed.trust.deleted if not has_identifier(row, service_named)]
    own_clients = [client for client in clients if _comes_back_by_name(client, base)]
    for service in observed.trust.deleted:
        if service in clients:
            continue
        what = f"The service application '{service.display_name}' is deleted, so no client can call"
        # The command that restores clients restores it, too.
        if service.unique_name == base and not own_clients:
            yield Instruction(f"{what}. To restore it, too:", observed.command("setup"))
        else:
            yield Instruction(f"{what}.")
    for client in clients:
        if client not in own_clients:
            yield Instruction(f"'{client.display_name}' is deleted, so its ID gives no access.")
    names = [client.display_name for client in own_clients]
    if names:
        quoted = ", ".join(f"'{name}'" for name in names)
        what = f"{quoted} are deleted, so their IDs give no access. To restore them, too:"
        if len(names) == 1:
            what = f"{quoted} is deleted, so its ID gives no access. To restore it, too:"
        words = [word for name in names for word in ("--client", name)]
        yield Instruction(what, observed.command("setup", *words))


def _comes_back_by_name(client: Application, base: str) -> bool:
    """Whether a setup that names it means this very one.

    Its owner may have changed its name since, also to the appId of another registration.
    """
    name = client.display_name.strip()
    return not is_guid(name) and client.unique_name == client_unique_name(base, name)


def _describe_gone(observed: ObservedState, after: ObservedState) -> Iterator[str | Instruction]:
    """Say what a backup puts back that nothing in the directory has any more."""
    if not observed.is_directory_read:
        return
    trust, service_id = observed.trust, client_id_in(after.service_in_settings)
    known = [
        *filter(None, (trust.service, *trust.deleted)),
        *(c.application for c in trust.clients),
    ]
    if service_id is not None and not any(same_id(row.client_id, service_id) for row in known):
        what = (
            f"Nothing in this tenant has the appId {service_id} of the backup's service "
            "application, so no client can call. To create another one:"
        )
        yield Instruction(what, observed.command("setup"))
    deleted_ids = {row.client_id for row in trust.deleted}
    gone = [
        entry
        for setting, entry in unmatched_entries(after)
        if is_guid(entry)
        and entry.casefold() not in deleted_ids
        and not setting.list_in(observed.settings).contains(entry)
    ]
    if len(gone) == 1:
        yield f"Nothing in this tenant has the ID {gone[0]}, so it gives no access."
    elif gone:
        yield f"Nothing in this tenant has the IDs {', '.join(gone)}, so they give no access."
