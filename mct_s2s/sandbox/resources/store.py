"""Subscriptions, groups, resources and everything that belongs to them, by id without case."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any, Self

from mct_s2s.sandbox.core.clock import Clock
from mct_s2s.sandbox.core.wire_errors import arm_error, service_error
from mct_s2s.sandbox.entra.directory import Directory
from mct_s2s.sandbox.entra.registrations import service_principals
from mct_s2s.sandbox.resources.providers import ApiVersions
from mct_s2s.sandbox.resources.role_assignments import Locks, ResourceId, RoleAssignments
from mct_s2s.sandbox.resources.sites import SiteState
from mct_s2s.sandbox.resources.vaults import TYPE as VAULT
from mct_s2s.sandbox.resources.vaults import VaultState

Body = dict[str, Any]


class Resources:
    """Everything Resource Manager keeps.

    Shapes: `subscriptions` by lower-case GUID; `groups` and `resources` by lower-case id, each a
    body as it is shown; `sites` and `vaults` hold the state of a site or a vault beside its body;
    `operations` changes in progress.

    Knobs: `restart_seconds` is how long a site returns 503 when it restarts, `operation_seconds`
    how long an asynchronous change takes.
    """

    def __init__(self, clock: Clock, directory: Directory) -> None:
        self.clock = clock
        self.directory = directory
        self.subscriptions: dict[str, Body] = {}
        self.groups: dict[str, Body] = {}
        self.resources: dict[str, Body] = {}
        self.sites: dict[str, SiteState] = {}
        self.vaults: dict[str, VaultState] = {}
        self.operations: dict[str, Body] = {}
        self.restart_seconds = 0.05
        self.operation_seconds = 0.2
        self.access = RoleAssignments()
        self.locks = Locks()

    @property
    def api_versions(self) -> ApiVersions:
        return ApiVersions(self.directory.variations)

    def subscription(self, subscription_id: str) -> Body:
        subscription = self.subscriptions.get(subscription_id.lower())
        if subscription is None:
            raise arm_error(
                404,
                "SubscriptionNotFound",
                f"The subscription '{subscription_id}' could not be found.",
            )
        return subscription

    def group(self, subscription_id: str, name: str) -> Body:
        group = self.groups.get(f"/subscriptions/{subscription_id}/resourcegroups/{name}".lower())
        if group is None:
            raise arm_error(
                404, "ResourceGroupNotFound", f"Resource group '{name}' could not be found."
            )
        return group

    def get(self, resource_id: ResourceId) -> Body:
        self.group(resource_id.subscription, resource_id.group)
        resource = self.resources.get(resource_id.key)
        if resource is None:
            raise service_error("ResourceNotFound", at=resource_id)
        return resource

    def find(self, resource_id: str) -> Body | None:
        return self.resources.get(resource_id.lower().rstrip("/"))

    def vault_named(self, name: str) -> Body | None:
        return next(
            (self.resources[key] for key in self.vaults if key.endswith(f"/vaults/{name.lower()}")),
            None,
        )

    def under(self, scope: str, *, of_type: str | None = None) -> Iterator[Body]:
        prefix = scope.lower().rstrip("/") + "/"
        for key, body in self.resources.items():
            if key.startswith(prefix) and (
                of_type is None or body["type"].lower() == of_type.lower()
            ):
                yield body

    def add_group(self, root: str, name: str, tags: Mapping[str, str], location: str) -> Body:
        """Add a resource group below the subscription with the id `root`, or replace its tags."""
        identifier = f"{root}/resourceGroups/{name}"
        known = self.groups.get(identifier.lower())
        group = known or {
            "id": identifier,
            "name": name,
            "type": "Microsoft.Resources/resourceGroups",
            "location": location,
            "properties": {"provisioningState": "Succeeded"},
        }
        group["tags"] = dict(tags)
        self.groups[identifier.lower()] = group
        return group

    def add(self, body: Body) -> Body:
        self.resources[body["id"].lower()] = body
        if body["type"].lower() in {"microsoft.web/sites", "microsoft.web/sites/slots"}:
            self.sites.setdefault(body["id"].lower(), SiteState())
        if body["type"].lower() == VAULT.lower():
            self.vaults.setdefault(body["id"].lower(), VaultState())
        return body

    def remove(self, key: str) -> None:
        for removed in [k for k in self.resources if k == key or k.startswith(key + "/")]:
            body = self.resources.pop(removed)
            self.sites.pop(removed, None)
            self.vaults.pop(removed, None)
            self.forget_identity_of(body)

    def forget_identity_of(self, body: Body) -> None:
        principal_id = (body.get("identity") or {}).get("principalId") or (
            body["properties"].get("principalId")
            if body["type"].endswith("userAssignedIdentities")
            else None
        )
        if principal_id:
            service_principals.delete_managed_identity(self.directory, principal_id)

    def to_dict(self) -> Body:
        return {
            "subscriptions": self.subscriptions,
            "groups": self.groups,
            "resources": self.resources,
            "sites": {key: asdict(site) for key, site in self.sites.items()},
            "vaults": {key: asdict(vault) for key, vault in self.vaults.items()},
            "operations": self.operations,
            "roleAssignments": self.access.assignments,
            "denyAssignments": self.access.denials,
            "customRoles": self.access.custom,
            "locks": self.locks.all,
        }

    @classmethod
    def from_dict(cls, clock: Clock, directory: Directory, data: Mapping[str, Any]) -> Self:
        resources = cls(clock, directory)
        resources.subscriptions = dict(data["subscriptions"])
        resources.groups = dict(data["groups"])
        resources.resources = dict(data["resources"])
        resources.sites = {key: SiteState(**site) for key, site in data["sites"].items()}
        vaults = data.get("vaults", {})
        resources.vaults = {
            key: VaultState(**vaults.get(key, {}))
            for key, body in resources.resources.items()
            if body["type"] == VAULT
        }
        resources.operations = dict(data["operations"])
        resources.access.assignments = list(data["roleAssignments"])
        resources.access.denials = list(data["denyAssignments"])
        resources.access.custom = dict(data.get("customRoles", {}))
        resources.locks.all = list(data["locks"])
        return resources
