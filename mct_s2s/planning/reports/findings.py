"""Findings: what is wrong with a trust, each with the command that fixes it.

Scripts rely on the codes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from mct_s2s.model.azure_resources import AppService
from mct_s2s.model.client_credentials import (
    EXPIRING_WITHIN,
    Credential,
    newest_made,
    secrets_among,
)
from mct_s2s.model.commands import option, webapp_command
from mct_s2s.model.desired import ServiceSpec
from mct_s2s.model.ids import Tag, is_guid
from mct_s2s.model.observed import ClientApplication, ObservedState
from mct_s2s.model.site_settings import Holds
from mct_s2s.model.toml import toml_value
from mct_s2s.planning.belief import Doubted, another_site, client_trust, is_not_of_this_site
from mct_s2s.planning.clients import (
    has_wanted_role,
    is_allowed,
    is_allowed_by_object_id,
    members,
    unmatched_entries,
)
from mct_s2s.planning.credential_plan import held_here, lost_message
from mct_s2s.planning.membership import is_elsewhere, members_here
from mct_s2s.planning.not_ours import SERVICE_NOT_OURS, why_doubted
from mct_s2s.planning.replacement import all_end_by, signs_in_otherwise
from mct_s2s.planning.reports.renewal import is_made_by_others, renewing
from mct_s2s.planning.service_facts import (
    SERVICE_OPTION,
    audience_of,
    has_identifier,
    is_in_settings,
    is_noted_use,
    wanted_role,
    wanted_role_value,
)
from mct_s2s.planning.short_lifetime import ShortLifetime, typed
from mct_s2s.planning.site import accepted_values, not_sticky, other_api_refusal, pinning_command
from mct_s2s.planning.unnamed_credentials import (
    describe_unnamed,
    judged_credentials,
    unnamed_credentials,
)

NOT_CONFIGURED = "not-configured"
NO_CLIENTS = "no-clients"
NO_CREDENTIAL = "no-credential"
OTHER_API = "other-api"
CLIENT_NOT_ALLOWED = "client-not-allowed"
NO_CLIENTS_YET = "'{}' has no clients: nothing can call its API yet."


class Severity(StrEnum):
    """Errors and warnings make a trust unhealthy; notes do not.

    An error keeps clients from calling.
    """

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True)
class Finding:
    code: str
    subject: str
    message: str
    remedy: str
    """A command."""
    severity: Severity = Severity.ERROR
    client: str = ""
    """The appId of the one client that it is about; empty: all."""
    concerns_role: bool = False
    """Whether it concerns only those that need the app role."""

    @property
    def stops_calls(self) -> bool:
        return self.severity is Severity.ERROR


def diagnose(
    observed: ObservedState,
    within: timedelta = EXPIRING_WITHIN,
    adopted: str | None = None,
) -> tuple[Finding, ...]:
    """Find what is wrong, in the order of fixing; `adopted`: the file's service application."""
    observed = _name_adopted(observed, adopted)
    # Without its App Service, where the settings could not be read.
    readable = observed
    site, service = observed.app_service, observed.trust.service
    label, stopped_finding = site.label if site is not None else "", stopped(site)
    findings = [stopped_finding] if stopped_finding is not None else []
    if site is not None and site.refusal is not None:
        # What can be said by the directory alone. What is not there may be under a name that only
        # the settings know.
        message = f"You can't read the application settings of '{label}', so they were not checked."
        doctor = observed.command("doctor")
        findings.append(Finding("settings-unreadable", label, message, doctor, Severity.WARNING))
        readable = replace(observed, app_service=None)
    elif site is not None and not observed.is_set_up:
        setup = observed.command("setup")
        if observed.file is None:
            setup = f"{setup} --client NAME"
        return (
            Finding(
                NOT_CONFIGURED,
                label,
                f"'{label}' has no service-to-service authentication yet.",
                setup,
            ),
        )
    if service is not None or not observed.settings_unread:
        findings += _diagnose_service(readable)
    findings += _diagnose_site_and_clients(readable, within, adopted)
    return tuple(_with_api_to_name(findings, readable))


def _diagnose_site_and_clients(
    observed: ObservedState, within: timedelta, adopted: str | None
) -> Iterator[Finding]:
    site = observed.app_service
    if site is not None:
        yield from _find_foreign_service(observed, adopted)
        yield from wrong_settings(observed, site)
    for client in members(observed):
        yield from _diagnose_client(client, observed, within)
    if site is None:
        return
    yield from _find_unmatched_entries(observed)
    yield from _find_no_clients(observed, site)
    # Only where a slot was asked for: production's reader may not plan a swap.
    names = not_sticky(site, observed.api.shown(site.settings))
    if site.resource.slot is not None and names:
        yield Finding(
            "settings-not-sticky",
            site.label,
            f"Swapping would move {', '.join(names)} away from '{site.label}'.",
            pinning_command(site, observed.api),
            Severity.NOTE,
        )


def _with_api_to_name(findings: Sequence[Finding], observed: ObservedState) -> Iterator[Finding]:
    """Say first that the API has to be named, in place of a setup that would be refused.

    Findings stay: an owner writes the tag that names the API, and must hide nothing.
    """
    refusal = other_api_refusal(observed)
    refused = {observed.command(name) for name in ("setup", "configure-appservice")}
    if refusal is None or not any(finding.remedy in refused for finding in findings):
        yield from findings
        return
    is_unnamed = observed.api.is_default and observed.file is None
    remedy = observed.command("status", "--api", "FILE") if is_unnamed else refusal.advice
    assert observed.trust.service is not None  # it remembers the other API
    yield Finding(OTHER_API, observed.trust.service.display_name, refusal.statement, remedy)
    for finding in findings:
        yield replace(finding, remedy=remedy) if finding.remedy in refused else finding


def stopped(site: AppService | None) -> Finding | None:
    """The finding that the App Service is stopped, if it is."""
    if site is None or site.state.casefold() in {"", "running"}:
        return None
    resource, label = site.resource, site.label
    message = f"'{label}' is {site.state.lower()}. A restart does not start it."
    start = webapp_command("start", resource, "--subscription", resource.subscription_id)
    return Finding("app-service-stopped", label, message, start)


def _diagnose_service(observed: ObservedState) -> Iterator[Finding]:
    trust, setup = observed.trust, observed.command("setup")
    application = trust.service
    if application is None:
        deleted = next(
            (
                f": '{application.display_name}' is deleted and still in the recycle bin"
                for application in trust.deleted
            ),
            "",
        )
        message = f"The tenant has no service application for this App Service{deleted}."
        yield Finding("service-application-missing", "service application", message, setup)
        return
    name, role, value = application.display_name, wanted_role(observed), wanted_role_value(observed)
    if (uri := audience_of(application, observed)) not in application.identifier_uris:
        message = f"'{name}' has no Application ID URI for the App Service: {uri} is missing."
        yield Finding("application-id-uri-missing", name, message, setup)
    if role is None:
        yield Finding(
            "app-role-missing",
            name,
            f"'{name}' has no app role '{value}'.",
            setup,
            concerns_role=True,
        )
    elif not role.enabled:
        message = f"The app role '{value}' of '{name}' is disabled."
        yield Finding("app-role-disabled", name, message, setup, concerns_role=True)
    if trust.principal is None:
        message = (
            f"'{name}' has no service principal, so Entra ID issues no tokens for it "
            "(AADSTS500011)."
        )
        yield Finding("service-principal-missing", name, message, setup)
    version = application.token_version or 1
    if observed.api.token_version not in {None, version}:
        audience = f"their audience is {application.client_id}, not its Application ID URI"
        if version == 1:
            audience = f"their audience is its Application ID URI, not {application.client_id}"
        yield Finding(
            "token-version", name, f"'{name}' gets v{version} access tokens: {audience}.", setup
        )


def _name_adopted(observed: ObservedState, adopted: str | None) -> ObservedState:
    """Let the commands name the adopted service application again.

    Without it they would be refused.
    """
    service = observed.trust.service
    if service is None or not is_not_of_this_site(service, observed):
        return observed
    # By the operator's own word: a tag may be anyone's who once owned it.
    is_adopted = has_identifier(service, (adopted or "").strip())
    more = option(SERVICE_OPTION, service.client_id)
    return replace(observed, where=f"{observed.where} {more}".strip()) if is_adopted else observed


def _find_foreign_service(observed: ObservedState, adopted: str | None) -> Iterator[Finding]:
    """Find that the settings name a service application of others.

    They may have been copied, or written by anyone.
    """
    application, own_unused = observed.trust.service, observed.trust.own_unused
    if (
        application is None
        or not is_in_settings(application, observed)
        or has_identifier(application, adopted or "")
    ):
        return
    other = another_site(application, observed)
    # Made by hand, as the document has it, it is as it should be: what changes something asks for
    # the operator's word.
    if not is_not_of_this_site(application, observed) or (own_unused is None and other is None):
        return
    named = (
        f"{observed.api.names_service} names '{application.display_name}' (appId "
        f"{application.client_id})"
    )
    message = f"{named}, which was created for another App Service, {other}."
    if other is None:
        message = (
            f"{named}. mct-s2s did not set it up for this App Service, and nothing but its "
            "settings names it."
        )
    if own_unused is not None:
        message = (
            f"{message} Another registration has the name of this App Service's own: anyone can "
            "register that."
        )
    severity = Severity.WARNING
    setup = observed.command("setup", SERVICE_OPTION, "APP_ID")
    if observed.file is not None:
        message = (
            f"{message} If it is right, the file has to say so: service-app = "
            f"{toml_value(application.client_id)}"
        )
        setup = observed.command("setup")
    if is_noted_use(application, observed):
        # Its owner can write the tag, too: it is still said, and has still to be named.
        message, severity = f"{message} A tag of it says that it was adopted.", Severity.NOTE
    yield Finding(SERVICE_NOT_OURS, application.display_name, message, setup, severity)


def wrong_settings(observed: ObservedState, site: AppService) -> Iterator[Finding]:
    """Find settings that keep tokens from being accepted."""
    api, service, required = (
        observed.api,
        observed.trust.service,
        observed.api.required(site.settings),
    )
    # Without a service application, there is nothing to read the values from.
    configure = observed.command("configure-appservice" if service is not None else "setup")
    uri, client_id = (
        (audience_of(service, observed), service.client_id) if service is not None else (None, None)
    )
    values = accepted_values(observed, uri, client_id, wanted_role_value(observed))
    accepted = {
        holds: tuple(text for text in texts if isinstance(text, str))
        for holds, texts in values.items()
    }
    accepted[Holds.TENANT_ID] = (site.tenant_id,)
    for setting in api.rows:
        name, malformed, of_role = setting.name, "setting-malformed", setting.holds is Holds.ROLE
        if setting.holds.is_list:
            listed = setting.list_in(site.settings)
            if not listed.is_well_formed:
                message = f"{name} contains spaces, empty entries or duplicates: '{listed.text}'."
                yield Finding(malformed, name, message, configure, Severity.WARNING)
            for entry in (entry for entry in listed.ids if not is_guid(entry)):
                remove = observed.command("remove-client", about=entry)
                message = f"'{entry}' in {name} is not a GUID, so it matches no client."
                yield Finding(malformed, name, message, remove, Severity.WARNING)
        elif setting in required and setting.holds in accepted:
            value, wanted = setting.value_in(site.settings), accepted[setting.holds]
            if value is None or not value.strip():
                yield Finding(
                    "setting-missing", name, f"{name} is not set.", configure, concerns_role=of_role
                )
            elif not setting.word.comparison.is_among(value, wanted):
                message = setting.word.wrong.format(
                    name=name, value=value, wanted="' or '".join(wanted)
                )
                yield Finding(setting.word.code, name, message, configure, concerns_role=of_role)


def _diagnose_client(
    client: ClientApplication, observed: ObservedState, within: timedelta
) -> Iterator[Finding]:
    decision = client_trust(client, observed, ServiceSpec())
    is_listed = observed.app_service is not None and is_allowed(client, observed)
    if isinstance(decision, Doubted) and is_elsewhere(client, observed):
        name = client.display_name
        message = (
            f"'{name}' also holds the app role, and is not on the allow list, so it cannot call "
            f"here: {why_doubted(decision)}. Allow it only if it is to."
        )
        allow = observed.command("configure-appservice", "--application-id", client.client_id)
        yield Finding(CLIENT_NOT_ALLOWED, name, message, allow, Severity.NOTE, client.client_id)
        return
    is_only_listed = (
        isinstance(decision, Doubted) and is_listed and not has_wanted_role(client, observed)
    )
    # A Website Contributor may have listed anyone: what is printed must not be a step to a grant.
    remove = observed.command("remove-client", about=client.client_id)
    remedy = remove if is_only_listed else observed.setting_up(client)
    whose = ""
    if isinstance(decision, Doubted) and is_only_listed:
        whose = f" Only the allow list names it: {why_doubted(decision)}."
        if decision.is_about_its_content:
            # A colleague who may not grant consent leaves a client like this one.
            whose += (
                " It may wait for the consent that its setup asked for: remove it only if it is "
                "not to call here."
            )
    # Who assigned it the role is not read here: that command lists it if it is believed, or says
    # whose it is.
    allow = observed.listing(client)
    is_incomplete = client.is_registered_here and not client.counted_credentials
    if is_incomplete and not isinstance(decision, Doubted):
        allow = remedy  # what gives it a credential lists it, too
    yield from _diagnose_access(client, observed, remedy, allow, whose)
    if client.is_registered_here:  # of another tenant's registration, the credentials are not known
        yield from _diagnose_credentials(
            client, observed, within, remedy, is_only_listed=is_only_listed
        )
        yield from _find_unnamed_credentials(client, observed)


def _diagnose_access(
    client: ClientApplication, observed: ObservedState, remedy: str, allow: str, whose: str
) -> Iterator[Finding]:
    name, client_id = client.display_name, client.client_id
    if not is_allowed_by_object_id(client, observed) and not has_wanted_role(client, observed):
        message = f"'{name}' has no admin consent, so its tokens have no role.{whose}"
        yield Finding("client-not-consented", name, message, remedy, client=client_id)
    if observed.app_service is not None and observed.api.lists and not is_allowed(client, observed):
        message = f"'{name}' has the role but is not on the allow list."
        yield Finding(CLIENT_NOT_ALLOWED, name, message, allow, client=client_id)


def _diagnose_credentials(
    client: ClientApplication,
    observed: ObservedState,
    within: timedelta,
    remedy: str,
    *,
    is_only_listed: bool,
) -> Iterator[Finding]:
    name, client_id, now, credentials = (
        client.display_name,
        client.client_id,
        observed.now,
        client.counted_credentials,
    )
    if not credentials:
        message = f"'{name}' has no credential, so it cannot sign in."
        yield Finding(NO_CREDENTIAL, name, message, remedy, client=client_id)
        return
    place = observed.missing_secrets.get(client_id)
    if place is not None:
        severity = Severity.WARNING if place.is_vault else Severity.NOTE
        message = lost_message(name, place)
        # Without the place: a tag of the registration, which its owners write, may have named it.
        rotate = observed.rotating(client)
        yield Finding("secret-not-stored", name, message, rotate, severity, client_id)
    # What the file no longer names may end: a note of its own says that it is valid until then.
    credentials = judged_credentials(client, observed)
    used = used_credential(client, observed, is_only_listed=is_only_listed)
    if used is not None and used in credentials and _is_end_hidden(used, credentials, now + within):
        yield _report_early_end(client, used, observed, within)
        return
    valid = [credential for credential in credentials if credential.is_valid_at(now)]
    ends = [
        credential.expires for credential in valid or credentials if credential.expires is not None
    ]
    if len(ends) < len(valid) or max(ends) > now + within:
        return
    last = max(ends)
    renew = remedy if is_only_listed else renewing(client, credentials, observed, within)
    is_others = not is_only_listed and is_made_by_others(client, credentials, observed)
    more = f" {_NAME_IN_FILE}" if is_others else ""
    if valid:
        noun = (secrets_among(valid) or valid)[0].kind.noun
        days = (last - now).days
        message = f"The last {noun} of '{name}' expires on {last:%Y-%m-%d}, in {days} days.{more}"
        file = observed.file if not is_only_listed else None
        lifetime = file.lifetime_of(client) if file is not None else None
        short = ShortLifetime.of(lifetime, now, within)
        if file is not None and short is not None:
            message = f"{message} {_why_always(short)}"
            if short.fitting is not None and last > now + short.fitting:  # nothing to replace yet
                renew = file.command("status", "--expiring-within", typed(short.fitting))
        yield Finding("secret-expiring", name, message, renew, Severity.WARNING, client_id)
    else:
        message = f"The last credential of '{name}' expired on {last:%Y-%m-%d}.{more}"
        yield Finding("secret-expired", name, message, renew, client=client_id)


def _find_unnamed_credentials(
    client: ClientApplication, observed: ObservedState
) -> Iterator[Finding]:
    """Find credentials that stay valid although the trust file asks for another one."""
    name = client.display_name
    for credential in unnamed_credentials(client, observed):
        unnamed = describe_unnamed(name, client, credential)
        yield Finding(
            "credential-not-in-file",
            name,
            unnamed.what.removesuffix(":"),
            unnamed.command,
            Severity.NOTE,
            client.client_id,
        )


_NAME_IN_FILE = "Unless the file names another credential of it already, name one first."
"""Of a client whose credential mct-s2s does not replace."""


def _why_always(short: ShortLifetime) -> str:
    """Say why each new secret of a client is reported again."""
    return (
        f"Each new one will be reported, too: the file's secret-lifetime ({short.text}) is not "
        f"longer than {typed(short.within)}. {short.advice}"
    )


def used_credential(
    client: ClientApplication, observed: ObservedState, *, is_only_listed: bool = False
) -> Credential | None:
    """The credential that the client's users read, as far as that is known."""
    if is_only_listed:
        return held_here(client, observed)
    held = observed.placed_credentials.get(client.client_id) or held_here(client, observed)
    if held is not None:
        return held
    # A key vault holds secrets. A certificate may be named like ours by others.
    secrets = secrets_among(client.counted_credentials)
    is_in_vault = bool(Tag.VAULT.values(client.application.tags))
    of_vault = newest_made(secrets) if is_in_vault else None
    return of_vault or newest_made(client.counted_credentials)


def _is_end_hidden(used: Credential, credentials: Sequence[Credential], horizon: datetime) -> bool:
    """Whether another credential lasts longer than the one that the client's users read."""
    return all_end_by([used], horizon) and not all_end_by(credentials, horizon)


def _report_early_end(
    client: ClientApplication, used: Credential, observed: ObservedState, within: timedelta
) -> Finding:
    """Say that what the client's users read ends before another credential.

    Owners of the registration, also earlier ones, may have left that one.
    """
    name, ends, now = client.display_name, used.expires, observed.now
    assert ends is not None  # it ends in time
    is_valid = used.is_valid_at(now)
    is_placed = used == observed.placed_credentials.get(client.client_id)
    is_here = is_placed or used == held_here(client, observed)
    where = " at the place that the file names" if is_placed else " that mct-s2s created"
    if used == held_here(client, observed):
        where = " in its file on this machine"
    message = (
        f"The {used.kind.noun} of '{name}'{where} {'expires' if is_valid else 'expired'} on "
        f"{ends:%Y-%m-%d}. Another credential lasts longer."
    )
    # Someone may have moved the client to that one.
    is_moved = not is_valid and not is_here and signs_in_otherwise(client.counted_credentials, now)
    severity = Severity.NOTE if is_moved else Severity.WARNING
    renew = renewing(client, (used,), observed, within)
    return Finding("secret-expiring", name, message, renew, severity, client.client_id)


def _find_unmatched_entries(observed: ObservedState) -> Iterator[Finding]:
    """Find ids on the allow lists that nothing in the tenant has."""
    for setting, entry in unmatched_entries(observed):
        if is_guid(entry):
            message = (
                f"{entry} in {setting} matches nothing in this tenant: a deleted client, or the "
                "wrong type of ID."
            )
            remove = observed.command("remove-client", about=entry)
            yield Finding("client-unknown", entry, message, remove, Severity.WARNING)


def _find_no_clients(observed: ObservedState, site: AppService) -> Iterator[Finding]:
    """Find that the service application has no clients yet."""
    trust, label = observed.trust, site.label
    is_empty = not any(setting.list_in(site.settings).ids for setting in observed.api.lists)
    has_any = bool(members_here(observed) or trust.identities)
    if trust.service is not None and is_empty and not has_any:
        message = NO_CLIENTS_YET.format(label)
        add = observed.command("add-client", about="NAME")
        if observed.file is not None:
            if not observed.file.clients:
                message = f"{message} The file names none, either."
            add = observed.command("setup")
        yield Finding(NO_CLIENTS, label, message, add, Severity.WARNING)
