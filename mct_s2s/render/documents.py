"""The JSON documents of the contract. Keys are `camelCase`; a missing part is `null` or empty."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mct_s2s.errors import MissingRight, S2SError
from mct_s2s.model.azure_resources import AppService
from mct_s2s.model.client_credentials import Credential, CredentialKind
from mct_s2s.model.directory_objects import ServicePrincipal
from mct_s2s.model.mct_api import SERVICE_HEADER, token_endpoint
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.site_settings import ours
from mct_s2s.model.trust import ClientApplication
from mct_s2s.planning.changes import Action, AnyChange
from mct_s2s.planning.registrations.app_role import wanted_role
from mct_s2s.planning.registrations.application_uri import uri_shown
from mct_s2s.planning.registrations.membership import members
from mct_s2s.planning.reports.findings import Finding, is_healthy
from mct_s2s.planning.reports.status import ClientStatus, client_statuses

Json = dict[str, Any]


@dataclass(frozen=True)
class SavedCredential:
    """A credential of a client that a run was about, and where it is saved."""

    client: str
    client_id: str
    expires: datetime | None
    """`None` for federated credentials, which do not expire."""
    saved_to: str | None
    """`None` if there was nothing to save: a given certificate, a federated credential."""
    secret: str | None = None
    """Its value, only of one that was created with `--secret-to show`."""
    kind: CredentialKind = CredentialKind.SECRET
    created: bool = True
    """Whether this run created it; otherwise it was there already."""
    removal: str = ""
    """The command that removes it, where no later run can know of it."""
    is_lost: bool = False
    """Whether it reached no one."""


def timestamp(moment: datetime) -> str:
    """`2027-11-24T00:00:00Z`."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def status_document(observed: ObservedState, findings: tuple[Finding, ...]) -> Json:
    """`mct-s2s/status/v1`."""
    tenant, site = observed.tenant, observed.app_service
    statuses = {one.id: one for one in client_statuses(observed, findings)}
    return {
        "schema": "mct-s2s/status/v1",
        "healthy": is_healthy(findings),
        "cloud": observed.cloud,
        "tenant": {"id": tenant.id, "name": tenant.name} if tenant else None,
        "appService": _app_service(site) if site else None,
        "serviceApplication": _service(observed),
        "clients": [*_applications(observed, statuses), *_identities(observed, statuses)],
        "connection": connection_document(observed),
        "findings": [
            {
                "code": finding.code,
                "severity": finding.severity.value,
                "subject": finding.subject,
                "message": finding.message,
                "remedy": finding.remedy,
            }
            for finding in findings
        ],
    }


def error_document(
    error: S2SError,
    done: Sequence[AnyChange] = (),
    doubtful: Sequence[AnyChange] = (),
    left: Sequence[AnyChange] = (),
    credentials: Sequence[SavedCredential] = (),
) -> Json:
    """`mct-s2s/error/v1`, with what was and was not done, and the credentials that were created."""
    document: Json = {
        "schema": "mct-s2s/error/v1",
        "error": {
            "code": error.code,
            "message": error.message,
            "remedy": error.remedy,
            "requestId": error.request_id,
            "missing": missing_documents(error.missing),
        },
        "done": [_short(change) for change in done if change.action is not Action.NONE],
        "inDoubt": [_short(change) for change in doubtful],
        "notDone": [_short(change) for change in left],
    }
    if credentials:
        document["credentials"] = [credential_document(credential) for credential in credentials]
    return document


def missing_documents(missing: Iterable[MissingRight]) -> list[Json]:
    """The rights that the caller lacks, each with who can grant it and what they run."""
    return [{"step": one.step, "right": one.right, "who": one.who, "command": one.command or None} for one in missing]


def _short(change: AnyChange) -> Json:
    return {"action": change.action.value, "resource": change.resource, "name": change.name}


def credential_document(credential: SavedCredential) -> Json:
    """A credential; its value only where it was asked for."""
    document: Json = {
        "client": credential.client,
        "appId": credential.client_id or None,
        "kind": credential.kind.value,
        "expires": timestamp(credential.expires) if credential.expires else None,
        "savedTo": credential.saved_to,
        "created": credential.created,
    }
    if credential.secret is not None:
        document["secret"] = credential.secret
    if credential.is_lost:
        document["removal"] = credential.removal
    return document


def _app_service(site: AppService) -> Json:
    resource = site.site.resource
    return {
        "id": str(resource),
        "name": site.site.name,
        "resourceGroup": resource.resource_group,
        "slot": resource.slot,
        "url": site.site.url,
        "state": site.site.state,
        "settings": ours(site.settings) if site.refusal is None else None,
    }


def _service(observed: ObservedState) -> Json | None:
    application, principal = observed.trust.service, observed.trust.principal
    if application is None:
        return None
    role = wanted_role(observed)
    return {
        "appId": application.client_id,
        "objectId": application.object_id,
        "servicePrincipalId": principal.id if principal else None,
        "displayName": application.display_name,
        "applicationIdUri": uri_shown(application, observed),
        "appRole": {"id": role.id, "value": role.value, "enabled": role.enabled} if role else None,
    }


def connection_document(observed: ObservedState) -> Json | None:
    """What a client has to know; nothing where there is no service application to ask a token for."""
    service, tenant, site = observed.trust.service, observed.tenant, observed.app_service
    uri = uri_shown(service, observed) if service is not None else None
    if uri is None or tenant is None:
        return None
    return {
        "tokenEndpoint": token_endpoint(observed.authority_host, tenant.id),
        "scope": f"{uri}/.default",
        "resource": uri,
        "url": site.site.url if site is not None else None,
        "headers": dict(SERVICE_HEADER),
    }


Statuses = Mapping[str, ClientStatus]


def _applications(observed: ObservedState, statuses: Statuses) -> list[Json]:
    return [_client(client, statuses[client.client_id]) for client in members(observed)]


def _client(client: ClientApplication, status: ClientStatus) -> Json:
    application = client.application
    return {
        "kind": "application",
        "displayName": client.display_name,
        "appId": client.client_id,
        "objectId": application.object_id if application else None,
        "servicePrincipalId": client.principal.id if client.principal else None,
        "consented": status.consented,
        "allowed": status.allowed,
        "canCall": status.can_call,
        "credentials": [_credential(credential) for credential in application.credentials] if application else [],
    }


def _credential(credential: Credential) -> Json:
    return {
        "kind": credential.kind.value,
        "keyId": credential.key_id,
        "name": credential.name,
        "expires": timestamp(credential.expires) if credential.expires else None,
    }


def _identities(observed: ObservedState, statuses: Statuses) -> list[Json]:
    by_name = sorted(observed.trust.identities, key=lambda one: (one.display_name.casefold(), one.id))
    return [_identity(identity, statuses[identity.id]) for identity in by_name]


def _identity(identity: ServicePrincipal, status: ClientStatus) -> Json:
    return {
        "kind": "managedIdentity",
        "displayName": identity.display_name,
        "resourceId": identity.resource_id,
        "principalId": identity.id,
        "allowed": status.allowed,
        "canCall": status.can_call,
    }
