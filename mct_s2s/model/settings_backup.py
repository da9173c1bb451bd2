"""The application settings of one App Service, as they were at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Backup:
    """All settings of one site. They hold secrets, so none of them ever shows in a `repr`."""

    app_service: str
    """The resource id of the site or slot."""
    settings: Mapping[str, str | None] = field(repr=False)
