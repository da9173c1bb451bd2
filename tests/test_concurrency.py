"""Requests that go out together end together, also before they have begun."""

import asyncio
import gc

import pytest
from mct_s2s.concurrency import ReadOnce, gather_or_cancel


async def _returns(value: int) -> int:
    await asyncio.sleep(0)
    return value


def test_results_are_in_the_order_of_their_tasks() -> None:
    async def nested() -> object:
        return await gather_or_cancel(gather_or_cancel(_returns(1), _returns(2)), _returns(3))

    assert asyncio.run(nested()) == ((1, 2), 3)


@pytest.mark.parametrize("pauses", range(6))
def test_a_task_cancelled_before_it_has_begun_is_not_left_behind(pauses: int) -> None:
    async def cancelled() -> None:
        task = asyncio.ensure_future(
            gather_or_cancel(
                gather_or_cancel(_returns(1), gather_or_cancel(_returns(2), _returns(3))),
                _returns(4),
            )
        )
        for _ in range(pauses):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(cancelled())
    # a coroutine that was never awaited warns when it goes, and warnings are errors here
    gc.collect()


# --- read once ---


@pytest.mark.parametrize(("keep", "in_all"), [(True, 2), (False, 3)])
def test_a_result_that_is_read_once_is_shared_and_a_failure_forgotten(
    keep: bool, in_all: int
) -> None:
    async def work() -> None:
        once = ReadOnce[str](keep=keep)
        reads = 0

        async def read() -> str:
            nonlocal reads
            reads += 1
            await asyncio.sleep(0)
            if reads == 1:
                raise ZeroDivisionError
            return ""

        failed = await asyncio.gather(
            *(once.get("a", read) for _ in range(3)), return_exceptions=True
        )
        assert [type(error) for error in failed] == [ZeroDivisionError] * 3
        assert await asyncio.gather(*(once.get("a", read) for _ in range(3))) == [""] * 3
        assert await once.get("a", read) == ""
        assert reads == in_all

    asyncio.run(work())


def test_a_cancelled_reader_takes_nothing_from_the_others() -> None:
    async def work() -> None:
        once = ReadOnce[str]()
        may_end = asyncio.Event()

        async def read() -> str:
            await may_end.wait()
            return "tenant"

        first, second = (asyncio.ensure_future(once.get("a", read)) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        may_end.set()
        assert await second == "tenant"
        assert first.cancelled()

    asyncio.run(work())


def test_a_cancelled_task_comes_to_an_orderly_end() -> None:
    """A connection is closed by several steps: told twice to end, however deep, it would be left
    half-open.
    """
    closed: list[str] = []

    async def connected(name: str, steps: int) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            for _ in range(steps):
                await asyncio.sleep(0)
            closed.append(name)

    async def fails_later() -> None:
        await asyncio.sleep(0.01)
        raise ValueError("failed")

    async def all_of_it() -> None:
        inner = gather_or_cancel(
            gather_or_cancel(connected("a", 9), connected("b", 0)), connected("c", 5)
        )
        await gather_or_cancel(inner, fails_later())

    with pytest.raises(ValueError, match="failed"):
        asyncio.run(all_of_it())
    assert sorted(closed) == ["a", "b", "c"]


def test_a_task_that_no_one_waits_for_any_more_has_ended() -> None:
    async def work() -> None:
        once = ReadOnce[str]()
        ended = False

        async def read() -> str:
            nonlocal ended
            try:
                await asyncio.sleep(60)
            finally:
                ended = True
            return ""

        waiting = [asyncio.ensure_future(once.get("a", read)) for _ in range(2)]
        await asyncio.sleep(0)
        for waiter in waiting:
            waiter.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        assert ended

    asyncio.run(work())
