"""A plan: changes in a readable order, each with what it waits for.

Also what an application becomes by its edits.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from functools import cached_property
from itertools import pairwise

from mct_s2s.errors import Instruction, Refused, as_instructions
from mct_s2s.model.directory_objects import Application, AppRole, RequiredAccess, ServicePrincipal
from mct_s2s.model.ids import ApplicationObjectId, AppRoleId, ClientId, PrincipalId, is_guid
from mct_s2s.model.secret_place import SecretPlace
from mct_s2s.planning.changes import (
    Action,
    AnyChange,
    ApplicationEdits,
    AssignAppRole,
    Change,
    CreateApplication,
    CreateServicePrincipal,
    Deferred,
    Output,
    OutputRef,
    Outputs,
    RestartSite,
    RestoreApplication,
    SettingsChange,
    UpdateApplication,
    WriteSettings,
    changed_client_id,
)
from mct_s2s.planning.permissions.rights import Missing

ManualStep = AssignAppRole | SettingsChange | RestartSite


@dataclass(frozen=True)
class Plan:
    """What a command does at one App Service, in a readable order, and what to say of it."""

    steps: tuple[AnyChange, ...] = ()
    manual_steps: tuple[ManualStep, ...] = ()
    """What someone else has to do: an option left it to them, or the caller has no right to it."""
    notes: tuple[str | Instruction, ...] = ()
    """Sentences for the reader of the plan. The `notes` of an application are Entra ID's."""
    adopted: tuple[str, ...] = ()
    """Sentences on registrations of others that a trust file names, also where nothing changes.

    Nothing in Azure says whether they are in the file for the first time: each review shows them.
    """
    left_alone: tuple[Instruction, ...] = ()
    """Clients that need something and do not get it, each with the reason.

    The others get theirs all the same.
    """
    losing: tuple[Instruction, ...] = ()
    """Sentences on who loses access: shown with the plan, and again when it is done."""
    repeated_notes: tuple[str | Instruction, ...] = ()
    """Sentences that the result says again: on a site that is switched on, off, or stays off, and
    on what a trust file still has of what is removed.
    """
    missing: Mapping[str, Missing] = field(default_factory=dict)
    """What the caller lacks, by the key of the step."""
    for_others: frozenset[str] = frozenset()
    """The keys of steps that a dry run shows, and that the caller's own run leaves out."""
    names: Mapping[str, str] = field(default_factory=dict, compare=False)
    """Display names of clients by their ids in lower case: for readers, who know no ids."""
    places: tuple[tuple[str, SecretPlace], ...] = ()
    """Client and store, whether or not a credential is made now."""
    removals: frozenset[str] = frozenset()
    """The keys of steps that remove something beside others that add something.

    They wait until the settings are written.
    """

    def client_name(self, typed: str) -> str:
        """The display name of a client that was typed by its appId, where only one has it."""
        if not is_guid(typed):
            return typed
        name = self.names.get(typed.casefold(), typed)
        others = sum(is_guid(key) and each == name for key, each in self.names.items())
        # It has two ids: that of its service principal, too.
        return name if others <= 2 else typed

    def shown_name(self, change: AnyChange | ManualStep) -> str:
        """The name of what it changes, for people. Names of others may look like ids."""
        is_id = changed_client_id(change) == change.name
        return self.client_name(change.name) if is_id else change.name

    @cached_property
    def changes(self) -> tuple[AnyChange, ...]:
        return tuple(step for step in self.steps if step.action is not Action.NONE)

    @property
    def blocked(self) -> frozenset[str]:
        """The keys of steps that the caller has no right to and that are not left to others.

        While there are any, nothing of the plan is begun.
        """
        return frozenset(self.missing) - {step.key for step in self.manual_steps}

    @property
    def missing_rights(self) -> Missing:
        """What the caller lacks, also for the steps that are left to others."""
        return tuple(right for rights in self.missing.values() for right in rights)

    @property
    def statements(self) -> tuple[Instruction, ...]:
        """What a reader of the plan has to know beside its steps."""
        return as_instructions(
            (*self.repeated_notes, *self.notes, *self.left_alone, *self.warnings)
        )

    @property
    def warnings(self) -> tuple[Instruction, ...]:
        """Who loses access, labelled: it has to be seen without colours, too."""
        return tuple(
            Instruction(f"Warning: {loss.what}", once_done=f"Warning: {loss.as_done.what}")
            for loss in self.losing
        )

    def destinations(self, without: Collection[str] = ()) -> tuple[Instruction, ...]:
        """Where every client's credential goes, whether or not one is made now: for reviewers."""
        by_place: dict[SecretPlace, list[str]] = defaultdict(list)
        for client, place in self.places:
            if client not in without:
                by_place[place].append(f"'{self.client_name(client)}'")
        return as_instructions(
            f"Credentials of {', '.join(names)} go to: {place.in_words}"
            for place, names in by_place.items()
        )

    @property
    def remarks(self) -> tuple[Instruction, ...]:
        return (*self.statements, *as_instructions(self.adopted), *self.destinations())

    @property
    def is_empty(self) -> bool:
        """Whether the caller has nothing to do; others may have."""
        return all(change.key in self.for_others for change in self.changes)

    def waits_for(self, change: AnyChange) -> frozenset[str]:
        """The keys of the changes that must be done before `change` may write."""
        return self._order[change.key]

    @cached_property
    def _order(self) -> Mapping[str, frozenset[str]]:
        return {change.key: self._keys_before(change) - {change.key} for change in self.changes}

    def _keys_before(self, change: AnyChange) -> frozenset[str]:
        match change:
            case WriteSettings():
                return self._keys_before_settings
            case RestartSite():
                return self._keys_before_restart
        before = frozenset(ref.key for ref in references(change))
        before |= frozenset(change.after) & self._all_keys
        # Access is revoked before anything is deleted.
        if self._revokes_access_first or change.key in self.removals:
            before |= self._site_keys
        # What is restored may turn out to be someone else's: then nothing else is done.
        return before if change.key in self._restored_keys else before | self._restored_keys

    @cached_property
    def _keys_before_settings(self) -> frozenset[str]:
        if self._revokes_access_first:
            return frozenset()
        # No setting depends on API permissions and admin consent, which may take long.
        requests = {change.key for change in self.changes if _requests_access(change)}
        independent = self._keys(AssignAppRole) | self._site_keys | requests
        return self._all_keys - independent - self.removals

    @cached_property
    def _keys_before_restart(self) -> frozenset[str]:
        if self._revokes_access_first:
            return self._site_keys
        # It waits for consents, too, so that clients can call once the site is back.
        return self._all_keys - self.removals

    @cached_property
    def _revokes_access_first(self) -> bool:
        return any(isinstance(change, WriteSettings) and change.first for change in self.changes)

    @cached_property
    def _all_keys(self) -> frozenset[str]:
        return self._keys(Change)

    @cached_property
    def _site_keys(self) -> frozenset[str]:
        return self._keys(WriteSettings, RestartSite)

    @cached_property
    def _restored_keys(self) -> frozenset[str]:
        return self._keys(RestoreApplication)

    def _keys(self, *kinds: type[Change]) -> frozenset[str]:
        return frozenset(change.key for change in self.changes if isinstance(change, kinds))


def _requests_access(change: AnyChange) -> bool:
    return isinstance(change, UpdateApplication) and change.edits.access_to is not None


@dataclass(frozen=True)
class Registration:
    """A registration as it will be: it exists, or is restored or created by the change `key`."""

    key: str
    resource: str
    """`service application` or `client application`, as people read it."""
    application: Application
    """Without an object ID where there is none yet."""
    service_principal: ServicePrincipal | None

    @property
    def is_new(self) -> bool:
        return not self.application.object_id

    @property
    def is_deleted(self) -> bool:
        return self.application.deleted is not None

    @property
    def client_id(self) -> Deferred[ClientId]:
        return self.application.client_id or OutputRef(self.key, Output.CLIENT_ID)

    @property
    def object_id(self) -> Deferred[ApplicationObjectId]:
        return self.application.object_id or OutputRef(self.key, Output.OBJECT_ID)

    @property
    def principal_id(self) -> Deferred[PrincipalId]:
        if self.service_principal is not None:
            return self.service_principal.id
        # A restored registration brings its service principal with it.
        key = self.key if self.is_deleted else self.principal_key
        return OutputRef(key, Output.PRINCIPAL_ID)

    @property
    def principal_key(self) -> str:
        return f"{self.key}:principal"

    def plan_creation(self, new: Application, *, is_sure: bool = False) -> list[AnyChange]:
        """Plan to create `new`, or to restore a deleted one.

        `is_sure`: that of `RestoreApplication`; never so for a client.
        """
        application = self.application
        if self.is_new:
            name = new.display_name
            return [
                CreateApplication(key=self.key, resource=self.resource, name=name, application=new)
            ]
        if not self.is_deleted:
            return []
        return [
            RestoreApplication(
                key=self.key,
                resource=self.resource,
                name=application.display_name,
                detail="restored from deleted applications",
                application=application,
                is_sure=is_sure,
            )
        ]

    def plan_update(
        self,
        key: str,
        resource: str,
        name: str,
        detail: str,
        edits: ApplicationEdits,
        after: tuple[str, ...] = (),
    ) -> UpdateApplication:
        return UpdateApplication(
            key=key,
            resource=resource,
            name=name,
            detail=detail,
            object_id=self.object_id,
            client_id=self.client_id,
            edits=edits,
            is_new=self.is_new,
            after=after,
        )

    def plan_principal(self, name: str, after: tuple[str, ...] = ()) -> list[AnyChange]:
        """Plan to create its service principal, unless there is one or it is restored."""
        if self.service_principal is not None or self.is_deleted:
            return []
        return [
            CreateServicePrincipal(
                key=self.principal_key, name=name, client_id=self.client_id, after=after
            )
        ]


def apply_edits(
    application: Application, edits: ApplicationEdits, outputs: Outputs
) -> list[Application]:
    """What an application becomes, one write after the other. Raises Refused.

    Empty where it shows the edits already. A PATCH replaces each list whole, so others' entries are
    sent back as they were read.
    """
    switched = _switch_token_version(application, edits)
    final = replace(
        switched,
        identifier_uris=_edit_uris(application, edits, outputs),
        app_roles=_edit_roles(application, edits.role),
        required_access=_edit_access(application.required_access, edits, outputs),
        tags=_edit_tags(application, edits),
        management_reference=application.management_reference or edits.management_reference,
        unique_name=application.unique_name or edits.unique_name,
        notes=application.notes or edits.notes,
    )
    # Policy may refuse the switch of the version: it is a write of its own, before the other one.
    return [after for before, after in pairwise((application, switched, final)) if after != before]


def _switch_token_version(application: Application, edits: ApplicationEdits) -> Application:
    if edits.token_version in {None, application.token_version}:
        return application
    # Some tenants refuse every write without the reference.
    reference = application.management_reference or edits.management_reference
    return replace(application, token_version=edits.token_version, management_reference=reference)


def _edit_uris(
    application: Application, edits: ApplicationEdits, outputs: Outputs
) -> tuple[str, ...]:
    if edits.uri is None or outputs.resolve(edits.uri) in application.identifier_uris:
        return application.identifier_uris
    return (*application.identifier_uris, outputs.resolve(edits.uri))


def _edit_tags(application: Application, edits: ApplicationEdits) -> tuple[str, ...]:
    tags = dict.fromkeys((*application.tags, *edits.tags))
    return tuple(tag for tag in tags if tag not in edits.no_tags)


def _edit_roles(application: Application, role_edit: AppRole | None) -> tuple[AppRole, ...]:
    """Add the role, or enable it. Raises Refused: someone added it under another id meanwhile."""
    if role_edit is None:
        return application.app_roles
    existing = application.role(role_edit.value)
    if existing is None:
        return (*application.app_roles, role_edit)
    if existing.id != role_edit.id:
        raise Refused(
            "changed-meanwhile",
            f"Someone else added the app role '{role_edit.value}' to "
            f"'{application.display_name}' at the same time.",
            remedy="Run the same command again to use that role.",
        )
    return tuple(
        replace(role, enabled=True) if role is existing else role for role in application.app_roles
    )


def _edit_access(
    existing: tuple[RequiredAccess, ...], edits: ApplicationEdits, outputs: Outputs
) -> tuple[RequiredAccess, ...]:
    """Add the permission that a client requests, or take off those of an API."""
    access = existing
    if edits.access_to is not None and edits.access_role is not None:
        access = _add_access(access, outputs.resolve(edits.access_to), edits.access_role)
    if edits.no_access_to is not None:
        access = tuple(entry for entry in access if entry.resource_client_id != edits.no_access_to)
    return access


def _add_access(
    existing: tuple[RequiredAccess, ...], resource: ClientId, role: AppRoleId
) -> tuple[RequiredAccess, ...]:
    permission = (str(role), "Role")
    for access in existing:
        if access.resource_client_id == resource:
            if permission in access.permissions:
                return existing
            extended = replace(access, permissions=(*access.permissions, permission))
            return tuple(extended if entry is access else entry for entry in existing)
    return (*existing, RequiredAccess(resource, (permission,)))


def references(value: object) -> Iterator[OutputRef[str]]:
    """Find the references to outputs anywhere in a change."""
    if isinstance(value, OutputRef):
        yield value
    elif isinstance(value, tuple):
        for entry in value:
            yield from references(entry)
    elif is_dataclass(value) and not isinstance(value, type):
        for member in fields(value):
            yield from references(getattr(value, member.name))
