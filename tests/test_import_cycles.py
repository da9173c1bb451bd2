"""No module needs another that needs it, not even when a function is called or types are checked."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.support.parsing import parsed

ROOT = Path(__file__).parent.parent
PACKAGES = (ROOT / "mct_s2s", ROOT / "scripts" / "conformance.d" / "conformance")


def modules() -> dict[str, Path]:
    """Every module by its dotted name."""
    return {
        ".".join(file.relative_to(package.parent).with_suffix("").parts).removesuffix(".__init__"): file
        for package in PACKAGES
        for file in sorted(package.rglob("*.py"))
    }


def imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Module and name of each import, wherever it is: at the top, in a function, under TYPE_CHECKING."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ((node.module, alias.name) for alias in node.names)


def graph() -> dict[str, set[str]]:
    """The modules that each module imports."""
    known = modules()
    found: dict[str, set[str]] = {}
    for name, file in known.items():
        targets = {
            f"{module}.{part}" if f"{module}.{part}" in known else module for module, part in imported(parsed(file))
        }
        found[name] = targets & known.keys()
    return found


def test_no_module_imports_itself_by_way_of_others() -> None:
    try:
        TopologicalSorter(graph()).prepare()
    except CycleError as error:
        pytest.fail(" → ".join(reversed(error.args[1])))
