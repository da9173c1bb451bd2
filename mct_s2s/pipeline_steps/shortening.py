"""Markdown that has to fit: services refuse longer comments, and show no longer summaries."""

import re

_FENCE = re.compile(r"\s*(`{3,})")


def shortened(
    markdown: str, size: int, whole: str = "The whole text is in the log of the job."
) -> str:
    """A text of at most so many bytes: whole lines, no code block left open.

    A note says that something is missing.
    """
    if len(markdown.encode()) <= size:
        return markdown
    note = f"\n\n**This is not all: it is too long to be shown here.** {whole}\n"
    room = size - len(note.encode())
    kept = list[str]()
    fence = ""
    for line in markdown.splitlines():
        match = _FENCE.match(line)
        opens = match[1] if match else ""
        fence, before = ("" if fence and opens.startswith(fence) else fence or opens), fence
        room -= len(line.encode()) + 1
        if room < len(fence) + 1:
            return "\n".join([*kept, *([before] if before else [])]) + note
        kept.append(line)
    return "\n".join(kept)
