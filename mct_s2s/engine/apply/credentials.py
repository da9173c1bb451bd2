"""How the credentials of client applications are made, and secrets and certificates removed: one function a kind.

A secret is the one thing without a key: its store notes the attempt first, and an answer that was lost is looked into
before another one is made. A private key is in its store before its certificate is registered. Federated credentials
are written by name: a repetition changes nothing.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime

from mct_s2s import clock
from mct_s2s.activity import waiting
from mct_s2s.concurrency import finish_even_if_cancelled
from mct_s2s.engine.apply.run import Run, Skipped, carry_out
from mct_s2s.errors import S2SError, ServiceError
from mct_s2s.model.client_credentials import CredentialKind, NewSecret, ending
from mct_s2s.model.client_sign_in import CertificateCredential, ClientSignIn, MadeCredential, SecretCredential
from mct_s2s.model.desired import CertificateSpec, FederatedSpec, SecretSpec
from mct_s2s.model.ids import ClientId, KeyId, same_id
from mct_s2s.planning.changes import AddCredential, Output, OutputRef, RemoveCredential
from mct_s2s.planning.secret_policy import LIFETIME_FORBIDDEN, OTHERWISE, shorter_ends, typed
from mct_s2s.stores.store import Store

TOKENS = 16
"""Asked for at once to test a credential: of three replicas, one that does not know it is missed once in 600 times."""
SECONDS_TO_CHANGE_OVER = 3.0
"""A caller that has just read the old secret asks for its token within this time."""
SECRET_ATTEMPTS = 5
"""Looks for a secret whose answer was lost, 3 s in all: Graph's replicas are mostly seconds behind."""
SECRET_PAUSE = 0.3
"""Seconds, times the attempt's number: replicas need a moment to show the secret whose answer was lost."""


async def _made_elsewhere(run: Run, change: AddCredential, store: Store) -> str | None:
    """Of the credential that another run has made at this moment, or this client's store got minutes ago."""
    if change.verify:
        return None
    if isinstance(change.object_id, OutputRef) and (others := run.created[change.object_id.key].credentials):
        return _registered(run, change, others[0].key_id, "created by another run at the same time")
    note, client_id = await store.note(), run.outputs.resolve(change.client_id)
    there = note.delivered if note.is_fresh(client_id, run.now, change.kind) else None
    if there is not None and there != change.instead_of:
        return _registered(run, change, there, f"created minutes ago, saved to {store.label}")
    return None


def _made(run: Run, change: AddCredential, key_id: KeyId, expires: datetime, value: str) -> MadeCredential:
    """What the client's store is given."""
    before = run.outcome.before
    assert before.tenant is not None  # credentials are only made where the directory was read
    return MadeCredential(
        before.tenant.id,
        run.outputs.resolve(change.client_id),
        credential=CertificateCredential(value.encode()) if change.kind.is_key else SecretCredential(value),
        authority=run.session.connection.cloud.authority_host,
        source=run.stores[change.client].label,
        scope=f"{run.outputs.resolve(change.audience)}/.default",
        url=before.site.url if before.site is not None else None,
        name=change.name,
        key_id=key_id,
        attempt=change.credential_name,
        expires=expires,
    )


async def _test(run: Run, sign_in: ClientSignIn, scope: str) -> None:
    """Have a credential give tokens at every replica."""
    await run.session.tokens.token(sign_in, scope, is_new=True, role=None, at_once=TOKENS)


async def _deliver(run: Run, change: AddCredential, store: Store, made: MadeCredential) -> str:
    """Have a credential tested, where it replaces another one, and stored."""
    if change.verify:
        await _test(run, made, made.scope)
    if not store.gives_away:
        await store.deliver(made)
    run.delivered[change.client] = clock.seconds(), made.key_id
    return _registered(run, change, made.key_id, ending(made.expires))


def _registered(run: Run, change: AddCredential, key_id: KeyId, detail: str = "") -> str:
    """Keep the id of a credential that is there."""
    run.outputs.record(change.key, Output.KEY_ID, key_id)
    return detail


@carry_out.register
async def add_credential(change: AddCredential, run: Run) -> str:
    """Make a credential; what is secret about it is in the client's store when this returns.

    Raises:
        S2SError: refused, or not answered.
    """
    match change.spec:
        case SecretSpec() as spec:
            return await _add_secret(change, spec, run)
        case CertificateSpec() as spec:
            return await _add_certificate(change, spec, run)
        case FederatedSpec() as spec:
            object_id, is_new = run.outputs.resolve(change.object_id), run.expects_lag(change)
            put = run.session.directory.put_federated_credential
            return _registered(run, change, await put(object_id, spec.federation, is_new=is_new))


async def _add_secret(change: AddCredential, spec: SecretSpec, run: Run) -> str:
    """Make a secret and store it; one that replaces another is tested first.

    Where that fails, the store knows the attempt, and the next run clears up after it.
    """
    store = run.stores[change.client]
    if found := await _made_elsewhere(run, change, store):
        return found
    await store.begin(change.credential_name, run.outputs.resolve(change.client_id))

    async def make() -> MadeCredential:
        secret = await _make(change, spec, run)
        _registered(run, change, secret.key_id)
        run.outputs.record(change.key, Output.EXPIRES, secret.expires.isoformat())
        made = _made(run, change, secret.key_id, secret.expires, secret.value)
        if store.gives_away:
            await store.deliver(made)
        return made

    # No later run can know of one that is given away: that is done at once, also where this run is interrupted.
    made = await (finish_even_if_cancelled(make()) if store.gives_away else make())
    return await _deliver(run, change, store, made)


async def _make(change: AddCredential, spec: SecretSpec, run: Run) -> NewSecret:
    """Make the secret; where the tenant forbids its lifetime and a shorter one will do, the next shorter one."""
    shorter = shorter_ends(spec.expires, run.now)
    for at, expires in enumerate((spec.expires, *shorter)):
        try:
            return await _make_until(change, expires, run)
        except ServiceError as error:
            if error.code != LIFETIME_FORBIDDEN:
                raise
            if spec.shorten and at < len(shorter):
                continue
            offered = f"--secret-lifetime {typed(shorter[0])} or sooner, or " if shorter else ""
            error.advise(f"Use a shorter lifetime: {offered}--auto-lifetime. Or {OTHERWISE}.")
            raise
    raise AssertionError(change)


async def _make_until(change: AddCredential, expires: datetime, run: Run) -> NewSecret:
    """Make the secret; one whose answer was lost is removed before another is made."""
    directory, object_id = run.session.directory, run.outputs.resolve(change.object_id)
    is_new = run.expects_lag(change)
    for attempt in range(1, SECRET_ATTEMPTS + 1):
        try:
            return await directory.add_secret(object_id, change.credential_name, expires, is_new=is_new)
        except ServiceError as error:
            if not error.answer_lost or attempt == SECRET_ATTEMPTS:
                raise
        with waiting("looking for the secret whose response was lost"):
            await asyncio.sleep(attempt * SECRET_PAUSE)
        application = await directory.application_by_object_id(object_id, is_new=is_new)
        for credential in application.credentials:
            if credential.name == change.credential_name:
                await directory.remove_secret(object_id, credential.key_id)
    raise AssertionError(change)


async def _add_certificate(change: AddCredential, spec: CertificateSpec, run: Run) -> str:
    """Register a certificate, the given one or that of a key pair which is made."""
    directory, object_id = run.session.directory, run.outputs.resolve(change.object_id)
    name, is_new = change.credential_name, run.expects_lag(change)
    if spec.given is not None:
        return _registered(run, change, await directory.add_certificate(object_id, spec.given, name, is_new=is_new))
    store = run.stores[change.client]
    if found := await _made_elsewhere(run, change, store):
        return found
    pem, certificate = await store.key_pair(f"mct-s2s {change.name}", spec.starts, spec.expires, change.pending)
    made = _made(run, change, certificate.key_id, spec.expires, pem)
    if store.gives_away:  # no later run can know of the key: it is given away before anything is registered
        await store.deliver(made)
    key_id = await directory.add_certificate(object_id, certificate, name, is_new=is_new)
    return await _deliver(run, change, store, replace(made, key_id=key_id))


@carry_out.register
async def remove_credential(change: RemoveCredential, run: Run) -> str:
    """Remove a secret or certificate; one that was replaced only after callers have had time to change over.

    Raises:
        S2SError: refused, not answered, or what replaces it is not in its store.
    """
    directory, new = run.session.directory, None
    if change.replaced_for is not None:
        new = await _settle(run, change, *change.replaced_for)
    if change.kind is CredentialKind.CERTIFICATE:
        if not await directory.remove_certificate(change.object_id, change.key_id, new):
            raise Skipped("kept: Entra ID does not show the new one yet; the next rotation removes it")
    else:
        await directory.remove_secret(change.object_id, change.key_id)
    return ""


async def _settle(run: Run, change: RemoveCredential, client_id: ClientId, scope: str) -> KeyId:
    """Wait until callers that have just read the old one are through; the new one has been tested by then."""
    delivered = run.delivered.get(change.name)
    if delivered is not None:
        left = max(0.0, delivered[0] + SECONDS_TO_CHANGE_OVER - clock.seconds())
        with waiting("waiting for callers that have just read it", seconds=left):
            await asyncio.sleep(left)
        return delivered[1]
    store = run.stores[change.name]
    stored = await store.read()
    is_new = stored is not None and same_id(stored.client_id, client_id)
    if stored is None or stored.key_id is None or not is_new or same_id(stored.key_id, change.key_id):
        raise S2SError(
            "secret-not-at-hand",
            f"The new {change.kind.noun} is not in {store.label}, so the old one was not removed.",
            remedy="Run rotate-secret again with the location of the secret: --secret-to PLACE",
        )
    await _test(run, stored, scope)
    return stored.key_id
