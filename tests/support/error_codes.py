"""Every code that the program can give, read from its source: who gives it, with which exit code and which remedy."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from mct_s2s import errors
from mct_s2s.errors import S2SError

from tests.support.parsing import parsed

PACKAGE = Path(errors.__file__).parent


@dataclass(frozen=True)
class Given:
    """One place in the source that makes an error."""

    code: str
    exit_code: int
    where: str
    has_remedy: bool


@functools.cache
def given() -> list[Given]:
    """All of them; the sandbox has errors of its own."""
    modules = {path: parsed(path) for path in sorted(PACKAGE.rglob("*.py"))}
    product = {path: tree for path, tree in modules.items() if PACKAGE / "sandbox" not in path.parents}
    kinds = _kinds(product.values())
    # In the order of the files, not of a set: each worker of a run has to find the same tests.
    makers = dict.fromkeys(maker for tree in product.values() for maker in _makers(tree, kinds))
    return [
        row
        for path, tree in product.items()
        for row in (*_in(path, tree, kinds), *_passed(path, tree, makers), *_tabled(path, tree, kinds))
    ]


@dataclass(frozen=True)
class _Maker:
    """A function, method or class that makes an error of the code that it is given."""

    name: str
    is_method: bool
    position: int
    """Of the code, among the arguments of a call."""
    exit_code: int


def _makers(tree: ast.Module, kinds: dict[str, int]) -> Iterator[_Maker]:
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name not in kinds]
    scopes: list[ast.Module | ast.ClassDef] = [tree, *classes]
    for scope in scopes:
        fields = [ast.unparse(row.target) for row in scope.body if isinstance(row, ast.AnnAssign)]
        is_class = isinstance(scope, ast.ClassDef)
        for function in scope.body:
            if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            taken = [parameter.arg for parameter in function.args.args][is_class:]
            for call in ast.walk(function):
                if isinstance(call, ast.Call) and ast.unparse(call.func) in kinds and call.args:
                    code, exit_code = ast.unparse(call.args[0]), kinds[ast.unparse(call.func)]
                    if code in taken:
                        yield _Maker(function.name, is_class, taken.index(code), exit_code)
                    elif isinstance(scope, ast.ClassDef) and code.removeprefix("self.") in fields:
                        yield _Maker(scope.name, False, fields.index(code.removeprefix("self.")), exit_code)


def _passed(path: Path, tree: ast.Module, makers: Iterable[_Maker]) -> Iterator[Given]:
    """What makers are given."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        is_method, name = isinstance(node.func, ast.Attribute), ast.unparse(node.func).rpartition(".")[2]
        for maker in makers:
            if (maker.name, maker.is_method) == (name, is_method) and len(node.args) > maker.position:
                for code in _codes(node.args[maker.position], tree):
                    yield Given(code, maker.exit_code, f"{path.relative_to(PACKAGE)}:{node.lineno}", has_remedy=True)


def _tabled(path: Path, tree: ast.Module, kinds: dict[str, int]) -> Iterator[Given]:
    """What rows of a table hold: the class of an error, then its code."""
    for node in ast.walk(tree):
        for kind, code in pairwise(node.args) if isinstance(node, ast.Call) else ():
            for one in _codes(code, tree) if ast.unparse(kind) in kinds else ():
                yield Given(
                    one, kinds[ast.unparse(kind)], f"{path.relative_to(PACKAGE)}:{code.lineno}", has_remedy=True
                )


def _kinds(trees: Iterable[ast.Module]) -> dict[str, int]:
    """The exit code of every class of the family, those that adapters derive included."""
    kinds = {
        name: kind.exit_code
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, S2SError)
    }
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and node.name not in kinds:
                bases = [kinds[ast.unparse(base)] for base in node.bases if ast.unparse(base) in kinds]
                kinds.update({node.name: bases[0]} if bases else {})
    return kinds


def _in(path: Path, tree: ast.Module, kinds: dict[str, int]) -> Iterator[Given]:
    for scope in (tree, *(node for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and node.name in kinds)):
        for node in ast.walk(scope):
            if not isinstance(node, ast.Call):
                continue
            name = ast.unparse(node.func)
            if scope is not tree and name == "super().__init__" and isinstance(scope, ast.ClassDef):
                name = scope.name
            elif scope is not tree:
                continue
            if name not in kinds or not node.args or (path.name == "errors.py" and path.parent == PACKAGE):
                continue
            remedy = next((word.value for word in node.keywords if word.arg == "remedy"), None)
            has_remedy = remedy is not None and not (isinstance(remedy, ast.Constant) and not remedy.value)
            for code in _codes(node.args[0], tree):
                yield Given(code, kinds[name], f"{path.relative_to(PACKAGE)}:{node.lineno}", has_remedy)


def _codes(value: ast.expr, tree: ast.Module) -> Iterator[str]:
    """The words that an expression can come to: literals, choices between them, constants, what a helper returns."""
    match value:
        case ast.Constant(value=str(word)):
            if word.replace("-", "").isalnum() and word == word.lower() and " " not in word:
                yield word
        case ast.IfExp():
            yield from _codes(value.body, tree)
            yield from _codes(value.orelse, tree)
        case ast.Name():
            yield from _assigned(value.id, tree)
        case ast.Call(func=ast.Name(id=name)):
            for node in ast.walk(tree):
                if isinstance(node, ast.FunctionDef) and node.name == name:
                    for back in ast.walk(node):
                        if isinstance(back, ast.Return) and back.value is not None:
                            yield from _codes(back.value, tree)
        case _:
            return


def _assigned(name: str, tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and any(ast.unparse(target) == name for target in node.targets):
            yield from _codes(node.value, tree)
        if isinstance(node, ast.ImportFrom) and node.module and any(alias.name == name for alias in node.names):
            file = PACKAGE.parent / f"{node.module.replace('.', '/')}.py"
            if file.exists():
                yield from _assigned(name, parsed(file))
