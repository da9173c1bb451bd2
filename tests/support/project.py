"""The project as tests read it: its files, what it declares, and what it imports."""

import ast
import tomllib
from functools import cache
from pathlib import Path

from mct_s2s import errors

from tests.support.parsing import parsed

PACKAGE = Path(errors.__file__).parent
ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@cache
def imports(file: Path) -> list[tuple[str, str]]:
    """Module and name of each import, wherever it is: at the top, in a function, under
    TYPE_CHECKING.
    """
    return _imports_of(parsed(file))


def imports_for_json(file: Path) -> list[tuple[str, str]]:
    """Those of the branches that write a JSON document."""
    branches = [node for node in ast.walk(parsed(file)) if isinstance(node, ast.If)]
    return [
        imported
        for branch in branches
        if "json" in ast.unparse(branch.test)
        for statement in branch.body
        for imported in _imports_of(statement)
    ]


def _imports_of(tree: ast.AST) -> list[tuple[str, str]]:
    imported: list[tuple[str, str]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported += [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            imported += [(node.module, alias.name) for alias in node.names]
    return imported
