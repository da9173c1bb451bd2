"""Markdown that has to fit: services refuse longer comments, and show no longer summaries."""

import re
from collections.abc import Sequence
from itertools import accumulate, chain

from mct_s2s.plain_text import counted

_FENCE = re.compile(r"\s*(`{3,})")
_SUMMARY = re.compile(r"<details[^>]*><summary>(.*)</summary>")
_FINGERPRINT = "Fingerprint: "
_END = "</details>"
_MOST_NAMED = 10


def shortened(
    markdown: str, size: int, whole: str = "The whole text is in the log of the job."
) -> str:
    """A text of at most so many bytes, without the last of the sections that unfold.

    Where not even one of them fits, whole lines; no code block and no section is left open.
    A note says what is missing: above all of it, beside a fingerprint, or at the end.
    """
    if len(markdown.encode()) <= size:
        return markdown
    head, *sections = _sections(markdown.splitlines())
    lengths = [*accumulate(_length(section) for section in [head, *sections])]
    for count in range(len(sections) - 1, 0, -1):
        names = [section[0] for section in sections[count:]]
        note = f"**{_missing(names)}** {whole}"
        if lengths[count] + len(note.encode()) + 2 <= size:
            return "\n".join(_noted([*head, *chain(*sections[:count])], note))
    note = f"**This is not all: it is too long to be shown here.** {whole}"
    return "\n".join(_noted(_cut(markdown, size - len(note.encode()) - 3), note)) + "\n"


def _sections(lines: Sequence[str]) -> list[list[str]]:
    """What is above the sections, then each of them, from `<details>` on."""
    sections = [list[str]()]
    fence = ""
    for line in lines:
        if not fence and _SUMMARY.match(line):
            sections.append([])
        fence = _fence_after(fence, line)
        sections[-1].append(line)
    return sections


def _missing(summaries: Sequence[str]) -> str:
    names = [match[1] for line in summaries if (match := _SUMMARY.match(line))]
    listed = names[:_MOST_NAMED]
    if len(names) > _MOST_NAMED:
        listed.append(f"and {len(names) - _MOST_NAMED} more")
    verb = "is" if len(names) == 1 else "are"
    return f"{counted(len(names), 'plan')} {verb} too long to be shown here: {', '.join(listed)}."


def _noted(lines: Sequence[str], note: str) -> list[str]:
    for index, line in enumerate(lines):
        if line.startswith(_FINGERPRINT):
            return [*lines[: index + 1], "", note, *lines[index + 1 :]]
        if _SUMMARY.match(line):
            break
    return [*lines, "", note]


def _cut(markdown: str, room: int) -> list[str]:
    kept = list[str]()
    fence, is_open = "", False
    for line in markdown.splitlines():
        before = [*([fence] if fence else []), *([_END] if is_open else [])]
        if not fence:
            is_open = (is_open or _SUMMARY.match(line) is not None) and line != _END
        fence = _fence_after(fence, line)
        room -= len(line.encode()) + 1
        if room < len(fence) + len(_END) + 2:
            return [*kept, *before]
        kept.append(line)
    return kept


def _fence_after(fence: str, line: str) -> str:
    match = _FENCE.match(line)
    opens = match[1] if match else ""
    return "" if fence and opens.startswith(fence) else fence or opens


def _length(lines: Sequence[str]) -> int:
    return sum(len(line.encode()) + 1 for line in lines)
