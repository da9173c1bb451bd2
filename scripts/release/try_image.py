"""What the Dockerfile does, without anything that builds images: `try_image.py FOLDER`, with what `build` put into it.

Its steps run in a temporary folder in place of the root of the image, but for those that need root (apt, owners).
Then both entry points run as they would in a container: with the image's variables and no others, as a user without a
name where we are root, and the sandbox is asked by its health check.
"""

from __future__ import annotations

import json
import os
import random
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dockerfile_parse import DockerfileParser

NOBODY = 65532
"""The image's user."""
ELSEWHERE = re.compile(r"^(apt-get|rm -rf /var/lib/apt|install -d .*-o )")
SECONDS = 120
"""For a start on a busy machine; in a container, the health check's own numbers count."""


@dataclass(frozen=True)
class Stage:
    """One stage of the Dockerfile, with what it has from the one it is made from."""

    runs: list[str] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)
    words: dict[str, list[str]] = field(default_factory=dict)
    """Of ENTRYPOINT and HEALTHCHECK, which have the form of a JSON list: there is no shell."""


def stages_of(dockerfile: Path) -> dict[str, Stage]:
    """Return the stages by their names."""
    found, here = dict[str, Stage](), Stage()
    with dockerfile.open("rb") as file:
        steps = DockerfileParser(fileobj=file).structure
    for step in steps:
        name, value = step["instruction"], step["value"]
        if name == "FROM":
            base, _, called = value.partition(" AS ")
            here = found[called] = deepcopy(found.get(base, Stage()))
            here.runs.clear()
        elif name == "RUN":
            here.runs.extend(value.split(" && "))
        elif name == "ENV":
            here.variables.update(dict(word.split("=", 1) for word in shlex.split(value)))
        elif name in {"ENTRYPOINT", "HEALTHCHECK"}:
            here.words[name] = json.loads(value[value.index("[") :])
    return found


def python_of_the_system() -> Path | None:
    """Return the Python that other users may run, too, if it is new enough and makes virtual environments."""
    found = Path("/usr/bin/python3")
    asked = "import sys, ensurepip; sys.exit(sys.version_info < (3, 11))"
    fits = found.exists() and subprocess.run([found, "-c", asked], capture_output=True, check=False).returncode == 0
    return found if fits else None


class Trial:
    """A folder in place of the image's root.

    Without a Python of the system, the one that runs this is used, which may be its user's alone.
    """

    def __init__(self, root: Path, built: Path) -> None:
        self.root = root
        python = python_of_the_system()
        self._python = python or Path(sys.executable)
        self._drops = os.geteuid() == 0 and python is not None
        self._instead = {path: str(root) + path for path in ("/opt/mct-s2s", "/var/lib/mct-s2s")}
        self._instead["/dist"] = str(built)

    def here(self, text: str) -> str:
        """Return a text with the image's paths as they are in this trial."""
        return re.sub(rf"(?<![\w.])({'|'.join(self._instead)})\b", lambda found: self._instead[found[1]], text)

    def build(self, stage: Stage) -> None:
        """Run the steps of a stage, but for those that take a root of their own."""
        tools = self.root / "tools"
        tools.mkdir()
        (tools / "python3").symlink_to(self._python)
        path = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"}
        for step in map(str.strip, stage.runs):
            if ELSEWHERE.match(step):
                print(f"passed over: {step}")
                continue
            here = self.here(step).replace(" --no-cache-dir", " --quiet")  # outside of an image, a cache is welcome
            subprocess.run(["/bin/sh", "-ec", here], check=True, env=path)
        for folder in (self.root / "home", Path(self._instead["/var/lib/mct-s2s"])):
            folder.mkdir(parents=True, mode=0o755)
            if self._drops:
                os.chown(folder, NOBODY, NOBODY)

    def start(self, stage: Stage, words: list[str]) -> subprocess.Popen[str]:
        """Start a program as the container would: with HOME and the image's variables."""
        home = self.root / "home"
        own = {name: self.here(value) for name, value in stage.variables.items()} | {"HOME": str(home)}
        as_nobody: dict[str, Any] = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if self._drops else {}
        return subprocess.Popen(
            [*map(self.here, words)], env=own, cwd=home, **as_nobody,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def run(self, stage: Stage, words: list[str]) -> tuple[int, str]:
        """Run a program to its end; return its exit code and what it printed."""
        process = self.start(stage, words)
        said, _ = process.communicate(timeout=SECONDS)
        return process.returncode, said


def try_cli(trial: Trial, stage: Stage) -> None:
    """The command line: its version, and a setup against a sandbox of its own."""
    entry = stage.words["ENTRYPOINT"]
    code, said = trial.run(stage, [*entry, "--version"])
    assert (code, said.split()[0]) == (0, "mct-s2s"), said
    code, said = trial.run(stage, [*entry, "setup", "--cloud", "sandbox", "--client", "demo", "--yes"])
    assert code == 0, said
    print("ok    cli: setup against the sandbox")


def try_sandbox(trial: Trial, stage: Stage) -> None:
    """The sandbox: healthy in a while, its authority readable by all, ended by SIGTERM."""
    health, state = stage.words["HEALTHCHECK"], Path(trial.here("/var/lib/mct-s2s"))
    assert trial.run(stage, health)[0] == 1, "healthy before it has been started"
    process = trial.start(stage, [*stage.words["ENTRYPOINT"], "--port", str(random.randrange(20_000, 30_000, 10))])
    try:
        until = time.monotonic() + SECONDS
        code, said = trial.run(stage, health)
        while code and time.monotonic() < until and process.poll() is None:
            time.sleep(0.5)
            code, said = trial.run(stage, health)
        assert code == 0, said
        mode = (state / "ca.pem").stat().st_mode & 0o777
        assert mode == 0o644, f"ca.pem has mode {mode:o}"
        assert (state / "administrator.json").stat().st_mode & 0o077 == 0
        code, said = trial.run(stage, [trial.here("/opt/mct-s2s/bin/mct-s2s"), "sandbox", "env"])
        assert (code, f"SSL_CERT_FILE={state}/ca.pem" in said) == (0, True), said
        process.send_signal(signal.SIGTERM)
        assert process.wait(SECONDS) in {0, -signal.SIGTERM, 128 + signal.SIGTERM}, process.returncode
    finally:
        process.kill()
        said, _ = process.communicate()
        if process.returncode not in {0, -signal.SIGTERM, 128 + signal.SIGTERM}:
            print(said)
    print("ok    sandbox: healthy, its authority is readable by all and its secrets are not, ended by SIGTERM")


def main(built: Path) -> int:
    """Try both images; return the process exit code."""
    stages = stages_of(Path(__file__).with_name("Dockerfile"))
    root = Path(tempfile.mkdtemp(prefix="mct-s2s-image-"))
    try:
        root.chmod(0o755)
        trial = Trial(root, built.resolve())
        trial.build(stages["build"])
        try_cli(trial, stages["cli"])
        try_sandbox(trial, stages["sandbox"])
    finally:
        shutil.rmtree(root)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
