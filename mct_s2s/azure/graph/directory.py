"""The directory on Graph: registrations, service principals, app roles, the recycle bin; the rest in its base classes.

Sources: learn.microsoft.com/graph/api/application-upsert, /application-post-applications, /application-update
(`uniqueName`), /serviceprincipal-post-serviceprincipals, /serviceprincipal-post-approleassignedto,
/serviceprincipal-list-approleassignments, /directory-deleteditems-list, /directory-deleteditems-restore.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import Any, TypeVar
from urllib.parse import quote

from mct_s2s import clock
from mct_s2s.activity import REPLICATION, waiting
from mct_s2s.azure.answers import Parse, listed
from mct_s2s.azure.graph import parse
from mct_s2s.azure.graph.credentials import CredentialRequests
from mct_s2s.azure.graph.session import key, literal, query
from mct_s2s.azure.refusals import GraphOperation, already_gone, already_there, is_lag
from mct_s2s.azure.retry import LAG_SECONDS
from mct_s2s.concurrency import gather_or_cancel
from mct_s2s.errors import ServiceError, or_none
from mct_s2s.model.directory_objects import Application, Assignment, ServicePrincipal, Tenant
from mct_s2s.model.ids import ApplicationObjectId, AppRoleId, ClientId, PrincipalId

Registered = TypeVar("Registered", Application, ServicePrincipal)
READ, READ_BIN = GraphOperation.READ, GraphOperation.READ_BIN
IN_ONE_FILTER = 15
"""Values of `in`; more are refused. Source: learn.microsoft.com/graph/filter-query-parameter."""
PRINCIPAL = query(select=parse.PRINCIPAL_FIELDS)
BIN = "/directory/deletedItems"
GONE_AFTER = 5
"""Looks in a row that find nothing, before something is gone. terraform-provider-azuread demands as many."""
PAUSE = 1.0
"""Seconds between them."""


class GraphDirectory(CredentialRequests):
    """Applications are read without `$select`, which would take their keys from a budget of the whole tenant.

    150 requests a minute: learn.microsoft.com/graph/api/application-get; docs/azure-contract.md, section 3.5.
    """

    async def tenant(self) -> Tenant:
        """Read once: several App Services of a tenant ask for it."""
        path = f"/organization{query(select=['id', 'displayName', 'verifiedDomains'])}"
        read = partial(self.read, path, READ, lambda page: parse.tenant(page["value"][0]))
        found: Tenant = await self.once.get(path, read)
        return found

    async def application_by_client_id(self, client_id: ClientId) -> Application | None:
        return await self.get(f"/applications{key('appId', client_id)}", parse.application)

    async def applications_by_unique_name(self, unique_names: Sequence[str]) -> list[Application | None]:
        paths = [f"/applications{key('uniqueName', name)}" for name in unique_names]
        return await self.get_many(paths, parse.application)

    async def application_by_object_id(self, object_id: ApplicationObjectId) -> Application:
        """It must be there."""
        path = f"/applications/{object_id}"
        return await self.read(path, READ, parse.application, lag=self.lag(object_id))

    async def applications(self, client_ids: Iterable[ClientId]) -> list[Application]:
        """Those that do not exist are left out."""
        return await self._by_client_id("/applications", client_ids, parse.application)

    async def _by_client_id(
        self, path: str, client_ids: Iterable[ClientId], read: Parse[Registered], select: Sequence[str] = ()
    ) -> list[Registered]:
        """By a filter, so that many take few requests; what no index knows (yet) by its key."""
        ids, end = _once(client_ids), query(select=select) if select else ""
        parts = [ids[at : at + IN_ONE_FILTER] for at in range(0, len(ids), IN_ONE_FILTER)] if len(ids) > 1 else []
        filters = [f"appId in ({','.join(map(literal, part))})" for part in parts]
        paths = [f"{path}{query(select=select, filter=one)}" for one in filters]
        pages = await self.get_many(paths, lambda page: [read(row) for row in listed(page.get("value"))])
        found: dict[str, Registered] = {one.client_id: one for page in pages for one in page or ()}
        missing = [f"{path}{key('appId', one)}{end}" for one in ids if one not in found]
        found |= {one.client_id: one for one in await self.get_known(missing, read)}
        return [found[one] for one in ids if one in found]

    async def applications_with_uri(self, uri: str) -> list[Application]:
        """At most one in a settled directory."""
        return await self._applications(f"identifierUris/any(u:u eq {literal(uri)})")

    async def applications_with_tag(self, tag: str) -> list[Application]:
        return await self._applications(f"tags/any(t:t eq {literal(tag)})")

    async def _applications(self, condition: str) -> list[Application]:
        found = await self.rows(f"/applications{query(filter=condition)}", READ, parse.application)
        return sorted(found, key=lambda one: (one.display_name, one.object_id))

    async def create_application(self, new: Application) -> tuple[Application, bool]:
        """An upsert by `uniqueName`, so that two runs never make two; and whether it was seen to be created."""
        path, body = f"/applications{key('uniqueName', new.unique_name or '')}", parse.new_application(new)
        return await self.upsert(path, GraphOperation.CREATE_APPLICATION, parse.application, body)

    async def register_application(self, new: Application, owner: PrincipalId | None) -> Application:
        """The caller is named as its owner: some tenants demand that, others refuse it.

        The creator by POST owns it; the creator by the upsert may not, and with `Application.ReadWrite.OwnedBy` can
        then neither change nor delete it: docs/azure-contract.md, section 3.10, "Owner".
        """
        asked: dict[str, Any] = {"method": "POST", "repeatable": False}
        register = partial(self.read, "/applications", GraphOperation.CREATE_APPLICATION, parse.application, **asked)
        body = parse.new_application(new)
        if owner is not None:
            owners = [f"{self.base}/directoryObjects/{owner}"]
            try:
                return await register(body={**body, "owners@odata.bind": owners})
            except ServiceError as refused:
                if refused.status != 400 or refused.contention is not None:
                    raise
        return await register(body=body)

    async def name_application(self, object_id: ApplicationObjectId, unique_name: str) -> None:
        path, body = f"/applications/{object_id}", {"uniqueName": unique_name}
        await self.send("PATCH", path, GraphOperation.NAME_APPLICATION, body=body, lag=is_lag)

    async def update_application(self, before: Application, after: Application) -> None:
        path, body = f"/applications/{before.object_id}", parse.application_patch(before, after)
        await self.send("PATCH", path, GraphOperation.CHANGE_APPLICATION, body=body, lag=self.lag(before.object_id))

    async def accepts_writes(self, application: Application) -> bool:
        """Whether it takes the name that it has. Reads may show what was deleted moments ago; `True` is certain."""
        return await self._accepts_name(f"/applications/{application.object_id}", application.display_name)

    async def _accepts_name(self, path: str, display_name: str) -> bool:
        try:
            body = {"displayName": display_name}
            await self.send("PATCH", path, GraphOperation.CHANGE_APPLICATION, body=body)
        except ServiceError as refused:
            if refused.answer_lost or refused.status == 429:
                raise
            return refused.status != 404
        return True

    async def delete_application(self, object_id: ApplicationObjectId) -> None:
        """Into the recycle bin; one that is gone already is no error."""
        path = f"/applications/{object_id}"
        delete = partial(self.send, "DELETE", path, GraphOperation.DELETE_APPLICATION)
        await self._write_unless_gone(delete, partial(self._is_shown, path))

    async def _is_shown(self, *paths: str) -> bool:
        """Whether any of these objects is, to one replica."""
        return any(await self.get_many([f"{path}{query(select=['id'])}" for path in paths], dict))

    async def _write_unless_gone(
        self, write: Callable[[], Awaitable[object]], is_shown: Callable[[], Awaitable[bool]]
    ) -> bool:
        """Whether it was written; not where the object is gone. A 404 alone says neither.

        The replica that answers may not know yet that the object was created, deleted or restored. Gone is what is not
        shown several times in a row.
        """
        gives_up_at, missed = clock.seconds() + LAG_SECONDS, 0
        while True:
            try:
                await write()
            except ServiceError as error:
                if not already_gone(error) or clock.seconds() >= gives_up_at:
                    raise
            else:
                return True
            missed = 0 if await is_shown() else missed + 1
            if missed == GONE_AFTER:
                return False
            with waiting(REPLICATION, gives_up_at):
                await asyncio.sleep(PAUSE)

    async def principal(self, client_id: ClientId) -> ServicePrincipal | None:
        return await self.get(f"/servicePrincipals{key('appId', client_id)}{PRINCIPAL}", parse.principal)

    async def principals_of(self, client_ids: Iterable[ClientId]) -> list[ServicePrincipal]:
        return await self._by_client_id("/servicePrincipals", client_ids, parse.principal, parse.PRINCIPAL_FIELDS)

    async def principals(self, ids: Iterable[PrincipalId]) -> list[ServicePrincipal]:
        paths = [f"/servicePrincipals/{one}{PRINCIPAL}" for one in _once(ids)]
        return await self.get_known(paths, parse.principal)

    async def create_principal(self, client_id: ClientId) -> ServicePrincipal:
        """One that exists already is read."""
        path, step = "/servicePrincipals", GraphOperation.CREATE_PRINCIPAL

        def not_known_yet(error: ServiceError) -> bool:
            """A missing right is no lag here: it may be permanent, and who owns the application tells."""
            return error.status != 403 and self.is_young(client_id) and is_lag(error)

        # The tag is what the portal sets: without it, its list of enterprise applications lacks the principal.
        body = {"appId": client_id, "tags": ["WindowsAzureActiveDirectoryIntegratedApp"]}
        try:
            return await self.read(path, step, parse.principal, method="POST", body=body, lag=not_known_yet)
        except ServiceError as error:
            if not already_there(error):
                raise
            existing = f"{path}{key('appId', client_id)}{PRINCIPAL}"
            return await self.read(existing, READ, parse.principal, lag=is_lag)

    async def assignments_to(self, client_id: ClientId) -> list[Assignment]:
        """None where there is no service principal."""
        path = f"/servicePrincipals{key('appId', client_id)}/appRoleAssignedTo{query(top=999)}"
        found = await or_none(self.rows(path, READ, parse.assignment))
        return sorted(found or (), key=lambda one: one.id)

    async def assign(self, principal: PrincipalId, service: PrincipalId, role: AppRoleId) -> Assignment | None:
        """One that exists already is no error and gives `None`."""
        path = f"/servicePrincipals/{service}/appRoleAssignedTo"
        body, lag = {"principalId": principal, "resourceId": service, "appRoleId": role}, self.lag(principal, service)
        try:
            return await self.read(path, GraphOperation.CONSENT, parse.assignment, method="POST", body=body, lag=lag)
        except ServiceError as error:
            if already_there(error):
                return None
            raise

    async def revoke(self, service: PrincipalId, assignment: str) -> None:
        """One that is gone already is no error."""
        path = f"/servicePrincipals/{service}/appRoleAssignedTo"

        async def is_shown() -> bool:
            shown = await or_none(self.rows(f"{path}{query(top=999)}", READ, parse.assignment))
            return any(one.id == assignment for one in shown or ())

        named = f"{path}/{quote(assignment, safe='')}"
        await self._write_unless_gone(partial(self.send, "DELETE", named, GraphOperation.REVOKE), is_shown)

    async def deleted_applications(self) -> list[Application]:
        """All of them: `uniqueName` is no filter there. No certificates."""
        path = f"{BIN}/microsoft.graph.application{query(select=parse.DELETED_FIELDS, top=999)}"
        found = parse.deleted_applications(await self.rows(path, READ_BIN, parse.application))
        return sorted(found, key=lambda one: (one.display_name, one.object_id))

    async def restore_application(self, application: Application) -> list[PrincipalId]:
        """It and its service principal, which is returned; what is there again already is no error."""
        self.expect_lag(application.client_id)
        if not await self._restored("applications", application.object_id, application.display_name):
            raise ServiceError(
                "not-in-recycle-bin",
                f"The app registration {application.object_id} is no longer in the recycle bin: someone purged it, or "
                "made another one in its place.",
                remedy="Run the same command again to use that one, or to create a new one.",
                status=404,
            )
        end = query(select=parse.PRINCIPAL_FIELDS, filter=f"appId eq {literal(application.client_id)}")
        in_bin, shown = await gather_or_cancel(
            self.rows(f"{BIN}/microsoft.graph.servicePrincipal{end}", READ_BIN, parse.principal),
            self.principal(application.client_id),
        )
        # One that a replica shows may be deleted, and one that the recycle bin shows may be there.
        known = {one.id: one for one in (*in_bin, *([shown] if shown is not None else []))}
        return [one.id for one in known.values() if await self._restored("servicePrincipals", one.id, one.display_name)]

    async def purge_application(self, object_id: ApplicationObjectId, *, just_deleted: bool) -> None:
        lost = False

        def until_lost(error: ServiceError) -> bool:
            """What is not there after an answer was lost has been deleted by the request before."""
            nonlocal lost
            lost = lost or error.answer_lost
            return not lost and just_deleted and is_lag(error)

        await self.delete(f"{BIN}/{object_id}", GraphOperation.PURGE_APPLICATION, lag=until_lost)

    async def _restored(self, collection: str, object_id: str, display_name: str) -> bool:
        """Whether it is there in the end."""
        path, in_bin = f"/{collection}/{object_id}", f"{BIN}/{object_id}"

        async def restore() -> None:
            try:
                await self.send("POST", f"{in_bin}/restore", GraphOperation.RESTORE)
            except ServiceError as error:
                # Restored already, by a request whose answer was lost or by someone else? Only a write tells: a
                # replica may show the object as it was before it was deleted.
                if error.status != 404 or not await self._accepts_name(path, display_name):
                    raise

        try:
            return await self._write_unless_gone(restore, partial(self._is_shown, path, in_bin))
        except ServiceError as error:
            if already_there(error):  # someone made another one
                return False
            raise


def _once(ids: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(one.lower() for one in ids))
