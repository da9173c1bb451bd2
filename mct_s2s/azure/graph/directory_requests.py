"""What all requests for objects of the directory share: filters, choices of fields, objects that are not there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from kiota_abstractions.base_request_configuration import RequestConfiguration
from kiota_abstractions.method import Method
from kiota_abstractions.request_information import RequestInformation

from mct_s2s.azure.graph.graph_session import GraphSession
from mct_s2s.azure.refusals import GraphOperation, already_gone, is_lag
from mct_s2s.azure.retry import IN_FLIGHT, Lag, no_lag
from mct_s2s.azure.services import GRAPH
from mct_s2s.concurrency import gather_or_cancel
from mct_s2s.errors import ServiceError

T = TypeVar("T")
ALONE = IN_FLIGHT
"""So many go out side by side, so that they take no longer than a batch, and a log says what they ask for."""
IDS_IN_ONE_FILTER = 15
"""How many values Graph takes in one `in (…)`: learn.microsoft.com/graph/filter-query-parameter."""


class DirectoryRequests:
    """A part of the directory: what it sends is in the parts that are made of this."""

    def __init__(self, session: GraphSession) -> None:
        self._session = session
        self._graph = session.client

    async def _read(self, info: RequestInformation, parse: Callable[[Mapping[str, Any]], T]) -> T | None:
        """An object by its key; `None` where it is not there."""
        try:
            row = await self._session.send(info, GraphOperation.READ)
        except ServiceError as error:
            if error.status == 404:
                return None
            raise
        if row is None:
            raise GRAPH.unreadable(GraphOperation.READ)  # never "not there": 404 says that
        return parse(row)

    async def _read_many(
        self,
        builder: Any,
        field: str,
        values: Iterable[str],
        parse: Callable[[Mapping[str, Any]], T],
        by_key: Callable[[str], RequestInformation],
        key_of: Callable[[T], str],
        fields: list[str] | None = None,
    ) -> list[T]:
        """Objects by filter, in the order that was asked for; what the index does not know (yet) is read by its key."""
        wanted = list(dict.fromkeys(value.lower() for value in values))
        chunks = [wanted[at : at + IDS_IN_ONE_FILTER] for at in range(0, len(wanted), IDS_IN_ONE_FILTER)]
        filters = [f"{field} in ({','.join(quoted(value) for value in chunk)})" for chunk in chunks]
        queries = (builder.to_get_request_information(_query(text, fields)) for text in filters)
        try:
            found = [parse(row) for row in await self._rows_of([self._session.path_of(query) for query in queries])]
        except ServiceError as refused:
            if refused.status != 400:
                raise
            found = []  # not every service takes every filter: `id` is in no table of what can be filtered by
        known = {key_of(one).lower() for one in found}
        missing = [self._session.path_of(by_key(value)) for value in wanted if value not in known]
        found += [one for one in await self._read_paths(missing, parse) if one is not None]
        places = {value: place for place, value in enumerate(wanted)}
        return sorted(found, key=lambda one: places.get(key_of(one).lower(), len(places)))

    async def _read_paths(self, paths: Sequence[str], parse: Callable[[Mapping[str, Any]], T]) -> list[T | None]:
        """Objects by their paths, in order: a few by one GET each, many in batches."""
        if len(paths) <= ALONE:
            get = (self._session.request(Method.GET, path) for path in paths)
            return list(await gather_or_cancel(*(self._read(info, parse) for info in get)))
        return [parse(row) if row is not None else None for row in await self._session.read_many(paths)]

    async def _rows_of(self, paths: Sequence[str]) -> list[Mapping[str, Any]]:
        """The rows of several lists, in the same way."""
        if len(paths) <= ALONE:
            get = (self._session.request(Method.GET, path) for path in paths)
            lists = list(await gather_or_cancel(*(self._session.rows(info, GraphOperation.READ) for info in get)))
        else:
            lists = await self._session.rows_of_many(paths)
        return [row for rows in lists for row in rows]

    async def _filtered(self, builder: Any, text: str, fields: list[str] | None = None) -> list[Mapping[str, Any]]:
        return await self._session.rows(builder.to_get_request_information(_query(text, fields)), GraphOperation.READ)

    async def _delete(self, info: RequestInformation, operation: GraphOperation, *, lag: Lag = no_lag) -> None:
        """Send it; an object that is gone already is no error."""
        try:
            await self._session.send(info, operation, lag=lag)
        except ServiceError as error:
            if not already_gone(error):
                raise


@dataclass
class _Query:
    """The query options that we use, under the names that every request builder maps to its template."""

    select: list[str] | None
    filter: str | None = None
    top: int | None = None

    def get_query_parameter(self, name: str) -> str:
        """The template's name of an option; kiota calls it."""
        return f"%24{name}"


def select(fields: Sequence[str], *, top: int | None = None) -> RequestConfiguration[Any]:
    """The choice of an answer's fields, and of so many rows on a page."""
    return RequestConfiguration(query_parameters=_Query(list(fields), top=top))


def _query(text: str, fields: list[str] | None = None) -> RequestConfiguration[Any]:
    return RequestConfiguration(query_parameters=_Query(fields, text))


def create_if_missing() -> RequestConfiguration[Any]:
    """The header of an upsert: what is there already is brought to the body's state."""
    configuration: RequestConfiguration[Any] = RequestConfiguration()
    configuration.headers.add("Prefer", "create-if-missing")
    return configuration


def lag_if(is_new: bool) -> Lag:
    """Which refusals of a request about an object mean that replicas do not know it yet."""
    return is_lag if is_new else no_lag


def quoted(value: str) -> str:
    """A text in a filter."""
    escaped = value.replace("'", "''")
    return f"'{escaped}'"
