"""Whose a registration is: everything that writes, grants, delivers, revokes or removes asks here first.

Who may write an App Service's settings is no administrator of the directory; neither is the owner of a
registration, who writes its tags, notes and display name, nor any member of the tenant, who may register an application
under a name that can be computed (learn.microsoft.com/entra/fundamentals/users-default-permissions).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime

from mct_s2s.errors import Refused
from mct_s2s.model.client_credentials import CLOCKS_DIFFER, Credential, SecretNote
from mct_s2s.model.commands import command, option
from mct_s2s.model.desired import CredentialSpec, Desired, Removal, Rotation, ServiceSpec
from mct_s2s.model.directory_objects import Application, Custody, Owner
from mct_s2s.model.ids import PrincipalId, same_id, site_in_note, site_in_unique_name
from mct_s2s.model.observed import ClientApplication, ObservedState
from mct_s2s.model.site_settings import AUDIENCE
from mct_s2s.planning.registrations.exposed import is_called, purging, restoring, trusted_role
from mct_s2s.planning.registrations.membership import clients_called, members

SERVICE_NOT_OURS = "service-application-not-ours"
NOT_OURS = "registration-not-ours"
SERVICE_OPTION = "--service-app"
CLIENT_OPTION = "--client"


class NotOurs(Refused):
    """Only a name speaks for a registration."""

    page = "SECURITY.md#what-others-can-write-and-what-it-never-causes"


def is_named(application: Application, spec: ServiceSpec) -> bool:
    """Whether the command line or the trust file names a service application by its appId or URI."""
    return spec.adopt is not None and is_called(application, spec.adopt.strip())


def is_own(application: Application, observed: ObservedState, spec: ServiceSpec) -> bool:
    """Whether it is this very App Service's, by its `uniqueName` and by the settings, even if someone else owns it."""
    is_ours = application.unique_name == spec.unique_name and not another_site(application, observed, spec.unique_name)
    return is_ours and is_in_settings(application, observed)


def foreign_service(application: Application, observed: ObservedState, spec: ServiceSpec) -> str:
    """Why nothing may be written to a service application, for people; empty where it is ours.

    What only the settings name is never ours. Who owns what is deleted shows once it is restored.
    """
    if is_named(application, spec) or is_own(application, observed, spec):
        return ""
    other = another_site(application, observed, spec.unique_name)
    if other:
        return f"it was created for another App Service, {other}"
    why = _foreign_custody(application, observed)
    if application.unique_name != spec.unique_name:
        return why or "no administrator of the directory has assigned it to this App Service"
    return "" if application.deleted else why


def foreign_client(
    client: ClientApplication,
    observed: ObservedState,
    spec: ServiceSpec,
    named: Collection[str] = (),
    note: SecretNote | None = None,
    credential: CredentialSpec | None = None,
) -> str:
    """Why nothing may be written to a client's registration, for people; empty where it is ours.

    An entry on an allow list, a tag or a display name never counts; the consent of an administrator does.

    Args:
        observed: the state, with the custody of what `in_question` asks for.
        named: what the operator named clients by; only their appIds count.
        note: what the client's store remembers: those credentials may be there.
        credential: the one that is asked for may be there, too.
    """
    service, application = observed.trust.service, client.application
    if client.client_id.casefold() in {name.strip().casefold() for name in named}:
        return ""
    if application is None or (service is not None and foreign_service(service, observed, spec)):
        return "its service application is not this App Service's"
    if is_consented_to(client, observed, spec):
        return ""
    why = _foreign_custody(application, observed, note, credential)
    if not is_below(application, observed.trust.base(spec.unique_name)):
        return why or "it has no admin consent for this App Service"
    return why


def is_in_settings(application: Application, observed: ObservedState) -> bool:
    audience = (AUDIENCE.value_in(observed.settings) or "").strip()
    return bool(audience) and is_called(application, audience)


def another_site(application: Application, observed: ObservedState, unique_name: str) -> str | None:
    """The other App Service that a service application was created for, by its note or its `uniqueName`."""
    site, noted = observed.app_service, site_in_note(application.notes)
    if site is not None and noted is not None and not same_id(noted, str(site.site.resource)):
        return noted
    name = application.unique_name
    return site_in_unique_name(name) if name is not None and name != unique_name else None


def is_below(application: Application, base: str) -> bool:
    """Whether a client's registration was created for the service application of that `uniqueName`."""
    return application.unique_name is not None and application.unique_name.startswith(f"{base}.")


def everyone(observed: ObservedState, base: str) -> tuple[ClientApplication, ...]:
    """All client applications: by consent, by an allow list, or created for the service application `base`.

    One that merely carries this trust's tag is none of them: its owner can write that.
    """
    made = (one for one in observed.trust.clients if one.application and is_below(one.application, base))
    return tuple(dict.fromkeys((*members(observed), *made)))


def is_consented_to(client: ClientApplication, observed: ObservedState, spec: ServiceSpec) -> bool:
    """Whether an administrator gave the client the role; one that only the settings name is not the role."""
    role = trusted_role(observed, spec)
    return observed.trust.holds(client.principal, role.id if role else None)


def in_question(observed: ObservedState, desired: Desired) -> Iterator[ClientApplication]:
    """The registrations whose custody has to be looked at: to judge them, or to say whose they are."""
    spec, trust = desired.service, observed.trust
    if spec is None:
        return
    if trust.service is not None and (is_named(trust.service, spec) or not is_own(trust.service, observed, spec)):
        yield ClientApplication(trust.service, trust.principal)
    base = trust.base(spec.unique_name)
    asked = {one.client_id for name in desired.names for one in clients_called(name, observed, base)}
    for client in () if isinstance(desired, Removal) else trust.clients:
        application = client.application
        if application is None or is_consented_to(client, observed, spec):
            continue
        if client.client_id in asked or (isinstance(desired, Rotation) and is_below(application, base)):
            yield client


def service_not_ours(application: Application, observed: ObservedState, spec: ServiceSpec, why: str) -> NotOurs:
    """Stop before anything is written by a run whose service application may not be this App Service's."""
    client_id, own = application.client_id, observed.trust.own
    if (
        not is_in_settings(application, observed)
        and application.unique_name == spec.unique_name
        and not site_in_note(application.notes)
    ):
        return not_ours(application, why, SERVICE_OPTION)
    by = f"{AUDIENCE} names" if is_in_settings(application, observed) else "The service application is"
    ways = f"Run the same command with {option(SERVICE_OPTION, client_id)} if it is right"
    if own is not None:
        ways += f", or with {option(SERVICE_OPTION, own.client_id)} for the one that was created for this App Service"
    return NotOurs(
        SERVICE_NOT_OURS,
        f"{by} '{application.display_name}' (appId {client_id}), which is not this App Service's own: {why}. Nothing "
        "was changed.",
        remedy=f"{ways}. In a trust file, use the key service-app.",
    )


def not_ours(application: Application, why: str, adopt_by: str) -> NotOurs:
    """What is said of a registration that nothing but a name speaks for, and the ways on."""
    since = f", registered on {application.created:%Y-%m-%d}" if application.created else ""
    client_id = application.client_id
    if adopt_by == SERVICE_OPTION:
        adopt = f"run the same command with {option(SERVICE_OPTION, client_id)}"
    else:
        adopt = f"use its appId {client_id} instead of its name (setup: {option(adopt_by, client_id)})"
    return NotOurs(
        NOT_OURS,
        f"'{application.display_name}' (appId {client_id}{since}) has the name of this registration, but mct-s2s may "
        f"not have created it: {why}. Its owner could sign in as it. Nothing was changed.",
        remedy=f"If it is the right one, {adopt}. If not, delete it and run the same command again:",
        command=command("az", "ad", "app", "delete", "--id", client_id),
    )


def refuse_faster(
    application: Application, custody: Custody, caller: PrincipalId | None, since: datetime, adopt_by: str
) -> None:
    """Stop where someone else made a registration of that name while this run was about to.

    Another of our runs may have created it and its credential: then it is the caller's, and as young as this run.
    """
    is_young = application.created is not None and application.created >= since - CLOCKS_DIFFER
    unknown = [one for one in custody.credentials if not (is_young and one.is_ours)]
    why = _foreign(custody.owners, unknown, caller)
    if why:
        raise not_ours(application, why, adopt_by)


def foreign_owners(owners: Iterable[Owner], caller: PrincipalId | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for owner, name in owners if not same_id(owner, caller)))


def back_in_the_bin(application: Application, owners: tuple[str, ...], adopt_by: str, graph: str) -> NotOurs:
    """What is said of one that came out of the recycle bin, turned out to be someone else's, and went back."""
    return NotOurs(
        NOT_OURS,
        f"'{application.display_name}' (appId {application.client_id}) in the recycle bin uses the name of this "
        f"registration, but mct-s2s may not have created it: it is owned by {', '.join(owners)}. It was restored "
        "to check, and deleted again.",
        remedy=f"If it is the right one, run {restoring(application, graph)} and the same command with "
        f"{option(adopt_by, application.client_id)}. If not, purge it and run the same command again:",
        command=purging(application, graph),
    )


def adoption(application: Application, observed: ObservedState, about: str) -> str:
    """What the plan says of a registration that the operator takes into this trust by its appId."""
    custody = observed.custody_of(application) or Custody()
    owners = ", ".join(dict.fromkeys(name for _, name in custody.owners)) or "no one"
    held = _counted(custody.credentials)
    signs_in = f"; {held} can sign in as it" if held else ""
    return f"adopt {about} '{application.display_name}' (appId {application.client_id}), owned by {owners}{signs_in}."


def _foreign_custody(
    application: Application,
    observed: ObservedState,
    note: SecretNote | None = None,
    credential: CredentialSpec | None = None,
) -> str:
    """Who else controls a registration; empty where no one does."""
    custody = observed.custody_of(application)
    if custody is None:
        return "it is not known who owns it"
    judges = [one.knows for one in (note,) if one] + [one.describes for one in (credential,) if one]
    unknown = [one for one in custody.credentials if not any(knows(one) for knows in judges)]
    return _foreign(custody.owners, unknown, observed.caller)


def _foreign(owners: Iterable[Owner], unknown: Iterable[Credential], caller: PrincipalId | None) -> str:
    others, credentials = foreign_owners(owners, caller), _counted(unknown)
    owned = f"it is owned by {', '.join(others)}" if others else ""
    held = f"it has {credentials} that this machine did not create" if credentials else ""
    return ", and ".join(part for part in (owned, held) if part)


def _counted(credentials: Iterable[Credential]) -> str:
    """`2 secrets and 1 federated credential`."""
    counts = Counter(credential.kind for credential in credentials)
    return " and ".join(f"{count} {kind.noun}{'s' if count > 1 else ''}" for kind, count in counts.items())
