"""What to make of an answer by a replica of Microsoft Graph that may be behind.

No single answer says that an object is gone: the replica may not know yet that it was created,
deleted or restored. docs/reliability.md, "After a removal", says what each answer means. Requests
about a young object wait by `UNTIL_KNOWN` of azure/refusals.py.
"""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import count
from typing import TYPE_CHECKING, TypeVar

from mct_s2s import clock
from mct_s2s.activity import REPLICATION, waiting
from mct_s2s.azure.graph.paths import query
from mct_s2s.azure.refusals import GraphOperation, already_gone, is_lag
from mct_s2s.azure.retry import Lag
from mct_s2s.errors import ServiceError
from mct_s2s.waits import DOUBTFUL_PAUSE, DOUBTFUL_TRIES, GONE_AFTER, LAG_SECONDS, LOOK_PAUSE

if TYPE_CHECKING:
    from mct_s2s.azure.graph.client import GraphClient

T = TypeVar("T")


async def is_shown(graph: "GraphClient", *paths: str) -> bool:
    """Whether one replica shows any of these objects."""
    return any(await graph.get_many([f"{path}{query(select=['id'])}" for path in paths], dict))


async def write_unless_gone(
    write: Callable[[], Awaitable[object]], is_shown: Callable[[], Awaitable[bool]]
) -> bool:
    """Write to an object; return false where it is gone.

    That is a write refused with a 404, and `GONE_AFTER` looks in a row that do not show it. Raises
    ServiceError: the last refusal, where it is shown all the time.
    """
    gives_up_at, missed = clock.seconds() + LAG_SECONDS, 0
    while True:
        try:
            await write()
        except ServiceError as error:
            if not already_gone(error) or clock.seconds() >= gives_up_at:
                raise
        else:
            return True
        missed = 0 if await is_shown() else missed + 1
        if missed == GONE_AFTER:
            return False
        with waiting(REPLICATION, gives_up_at):
            await asyncio.sleep(LOOK_PAUSE)


def is_lag_of_own() -> Lag:
    """Make the rule for a 404 about an object that this run has just created or deleted.

    It is lag: a replica is behind. After a lost answer it is final: the request before may have
    removed the object.
    """
    answer_was_lost = False

    def is_behind(error: ServiceError) -> bool:
        nonlocal answer_was_lost
        answer_was_lost = answer_was_lost or error.answer_lost
        return not answer_was_lost and is_lag(error)

    return is_behind


async def probe_by_write(graph: "GraphClient", path: str, display_name: str) -> bool:
    """PATCH the name that an object has; return whether Graph takes that: then it is there.

    A read may show what was deleted moments ago. False is not certain: the write may have met a
    replica that does not know the object yet.
    """
    try:
        await graph.send(
            "PATCH", path, GraphOperation.CHANGE_APPLICATION, body={"displayName": display_name}
        )
    except ServiceError as refused:
        if refused.answer_lost or refused.status == 429:
            raise
        return refused.status != 404
    return True


async def repeat_doubtful(
    write: Callable[[], Awaitable[T]],
    is_doubtful: Callable[[ServiceError], bool],
    look: Callable[[], Awaitable[T | None]],
) -> T:
    """Write; after a doubtful refusal, return what `look` finds, or write again."""
    for tries in count(1):
        try:
            return await write()
        except ServiceError as error:
            if not is_doubtful(error) or tries == DOUBTFUL_TRIES:
                raise
        with waiting(REPLICATION):
            await asyncio.sleep(tries * DOUBTFUL_PAUSE)
        result = await look()
        if result is not None:
            return result
    raise AssertionError(write)
