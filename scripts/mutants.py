"""Change one place of the program at a time, and report the changes that no test notices.

    .venv/bin/python scripts/mutants.py                        30 places of all three packages
    .venv/bin/python scripts/mutants.py planning --count 100   100 places of one package
    .venv/bin/python scripts/mutants.py --quick                by the package's own tests alone

The same seed chooses the same places of the same program. Changes are made in a copy, which goes
away. The tests run once without a change, to learn which of them execute each place: a change meets
those, and all others only where more than tests execute it (an import, a process of its own). A
change that survives is a rule without a test, or one that makes no difference: a person judges
which. docs/contributing.md says what a run costs and what the last one found.
"""

import argparse
import ast
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from coverage import CoverageData

ROOT = Path(__file__).parents[1]
TESTS = {
    "planning": ["tests/planning"],
    "engine": ["tests/engine"],
    "stores": ["tests/stores", "tests/engine"],
}
"""By package of the program: the tests that are tried before all others."""
LEARNING = ["--cov", "--cov-context=test", "--cov-report="]
"""Options of a run that learns which tests execute each line."""
LONGEST_SECONDS = 1800
"""A change can make a loop endless."""

COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
NOT_RUN = {"annotation", "returns", "decorator_list"}
"""Fields of syntax nodes whose expressions decide nothing."""
CONDITIONS = {"test", "ifs", "guard"}
"""Fields of syntax nodes that hold a condition."""


@dataclass(frozen=True)
class Mutant:
    """A module with one expression changed."""

    path: Path
    line: int
    before: str
    after: str
    source: bytes

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.before}  →  {self.after}"


def expressions(node: ast.AST) -> Iterator[tuple[ast.expr, bool]]:
    """Yield what can be changed below a node, and whether it is a condition.

    No types, no assertion, which is for the type checker, and no f-string, whose parts Python 3.11
    misplaces.
    """
    if isinstance(node, ast.Assert | ast.JoinedStr):
        return
    for name, value in ast.iter_fields(node):
        if name in NOT_RUN:
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.expr):
                yield child, name in CONDITIONS
            if isinstance(child, ast.AST):
                yield from expressions(child)


def replacement(expression: ast.expr, *, is_condition: bool) -> ast.expr | None:
    """Return the expression with another operator, condition or constant; `None` if it has none."""
    match expression:
        case ast.Compare(left=left, ops=[operator], comparators=[right]):
            return ast.Compare(left, [COMPARISONS[type(operator)]()], [right])
        case ast.BoolOp(op=operation, values=values):
            return ast.BoolOp(ast.Or() if isinstance(operation, ast.And) else ast.And(), values)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return operand
        case ast.Constant(value=bool() as value):
            return ast.Constant(not value)
        case ast.Constant(value=int() as value):
            return ast.Constant(value + 1)
    return ast.UnaryOp(ast.Not(), expression) if is_condition else None


def mutants_of(path: Path, source: bytes) -> Iterator[Mutant]:
    """Yield each change of a module, in the order of its lines."""
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    for expression, is_condition in expressions(ast.parse(source)):
        changed = replacement(expression, is_condition=is_condition)
        if changed is None or expression.end_lineno is None or expression.end_col_offset is None:
            continue
        begin = starts[expression.lineno - 1] + expression.col_offset
        end = starts[expression.end_lineno - 1] + expression.end_col_offset
        text = ast.unparse(changed)
        text = text if isinstance(changed, ast.Constant) else f"({text})"
        before = " ".join(source[begin:end].decode().split())
        yield Mutant(
            path, expression.lineno, before, text, source[:begin] + text.encode() + source[end:]
        )


def all_mutants(packages: Sequence[str]) -> Iterator[Mutant]:
    for package in packages:
        for path in sorted((ROOT / "mct_s2s" / package).rglob("*.py")):
            yield from mutants_of(path.relative_to(ROOT), path.read_bytes())


def copy_checkout(folder: Path) -> None:
    """Copy what git knows, as it is now."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)


def first_failure(copy: Path, tests: Sequence[str], workers: str) -> str | None:
    """Run tests until one fails, and return which; `None` if all pass."""
    arguments = ["-x", "-q", "-n", workers, "--dist", "worksteal", "-p", "no:cacheprovider", *tests]
    with subprocess.Popen(
        [sys.executable, "-m", "pytest", *arguments],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as run:
        try:
            output, _ = run.communicate(timeout=LONGEST_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(run.pid, signal.SIGKILL)
            return "the time that it may take"
        except KeyboardInterrupt:  # not sent to a session of its own
            os.killpg(run.pid, signal.SIGKILL)
            raise
    if run.returncode == 0:
        return None
    failed = re.search(r"(?m)^(?:FAILED|ERROR) (\S+)", output)
    return failed[1] if failed else output.strip().rpartition("\n")[2]


def reaching_tests(mutant: Mutant, copy: Path) -> tuple[list[str], bool]:
    """Return the tests that execute a place, its package's first; and whether only they do."""
    data = CoverageData(str(copy / ".coverage"))
    data.read()
    contexts = data.contexts_by_lineno(str(copy / mutant.path)).get(mutant.line, [])
    tests = {context.rpartition("|")[0] for context in contexts} - {""}
    own = tuple(TESTS[mutant.path.parts[1]])
    in_order = sorted(tests, key=lambda test: (not test.startswith(own), test))
    return in_order, bool(tests) and "" not in contexts


def noticed_by(mutant: Mutant, copy: Path, tests: Sequence[str], workers: str) -> str | None:
    """Run the tests that may notice the change, and return the first that fails."""
    path = copy / mutant.path
    original = path.read_bytes()
    reaching, are_all = reaching_tests(mutant, copy)
    path.write_bytes(mutant.source)
    try:
        failure = first_failure(copy, reaching, workers) if reaching else None
        if failure is None and not are_all:
            failure = first_failure(copy, tests, workers)
        return failure
    finally:
        path.write_bytes(original)


def main() -> int:
    """Report survivors; the exit code is 1 only if a test fails without any change."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("packages", nargs="*", help=f"of {', '.join(TESTS)} (all)")
    parser.add_argument("--count", type=int, default=30, help="how many places are changed (30)")
    parser.add_argument("--seed", type=int, default=1, help="which ones (1)")
    parser.add_argument(
        "--quick", action="store_true", help="run the tests of the same package alone"
    )
    parser.add_argument("--workers", default="2", help="how many tests run at once (2)")
    options = parser.parse_args()
    packages = options.packages or [*TESTS]
    if unknown := set(packages) - set(TESTS):
        parser.error(f"no such package: {', '.join(unknown)}")
    candidates = [*all_mutants(packages)]
    chosen = random.Random(options.seed).sample(candidates, min(options.count, len(candidates)))
    survivors: list[Mutant] = []
    with tempfile.TemporaryDirectory(prefix="mct-s2s-mutants-") as folder:
        copy = Path(folder)
        copy_checkout(copy)
        own = sorted({test for package in packages for test in TESTS[package]})
        tests = own if options.quick else []
        if failure := first_failure(copy, [*LEARNING, *tests], options.workers):
            sys.exit(f"{failure} fails without any change.")
        print(f"{len(chosen)} of {len(candidates)} places, seed {options.seed}", flush=True)
        for mutant in sorted(chosen, key=lambda each: (each.path, each.line)):
            test = noticed_by(mutant, copy, tests, options.workers)
            if test is None:
                survivors.append(mutant)
            print(f"{mutant}\n    {f'noticed by {test}' if test else 'SURVIVED'}", flush=True)
    print(f"{len(chosen) - len(survivors)} of {len(chosen)} changes were noticed. Survivors:")
    print(*survivors, sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
