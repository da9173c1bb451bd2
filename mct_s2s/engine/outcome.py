"""How far a command has come.

It outlives failure and interruption, so that both can be reported truthfully.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from mct_s2s import clock
from mct_s2s.engine.request import Request
from mct_s2s.errors import NotThere, S2SError
from mct_s2s.model.caller_rights import CallerRights
from mct_s2s.model.directory_objects import Application
from mct_s2s.model.ids import ClientId, KeyId
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.site_settings import AppSettings
from mct_s2s.planning.changes import (
    Action,
    AnyChange,
    DeleteApplication,
    NoChange,
    Output,
    OutputRef,
    Outputs,
    PurgeApplication,
    RemoveCredential,
    UpdateApplication,
    WriteSettings,
    identify,
)
from mct_s2s.planning.not_ours import NotOurs
from mct_s2s.planning.ownership import clients_called
from mct_s2s.planning.permissions.rights import Missing
from mct_s2s.planning.plan import ManualStep, Plan
from mct_s2s.planning.reports.verification import Verification
from mct_s2s.planning.service_application import SERVICE_KEY
from mct_s2s.stores.host_lock import note_unfinished, unfinished
from mct_s2s.stores.store import Store

if TYPE_CHECKING:
    from mct_s2s.engine.apply.attempts import Attempt

LEFT = "you don't have permission"


@dataclass
class Outcome:
    """How far a command has come; valid at any moment, also after a failure or an interruption."""

    request: Request
    plan: Plan
    before: ObservedState
    access: CallerRights = field(default_factory=CallerRights)
    stores: Mapping[str, Store] = field(default_factory=dict)
    """By the client's name in the request."""
    applied: bool = False
    began: float = 0.0
    """By `clock.seconds`."""
    verification: Verification | None = None
    intended: Plan | None = None
    """The plan whatever its caller may do and the tenant allows: what a reviewer has agreed to."""
    outputs: Outputs = field(default_factory=Outputs)
    created: dict[str, Application] = field(default_factory=dict)
    done: dict[str, AnyChange] = field(default_factory=dict)
    """By key, each with what came of it as its detail."""
    took: dict[str, float] = field(default_factory=dict)
    """Seconds, of what is done."""
    failed: list[tuple[AnyChange, S2SError]] = field(default_factory=list)
    settings: AppSettings | None = None
    """As they were read back, where they were written."""
    place_refusals: dict[str, S2SError] = field(default_factory=dict)
    """By the change that would have made a credential: why its place does not take it, in a
    rotation of several.
    """
    met: dict[str, NotOurs] = field(default_factory=dict)
    """By the change that would have created it: a registration that someone else has created
    meanwhile.
    """
    started: dict[str, float] = field(default_factory=dict)
    attempts: dict[str, "Attempt"] = field(default_factory=dict)
    """At secrets, by the key of the change, in the order in which they began."""
    once_shown: list[tuple[RemoveCredential, KeyId | None]] = field(default_factory=list)
    """What is removed once the document has shown what replaces it, with the id of that."""
    remembered: set[str] = field(default_factory=set)
    """Object ids that this run has noted on this machine."""
    withdrawn: set[str] = field(default_factory=set)
    """Object ids of what this run created and purged, as its name was taken: the recycle bin may
    still show them.
    """

    def remember(self, *object_ids: str) -> None:
        """Note on this machine that a run has begun to create or change registrations."""
        noted = unfinished(self.before.subject)
        self.remembered.update(object_ids)
        if not self.remembered <= noted:
            note_unfinished(self.before.subject, noted | self.remembered)

    def forget(self) -> None:
        """The run has ended: from now on, what it did speaks for itself.

        What it deleted stays noted: replicas show it for a while, and it can be restored.
        """
        noted = unfinished(self.before.subject)
        deleted = {
            change.object_id
            for change in self.done.values()
            if isinstance(change, DeleteApplication)
        }
        purged = {
            change.object_id
            for change in self.done.values()
            if isinstance(change, PurgeApplication)
        }
        if noted & self.remembered:
            note_unfinished(
                self.before.subject,
                noted - self.remembered | ((deleted & self.remembered) - purged),
            )

    def continue_from(self, earlier: "Outcome") -> None:
        """Take over what an earlier part of the same run has done."""
        self.applied, self.began = earlier.applied, earlier.began
        self.outputs.update(earlier.outputs)
        self.created.update(earlier.created)
        self.done.update(earlier.done)
        self.took.update(earlier.took)
        self.started.update(earlier.started)
        self.attempts.update(earlier.attempts)
        self.once_shown += earlier.once_shown
        self.remembered |= earlier.remembered
        self.withdrawn |= earlier.withdrawn

    @property
    def unshown(self) -> list["Attempt"]:
        """Those whose secret is shown once everything else is done: until then, no one has it."""
        return [one for one in self.attempts.values() if one.store.arrives_last and not one.is_over]

    def start(self, change: AnyChange) -> None:
        self.started[change.key] = clock.seconds()

    def withdraw(self, change: AnyChange) -> None:
        """It was only looked at: the run stopped before it wrote anything."""
        self.started.pop(change.key, None)

    def finish(self, change: AnyChange, detail: str) -> None:
        self.done[change.key] = replace(change, detail=detail or change.detail)
        self.took[change.key] = clock.seconds() - self.started[change.key]

    def skip(self, change: AnyChange, why: str) -> None:
        known = identify(change, self.outputs).id
        self.finish(
            NoChange(key=change.key, resource=change.resource, name=change.name, id=known), why
        )

    def leave(self, change: ManualStep, missing: Missing) -> None:
        plan = self.plan
        steps, lacks = (*plan.manual_steps, change), {**plan.missing, change.key: missing}
        self.plan = replace(plan, manual_steps=steps, missing=lacks)

    def fail(self, change: AnyChange, error: S2SError) -> None:
        # What is not there by now was there when it was planned: no name is wrong.
        if isinstance(error, NotThere):
            error.came_after_a_write()
        self.failed.append((change, error))

    @property
    def has_written(self) -> bool:
        """Whether it changed anything in Azure, as far as it knows."""
        is_left = any(
            one.key_id is not None and not one.is_taken_back for one in self.attempts.values()
        )
        return (
            is_left
            or bool(self.in_doubt)
            or any(change.action is not Action.NONE for change in self.done.values())
        )

    @property
    def in_doubt(self) -> tuple[AnyChange, ...]:
        settled = {*self.done, *(change.key for change, _ in self.failed)}
        return tuple(c for c in self.plan.changes if c.key in self.started and c.key not in settled)

    @property
    def refused(self) -> tuple[AnyChange, ...]:
        """Without what was done all the same: a secret that arrived, and whose note could not be
        removed.
        """
        return tuple(change for change, _ in self.failed if change.key not in self.done)

    @property
    def left(self) -> tuple[AnyChange, ...]:
        return tuple(change for change in self.plan.changes if change.key not in self.started)

    @property
    def after(self) -> ObservedState:
        """What was observed, with what this run did to the settings and the service application."""
        service = self.created.get(SERVICE_KEY, self.before.trust.service)
        for change in self.done.values():
            match change:
                case UpdateApplication(edits=edits) if (
                    service is not None and edits.uri is not None
                ):
                    uri = self.outputs.resolve(edits.uri)
                    service = replace(service, identifier_uris=(*service.identifier_uris, uri))
                case DeleteApplication(client_id=gone) if (
                    service is not None and gone == service.client_id
                ):
                    service = None
        observed = replace(self.before, trust=replace(self.before.trust, service=service))
        if self.settings is None:
            return observed
        spec, writes = (
            self.request.desired.service,
            [one for one in self.plan.steps if isinstance(one, WriteSettings)],
        )
        written = (value for write in writes for value in write.spec.written(self.outputs))
        return observed.with_settings(
            self.settings, filter(None, (spec.role if spec is not None else None, *written))
        )

    def client_id(self, name: str) -> ClientId | None:
        made = self.outputs.known(OutputRef[ClientId](f"client:{name}", Output.CLIENT_ID))
        there = clients_called(name, self.before)
        return made or next((client.client_id for client in there), None)
