"""Requests as docs/permissions.md writes them, and what it says that each takes."""

import functools
import re
from collections.abc import Iterable
from pathlib import Path

from tests.conftest import Json

PAGE = Path(__file__).parents[2] / "docs/permissions.md"
SERVICES = {
    "Microsoft Graph": "graph",
    "Azure Resource Manager": "arm",
    "Key Vault": "vault",
    "Login service": "entra",
}
_SITE = (
    r"/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\.Web/sites/[^/]+(/slots/[^/]+)?"
)
_RESOURCE = r"/subscriptions/[^/]+/resourceGroups/[^/]+/providers/[^/]+/[^/]+/[^/]+"
_PATTERNS = {
    "graph": (
        (r"^/(v1\.0|beta)", ""),
        (r"\([a-zA-Z]+='[^']*'\)", "/{id}"),
        (r"/(applications|servicePrincipals|appRoleAssignedTo)/[^/{]+", r"/\1/{id}"),
        (r"/federatedIdentityCredentials/[^/{]+", "/federatedIdentityCredentials/{id}"),
        (r"/deletedItems/(?!microsoft\.graph)[^/]+", "/deletedItems/{id}"),
    ),
    "arm": (
        (_SITE, "{site}"),
        (_RESOURCE, "{resource}"),
        (r"^/subscriptions/[^/]+", "/subscriptions/{id}"),
        (r"resourceGroups/[^/]+/providers", "resourceGroups/{group}/providers"),
        (r"(?<=/operationresults/)[^/]+", "{id}"),
        (r"/locations/[^/]+/operationStatuses/[^/]+", "/locations/{place}/operationStatuses/{id}"),
        (
            r"^(/subscriptions/\{id\})?/providers/(?i:Microsoft)\.[^/]+(?=$|/locations)",
            r"\1/providers/{namespace}",
        ),
        (
            r"^\{site\}/providers/Microsoft\.Authorization",
            "{resource}/providers/Microsoft.Authorization",
        ),
    ),
    "vault": (
        (r"/(secrets|deletedsecrets)/[^/]+", r"/\1/{name}"),
        (r"/secrets/\{name\}/(?!versions)[^/]*$", "/secrets/{name}/{version}"),
    ),
    "entra": ((r"^/[^/]+/(?=v2\.0|oauth2)", "/{tenant}/"),),
}


def shape(row: Json) -> str:
    """A request of the log, as the page writes it."""
    path = row["path"]
    for pattern, name in _PATTERNS[row["service"]]:
        path = re.sub(pattern, name, path)
    return f"{row['method']} {path}"


@functools.cache
def rows_of_page() -> dict[tuple[str, str], str]:
    """By service and request: what the page says that it takes."""
    rows: dict[tuple[str, str], str] = {}
    service = None
    for line in PAGE.read_text(encoding="utf-8").partition("## Every request")[2].splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        service = SERVICES.get(cells[0], service)
        for request in re.findall(r"`((?:GET|POST|PUT|PATCH|DELETE) [^`]+)`", cells[0]):
            assert service is not None
            assert (service, request) not in rows, request
            rows[service, request] = cells[1]
    return rows


KEYS = "/discovery/v2.0/keys"
"""Read by the web apps that the sandbox runs."""


def missing_on_page(log: Iterable[Json]) -> set[tuple[str, str]]:
    """The requests of a log that no row of the page names."""
    sent = {
        (row["service"], shape(row))
        for row in log
        if row["service"] in _PATTERNS and not row["path"].endswith(KEYS)
    }
    return sent - rows_of_page().keys()
