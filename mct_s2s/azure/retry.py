"""The one retry policy, for both SDKs, whose own are switched off.

* 429, and 503 with `Retry-After`: the service did nothing and said when to come back. All requests to it wait.
* 408, 500, 502, 503, 504 and answers that were lost: repeated if repeating is harmless, a few times.
* An answer that means *not replicated yet*: repeated while the caller's rule says so.
* A write that was refused, and not applied, because of another one in progress: repeated, whatever it is.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import TypeVar

from mct_s2s import clock
from mct_s2s.activity import REPLICATION, throttled, waiting
from mct_s2s.errors import ServiceError

T = TypeVar("T")
Lag = Callable[[ServiceError], bool]

FIRST_DELAY = 0.2
"""Seconds; each delay is twice the one before, up to `LONGEST_DELAY`."""
LONGEST_DELAY = 1.0
LONGEST_LAG_DELAY = 0.5
"""Replicas differ: the more often they are asked, the sooner one answers that has caught up. Measured with replicas
that lag by up to 5 s: 5.9 s and 73 requests for a `setup`; with 1 s instead of 0.5 s, 6.6 s and 66 requests."""
TRANSIENT_ATTEMPTS = 8
"""Over some 5 s: a service that still fails then will not recover within a command."""
LAG_SECONDS = 300.0
"""Replication that takes longer than this is an outage: others wait 3 to 5 minutes (docs/azure-contract.md, 3.13)."""
FIRST_CONTENTION_DELAY, LONGEST_CONTENTION_DELAY = 1.0, 16.0
"""An object stays busy for seconds, and every attempt that comes too early is one more: docs/azure-contract.md, 3.1."""
NOTICED_SECONDS = 2.0
"""A longer silence looks like a command that hangs."""
IN_FLIGHT = 16
"""Requests to one service at once: twice the widest step of a plan, and far below its budgets (docs/azure-contract.md,
sections 3.12 and 4.6)."""
CONNECT_SECONDS = 10.0
"""TCP repeats its first packet after 1, 3 and 7 s (RFC 6298): a host that is silent until then is down."""
REQUEST_SECONDS = 30.0
"""A request, also one of the sign-in, that is not answered to the last byte by then is taken for lost."""


async def nothing() -> None: ...


class RetryPolicy:
    """For one service, until the command's deadline. All requests that wait together are told of once."""

    def __init__(self, remaining: Callable[[], float], service: str = "") -> None:
        self._remaining, self._service, self._open_at = remaining, service, 0.0
        self._slots = asyncio.Semaphore(IN_FLIGHT)

    async def call(
        self,
        send: Callable[[], Awaitable[T]],
        *,
        repeatable: bool = True,
        lag: Lag | None = None,
        lag_delays: tuple[float, float] = (FIRST_DELAY, LONGEST_LAG_DELAY),
        before_repeating: Callable[[], Awaitable[None]] = nothing,
    ) -> T:
        """Raises ServiceError: the last refusal; `throttled`: it asks for longer than the deadline leaves.

        `repeatable`: what may have taken effect can be sent again without harm. `lag`: which refusals mean that
        replicas do not know the object yet; `None`: it is an old one. `lag_delays`: the first and the longest pause
        then, in seconds.
        """
        # What is waited out for one reason says nothing of another.
        attempts, since = Counter[str](), dict[str, float]()
        with waiting() as because:
            while True:
                try:
                    async with self._slots:
                        await self._gate()  # here: a request that was queued may have been overtaken by a refusal
                        return await send()
                except ServiceError as error:
                    asked, contention = error.retry_after or 0.0, error.contention
                    kind, longest, first, seconds = "passing", LONGEST_DELAY, FIRST_DELAY, self._remaining()
                    answered = f"answered {error.status}" if error.status else "did not answer"
                    reason = f"trying again, as the service {answered}"
                    is_lag = lag is not None and lag(error)
                    if contention is not None:
                        kind, longest, first = "contention", LONGEST_CONTENTION_DELAY, FIRST_CONTENTION_DELAY
                        reason, seconds = contention
                    elif error.status == 429 or (error.status == 503 and error.retry_after is not None):
                        kind, reason = "patience", ""  # told below, once for all requests
                    elif is_lag:
                        kind, (first, longest), seconds = "lag", lag_delays, LAG_SECONDS
                        reason = getattr(error, "waits_for", REPLICATION)
                    elif not (error.answer_lost and repeatable) or attempts[kind] + 1 == TRANSIENT_ATTEMPTS:
                        raise
                    attempts[kind] += 1
                    waited = clock.seconds() - since.setdefault(kind, clock.seconds())
                    if waited >= seconds and kind in {"contention", "lag"}:
                        raise
                    delay = min(longest, first * 2.0 ** min(attempts[kind] - 1, 10)) * random.uniform(0.8, 1.0)  # noqa: S311
                    delay = max(delay, asked if kind in {"contention", "patience"} else 0.0)
                    if delay > self._remaining():
                        if error.status == 429 or error.retry_after is not None:
                            error.code, wait = "throttled", f"Azure requires a wait of {delay:.0f} s"
                            error.headline = (
                                f"{wait} before the next request, which exceeds --timeout. {error.headline}"
                            )
                            error.advise("Run the same command again later, or with a larger --timeout.")
                        raise
                    if kind == "patience" and asked:  # no request leaves until that time is over
                        if self._service and delay >= NOTICED_SECONDS and clock.seconds() >= self._open_at:
                            throttled(self._service, delay)
                        self._open_at = max(self._open_at, clock.seconds() + delay)
                    elif reason:
                        because(reason, clock.seconds() + min(self._remaining(), seconds))
                await asyncio.sleep(delay)
                await before_repeating()

    async def _gate(self) -> None:
        while clock.seconds() < self._open_at:  # noqa: ASYNC110  # while one waits, another may have to wait longer
            await asyncio.sleep(self._open_at - clock.seconds())
