"""A trust file beside the program that applies it, and sites for it in the sandbox."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Ended, Program
from tests.conftest import SITE, Sandbox

ACADEMY = SITE.replace("contosolearn", "academy")
TWO = """
[sites.learn]
app-service = "contosolearn"
[[sites.learn.clients]]
name = "Import"

[sites.academy]
[[sites.academy.clients]]
name = "Export"
"""
"""A site of the seed, and one that `Applied.other_site` adds."""


@dataclass
class Applied:
    """Runs `apply` over a file; the variables that name one App Service stay set, as they would in a user's shell."""

    mct: Program
    azure: Sandbox
    file: Path

    def __call__(self, *words: str, text: str | None = None, env: Mapping[str, str] | None = None) -> Ended:
        """Apply the file as it is, or as it is from now on."""
        if text is not None:
            self.file.write_text(text)
        return self.mct("apply", "-f", str(self.file), *words, env=env)

    def status(self, key: str, *words: str, env: Mapping[str, str] | None = None) -> Any:
        """What `status` says of one site of the file."""
        return of_site(self.mct("status", "-f", str(self.file), "--only", key, "-o", "json", *words, env=env), key)

    def other_site(self, name: str = "academy") -> None:
        """One more MCT site in the group of the first."""
        self.azure.add_site(name=name, group="mct-prod", subscription=self.azure.subscription_id)

    def fingerprint(self, *words: str, env: Mapping[str, str] | None = None) -> str:
        """The one that a dry run prints."""
        dry = self("--dry-run", *words, env=env)
        assert dry.code in {0, 3}, dry
        return dry.out.strip().splitlines()[-1].removeprefix("Fingerprint: ")


def of_site(done: Ended, key: str) -> Any:
    """What a document says of one site."""
    (found,) = [site for site in done.document["sites"] if site["site"] == key]
    return found


@pytest.fixture
def applied(mct: Program, azure: Sandbox, tmp_path: Path) -> Applied:
    return Applied(mct, azure, tmp_path / "trust.toml")
