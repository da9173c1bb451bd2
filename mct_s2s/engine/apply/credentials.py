"""Make and remove credentials; after a lost answer or an interruption, the next run finds what there is.

So a secret's store notes the attempt first, and a private key is stored before its certificate is registered.
"""

import asyncio
from dataclasses import replace
from datetime import datetime
from functools import partial

from mct_s2s import clock
from mct_s2s.activity import waiting
from mct_s2s.concurrency import finish_even_if_cancelled
from mct_s2s.engine.apply.run import Run, Skipped, carry_out
from mct_s2s.errors import S2SError, ServiceError
from mct_s2s.model.client_credentials import CLOCKS_DIFFER, GIVEN, OUR_CREDENTIALS, Federation, NewCredential, ending
from mct_s2s.model.client_sign_in import CertificateCredential, ClientSignIn, MadeCredential, SecretCredential
from mct_s2s.model.ids import KeyId, same_id
from mct_s2s.planning.changes import AddCredential, Output, OutputRef, RemoveCredential
from mct_s2s.planning.secret_policy import LIFETIME_FORBIDDEN, OTHERWISE, last_end, shorter, typed
from mct_s2s.stores.store import Store

SECONDS_TO_CHANGE_OVER = 3.0
"""A caller that has just read the old secret asks for its token within this time."""


@carry_out.register
async def add_credential(change: AddCredential, run: Run) -> str:
    """One that replaces another is tested before it is stored; if that fails, the next run finds the noted attempt."""
    directory, object_id = run.session.directory, run.outputs.resolve(change.object_id)
    name, outputs = run.outcome.request.credential_name, run.outputs
    spec = change.spec
    if not isinstance(spec, NewCredential):
        if isinstance(spec, Federation):
            key_id = await directory.put_federated_credential(object_id, spec)
        else:
            key_id = await directory.add_certificate(object_id, spec, name.replace(OUR_CREDENTIALS, GIVEN, 1))
        outputs[change.key, Output.KEY_ID] = key_id
        return ""
    store = run.stores[change.name]
    if found := await _made_elsewhere(run, change, store):
        outputs[change.key, Output.KEY_ID] = found[0]
        return found[1]

    before = run.outcome.before
    assert before.tenant is not None  # credentials are only made where the directory was read
    made_of = partial(
        MadeCredential,
        before.tenant.id,
        outputs.resolve(change.client_id),
        authority=run.session.connection.cloud.authority_host,
        source=store.label,
        scope=f"{outputs.resolve(change.audience)}/.default",
        url=before.app_service.url if before.app_service is not None else None,
        name=change.name,
        attempt=name,
    )

    async def make() -> MadeCredential:
        if spec.kind.is_key:
            starts = run.now.replace(microsecond=0) - CLOCKS_DIFFER
            pem, certificate = await store.key_pair(f"mct-s2s {change.name}", starts, spec.expires)
            credential = CertificateCredential(pem.encode())
            made = made_of(credential=credential, key_id=certificate.key_id, expires=spec.expires)
            if store.gives_away:  # no later run can know of the key: it is given away before anything is registered
                await store.deliver(made)
            key_id = await directory.add_certificate(object_id, certificate, name)
            outputs[change.key, Output.KEY_ID] = key_id
            return replace(made, key_id=key_id)
        await store.begin(name, outputs.resolve(change.client_id))
        key_id, expires, secret = await _new_secret(run, change, spec)
        made = made_of(credential=secret, key_id=key_id, expires=expires)
        outputs[change.key, Output.KEY_ID] = made.key_id
        outputs[change.key, Output.EXPIRES] = made.expires.isoformat()
        if store.gives_away:
            await store.deliver(made)
        return made

    # No later run can know of one that is given away: that is done at once, also where this run is interrupted.
    made = await (finish_even_if_cancelled(make()) if store.gives_away else make())
    if change.verify:
        await _test(run, made, made.scope)
    if not store.gives_away:
        await store.deliver(made)
    run.delivered[change.name] = clock.seconds(), made.key_id
    return ending(made.expires)


async def _made_elsewhere(run: Run, change: AddCredential, store: Store) -> tuple[KeyId, str] | None:
    """The credential that another run is making now, or that this client's store got minutes ago."""
    if change.verify:
        return None
    if isinstance(change.object_id, OutputRef) and (others := run.outcome.created[change.object_id.key].credentials):
        return others[0].key_id, "created by another run at the same time"
    note, planned = await store.note(), run.outcome.before.note_of(change.name)
    is_fresh = note.is_fresh(run.outputs.resolve(change.client_id), run.now, change.kind)
    # What was there when this was planned is good for nothing.
    if is_fresh and note.delivered is not None and note.delivered != planned.delivered:
        return note.delivered, f"created minutes ago, saved to {store.label}"
    return None


async def _new_secret(run: Run, change: AddCredential, spec: NewCredential) -> tuple[KeyId, datetime, SecretCredential]:
    add, object_id = run.session.directory.add_secret, run.outputs.resolve(change.object_id)
    limits = shorter(spec.expires, run.now)
    ends = (spec.expires, *(last_end(limit, run.now) for limit in limits))
    for expires in ends:
        try:
            return await add(object_id, run.outcome.request.credential_name, expires)
        except ServiceError as error:
            if error.code != LIFETIME_FORBIDDEN:
                raise
            if not spec.shorten or expires == ends[-1]:
                offered = f"{typed(limits[0])} or less, or " if limits else ""
                error.advise(f"Use a shorter lifetime: {offered}--auto-lifetime. Or {OTHERWISE}.")
                raise
    raise AssertionError(change)


async def _test(run: Run, sign_in: ClientSignIn, scope: str) -> None:
    await run.session.tokens.token(sign_in, scope, everywhere=True)


@carry_out.register
async def remove_credential(change: RemoveCredential, run: Run) -> str:
    directory, new, delivered = run.session.directory, None, run.delivered.get(change.name)
    if change.replaced_for is not None and delivered is not None:  # it has been tested
        left = max(0.0, delivered[0] + SECONDS_TO_CHANGE_OVER - clock.seconds())
        with waiting("waiting for callers that have just read it"):
            await asyncio.sleep(left)
        new = delivered[1]
    elif change.replaced_for is not None:
        (client_id, scope), store = change.replaced_for, run.stores[change.name]
        stored = await store.read()
        new = stored.key_id if stored is not None and same_id(stored.client_id, client_id) else None
        if stored is None or new in {None, change.key_id}:
            raise S2SError(
                "secret-not-at-hand",
                f"The new {change.kind.noun} is not in {store.label}, so the old one was not removed.",
                remedy="Run rotate-secret again with the location of the secret: --secret-to PLACE",
            )
        await _test(run, stored, scope)
    if not change.kind.is_key:
        await directory.remove_secret(change.object_id, change.key_id)
    elif not await directory.remove_certificate(change.object_id, change.key_id, new):
        raise Skipped("kept: Entra ID does not show the new one yet; the next rotation removes it")
    return ""
