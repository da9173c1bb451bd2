"""Rows about the subscriptions: sites with their settings, key vaults, Azure roles, locks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mct_s2s.sandbox.core.addresses import Addresses
from mct_s2s.sandbox.resources.role_assignments import role_definitions
from mct_s2s.sandbox.resources.sites import SiteState
from mct_s2s.sandbox.resources.store import Body, Resources
from mct_s2s.sandbox.services.page.directory_rows import Names
from mct_s2s.sandbox.services.page.rows import Rows, first

_TRUST = frozenset(
    {"serviceauthenabled", "serviceauthaudience", "serviceauthtenantname", "serviceauthtenantid", "serviceauthrole"}
    | {"serviceobjectids", "serviceapplicationids"}
)
"""Settings that say who may call: none of them is a secret. Source: service-to-service authentication, step 3."""
_REFERENCE = "@Microsoft.KeyVault("


@dataclass(frozen=True)
class Setting:
    """An application setting; `value` is None where it is hidden, as every value is that may be a secret."""

    name: str
    value: str | None
    sticky: bool


@dataclass(frozen=True)
class Site:
    """A web app, function app or slot. `trust` are the settings by which the MCT API judges a call."""

    id: str
    name: str
    group: str
    kind: str
    url: str
    state: str
    identity: str
    trust: list[Setting]
    others: list[Setting]


@dataclass(frozen=True)
class Secret:
    """A secret of a key vault, by name: never its value."""

    id: str
    vault: str
    name: str
    versions: int


@dataclass(frozen=True)
class AzureRole:
    """A role that somebody has at a scope."""

    id: str
    who: str
    role: str
    scope: str


@dataclass(frozen=True)
class Lock:
    """A lock of a scope."""

    id: str
    name: str
    level: str
    scope: str


def sites(resources: Resources, addresses: Addresses) -> Rows[Site]:
    """Return the sites; those that other services may call first."""
    now = resources.clock.timestamp()

    def row(key: str) -> Site:
        body, state = resources.resources[key], resources.sites[key]
        settings = list(_settings(resources, key, state))
        return Site(
            id=body["id"],
            name=str(body["name"]),
            group=body["id"].split("/")[4],
            kind=str(body["kind"]),
            url=f"https://{addresses.of_site(key)}",
            state="restarting" if now < state.ready_at else str(body["properties"].get("state")).lower(),
            identity=_identity(body),
            trust=[setting for setting in settings if _is_trust(setting.name)],
            others=[setting for setting in settings if not _is_trust(setting.name)],
        )

    known = [key for key in resources.sites if key in resources.resources]
    return first(sorted(known, key=lambda key: not any(map(_is_trust, resources.sites[key].settings))), row)


def secrets(resources: Resources) -> Rows[Secret]:
    """Return the secrets of all key vaults."""
    vaults = [(resources.resources[key], vault) for key, vault in resources.vaults.items()]
    known = [(body, held) for body, vault in vaults for held in vault.secrets.values()]

    def row(found: tuple[Body, Body]) -> Secret:
        vault, secret = found
        return Secret(f"{vault['id']}/{secret['name']}", vault["name"], secret["name"], len(secret["versions"]))

    return first(known, row)


def roles(resources: Resources, names: Names) -> Rows[AzureRole]:
    """Return the role assignments, newest first."""
    known = {role: name for role, name, _, _ in role_definitions()}
    known |= {role: str(custom["name"]) for role, custom in resources.access.custom.items()}
    return first(
        resources.access.assignments[::-1],
        lambda one: AzureRole(
            one["name"], names.principal(one["principalId"]), known.get(one["role"], one["role"]), one["scope"]
        ),
    )


def locks(resources: Resources) -> Rows[Lock]:
    """Return the locks."""
    return first(
        resources.locks.all,
        lambda one: Lock(f"{one['scope']}/{one['name']}", str(one["name"]), one["level"], str(one["scope"])),
    )


def _settings(resources: Resources, key: str, state: SiteState) -> Iterator[Setting]:
    production = resources.sites.get(key.partition("/slots/")[0], state)
    sticky = {name.lower() for name in production.sticky["appSettingNames"] or ()}
    for name, value in state.settings.items():
        open_to_all = _is_trust(name) or not value or value.startswith(_REFERENCE)
        yield Setting(name, (value or "") if open_to_all else None, name.lower() in sticky)


def _is_trust(name: str) -> bool:
    return name.lower() in _TRUST


def _identity(body: Body) -> str:
    identity = body.get("identity") or {}
    users = [name.rpartition("/")[2] for name in identity.get("userAssignedIdentities") or ()]
    own = [f"system-assigned {identity['principalId']}"] if identity.get("principalId") else []
    return ", ".join([*own, *users])
