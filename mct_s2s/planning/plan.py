"""A plan: changes in a readable order, each with what it waits for; and what applications become by
them.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from functools import cached_property
from itertools import pairwise

from mct_s2s.errors import Instruction, Refused, as_instructions
from mct_s2s.model.directory_objects import Application, AppRole, RequiredAccess, ServicePrincipal
from mct_s2s.model.ids import ApplicationObjectId, AppRoleId, ClientId, PrincipalId
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
)
from mct_s2s.planning.permissions.rights import Missing

ManualStep = AssignAppRole | SettingsChange | RestartSite


@dataclass(frozen=True)
class Plan:
    steps: tuple[AnyChange, ...] = ()
    manual_steps: tuple[ManualStep, ...] = ()
    """What someone else has to do: an option left it to them, or the caller has no right to it."""
    notes: tuple[str | Instruction, ...] = ()
    left_alone: tuple[Instruction, ...] = ()
    """Clients that need something and do not get it, each with the reason: the others are done all
    the same.
    """
    losing: tuple[str, ...] = ()
    """Who loses access: said in the plan, and again when it is done."""
    gaining: tuple[str, ...] = ()
    """That a site that is switched off is switched on, and for whom: the same."""
    missing: Mapping[str, Missing] = field(default_factory=dict)
    """What the caller lacks, by the key of the step."""
    names: Mapping[str, str] = field(default_factory=dict, compare=False)
    """Of clients, by their ids in lower case: for readers, who know no ids."""
    places: tuple[tuple[str, str], ...] = ()
    """Client and store, whether or not a credential is made now."""
    removals: frozenset[str] = frozenset()
    """The keys of steps that remove something beside others that add: they wait until the settings
    are written.
    """

    @cached_property
    def changes(self) -> tuple[AnyChange, ...]:
        return tuple(step for step in self.steps if step.action is not Action.NONE)

    @property
    def blocked(self) -> frozenset[str]:
        """The keys of steps that the caller has no right to, without which the rest is not
        begun.
        """
        return frozenset(self.missing) - {step.key for step in self.manual_steps}

    @property
    def lacks(self) -> Missing:
        return tuple(lack for needed in self.missing.values() for lack in needed)

    @property
    def said(self) -> tuple[Instruction, ...]:
        """What a reader of the plan has to know beside its steps."""
        return as_instructions((*self.gaining, *self.notes, *self.left_alone, *self.losing))

    def destinations(self, without: Collection[str] = ()) -> tuple[Instruction, ...]:
        """Where every client's credential goes, whether or not one is made now: for reviewers."""
        by_place: dict[str, list[str]] = defaultdict(list)
        for client, place in self.places:
            if client not in without:
                by_place[place].append(f"'{client}'")
        return as_instructions(
            f"Credentials of {', '.join(names)} go to: {place}" for place, names in by_place.items()
        )

    @property
    def remarks(self) -> tuple[Instruction, ...]:
        return (*self.said, *self.destinations())

    @property
    def is_empty(self) -> bool:
        return not self.changes

    def waits_for(self, change: AnyChange) -> frozenset[str]:
        """The keys of the changes that must be done before `change` may write."""
        return self._order[change.key]

    @cached_property
    def _order(self) -> Mapping[str, frozenset[str]]:
        """The settings wait for everything but API permissions and admin consent, which no setting
        depends on.

        The restart waits for those, too.

        Where access is revoked, it is the other way round: by then, removed clients have none any
        more.
        """

        def keys(*kinds: type[Change]) -> set[str]:
            return {change.key for change in self.changes if isinstance(change, kinds)}

        everything, site, restored = (
            keys(Change),
            keys(WriteSettings, RestartSite),
            keys(RestoreApplication),
        )
        is_revoked_first = any(
            isinstance(change, WriteSettings) and change.first for change in self.changes
        )
        order: dict[str, frozenset[str]] = {}
        for change in self.changes:
            match change:
                case WriteSettings():
                    declared = {change.key for change in self.changes if _declares_access(change)}
                    before = everything - site - keys(AssignAppRole) - declared - self.removals
                    before = set() if is_revoked_first else before
                case RestartSite():
                    before = site if is_revoked_first else everything - self.removals
                case _:
                    before = {ref.key for ref in references(change)} | (
                        everything & set(change.after)
                    )
                    if is_revoked_first or change.key in self.removals:
                        before |= site
                    # What is restored may turn out to be someone else's
                    if change.key not in restored:
                        before |= restored
            order[change.key] = frozenset(before - {change.key})
        return order


def _declares_access(change: AnyChange) -> bool:
    return isinstance(change, UpdateApplication) and change.edits.access_to is not None


@dataclass(frozen=True)
class Registration:
    """A registration as it will be: it exists, or is restored or created by the change `key`."""

    key: str
    kind: str
    application: Application
    """Empty where there is none."""
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
    def principal(self) -> Deferred[PrincipalId]:
        if self.service_principal is not None:
            return self.service_principal.id
        return OutputRef(
            self.key if self.is_deleted else f"{self.key}:principal", Output.PRINCIPAL_ID
        )

    def plan_creation(self, new: Application, *, is_sure: bool = False) -> list[AnyChange]:
        """`is_sure` where more than its name speaks for a deleted one."""
        key, kind, there = self.key, self.kind, self.application
        if self.is_new:
            return [
                CreateApplication(key=key, resource=kind, name=new.display_name, application=new)
            ]
        name, detail = there.display_name, "restored from deleted applications, with its consents"
        restored = RestoreApplication(
            key=key, resource=kind, name=name, detail=detail, application=there, is_sure=is_sure
        )
        return [restored] if self.is_deleted else []

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

    @property
    def principal_key(self) -> str:
        return f"{self.key}:principal"

    def plan_principal(self, name: str, after: tuple[str, ...] = ()) -> list[AnyChange]:
        if self.service_principal is not None or self.is_deleted:
            return []
        return [
            CreateServicePrincipal(
                key=self.principal_key, name=name, client_id=self.client_id, after=after
            )
        ]


def edited(
    application: Application, edits: ApplicationEdits, outputs: Outputs
) -> list[Application]:
    """What an application becomes, one write after the other; nothing where it shows the edits
    already.

    A PATCH replaces each list whole, so others' entries are sent back as they were read. A switch
    of the token version may be refused by policy: it comes first, with the reference that every
    write may need. Raises Refused: someone added the role under another id meanwhile.
    """
    uri = outputs.resolve(edits.uri) if edits.uri else None
    access = application.required_access
    if edits.access_to is not None and edits.access_role is not None:
        access = _access(access, outputs.resolve(edits.access_to), edits.access_role)
    if edits.no_access_to is not None:
        access = tuple(entry for entry in access if entry.resource_client_id != edits.no_access_to)
    switched = application
    if edits.token_version not in {None, application.token_version}:
        reference = application.management_reference or edits.management_reference
        switched = replace(
            application, token_version=edits.token_version, management_reference=reference
        )
    final = replace(
        switched,
        identifier_uris=tuple(
            dict.fromkeys((*application.identifier_uris, *([uri] if uri else [])))
        ),
        app_roles=_roles(application, edits.role) if edits.role else application.app_roles,
        required_access=access,
        tags=tuple(
            tag
            for tag in dict.fromkeys((*application.tags, *edits.tags))
            if tag not in edits.no_tags
        ),
        management_reference=application.management_reference or edits.management_reference,
        unique_name=application.unique_name or edits.unique_name,
        notes=application.notes or edits.notes,
    )
    return [after for before, after in pairwise((application, switched, final)) if after != before]


def _roles(application: Application, wanted: AppRole) -> tuple[AppRole, ...]:
    existing = application.role(wanted.value)
    if existing is None:
        return (*application.app_roles, wanted)
    if existing.id != wanted.id:
        raise Refused(
            "changed-meanwhile",
            f"Someone else added the app role '{wanted.value}' to '{application.display_name}' at "
            "the same time.",
            remedy="Run the same command again to use that role.",
        )
    return tuple(
        replace(role, enabled=True) if role is existing else role for role in application.app_roles
    )


def _access(
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
    if isinstance(value, OutputRef):
        yield value
    elif isinstance(value, tuple):
        for entry in value:
            yield from references(entry)
    elif is_dataclass(value) and not isinstance(value, type):
        for member in fields(value):
            yield from references(getattr(value, member.name))
