"""A pytest plugin: an Azure tenant with an MCT site, as new for each test, in the process that runs
the tests.

    def test_reports_are_fetched(mct_sandbox):
        token = fetch_token(scope)      # azure-identity, msal or HTTP: the environment leads there
        assert fetch_reports(token)

docs/testing.md describes it. The server is started once for a test session, on free ports of the
loopback; before each test that asks for it, its state is brought back to the seed.
"""

import http.client
import json
import os
import shlex
import shutil
import ssl
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from mct_s2s.sandbox.hosting.embedded import Running


class MctSandbox:
    """A tenant, its subscription and an MCT App Service.

    Attributes:
        environment: the variables that a client of it needs; set while the test runs.
        resource_manager: the https address of Resource Manager, which `mct-s2s --cloud` takes.
        site_url: the https address of the MCT site.
    """

    def __init__(self, running: "Running") -> None:
        self.resource_manager = running.resource_manager
        self.site_url = running.site_url
        self.environment = dict(running.environment)
        self._running = running
        self._connection = http.client.HTTPSConnection(
            running.resource_manager.removeprefix("https://"),
            context=ssl.create_default_context(cafile=str(running.ca_file)),
        )

    def reset(self) -> None:
        """Bring everything back to the seed, with an empty request log, no faults and all knobs at
        their defaults.
        """
        self._control("POST", "reset")
        for log in ("requests", "leaks"):
            self._control("DELETE", log)

    @property
    def now(self) -> datetime:
        return datetime.fromisoformat(self._control("GET", "clock")["now"])

    def advance(self, seconds: float) -> None:
        """Let time pass: tokens and secrets expire, replicas catch up, a restart ends."""
        self._control("POST", "clock", {"advanceSeconds": seconds})

    def faults(self, *rules: Mapping[str, Any]) -> None:
        """From now on, requests that match a rule fail as it says; without rules, none do.

        See docs/sandbox.md.

        Raises:
            ValueError: a rule that it does not know; so does `knobs`, and `load` for what is no
                state.
        """
        self._control("PUT", "faults", list(rules))

    def knobs(self, **values: Any) -> dict[str, Any]:
        """Turn knobs, such as `lagSeconds=5`; returns all of them as they are now."""
        return dict(self._control("PATCH", "knobs", values))

    def tenant(self, name: str) -> None:
        """Let this be the tenant `default`, `strict` or `legacy`."""
        self._control("PUT", "tenant", {"name": name})

    def app(self, name: str, command: str) -> str:
        """Add a web app that runs a program, with its settings as environment; returns its
        address.

        Raises:
            ValueError: the program is not on this machine.
        """
        program = next(iter(shlex.split(command)), "")
        if shutil.which(program) is None:
            raise ValueError(f"The program '{program}' is not on this machine.")
        self._running.host(name, command)
        return str(self._control("POST", "sites", {"name": name, "group": "apps"})["url"])

    def requests(self) -> list[dict[str, Any]]:
        """What was asked since the last reset: service, method, path, status and more of each."""
        return [
            request
            for request in self._control("GET", "requests")["value"]
            if request["service"] != "control"
        ]

    def leaks(self) -> list[dict[str, Any]]:
        """Secrets that were seen where they have no business, such as in an address."""
        return list(self._control("GET", "leaks")["value"])

    def state(self) -> dict[str, Any]:
        """Everything that is there: directory, resources, settings. `load` takes it."""
        return dict(self._control("GET", "world"))

    def load(self, state: Mapping[str, Any]) -> None:
        """Put a saved state in place of this one."""
        self._control("PUT", "world", state)

    def close(self) -> None:
        self._connection.close()

    def _answer(self, method: str, path: str, sent: str | None) -> http.client.HTTPResponse:
        self._connection.request(
            method, f"/_sandbox/{path}", sent, {"Content-Type": "application/json"}
        )
        return self._connection.getresponse()

    def _control(self, method: str, path: str, body: object = None) -> Any:
        sent = None if body is None else json.dumps(body)
        try:
            answer = self._answer(method, path, sent)
        except (http.client.HTTPException, OSError):
            # It was idle for so long that the server has closed it
            self._connection.close()
            answer = self._answer(method, path, sent)
        text = answer.read()
        if answer.status >= 400:
            raise ValueError(f"{method} {path}: {text.decode()}")
        return json.loads(text) if text else None


@pytest.fixture(scope="session")
def mct_sandbox_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MctSandbox]:
    """The sandbox of this test session. Ask for `mct_sandbox` in a test."""
    from mct_s2s.sandbox.hosting import embedded  # noqa: PLC0415  # a session that does not use it loads no server

    running = embedded.start(tmp_path_factory.mktemp("mct-s2s-sandbox"))
    sandbox = MctSandbox(running)
    try:
        yield sandbox
    finally:
        sandbox.close()
        running.close()


@pytest.fixture
def mct_sandbox(
    mct_sandbox_server: MctSandbox,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> MctSandbox:
    """A fresh tenant with an MCT site; the environment leads to it, and nowhere else, until the
    test ends.
    """
    mct_sandbox_server.reset()
    for name in [*os.environ]:
        if name.startswith("MCT_S2S_"):  # the developer's own choice of a subscription or a slot
            monkeypatch.delenv(name)
    for name in ("XDG_DATA_HOME", "XDG_STATE_HOME"):  # where mct-s2s keeps secrets and locks
        monkeypatch.setenv(name, str(tmp_path_factory.mktemp("mct-s2s")))
    for name, value in mct_sandbox_server.environment.items():
        monkeypatch.setenv(name, value)
    return mct_sandbox_server
