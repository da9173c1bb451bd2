"""Client secrets: made, stored where they were asked to go, tested where they replace another, and removed.

A secret is the one thing without a key: its store notes the attempt first, and an answer that was lost is looked
into before another one is made.
"""

from __future__ import annotations

import asyncio
from datetime import datetime

from mct_s2s import clock
from mct_s2s.concurrency import finish_even_if_cancelled
from mct_s2s.engine.apply.credentials.base import Done, Work
from mct_s2s.errors import S2SError, ServiceError
from mct_s2s.model.client_credentials import ending
from mct_s2s.model.client_sign_in import ClientSignIn, SecretCredential
from mct_s2s.model.ids import ClientId, KeyId, same_id
from mct_s2s.planning.changes import Part, RemoveSecret, Replacement
from mct_s2s.planning.credentials.secret import AddSecret
from mct_s2s.planning.secrets.secret_policy import LIFETIME_FORBIDDEN, OTHERWISE, shorter_ends, typed
from mct_s2s.ports.apply_progress import waiting
from mct_s2s.ports.secret_stores import NewSecret, SecretRecord, SecretStore

TOKENS = 16
"""Asked for at once to test a secret: of three replicas, one that does not know it is missed once in 600 times."""
SECONDS_TO_CHANGE_OVER = 3.0
"""A caller that has just read the old secret asks for its token within this time."""
SECRET_ATTEMPTS = 5
"""Looks for a secret whose answer was lost, 3 s in all: Graph's replicas are mostly seconds behind."""
SECRET_PAUSE = 0.3
"""Seconds, times the attempt's number: replicas need a moment to show the secret whose answer was lost."""


async def add(work: Work, change: AddSecret) -> Done:
    """Make a secret and store it; one that replaces another is tested first.

    Raises:
        S2SError: refused, or not answered; then the store knows the attempt, and the next run clears up after it.
    """
    store = work.context.stores[change.client]
    if not change.verify and (found := await work.made_elsewhere(change, store)):
        return found
    await store.begin(change.credential_name, work.results.resolve(change.client_id))
    record = work.record(change)
    if store.gives_away:
        # No later run can know of it: it is given away at once, also where this one is interrupted.
        secret = await finish_even_if_cancelled(_make_and_give(work, change, store, record))
        await _test_if_asked(work, change, record, secret)
    else:
        secret = await _make(work, change)
        await _test_if_asked(work, change, record, secret)
        _keep(work, change, secret)
        await store.deliver(record, secret)
    work.delivered_at[change.client] = clock.seconds()
    return secret.key_id, ending(secret.expires)


async def _make_and_give(work: Work, change: AddSecret, store: SecretStore, record: SecretRecord) -> NewSecret:
    secret = await _make(work, change)
    _keep(work, change, secret)
    await store.deliver(record, secret)
    return secret


def _keep(work: Work, change: AddSecret, secret: NewSecret) -> None:
    work.results.record(change.key, Part.KEY_ID, secret.key_id)
    work.results.record(change.key, Part.EXPIRES, secret.expires.isoformat())


async def _make(work: Work, change: AddSecret) -> NewSecret:
    """Make the secret; where the tenant forbids its lifetime and a shorter one will do, the next shorter one."""
    shorter = shorter_ends(change.expires, work.context.now)
    for at, expires in enumerate((change.expires, *shorter)):
        try:
            return await _make_until(work, change, expires)
        except ServiceError as error:
            if error.code != LIFETIME_FORBIDDEN:
                raise
            if change.shorten and at < len(shorter):
                continue
            offered = f"--secret-lifetime {typed(shorter[0])} or sooner, or " if shorter else ""
            error.advise(f"Use a shorter lifetime: {offered}--auto-lifetime. Or {OTHERWISE}.")
            raise
    raise AssertionError(change)


async def _make_until(work: Work, change: AddSecret, expires: datetime) -> NewSecret:
    """Make the secret; one whose answer was lost is removed before another is made."""
    directory, object_id = work.context.azure.directory, work.results.resolve(change.object_id)
    is_new = work.context.expects_lag(change)
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


async def remove(work: Work, change: RemoveSecret) -> Done:
    """Remove a secret; one that was replaced only after callers have had time to change over.

    Raises:
        S2SError: refused, not answered, or what replaces it is not in its store.
    """
    if change.replaced_by is not None:
        await _settle(work, change.replaced_by, change.key_id)
    await work.context.azure.directory.remove_secret(change.object_id, change.key_id)
    return change.key_id, ""


async def _settle(work: Work, replacement: Replacement, old: KeyId) -> None:
    """Wait until callers that have just read the old secret are through; the new one has been tested by then."""
    delivered_at = work.delivered_at.get(replacement.client)
    if delivered_at is not None:
        left = max(0.0, delivered_at + SECONDS_TO_CHANGE_OVER - clock.seconds())
        with waiting("waiting for callers that have just read it", seconds=left):
            await asyncio.sleep(left)
        return
    store = work.context.stores[replacement.client]
    stored = await store.read()
    if stored is None or not same_id(stored.client_id, replacement.client_id) or same_id(stored.key_id, old):
        raise S2SError(
            "secret-not-at-hand",
            f"The new secret is not in {store.label}, so the old one was not removed.",
            remedy="Run rotate-secret again with the location of the secret: --secret-to PLACE",
        )
    await _test(work, replacement.client_id, stored.secret, replacement.scope, stored.authority_host)


async def _test_if_asked(work: Work, change: AddSecret, record: SecretRecord, secret: NewSecret) -> None:
    if change.verify:
        await _test(work, record.client_id, secret.value, record.scope, record.authority_host)


async def _test(work: Work, client_id: ClientId, secret: str, scope: str, authority: str | None) -> None:
    tenant, tokens = work.context.tenant, work.context.tokens
    assert tenant is not None and tokens is not None  # noqa: S101, PT018  # given to every plan that tests secrets
    sign_in = ClientSignIn(tenant.id, client_id, SecretCredential(secret), authority)
    await tokens.token(sign_in, scope, is_new=True, role=None, at_once=TOKENS)
