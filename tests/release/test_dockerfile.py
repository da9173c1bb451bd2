"""The images: what hadolint does not look at. `scripts/release/images` builds and runs them."""

from __future__ import annotations

import json
import re
from pathlib import Path

from mct_s2s.cli.sandbox_commands import DEFAULT_PORT
from mct_s2s.sandbox.hosting.startup import names_of
from mct_s2s.sandbox.state.seed import seed

DOCKERFILE = (Path(__file__).parents[2] / "scripts" / "release" / "Dockerfile").read_text(encoding="utf-8")
STAGES = re.split(r"(?m)^FROM ", DOCKERFILE)[1:]


def test_what_runs_has_neither_a_shell_nor_root() -> None:
    """Commands are lists: no shell could read a string. The user is a number, which Kubernetes can check."""
    assert STAGES[1].startswith("gcr.io/distroless/")
    assert "USER 65532:65532" in STAGES[1]
    assert [stage.partition("\n")[0] for stage in STAGES[2:]] == ["program AS cli", "program AS sandbox"]
    for stage in STAGES[1:]:
        assert not re.search(r"(?m)^(RUN|ADD|USER (?!65532))", stage), stage
        for words in re.findall(r"(?m)^(?:ENTRYPOINT|VOLUME|    CMD) (.+)$", stage):
            assert json.loads(words), words


def test_what_it_is_made_of_is_pinned_by_digests() -> None:
    """Images, and no program of another that reads this file."""
    assert "syntax=" not in DOCKERFILE
    named = [re.match(r"(\S+)(?: AS (\S+))?", stage) for stage in STAGES]
    made = {one[2] for one in named if one}
    bases = {one[1] for one in named if one} - made
    assert len(bases) == 2
    for base in bases:
        assert re.fullmatch(r"[\w./-]+:[\w-]+@sha256:[0-9a-f]{64}", base), base


def test_what_is_installed_is_pinned_by_hashes_and_needs_no_compiler() -> None:
    assert "--no-deps --require-hashes --only-binary :all: -r /dist/requirements.txt" in STAGES[0]
    assert "--no-index --no-deps /dist/*.whl" in STAGES[0]


def test_the_published_ports_are_those_of_the_sandbox() -> None:
    exposed = re.search(r"(?m)^EXPOSE (\d+)-(\d+)$", STAGES[3])
    assert exposed
    assert int(exposed[1]) == DEFAULT_PORT
    assert int(exposed[2]) >= DEFAULT_PORT + len(names_of(seed(""))) + 10, "and room for sites that tests add"
