"""One request to Graph, unpacked; its answer; and what an operation is.

Source: graph: concepts/errors, concepts/use-the-api.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

from mct_s2s.sandbox.core.encoding import json_of
from mct_s2s.sandbox.core.operation import Answer, Operation
from mct_s2s.sandbox.core.wire_errors import WireError, service_error
from mct_s2s.sandbox.entra.access import permissions
from mct_s2s.sandbox.entra.directory import Caller, Directory
from mct_s2s.sandbox.entra.table import Object, Table
from mct_s2s.sandbox.entra.validation import bad_request, is_guid
from mct_s2s.sandbox.services.graph.odata import Query, reordered, shown

NO_CONTENT = Answer(204)
_NONE: Mapping[str, str] = {}


@dataclass(frozen=True)
class GraphCall:
    """A request with its operation's parameters from the path; header names are in lower case."""

    directory: Directory
    root: str
    method: str
    path: str
    params: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    raw_body: bytes = field(repr=False)
    caller: Caller

    @cached_property
    def body(self) -> Any:
        if not self.raw_body:
            raise bad_request("Empty Payload. JSON content expected.", code="BadRequest")
        if "json" not in self.headers.get("content-type", ""):
            raise service_error("BadRequest content type")
        try:
            return json_of(self.raw_body)
        except ValueError as error:
            text = (
                "Unable to read JSON request payload. Please ensure Content-Type header is set and "
                "payload is of "
            )
            raise bad_request(text + "valid JSON format.", code="BadRequest") from error

    def counted(self, type_name: str, objects: Iterable[Object] | Table) -> Answer:
        """Answer with the number of objects, as text.

        Source: graph: concepts/aad-advanced-queries.
        """
        if self.headers.get("consistencylevel", "").lower() != "eventual":
            raise bad_request("$count is not currently supported.")
        query = Query.of(type_name, {**self.query, "$count": "true"}, self.headers)
        source = query.candidates(objects) if isinstance(objects, Table) else objects
        return Answer(200, str(query.total(source)))

    def location(self, kind: str, object_id: str) -> dict[str, str]:
        """Return the Location of a created object: an internal address that clients cannot use.

        Source: docs/azure-contract.md, section 3.1.
        """
        origin = self.root.rpartition("/")[0]
        if kind in {"Application", "ServicePrincipal"}:
            tail = f"directoryObjects/{object_id}/Microsoft.DirectoryServices.{kind}"
        else:
            tail = f"{kind}/{object_id}"
        return {"Location": f"{origin}/v2/{self.directory.tenant_id}/{tail}"}

    @property
    def creates_if_missing(self) -> bool:
        """Return whether a PATCH by a key may create. Source: graph: api/application-upsert."""
        return "create-if-missing" in self.headers.get("prefer", "").lower()

    @property
    def key(self) -> str:
        return {"appid": "appId", "uniquename": "uniqueName"}.get(
            self.params.get("key", "").lower(), ""
        )

    def require(self, operation: str, target: Object | None = None) -> None:
        permissions.require(self.directory, self.caller, operation, target)

    @property
    def kind(self) -> str:
        """The kind of object in the path, of the two that have much alike."""
        return (
            "application" if self.path.casefold().startswith("applications") else "servicePrincipal"
        )

    @property
    def table(self) -> Table:
        return (
            self.directory.applications
            if self.kind == "application"
            else self.directory.service_principals
        )

    def to_change(self, table: Table, operation: str) -> Object:
        seen = self.found(table)
        self.require(operation, seen)
        return latest_of(table, seen)

    def found(self, table: Table) -> Object:
        object_id, key = self.params.get("id"), self.key
        if key:
            value = self.params["value"].replace("''", "'")
            hits = table.seen_by(key, value)
            if not hits:
                raise not_found(value)
            return hits[0]
        return by_id(table, object_id or "")

    def listed(self, type_name: str, context: str, objects: Iterable[Object] | Table) -> Answer:
        query = self._asked(type_name)
        source = query.candidates(objects) if isinstance(objects, Table) else objects
        page = query.page(source, f"{self.root}/{self.path}", self.query)
        page["value"] = [
            reordered(item, self.directory.replication.request) for item in page["value"]
        ]
        fields = f"({','.join(query.select)})" if query.select else ""
        return Answer(200, {"@odata.context": f"{self.root}/$metadata#{context}{fields}", **page})

    def new_password(self, password: Object) -> Answer:
        context = f"{self.root}/$metadata#microsoft.graph.passwordCredential"
        return Answer(
            200, {"@odata.context": context, **password}, {"Location": self.root.rpartition("/")[0]}
        )

    def single(
        self,
        type_name: str,
        context: str,
        value: Object,
        *,
        status: int = 200,
        headers: Mapping[str, str] = _NONE,
    ) -> Answer:
        query = self._asked(type_name)
        fields = f"({','.join(query.select)})" if query.select else ""
        body = shown(type_name, value, query.select, with_keys="keyCredentials" in query.select)
        if status != 201:
            body = reordered(body, self.directory.replication.request)
        return Answer(
            status,
            {"@odata.context": f"{self.root}/$metadata#{context}{fields}/$entity", **body},
            headers,
        )

    def _asked(self, type_name: str) -> Query:
        query = Query.of(type_name, self.query, self.headers)
        if "keyCredentials" in query.select:
            self.directory.key_reads.draw()
        return query


def by_id(table: Table, object_id: str) -> Object:
    if not is_guid(object_id):
        raise bad_request(f"Invalid object identifier '{object_id}'.")
    value = table.seen(object_id)
    if value is None:
        raise not_found(object_id)
    return value


def latest_of(table: Table, seen: Object) -> Object:
    value = table.latest(seen["id"])
    if value is None or value.get("deletedDateTime"):
        raise not_found(seen["id"])
    return value


def not_found(name: str) -> WireError:
    return service_error("Request_ResourceNotFound", name=name)


def _keyed(collection: str, keys: str) -> str:
    text = r"'(?P<value>(?:[^']|'')+)'"
    return rf"{collection}(?:/(?P<id>[^/()]+)|\((?P<key>{keys})={text}\))"


class GraphOperation(Operation[GraphCall, Answer]):
    """An operation of the sandbox's Graph, below `/v1.0/`.

    `{application}` and `{principal}` are a segment with one object by id or by alternate key,
    `{credential}` the same for a federated credential.
    """

    SEGMENT = "[^/()]+"
    SHAPES: ClassVar = {
        "application": _keyed("applications", "appId|uniqueName"),
        "principal": _keyed("servicePrincipals", "appId"),
        "credential": (
            r"federatedIdentityCredentials(?:/(?P<credential>[^/"
            r"()]+)|\(name='(?P<name>[^']+)'\))"
        ),
    }


def operations(*rows: tuple[Any, ...]) -> tuple[GraphOperation, ...]:
    return tuple(GraphOperation(*row) for row in rows)
