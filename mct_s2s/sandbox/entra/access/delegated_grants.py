"""Delegated permission grants: which scopes of which API an application may use for people.

Source: graph: resources/oauth2permissiongrant; docs/azure-contract.md, section 3.6.
"""

from __future__ import annotations

import uuid

from mct_s2s.sandbox.core.encoding import base64url
from mct_s2s.sandbox.core.wire_errors import WireError, graph_error
from mct_s2s.sandbox.entra.directory import Directory
from mct_s2s.sandbox.entra.table import Object
from mct_s2s.sandbox.entra.validation import bad_request, clean, invalid_value

_TYPE = "oAuth2PermissionGrant"


def create(directory: Directory, body: object) -> Object:
    """Grant an application scopes of an API, for all users or for one. Scopes are not checked against the API."""
    values = {"principalId": None, "scope": None, **clean(_TYPE, body)}
    if values.get("consentType") not in {"AllPrincipals", "Principal"}:
        raise _invalid("consentType")
    if (values["consentType"] == "Principal") != bool(values["principalId"]):
        raise _invalid("principalId")
    for name in ("clientId", "resourceId"):
        if directory.service_principals.seen(values.get(name) or "") is None:
            raise _invalid(name)
    grant_id = _id(values)
    if directory.grants.latest(grant_id) is not None:
        raise graph_error(409, "Request_MultipleObjectsWithSameKeyValue", "Permission entry already exists.")
    return directory.grants.put({**values, "id": grant_id})


def update(directory: Directory, grant: Object, body: object) -> None:
    """Change the scopes of a grant; nothing else can change."""
    values = clean(_TYPE, body)
    if any(grant[name] != value for name, value in values.items() if name != "scope"):
        raise bad_request("Only the property 'scope' of resource 'OAuth2PermissionGrant' can be updated.")
    directory.grants.put({**grant, **values})


def _invalid(name: str) -> WireError:
    return invalid_value("OAuth2PermissionGrant", name, detailed=False)


def _id(grant: Object) -> str:
    """The id is derived from the members, so that a grant that is created again has the same one."""
    parts = (grant[name] for name in ("clientId", "resourceId", "principalId") if grant[name])
    data = b"".join(uuid.UUID(part).bytes_le for part in parts)
    return base64url(data)
