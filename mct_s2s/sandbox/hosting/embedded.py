"""The sandbox inside another program: in a thread, on free ports, with the saved state."""

import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from filelock import FileLock, Timeout

from mct_s2s.sandbox.core.files import Mistake
from mct_s2s.sandbox.hosting import listening, startup
from mct_s2s.sandbox.hosting.environment import exports, in_its_folder
from mct_s2s.sandbox.hosting.listening import WebServer
from mct_s2s.sandbox.hosting.state_directory import StateDirectory
from mct_s2s.sandbox.services.hosted_app import HostedApp

__all__ = ["Mistake", "Running", "start"]

WAIT_SECONDS = 600.0


class Running:
    """A running sandbox: its addresses, and its administrator's credentials.

    `ca_file` holds the certificate to trust; `site_url` is the MCT site, `environment` what a
    client needs. `close` ends a sandbox of this process.
    """

    def __init__(
        self,
        folder: StateDirectory,
        port: int,
        server: WebServer | None = None,
        thread: threading.Thread | None = None,
        lock: FileLock | None = None,
    ) -> None:
        self.environment: Mapping[str, str] = exports(port, state_dir=folder.path)
        self.ca_file = Path(self.environment["SSL_CERT_FILE"])
        self.resource_manager = self.environment["MCT_S2S_CLOUD"]
        self.tenant_id = self.environment["AZURE_TENANT_ID"]
        self.client_id = self.environment["AZURE_CLIENT_ID"]
        self.client_secret = self.environment["AZURE_CLIENT_SECRET"]
        self.subscription_id = self.environment["AZURE_SUBSCRIPTION_ID"]
        self.app_service = self.environment["MCT_S2S_APP_SERVICE"]
        self.resource_group = self.environment["MCT_S2S_RESOURCE_GROUP"]
        self.site_url = self.environment["MCT_S2S_URL"]
        self._server, self._thread, self._lock = server, thread, lock

    @property
    def is_served_elsewhere(self) -> bool:
        """Whether it is another process's, and stays when this one ends."""
        return self._server is None

    def serving(self, *options: str) -> str:
        """Return the command that serves it in another terminal."""
        return in_its_folder(" ".join(["mct-s2s sandbox serve", *options]))

    def host(self, name: str, command: str) -> str:
        """Let a program answer for the web app `name`, once that is there; returns its
        resource id.
        """
        if self._server is None:
            raise ValueError(
                "The sandbox is served by another process: it takes programs with --app alone."
            )
        resource_id = startup.app_id(name)
        before = self._server.apps.get(resource_id)
        if before is not None:
            before.end()
        self._server.apps[resource_id] = HostedApp(name, command, self.ca_file)
        return resource_id

    def close(self) -> None:
        if self._server is not None and self._thread is not None:
            self._server.stop()
            self._thread.join()
        if self._lock is not None:
            self._lock.release()


def start(
    state_dir: Path | None = None, first_port: int = 0, is_busy: Callable[[], None] | None = None
) -> Running:
    """Start a sandbox and return when it is ready, or use the one that `serve` runs on the same
    directory.

    Waits while another process uses the directory.

    Args:
        first_port: where it listens if that is free, and at the ports after it, unless it has
            listened elsewhere before. Addresses that its clients have saved work again as soon as
            `serve` runs there. 0: anywhere.
        is_busy: called again and again while another process uses it; may raise, to wait no longer.
    """
    folder = StateDirectory(state_dir)
    lock, deadline = folder.lock(), time.monotonic() + WAIT_SECONDS
    while True:
        is_locked, unwritable = _locked(lock)
        if is_locked:
            return _start(folder, lock, first_port)
        served = _served(folder)
        if served is None and unwritable is not None:
            raise unwritable
        if served is not None:
            return served
        if time.monotonic() > deadline:
            raise TimeoutError(f"Another process uses the sandbox in '{folder.path}'.")
        if is_busy is not None:
            is_busy()
        time.sleep(0.05)


def _locked(lock: FileLock) -> tuple[bool, OSError | None]:
    """Take the lock; return whether it is taken, and why it could not even be asked for, as in a
    read-only home.
    """
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return False, None
    except OSError as error:
        return False, error
    return True, None


def _served(folder: StateDirectory) -> Running | None:
    try:
        served = folder.served()
    except (ValueError, KeyError):  # it is being written
        return None
    if served is None:
        return None
    if served.real_names:
        raise ValueError(
            f"The sandbox in '{folder.path}' is served under Azure's own host names. Use --cloud "
            "public."
        )
    return Running(folder, served.port)


def _start(folder: StateDirectory, lock: FileLock, first_port: int) -> Running:
    try:
        folder.forget_server()
        state = folder.state()
        names = startup.names_of(state)
        known = folder.ports()
        if first_port and not known:
            opened = listening.open_range(names, first_port)
        else:
            opened = listening.open_ports(names, known)
        server, addresses, _ = startup.prepare(folder, state, opened)
    except BaseException:
        lock.release()
        raise
    ready = threading.Event()
    server.started_up = ready.set

    def run() -> None:
        try:
            server.run(startup.all_of(opened))
        finally:
            # Another program may have had a port: the next sandbox has it again, as the addresses
            # in clients' files say. A site that came later has just the one it has now.
            before = {name: known[name] for name in names if name in known}
            folder.remember_ports({**folder.ports(), **before})
            ready.set()

    thread = threading.Thread(target=run, name="sandbox", daemon=True)
    thread.start()
    ready.wait()
    if not thread.is_alive():
        lock.release()
        raise RuntimeError("The sandbox stopped before it was ready.")
    return Running(folder, addresses.arm_port, server, thread, lock)
