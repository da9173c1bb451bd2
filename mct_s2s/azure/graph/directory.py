"""The directory port on Graph: which request answers which question."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from kiota_abstractions.base_request_configuration import RequestConfiguration
from kiota_abstractions.method import Method
from kiota_abstractions.request_information import RequestInformation

from mct_s2s.azure.graph import added_credentials, bodies, owned_registrations, owners_and_credentials, parse
from mct_s2s.azure.graph.graph_refusals import (
    already_gone,
    already_there,
    is_lag,
    recycle_bin_empty,
)
from mct_s2s.azure.graph.graph_session import GraphSession
from mct_s2s.azure.graph.operations import Operation
from mct_s2s.azure.json_values import guid, text
from mct_s2s.azure.retry import Lag, no_lag
from mct_s2s.azure.services import GRAPH
from mct_s2s.concurrency import gather_or_cancel
from mct_s2s.errors import ServiceError
from mct_s2s.model.client_credentials import Certificate, Credential, Federation
from mct_s2s.model.directory_objects import Application, Assignment, Owner, ServicePrincipal, Tenant
from mct_s2s.model.ids import ApplicationObjectId, AppRoleId, ClientId, KeyId, PrincipalId
from mct_s2s.planning.edits import ApplicationPatch
from mct_s2s.ports.secret_stores import NewSecret

T = TypeVar("T")

RESTORE_ATTEMPTS = 8
RESTORE_PAUSE = 0.3
"""Seconds, times the attempt's number: for so long a replica may not show what another has in its recycle bin."""
IDS_IN_ONE_FILTER = 15
"""How many values Graph takes in one `in (…)`: learn.microsoft.com/graph/filter-query-parameter."""


class GraphDirectory:
    """Microsoft Graph as `mct_s2s.ports.graph.Directory`.

    Applications are read whole, without `$select`: that shows their certificates without the keys, which one that names
    `keyCredentials` shows, too, from a budget of 150 requests a minute for the whole tenant. Source:
    learn.microsoft.com/graph/api/application-get; docs/azure-contract.md, section 9.
    """

    def __init__(self, session: GraphSession) -> None:
        self._session = session
        self._graph = session.client

    async def tenant(self) -> Tenant:
        """GET /organization."""
        page = await self._session.send(
            self._graph.organization.to_get_request_information(_select(["id", "displayName", "verifiedDomains"])),
            Operation.READ,
        )
        with GRAPH.readable(Operation.READ):
            return parse.tenant((page or {})["value"][0])

    async def application_by_client_id(self, client_id: ClientId) -> Application | None:
        """GET /applications(appId='…')."""
        return await self._application(self._graph.applications_with_app_id(client_id))

    async def application_by_unique_name(self, unique_name: str) -> Application | None:
        """GET /applications(uniqueName='…')."""
        return await self._application(self._graph.applications_with_unique_name(unique_name))

    async def application_by_object_id(self, object_id: ApplicationObjectId, *, is_new: bool) -> Application:
        """GET /applications/{id}."""
        builder = self._graph.applications.by_application_id(object_id)
        info = builder.to_get_request_information()
        row = await self._session.send(info, Operation.READ, lag=_lag(is_new))
        return parse.application(row or {})

    async def applications_with_uri(self, uri: str) -> list[Application]:
        """GET /applications?$filter=identifierUris/any(…)."""
        rows = await self._filtered(self._graph.applications, f"identifierUris/any(u:u eq {_quoted(uri)})")
        return [parse.application(row) for row in rows]

    async def applications(self, client_ids: Iterable[ClientId]) -> list[Application]:
        """GET /applications?$filter=appId in (…); what the index does not know is read by key."""
        wanted = _distinct(client_ids)
        found = [parse.application(row) for row in await self._in(self._graph.applications, "appId", wanted)]
        missing = _missing(wanted, [application.client_id for application in found])
        found += _there(await gather_or_cancel(*(self.application_by_client_id(ClientId(entry)) for entry in missing)))
        return _in_order(wanted, found, lambda one: one.client_id)

    async def principal(self, client_id: ClientId) -> ServicePrincipal | None:
        """GET /servicePrincipals(appId='…')."""
        builder = self._graph.service_principals_with_app_id(client_id)
        row = await self._or_none(builder.to_get_request_information(_select(parse.PRINCIPAL_FIELDS)))
        return parse.principal(row) if row is not None else None

    async def principals_of(self, client_ids: Iterable[ClientId]) -> list[ServicePrincipal]:
        """GET /servicePrincipals?$filter=appId in (…); what the index does not know is read by key."""
        wanted = _distinct(client_ids)
        found = [
            parse.principal(row)
            for row in await self._in(self._graph.service_principals, "appId", wanted, parse.PRINCIPAL_FIELDS)
        ]
        missing = _missing(wanted, [principal.client_id for principal in found])
        found += _there(await gather_or_cancel(*(self.principal(ClientId(entry)) for entry in missing)))
        return _in_order(wanted, found, lambda one: one.client_id)

    async def principals(self, ids: Iterable[PrincipalId]) -> list[ServicePrincipal]:
        """GET /servicePrincipals?$filter=id in (…); what the index does not know is read by key."""
        wanted = _distinct(ids)
        found = [
            parse.principal(row)
            for row in await self._in(self._graph.service_principals, "id", wanted, parse.PRINCIPAL_FIELDS)
        ]
        missing = _missing(wanted, [principal.id for principal in found])
        found += _there(await gather_or_cancel(*(self._principal_by_id(entry) for entry in missing)))
        return _in_order(wanted, found, lambda one: one.id)

    async def assignments_to(self, client_id: ClientId, *, is_new: bool = False) -> list[Assignment]:
        """GET /servicePrincipals(appId='…')/appRoleAssignedTo; none where there is no service principal."""
        # The SDK's builder for this key has no navigation beyond the object itself.
        url = f"{self._session.base_url}/servicePrincipals(appId='{client_id}')/appRoleAssignedTo?$top=999"
        builder = self._graph.service_principals.by_service_principal_id("").app_role_assigned_to.with_url(url)
        try:
            info = builder.to_get_request_information()
            rows = [row async for row in self._session.rows(info, Operation.READ, lag=_lag(is_new))]
        except ServiceError as error:
            if error.status == 404:
                return []
            raise
        return sorted((parse.assignment(row) for row in rows), key=lambda one: one.id)

    async def federated_credentials(self, object_id: ApplicationObjectId) -> list[Credential]:
        """GET /applications/{id}/federatedIdentityCredentials; none where a replica does not show the application."""
        try:
            return list(await owners_and_credentials.federated(self._session, f"/applications/{object_id}", no_lag))
        except ServiceError as error:
            if error.status == 404:
                return []
            raise

    async def applications_with_tag(self, tag: str) -> list[Application]:
        """GET /applications?$filter=tags/any(…)."""
        rows = await self._filtered(self._graph.applications, f"tags/any(t:t eq {_quoted(tag)})")
        return sorted((parse.application(row) for row in rows), key=lambda one: (one.display_name, one.object_id))

    async def assignments_of(self, principal: PrincipalId) -> list[Assignment]:
        """GET /servicePrincipals/{id}/appRoleAssignments."""
        builder = self._graph.service_principals.by_service_principal_id(principal).app_role_assignments
        rows = [row async for row in self._session.rows(builder.to_get_request_information(), Operation.READ)]
        return sorted((parse.assignment(row) for row in rows), key=lambda one: one.id)

    async def create_application(
        self,
        unique_name: str,
        display_name: str,
        tags: Sequence[str],
        notes: str | None = None,
        management_reference: str | None = None,
    ) -> tuple[Application, bool]:
        """PATCH /applications(uniqueName='…') with `Prefer: create-if-missing`: two runs can never make two.

        The body says only what a new registration must say: where one stands already, nothing of it changes.
        """
        builder = self._graph.applications_with_unique_name(unique_name)
        prefer: RequestConfiguration[Any] = RequestConfiguration()
        prefer.headers.add("Prefer", "create-if-missing")
        body = bodies.new_application(display_name, tags, notes, management_reference)
        info = builder.to_patch_request_information(body, prefer)
        row = await self._session.send(info, Operation.CREATE_APPLICATION)
        is_made = row is not None
        if row is None:  # it stood already: 204 brings no body
            builder = self._graph.applications_with_unique_name(unique_name)  # its key may be another's by now
            read = builder.to_get_request_information()
            row = await self._session.send(read, Operation.READ, lag=is_lag)
        return parse.application(row or {}), is_made

    async def register_application(
        self,
        display_name: str,
        tags: Sequence[str],
        notes: str | None,
        owner: PrincipalId | None,
        management_reference: str | None = None,
    ) -> Application:
        """POST /applications."""
        body = bodies.new_application(display_name, tags, notes, management_reference)
        return parse.application(await owned_registrations.register(self._session, body, owner))

    async def unnamed_applications(self, tag: str) -> list[Application]:
        """GET /applications?$filter=tags/any(…)."""
        return [found for found in await self.applications_with_tag(tag) if found.unique_name is None]

    async def name_application(self, object_id: ApplicationObjectId, unique_name: str) -> None:
        """PATCH /applications/{id}."""
        await owned_registrations.name(self._session, object_id, unique_name)

    async def add_owner(self, object_id: ApplicationObjectId, owner: PrincipalId) -> None:
        """POST /applications/{id}/owners/$ref."""
        await owned_registrations.add_owner(self._session, object_id, owner)

    async def update_application(
        self, object_id: ApplicationObjectId, patch: ApplicationPatch, *, is_new: bool
    ) -> None:
        """PATCH /applications/{id}, with whole lists."""
        builder = self._graph.applications.by_application_id(object_id)
        info = builder.to_patch_request_information(bodies.application_patch(patch))
        await self._session.send(info, Operation.CHANGE_APPLICATION, lag=_lag(is_new))

    async def create_principal(self, client_id: ClientId, *, is_new: bool) -> ServicePrincipal:
        """POST /servicePrincipals; one that stands already is read."""
        info = self._graph.service_principals.to_post_request_information(bodies.new_principal(client_id))
        try:
            # A refusal is no lag here: it may be for good, and who owns the application tells.
            row = await self._session.send(info, Operation.CREATE_PRINCIPAL, lag=_unless_refused(_lag(is_new)))
        except ServiceError as error:
            if not already_there(error):
                raise
            read = self._graph.service_principals_with_app_id(client_id)
            row = await self._session.send(
                read.to_get_request_information(_select(parse.PRINCIPAL_FIELDS)), Operation.READ, lag=is_lag
            )
        return parse.principal(row or {})

    async def add_secret(
        self, object_id: ApplicationObjectId, name: str, expires: datetime, *, is_new: bool
    ) -> NewSecret:
        """POST /applications/{id}/addPassword: the one creation without a key, so never repeated here."""
        builder = self._graph.applications.by_application_id(object_id).add_password
        info = builder.to_post_request_information(bodies.new_secret(name, expires))
        row = await self._session.send(info, Operation.ADD_SECRET, repeatable=False, lag=_lag(is_new)) or {}
        with GRAPH.readable(Operation.ADD_SECRET):
            return NewSecret(KeyId(guid(row["keyId"])), parse.moment(row["endDateTime"]), _secret(row["secretText"]))

    async def remove_secret(self, object_id: ApplicationObjectId, key_id: KeyId) -> None:
        """POST /applications/{id}/removePassword."""
        builder = self._graph.applications.by_application_id(object_id).remove_password
        info = builder.to_post_request_information(bodies.removed_secret(key_id))
        try:
            await self._session.send(info, Operation.REMOVE_SECRET)
        except ServiceError as error:
            if error.status not in {400, 404}:
                raise
            standing = await self.application_by_object_id(object_id, is_new=False)
            if any(credential.key_id == key_id for credential in standing.credentials):
                raise

    async def add_certificate(
        self, object_id: ApplicationObjectId, certificate: Certificate, name: str, *, is_new: bool
    ) -> KeyId:
        """GET and PATCH /applications/{id}."""
        return await added_credentials.add_certificate(self._session, object_id, certificate, name, _lag(is_new))

    async def owners(self, object_id: ApplicationObjectId, *, is_new: bool) -> tuple[Owner, ...]:
        """GET /applications/{id}/owners."""
        return await owners_and_credentials.owners(self._session, f"/applications/{object_id}", _lag(is_new))

    async def principal_owners(self, principal: PrincipalId, *, is_new: bool) -> tuple[Owner, ...]:
        """GET /servicePrincipals/{id}/owners."""
        return await owners_and_credentials.owners(self._session, f"/servicePrincipals/{principal}", _lag(is_new))

    async def credentials(self, object_id: ApplicationObjectId, *, is_new: bool) -> tuple[Credential, ...]:
        """GET /applications/{id}, with the keys of its certificates, and its federated credentials."""
        return await owners_and_credentials.of_application(self._session, f"/applications/{object_id}", _lag(is_new))

    async def principal_credentials(self, principal: PrincipalId, *, is_new: bool) -> tuple[Credential, ...]:
        """GET /servicePrincipals/{id}, with the keys of its certificates."""
        return await owners_and_credentials.credentials(self._session, f"/servicePrincipals/{principal}", _lag(is_new))

    async def remove_credentials(self, object_id: ApplicationObjectId, keep: Collection[KeyId]) -> None:
        """POST removePassword, PATCH and DELETE, one after another, for those that are there."""
        path = f"/applications/{object_id}"
        await gather_or_cancel(
            owners_and_credentials.remove(self._session, path, keep),
            owners_and_credentials.remove_federated(self._session, path, keep),
        )

    async def remove_principal_credentials(self, principal: PrincipalId) -> None:
        """POST removePassword and PATCH, for those that are there."""
        await owners_and_credentials.remove(self._session, f"/servicePrincipals/{principal}", ())

    async def put_federated_credential(
        self, object_id: ApplicationObjectId, federation: Federation, *, is_new: bool
    ) -> KeyId:
        """PATCH /applications/{id}/federatedIdentityCredentials(name='…')."""
        return await added_credentials.put_federated_credential(self._session, object_id, federation, _lag(is_new))

    async def assign(
        self, principal: PrincipalId, service: PrincipalId, role: AppRoleId, *, is_new: bool
    ) -> Assignment | None:
        """POST /servicePrincipals/{service}/appRoleAssignedTo."""
        builder = self._graph.service_principals.by_service_principal_id(service).app_role_assigned_to
        info = builder.to_post_request_information(bodies.new_assignment(principal, service, role))
        try:
            row = await self._session.send(info, Operation.CONSENT, lag=_lag(is_new))
        except ServiceError as error:
            if already_there(error):
                return None
            raise
        return parse.assignment(row or {})

    async def revoke(self, service: PrincipalId, assignment: str) -> None:
        """DELETE /servicePrincipals/{service}/appRoleAssignedTo/{id}."""
        builder = self._graph.service_principals.by_service_principal_id(service)
        info = builder.app_role_assigned_to.by_app_role_assignment_id(assignment).to_delete_request_information()
        await self._gone(info, Operation.REVOKE)

    async def delete_application(self, object_id: ApplicationObjectId) -> None:
        """DELETE /applications/{id}: into the recycle bin."""
        info = self._graph.applications.by_application_id(object_id).to_delete_request_information()
        await self._gone(info, Operation.DELETE_APPLICATION)

    async def deleted_applications(self) -> list[Application]:
        """GET /directory/deletedItems/microsoft.graph.application, all of it: `uniqueName` is no filter there."""
        builder = self._graph.directory.deleted_items.graph_application
        info = builder.to_get_request_information(_select(parse.DELETED_FIELDS))
        rows = parse.deleted_applications([row async for row in self._session.rows(info, Operation.READ)])
        return sorted(rows, key=lambda one: (one.display_name, one.object_id))

    async def deleted_application(self, object_id: ApplicationObjectId) -> Application | None:
        """GET /directory/deletedItems/{id}, whole."""
        row = await self._or_none(self._session.request(Method.GET, f"/directory/deletedItems/{object_id}"))
        return parse.application(row) if row is not None else None

    async def deleted_principals(self, client_ids: Iterable[ClientId]) -> list[ServicePrincipal]:
        """GET /directory/deletedItems/microsoft.graph.servicePrincipal?$filter=appId eq '…', one for each."""
        builder = self._graph.directory.deleted_items.graph_service_principal
        filters = [f"appId eq {_quoted(client_id)}" for client_id in _distinct(client_ids)]
        pages = await gather_or_cancel(*(self._filtered(builder, text, parse.PRINCIPAL_FIELDS) for text in filters))
        return [parse.principal(row) for page in pages for row in page]

    async def restore_application(self, object_id: ApplicationObjectId) -> None:
        """POST /directory/deletedItems/{id}/restore."""
        there = self._graph.applications.by_application_id(object_id).to_get_request_information(_select(["id"]))
        if not await self._restored(object_id, there):
            raise recycle_bin_empty(object_id)

    async def restore_principal(self, principal: PrincipalId) -> bool:
        """POST /directory/deletedItems/{id}/restore."""
        builder = self._graph.service_principals.by_service_principal_id(principal)
        return await self._restored(principal, builder.to_get_request_information(_select(["id"])))

    async def _restored(self, object_id: str, there: RequestInformation) -> bool:
        """Whether it came back. *Not there* is believed only when it has been said to the end.

        It may mean a replica that has not heard of the deletion, and shows the object as it was; or a restoration whose
        answer was lost.
        """
        builder = self._graph.directory.deleted_items.by_directory_object_id(object_id).restore
        for attempt in range(RESTORE_ATTEMPTS):
            await asyncio.sleep(attempt * RESTORE_PAUSE)
            try:
                await self._session.send(builder.to_post_request_information(), Operation.RESTORE)
            except ServiceError as error:
                if error.status == 409:  # somebody made another one
                    return False
                if error.status != 404:
                    raise
            else:
                return True
        return await self._or_none(there) is not None

    async def purge_application(self, object_id: ApplicationObjectId, *, is_new: bool) -> None:
        """DELETE /directory/deletedItems/{id}: for good."""
        info = self._graph.directory.deleted_items.by_directory_object_id(object_id).to_delete_request_information()
        await self._gone(info, Operation.PURGE_APPLICATION, lag=_until_lost(_lag(is_new)))

    async def _gone(self, info: RequestInformation, operation: Operation, *, lag: Lag = no_lag) -> None:
        try:
            await self._session.send(info, operation, lag=lag)
        except ServiceError as error:
            if not already_gone(error):
                raise

    async def _application(self, builder: Any) -> Application | None:
        row = await self._or_none(builder.to_get_request_information())
        return parse.application(row) if row is not None else None

    async def _principal_by_id(self, object_id: str) -> ServicePrincipal | None:
        builder = self._graph.service_principals.by_service_principal_id(object_id)
        row = await self._or_none(builder.to_get_request_information(_select(parse.PRINCIPAL_FIELDS)))
        return parse.principal(row) if row is not None else None

    async def _or_none(self, info: RequestInformation) -> dict[str, Any] | None:
        try:
            row = await self._session.send(info, Operation.READ)
        except ServiceError as error:
            if error.status == 404:
                return None
            raise
        if row is None:
            raise GRAPH.unreadable(Operation.READ)  # never "not there": 404 says that
        return row

    async def _in(
        self, builder: Any, field: str, values: Sequence[str], fields: list[str] | None = None
    ) -> list[dict[str, Any]]:
        chunks = [values[at : at + IDS_IN_ONE_FILTER] for at in range(0, len(values), IDS_IN_ONE_FILTER)]
        filters = [f"{field} in ({','.join(_quoted(value) for value in chunk)})" for chunk in chunks]
        pages = await gather_or_cancel(*(self._filtered(builder, text, fields) for text in filters))
        return [row for page in pages for row in page]

    async def _filtered(self, builder: Any, text: str, fields: list[str] | None = None) -> list[dict[str, Any]]:
        configuration: RequestConfiguration[Any] = RequestConfiguration(query_parameters=_Query(fields, text))
        return [
            row async for row in self._session.rows(builder.to_get_request_information(configuration), Operation.READ)
        ]


@dataclass
class _Query:
    """The two query options that we use, under the names that every request builder maps to its template."""

    select: list[str] | None
    filter: str | None = None

    def get_query_parameter(self, name: str) -> str:
        """The template's name of an option."""
        return f"%24{name}"


def _select(fields: list[str]) -> RequestConfiguration[Any]:
    return RequestConfiguration(query_parameters=_Query(fields))


def _lag(is_new: bool) -> Lag:
    return is_lag if is_new else no_lag


def _unless_refused(lag: Lag) -> Lag:
    return lambda error: error.status != 403 and lag(error)


def _secret(value: object) -> str:
    if not text(value):
        raise ValueError("it contains no secret")
    return text(value)


def _until_lost(lag: Lag) -> Lag:
    """The same, until an answer was lost: what is not there after that has been deleted by the request before."""
    lost = False

    def rule(error: ServiceError) -> bool:
        nonlocal lost
        lost = lost or error.answer_lost
        return not lost and lag(error)

    return rule


def _quoted(value: str) -> str:
    escaped = value.replace("'", "''")
    return f"'{escaped}'"


def _distinct(ids: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(entry.lower() for entry in ids))


def _missing(wanted: Sequence[str], found: Iterable[str]) -> list[str]:
    known = {entry.lower() for entry in found}
    return [entry for entry in wanted if entry not in known]


def _in_order(wanted: Sequence[str], found: Iterable[T], key: Callable[[T], str]) -> list[T]:
    """As they were asked for: a collection comes in any order, and would look changed."""
    places = {entry: place for place, entry in enumerate(wanted)}
    return sorted(found, key=lambda one: places.get(key(one).lower(), len(places)))


def _there(rows: Iterable[Any]) -> list[Any]:
    return [row for row in rows if row is not None]
