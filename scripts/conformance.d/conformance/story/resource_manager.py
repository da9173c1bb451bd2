"""Azure Resource Manager: the App Service and what is around it, an identity of the run's own, one setting."""

from __future__ import annotations

from conformance.steps import SETTING, Kind, Service, Settings, Table
from conformance.story.registrations import NOBODY

SITES_API = "2024-04-01"
"""The newest that every cloud is known to have: docs/azure-contract.md, section 9."""
_RESOURCES, SUBSCRIPTIONS_API, _AUTHORIZATION, _LOCKS = "2021-04-01", "2022-12-01", "2022-04-01", "2020-05-01"
IDENTITIES_API = "2023-01-31"

_SUBSCRIPTION = "/subscriptions/{subscriptionId}"
_GROUP = f"{_SUBSCRIPTION}/resourceGroups/{{group}}"
_SITE = "{sitePath}"
_RULES = "/providers/Microsoft.Authorization"
_ONE = "{id}"


def _version(text: str) -> dict[str, str]:
    return {"api-version": text}


_reads = Table("resource-manager", Service.ARM)
_ask = _reads.ask
_ask("GET", _SUBSCRIPTION, "/subscriptions/{subscription}", query=_version(SUBSCRIPTIONS_API), shows_others=True)
_ask("GET", "/subscriptions", "/subscriptions", query=_version(SUBSCRIPTIONS_API), shows_others=True)
_ask(
    "GET",
    _GROUP,
    "/subscriptions/{subscription}/resourceGroups/{group}",
    query=_version(_RESOURCES),
    shows_others=True,
    binds={"location": "/location"},
)
_ask(
    "GET",
    _SITE,
    _ONE,
    query=_version(SITES_API),
    shows_others=True,
    binds={"siteHost": "/properties/defaultHostName"},
)
_ask(
    "GET",
    f"{_GROUP}/providers/Microsoft.Web/sites",
    "/subscriptions/{subscription}/resourceGroups/{group}/providers/{namespace}/{type}",
    query=_version(SITES_API),
    shows_others=True,
)
_ask("GET", f"{_SITE}/slots", "{site}/slots", query=_version(SITES_API), shows_others=True)
_ask(
    "GET",
    f"{_SITE}/config/slotConfigNames",
    "{site}/config/slotConfigNames",
    query=_version(SITES_API),
    shows_others=True,
)
_ask(
    "GET",
    f"{_SITE}{_RULES}/permissions",
    f"{{scope}}{_RULES}/permissions",
    query=_version(_AUTHORIZATION),
    shows_others=True,
)
_ask("GET", f"{_SITE}{_RULES}/locks", f"{{scope}}{_RULES}/locks", query=_version(_LOCKS), shows_others=True)
_ask(
    "GET",
    f"{_SUBSCRIPTION}/providers/Microsoft.ManagedIdentity",
    "/subscriptions/{subscription}/providers/{namespace}",
    query=_version(_RESOURCES),
    shows_others=True,
)
# What is refused.
_ask("GET", _SITE, _ONE, query=_version(SITES_API), is_anonymous=True)
_ask("GET", _SITE, _ONE)
_ask("GET", _SITE, _ONE, query=_version("2001-01-01"))
_ask("GET", _SITE, _ONE, query=_version("{name}"))
_ask(
    "GET",
    f"/subscriptions/{NOBODY}",
    "/subscriptions/{subscription}",
    query=_version(SUBSCRIPTIONS_API),
)
_ask(
    "GET",
    f"{_SUBSCRIPTION}/resourceGroups/{{name}}-none",
    "/subscriptions/{subscription}/resourceGroups/{group}",
    query=_version(_RESOURCES),
)
_ask("GET", f"{_GROUP}/providers/Microsoft.Web/sites/{{name}}-none", _ONE, query=_version(SITES_API))
_ask("GET", f"{_SITE}/slots/{{name}}-none", _ONE, query=_version(SITES_API))
_ask(
    "GET",
    "/metadata/endpoints",
    "/metadata/endpoints",
    query=_version("2022-09-01"),
    is_anonymous=True,
    shows_others=True,
)


_identity = Table("identity", Service.ARM, query=_version(IDENTITIES_API))
_PATH = f"{_GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{{name}}"
_identity.ask("GET", _PATH, _ONE)
_identity.ask(
    "PUT",
    _PATH,
    _ONE,
    body={"location": "{location}"},
    makes=Kind.IDENTITY,
    binds={"identityPrincipalId": "/properties/principalId", "identityClientId": "/properties/clientId"},
)
_identity.ask("GET", _PATH, _ONE, needs=(2,))
_identity.ask("PUT", _PATH, _ONE, body={"location": "{location}"}, needs=(2,))
_identity.ask("DELETE", _PATH, _ONE, needs=(2,))
_identity.ask("GET", _PATH, _ONE, needs=(5,))
_identity.ask("DELETE", _PATH, _ONE, needs=(5,))

_settings = Table("settings", Service.ARM, query=_version(SITES_API))
_LIST, _WRITE = f"{_SITE}/config/appsettings/list", f"{_SITE}/config/appsettings"
_settings.ask("POST", _LIST, "{site}/config/appsettings/list", settings=Settings.READ)
_settings.ask(
    "PUT",
    _WRITE,
    "{site}/config/appsettings",
    body={"properties": {"<those that are there>": "<string>", SETTING: "{run}"}},
    settings=Settings.ADD,
    makes=Kind.SETTING,
)
_settings.ask("POST", _LIST, "{site}/config/appsettings/list", settings=Settings.READ, needs=(2,))
_settings.ask(
    "PUT",
    _WRITE,
    "{site}/config/appsettings",
    body={"properties": {"<those that are there>": "<string>"}},
    settings=Settings.TAKE_BACK,
    needs=(2,),
)
_settings.ask("POST", _LIST, "{site}/config/appsettings/list", settings=Settings.READ, needs=(4,))

READS = _reads.steps
IDENTITY = _identity.steps
SETTINGS = _settings.steps
