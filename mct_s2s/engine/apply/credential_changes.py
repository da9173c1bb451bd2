"""Create and remove credentials, so that the next run finds what an interrupted one has left.

The attempt at a secret is noted before Azure is asked for it: at its store, where that can keep a
note, and by a tag of the registration (`attempts.py`). A private key is stored before its
certificate is registered. A secret that its store does not take is removed again.
"""

import asyncio
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, assert_never

from mct_s2s import clock
from mct_s2s.activity import waiting
from mct_s2s.azure.graph import credentials
from mct_s2s.concurrency import finish_even_if_cancelled
from mct_s2s.engine.apply.attempts import Attempt
from mct_s2s.engine.apply.plan_run import Postponed, Run, Skipped
from mct_s2s.engine.outcome import Outcome
from mct_s2s.errors import S2SError, ServiceError
from mct_s2s.model.client_credentials import (
    CLOCKS_DIFFER,
    GIVEN,
    OUR_CREDENTIALS,
    Certificate,
    Federation,
    NewCredential,
    attempt_tag,
    ending,
)
from mct_s2s.model.client_sign_in import (
    CertificateCredential,
    ClientRemedy,
    ClientSignIn,
    MadeCredential,
    SecretCredential,
    TokenRefused,
)
from mct_s2s.model.ids import ClientId, KeyId, same_id
from mct_s2s.planning.api_address import stored_url
from mct_s2s.planning.changes import AddCredential, Output, OutputRef, RemoveCredential
from mct_s2s.planning.secret_policy import LIFETIME_FORBIDDEN, OTHERWISE, last_end, shorter, typed
from mct_s2s.stores.remembered_registrations import RememberedAttempts
from mct_s2s.stores.store import Store
from mct_s2s.waits import CHANGE_OVER_SECONDS

if TYPE_CHECKING:
    from mct_s2s.azure.graph.client import GraphClient


async def add_credential(change: AddCredential, run: Run) -> str:
    spec = change.spec
    if not isinstance(spec, NewCredential):
        run.outputs[change.key, Output.KEY_ID] = await _add_public(change, spec, run)
        return ""
    store = run.stores[change.name]
    existing = await _find_existing(run, change, store)
    if existing is not None:
        key_id, remark = existing
        run.outputs[change.key, Output.KEY_ID] = key_id
        return remark
    add = _add_key if spec.kind.is_key else _add_secret
    credential = await add(change, spec, run, store)
    run.delivered[change.name] = (clock.seconds(), credential.key_id)
    return ending(credential.expires)


async def _add_public(change: AddCredential, spec: Federation | Certificate, run: Run) -> KeyId:
    """Add a credential that has nothing secret, or whose key someone else keeps."""
    graph = run.session.graph
    object_id = run.outputs.resolve(change.object_id)
    match spec:
        case Federation():
            return await credentials.put_federated(graph, object_id, spec)
        case Certificate():
            name = run.outcome.request.credential_name.replace(OUR_CREDENTIALS, GIVEN, 1)
            return await credentials.add_certificate(graph, object_id, spec, name)
        case _:
            assert_never(spec)


async def _find_existing(run: Run, change: AddCredential, store: Store) -> tuple[KeyId, str] | None:
    """Find a credential that another run is creating, or that this store received minutes ago.

    Returns its id, and a remark.
    """
    # `verify` is set by rotations alone, which replace what is there in any case.
    if change.verify:
        return None
    was_existing = False
    if isinstance(change.object_id, OutputRef):
        registration = run.outcome.created[change.object_id.key]
        if registration.credentials:
            return registration.credentials[0].key_id, "created by another run at the same time"
        was_existing = registration.object_id in run.outcome.used_existing
    note = await store.note()
    if note.delivered is None or not note.is_fresh(
        run.outputs.resolve(change.client_id), run.now, change.kind
    ):
        return None
    # A plan that knew the stored one wants another; unless no replica showed it the registration.
    if note.delivered == run.outcome.before.note_of(change.name).delivered and not was_existing:
        return None
    return note.delivered, f"created minutes ago, saved to {store.secret_place}"


# A private key and its certificate


async def _add_key(
    change: AddCredential, spec: NewCredential, run: Run, store: Store
) -> MadeCredential:
    """Create a key pair and register its certificate. If it fails, the key stays for a later run.

    One that replaces another is tested before it is stored, unless its store gives it away.
    """
    attempt = _new_attempt(change, run, store)
    try:
        if store.gives_away:
            creation = _create_key(change, spec, run, attempt)
            credential = await finish_even_if_cancelled(creation)
            await _test_replacement(change, run, credential)
        else:
            credential = await _create_key(change, spec, run, attempt)
            await _test_replacement(change, run, credential)
            await store.deliver(credential)
    except asyncio.CancelledError:
        if store.handed_over is not None and attempt.key_id is not None:
            run.outcome.finish(change, "")
        raise
    return credential


async def _create_key(
    change: AddCredential, spec: NewCredential, run: Run, attempt: Attempt
) -> MadeCredential:
    store = attempt.store
    starts = run.now.replace(microsecond=0) - CLOCKS_DIFFER
    pem, certificate = await store.key_pair(f"mct-s2s {change.name}", starts, spec.expires)
    private_key = CertificateCredential(pem.encode())
    credential = _made_credential(change, run, store, private_key, certificate.key_id, spec.expires)
    # A certificate whose key reached no one could never be used.
    if store.gives_away:
        await store.deliver(credential)
    if store.arrives_last:
        await _begin(attempt, change, run)
    run.let_settings_be_read(change)
    key_id = await credentials.add_certificate(
        run.session.graph, attempt.object_id, certificate, attempt.name
    )
    attempt.key_id = key_id
    run.outputs[change.key, Output.KEY_ID] = key_id
    return replace(credential, key_id=key_id)


# A secret


async def _add_secret(
    change: AddCredential, spec: NewCredential, run: Run, store: Store
) -> MadeCredential:
    """Create a secret and bring it to its store. If that fails, remove it again.

    One that replaces another is tested before readers of the store see it, unless that gives it
    away.
    """
    attempt = _new_attempt(change, run, store)
    try:
        if store.gives_away:
            # No later run can read what was shown or handed over, and by its tag one would remove
            # it: even if this run is interrupted, the secret reaches its reader or is removed.
            creation = _create_and_deliver_secret(change, spec, run, attempt)
            credential = await finish_even_if_cancelled(creation)
            await _test_replacement(change, run, credential)
        else:
            # An interrupted request may have made a secret whose text nobody has read.
            creation = _create_secret(change, spec, run, attempt)
            deadline = run.session.connection.deadline
            credential = await finish_even_if_cancelled(creation, deadline=deadline)
            await _test_replacement(change, run, credential)
            await finish_even_if_cancelled(_deliver(credential, attempt, change, run))
    except BaseException as error:
        await _end_failed(attempt, change, run, error)
        raise
    return credential


async def _create_and_deliver_secret(
    change: AddCredential, spec: NewCredential, run: Run, attempt: Attempt
) -> MadeCredential:
    credential = await _create_secret(change, spec, run, attempt)
    await _deliver(credential, attempt, change, run)
    return credential


async def _create_secret(
    change: AddCredential, spec: NewCredential, run: Run, attempt: Attempt
) -> MadeCredential:
    await _begin(attempt, change, run)
    run.let_settings_be_read(change)
    secret = await _request_secret(run, change, spec)
    attempt.key_id = secret.key_id
    attempt.may_have_duplicate = secret.may_have_duplicate
    run.outputs[change.key, Output.KEY_ID] = secret.key_id
    run.outputs[change.key, Output.EXPIRES] = secret.expires.isoformat()
    store = attempt.store
    return _made_credential(change, run, store, secret.credential, secret.key_id, secret.expires)


async def _request_secret(
    run: Run, change: AddCredential, spec: NewCredential
) -> credentials.NewSecret:
    """Ask Graph for a secret; again for a shorter one where the tenant's policy refuses it."""
    object_id = run.outputs.resolve(change.object_id)
    name = run.outcome.request.credential_name
    limits = shorter(spec.expires, run.now)
    ends = (spec.expires, *(last_end(limit, run.now) for limit in limits))
    for expires in ends:
        try:
            return await credentials.add_secret(run.session.graph, object_id, name, expires)
        except ServiceError as error:
            if error.code != LIFETIME_FORBIDDEN:
                raise
            if not spec.shorten or expires == ends[-1]:
                offered = f"{typed(limits[0])} or less, or " if limits else ""
                error.advise(f"Use a shorter lifetime: {offered}--auto-lifetime. Or {OTHERWISE}.")
                raise
    raise AssertionError(change)


async def _deliver(
    credential: MadeCredential, attempt: Attempt, change: AddCredential, run: Run
) -> None:
    await attempt.deliver(credential)
    if attempt.store.arrives_last:
        return
    # The secret is at its place: what waits for that need not wait for the note's removal, too,
    # unless it writes to the same registration.
    if run.is_complete(change.object_id):
        run.show_as_done(change, ending(credential.expires))
        run.mark_ready(change)
    await attempt.confirm_arrival()


async def _end_failed(
    attempt: Attempt, change: AddCredential, run: Run, error: BaseException
) -> None:
    """Take back a secret that did not arrive, or count one that did.

    The report says so of those that were taken back, and prints `Attempt.removal` of the others.
    """
    # Interrupted after its delivery: the document of an interrupted command shows it, too.
    will_be_shown = attempt.store.arrives_last and not isinstance(error, S2SError)
    if will_be_shown or attempt.has_arrived:
        run.outcome.finish(change, "")
        return
    is_refused = isinstance(error, ServiceError) and not error.answer_lost
    if attempt.key_id is None and is_refused:
        await finish_even_if_cancelled(attempt.withdraw())
        return
    await finish_even_if_cancelled(attempt.take_back())
    # One that failed is recorded as such.
    if attempt.is_taken_back and not isinstance(error, S2SError):
        run.outcome.mark_not_begun(change)


# Of both


async def _begin(attempt: Attempt, change: AddCredential, run: Run) -> None:
    """Note the attempt; a registration of this run gets its API permission by the same request."""
    reference = change.object_id
    created = run.created_registration(reference)
    if created is None or not isinstance(reference, OutputRef):
        await attempt.begin()
    else:
        wanted = run.with_permission(reference.key, created)
        await attempt.begin(created, wanted)
        if attempt.is_tagged:
            run.outcome.created[reference.key] = wanted
            run.count_update(reference)
    run.outcome.attempts[change.key] = attempt


def _new_attempt(change: AddCredential, run: Run, store: Store) -> Attempt:
    before = run.outcome.before
    object_id = run.outputs.resolve(change.object_id)
    client_id = run.outputs.resolve(change.client_id)
    remembered = RememberedAttempts(before.subject, object_id)
    client = before.trust.client_of_id(client_id)
    seen = client.application.credentials if client is not None else ()
    seen_tags = {attempt_tag(credential.name or "") for credential in seen}
    return Attempt(
        run.session.graph,
        store,
        name=run.outcome.request.credential_name,
        client=change.name,
        object_id=object_id,
        client_id=client_id,
        remembered=remembered,
        tags_of_killed_runs=remembered.tags() - seen_tags,
        kind=change.kind,
    )


def _made_credential(
    change: AddCredential,
    run: Run,
    store: Store,
    credential: SecretCredential | CertificateCredential,
    key_id: KeyId,
    expires: datetime,
) -> MadeCredential:
    before = run.outcome.before
    client_id = run.outputs.resolve(change.client_id)
    assert before.tenant is not None  # credentials are only made where the directory was read
    return MadeCredential(
        before.tenant.id,
        client_id,
        credential=credential,
        authority=run.session.connection.cloud.authority_host,
        source=store.secret_place,
        scope=f"{run.outputs.resolve(change.audience)}/.default",
        url=stored_url(before.note_of(change.name), client_id, before),
        name=change.name,
        credential_name=run.outcome.request.credential_name,
        key_id=key_id,
        expires=expires,
    )


async def _test_replacement(change: AddCredential, run: Run, credential: MadeCredential) -> None:
    """Get tokens by a credential that replaces another one. Raises ServiceError."""
    if change.verify:
        await _test_everywhere(run, credential, credential.scope)


async def _test_everywhere(run: Run, sign_in: ClientSignIn, scope: str) -> None:
    """Get tokens until every replica of the login service issues one. Raises ServiceError."""
    try:
        await run.session.tokens.token(sign_in, scope, everywhere=True)
    except TokenRefused as error:
        before = run.outcome.before
        client = before.trust.client_of_id(sign_in.client_id)
        if client is not None and error.remedied_by is ClientRemedy.NEW_CREDENTIAL:
            # The error does not know the App Service or the trust file.
            error.advise(error.advice, before.rotating(client))
        raise


# Removal


async def remove_credential(change: RemoveCredential, run: Run) -> str:
    new_id: KeyId | None = None
    if change.replaced_for is not None:
        client_id, scope = change.replaced_for
        new_id = await _confirm_replacement(change, client_id, scope, run)
        if run.stores[change.name].arrives_last:
            # Not before the document shows the new one: if no one reads that, the old one stays.
            run.outcome.postponed_removals.append((change, new_id))
            raise Postponed("it is removed once the document has shown the new one")
    if change.staying is not None:
        run.outcome.remember_sole(change.object_id, change.staying)
    await _remove(run.session.graph, change, new_id)
    return ""


async def _confirm_replacement(
    change: RemoveCredential, client_id: ClientId, scope: str, run: Run
) -> KeyId | None:
    """Make sure that the new credential works, before the old one is removed; return its id.

    Raises S2SError: the store does not have it, or it gives no token.
    """
    delivered = run.delivered.get(change.name)
    if delivered is not None:
        # This run has created and tested it.
        arrived_at, new_id = delivered
        seconds_left = max(0.0, arrived_at + CHANGE_OVER_SECONDS - clock.seconds())
        with waiting("waiting for callers that have just read it"):
            await asyncio.sleep(seconds_left)
        return new_id
    store = run.stores[change.name]
    stored = await store.read()
    is_of_client = stored is not None and same_id(stored.client_id, client_id)
    stored_id = stored.key_id if stored is not None and is_of_client else None
    if stored is None or stored_id in {None, change.key_id}:
        raise S2SError(
            "secret-not-at-hand",
            f"The new {change.kind.noun} is not in {store.secret_place}, so the old one was not "
            "removed.",
            remedy="Run rotate-secret again with the location of the secret: --secret-to PLACE",
        )
    await _test_everywhere(run, stored, scope)
    return stored_id


async def _remove(graph: "GraphClient", change: RemoveCredential, new_id: KeyId | None) -> None:
    if not change.kind.is_key:
        await credentials.remove_secret(graph, change.object_id, change.key_id)
    elif not await credentials.remove_certificate(graph, change.object_id, change.key_id, new_id):
        raise Skipped("kept: Entra ID does not show the new one yet; the next rotation removes it")


async def end_attempts(graph: "GraphClient", outcome: Outcome, *, is_shown: bool) -> None:
    """End the attempts whose secret the document shows, once it is written, or cannot be.

    A secret that was not shown is removed again; one that was shown replaces the old one.
    """
    for attempt in outcome.unshown:
        await (attempt.confirm_arrival() if is_shown else attempt.take_back())
    if not is_shown:
        for change, _ in outcome.postponed_removals:
            outcome.mark_not_begun(change)
        return
    for change, new_id in outcome.postponed_removals:
        try:
            await _remove(graph, change, new_id)
        except Skipped as skipped:
            outcome.skip(change, str(skipped))
        else:
            outcome.finish(change, "")
