"""Key vaults: their secrets with all versions, and deleted secrets.

Sources: key-vault: general/about-keys-secrets-certificates, secrets/about-secrets,
general/soft-delete-overview; keyvault/secrets REST reference.
"""

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mct_s2s.sandbox.core.wire_errors import WireError, arm_error, service_error, vault_error
from mct_s2s.sandbox.resources.role_assignments import ResourceId

TYPE = "Microsoft.KeyVault/vaults"
RETENTION_DAYS = 90
LONGEST_VALUE, MOST_TAGS, LONGEST_TAG, LONGEST_CONTENT_TYPE = 25_600, 15, 256, 255
_NAME = re.compile(r"[0-9a-zA-Z-]{1,127}")
_VAULT_NAME = re.compile(r"[a-zA-Z](?!.*--)[a-zA-Z0-9-]{1,22}[a-zA-Z0-9]")
_ATTRIBUTES = {"enabled": bool, "nbf": int, "exp": int}

Body = dict[str, Any]


@dataclass
class VaultState:
    """The secrets of a vault.

    Shapes: `secrets` and `deleted` by name in lower case; each secret is `{"name", "versions",
    "ready_at"}`, its versions oldest first, each a bundle without its id and with its `version`; a
    deleted one has `deleted_at`.

    Units: seconds since 1970. Until `ready_at`, a deletion or a recovery is under way.
    """

    secrets: dict[str, Body] = field(default_factory=dict)
    deleted: dict[str, Body] = field(default_factory=dict)

    def set(
        self, name: str, sent: Mapping[str, Any], now: float, *, version: str | None = None
    ) -> Body:
        fresh = _checked(sent)
        if not isinstance(sent.get("value"), str) or len(sent["value"]) > LONGEST_VALUE:
            raise bad_parameter("Property value has invalid value\r\n")
        self._refuse_busy(name, now)
        attributes = {
            "enabled": True,
            **fresh.get("attributes", {}),
            "created": int(now),
            "updated": int(now),
        }
        secret_version = {
            "version": version or uuid.uuid4().hex,
            "value": sent["value"],
            **fresh,
            "attributes": attributes,
        }
        secret = self.secrets.setdefault(
            name.lower(), {"name": name, "versions": [], "ready_at": 0.0}
        )
        secret["versions"].append(secret_version)
        return secret_version

    def update(self, name: str, version: str, sent: Mapping[str, Any], now: float) -> Body:
        """Change members of a version; what is not sent stays, tags are replaced as a whole."""
        fresh, secret_version = _checked(sent), self.version(name, version, now)
        if "value" in sent:
            raise bad_parameter("Property value has invalid value\r\n")
        attributes = {
            **secret_version["attributes"],
            **fresh.pop("attributes", {}),
            "updated": int(now),
        }
        secret_version.update(fresh, attributes=attributes)
        return secret_version

    def version(self, name: str, version: str, now: float) -> Body:
        versions = self.versions(name, now)
        matching = (
            versions[-1]
            if not version
            else next((v for v in versions if v["version"] == version.lower()), None)
        )
        if matching is None:
            raise not_found(f"{name}/{version}")
        return matching

    def versions(self, name: str, now: float) -> list[Body]:
        secret = self.secrets.get(name.lower())
        if secret is None or secret["ready_at"] > now:
            raise not_found(name)
        versions: list[Body] = secret["versions"]
        return versions

    def delete(self, name: str, now: float, seconds: float) -> Body:
        self.versions(name, now)
        secret = self.secrets.pop(name.lower())
        secret |= {"deleted_at": now, "ready_at": now + seconds}
        self.deleted[name.lower()] = secret
        return secret

    def deleted_secret(self, name: str, now: float) -> Body:
        secret = self.deleted.get(name.lower())
        if (
            secret is None
            or secret["ready_at"] > now
            or now - secret["deleted_at"] > RETENTION_DAYS * 86_400
        ):
            raise vault_error(404, "SecretNotFound", f"Deleted Secret not found: {name}")
        return secret

    def recover(self, name: str, now: float, seconds: float) -> Body:
        secret = self.deleted_secret(name, now)
        del self.deleted[name.lower()], secret["deleted_at"]
        secret["ready_at"] = now + seconds
        self.secrets[name.lower()] = secret
        return secret

    def purge(self, name: str, now: float) -> None:
        self.deleted_secret(name, now)
        del self.deleted[name.lower()]

    def _refuse_busy(self, name: str, now: float) -> None:
        deleted, live = self.deleted.get(name.lower()), self.secrets.get(name.lower())
        if deleted is not None and now - deleted["deleted_at"] > RETENTION_DAYS * 86_400:
            del self.deleted[name.lower()]
        elif deleted is not None and deleted["ready_at"] > now:
            why = f"Secret {name} is currently being deleted and cannot be re-created; retry later."
            raise vault_error(409, "Conflict", why, inner="ObjectIsBeingDeleted")
        elif deleted is not None:
            why = (
                f"Secret {name} is currently in a deleted but recoverable state, and its name "
                "cannot be reused; in this state, the secret can only be recovered or purged."
            )
            raise vault_error(409, "Conflict", why, inner="ObjectIsDeletedButRecoverable")
        if live is not None and live["ready_at"] > now:
            why = (
                f"Secret {name} is currently being recovered and cannot be re-created; retry later."
            )
            raise vault_error(409, "Conflict", why, inner="ObjectIsBeingRecovered")


def check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise bad_parameter(f"The request URI contains an invalid name: {name}")


def check_vault(resource_id: ResourceId, sent: Mapping[str, Any], name_used: bool) -> None:
    name, properties = resource_id.name, sent.get("properties")
    if not _VAULT_NAME.fullmatch(name):
        raise service_error("VaultNameNotValid", name=name)
    if not isinstance(properties, Mapping) or not {"tenantId", "sku"} <= set(properties):
        raise arm_error(
            400, "BadRequest", "The parameters tenantId and sku have to be specified for a vault."
        )
    if name_used:
        raise service_error("VaultAlreadyExists", name=name)


def shown(body: Body, uri: str) -> Body:
    """Return a vault as Resource Manager shows it. Source: keyvault/vaults/get."""
    defaults = {
        "sku": {"family": "A", "name": "standard"},
        "accessPolicies": [],
        "enableSoftDelete": True,
        "softDeleteRetentionInDays": RETENTION_DAYS,
        "publicNetworkAccess": "Enabled",
        "enableRbacAuthorization": False,
    }
    return {**body, "properties": {**defaults, **body["properties"], "vaultUri": f"{uri}/"}}


def not_found(name: str) -> WireError:
    return service_error("SecretNotFound", name=name.rstrip("/"))


def bad_parameter(message: str) -> WireError:
    return vault_error(400, "BadParameter", message)


def _checked(sent: Mapping[str, Any]) -> Body:
    unknown = set(sent) - {"value", "contentType", "tags", "attributes"}
    if unknown:
        raise bad_parameter(f"Property {min(unknown)} has invalid value\r\n")
    kept: Body = {}
    if sent.get("contentType") is not None:
        kept["contentType"] = sent["contentType"]
        if (
            not isinstance(kept["contentType"], str)
            or len(kept["contentType"]) > LONGEST_CONTENT_TYPE
        ):
            raise bad_parameter("Property contentType has invalid value\r\n")
    if sent.get("tags") is not None:
        kept["tags"] = _checked_tags(sent["tags"])
    if sent.get("attributes") is not None:
        kept["attributes"] = _checked_attributes(sent["attributes"])
    return kept


def _checked_tags(tags: object) -> dict[str, str]:
    if not isinstance(tags, Mapping) or len(tags) > MOST_TAGS:
        raise bad_parameter(f"The number of tags exceeds the maximum of {MOST_TAGS}.")
    for name, value in tags.items():
        if not isinstance(value, str) or max(len(name), len(value)) > LONGEST_TAG:
            raise bad_parameter(
                f"The tag {name} is invalid: name and value have {LONGEST_TAG} characters at most."
            )
    return dict(tags)


def _checked_attributes(attributes: object) -> Body:
    if not isinstance(attributes, Mapping):
        raise bad_parameter("Property attributes has invalid value\r\n")
    sent = {
        name: value
        for name, value in attributes.items()
        if name in _ATTRIBUTES and value is not None
    }
    for name, value in sent.items():
        if type(value) is not _ATTRIBUTES[name]:
            raise bad_parameter(f"Property {name} has invalid value\r\n")
    return sent
