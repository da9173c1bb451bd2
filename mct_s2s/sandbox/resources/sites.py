"""What an App Service site has beside its body: settings, sticky names, and whether it runs.

Settings are replaced as a whole and reach the running site only when it has restarted.
Source: app-service: web-apps/update-application-settings, app-service/configure-common.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from mct_s2s.sandbox.core.wire_errors import WireError

_EPOCH_1601 = 11_644_473_600
Settings = dict[str, str | None]
STICKY_KINDS = ("appSettingNames", "connectionStringNames", "azureStorageConfigNames")


def _no_sticky_names() -> dict[str, list[str] | None]:
    return dict.fromkeys(STICKY_KINDS)


@dataclass
class SiteState:
    """The configuration of one site or slot.

    Attributes:
        settings: application settings as Resource Manager shows them.
        effective: those the running process started with.
        ready_at: when the restart in progress is over, in the clock's seconds since 1970; 0 if there is none.
        recycles: how often a change of settings restarted the site.
        restarts: how often somebody asked for a restart.
        sticky: names that stay with the slot when slots are swapped; kept by the production site.
        references: Key Vault references that were resolved: by setting, the text, the secret's version, and when.
        refresh_due: when a refresh of them that was asked for is over; 0 if there is none.
        changed: when anything of the site was written last, in seconds since 1970.
    """

    settings: Settings = field(default_factory=dict)
    connection_strings: dict[str, dict[str, str]] = field(default_factory=dict)
    effective: Settings = field(default_factory=dict)
    ready_at: float = 0.0
    recycles: int = 0
    restarts: int = 0
    sticky: dict[str, list[str] | None] = field(default_factory=_no_sticky_names)
    references: dict[str, dict[str, Any]] = field(default_factory=dict)
    refresh_due: float = 0.0
    changed: float = 0.0

    @property
    def etag(self) -> str:
        """The time of the last change, in ticks of 100 ns since 1601, as a quoted hexadecimal number."""
        return f'"{int((self.changed + _EPOCH_1601) * 10_000_000):X}"'

    def touch(self, now: float) -> str:
        """Note a change; give the ETag from before it."""
        before = self.etag
        self.changed = max(now, self.changed + 0.001)
        return before

    def start_over(self, now: float, seconds: float) -> None:
        """Begin a restart that takes `seconds`; a restart in progress begins again."""
        self.ready_at = now + seconds

    def running_settings(self, now: float) -> Settings | None:
        """The settings that the process runs with, or None while it restarts."""
        if now < self.ready_at:
            return None
        if self.ready_at:
            self.effective, self.ready_at = dict(self.settings), 0.0
        return self.effective

    def replace_settings(self, properties: object, now: float, seconds: float, *, strict: bool = False) -> None:
        """Make `properties` all the settings there are, and recycle the site.

        Args:
            properties: as sent.
            now: the clock's seconds since 1970.
            seconds: how long the site takes to come back.
            strict: whether the plan takes plain names only.

        Raises:
            WireError: 400 or 409, some name or value is none that App Service takes.
        """
        self.settings = checked_settings(properties, strict=strict)
        self.touch(now)
        self.references.clear()
        self.recycles += 1
        self.start_over(now, seconds)

    def replace_connection_strings(self, properties: object, now: float, seconds: float) -> None:
        """Make `properties` all the connection strings there are, and recycle the site.

        Raises:
            WireError: 400, it is no dictionary of values with a type.
        """
        if not isinstance(properties, Mapping):
            raise bad_request("The parameter properties has an invalid value.")
        for name, pair in properties.items():
            texts = isinstance(pair, Mapping) and all(isinstance(pair.get(one), str) for one in ("value", "type"))
            if not texts:
                raise bad_request(f"The parameter {name} has an invalid value.")
        self.connection_strings = {name: dict(pair) for name, pair in properties.items()}
        self.touch(now)
        self.recycles += 1
        self.start_over(now, seconds)

    def swap_with(self, other: SiteState, sticky: Iterable[str], now: float, seconds: float) -> None:
        """Exchange settings with another slot, all but those that stick to theirs; both recycle.

        Source: app-service: deploy-staging-slots, "Which settings are swapped".
        """
        stays = set(sticky)
        mine, theirs = dict(self.settings), dict(other.settings)
        self.settings = _swapped(theirs, mine, stays)
        other.settings = _swapped(mine, theirs, stays)
        for each in (self, other):
            each.references.clear()
            each.recycles += 1
            each.start_over(now, seconds)

    def replace_sticky(self, properties: object) -> None:
        """Make `properties` all the sticky names there are.

        Raises:
            WireError: 400, it is not lists of names.
        """
        if not isinstance(properties, Mapping):
            raise bad_request("The parameter properties has an invalid value.", "ExtendedCode: 51008")
        fresh = _no_sticky_names()
        for kind in STICKY_KINDS:
            names = properties.get(kind)
            if names is not None and not (isinstance(names, list) and all(isinstance(n, str) for n in names)):
                raise bad_request(f"The parameter {kind} has an invalid value.")
            fresh[kind] = names or []
        self.sticky = fresh

    def shown_sticky(self) -> dict[str, list[str] | None]:
        """The sticky names as they are read: nothing at all before the first write, lists for everything after it.

        Source: docs/azure-contract.md, section 4.2.
        """
        if all(names is None for names in self.sticky.values()):
            return dict(self.sticky)
        return {**{kind: names or [] for kind, names in self.sticky.items()}, "secretsCollectionNames": []}

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Make what `to_dict` described."""
        return cls(**data)


def _swapped(incoming: Settings, own: Settings, stays: set[str]) -> Settings:
    moved = {name: value for name, value in incoming.items() if name not in stays}
    return moved | {name: value for name, value in own.items() if name in stays}


_NEVER_IN_NAMES = re.compile(r"[\s/=]")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9._]+")


def checked_settings(properties: object, *, strict: bool = False) -> Settings:
    """Read the `properties` of a settings body. Names: docs/azure-contract.md, section 4.3.

    Raises:
        WireError: 400 for what is no dictionary of strings, 409 for names that differ by case only.
    """
    if not isinstance(properties, Mapping):
        raise bad_request("The parameter properties has an invalid value.")
    seen: set[str] = set()
    for name, value in properties.items():
        if not name:
            raise bad_request("Parameter name cannot be empty.")
        if _NEVER_IN_NAMES.search(name) or (strict and not _PLAIN_NAME.fullmatch(name)):
            raise bad_request(f"AppSetting with name '{name}' is not allowed.")
        if value is not None and not isinstance(value, str):
            raise bad_request(f"The parameter {name} has an invalid value.")
        if name.lower() in seen:
            raise app_service_error(409, "Conflict", f"Parameter with name {name} already exists in the collection.")
        seen.add(name.lower())
    return dict(properties)


def bad_request(message: str, *details: str) -> Exception:
    """Refuse a body as App Service does."""
    return app_service_error(400, "BadRequest", message, *details)


def app_service_error(status: int, code: str, message: str, *details: str) -> Exception:
    """Refuse as App Service does itself, without Resource Manager's envelope.

    Source: docs/azure-contract.md, section 4.1.
    """
    lines: list[dict[str, Any]] = [{"Message": message}, {"Code": code}, *({"Message": detail} for detail in details)]
    entity = {"ExtendedCode": None, "MessageTemplate": None, "Parameters": None, "Code": code, "Message": message}
    lines.append({"ErrorEntity": entity})
    body = {"Code": code, "Message": message, "Target": None, "Details": lines, "Innererror": None}
    return WireError(status, body, service="arm")


def wrong_method(method: str) -> Exception:
    """Refuse a method that a route of App Service has not: whatever web framework it is built on says so."""
    return WireError(405, {"Message": f"The requested resource does not support http method '{method}'."})
