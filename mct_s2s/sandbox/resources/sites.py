"""An App Service site: as Resource Manager shows it, and its state: settings, slot settings,
restarts.

Settings are replaced as a whole and take effect after a restart. Source: app-service: web-apps/get,
web-apps/update-application-settings, app-service/configure-common; azure-mgmt-web: Site;
docs/azure-contract.md, section 4.2.
"""

import hashlib
import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from mct_s2s.sandbox.core.files import data
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
        ready_at: when the restart in progress is over, in the clock's seconds since 1970; 0 if
            there is none.
        recycles: number of restarts by a change of settings.
        restarts: number of restarts on request.
        sticky: names of slot settings, which are not swapped; stored at the production site.
        references: resolved Key Vault references: by setting, the text, the secret, and the time.
        changed: time of the last write to the site, in seconds since 1970.
        busy_until: until when the last write is being carried out, and no other is accepted.
    """

    settings: Settings = field(default_factory=dict)
    connection_strings: dict[str, dict[str, str]] = field(default_factory=dict)
    effective: Settings = field(default_factory=dict)
    ready_at: float = 0.0
    recycles: int = 0
    restarts: int = 0
    sticky: dict[str, list[str] | None] = field(default_factory=_no_sticky_names)
    references: dict[str, dict[str, Any]] = field(default_factory=dict)
    changed: float = 0.0
    busy_until: float = 0.0

    @property
    def etag(self) -> str:
        """The time of the last change, in ticks of 100 ns since 1601, as a quoted hexadecimal
        number.
        """
        return f'"{int((self.changed + _EPOCH_1601) * 10_000_000):X}"'

    def touch(self, now: float) -> str:
        before = self.etag
        self.changed = max(now, self.changed + 0.001)
        return before

    def check_free(self, now: float) -> None:
        """Refuse a change while another one is being carried out.

        Source: docs/azure-contract.md, section 4.1.
        """
        if now >= self.busy_until:
            return
        template = "Cannot modify this site because another operation is in progress. Details: {0}"
        running = (
            f"Id: {uuid.uuid4()}, OperationName: Update, CreatedTime: "
            f"{datetime.fromtimestamp(self.changed, UTC)}, RequestId: {uuid.uuid4()}, EntityType: 3"
        )
        raise app_service_error(
            409, "Conflict", template.format(running), entity=("59203", template, [running])
        )

    def start_over(self, now: float, seconds: float) -> None:
        self.ready_at = now + seconds

    def running_settings(self, now: float) -> Settings | None:
        if now < self.ready_at:
            return None
        if self.ready_at:
            self.effective, self.ready_at = dict(self.settings), 0.0
        return self.effective

    def replace_settings(
        self, properties: object, now: float, seconds: float, *, strict: bool = False
    ) -> None:
        """Replace all settings, and recycle the site.

        Args:
            now: the clock's seconds since 1970.
            seconds: how long the restart takes.
        """
        self.settings = checked_settings(properties, strict=strict)
        self.touch(now)
        self.references.clear()
        self.recycles += 1
        self.start_over(now, seconds)

    def replace_connection_strings(self, properties: object, now: float, seconds: float) -> None:
        if not isinstance(properties, Mapping):
            raise bad_request("The parameter properties has an invalid value.")
        for name, pair in properties.items():
            texts = isinstance(pair, Mapping) and all(
                isinstance(pair.get(member), str) for member in ("value", "type")
            )
            if not texts:
                raise bad_request(f"The parameter {name} has an invalid value.")
        self.connection_strings = {name: dict(pair) for name, pair in properties.items()}
        self.touch(now)
        self.recycles += 1
        self.start_over(now, seconds)

    def swap_with(
        self, other: "SiteState", sticky: Iterable[str], now: float, seconds: float
    ) -> None:
        """Swap settings with another slot, except for slot settings; both recycle.

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
        if not isinstance(properties, Mapping):
            raise bad_request(
                "The parameter properties has an invalid value.", "ExtendedCode: 51008"
            )
        fresh = _no_sticky_names()
        for kind in STICKY_KINDS:
            names = properties.get(kind)
            if names is not None and not (
                isinstance(names, list) and all(isinstance(n, str) for n in names)
            ):
                raise bad_request(f"The parameter {kind} has an invalid value.")
            fresh[kind] = names or []
        self.sticky = fresh

    def shown_sticky(self) -> dict[str, list[str] | None]:
        """Return the names of slot settings as they are read: null before the first write, lists
        after it.

        Source: docs/azure-contract.md, section 4.2.
        """
        if all(names is None for names in self.sticky.values()):
            return dict(self.sticky)
        return {
            **{kind: names or [] for kind, names in self.sticky.items()},
            "secretsCollectionNames": [],
        }


def _swapped(incoming: Settings, outgoing: Settings, stays: set[str]) -> Settings:
    moved = {name: value for name, value in incoming.items() if name not in stays}
    return moved | {name: value for name, value in outgoing.items() if name in stays}


_NEVER_IN_NAMES = re.compile(r"[\s/=]")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9._]+")


def checked_settings(properties: object, *, strict: bool = False) -> Settings:
    """Read the `properties` of a settings body. Names: docs/azure-contract.md, section 4.3."""
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
            raise app_service_error(
                409, "Conflict", f"Parameter with name {name} already exists in the collection."
            )
        seen.add(name.lower())
    return dict(properties)


def bad_request(message: str, *details: str) -> Exception:
    return app_service_error(400, "BadRequest", message, *details)


def app_service_error(
    status: int,
    code: str,
    message: str,
    *details: str,
    entity: tuple[str | None, str | None, list[str] | None] = (None, None, None),
) -> Exception:
    """Refuse as App Service does itself, without Resource Manager's envelope.

    Source: docs/azure-contract.md, section 4.1.
    """
    lines: list[dict[str, Any]] = [
        {"Message": message},
        {"Code": code},
        *({"Message": detail} for detail in details),
    ]
    extended = dict(zip(("ExtendedCode", "MessageTemplate", "Parameters"), entity, strict=True))
    lines.append({"ErrorEntity": {**extended, "Code": code, "Message": message}})
    body = {"Code": code, "Message": message, "Target": None, "Details": lines, "Innererror": None}
    return WireError(status, body, service="arm")


def wrong_method(method: str) -> Exception:
    """Refuse a method that a route of App Service does not have, in the words of its web
    framework.
    """
    return WireError(
        405, {"Message": f"The requested resource does not support http method '{method}'."}
    )


_SITE: dict[str, Any] = data("site.json")


def shown_site(
    body: dict[str, Any],
    host: str,
    deployment: str,
    *,
    changed: float = 0.0,
    listed: bool = False,
    written: bool = False,
) -> dict[str, Any]:
    """Return a site's body with its host names; settings are never in it.

    Args:
        deployment: the host name of its deployment service.
        changed: time of the last write, in seconds since 1970.
        written: whether it answers a PUT or PATCH, in which two members differ from a GET.
    """
    name = body["name"].replace("/", "-")
    properties = body["properties"]
    computed = {
        "name": body["name"].split("/")[-1],
        "kind": body.get("kind"),
        "tags": body.get("tags") or None,
        "hostNames": [host],
        "enabledHostNames": [host, deployment],
        "defaultHostName": host,
        "hostNameSslStates": [{"name": host, "sslState": "Disabled", "hostType": "Standard"}],
        "repositorySiteName": name,
        "deploymentId": name,
        "resourceGroup": body["id"].split("/")[4],
        "lastModifiedTimeUtc": _without_zone(changed),
        "customDomainVerificationId": hashlib.sha256(body["id"].split("/")[2].encode())
        .hexdigest()
        .upper(),
        "privateEndpointConnections": None if written else [],
        "siteConfig": None if listed else _site_config(properties, written=written),
    }
    shown = {**body, "properties": {**_SITE["properties"], **properties, **computed}}
    # Members without a value are missing: tags, identity.
    return {member: value for member, value in shown.items() if member != "tags" or value}


def web_config(body: dict[str, Any]) -> dict[str, Any]:
    properties = body["properties"]
    return {
        **_site_config(properties, written=True),
        **_SITE["webConfig"],
        "keyVaultReferenceIdentity": properties.get("keyVaultReferenceIdentity"),
        "publicNetworkAccess": properties.get("publicNetworkAccess"),
    }


def _site_config(properties: dict[str, Any], *, written: bool) -> dict[str, Any]:
    return {
        **_SITE["siteConfig"],
        "linuxFxVersion": "DOTNET-ISOLATED|8.0" if properties.get("reserved") else "",
        "ipSecurityRestrictions": _SITE["ipSecurityRestrictions"] if written else None,
    }


def _without_zone(seconds: float) -> str:
    moment = datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)
    return moment.isoformat(timespec="microseconds").rstrip("0").rstrip(".")
