"""Whether a registration is ours that nothing but its name speaks for: anyone may have registered that name before us.

Names can be computed by anyone, and any member of a tenant may register applications
(learn.microsoft.com/entra/fundamentals/users-default-permissions). A user who owns a registration, or knows one of its
credentials, can sign in as it. So one that is found by its name alone is taken up only where no one but the caller owns
it and nothing can sign in as it that this machine does not know. What the App Service names as its audience or has on
its allow lists, what an administrator has consented to, and what the operator names by appId needs no such check.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime

from mct_s2s.errors import Refused
from mct_s2s.model.client_credentials import CLOCKS_DIFFER, Credential, SecretNote
from mct_s2s.model.commands import command, option, own_command
from mct_s2s.model.desired import CredentialSpec
from mct_s2s.model.directory_objects import Application, Custody, Owner
from mct_s2s.model.ids import PrincipalId, same_id
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.site_settings import AUDIENCE, AppSettings
from mct_s2s.model.trust import ClientApplication
from mct_s2s.planning.registrations.application_uri import is_called, purging, restoring
from mct_s2s.planning.registrations.membership import clients_called, is_allowed, members

CODE = "registration-not-ours"
SERVICE_OPTION = "--service-app"
CLIENT_OPTION = "--client"
_DELETE = ("az", "ad", "app", "delete", "--id")


def is_named(application: Application, adopt: str | None, settings: AppSettings) -> bool:
    """Whether the operator or the App Service names this service application."""
    named = (adopt, AUDIENCE.value_in(settings))
    return any(word and word.strip() and is_called(application, word.strip()) for word in named)


def in_question(observed: ObservedState, names: tuple[str, ...]) -> Iterator[ClientApplication]:
    """Registrations whose custody has to be looked at: nothing but their name speaks for them, or they are adopted."""
    trust = observed.trust
    if trust.service is not None and not is_named(trust.service, None, observed.settings):
        yield ClientApplication(trust.service, trust.principal)
    if not names:
        return
    proven = {client.client_id.lower() for client in members(observed)}
    for client in trust.clients:
        if client.application is not None and client.client_id.lower() not in proven:
            yield client


def found_by_name_alone(observed: ObservedState, names: Iterable[str], unique_name: str) -> list[Application]:
    """The service application and the clients of these names, as far as the App Service's settings name none of them.

    The settings show at once what was changed; the directory shows what was deleted, and consents to it, for a while.
    """
    trust, site = observed.trust, observed.app_service
    found: list[Application] = []
    if trust.service is not None and not is_named(trust.service, None, observed.settings):
        found.append(trust.service)
    for name in names:
        clients = (
            one for one in clients_called(name, observed, unique_name) if site is None or not is_allowed(one, site)
        )
        found += [client.application for client in clients if client.application is not None]
    return list({one.object_id: one for one in found}.values())


def is_like_ours_by_name_alone(application: Application, named: Iterable[str], observed: ObservedState) -> bool:
    """Whether nothing but its name speaks for a client's registration: no access, and no one who named its appId.

    Args:
        application: the registration.
        named: the names and appIds of clients that the operator gave.
        observed: the state.
    """
    client_id = application.client_id.casefold()
    proven = {member.client_id.casefold() for member in members(observed)}
    return client_id not in {*proven, *map(str.casefold, named)}


def refuse_foreign(
    application: Application,
    observed: ObservedState,
    adopt_by: str,
    note: SecretNote | None = None,
    spec: CredentialSpec | None = None,
) -> None:
    """Stop before a registration is used that may be in someone else's hands.

    Args:
        application: found by its name alone.
        observed: the state, with who owns what and what signs in as it.
        adopt_by: how it is adopted nevertheless: `--client`.
        note: what its store remembers, if it has one: those credentials may be there.
        spec: the credential that was asked for, if one was: it may be there, too.

    Raises:
        Refused: `registration-not-ours`.
    """
    custody = observed.custody_of(application)
    unknown = [one for one in custody.credentials if not _is_known(one, note, spec)]
    why = _foreign(custody.owners, unknown, observed.caller)
    if why:
        raise not_ours(application, why, adopt_by)


def refuse_faster(
    application: Application, custody: Custody, caller: PrincipalId | None, since: datetime, adopt_by: str
) -> None:
    """Stop where someone else made a registration of that name while this run was about to.

    Another of our runs may have created it and its credential: then it is the caller's, and as young as this run.

    Raises:
        Refused: `registration-not-ours`.
    """
    is_young = application.created is not None and application.created >= since - CLOCKS_DIFFER
    unknown = [one for one in custody.credentials if not (is_young and one.is_ours)]
    why = _foreign(custody.owners, unknown, caller)
    if why:
        raise not_ours(application, why, adopt_by)


def foreign_owners(owners: Iterable[Owner], caller: PrincipalId | None) -> tuple[str, ...]:
    """The names of those owners who are not the caller."""
    return tuple(dict.fromkeys(owner.name for owner in owners if not same_id(owner.id, caller)))


def not_ours(application: Application, why: str, adopt_by: str) -> Refused:
    """What is said of such a registration, and the two ways on."""
    since = f", registered on {application.created:%Y-%m-%d}" if application.created else ""
    return Refused(
        CODE,
        f"'{application.display_name}' (appId {application.client_id}{since}) already uses the name of this "
        f"registration, but mct-s2s may not have created it: {why}. Its owner could sign in as it.",
        remedy=f"{_adopting(adopt_by, application)} If not, delete it and run the same command again:",
        command=command(*_DELETE, application.client_id),
    )


def back_in_the_bin(application: Application, owners: tuple[str, ...], adopt_by: str, graph: str) -> Refused:
    """What is said of one that came out of the recycle bin, turned out to be someone else's, and went back."""
    return Refused(
        CODE,
        f"'{application.display_name}' (appId {application.client_id}) in the recycle bin uses the name of this "
        f"registration, but mct-s2s may not have created it: it is owned by {', '.join(owners)}. It was restored "
        "to check, and deleted again.",
        remedy=f"To restore it, run {restoring(application, graph)}. {_adopting(adopt_by, application)} If not, purge "
        "it and run the same command again:",
        command=purging(application, graph),
    )


def adoption(application: Application, observed: ObservedState, about: str) -> str:
    """What the plan says of a registration that the operator takes into this trust by its appId."""
    custody = observed.custody_of(application)
    owners = ", ".join(dict.fromkeys(owner.name for owner in custody.owners)) or "no one"
    held = _counted(custody.credentials)
    signs_in = f"; {held} can sign in as it" if held else ""
    return f"adopt {about} '{application.display_name}' (appId {application.client_id}), owned by {owners}{signs_in}."


def _adopting(adopt_by: str, application: Application) -> str:
    """The way on for the right one, whichever command met it: only `setup` has an option for a service application."""
    if adopt_by == SERVICE_OPTION:
        adopt = own_command("setup", SERVICE_OPTION, application.client_id)
        return f"If it is the right one, adopt it by its appId: {adopt}, with the same options for the App Service."
    named = option(adopt_by, application.client_id)
    return f"If it is the right one, use its appId {application.client_id} instead of its name (setup: {named})."


def _is_known(credential: Credential, note: SecretNote | None, spec: CredentialSpec | None) -> bool:
    return (note is not None and note.knows(credential)) or (spec is not None and spec.describes(credential))


def _foreign(owners: Iterable[Owner], unknown: Iterable[Credential], caller: PrincipalId | None) -> str:
    """In whose hands it may be; empty where it is in no one else's."""
    others, credentials = foreign_owners(owners, caller), _counted(unknown)
    owned = f"it is owned by {', '.join(others)}" if others else ""
    held = f"it has {credentials} that this machine did not create" if credentials else ""
    return ", and ".join(part for part in (owned, held) if part)


def _counted(credentials: Iterable[Credential]) -> str:
    """`2 secrets and 1 federated credential`."""
    counts = Counter(credential.kind for credential in credentials)
    return " and ".join(f"{count} {kind.noun}{'s' if count > 1 else ''}" for kind, count in counts.items())
