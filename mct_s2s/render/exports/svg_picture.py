"""The trust as a drawing: callers → app role → service application → App Service, from left to right.

A caller that cannot call has a broken line, and says so in words.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from rich.text import Text

from mct_s2s.planning.permissions.callers import Access, Station, TrustCaller, TrustPicture
from mct_s2s.render.exports.markup import add, rules
from mct_s2s.render.fixed_width import folded
from mct_s2s.render.trust_picture import SIGNS, counted, picture_title, split

CHARACTER = 7.83
"""Width of a character of a monospaced font of 13 px: the widest of the usual ones (DejaVu Sans Mono)."""
LINE = 18.0
PADDING = 8.0
BETWEEN = 56.0
"""From a column to the next."""
COLUMNS = (32, 18, 36, 38)
"""Characters of each column: callers, role, service application with its appId, App Service with its address."""
WIDTH = sum(COLUMNS) * CHARACTER + 2 * PADDING * len(COLUMNS) + BETWEEN * (len(COLUMNS) - 1)

STYLE = {
    "text": "font-family: ui-monospace, 'DejaVu Sans Mono', Consolas, Menlo, monospace; font-size: 13px; "
    "white-space: pre",
    ".strong": "font-weight: bold",
    ".edge": "stroke-width: 1.5",
    ".broken": "stroke-dasharray: 3 4",
}


@dataclass(frozen=True)
class _Box:
    """Lines of text in a frame, each with its class."""

    left: float
    top: float
    width: float
    lines: tuple[tuple[str, str], ...]

    @property
    def height(self) -> float:
        return len(self.lines) * LINE + PADDING

    @property
    def middle(self) -> float:
        return self.top + self.height / 2

    @property
    def right(self) -> float:
        return self.left + self.width


def draw(parent: Element, picture: TrustPicture, number: int) -> float:
    """Draw it into an element; return how high it is.

    Args:
        parent: an `svg` or a `g`.
        picture: the trust.
        number: of the drawing in its document, as names in it are unique.
    """
    drawn, rest = split(picture.callers)
    by_role = [one for one in drawn if one.needs_role]
    direct = [one for one in drawn if not one.needs_role]
    callers = list(_column([*map(_caller, by_role), *map(_caller, direct), *_more(rest)]))
    bottom = max((box.top + box.height for box in callers), default=0.0)
    role = _placed(1, _station(picture.role), _centre(callers[: len(by_role)], bottom))
    service = _placed(2, _station(picture.service), bottom / 2)
    site = _placed(3, _station(picture.app_service), bottom / 2) if picture.app_service is not None else None
    _arrow(parent, number)
    for caller, box in zip(by_role, callers, strict=False):
        _edge(parent, box, role, number, caller.access)
    for box, caller in zip(callers[len(by_role) :], direct, strict=False):
        _edge(parent, box, service, number, caller.access)
    if by_role or not picture.callers:
        _edge(parent, role, service, number, _access(picture.role))
    if site is not None:
        _edge(parent, service, site, number, _access(picture.service))
    boxes = [*callers, service, *([role] if by_role or not picture.callers else []), *([site] if site else [])]
    for box in boxes:
        _frame(parent, box)
    return max(box.top + box.height for box in boxes)


def described(picture: TrustPicture) -> str:
    """The drawing in a sentence, for whom it is read to."""
    return f"{picture_title(picture)}."


def style_rules(prefix: str = "") -> str:
    """The style sheet of a drawing, for light and dark paper and for print."""
    fixed = "".join(f"{prefix}{selector} {{ {text} }}\n" for selector, text in STYLE.items())
    light, dark = (_colours(prefix, at) for at in (0, 1))
    return f"{fixed}{light}@media screen and (prefers-color-scheme: dark) {{\n{dark}}}\n"


def _colours(prefix: str, at: int) -> str:
    rows = [f"{prefix}.{role} {{ fill: {rules(role)[at]} }}" for role in ("ink", "quiet", "good", "warn", "bad")]
    edges = ("good", "warn", "bad", "quiet")
    rows += [f"{prefix}.edge.{role} {{ fill: none; stroke: {rules(role)[at]} }}" for role in edges]
    rows += [f"{prefix}.tip {{ fill: {rules('line')[at]} }}"]
    rows += [f"{prefix}.frame {{ fill: {rules('box')[at]}; stroke: {rules('line')[at]} }}"]
    rows += [f"{prefix}.paper {{ fill: {rules('paper')[at]} }}"]
    return "".join(f"{row}\n" for row in rows)


def _column(contents: Sequence[Sequence[tuple[str, str]]]) -> Iterator[_Box]:
    top = 0.0
    for lines in contents:
        box = _Box(0.0, top, _width(0), tuple(_wrapped(lines, COLUMNS[0])))
        yield box
        top += box.height + PADDING


def _placed(column: int, lines: Sequence[tuple[str, str]], middle: float) -> _Box:
    """A box of a column around a height, but not above the top."""
    left = sum(_width(at) + BETWEEN for at in range(column))
    box = _Box(left, 0.0, _width(column), tuple(_wrapped(lines, COLUMNS[column])))
    return _Box(left, max(0.0, middle - box.height / 2), box.width, box.lines)


def _width(column: int) -> float:
    return COLUMNS[column] * CHARACTER + 2 * PADDING


def _centre(boxes: Sequence[_Box], bottom: float) -> float:
    return (boxes[0].top + boxes[-1].top + boxes[-1].height) / 2 if boxes else bottom / 2


def _caller(caller: TrustCaller) -> list[tuple[str, str]]:
    sign, style = SIGNS[caller.access]
    return [(caller.name, "ink strong"), (caller.signs_in, "ink"), (f"{sign} {caller.remark}", style)]


def _more(rest: Sequence[TrustCaller]) -> list[list[tuple[str, str]]]:
    return [[(counted(rest), "quiet")]] if rest else []


def _station(station: Station) -> list[tuple[str, str]]:
    problem = [(f"✗ {station.problem}", "bad")] if station.problem else []
    return [(station.kind, "quiet"), (station.name, "ink strong"), *((one, "ink") for one in station.details), *problem]


def _access(station: Station) -> Access:
    return Access.CANNOT_CALL if station.problem else Access.CAN_CALL


def _wrapped(lines: Sequence[tuple[str, str]], room: int) -> Iterator[tuple[str, str]]:
    for text, style in lines:
        for part in folded(Text(text), room):
            yield part.plain, style


def _arrow(parent: Element, number: int) -> None:
    size = {"viewBox": "0 0 8 8", "refX": "8", "refY": "4", "markerWidth": "7", "markerHeight": "7", "orient": "auto"}
    marker = add(add(parent, "defs"), "marker", id=f"tip{number}", **size)
    add(marker, "path", class_="tip", d="M 0 0 L 8 4 L 0 8 z")


def _edge(parent: Element, start: _Box, end: _Box, number: int, access: Access) -> None:
    x, y, to_x, to_y = start.right, start.middle, end.left, end.middle
    bend = (x + to_x) / 2 if to_x - x < 2 * BETWEEN else to_x - BETWEEN
    broken = " broken" if access is Access.CANNOT_CALL else ""
    path = f"M {x:g} {y:g} C {bend:g} {y:g} {bend:g} {to_y:g} {to_x:g} {to_y:g}"
    add(parent, "path", class_=f"edge {SIGNS[access][1]}{broken}", d=path, marker_end=f"url(#tip{number})")


def _frame(parent: Element, box: _Box) -> None:
    add(parent, "rect", class_="frame", x=box.left, y=box.top, width=box.width, height=box.height, rx=6.0)
    for at, (text, style) in enumerate(box.lines):
        y = box.top + PADDING / 2 + LINE * (at + 0.75)
        add(parent, "text", text, class_=style, x=box.left + PADDING, y=y)
