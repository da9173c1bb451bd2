"""Whether a registration may be written to, and why: one decision for every command.

These need not be administrators of the directory: who may write an App Service's settings; who owns
a registration or its service principal, or did so once; who may write a key vault's tags. Whatever
they write, a run harms at most their own App Service. So a registration is believed by one of five
rules, or keeps what it has. (`_choose_unnamed` of `engine/apply/registrations.py` takes up what a
killed run of this very caller has registered and not named.) The absence of an owner proves
nothing, and neither does an app role assignment by itself: owners assign roles and remove
themselves (learn.microsoft.com/entra/fundamentals/users-default-permissions, "Owned enterprise
applications").
docs/SECURITY.md, "Who may be believed", is the same for people.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto
from typing import TypeAlias

from mct_s2s.model.caller_rights import SignedIn
from mct_s2s.model.client_credentials import Certificate, Credential, CredentialSpec, Federation
from mct_s2s.model.desired import Desired, ServiceSpec
from mct_s2s.model.directory_objects import Application, Custody, Owner
from mct_s2s.model.ids import (
    PrincipalId,
    Tag,
    client_id_in,
    same_id,
    site_group,
    site_in_note,
    site_in_unique_name,
)
from mct_s2s.model.observed import ClientApplication, ObservedState
from mct_s2s.planning.clients import (
    has_unique_name_below,
    is_listed,
    names_client,
)
from mct_s2s.planning.content import (
    client_content,
    created_role_ids,
    foreign_service_content,
    service_content,
)
from mct_s2s.planning.permissions.rights import GRAPH_APP_ID
from mct_s2s.planning.service_facts import (
    is_created_for_this_site,
    is_in_settings,
    is_named_as_service,
)

CREATED_TOGETHER = timedelta(minutes=30)
"""One run creates a service application and its clients within that time, in any order."""


class Belief(Enum):
    """Why a registration may be written to."""

    NAMED = auto()
    """Its appId or URI is on the command line or in the trust file."""
    REMEMBERED = auto()
    """A run on this machine created or changed it, and is not known to have ended; or deleted it,
    and nothing but its owners of then speaks against it (`restored_trust`).
    """
    OWN_SERVICE = auto()
    """The service application with this App Service's `uniqueName`, and the settings name it."""
    OWN_CLIENT = auto()
    """Its name is below this App Service's `uniqueName`, and it holds a role of a believed API."""
    UNTOUCHED = auto()
    """It has a `uniqueName` of this App Service, and nothing in it was put there by anyone else."""


class Doubt(Enum):
    """Why it may not."""

    OTHER_SITE = auto()
    """It was created for another App Service."""
    UNKNOWN_SITE = auto()
    """A service application of a name that several App Services have.

    Nothing says for which of them it was created.
    """
    ONLY_SET = auto()
    """A service application that only the App Service's settings name."""
    OTHER_SERVICE = auto()
    """A client of a service application that is not believed."""
    OTHER_TENANT = auto()
    """A client that is registered in another tenant."""
    NOT_BELOW = auto()
    """A client that was not created for this App Service.

    Anyone may have listed it, or given it the role.
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
    """One doubt, and what it is about."""

    doubt: Doubt
    names: tuple[str, ...] = ()
    """Owners, credentials, properties or clients, as a person knows them."""


@dataclass(frozen=True)
class Doubted:
    """A registration that may not be written to, with the reasons."""

    reasons: tuple[Reason, ...]
    owners: tuple[Owner, ...] = ()
    """Beside the caller, as far as they were read."""

    @property
    def owner_names(self) -> tuple[str, ...]:
        return names_of(self.owners)

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
    if is_named_as_service(application, spec):
        return Belief.NAMED
    if application.object_id in observed.unfinished:
        return Belief.REMEMBERED
    owners = foreign_owners(observed.trust.owners, observed.caller.id)
    site = another_site(application, observed)
    if site is not None:
        return Doubted((Reason(Doubt.OTHER_SITE, (site,)),), owners)
    # A Website Contributor may name any registration in the settings.
    if application.unique_name != observed.trust.unique_name:
        return Doubted((Reason(Doubt.ONLY_SET),), owners)
    doubted = Doubted((Reason(Doubt.UNKNOWN_SITE, observed.twins),), owners)
    may_be_of_a_twin = bool(observed.twins) and is_of_unknown_site(application, observed)
    # Its name and the settings agree: a Website Contributor who achieved both harms his own App
    # Service alone.
    if is_in_settings(application, observed):
        # The settings of one App Service can be copied to another one of its name.
        return doubted if may_be_of_a_twin else Belief.OWN_SERVICE
    content = service_content(application, observed)
    decision = _trust_by_content(application, observed, content, service_spec=spec)
    return doubted if may_be_of_a_twin and isinstance(decision, Belief) else decision


def is_of_unknown_site(service: Application, observed: ObservedState) -> bool:
    """Whether an App Service's own service application does not say which App Service that is.

    People write over its note. Earlier versions wrote no tag, nor does who sees no App Service.
    """
    if observed.app_service is None or service.unique_name != observed.trust.unique_name:
        return False
    return site_in_note(service.notes) is None and _tagged_group(service) is None


def is_not_of_this_site(service: Application, observed: ObservedState) -> bool:
    """Whether the service application is not this App Service's, or by the settings alone."""
    decision = service_trust(service, observed, ServiceSpec())
    if not isinstance(decision, Doubted):
        return False
    return decision.has(Doubt.ONLY_SET) or decision.has(Doubt.OTHER_SITE)


def may_be_anothers_api(observed: ObservedState) -> bool:
    """Whether the service application may be another team's, so that no token goes by its name.

    Who once owned another team's API may have given it our name, and may write this App Service's
    settings: what its team has put into it shows, and that it lacks our role.
    """
    service = observed.trust.service
    if service is None:
        return False
    has_only_ours = service.app_roles and not any(foreign_service_content(service, observed))
    return is_not_of_this_site(service, observed) or not has_only_ours


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
    # A display name that looks like an appId is of another client.
    if names_client(named, client.client_id):
        return Belief.NAMED
    if client.is_registered_here and application.object_id in observed.unfinished:
        return Belief.REMEMBERED
    owners = _owners_of(application, observed)
    if not client.is_registered_here:
        return Doubted((Reason(Doubt.OTHER_TENANT),), owners)
    # Everyone else's registrations keep what they have. Lists and assignments may be anyone's
    # doing.
    if not has_unique_name_below(application, observed.trust.unique_name):
        return Doubted((Reason(Doubt.NOT_BELOW),), owners)
    # Two App Services of one name would call their clients the same.
    if _is_of_twin_site(client, observed):
        return Doubted((Reason(Doubt.NOT_BELOW),), owners)
    # A client is believed no sooner than its API.
    if service is not None:
        of_service = service_trust(service, observed, spec)
        if isinstance(of_service, Doubted):
            is_unread = of_service.has(Doubt.UNREAD)
            return of_service if is_unread else Doubted((Reason(Doubt.OTHER_SERVICE),), owners)
    # The role counts. Where the API's owner could have assigned it, the client has to be listed.
    if observed.trust.has_any_role(client.principal_id) and (
        is_listed(client, observed) or _only_administrators_grant(observed)
    ):
        return _own_client_trust(application, observed)
    return _trust_by_content(
        application, observed, client_content(application, observed, spec), asked
    )


def _is_of_twin_site(client: ClientApplication, observed: ObservedState) -> bool:
    """Whether a client with a name below ours was created for another App Service of that name."""
    trust, service = observed.trust, observed.trust.service
    if (
        service is not None
        and service.unique_name == trust.unique_name
        and another_site(service, observed) is not None
    ):
        return True
    holds_role = trust.has_any_role(client.principal_id)
    tagged = _tagged_group(client.application)
    if tagged is not None:
        is_elsewhere_by_tag = observed.app_service is not None and tagged != _own_group(observed)
        # An App Service that was moved has the clients of its own service application all the same.
        return is_elsewhere_by_tag and not (holds_role and _only_administrators_grant(observed))
    # Earlier versions wrote no tag. The role counts then, as anyone may register our name; where
    # others may have given it, what the client requests counts, which its own owners write.
    twins_api = trust.own_unused
    if twins_api is not None and another_site(twins_api, observed) is None:
        twins_api = None
    if not holds_role:
        return twins_api is not None
    if _only_administrators_grant(observed):
        return False
    return _requests_another_api(client.application, twins_api, observed)


def _requests_another_api(
    application: Application, twins_api: Application | None, observed: ObservedState
) -> bool:
    """Whether a client requests an app role of an API that is not this App Service's.

    `twins_api`: the service application of another App Service of its name. Any client may request
    roles of Graph.
    """
    service = observed.trust.service
    earlier = created_role_ids(observed)
    for access in application.required_access:
        api = access.resource_client_id
        if api == GRAPH_APP_ID or (service is not None and api == service.client_id):
            continue
        roles = {permission for permission, kind in access.permissions if kind == "Role"}
        # An API of this App Service that is gone is known by the ids of its roles.
        is_twins = twins_api is not None and api == twins_api.client_id
        if roles and (is_twins or not roles <= earlier):
            return True
    return False


def _only_administrators_grant(observed: ObservedState) -> bool:
    """Whether no one but an administrator can have assigned the roles of the API.

    The owner of an API that this App Service adopted could give its role to anyone, also to a
    client of our name.
    """
    service = observed.trust.service
    if service is None or not is_created_for_this_site(observed):
        return False
    if foreign_owners(observed.trust.owners, observed.caller.id):
        return False
    # Once a registration is purged, its `uniqueName` and its URIs are anyone's. No other one ever
    # gets its appId.
    is_set_by_id = client_id_in(observed.service_in_settings) == service.client_id
    # One that the settings do not name is believed for another reason than they: the command names
    # it, a run here made it, or it is untouched. An owner beside the caller was ruled out above.
    return is_set_by_id or not is_in_settings(service, observed)


def _own_client_trust(application: Application, observed: ObservedState) -> TrustDecision:
    """Decide about a client with our name and a role, by its credentials and owners.

    An owner of earlier days may have given another team's registration our name: that team still
    owns it, and signs in as it.
    """
    custody = observed.custody_of(application)
    if not (
        has_foreign_credential(application, observed) or _is_older_than_api(application, observed)
    ):
        return Belief.OWN_CLIENT
    if custody is None:
        return Doubted((Reason(Doubt.UNREAD),))
    owners = foreign_owners(custody.owners, observed.caller.id)
    if not owners:
        return Belief.OWN_CLIENT
    return Doubted((Reason(Doubt.OWNED, names_of(owners)),), owners)


def has_foreign_credential(application: Application, observed: ObservedState) -> bool:
    """Whether anything signs in as it that this tool did not make, as far as it was read."""
    credentials = [*application.credentials]
    custody = observed.custody_of(application)
    if custody is not None:  # those of its service principal, too: read before it is deleted
        credentials += custody.credentials
    return not all(_is_made_by_us(credential, application, observed) for credential in credentials)


def doubtful_once_restored(
    credentials: Iterable[Credential], application: Application, observed: ObservedState
) -> tuple[Credential, ...]:
    """The credentials that speak against taking up a deleted registration, by which they are lost.

    It may be another team's, which an owner of earlier days named like ours. One that a run on this
    machine has deleted is not: whatever others have put into it since goes.
    """
    if application.object_id in {*observed.unfinished, *observed.deleted_here}:
        return ()
    return tuple(
        credential
        for credential in credentials
        if not _is_made_by_us(credential, application, observed)
    )


def _doubtful_in_bin(deleted: Application, observed: ObservedState) -> tuple[Credential, ...]:
    """The same of what the recycle bin shows: secrets alone. A plan leaves out those that go."""
    rows = (row for row in observed.trust.deleted if row.object_id == deleted.object_id)
    credentials = (credential for row in rows for credential in row.credentials)
    return doubtful_once_restored(credentials, deleted, observed)


def is_known_here(application: Application, observed: ObservedState) -> bool:
    """Whether a file of this machine has, or had, one of its credentials: it was created by us."""
    notes = observed.local_notes.get(application.client_id, ())
    return any(
        note.is_of_client(application.client_id) and note.has_had(credential)
        for note in notes
        for credential in application.credentials
    )


def _is_older_than_api(application: Application, observed: ObservedState) -> bool:
    """Whether it was there before the service application that it should have been created for.

    Entra ID alone writes these times. An API that was adopted may be younger than its clients.
    """
    service = observed.trust.service
    if service is None or not is_created_for_this_site(observed):
        return False
    if service.created is None or application.created is None:
        return False
    return service.created - application.created > CREATED_TOGETHER


def _is_made_by_us(
    credential: Credential, application: Application, observed: ObservedState
) -> bool:
    """Whether its name is one that this tool gives, or a note on this machine names it."""
    federation = credential.federation
    if credential.has_our_name or (federation is not None and credential.name == federation.name):
        return True
    notes = observed.local_notes.get(application.client_id, ())
    return any(note.vouches_for(credential, application.client_id) for note in notes)


def is_named_in_command(application: Application, desired: Desired) -> bool:
    """Whether the command names a registration by its appId or URI."""
    if desired.service is not None and is_named_as_service(application, desired.service):
        return True
    return names_client(desired.names, application.client_id)


def is_created_by_caller(application: Application, caller: SignedIn) -> bool:
    """Whether the caller, an application, has created it: only Entra ID writes that."""
    # A person would appear as az, which everyone uses.
    return caller.is_person is False and same_id(application.created_by, caller.client_id)


def another_site(application: Application, observed: ObservedState) -> str | None:
    """The other App Service that a service application was created for.

    By its note; by its tag, where someone has written over the note; or by its name.
    """
    site, noted = observed.app_service, site_in_note(application.notes)
    if site is not None and noted is not None and not same_id(noted, str(site.resource)):
        return noted
    tagged = _tagged_group(application) if site is not None and noted is None else None
    if tagged is not None and tagged != _own_group(observed):
        subscription, _, group = tagged.partition("/")
        return f"/subscriptions/{subscription}/resourceGroups/{group}"
    name = application.unique_name
    if name is None or name == observed.trust.unique_name:
        return None
    return site_in_unique_name(name)


def _tagged_group(application: Application) -> str | None:
    """The subscription and group of the App Service that a tag says it was created for."""
    return next(iter(Tag.SITE.values(application.tags)), None)


def _own_group(observed: ObservedState) -> str | None:
    site = observed.app_service
    if site is None:
        return None
    return site_group(site.resource.subscription_id, site.resource.resource_group)


# What has only the right name: believed if no one but the caller has put anything into it


def _trust_by_content(
    application: Application,
    observed: ObservedState,
    content: Iterable[str],
    asked: CredentialSpec | None = None,
    *,
    service_spec: ServiceSpec | None = None,
) -> TrustDecision:
    """Decide by what is in a registration that has only the right name.

    `content`: the properties that are not as this tool sets them. `service_spec`: what is asked of
    a service application, whose roles others may have assigned; `None`: it is a client.
    """
    custody = observed.custody_of(application)
    # Who owns a deleted one shows once it is restored, and is looked at then.
    if application.deleted is not None:
        custody = Custody(credentials=_doubtful_in_bin(application, observed))
    if custody is None:
        return Doubted((Reason(Doubt.UNREAD),))
    owners = foreign_owners(custody.owners, observed.caller.id)
    # A pipeline may register applications for others, too: someone whom it makes an owner could
    # call his own one like ours.
    if is_created_by_caller(application, observed.caller) and not owners:
        return Belief.UNTOUCHED
    reasons = list[Reason]()
    if owners:
        reasons.append(Reason(Doubt.OWNED, names_of(owners)))
    unknown = _unexplained_credentials(custody.credentials, application, observed, asked)
    if unknown:
        nouns = tuple(credential.kind.noun for credential in unknown)
        reasons.append(Reason(Doubt.CREDENTIALS, nouns))
    properties = tuple(content)
    if properties:
        reasons.append(Reason(Doubt.CONTENT, properties))
    if service_spec is not None:
        reasons += _grants_of_others(observed, service_spec)
    return Doubted(tuple(reasons), owners) if reasons else Belief.UNTOUCHED


def _unexplained_credentials(
    credentials: Iterable[Credential],
    application: Application,
    observed: ObservedState,
    asked: CredentialSpec | None,
) -> list[Credential]:
    """The credentials that neither a note on this machine names nor the command asks for."""
    notes = observed.local_notes.get(application.client_id, ())
    unknown = list[Credential]()
    for credential in credentials:
        if any(note.vouches_for(credential, application.client_id) for note in notes):
            continue
        # A new secret resembles no credential; a certificate or an issuer may be there already.
        if isinstance(asked, Certificate | Federation) and asked.describes(credential):
            continue
        unknown.append(credential)
    return unknown


def _grants_of_others(observed: ObservedState, spec: ServiceSpec) -> Iterator[Reason]:
    """Find assignments of the roles to anyone but untouched clients below the same name."""
    trust = observed.trust
    clients = {client.principal_id: client for client in trust.clients if client.principal_id}
    others = list[str]()
    is_unread = False
    for assignment in trust.assignments:
        client = clients.get(assignment.principal_id)
        if client is None or not has_unique_name_below(client.application, trust.unique_name):
            others.append(assignment.principal_name or assignment.principal_id)
            continue
        application = client.application
        if application.object_id in observed.unfinished:
            continue
        decision = _trust_by_content(
            application, observed, client_content(application, observed, spec)
        )
        if not isinstance(decision, Doubted):
            continue
        if decision.has(Doubt.UNREAD):
            is_unread = True
        else:
            others.append(client.display_name)
    if others:
        yield Reason(Doubt.ASSIGNED, tuple(dict.fromkeys(others)))
    if is_unread:
        yield Reason(Doubt.UNREAD)


# Owners


def restored_trust(decision: TrustDecision, owners_then: Collection[str]) -> TrustDecision:
    """Decide whether to believe what this run has restored.

    `decision` is that of a registration which was there all the time; `owners_then`: the ids of
    those who owned it when an earlier run on this machine deleted it.
    """
    if not isinstance(decision, Doubted) or has_new_owner(decision, owners_then):
        return decision
    # Owners alone are no doubt if they could have put anything into it before that, too.
    # Credentials and properties are one: they may have been added since, for a run to restore.
    is_only_owned = all(reason.doubt is Doubt.OWNED for reason in decision.reasons)
    return Belief.REMEMBERED if is_only_owned else decision


def has_new_owner(doubted: Doubted, owners_then: Collection[str]) -> bool:
    return any(owner not in owners_then for owner, _ in doubted.owners)


def principal_doubts(
    owners: Iterable[Owner], credentials: Iterable[Credential], caller: PrincipalId | None
) -> Doubted | None:
    """Return why someone else may control a service principal, or None."""
    reasons: list[Reason] = []
    others = foreign_owners(owners, caller)
    if others:
        reasons.append(Reason(Doubt.OWNED, names_of(others)))
    nouns = tuple(credential.kind.noun for credential in credentials)
    if nouns:
        reasons.append(Reason(Doubt.CREDENTIALS, nouns))
    return Doubted(tuple(reasons)) if reasons else None


def foreign_owners(owners: Iterable[Owner], caller: PrincipalId | None) -> tuple[Owner, ...]:
    """The owners beside the caller, each once."""
    return tuple(dict.fromkeys(owner for owner in owners if owner[0] != caller))


def names_of(owners: Iterable[Owner]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for _, name in owners))


def _owners_of(application: Application, observed: ObservedState) -> tuple[Owner, ...]:
    """Its owners beside the caller; empty also where they were not read."""
    custody = observed.custody_of(application)
    return foreign_owners(custody.owners, observed.caller.id) if custody is not None else ()
