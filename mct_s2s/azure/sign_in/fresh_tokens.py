"""A request whose token is refused (revoked, expired early, lacking a claim) is sent once more, with another one."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from mct_s2s.azure.retry import nothing
from mct_s2s.azure.services import Refusal, RemoteService
from mct_s2s.azure.sign_in.caller_credential import CallerCredential
from mct_s2s.azure.sign_in.claims import challenge_of, demanded
from mct_s2s.errors import S2SError

T = TypeVar("T")


async def send_signed_in(
    send: Callable[[], Awaitable[T]],
    step: str,
    *,
    service: RemoteService,
    credential: CallerCredential,
    scope: str,
    failures: tuple[type[Exception], ...],
    refusal_of: Callable[[Any], Refusal | None],
    translate: Callable[[Any], S2SError],
    before_repeating: Callable[[], Awaitable[None]] = nothing,
) -> T:
    """Send, at most twice.

    Args:
        send: sends once, with the credential's token of this moment.
        step: the step, as a verb phrase.
        service: who is asked.
        credential: who asks.
        scope: of the token.
        failures: what the SDK raises.
        refusal_of: the answer that an SDK's error was made from; `None` where there was none.
        translate: makes our error of an SDK's.
        before_repeating: makes the second attempt ready.

    Raises:
        SignInFailed: the service asks for more than this sign-in can bring.
        S2SError: any other failure, translated.
    """
    for last in (False, True):
        began = time.monotonic()
        try:
            return await send()
        except failures as error:
            refusal = refusal_of(error)
            challenge = challenge_of(refusal) if refusal is not None else None
            if refusal is not None and challenge is not None:
                if last or not await credential.bring(scope, challenge, began):
                    way_out = credential.way_out(scope, challenge)
                    raise demanded(service.name, step, refusal.said, challenge, way_out, refusal.request_id) from error
            elif last or refusal is None or refusal.status != 401:
                raise translate(error) from error
            else:
                credential.forget(began)
        await before_repeating()
    raise AssertionError(step)
