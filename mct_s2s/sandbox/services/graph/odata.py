"""Graph's query options on directory objects: `$filter`, `$select`, `$top`, paging, `$count`; and
the order of arrays.

Arrays of directory objects are sets: the order of what is read is another one at each request. The
answer to a creation shows them as they were sent; later reads do not. Sources: graph:
concepts/query-parameters, concepts/filter-query-parameter, concepts/aad-advanced-queries;
docs/azure-contract.md, section 3.11.
"""

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from mct_s2s.sandbox.core.wire_errors import graph_error, service_error
from mct_s2s.sandbox.entra.table import Object, Table
from mct_s2s.sandbox.entra.types import ON_REQUEST, TYPES
from mct_s2s.sandbox.entra.validation import bad_request
from mct_s2s.sandbox.services.graph.odata_filter import Filter, parse

PAGE = 100
LARGEST_PAGE = 999

_KNOWN = frozenset(
    {
        "$filter",
        "$select",
        "$top",
        "$count",
        "$orderby",
        "$search",
        "$skiptoken",
        "$expand",
        "$format",
    }
)


@dataclass(frozen=True)
class Query:
    """A request's query options, checked without the objects."""

    type_name: str
    filter: Filter | None
    select: tuple[str, ...]
    top: int
    count: bool
    skip: int

    @classmethod
    def of(cls, type_name: str, options: Mapping[str, str], headers: Mapping[str, str]) -> "Query":
        for name in options:
            if name.startswith("$") and name not in _KNOWN:
                raise bad_request(
                    f"The query parameter '{name}' is not supported.", code="BadRequest"
                )
        for name in ("$expand", "$search", "$orderby"):
            if name in options:
                raise graph_error(
                    501, "NotImplemented", f"The sandbox does not support {name} of Graph."
                )
        wanted = parse(type_name, options["$filter"]) if "$filter" in options else None
        eventual = headers.get("consistencylevel", "").lower() == "eventual"
        counted = options.get("$count", "false").lower() == "true"
        if wanted is not None and wanted.advanced and not (eventual and counted):
            raise graph_error(400, "Request_UnsupportedQuery", "Unsupported Query.")
        # Without the header the count is left out, not refused.
        return cls(
            type_name,
            wanted,
            selected(type_name, options.get("$select")),
            _top(options.get("$top")),
            counted and eventual,
            _skip(options.get("$skiptoken")),
        )

    def candidates(self, table: Table) -> Iterable[Object]:
        hint = self.filter.hint if self.filter else None
        if hint is None:
            return table.seen_all()
        name, keys = hint
        if name == "id":
            return [item for item in map(table.seen, keys) if item is not None]
        if not table.has_index(name):
            return table.seen_all()
        matches = {item["id"]: item for key in keys for item in table.seen_by(name, key)}
        return matches.values()

    def total(self, objects: Iterable[Object]) -> int:
        return sum(self.filter is None or self.filter.holds(item) for item in objects)

    def page(
        self, objects: Iterable[Object], address: str, options: Mapping[str, str]
    ) -> dict[str, Any]:
        """Return one page of the objects that match the filter, and the address of the next one.

        Args:
            options: the request's own query options, which the next page's address repeats.
        """
        matching = [item for item in objects if self.filter is None or self.filter.holds(item)]
        end = self.skip + self.top
        body: dict[str, Any] = {}
        if self.count:
            body["@odata.count"] = len(matching)
        if end < len(matching):
            rest = {
                **options,
                "$skiptoken": base64.urlsafe_b64encode(json.dumps({"skip": end}).encode()).decode(),
            }
            body["@odata.nextLink"] = f"{address}?{urlencode(rest, safe='$')}"
        return body | {
            "value": [
                shown(self.type_name, item, self.select) for item in matching[self.skip : end]
            ]
        }


def selected(type_name: str, select: str | None) -> tuple[str, ...]:
    known = {name.lower(): name for name in (*TYPES[type_name], "*", "createdDateTime")}
    # Names are compared without case, and answered as the type spells them.
    asked = [name.strip() for name in (select or "").split(",") if name.strip()]
    names = tuple(known.get(name.lower(), name) for name in asked)
    for name in names:
        if name not in known.values():
            raise service_error("BadRequest select", name=name, type_name=type_name)
    return () if "*" in names else names


def shown(
    type_name: str, value: Object, select: tuple[str, ...] = (), *, with_keys: bool = False
) -> Object:
    """Return an object as it is sent: without internal members, and certificates without their key.

    Graph shows `keyCredentials[].key` only where one object is asked for with
    `$select=keyCredentials`.
    """
    hidden = frozenset() if select else ON_REQUEST.get(type_name, frozenset())
    visible = {
        name: inner
        for name, inner in value.items()
        if (not name.startswith("@") or name == "@odata.type")
        and (not select or name in select)
        and name not in hidden
    }
    if visible.get("keyCredentials") and not with_keys:
        visible["keyCredentials"] = [
            {**credential, "key": None} for credential in visible["keyCredentials"]
        ]
    return visible


def _top(text: str | None) -> int:
    if text is None:
        return PAGE
    if not text.isdecimal() or not 1 <= int(text) <= LARGEST_PAGE:
        raise bad_request(
            f"Invalid page size specified: '{text}'. Must be between 1 and {LARGEST_PAGE} "
            "inclusive.",
            code="Request_UnsupportedQuery" if text.isdecimal() else "BadRequest",
        )
    return int(text)


def _skip(token: str | None) -> int:
    if token is None:
        return 0
    try:
        return max(0, int(json.loads(base64.urlsafe_b64decode(token))["skip"]))
    except (ValueError, KeyError, TypeError) as error:
        raise graph_error(
            400, "Directory_ExpiredPageToken", "The specified page token value has expired."
        ) from error


_APP_ID_FIRST = frozenset({"servicePrincipalNames"})
"""Recordings have it in either order, so that it is left as it is."""


def reordered(value: dict[str, Any], request: int) -> dict[str, Any]:
    """Return an object with its arrays, and those of its complex properties, in the order of this
    request.
    """
    return {
        name: inner if name in _APP_ID_FIRST else _shuffled(inner, request)
        for name, inner in value.items()
    }


def _shuffled(value: Any, request: int) -> Any:
    if isinstance(value, dict):
        return {
            name: _turned(inner, request) if isinstance(inner, list) else inner
            for name, inner in value.items()
        }
    return _turned(value, request) if isinstance(value, list) else value


def _turned(values: list[Any], request: int) -> list[Any]:
    if len(values) < 2:
        return values
    # Mixed, so that commands with the same number of requests do not always get the same order.
    start = (request * 2_654_435_761 >> 7) % len(values)
    backwards = values[::-1]  # as the recordings show it
    return backwards[start:] + backwards[:start]
