"""Requests that go out together, reads that several share, and work that is not cut off halfway."""

import asyncio
import math
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from concurrent.futures import Future
from contextlib import suppress
from importlib import import_module
from typing import Any, Generic, TypeVar, cast, overload

from mct_s2s import clock
from mct_s2s.waits import CLEANUP_SECONDS

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
_importing = threading.Lock()


@overload
def gather_or_cancel(a: Awaitable[A], b: Awaitable[B], /) -> asyncio.Task[tuple[A, B]]: ...
@overload
def gather_or_cancel(
    a: Awaitable[A], b: Awaitable[B], c: Awaitable[C], /
) -> asyncio.Task[tuple[A, B, C]]: ...
@overload
def gather_or_cancel(*awaitables: Awaitable[A]) -> asyncio.Task[tuple[A, ...]]: ...
def gather_or_cancel(*awaitables: Awaitable[Any]) -> asyncio.Task[tuple[Any, ...]]:
    """Begin all of them now; the task returns their results in order.

    After the first failure, the rest is cancelled, and the failure is raised once it has ended.
    """
    tasks = [asyncio.ensure_future(awaitable) for awaitable in awaitables]

    async def all_of_them() -> tuple[Any, ...]:
        try:
            return tuple(await asyncio.gather(*tasks))
        except BaseException:
            await end_all(tasks)
            raise

    whole = asyncio.ensure_future(all_of_them())
    whole.add_done_callback(lambda _: [task.cancel() for task in tasks])
    return whole


async def end_all(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks and wait for their end.

    Each is cancelled once: one that is about to end may be closing a connection, and would leave it
    half-open.
    """
    ending = list(tasks)
    for task in ending:
        if not task.cancelling():
            task.cancel()
    await asyncio.gather(*ending, return_exceptions=True)


async def finish_both(work: Awaitable[A], cleanup: Awaitable[object]) -> A:
    """Return the result of `work`, once `cleanup` beside it has ended, too.

    What `work` raises comes first.
    """
    worked, cleaned = await asyncio.gather(work, cleanup, return_exceptions=True)
    for ended in (worked, cleaned):
        if isinstance(ended, BaseException):
            raise ended
    return cast("A", worked)


async def finish_even_if_cancelled(
    work: Coroutine[Any, Any, A], *, deadline: float = math.inf
) -> A:
    """Run to the end; if the command is interrupted, within `CLEANUP_SECONDS`.

    `deadline`: a moment of `clock.seconds` that it does not outlast either.
    """
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        until = min(clock.seconds() + CLEANUP_SECONDS, deadline)
        while not task.done() and clock.seconds() < until:
            with suppress(asyncio.CancelledError):  # said once more, by those around us
                await asyncio.wait({task}, timeout=until - clock.seconds())
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        raise


async def in_background(function: Callable[[], A]) -> A:
    """Run a function on a thread that no one waits for at exit, as it may outlive the deadline."""
    outcome: Future[A] = Future()
    outcome.set_running_or_notify_cancel()

    def work() -> None:
        try:
            outcome.set_result(function())
        except Exception as error:  # raised again where it is awaited
            outcome.set_exception(error)

    threading.Thread(target=work, name="background", daemon=True).start()
    return await asyncio.wrap_future(outcome)


async def imported(*modules: str) -> None:
    """Import on a thread, one at a time: the SDKs' packages import each other in circles."""

    def load() -> None:
        with _importing:
            for module in modules:
                import_module(module)

    await asyncio.to_thread(load)


class ReadOnce(Generic[A]):
    """Reads that several ask for by a key. They share a failure, which is then forgotten."""

    def __init__(self, *, keep: bool = True) -> None:
        self._keep = keep
        self._read: dict[str, asyncio.Task[A]] = {}
        self._waiting: Counter[str] = Counter()

    async def get(self, key: str, read: Callable[[], Coroutine[Any, Any, A]]) -> A:
        task = self._read.get(key)
        if task is None:
            task = self._read[key] = asyncio.ensure_future(read())
            task.add_done_callback(lambda done: self._forget(key, done))
        self._waiting[key] += 1
        try:
            return await asyncio.shield(task)
        finally:
            self._waiting[key] -= 1
            # All who asked have been cancelled: it ends with them
            if not task.done() and not self._waiting[key]:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    def _forget(self, key: str, done: asyncio.Task[A]) -> None:
        if done.cancelled() or done.exception() is not None or not self._keep:
            self._read.pop(key, None)
