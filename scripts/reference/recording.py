"""Draw docs/setup.svg, the recording that README.md opens with: what a terminal shows of a real run
of the program.

The run has a terminal of its own, and a person who types; `recorded_run` says what makes it the
same each time.
"""

import errno
import fcntl
import html
import itertools
import json
import os
import pty
import re
import select
import shlex
import struct
import subprocess
import sys
import tempfile
import termios
from collections.abc import Iterator, Mapping
from io import StringIO
from pathlib import Path

import pyte
from pyte.screens import Char
from rich.console import Console
from rich.style import Style
from rich.terminal_theme import TerminalTheme
from rich.text import Text

ROOT = Path(__file__).parents[2]
COLUMNS, ROWS = 88, 40
TYPED = "setup --cloud sandbox --client S2S-client"
QUESTION = re.compile(r"\[y/N\] $")
KEPT = re.compile(
    r"\$ |Plan|.*onmicrosoft\.com\)$|  [+~] (service application|client application|secret|admin "
    r"consent"
    r"|application settings|App Service) |Apply\?|\u2713 (Restarted|S2S-client)|  (Client "
    r"ID|Secret|Next)|    mct-s2s"
)
"""What is drawn of what is shown: the result is to be seen at once, above the fold of the page."""
LEFT_OUT = Text("  \u22ee", "dim")
SECONDS = 60
"""The run takes three; more is a hang."""
HOME = "/home/ada"

THEME = TerminalTheme(
    (30, 30, 30),
    (230, 230, 230),
    [(30, 30, 30), (241, 134, 134), (126, 211, 126), (229, 192, 103),
     (130, 170, 255), (214, 152, 231), (110, 205, 214), (230, 230, 230)],
)  # fmt: skip
"""A dark window, on light pages too: each colour has a contrast of 7 to 1 or more."""
FRAME = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">
<title>mct-s2s setup in a terminal</title>
<style>
.{unique_id}-matrix {{
  font: {char_height}px/{line_height}px ui-monospace, Menlo, Consolas, monospace;
}}
.{unique_id}-title {{ font: bold 18px sans-serif; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect width="{terminal_width}" height="{terminal_height}"/>
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}<g class="{unique_id}-matrix">{matrix}</g>
</g>
</svg>
"""
"""Rich's own frame would load a font from elsewhere."""
CHARACTER_WIDTH = 12.2
"""What rich's `export_svg` takes for one, at its font size of 20."""
BLANK = "\xa0"
_TEXT = re.compile(
    r'<text (?P<style>class="[^"]*") x="(?P<x>[^"]*)" (?P<y>y="[^"]*") textLength="[^"]*" '
    r'(?P<clip>clip-path="[^"]*")>(?P<content>[^<]*)</text>'
)
_WORDS = re.compile(f"[^{BLANK}]+(?:{BLANK}[^{BLANK}]+)*")
"""Words with one blank between them."""
_PLAIN = Console(file=StringIO())


def recording() -> str:
    """Run the program and return the drawing of it."""
    with tempfile.TemporaryDirectory(prefix="mct-s2s-") as folder:
        home, sandbox = Path(folder).resolve() / HOME.strip("/"), Path(folder) / "sandbox"
        home.mkdir(parents=True)
        screen = Screen(_run(home, sandbox))
        ports = json.loads((sandbox / "ports.json").read_text(encoding="utf-8")).values()
        # What is this machine's: a folder, and ports that were free.
        replacements = {
            str(home): HOME,
            **{f":{port}": f":{8443 + at}" for at, port in enumerate(ports)},
        }
        return drawn(
            [
                *shortened(
                    [
                        Text.assemble(("$ ", "dim"), (f"mct-s2s {TYPED}", "bold")),
                        *screen.texts(replacements),
                    ]
                )
            ]
        )


class Screen(pyte.Screen):
    """A terminal that is as wide and as high as it takes, so that nothing is folded or scrolled
    away.
    """

    def __init__(self, output: bytes) -> None:
        super().__init__(columns=500, lines=500)
        pyte.ByteStream(self).feed(output)

    def select_graphic_rendition(self, *attrs: int) -> None:
        """Set the style; pyte knows no dim text, the program no italics."""
        super().select_graphic_rendition(*(3 if attr == 2 else attr for attr in attrs))

    def texts(self, replacements: Mapping[str, str]) -> Iterator[Text]:
        """Yield what is on the screen, with some words replaced, folded where a terminal would."""
        used = max((row + 1 for row, text in enumerate(self.display) if text.strip()), default=0)
        for row in range(used):
            line = Text()
            chars = (self.buffer[row][column] for column in range(self.columns))
            for style, same in itertools.groupby(chars, _style):
                line.append("".join(char.data for char in same), style)
            line.rstrip()
            for word, replacement in replacements.items():
                while (at := line.plain.find(word)) >= 0:
                    line = (
                        line[:at]
                        + Text(replacement, line.get_style_at_offset(_PLAIN, at))
                        + line[at + len(word) :]
                    )
            yield from (
                line[start : start + COLUMNS] for start in range(0, max(1, len(line)), COLUMNS)
            )


def shortened(lines: list[Text]) -> Iterator[Text]:
    """Yield what is kept, with a sign where something is left out."""
    for is_kept, same in itertools.groupby(
        lines, lambda line: not line or KEPT.match(line.plain) is not None
    ):
        yield from same if is_kept else (LEFT_OUT,)


def drawn(lines: list[Text]) -> str:
    """Return the lines as an SVG that stands still: not every renderer animates."""
    console = Console(
        record=True, width=COLUMNS, file=StringIO(), force_terminal=True, legacy_windows=False
    )
    for line in lines:
        console.print(line, soft_wrap=True)
    text = console.export_svg(title="mct-s2s", theme=THEME, code_format=FRAME, unique_id="run")
    text = re.sub(r"<text [^>]*>\n</text>", "", text)  # rich draws line ends, too
    return _TEXT.sub(_without_outer_blanks, text)


def _without_outer_blanks(drawn_text: re.Match[str]) -> str:
    """Return the words of a drawn text, each group of them at its own place.

    Some viewers, such as rsvg-convert, drop the blanks that a text begins with.
    """
    start, content = float(drawn_text["x"]), html.unescape(drawn_text["content"])
    return "\n".join(
        f'<text {drawn_text["style"]} x="{start + CHARACTER_WIDTH * words.start():g}" '
        f'{drawn_text["y"]} textLength="{CHARACTER_WIDTH * len(words[0]):g}" '
        f"{drawn_text['clip']}>{html.escape(words[0], quote=False).replace(BLANK, '&#160;')}</text>"
        for words in _WORDS.finditer(content)
    )


def _style(char: Char) -> Style:
    colour = None if char.fg == "default" else {"brown": "yellow"}.get(char.fg, char.fg)
    return Style(color=colour, bold=char.bold or None, dim=char.italics or None)


def _run(home: Path, sandbox: Path) -> bytes:
    """Run the program in a terminal, agree to its plan, and return everything that it wrote.

    Raises RuntimeError.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    command = [
        sys.executable,
        str(Path(__file__).with_name("recorded_run.py")),
        *shlex.split(TYPED),
    ]
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "HOME": str(home),
        "MCT_S2S_SANDBOX_DIR": str(sandbox),
        "TERM": "xterm-256color",
        "LANG": "C.UTF-8",
        "SHELL": "/bin/bash",
    }
    process = subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True
    )
    os.close(theirs)
    try:
        output = _talk(ours)
        if process.wait(SECONDS) != 0:
            raise RuntimeError(f"The recorded run failed:\n{output.decode('utf-8', 'replace')}")
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    return output


def _talk(terminal: int) -> bytes:
    """Read until the program ends, and answer its question."""
    output, answered = b"", False
    while select.select([terminal], [], [], SECONDS)[0]:
        try:
            read = os.read(terminal, 65536)
        except OSError as error:
            if error.errno == errno.EIO:  # Linux: the other end is closed
                return output
            raise
        if not read:
            return output
        output += read
        if not answered and QUESTION.search(output.decode("utf-8", "ignore")):
            answered = True
            os.write(terminal, b"y\r")
    raise RuntimeError(f"The recorded run does not end:\n{output.decode('utf-8', 'replace')}")


if __name__ == "__main__":
    print(recording(), end="")
