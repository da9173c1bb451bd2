"""What an operation of a service is: a row of the service's table."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Generic, TypeVar

Call = TypeVar("Call")
Outcome = TypeVar("Outcome")


@dataclass(frozen=True)
class Operation(Generic[Call, Outcome]):
    """An operation of a service. What a parameter of its path looks like is said by the service's own subclass.

    Attributes:
        method: HTTP method.
        template: the path; `{name}` is one segment, unless `SHAPES` has another pattern for that name.
        run: unpacks the request, calls the rules, packs the answer.
        source: the public page that it follows.
        fidelity: how much of the real operation there is: `full`, `usual` or `stub`.
        action: the required permission, if any.
    """

    SEGMENT: ClassVar[str] = "[^/]+"
    SHAPES: ClassVar[Mapping[str, str]] = {}

    method: str
    template: str
    run: Callable[[Call], Outcome]
    source: str
    fidelity: str = "usual"
    action: str = ""

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        parts = re.split(r"\{(\w+)\}", self.template)
        parts[::2] = map(re.escape, parts[::2])
        parts[1::2] = [self.SHAPES.get(name, f"(?P<{name}>{self.SEGMENT})") for name in parts[1::2]]
        return re.compile("".join(parts) + "/?", re.IGNORECASE)
