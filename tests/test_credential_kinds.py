"""A kind of credential is a module, a function and a row beside each, its options and a row of `cli/credentials.py`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from mct_s2s import errors
from mct_s2s.cli.credentials import READERS
from mct_s2s.engine.apply.credentials import MAKERS
from mct_s2s.model.desired import CredentialSpec
from mct_s2s.planning.changes import AddCredential
from mct_s2s.planning.credentials import EXPORTERS, PLANNERS

from tests.support.parsing import parsed

PACKAGE = Path(errors.__file__).parent
PLANNED = PACKAGE / "planning" / "credentials"
MADE = PACKAGE / "engine" / "apply" / "credentials.py"
KINDS = {path.stem for path in PLANNED.glob("*.py")} - {"__init__", "base"}


def test_each_kind_has_a_row_in_each_table() -> None:
    """A row that is missing would be found by the first user of that kind."""
    specs, changes = set(CredentialSpec.__subclasses__()), set(AddCredential.__subclasses__())
    assert set(PLANNERS) == specs
    assert set(MAKERS) == changes
    assert len(READERS) == len(EXPORTERS) == len(specs) == len(changes) == len(KINDS)


def _elsewhere() -> Iterator[Path]:
    apart = [PLANNED, PACKAGE / "sandbox"]
    for path in PACKAGE.rglob("*.py"):
        if path != MADE and not any(room in path.parents for room in apart):
            yield path


def test_no_other_module_asks_which_kind_it_is() -> None:
    """Neither by the name of a kind, nor by the list in which Entra ID keeps it."""
    asking = [
        f"{path.relative_to(PACKAGE)}:{node.lineno}"
        for path in _elsewhere()
        if path.relative_to(PACKAGE).parts[:2] != ("azure", "graph")  # where the lists of Entra ID are read
        and path not in {PACKAGE / "model" / "client_credentials.py", PACKAGE / "cli" / "credentials.py"}
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Compare | ast.MatchValue) and any(_names_a_kind(part) for part in ast.walk(node))
    ]
    assert asking == []


def _names_a_kind(node: ast.AST) -> bool:
    if isinstance(node, ast.Attribute):
        return isinstance(node.value, ast.Name) and node.value.id == "CredentialKind"
    return isinstance(node, ast.Constant) and node.value in READERS
