"""Rows about the directory, as it was last written: replicas may lag behind what the page shows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mct_s2s.sandbox.entra.directory import Directory
from mct_s2s.sandbox.entra.table import Object
from mct_s2s.sandbox.services.page.rows import Rows, first


@dataclass(frozen=True)
class Credential:
    """What an application signs in with; `expires` is empty where it does not."""

    key_id: str
    kind: str
    name: str
    expires: str


@dataclass(frozen=True)
class Registration:
    """An application."""

    id: str
    name: str
    app_id: str
    uris: list[str]
    roles: list[str]
    credentials: list[Credential]
    deleted: bool


@dataclass(frozen=True)
class Principal:
    """A service principal; `of` is the Azure resource of a managed identity."""

    id: str
    name: str
    kind: str
    app_id: str
    of: str
    note: str


@dataclass(frozen=True)
class Grant:
    """A permission that somebody has on an API."""

    id: str
    who: str
    what: str
    api: str
    kind: str


class Names:
    """What things of the directory are called, by their ids; the id itself where there is nothing of that id."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    def principal(self, object_id: str) -> str:
        """Return the name of a service principal or a person."""
        found = self._directory.service_principals.latest(object_id) or self._directory.users.latest(object_id)
        return _name(found) if found else object_id

    def application(self, app_id: str) -> str:
        """Return the name of an application."""
        directory = self._directory
        found = directory.applications.latest_by("appId", app_id) or directory.service_principals.latest_by(
            "appId", app_id
        )
        return _name(found[0]) if found else app_id

    def role(self, principal_id: str, role_id: str) -> str:
        """Return the value of an app role of a service principal."""
        found = self._directory.service_principals.latest(principal_id) or {"appRoles": []}
        return next((str(role["value"]) for role in found["appRoles"] if role["id"] == role_id), role_id)


def registrations(directory: Directory) -> Rows[Registration]:
    """Return the applications, newest first; deleted ones last."""

    def row(one: Object) -> Registration:
        return Registration(
            id=one["id"],
            name=_name(one),
            app_id=one["appId"],
            uris=list(one["identifierUris"]),
            roles=[f"{role['value']}{'' if role['isEnabled'] else ' (disabled)'}" for role in one["appRoles"]],
            credentials=list(_credentials(directory, one)),
            deleted=bool(one["deletedDateTime"]),
        )

    newest_first = reversed(directory.applications.dump())
    return first(sorted(newest_first, key=lambda one: bool(one["deletedDateTime"])), row)


def principals(directory: Directory) -> Rows[Principal]:
    """Return the service principals, newest first."""

    def row(one: Object) -> Principal:
        deleted, disabled = one["deletedDateTime"], one["accountEnabled"] is False
        return Principal(
            id=one["id"],
            name=_name(one),
            kind=str(one["servicePrincipalType"]),
            app_id=one["appId"],
            of=next((name for name in one["alternativeNames"] if name.startswith("/")), ""),
            note="deleted" if deleted else "disabled" if disabled else "",
        )

    return first(directory.service_principals.dump()[::-1], row)


def grants(directory: Directory, names: Names) -> Rows[Grant]:
    """Return app role assignments and delegated permissions, newest first."""

    def row(one: Object) -> Grant:
        if "appRoleId" in one:
            role = names.role(one["resourceId"], one["appRoleId"])
            return Grant(
                one["id"], names.principal(one["principalId"]), role, names.principal(one["resourceId"]), "app role"
            )
        return Grant(
            one["id"],
            names.principal(one["clientId"]),
            str(one["scope"]).strip(),
            names.principal(one["resourceId"]),
            "delegated",
        )

    return first([*directory.assignments.dump()[::-1], *directory.grants.dump()[::-1]], row)


def _credentials(directory: Directory, application: Object) -> Iterator[Credential]:
    # Neither `secretText`, which is null, nor `hint`, which is the beginning of the secret.
    for kind, held in (("secret", "passwordCredentials"), ("certificate", "keyCredentials")):
        for one in application[held]:
            yield Credential(one["keyId"], kind, str(one["displayName"] or ""), str(one["endDateTime"])[:10])
    for one in directory.federated.latest_by("application", application["id"]):
        yield Credential(one["id"], "federated", f"{one['issuer']} {one['subject']}", "")


def _name(one: Object) -> str:
    return str(one["displayName"] or "")
