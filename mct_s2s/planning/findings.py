"""What is wrong with a trust, each finding with the command that mends it.

The codes are part of the command line's contract. A finding speaks of the trust as it stands; it never guesses at
what the operator might want beside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from mct_s2s.model.commands import own_command, webapp_command
from mct_s2s.model.ids import DEFAULT_ROLE, api_uri, is_guid
from mct_s2s.model.observed import (
    EXPIRING_WITHIN,
    Application,
    AppRole,
    AppService,
    ClientApplication,
    Observed,
)
from mct_s2s.model.site_settings import (
    APPLICATION_IDS,
    AUDIENCE,
    ENABLED,
    OBJECT_IDS,
    ROLE,
    TENANT_ID,
    TENANT_NAME,
    AllowList,
    is_enabled,
    ours,
    value_of,
)
from mct_s2s.planning.credentials.secret import secrets_among
from mct_s2s.planning.membership import members
from mct_s2s.planning.restoring import holder_of_uri, taken_uri
from mct_s2s.planning.slots import make_sticky, travelling

When = tuple[datetime, timedelta]
"""The moment of looking, and how far ahead."""


class Severity(StrEnum):
    """Errors and warnings make a trust unhealthy; notes do not."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: what, about whom, and what to type."""

    code: str
    severity: Severity
    subject: str
    message: str
    remedy: str


def is_healthy(findings: tuple[Finding, ...]) -> bool:
    """Whether nothing is missing, wrong or about to expire."""
    return all(finding.severity is Severity.NOTE for finding in findings)


def diagnose(observed: Observed, now: datetime, where: str, within: timedelta = EXPIRING_WITHIN) -> tuple[Finding, ...]:
    """Everything that is wrong, in the order in which it has to be mended.

    Args:
        observed: the world.
        now: aware; what expiry is measured against.
        where: the options that name this App Service on a command line: `-a contosolearn -g mct-prod`.
        within: how long before its end a client's last credential is spoken of.
    """
    site = observed.app_service
    if site is not None and observed.trust.service is None and not ours(site.settings):
        label = site.site.label
        return (
            Finding(
                "not-configured",
                Severity.ERROR,
                label,
                f"'{label}' has no service-to-service authentication yet. Add --client NAME for each of its callers.",
                own_command("setup", where=where),
            ),
        )
    found = [*_stopped(site), *_service(observed, where), *_settings(observed, where)]
    found += [*_clients(observed, (now, within), where), *_nobody(observed, where), *_swaps(observed)]
    return tuple(found)


def _stopped(site: AppService | None) -> Iterator[Finding]:
    if site is None or site.site.state.casefold() != "stopped":
        return
    resource = site.site.resource
    yield Finding(
        "app-service-stopped",
        Severity.WARNING,
        site.site.label,
        f"'{site.site.label}' is stopped: it answers no call, and a restart does not start it.",
        webapp_command("start", resource, "--subscription", resource.subscription_id),
    )


def _service(observed: Observed, where: str) -> Iterator[Finding]:
    trust, setup = observed.trust, own_command("setup", where=where)
    application = trust.service
    if application is None:
        lost = next(iter(trust.deleted), None)
        message = "The tenant holds no service application for this App Service"
        message += f": '{lost.display_name}' is in the recycle bin." if lost is not None else "."
        yield Finding("service-application-missing", Severity.ERROR, "service application", message, setup)
        return
    name = application.display_name
    if not _uris(observed):
        uri = api_uri(application.client_id)
        message = f"'{name}' has no Application ID URI that the App Service could expect; {uri} is missing."
        holder = holder_of_uri(uri, trust.deleted, but=application.client_id)
        told, remedy = taken_uri(uri, holder, observed.graph) if holder is not None else ("", setup)
        yield Finding("application-id-uri-missing", Severity.ERROR, name, f"{message} {told}".rstrip(), remedy)
    role = wanted_role(observed)
    value = _role_value(observed)
    if role is None:
        yield Finding("app-role-missing", Severity.ERROR, name, f"'{name}' has no app role '{value}'.", setup)
    elif not role.enabled:
        yield Finding("app-role-disabled", Severity.ERROR, name, f"The app role '{value}' of '{name}' is off.", setup)
    if trust.principal is None:
        yield Finding(
            "service-principal-missing",
            Severity.ERROR,
            name,
            f"'{name}' has no service principal: no token can be issued for it (AADSTS500011).",
            setup,
        )
    if application.token_version == 2:
        yield Finding(
            "token-version",
            Severity.ERROR,
            name,
            f"'{name}' asks for v2 access tokens; their audience is {application.client_id}, not its URI.",
            setup,
        )


def _settings(observed: Observed, where: str) -> Iterator[Finding]:
    site = observed.app_service
    if site is None:
        return
    configure = own_command("configure-appservice", where=where)
    expected = _expected_settings(observed)
    for name, accepted in expected.items():
        value = value_of(site.settings, name)
        if value is None or not value.strip():
            yield Finding("setting-missing", Severity.ERROR, name, f"{name} is not set.", configure)
        elif name == TENANT_ID and value.casefold() not in accepted:
            yield Finding(
                "tenant-mismatch",
                Severity.ERROR,
                name,
                f"{name} is '{value}', but the App Service belongs to the tenant {site.tenant_id}.",
                configure,
            )
        elif (value if name in {AUDIENCE, ROLE} else value.casefold()) not in accepted:
            wanted = " or ".join(sorted(accepted))
            yield Finding(
                "setting-mismatch", Severity.ERROR, name, f"{name} is '{value}'; it has to be '{wanted}'.", configure
            )
    if value_of(site.settings, ENABLED) is not None and not is_enabled(site.settings):
        yield Finding(
            "setting-mismatch",
            Severity.ERROR,
            ENABLED,
            f"{ENABLED} is '{value_of(site.settings, ENABLED)}': every service call is refused.",
            configure,
        )
    for name, listed in ((APPLICATION_IDS, site.allowed_client_ids), (OBJECT_IDS, site.allowed_object_ids)):
        yield from _malformed(name, listed, where)


def _swaps(observed: Observed) -> Iterator[Finding]:
    """Said only where a slot was asked for: whoever looks at production need not have a swap in mind."""
    site = observed.app_service
    if site is None or site.site.resource.slot is None or not travelling(site):
        return
    yield Finding(
        "settings-not-sticky",
        Severity.NOTE,
        site.site.label,
        f"A swap would carry {', '.join(travelling(site))} away from '{site.site.label}'.",
        make_sticky(site),
    )


def _malformed(name: str, listed: AllowList, where: str) -> Iterator[Finding]:
    if not listed.is_well_formed:
        yield Finding(
            "setting-malformed",
            Severity.WARNING,
            name,
            f"{name} has blanks, empty entries or doubles: '{listed.text}'.",
            own_command("configure-appservice", where=where),
        )
    for entry in listed.strangers:
        yield Finding(
            "setting-malformed",
            Severity.WARNING,
            name,
            f"'{entry}' on {name} is not a GUID and matches no caller.",
            own_command("remove-client", about=entry, where=where),
        )


def _clients(observed: Observed, when: When, where: str) -> Iterator[Finding]:
    site = observed.app_service
    clients = members(observed)
    for client in clients:
        yield from _client(client, observed, when, where)
    if site is None:
        return
    known = {client.client_id.casefold() for client in clients}
    for entry in site.allowed_client_ids.ids:
        if is_guid(entry) and entry.casefold() not in known:
            yield _unknown(entry, APPLICATION_IDS, where)
    principals = {identity.id.casefold() for identity in observed.trust.identities}
    principals |= {client.principal.id.casefold() for client in clients if client.principal is not None}
    for entry in site.allowed_object_ids.ids:
        if is_guid(entry) and entry.casefold() not in principals:
            yield _unknown(entry, OBJECT_IDS, where)


def _nobody(observed: Observed, where: str) -> Iterator[Finding]:
    """A trust that nobody can use; entries of an allow list that belong to nobody are a finding of their own."""
    site = observed.app_service
    if site is None or observed.trust.service is None or members(observed) or observed.trust.identities:
        return
    if site.allowed_client_ids.ids or site.allowed_object_ids.ids:
        return
    yield Finding(
        "no-clients",
        Severity.WARNING,
        site.site.label,
        f"'{site.site.label}' has no client: nobody can call its API yet.",
        own_command("add-client", about="NAME", where=where),
    )


def _client(client: ClientApplication, observed: Observed, when: When, where: str) -> Iterator[Finding]:
    name = client.display_name
    add = own_command("add-client", about=client.client_id, where=where)
    if not is_consented(client, observed) and not is_allowed_by_object_id(client, observed):
        yield Finding(
            "client-not-consented",
            Severity.ERROR,
            name,
            f"'{name}' has no admin consent: its tokens carry no role.",
            add,
        )
    if observed.app_service is not None and not is_allowed(client, observed.app_service):
        yield Finding(
            "client-not-allowed", Severity.ERROR, name, f"'{name}' holds the role but is not on the allow list.", add
        )
    if client.application is not None:
        yield from _credentials(client, when, add, own_command("rotate-secret", about=client.client_id, where=where))


def _credentials(client: ClientApplication, when: When, add: str, rotate: str) -> Iterator[Finding]:
    now, within = when
    assert client.application is not None  # noqa: S101  # asked only of registrations that this tenant holds
    name, credentials = client.display_name, client.application.credentials
    valid = [credential for credential in credentials if credential.is_valid_at(now)]
    if not credentials:
        yield Finding(
            "no-credential", Severity.ERROR, name, f"'{name}' has nothing to prove who it is: it cannot sign in.", add
        )
    elif not valid:
        latest = max(credential.expires for credential in credentials if credential.expires is not None)
        renew = add if secrets_among(credentials) else f"{add} --credential {credentials[0].kind}"
        yield Finding(
            "secret-expired",
            Severity.ERROR,
            name,
            f"The last credential of '{name}' expired on {latest:%Y-%m-%d}.",
            renew,
        )
    elif all(c.expires is not None and c.expires <= now + within for c in valid):
        latest = max(credential.expires for credential in valid if credential.expires is not None)
        last = next(iter(secrets_among(valid)), valid[0])
        renew = rotate if secrets_among(valid) else f"{add} --credential {last.kind}"
        yield Finding(
            "secret-expiring",
            Severity.WARNING,
            name,
            f"The last {last.kind.noun} of '{name}' expires on {latest:%Y-%m-%d}, in {(latest - now).days} days.",
            renew,
        )


def _unknown(entry: str, name: str, where: str) -> Finding:
    return Finding(
        "client-unknown",
        Severity.WARNING,
        entry,
        f"{entry} on {name} belongs to nobody in this tenant: a deleted client, or an id of the wrong kind.",
        own_command("remove-client", about=entry, where=where),
    )


def wanted_role(observed: Observed) -> AppRole | None:
    """The app role that the App Service asks for."""
    application = observed.trust.service
    return application.role(_role_value(observed)) if application is not None else None


def is_consented(client: ClientApplication, observed: Observed) -> bool:
    """Whether the client's tokens will carry the role."""
    role = wanted_role(observed)
    return (
        role is not None and client.principal is not None and observed.trust.is_assigned(client.principal.id, role.id)
    )


def is_allowed(client: ClientApplication, site: AppService) -> bool:
    """Whether either allow list lets the client in."""
    by_object = client.principal is not None and site.allowed_object_ids.holds(client.principal.id)
    return by_object or site.allowed_client_ids.holds(client.client_id)


def is_allowed_by_object_id(client: ClientApplication, observed: Observed) -> bool:
    """Whether it is let in by object id, which asks for no role."""
    site = observed.app_service
    return site is not None and client.principal is not None and site.allowed_object_ids.holds(client.principal.id)


def _role_value(observed: Observed) -> str:
    site, application = observed.app_service, observed.trust.service
    value = value_of(site.settings, ROLE) if site is not None else None
    return value if value and application is not None and application.role(value) is not None else DEFAULT_ROLE


def _uris(observed: Observed) -> frozenset[str]:
    """The audiences that would work: the URI that the site names if the registration has it, else the default."""
    application, site = observed.trust.service, observed.app_service
    if application is None:
        return frozenset()
    audience = value_of(site.settings, AUDIENCE) if site is not None else None
    if audience in application.identifier_uris:
        return frozenset({audience or ""})
    return frozenset({api_uri(application.client_id)} & set(application.identifier_uris))


def uri_shown(application: Application, observed: Observed) -> str | None:
    """The one Application ID URI to speak of: the site's audience, the default one, or whatever there is."""
    audience = value_of(observed.app_service.settings, AUDIENCE) if observed.app_service else None
    for candidate in (audience, api_uri(application.client_id)):
        if candidate in application.identifier_uris:
            return candidate
    return next(iter(application.identifier_uris), None)


def _expected_settings(observed: Observed) -> dict[str, frozenset[str]]:
    """The values that would work, for each setting that has to be there."""
    site, tenant, application = observed.app_service, observed.tenant, observed.trust.service
    assert site is not None  # noqa: S101  # asked only where a site was looked at
    expected: dict[str, frozenset[str]] = {TENANT_ID: frozenset({site.tenant_id.casefold()})}
    if value_of(site.settings, ENABLED) is None:
        expected[ENABLED] = frozenset({"true"})
    if tenant is not None:
        expected[TENANT_NAME] = tenant.domains or frozenset({tenant.name.casefold()})
    if application is not None:
        expected[AUDIENCE] = _uris(observed) or frozenset({api_uri(application.client_id)})
    if site.allowed_client_ids.ids:
        expected[ROLE] = frozenset({_role_value(observed)})
    return expected
