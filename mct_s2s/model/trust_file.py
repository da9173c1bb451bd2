"""A trust file, read: which sites there are to be, with their clients, and where each value stands in the file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

PROFILE_KEYS: Mapping[str, type] = dict.fromkeys(("tenant", "subscription", "cloud", "auth", "client-id"), str)
SITE_KEYS: Mapping[str, type] = dict.fromkeys(
    (
        "app-service",
        "resource-group",
        "slot",
        "service-name",
        "role",
        "service-app",
        "service-management-reference",
    ),
    str,
)
"""Beside `profile`, `clients` and `managed-identities`."""
CLIENT_KEYS: Mapping[str, type] = {
    "name": str,
    "credential": str,
    "secret-lifetime": str,
    "auto-lifetime": bool,
    "secret-to": str,
    "certificate": str,
    "github": str,
    "federated-issuer": str,
    "federated-subject": str,
    "federated-audience": str,
    "no-consent": bool,
    "service-management-reference": str,
}
IDENTITY_KEYS: Mapping[str, type] = {"resource": str}
"""The keys of each kind of table, named as the options are, with the type of their values."""

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def key_text(key: str) -> str:
    """A key as it is written in a TOML file."""
    if _BARE_KEY.fullmatch(key):
        return key
    escaped = "".join(_escaped(character) for character in key)
    return f'"{escaped}"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    return character if character.isprintable() else f"\\U{ord(character):08x}"


@dataclass(frozen=True)
class Table:
    """Where a table of the file stands: what a message about it or one of its values names."""

    line: int
    path: str = field(default="", kw_only=True)
    """Its keys from the top of the file: `sites.learn.clients[2]`, counted from 0."""
    lines: Mapping[str, int] = field(default_factory=dict, kw_only=True)
    """The line of each of its keys."""

    def where(self, key: str | None = None) -> str:
        """The place of one of its values, or its own: `line 7, sites.learn.role`."""
        if key is None:
            return f"line {self.line}, {self.path}"
        return f"line {self.lines.get(key, self.line)}, {self.path}.{key}"


@dataclass(frozen=True)
class Profile(Table):
    """How a tenant is reached."""

    name: str
    options: Mapping[str, str]
    """By key; those of `PROFILE_KEYS` that are there."""


@dataclass(frozen=True)
class ClientEntry(Table):
    """A client application."""

    name: str
    """Its display name, or the appId of a registration to adopt."""
    options: Mapping[str, str | bool]
    """By key, without `name`."""


@dataclass(frozen=True)
class IdentityEntry(Table):
    """A resource whose managed identity is a client."""

    resource: str
    """Whether its settings are to say where the API is."""


@dataclass(frozen=True)
class SiteEntry(Table):
    """An MCT App Service."""

    key: str
    """What the file calls it: in `--only`, in progress and in results."""
    profile: Profile | None
    options: Mapping[str, str]
    """By key; those of `SITE_KEYS` that are there."""
    clients: tuple[ClientEntry, ...] = ()
    identities: tuple[IdentityEntry, ...] = ()

    @property
    def app_service(self) -> str:
        """The name or resource id of the App Service: the key, unless another one is given."""
        return self.options.get("app-service", self.key)


@dataclass(frozen=True)
class TrustFile:
    """All sites of a file, in its order."""

    path: Path
    sites: tuple[SiteEntry, ...]
    profiles: tuple[Profile, ...] = ()
    """Those that no site uses among them."""
