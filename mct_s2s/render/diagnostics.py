"""An error for a person."""

from collections.abc import Iterable

from rich.text import Text

from mct_s2s.errors import DOCS, Instruction, S2SError
from mct_s2s.plain_text import plain
from mct_s2s.render.console import LineConsole, Terminal
from mct_s2s.render.pipelines import pipeline_of


def show_error(terminal: Terminal, error: S2SError, about: str = "") -> None:
    """`about`: which of several App Services a pipeline's annotation names, far from its log."""
    headline, pipeline = _coded(error, " ".join(error.headline.split())), pipeline_of()
    items = error.items
    if pipeline is not None:
        annotation = [plain(f"{about}: {headline}" if about else headline)]
        if error.introduction:  # what it introduces is far from the annotation
            annotation += [plain(f"- {item.sentence}") for item in items]
            items = tuple(item for item in items if item.command)
        terminal.instruct(pipeline.command(pipeline.error, "\n".join(annotation)))
    else:
        terminal.say(Text.assemble(("error: ", "bad"), headline))
    print_items(terminal.err, items)
    if error.advice:
        terminal.say(Text.assemble("  → ", (error.advice, "command")))
    if error.command:
        terminal.say(Text.assemble("    ", (error.command, "command")))
    print_items(terminal.err, error.ways_out, "  ")
    if error.answer:
        terminal.say(f"  {' '.join(error.answer.split())}", "quiet")
    if error.page:
        terminal.say(f"  more: {DOCS}{error.page}", "quiet")
    if error.request_id:
        terminal.say(f"  request id: {error.request_id}", "quiet")


def told_once(errors: Iterable[tuple[str, S2SError]]) -> list[tuple[list[str], S2SError]]:
    """Each error with the titles of all App Services at which it is told in the same words."""
    by_words: dict[tuple[object, ...], tuple[list[str], S2SError]] = {}
    for title, error in errors:
        words = (error.code, error.headline, error.items, error.advice, error.command, error.answer)
        titles, _ = by_words.setdefault(words, ([], error))
        titles.append(title)
    return list(by_words.values())


def show_error_line(terminal: Terminal, error: S2SError) -> None:
    """In one line, without the list that it may introduce: the JSON document has the rest."""
    line = " ".join(error.without_items.split())
    if line.endswith(":"):
        line = f"{line.removesuffix(':')}."
    terminal.say(Text.assemble(("error: ", "bad"), _coded(error, line)))


def _coded(error: S2SError, line: str) -> str:
    """The code ends the statement, before what introduces a list."""
    statement = line.removesuffix(error.introduction).rstrip()
    introduction = f" {error.introduction}" if len(statement) < len(line) else ""
    return f"{statement} [{error.code}]{introduction}"


def print_items(
    console: LineConsole, items: Iterable[Instruction], before: str = "  - ", style: str = ""
) -> None:
    margin = " " * (len(before) - len(before.lstrip()) + 2)
    for item in items:
        console.prose(Text(f"{before}{item.sentence}", style=style))
        if item.command:
            console.print(Text.assemble(margin, (item.command, "command")))
