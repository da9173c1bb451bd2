"""Runs the program as its users do: a process, an environment, two streams and an exit code."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cli.schemas import check
from tests.conftest import Sandbox, program, without_azure
from tests.secret_search import left_behind, processes_of, said, snapshot


@dataclass(frozen=True)
class Ended:
    """What a process left behind."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """Standard output as the one JSON document that it has to be, valid by its schema."""
        document = json.loads(self.out)
        check(document)
        return document


Program = Callable[..., Ended]


def run(
    *arguments: str, env: Mapping[str, str], home: Path, stdin: int | None = subprocess.DEVNULL, timeout: float = 60
) -> Ended:
    private = {"HOME": str(home), "XDG_DATA_HOME": str(home / "data"), "XDG_STATE_HOME": str(home / "state")}
    environment = {**without_azure(), **env, **private}
    before, pipe = snapshot(home), subprocess.PIPE
    given = "\n".join([*environment.values(), *arguments])
    with (
        subprocess.Popen(program(arguments), env=environment, stdin=stdin, stdout=pipe, stderr=pipe, text=True) as done,
        processes_of(done.pid, given) as listed,
    ):
        try:
            out, err = done.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            done.kill()
            raise
    assert [
        *said(arguments, out, err, env.get("AZURE_CLIENT_SECRET", "")),
        *left_behind(arguments, before, home),
        *listed,
    ] == []
    return Ended(done.returncode, out, err)


@pytest.fixture
def mct(azure: Sandbox, tmp_path: Path) -> Program:
    """The program against the sandbox; `env` adds variables, and takes away those that are empty."""

    def start(*arguments: str, env: Mapping[str, str] | None = None) -> Ended:
        merged = {**azure.environment, **(env or {})}
        return run(*arguments, env={name: value for name, value in merged.items() if value}, home=tmp_path)

    return start
