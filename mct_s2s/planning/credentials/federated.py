"""Federated credentials: another issuer's tokens in place of a secret."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar

from mct_s2s.errors import Refused
from mct_s2s.model.client_credentials import Credential, CredentialKind, Federation
from mct_s2s.model.commands import option
from mct_s2s.model.desired import CredentialSpec
from mct_s2s.model.ids import KeyId
from mct_s2s.planning.changes import Action, AddCredential, AnyChange
from mct_s2s.planning.credentials.base import ClientState, ExportedCredential, ExportState

MOST_FEDERATED = 20
"""Source: learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations."""

_EXCHANGE = "api://AzureADTokenExchange"
_EXCHANGE_IN = {
    "usgov": f"{_EXCHANGE}USGov",
    "usgov-dod": f"{_EXCHANGE}USGov",
    "china": f"{_EXCHANGE}China",
}


@dataclass(frozen=True)
class FederatedSpec(CredentialSpec):
    """Another issuer's tokens instead of a secret; without an audience, the one that the cloud asks for."""

    issuer: str
    subject: str
    audience: str | None = None

    listed_apart: ClassVar[bool] = True

    def describes(self, credential: Credential) -> bool:
        """Whether it takes the same tokens, for whatever audience."""
        found = credential.federation
        return found is not None and (found.issuer, found.subject) == (self.issuer, self.subject)


@dataclass(frozen=True, kw_only=True)
class AddFederatedCredential(AddCredential):
    """A federated credential, keyed by the name made of issuer and subject.

    Several at once are refused without reason, so they are written one by one. Sources: learn.microsoft.com/graph/api/
    federatedidentitycredential-upsert; learn.microsoft.com/entra/workload-id/
    workload-identity-federation-considerations (concurrent updates).
    """

    federation: Federation
    exists: bool = False
    """Whether one of that name is there, for another audience."""

    kind: ClassVar[CredentialKind] = CredentialKind.FEDERATED
    one_by_one: ClassVar[bool] = True

    @property
    def action(self) -> Action:
        """`update` where only the audience changes."""
        return Action.UPDATE if self.exists else Action.CREATE

    @property
    def needs_store(self) -> bool:
        """Never: nothing about it is secret."""
        return False

    def registered(self, key_id: KeyId, expires: datetime | None) -> Credential:
        """The credential, with whose tokens it takes."""
        return Credential(self.kind, key_id, self.credential_name, expires, federation=self.federation)


def exchange_audience(cloud: str) -> str:
    """The audience that Entra asks for in another issuer's token, in each cloud.

    Source: learn.microsoft.com/entra/workload-id/workload-identity-federation-config-app-trust-managed-identity.
    """
    return _EXCHANGE_IN.get(cloud, _EXCHANGE)


def plan(spec: FederatedSpec, client: ClientState) -> list[AnyChange]:
    """The federated credential that is lacking, if one is.

    Raises:
        Refused: one that someone made takes the same subject for another audience, or there is no room for one more.
    """
    wanted = Federation(spec.issuer, spec.subject, spec.audience or exchange_audience(client.cloud))
    federated = {c.federation: c for c in client.valid if c.federation is not None}
    if wanted in federated:
        return []
    rival = next((c for f, c in federated.items() if replace(f, audience=wanted.audience) == wanted), None)
    exists = rival is not None and rival.name == wanted.name
    if rival is not None and rival.federation is not None and not exists:
        taken = rival.federation.audience
        raise Refused(
            "federated-credential-differs",
            f"'{client.name}' already has a federated credential '{rival.name}' for this issuer and subject, with "
            f"the audience '{taken}'. A second one for '{wanted.audience}' is not possible.",
            remedy=f"Use its audience: {option('--federated-audience', taken)}, or delete it in the portal first.",
        )
    if len(federated) >= MOST_FEDERATED and not exists:
        raise Refused(
            "federated-credentials-full",
            f"'{client.name}' has {len(federated)} federated credentials. Entra ID allows {MOST_FEDERATED} at most.",
            remedy="Delete an unused one in the portal (Certificates & secrets), then run the same command again.",
        )
    return [
        AddFederatedCredential(
            key=f"client:{client.name}:federated",
            name=client.name,
            detail=f"{wanted.subject} of {wanted.issuer}",
            client=client.name,
            object_id=client.object_id,
            client_id=client.client_id,
            audience=client.audience,
            credential_name=wanted.name,
            federation=wanted,
            exists=exists,
            after=(f"client:{client.name}",),
        )
    ]


def export(state: ExportState) -> ExportedCredential | None:
    """One federated credential, as a table says one; this tool's own goes before others."""
    federated = sorted(
        (one for one in state.valid if one.federation is not None), key=lambda one: (not one.is_ours, one.name or "")
    )
    if not federated:
        return None
    for credential in federated:
        found = credential.federation
        if found is None or not state.forms.takes(found):
            continue
        options = {"credential": CredentialKind.FEDERATED.value}
        options |= {"federated-issuer": found.issuer, "federated-subject": found.subject}
        if found.audience != exchange_audience(state.cloud):
            options["federated-audience"] = found.audience
        return ExportedCredential(options, (credential,))
    remark = "Its federated credential is of a form that mct-s2s does not write."
    return ExportedCredential({"credential": "none"}, tuple(federated), (remark,))
