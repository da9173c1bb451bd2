"""What every screen of the program has to be, and pictures of eight, kept as SVG, so that a change
is in a diff.

`pytest --update-screens` writes those that differ. A picture shows what a terminal shows: a line
that is too long is wrapped where a terminal wraps it, colours are the terminal's own (dark, and
light for who prefers it), and the same is in its `<desc>` as plain text.
"""

import contextlib
import difflib
import io
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from html import escape
from pathlib import Path

import pytest
from mct_s2s.cli.streams import MARKS, replace_unencodable
from mct_s2s.render.console import UNBOUNDED, LineConsole, Terminal
from rich.cells import cell_len, chop_cells
from rich.console import Console, RenderableType
from rich.terminal_theme import DEFAULT_TERMINAL_THEME, SVG_EXPORT_THEME, TerminalTheme
from rich.text import Text

Shown = RenderableType | Callable[[Terminal], object]
"""What is printed, or a function that prints it: both streams are the same screen."""

PICTURES = {"plan", "result", "status", "doctor", "error", "fleet-plan", "fleet-result", "progress"}
"""Screens that a person looks at. `check_readable` is for all others."""
FOLDER = Path(__file__).parents[1] / "render" / "screens"
DOCUMENTS = FOLDER.with_name("documents")
_WIDTHS = (40, 80, 120)
_COPIED = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
    r"|[0-9a-f]{64}|https://\S+|/subscriptions/\S+|/home/\S+|(?:mct-s2s|az) [^\n]*? -[^\n]*"
)
"""Ids, fingerprints, addresses, paths and commands."""
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_COLOR = re.compile(r"\x1b\[(?:[0-9]+;)*(?:3[0-8]|4[0-8]|9[0-7])(?:;[0-9]+)*m")
_UPDATE = "MCT_TEST_UPDATE_SCREENS"
_ID = "screen"
_FORMAT = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" xml:space="preserve">
<desc>
DESCRIPTION
</desc>
<style>
.screen-matrix {{ font: {char_height}px monospace }}
.screen-window {{ fill: DARK }}
{styles}
@media (prefers-color-scheme: light) {{
.screen-window {{ fill: LIGHT }}
STYLES
}}
</style>
<rect class="screen-window" width="{width}" height="{height}" rx="8"/>
<g transform="translate({terminal_x}, 10)">{backgrounds}<g class="screen-matrix">
{matrix}
</g></g>
</svg>
"""
"""Without window buttons, and without fonts from elsewhere."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--update-screens`; workers read it from the environment."""
    parser.addoption(
        "--update-screens", action="store_true", help="keep the screens as they are now"
    )


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        os.environ[_UPDATE] = "1" if config.getoption("update_screens") else ""


def check_screen(
    name: str,
    shown: Shown,
    *,
    width: int = 80,
    height: int | None = None,
    color: bool = True,
    unicode: bool = True,
) -> None:
    """Compare what is shown with the picture of that name in `tests/render/screens`.

    Args:
        name: the picture's, without its ending: one of `PICTURES`.
        shown: what is printed, or a function that prints it to the terminal it is given.
        width: the terminal's columns.
        height: its lines: only the last so many are in the picture, as on a terminal. `None`: all.
        color: without it, as with `NO_COLOR`.
        unicode: without it, as where standard output is ASCII.

    Raises:
        AssertionError: it is another one, or there is none.
    """
    assert name in PICTURES
    path = FOLDER / f"{name}.svg"
    lines = list(_lines(shown, width, height, color=color, unicode=unicode))
    check_kept(path, _picture(lines, width))


def copied(text: str) -> list[str]:
    """Return what someone may copy of a screen, without the punctuation of a sentence that follows
    it.
    """
    return sorted(match[0].rstrip(".,;:)' ") for match in _COPIED.finditer(text))


def check_readable(shown: Shown) -> None:
    """Check what holds for every screen: in each width, without colours, and where output is ASCII.

    Raises:
        AssertionError: a line is too wide for another reason than what is copied from it; an id,
            address or path is cut; a colour is set where none is wanted; or a character has no mark
            in ASCII.
    """
    usual = _raw(shown, UNBOUNDED)
    pieces = copied(usual)
    for width in _WIDTHS:
        text = _raw(shown, width)
        assert [
            line for line in text.splitlines() if cell_len(line) > width and not copied(line)
        ] == [], width
        assert [piece for piece in pieces if piece not in text] == [], width
    assert not _COLOR.search(_raw(shown, UNBOUNDED, escapes=True, color=False))
    expected = "".join(MARKS.get(character, character) for character in usual)
    assert _raw(shown, UNBOUNDED, unicode=False) == expected


def check_kept(path: Path, now: str) -> None:
    """Compare with what was kept, or keep it."""
    if os.environ.get(_UPDATE):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(now, encoding="utf-8")
        return
    kept = path.read_text(encoding="utf-8") if path.exists() else ""
    difference = "\n".join(
        difflib.unified_diff(kept.splitlines(), now.splitlines(), "kept", "now", lineterm="", n=1)
    )
    assert kept == now, (
        f"{path.name} differs: pytest --update-screens, then look at it.\n{difference}"
    )


def check_texts(name: str, shown: Mapping[str, Shown]) -> str:
    """Compare screens of 120 columns, or texts, with that file in `tests/render/documents`, each
    under its name.
    """
    texts = {
        title: drawing if isinstance(drawing, str) else screen_text(drawing, width=120)
        for title, drawing in shown.items()
    }
    now = "".join(f"# {title}\n{text}\n\n" for title, text in texts.items())
    check_kept(DOCUMENTS / f"{name}.txt", now)
    return now


def screen_text(shown: Shown, *, width: int = 80, color: bool = False, unicode: bool = True) -> str:
    """What is shown as plain text, wrapped where a terminal wraps it."""
    return "\n".join(
        line.plain for line in _lines(shown, width, None, color=color, unicode=unicode)
    )


def _raw(
    shown: Shown,
    width: int,
    *,
    height: int | None = None,
    escapes: bool = False,
    color: bool = True,
    unicode: bool = True,
) -> str:
    """Return what is written to a terminal, by default without its escape sequences."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        replace_unencodable()  # its handler is known by name from then on
    file = io.TextIOWrapper(
        io.BytesIO(), "utf-8" if unicode else "ascii", errors="mct-s2s", newline="\n"
    )
    console = LineConsole(
        file=file,
        force_terminal=True, color_system="standard", no_color=not color, width=width,
        height=height or 50,
        legacy_windows=False,
    )  # fmt: skip
    if callable(shown):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "stdout", file)  # documents ask for its encoding
            shown(Terminal(console, console, json=False))
    else:
        console.print(shown)
    file.seek(0)
    return file.read() if escapes else _ESCAPES.sub("", file.read())


def _lines(
    shown: Shown, width: int, height: int | None, *, color: bool, unicode: bool
) -> Iterator[Text]:
    """The lines of the terminal."""
    written = _raw(shown, width, height=height, escapes=True, color=color, unicode=unicode)
    lines = [
        part for line in written.splitlines() for part in _wrapped(Text.from_ansi(line), width)
    ]
    yield from lines[-height:] if height is not None else lines


def _wrapped(line: Text, width: int) -> Iterator[Text]:
    if cell_len(line.plain) <= width:
        yield line
        return
    ends = []
    at = 0
    for part in chop_cells(line.plain, width)[:-1]:
        at += len(part)
        ends.append(at)
    yield from line.divide(ends)


def _picture(lines: list[Text], width: int) -> str:
    """One line of the file for each piece of text, so that a diff is short."""
    dark, light = _svg(lines, width, SVG_EXPORT_THEME), _svg(lines, width, DEFAULT_TERMINAL_THEME)
    styles = re.findall(rf"^\.{_ID}-r\d+ .*$", light, re.MULTILINE)
    picture = re.sub(rf' clip-path="url\(#{_ID}-line-\d+\)"', "", dark)
    picture = re.sub(r"<text [^>]*>\n</text>", "", picture).replace(
        "</text><text", "</text>\n<text"
    )
    picture = picture.replace("&#160;", " ").replace("DARK", SVG_EXPORT_THEME.background_color.hex)
    picture = picture.replace("LIGHT", DEFAULT_TERMINAL_THEME.background_color.hex).replace(
        "STYLES", "\n".join(styles)
    )
    return picture.replace(
        "DESCRIPTION", escape("\n".join(line.plain for line in lines), quote=False)
    )


def _svg(lines: list[Text], width: int, theme: TerminalTheme) -> str:
    console = Console(
        record=True, width=width, file=io.StringIO(), force_terminal=True, legacy_windows=False
    )
    for line in lines:
        console.print(line, soft_wrap=True, highlight=False)
    return console.export_svg(title="", theme=theme, code_format=_FORMAT, unique_id=_ID)
