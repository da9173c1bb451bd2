"""Removal: access first, by one write of the settings and one restart; then what this trust owns in
the directory.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from mct_s2s.errors import Instruction, Refused, UsageError
from mct_s2s.model.client_credentials import secrets_among
from mct_s2s.model.commands import command, identity_removal
from mct_s2s.model.desired import Removal, SettingsScope, Setup
from mct_s2s.model.directory_objects import Application, ServicePrincipal
from mct_s2s.model.ids import Tag, client_base, client_unique_name, same_id
from mct_s2s.model.observed import ClientApplication, ObservedState
from mct_s2s.model.resource_id import USER_ASSIGNED_IDENTITIES, ResourceId
from mct_s2s.model.site_settings import Holds
from mct_s2s.planning.belief import (
    Doubted,
    another_site,
    client_content,
    client_trust,
    is_created_by_caller,
    is_named_by,
    service_content,
    service_trust,
)
from mct_s2s.planning.changes import (
    AnyChange,
    ApplicationEdits,
    DeleteApplication,
    DeleteStoredSecret,
    EnableIdentity,
    NoChange,
    PurgeApplication,
    RemoveCredential,
    RevokeAppRole,
    SettingsSpec,
)
from mct_s2s.planning.not_ours import service_not_ours, why_doubted
from mct_s2s.planning.ownership import (
    CLIENT,
    SERVICE,
    clients_called,
    has_unique_name_below,
    identities_called,
    ids_of,
    is_listed,
    members_and_created_clients,
    other_users,
    refuse_several,
    trusted_role,
    unknown,
    wanted_role_value,
)
from mct_s2s.planning.plan import Plan, Registration
from mct_s2s.planning.service_application import SERVICE_KEY, plan_end_of_use
from mct_s2s.planning.site import plan_site

LARGEST_SHARE = 3
"""`--prune` removes one of so many at most: a file that lost half of its lines must not cut off
half of the callers.
"""
AS_ASKED = "kept: --keep-registration"
_ADOPTED = "kept: mct-s2s did not create it"

Target = ClientApplication | ServicePrincipal | Application
"""A client, a managed identity, or the deleted registration of a client."""


def plan_removal(removal: Removal, observed: ObservedState) -> Plan:
    api, rows = observed.api, observed.api.rows
    # Without its settings, an API may be open to everyone, unless it has a switch or lists that are
    # missing then.
    may_go = bool(api.lists) or api.setting(Holds.SWITCH) is not None
    hidden = api.hidden(observed.settings)
    removable = tuple(row for row in rows if row not in hidden) if may_go else ()
    settings = SettingsSpec(rows, removed=removable, tidy=False)
    if removal.everything:
        targets: list[Target] = [*_everyone(observed)]
    else:
        called = {name: _called(name, observed) for name in removal.clients}
        targets = list(dict.fromkeys(target for found in called.values() for target in found))
        entries = _entries(targets, observed, removal.clients)
        for name, found in called.items():
            if not (found or _entries((), observed, [name]) or removal.ignore_missing):
                raise unknown(name, observed, "If it may already be removed, add --ignore-missing.")
        settings = SettingsSpec(rows, without=entries, tidy=False)
    plan = _Removal(removal, observed, targets).plan()
    if observed.app_service is not None:
        plan = replace(
            plan,
            steps=(
                *plan_site(observed, settings, restart=removal.restart, first=True),
                *plan.steps,
            ),
        )
    if removal.everything and not may_go and (kept := api.shown(observed.settings)):
        what = (
            f"{', '.join(kept)} {'stay' if len(kept) > 1 else 'stays'}: without its settings, "
            f"{api.called} may be open."
        )
        plan = replace(plan, notes=(*plan.notes, what))
    if not api.lists and any(isinstance(step, RevokeAppRole) for step in plan.steps):
        live = (
            "Tokens that were issued before stay valid: 60 to 90 minutes, those of managed "
            "identities up to 24 hours."
        )
        plan = replace(plan, notes=(*plan.notes, live))
    service = observed.trust.service
    if service is not None and plan.changes:
        trusted = service_trust(service, observed, removal.service)
        if isinstance(trusted, Doubted):
            raise service_not_ours(service, observed, trusted)
    return plan


class TooManyRemovals(Refused):
    """More clients than a third would be removed at one App Service."""

    is_about_file = False
    """Whether those that were created for it say so: then the file is likely to be incomplete, for
    every site of it.

    Those who may write the settings of one App Service could list others, and must not stop what is
    done at all sites.
    """


def _is_too_much(leaving: Sequence[object], there: Sequence[object]) -> bool:
    return len(leaving) > len(there) // LARGEST_SHARE


def _is_believed(one: object, desired: Setup, observed: ObservedState) -> bool:
    if not isinstance(one, ClientApplication) or desired.service is None:
        return False
    return not isinstance(client_trust(one, observed, desired.service, desired.names), Doubted)


def prune(desired: Setup, observed: ObservedState) -> tuple[frozenset[str], Plan]:
    """The entries, in lower case, that leave the allow lists, and the steps or the note.

    Raises Refused.
    """
    pruning, spec = desired.pruning, desired.service
    if pruning is None or spec is None or desired.settings is SettingsScope.NONE:
        return frozenset(), Plan()
    there = _everyone(observed)
    ids = {resource.principal_id for resource in observed.identity_resources}
    named: set[object] = {one for one in observed.trust.identities if one.id in ids}
    named.update(one for client in desired.clients for one in clients_called(client.name, observed))
    targets = [one for one in there if one not in named]
    called = [one.display_name for one in targets]
    removal = Removal(spec, kept=pruning.kept, is_pruning=True)
    if not pruning.removes:
        told = ", ".join(f"'{name}'" for name in called)
        notes = (
            [f"Left alone, as nothing names them: {told}. To remove them, add --prune."]
            if called
            else []
        )
        others = _Removal(removal, observed, (), frozenset({*named, *targets})).plan()
        return frozenset(), Plan(notes=(*notes, *others.left_alone))
    if targets and _is_too_much(targets, there) and not pruning.any_number:
        site = (
            observed.app_service.label if observed.app_service is not None else "this App Service"
        )
        refused = TooManyRemovals(
            "too-many-removals",
            f"--prune would remove {len(called)} of the {len(there)} clients of {site}, which is "
            "more than a third. Nothing was changed. It would remove:",
            remedy="If the file is complete, add --allow-removals. Otherwise add to it what is "
            "missing: mct-s2s export",
            items=called,
        )
        ours = [one for one in there if _is_believed(one, desired, observed)]
        refused.is_about_file = _is_too_much([one for one in targets if one in ours], ours)
        raise refused
    return _entries(targets, observed), _Removal(
        removal, observed, targets, frozenset(named)
    ).plan()


# Whom and what it is about: never a guess between two


def _everyone(observed: ObservedState) -> list[ClientApplication | ServicePrincipal]:
    """Whom this App Service lists, and the clients that were made for it.

    Others that hold the role are not its own.
    """
    service, base = observed.trust.service, observed.trust.unique_name
    clients = (
        one
        for one in members_and_created_clients(observed)
        if service is None or one.client_id != service.client_id
    )
    return [
        *(
            one
            for one in clients
            if is_listed(one, observed) or has_unique_name_below(one.application, base)
        ),
        *(one for one in observed.trust.identities if observed.allowed_object_ids.holds(one.id)),
    ]


def _called(name: str, observed: ObservedState) -> list[Target]:
    service, word, base = (
        observed.trust.service,
        name.strip().casefold(),
        observed.trust.unique_name,
    )
    if service is not None and word in {service.client_id, f"api://{service.client_id}"}:
        raise Refused(
            "not-a-client",
            f"'{name}' is the service application, not a client.",
            remedy="To remove everything, run mct-s2s teardown with the same options.",
        )
    clients = clients_called(name, observed)
    identities = identities_called(name, observed.trust.identities)
    refuse_several(name, (*clients, *identities))
    made = client_unique_name(base, name)
    deleted = (
        row
        for row in (observed.trust.deleted if not clients else ())
        if has_unique_name_below(row, base)
        and (same_id(row.client_id, name.strip()) or row.unique_name == made)
    )
    return [*clients, *identities, *deleted]


def _entries(
    targets: Iterable[object], observed: ObservedState, typed: Iterable[str] = ()
) -> frozenset[str]:
    """The entries of the allow lists, in lower case, that name the targets, or that were typed as
    they are there.
    """
    meant = {name.strip().casefold() for name in typed}
    for target in targets:
        if isinstance(target, ClientApplication):
            meant |= ids_of(target)
        elif isinstance(target, ServicePrincipal):
            meant.add(target.id)
    return frozenset(
        meant
        & {
            entry.casefold()
            for one in observed.api.lists
            for entry in one.list_in(observed.settings).ids
        }
    )


# What is done with them


@dataclass(frozen=True)
class _Removal:
    """What follows once the App Service no longer allows the targets."""

    removal: Removal
    observed: ObservedState
    targets: Sequence[Target]
    named: frozenset[object] = frozenset()
    """Clients that stay, as the file names them."""

    def plan(self) -> Plan:
        service, steps = (
            self.observed.trust.service,
            [step for one in self.targets for step in self.removed(one)],
        )
        if service is not None and self.removal.everything:
            # Last of all: until then it is what a second run finds everything by.
            kept = self.why_service_kept(service, steps)
            gone = self.deleted(SERVICE, service, SERVICE_KEY, [step.key for step in steps])
            registration = Registration(
                SERVICE_KEY, SERVICE, service, self.observed.trust.principal
            )
            steps += plan_end_of_use(registration, self.observed) if kept else ()
            steps += [NoChange.kept(service, SERVICE_KEY, SERVICE, kept)] if kept else list(gone)
        return Plan(
            tuple(steps), notes=tuple(self.notes(steps)), left_alone=tuple(self.left_alone(steps))
        )

    def removed(self, target: Target) -> Iterator[AnyChange]:
        match target:
            case ClientApplication():
                yield from self.client(target)
            case ServicePrincipal():
                yield from self.identity(target)
            case Application() if self.removal.purge and self.may_purge(target):
                yield _purged(target, f"client:{target.client_id}")
            case Application():  # an earlier run has deleted it
                since = f" since {target.deleted:%Y-%m-%d}" if target.deleted else ""
                detail = f"already deleted{since}; still in the recycle bin"
                if self.removal.purge:
                    detail += f"; to purge it, name its appId {target.client_id}"
                yield NoChange.kept(target, f"client:{target.client_id}", CLIENT, detail)

    def may_purge(self, deleted: Application) -> bool:
        """No one can undo it, and what is in the recycle bin under this name may be another
        team's.
        """
        observed = self.observed
        is_begun = deleted.object_id in observed.unfinished
        is_named = is_named_by(deleted, self.removal)
        return is_named or is_begun or is_created_by_caller(deleted, observed.caller)

    def client(self, client: ClientApplication) -> Iterator[AnyChange]:
        key, app, service = (
            f"client:{client.client_id}",
            client.application,
            self.observed.trust.service,
        )
        trusted = client_trust(client, self.observed, self.removal.service, self.removal.clients)
        if isinstance(trusted, Doubted):
            # It leaves the allow list, which is this App Service's. All else is its owner's.
            about = app if client.is_registered else Application(client_id=client.client_id)
            about = replace(about, display_name=client.display_name)
            yield NoChange.kept(
                about, key, CLIENT, f"kept, with its admin consent: {why_doubted(trusted)}"
            )
            return
        if client.client_id in self.removal.kept:
            yield NoChange.kept(
                app,
                key,
                CLIENT,
                "kept, with its admin consent: another App Service of the file names it",
            )
            return
        revoked = list(self.consent_revoked(client.principal, key, client.display_name))
        if not client.is_registered:
            yield from revoked
            return
        kept = self.why_client_kept(app)
        if not kept:
            yield from revoked
            secrets = [*self.secrets(app, key)]
            yield from secrets
            yield from self.deleted(CLIENT, app, key, [one.key for one in (*revoked, *secrets)])
            return
        declared = [one.resource_client_id for one in app.required_access]
        if service is not None and service.client_id in declared:
            edits, told = (
                ApplicationEdits(no_access_to=service.client_id),
                f"no longer requests {self.observed.api.called}",
            )
            registration = Registration(key, CLIENT, app, client.principal)
            yield registration.plan_update(
                f"{key}:access", "API permission", app.display_name, told, edits
            )
        yield from revoked
        # What it goes on signing in with, elsewhere.
        held = [
            f"{c.kind.noun} '{c.name}'" if c.name else f"{c.kind.noun} {c.key_id}"
            for c in app.credentials
        ]
        told = f"; it keeps its {', '.join(held)}" if held else ""
        yield NoChange.kept(app, key, CLIENT, f"{kept}{told}")

    @property
    def is_service_own(self) -> bool:
        """Whether it was created for this App Service, so that all that it grants is this
        trust's.
        """
        service, name = self.observed.trust.service, self.observed.trust.unique_name
        return (
            service is not None
            and service.unique_name == name
            and Tag.ADOPTED.of(name) not in service.tags
        )

    @property
    def hint(self) -> str:
        return "" if self.removal.is_pruning else " (to delete it, add --delete-adopted)"

    def why_service_kept(  # noqa: PLR0911  # one rule, one return
        self, service: Application, steps: Sequence[AnyChange]
    ) -> str:
        """Empty where it is deleted."""
        if self.removal.keep_registration:
            return AS_ASKED
        if another_site(service, self.observed) is not None:
            return "kept: it was created for another App Service"
        if not self.is_service_own and not self.removal.delete_adopted:
            return f"{_ADOPTED}{self.hint}"
        if holders := self.other_holders(steps):
            return f"kept: its app role is held by {', '.join(holders)}"
        if users := other_users(service, self.observed):
            return f"kept: {_use(users)} it"
        if self.removal.delete_adopted:
            return ""
        # Someone who once owned another team's registration could have named it like ours.
        custody = self.observed.custody_of(service)
        has_credentials = bool(service.credentials or (custody is not None and custody.credentials))
        more = [
            *service_content(service, self.observed),
            *(["credentials"] if has_credentials else []),
        ]
        return (
            f"kept: it has settings that mct-s2s does not make ({', '.join(more)}){self.hint}"
            if more
            else ""
        )

    def other_holders(self, steps: Sequence[AnyChange]) -> list[str]:
        """Who goes on holding a role of the service application once the steps are done, by
        name.
        """
        revoked = {step.assignment for step in steps if isinstance(step, RevokeAppRole)}
        left = (one for one in self.observed.trust.assignments if one.id not in revoked)
        return sorted({f"'{one.principal_name or one.principal_id}'" for one in left})

    def why_client_kept(self, application: Application) -> str:
        if self.removal.keep_registration:
            return AS_ASKED
        if self.removal.delete_adopted:
            return ""
        if not has_unique_name_below(application, self.observed.trust.unique_name):
            return f"{_ADOPTED}{self.hint}"
        content = [
            one
            for one in client_content(application, self.observed, self.removal.service)
            if one != "tags"
        ]
        if "requiredResourceAccess" in content:
            is_gone = self.observed.trust.service is None
            more = (
                f"it requests an API that may not be {self.observed.api.called}"
                if is_gone
                else "it also requests other APIs"
            )
            return f"kept: {more}{self.hint}"
        return (
            f"kept: it has settings that mct-s2s does not make ({', '.join(content)}){self.hint}"
            if content
            else ""
        )

    def consent_revoked(
        self, principal: ServicePrincipal | None, key: str, name: str
    ) -> Iterator[RevokeAppRole]:
        trust, role = self.observed.trust, trusted_role(self.observed, self.removal.service)
        if trust.principal is None or principal is None:
            return
        for assignment in trust.assignments:
            is_ours = self.is_service_own or (role is not None and assignment.role_id == role.id)
            if is_ours and assignment.principal_id == principal.id:
                yield RevokeAppRole(
                    key=f"{key}:consent:{assignment.id}",
                    name=name,
                    service=trust.principal.id,
                    assignment=assignment.id,
                    # Until it is revoked, the directory still knows a registration that is kept for
                    # a client.
                    after=(f"{key}:access",),
                )

    def secrets(self, application: Application, key: str) -> Iterator[AnyChange]:
        """Our secrets; then what key vaults hold: deleted, or named, never left unmentioned."""
        is_ours = has_unique_name_below(application, self.observed.trust.unique_name)
        ours = [one for one in secrets_among(application.credentials) if one.is_ours and is_ours]
        for credential in ours:
            yield RemoveCredential(
                key=f"{key}:secret:{credential.key_id}",
                name=application.display_name,
                detail=credential.name or "",
                object_id=application.object_id,
                key_id=credential.key_id,
            )
        for place in dict.fromkeys(Tag.VAULT.values(application.tags)):
            stored = f"{key}:stored:{place}"
            if self.removal.delete_secrets:
                yield DeleteStoredSecret(
                    key=stored,
                    name=place,
                    detail="recoverable during the vault's retention period",
                    place=place,
                    client_id=application.client_id,
                    after=tuple(f"{key}:secret:{credential.key_id}" for credential in ours),
                )
            else:
                yield NoChange(
                    key=stored,
                    resource=DeleteStoredSecret.resource,
                    name=place,
                    detail="kept",
                    id=place,
                )

    def deleted(
        self, kind: str, application: Application, key: str, after: Sequence[str]
    ) -> Iterator[AnyChange]:
        yield DeleteApplication(
            key=key,
            resource=kind,
            name=application.display_name,
            detail="permanently" if self.removal.purge else "can be restored for 30 days",
            object_id=application.object_id,
            client_id=application.client_id,
            after=tuple(after),
        )
        if self.removal.purge:
            yield _purged(application, key, after=(key,))

    def identity(self, identity: ServicePrincipal) -> Iterator[AnyChange]:
        """It is never disabled: no one can see what else uses it.

        Its app role is revoked if its ID was typed.
        """
        key, name, revoked = f"identity:{identity.id}", identity.display_name, list[RevokeAppRole]()
        ids = {identity.id, identity.client_id, (identity.resource_id or "").casefold()}
        is_named = not ids.isdisjoint(name.strip().casefold() for name in self.removal.clients)
        # Without lists, the role is the access that was to be removed, whichever name was used.
        if is_named or (not self.observed.api.lists and bool(self.removal.clients)):
            revoked = list(self.consent_revoked(identity, key, name))
        yield from revoked
        holds = any(one.principal_id == identity.id for one in self.observed.trust.assignments)
        kept = "kept enabled, with its app role" if holds and not revoked else "kept enabled"
        yield NoChange(
            key=key, resource=EnableIdentity.resource, name=name, detail=kept, id=identity.id
        )

    def notes(self, steps: Iterable[AnyChange]) -> Iterator[Instruction]:
        observed, removal = self.observed, self.removal
        for target in () if removal.everything or removal.is_pruning else self.targets:
            if isinstance(target, ClientApplication) and target.principal_id:
                trusted = client_trust(target, observed, removal.service, removal.clients)
                if isinstance(trusted, Doubted):
                    what = (
                        f"'{target.display_name}' keeps its admin consent. To revoke it, name its "
                        "appId:"
                    )
                    yield Instruction(
                        what, observed.command("remove-client", about=target.client_id)
                    )
        for target in self.targets:
            if isinstance(target, ServicePrincipal) and (disable := _disabling(target)):
                what = (
                    f"The managed identity of '{target.display_name}' stays enabled. If nothing "
                    "else uses it, run:"
                )
                yield Instruction(what, disable)
        service = observed.trust.service
        yield from self.losing_everywhere(steps)
        of_others = [
            one.display_name
            for one in self.holders_left(steps)
            if _is_of_another_site(one, observed)
        ]
        if of_others:
            told = ", ".join(f"'{name}'" for name in of_others)
            yield Instruction(
                "Created for another App Service, and still allowed here by the same app role: "
                f"{told}."
            )
        users = other_users(service, observed) if service is not None and removal.everything else ()
        if (
            service is not None
            and users
            and not any(
                isinstance(one, DeleteApplication) and one.client_id == service.client_id
                for one in steps
            )
        ):
            what = (
                f"{_use(users)} the service application '{service.display_name}', as a tag of it "
                "says. The teardown"
            )
            what += (
                " there removes the tag. If it is no longer true, delete the registration in the "
                "portal."
            )
            yield Instruction(what)
        for step in steps:
            if isinstance(step, NoChange) and step.resource == DeleteStoredSecret.resource:
                vault, _, name = step.name.partition("/")
                delete = command(
                    "az", "keyvault", "secret", "delete", "--vault-name", vault, "--name", name
                )
                way = "run:" if self.removal.is_pruning else "add --delete-secrets, or run:"
                kept = (
                    f"The key vault secret '{step.name}', which a tag of the registration names, "
                    "is kept."
                )
                yield Instruction(f"{kept} If it is this client's, {way}", delete)

    def holders_left(
        self, steps: Iterable[AnyChange]
    ) -> list[ClientApplication | ServicePrincipal]:
        """Who goes on calling an API without lists, although the file or the teardown leaves no one
        else.
        """
        observed, removal, service = self.observed, self.removal, self.observed.trust.service
        role = (
            service.role(removal.service.role or wanted_role_value(observed))
            if service is not None
            else None
        )
        if observed.api.lists or role is None or not (removal.everything or removal.is_pruning):
            return []
        revoked = {step.assignment for step in steps if isinstance(step, RevokeAppRole)}
        assigned = (
            one
            for one in observed.trust.assignments
            if one.role_id == role.id and one.id not in revoked
        )
        holding = {one.principal_id for one in assigned}
        holders: list[ClientApplication | ServicePrincipal] = [
            *(one for one in observed.trust.clients if one.principal_id in holding),
            *(one for one in observed.trust.identities if one.id in holding),
        ]
        return [one for one in holders if one not in self.named and not self.is_kept(one)]

    def is_kept(self, holder: ClientApplication | ServicePrincipal) -> bool:
        """Whether another App Service of the file names it."""
        known_by = (
            holder.client_id if isinstance(holder, ClientApplication) else holder.resource_id or ""
        )
        return known_by.casefold() in self.removal.kept

    def left_alone(self, steps: Iterable[AnyChange]) -> Iterator[Instruction]:
        adopt = self.removal.service.adopt
        adopting = ("--service-app", adopt) if adopt else ()
        for holder in self.holders_left(steps):
            if not _is_of_another_site(holder, self.observed):
                holder_id = holder.client_id if isinstance(holder, ClientApplication) else holder.id
                what = (
                    f"'{holder.display_name}' holds the app role and keeps its access. To revoke "
                    "it:"
                )
                yield Instruction(
                    what, self.observed.command("remove-client", *adopting, about=holder_id)
                )

    def losing_everywhere(self, steps: Iterable[AnyChange]) -> Iterator[Instruction]:
        """Who was not made for this App Service, and loses the role of an API that others may use
        as well.
        """
        service, revoked = (
            self.observed.trust.service,
            {step.key for step in steps if isinstance(step, RevokeAppRole)},
        )
        if service is None or (self.is_service_own and not other_users(service, self.observed)):
            return
        has_lists = bool(self.observed.api.lists)
        for target in self.targets:
            key, keeping = "", ""
            if isinstance(target, ServicePrincipal):
                key = f"identity:{target.id}"
                # Without lists, the role is revoked whichever name was used.
                keeping = (
                    " By its display name instead of its ID, it keeps the role."
                    if has_lists
                    else ""
                )
            elif isinstance(target, ClientApplication) and not has_unique_name_below(
                target.application, self.observed.trust.unique_name
            ):
                key = f"client:{target.client_id}"
            if key and any(one.startswith(f"{key}:consent:") for one in revoked):
                yield Instruction(
                    f"'{target.display_name}' loses the app role of '{service.display_name}' at "
                    f"every App Service that uses this service application.{keeping}"
                )


def _is_of_another_site(
    client: ClientApplication | ServicePrincipal, observed: ObservedState
) -> bool:
    """Whether its name says that it was created for another App Service, whose access this one does
    not revoke.
    """
    name = client.application.unique_name if isinstance(client, ClientApplication) else None
    base = client_base(name) if name is not None else None
    return base is not None and base != observed.trust.unique_name


def _use(users: Sequence[str]) -> str:
    return f"{' and '.join(users)} use{'s' * (len(users) == 1)}"


def _disabling(identity: ServicePrincipal) -> str:
    """The command; empty for a user-assigned identity, which is a resource of its own."""
    try:
        resource = ResourceId.parse(identity.resource_id or "")
    except UsageError:
        return ""
    return "" if resource.type == USER_ASSIGNED_IDENTITIES else identity_removal(resource)


def _purged(application: Application, key: str, after: tuple[str, ...] = ()) -> PurgeApplication:
    return PurgeApplication(
        key=f"{key}:purge",
        name=application.display_name,
        detail="frees its name and its URI",
        object_id=application.object_id,
        client_id=application.client_id,
        after=after,
    )
