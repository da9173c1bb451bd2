"""What a change has to do with while it is applied."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from mct_s2s.activity import Progress
from mct_s2s.engine.outcome import Outcome
from mct_s2s.engine.session import Azure, Session
from mct_s2s.model.directory_objects import Tenant
from mct_s2s.planning.changes import AnyChange
from mct_s2s.planning.lag import expects_lag
from mct_s2s.planning.permissions.preflight import left_if_refused
from mct_s2s.planning.permissions.rights import relies_on_ownership
from mct_s2s.planning.plan import ManualStep
from mct_s2s.stores.store import Store


class Postponed(Exception):
    """A change that is not to be made yet; its text says why, and when it will be. Nothing has failed."""


class LeftOut(Exception):
    """A change that the caller turned out not to be allowed, and that someone else can make later."""

    def __init__(self, note: ManualStep) -> None:
        super().__init__(note.what)
        self.note = note


@dataclass(frozen=True)
class ApplyContext:
    """One run, as its changes see it."""

    session: Session
    outcome: Outcome
    progress: Progress

    @property
    def azure(self) -> Azure:
        """The signed-in session with the cloud."""
        return self.session.azure

    @property
    def now(self) -> datetime:
        """When this run began to plan."""
        return self.outcome.request.now

    @property
    def tenant(self) -> Tenant | None:
        """`None` where the directory was not read."""
        return self.outcome.before.tenant

    @property
    def site_url(self) -> str | None:
        """The App Service's https address."""
        site = self.outcome.before.app_service
        return site.site.url if site is not None else None

    @property
    def stores(self) -> Mapping[str, Store]:
        """Where each client's credential goes."""
        return self.outcome.stores

    @property
    def as_owner(self) -> bool:
        """Whether the caller may change only what it owns, for all that is known."""
        return relies_on_ownership(self.outcome.access)

    @property
    def keep_settings(self) -> Callable[[Mapping[str, str | None]], None] | None:
        """Keeps the settings as they were, before the first of them is written; `None` where no one asked for it."""
        backup, site = self.outcome.request.backup, self.outcome.before.app_service
        return partial(backup.keep, str(site.site.resource)) if backup is not None and site is not None else None

    def expects_lag(self, change: AnyChange) -> bool:
        """Whether *not there* may mean *not there yet* for a change."""
        return expects_lag(change, self.outcome.plan, self.outcome.before, self.now, self.outcome.request.restored)

    def left_if_refused(self, change: AnyChange) -> ManualStep | None:
        """What someone else has to do where a change is refused; nothing where the run stops then."""
        if not self.outcome.request.preflight:
            return None
        return left_if_refused(change, self.outcome.before, self.outcome.access)
