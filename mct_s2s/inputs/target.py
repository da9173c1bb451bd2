"""`--app-service`, `--tenant`, `--managed-identity`, `--url` and `--path`, checked."""

import re
from typing import TYPE_CHECKING

from mct_s2s.errors import UsageError, about, contradiction, malformed
from mct_s2s.model.azure_resources import origin
from mct_s2s.model.commands import option, own_command
from mct_s2s.model.resource_id import ResourceId, SiteTarget, is_group_name

if TYPE_CHECKING:
    from mct_s2s.model.api import Api  # not imported before az is started

_SITE_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,58}[a-z0-9])?", re.IGNORECASE | re.ASCII)
_SLOT_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,57}[a-z0-9])?", re.IGNORECASE | re.ASCII)
"""Source of both forms:
learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules.
"""
_TENANT = re.compile(r"(?!\.+$)[a-z0-9.-]{1,253}", re.IGNORECASE | re.ASCII)
"""As azure-identity takes it: it goes into the path of each sign-in."""
_URL = re.compile(r"https://[!-~]+", re.IGNORECASE)
_PATH = re.compile(r"/(?!/)[!\"$-\[\]-~]*")
"""Printable ASCII without a backslash or a fragment."""


@about("app-service")
def site_target(
    name: str | None, group: str | None, subscription: str | None, slot: str | None
) -> SiteTarget:
    if not name or not name.strip():
        raise UsageError(
            "app-service-missing",
            "No App Service given.",
            remedy="Add --app-service NAME, or set MCT_S2S_APP_SERVICE. This lists the MCT sites:",
            command=own_command("status", "--all"),
        )
    if name.startswith("/"):
        return _by_id(name, group, slot)
    if not _SITE_NAME.fullmatch(name):
        remedy = "Use its name, without https:// and .azurewebsites.net, or the full resource ID."
        raise malformed("malformed-app-service", "--app-service", name, remedy)
    with about("resource-group"):
        if group and not is_group_name(group):
            remedy = (
                "Use letters, digits and -_.(), 90 characters at most, without a period at the end."
            )
            raise malformed("malformed-app-service", "--resource-group", group, remedy)
    with about("slot"):
        if slot and not _SLOT_NAME.fullmatch(slot):
            remedy = "Use the slot's name only: letters, digits and hyphens, 59 characters at most."
            raise malformed("malformed-app-service", "--slot", slot, remedy)
    return SiteTarget(name, group or None, subscription or None, slot or None)


def _by_id(text: str, group: str | None, slot: str | None) -> SiteTarget:
    resource = ResourceId.parse(text)
    if not resource.is_site:
        raise UsageError(
            "not-an-app-service",
            f"'{text}' is a {resource.type}, not an App Service.",
            remedy="Use the resource ID of the web app: …/providers/Microsoft.Web/sites/NAME",
        )
    for narrower, typed, meant in (
        ("--resource-group", group, resource.resource_group),
        ("--slot", slot, resource.slot),
    ):
        if typed and typed.casefold() != (meant or "").casefold():
            raise contradiction(f"{narrower} '{typed}' contradicts the resource ID '{text}'.")
    return SiteTarget.of(resource)


@about("tenant")
def checked_tenant(text: str | None, source: str) -> str | None:
    if text and not _TENANT.fullmatch(text):
        remedy = (
            "Use the tenant's ID or a domain, not its display name: --tenant "
            "contoso.onmicrosoft.com"
        )
        raise malformed("malformed-id", source, text, remedy)
    return text or None


@about("resource")
def caller_resource(text: str) -> str | ResourceId:
    """A resource id, or the bare name of a web or function app."""
    wanted = text.strip()
    if wanted.startswith("/"):
        return ResourceId.parse(wanted)
    if not _SITE_NAME.fullmatch(wanted):
        remedy = (
            "Use the resource ID from the portal's Properties page, or the name of a web or "
            "function app."
        )
        raise malformed("malformed-resource", "--managed-identity", text, remedy)
    return wanted


@about("url")
def checked_url(text: str) -> str:
    wanted = text.strip().rstrip("/")
    if (
        not _URL.fullmatch(wanted)
        or origin(wanted) is None
        or not {*"/?#@\\"}.isdisjoint(wanted[len("https://") :])
    ):
        remedy = "Use scheme and host only, such as --url https://contosolearn.azurewebsites.net"
        raise malformed("malformed-url", "--url", text, remedy)
    return wanted


def api_path(text: str | None, api: "Api") -> str:
    """The path that is typed, or the API's own. Raises UsageError."""
    if text is None:
        return api.test.path
    if not _PATH.fullmatch(text):
        remedy = f"Use a path that starts with a slash, such as {option('--path', api.test.path)}"
        raise malformed("malformed-path", "--path", text, remedy)
    return text
