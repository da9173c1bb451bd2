"""Which application ID URIs and which app roles an application may have; a PATCH replaces either as
a whole.

Sources: entra: identity-platform/identifier-uri-restrictions; graph: resources/approle.
"""

import re
import uuid
from urllib.parse import urlsplit

from mct_s2s.sandbox.core.wire_errors import WireError, service_error
from mct_s2s.sandbox.entra.directory import Directory
from mct_s2s.sandbox.entra.table import Object
from mct_s2s.sandbox.entra.tenant.organization import Tenant
from mct_s2s.sandbox.entra.validation import bad_request, duplicate_values, invalid_value

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s\\<>\"{}|^`]+")


def check(directory: Directory, application: Object, old: list[str]) -> None:
    """Check the new URIs of an application; existing ones are checked again only where it goes back
    to v1 tokens.
    """
    uris = application["identifierUris"]
    if len({uri.casefold() for uri in uris}) != len(uris):
        raise duplicate_values()
    for uri in uris:
        if uri not in old:
            if len(uri) > 255 or not _URI.fullmatch(uri):
                raise invalid_value("Application", "identifierUris", detailed=False)
            _check_free(directory, application, uri)
            _check_policy(directory, application, uri)


def _check_free(directory: Directory, application: Object, uri: str) -> None:
    # A soft-deleted application keeps its URIs for its thirty days.
    others = directory.applications.latest_by("identifierUris", uri)
    if any(other["id"] != application["id"] for other in others):
        raise bad_request(
            "Another object with the same value for property identifierUris already exists.",
            detail="ObjectConflict",
            target="identifierUris",
        )


def _check_policy(directory: Directory, application: Object, uri: str) -> None:
    scheme, _, rest = uri.partition("://")
    if scheme.lower() in {"https", "http"} and not directory.tenant.owns_host(
        urlsplit(uri).hostname or ""
    ):
        raise not_verified(uri)
    if (application["api"] or {}).get("requestedAccessTokenVersion") == 2:
        return
    strict, default = directory.policies.uri_restrictions()
    only_ids = _names_ids(directory.tenant, application["appId"], rest)
    if strict and not (scheme == "api" and only_ids):
        raise _refused(uri)
    if default and not _is_compliant(directory.tenant, application["appId"], scheme, rest):
        raise _refused(uri)


def _refused(uri: str) -> WireError:
    return bad_request(_REFUSED.format(uri=uri), code="InvalidUniqueTenantIdentifierAsPerAppPolicy")


def not_verified(uri: str) -> WireError:
    """Return the refusal of a URI of no verified domain; also returned for a valid URI on a very
    new application.
    """
    return service_error("HostNameNotOnVerifiedDomain", uri=uri)


_REFUSED = (
    "Failed to add identifier URI {uri}. All newly added URIs must contain a tenant verified "
    "domain, tenant ID, or app ID, as per the default tenant policy of your organization. See "
    "https://aka.ms/identifier-uri-addition-error for more information on this error."
)


def _names_ids(tenant: Tenant, app_id: str, rest: str) -> bool:
    return rest.lower() in {app_id, f"{tenant.tenant_id}/{app_id}"}


def _is_compliant(tenant: Tenant, app_id: str, scheme: str, rest: str) -> bool:
    if scheme.lower() in {"https", "http"}:
        return True
    if scheme != "api":
        return False
    head, *more = rest.split("/")
    named_by_app = head.lower() == app_id or (len(more) == 1 and more[0].lower() == app_id)
    return (
        named_by_app or (head.lower() == tenant.tenant_id and bool(more)) or tenant.owns_host(head)
    )


_VALUE = re.compile(r"[A-Za-z0-9:!#$%&'()*+,\-./;<=>?@\[\]^_`{|}~]{1,120}")


def completed_app_role(role: Object) -> Object:
    empty: Object = {
        "allowedMemberTypes": [],
        "description": None,
        "displayName": None,
        "id": str(uuid.UUID(int=0)),
    }
    # Clients send back what they read, including `origin`, which only the service writes.
    return {**empty, "isEnabled": True, "value": None, **role, "origin": "Application"}


def check_app_roles(new: list[Object], old: list[Object], *, scopes: list[Object]) -> None:
    for role in new:
        members = role["allowedMemberTypes"]
        value = role["value"]
        if (
            role["id"] == str(uuid.UUID(int=0))
            or not members
            or not set(members) <= {"User", "Application"}
            or not role["displayName"]
            or not role["description"]
            or (value is not None and not _VALUE.fullmatch(value))
        ):
            raise invalid_value("Application", "appRoles", detailed=False)
    ids = [entry.get("id") for entry in (*new, *scopes)]
    values = [entry["value"] for entry in (*new, *scopes) if entry.get("value") is not None]
    if len(set(ids)) != len(ids) or len(set(values)) != len(values):
        raise duplicate_values()
    check_disabled(new, old)


def check_disabled(new: list[Object], old: list[Object]) -> None:
    """Check that roles that are removed or changed were disabled before."""
    by_id = {role["id"]: role for role in new}
    for role in old:
        if role["isEnabled"] and _changed(role, by_id.get(role["id"])):
            raise service_error("CannotDeleteOrUpdateEnabledEntitlement")


def _changed(old: Object, new: Object | None) -> bool:
    return new is None or {**old, "isEnabled": None} != {**new, "isEnabled": None}
