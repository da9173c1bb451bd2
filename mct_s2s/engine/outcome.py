"""How far a command has come.

It outlives failure and interruption, so that both can be reported truthfully.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from mct_s2s import clock
from mct_s2s.engine.request import Request
from mct_s2s.errors import NotThere, S2SError, ServiceError
from mct_s2s.model.caller_rights import CallerRights
from mct_s2s.model.directory_objects import Application, Custody
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
    RestoreApplication,
    UpdateApplication,
    WriteSettings,
    identify,
)
from mct_s2s.planning.clients import clients_called
from mct_s2s.planning.not_ours import NotOurs
from mct_s2s.planning.permissions.rights import Missing, relies_on_ownership
from mct_s2s.planning.plan import ManualStep, Plan
from mct_s2s.planning.reports.verification import Verification
from mct_s2s.planning.service_application import SERVICE_KEY
from mct_s2s.stores.remembered_registrations import (
    Remembered,
    remember_registrations,
    remembered_registrations,
)
from mct_s2s.stores.store import Store

if TYPE_CHECKING:
    from mct_s2s.engine.apply.attempts import Attempt

NO_PERMISSION = "you don't have permission"
"""Why a step is left to others, as users read it."""


@dataclass
class Outcome:
    """How far a command has come; valid at any moment, also after a failure or an interruption.

    The dictionaries are by the key of the change, unless they say otherwise.
    """

    request: Request
    plan: Plan
    before: ObservedState
    access: CallerRights = field(default_factory=CallerRights)
    stores: Mapping[str, Store] = field(default_factory=dict)
    """By the client's name in the request."""
    has_begun: bool = False
    """Whether any change may have been sent: the checks before the first one have passed."""
    began: float = 0.0
    """When its first change may have been sent, by `clock.seconds`."""
    verification: Verification | None = None
    intended: Plan | None = None
    """The plan before rights and policies limit it: the same for every caller and reviewer."""
    outputs: Outputs = field(default_factory=Outputs)
    created: dict[str, Application] = field(default_factory=dict)
    """Registrations that this run has created or restored."""
    done: dict[str, AnyChange] = field(default_factory=dict)
    """Each change with its result as its detail."""
    seconds: dict[str, float] = field(default_factory=dict)
    """How long each change that is done has taken."""
    failed: list[tuple[AnyChange, S2SError]] = field(default_factory=list)
    settings: AppSettings | None = None
    """The settings as they were read back; `None` where they were not written."""
    place_refusals: dict[str, S2SError] = field(default_factory=dict)
    """Why the place of a credential does not take it: in a dry run, and in a rotation of several
    clients, of which the others are rotated.
    """
    awaits_other_run: dict[str, NotOurs] = field(default_factory=dict)
    """Refusals of registrations that are not believed until the run that created them has ended."""
    started_at: dict[str, float] = field(default_factory=dict)
    """By `clock.seconds`."""
    attempts: dict[str, "Attempt"] = field(default_factory=dict)
    """Attempts at secrets, in the order in which they began."""
    postponed_removals: list[tuple[RemoveCredential, KeyId | None]] = field(default_factory=list)
    """Removals that wait until the document has shown the replacement, each with its id."""
    remembered: set[str] = field(default_factory=set)
    """Object ids that this run has noted on this machine."""
    purged_again: set[str] = field(default_factory=set)
    """Object ids of registrations that this run created and purged, as their name was taken.

    The recycle bin may still show them.
    """
    used_existing: set[str] = field(default_factory=set)
    """Object ids of registrations that were to be created, were there, and are believed."""

    @property
    def relies_on_ownership(self) -> bool:
        """Whether the caller may change only what it owns, for all that is known."""
        return relies_on_ownership(self.access)

    def remember(self, *object_ids: str) -> None:
        """Note on this machine that a run has begun to create or change registrations."""
        noted = self._remembered_here(Remembered.UNFINISHED)
        self.remembered.update(object_ids)
        if not self.remembered <= noted.keys():
            begun = dict.fromkeys(self.remembered, frozenset[str]())
            self._remember_here(Remembered.UNFINISHED, noted | begun)

    def forget(self) -> None:
        """Remove the notes of `remember`, as the run has ended: Azure's state tells what it did."""
        noted = self._remembered_here(Remembered.UNFINISHED)
        if noted.keys() & self.remembered:
            self._remember_here(Remembered.UNFINISHED, _without(noted, self.remembered))

    def _remember_deletion(self, change: DeleteApplication) -> None:
        """Note what this run has deleted, which can be restored for 30 days."""
        if change.object_id in self.remembered:
            custody = self.before.custody.get(change.client_id, Custody())
            owners = {change.object_id: frozenset[str](owner for owner, _ in custody.owners)}
            self._remember_here(
                Remembered.DELETED, self._remembered_here(Remembered.DELETED) | owners
            )
            # Its owner can restore it at once: from now on, it is no longer what a run has begun.
            unfinished = self._remembered_here(Remembered.UNFINISHED)
            self._remember_here(Remembered.UNFINISHED, _without(unfinished, {change.object_id}))

    def _forget_deletion(self, object_id: str) -> None:
        deleted = self._remembered_here(Remembered.DELETED)
        if object_id in deleted:
            self._remember_here(Remembered.DELETED, _without(deleted, {object_id}))

    def remember_sole(self, object_id: str, staying: str) -> None:
        """Note that what a credential has replaced is about to be removed."""
        noted = self._remembered_here(Remembered.SOLE)
        key = object_id.casefold()
        self._remember_here(Remembered.SOLE, noted | {key: frozenset({staying.casefold()})})

    def _remembered_here(self, why: Remembered) -> dict[str, frozenset[str]]:
        return remembered_registrations(self.before.subject, why)

    def _remember_here(self, why: Remembered, owners: Mapping[str, frozenset[str]]) -> None:
        remember_registrations(self.before.subject, why, owners)

    def continue_from(self, earlier: "Outcome") -> None:
        """Take over what an earlier part of the same run has done."""
        self.has_begun = earlier.has_begun
        self.began = earlier.began
        self.outputs.update(earlier.outputs)
        self.created.update(earlier.created)
        self.done.update(earlier.done)
        self.seconds.update(earlier.seconds)
        self.started_at.update(earlier.started_at)
        self.attempts.update(earlier.attempts)
        self.postponed_removals += earlier.postponed_removals
        self.remembered |= earlier.remembered
        self.purged_again |= earlier.purged_again
        self.used_existing |= earlier.used_existing

    def is_postponed(self, change: AnyChange) -> bool:
        """Whether it is a removal that still waits until the document has shown the replacement."""
        is_waiting = any(removal.key == change.key for removal, _ in self.postponed_removals)
        return is_waiting and change.key not in self.done

    @property
    def unshown(self) -> list["Attempt"]:
        """Attempts whose secret the document shows at the end: until then, no one has it."""
        return [
            attempt
            for attempt in self.attempts.values()
            if attempt.store.arrives_last and not attempt.is_over
        ]

    def start(self, change: AnyChange) -> None:
        self.started_at[change.key] = clock.seconds()

    def mark_not_begun(self, change: AnyChange) -> None:
        """Take back `start`: the run stopped before the change wrote anything, or took it back."""
        self.started_at.pop(change.key, None)

    def finish(self, change: AnyChange, detail: str) -> None:
        self.done[change.key] = replace(change, detail=detail or change.detail)
        self.seconds[change.key] = clock.seconds() - self.started_at[change.key]
        match change:
            case DeleteApplication():
                self._remember_deletion(change)
            case PurgeApplication():
                self._forget_deletion(change.object_id)
            case RestoreApplication():
                self._forget_deletion(change.application.object_id)

    def skip(self, change: AnyChange, why: str) -> None:
        object_id = identify(change, self.outputs).id
        unchanged = NoChange(
            key=change.key, resource=change.resource, name=change.name, id=object_id
        )
        self.finish(unchanged, why)

    def leave_to_others(self, change: ManualStep, missing: Missing) -> None:
        """Make a change a manual step, as the caller lacks a right for it."""
        self.plan = replace(
            self.plan,
            manual_steps=(*self.plan.manual_steps, change),
            missing={**self.plan.missing, change.key: missing},
        )

    def fail(self, change: AnyChange, error: S2SError) -> None:
        # An object that the plan knew has gone meanwhile: the command line is not wrong.
        if isinstance(error, NotThere):
            error.mark_as_after_write()
        self.failed.append((change, error))

    @property
    def has_written(self) -> bool:
        """Whether it changed anything in Azure, as far as it knows; also what it took back."""
        has_made_secret = any(attempt.key_id is not None for attempt in self.attempts.values())
        if has_made_secret or self.in_doubt:
            return True
        return any(change.action is not Action.NONE for change in self.done.values())

    @property
    def in_doubt(self) -> tuple[AnyChange, ...]:
        """Changes that were started, and neither done nor refused: they may have taken effect."""
        settled = {*self.done, *(change.key for change in self._refused)}
        return tuple(
            change
            for change in self.plan.changes
            if change.key in self.started_at and change.key not in settled
        )

    @property
    def not_done(self) -> tuple[AnyChange, ...]:
        """Changes that were refused.

        One is left out that was done all the same: its secret arrived, its note was not removed.
        """
        return tuple(change for change in self._refused if change.key not in self.done)

    @property
    def _refused(self) -> tuple[AnyChange, ...]:
        """Changes that failed and are known to have had no effect, or to have none any more.

        Where no answer said what became of the request, the change may have been made.
        """
        return tuple(
            change
            for change, error in self.failed
            if not (isinstance(error, ServiceError) and error.answer_lost)
            or (change.key in self.attempts and self.attempts[change.key].is_taken_back)
        )

    @property
    def not_begun(self) -> tuple[AnyChange, ...]:
        begun = self.started_at.keys() | self.done.keys()
        return tuple(change for change in self.plan.changes if change.key not in begun)

    @property
    def after(self) -> ObservedState:
        """What was observed, with what this run did to the settings and the service application."""
        service = self._service_after()
        observed = replace(self.before, trust=replace(self.before.trust, service=service))
        if self.settings is None:
            return observed
        written = [
            value
            for step in self.plan.steps
            if isinstance(step, WriteSettings)
            for value in step.spec.written(self.outputs)
        ]
        spec = self.request.desired.service
        role = spec.role if spec is not None else None
        return observed.with_settings(self.settings, filter(None, (role, *written)))

    def _service_after(self) -> Application | None:
        service = self.created.get(SERVICE_KEY, self.before.trust.service)
        for change in self.done.values():
            if service is None:
                break
            match change:
                case UpdateApplication(edits=edits) if edits.uri is not None:
                    uri = self.outputs.resolve(edits.uri)
                    uris = (*service.identifier_uris, uri)
                    service = replace(service, identifier_uris=uris)
                case DeleteApplication(client_id=client_id) if client_id == service.client_id:
                    service = None
        return service

    def client_id(self, name: str) -> ClientId | None:
        """The appId of a client of the request: the one that this run created, or else found."""
        created = self.outputs.known(OutputRef[ClientId](f"client:{name}", Output.CLIENT_ID))
        if created is not None:
            return created
        return next((client.client_id for client in clients_called(name, self.before)), None)


def _without(
    owners: Mapping[str, frozenset[str]], object_ids: Collection[str]
) -> dict[str, frozenset[str]]:
    return {key: ids for key, ids in owners.items() if key not in object_ids}
