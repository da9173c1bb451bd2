"""The App Service as the user named it."""

from __future__ import annotations

from dataclasses import dataclass


def site_title(key: str, label: str) -> str:
    """What a site of a file is called: `learn (contosolearn)`, or the name alone where the file calls it by that."""
    return label if key == label else f"{key} ({label})"


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
