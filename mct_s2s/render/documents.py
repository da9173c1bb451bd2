"""The JSON documents of the contract. Keys are `camelCase`; a missing part is `null` or empty."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mct_s2s.errors import S2SError
from mct_s2s.model.azure_resources import AppService
from mct_s2s.model.client_credentials import Credential, CredentialKind
from mct_s2s.model.directory_objects import ServicePrincipal
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.site_settings import ours
from mct_s2s.model.trust import ClientApplication
from mct_s2s.planning.app_role import wanted_role
from mct_s2s.planning.application_uri import uri_shown
from mct_s2s.planning.changes import Action, AnyChange, WriteSettings, known_id
from mct_s2s.planning.findings import Finding, is_healthy
from mct_s2s.planning.membership import is_allowed, is_consented, members
from mct_s2s.planning.plan import Plan
from mct_s2s.render.handover import Instruction

Json = dict[str, Any]


@dataclass(frozen=True)
class SavedCredential:
    """A credential that this run created, and where it is saved. `secret` is set only for `--secret-to show`."""

    client: str
    client_id: str
    expires: datetime | None
    """`None` for federated credentials, which do not expire."""
    saved_to: str | None
    """`None` if there was nothing to save: a given certificate, a federated credential."""
    secret: str | None = None
    kind: CredentialKind = CredentialKind.SECRET


@dataclass(frozen=True)
class Step:
    """A change and its result; `id` and `seconds` are unknown before it is applied."""

    change: AnyChange
    id: str | None
    detail: str
    seconds: float


def timestamp(moment: datetime) -> str:
    """`2027-11-24T00:00:00Z`."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def status_document(observed: ObservedState, findings: tuple[Finding, ...]) -> Json:
    """`mct-s2s/status/v1`."""
    tenant, site = observed.tenant, observed.app_service
    return {
        "schema": "mct-s2s/status/v1",
        "healthy": is_healthy(findings),
        "cloud": observed.cloud,
        "tenant": {"id": tenant.id, "name": tenant.name} if tenant else None,
        "appService": _app_service(site) if site else None,
        "serviceApplication": _service(observed),
        "clients": [*_applications(observed), *_identities(observed)],
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


def result_document(
    steps: Iterable[Step],
    credentials: Iterable[SavedCredential],
    status: Json,
    *,
    dry_run: bool,
    left: Iterable[Instruction],
    verification: Json | None = None,
) -> Json:
    """`mct-s2s/result/v1`."""
    return {
        "schema": "mct-s2s/result/v1",
        "dryRun": dry_run,
        "changes": [
            {
                "action": step.change.action.value,
                "resource": step.change.resource,
                "name": step.change.name,
                "id": step.id,
                "detail": step.detail,
                "seconds": round(step.seconds, 3),
                **_edits(step.change),
            }
            for step in steps
        ],
        "credentials": [_saved(credential) for credential in credentials],
        "leftToOthers": [
            {
                "what": step.what,
                "command": step.command,
                "link": step.link,
                "settings": step.values,
                "missing": list(step.needed),
            }
            for step in left
        ],
        "verification": verification,
        "status": status,
    }


def _edits(change: AnyChange) -> Json:
    """Our settings before and after; `null` if not known yet."""
    if not isinstance(change, WriteSettings):
        return {}
    return {
        "before": {edit.name: edit.before for edit in change.edits},
        "after": {edit.name: edit.after if edit.is_known else None for edit in change.edits},
    }


def planned_steps(plan: Plan) -> list[Step]:
    """A plan's steps before they are applied."""
    return [Step(change, known_id(change), change.detail, 0.0) for change in plan.steps]


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
        },
    }
    if done or doubtful or left:
        document["done"] = [_short(change) for change in done if change.action is not Action.NONE]
        document["inDoubt"] = [_short(change) for change in doubtful]
        document["notDone"] = [_short(change) for change in left]
    if credentials:
        document["credentials"] = [_saved(credential) for credential in credentials]
    return document


def _short(change: AnyChange) -> Json:
    return {"action": change.action.value, "resource": change.resource, "name": change.name}


def _saved(credential: SavedCredential) -> Json:
    document: Json = {
        "client": credential.client,
        "appId": credential.client_id or None,
        "kind": credential.kind.value,
        "expires": timestamp(credential.expires) if credential.expires else None,
        "savedTo": credential.saved_to,
    }
    if credential.secret is not None:
        document["secret"] = credential.secret
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


def _applications(observed: ObservedState) -> list[Json]:
    return [_client(client, observed) for client in members(observed)]


def _client(client: ClientApplication, observed: ObservedState) -> Json:
    application, site = client.application, observed.app_service
    return {
        "kind": "application",
        "displayName": client.display_name,
        "appId": client.client_id,
        "objectId": application.object_id if application else None,
        "servicePrincipalId": client.principal.id if client.principal else None,
        "consented": is_consented(client, observed),
        "allowed": None if observed.settings_unread else site is not None and is_allowed(client, site),
        "credentials": [_credential(credential) for credential in application.credentials] if application else [],
    }


def _credential(credential: Credential) -> Json:
    return {
        "kind": credential.kind.value,
        "keyId": credential.key_id,
        "name": credential.name,
        "expires": timestamp(credential.expires) if credential.expires else None,
    }


def _identities(observed: ObservedState) -> list[Json]:
    by_name = sorted(observed.trust.identities, key=lambda one: (one.display_name.casefold(), one.id))
    return [_identity(identity, observed) for identity in by_name]


def _identity(identity: ServicePrincipal, observed: ObservedState) -> Json:
    site = observed.app_service
    return {
        "kind": "managedIdentity",
        "displayName": identity.display_name,
        "resourceId": identity.resource_id,
        "principalId": identity.id,
        "allowed": None
        if observed.settings_unread
        else site is not None and site.allowed_object_ids.holds(identity.id),
    }
