"""Waiting for Azure: only for what is known to pass, never past the deadline, and for all requests
together.
"""

import asyncio
import contextlib
from collections.abc import Iterator
from itertools import chain, pairwise, repeat
from typing import Any

import pytest
from mct_s2s.activity import REPLICATION, during
from mct_s2s.azure.retry import RetryPolicy, Sending
from mct_s2s.azure.site_api import NotYet
from mct_s2s.errors import ServiceError
from mct_s2s.waits import LAG_SECONDS, OUTAGE_TRIES

from tests.support.listener import Listener
from tests.support.simulated_time import SimulatedTime

BUSY = ("Entra ID is still busy", 90.0)
LAG: dict[str, Any] = {"lag": lambda error: error.status == 404}
ONCE = {"repeatable": False}


@pytest.fixture(autouse=True)
def in_no_time() -> Iterator[None]:
    with SimulatedTime().simulated():
        yield


def refusal(status: int, retry_after: float | None = None, **more: Any) -> ServiceError:
    return ServiceError(
        "x", "refused", remedy="again", status=status, retry_after=retry_after, **more
    )


class Service:
    """It refuses so, one request after the other, and then answers, unless it stays with its last
    refusal.
    """

    def __init__(self, *refusals: int | ServiceError, answers: bool = True) -> None:
        errors = [refusal(item) if isinstance(item, int) else item for item in refusals]
        self.asked_at: list[float] = []
        self._left = chain(errors, repeat("answer" if answers else errors[-1]))

    async def send(self) -> str:
        self.asked_at.append(asyncio.get_running_loop().time())
        answer = next(self._left)
        if isinstance(answer, ServiceError):
            raise answer
        return answer

    def call(self, remaining: float = 60.0, **rules: Any) -> None:
        async def main() -> str:
            return await RetryPolicy(lambda: remaining).call(self.send, Sending(**rules))

        assert asyncio.run(main()) == "answer"

    def refuses(self, **rules: Any) -> ServiceError:
        with pytest.raises(ServiceError) as raised:
            self.call(**rules)
        return raised.value


@pytest.mark.parametrize(
    ("refusals", "rules"),
    [
        *(([status] * 3, {}) for status in (0, 408, 429, 500, 502, 503, 504)),
        ([refusal(429, 3.0)], ONCE),
        ([404] * 20, LAG),
        ([404] * 20 + [503], LAG),
        ([429] * 20 + [503], LAG),
        ([refusal(429, LAG_SECONDS + 5), 404], {**LAG, "remaining": 600.0}),
    ],
)
def test_a_failure_that_passes_is_waited_out(
    refusals: list[int | ServiceError], rules: dict[str, Any]
) -> None:
    """A 503 after twenty answers of a replica that lags, or of a busy service, is one 503; and
    patience is no lag.
    """
    service = Service(*refusals)
    service.call(**rules)
    assert len(service.asked_at) == len(refusals) + 1
    if isinstance(refusals[0], ServiceError):
        assert service.asked_at[1] - service.asked_at[0] >= (refusals[0].retry_after or 0)


@pytest.mark.parametrize(
    ("refusals", "rules", "times"),
    [
        *(([status], ONCE, 1) for status in (0, 500, 503)),
        ([404], {}, 1),
        ([500], {}, OUTAGE_TRIES),
        ([404, 503] * OUTAGE_TRIES, LAG, 2 * OUTAGE_TRIES),
    ],
)
def test_a_failure_that_lasts_or_may_have_taken_effect_is_told(
    refusals: list[int], rules: dict[str, Any], times: int
) -> None:
    service = Service(*refusals, answers=False)
    service.refuses(**rules)
    assert len(service.asked_at) == times


def test_a_wait_is_shown_until_it_is_over() -> None:
    heard = Listener()
    with during(heard):
        Service(404, 404, 502).call(**LAG)
    lag = REPLICATION
    trouble = "trying again, as the service answered 502"
    assert heard.told == [lag, lag, trouble, f"over: {trouble}"]
    assert all(end is not None for end in heard.ends)


def test_many_who_wait_for_replicas_stay_within_what_graph_takes() -> None:
    """3,000 writes in 150 s, for all of a run's clients together; one alone asks often."""
    waiting, rules = 100, Sending(lag=LAG["lag"])

    async def main(number: int) -> int:
        policy, asked = RetryPolicy(lambda: 600.0), 0

        async def send() -> None:
            nonlocal asked
            asked += 1
            raise refusal(404)

        calls = [policy.call(send, rules) for _ in range(number)]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(150.0):
                await asyncio.gather(*calls)
        return asked

    assert asyncio.run(main(waiting)) <= 3000 + waiting
    assert asyncio.run(main(1)) >= 300


def test_a_lag_that_no_longer_explains_the_answer_is_waited_for_no_longer() -> None:
    heard = Listener()
    still = [True, True, False]
    with during(heard):
        Service(NotYet("for 404", status=404), answers=False).refuses(lag=lambda _: still.pop(0))
    assert heard.told == ["for 404", "for 404", "over: for 404"]


@pytest.mark.parametrize("status", [400, 409, 503])
@pytest.mark.parametrize("retry_after", [None, 3.0])
def test_contention_is_waited_for_even_for_a_request_that_is_not_repeatable(
    status: int, retry_after: float | None
) -> None:
    heard = Listener()
    service = Service(*[refusal(status, retry_after, contention=BUSY)] * 3)
    with during(heard):
        service.call(**ONCE)
    pauses = [later - sooner for sooner, later in pairwise(service.asked_at)]
    doubled = [max(seconds, retry_after or 0.0) for seconds in (1.0, 2.0, 4.0)]
    assert all(
        0.8 * most <= pause <= most + 0.01 for pause, most in zip(pauses, doubled, strict=True)
    ), pauses
    assert heard.told == [BUSY[0]] * 3 + [f"over: {BUSY[0]}"]


@pytest.mark.parametrize(("remaining", "least", "most"), [(600.0, 90.0, 110.0), (5.0, 0.0, 20.0)])
def test_contention_ends_after_its_time_or_before_the_deadline(
    remaining: float, least: float, most: float
) -> None:
    service = Service(refusal(409, contention=BUSY), answers=False)
    service.refuses(remaining=remaining)
    assert least <= service.asked_at[-1] - service.asked_at[0] <= most


def test_a_longer_wait_than_the_deadline_leaves_is_refused_at_once() -> None:
    service = Service(refusal(429, 30))
    error = service.refuses(remaining=5)
    assert (error.code, len(service.asked_at)) == ("throttled", 1)
    assert "--timeout" in error.remedy


def test_a_lag_is_given_up_when_it_is_said_to_be() -> None:
    """A throttle in between tells nothing of the replicas."""
    heard = Listener()
    service = Service(404, 404, refusal(429, 60.0), 404, answers=False)
    with during(heard):
        service.refuses(remaining=600.0, lag_seconds=20.0, **LAG)
    assert 20.0 <= service.asked_at[-1] - service.asked_at[0] - 60.0 <= 30.0
    assert heard.ends[0] == service.asked_at[0] + 20.0
