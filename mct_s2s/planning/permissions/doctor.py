"""The checks of `doctor`: each right that `setup` takes, the tenant, its policy on secrets, and what setup would do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from mct_s2s.errors import S2SError
from mct_s2s.model.azure_resources import IdentityResource
from mct_s2s.model.caller_rights import CallerRights, Verdict
from mct_s2s.model.commands import option, own_command
from mct_s2s.model.ids import same_id
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.model.site_settings import ENABLED, is_enabled, ours
from mct_s2s.planning.ownership import NOT_OURS, SERVICE_NOT_OURS
from mct_s2s.planning.permissions.rights import LEFT_TO_OTHERS, Missing, RequiredPermission, Right, judge
from mct_s2s.planning.secret_policy import OTHERWISE, USUAL_LIFETIME, last_end, longest, typed

SIGNED_IN = "signed-in"
_OFF, _PENDING = "service-off", "changes-pending"
"""No obstacles: `setup` switches it on, and puts right what differs."""


@dataclass(frozen=True)
class DoctorCheck:
    """One check. `unknown` is no obstacle: the real request decides."""

    code: str
    verdict: Verdict
    subject: str
    """Which resource or service it is about."""
    message: str
    """The result as a sentence."""
    advice: str = ""
    """What to do."""
    command: str = ""
    """The command to run for it, if it stands for itself."""
    missing: Missing = ()
    """The rights that are missing, or likely to be."""


@dataclass(frozen=True)
class Seen:
    """What could be read of everything that `setup` rests on, and why the rest could not."""

    observed: ObservedState
    access: CallerRights = field(default_factory=CallerRights)
    resource: ResourceId | None = None
    """The App Service's id, also where it could not be read."""
    directory_refusal: S2SError | None = None
    site_refusal: S2SError | None = None
    """Why the App Service, or its settings, could not be read."""
    setup_refusal: S2SError | None = None
    """Why `setup` would refuse what is there, whatever the rights."""
    needs: tuple[RequiredPermission, ...] = ()
    """The rights over existing registrations that `setup` would need for what it would change about them."""
    pending: int = 0
    """How many changes `setup` would make to what is there."""


def checks(seen: Seen, now: datetime, where: str, *, consent: bool = True) -> tuple[DoctorCheck, ...]:
    """Everything that the job takes, for one more client and for what setup would mend about what is there."""
    service = seen.observed.trust.service
    needs = [
        RequiredPermission(right, "")
        for right in (Right.CREATE_APPLICATION, Right.CHANGE_APPLICATION, Right.CREATE_PRINCIPAL)
    ]
    needs += seen.needs
    needs += (
        [RequiredPermission(Right.CONSENT, "", application=service.object_id if service is not None else None)]
        if consent
        else []
    )
    return (
        _signed_in(seen.access),
        _tenant(seen),
        *(_judged(need, seen.access) for need in needs),
        _secrets(seen.access, now),
        *_site(seen),
        *(_identity(one, seen.access) for one in seen.observed.identity_resources),
        *_differing(seen, where),
    )


def is_ready(found: Iterable[DoctorCheck]) -> bool:
    """Whether nothing is missing."""
    return all(check.verdict is not Verdict.NO for check in found)


def forecast(found: Iterable[DoctorCheck]) -> str:
    """What `setup` does, as far as the caller's rights are known.

    It `runs`; or is `partial`: it does what the caller may do, and lists the rest for someone else; or it `stops`
    before it changes anything.
    """
    missing = {check.code for check in found if check.verdict is Verdict.NO} - {_OFF, _PENDING}
    if not missing:
        return "runs"
    return "partial" if missing <= {right.code for right in LEFT_TO_OTHERS} else "stops"


def is_secret_shortened(seen: Seen, now: datetime) -> bool:
    """Whether the tenant's policy allows client secrets for a shorter time only than they get by default."""
    limit = longest(seen.access.secret_rules or ())
    return limit is not None and timedelta(0) < limit and last_end(limit, now) < now + USUAL_LIFETIME


def _signed_in(access: CallerRights) -> DoctorCheck:
    assert access.directory is not None  # `doctor` always asks
    signed_in, caller = access.directory.signed_in, access.directory.caller
    message = f"Signed in {f'as {caller.name} ' if caller is not None else ''}with {signed_in.description}."
    name = caller.name if caller is not None else signed_in.description
    return DoctorCheck(SIGNED_IN, Verdict.YES, name, message, *signed_in.after_a_grant)


def _tenant(seen: Seen) -> DoctorCheck:
    tenant, site = seen.observed.tenant, seen.observed.app_service
    if tenant is None or seen.directory_refusal is not None:
        assert seen.directory_refusal is not None  # without one, the tenant was read
        return _refused("read-directory", seen.directory_refusal, "the directory")
    if site is not None and not same_id(tenant.id, site.tenant_id):
        named = f"{tenant.name} ({tenant.id})"
        message = f"You are signed in to {named}, but the App Service belongs to the tenant {site.tenant_id}."
        sign_in = f"Sign in there: {option('--tenant', site.tenant_id)}"
        return DoctorCheck("tenant", Verdict.NO, tenant.name, message, sign_in)
    return DoctorCheck("tenant", Verdict.YES, tenant.name, f"Tenant {tenant.name} ({tenant.id}).")


def _judged(need: RequiredPermission, access: CallerRights) -> DoctorCheck:
    (verdict, missing), step = judge(need, access), need.right.step_on(need.subject)
    asked = "; ".join(dict.fromkeys(" ".join(filter(None, (one.request, one.command))) for one in missing))
    message, advice = {
        Verdict.YES: (f"You can {step}.", ""),
        Verdict.NO: (f"You can't {step}.", asked[:1].upper() + asked[1:]),
        Verdict.UNKNOWN: (f"Could not check whether you can {step}.", f"If it is refused, {asked}" * bool(asked)),
    }[verdict]
    return DoctorCheck(need.right.code, verdict, need.subject or "app registrations", message, advice, missing=missing)


def _secrets(access: CallerRights, now: datetime) -> DoctorCheck:
    verdict, advice, limit = Verdict.YES, "", longest(access.secret_rules or ())
    if access.secret_rules is None:
        verdict, advice = Verdict.UNKNOWN, f"If it forbids them, {OTHERWISE}."
        message = "Could not check whether the tenant allows client secrets: you can't read the policy."
    elif limit == timedelta(0):
        verdict, advice = Verdict.NO, f"{OTHERWISE[0].upper()}{OTHERWISE[1:]}."
        message = "The tenant's policy forbids client secrets."
    elif limit is not None:
        until = typed(last_end(limit, now))
        message = f"The tenant's policy allows client secrets until {until} at most."
        advice = f"To use a shorter lifetime: --auto-lifetime, or --secret-lifetime {until}"
    else:
        message = "The tenant's policy allows client secrets."
    return DoctorCheck("secret-policy", verdict, "client secrets", message, advice)


def _site(seen: Seen) -> Iterator[DoctorCheck]:
    """What was read can be read; else the right to it is missing, or it was refused for another reason."""
    site, refusal = seen.observed.site, seen.site_refusal
    if site is None and refusal is not None:
        yield _refused("read-app-service", refusal, "the App Service")
    resource, label = (site.resource, site.label) if site is not None else (seen.resource, "")
    if resource is None:
        return
    needs = (RequiredPermission(right, label or resource.name, resource=resource) for right in (
        Right.READ_SETTINGS, Right.WRITE_SETTINGS, Right.RESTART
    ))  # fmt: skip
    reading, *others = (_judged(need, seen.access) for need in needs)
    if site is not None and refusal is None:
        message = f"You can {Right.READ_SETTINGS.step.format(label)}."
        reading = DoctorCheck(reading.code, Verdict.YES, label, message)
    elif site is not None and refusal is not None and reading.verdict is not Verdict.NO:
        reading = _refused(reading.code, refusal, label)
    yield from (reading, *others)


def _identity(one: IdentityResource, access: CallerRights) -> DoctorCheck:
    name, right = one.display_name, Right.ENABLE_IDENTITY
    if one.principal_id is not None:
        return DoctorCheck(right.code, Verdict.YES, name, f"'{name}' already has a managed identity.")
    return _judged(RequiredPermission(right, name, resource=one.resource), access)


def _differing(seen: Seen, where: str) -> Iterator[DoctorCheck]:
    """What is set up already, and is not as setup makes it; or why setup would refuse it."""
    site, refusal = seen.observed.site, seen.setup_refusal
    if site is not None and ours(seen.observed.settings):
        label, counted = site.label, f"{seen.pending} change{'s' * (seen.pending != 1)}"
        if not is_enabled(seen.observed.settings):
            message = f"Service-to-service authentication of '{label}' is off: {ENABLED} is not 'true'."
            switch_on = own_command("configure-appservice", where=where)
            yield DoctorCheck(_OFF, Verdict.NO, label, message, "Switch it on:", switch_on)
        elif seen.pending:
            message = f"'{label}' is not as setup makes it: {counted} pending."
            put_right = own_command("setup", where=where)
            yield DoctorCheck(_PENDING, Verdict.NO, label, message, f"To make {counted}:", put_right)
    if refusal is not None and refusal.code in {NOT_OURS, SERVICE_NOT_OURS} and seen.site_refusal is not None:
        message = "A registration has the name of this App Service's; only its settings say whether it is in use."
        yield DoctorCheck(refusal.code, Verdict.UNKNOWN, "Existing setup", message)
    elif refusal is not None:
        yield _refused(refusal.code, refusal, "Existing setup")


def _refused(code: str, refusal: S2SError, subject: str) -> DoctorCheck:
    """A check that ended in an error, with the error's own words."""
    return DoctorCheck(code, Verdict.NO, subject, refusal.message, refusal.advice, refusal.command)
