"""What a request waits for before it is sent again: one policy for all services.

`classify` names the reason. There are four, and each is counted for itself:

* `THROTTLED`: 429, or 503 with `Retry-After`. The service did nothing. Every request to it waits
  as long as it asks.
* `CONTENTION`: a write was refused, and not applied, because another one is in progress. 90 or
  180 s, by its row in `azure/refusals.py`.
* `LAG`: an answer that the request's own rule (`Sending.lag`) says will pass. 5 minutes.
* `OUTAGE`: no answer, or 408, 500, 502, 503, 504. Eight tries, if `Sending` says that repeating
  is harmless.

Nothing waits past the command's deadline.

A token that a service refuses (401), or that lacks what it demands (a claims challenge), is no such
reason. `ServiceClient._send_signed_in` sends the request once more with a new one, within the same
try, also with `ONCE`: the service did nothing.

When is a 404 final? Of one request, always, unless it is sent with a rule that calls it lag:

| request                                                    | a 404 means   | final       |
| ---------------------------------------------------------- | ------------- | ----------- |
| Graph, by `UNTIL_KNOWN` (`azure/refusals.py`): its caller  | not yet (lag) | after 5 min |
| knows that the object exists, however old it is            |               |             |
| Graph, by `GraphClient.sending_about`: the object is young | not yet (lag) | after 5 min |
| Graph, by `GraphClient.sending_about`: it is not           | not there     | at once     |
| Graph, by `is_lag_of_own` (`graph/replicas.py`): a removal | not yet (lag) | after 5 min |
| of what this run has just created or deleted               |               |             |
| Graph, the same, sent again after a lost answer            | it is removed | at once     |
| Graph, any other (such as a search by name, and what       | not there     | see below   |
| `GraphClient.get` reads without a rule), even if young     |               |             |
| Resource Manager, which has no replicas that lag           | not there     | at once     |
| Key vaults; what they say while they recover a secret is   | not there     | at once     |
| lag (`stores/vaults.py`)                                   |               |             |

An object is young, to the end of the run, that the run reads within 10 minutes of its creation
(`YOUNG`, `model/client_credentials.py`), or creates, restores or changes itself
(`GraphClient.expect_lag`).

"Not there" of Graph is the answer of one replica: `GraphClient.get` returns `None` for it. Before
anything rests on that, the caller asks again:

| what is asked for                                          | in all                       |
| ---------------------------------------------------------- | ---------------------------- |
| an object by an id that someone names                      | 2 (`GraphClient.get_known`)  |
| owners and credentials; an object before a plan is applied | 3 (`AGREEING_READS`)         |
| what is deleted or restored                                | 5 (`GONE_AFTER`)             |
| a credential, by writing it                                | up to 8 (`DOUBTFUL_TRIES`)   |
| owners and credentials in a setup, which then looks into   | 1                            |
| the recycle bin                                            |                              |

What is repeated after a lost answer?

* Never: a restart (`ONCE`). App Service restarts by itself when its settings change.
* After a look for what it may have made: the POST of a registration (`ONCE`;
  `engine/apply/registrations.py`) and of a secret (not `repeatable`; `graph/credentials.py`).
* After a reading (`Sending.before_repeating`): settings and identities, which are written whole.
* At once, everything else. An upsert, the usual way to create a registration, has a key. A second
  service principal or consent is refused, which counts as done; whether a restoration is done, a
  write tells (`graph/recycle_bin.py`). A vault's PUT adds a second version with the same value,
  and the newest counts.

Other waits are about more than one request, and are where they belong: an operation that Resource
Manager carries out (`ResourceManager.finish`), a site that restarts (`azure/site_api.py`), what
another run may be doing (`engine/settling.py`). How long each of all these waits is, `waits.py`
says; what users meet of them, docs/reliability.md.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import NoReturn, TypeVar

from mct_s2s import clock
from mct_s2s.activity import REPLICATION, throttled, waiting
from mct_s2s.errors import ServiceError
from mct_s2s.waits import (
    CONTENTION_DELAYS,
    LAG_DELAYS,
    LAG_SECONDS,
    LAG_SPACING_SECONDS,
    NOTICED_SECONDS,
    OUTAGE_TRIES,
    USUAL_DELAYS,
    Delays,
)

T = TypeVar("T")
Lag = Callable[[ServiceError], bool]
"""Whether a refusal will pass: a replica does not know the object yet, say."""

IN_FLIGHT = 16
"""Requests to one service at once: far below its budgets (docs/azure-contract.md, 3.12 and 4.6)."""


async def do_nothing() -> None: ...


@dataclass(frozen=True)
class Sending:
    """When a request may be sent again."""

    repeatable: bool = True
    """Whether a request that may have taken effect can be sent again without harm."""
    lag: Lag | None = None
    """The refusals that will pass; `None`: a 404 is final."""
    lag_delays: Delays = LAG_DELAYS
    lag_seconds: float = LAG_SECONDS
    """For how long they are waited for, without what a throttle asks for meanwhile."""
    before_repeating: Callable[[], Awaitable[None]] = do_nothing
    """What is done each time before the request is sent again."""


ONCE = Sending(repeatable=False)
"""Not again after a lost answer; a refusal for now is still waited out."""
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
    retry_after: float = 0.0
    """Seconds that the service asks for."""
    total_seconds: float | None = None
    """For how long it is waited in all; `None`: until the command's deadline."""
    tries: int | None = None
    """How often the request is sent in all; `None`: any number."""


def classify(error: ServiceError, sending: Sending) -> Wait | None:
    """Say what a refused request waits for; `None` where the refusal is final."""
    retry_after = error.retry_after or 0.0
    # Before the status is looked at: Graph refuses such a write with 503, too.
    if error.contention is not None:
        shown, total_seconds = error.contention
        return Wait(WaitReason.CONTENTION, shown, CONTENTION_DELAYS, retry_after, total_seconds)
    if error.status == 429 or (error.status == 503 and error.retry_after is not None):
        return Wait(WaitReason.THROTTLED, "", USUAL_DELAYS, retry_after)
    if sending.lag is not None and sending.lag(error):
        shown = error.waits_for or REPLICATION
        return Wait(WaitReason.LAG, shown, sending.lag_delays, total_seconds=sending.lag_seconds)
    if error.answer_lost and sending.repeatable:
        answered = f"answered {error.status}" if error.status else "did not answer"
        shown = f"trying again, as the service {answered}"
        return Wait(WaitReason.OUTAGE, shown, USUAL_DELAYS, tries=OUTAGE_TRIES)
    return None


class _History:
    """What one request has waited for so far: one reason says nothing of another."""

    def __init__(self) -> None:
        self._refusals: Counter[WaitReason] = Counter()
        self._since: dict[WaitReason, float] = {}

    def count(self, wait: Wait) -> None:
        """Count a refusal."""
        self._refusals[wait.reason] += 1
        self._since.setdefault(wait.reason, clock.seconds())

    def exclude(self, seconds: float) -> None:
        """Leave a throttle's wait out of all other waits: it tells nothing of their reasons."""
        self._since = {reason: since + seconds for reason, since in self._since.items()}

    def is_exhausted(self, wait: Wait) -> bool:
        """Whether the request has been refused too often, or for too long, to be sent again."""
        if self._refusals[wait.reason] == wait.tries:
            return True
        if wait.total_seconds is None:
            return False
        return clock.seconds() - self._since[wait.reason] >= wait.total_seconds

    def delay(self, wait: Wait) -> float:
        """Seconds until the request is sent again."""
        return max(wait.delays.after(self._refusals[wait.reason]), wait.retry_after)


class RetryPolicy:
    """The policy of one service, until the command's deadline.

    Requests that wait together are reported once.
    """

    def __init__(self, remaining: Callable[[], float], service: str = "") -> None:
        """`remaining`: seconds until the deadline."""
        self._remaining = remaining
        self._service = service
        self._slots = asyncio.Semaphore(IN_FLIGHT)
        # Requests that wait for replicas.
        self._behind = 0
        # On the loop's clock: until then no request leaves, as the service asked for.
        self._open_at = 0.0

    async def call(self, send: Callable[[], Awaitable[T]], sending: Sending = AGAIN) -> T:
        """Send, and again as long as `classify` finds something to wait for.

        Raises ServiceError: the last refusal; `throttled`: the service asks for longer than the
        deadline leaves.
        """
        history = _History()
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
                    history.count(wait)
                    if history.is_exhausted(wait):
                        raise
                    delay = max(history.delay(wait), self._spacing(wait))
                    if delay > self._remaining():
                        raise_too_long(error, delay)
                    if wait.reason is WaitReason.THROTTLED:
                        history.exclude(delay)
                    if wait.reason is WaitReason.THROTTLED and wait.retry_after:
                        self._close(delay)
                    elif wait.shown:
                        show(wait.shown, clock.seconds() + self._seconds_left(wait))
                await self._pause(wait, delay)
                await sending.before_repeating()

    def _spacing(self, wait: Wait) -> float:
        """Seconds that those who wait for replicas leave to one another."""
        return LAG_SPACING_SECONDS * (self._behind + 1) if wait.reason is WaitReason.LAG else 0.0

    async def _pause(self, wait: Wait, seconds: float) -> None:
        is_lag = wait.reason is WaitReason.LAG
        self._behind += is_lag
        try:
            await asyncio.sleep(seconds)
        finally:
            self._behind -= is_lag

    def _seconds_left(self, wait: Wait) -> float:
        """Seconds after which a wait that begins now is given up."""
        remaining = self._remaining()
        return remaining if wait.total_seconds is None else min(remaining, wait.total_seconds)

    def _close(self, seconds: float) -> None:
        """Let no request leave for so long."""
        if self._service and seconds >= NOTICED_SECONDS and clock.seconds() >= self._open_at:
            throttled(self._service, seconds)
        self._open_at = max(self._open_at, clock.seconds() + seconds)

    async def _wait_until_open(self) -> None:
        # While one request waits, another may be told to wait longer.
        while clock.seconds() < self._open_at:  # noqa: ASYNC110
            await asyncio.sleep(self._open_at - clock.seconds())


def raise_too_long(error: ServiceError, delay: float) -> NoReturn:
    """Raise a refusal whose wait exceeds the deadline; say so if the service asked for it."""
    if error.status == 429 or error.retry_after is not None:
        error.code = "throttled"
        error.statement = (
            f"Azure requires a wait of {delay:.0f} s before the next request, which exceeds "
            f"--timeout. {error.statement}"
        )
        error.advise("Run the same command again later, or with a larger --timeout.")
    raise error
