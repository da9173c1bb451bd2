"""Python source as a tree."""

import ast
from pathlib import Path


def parsed(file: Path) -> ast.Module:
    """The tree of a file.

    CPython 3.11 may raise `SystemError: AST constructor recursion depth mismatch` where garbage is
    collected while it builds one (cpython#106905): it is built again then.
    """
    text = file.read_text(encoding="utf-8")
    for _ in range(3):
        try:
            return ast.parse(text)
        except SystemError:
            continue
    return ast.parse(text)
