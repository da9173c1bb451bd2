"""App Services with their settings, and resources with an identity."""

from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from urllib.parse import urlsplit

from mct_s2s.errors import S2SError, UsageError
from mct_s2s.model.commands import az_command, webapp_command
from mct_s2s.model.ids import PrincipalId, TenantId
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.model.site_settings import AppSettings


@dataclass(frozen=True)
class Subscription:
    id: str
    name: str
    tenant_id: TenantId


@dataclass(frozen=True)
class IdentityResource:
    """An Azure resource that can carry a managed identity, or a user-assigned identity itself."""

    resource: ResourceId
    principal_id: PrincipalId | None
    user_assigned: tuple[str, ...] = ()
    api_version: str | None = None

    @property
    def display_name(self) -> str:
        return self.resource.name

    @property
    def enabled_type(self) -> str:
        """The `identity.type` with the system-assigned one: it is replaced whole."""
        return "SystemAssigned, UserAssigned" if self.user_assigned else "SystemAssigned"

    @property
    def enabling(self) -> str:
        """The command that enables the system-assigned identity, and keeps the others.

        The Azure CLI reads the resource and puts it whole.
        """
        if self.resource.is_site:
            return webapp_command("identity assign", self.resource)
        setting = f"identity.type={self.enabled_type}"
        return az_command("resource update", "--ids", str(self.resource), "--set", setting)

    @property
    def assigned(self) -> list[ResourceId]:
        """The identities that users assigned to it, as far as the form of their ids is known."""
        identities = list[ResourceId]()
        for identity in self.user_assigned:
            with suppress(UsageError):  # an id in a form that this program does not know
                identities.append(ResourceId.parse(identity))
        return identities


@dataclass(frozen=True)
class Site:
    """A web app or function app, or a slot of one."""

    resource: ResourceId
    kind: str
    state: str
    host_names: tuple[str, ...]
    """The default one first: the only ones a token may be sent to."""

    @property
    def name(self) -> str:
        return self.resource.names[0]

    @property
    def url(self) -> str:
        return f"https://{self.host_names[0]}"

    def is_at(self, url: str) -> bool:
        """Whether a URL leads to one of its host names."""
        return any(same_origin(url, f"https://{name}") for name in self.host_names)

    @property
    def label(self) -> str:
        """The name with its slot: `contosolearn`, or `contosolearn/staging`."""
        return self.resource.name

    def is_function_app(self, mark: str | None) -> bool:
        """Whether its kind says so, or its name has the API's mark."""
        kinds = {token.strip().casefold() for token in self.kind.split(",")}
        return bool(kinds & {"functionapp", "workflowapp"}) or bool(self.website(mark))

    def website(self, mark: str | None) -> str:
        """The web app whose function app this is, as a mark in its name shows; empty for others."""
        name, separator, _ = (
            self.name.casefold().partition(mark) if mark is not None else ("", "", "")
        )
        return name if separator else ""


class FunctionApp(Enum):
    """Why no function app of the API's deployment is seen beside an App Service."""

    MISSING = auto()
    HIDDEN = auto()
    """The caller may not list the apps of the resource group."""


@dataclass(frozen=True)
class AppService(Site):
    """An App Service with its settings, as far as the caller may read them."""

    settings: AppSettings = field(repr=False)
    tenant_id: TenantId
    """The one that the site's subscription trusts: the document's *same Azure tenant*."""
    slots: tuple[str, ...] = ()
    """The slots besides production; empty where the caller may not look."""
    sticky: frozenset[str] = frozenset()
    """Names of slot settings, in lower case.

    Source: learn.microsoft.com/azure/app-service/deploy-staging-slots.
    """
    subscription: str = ""
    refusal: S2SError | None = None
    """Why the settings could not be read; they are empty then, and nothing follows from that."""
    siblings: tuple[str, ...] = ()
    """Sites of the API in the subscription, with their resource groups.

    Looked for only where this is a function app.
    """
    function_app: FunctionApp | None = None
    """Where nothing shows it to be an MCT site; not looked at where it has been set up."""


CHINA_LOGIN, OTHER_CHINA_LOGIN = "login.chinacloudapi.cn", "login.partner.microsoftonline.cn"
"""Two names of one login service: docs/azure-contract.md, section 5.1."""


def origin(address: str) -> tuple[str, int] | None:
    """Host and port of an https address, in a comparable form; `None` for another text."""
    try:
        parts = urlsplit(address)
        port = 443 if parts.port is None else parts.port
    except ValueError:  # a bracket that does not close, a port beyond 65535
        return None
    if parts.scheme != "https" or not parts.hostname:
        return None
    host = parts.hostname.rstrip(".")
    return CHINA_LOGIN if host == OTHER_CHINA_LOGIN else host, port


def same_origin(url: str, other: str) -> bool:
    return origin(url) is not None and origin(url) == origin(other)
