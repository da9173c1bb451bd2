"""Whether a registration may be written to, and why: one decision for every command.

None of these is an administrator of the directory: who may write an App Service's settings; who
owns a registration or its service principal, or did so once; who may write a key vault's tags.
Whatever they write, a run harms at most their own App Service. So a registration is believed by one
of five rules, or keeps what it has. The absence of an owner proves nothing, and neither does an app
role assignment by itself: owners assign roles and remove themselves
(learn.microsoft.com/entra/fundamentals/users-default-permissions, "Owned enterprise applications").
docs/SECURITY.md, "Who may be believed", is the same for people.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import TypeAlias

from mct_s2s.model.caller_rights import SignedIn
from mct_s2s.model.client_credentials import Certificate, Credential, CredentialSpec, Federation
from mct_s2s.model.desired import Desired, Look, Removal, Rotation, ServiceSpec, Setup
from mct_s2s.model.directory_objects import Application, AppRole, Custody, Owner
from mct_s2s.model.ids import (
    PrincipalId,
    Tag,
    api_uri,
    client_id_in,
    same_id,
    site_in_note,
    site_in_unique_name,
)
from mct_s2s.model.observed import ClientApplication, ObservedState
from mct_s2s.model.site_settings import Holds
from mct_s2s.planning.changes import AnyChange
from mct_s2s.planning.ownership import (
    clients_called,
    has_unique_name_below,
    is_allowed,
    is_consented,
    is_created_for_this_site,
    is_in_settings,
    is_listed,
    is_named,
    members,
    new_role,
    trusted_role,
)

MOST_SHOWN = 20
"""Registrations of others whose owners are read only to be told.

A list may name thousands: then none is.
"""


class Belief(Enum):
    """Why a registration may be written to."""

    NAMED = auto()
    """Its appId or URI is on the command line or in the trust file."""
    CREATED_HERE = auto()
    """A run on this machine created, changed or deleted it, and is not known to have ended."""
    OWN_SERVICE = auto()
    """The service application with this App Service's `uniqueName`, and the settings name it."""
    OWN_CLIENT = auto()
    """Its `uniqueName` is below this App Service's, and it holds a role of a believed service
    application.
    """
    UNTOUCHED = auto()
    """It has a `uniqueName` of this App Service, and nothing in it was put there by anyone else."""


class Doubt(Enum):
    """Why it may not."""

    OTHER_SITE = auto()
    """It was created for another App Service."""
    ONLY_SET = auto()
    """A service application that only the App Service's settings name."""
    OTHER_SERVICE = auto()
    """A client of a service application that is not believed."""
    OTHER_TENANT = auto()
    """A client that is registered in another tenant."""
    NOT_BELOW = auto()
    """A client that was not made for this App Service: anyone may have listed it, or given it the
    role.
    """
    OWNED = auto()
    """It has the name, and other owners."""
    CREDENTIALS = auto()
    """It has the name, and credentials that no note on this machine names."""
    CONTENT = auto()
    """It has the name, and properties that this tool does not set so."""
    ASSIGNED = auto()
    """It has the name, and its app roles are assigned to others."""
    UNREAD = auto()
    """It has the name, and who controls it could not be read."""


@dataclass(frozen=True)
class Reason:
    doubt: Doubt
    names: tuple[str, ...] = ()
    """Owners, credentials, properties or clients: what the doubt is about, as a person knows it."""


@dataclass(frozen=True)
class Doubted:
    reasons: tuple[Reason, ...]
    owners: tuple[str, ...] = ()
    """Beside the caller, as far as they were read."""

    def has(self, doubt: Doubt) -> bool:
        return any(reason.doubt is doubt for reason in self.reasons)

    @property
    def is_about_its_content(self) -> bool:
        """Whether it has the right name, and someone may have put something into it."""
        return not any(map(self.has, (Doubt.OTHER_SERVICE, Doubt.OTHER_TENANT, Doubt.NOT_BELOW)))


TrustDecision: TypeAlias = Belief | Doubted


def service_trust(
    application: Application, observed: ObservedState, spec: ServiceSpec
) -> TrustDecision:
    """Decide whether a service application may be written to: the first rule that applies."""
    if is_named(application, spec):
        return Belief.NAMED
    if observed.is_of_this_machine(application):
        return Belief.CREATED_HERE
    owners = _others(observed.trust.owners, observed)
    if (site := another_site(application, observed)) is not None:
        return Doubted((Reason(Doubt.OTHER_SITE, (site,)),), owners)
    # A Website Contributor may name any registration in the settings.
    if application.unique_name != observed.trust.unique_name:
        return Doubted((Reason(Doubt.ONLY_SET),), owners)
    # Both words together are a Website Contributor's at most, who harms his own App Service.
    if is_in_settings(application, observed):
        return Belief.OWN_SERVICE
    return _untouched(
        application, observed, service_content(application, observed), granted_by=spec
    )


def is_only_set(observed: ObservedState) -> bool:
    """Whether the App Service's settings alone say that the service application is its own."""
    service = observed.trust.service
    found = (
        service_trust(service, observed, ServiceSpec())
        if service is not None
        else Belief.OWN_SERVICE
    )
    return isinstance(found, Doubted) and (found.has(Doubt.ONLY_SET) or found.has(Doubt.OTHER_SITE))


def client_trust(  # noqa: PLR0911  # one rule, one return
    client: ClientApplication,
    observed: ObservedState,
    spec: ServiceSpec,
    named: Collection[str] = (),
    asked: CredentialSpec | None = None,
) -> TrustDecision:
    """Decide whether a client's registration may be written to: the first rule that applies.

    Of what the operator `named` clients by, only their appIds count. The credential that is `asked`
    for may be there.
    """
    service, application = observed.trust.service, client.application
    if client.client_id in {name.strip().casefold() for name in named}:
        return Belief.NAMED
    if client.is_registered and observed.is_of_this_machine(application):
        return Belief.CREATED_HERE
    owners = _owners_of(application, observed)
    if not client.is_registered:
        return Doubted((Reason(Doubt.OTHER_TENANT),), owners)
    # Everyone else's registrations keep what they have. Lists and assignments may be anyone's
    # doing.
    if not has_unique_name_below(application, observed.trust.unique_name):
        return Doubted((Reason(Doubt.NOT_BELOW),), owners)
    # Two App Services of one name would call their clients the same.
    if (
        service is not None
        and service.unique_name == observed.trust.unique_name
        and another_site(service, observed)
    ):
        return Doubted((Reason(Doubt.NOT_BELOW),), owners)
    if service is not None and isinstance(
        doubted := service_trust(service, observed, spec), Doubted
    ):
        return (
            doubted
            if doubted.has(Doubt.UNREAD)
            else Doubted((Reason(Doubt.OTHER_SERVICE),), owners)
        )
    holds_role = any(
        assignment.principal_id == client.principal_id for assignment in observed.trust.assignments
    )
    if holds_role and (is_listed(client, observed) or _grants_alone(observed)):
        return _was_never_anothers(application, observed)
    return _untouched(application, observed, client_content(application, observed, spec), asked)


def _grants_alone(observed: ObservedState) -> bool:
    """Whether no one but an administrator can have assigned the roles: it was created for this App
    Service.

    The owner of an API that this App Service adopted could give its role to anyone, also to a
    client of our name.
    """
    service = observed.trust.service
    if service is None or not is_created_for_this_site(observed):
        return False
    # Once a registration is purged, its `uniqueName` and its URIs are anyone's. No other one ever
    # gets its appId.
    is_named_by_id = client_id_in(observed.service_in_settings) == service.client_id
    return (is_named_by_id or not is_in_settings(service, observed)) and not _others(
        observed.trust.owners, observed
    )


def _was_never_anothers(application: Application, observed: ObservedState) -> TrustDecision:
    """Or else an owner of earlier days called another team's so: that team owns it, and signs in as
    it.
    """
    notes = observed.local_notes.get(application.client_id, ())

    def is_ours(one: Credential) -> bool:
        is_federated_by_us = one.federation is not None and one.name == one.federation.name
        return (
            one.is_ours
            or is_federated_by_us
            or any(note.vouches_for(one, application.client_id) for note in notes)
        )

    custody = observed.custody_of(application)
    # Those of its service principal, too, where they were read: before it is deleted.
    credentials = (*application.credentials, *(custody.credentials if custody is not None else ()))
    if all(map(is_ours, credentials)):
        return Belief.OWN_CLIENT
    if custody is None:
        return Doubted((Reason(Doubt.UNREAD),))
    owners = _others(custody.owners, observed)
    return Doubted((Reason(Doubt.OWNED, owners),), owners) if owners else Belief.OWN_CLIENT


def is_named_by(application: Application, desired: Desired) -> bool:
    """Whether the command names a registration by its appId or URI."""
    is_service = desired.service is not None and is_named(application, desired.service)
    return is_service or application.client_id in {
        name.strip().casefold() for name in desired.names
    }


def is_created_by_caller(application: Application, caller: SignedIn) -> bool:
    """Only Entra ID writes who created it, and an application's id is no one else's.

    A person's would be that of az.
    """
    return caller.is_person is False and same_id(application.created_by, caller.client_id)


def is_consented_to(client: ClientApplication, observed: ObservedState, spec: ServiceSpec) -> bool:
    """Whether it holds the role; one that only the settings name is not the role."""
    return observed.trust.holds(client.principal_id, trusted_role(observed, spec))


def another_site(application: Application, observed: ObservedState) -> str | None:
    """The other App Service that a service application was created for, by its note or its
    `uniqueName`.
    """
    site, noted = observed.app_service, site_in_note(application.notes)
    if site is not None and noted is not None and not same_id(noted, str(site.resource)):
        return noted
    name = application.unique_name
    return (
        site_in_unique_name(name)
        if name is not None and name != observed.trust.unique_name
        else None
    )


# Untouched: no one but the caller has put anything into it


def _untouched(
    application: Application,
    observed: ObservedState,
    content: Iterable[str],
    asked: CredentialSpec | None = None,
    *,
    granted_by: ServiceSpec | None = None,
) -> TrustDecision:
    """`content`: the properties that are not as this tool sets them.

    `granted_by`: of a service application.
    """
    custody = observed.custody_of(application)
    # Who owns it shows once it is restored, and is looked at then
    if application.deleted is not None:
        custody = Custody()
    if custody is None:
        return Doubted((Reason(Doubt.UNREAD),))
    owners, reasons = _others(custody.owners, observed), list[Reason]()
    # A pipeline may register applications for others, too: whom it makes an owner could call his
    # one like ours.
    if is_created_by_caller(application, observed.caller) and not owners:
        return Belief.UNTOUCHED
    if owners:
        reasons.append(Reason(Doubt.OWNED, owners))
    if unknown := _unknown(custody.credentials, application, observed, asked):
        reasons.append(
            Reason(Doubt.CREDENTIALS, tuple(credential.kind.noun for credential in unknown))
        )
    if properties := tuple(content):
        reasons.append(Reason(Doubt.CONTENT, properties))
    if granted_by is not None:
        reasons += _grants_of_others(observed, granted_by)
    return Doubted(tuple(reasons), owners) if reasons else Belief.UNTOUCHED


def _unknown(
    credentials: Iterable[Credential],
    application: Application,
    observed: ObservedState,
    asked: CredentialSpec | None,
) -> list[Credential]:
    """Those that neither a note on this machine names nor the command asks for."""
    notes = observed.local_notes.get(application.client_id, ())
    given = asked if isinstance(asked, Certificate | Federation) else None
    return [
        credential
        for credential in credentials
        if not any(note.vouches_for(credential, application.client_id) for note in notes)
        and not (given is not None and given.describes(credential))
    ]


def _grants_of_others(observed: ObservedState, spec: ServiceSpec) -> Iterator[Reason]:
    """Assignments of a service application's roles to anyone but clients below the same name,
    untouched themselves.
    """
    clients = {
        client.principal_id: client for client in observed.trust.clients if client.principal_id
    }
    others, is_unread = list[str](), False
    for assignment in observed.trust.assignments:
        client = clients.get(assignment.principal_id)
        if client is None or not has_unique_name_below(
            client.application, observed.trust.unique_name
        ):
            others.append(assignment.principal_name or assignment.principal_id)
            continue
        application = client.application
        if observed.is_of_this_machine(application):
            continue
        trusted = _untouched(application, observed, client_content(application, observed, spec))
        if isinstance(trusted, Doubted):
            is_unread |= trusted.has(Doubt.UNREAD)
            others += [] if trusted.has(Doubt.UNREAD) else [client.display_name]
    if others:
        yield Reason(Doubt.ASSIGNED, tuple(dict.fromkeys(others)))
    if is_unread:
        yield Reason(Doubt.UNREAD)


def service_content(application: Application, observed: ObservedState) -> Iterator[str]:
    name = application.unique_name or application.client_id
    yield from application.extras
    if any(role != _as_set(role, observed, name) for role in application.app_roles):
        yield "appRoles"
    if set(application.identifier_uris) - {api_uri(application.client_id)}:
        yield "identifierUris"
    if application.required_access:
        yield "requiredResourceAccess"
    if (application.token_version or 1) != (observed.api.token_version or 2):
        yield "api.requestedAccessTokenVersion"


def _as_set(role: AppRole, observed: ObservedState, name: str) -> AppRole:
    """The role of that value as this tool creates it: its words are for people, and may be
    others.
    """
    made = new_role(observed, name, role.value)
    return AppRole(
        made.id, role.value, role.display_name, role.description, True, made.member_types
    )


def client_content(
    application: Application, observed: ObservedState, spec: ServiceSpec
) -> Iterator[str]:
    yield from application.extras
    if application.app_roles:
        yield "appRoles"
    if application.identifier_uris:
        yield "identifierUris"
    if Tag.VAULT.values(application.tags):  # it would say where secrets go, once it is believed
        yield "tags"
    if asks_for_more(application, observed, spec):
        yield "requiredResourceAccess"


def asks_for_more(application: Application, observed: ObservedState, spec: ServiceSpec) -> bool:
    """Whether a client requests more than the app role of this API, or of one before it that is
    gone.
    """
    service, role = observed.trust.service, trusted_role(observed, spec)
    default = observed.api.role
    values = {default, spec.role or default, observed.setting(Holds.ROLE) or default}
    # An API that is gone is known by its role's id, which is made of this App Service's name and of
    # the value.
    made: set[str] = {new_role(observed, observed.trust.unique_name, value).id for value in values}
    for access in application.required_access:
        is_this_api = service is not None and access.resource_client_id == service.client_id
        granted = made | ({role.id} if is_this_api and role is not None else set())
        if any(
            kind != "Role" or permission not in granted for permission, kind in access.permissions
        ):
            return True
    return False


# Owners


def _others(owners: Iterable[Owner], observed: ObservedState) -> tuple[str, ...]:
    return foreign_owners(owners, observed.caller.id)


def foreign_owners(owners: Iterable[Owner], caller: PrincipalId | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for owner, name in owners if owner != caller))


def _owners_of(application: Application, observed: ObservedState) -> tuple[str, ...]:
    custody = observed.custody_of(application)
    return _others(custody.owners, observed) if custody is not None else ()


def touched(
    changes: Sequence[AnyChange], observed: ObservedState, desired: Desired
) -> Iterator[str]:
    """Object ids of what is there, and is changed although the command does not name it.

    An interrupted run may have made it doubtful: access is revoked first, and a credential counts
    once it is noted.
    """
    spec, trust = desired.service, observed.trust
    if spec is None:
        return
    decisions = [
        (client.application, client_trust(client, observed, spec, desired.names))
        for client in trust.clients
        if client.client_id in {getattr(change, "client_id", None) for change in changes}
    ]
    if trust.service is not None:
        decisions.append((trust.service, service_trust(trust.service, observed, spec)))
    for application, decision in decisions:
        # Of one that is merely untouched, that has to be seen each time.
        if decision in {Belief.CREATED_HERE, Belief.OWN_SERVICE, Belief.OWN_CLIENT}:
            yield application.object_id


# What has to be read before it can be decided


def clients_to_inspect(observed: ObservedState, desired: Desired) -> Iterator[ClientApplication]:
    """The registrations whose owners and credentials decide what is done, or have to be said."""
    spec, trust, named = desired.service, observed.trust, desired.names
    if spec is None:
        return
    is_look, shown = isinstance(desired, Look), list[ClientApplication]()
    if (
        trust.service is not None
        and not is_look
        and _is_service_inspected(trust.service, observed, desired, spec)
    ):
        yield ClientApplication(trust.service, trust.principal)
    asked = {client.client_id for name in named for client in clients_called(name, observed)}
    for client in filter(lambda client: client.is_registered, trust.clients):
        decision = client_trust(client, observed, spec, named)
        if _is_client_inspected(
            client, decision, observed, desired, is_asked=client.client_id in asked
        ):
            yield client
        elif isinstance(decision, Doubted) and _is_shown(client, observed, desired):
            shown.append(client)
    if len(shown) <= MOST_SHOWN:
        yield from shown


def _is_service_inspected(
    service: Application, observed: ObservedState, desired: Desired, spec: ServiceSpec
) -> bool:
    decision = service_trust(service, observed, spec)
    # Before it is deleted: another team's, named like ours by someone who once owned it, has
    # credentials.
    is_deleted = (
        isinstance(desired, Removal) and desired.everything and decision is Belief.OWN_SERVICE
    )
    return decision is Belief.NAMED or is_deleted or _is_unread(decision)


def _is_client_inspected(
    client: ClientApplication,
    decision: TrustDecision,
    observed: ObservedState,
    desired: Desired,
    *,
    is_asked: bool,
) -> bool:
    """Whether its owners and credentials decide; `is_asked`: the operator named it."""
    if isinstance(decision, Doubted):
        is_read = not decision.has(Doubt.UNREAD) or isinstance(desired, Look)
        return is_asked or not is_read
    if decision is Belief.NAMED:
        # Whom the plan adopts is said with its owners.
        adopts = isinstance(desired, Setup) and desired.service is not None
        return adopts and not is_consented_to(client, observed, desired.service or ServiceSpec())
    may_be_deleted = isinstance(desired, Removal) if is_asked else desired.removes_unnamed
    return decision is Belief.OWN_CLIENT and may_be_deleted


def _is_unread(decision: TrustDecision) -> bool:
    return isinstance(decision, Doubted) and decision.has(Doubt.UNREAD)


def _is_shown(client: ClientApplication, observed: ObservedState, desired: Desired) -> bool:
    """Whether a command that is not about this client says whose it is."""
    match desired:
        case Look(all_federated=True):
            return client in members(observed)
        case Look():
            return is_allowed(client, observed) and not is_consented(client, observed)
        case Removal(everything=True) | Rotation():
            return is_allowed(client, observed)
        case Setup(pruning=pruning):
            return pruning is not None and is_allowed(client, observed)
    return False
