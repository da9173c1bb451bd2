"""The checks of `doctor`: each right that the whole job takes, the tenant, and its policy on secrets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from mct_s2s.errors import S2SError
from mct_s2s.model.azure_resources import IdentityResource, Site
from mct_s2s.model.caller_rights import CallerRights, SecretRestriction, Verdict
from mct_s2s.model.commands import option
from mct_s2s.model.directory_objects import Tenant
from mct_s2s.model.ids import TenantId, same_id
from mct_s2s.planning.grants import Grant, lacks
from mct_s2s.planning.preflight import LEFT_TO_OTHERS
from mct_s2s.planning.rights import Need, Right, judge
from mct_s2s.planning.secret_policy import OTHERWISE, longest_end, typed

NEW = "app registrations"
"""The subject of a check of what has yet to be created."""
READ_SITE = "read-app-service"
USUAL_LIFETIME = timedelta(days=365)
"""What `--secret-lifetime` is where it is not given: docs/commands.md."""


class State(StrEnum):
    """What came of a check. `unknown` is no obstacle: the real request decides."""

    OK = "ok"
    MISSING = "missing"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class DoctorCheck:
    """One check."""

    code: str
    state: State
    subject: str
    message: str
    remedy: str | None = None
    """Whom to ask for what, and what they type."""
    grants: tuple[Grant, ...] = ()
    """The same one by one, where it is something that someone has to grant."""


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
    write_refusal: S2SError | None = None
    """Why the sign-in itself is not good enough for what the job changes beside the directory."""


def checks(seen: Seen, now: datetime, *, consent: bool = True) -> tuple[DoctorCheck, ...]:
    """Everything that the job takes.

    Args:
        seen: what could be read.
        now: the time.
        consent: whether admin consent is part of the job.
    """
    found = [_signed_in(seen.access), *_tenant(seen)]
    rights = [Right.CREATE_APPLICATION, Right.CHANGE_APPLICATION, Right.CREATE_PRINCIPAL]
    rights += [Right.CONSENT] if consent else []
    found += [_judged(Need(right, ""), seen.access) for right in rights]
    found.append(_secrets(seen.access, now))
    found += _site(seen)
    found += [_identity(identity_resource, seen.access) for identity_resource in seen.identity_resources]
    if seen.write_refusal is not None and (seen.site or seen.site_refusal or seen.identity_resources):
        refusal = seen.write_refusal
        found.append(DoctorCheck("second-factor", State.MISSING, "the sign-in", refusal.message, refusal.remedy))
    return tuple(found)


def is_ready(found: tuple[DoctorCheck, ...]) -> bool:
    """Whether nothing is missing."""
    return all(check.state is not State.MISSING for check in found)


def missing_rights(found: Iterable[DoctorCheck]) -> frozenset[Right]:
    """The rights that are missing, as far as they are rights."""
    codes = {check.code for check in found if check.state is State.MISSING}
    known = {right for right in Right if right.code in codes}
    return frozenset(known | ({Right.READ_SETTINGS} if READ_SITE in codes else set()))


def may_be_left(found: Iterable[DoctorCheck]) -> bool:
    """Whether `setup` goes on without what is missing, and leaves it to others; otherwise it stops at the beginning."""
    missing = {check.code for check in found if check.state is State.MISSING}
    return missing <= {right.code for right in LEFT_TO_OTHERS}


def is_secret_shortened(seen: Seen, now: datetime) -> bool:
    """Whether the tenant's policy allows client secrets for a shorter time only than they get by default."""
    ends = longest_end(seen.access.secret_rules or (), now)
    return ends is not None and ends < now + USUAL_LIFETIME


def _signed_in(access: CallerRights) -> DoctorCheck:
    assert access.directory is not None  # noqa: S101  # `doctor` always asks
    how = access.directory.signed_in.description
    name = access.directory.name
    return DoctorCheck(
        "signed-in", State.OK, name or how, f"Signed in as {name} with {how}." if name else f"Signed in with {how}."
    )


def _tenant(seen: Seen) -> Iterator[DoctorCheck]:
    if seen.tenant is None:
        refusal = seen.directory_refusal
        assert refusal is not None  # noqa: S101  # without one, the tenant was read
        yield DoctorCheck("read-directory", State.MISSING, "the directory", refusal.message, refusal.remedy)
        return
    named = f"{seen.tenant.name} ({seen.tenant.id})"
    trusted = seen.site_tenant_id
    if trusted is not None and not same_id(seen.tenant.id, trusted):
        message = f"You are signed in to {named}, but the App Service belongs to the tenant {trusted}."
        yield DoctorCheck(
            "tenant", State.MISSING, seen.tenant.name, message, f"Sign in there: {option('--tenant', trusted)}"
        )
        return
    yield DoctorCheck("tenant", State.OK, seen.tenant.name, f"Tenant {named}.")


def _judged(need: Need, access: CallerRights) -> DoctorCheck:
    judged = judge(need, access)
    code, subject = need.right.code, need.subject or NEW
    grants = tuple(dict.fromkeys(lack.grant for lack in lacks(judged, access)))
    asked = "; ".join(grant.request_with_command for grant in grants)
    if judged.verdict is Verdict.NO:
        remedy = f"{asked[:1].upper()}{asked[1:]}"
        return DoctorCheck(code, State.MISSING, subject, f"You can't {need.step}.", remedy, grants)
    if judged.verdict is Verdict.UNKNOWN:
        message = f"Could not check whether you can {need.step}."
        tip = f"If it is refused, {asked}" if asked else None
        return DoctorCheck(code, State.UNKNOWN, subject, message, tip, grants)
    return DoctorCheck(code, State.OK, subject, f"You can {need.step}.")


def _secrets(access: CallerRights, now: datetime) -> DoctorCheck:
    rules = access.secret_rules
    if rules is None:
        message = "Could not check whether the tenant allows client secrets: you can't read the policy."
        return DoctorCheck("secret-policy", State.UNKNOWN, "client secrets", message)
    if any(rule.restriction is SecretRestriction.ADDITION for rule in rules):
        remedy = f"{OTHERWISE[0].upper()}{OTHERWISE[1:]}."
        message = "The tenant's policy forbids client secrets."
        return DoctorCheck("secret-policy", State.MISSING, "client secrets", message, remedy)
    ends = longest_end(rules, now)
    if ends is None:
        return DoctorCheck("secret-policy", State.OK, "client secrets", "The tenant's policy allows client secrets.")
    message = f"The tenant's policy allows client secrets until {typed(ends)} at most."
    remedy = f"To use a shorter lifetime: --auto-lifetime, or --secret-lifetime {typed(ends)}"
    return DoctorCheck("secret-policy", State.OK, "client secrets", message, remedy)


def _site(seen: Seen) -> Iterator[DoctorCheck]:
    site, refusal = seen.site, seen.site_refusal
    if site is None:
        if refusal is not None:
            yield DoctorCheck(READ_SITE, State.MISSING, "the App Service", refusal.message, refusal.remedy)
        return
    reading = _judged(Need(Right.READ_SETTINGS, site.label, resource=site.resource), seen.access)
    if refusal is None:
        yield DoctorCheck(
            reading.code, State.OK, site.label, f"You can read the application settings of '{site.label}'."
        )
    elif reading.state is State.MISSING:
        yield reading
    else:
        yield DoctorCheck(reading.code, State.MISSING, site.label, refusal.message, refusal.remedy)
    for right in (Right.WRITE_SETTINGS, Right.RESTART):
        yield _judged(Need(right, site.label, resource=site.resource), seen.access)


def _identity(identity_resource: IdentityResource, access: CallerRights) -> DoctorCheck:
    if identity_resource.principal_id is not None:
        message = f"'{identity_resource.display_name}' already has a managed identity."
        return DoctorCheck(Right.ENABLE_IDENTITY.code, State.OK, identity_resource.display_name, message)
    return _judged(
        Need(Right.ENABLE_IDENTITY, identity_resource.display_name, resource=identity_resource.resource), access
    )
