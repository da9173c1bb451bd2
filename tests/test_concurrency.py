"""Requests that go out together end together, also before they have begun."""

from __future__ import annotations

import asyncio
import gc

import pytest
from mct_s2s.concurrency import gather_or_cancel


async def _returns(value: int) -> int:
    await asyncio.sleep(0)
    return value


async def _fails() -> int:
    raise ValueError("no")


def test_results_are_in_order() -> None:
    assert asyncio.run(_nested()) == ((1, 2), 3)


async def _nested() -> object:
    return await gather_or_cancel(gather_or_cancel(_returns(1), _returns(2)), _returns(3))


def test_the_first_failure_is_raised_as_it_is() -> None:
    with pytest.raises(ValueError, match="no"):
        asyncio.run(gather_or_cancel(_returns(1), _fails()))


@pytest.mark.parametrize("pauses", range(6))
def test_what_is_cancelled_before_it_has_begun_is_not_left_behind(pauses: int) -> None:
    async def cancelled() -> None:
        task = asyncio.ensure_future(
            gather_or_cancel(gather_or_cancel(_returns(1), gather_or_cancel(_returns(2), _returns(3))), _returns(4))
        )
        for _ in range(pauses):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(cancelled())
    gc.collect()  # a coroutine that was never awaited warns when it goes, and warnings are errors here


def test_what_is_closed_before_it_has_begun_is_not_left_behind() -> None:
    gather_or_cancel(gather_or_cancel(_returns(1), _returns(2)), _returns(3)).close()
    gc.collect()
