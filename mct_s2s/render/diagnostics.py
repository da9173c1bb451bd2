"""An error for a person."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from rich.text import Text

from mct_s2s.errors import DOCS, Instruction, PermissionMissing, S2SError
from mct_s2s.plain_text import plain
from mct_s2s.render.console import LineConsole, Terminal
from mct_s2s.render.pipelines import pipeline_of

MOST_ANNOTATIONS = 10
"""GitHub shows no more errors of one step."""


def show_error(terminal: Terminal, error: S2SError, about: str = "") -> None:
    """`about`: which of several App Services a pipeline's annotation names, far from its log."""
    items = error.items
    if pipeline_of() is None:
        terminal.say(Text.assemble(("error: ", "bad"), headline_of(error)))
    else:
        annotate(terminal, error, about)
        if _has_own_list(error):
            items = tuple(item for item in items if item.command)
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


def annotate(terminal: Terminal, error: S2SError, about: str = "") -> None:
    """Show it apart from a job's log; `about` as in `show_error`."""
    pipeline = pipeline_of()
    if pipeline is None:
        return
    headline = headline_of(error)
    lines = [plain(f"{about}: {headline}" if about else headline)]
    if _has_own_list(error):
        lines += [plain(f"- {item.sentence}") for item in error.items]
    terminal.instruct(pipeline.annotation("\n".join(lines), plain(error.file)))


def annotate_sites(terminal: Terminal, problems: Mapping[str, Sequence[str]]) -> None:
    """Show what is wrong at each App Service apart from a job's log, by its title."""
    pipeline = pipeline_of()
    if pipeline is None:
        return
    texts = [_listed(title, messages) for title, messages in problems.items()]
    if len(texts) > MOST_ANNOTATIONS:
        last = MOST_ANNOTATIONS - 1
        texts = [*texts[:last], "\n".join(texts[last:])]
    for text in texts:
        terminal.instruct(pipeline.annotation(text))


@contextmanager
def folded(terminal: Terminal, title: str) -> Iterator[None]:
    """Let a job's log fold what is printed on standard error in this block."""
    pipeline = pipeline_of()
    if pipeline is None:
        yield
        return
    terminal.instruct(pipeline.command(pipeline.group, plain(title)))
    try:
        yield
    finally:
        terminal.instruct(pipeline.group_end)


def _listed(title: str, messages: Sequence[str]) -> str:
    if len(messages) == 1:
        return plain(f"{title}: {messages[0]}")
    return "\n".join([plain(f"{title}:"), *(plain(f"- {message}") for message in messages)])


def _has_own_list(error: S2SError) -> bool:
    """Whether its items say what is wrong, and have to be where it is read, far from the log."""
    return bool(error.introduction or error.file)


def headline_of(error: S2SError) -> str:
    """The statement in one line, with its code."""
    return _coded(error, " ".join(error.headline.split()))


def told_once(errors: Iterable[tuple[str, S2SError]]) -> list[tuple[list[str], S2SError]]:
    """Each error with the titles of all App Services at which it is told in the same words."""
    by_words: dict[tuple[object, ...], tuple[list[str], S2SError]] = {}
    for title, error in errors:
        # Of a right that is missing, a service names the secret of each request.
        answer = "" if isinstance(error, PermissionMissing) else error.answer
        words = (error.code, error.headline, error.items, error.advice, error.command, answer)
        titles, _ = by_words.setdefault(words, ([], error))
        titles.append(title)
    return list(by_words.values())


def show_error_line(terminal: Terminal, error: S2SError) -> None:
    """In one line, without the list that it may introduce: the JSON document has the rest.

    A job shows it apart from its log, where no document is read: with that list.
    """
    if pipeline_of() is not None:
        annotate(terminal, error)
        return
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
