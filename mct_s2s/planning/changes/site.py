"""Application settings, and the restart after them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, TypeAlias

from mct_s2s.model.azure_resources import Site
from mct_s2s.model.ids import (
    ClientId,
)
from mct_s2s.planning.changes.base import Action, ApiUri, Change, Later, Ref

ListedId: TypeAlias = tuple[str, Later[str]]
"""The name of a list, and an id that has to be on it."""


SettingValue: TypeAlias = str | ApiUri | Ref[ClientId]
"""The text of a setting, known now or later."""


@dataclass(frozen=True)
class SettingSpec:
    """A value for one setting; a value that is in `equally_right` (lower case) is left as it is."""

    name: str
    value: SettingValue
    equally_right: frozenset[str] = frozenset()


@dataclass(frozen=True)
class SettingsSpec:
    """What the site's settings must come to say: a few values, and ids added to the allow lists."""

    values: tuple[SettingSpec, ...] = ()
    listed: tuple[ListedId, ...] = ()
    tidy: bool = True
    """Whether blanks, doubles and empty entries of the lists are cleared away."""
    without: frozenset[str] = frozenset()
    """Entries, in lower case, that leave the allow lists; a list that is empty then goes as a whole."""
    without_names: tuple[str, ...] = ()
    """Our settings, which are removed as a whole."""
    exact: Mapping[str, str | None] = field(default_factory=dict, repr=False)
    """Settings that are put back as they were: they hold secrets."""


@dataclass(frozen=True)
class SettingEdit:
    """One of our settings before and after: all of them may be shown, for none is secret."""

    name: str
    before: str | None
    """`None`: it is not there, or null."""
    after: str | None
    """`None`: it goes, or is not known yet."""
    pending: int = 0
    """How many of its values are not known yet: an id is not before what bears it is made."""


def others_unchanged(count: int) -> str:
    """`42 others unchanged`."""
    return f"{count} other{'' if count == 1 else 's'} unchanged"


@dataclass(frozen=True, kw_only=True)
class WriteSettings(Change):
    """All application settings, ours merged in, by one PUT after everything else. Source: document, step 3."""

    site: Site
    spec: SettingsSpec
    changed: tuple[str, ...]
    """The names that will change, as far as is known now."""
    edits: tuple[SettingEdit, ...] = ()
    """What becomes of those that are ours."""
    unchanged: int = 0
    """How many settings stay as they are."""
    first: bool = False
    """Whether everything else waits for it: access is revoked before anything is deleted."""

    resource: ClassVar[str] = "application settings"
    action: ClassVar[Action] = Action.UPDATE


@dataclass(frozen=True, kw_only=True)
class RestartSite(Change):
    """One restart, only after settings were written. Source: document, step 3.6."""

    site: Site

    resource: ClassVar[str] = "App Service"
    action: ClassVar[Action] = Action.UPDATE
