"""The checks of `doctor`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum

from mct_s2s.errors import Instruction, MissingRight, NotThere, Refused, S2SError
from mct_s2s.model.caller_rights import CallerRights, Verdict
from mct_s2s.model.desired import SettingsScope, Setup
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.planning.changes import AnyChange, only_notes_use
from mct_s2s.planning.make import make_plan
from mct_s2s.planning.not_ours import NotOurs
from mct_s2s.planning.permissions.preflight import (
    all_permissions,
    general_permissions,
    to_ask_for,
)
from mct_s2s.planning.permissions.rights import (
    Missing,
    RequiredPermission,
    Right,
    asked_for,
    is_told_by_rights,
)
from mct_s2s.planning.reports.findings import stopped
from mct_s2s.planning.secret_policy import INSTEAD, OTHERWISE, in_words, longest, typed
from mct_s2s.planning.service_facts import SERVICE_OPTION

SIGNED_IN, PENDING, READ_RESOURCE = "signed-in", "changes-pending", "read-resource"
READ_PLACE = "read-secret-place"
_OF_SITE = (Right.READ_SITE, Right.READ_SETTINGS, Right.WRITE_SETTINGS, Right.RESTART)
_LEFT_TO_OTHERS = frozenset({Right.CONSENT, Right.WRITE_SETTINGS, Right.RESTART})
"""What others can do later; without the other rights nothing is begun.

A plan decides by its changes instead: `without_forbidden_steps` of `preflight.py`.
"""
EXISTING = "Existing setup"
"""The subject of what `setup` refuses, whatever the rights."""


class SetupForecast(StrEnum):
    """What `setup` does with the caller's rights."""

    RUNS = "runs"
    PARTIAL = "partial"
    """It lists the rest for someone else."""
    STOPS = "stops"
    """It changes nothing."""


@dataclass(frozen=True)
class DoctorCheck:
    """One check and its result; `unknown` is no obstacle, as the real request decides."""

    code: str
    state: Verdict
    subject: str
    message: str
    steps: tuple[Instruction, ...] = ()
    """What to do where no grant helps."""
    missing: Missing = ()

    @classmethod
    def refused(cls, code: str, refusal: S2SError, subject: str) -> "DoctorCheck":
        return cls(
            code,
            Verdict.NO,
            subject,
            refusal.headline,
            (Instruction(refusal.advice, refusal.command), *refusal.ways_out),
        )

    @property
    def remedy(self) -> str:
        prefix = ["Not checked:"] if self.missing and self.state is Verdict.UNKNOWN else []
        return " ".join(map(str, (*prefix, *self.steps, *asked_for(self.missing))))


@dataclass(frozen=True)
class Seen:
    """What could be read of all that `setup` depends on, and why the rest could not."""

    observed: ObservedState
    access: CallerRights = field(default_factory=CallerRights)
    resource: ResourceId | None = None
    """Also where the App Service could not be read."""
    directory_refusal: S2SError | None = None
    site_refusal: S2SError | None = None
    resource_refusals: tuple[S2SError, ...] = ()
    """Why resources whose identities are to be clients could not be read."""
    place_refusals: tuple[S2SError, ...] = ()
    """Why places of secrets that a trust file names, such as key vaults, could not be read."""


@dataclass(frozen=True)
class SiteChecks:
    """What the caller may do at a site of a trust file."""

    key: str
    """The file's name for it."""
    title: str
    seen: Seen
    checks: tuple[DoctorCheck, ...]
    is_up_to_date: bool = False
    """Whether applying the file changes nothing there, as far as could be read."""

    @property
    def is_ready(self) -> bool:
        return is_ready(self.checks)


@dataclass(frozen=True)
class _ExpectedSetup:
    """What a setup would do, as far as the directory could be read."""

    steps: tuple[AnyChange, ...] = ()
    is_incomplete: bool = False
    """Whether what is there already lacks something, without the client of the job."""
    repeated_notes: tuple[str | Instruction, ...] = ()
    """Those of the plan for what is there alone."""
    refusal: S2SError | None = None
    """Why a setup would refuse, whatever the rights."""


def checks(seen: Seen, job: Setup) -> tuple[DoctorCheck, ...]:
    """Check a setup that adds a client, and what it would change in what is there."""
    observed = seen.observed
    if observed.app_service is None or observed.settings_unread:
        job = replace(job, settings=SettingsScope.NONE)
    results = [_check_sign_in(seen.access)]
    plans = _ExpectedSetup()
    if seen.directory_refusal is not None:
        refusal = seen.directory_refusal
        results.append(_check_reading("read-directory", "the directory", refusal))
    elif observed.tenant is not None:
        tenant = observed.tenant
        message = f"Tenant {tenant.name} ({tenant.id})."
        results.append(DoctorCheck("tenant", Verdict.YES, tenant.name, message))
        plans = _forecast_setup(job, observed)
    results += [
        _check_reading(READ_RESOURCE, "the resource", refusal) for refusal in seen.resource_refusals
    ]
    results += [
        _check_reading(READ_PLACE, "client secrets", refusal) for refusal in seen.place_refusals
    ]
    results += _check_steps(plans.steps, seen)
    if not plans.steps:
        # One look is to be enough: what comes after what could not be read is named, too. What is
        # complete has its consents.
        is_complete = seen.directory_refusal is None and plans.refusal is None
        general = general_permissions(replace(job, clients=()) if is_complete else job)
        results += [_check_right(need, seen.access) for need in general]
    results.append(_check_secret_policy(seen.access))
    results += _check_site(seen)
    results += _check_existing(plans, job, seen)
    return tuple(results)


def state_of(seen: Seen) -> str:
    """What a reader of passed checks may not expect of the App Service: a sentence, or nothing."""
    observed, site = seen.observed, seen.observed.app_service
    if site is None:
        return ""
    is_readable = not observed.settings_unread and seen.directory_refusal is None
    if (finding := stopped(site)) is not None:
        return finding.message
    if is_readable and not observed.is_set_up:
        return f"'{site.label}' is not set up yet."
    return ""


def is_up_to_date(seen: Seen, job: Setup) -> bool:
    """Whether a setup would change nothing. `False` where that is not known."""
    observed = seen.observed
    is_read = observed.app_service is not None and not observed.settings_unread
    if seen.directory_refusal is not None or observed.tenant is None or not is_read:
        return False
    forecast_setup = _forecast_setup(job, observed)
    return not forecast_setup.steps and forecast_setup.refusal is None


def _check_reading(code: str, subject: str, refusal: S2SError) -> DoctorCheck:
    if is_told_by_rights(refusal):
        message = refusal.headline
        return DoctorCheck(code, Verdict.NO, subject, message, missing=refusal.missing)
    return DoctorCheck.refused(code, refusal, subject)


def _check_sign_in(access: CallerRights) -> DoctorCheck:
    signed_in = access.signed_in
    name = signed_in.name
    message = f"Signed in {f'as {name} ' if name else ''}with {signed_in.description}."
    subject = name or signed_in.description
    return DoctorCheck(SIGNED_IN, Verdict.YES, subject, message, signed_in.after_a_grant)


def _forecast_setup(job: Setup, observed: ObservedState) -> _ExpectedSetup:
    """Plan the setup twice: with the client that it adds, and for what is there alone."""
    steps: tuple[AnyChange, ...] = ()
    try:
        plan = make_plan(job, observed)
        steps = tuple(change for change in plan.changes if not only_notes_use(change))
        existing = replace(observed, identity_resources=())
        if not existing.api.is_begun(existing.settings):
            return _ExpectedSetup(steps)
        completion = make_plan(replace(job, clients=()), existing)
    except (NotThere, Refused) as error:
        return _ExpectedSetup(steps, refusal=error)
    is_incomplete = not all(map(only_notes_use, completion.changes))
    return _ExpectedSetup(steps, is_incomplete, completion.repeated_notes)


def _check_steps(steps: Sequence[AnyChange], seen: Seen) -> Iterator[DoctorCheck]:
    """Check what each step takes, once for all that has yet to be created."""
    needs = dict[RequiredPermission, None]()
    for step in steps:
        for need in all_permissions(step, seen.observed):
            is_new = need.application is None and not need.is_deleted
            is_unnamed = need.resource is None and (is_new or need.right.is_consent)
            subject = "" if is_unnamed else need.subject
            needs[replace(need, subject=subject)] = None
    for need in needs:
        # The App Service is checked by itself, whatever the plan writes there.
        if need.right not in _OF_SITE:
            yield _check_right(need, seen.access)


def _check_existing(plans: _ExpectedSetup, job: Setup, seen: Seen) -> Iterator[DoctorCheck]:
    """Check that what is there can be used, and is complete."""
    observed, refusal = seen.observed, plans.refusal
    site = observed.app_service
    if isinstance(refusal, NotOurs) and (seen.site_refusal or observed.settings_unread):
        message = (
            "A registration has the name of this App Service's; only its settings say whether it "
            "is in use."
        )
        yield DoctorCheck(refusal.code, Verdict.UNKNOWN, EXISTING, message)
    elif refusal is not None:
        yield DoctorCheck.refused(refusal.code, refusal, EXISTING)
    elif site is not None and plans.is_incomplete:
        # No number: the plan also counts what new clients take.
        message = f"'{site.label}' is not fully set up."
        notes = "".join(f"{sentence} " for sentence in plans.repeated_notes)
        setup = observed.command("setup", *_typed_options(job, observed))
        step = Instruction(f"{notes}To complete the setup:", setup)
        yield DoctorCheck(PENDING, Verdict.NO, site.label, message, (step,))


def _typed_options(job: Setup, observed: ObservedState) -> list[str]:
    """The options of the setup to type again. A trust file says these itself."""
    if job.service is None or observed.file is not None:
        return []
    words = list[str]()
    if job.service.adopt:
        words += [SERVICE_OPTION, job.service.adopt]
    if job.service.role:
        words += ["--role", job.service.role]
    return words


def is_ready(results: Sequence[DoctorCheck]) -> bool:
    return all(check.state is not Verdict.NO for check in results)


def is_existing_unsettled(results: Sequence[DoctorCheck]) -> bool:
    """Whether only the settings would say if the registration of that name is in use."""
    return any(check.subject == EXISTING and check.state is Verdict.UNKNOWN for check in results)


def forecast(results: Sequence[DoctorCheck]) -> SetupForecast:
    missing = {check.code for check in results if check.state is Verdict.NO} - {PENDING}
    if not missing:
        return SetupForecast.RUNS
    can_be_left = missing <= {right.value.code for right in _LEFT_TO_OTHERS}
    return SetupForecast.PARTIAL if can_be_left else SetupForecast.STOPS


def steps_to_take(checks: Sequence[DoctorCheck], verdict: Verdict) -> list[Instruction]:
    """What helps without a grant; what someone has to grant; what the caller does then."""
    matching = [check for check in checks if check.state is verdict]
    steps = [step for check in matching for step in check.steps]
    if grants := asked_for(missing_rights_of(checks, verdict)):
        steps += [
            *grants,
            *(step for check in checks if check.code == SIGNED_IN for step in check.steps),
        ]
    return [step for number, step in enumerate(steps) if step not in steps[:number]]


def missing_rights_of(checks: Sequence[DoctorCheck], verdict: Verdict) -> list[MissingRight]:
    return [missing for check in checks if check.state is verdict for missing in check.missing]


def _check_right(need: RequiredPermission, access: CallerRights) -> DoctorCheck:
    verdict, missing = to_ask_for(need, access)
    step = need.step
    message = {
        Verdict.YES: f"You can {step}.",
        Verdict.NO: f"You can't {step}.",
        Verdict.UNKNOWN: f"Could not check whether you can {step}.",
    }[verdict]
    subject = need.subject or "app registrations"
    return DoctorCheck(need.right.value.code, verdict, subject, message, missing=missing)


def _check_secret_policy(access: CallerRights) -> DoctorCheck:
    """Check whether the tenant allows client secrets, and for how long."""
    limit = longest(access.secret_rules or ())
    verdict = Verdict.YES
    advice = ""
    message = "The tenant's policy allows client secrets."
    if access.secret_rules is None:
        verdict = Verdict.UNKNOWN
        advice = f"If the tenant forbids client secrets, {OTHERWISE}."
        message = (
            "Could not check whether the tenant allows client secrets: you can't read the policy."
        )
    elif limit == timedelta(0):
        verdict = Verdict.NO
        advice = INSTEAD
        message = "The tenant's policy forbids client secrets."
    elif limit is not None:
        message = f"The tenant's policy allows client secrets for {in_words(limit)} at most."
        advice = f"To use a shorter lifetime: --auto-lifetime, or {typed(limit)}"
    steps = (Instruction(advice),) if advice else ()
    return DoctorCheck("secret-policy", verdict, "client secrets", message, steps)


def _check_site(seen: Seen) -> Iterator[DoctorCheck]:
    """Check what a setup takes at the App Service itself."""
    resource, refusal = seen.resource, seen.site_refusal
    if resource is None:
        if refusal is not None:
            yield DoctorCheck.refused(Right.READ_SITE.value.code, refusal, "the App Service")
        return
    for right in _OF_SITE:
        was_read = right is Right.READ_SITE and refusal is None
        if not was_read:
            yield _check_site_right(right, resource, seen)


def _check_site_right(right: Right, resource: ResourceId, seen: Seen) -> DoctorCheck:
    label = resource.name
    site = seen.observed.app_service
    refusal = seen.site_refusal if right is Right.READ_SITE else None
    if right is Right.READ_SETTINGS and site is not None:
        refusal = site.refusal
        if refusal is None:
            return DoctorCheck(
                right.value.code, Verdict.YES, label, f"You can {right.step_on(label)}."
            )
    check = _check_right(RequiredPermission(right, label, resource=resource), seen.access)
    # What Azure answered counts for more than a role that seems to allow it.
    if refusal is not None and check.state is not Verdict.NO:
        return DoctorCheck.refused(right.value.code, refusal, label)
    return check
