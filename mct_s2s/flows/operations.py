"""One operation for each type of change: which requests it sends, and which ids it yields."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from mct_s2s.errors import NotThere, S2SError, ServiceError
from mct_s2s.flows.proofs import key_place, make_certificate
from mct_s2s.flows.recycle_bin import create_or_restore, explain_taken_uri
from mct_s2s.flows.settings import write_settings
from mct_s2s.model.access import ClientSignIn, SecretProof
from mct_s2s.model.ids import ApplicationObjectId, ClientId, KeyId, same_id
from mct_s2s.model.observed import Application, CredentialKind, Tenant
from mct_s2s.planning.changes import (
    AddCertificate,
    AddFederatedCredential,
    AddSecret,
    AlreadyRight,
    AnyChange,
    AssignAppRole,
    CreateApplication,
    CreateServicePrincipal,
    DeleteApplication,
    DisableIdentity,
    EnableIdentity,
    Part,
    PurgeApplication,
    Ref,
    RemoveSecret,
    Replacement,
    RestartSite,
    RestoreApplication,
    RestoreServicePrincipal,
    RevokeAppRole,
    UpdateApplication,
    WireApp,
    WriteSettings,
)
from mct_s2s.planning.edits import patch_for
from mct_s2s.planning.plan import Results
from mct_s2s.planning.secret_policy import LIFETIME_FORBIDDEN, OTHERWISE, shorter_ends, typed
from mct_s2s.ports import Azure, NewSecret, Progress, SecretPlace, SecretRecord, Tokens

PROOFS = 16
"""Tokens asked for at once as proof: of three replicas, one that does not know a secret is missed once in 600 times."""
SECONDS_TO_CHANGE_OVER = 3.0
"""A caller that has just read the old secret asks for its token within this time."""
SECRET_ATTEMPTS = 5
SECRET_PAUSE = 0.3
"""Seconds, times the attempt's number: replicas need a moment to show the secret whose answer was lost."""


@dataclass(frozen=True)
class Stage:
    """Where a plan is applied, and who watches."""

    azure: Azure
    tenant: Tenant | None
    places: Mapping[str, SecretPlace]
    expects_lag: Callable[[AnyChange], bool]
    """Whether *not there* may mean *not there yet* for a change."""
    now: datetime
    site_url: str | None
    progress: Progress
    tokens: Tokens | None = None
    """For proving secrets before they take others' places."""
    keep_settings: Callable[[Mapping[str, str | None]], None] | None = None
    """Keeps the settings as they were, before the first of them is written."""


class Operations:
    """Sends what a change stands for.

    Args:
        stage: the world outside.
        results: where the ids that changes yield are kept for the changes that refer to them.
        everything_else: waits until all changes but the settings and the restart are done.
        written: called as soon as the settings are written, while they are still being read back.
    """

    def __init__(
        self,
        stage: Stage,
        results: Results,
        everything_else: Callable[[WriteSettings], Awaitable[None]],
        written: Callable[[WriteSettings], None],
    ) -> None:
        self._stage = stage
        self._azure = stage.azure
        self._results = results
        self._everything_else = everything_else
        self._written = written
        self._found: dict[str, Application] = {}
        self._delivered_at: dict[str, float] = {}
        self._restart_needed = False
        self.settings: dict[str, str | None] | None = None

    async def do(self, change: AnyChange) -> tuple[str | None, str]:  # noqa: C901, PLR0911, PLR0912  # a flat table
        """Apply one change; return the id of what it made or touched, and a word on what came of it.

        Raises:
            S2SError: refused, or not answered.
        """
        match change:
            case CreateApplication():
                return await self._create_application(change)
            case UpdateApplication():
                return await self._update_application(change)
            case RestoreApplication():
                await self._azure.directory.restore_application(change.object_id)
                return change.client_id, ""
            case CreateServicePrincipal():
                return await self._create_principal(change)
            case RestoreServicePrincipal():
                return await self._restore_principal(change)
            case AddSecret():
                return await self._add_secret(change)
            case RemoveSecret():
                return await self._remove_secret(change)
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
                await self._azure.identities.disable(change.holder)
                return change.holder.principal_id, ""
            case AddCertificate():
                return await self._add_certificate(change)
            case AddFederatedCredential():
                return await self._add_federated_credential(change)
            case AssignAppRole():
                return await self._assign(change)
            case EnableIdentity():
                principal = await self._azure.identities.enable(change.holder)
                self._results.record(change.key, Part.PRINCIPAL_ID, principal)
                return principal, ""
            case WriteSettings():
                return await self._write_settings(change)
            case WireApp():
                outcome = await write_settings(self._azure.sites, change, self._results, _at_once, _untold)
                return f"{change.site.resource}/config/appsettings", outcome.detail
            case RestartSite():
                return await self._restart(change)
            case AlreadyRight():
                raise AssertionError(change)
            case _ as never:
                assert_never(never)

    async def _create_application(self, change: CreateApplication) -> tuple[str, str]:
        application, detail = await create_or_restore(self._azure.directory, change)
        self._found[change.key] = application
        self._results.record(change.key, Part.CLIENT_ID, application.client_id)
        self._results.record(change.key, Part.OBJECT_ID, application.object_id)
        return application.client_id, detail

    async def _update_application(self, change: UpdateApplication) -> tuple[str, str]:
        object_id = self._results.resolve(change.object_id)
        is_new = self._stage.expects_lag(change)
        application = await self._current(change.object_id, is_new=is_new)
        patch = patch_for(application, change.edits, self._results)
        if not patch.is_empty:
            try:
                await self._azure.directory.update_application(object_id, patch, is_new=is_new)
            except ServiceError as error:
                await explain_taken_uri(self._azure, application, patch, error)
                raise
        uri = self._results.uri(change.edits.uri) if change.edits.uri else None
        return object_id, f"{uri}, {change.detail}" if uri and change.is_new else ""

    async def _current(self, object_id: ApplicationObjectId | Ref[ApplicationObjectId], *, is_new: bool) -> Application:
        """The application as it stands: what its creation answered moments ago, or a fresh reading."""
        if isinstance(object_id, Ref):
            return self._found[object_id.key]
        return await self._azure.directory.application_by_object_id(object_id, is_new=is_new)

    async def _create_principal(self, change: CreateServicePrincipal) -> tuple[str, str]:
        client_id = self._results.resolve(change.client_id)
        principal = await self._azure.directory.create_principal(client_id, is_new=self._stage.expects_lag(change))
        self._results.record(change.key, Part.PRINCIPAL_ID, principal.id)
        return principal.id, ""

    async def _restore_principal(self, change: RestoreServicePrincipal) -> tuple[str, str]:
        directory, client_id = self._azure.directory, change.client_id
        if await directory.restore_principal(change.principal.id):
            principal_id, detail = change.principal.id, change.detail
        else:  # it came back with its application, or somebody made another one
            principal_id, detail = (await directory.create_principal(client_id, is_new=True)).id, "new"
        self._results.record(change.key, Part.PRINCIPAL_ID, principal_id)
        self._results.restored_consents[change.key] = tuple(await directory.assignments_to(client_id, is_new=True))
        return principal_id, detail

    async def _add_secret(self, change: AddSecret) -> tuple[str | None, str]:
        place = self._stage.places[change.client]
        is_new = self._stage.expects_lag(change)
        if isinstance(change.object_id, Ref):
            made_meanwhile = self._found[change.object_id.key].credentials
            if made_meanwhile:
                return made_meanwhile[0].key_id, "another run gave it one at this moment"
        note = await place.note()
        fresh = note.is_fresh(self._results.resolve(change.client_id), self._stage.now)
        if not change.prove and fresh and note.delivered != change.instead_of:
            return note.delivered, f"made minutes ago, saved to {place.label}"
        await place.begin(change.credential_name)
        secret = await self._make_secret(change, is_new=is_new)
        record = self._record(change)
        if change.prove:
            await self._prove(record.client_id, secret.value, record.scope)
        await place.deliver(record, secret)
        self._delivered_at[change.client] = time.monotonic()
        self._results.record(change.key, Part.KEY_ID, secret.key_id)
        self._results.record(change.key, Part.EXPIRES, secret.expires.isoformat())
        return secret.key_id, f"expires {secret.expires:%Y-%m-%d}, saved to {place.label}"

    async def _make_secret(self, change: AddSecret, *, is_new: bool) -> NewSecret:
        """Make the secret; where the tenant forbids its lifetime and a shorter one will do, the next shorter one."""
        shorter = shorter_ends(change.expires, self._stage.now)
        for at, expires in enumerate((change.expires, *shorter)):
            try:
                return await self._make_secret_until(change, expires, is_new=is_new)
            except ServiceError as error:
                if error.code != LIFETIME_FORBIDDEN:
                    raise
                if change.shorten and at < len(shorter):
                    continue
                offered = f"--secret-lifetime {typed(shorter[0])} or sooner, or " if shorter else ""
                error.remedy = f"Take a shorter one: {offered}--auto-lifetime. Or {OTHERWISE}."
                raise
        raise AssertionError(change)

    async def _make_secret_until(self, change: AddSecret, expires: datetime, *, is_new: bool) -> NewSecret:
        """Make the secret; one whose answer was lost is removed before another is made."""
        directory, object_id = self._azure.directory, self._results.resolve(change.object_id)
        for attempt in range(1, SECRET_ATTEMPTS + 1):
            try:
                return await directory.add_secret(object_id, change.credential_name, expires, is_new=is_new)
            except ServiceError as error:
                if not error.answer_lost or attempt == SECRET_ATTEMPTS:
                    raise
            await asyncio.sleep(attempt * SECRET_PAUSE)
            application = await directory.application_by_object_id(object_id, is_new=is_new)
            for credential in application.credentials:
                if credential.name == change.credential_name:
                    await directory.remove_secret(object_id, credential.key_id)
        raise AssertionError(change)

    async def _remove_secret(self, change: RemoveSecret) -> tuple[str, str]:
        if change.replaced_by is not None:
            await self._settle(change.replaced_by, change.key_id)
        await self._azure.directory.remove_secret(change.object_id, change.key_id)
        return change.key_id, ""

    async def _settle(self, replacement: Replacement, old: KeyId) -> None:
        """Wait until callers that have just read the old secret are through; the new one has proved itself by then."""
        delivered_at = self._delivered_at.get(replacement.client)
        if delivered_at is not None:
            await asyncio.sleep(max(0.0, delivered_at + SECONDS_TO_CHANGE_OVER - time.monotonic()))
            return
        place = self._stage.places[replacement.client]
        stored = await place.read()
        if stored is None or not same_id(stored.client_id, replacement.client_id) or same_id(stored.key_id, old):
            raise NotThere(
                "secret-not-at-hand",
                f"The new secret is not in {place.label}, so the old one was not removed.",
                remedy="Rotate once more, and say where the secret is to go: --secret-to PLACE",
            )
        await self._prove(replacement.client_id, stored.secret, replacement.scope)

    async def _prove(self, client_id: ClientId, secret: str, scope: str) -> None:
        tenant, tokens = self._stage.tenant, self._stage.tokens
        assert tenant is not None and tokens is not None  # noqa: S101, PT018  # given to every plan that proves secrets
        sign_in = ClientSignIn(tenant.id, client_id, SecretProof(secret))
        await tokens.token(sign_in, scope, is_new=True, role=None, at_once=PROOFS)

    async def _add_certificate(self, change: AddCertificate) -> tuple[str | None, str]:
        directory, object_id = self._azure.directory, self._results.resolve(change.object_id)
        is_new = self._stage.expects_lag(change)
        if change.given is not None:
            key_id = await directory.add_certificate(object_id, change.given, change.credential_name, is_new=is_new)
            self._results.record(change.key, Part.KEY_ID, key_id)
            return key_id, ""
        place = key_place(self._stage.places, change.client)
        if isinstance(change.object_id, Ref):
            made_meanwhile = self._found[change.object_id.key].credentials
            if made_meanwhile:
                return made_meanwhile[0].key_id, "another run gave it one at this moment"
        note = await place.note()
        client_id = self._results.resolve(change.client_id)
        fresh = note.is_fresh(client_id, self._stage.now, CredentialKind.CERTIFICATE)
        if fresh and note.delivered != change.instead_of:
            return note.delivered, f"made minutes ago, saved to {place.label}"
        key_id = await make_certificate(directory, place, change, object_id, self._record(change), is_new=is_new)
        self._results.record(change.key, Part.KEY_ID, key_id)
        return key_id, f"expires {change.expires:%Y-%m-%d}, saved to {place.label}"

    async def _add_federated_credential(self, change: AddFederatedCredential) -> tuple[str, str]:
        object_id = self._results.resolve(change.object_id)
        is_new = self._stage.expects_lag(change)
        key_id = await self._azure.directory.put_federated_credential(object_id, change.federation, is_new=is_new)
        self._results.record(change.key, Part.KEY_ID, key_id)
        return key_id, ""

    def _record(self, change: AddSecret | AddCertificate) -> SecretRecord:
        assert self._stage.tenant is not None  # noqa: S101  # secrets are only made where the directory was read
        return SecretRecord(
            tenant_id=self._stage.tenant.id,
            client_id=self._results.resolve(change.client_id),
            client_name=change.name,
            credential_name=change.credential_name,
            scope=f"{self._results.uri(change.audience)}/.default",
            url=self._stage.site_url,
            authority_host=self._azure.authority_host,
        )

    async def _assign(self, change: AssignAppRole) -> tuple[str | None, str]:
        assignment = await self._azure.directory.assign(
            self._results.resolve(change.principal),
            self._results.resolve(change.service),
            change.role,
            is_new=self._stage.expects_lag(change),
        )
        if assignment is None:
            return None, "stood already"
        self._results.record(change.key, Part.ASSIGNMENT_ID, assignment.id)
        return assignment.id, ""

    async def _write_settings(self, change: WriteSettings) -> tuple[str | None, str]:
        def written(did_write: bool) -> None:
            self._restart_needed = did_write
            self._written(change)

        outcome = await write_settings(
            self._azure.sites,
            change,
            self._results,
            lambda: self._everything_else(change),
            written,
            self._stage.keep_settings,
        )
        self.settings = outcome.settings
        return f"{change.site.resource}/config/appsettings", outcome.detail

    async def _restart(self, change: RestartSite) -> tuple[str | None, str]:
        if not self._restart_needed:
            return None, "not needed"
        site = change.site
        try:
            await self._azure.sites.restart(site.resource)
        except S2SError as error:
            if isinstance(error, ServiceError) and error.answer_lost:
                # Asked once, and not again: App Service restarts by itself when its settings change.
                return str(site.resource), "asked for; the answer was lost"
            slot = f" --slot {site.resource.slot}" if site.resource.slot else ""
            error.remedy = (
                f"The settings are saved. Restart it by hand: az webapp restart -g {site.resource.resource_group} "
                f"-n {site.name}{slot}, or ask for the right to: {error.remedy}"
            )
            raise
        return str(site.resource), ""


async def _at_once() -> None:
    """Nothing else has to be waited for: the plan's order has seen to it."""


def _untold(did_write: bool) -> None:
    """Nobody waits for the write: App Service restarts the app by itself."""
    del did_write
