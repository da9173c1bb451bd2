"""Rules of application objects: what may be written, and what changes with it.

Sources: graph: api/application-post-applications, api/application-update, api/application-upsert,
resources/application; entra: identity-platform/supported-accounts-validation.
"""

from collections.abc import Sequence
from typing import Any

from mct_s2s.sandbox.core.files import document
from mct_s2s.sandbox.core.wire_errors import WireError, graph_error, service_error
from mct_s2s.sandbox.entra.directory import Directory
from mct_s2s.sandbox.entra.registrations import (
    identifier_uris,
    key_credentials,
    password_credentials,
    service_principals,
)
from mct_s2s.sandbox.entra.table import Object
from mct_s2s.sandbox.entra.types import blank
from mct_s2s.sandbox.entra.validation import (
    are_tags,
    bad_request,
    clean,
    invalid_value,
    missing,
    password_not_generated,
    timestamp,
)

PERSONAL = frozenset({"AzureADandPersonalMicrosoftAccount", "PersonalMicrosoftAccount"})
_AUDIENCES = frozenset({"AzureADMyOrg", "AzureADMultipleOrgs"}) | PERSONAL

_COMPLEX_DEFAULTS: dict[str, dict[str, Any]] = document("applicationDefaults")
_OPTIONAL_CLAIM: dict[str, Any] = {"additionalProperties": [], "essential": False, "source": None}


def create(
    directory: Directory,
    body: object,
    *,
    owners: Sequence[str] | None = None,
    created_by: str | None = None,
    **fixed: Any,
) -> Object:
    """Create an application; the service chooses its appId and object id.

    Args:
        owners: object ids of its owners: the caller, unless others were named; `None` for the
            sandbox itself.
        created_by: appId of the program that sent the request, also where a person had signed in to
            it.

    Returns:
        What is stored, with the texts of new secrets.
    """
    values = clean("application", body)
    if not values.get("displayName"):
        raise missing("displayName")
    asked = values.pop("passwordCredentials", [])
    values.setdefault("signInAudience", directory.variations.default_sign_in_audience)
    empty = blank("application") | {
        "id": directory.ids.new(f"application/{values['displayName']}"),
        "appId": directory.ids.new(f"appId/{values['displayName']}"),
        "createdByAppId": created_by,
        "createdDateTime": timestamp(directory.clock.now()),
        "publisherDomain": directory.tenant.default_domain,
        "@owners": list(owners or ()),
        **_COMPLEX_DEFAULTS,
        **fixed,
    }
    if values["signInAudience"] in PERSONAL:
        empty["api"] = {**empty["api"], "requestedAccessTokenVersion": 2}
    if owners is not None:  # the tenant's rules do not apply to what the sandbox creates
        _check_reference(directory, values, "Create")
    checked = _checked(directory, empty, values)
    if any(password.get("secretText") or password.get("hint") for password in asked):
        raise password_not_generated()
    created = checked["createdDateTime"]
    passwords = [
        password_credentials.new_password(directory, password, application_created=created)
        for password in asked
    ]
    hidden = [{**password, "secretText": None} for password in passwords]
    return {
        **directory.applications.put({**checked, "passwordCredentials": hidden}),
        "passwordCredentials": passwords,
    }


def update(
    directory: Directory, application: Object, body: object, *, seen: Object | None = None
) -> None:
    """Change an application; arrays are replaced as a whole, complex properties are merged.

    Args:
        seen: its state at the replica that serves the request, where that may be older.
    """
    changed = _checked(directory, application, clean("application", body))
    _check_reference(directory, changed, "Update")
    if seen is not None and seen is not application:
        identifier_uris.check_disabled(changed["appRoles"], seen["appRoles"])
    _check_known(directory, application, changed)
    directory.applications.put(changed)
    service_principals.mirror(directory, changed)


def delete(directory: Directory, application: Object) -> None:
    directory.applications.put({**application, "deletedDateTime": timestamp(directory.clock.now())})
    for principal in directory.service_principals.latest_by("appId", application["appId"]):
        service_principals.delete(directory, principal)


def _checked(directory: Directory, old: Object, values: Object) -> Object:
    values = {name: _completed(name, value) for name, value in values.items()}
    new = {**old, **{name: _merged(old.get(name), value) for name, value in values.items()}}
    if "keyCredentials" in values:
        new["keyCredentials"] = key_credentials.checked(
            directory, new["keyCredentials"], old["keyCredentials"], old["createdDateTime"]
        )
    if "passwordCredentials" in values:
        new["passwordCredentials"] = _kept_secrets(
            values["passwordCredentials"], old["passwordCredentials"]
        )
    _check_texts(new)
    _check_audience(new)
    _check_unique_name(directory, new, old)
    identifier_uris.check_app_roles(
        new["appRoles"], old["appRoles"], scopes=new["api"]["oauth2PermissionScopes"]
    )
    leaves_v2 = (
        old["api"]["requestedAccessTokenVersion"] == 2 != new["api"]["requestedAccessTokenVersion"]
    )
    identifier_uris.check(directory, new, [] if leaves_v2 else old["identifierUris"])
    _check_required_access(new)
    return new


def _check_known(directory: Directory, old: Object, new: Object) -> None:
    if directory.applications.is_known_elsewhere(new["id"]):
        return
    if new["signInAudience"] in PERSONAL:
        raise graph_error(
            409, "Error_MsaAppDoesNotExist", "The corresponding MSA application does not exist."
        )
    fresh = [uri for uri in new["identifierUris"] if uri not in old["identifierUris"]]
    if fresh:
        raise identifier_uris.not_verified(fresh[0])


def _completed(name: str, value: Any) -> Any:
    if name == "appRoles":
        return [identifier_uris.completed_app_role(role) for role in value]
    if name == "optionalClaims" and value is not None:
        return {
            kind: claims and [_OPTIONAL_CLAIM | claim for claim in claims]
            for kind, claims in value.items()
        }
    if value is None and name in _COMPLEX_DEFAULTS:
        return _COMPLEX_DEFAULTS[name]
    return value


def _merged(old: object, new: object) -> object:
    if isinstance(old, dict) and isinstance(new, dict):
        return {**old, **{name: _merged(old.get(name), value) for name, value in new.items()}}
    return new


def _kept_secrets(new: list[Object], old: list[Object]) -> list[Object]:
    known = {credential["keyId"]: credential for credential in old}
    if any(
        credential.get("keyId") not in known or credential.get("secretText") for credential in new
    ):
        raise password_not_generated()
    return [known[credential["keyId"]] for credential in new]


def _check_texts(application: Object) -> None:
    if not application["displayName"] or len(application["displayName"]) > 256:
        raise _invalid("displayName")
    if len(application["description"] or "") > 1024:
        raise _invalid("description")
    if not are_tags(application["tags"]):
        raise _invalid("tags")


def _check_audience(application: Object) -> None:
    if application["signInAudience"] not in _AUDIENCES:
        raise _invalid("signInAudience")
    version = application["api"]["requestedAccessTokenVersion"]
    if version not in {None, 1, 2} or (application["signInAudience"] in PERSONAL and version != 2):
        raise _invalid("api.requestedAccessTokenVersion")


def _check_unique_name(directory: Directory, new: Object, old: Object) -> None:
    name = new["uniqueName"]
    if name == old["uniqueName"]:
        return
    if old["uniqueName"] is not None or not name:
        # Can be set once, on an application without one (microsoftgraph/msgraph-bicep-types#196).
        raise _invalid("uniqueName")
    if any(
        other["id"] != new["id"] for other in directory.applications.latest_by("uniqueName", name)
    ):
        raise bad_request(
            "Another object with the same value for property uniqueName already exists.",
            detail="ObjectConflict",
            target="uniqueName",
        )


def _check_reference(directory: Directory, values: Object, operation: str) -> None:
    """Require the reference to an owning service, as some tenants do.

    Source: docs/azure-contract.md, section 3.2.
    """
    if (
        values.get("serviceManagementReference")
        or not directory.variations.service_management_reference_required
    ):
        return
    raise service_error("ServiceTreeValueMissing", operation=operation)


def _check_required_access(application: Object) -> None:
    wanted = application["requiredResourceAccess"]
    permissions = [entry for resource in wanted for entry in resource.get("resourceAccess", [])]
    named = [resource.get("resourceAppId", "").lower() for resource in wanted]
    sound = all(entry.get("id") and entry.get("type") in {"Role", "Scope"} for entry in permissions)
    if (
        not sound
        or not all(named)
        or len(set(named)) != len(named)
        or len(named) > 50
        or len(permissions) > 400
    ):
        raise _invalid("requiredResourceAccess")


def _invalid(name: str) -> WireError:
    return invalid_value("Application", name)
