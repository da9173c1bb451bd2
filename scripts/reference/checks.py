"""What the pages say, against the program and each other: commands, links, files, JSON examples,
the version.
"""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from mct_s2s import __version__
from tests.cli.schemas import validators

from reference.commands import anchor, commands

ROOT = Path(__file__).parents[2]
CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
FILE = re.compile(r"`([a-z_/0-9]+/[a-z_0-9]+\.(?:py|toml|json))`")
NAMED = re.compile(
    r"`([\w.]+)` (?:in |\()`([a-z_/0-9]+\.py)`|`([a-z_/0-9]+\.py)`\*{0,2} \((`[\w`, ]+`)\)"
)
"""A name and the file that it is said to be in, or a file and what to look at there."""
TEST = re.compile(r"`((?:[a-z]+/)?test_\w+)`")
ABROAD = "azure/mgmt/"
"""Sources of SDKs, which docs/azure-contract.md names."""
ROOMS = (ROOT, ROOT / "mct_s2s", ROOT / "mct_s2s" / "sandbox")
"""What the path of a file that a page names may start from."""


def problems_of(pages: Iterable[Path]) -> list[str]:
    """Everything that is not true, each with its page."""
    known = commands()
    problems_found: list[str] = []
    for path in pages:
        text = path.read_text(encoding="utf-8")
        problems = (
            *wrong_calls(text, known),
            *broken_links(path, text),
            *gone_files(text),
            *wrong_examples(text),
        )
        problems_found += [
            f"{path.relative_to(ROOT)}: {problem}" for problem in dict.fromkeys(problems)
        ]
    heading = rf"^## \[({re.escape(__version__)}|Unreleased)\]"
    if not re.search(heading, (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE):
        problems_found.append(
            f"CHANGELOG.md has a heading neither for {__version__} nor for what is unreleased"
        )
    return problems_found


def wrong_calls(text: str, known: dict[str, Any]) -> Iterator[str]:
    """Commands that the page tells its reader to type, and that the program does not take."""
    code = "\n".join(CODE.findall(text)).replace("\\\n", " ")
    for line in re.findall(r"(?<![\w\"'/.-])mct-s2s( [^`\n|)]*)", code):
        words = re.sub(r"'[^']*'", "QUOTED", line).split()  # another program's options are its own
        name = "mct-s2s"
        while words and f"{name} {words[0]}" in known:
            name += " " + words.pop(0)
        if hasattr(known[name], "commands") and words and re.fullmatch(r"[a-z][a-z-]+", words[0]):
            yield f"`{name} {words[0]}`: there is no such command"
        taken = {option for param in known[name].params for option in param.opts} | {"-h", "--help"}
        bad = [
            word for word in words if word.startswith("-") and word.partition("=")[0] not in taken
        ]
        yield from (f"`{name}` has no option {word}" for word in bad)


def broken_links(path: Path, text: str) -> Iterator[str]:
    """Links to files or headings that are not there."""
    for link in LINK.findall(CODE.sub("", text)):
        file, _, heading = link.partition("#")
        if re.match(r"[a-z]+:", link):
            continue
        target = path.parent / file if file else path
        if not target.exists():
            yield f"there is no {link}"
        elif heading and heading not in anchors(target.read_text(encoding="utf-8")):
            yield f"there is no heading #{heading} in {target.name}"


def gone_files(text: str) -> Iterator[str]:
    """Files of ours that a page names, and definitions in them, that are not there any more."""
    for name in FILE.findall(text):
        if not name.startswith(ABROAD) and not any((room / name).exists() for room in ROOMS):
            yield f"there is no file {name}"
    for name in TEST.findall(text):
        if not any((ROOT / "tests").rglob(f"{name}.py")):
            yield f"there are no tests {name}"
    for name, place, file, names in NAMED.findall(text):
        for path in (path for room in ROOMS if (path := room / (place or file)).exists()):
            code = path.read_text(encoding="utf-8")
            for one in re.findall(r"\w+", names) or [name.rpartition(".")[2]]:
                if not re.search(
                    rf"^ *(?:(?:async )?def |class )?{one}\b *[(\[:=]", code, re.MULTILINE
                ):
                    yield f"{place or file} defines no {one}"


def anchors(text: str) -> set[str]:
    """How a page's headings are linked to: as GitHub makes them."""
    headings = re.findall(
        r"^#+ (.+)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE
    )
    return {anchor(heading) for heading in headings}


def wrong_examples(text: str) -> Iterator[str]:
    """JSON documents that are not valid by their own schema."""
    for example in re.findall(r"```json\n(.*?)```", text, re.DOTALL):
        try:
            document = json.loads(example)
        except ValueError as error:
            yield f"an example is no JSON: {error}"
            continue
        if isinstance(document, dict) and "schema" in document:
            for wrong in validators()[document["schema"]].iter_errors(document):
                yield (
                    f"an example of {document['schema']} is not valid: {wrong.json_path}: "
                    f"{wrong.message}"
                )
