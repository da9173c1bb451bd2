"""docs/errors.toml is the catalogue: each code that can be given, with its exit code, and no other."""

import ast
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from mct_s2s import errors

from tests.support.catalogue import EXITS, ROWS
from tests.support.parsing import parsed

PACKAGE = Path(errors.__file__).parent
KINDS = {name: kind.exit_code for name, kind in vars(errors).items() if hasattr(kind, "exit_code")}
PRODUCT = [path for path in PACKAGE.rglob("*.py") if PACKAGE / "sandbox" not in path.parents]


def given() -> Iterator[tuple[str, int, str]]:
    """Each literal beside a class of errors, as its first argument or in a row of a table: code, exit code, place."""
    for path in PRODUCT:
        for node in ast.walk(parsed(path)):
            if not isinstance(node, ast.Call):
                continue
            pairs = list(pairwise([node.func, *node.args]))
            if ast.unparse(node.func) == "Row":  # of refusals
                kind = next((one for one in node.args if ast.unparse(one) in KINDS), ast.Name("ServiceError"))
                pairs += [(kind, one.value) for one in node.keywords if one.arg == "code"]
            for kind, code in pairs:
                if ast.unparse(kind) in KINDS and isinstance(code, ast.Constant):
                    yield str(code.value), KINDS[ast.unparse(kind)], f"{path}:{code.lineno}"


def test_every_code_is_in_the_catalogue_with_its_exit_code() -> None:
    """Those that are not literals are looked up whenever a test reads an error's document."""
    found = list(given())
    assert len({code for code, _, _ in found}) > 100
    assert [row for row in found if row[1] not in EXITS.get(row[0], ())] == []


def test_every_code_of_the_catalogue_is_one_of_the_program() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in PRODUCT)
    assert [code for code in EXITS if f'"{code}"' not in text] == []


def test_the_catalogue_says_what_happened_and_what_to_do() -> None:
    assert [code for code, (_, what, remedy) in ROWS.items() if not what.endswith((".", ")")) or not remedy] == []
