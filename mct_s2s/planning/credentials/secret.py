"""Client secrets: made in Entra ID, shown once, and stored before anything else happens to them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from mct_s2s.model.client_credentials import Credential, CredentialKind, SecretNote, ending
from mct_s2s.model.desired import CredentialSpec, Kept
from mct_s2s.model.directory_objects import Application
from mct_s2s.model.ids import place_in_tag
from mct_s2s.planning.changes import AddCredential, AnyChange, RemoveCredential
from mct_s2s.planning.credentials.base import ClientState, ExportedCredential, ExportState


@dataclass(frozen=True)
class SecretSpec(CredentialSpec):
    """A client secret, valid until `expires` (aware, UTC)."""

    expires: datetime
    shorten: bool = False
    """Whether the longest lifetime that the tenant allows will do, where that is shorter."""

    @property
    def keeps(self) -> Kept:
        """The secret."""
        return Kept.SECRET


@dataclass(frozen=True, kw_only=True)
class AddSecret(AddCredential):
    """A client secret. Source: learn.microsoft.com/graph/api/application-addpassword; document, step 2.6."""

    expires: datetime
    shorten: bool = False
    """Whether a lifetime that the tenant forbids may become the longest that it allows."""

    kind: ClassVar[CredentialKind] = CredentialKind.SECRET


def plan(spec: SecretSpec, client: ClientState) -> list[AnyChange]:
    """A secret, where the client or its store has nothing to sign in with; those whose value was lost are removed."""
    changes: list[AnyChange] = [*orphan_removals(client.name, client.application, client.note)]
    lost = {change.key_id for change in changes if isinstance(change, RemoveCredential)}
    usable = [one for one in client.valid if one.key_id not in lost and not client.note.is_on_its_way(one)]
    if client.has_arrived(CredentialKind.SECRET) or (usable and not client.is_stored_dead(usable)):
        return changes
    add = AddSecret(
        key=f"client:{client.name}:secret",
        name=client.name,
        detail=f"{ending(spec.expires)}{going_to(client.note)}",
        client=client.name,
        object_id=client.object_id,
        client_id=client.client_id,
        audience=client.audience,
        credential_name=client.facts.credential_name,
        expires=spec.expires,
        shorten=spec.shorten,
        instead_of=client.note.delivered,
        after=(f"client:{client.name}", *(change.key for change in changes)),
    )
    return [*changes, add]


def export(state: ExportState) -> ExportedCredential | None:
    """A secret, and the key vault that the registration remembers: no other place leaves a trace in Azure."""
    secrets = secrets_among(state.valid)
    if not secrets:
        return None
    options: dict[str, str | bool] = {"credential": CredentialKind.SECRET.value}
    places = [place for tag in state.application.tags if (place := place_in_tag(tag)) is not None]
    if places:
        vault, _, name = places[-1].partition("/")
        usual = name == state.forms.secret_name(state.name)
        options["secret-to"] = f"keyvault:{vault}" if usual else f"keyvault:{vault}/{name}"
    return ExportedCredential(options, secrets)


def going_to(note: SecretNote) -> str:
    """The words in a plan for the key vault where a secret will be: it may be one that no option names."""
    return f", saved to {note.place}" if note.vault is not None and note.place is not None else ""


def orphan_removals(client: str, application: Application | None, note: SecretNote) -> list[RemoveCredential]:
    """The removal of each secret that an attempt made and never delivered."""
    if application is None:
        return []
    return [
        RemoveCredential(
            key=f"client:{client}:secret:{credential.key_id}",
            name=client,
            detail="created by an interrupted run; its value is lost",
            object_id=application.object_id,
            key_id=credential.key_id,
        )
        for credential in secrets_among(application.credentials)
        if note.is_about(credential, application.client_id) and credential.key_id != note.delivered
    ]


def secrets_among(credentials: Iterable[Credential]) -> tuple[Credential, ...]:
    """The client secrets among credentials."""
    return tuple(credential for credential in credentials if credential.kind is CredentialKind.SECRET)
