"""A forward proxy for TLS on the loopback: it notes where it was asked to connect to, and by whom.

As a program, `python -m tests.support.proxy PORT`, it prints its address and leads everybody to
that port of this machine, whatever host they name: a hosts file for programs that take a proxy from
their environment.
"""

import socket
import socketserver
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

PIECE = 65536


class Proxy(socketserver.ThreadingTCPServer):
    """Its `asked` are pairs of a target and the credential that came with it.

    `port`, where it is not 0, is where it connects everybody to, on the loopback.
    """

    daemon_threads = True

    def __init__(self, port: int = 0) -> None:
        self.asked: list[tuple[str, str]] = []
        self.port = port
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"


class _Handler(socketserver.StreamRequestHandler):
    server: Proxy

    def handle(self) -> None:
        method, target, _ = self.rfile.readline().decode("latin-1").split()
        headers: dict[str, str] = {}
        while line := self.rfile.readline().decode("latin-1").strip():
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        self.server.asked.append((f"{method} {target}", headers.get("proxy-authorization", "")))
        host, _, port = target.rpartition(":")
        # Not every system's resolver knows these names
        host = "localhost" if host.endswith(".localhost") else host
        far_end = ("127.0.0.1", self.server.port) if self.server.port else (host, int(port))
        with socket.create_connection(far_end) as far:
            self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=_pump, args=(far, self.connection), daemon=True)
            back.start()
            _pump(self.connection, far)
            back.join()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while piece := source.recv(PIECE):
            sink.sendall(piece)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        return


@contextmanager
def proxy(port: int = 0) -> Iterator[Proxy]:
    """Run one; with a port, one that leads everybody there."""
    with Proxy(port) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


if __name__ == "__main__":
    with Proxy(int(sys.argv[1])) as alone:
        print(alone.address, flush=True)  # noqa: T201
        alone.serve_forever()
