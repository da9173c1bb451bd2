"""New secrets for old: made beside the old one, stored, proved by a token, and only then is the old one removed.

Source: learn.microsoft.com/entra/identity-platform/howto-create-service-principal-portal; the order is that of every
rotation without an outage.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from mct_s2s.errors import NotThere, Refused
from mct_s2s.model.commands import command
from mct_s2s.model.desired import Rotation
from mct_s2s.model.ids import KeyId, api_uri, same_id
from mct_s2s.model.observed import Application, Credential, CredentialKind, Observed, SecretNote, ending
from mct_s2s.model.site_settings import AUDIENCE, value_of
from mct_s2s.planning.changes import AddSecret, AlreadyRight, AnyChange, RemoveSecret, Replacement
from mct_s2s.planning.clients import ABOUT, find_client, members, orphans
from mct_s2s.planning.plan import Facts, Plan


def rotating(rotation: Rotation, observed: Observed, unique_name: str, now: datetime) -> dict[str, Application]:
    """The registrations that a rotation is about, by display name, or where two share one, by appId.

    Raises:
        NotThere: there is no such client, or no trust at all.
        Refused: a client that has no secret.
    """
    service = observed.trust.service
    if service is None:
        raise NotThere(
            "service-application-missing",
            "This App Service has no service application yet, and so no client.",
            remedy="Create it first: mct-s2s setup, with the same options.",
        )
    if rotation.expiring_within is None:
        base = service.unique_name or unique_name
        return _called(_the_client(name, base, observed) for name in rotation.clients)
    horizon = now + rotation.expiring_within
    applications = [client.application for client in members(observed)]
    return _called(a for a in applications if a is not None and _is_due(a, horizon))


def plan_rotation(rotation: Rotation, observed: Observed, facts: Facts, unique_name: str) -> Plan:
    """What has to be made and removed.

    Raises:
        NotThere: there is no such client, or no trust at all.
        Refused: a client that has no secret.
    """
    applications = rotating(rotation, observed, unique_name, facts.now)
    service = observed.trust.service
    assert service is not None  # noqa: S101  # `rotating` has looked
    audience = _audience(service, observed)
    steps: list[AnyChange] = []
    notes: list[str] = []
    for name, application in applications.items():
        one = _Rotating(name, rotation, application, observed, facts, audience)
        steps += one.steps()
        notes += one.notes()
    return Plan(tuple(steps), notes=tuple(notes))


_CUT_OFF = "made by an attempt that was cut off; its value is lost"


@dataclass(frozen=True)
class _Rotating:
    name: str
    rotation: Rotation
    application: Application
    observed: Observed
    facts: Facts
    audience: str

    @property
    def note(self) -> SecretNote:
        return self.observed.secrets.get(self.name, SecretNote())

    @property
    def lost(self) -> tuple[str, ...]:
        return orphans(self.application, self.note)

    @property
    def current(self) -> Credential | None:
        """The secret that the place holds, if the registration still has it."""
        return next((c for c in self.application.credentials if same_id(c.key_id, self.note.delivered)), None)

    @property
    def older(self) -> tuple[Credential, ...]:
        """Secrets of ours that are neither the one in use nor lost on the way."""
        return tuple(
            c for c in secrets(self.application) if c.is_ours and c is not self.current and c.key_id not in self.lost
        )

    @property
    def is_new_needed(self) -> bool:
        """Whether a secret has to be made: not where a rotation was cut off, or where only an old one is left over."""
        if self.rotation.expiring_within is not None:
            return _ends_within(self.application, self.facts.now + self.rotation.expiring_within)
        return not (self._is_fresh and self.older)

    @property
    def _is_fresh(self) -> bool:
        return self.note.is_fresh(self.application.client_id, self.facts.now)

    @property
    def is_place_known(self) -> bool:
        """Whether whoever uses the secret reads it where the new one goes: then the old one may go unattended."""
        return self.rotation.expiring_within is None or self.current is not None or self._is_fresh

    def steps(self) -> Iterator[AnyChange]:
        key = f"client:{self.name}:secret"
        orphaned = [
            self._removal(key_id, "made by an attempt that was cut off; its value is lost") for key_id in self.lost
        ]
        yield from orphaned
        replaced = list(self.older)
        if self.is_new_needed:
            yield AddSecret(
                key=key,
                name=self.name,
                detail=ending(self.rotation.expires),
                client=self.name,
                object_id=self.application.object_id,
                client_id=self.application.client_id,
                credential_name=self.facts.credential_name,
                expires=self.rotation.expires,
                audience=self.audience,
                prove=True,
                shorten=self.rotation.shorten,
                after=tuple(change.key for change in orphaned),
            )
            replaced += [self.current] if self.current is not None else []
        going = replaced if self._may_old_ones_go() else []
        for credential in going:
            yield self._removal(credential.key_id, f"replaced: {credential.name}", after=(key,))
        if not self.is_new_needed and not going and not orphaned:
            yield AlreadyRight(key=key, resource=ABOUT, name=self.name, id=self.application.client_id)

    def notes(self) -> Iterator[str]:
        if not self.is_new_needed:
            return
        if self.current is None and self.older:
            yield (
                f"The present secret of '{self.name}' is not where the new one goes: whoever uses it has to be given "
                "the new one" + ("." if self.is_place_known else "; the old one is kept until it expires.")
            )
        foreign = [c for c in secrets(self.application) if not c.is_ours]
        for credential in foreign:
            yield (
                f"'{self.name}' keeps a secret that mct-s2s did not make. When nobody uses it any more: "
                + command(
                    "az",
                    "ad",
                    "app",
                    "credential",
                    "delete",
                    "--id",
                    self.application.client_id,
                    "--key-id",
                    credential.key_id,
                )
            )

    def _may_old_ones_go(self) -> bool:
        if not self.is_place_known:
            return False
        if self.is_new_needed:
            return not self.rotation.keep_old
        # Replicas may not show yet what was delivered minutes ago; its place remembers it.
        begins = self.current.begins if self.current is not None else self.note.delivered_at
        return begins is not None and begins + self.rotation.keep_old <= self.facts.now

    def _removal(self, key_id: str, detail: str, after: tuple[str, ...] = ()) -> RemoveSecret:
        replacement = Replacement(self.name, self.application.client_id, f"{self.audience}/.default") if after else None
        return RemoveSecret(
            key=f"client:{self.name}:secret:{key_id}",
            name=self.name,
            detail=detail,
            object_id=self.application.object_id,
            key_id=KeyId(key_id),
            replaced_by=replacement,
            after=after,
        )


def _called(applications: Iterable[Application]) -> dict[str, Application]:
    distinct = {application.client_id: application for application in applications}
    names = Counter(application.display_name for application in distinct.values())
    return {a.display_name if names[a.display_name] == 1 else a.client_id: a for a in distinct.values()}


def secrets(application: Application) -> tuple[Credential, ...]:
    """Its client secrets, without certificates and federated credentials."""
    return tuple(c for c in application.credentials if c.kind is CredentialKind.SECRET)


def _audience(service: Application, observed: Observed) -> str:
    """What clients ask a token for: what the site expects, or the default URI."""
    wanted = value_of(observed.app_service.settings, AUDIENCE) if observed.app_service else None
    return wanted if wanted in service.identifier_uris and wanted else api_uri(service.client_id)


def _the_client(name: str, base: str, observed: Observed) -> Application:
    client = find_client(name, base, observed)
    if client is None or client.application is None:
        there = ", ".join(member.display_name for member in members(observed) if member.application is not None)
        raise NotThere(
            "client-unknown",
            f"There is no client application '{name}' here. " + (f"There are: {there}." if there else "There is none."),
            remedy="Give one of these names, or an appId; mct-s2s status shows them all.",
        )
    if not secrets(client.application) and client.application.credentials:
        raise Refused(
            "no-secret-to-rotate",
            f"'{client.display_name}' signs in without a secret: there is nothing to rotate.",
            remedy="A certificate is replaced by adding another: mct-s2s add-client, with --credential certificate.",
        )
    return client.application


def _is_due(application: Application, horizon: datetime) -> bool:
    """Whether its secret ends in time, or an earlier rotation left something to do."""
    ours = [c for c in secrets(application) if c.is_ours]
    return bool(secrets(application)) and (_ends_within(application, horizon) or len(ours) > 1)


def _ends_within(application: Application, horizon: datetime) -> bool:
    """Whether nothing that it can sign in with lasts beyond `horizon`."""
    return all(
        credential.expires is not None and credential.expires <= horizon for credential in application.credentials
    )
