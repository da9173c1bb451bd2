"""Time that passes only while everybody waits for it: no test sleeps, and none rests on how fast
the machine is.

The program runs in this process on an event loop whose clock is ours; the sandbox, on a thread
beside it, tells the same time. As long as anything is under way, that clock stands still: a
request, a connection, a thread of the program, a child process. When all that is left are timers,
it jumps to the first of them. So a backoff, a settling, a deadline of ten minutes and a request
that hangs cost nothing and come out the same on every machine.
"""

import asyncio
import contextvars
import math
import selectors
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from anyio.streams.tls import TLSStream
from mct_s2s import clock, concurrency

POLL_SECONDS = 0.005
"""How often, in real seconds, it is looked whether everybody waits; whatever arrives is handled at
once.
"""
LONG_POLLS = 1000
"""Some five seconds.

A client that was cut off may have written last, on a connection that it keeps.
"""
END_OF_HANDSHAKE = b"\x14"
"""How the last message of a client's TLS handshake begins.

The sandbox does not answer it, and what was to follow may have been cancelled. Source: RFC 8446,
appendix D.4.
"""

Ends = tuple[tuple[str, int], tuple[str, int]]
"""The addresses of a connection, the client's first: of a port alone there may be several."""
NOWHERE = "", 0
"""The other end of a connection that it has reset already."""

_scope: contextvars.ContextVar[dict[str, Any] | None] = contextvars.ContextVar(
    "request", default=None
)


class SimulatedTime:
    """A time source for the sandbox's clock, and the time of the program's event loops."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.requests = Requests()
        self._wall = self._began = time.time()
        self._flows_since: float | None = None
        self._flows = 0
        self._sleepers: list[_Sleeper] = []
        self._lock = threading.Lock()

    def begin_again(self) -> None:
        """Forget how long it has been: no loop of before runs any more."""
        self.seconds = 0.0
        self._sleepers.clear()
        self.set_calendar()

    def set_calendar(self, timestamp: float | None = None) -> None:
        """Set the calendar, to where this session began by default; it stands still from here."""
        self._wall = (timestamp or self._began) - self.seconds

    @contextmanager
    def flowing(self) -> Iterator[None]:
        """Let time pass as it does outside: for as long as processes of their own are looked at."""
        self.flow()
        try:
            yield
        finally:
            self.stand_still()

    def flow(self) -> None:
        """Begin to let it pass; for each of these there is one `stand_still`."""
        with self._lock:
            self._flows += 1
            if self._flows_since is None:
                # Processes know the computer's calendar.
                self._wall = max(self._wall, time.time() - self.seconds)
                self._flows_since = time.monotonic()

    def stand_still(self) -> None:
        """End it, unless somebody else still looks at a process."""
        with self._lock:
            self._flows -= 1
            if self._flows == 0 and self._flows_since is not None:
                self.seconds += time.monotonic() - self._flows_since
                self._flows_since = None

    @contextmanager
    def simulated(self) -> Iterator[None]:
        """Give event loops that are made in here this time."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(asyncio.events, "new_event_loop", lambda: SimulatedLoop(self))
            patch.setattr(clock, "now", lambda: datetime.fromtimestamp(self.timestamp(), UTC))
            # A thread that time waits for
            patch.setattr(concurrency, "in_background", asyncio.to_thread)
            patch.setattr(TLSStream, "wrap", _closing_wrap(TLSStream.wrap))
            yield

    def timestamp(self) -> float:
        """The moment in seconds since 1970."""
        with self._lock:
            since = self._flows_since
            real = time.monotonic() - since if since is not None else 0.0
            return self._wall + self.seconds + real

    async def sleep(self, seconds: float) -> None:
        """Let a request to the sandbox take so much longer."""
        if self._flows_since is not None:
            await asyncio.sleep(seconds)
            return
        sleeper = _Sleeper(
            self.seconds + seconds, asyncio.get_running_loop(), asyncio.Event(), _scope.get()
        )
        with self._lock:
            sleeper.lies_down()
            self._sleepers.append(sleeper)
        await sleeper.woken.wait()

    def next_due(self) -> float | None:
        """When the first sleeper wakes."""
        with self._lock:
            return min((sleeper.due for sleeper in self._sleepers), default=None)

    def move_to(self, seconds: float) -> None:
        """Jump, and wake whoever has slept enough."""
        with self._lock:
            self.seconds = max(self.seconds, seconds)
            due = [sleeper for sleeper in self._sleepers if sleeper.due <= self.seconds]
            self._sleepers = [sleeper for sleeper in self._sleepers if sleeper.due > self.seconds]
            for sleeper in due:
                sleeper.wakes()


def _closing_wrap(wrap: Any) -> Any:
    """A handshake that is cancelled ends its connection: httpcore leaves it open, and time would
    wait for an answer.
    """

    async def closing(stream: Any, **options: Any) -> Any:
        try:
            return await wrap(stream, **options)
        except BaseException:
            stream._transport.abort()
            raise

    return closing


class _Sleeper:
    def __init__(
        self,
        due: float,
        loop: asyncio.AbstractEventLoop,
        woken: asyncio.Event,
        scope: dict[str, Any] | None,
    ) -> None:
        self.due = due
        self.woken = woken
        self._loop = loop
        self._scope = scope

    def lies_down(self) -> None:
        if self._scope is not None:
            self._scope["sleeps"] = True

    def wakes(self) -> None:
        if self._scope is not None:
            self._scope["sleeps"] = False
        self._loop.call_soon_threadsafe(self.woken.set)


class Requests:
    """What the sandboxes are working on; ASGI applications around their own."""

    def __init__(self) -> None:
        self._open: dict[int, dict[str, Any]] = {}

    def around(self, app: Any) -> Any:
        """Look at what this application is asked: one of several, where there are several
        sandboxes.
        """

        async def watched(scope: dict[str, Any], receive: Any, send: Any) -> None:
            self._open[id(scope)] = scope
            token = _scope.set(scope)
            try:
                await app(scope, receive, send)
            finally:
                _scope.reset(token)
                self._open.pop(id(scope), None)

        return watched

    def forget_all_but(self, connections: set[Ends]) -> None:
        """Wait no more for requests of clients that have been cut off.

        The sandbox may be writing a long answer to a connection that no one reads or closes.
        """
        for key, scope in tuple(self._open.items()):
            if scope.get("cut off") or _ends(scope) not in connections:
                self._open.pop(key, None)

    def begins(self, connection: Ends) -> None:
        """Tell a new connection from one that has ended: systems give ports out again.

        What was asked on the old one may sleep until long after this session.
        """
        for scope in tuple(self._open.values()):
            if _ends(scope) == connection:
                scope["cut off"] = True

    def waiting(self) -> set[Ends] | None:
        """The connections whose requests only time will answer; None while the sandbox works on
        another one.
        """
        connections = set()
        for scope in tuple(self._open.values()):
            if not scope.get("sleeps") and not scope.get("sandbox", {}).get("hangs"):
                return None
            if not scope.get("cut off"):
                connections.add(_ends(scope))
        return connections


def _ends(scope: dict[str, Any]) -> Ends:
    return _address(scope["client"]), _address(scope["server"])


def _address(name: Sequence[Any]) -> tuple[str, int]:
    """What a socket says of one of its ends, without what is IPv6's alone."""
    return name[0], name[1]


class SimulatedLoop(asyncio.SelectorEventLoop):
    """An event loop whose time is simulated and whose sockets, threads and processes are real."""

    def __init__(self, simulated: SimulatedTime) -> None:
        self._simulated = simulated
        self._connecting = 0
        self._threads = 0
        self._connections: list[_Connection] = []
        self._processes: list[asyncio.SubprocessTransport] = []
        super().__init__(_Selector(self))
        # From three years on, neighbouring floats are further apart than asyncio's nanosecond, and
        # a timer that a sum falls short of would never be due.
        self._clock_resolution = max(1e-9, 4 * math.ulp(simulated.seconds))

    def time(self) -> float:
        return self._simulated.seconds

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> Any:  # type: ignore[override]
        """Run on a thread; time stands still until it is done."""
        future = super().run_in_executor(executor, func, *args)
        self._threads += 1
        future.add_done_callback(self._thread_done)
        return future

    async def shutdown_default_executor(self, *timeout: Any) -> None:
        """End the threads; time stands still until they have, for Python 3.12 and newer give them a
        deadline.
        """
        self._threads += 1
        try:
            await super().shutdown_default_executor(*timeout)
        finally:
            self._threads -= 1

    async def sock_connect(self, sock: Any, address: Any) -> None:
        """Connect; time stands still until it is done."""
        self._connecting += 1
        try:
            await super().sock_connect(sock, address)
        finally:
            self._connecting -= 1

    async def create_connection(self, protocol_factory: Any, *args: Any, **options: Any) -> Any:
        """Connect, and keep an eye on who of the two has spoken last."""
        watched = _Connection(self._simulated.requests)
        self._connecting += 1
        try:
            connection = await super().create_connection(
                lambda: watched.watch(protocol_factory()), *args, **options
            )
        finally:
            self._connecting -= 1
        self._connections = [each for each in self._connections if not each.is_over] + [watched]
        return connection

    async def subprocess_exec(self, *args: Any, **options: Any) -> Any:
        """Start a process; time stands still until it has ended."""
        transport, protocol = await super().subprocess_exec(*args, **options)
        self._processes.append(transport)
        return transport, protocol

    def close(self) -> None:
        """Raises AssertionError: the program has let go of a process that it did not wait for.

        It is ended here: what asyncio leaves open would complain in a later test.
        """
        unwaited = [each for each in self._processes if each.get_returncode() is None]
        for process in self._processes:
            process.close()
        super().close()
        assert not unwaited, unwaited

    def may_jump(self, *, is_long: bool = False) -> bool:
        """Whether nothing is left to wait for but time.

        A request that the sandbox has not seen for long is none.
        """
        if (
            self._connecting
            or self._threads
            or any(each.get_returncode() is None for each in self._processes)
        ):
            return False
        if any(each.is_closing for each in self._connections):
            return False
        asked = {each.ends for each in self._connections if each.awaits_answer}
        if is_long:
            self._simulated.requests.forget_all_but(asked)
        waiting = self._simulated.requests.waiting()
        return waiting is not None and (is_long or asked <= waiting)

    def jump(self, timeout: float | None) -> bool:
        """Move to the next timer, ours or the sandbox's; False where there is none."""
        due = [self.time() + timeout] if timeout is not None else []
        sleeper = self._simulated.next_due()
        due += [sleeper] if sleeper is not None else []
        if not due:
            return False
        # A little more: sums that should be equal are all past.
        self._simulated.move_to(min(due) + 2 * self._clock_resolution)
        return True

    def _thread_done(self, _: object) -> None:
        self._threads -= 1


class _Selector(selectors.DefaultSelector):
    """Looks at sockets in real time, and lets the loop's own time pass when nothing else
    happens.
    """

    def __init__(self, loop: SimulatedLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait for a socket, or until it is time."""
        if timeout is not None and timeout <= 0:
            return super().select(0)
        polls = 0
        while True:
            polls += 1
            quiet = self._loop.may_jump(is_long=polls > LONG_POLLS)
            ready = super().select(0 if quiet else POLL_SECONDS)
            if ready:
                return ready
            if quiet and self._loop.jump(timeout):
                return []
            if quiet:
                ready = super().select(POLL_SECONDS)
                if ready:
                    return ready


class _Connection:
    """One connection of the program: who has spoken last, seen from its protocol."""

    def __init__(self, requests: Requests) -> None:
        self.ends: Ends = NOWHERE, NOWHERE
        self.is_over = False
        self._requests = requests
        self._asked = False
        self._transport: Any = None

    @property
    def awaits_answer(self) -> bool:
        """Whether something was sent, and nothing came back yet."""
        return self._asked and not self.is_over

    @property
    def is_closing(self) -> bool:
        """Whether it is about to end: TLS says goodbye first."""
        return self._transport is not None and not self.is_over and self._transport.is_closing()

    def watch(self, protocol: Any) -> Any:
        """Put ourselves between a protocol and its transport."""
        connected, received, lost = (
            protocol.connection_made,
            protocol.data_received,
            protocol.connection_lost,
        )

        def connection_made(transport: Any) -> None:
            self._transport = transport
            write = transport.write
            own, other = map(transport.get_extra_info, ("sockname", "peername"))
            self.ends = _address(own), _address(other or NOWHERE)
            self._requests.begins(self.ends)

            def written(data: Any) -> None:
                self._asked = bytes(data[:1]) != END_OF_HANDSHAKE
                write(data)

            def written_lines(lines: Any) -> None:
                written(b"".join(lines))

            transport.write, transport.writelines = written, written_lines
            connected(transport)

        def data_received(data: bytes) -> None:
            self._asked = False
            received(data)

        def connection_lost(error: Exception | None) -> None:
            self.is_over = True
            lost(error)

        protocol.connection_made = connection_made
        protocol.data_received = data_received
        protocol.connection_lost = connection_lost
        return protocol
