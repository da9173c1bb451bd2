"""Paths of Microsoft Graph: alternate keys, filters, query options."""

from collections.abc import Iterable, Sequence
from urllib.parse import quote

BIN = "/directory/deletedItems"
"""The recycle bin."""


def application(object_id: str) -> str:
    return f"/applications/{object_id}"


def principal(object_id: str) -> str:
    return f"/servicePrincipals/{object_id}"


def halves(object_id: str, principals: Iterable[str]) -> list[str]:
    """The paths of an application and its service principals, each of which has owners and
    credentials.
    """
    return [application(object_id), *map(principal, principals)]


def query(*, select: Sequence[str] = (), filter: str = "", top: int = 0) -> str:  # noqa: A002  # the option's name
    options = {
        "$select": ",".join(select),
        "$filter": quote(filter, safe=""),
        "$top": str(top or ""),
    }
    return "?" + "&".join(f"{name}={value}" for name, value in options.items() if value)


def literal(value: str) -> str:
    """A string in a filter: `'it''s'`."""
    escaped = value.replace("'", "''")
    return f"'{escaped}'"


def key(name: str, value: str) -> str:
    """An alternate key in a path: `(appId='…')`."""
    quoted = quote(literal(value), safe="'")
    return f"({name}={quoted})"
