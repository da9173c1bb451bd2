"""The checks of `doctor`: each right that `setup` takes, the tenant, its policy on secrets, and what setup would do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from mct_s2s.errors import S2SError
from mct_s2s.model.azure_resources import IdentityResource, Site
from mct_s2s.model.caller_rights import CallerRights, Verdict
from mct_s2s.model.commands import option, own_command
from mct_s2s.model.directory_objects import Tenant
from mct_s2s.model.ids import ApplicationObjectId, TenantId, same_id
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.model.site_settings import ENABLED, AppSettings, is_enabled, ours
from mct_s2s.planning.permissions.grants import Grant, Lack, lacks, least
from mct_s2s.planning.permissions.preflight import LEFT_TO_OTHERS
from mct_s2s.planning.permissions.rights import Need, Right, judge
from mct_s2s.planning.registrations.ownership import NOT_OURS, SERVICE_NOT_OURS
from mct_s2s.planning.secrets.secret_policy import OTHERWISE, forbids_secrets, longest_end, typed

NEW = "app registrations"
"""The subject of a check of what has yet to be created."""
DIRECTORY = "Microsoft Graph"
SIGNED_IN = "signed-in"
READ_SITE = "read-app-service"
OFF, PENDING = "service-off", "changes-pending"
"""No obstacles: `setup` switches it on, and puts right what differs."""
USUAL_LIFETIME = timedelta(days=365)
"""What `--secret-lifetime` is where it is not given: docs/commands.md."""
_ON_A_RESOURCE = {
    Right.READ_SETTINGS: "read settings",
    Right.WRITE_SETTINGS: "write settings",
    Right.RESTART: "restart",
    Right.ENABLE_IDENTITY: "enable the managed identity",
}
"""Steps beside the name of the resource."""


class State(StrEnum):
    """What came of a check. `unknown` is no obstacle: the real request decides."""

    OK = "ok"
    MISSING = "missing"
    UNKNOWN = "unknown"


class Forecast(StrEnum):
    """What `setup` does with the rights that were seen."""

    RUNS = "runs"
    PARTIAL = "partial"
    """It does what the caller may do, and lists the rest for someone else."""
    STOPS = "stops"
    """Before it changes anything."""


@dataclass(frozen=True)
class DoctorCheck:
    """One check."""

    code: str
    state: State
    area: str
    """Which service or resource it is about: `Microsoft Graph`, `contosolearn`."""
    short: str
    """What was checked, beside the area: `grant admin consent`."""
    subject: str
    message: str
    """The result as a sentence."""
    advice: str = ""
    """What to do."""
    command: str = ""
    """The command to run for it, if it stands for itself."""
    lacks: tuple[Lack, ...] = ()
    """The rights that are missing, or likely to be."""

    @property
    def remedy(self) -> str | None:
        """What to do and the command, as one text."""
        return " ".join(filter(None, (self.advice, self.command))) or None

    @property
    def grants(self) -> tuple[Grant, ...]:
        """What someone has to grant, each once."""
        return tuple(dict.fromkeys(lack.grant for lack in self.lacks))


@dataclass(frozen=True)
class Seen:
    """What could be read of everything that `setup` rests on."""

    access: CallerRights
    tenant: Tenant | None
    directory_refusal: S2SError | None = None
    site: Site | None = None
    site_tenant_id: TenantId | None = None
    """The tenant that the site's subscription trusts."""
    site_refusal: S2SError | None = None
    """Why the site, or its settings, could not be read."""
    identity_resources: tuple[IdentityResource, ...] = ()
    service: ApplicationObjectId | None = None
    """The service application that is there already."""
    needs: tuple[Need, ...] = ()
    """The rights over existing registrations that `setup` would need for what it would change about them."""
    pending: int = 0
    """How many changes `setup` would make to what is there."""
    setup_refusal: S2SError | None = None
    """Why `setup` would refuse what is there, whatever the rights."""
    resource: ResourceId | None = None
    """The App Service's id, also where it could not be read."""
    settings: AppSettings = field(default_factory=dict, repr=False)
    """The site's, as far as they could be read."""


def checks(seen: Seen, now: datetime, where: str, *, consent: bool = True) -> tuple[DoctorCheck, ...]:
    """Everything that the job takes."""
    found = [_signed_in(seen.access), *_tenant(seen)]
    found += [_judged(need, seen.access) for need in _directory_needs(seen, consent=consent)]
    found.append(_secrets(seen.access, now))
    found += _site(seen)
    found += [_identity(identity_resource, seen.access) for identity_resource in seen.identity_resources]
    if seen.site is not None and ours(seen.settings):
        label, counted = seen.site.label, f"{seen.pending} change{'s' * (seen.pending != 1)}"
        if not is_enabled(seen.settings):
            short, message = "service-to-service authentication is off", f"{ENABLED} is not 'true': no client can call."
            switch_on = own_command("configure-appservice", where=where)
            found.append(DoctorCheck(OFF, State.MISSING, label, short, label, message, "Switch it on:", switch_on))
        elif seen.pending:
            short, message = f"{counted} pending", f"What is set up for '{label}' is not as setup makes it."
            put_right = own_command("setup", where=where)
            found.append(
                DoctorCheck(PENDING, State.MISSING, label, short, label, message, f"To make {counted}:", put_right)
            )
    if seen.setup_refusal is not None:
        found.append(_existing(seen.setup_refusal, is_settings_read=seen.site_refusal is None))
    return tuple(found)


def is_ready(found: Iterable[DoctorCheck]) -> bool:
    """Whether nothing is missing."""
    return not missing_codes(found)


def forecast(found: Iterable[DoctorCheck]) -> Forecast:
    """What `setup` does, as far as the caller's rights are known."""
    missing = missing_codes(found) - {OFF, PENDING}
    if not missing:
        return Forecast.RUNS
    return Forecast.PARTIAL if missing <= {right.code for right in LEFT_TO_OTHERS} else Forecast.STOPS


def missing_grants(found: Iterable[DoctorCheck]) -> tuple[Grant, ...]:
    """What others have to grant, each once."""
    return least(grant for check in found if check.state is State.MISSING for grant in check.grants)


def missing_codes(found: Iterable[DoctorCheck]) -> frozenset[str]:
    """The codes of what is missing."""
    return frozenset(check.code for check in found if check.state is State.MISSING)


def is_secret_shortened(seen: Seen, now: datetime) -> bool:
    """Whether the tenant's policy allows client secrets for a shorter time only than they get by default."""
    ends = longest_end(seen.access.secret_rules or (), now)
    return ends is not None and ends < now + USUAL_LIFETIME


def _directory_needs(seen: Seen, *, consent: bool) -> tuple[Need, ...]:
    """For one more client, and for what setup would mend about the registrations that are there."""
    new = [Need(right, "") for right in (Right.CREATE_APPLICATION, Right.CHANGE_APPLICATION, Right.CREATE_PRINCIPAL)]
    consents = [Need(Right.CONSENT, "", application=seen.service)] if consent else []
    return (*new, *seen.needs, *consents)


def _signed_in(access: CallerRights) -> DoctorCheck:
    assert access.directory is not None  # noqa: S101  # `doctor` always asks
    signed_in = access.directory.signed_in
    how = signed_in.description
    name = access.directory.name
    message = f"Signed in as {name} with {how}." if name else f"Signed in with {how}."
    short = f"{name}, {how}" if name else how
    return DoctorCheck(SIGNED_IN, State.OK, "Signed in", short, name or how, message, *signed_in.after_a_grant)


def _tenant(seen: Seen) -> Iterator[DoctorCheck]:
    if seen.tenant is None:
        refusal = seen.directory_refusal
        assert refusal is not None  # noqa: S101  # without one, the tenant was read
        yield _refused("read-directory", DIRECTORY, refusal, "the directory")
        return
    named = f"{seen.tenant.name} ({seen.tenant.id})"
    trusted = seen.site_tenant_id
    if trusted is not None and not same_id(seen.tenant.id, trusted):
        message = f"You are signed in to {named}, but the App Service belongs to the tenant {trusted}."
        remedy = f"Sign in there: {option('--tenant', trusted)}"
        yield DoctorCheck("tenant", State.MISSING, "Tenant", message, seen.tenant.name, message, remedy)
        return
    yield DoctorCheck("tenant", State.OK, "Tenant", named, seen.tenant.name, f"Tenant {named}.")


def _judged(need: Need, access: CallerRights) -> DoctorCheck:
    judged = judge(need, access)
    code, subject = need.right.code, need.subject or NEW
    area, short = (need.subject, _ON_A_RESOURCE[need.right]) if need.resource else (DIRECTORY, need.step)
    missing = lacks(judged, access)
    asked = "; ".join(grant.request_with_command for grant in dict.fromkeys(lack.grant for lack in missing))
    if judged.verdict is Verdict.NO:
        message, advice = f"You can't {need.step}.", f"{asked[:1].upper()}{asked[1:]}"
        return DoctorCheck(code, State.MISSING, area, short, subject, message, advice, lacks=missing)
    if judged.verdict is Verdict.UNKNOWN:
        message = f"Could not check whether you can {need.step}."
        advice = f"If it is refused, {asked}" if asked else ""
        return DoctorCheck(code, State.UNKNOWN, area, short, subject, message, advice, lacks=missing)
    return DoctorCheck(code, State.OK, area, short, subject, f"You can {need.step}.")


def _secrets(access: CallerRights, now: datetime) -> DoctorCheck:
    code, area, subject, rules = "secret-policy", "Client secrets", "client secrets", access.secret_rules
    if rules is None:
        message = "Could not check whether the tenant allows client secrets: you can't read the policy."
        advice = f"If it forbids them, {OTHERWISE}."
        return DoctorCheck(code, State.UNKNOWN, area, "you can't read the tenant's policy", subject, message, advice)
    if forbids_secrets(rules):
        remedy = f"{OTHERWISE[0].upper()}{OTHERWISE[1:]}."
        message = "The tenant's policy forbids client secrets."
        return DoctorCheck(code, State.MISSING, area, "forbidden by the tenant's policy", subject, message, remedy)
    ends = longest_end(rules, now)
    if ends is None:
        message = "The tenant's policy allows client secrets."
        return DoctorCheck(code, State.OK, area, "allowed by the tenant's policy", subject, message)
    message = f"The tenant's policy allows client secrets until {typed(ends)} at most."
    remedy = f"To use a shorter lifetime: --auto-lifetime, or --secret-lifetime {typed(ends)}"
    short = f"allowed until {typed(ends)} at most, by the tenant's policy"
    return DoctorCheck(code, State.OK, area, short, subject, message, remedy)


def _site(seen: Seen) -> Iterator[DoctorCheck]:
    site, refusal = seen.site, seen.site_refusal
    if site is None:
        if refusal is not None:
            yield _refused(READ_SITE, "App Service", refusal, "the App Service")
        if seen.resource is not None:
            for right in (Right.READ_SETTINGS, Right.WRITE_SETTINGS, Right.RESTART):
                yield _judged(Need(right, seen.resource.name, resource=seen.resource), seen.access)
        return
    need = Need(Right.READ_SETTINGS, site.label, resource=site.resource)
    reading = _judged(need, seen.access)
    if refusal is None:
        short, message = _ON_A_RESOURCE[need.right], f"You can {need.step}."
        yield DoctorCheck(reading.code, State.OK, site.label, short, site.label, message)
    elif reading.state is State.MISSING:
        yield reading
    else:
        yield _refused(reading.code, site.label, refusal)
    for right in (Right.WRITE_SETTINGS, Right.RESTART):
        yield _judged(Need(right, site.label, resource=site.resource), seen.access)


def _identity(identity_resource: IdentityResource, access: CallerRights) -> DoctorCheck:
    name, right = identity_resource.display_name, Right.ENABLE_IDENTITY
    if identity_resource.principal_id is not None:
        message = f"'{name}' already has a managed identity."
        return DoctorCheck(right.code, State.OK, name, "already has a managed identity", name, message)
    return _judged(Need(right, name, resource=identity_resource.resource), access)


def _existing(refusal: S2SError, *, is_settings_read: bool) -> DoctorCheck:
    """Why `setup` would refuse what is there. Whose a registration is, is not known without the settings."""
    area = "Existing setup"
    if refusal.code not in {NOT_OURS, SERVICE_NOT_OURS} or is_settings_read:
        return _refused(refusal.code, area, refusal)
    message = "A registration has the name of this App Service's; only its settings say whether it is in use."
    return DoctorCheck(refusal.code, State.UNKNOWN, area, message, area, message)


def _refused(code: str, area: str, refusal: S2SError, subject: str = "") -> DoctorCheck:
    """A check that ended in an error, with the error's own words."""
    short, words = refusal.headline, (refusal.message, refusal.advice, refusal.command)
    return DoctorCheck(code, State.MISSING, area, short, subject or area, *words)
