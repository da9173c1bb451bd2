"""Undoing: clients that leave, and the whole trust.

Who is not to be let in any more is shut out first, by one write of the settings and one restart. Then the directory is
cleaned of what this trust owns: consent, secrets, registrations. What was there before is only left, never deleted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from mct_s2s.model.desired import Removal
from mct_s2s.model.ids import PrincipalId, identity_tag, same_id
from mct_s2s.model.observed import (
    Application,
    ClientApplication,
    IdentityUse,
    Observed,
    ServicePrincipal,
)
from mct_s2s.model.site_settings import NAMES
from mct_s2s.planning.changes import (
    AlreadyRight,
    AnyChange,
    ApplicationEdits,
    DeleteApplication,
    DisableIdentity,
    PurgeApplication,
    RemoveSecret,
    RevokeAppRole,
    SettingsSpec,
    UpdateApplication,
)
from mct_s2s.planning.clients import ABOUT
from mct_s2s.planning.credentials.secret import secrets_among
from mct_s2s.planning.leaving import Leaving, made_for, who_leaves
from mct_s2s.planning.plan import Plan
from mct_s2s.planning.service import ABOUT as SERVICE
from mct_s2s.planning.site import plan_site
from mct_s2s.planning.unwire import Unwiring, stored_secrets


def plan_removal(removal: Removal, observed: Observed, unique_name: str, *, restart: bool) -> Plan:
    """What has to go, in the order in which it goes.

    Args:
        removal: what is wanted.
        observed: the world.
        unique_name: the key of the service application that belongs to this App Service.
        restart: whether the site is restarted.

    Raises:
        NotThere: a name that means nobody, or two clients.
        Refused: the service application, named as a client.
    """
    base = _base(observed, unique_name)
    leaving = who_leaves(removal, observed, base)
    undoing = _Undoing(removal, observed, base)
    site = _shut_out(removal, leaving, observed, restart=restart)
    steps: list[AnyChange] = [*site, *undoing.unwiring(leaving).steps()]
    for client in leaving.clients:
        steps += undoing.client(client)
    for identity in leaving.identities:
        steps += undoing.identity(identity)
    if removal.everything:
        steps += undoing.service(unique_name, after=[step.key for step in steps])
    else:
        for row in leaving.deleted:
            steps += undoing.deleted_before(row)
        steps += undoing.forgotten(leaving)
    unwiring = undoing.unwiring(leaving)
    unread = () if leaving.is_nobody else tuple(unwiring.unread())
    return Plan(tuple(steps), unread, (*_switched_off(steps), *unwiring.notes()))


def _base(observed: Observed, unique_name: str) -> str:
    service = observed.trust.service
    return (service.unique_name if service else None) or unique_name


def _shut_out(removal: Removal, leaving: Leaving, observed: Observed, *, restart: bool) -> tuple[AnyChange, ...]:
    if observed.app_service is None:
        return ()
    spec = (
        SettingsSpec(without_names=NAMES, tidy=False)
        if removal.everything
        else SettingsSpec(without=frozenset(entry.casefold() for entry in leaving.entries), tidy=False)
    )
    return plan_site(observed, spec, restart=restart, first=True)


@dataclass(frozen=True)
class _Undoing:
    removal: Removal
    observed: Observed
    base: str

    def client(self, client: ClientApplication) -> Iterator[AnyChange]:
        """Access first, then what is ours of the registration."""
        key, application = f"client:{client.client_id}", client.application
        revoked = list(self._revoked(client.principal, key, client.display_name))
        deleted = application is not None and self._is_deleted(application)
        if application is not None and not deleted:
            yield from self._undeclared(application, key)
        yield from revoked
        if application is None:
            return
        if deleted:
            secrets = [*self._secrets(application, key), *self._stored(application, key)]
            yield from secrets
            before = [step.key for step in (*revoked, *secrets)]
            yield from self._deleted(ABOUT, application, key, after=[*before, *self._unwired])
        else:
            yield _kept(ABOUT, application, f"{self._why_kept(application)}{_with_credentials(application)}", key)

    def unwiring(self, leaving: Leaving) -> Unwiring:
        """The calling apps' settings."""
        kept = (client.application for client in leaving.clients)
        ids = {app.client_id.casefold() for app in kept if app is not None and not self._is_deleted(app)}
        return Unwiring(self.observed, leaving, frozenset(ids), self.removal.everything)

    @property
    def _unwired(self) -> list[str]:
        """The keys of what is done for calling apps: as long as the registration is there, a second run finds them."""
        return [f"unwire:{app.site.resource}".lower() for app in self.observed.wired_before]

    def _stored(self, application: Application, key: str) -> Iterator[AnyChange]:
        delete = self.removal.delete_secrets
        yield from stored_secrets(application, self.observed, key, delete=delete, after=self._unwired)

    def identity(self, identity: ServicePrincipal) -> Iterator[AnyChange]:
        """Its role, if it was given one; the identity itself only if it is there for this trust alone."""
        key = f"identity:{identity.id}"
        yield from self._revoked(identity, key, identity.display_name)
        use = next((u for u in self.observed.identity_uses if same_id(u.holder.principal_id, identity.id)), None)
        if use is not None and use.others == () and self._is_let_in(identity):
            yield DisableIdentity(key=key, name=identity.display_name, detail="system-assigned", holder=use.holder)
        else:
            yield AlreadyRight(
                key=key,
                resource="managed identity",
                name=identity.display_name,
                detail=_why_left_on(use, let_in=self._is_let_in(identity)),
                id=identity.id,
            )

    def _is_let_in(self, identity: ServicePrincipal) -> bool:
        """Whether the App Service itself says that the identity is its client.

        The tag alone does not: whoever may write to the registration can name any resource in it.
        """
        site = self.observed.app_service
        listed = site is not None and site.allowed_object_ids.holds(identity.id)
        return listed or identity.id.casefold() in self.observed.departing

    def deleted_before(self, row: Application) -> Iterator[AnyChange]:
        """A client whose registration an earlier run has deleted: nothing is left to do but to purge it."""
        key = f"client:{row.client_id}"
        if self.removal.purge:
            yield self._purged(row, key)
        else:
            since = f" since {row.deleted:%Y-%m-%d}" if row.deleted else ""
            yield _kept(ABOUT, row, f"removed already: in the recycle bin{since}", key)

    def forgotten(self, leaving: Leaving) -> Iterator[AnyChange]:
        """The service application's tags for identities that are not this trust's any more."""
        service = self.observed.trust.service
        ids = {identity.id.casefold() for identity in leaving.identities}
        gone = {
            identity_tag(str(use.holder.resource)): f"identity:{use.holder.principal_id}"
            for use in self.observed.identity_uses
            if use.holder in leaving.off
            or (use.holder.principal_id is not None and use.holder.principal_id.casefold() in ids)
        }
        if not leaving.is_nobody:
            gone.update(self.unwiring(leaving).forgotten())
        if service is not None and gone:
            yield UpdateApplication(
                key="service-application:forget",
                resource=SERVICE,
                name=service.display_name,
                detail="forgets the identity that was switched on, or the app that was wired",
                object_id=service.object_id,
                edits=ApplicationEdits(forget=tuple(gone)),
                after=tuple(gone.values()),
            )

    def service(self, unique_name: str, after: Sequence[str]) -> Iterator[AnyChange]:
        """The service application, last of all: until then it is what a second run finds everything by."""
        service = self.observed.trust.service
        if service is None:
            return
        ours = service.unique_name == unique_name
        if self.removal.keep_registration or not (ours or self.removal.delete_adopted):
            yield from self.forgotten(who_leaves(self.removal, self.observed, self.base))
            why = "kept, as asked" if self.removal.keep_registration else _ADOPTED
            yield _kept(SERVICE, service, why, "service-application")
        else:
            yield from self._deleted(SERVICE, service, "service-application", after)

    def _revoked(self, principal: ServicePrincipal | None, key: str, name: str) -> Iterator[AnyChange]:
        service = self.observed.trust.principal
        if principal is None or service is None:
            return
        for assignment in self.observed.trust.assignments:
            if same_id(assignment.principal_id, principal.id):
                yield RevokeAppRole(
                    key=f"{key}:consent:{assignment.id}",
                    name=name,
                    service=PrincipalId(service.id),
                    assignment=assignment.id,
                    # Until it is revoked, the directory still knows a registration that is kept for a client.
                    after=(f"{key}:access",),
                )

    def _undeclared(self, application: Application, key: str) -> Iterator[AnyChange]:
        service = self.observed.trust.service
        if service is None or not any(
            same_id(a.resource_client_id, service.client_id) for a in application.required_access
        ):
            return
        yield UpdateApplication(
            key=f"{key}:access",
            resource="API permission",
            name=application.display_name,
            detail="no longer asks for the MCT API",
            object_id=application.object_id,
            edits=ApplicationEdits(no_access_to=service.client_id),
        )

    def _secrets(self, application: Application, key: str) -> Iterator[AnyChange]:
        if not made_for(application, self.base):
            return
        for credential in secrets_among(application.credentials):
            if credential.is_ours:
                yield RemoveSecret(
                    key=f"{key}:secret:{credential.key_id}",
                    name=application.display_name,
                    detail=credential.name or "",
                    object_id=application.object_id,
                    key_id=credential.key_id,
                )

    def _deleted(self, about: str, application: Application, key: str, after: Sequence[str]) -> Iterator[AnyChange]:
        yield DeleteApplication(
            key=key,
            resource=about,
            name=application.display_name,
            detail="for good" if self.removal.purge else "into the recycle bin; can be restored for 30 days",
            object_id=application.object_id,
            client_id=application.client_id,
            after=tuple(after),
        )
        if self.removal.purge:
            yield self._purged(application, key, after=(key,))

    def _purged(self, application: Application, key: str, after: tuple[str, ...] = ()) -> PurgeApplication:
        return PurgeApplication(
            key=f"{key}:purge",
            name=application.display_name,
            detail="its name and its URI are free again",
            object_id=application.object_id,
            is_new=bool(after),
            after=after,
        )

    def _is_deleted(self, application: Application) -> bool:
        if self.removal.keep_registration:
            return False
        ours = made_for(application, self.base) and not self._serves_others(application)
        return ours or self.removal.delete_adopted

    def _serves_others(self, application: Application) -> bool:
        service = self.observed.trust.service
        return service is not None and any(
            not same_id(access.resource_client_id, service.client_id) for access in application.required_access
        )

    def _why_kept(self, application: Application) -> str:
        if self.removal.keep_registration:
            return "kept, as asked"
        if made_for(application, self.base):
            return "kept: it asks for other APIs, too (--delete-adopted deletes it all the same)"
        return _ADOPTED


_ADOPTED = "kept: it was not made by mct-s2s (--delete-adopted deletes it all the same)"


def _kept(about: str, application: Application, why: str, key: str) -> AlreadyRight:
    return AlreadyRight(key=key, resource=about, name=application.display_name, detail=why, id=application.client_id)


def _with_credentials(application: Application) -> str:
    """What a registration that is kept goes on signing in with, elsewhere."""
    held = [f"{c.kind.value} '{c.name}'" if c.name else f"{c.kind.value} {c.key_id}" for c in application.credentials]
    return f"; it keeps its {', '.join(held)}" if held else ""


def _why_left_on(use: IdentityUse | None, *, let_in: bool) -> str:
    if use is None:
        return "left on: it was not switched on for this trust"
    if not let_in:
        return "left on: it is not on this App Service's allow list"
    if use.others is None:
        return "left on: what else relies on it cannot be read"
    return f"left on: it is used elsewhere, too ({', '.join(use.others[:3])})"


def _switched_off(steps: Iterable[AnyChange]) -> Iterator[str]:
    off = [str(step.holder.resource) for step in steps if isinstance(step, DisableIdentity)]
    if off:
        yield (
            f"Switches off the system-assigned identity of {', '.join(off)}. Only Azure roles in its own subscription "
            "can be seen from here: if it is used in another one, answer no."
        )
