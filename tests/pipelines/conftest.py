"""Steps within the test's process: an environment of their own, what they print, and what they hand
on.
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from mct_s2s.pipeline_steps.main import main

from tests.pipelines.services import AzureDevOps, GitHub


@dataclass(frozen=True)
class Done:
    """What a step left behind."""

    code: int
    out: str
    err: str
    summary: str
    outputs: dict[str, str]
    """On GitHub."""


Step = Callable[[str, Mapping[str, str]], Done]


@pytest.fixture
def step(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Step:
    """One step, in an environment that has nothing but what is given."""

    def run(name: str, environment: Mapping[str, str]) -> Done:
        files = {"GITHUB_STEP_SUMMARY": tmp_path / "page.md", "GITHUB_OUTPUT": tmp_path / "outputs"}
        for file in files.values():
            file.write_text("")
        given = {
            "RUNNER_TEMP": str(tmp_path),
            **{key: str(file) for key, file in files.items()},
            **environment,
        }
        with monkeypatch.context() as patch:
            for key in set(os.environ) - set(given):
                patch.delenv(key)
            for key, value in given.items():
                patch.setenv(key, value)
            code = main([name])
        out, err = capsys.readouterr()
        page, outputs = (file.read_text() for file in files.values())
        return Done(code, out, err, page, outputs_in(outputs))

    return run


def outputs_in(text: str) -> dict[str, str]:
    """Read `$GITHUB_OUTPUT` as the runner does: a name, a delimiter, and lines until the
    delimiter.
    """
    outputs = {}
    lines = iter(text.splitlines())
    for line in lines:
        name, _, delimiter = line.partition("<<")
        assert re.fullmatch(r"[a-z-]+", name), line
        value = []
        while (line := next(lines)) != delimiter:
            value.append(line)
        outputs[name] = "\n".join(value)
    return outputs


@pytest.fixture
def github() -> Iterator[GitHub]:
    with GitHub() as service:
        yield service


@pytest.fixture
def devops() -> Iterator[AzureDevOps]:
    with AzureDevOps() as service:
        yield service
