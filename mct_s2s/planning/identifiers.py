"""Which ids the resource of a change has: one kind of id for one kind of resource, whatever is done to it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mct_s2s.model.directory_objects import Application
from mct_s2s.model.ids import same_id
from mct_s2s.model.observed import ObservedState
from mct_s2s.planning.changes import (
    AlreadyRight,
    AnyChange,
    CreateApplication,
    CreateServicePrincipal,
    DeleteApplication,
    Part,
    PurgeApplication,
    Ref,
    RestoreApplication,
    UpdateApplication,
    known_id,
)
from mct_s2s.planning.plan import Results


@dataclass(frozen=True)
class Identifiers:
    """The ids of a resource, as far as they are known."""

    id: str | None = None
    """Of a registration its appId, of a service principal its object ID."""
    app_id: str | None = None
    object_id: str | None = None


def identify(change: AnyChange, before: ObservedState, results: Results) -> Identifiers:  # noqa: PLR0911  # a flat table
    """The ids of what a change is about."""
    match change:
        case CreateApplication():
            made = results.known(Ref[str](change.key, Part.CLIENT_ID))
            return Identifiers(made, made, results.known(Ref(change.key, Part.OBJECT_ID)))
        case RestoreApplication() | DeleteApplication():
            return Identifiers(change.client_id, change.client_id, change.object_id)
        case UpdateApplication() if isinstance(change.object_id, Ref):
            owner: str | None = results.known(Ref(change.object_id.key, Part.CLIENT_ID))
            return Identifiers(owner, owner, results.known(change.object_id))
        case CreateServicePrincipal():
            made = results.known(Ref[str](change.key, Part.PRINCIPAL_ID))
            principal = made if made is not None else known_id(change)
            return Identifiers(principal, results.known(change.client_id), principal)
        case UpdateApplication() | PurgeApplication() | AlreadyRight():
            known = known_id(change)
            application = _registration(known, before)
            if application is None:
                return Identifiers(known)
            return Identifiers(application.client_id, application.client_id, application.object_id)
        case _:
            return Identifiers(known_id(change))


def with_known_name(change: AnyChange, results: Results) -> AnyChange:
    """The change by the name that its resource has now: an Application ID URI is known once its appId is."""
    if not isinstance(change, UpdateApplication) or not change.is_new or change.edits.uri is None:
        return change
    return replace(change, name=results.uri(change.edits.uri) or change.name)


def _registration(known: str | None, observed: ObservedState) -> Application | None:
    """The registration that has this appId or object ID."""
    trust = observed.trust
    there = [trust.service, *(client.application for client in trust.clients), *trust.deleted]
    return next(
        (
            app
            for app in there
            if app is not None and known and (same_id(app.client_id, known) or app.object_id == known)
        ),
        None,
    )
