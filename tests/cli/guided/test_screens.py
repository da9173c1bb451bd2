"""What the questions look like: each list as it stands when it has been drawn, and a line that is being typed."""

from __future__ import annotations

import asyncio
import io
import re
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import pytest
from mct_s2s.cli.guided import prompts
from mct_s2s.cli.guided.clients import ClientQuestions
from mct_s2s.cli.guided.prompts import TerminalPrompts
from mct_s2s.cli.guided.sites import choose_site
from mct_s2s.errors import Interrupted
from mct_s2s.model.site_settings import APPLICATION_IDS, ENABLED
from mct_s2s.render.console import Terminal
from prompt_toolkit.application import create_app_session
from prompt_toolkit.data_structures import Size
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output.color_depth import ColorDepth
from prompt_toolkit.output.vt100 import Vt100_Output

from tests.planning.scenarios import guid
from tests.planning.test_site_recognition import LEARN, LEARN_FA, PORTAL, REPORTS, site, surveyed
from tests.support.screens import check_screen

Asks = Callable[[TerminalPrompts], Coroutine[Any, Any, Any]]
ENTER, CTRL_C = "\r", "\x03"
_OTHER_THAN_COLOUR = re.compile(r"\x1b\[[?0-9;]*[A-Za-ln-z]")
TRAINING = site("fabrikam-training", group="training")
FABRIKAM_FA = site("fabrikam-training-fa-b81cc", group="training", kind="functionapp")
FOUND = surveyed(
    *(LEARN, LEARN_FA, PORTAL, REPORTS, TRAINING, FABRIKAM_FA),
    settings={LEARN: {ENABLED.name: "true", APPLICATION_IDS.name: guid("a")}, TRAINING: {}, PORTAL: {}},
)


class Screen(Vt100_Output):
    """Remembers what was drawn."""

    def __init__(self, width: int, *, color: bool) -> None:
        depth = ColorDepth.DEPTH_4_BIT if color else ColorDepth.DEPTH_1_BIT
        self._drawn, self._changed = io.StringIO(), asyncio.Event()
        size = Size(rows=24, columns=width)
        super().__init__(self._drawn, lambda: size, default_color_depth=depth, enable_cpr=False)

    def flush(self) -> None:
        super().flush()
        self._changed.set()

    async def showing(self, text: str) -> str:
        """What has been drawn since the last time, once the text is among it."""
        while text not in self._drawn.getvalue():
            await self._changed.wait()
            self._changed.clear()
        frame = self._drawn.getvalue()
        self._drawn.seek(0)
        self._drawn.truncate()
        return _OTHER_THAN_COLOUR.sub("", frame).replace("\r", "")


def drawn(asks: Asks, *steps: str, width: int, color: bool) -> Callable[[Terminal], None]:
    """Prints what is on the screen at last: steps are the last words of a question, keys, last words, …"""

    def show(terminal: Terminal) -> None:
        asyncio.run(draw(terminal))

    async def draw(terminal: Terminal) -> None:
        screen = Screen(width, color=color)
        with pytest.MonkeyPatch.context() as patch, create_pipe_input() as keyboard:
            patch.setattr(prompts, "_without_reports", lambda _: screen)
            with create_app_session(input=keyboard):
                asking = asyncio.ensure_future(asks(TerminalPrompts(terminal)))
                frame = await screen.showing(steps[0])
                for keys, text in zip(steps[1::2], steps[2::2], strict=True):
                    keyboard.send_text(keys)
                    frame = await screen.showing(text)
                keyboard.send_text(CTRL_C)
                with suppress(Interrupted):
                    await asking
        terminal.err.file.write("\n".join(line.rstrip() for line in frame.split("\n")).rstrip() + "\n")

    return show


async def _clients(asking: TerminalPrompts) -> None:
    await ClientQuestions(asking, FOUND.callers, str).ask([])


SIZES = pytest.mark.parametrize(
    ("size", "options"),
    [
        ("80x24", {"width": 80, "color": True}),
        ("120x40", {"width": 120, "color": True}),
        ("no-colour", {"width": 80, "color": False}),
    ],
)


@SIZES
def test_the_sites(size: str, options: dict[str, Any]) -> None:
    def show(terminal: Terminal) -> None:
        drawn(lambda asking: choose_site(asking, terminal, FOUND), "Another web app", **options)(terminal)

    check_screen(f"guided-site.{size}", show, **options)


@SIZES
def test_where_a_client_runs(size: str, options: dict[str, Any]) -> None:
    check_screen(f"guided-client.{size}", drawn(_clients, "show the plan", **options), **options)


@SIZES
def test_a_resource(size: str, options: dict[str, Any]) -> None:
    check_screen(
        f"guided-resource.{size}", drawn(_clients, "show the plan", ENTER, "type its ID", **options), **options
    )
