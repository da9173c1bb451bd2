"""Ports, and one web server on all of them."""

import asyncio
import contextlib
import errno
import signal
import socket
import struct
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import Any

import uvicorn

from mct_s2s.sandbox.core.addresses import Addresses, ports_from
from mct_s2s.sandbox.core.files import Mistake
from mct_s2s.sandbox.observability.exchange import App, End, Scope
from mct_s2s.sandbox.services.hosted_app import HostedApp

_BACKLOG = 2048
_NOT_FOR_YOU = "You can't listen on a port this low."
_FREE_RANGES = 20
"""So many ranges of ports are tried before each service takes any port that is free."""
_OTHER_STARTS = range(9443, 9443 + 1000 * _FREE_RANGES, 1000)
"""Where a user may serve instead, if the ports that were asked for are in use."""
_LET_LISTEN = "sudo sysctl net.ipv4.ip_unprivileged_port_start=443"


class PortTaken(Mistake):
    """A port that is in use, or not allowed for this user; `free_port` is the first one of a range
    that is free, where one was looked for.
    """

    free_port: int | None = None


def open_ports(
    names: Iterable[str], preferred: Mapping[str, int], address: str = ""
) -> dict[str, list[socket.socket]]:
    """Listen for each name on its preferred port, or on any free one: on the loopback, or on one IP
    address.
    """
    return {name: _open_any(preferred.get(name, 0), address) for name in names}


def open_range(names: Sequence[str], first_port: int) -> dict[str, list[socket.socket]]:
    """Listen on successive ports, from `first_port` or some hundreds later.

    `serve --port` finds them again there.
    """
    for start in range(first_port, first_port + 100 * _FREE_RANGES, 100):
        with contextlib.suppress(PortTaken):
            return open_exactly(ports_from(start, names))
    return open_ports(names, {})


def open_exactly(ports: Mapping[str, int], address: str = "") -> dict[str, list[socket.socket]]:
    """Listen on exactly these ports: on the loopback, or on one IP address."""
    opened: dict[str, list[socket.socket]] = {}
    for name, port in ports.items():
        try:
            opened[name] = _open(port, address)
        except OSError as error:
            close(opened)
            if isinstance(error, PermissionError):
                raise PortTaken(
                    _NOT_FOR_YOU, "Choose another port, or allow it for all users:", _LET_LISTEN
                ) from error
            if error.errno == errno.EADDRNOTAVAIL:
                raise Mistake(
                    f"This machine has no address {address}.",
                    "Listen on one that it has, or on all of them: --listen 0.0.0.0",
                ) from error
            what = (
                "is already in use"
                if error.errno == errno.EADDRINUSE
                else f"is not available ({error.strerror})"
            )
            taken = PortTaken(
                f"Port {port} {what}.",
                "Stop what uses it, or serve elsewhere:",
                "mct-s2s sandbox serve --port PORT",
            )
            taken.free_port = _free_start([*ports], address)
            raise taken from error
    return opened


def _free_start(names: Sequence[str], address: str) -> int | None:
    """The first port of a range that is free now; `None` where none of those tried is."""
    for start in _OTHER_STARTS:
        try:
            opened = {name: _open(port, address) for name, port in ports_from(start, names).items()}
        except OSError:
            continue
        close(opened)
        return start
    return None


def close(opened: Mapping[str, list[socket.socket]]) -> None:
    for sockets in opened.values():
        for each in sockets:
            each.close()


def addresses_of(opened: Mapping[str, list[socket.socket]]) -> Addresses:
    ports = {name: int(sockets[0].getsockname()[1]) for name, sockets in opened.items()}
    sites = {name: port for name, port in ports.items() if name.startswith("/")}
    return Addresses(ports["arm"], ports["graph"], sites)


def _open_any(port: int, address: str) -> list[socket.socket]:
    if port:
        with contextlib.suppress(OSError):
            return _open(port, address)
    return _open(0, address)


def _open(port: int, address: str) -> list[socket.socket]:
    if address:
        return [_listen(socket.AF_INET6 if ":" in address else socket.AF_INET, address, port)]
    ipv4 = _listen(socket.AF_INET, "127.0.0.1", port)
    try:
        return [ipv4, _listen(socket.AF_INET6, "::1", ipv4.getsockname()[1])]
    except OSError:
        return [ipv4]


def _listen(family: socket.AddressFamily, host: str, port: int) -> socket.socket:
    # IPPROTO_TCP is explicit because asyncio sets TCP_NODELAY only then: without it, answers are
    # delayed by 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


class WebServer(uvicorn.Server):
    """uvicorn, with callbacks at start and end, and a way to stop it at once from another thread.

    `started_up` and `finished` are called once each, in the server's event loop.
    """

    started_up: Callable[[], None] = staticmethod(lambda: None)
    finished: Callable[[], None] = staticmethod(lambda: None)
    apps: MutableMapping[str, HostedApp]
    """By resource id, the programs of its web apps."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Also end in order when the terminal is closed: the programs of web apps would stay."""
        in_main_thread = threading.current_thread() is threading.main_thread()
        names = ("SIGHUP", "SIGQUIT") if in_main_thread else ()
        signals = [getattr(signal, name) for name in names if hasattr(signal, name)]
        # nohup ignores one of them, which stays so
        taken = [each for each in signals if signal.getsignal(each) is signal.SIG_DFL]
        for each in taken:
            signal.signal(each, self.handle_exit)
        try:
            with super().capture_signals():
                yield
        finally:
            for each in taken:
                signal.signal(each, signal.SIG_DFL)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopped = asyncio.Event()
        self._starting = set[asyncio.Task[None]]()
        await super().startup(sockets)
        self.started_up()

    async def main_loop(self) -> None:
        """Serve until stopped; uvicorn's own loop would notice at its next tick only."""
        ticks = 0
        while not await self.on_tick(ticks % 864_000):
            ticks += 1
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopped.wait(), 0.1)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for listener in (*self.servers, *(sockets or ())):
            listener.close()
        await self._wait_for_requests(seconds=1)
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        # Those that wait for their client see that it has gone
        await self._wait_for_requests(seconds=0.1)
        self.finished()

    async def _wait_for_requests(self, *, seconds: float) -> None:
        if self.server_state.tasks:
            await asyncio.wait(set(self.server_state.tasks), timeout=seconds)

    def listen_too(self, opened: Iterable[socket.socket]) -> None:
        """Serve more ports from now on; only in the server's event loop."""

        def protocol() -> asyncio.Protocol:
            http_protocol: asyncio.Protocol = self.config.http_protocol_class(  # type: ignore[call-arg]
                config=self.config, server_state=self.server_state, app_state=self.lifespan.state
            )
            return http_protocol

        async def accept() -> None:
            for each in opened:
                server = await self._loop.create_server(
                    protocol, sock=each, ssl=self.config.ssl, backlog=_BACKLOG
                )
                self.servers.append(server)

        # Who connects before that waits: the system has the connection already.
        starting = self._loop.create_task(accept())
        self._starting.add(starting)
        starting.add_done_callback(self._starting.discard)

    def end(self, scope: Scope, how: End) -> None:
        connections: list[Any] = list(self.server_state.connections)
        for connection in connections:
            if (connection.client, connection.server) == (scope["client"], scope["server"]):
                transport = connection.transport
                if how == "truncated":
                    transport.close()
                    return
                # SO_LINGER of 0 s makes the system send a reset instead of closing the connection
                # in order.
                reset = struct.pack("ii", 1, 0)
                transport.get_extra_info("socket").setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, reset
                )
                transport.abort()

    def stop(self) -> None:
        self.should_exit = True
        with contextlib.suppress(RuntimeError):  # the loop is gone already
            self._loop.call_soon_threadsafe(self._stopped.set)


def web_server(app: App, server_pem: Path) -> WebServer:
    config = uvicorn.Config(
        app,
        ssl_certfile=server_pem,
        ssl_keyfile=server_pem,
        lifespan="off",
        http="h11",
        ws="none",
        access_log=False,
        log_config=None,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=1,
        timeout_keep_alive=75,
    )
    return WebServer(config)
