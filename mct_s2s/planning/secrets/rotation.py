"""New secrets and certificates for old: made beside the old one, tested by a token, stored; only then the old one goes.

Source: learn.microsoft.com/entra/identity-platform/howto-create-service-principal-portal; the order is that of every
rotation without an outage.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from mct_s2s.errors import Item, NotThere, Refused
from mct_s2s.model.client_credentials import (
    CLOCKS_DIFFER,
    NEVER,
    Credential,
    CredentialKind,
    SecretNote,
    ending,
    has_end,
    newest_made,
    replaced_kind,
)
from mct_s2s.model.commands import credential_removal, own_command
from mct_s2s.model.desired import Rotation, ServiceSpec
from mct_s2s.model.directory_objects import Application
from mct_s2s.model.ids import ApplicationIdUri, api_uri, same_id
from mct_s2s.model.observed import ObservedState
from mct_s2s.planning.changes import (
    AddCredential,
    AlreadyRight,
    AnyChange,
    ApplicationEdits,
    RemoveCredential,
    Replacement,
    UpdateApplication,
)
from mct_s2s.planning.credentials.base import vault_tags
from mct_s2s.planning.credentials.certificate import AddCertificate, taken_up, with_key
from mct_s2s.planning.credentials.secret import AddSecret, going_to, orphan_removals
from mct_s2s.planning.nearest import did_you_mean
from mct_s2s.planning.plan import Facts, Plan
from mct_s2s.planning.registrations.application_uri import uri_in_use
from mct_s2s.planning.registrations.clients import ABOUT, find_client
from mct_s2s.planning.registrations.membership import members
from mct_s2s.planning.registrations.ownership import (
    CLIENT_OPTION,
    is_below,
    not_ours,
    of_client,
    of_service,
    service_not_ours,
)


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
        raise NotThere(
            "service-application-missing",
            "This App Service has no service application yet, so it has no clients.",
            remedy="Create it first: run mct-s2s setup with the same options.",
        )
    base = service.unique_name or spec.unique_name
    if rotation.expiring_within is None:
        return _called(_the_client(name, base, observed) for name in rotation.clients)
    horizon = now + rotation.expiring_within
    if rotation.only_named:
        named = ((name, _application_of(name, base, observed)) for name in rotation.clients)
        due = {one.client_id: (name, one) for name, one in named if one is not None and _is_due(one, horizon)}
        return dict(due.values())
    return _called(_due(observed, horizon, base))


def left_alone(
    rotation: Rotation, observed: ObservedState, now: datetime, rotated: Iterable[Application], base: str
) -> Iterator[str]:
    """The clients whose credential ends as soon and that were not named."""
    if not rotation.only_named or rotation.expiring_within is None:
        return
    known = {application.client_id for application in rotated}
    others = [one for one in _due(observed, now + rotation.expiring_within, base) if one.client_id not in known]
    if others:
        names = ", ".join(f"'{one.display_name}'" for one in others)
        yield f"Left alone, although a credential expires: {names}. Nothing asks to rotate it."


def ends_within(application: Application, horizon: datetime) -> bool:
    """Whether nothing that it can sign in with lasts beyond `horizon`."""
    return all(
        credential.expires is not None and credential.expires <= horizon for credential in application.credentials
    )


def _application_of(name: str, base: str, observed: ObservedState) -> Application | None:
    client = find_client(name, base, observed)
    return client.application if client is not None else None


def _due(observed: ObservedState, horizon: datetime, base: str) -> list[Application]:
    of_trust = members(observed)
    made = (one for one in observed.trust.clients if one.application and is_below(one.application, base))
    applications = (client.application for client in dict.fromkeys((*of_trust, *made)))
    return [one for one in applications if one is not None and _is_due(one, horizon)]


def _called(applications: Iterable[Application]) -> dict[str, Application]:
    distinct = {application.client_id: application for application in applications}
    names = Counter(application.display_name for application in distinct.values())
    return {a.display_name if names[a.display_name] == 1 else a.client_id: a for a in distinct.values()}


def _the_client(name: str, base: str, observed: ObservedState) -> Application:
    client = find_client(name, base, observed)
    if client is None or client.application is None:
        there = [member.display_name for member in members(observed) if member.application is not None]
        raise NotThere(
            "client-unknown",
            f"No client application is named '{name}'. "
            + (f"The client applications are: {', '.join(there)}." if there else "There are none."),
            remedy=did_you_mean(name, there, "Use one of these names or an appId. To list them, run mct-s2s status."),
        )
    if replaced_kind(client.application.credentials) is None:
        raise Refused(
            "no-secret-to-rotate",
            f"'{client.display_name}' has no secret, and no certificate that mct-s2s created.",
            remedy="A federated credential needs no rotation. To register another certificate of your own:",
            command=own_command("add-client", "--certificate", "FILE", about=client.client_id),
        )
    return client.application


def _is_due(application: Application, horizon: datetime) -> bool:
    """Whether what is replaced ends in time, or an earlier rotation left something to do."""
    kind = replaced_kind(application.credentials)
    held = [one for one in application.credentials if one.kind is kind]
    return bool(held) and (ends_within(application, horizon) or sum(one.is_made for one in held) > 1)


def plan_rotation(rotation: Rotation, observed: ObservedState, facts: Facts, spec: ServiceSpec) -> Plan:
    """What has to be made and removed.

    Raises:
        NotThere: there is no such client, or no trust at all.
        Refused: a client that has nothing that can be replaced, or that is not ours.
    """
    found = rotating(rotation, observed, spec, facts.now)
    service = observed.trust.service
    assert service is not None  # noqa: S101  # `rotating` has looked
    foreign = _foreign(found, rotation, observed, spec)
    of_site = of_service(service, observed, spec)
    if foreign and of_site.is_foreign:
        raise service_not_ours(service, observed, spec, of_site.reason)
    for name in foreign if rotation.expiring_within is None else ():
        raise not_ours(found[name], foreign[name], CLIENT_OPTION)
    applications = {name: application for name, application in found.items() if name not in foreign}
    audience = uri_in_use(service, observed.settings) or api_uri(service.client_id)
    steps: list[AnyChange] = []
    notes: list[Item] = []
    for name, application in applications.items():
        one = _Rotating(name, rotation.of(name), application, observed, facts, audience)
        steps += one.steps()
        notes += one.notes()
    notes += (f"Left alone, although a credential expires: '{one}', as {why}." for one, why in foreign.items())
    notes += left_alone(rotation, observed, facts.now, found.values(), service.unique_name or spec.unique_name)
    return Plan(tuple(steps), notes=tuple(notes))


def _foreign(
    found: Mapping[str, Application], rotation: Rotation, observed: ObservedState, spec: ServiceSpec
) -> dict[str, str]:
    """Whose credential is not rotated, and why."""
    clients = {name: observed.trust.client_of_id(application.client_id) for name, application in found.items()}
    judged = {
        name: of_client(client, observed, spec, rotation.clients, observed.secrets.get(name))
        for name, client in clients.items()
        if client is not None
    }
    return {name: ownership.reason for name, ownership in judged.items() if ownership.is_foreign}


USUAL = timedelta(days=365)
REFERENCES_FOLLOW_HOURS = 25
"""App Service reads a key vault reference anew within 24 hours (docs/azure-contract.md, section 4.8); and an hour for
clocks and for its restart."""


@dataclass(frozen=True)
class _Rotating:
    name: str
    rotation: Rotation
    application: Application
    observed: ObservedState
    facts: Facts
    audience: ApplicationIdUri

    @property
    def note(self) -> SecretNote:
        return self.observed.secrets.get(self.name, SecretNote())

    @property
    def lost(self) -> list[RemoveCredential]:
        return orphan_removals(self.name, self.application, self.note)

    @property
    def kind(self) -> CredentialKind:
        """What is replaced."""
        return replaced_kind(self.application.credentials) or CredentialKind.SECRET

    @property
    def held(self) -> tuple[Credential, ...]:
        """What the client has of that kind."""
        return tuple(one for one in self.application.credentials if one.kind is self.kind)

    @property
    def current(self) -> Credential | None:
        """The one in the store, if the registration still has it."""
        return next((one for one in self.held if same_id(one.key_id, self.note.delivered)), None)

    @property
    def older(self) -> tuple[Credential, ...]:
        """Those that we made and that are neither in use nor lost or still on the way."""
        others = {self.current.key_id if self.current else None, *(removal.key_id for removal in self.lost)}
        return tuple(
            one for one in self.held if one.is_made and one.key_id not in others and not self.note.is_on_its_way(one)
        )

    @property
    def lifetime(self) -> timedelta | None:
        """As long as the old one was good for, or a year where that would be due again at once; `None`: for ever."""
        last = self.current or newest_made(self.held)
        if last is None or last.begins is None:
            return USUAL
        if not has_end(last.expires):
            return None
        lifetime = CLOCKS_DIFFER * round((last.expires - last.begins) / CLOCKS_DIFFER)  # it began some seconds late
        return lifetime if lifetime > (self.rotation.expiring_within or timedelta(0)) else USUAL

    @property
    def is_new_needed(self) -> bool:
        """Whether one has to be made: not where a rotation was cut off, or where only an old one is left over."""
        if self.rotation.expiring_within is not None:
            return ends_within(self.application, self.facts.now + self.rotation.expiring_within)
        if self.rotation.remove_old and self.current is not None and self.older:
            return False  # everyone has it by now: only the old ones are to go
        is_fresh = self.note.is_fresh(self.application.client_id, self.facts.now, self.kind)
        return not (is_fresh and any(self._is_followed(credential) for credential in self.older))

    def _is_followed(self, credential: Credential) -> bool:
        """Whether the users of one read it where the new one goes; no one else can know of the new one."""
        stored = {key_id.casefold() for key_id in self.note.held}
        return self.rotation.remove_old or credential is self.current or credential.key_id.casefold() in stored

    @property
    def unfollowed(self) -> tuple[Credential, ...]:
        """Our old ones that someone may go on using without ever hearing of the new one."""
        return tuple(credential for credential in self.older if not self._is_followed(credential))

    def added(self, key: str, after: tuple[str, ...]) -> AddCredential:
        """The new one."""
        is_key = self.kind.is_key
        starts = self.facts.now.replace(microsecond=0) - (CLOCKS_DIFFER if is_key else timedelta(0))
        expires = self.rotation.expires or (NEVER if self.lifetime is None else starts + self.lifetime)
        shared: dict[str, Any] = {
            "key": key,
            "name": self.name,
            "client": self.name,
            "object_id": self.application.object_id,
            "client_id": self.application.client_id,
            "credential_name": self.facts.credential_name,
            "audience": self.audience,
            "verify": True,
            "after": after,
        }
        if not is_key:
            detail = f"{ending(expires)}{going_to(self.note)}"
            return AddSecret(**shared, detail=detail, expires=expires, shorten=self.rotation.shorten)
        pending = taken_up(self.note, self.held, expires)
        dates = (pending.starts, pending.expires) if pending else (starts, expires)
        detail = f"{with_key(pending)}, {ending(dates[1])}"
        return AddCertificate(**shared, detail=detail, starts=dates[0], expires=dates[1], pending=pending)

    def steps(self) -> Iterator[AnyChange]:
        key = f"client:{self.name}:{self.kind.value}"
        orphaned = self.lost
        yield from orphaned
        replaced = [credential for credential in self.older if self._is_followed(credential)]
        if self.is_new_needed:
            yield self.added(key, tuple(change.key for change in orphaned))
            replaced += [self.current] if self.current is not None else []
            tags = vault_tags(self.application, self.note)
            if tags:
                yield UpdateApplication(
                    key=f"{key}:vault",
                    resource=ABOUT,
                    name=self.name,
                    detail="tagged with the location of its secret",
                    object_id=self.application.object_id,
                    client_id=self.application.client_id,
                    edits=ApplicationEdits(tags=tags),
                    after=(key,),
                )
        going = [credential for credential in replaced if self._may_go(credential)]
        after = (key,)
        for credential in going:
            yield RemoveCredential(
                key=f"{key}:{credential.key_id}",
                name=self.name,
                detail=f"replaced: {credential.name}",
                object_id=self.application.object_id,
                key_id=credential.key_id,
                kind=self.kind,
                replaced_by=Replacement(self.name, self.application.client_id, f"{self.audience}/.default"),
                after=after,
            )
            after = (f"{key}:{credential.key_id}",)  # certificates are one list, which is written whole
        if not self.is_new_needed and not going and not orphaned:
            app = self.application
            yield AlreadyRight(key=key, resource=ABOUT, name=self.name, id=app.client_id, object_id=app.object_id)

    def notes(self) -> Iterator[Item]:
        old = [credential for credential in (*self.older, self.current) if credential is not None]
        if (
            self.note.vault
            and self.is_new_needed
            and any(not self._may_go(one) for one in old if self._is_followed(one))
        ):
            yield (
                f"The old secret of '{self.name}' is kept for {REFERENCES_FOLLOW_HOURS} hours, until Key Vault "
                "references have refreshed. The next rotation after that removes it. To remove it now, add "
                "--remove-old."
            )
        if self.unfollowed:
            give = " Give the new one to its users." if self.is_new_needed else ""
            yield (
                f"'{self.name}' has a secret that is not stored where the new one goes"
                f"{f', {self.note.place}' if self.note.place else ''}.{give} The old one is "
                "kept until it expires. When it is no longer used, rotate with --remove-old."
            )
        foreign = [one for one in self.held if not one.is_made]
        for credential in foreign if self.is_new_needed else ():
            yield (
                f"'{self.name}' keeps a {self.kind.noun} of another maker. When it is no longer used, delete it:",
                credential_removal(self.application.client_id, credential.key_id, *self.kind.az_options),
            )

    def _may_go(self, credential: Credential) -> bool:
        """Whether an old one may go in this run."""
        if self.rotation.remove_old:
            return True
        if self.is_new_needed and (credential is self.current or self.note.vault is None):
            return not self.rotation.keep_old and self.note.vault is None
        return self._was_replaced_before(self.rotation.keep_old) and (
            self.note.vault is None or self._has_lapsed(credential)
        )

    def _has_lapsed(self, credential: Credential) -> bool:
        """Whether every key vault reference has left an old secret behind by now."""
        return credential is not self.current and self._was_replaced_before(timedelta(hours=REFERENCES_FOLLOW_HOURS))

    def _was_replaced_before(self, time: timedelta) -> bool:
        """Whether the one in the store has been there for so long."""
        # Replicas may not show yet what was delivered minutes ago; its store remembers it.
        begins = self.current.begins if self.current is not None else self.note.delivered_at
        return begins is not None and begins + time <= self.facts.now
