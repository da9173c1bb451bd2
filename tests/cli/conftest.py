"""Runs the program as its users do: an environment, two streams and an exit code; within this
process or as its own.
"""

import base64
import functools
import shlex
import subprocess
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pexpect
import pytest
from azure.identity import EnvironmentCredential
from mct_s2s.model.client_credentials import Certificate

from tests.conftest import Json, Sandbox, at_home, program, without_azure
from tests.support.inprocess import Ended, run_inside
from tests.support.person import sign_in_as
from tests.support.printed_commands import printed_commands, unreadable
from tests.support.requests_of_page import missing_on_page
from tests.support.sandbox_inside import Inside
from tests.support.secret_search import left_behind, processes_of, said, snapshot

__all__ = ["Ended", "Program", "run", "run_here"]

Program = Callable[..., Ended]


def run(*arguments: str, env: Mapping[str, str], home: Path) -> Ended:
    """The program as a process of its own."""
    environment = {**without_azure(), **env, **at_home(home)}
    before = snapshot(home)
    pipe = subprocess.PIPE
    given = "\n".join([*environment.values(), *arguments])
    with (
        subprocess.Popen(
            program(arguments),
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=pipe,
            stderr=pipe,
            text=True,
        ) as done,
        processes_of(done.pid, given) as listed,
    ):
        try:
            out, err = done.communicate(timeout=240)  # against hanging alone
        except subprocess.TimeoutExpired:
            done.kill()
            raise
    ended = Ended(done.returncode, out, err)
    assert [*leaks(arguments, ended, env, before, home), *listed] == []
    return ended


def run_here(*arguments: str, env: Mapping[str, str], home: Path, inside: Inside) -> Ended:
    """The program within this process, in simulated time: everything but its start, looked through
    for secrets too, and for requests that docs/permissions.md does not name.
    """
    before = snapshot(home)
    log = inside.pipeline.observability.log
    earlier = {entry.number for entry in log}
    ended = run_inside(arguments, {**without_azure(), **env, **at_home(home)}, inside.time)
    sent = (
        asdict(entry)
        for entry in log
        if entry.number not in earlier and entry.request_id not in inside.azure.own_requests
    )
    assert missing_on_page(sent) == set()
    assert leaks(arguments, ended, env, before, home) == []
    return ended


def leaks(
    words: Sequence[str], ended: Ended, env: Mapping[str, str], before: dict[Path, int], home: Path
) -> list[str]:
    own_secret = env.get("AZURE_CLIENT_SECRET", "")
    return [*said(words, ended.out, ended.err, own_secret), *left_behind(words, before, home)]


def values_in(file: Path) -> dict[str, str]:
    """What a dotenv file sets, as a shell reads it."""
    lines = file.read_text(encoding="utf-8").splitlines()
    return dict(
        shlex.split(line)[0].split("=", 1) for line in lines if line and not line.startswith("#")
    )


def saved_to(ended: Ended, client: str = "") -> Path:
    """The file of a credential that a run has made: the only one, or that of a client."""
    (file,) = [
        credential["savedTo"].removeprefix("file:")
        for credential in ended.made
        if client in {"", credential["client"]}
    ]
    return Path(file)


def key_credential(certificate: Certificate) -> Json:
    """The entry of a registration for a certificate that somebody uploads."""
    public = base64.b64encode(certificate.der).decode()
    return {
        "type": "AsymmetricX509Cert",
        "usage": "Verify",
        "displayName": "by hand",
        "key": public,
    }


def held(azure: Sandbox, name: str) -> Any:
    """A secret of the vault."""
    answer = azure.vault("GET", f"/secrets/{name}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def call_as_sdk(values: Mapping[str, str], azure: Sandbox) -> int:
    """The MCT API's answer to a token that azure-identity gets from the environment of a dotenv
    file.
    """
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        for name in ("AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PATH"):
            patch.delenv(name, raising=False)
        for name, value in {**values, "REQUESTS_CA_BUNDLE": azure.ca_file}.items():
            patch.setenv(name, value)
        # What it signs holds the time at which the sandbox reads it
        patch.setattr(time, "time", azure.time.timestamp)
        with EnvironmentCredential(disable_instance_discovery=True) as credential:
            return azure.call_site(credential.get_token(values["MCT_S2S_SCOPE"]).token)


@contextmanager
def at_terminal(
    azure: Sandbox, home: Path, *words: str, columns: int = 80, shell: str = ""
) -> Iterator[Any]:
    """The program, or a line for a shell, at a terminal as pexpect drives it; closed at the end.

    What a process of its own signs holds the computer's time, and the sandbox tells that time here.
    """
    environment = {
        **without_azure(),
        **azure.environment,
        **at_home(home),
        "TERM": "xterm-256color",
    }
    command, *arguments = ["/bin/sh", "-c", shell] if shell else program(words)
    size = (24, columns)
    with azure.time.flowing():
        run = pexpect.spawn(
            command, arguments, env=environment, encoding="utf-8", timeout=240, dimensions=size
        )
        try:
            yield run
        finally:
            run.close()


def alone(mct: Program, azure: Sandbox, *graph: str, arm: Sequence[tuple[Any, str]]) -> Program:
    """The program for a new service principal with just these rights."""
    caller = azure.caller(*graph, arm=arm)
    return lambda *words: mct(*words, env=caller)


def signed_in(mct: Program, azure: Sandbox, patch: pytest.MonkeyPatch, **rights: Any) -> Program:
    """The program for a new person with these rights, who signs in with a device code."""
    sign_in_as(patch, azure, azure.person("casey", **rights))
    nobody_else = {"AZURE_CLIENT_ID": "", "AZURE_CLIENT_SECRET": ""}
    return lambda *words: mct(*words, "--auth", "device-code", env=nobody_else)


def against(azure: Sandbox, start: Program) -> Program:
    """Start it with the sandbox's environment; `env` adds variables, and takes away those that are
    empty.
    """

    def started(*arguments: str, env: Mapping[str, str] | None = None) -> Ended:
        merged = {**azure.environment, **(env or {})}
        return start(*arguments, env={name: value for name, value in merged.items() if value})

    return started


@pytest.fixture
def mct(azure: Sandbox, inside: Inside, tmp_path: Path) -> Program:
    """The program against the sandbox."""
    return against(azure, functools.partial(run_here, home=tmp_path, inside=inside))


def reading(mct: Program) -> Program:
    """The program, where every command that a run prints is read by the program that it is for."""

    def read(*words: str, **more: Any) -> Ended:
        ended = mct(*words, **more)
        assert unreadable([*printed_commands(ended.out), *printed_commands(ended.err)]) == []
        return ended

    return read


@pytest.fixture
def process(azure: Sandbox, inside: Inside, tmp_path: Path) -> Program:
    """The same as a process of its own, where that is the point."""

    def start(*arguments: str, env: Mapping[str, str]) -> Ended:
        with inside.time.flowing():
            return run(*arguments, env=env, home=tmp_path)

    return against(azure, start)
