"""The JSON documents of the contract. Keys are `camelCase`; a missing part is `null` or empty."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mct_s2s.errors import MissingRight, S2SError
from mct_s2s.model.client_credentials import CredentialKind
from mct_s2s.model.client_sign_in import SERVICE_HEADER, token_endpoint
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.model.site_settings import ours
from mct_s2s.planning.changes import Action, AnyChange, Identifiers, WriteSettings
from mct_s2s.planning.export import ExportedSite
from mct_s2s.planning.ownership import members, uri_shown, wanted_role
from mct_s2s.planning.reports.findings import Finding, is_healthy
from mct_s2s.planning.reports.status import StatusReport, client_statuses
from mct_s2s.render.manual_steps import Instruction, manual_steps_document

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


def report_document(report: StatusReport) -> Json:
    """`mct-s2s/status/v1` for the one App Service that was named, `mct-s2s/status-list/v1` for a list."""
    sites = [
        {**({} if one.key is None else {"site": one.key}), **status_document(one.observed, one.findings)}
        for one in report.sites
    ]
    if not report.is_list:
        return sites[0]
    failed = [
        {
            **({} if one.key is None else {"site": one.key}),
            "appService": None if one.resource is None else str(one.resource),
            "name": one.target.label,
            "error": error_document(one.error)["error"],
        }
        for one in report.failed
    ]
    return {
        "schema": "mct-s2s/status-list/v1",
        "healthy": report.is_healthy,
        "sites": sites,
        "failed": failed,
        "unchecked": [str(resource) for resource in report.unchecked],
    }


def status_document(observed: ObservedState, findings: tuple[Finding, ...]) -> Json:
    """`mct-s2s/status/v1`."""
    tenant, site, service = observed.tenant, observed.app_service, observed.trust.service
    principal, role = observed.trust.principal, wanted_role(observed)
    document: Json = {
        "schema": "mct-s2s/status/v1",
        "healthy": is_healthy(findings),
        "cloud": observed.cloud,
        "tenant": {"id": tenant.id, "name": tenant.name} if tenant else None,
        "appService": None,
        "serviceApplication": None,
        "clients": _clients(observed, findings),
        "connection": connection_document(observed),
        "findings": [
            {key: getattr(finding, key) for key in ("code", "severity", "subject", "message", "remedy")}
            for finding in findings
        ],
    }
    if site is not None:
        document["appService"] = {
            "id": str(site.site.resource),
            "name": site.site.name,
            "resourceGroup": site.site.resource.resource_group,
            "slot": site.site.resource.slot,
            "url": site.site.url,
            "state": site.site.state,
            "settings": ours(site.settings) if site.refusal is None else None,
        }
    if service is not None:
        document["serviceApplication"] = {
            "appId": service.client_id,
            "objectId": service.object_id,
            "servicePrincipalId": principal.id if principal else None,
            "displayName": service.display_name,
            "applicationIdUri": uri_shown(service, observed),
            "appRole": {"id": role.id, "value": role.value, "enabled": role.enabled} if role else None,
        }
    return document


def _clients(observed: ObservedState, findings: tuple[Finding, ...]) -> list[Json]:
    """Client applications, then managed identities."""
    statuses = {one.id: one for one in client_statuses(observed, findings)}
    applications = [
        {
            "kind": "application",
            "displayName": client.display_name,
            "appId": client.client_id,
            "objectId": client.application.object_id if client.application else None,
            "servicePrincipalId": client.principal.id if client.principal else None,
            "consented": statuses[client.client_id].consented,
            "allowed": statuses[client.client_id].allowed,
            "canCall": statuses[client.client_id].can_call,
            "credentials": [
                {
                    "kind": credential.kind,
                    "keyId": credential.key_id,
                    "name": credential.name,
                    "expires": timestamp(credential.expires) if credential.expires else None,
                }
                for credential in (client.application.credentials if client.application else ())
            ],
        }
        for client in members(observed)
    ]
    identities = [
        {
            "kind": "managedIdentity",
            "displayName": identity.display_name,
            "resourceId": identity.resource_id,
            "principalId": identity.id,
            "allowed": statuses[identity.id].allowed,
            "canCall": statuses[identity.id].can_call,
        }
        for identity in sorted(observed.trust.identities, key=lambda one: (one.display_name.casefold(), one.id))
    ]
    return [*applications, *identities]


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


def result_document(
    changes: Iterable[Json],
    credentials: Iterable[SavedCredential],
    connection: Json | None,
    *,
    left: Iterable[Instruction],
    notes: Iterable[tuple[str, str]] = (),
    missing: Iterable[MissingRight] = (),
    fingerprint: str | None = None,
    verification: Json | None = None,
) -> Json:
    """`mct-s2s/result/v1`: what was done, or with a fingerprint, which a dry run alone has, what would be done.

    Args:
        changes: each a `change_document`.
        verification: `mct-s2s/verify/v1`, where clients were tested.
    """
    return {
        "schema": "mct-s2s/result/v1",
        "dryRun": fingerprint is not None,
        **({"fingerprint": fingerprint} if fingerprint is not None else {}),
        "changes": [*changes],
        "credentials": [*map(_credential, credentials)],
        "manualSteps": manual_steps_document(left),
        "notes": [{"text": text, "command": command or None} for text, command in notes],
        "missing": missing_documents(missing),
        "verification": verification,
        "connection": connection,
    }


def change_document(
    change: AnyChange, ids: Identifiers, detail: str, seconds: float = 0.0, *, blocked: bool | None = None
) -> Json:
    """A change and what came of it; in a dry run, whether the caller has no right to it."""
    both = {"appId": ids.app_id, "objectId": ids.object_id}
    document: Json = {
        **_short(change),
        "id": ids.id,
        **(both if any(both.values()) else {}),
        "detail": detail,
        "seconds": round(seconds, 3),
        **({} if blocked is None else {"blocked": blocked}),
    }
    if isinstance(change, WriteSettings):
        edits = [edit for edit in change.edits if edit.is_ours]
        document["before"] = {edit.name: edit.before for edit in edits}
        document["after"] = {edit.name: None if edit.pending else edit.after for edit in edits}
    return document


def _short(change: AnyChange) -> Json:
    return {"action": change.action.value, "resource": change.resource, "name": change.name}


def _credential(credential: SavedCredential) -> Json:
    """A credential; its value only where it was asked for."""
    return {
        "client": credential.client,
        "appId": credential.client_id or None,
        "kind": credential.kind.value,
        "expires": timestamp(credential.expires) if credential.expires else None,
        "savedTo": credential.saved_to,
        "created": credential.created,
        **({} if credential.secret is None else {"secret": credential.secret}),
        **({"removal": credential.removal} if credential.is_lost else {}),
    }


def error_document(
    error: S2SError,
    done: Sequence[AnyChange] = (),
    doubtful: Sequence[AnyChange] = (),
    left: Sequence[AnyChange] = (),
    credentials: Sequence[SavedCredential] = (),
) -> Json:
    """`mct-s2s/error/v1`, with what was and was not done, and the credentials that were created."""
    return {
        "schema": "mct-s2s/error/v1",
        "error": {
            "code": error.code,
            "message": error.message,
            "remedy": error.remedy,
            "requestId": error.request_id,
            "missing": missing_documents(error.missing),
        },
        "done": [_short(change) for change in done if change.action is not Action.NONE],
        "inDoubt": [*map(_short, doubtful)],
        "notDone": [*map(_short, left)],
        **({"credentials": [*map(_credential, credentials)]} if credentials else {}),
    }


def export_document(
    text: str,
    sites: Sequence[ExportedSite],
    not_set_up: Sequence[ResourceId],
    failed: Sequence[tuple[ResourceId, S2SError]],
    unchecked: Sequence[ResourceId],
) -> Json:
    """`mct-s2s/export/v1`."""
    return {
        "schema": "mct-s2s/export/v1",
        "text": text,
        "sites": [
            {
                "appService": str(one.resource),
                "clients": len(one.clients),
                "managedIdentities": len(one.identities),
                "leftOut": list(one.left_out),
            }
            for one in sites
        ],
        "notSetUp": [*map(str, not_set_up)],
        "failed": [{"appService": str(app), "error": error_document(error)["error"]} for app, error in failed],
        "unchecked": [*map(str, unchecked)],
    }


def missing_documents(missing: Iterable[MissingRight]) -> list[Json]:
    """The rights that the caller lacks, each with who can grant it and what they run."""
    return [{"step": one.step, "right": one.right, "who": one.who, "command": one.command or None} for one in missing]
