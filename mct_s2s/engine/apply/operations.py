"""One operation for each type of change: which requests it sends, and which ids it yields."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import assert_never

from mct_s2s.engine.apply.context import ApplyContext, LeftOut, Postponed
from mct_s2s.engine.apply.credentials import Done, Work, add_credential, remove_credential
from mct_s2s.engine.apply.ownership import create_principal, explained
from mct_s2s.engine.apply.registration_creation import create_or_restore, explain_taken_uri
from mct_s2s.engine.apply.restoration import restore
from mct_s2s.engine.apply.settings import write_settings
from mct_s2s.errors import PermissionMissing, S2SError, ServiceError
from mct_s2s.model.commands import webapp_command
from mct_s2s.model.directory_objects import Application
from mct_s2s.model.ids import ApplicationObjectId, api_uri
from mct_s2s.planning.changes import (
    AddCredential,
    AlreadyRight,
    AnyChange,
    AssignAppRole,
    CreateApplication,
    CreateServicePrincipal,
    DeleteApplication,
    DeleteStoredSecret,
    DisableIdentity,
    EnableIdentity,
    Part,
    PurgeApplication,
    Ref,
    RemoveCredential,
    RestartSite,
    RestoreApplication,
    RevokeAppRole,
    UpdateApplication,
    WriteSettings,
)
from mct_s2s.planning.edits import patch_for


class Operations:
    """Sends the requests of a change.

    Args:
        context: the run that the plan is part of.
        everything_else: waits until all changes but the settings and the restart are done.
        written: called as soon as the settings are written, while they are still being read back.
        confirmed: called with what came of it when they have been read back.
    """

    def __init__(
        self,
        context: ApplyContext,
        everything_else: Callable[[WriteSettings], Awaitable[None]],
        written: Callable[[WriteSettings], None],
        confirmed: Callable[[WriteSettings, str], None],
    ) -> None:
        self._context = context
        self._azure = context.azure
        self._results = context.outcome.results
        self._everything_else = everything_else
        self._written = written
        self._confirmed = confirmed
        self._found: dict[str, Application] = {}
        self._work = Work(context, self._found)
        self._restart_needed = False
        self.settings: dict[str, str | None] | None = None

    async def do(self, change: AnyChange) -> Done:
        """Apply one change.

        Raises:
            S2SError: refused, or not answered.
        """
        try:
            return await self._do(change)
        except PermissionMissing as refused:
            object_id = getattr(change, "object_id", None)
            if not self._context.as_owner or not isinstance(object_id, str):
                raise
            raise await explained(self._azure, ApplicationObjectId(object_id), refused) from refused

    async def _do(self, change: AnyChange) -> Done:  # noqa: C901, PLR0911, PLR0912  # a flat table
        match change:
            case CreateApplication():
                return await self._create_application(change)
            case UpdateApplication():
                return await self._update_application(change)
            case RestoreApplication():
                await restore(self._azure, change.application, change.keep, change.option)
                return change.application.client_id, ""
            case CreateServicePrincipal():
                return await self._create_principal(change)
            case AddCredential():
                return await add_credential(self._work, change)
            case RemoveCredential():
                return await remove_credential(self._work, change)
            case DeleteStoredSecret():
                if not await self._context.session.vaults.delete(change.place, change.client_id):
                    raise Postponed("kept: its tags belong to another client")
                return change.place, ""
            case RevokeAppRole():
                await self._azure.directory.revoke(change.service, change.assignment)
                return change.assignment, ""
            case DeleteApplication():
                await self._azure.directory.delete_application(change.object_id)
                return change.client_id, ""
            case PurgeApplication():
                await self._azure.directory.purge_application(change.object_id, is_new=change.is_new)
                return change.object_id, ""
            case DisableIdentity():
                await self._azure.identities.disable(change.identity_resource)
                return change.identity_resource.principal_id, ""
            case AssignAppRole():
                return await self._assign(change)
            case EnableIdentity():
                principal = await self._azure.identities.enable(change.identity_resource)
                self._results.record(change.key, Part.PRINCIPAL_ID, principal)
                return principal, ""
            case WriteSettings():
                return await self._write_settings(change)
            case RestartSite():
                return await self._restart(change)
            case AlreadyRight():
                raise AssertionError(change)
            case _ as never:
                assert_never(never)

    async def _create_application(self, change: CreateApplication) -> Done:
        application, detail = await create_or_restore(
            self._azure, change, self._context.now, as_owner=self._context.as_owner
        )
        self._found[change.key] = application
        self._results.record(change.key, Part.CLIENT_ID, application.client_id)
        self._results.record(change.key, Part.URI, api_uri(application.client_id))
        self._results.record(change.key, Part.OBJECT_ID, application.object_id)
        return application.client_id, detail

    async def _update_application(self, change: UpdateApplication) -> Done:
        object_id = self._results.resolve(change.object_id)
        is_new = self._context.expects_lag(change)
        try:
            application = await self._current(change.object_id, is_new=is_new)
            for patch in patch_for(application, change.edits, self._results).requests:
                try:
                    await self._azure.directory.update_application(object_id, patch, is_new=is_new)
                except ServiceError as error:
                    await explain_taken_uri(self._azure, application, patch, error)
                    raise
        except ServiceError as error:
            if error.status != 404 or not change.edits.only_removes:
                raise
            return object_id, "already deleted"
        return object_id, ""

    async def _current(self, object_id: ApplicationObjectId | Ref[ApplicationObjectId], *, is_new: bool) -> Application:
        """The application as it is: as its creation returned it moments ago, or read again."""
        if isinstance(object_id, Ref):
            return self._found[object_id.key]
        return await self._azure.directory.application_by_object_id(object_id, is_new=is_new)

    async def _create_principal(self, change: CreateServicePrincipal) -> Done:
        client_id = self._results.resolve(change.client_id)
        made = self._found.get(change.client_id.key) if isinstance(change.client_id, Ref) else None
        principal = await create_principal(
            self._azure,
            client_id,
            is_new=self._context.expects_lag(change),
            is_ours=made is not None,
            as_owner=self._context.as_owner,
        )
        self._results.record(change.key, Part.PRINCIPAL_ID, principal.id)
        return principal.id, ""

    async def _assign(self, change: AssignAppRole) -> Done:
        try:
            assignment = await self._azure.directory.assign(
                self._results.resolve(change.principal),
                self._results.resolve(change.service),
                change.role,
                is_new=self._context.expects_lag(change),
            )
        except PermissionMissing as refused:
            note = self._context.left_if_refused(change)
            if note is None:
                raise
            raise LeftOut(note) from refused
        if assignment is None:
            return None, "already granted"
        self._results.record(change.key, Part.ASSIGNMENT_ID, assignment.id)
        return assignment.id, ""

    async def _write_settings(self, change: WriteSettings) -> Done:
        def written(did_write: bool) -> None:
            self._restart_needed = did_write
            self._written(change)

        outcome = await write_settings(
            self._azure.sites,
            change,
            self._results,
            lambda: self._everything_else(change),
            written,
            self._context.keep_settings,
            lambda detail: self._confirmed(change, detail),
        )
        self.settings = outcome.settings
        return f"{change.site.resource}/config/appsettings", outcome.detail

    async def _restart(self, change: RestartSite) -> Done:
        if not self._restart_needed:
            return None, "by another run"
        site = change.site
        try:
            await self._azure.sites.restart(site.resource)
        except S2SError as error:
            if isinstance(error, ServiceError) and error.answer_lost:
                # Asked once, and not again: App Service restarts by itself when its settings change.
                return str(site.resource), "requested; the response was lost"
            by_hand = webapp_command("restart", site.resource)
            error.advise(f"The settings are saved. {error.advice} Or restart it yourself:", by_hand)
            raise
        return str(site.resource), ""
