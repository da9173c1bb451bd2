"""Credentials of client applications: made, stored where they were asked to go, proved, and taken out again.

A secret is the one thing without a key: its place is told of the attempt first, and an answer that was lost is looked
into before another one is made.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime

from mct_s2s import clock
from mct_s2s.concurrency import to_the_end
from mct_s2s.engine.apply.context import ApplyContext, Postponed
from mct_s2s.engine.apply.proofs import key_store, make_certificate
from mct_s2s.errors import NotShown, NotThere, S2SError, ServiceError
from mct_s2s.model.client_sign_in import ClientSignIn, SecretProof
from mct_s2s.model.commands import command
from mct_s2s.model.ids import ClientId, KeyId, same_id
from mct_s2s.model.observed import Application, CredentialKind, ending
from mct_s2s.planning.changes import (
    AddCertificate,
    AddFederatedCredential,
    AddSecret,
    Part,
    Ref,
    RefreshReference,
    RemoveSecret,
    Replacement,
)
from mct_s2s.planning.plan import Results
from mct_s2s.planning.rotation import REFERENCES_FOLLOW_HOURS
from mct_s2s.planning.secret_policy import LIFETIME_FORBIDDEN, OTHERWISE, shorter_ends, typed
from mct_s2s.planning.wire import CLIENT_SECRET
from mct_s2s.ports import NewSecret, SecretRecord, SecretStore

PROOFS = 16
"""Tokens asked for at once as proof: of three replicas, one that does not know a secret is missed once in 600 times."""
SECONDS_TO_CHANGE_OVER = 3.0
"""A caller that has just read the old secret asks for its token within this time."""
SECONDS_TO_REFRESH = 60.0
"""For so long a reference may show the old version after a refresh was asked for."""
REFRESH_PAUSE = 2.0
SECONDS_TO_RECYCLE = 30.0
"""The app's old process, with the old secret, goes on until the new one is there."""
NEXT_ROTATION = "the next rotation after that removes it"
SECRET_ATTEMPTS = 5
SECRET_PAUSE = 0.3
"""Seconds, times the attempt's number: replicas need a moment to show the secret whose answer was lost."""


def removal_command(client_id: ClientId, key_id: KeyId, kind: CredentialKind = CredentialKind.SECRET) -> str:
    """What a person types to remove one secret or certificate."""
    cert = ["--cert"] if kind is CredentialKind.CERTIFICATE else []
    return command("az", "ad", "app", "credential", "delete", "--id", client_id, "--key-id", key_id, *cert)


class Credentials:
    """Adds and removes what clients sign in with.

    Args:
        stage: the world outside.
        results: where the ids that changes yield are kept.
        found: applications that this run has created, by the key of the change.
    """

    def __init__(self, stage: ApplyContext, results: Results, found: Mapping[str, Application]) -> None:
        self._stage = stage
        self._azure = stage.azure
        self._results = results
        self._found = found
        self._delivered_at: dict[str, float] = {}

    async def add_secret(self, change: AddSecret) -> tuple[str | None, str]:
        """Make a secret and store it; one that takes another's place proves itself first.

        Raises:
            S2SError: refused, or not answered; then the place knows the attempt, and the next run clears up after it.
        """
        store = self._stage.stores[change.client]
        is_new = self._stage.expects_lag(change)
        if isinstance(change.object_id, Ref):
            made_meanwhile = self._found[change.object_id.key].credentials
            if made_meanwhile:
                return made_meanwhile[0].key_id, "created by another run at the same time"
        note = await store.note()
        fresh = note.is_fresh(self._results.resolve(change.client_id), self._stage.now)
        if not change.prove and fresh and note.delivered != change.instead_of:
            return note.delivered, f"created minutes ago, saved to {store.label}"
        await store.begin(change.credential_name, self._results.resolve(change.client_id))
        record = self._record(change)
        if store.is_shown:
            # Nobody reads it there, so it takes nobody's place before it has proved itself; and no later run can know
            # of it: from here on it is shown, or it is taken back.
            secret = await to_the_end(self._make_and_show(change, store, record, is_new=is_new))
            if change.prove:
                await self._prove(record.client_id, secret.value, record.scope, record.authority_host)
        else:
            secret = await self._make_secret(change, is_new=is_new)
            if change.prove:
                await self._prove(record.client_id, secret.value, record.scope, record.authority_host)
            self._made(change, secret)
            await store.deliver(record, secret)
        self._delivered_at[change.client] = clock.seconds()
        return secret.key_id, f"{ending(secret.expires)}, saved to {store.label}"

    def _made(self, change: AddSecret, secret: NewSecret) -> None:
        self._results.record(change.key, Part.KEY_ID, secret.key_id)
        self._results.record(change.key, Part.EXPIRES, secret.expires.isoformat())

    async def _make_and_show(
        self, change: AddSecret, store: SecretStore, record: SecretRecord, *, is_new: bool
    ) -> NewSecret:
        """Make a secret and show it at once; one that nobody could see is taken back."""
        secret = await self._make_secret(change, is_new=is_new)
        self._made(change, secret)
        try:
            await store.deliver(record, secret)
        except NotShown as error:
            object_id = self._results.resolve(change.object_id)
            try:
                await self._azure.directory.remove_secret(object_id, secret.key_id)
            except S2SError:
                error.advise(
                    "Remove it, then run the same command again:", removal_command(record.client_id, secret.key_id)
                )
            raise
        return secret

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
                error.advise(f"Use a shorter lifetime: {offered}--auto-lifetime. Or {OTHERWISE}.")
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

    async def remove_secret(self, change: RemoveSecret) -> tuple[str, str]:
        """Remove a secret; one that was replaced only after callers have had time to change over.

        Raises:
            NotThere: what replaces it is not at its place.
            Postponed: an app still reads the old one.
            S2SError: refused, or not answered.
        """
        if any(self._results.known(Ref[KeyId](key, Part.REFRESHED)) is None for key in change.once_refreshed):
            raise Postponed(f"kept for {REFERENCES_FOLLOW_HOURS} hours: an app may still read it; {NEXT_ROTATION}")
        if change.replaced_by is not None:
            await self._settle(change.replaced_by, change.key_id)
        await self._azure.directory.remove_secret(change.object_id, change.key_id)
        return change.key_id, ""

    async def refresh(self, change: RefreshReference) -> tuple[str, str]:
        """Have an app read the new version, and wait until App Service says that it does.

        Whatever comes in between is no failure: within a day the app reads it anyway, and the old secret stays so long.
        """
        try:
            version = await self._refreshed(change)
        except S2SError as error:
            return str(change.site.resource), f"not confirmed: {error.message}"
        if version is None:
            return str(change.site.resource), "requested; App Service has not confirmed it yet"
        self._results.record(change.key, Part.REFRESHED, version)
        return str(change.site.resource), "reads the new secret"

    async def _refreshed(self, change: RefreshReference) -> str | None:
        """The version that the app reads, once that is the one that its place holds."""
        stored = await self._stage.stores[change.client].read()
        if stored is None or stored.version is None:
            return None
        sites, resource = self._azure.sites, change.site.resource
        if await sites.active_version(resource, CLIENT_SECRET) != stored.version:
            await sites.refresh_references(resource)
            until = clock.seconds() + SECONDS_TO_REFRESH
            while await sites.active_version(resource, CLIENT_SECRET) != stored.version:
                if clock.seconds() >= until:
                    return None
                await asyncio.sleep(REFRESH_PAUSE)
            await asyncio.sleep(SECONDS_TO_RECYCLE)
        return stored.version

    async def _settle(self, replacement: Replacement, old: KeyId) -> None:
        """Wait until callers that have just read the old secret are through; the new one has proved itself by then."""
        delivered_at = self._delivered_at.get(replacement.client)
        if delivered_at is not None:
            await asyncio.sleep(max(0.0, delivered_at + SECONDS_TO_CHANGE_OVER - clock.seconds()))
            return
        store = self._stage.stores[replacement.client]
        stored = await store.read()
        if stored is None or not same_id(stored.client_id, replacement.client_id) or same_id(stored.key_id, old):
            raise NotThere(
                "secret-not-at-hand",
                f"The new secret is not in {store.label}, so the old one was not removed.",
                remedy="Run rotate-secret again with the location of the secret: --secret-to PLACE",
            )
        await self._prove(replacement.client_id, stored.secret, replacement.scope, stored.authority_host)

    async def _prove(self, client_id: ClientId, secret: str, scope: str, authority: str | None) -> None:
        tenant, tokens = self._stage.tenant, self._stage.tokens
        assert tenant is not None and tokens is not None  # noqa: S101, PT018  # given to every plan that proves secrets
        sign_in = ClientSignIn(tenant.id, client_id, SecretProof(secret), authority)
        await tokens.token(sign_in, scope, is_new=True, role=None, at_once=PROOFS)

    async def add_certificate(self, change: AddCertificate) -> tuple[str | None, str]:
        """Register a certificate; the key of one that is made lies at its place before that.

        Raises:
            S2SError: refused, or not answered.
        """
        directory, object_id = self._azure.directory, self._results.resolve(change.object_id)
        is_new = self._stage.expects_lag(change)
        if change.given is not None:
            key_id = await directory.add_certificate(object_id, change.given, change.credential_name, is_new=is_new)
            self._results.record(change.key, Part.KEY_ID, key_id)
            return key_id, ""
        store = key_store(self._stage.stores, change.client)
        if isinstance(change.object_id, Ref):
            made_meanwhile = self._found[change.object_id.key].credentials
            if made_meanwhile:
                return made_meanwhile[0].key_id, "created by another run at the same time"
        note = await store.note()
        client_id = self._results.resolve(change.client_id)
        fresh = note.is_fresh(client_id, self._stage.now, CredentialKind.CERTIFICATE)
        if fresh and note.delivered != change.instead_of:
            return note.delivered, f"created minutes ago, saved to {store.label}"
        key_id = await make_certificate(directory, store, change, object_id, self._record(change), is_new=is_new)
        self._results.record(change.key, Part.KEY_ID, key_id)
        return key_id, f"{ending(change.expires)}, saved to {store.label}"

    async def add_federated_credential(self, change: AddFederatedCredential) -> tuple[str, str]:
        """Let another issuer's tokens stand for the client.

        Raises:
            S2SError: refused, or not answered.
        """
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
