"""Where a plan is applied: the world outside, and who watches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from mct_s2s.model.observed import Tenant
from mct_s2s.planning.changes import (
    AnyChange,
)
from mct_s2s.ports import Azure, Progress, SecretPlace, StoredSecrets, Tokens


class Postponed(Exception):
    """A change that is not to be made yet; its text says why, and when it will be. Nothing has failed."""


@dataclass(frozen=True)
class Stage:
    """Where a plan is applied, and who watches."""

    azure: Azure
    tenant: Tenant | None
    places: Mapping[str, SecretPlace]
    expects_lag: Callable[[AnyChange], bool]
    """Whether *not there* may mean *not there yet* for a change."""
    now: datetime
    site_url: str | None
    progress: Progress
    tokens: Tokens | None = None
    """For proving secrets before they take others' places."""
    stored: StoredSecrets | None = None
    """For deleting what key vaults hold for clients that go."""
    keep_settings: Callable[[Mapping[str, str | None]], None] | None = None
    """Keeps the settings as they were, before the first of them is written."""
