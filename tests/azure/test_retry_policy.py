"""Waiting for Azure: only for what is known to pass, never past the deadline, and for all requests together."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest
from mct_s2s.activity import REPLICATION, Activity, during
from mct_s2s.azure import retry as room
from mct_s2s.azure.retry import RetryPolicy
from mct_s2s.errors import ServiceError

from tests.support.simulated_time import SimulatedTime

Send = Callable[[], Awaitable[str]]


@pytest.fixture(autouse=True)
def in_no_time() -> Iterator[None]:
    with SimulatedTime().simulated():
        yield


def _refusal(status: int, retry_after: float | None = None) -> ServiceError:
    return ServiceError("x", "refused", remedy="again", status=status, retry_after=retry_after)


def _after(count: int, error: ServiceError) -> tuple[Send, list[float]]:
    """Refuses so many times, then answers; and when it was asked."""
    asked: list[float] = []

    async def send() -> str:
        asked.append(asyncio.get_running_loop().time())
        if len(asked) <= count:
            raise error
        return "answer"

    return send, asked


def _called(send: Send, *, remaining: float = 60.0, **options: Any) -> str:
    async def main() -> str:
        return await RetryPolicy(lambda: remaining).call(send, **options)

    return asyncio.run(main())


class Listener(Activity):
    """An activity that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.ends: list[float | None] = []

    def waits(self, reason: str, gives_up_at: float | None = None) -> None:
        self.told.append(reason)
        self.ends.append(gives_up_at)

    def goes_on(self, reason: str) -> None:
        self.told.append(f"over: {reason}")


def test_what_is_waited_for_is_told_until_it_is_over() -> None:
    asked: list[ServiceError] = [_refusal(404), _refusal(404), _refusal(502)]
    heard = Listener()

    async def send() -> str:
        if asked:
            raise asked.pop(0)
        return "answer"

    with during(heard):
        assert _called(send, lag=lambda error: error.status == 404) == "answer"
    lag, trouble = REPLICATION, "trying again, as the service answered 502"
    assert heard.told == [lag, lag, trouble, f"over: {trouble}"]
    assert all(end is not None for end in heard.ends)


def test_what_ends_in_a_refusal_is_waited_for_no_longer() -> None:
    send, _ = _after(9, _refusal(404))
    heard, still = Listener(), [True, True, False]
    with during(heard), pytest.raises(ServiceError):
        _called(send, lag=lambda _: still.pop(0), waits_for=lambda error: f"for {error.status}")
    assert heard.told == ["for 404", "for 404", "over: for 404"]


@pytest.mark.parametrize("status", [0, 408, 500, 502, 503, 504, 429])
def test_passing_trouble_is_repeated(status: int) -> None:
    send, asked = _after(3, _refusal(status))
    assert _called(send) == "answer"
    assert len(asked) == 4


@pytest.mark.parametrize("status", [0, 500, 503])
def test_what_may_have_taken_effect_is_not_repeated_where_that_would_harm(status: int) -> None:
    send, asked = _after(1, _refusal(status))
    with pytest.raises(ServiceError):
        _called(send, repeatable=False)
    assert len(asked) == 1


def test_throttling_is_waited_out_even_then_for_nothing_was_done() -> None:
    send, asked = _after(1, _refusal(429, 0.01))
    assert _called(send, repeatable=False) == "answer"
    assert asked[1] - asked[0] >= 0.01


def test_trouble_that_does_not_pass_is_told() -> None:
    send, asked = _after(10_000, _refusal(500))
    with pytest.raises(ServiceError):
        _called(send)
    assert len(asked) == room.TRANSIENT_ATTEMPTS


def test_not_there_is_lag_only_where_the_caller_says_so() -> None:
    send, asked = _after(2, _refusal(404))
    with pytest.raises(ServiceError):
        _called(send)
    assert len(asked) == 1
    send, asked = _after(20, _refusal(404))
    assert _called(send, lag=lambda error: error.status == 404) == "answer"
    assert len(asked) == 21


@pytest.mark.parametrize("before", [404, 429])
def test_what_was_waited_for_does_not_count_as_trouble(before: int) -> None:
    """A single 503 after eight answers of a replica that lags, or of a busy service, is one 503."""
    answers = [before] * 20 + [503]

    async def send() -> str:
        if answers:
            raise _refusal(answers.pop(0))
        return "answer"

    assert _called(send, lag=lambda error: error.status == 404) == "answer"


def test_trouble_among_lag_comes_to_an_end() -> None:
    asked = 0

    async def send() -> str:
        nonlocal asked
        asked += 1
        raise _refusal(503 if asked % 2 else 404)

    with pytest.raises(ServiceError):
        _called(send, lag=lambda error: error.status == 404)
    assert asked == 2 * room.TRANSIENT_ATTEMPTS - 1


def test_the_time_that_a_busy_service_asked_for_is_no_lag(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "LAG_SECONDS", 0.02)
    answers = [_refusal(429, 0.05), _refusal(404)]

    async def send() -> str:
        if answers:
            raise answers.pop(0)
        return "answer"

    assert _called(send, lag=lambda error: error.status == 404) == "answer"


BUSY = ("Entra ID is still busy", 90.0)


@pytest.mark.parametrize("status", [400, 409, 503])
@pytest.mark.parametrize("retry_after", [None, 3.0])
def test_contention_is_waited_for_even_then_for_nothing_was_written(status: int, retry_after: float | None) -> None:
    send, asked = _after(3, ServiceError("x", "", remedy="", status=status, retry_after=retry_after, contention=BUSY))
    heard = Listener()
    with during(heard):
        assert _called(send, repeatable=False) == "answer"
    pauses = [later - sooner for sooner, later in pairwise(asked)]
    doubled = [max(seconds, retry_after or 0.0) for seconds in (1.0, 2.0, 4.0)]
    assert all(0.8 * most <= pause <= most + 0.01 for pause, most in zip(pauses, doubled, strict=True)), pauses
    assert heard.told == [BUSY[0]] * 3 + [f"over: {BUSY[0]}"]


def test_contention_ends_after_its_time_or_before_the_deadline() -> None:
    refused = ServiceError("x", "", remedy="", status=409, contention=BUSY)
    for remaining, least, most in ((600.0, 90.0, 110.0), (5.0, 0.0, 20.0)):
        send, asked = _after(10_000, refused)
        with pytest.raises(ServiceError):
            _called(send, remaining=remaining)
        assert least <= asked[-1] - asked[0] <= most


def test_a_longer_wait_than_the_deadline_leaves_is_refused_at_once() -> None:
    send, asked = _after(1, _refusal(429, 30))
    with pytest.raises(ServiceError) as told:
        _called(send, remaining=5)
    assert len(asked) == 1
    assert told.value.code == "throttled"
    assert "--timeout" in told.value.remedy
