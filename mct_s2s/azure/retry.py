"""What a request waits for before it is sent again, and how long: the one policy, for all services
and both SDKs.

`classify` names the reason. There are four, and each is counted for itself:

* `THROTTLED`: 429, or 503 with `Retry-After`. The service did nothing. Every request to it waits as
  long as it asks.
* `CONTENTION`: a write was refused, and not applied, because another one is in progress. 90 or 180
  s, by its row in
  `azure/refusals.py`.
* `LAG`: an answer that the request's own rule (`Sending.lag`) says will pass: of a replica that is
  behind, a key vault
  that recovers a secret, a site that restarts. 5 minutes.
* `OUTAGE`: no answer, or 408, 500, 502, 503, 504. Eight attempts, if repeating is harmless.

Nothing waits past the command's deadline. Other waits are about more than one request, and are
where they belong: whether an object of the directory is gone (`azure/graph/replicas.py`), an
operation that Resource Manager carries out (`ResourceManager.finish`), a site that restarts
(`azure/site_api.py`), what another run may be doing (`engine/settling.py`). A 404 of Resource
Manager is final: it has no replicas that lag. docs/reliability.md says what users meet of all this.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import NoReturn, TypeVar

from mct_s2s import clock
from mct_s2s.activity import REPLICATION, throttled, waiting
from mct_s2s.errors import ServiceError

T = TypeVar("T")
Lag = Callable[[ServiceError], bool]
"""Whether a refusal means that the replica which answered does not know the object yet."""

NOTICED_SECONDS = 2.0
"""A longer silence looks like a command that hangs."""
IN_FLIGHT = 16
"""Requests to one service at once: twice the widest step of a plan, and far below its budgets
(docs/azure-contract.md, sections 3.12 and 4.6).
"""
CONNECT_SECONDS = 10.0
"""TCP repeats its first packet after 1, 3 and 7 s (RFC 6298): a host that is silent until then is
down.
"""
REQUEST_SECONDS = 30.0
"""A request, also one of the sign-in, that is not answered to the last byte by then is taken for
lost.
"""
OUTAGE_ATTEMPTS = 8
"""Over some 5 s: a service that still fails then will not recover within a command."""
LAG_SECONDS = 300.0
"""Replication that takes longer than this is an outage: others wait 3 to 5 minutes
(docs/azure-contract.md, 3.13).
"""


@dataclass(frozen=True)
class Delays:
    """Pauses in seconds, each twice the one before, from `first` up to `longest`, less up to a
    fifth by chance.
    """

    first: float
    longest: float

    def after(self, attempts: int) -> float:
        """The pause after so many attempts (from 1)."""
        doublings = min(attempts - 1, 10)
        return min(self.longest, self.first * 2.0**doublings) * random.uniform(0.8, 1.0)  # noqa: S311  # jitter


USUAL_DELAYS = Delays(0.2, 1.0)
# Replicas differ: the more often they are asked, the sooner one answers that has caught up.
# Measured with replicas that lag by up to 5 s: 5.9 s and 73 requests for a `setup`; with 1 s
# instead of 0.5 s, 6.6 s and 66 requests.
LAG_DELAYS = Delays(0.2, 0.5)
# An object stays busy for seconds, and every attempt that comes too early is one more:
# docs/azure-contract.md, 3.1.
CONTENTION_DELAYS = Delays(1.0, 16.0)


async def do_nothing() -> None: ...


@dataclass(frozen=True)
class Sending:
    """When a request may be sent again."""

    repeatable: bool = True
    """Whether a request that may have taken effect can be sent again without harm."""
    lag: Lag | None = None
    """`None`: the object is an old one, which every replica knows."""
    lag_delays: Delays = LAG_DELAYS
    before_repeating: Callable[[], Awaitable[None]] = do_nothing


ONCE = Sending(repeatable=False)
AGAIN = Sending()


class WaitReason(Enum):
    """Why a request waits before it is sent again. The module's docstring has the rules."""

    THROTTLED = auto()
    CONTENTION = auto()
    LAG = auto()
    OUTAGE = auto()


@dataclass(frozen=True)
class Wait:
    reason: WaitReason
    shown: str
    """What the user reads meanwhile; empty where that is said once for all requests."""
    delays: Delays
    asked: float = 0.0
    """Seconds that the service asks for, by `Retry-After`."""
    longest: float | None = None
    """Seconds in all; `None`: until the command's deadline."""
    attempts: int | None = None
    """How often the request is sent in all; `None`: any number."""


def classify(error: ServiceError, sending: Sending) -> Wait | None:
    """Say what a refused request waits for; `None` where the refusal is final."""
    asked = error.retry_after or 0.0
    if error.contention is not None:
        shown, longest = error.contention
        return Wait(WaitReason.CONTENTION, shown, CONTENTION_DELAYS, asked, longest)
    if error.status == 429 or (error.status == 503 and error.retry_after is not None):
        return Wait(WaitReason.THROTTLED, "", USUAL_DELAYS, asked)
    if sending.lag is not None and sending.lag(error):
        return Wait(
            WaitReason.LAG, error.waits_for or REPLICATION, sending.lag_delays, longest=LAG_SECONDS
        )
    if error.answer_lost and sending.repeatable:
        answered = f"answered {error.status}" if error.status else "did not answer"
        shown = f"trying again, as the service {answered}"
        return Wait(WaitReason.OUTAGE, shown, USUAL_DELAYS, attempts=OUTAGE_ATTEMPTS)
    return None


class RetryPolicy:
    """For one service, until the command's deadline.

    Requests that wait together are reported once.
    """

    def __init__(self, remaining: Callable[[], float], service: str = "") -> None:
        """`remaining`: seconds until the deadline."""
        self._remaining, self._service = remaining, service
        self._slots = asyncio.Semaphore(IN_FLIGHT)
        self._open_at = (
            0.0  # on the loop's clock: until then no request leaves, as the service asked for
        )

    async def call(self, send: Callable[[], Awaitable[T]], sending: Sending = AGAIN) -> T:
        """Send, and again as long as `classify` finds something to wait for.

        Raises ServiceError: the last refusal; `throttled`: the service asks for longer than the
        deadline leaves.
        """
        # What is waited out for one reason says nothing of another.
        attempts, since = Counter[WaitReason](), dict[WaitReason, float]()
        with waiting() as show:
            while True:
                try:
                    async with self._slots:
                        # In here: a request that was queued may have been overtaken by a refusal.
                        await self._wait_until_open()
                        return await send()
                except ServiceError as error:
                    wait = classify(error, sending)
                    if wait is None:
                        raise
                    attempts[wait.reason] += 1
                    if wait.attempts == attempts[wait.reason]:
                        raise
                    waited = clock.seconds() - since.setdefault(wait.reason, clock.seconds())
                    if wait.longest is not None and waited >= wait.longest:
                        raise
                    delay = max(wait.delays.after(attempts[wait.reason]), wait.asked)
                    if delay > self._remaining():
                        raise_too_long(error, delay)
                    if wait.reason is WaitReason.THROTTLED and wait.asked:
                        self._close(delay)
                    elif wait.shown:
                        longest = (
                            self._remaining()
                            if wait.longest is None
                            else min(self._remaining(), wait.longest)
                        )
                        show(wait.shown, clock.seconds() + longest)
                await asyncio.sleep(delay)
                await sending.before_repeating()

    def _close(self, seconds: float) -> None:
        """Let no request leave for so long."""
        if self._service and seconds >= NOTICED_SECONDS and clock.seconds() >= self._open_at:
            throttled(self._service, seconds)
        self._open_at = max(self._open_at, clock.seconds() + seconds)

    async def _wait_until_open(self) -> None:
        while clock.seconds() < self._open_at:  # noqa: ASYNC110  # while one waits, another may have to wait longer
            await asyncio.sleep(self._open_at - clock.seconds())


def raise_too_long(error: ServiceError, delay: float) -> NoReturn:
    """Raise the refusal whose wait exceeds the deadline, saying so where the service asked for the
    wait.
    """
    if error.status == 429 or error.retry_after is not None:
        error.code = "throttled"
        error.headline = (
            f"Azure requires a wait of {delay:.0f} s before the next request, which exceeds "
            f"--timeout. {error.headline}"
        )
        error.advise("Run the same command again later, or with a larger --timeout.")
    raise error
