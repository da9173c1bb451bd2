"""Deleted registrations that this run would otherwise create: they are restored whole, and then planned like any other.

A deleted registration keeps its `uniqueName` and its URIs for 30 days, so a new one could not be made in its place.
Source: learn.microsoft.com/graph/api/directory-deleteditems-list.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mct_s2s.errors import NotThere
from mct_s2s.model.client_credentials import SecretNote
from mct_s2s.model.desired import Setup
from mct_s2s.model.directory_objects import Application
from mct_s2s.model.ids import client_unique_name, is_guid
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.site_settings import AUDIENCE
from mct_s2s.planning.changes import RestoreApplication
from mct_s2s.planning.registrations.application_uri import is_called, restoring
from mct_s2s.planning.registrations.membership import clients_called
from mct_s2s.planning.registrations.ownership import (
    CLIENT_OPTION,
    SERVICE_OPTION,
    another_site,
    of_service,
    service_not_ours,
)

NOTE = "The rest is planned once what was deleted is restored."


def restorations(desired: Setup, observed: ObservedState) -> Iterator[RestoreApplication]:
    """The deleted registrations under the very names that this run would create.

    Raises:
        NotThere: one that is named, by an appId or by the App Service, is deleted and has another name.
        Refused: the service application was made for another App Service.
    """
    trust, service = observed.trust, desired.service
    if service is None:
        return
    if trust.service is None:
        for named in (service.adopt, AUDIENCE.value_in(observed.settings)):
            refuse_deleted(named, observed, but=service.unique_name)
        deleted = deleted_as(service.unique_name, trust.deleted)
        if deleted is not None:
            ownership = of_service(deleted, observed, service)
            if ownership.is_foreign and another_site(deleted, observed, service.unique_name):
                raise service_not_ours(deleted, observed, service, ownership.reason)
            option = SERVICE_OPTION if ownership.is_foreign else None  # who owns it shows once it is back
            yield _restoration("service application", deleted, option)
    base = (trust.service.unique_name if trust.service else None) or service.unique_name
    for spec in desired.clients:
        if any(client.application for client in clients_called(spec.name, observed, base)):
            continue
        if is_guid(spec.name):
            refuse_deleted(spec.name, observed)
        deleted = deleted_as(client_unique_name(base, spec.name), trust.deleted)
        if deleted is not None:
            note = observed.secrets.get(spec.name, SecretNote())
            yield _restoration("client application", deleted, CLIENT_OPTION, note)


def _restoration(
    resource: str, deleted: Application, option: str | None, note: SecretNote | None = None
) -> RestoreApplication:
    return RestoreApplication(
        key=f"restore:{deleted.client_id}",
        resource=resource,
        name=deleted.display_name,
        detail="restored from deleted applications, with its consents",
        application=deleted,
        keep=(note.delivered,) if note is not None and note.delivered else (),
        option=option,
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
