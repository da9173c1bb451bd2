"""Deleted registrations that this run would otherwise create: they are restored whole, and planned like any other.

A deleted registration keeps its `uniqueName` and its URIs for 30 days, so a new one could not be made in its place.
Source: learn.microsoft.com/graph/api/directory-deleteditems-list.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from mct_s2s.errors import NotThere
from mct_s2s.model.client_credentials import SecretNote
from mct_s2s.model.desired import Setup
from mct_s2s.model.directory_objects import Application
from mct_s2s.model.ids import client_unique_name
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.site_settings import AUDIENCE
from mct_s2s.model.trust import ClientApplication
from mct_s2s.planning.changes import RestoreApplication
from mct_s2s.planning.registrations.application_uri import is_called, restoring
from mct_s2s.planning.registrations.membership import clients_called


def with_deleted(desired: Setup, observed: ObservedState) -> ObservedState:
    """The state as if the deleted registrations under the very names that this run would create were there.

    Of their credentials only what the client's store holds stays: no one knows who holds the others.

    Raises:
        NotThere: the service application that is named is deleted and has another name.
    """
    trust, service = observed.trust, desired.service
    if service is None:
        return observed
    if trust.service is None:
        for named in (service.adopt, AUDIENCE.value_in(observed.settings)):
            refuse_deleted(named, observed, but=service.unique_name)
        deleted = deleted_as(service.unique_name, trust.deleted)
        trust = replace(trust, service=replace(deleted, credentials=()) if deleted is not None else None)
    base = (trust.service.unique_name if trust.service else None) or service.unique_name
    for spec in desired.clients:
        deleted = deleted_as(client_unique_name(base, spec.name), trust.deleted)
        if deleted is not None and not any(one.application for one in clients_called(spec.name, observed, base)):
            stored = observed.secrets.get(spec.name, SecretNote()).delivered
            kept = tuple(one for one in deleted.credentials if one.key_id == stored)
            client = ClientApplication(replace(deleted, credentials=kept), None)
            trust = replace(trust, clients=(*trust.clients, client))
    return replace(observed, trust=trust)


def restoration(key: str, resource: str, deleted: Application, adopt_by: str | None) -> RestoreApplication:
    """The step that restores one; `adopt_by` where nothing but its name speaks for it."""
    return RestoreApplication(
        key=key,
        resource=resource,
        name=deleted.display_name,
        detail="restored from deleted applications, with its consents",
        application=deleted,
        option=adopt_by,
    )


def deleted_as(unique_name: str, deleted: Iterable[Application]) -> Application | None:
    """The registration in the recycle bin that has this `uniqueName`."""
    return next((row for row in deleted if row.unique_name == unique_name), None)


def refuse_deleted(named: str | None, observed: ObservedState, but: str = "") -> None:
    """Stop where what was named is in the recycle bin: its owner may have deleted it for a reason.

    Raises:
        NotThere: `registration-deleted`.
    """
    for row in observed.trust.deleted:
        if named and is_called(row, named.strip()) and row.unique_name != but:
            raise NotThere(
                "registration-deleted",
                f"'{row.display_name}' (appId {row.client_id}) is deleted and still in the recycle bin.",
                remedy="Restore it, then run the same command again:",
                command=restoring(row, observed.graph),
            )
