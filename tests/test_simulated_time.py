"""Time in tests: it passes for whoever waits, however much of it has passed before."""

import asyncio
import math
import socket
import struct
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.support.simulated_time import SimulatedTime

YEAR_SECONDS = 365 * 24 * 3600.0
AT_ONCE = struct.pack("ii", 1, 0)
"""SO_LINGER of 0 s: the port is free as soon as the socket is closed."""


@pytest.mark.timeout(30)
@pytest.mark.parametrize("years", [0, 1, 10, 100])
def test_timers_are_due_after_years_of_other_tests(years: int) -> None:
    simulated = SimulatedTime()
    simulated.seconds = began = years * YEAR_SECONDS

    async def many_timers() -> None:
        for each in range(1000):
            await asyncio.gather(*(asyncio.sleep(0.1 * (each % 7) + 0.013 * i) for i in range(3)))

    with simulated.simulated():
        asyncio.run(many_timers())
    assert 300 < simulated.seconds - began < 400


@pytest.mark.timeout(30)
def test_time_stands_still_at_the_port_of_a_client_that_was_cut_off() -> None:
    """Systems use ports again, in a long run each of them; what was asked there before still
    sleeps.
    """
    simulated = SimulatedTime()
    with _slow_to_begin(simulated) as server, simulated.simulated():
        with pytest.raises(TimeoutError):
            asyncio.run(_ask(server, 0, b"sleep", seconds=5))
        (cut_off,) = simulated.requests._open.values()
        assert asyncio.run(_ask(server, cut_off["client"][1], b"hello", seconds=5)) == b"hello"
        assert simulated.seconds < 6


def test_the_calendar_can_be_read_while_time_begins_and_ends_to_flow() -> None:
    """The sandbox reads it on its thread at any moment of this."""
    simulated = SimulatedTime()
    errors: list[TypeError] = []
    ends = threading.Event()

    def read() -> None:
        try:
            while not ends.is_set():
                simulated.timestamp()
        except TypeError as error:
            errors.append(error)

    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    reader = threading.Thread(target=read)
    reader.start()
    until = time.monotonic() + 1
    while time.monotonic() < until and not errors:
        with simulated.flowing():
            pass
    ends.set()
    reader.join()
    sys.setswitchinterval(usual)
    assert errors == []


async def _ask(server: tuple[str, int], port: int, said: bytes, *, seconds: float) -> bytes:
    own = socket.socket()
    own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
    own.bind((server[0], port))
    own.connect(server)
    reader, writer = await asyncio.open_connection(sock=own)
    try:
        async with asyncio.timeout(seconds):
            writer.write(said)
            return await reader.read(100)
    finally:
        writer.close()


@contextmanager
def _slow_to_begin(simulated: SimulatedTime) -> Iterator[tuple[str, int]]:
    """A server that takes a while to see what it is asked, and sleeps an hour where that is asked
    for.
    """
    loop = asyncio.SelectorEventLoop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said = await reader.read(100)
        await asyncio.sleep(0.1)
        ends = {
            "client": writer.get_extra_info("peername"),
            "server": writer.get_extra_info("sockname"),
        }

        async def app(*_: Any) -> None:
            if said == b"sleep":
                await simulated.sleep(3600)
            writer.write(said)
            writer.close()

        await simulated.requests.around(app)(ends, None, None)

    async def start() -> asyncio.Server:
        return await asyncio.start_server(answers, "127.0.0.1", 0)

    async def end(server: asyncio.Server) -> None:
        server.close()
        simulated.move_to(math.inf)
        await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})

    server = asyncio.run_coroutine_threadsafe(start(), loop).result()
    try:
        yield server.sockets[0].getsockname()
    finally:
        asyncio.run_coroutine_threadsafe(end(server), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
