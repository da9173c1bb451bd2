"""Changes that scripts/mutants.py tries: each is another program, and compiles."""

import ast
from pathlib import Path

import pytest
from mutants import all_mutants, mutants_of

PATH = Path("x.py")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a = b == c", "a = (b != c)"),
        ("a = b and c", "a = (b or c)"),
        ("a = not b", "a = (b)"),
        ("a = 7", "a = 8"),
        ("a = True", "a = False"),
        ("if ä(1):\n    b()", "if (not ä(1)):\n    b()"),
    ],
)
def test_a_mutant_has_one_expression_changed(before: str, after: str) -> None:
    assert after in [mutant.source.decode() for mutant in mutants_of(PATH, before.encode())]


@pytest.mark.parametrize(
    "text",
    ["a: Literal[1]", "assert a == b", "f'{a == b}'", "@dataclass(frozen=True)\nclass A: pass"],
)
def test_types_assertions_and_texts_have_no_mutants(text: str) -> None:
    assert [*mutants_of(PATH, text.encode())] == []


def test_every_mutant_of_the_program_compiles_to_something_else() -> None:
    mutants = [*all_mutants(["stores"])]
    assert len(mutants) > 100
    for mutant in mutants:
        assert ast.dump(ast.parse(mutant.source)) != ast.dump(
            ast.parse(mutant.path.read_bytes())
        ), str(mutant)
