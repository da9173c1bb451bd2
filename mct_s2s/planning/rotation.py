"""New secrets and certificates for old: made beside the old one, tested by a token, stored; only then the old one goes.

Source: learn.microsoft.com/entra/identity-platform/howto-create-service-principal-portal; the order is that of every
rotation without an outage.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from mct_s2s.errors import Item, Refused
from mct_s2s.model.client_credentials import (
    CLOCKS_DIFFER,
    NEVER,
    Credential,
    CredentialKind,
    SecretNote,
    has_end,
    newest_made,
    replaced_kind,
)
from mct_s2s.model.commands import credential_removal, own_command
from mct_s2s.model.desired import CertificateSpec, Rotation, SecretSpec, ServiceSpec
from mct_s2s.model.directory_objects import Application
from mct_s2s.model.ids import api_uri, same_id
from mct_s2s.model.observed import ObservedState
from mct_s2s.planning.changes import (
    AddCredential,
    AnyChange,
    ApplicationEdits,
    NoChange,
    RemoveCredential,
    UpdateApplication,
)
from mct_s2s.planning.credentials import ClientState, vault_tags
from mct_s2s.planning.ownership import (
    CLIENT_OPTION,
    everyone,
    foreign_client,
    foreign_service,
    not_ours,
    service_not_ours,
    unknown,
    uri_in_use,
)
from mct_s2s.planning.plan import Plan, RunContext
from mct_s2s.planning.registrations import CLIENT, find_client, service_missing
from mct_s2s.planning.secret_policy import USUAL_LIFETIME

REFERENCES_FOLLOW = timedelta(hours=25)
"""App Service reads a key vault reference anew within 24 hours (docs/azure-contract.md, section 4.8); and an hour for
clocks and for its restart."""


def rotating(rotation: Rotation, observed: ObservedState, spec: ServiceSpec, now: datetime) -> dict[str, Application]:
    """The registrations that a rotation is about, by display name, or where two share one, by appId.

    Those of a rotation that is only about named clients are called as they were named. Whose they are is not judged
    yet: where their secrets are stored has a say in that.

    Raises:
        NotThere: there is no such client, or no trust at all.
        Refused: a client that has nothing that can be replaced.
    """
    service = observed.trust.service
    if service is None:
        raise service_missing()
    base = observed.trust.base(spec.unique_name)
    if rotation.expiring_within is None:
        return _called(_the_client(name, base, observed) for name in rotation.clients)
    horizon = now + rotation.expiring_within
    if not rotation.only_named:
        return _called(_due(observed, horizon, base))
    named = ((name, find_client(name, base, observed)) for name in rotation.clients)
    applications = ((name, client.application) for name, client in named if client and client.application)
    return dict({one.client_id: (name, one) for name, one in applications if _is_due(one, horizon)}.values())


def _called(applications: Iterable[Application]) -> dict[str, Application]:
    distinct = {application.client_id: application for application in applications}
    names = Counter(application.display_name for application in distinct.values())
    return {a.display_name if names[a.display_name] == 1 else a.client_id: a for a in distinct.values()}


def _the_client(name: str, base: str, observed: ObservedState) -> Application:
    client = find_client(name, base, observed)
    if client is None or client.application is None:
        raise unknown(name, observed, what="client application")
    if replaced_kind(client.application.credentials) is None:
        raise Refused(
            "no-secret-to-rotate",
            f"'{client.display_name}' has no secret, and no certificate that mct-s2s created.",
            remedy="A federated credential needs no rotation. To register another certificate of your own:",
            command=own_command("add-client", "--certificate", "FILE", about=client.client_id),
        )
    return client.application


def _due(observed: ObservedState, horizon: datetime, base: str) -> list[Application]:
    applications = (client.application for client in everyone(observed, base))
    return [one for one in applications if one is not None and _is_due(one, horizon)]


def _is_due(application: Application, horizon: datetime) -> bool:
    """Whether what is replaced ends in time, or an earlier rotation left something to do."""
    kind = replaced_kind(application.credentials)
    held = [one for one in application.credentials if one.kind is kind]
    return bool(held) and (_ends_within(application, horizon) or sum(one.is_made for one in held) > 1)


def _ends_within(application: Application, horizon: datetime) -> bool:
    """Whether nothing that it can sign in with lasts beyond `horizon`."""
    return all(one.expires is not None and one.expires <= horizon for one in application.credentials)


def plan_rotation(rotation: Rotation, observed: ObservedState, context: RunContext, spec: ServiceSpec) -> Plan:
    """What has to be made and removed.

    Raises:
        NotThere: there is no such client, or no trust at all.
        Refused: a client that has nothing that can be replaced, or that is not ours.
    """
    found, service = rotating(rotation, observed, spec, context.now), observed.trust.service
    assert service is not None  # `rotating` has looked
    base = observed.trust.base(spec.unique_name)
    audience = uri_in_use(service, observed.settings) or api_uri(service.client_id)
    steps: list[AnyChange] = []
    notes: list[Item] = []
    left_alone: list[Item] = []
    for name, application in found.items():
        client, note = observed.trust.client_of_id(application.client_id), observed.secrets.get(name, SecretNote())
        why = foreign_client(client, observed, spec, rotation.clients, note) if client is not None else ""
        if why:
            if of_site := foreign_service(service, observed, spec):
                raise service_not_ours(service, observed, spec, of_site)
            if rotation.expiring_within is None:
                raise not_ours(application, why, CLIENT_OPTION)
            left_alone.append(f"Left alone, although a credential expires: '{name}', as {why}.")
            continue
        state = ClientState(
            name, application, application.object_id, application.client_id, audience, note, observed.cloud, context
        )
        one = _Rotating(state, application, rotation.of(name))
        steps += one.steps()
        notes += one.notes()
    if rotation.only_named and rotation.expiring_within is not None:
        known = {application.client_id for application in found.values()}
        due = _due(observed, context.now + rotation.expiring_within, base)
        names = ", ".join(f"'{one.display_name}'" for one in due if one.client_id not in known)
        if names:
            left_alone.append(f"Left alone, although a credential expires: {names}. Nothing asks to rotate it.")
    return Plan(tuple(steps), notes=(*notes, *left_alone))


@dataclass(frozen=True)
class _Rotating:
    """One client: `current` is what its store has, `older` what we made and is neither that nor lost or on its way."""

    client: ClientState
    application: Application
    rotation: Rotation

    @property
    def kind(self) -> CredentialKind:
        return replaced_kind(self.application.credentials) or CredentialKind.SECRET

    @property
    def held(self) -> list[Credential]:
        return [one for one in self.application.credentials if one.kind is self.kind]

    @property
    def current(self) -> Credential | None:
        return next((one for one in self.held if same_id(one.key_id, self.client.note.delivered)), None)

    @property
    def older(self) -> list[Credential]:
        lost = {removal.key_id for removal in self.client.orphan_removals()}
        made = [one for one in self.held if one.is_made and one.key_id not in lost and one is not self.current]
        return [one for one in made if not self.client.note.is_on_its_way(one)]

    def is_followed(self, credential: Credential) -> bool:
        """Whether the users of one read it where the new one goes; no one else can know of the new one."""
        stored = {key_id.casefold() for key_id in self.client.note.held}
        return self.rotation.remove_old or credential is self.current or credential.key_id.casefold() in stored

    @property
    def is_new_needed(self) -> bool:
        """Whether one has to be made: not where a rotation was cut off, or where only an old one is left over."""
        if self.rotation.expiring_within is not None:
            return _ends_within(self.application, self.client.context.now + self.rotation.expiring_within)
        if self.rotation.remove_old and self.current is not None and self.older:
            return False  # everyone has it by now: only the old ones are to go
        return not (self.client.has_arrived(self.kind) and any(map(self.is_followed, self.older)))

    def may_go(self, credential: Credential) -> bool:
        """Whether an old one may go now: its users have had the time that was asked for, or that a vault takes."""
        wait = max(self.rotation.keep_old, REFERENCES_FOLLOW if self.client.note.vault else timedelta(0))
        if self.rotation.remove_old or not wait:
            return True
        # Replicas may not show yet what was delivered minutes ago; its store remembers it.
        begins = self.current.begins if self.current is not None else self.client.note.delivered_at
        return credential is not self.current and begins is not None and begins + wait <= self.client.context.now

    def added(self, after: Iterable[str]) -> AddCredential:
        """The new one: as long as the old one was good for, or a year where that would be due again at once."""
        now, last = self.client.context.now, self.current or newest_made(self.held)
        lifetime: timedelta | None = USUAL_LIFETIME
        if last is not None and last.begins is not None:
            lifetime = None
            if has_end(last.expires):  # it began some seconds late
                lifetime = CLOCKS_DIFFER * round((last.expires - last.begins) / CLOCKS_DIFFER)
                lifetime = lifetime if lifetime > (self.rotation.expiring_within or timedelta(0)) else USUAL_LIFETIME
        starts = now.replace(microsecond=0) - (CLOCKS_DIFFER if self.kind.is_key else timedelta(0))
        expires = self.rotation.expires or (NEVER if lifetime is None else starts + lifetime)
        if self.kind.is_key:
            return self.client.certificate(CertificateSpec(starts, expires), after)
        return self.client.secret(SecretSpec(expires, self.rotation.shorten), after)

    def steps(self) -> Iterator[AnyChange]:
        client, application = self.client, self.application
        orphaned = client.orphan_removals()
        yield from orphaned
        key = f"client:{client.name}:{self.kind.value}"
        replaced = [one for one in self.older if self.is_followed(one)]
        if self.is_new_needed:
            yield replace(self.added(change.key for change in orphaned), verify=True)
            replaced += [self.current] if self.current is not None else []
            tags = vault_tags(application, client.note)
            if tags:
                yield UpdateApplication(
                    key=f"{key}:vault",
                    resource=CLIENT,
                    name=client.name,
                    detail="tagged with the location of its secret",
                    object_id=application.object_id,
                    client_id=application.client_id,
                    edits=ApplicationEdits(tags=tags),
                    after=(key,),
                )
        going = [one for one in replaced if self.may_go(one)]
        before = key
        for credential in going:
            removal = RemoveCredential(
                key=f"{key}:{credential.key_id}",
                name=client.name,
                detail=f"replaced: {credential.name}",
                object_id=application.object_id,
                key_id=credential.key_id,
                kind=self.kind,
                replaced_for=(application.client_id, f"{client.audience}/.default"),
                after=(before,),  # certificates are one list, which is written whole
            )
            yield removal
            before = removal.key
        if not self.is_new_needed and not going and not orphaned:
            yield NoChange(key=key, resource=CLIENT, name=client.name, id=application.client_id)

    def notes(self) -> Iterator[Item]:
        name, note = self.client.name, self.client.note
        old = [one for one in (*self.older, self.current) if one is not None and self.is_followed(one)]
        if note.vault and self.is_new_needed and not all(map(self.may_go, old)):
            yield (
                f"The old secret of '{name}' is kept for {REFERENCES_FOLLOW // timedelta(hours=1)} hours, until Key "
                "Vault references have refreshed. The next rotation after that removes it. To remove it now, add "
                "--remove-old."
            )
        if not all(map(self.is_followed, self.older)):
            give = " Give the new one to its users." if self.is_new_needed else ""
            yield (
                f"'{name}' has a secret that is not stored where the new one goes"
                f"{f', {note.place}' if note.place else ''}.{give} The old one is "
                "kept until it expires. When it is no longer used, rotate with --remove-old."
            )
        for credential in self.held if self.is_new_needed else ():
            if not credential.is_made:
                yield (
                    f"'{name}' keeps a {self.kind.noun} of another maker. When it is no longer used, delete it:",
                    credential_removal(self.application.client_id, credential.key_id, is_key=self.kind.is_key),
                )
