"""README.md and CHANGELOG.md against the program: help texts, commands, options, variables, error codes, version.

Usage: check_readme.py [--write]. With --write, help texts in README.md are replaced by what the program prints.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from mct_s2s import __version__
from mct_s2s.cli.app import app

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
HELP_BLOCK = re.compile(r"```console\n\$ (mct-s2s[a-z -]* --help)\n(.*?)```", re.DOTALL)
CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)


def help_text(command: str) -> str:
    """What the program prints, at a width that a page can show."""
    environ = {**os.environ, "COLUMNS": "100", "TERM": "dumb", "NO_COLOR": "1"}
    words = [sys.executable, "-m", *command.replace("mct-s2s", "mct_s2s", 1).split()]
    done = subprocess.run(words, capture_output=True, text=True, check=True, env=environ)
    return "\n".join(line.rstrip() for line in done.stdout.strip("\n").splitlines()).strip() + "\n"


def commands() -> dict[str, Any]:
    """Every command by the words that call it."""
    found: dict[str, Any] = {}

    def walk(command: Any, name: str) -> None:
        found[name] = command
        for word, child in getattr(command, "commands", {}).items():
            walk(child, f"{name} {word}")

    walk(typer.main.get_command(app), "mct-s2s")
    return found


def options(command: Any) -> set[str]:
    """The options of one command, long and short."""
    return {name for param in command.params for name in param.opts if name.startswith("-")} | {"-h", "--help"}


def calls(text: str, known: dict[str, Any]) -> Iterator[str]:
    """What is wrong with the commands that the page tells its reader to type."""
    code = "\n".join(CODE.findall(text)).replace("\\\n", " ")
    for line in re.findall(r"(?<![\w\"'/.-])mct-s2s( [^`\n|)]*)", code):
        words = line.split()
        name = "mct-s2s"
        while words and f"{name} {words[0]}" in known:
            name += " " + words.pop(0)
        if hasattr(known[name], "commands") and words and re.fullmatch(r"[a-z][a-z-]+", words[0]):
            yield f"`{name} {words[0]}`: there is no such command"
        taken = options(known[name])
        bad = [word for word in words if word.startswith("-") and word.partition("=")[0] not in taken]
        yield from (f"`{name}` has no option {word}" for word in bad)


def wrong() -> Iterator[str]:
    """Everything that does not agree."""
    text, known = README.read_text(encoding="utf-8"), commands()
    for command, shown in HELP_BLOCK.findall(text):
        if shown != help_text(command):
            yield f"the text of `{command}` has changed: scripts/check_readme.py --write"
    yield from calls(HELP_BLOCK.sub("", text), known)
    for name, command in known.items():
        yield from (f"`{name}` is not mentioned" for _ in [0] if f"{name}" not in text)
        for option in sorted(options(command)):
            if option.startswith("--") and f"{option}" not in text:
                yield f"option {option} of `{name}` is not mentioned"
    source = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "mct_s2s").rglob("*.py"))
    for code in re.findall(r"^\| `([a-z]+(?:-[a-z]+)*)`", text.partition("## Troubleshooting")[2], re.MULTILINE):
        if f'"{code}"' not in source:
            yield f"the program has no error code {code}"
    if not re.search(
        rf"^## \[({re.escape(__version__)}|Unreleased)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE
    ):
        yield f"CHANGELOG.md has a heading neither for {__version__} nor for what is unreleased"


def write() -> None:
    """Bring the help texts up to date."""
    text = README.read_text(encoding="utf-8")
    fresh = HELP_BLOCK.sub(lambda found: f"```console\n$ {found[1]}\n{help_text(found[1])}```", text)
    README.write_text(fresh, encoding="utf-8")


if __name__ == "__main__":
    if "--write" in sys.argv:
        write()
    problems = list(dict.fromkeys(wrong()))
    for problem in problems:
        print(f"README.md: {problem}")
    sys.exit(1 if problems else 0)
