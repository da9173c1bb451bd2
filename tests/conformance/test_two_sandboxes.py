"""A run against another sandbox: what it finds, what it leaves, and what its report may show."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.conformance.conftest import SITE, VAULT, Conformance
from tests.inside import Inside


def section(folder: Path, title: str) -> list[str]:
    """The lines of a section of the report that say something."""
    report = (folder / "report" / "report.md").read_text()
    text = report.partition(f"## {title}\n")[2].partition("\n## ")[0]
    return [line for line in text.splitlines() if line.startswith(("### ", "- "))]


def test_another_sandbox_differs_in_nothing(conformance: Conformance, tmp_path: Path) -> None:
    ended = conformance("-y", "--key-vault", VAULT)
    print(ended.code, ended.out, ended.err)
    assert section(tmp_path, "Differences") == []
    assert section(tmp_path, "Answers that came later") == []
    assert (ended.code, ended.out.splitlines()[0].partition(" same, ")[2]) == (0, "0 differs, 0 refused, 0 not compared")
