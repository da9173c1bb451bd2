"""The App Service as the user named it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SiteTarget:
    """A site by name, with as much around it as was said."""

    name: str
    group: str | None = None
    subscription: str | None = None
    """An id or a name."""
    slot: str | None = None

    @property
    def label(self) -> str:
        """What a person calls it: `contosolearn`, or `contosolearn/staging`."""
        return f"{self.name}/{self.slot}" if self.slot else self.name
