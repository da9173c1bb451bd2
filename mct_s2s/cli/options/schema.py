"""The options of `mct-s2s schema`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from mct_s2s.cli.binding import argument, option
from mct_s2s.cli.options import Output

EXAMPLES = (
    "mct-s2s schema",
    "mct-s2s schema status",
)


@dataclass(kw_only=True)
class SchemaOptions:
    """Options of `schema`."""

    name: Annotated[str | None, argument("NAME", "A document, such as status or result. Default: list them.")] = None
    output: Annotated[
        Output, option("-o", "--output", metavar="FORMAT", variable="OUTPUT", text="Format of the list.")
    ] = Output.TEXT
