"""The steps of a plan in words: what one does, has done, and did not come to do."""

from __future__ import annotations

from typing import NamedTuple

from mct_s2s.planning.changes import (
    Action,
    AnyChange,
    AssignAppRole,
    DisableIdentity,
    EnableIdentity,
    PurgeApplication,
    RestartSite,
    RestoreApplication,
    RevokeAppRole,
)


class Verb(NamedTuple):
    """One verb in the three forms that are shown."""

    done: str
    runs: str
    failed: str


_VERBS: dict[type[AnyChange], Verb] = {
    AssignAppRole: Verb("Granted", "Granting", "grant"),
    RevokeAppRole: Verb("Revoked", "Revoking", "revoke"),
    EnableIdentity: Verb("Enabled", "Enabling", "enable"),
    DisableIdentity: Verb("Disabled", "Disabling", "disable"),
    RestoreApplication: Verb("Restored", "Restoring", "restore"),
    PurgeApplication: Verb("Purged", "Purging", "purge"),
    RestartSite: Verb("Restarted", "Restarting", "restart"),
}
_VERBS_OF_ACTIONS = {
    Action.CREATE: Verb("Created", "Creating", "create"),
    Action.UPDATE: Verb("Updated", "Updating", "update"),
    Action.DELETE: Verb("Deleted", "Deleting", "delete"),
    Action.NONE: Verb("Checked", "Checking", "check"),
}
_NOUNS = {
    "admin consent": "admin consent for",
    "API permission": "API permission of",
    "application settings": "application settings of",
    "certificate": "certificate of",
    "federated credential": "federated credential of",
    "key vault reference": "key vault reference of",
    "managed identity": "managed identity of",
    "recycle bin": "deleted app registration",
    "secret": "secret of",
    "service principal": "service principal of",
}
"""How a resource is joined to the name that follows it, where the two do not simply follow each other."""


def verb(change: AnyChange) -> Verb:
    """What is done to its resource."""
    return _VERBS.get(type(change), _VERBS_OF_ACTIONS[change.action])


def object_of(change: AnyChange) -> str:
    """What it is done to: `admin consent for S2S-client`; an App Service by its name alone."""
    if isinstance(change, RestartSite):
        return change.name
    return f"{_NOUNS.get(change.resource, change.resource)} {change.name}"
