"""Make and remove credentials; after a lost answer or an interruption, the next run finds what
there is.

So a secret's store notes the attempt first, and a private key is stored before its certificate is
registered.
"""

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, assert_never

from mct_s2s import clock
from mct_s2s.activity import waiting
from mct_s2s.azure.graph import credentials
from mct_s2s.concurrency import finish_even_if_cancelled
from mct_s2s.engine.apply.attempts import Attempt
from mct_s2s.engine.apply.run import Run, Skipped
from mct_s2s.engine.outcome import Outcome
from mct_s2s.errors import S2SError, ServiceError
from mct_s2s.model.client_credentials import (
    CLOCKS_DIFFER,
    GIVEN,
    OUR_CREDENTIALS,
    Certificate,
    Federation,
    NewCredential,
    ending,
)
from mct_s2s.model.client_sign_in import (
    CertificateCredential,
    ClientSignIn,
    MadeCredential,
    SecretCredential,
)
from mct_s2s.model.directory_objects import Application
from mct_s2s.model.ids import KeyId, same_id
from mct_s2s.planning.api_address import stored_url
from mct_s2s.planning.changes import AddCredential, Output, OutputRef, RemoveCredential
from mct_s2s.planning.secret_policy import LIFETIME_FORBIDDEN, OTHERWISE, last_end, shorter, typed
from mct_s2s.stores.store import Store

if TYPE_CHECKING:
    from mct_s2s.azure.graph.client import GraphClient

SECONDS_TO_CHANGE_OVER = 3.0
"""A caller that has just read the old secret asks for its token within this time."""


async def add_credential(change: AddCredential, run: Run) -> str:
    graph, object_id = run.session.graph, run.outputs.resolve(change.object_id)
    name, outputs, spec = run.outcome.request.credential_name, run.outputs, change.spec
    if not isinstance(spec, NewCredential):
        match spec:
            case Federation():
                key_id = await credentials.put_federated(graph, object_id, spec)
            case Certificate():
                given = name.replace(OUR_CREDENTIALS, GIVEN, 1)
                key_id = await credentials.add_certificate(graph, object_id, spec, given)
            case _:
                assert_never(spec)
        outputs[change.key, Output.KEY_ID] = key_id
        return ""
    store = run.stores[change.name]
    if found := await _made_elsewhere(run, change, store):
        outputs[change.key, Output.KEY_ID] = found[0]
        return found[1]
    made = await (_add_key if spec.kind.is_key else _add_secret)(change, spec, run, store)
    run.delivered[change.name] = clock.seconds(), made.key_id
    return ending(made.expires)


async def _add_key(
    change: AddCredential, spec: NewCredential, run: Run, store: Store
) -> MadeCredential:
    """One that replaces another is tested before it is stored; if that fails, the next run finds
    the pending key.
    """
    attempt, starts = _attempt(change, run, store), run.now.replace(microsecond=0) - CLOCKS_DIFFER

    async def make() -> MadeCredential:
        pem, certificate = await store.key_pair(f"mct-s2s {change.name}", starts, spec.expires)
        made = _made(
            change,
            run,
            store,
            CertificateCredential(pem.encode()),
            certificate.key_id,
            spec.expires,
        )
        if store.gives_away:  # before anything is registered
            await store.deliver(made)
        if store.arrives_last:
            await attempt.begin(_created(change, run))
            run.outcome.attempts[change.key] = attempt
        attempt.key_id = await credentials.add_certificate(
            run.session.graph, attempt.object_id, certificate, attempt.name
        )
        run.outputs[change.key, Output.KEY_ID] = attempt.key_id
        return replace(made, key_id=attempt.key_id)

    try:
        made = await (finish_even_if_cancelled(make()) if store.gives_away else make())
        if change.verify:
            await _test(run, made, made.scope)
        if not store.gives_away:
            await store.deliver(made)
    except asyncio.CancelledError:
        if store.given is not None and attempt.key_id is not None:
            run.outcome.finish(change, "")
        raise
    return made


async def _add_secret(
    change: AddCredential, spec: NewCredential, run: Run, store: Store
) -> MadeCredential:
    """One that replaces another is tested before it is stored.

    One that its place does not take is removed.
    """
    outputs, attempt = run.outputs, _attempt(change, run, store)

    async def make() -> MadeCredential:
        await attempt.begin(_created(change, run))
        run.outcome.attempts[change.key] = attempt
        key_id, expires, secret = await _new_secret(run, change, spec)
        attempt.key_id = outputs[change.key, Output.KEY_ID] = key_id
        outputs[change.key, Output.EXPIRES] = expires.isoformat()
        made = _made(change, run, store, secret, key_id, expires)
        if store.gives_away:
            await deliver(made)
        return made

    async def deliver(made: MadeCredential) -> None:
        await store.deliver(made)
        if not store.arrives_last:
            await attempt.arrived()

    try:
        # What a place gives away reaches it, or is removed, also where this run is interrupted;
        # others keep a note.
        made = await (finish_even_if_cancelled(make()) if store.gives_away else make())
        if change.verify:
            await _test(run, made, made.scope)
        if not store.gives_away:
            await finish_even_if_cancelled(deliver(made))
    except BaseException as error:
        await _end_failed(attempt, change, run, error)
        raise
    return made


async def _end_failed(
    attempt: Attempt, change: AddCredential, run: Run, error: BaseException
) -> None:
    """Take back a secret that did not arrive, and say so in `error`; or count one that did."""
    # An interruption has a document, too.
    is_shown = attempt.store.arrives_last and not isinstance(error, S2SError)
    if is_shown or attempt.has_arrived:
        run.outcome.finish(change, "")
        return
    await finish_even_if_cancelled(attempt.take_back())
    if attempt.is_taken_back and isinstance(error, S2SError):
        error.headline += " The secret was removed again."
    elif attempt.is_taken_back:
        run.outcome.withdraw(change)


def _attempt(change: AddCredential, run: Run, store: Store) -> Attempt:
    ids = run.outputs.resolve(change.object_id), run.outputs.resolve(change.client_id)
    name = run.outcome.request.credential_name
    return Attempt(run.session.graph, store, name, change.name, *ids, is_key=change.kind.is_key)


def _created(change: AddCredential, run: Run) -> Application | None:
    of = change.object_id
    return run.outcome.created.get(of.key) if isinstance(of, OutputRef) else None


def _made(
    change: AddCredential,
    run: Run,
    store: Store,
    credential: SecretCredential | CertificateCredential,
    key_id: KeyId,
    expires: datetime,
) -> MadeCredential:
    before, outputs = run.outcome.before, run.outputs
    assert before.tenant is not None  # credentials are only made where the directory was read
    return MadeCredential(
        before.tenant.id,
        outputs.resolve(change.client_id),
        credential=credential,
        authority=run.session.connection.cloud.authority_host,
        source=store.label,
        scope=f"{outputs.resolve(change.audience)}/.default",
        url=stored_url(before.note_of(change.name), outputs.resolve(change.client_id), before),
        name=change.name,
        attempt=run.outcome.request.credential_name,
        key_id=key_id,
        expires=expires,
    )


async def _made_elsewhere(
    run: Run, change: AddCredential, store: Store
) -> tuple[KeyId, str] | None:
    """The credential that another run is making now, or that this client's store got
    minutes ago.
    """
    if change.verify:
        return None
    if isinstance(change.object_id, OutputRef) and (
        others := run.outcome.created[change.object_id.key].credentials
    ):
        return others[0].key_id, "created by another run at the same time"
    note, planned = await store.note(), run.outcome.before.note_of(change.name)
    is_fresh = note.is_fresh(run.outputs.resolve(change.client_id), run.now, change.kind)
    # What was there when this was planned is good for nothing.
    if is_fresh and note.delivered is not None and note.delivered != planned.delivered:
        return note.delivered, f"created minutes ago, saved to {store.label}"
    return None


async def _new_secret(
    run: Run, change: AddCredential, spec: NewCredential
) -> tuple[KeyId, datetime, SecretCredential]:
    add, object_id = (
        partial(credentials.add_secret, run.session.graph),
        run.outputs.resolve(change.object_id),
    )
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


async def remove_credential(change: RemoveCredential, run: Run) -> str:
    graph, new, delivered = run.session.graph, None, run.delivered.get(change.name)
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
                f"The new {change.kind.noun} is not in {store.label}, so the old one was not "
                "removed.",
                remedy="Run rotate-secret again with the location of the secret: --secret-to PLACE",
            )
        await _test(run, stored, scope)
    if change.replaced_for is not None and run.stores[change.name].arrives_last:
        # Not before the document shows the new one: if no one takes that, the old one stays.
        run.outcome.once_shown.append((change, new))
        return ""
    await _remove(graph, change, new)
    return ""


async def _remove(graph: "GraphClient", change: RemoveCredential, new: KeyId | None) -> None:
    if not change.kind.is_key:
        await credentials.remove_secret(graph, change.object_id, change.key_id)
    elif not await credentials.remove_certificate(graph, change.object_id, change.key_id, new):
        raise Skipped("kept: Entra ID does not show the new one yet; the next rotation removes it")


async def end_attempts(graph: "GraphClient", outcome: Outcome, *, is_shown: bool) -> None:
    """Once the document with a secret is written, or cannot be: then what it would have shown is
    removed again.
    """
    for attempt in outcome.unshown:
        await (attempt.arrived() if is_shown else attempt.take_back())
    for change, new in outcome.once_shown if is_shown else ():
        with suppress(Skipped):
            await _remove(graph, change, new)
