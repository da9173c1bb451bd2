"""A web app that runs a real program, with the site's settings as its environment, as App Service
does.

The program is the judge of its settings and of tokens: nothing here knows what it checks. It starts
with the first request after a start of the site, and ends when settings are written or the site is
restarted. Its standard error is the sandbox's own, which also says how it ended. Source:
app-service: configure-common ("App settings are variables passed as environment variables"),
configure-custom-container (`PORT`).
"""

import asyncio
import contextlib
import http.client
import os
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from mct_s2s.sandbox.resources.sites import Settings

START_SECONDS = 30.0
"""So long after its start, calls wait for a program. App Service waits for 230; a program of a test
is there in two, or never.
"""
END_SECONDS = 5.0
ANSWER_SECONDS = 60.0
_KEPT = ("PATH", "HOME", "LANG", "VIRTUAL_ENV", "PYTHONPATH", "NODE_PATH", "SYSTEMROOT", "TEMP")
"""Of the sandbox's own environment: what a program needs to run on this machine."""
_OF_ONE_HOP = frozenset(
    {"connection", "keep-alive", "transfer-encoding", "te", "upgrade", "content-length", "host"}
)


class HostedApp:
    """One program, for the web app `name`; `command` is run without a shell."""

    def __init__(self, name: str, command: str, certificates: Path) -> None:
        self.name = name
        self.command: Sequence[str] = shlex.split(command)
        if not self.command:
            raise ValueError("--app needs a command: NAME=COMMAND.")
        self._certificates = certificates
        self._process: subprocess.Popen[bytes] | None = None
        self._start_of: object = None
        self._port = 0
        self._started = 0.0
        self._why_silent = ""
        self._turn = threading.Lock()
        self._is_over = False

    async def answer(self, request: Request, settings: Settings, generation: object) -> Response:
        """Answer as the program does; 503 while it does not listen.

        A new `generation`, or other settings, start it anew.
        """
        body = await request.body()
        return await asyncio.to_thread(self._answer, request, body, settings, generation)

    def end(self) -> None:
        """End the program for good: calls that wait for it are answered, and start it no more."""
        self._is_over = True
        self._stop()
        with self._turn:  # a call may just have started it
            self._stop()

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if os.name == "posix":
            _end_group(process)
        else:
            process.terminate()
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _answer(
        self, request: Request, body: bytes, settings: Settings, generation: object
    ) -> Response:
        with self._turn:
            if not self._is_listening(settings, generation):
                request.scope["sandbox"]["note"] = self._tell_why_silent()
                return PlainTextResponse("Service Unavailable", 503)
        sent = {
            name: value
            for name, value in request.headers.items()
            if name.lower() not in _OF_ONE_HOP
        }
        sent |= {"Host": request.headers.get("host", ""), "X-Forwarded-Proto": "https"}
        query = f"?{request.url.query}" if request.url.query else ""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=ANSWER_SECONDS)
        try:
            connection.request(request.method, f"{request.url.path}{query}", body or None, sent)
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException):
            return PlainTextResponse("The specified CGI application encountered an error.", 502)
        finally:
            connection.close()
        response = Response(content, answer.status)
        left_out = _OF_ONE_HOP | {"date"}  # the server's own
        if request.method == "HEAD":  # of the answer that a GET would get
            del response.headers["content-length"]
            left_out -= {"content-length"}
        received = [
            (name, value) for name, value in answer.getheaders() if name.lower() not in left_out
        ]
        response.raw_headers += [
            (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in received
        ]
        return response

    def _is_listening(self, settings: Settings, generation: object) -> bool:
        start = (generation, dict(settings))  # another world may count as many restarts
        if not self._is_over and (self._process is None or self._start_of != start):
            self._stop()
            self._why_silent = ""
            self._start(settings)
            self._start_of = start
        while (process := self._process) is not None and process.poll() is None:
            with (
                contextlib.suppress(OSError),
                socket.create_connection(("127.0.0.1", self._port), 1),
            ):
                return True
            if time.monotonic() > self._started + START_SECONDS:
                break
            time.sleep(0.05)
        return False

    def _tell_why_silent(self) -> str:
        """Return why the program does not answer; on standard error, too, when that is new."""
        if self._is_over:
            return f"The program of the web app '{self.name}' was ended by the sandbox."
        process = self._process
        if process is None:
            why = "can't be started"
        elif process.poll() is None:
            why = f"does not listen at the port in PORT, {self._port}"
        else:
            why = f"ended with exit code {process.returncode}"
        text = f"The program of the web app '{self.name}' {why}."
        if text != self._why_silent:
            self._why_silent = text
            sys.stderr.write(f"{text}\n")
            sys.stderr.flush()
        return text

    def _start(self, settings: Settings) -> None:
        self._started = time.monotonic()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = int(free.getsockname()[1])
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        site_settings = {name: value for name, value in settings.items() if value is not None}
        names = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
        trusted = dict.fromkeys(names, str(self._certificates))
        environment: Mapping[str, str] = {
            **kept,
            **trusted,
            **site_settings,
            "PORT": str(self._port),
        }
        with contextlib.suppress(OSError):  # no such program: it does not start, as on App Service
            self._process = subprocess.Popen(  # noqa: S603  # the operator's own command
                self.command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=None,  # where the user of the sandbox sees it
                start_new_session=os.name == "posix",
            )


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """End a program and what it has started: a wrapper may leave its own program behind."""
    until = time.monotonic() + END_SECONDS
    with contextlib.suppress(ProcessLookupError, PermissionError):  # none is there any more
        os.killpg(process.pid, signal.SIGTERM)
        while time.monotonic() < until:
            process.poll()  # which takes it out of its group
            os.killpg(process.pid, 0)
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGKILL)
