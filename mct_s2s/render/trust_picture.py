"""The trust as a picture in text: clients → app role → service application → App Service.

A line runs down from the clients to the App Service. Words say what the signs and colours say, so that neither is
needed; what the stream's encoding lacks is replaced (`cli/streams.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.cells import cell_len
from rich.text import Text

from mct_s2s.planning.permissions.callers import Access, Station, TrustCaller, TrustPicture
from mct_s2s.render.console import Terminal, one_line
from mct_s2s.render.fixed_width import folded

MOST = 10
"""Callers that are drawn one by one: with the rest of the picture they fit a terminal of 24 lines."""
SIGNS = {
    Access.CAN_CALL: ("✓", "good"),
    Access.EXPIRING: ("!", "warn"),
    Access.NOT_KNOWN: ("?", "quiet"),
    Access.CANNOT_CALL: ("✗", "bad"),
}
WIDEST_NAME = 32
"""Cells of the column of names; a longer name has a line of its own."""


def show_picture(terminal: Terminal, picture: TrustPicture) -> None:
    """Draw it, as wide as the terminal is."""
    terminal.result()
    terminal.result(Text(picture_title(picture), style="head"))
    for line in picture_lines(picture, terminal.out.width):
        terminal.out.print(line, no_wrap=True, overflow="ignore", crop=False)


def split(callers: Sequence[TrustCaller], most: int = MOST) -> tuple[Sequence[TrustCaller], Sequence[TrustCaller]]:
    """Those that are drawn, and the rest that is only counted: never a single one."""
    return (callers, ()) if len(callers) <= most + 1 else (callers[:most], callers[most:])


def counted(rest: Sequence[TrustCaller]) -> str:
    """The callers that are not drawn: `and 990 more can call, the first expires 2027-01-04`."""
    numbers = {kind: sum(one.access is kind for one in rest) for kind in reversed(Access)}
    parts = [f"{number} {kind}" for kind, number in numbers.items() if number]
    ends = min((one.ends for one in rest if one.ends is not None and not one.reasons), default=None)
    first = f", the first expires {ends:%Y-%m-%d}" if ends is not None else ""
    summary = (
        f"and {len(rest)} more: {', '.join(parts)}" if len(parts) > 1 else f"and {len(rest)} more {rest[0].access}"
    )
    return f"{summary}{first}"


def picture_title(picture: TrustPicture) -> str:
    """How many of the clients can call: `2 of 3 clients can call contosolearn`."""
    site = picture.app_service
    target = one_line(site.name).plain if site is not None else "the MCT API"
    count = len(picture.callers)
    if not count:
        return f"No client can call {target}"
    if picture.calling is None:
        return f"Not known who can call {target}"
    return f"{picture.calling} of {count} {'client' if count == 1 else 'clients'} can call {target}"


def picture_lines(picture: TrustPicture, width: int) -> Iterator[Text]:
    """The drawing alone."""
    drawn, rest = split(picture.callers)
    columns = _Columns(drawn, picture, width)
    by_role = [one for one in drawn if one.needs_role]
    direct = [one for one in drawn if not one.needs_role]
    first = True
    for caller in by_role:
        yield from columns.caller(caller, first=first)
        first = False
    if by_role or not picture.callers:
        yield from columns.station(picture.role, enters=not first)
        first = False
    for caller in direct:
        yield from columns.caller(caller, first=first)
        first = False
    if rest:
        yield from columns.wrapped(Text("  ├─ "), Text("  │    "), Text(counted(rest), style="quiet"))
    yield from columns.station(picture.service, enters=not first)
    if picture.app_service is not None:
        yield from columns.station(picture.app_service, enters=True)


class _Columns:
    """Names, and what is said of them, below each other where the width allows it."""

    def __init__(self, drawn: Sequence[TrustCaller], picture: TrustPicture, width: int) -> None:
        self._width = width
        names = [one_line(one.name).plain for one in drawn]
        self._twice = {name for name in names if names.count(name) > 1}
        stations = [picture.role, picture.service, *([picture.app_service] if picture.app_service else [])]
        self._kind = max(cell_len(station.kind) for station in stations)
        lengths = [cell_len(name) for name in names]
        self._name = max((length for length in lengths if length <= WIDEST_NAME), default=0)
        self._signs_in = max((cell_len(one.signs_in) for one in drawn), default=0)

    def caller(self, caller: TrustCaller, *, first: bool) -> Iterator[Text]:
        """A caller, where it joins the line."""
        sign, style = SIGNS[caller.access]
        edge = Text.assemble("  ┌─ " if first else "  ├─ ", (sign, style), " ")
        name = one_line(caller.name)
        if name.plain in self._twice:
            name.append(f"  {caller.id}", "quiet")
        signs_in, remark = one_line(caller.signs_in), Text(caller.remark, style=style)
        row = Text.assemble(
            name,
            " " * (self._name - cell_len(name.plain)),
            "  ",
            signs_in,
            " " * (self._signs_in - cell_len(signs_in.plain)),
            "  ",
            remark,
        )
        if cell_len(edge.plain) + cell_len(row.plain) <= self._width:
            yield Text.assemble(edge, row)
            return
        yield from self.wrapped(edge, Text("  │    "), name)
        rest = Text.assemble(signs_in, "; ", remark)
        yield from self.wrapped(Text("  │      "), Text("  │      "), rest)

    def station(self, station: Station, *, enters: bool) -> Iterator[Text]:
        """What every call passes. Its id is on a line of its own where both do not fit."""
        edge = Text.assemble(
            "  ▼ " if enters else "    ",
            (f"{station.kind:<{self._kind}}  ", "quiet"),
        )
        hanging = Text(f"  │ {'':<{self._kind}}  " if station.kind != "App Service" else " " * (self._kind + 6))
        name = Text.assemble(one_line(station.name), *([("  " + station.problem, "bad")] if station.problem else []))
        yield from self.wrapped(edge, hanging, name)

    def wrapped(self, edge: Text, hanging: Text, text: Text) -> Iterator[Text]:
        """A text beside the line, folded between words; a longer word is folded where it must be."""
        room = max(8, self._width - cell_len(edge.plain))
        for at, line in enumerate(folded(text, room)):
            yield Text.assemble(hanging if at else edge, line)
