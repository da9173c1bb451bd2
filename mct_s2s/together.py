"""Independent requests go out together, and the first that fails stops the others; and what is not cut off half-way."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar, overload

from mct_s2s import clock

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")

GRACE_SECONDS = 5.0
"""For so long a command that is to end waits for what it must not leave half-way: an answer takes less."""


@overload
async def together(a: Coroutine[Any, Any, A], b: Coroutine[Any, Any, B], /) -> tuple[A, B]: ...
@overload
async def together(
    a: Coroutine[Any, Any, A], b: Coroutine[Any, Any, B], c: Coroutine[Any, Any, C], /
) -> tuple[A, B, C]: ...
@overload
async def together(*coroutines: Coroutine[Any, Any, A]) -> tuple[A, ...]: ...
async def together(*coroutines: Coroutine[Any, Any, Any]) -> tuple[Any, ...]:
    """Run all at once and return their results in order.

    Raises:
        BaseException: the first failure, as it is; what was still running has been cancelled and has ended.
    """
    tasks = [asyncio.ensure_future(coroutine) for coroutine in coroutines]
    try:
        return tuple(await asyncio.gather(*tasks))
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise


async def to_the_end(work: Coroutine[Any, Any, A]) -> A:
    """Run it; where this command is interrupted meanwhile, it still gets `GRACE_SECONDS` to come to its end.

    Raises:
        CancelledError: interrupted; by then the work has ended, or its time was up.
    """
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        until = clock.seconds() + GRACE_SECONDS
        while not task.done() and clock.seconds() < until:
            with suppress(asyncio.CancelledError):  # said once more, by those around us
                await asyncio.wait({task}, timeout=until - clock.seconds())
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        raise
