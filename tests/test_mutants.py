"""Changes that scripts/mutants.py tries: each is another program, and compiles."""

import ast
from pathlib import Path

import pytest
from coverage import CoverageData
from mutants import all_mutants, mutants_of, reaching_tests

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


@pytest.mark.parametrize(
    ("contexts", "reaching", "are_all"),
    [
        (["tests/cli/test_a.py::test_a|run", "tests/stores/test_b.py::test_b[x|y]|run"],
         ["tests/stores/test_b.py::test_b[x|y]", "tests/cli/test_a.py::test_a"], True),
        (["", "tests/cli/test_a.py::test_a|setup"], ["tests/cli/test_a.py::test_a"], False),
        ([], [], False),
    ],
    ids=["tests", "a process of its own, too", "none"],
)  # fmt: skip
def test_a_change_meets_the_tests_that_execute_it_those_of_its_package_first(
    contexts: list[str], reaching: list[str], are_all: bool, tmp_path: Path
) -> None:
    path = Path("mct_s2s/stores/x.py")
    (mutant,) = mutants_of(path, b"a = 7")
    data = CoverageData(str(tmp_path / ".coverage"))
    for context in contexts:
        data.set_context(context)
        data.add_lines({str(tmp_path / path): [mutant.line]})
    data.write()
    assert reaching_tests(mutant, tmp_path) == (reaching, are_all)
