"""Where a plan is applied: the world outside, and who watches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from mct_s2s.model.directory_objects import Tenant
from mct_s2s.planning.changes import (
    AnyChange,
)
from mct_s2s.planning.plan import ManualStep
from mct_s2s.ports.apply_progress import Progress
from mct_s2s.ports.client_side import Tokens
from mct_s2s.ports.secret_stores import SecretStore, StoredSecrets
from mct_s2s.ports.signed_in_cloud import Azure


class Postponed(Exception):
    """A change that is not to be made yet; its text says why, and when it will be. Nothing has failed."""


class LeftOut(Exception):
    """A change that the caller turned out not to be allowed, and that somebody else can make later."""

    def __init__(self, note: ManualStep) -> None:
        super().__init__(note.what)
        self.note = note


def _nothing(change: AnyChange) -> None:
    del change


@dataclass(frozen=True)
class ApplyContext:
    """Where a plan is applied, and who watches."""

    azure: Azure
    tenant: Tenant | None
    stores: Mapping[str, SecretStore]
    expects_lag: Callable[[AnyChange], bool]
    """Whether *not there* may mean *not there yet* for a change."""
    now: datetime
    site_url: str | None
    progress: Progress
    tokens: Tokens | None = None
    """For proving secrets before they take others' places."""
    stored: StoredSecrets | None = None
    """For deleting what key vaults hold for clients that go."""
    as_owner: bool = False
    """Whether the caller may change only what it owns."""
    left_if_refused: Callable[[AnyChange], ManualStep | None] = _nothing
    """What somebody else has to do where a change is refused; nothing where the run stops then."""
    keep_settings: Callable[[Mapping[str, str | None]], None] | None = None
    """Keeps the settings as they were, before the first of them is written."""
