"""`--app-service`, `--resource-group`, `--subscription` and `--slot` into one target; `--url` and `--path`."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from mct_s2s.errors import UsageError, about
from mct_s2s.model.commands import own_command
from mct_s2s.model.resource_id import ResourceId, SiteTarget, is_group_name

_SITE_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,58}[a-z0-9])?", re.IGNORECASE | re.ASCII)
_SLOT_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,57}[a-z0-9])?", re.IGNORECASE | re.ASCII)
"""Source of both forms: learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules."""
_TENANT = re.compile(r"[a-z0-9.-]{1,253}", re.IGNORECASE | re.ASCII)
"""As azure-identity takes it: it goes into the path of each sign-in."""


@about("app-service")
def site_target(name: str | None, group: str | None, subscription: str | None, slot: str | None) -> SiteTarget:
    """The App Service that is meant.

    Raises:
        UsageError: missing, malformed, or an id that says something else than the options beside it.
    """
    if not name or not name.strip():
        raise UsageError(
            "app-service-missing",
            "No App Service given.",
            remedy="Add --app-service NAME, or set MCT_S2S_APP_SERVICE. This lists the MCT sites:",
            command=own_command("status", "--all"),
        )
    if name.startswith("/"):
        return _by_id(name, group, subscription, slot)
    if not _SITE_NAME.fullmatch(name):
        raise UsageError(
            "malformed-app-service",
            f"Invalid --app-service '{name}'. Use letters, digits and hyphens, 60 characters at most.",
            remedy="Use the name without https:// and .azurewebsites.net, or the full resource ID.",
        )
    return SiteTarget(name, _group(group), subscription or None, _slot(slot))


@about("tenant")
def tenant(text: str | None, source: str) -> str | None:
    """A tenant's id or one of its domains; `None` where none was given. Raises UsageError: it can be neither."""
    if not text or (_TENANT.fullmatch(text) and set(text) != {"."}):
        return text or None
    raise UsageError(
        "malformed-id",
        f"Invalid {source} '{text}': not a tenant ID or domain.",
        remedy="Use the tenant's ID or a domain, not its display name: --tenant contoso.onmicrosoft.com",
    )


@about("resource-group")
def _group(text: str | None) -> str | None:
    if not text or is_group_name(text):
        return text or None
    raise UsageError(
        "malformed-app-service",
        f"Invalid --resource-group '{text}'.",
        remedy="Use letters, digits and -_.(), 90 characters at most, without a period at the end.",
    )


@about("slot")
def _slot(text: str | None) -> str | None:
    if not text or _SLOT_NAME.fullmatch(text):
        return text or None
    raise UsageError(
        "malformed-app-service",
        f"Invalid --slot '{text}'.",
        remedy="Use the slot's name only: letters, digits and hyphens, 59 characters at most.",
    )


def _by_id(text: str, group: str | None, subscription: str | None, slot: str | None) -> SiteTarget:
    resource = ResourceId.parse(text)
    if not resource.is_site:
        raise UsageError(
            "not-an-app-service",
            f"'{text}' is a {resource.type}, not an App Service.",
            remedy="Use the resource ID of the web app: …/providers/Microsoft.Web/sites/NAME",
        )
    typed = {"--resource-group": group, "--slot": slot}
    meant = {"--resource-group": resource.resource_group, "--slot": resource.slot}
    for option, value in typed.items():
        if value and value.casefold() != (meant[option] or "").casefold():
            raise UsageError(
                "contradictory-options",
                f"{option} '{value}' contradicts the resource ID '{text}'.",
                remedy=f"Remove {option}: the resource ID already contains it.",
            )
    del subscription  # an id names its own; the variable may hold another default
    return SiteTarget(resource.names[0], resource.resource_group, resource.subscription_id, resource.slot)


@about("resource")
def caller_resource(text: str) -> str | ResourceId:
    """A resource that is to call the API: a resource id, or the bare name of a web or function app.

    Raises:
        UsageError: empty or malformed.
    """
    wanted = text.strip()
    if wanted.startswith("/"):
        return ResourceId.parse(wanted)
    if not _SITE_NAME.fullmatch(wanted):
        raise UsageError(
            "malformed-resource",
            f"Invalid resource '{text}': not a resource ID or the name of a web or function app.",
            remedy="Use the resource ID from the portal's Properties page, or the app's name.",
        )
    return wanted


def api_url(text: str) -> str:
    """The https address of an MCT site, without a path. Raises UsageError: anything else."""
    wanted = text.strip().rstrip("/")
    try:
        parts = urlsplit(wanted)
        host, _ = parts.hostname, parts.port  # a port that is no number is found only by asking for it
    except ValueError:
        parts, host = urlsplit(""), None
    beside = parts.path or parts.query or parts.fragment or parts.username or parts.password
    if parts.scheme == "https" and host and not beside and wanted.isascii() and wanted.isprintable():
        return wanted
    raise UsageError(
        "malformed-url",
        f"Invalid --url '{text}': not the https address of a site.",
        remedy="Use scheme and host only, such as --url https://contosolearn.azurewebsites.net",
    )


def api_path(text: str) -> str:
    """A path of the MCT API, with its query if it has one. Raises UsageError: anything else."""
    plain = text.isascii() and text.isprintable() and " " not in text
    if text.startswith("/") and not text.startswith("//") and "\\" not in text and "#" not in text and plain:
        return text
    raise UsageError(
        "malformed-path",
        f"Invalid --path '{text}': not a path of the MCT API.",
        remedy="Use a path that starts with a slash, such as --path /api/v1/organization",
    )
