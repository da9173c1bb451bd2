"""The checks of `doctor`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from mct_s2s.errors import Instruction, NotThere, Refused, S2SError
from mct_s2s.model.caller_rights import CallerRights, Verdict
from mct_s2s.model.desired import SettingsScope, Setup
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.plain_text import counted
from mct_s2s.planning.changes import AnyChange, only_notes_use
from mct_s2s.planning.make import make_plan
from mct_s2s.planning.not_ours import NotOurs
from mct_s2s.planning.ownership import SERVICE_OPTION
from mct_s2s.planning.permissions.preflight import needs_of
from mct_s2s.planning.permissions.rights import (
    LEFT_TO_OTHERS,
    Missing,
    RequiredPermission,
    Right,
    asked_for,
    judge,
)
from mct_s2s.planning.secret_policy import INSTEAD, OTHERWISE, in_words, longest, typed

SIGNED_IN, PENDING = "signed-in", "changes-pending"
_OF_SITE = (Right.READ_SITE, Right.READ_SETTINGS, Right.WRITE_SETTINGS, Right.RESTART)
EXISTING = "Existing setup"
"""The subject of what `setup` refuses, whatever the rights."""


@dataclass(frozen=True)
class DoctorCheck:
    """`unknown` is no obstacle: the real request decides."""

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
            (Instruction(refusal.advice, refusal.command),),
        )

    @property
    def remedy(self) -> str:
        first = ["Not checked:"] if self.missing and self.state is Verdict.UNKNOWN else []
        return " ".join(map(str, (*first, *self.steps, *asked_for(self.missing))))


@dataclass(frozen=True)
class Seen:
    """What could be read of all that `setup` depends on, and why the rest could not."""

    observed: ObservedState
    access: CallerRights = field(default_factory=CallerRights)
    resource: ResourceId | None = None
    """Also where the App Service could not be read."""
    directory_refusal: S2SError | None = None
    site_refusal: S2SError | None = None


@dataclass(frozen=True)
class SiteChecks:
    """What the caller may do at a site of a trust file."""

    key: str
    """The file's name for it."""
    title: str
    seen: Seen
    checks: tuple[DoctorCheck, ...]

    @property
    def is_ready(self) -> bool:
        return is_ready(self.checks)


def checks(seen: Seen, job: Setup) -> tuple[DoctorCheck, ...]:
    """Of a setup that adds a client, and of what it would change in what is there."""
    observed, access, site = seen.observed, seen.access, seen.observed.app_service
    signed_in = access.signed_in
    name = signed_in.name
    message = f"Signed in {f'as {name} ' if name else ''}with {signed_in.description}."
    found = [
        DoctorCheck(
            SIGNED_IN, Verdict.YES, name or signed_in.description, message, signed_in.after_a_grant
        )
    ]
    if site is None or observed.settings_unread:
        job = replace(job, settings=SettingsScope.NONE)
    steps, pending, refusal, switched_on = list[AnyChange](), 0, None, ""
    if seen.directory_refusal is not None:
        found.append(DoctorCheck.refused("read-directory", seen.directory_refusal, "the directory"))
    elif observed.tenant is not None:
        tenant = observed.tenant
        found.append(
            DoctorCheck("tenant", Verdict.YES, tenant.name, f"Tenant {tenant.name} ({tenant.id}).")
        )
        try:
            steps = [
                change for change in make_plan(job, observed).changes if not only_notes_use(change)
            ]
            there = replace(observed, identity_resources=())
            if there.api.shown(there.settings):
                as_it_is = make_plan(replace(job, clients=()), there)
                pending = sum(not only_notes_use(change) for change in as_it_is.changes)
                switched_on = "".join(f"{sentence} " for sentence in as_it_is.gaining)
        except (NotThere, Refused) as error:
            refusal = error
    needs = [need for change in steps for need in needs_of(change, observed)]
    is_new = [
        need.resource is None and (need.application is None or need.right.is_consent)
        for need in needs
    ]
    needs = [
        replace(need, subject="") if new else need for need, new in zip(needs, is_new, strict=True)
    ]
    found += [_judged(need, access) for need in dict.fromkeys(needs) if need.right not in _OF_SITE]
    found.append(_secrets(access))
    found += _site(seen)
    if isinstance(refusal, NotOurs) and (seen.site_refusal or observed.settings_unread):
        message = (
            "A registration has the name of this App Service's; only its settings say whether it "
            "is in use."
        )
        found.append(DoctorCheck(refusal.code, Verdict.UNKNOWN, EXISTING, message))
    elif refusal is not None:
        found.append(DoctorCheck.refused(refusal.code, refusal, EXISTING))
    elif site is not None and pending:
        given = (
            {SERVICE_OPTION: job.service.adopt, "--role": job.service.role} if job.service else {}
        )
        words = [word for name, value in given.items() if value for word in (name, value)]
        words = words if observed.file is None else []  # it says these itself
        changes, run = counted(pending, "change"), observed.command("setup", *words)
        are = "is" if pending == 1 else "are"
        message = f"'{site.label}' is not fully set up: {changes} {are} missing."
        found.append(
            DoctorCheck(
                PENDING,
                Verdict.NO,
                site.label,
                message,
                (Instruction(f"{switched_on}To make {changes}:", run),),
            )
        )
    return tuple(found)


def is_ready(found: Sequence[DoctorCheck]) -> bool:
    return all(check.state is not Verdict.NO for check in found)


def forecast(found: Sequence[DoctorCheck]) -> str:
    """It `runs`; is `partial`, and lists the rest for someone else; or `stops` before it changes
    anything.
    """
    missing = {check.code for check in found if check.state is Verdict.NO} - {PENDING}
    if not missing:
        return "runs"
    return "partial" if missing <= {right.code for right in LEFT_TO_OTHERS} else "stops"


def _judged(need: RequiredPermission, access: CallerRights) -> DoctorCheck:
    (verdict, missing), step = judge(need, access), need.right.step_on(need.subject)
    message = {
        Verdict.YES: f"You can {step}.",
        Verdict.NO: f"You can't {step}.",
        Verdict.UNKNOWN: f"Could not check whether you can {step}.",
    }[verdict]
    return DoctorCheck(
        need.right.code, verdict, need.subject or "app registrations", message, missing=missing
    )


def _secrets(access: CallerRights) -> DoctorCheck:
    verdict, advice, limit = Verdict.YES, "", longest(access.secret_rules or ())
    message = "The tenant's policy allows client secrets."
    if access.secret_rules is None:
        verdict, advice = Verdict.UNKNOWN, f"If the tenant forbids client secrets, {OTHERWISE}."
        message = (
            "Could not check whether the tenant allows client secrets: you can't read the policy."
        )
    elif limit == timedelta(0):
        verdict, advice = Verdict.NO, INSTEAD
        message = "The tenant's policy forbids client secrets."
    elif limit is not None:
        message = f"The tenant's policy allows client secrets for {in_words(limit)} at most."
        advice = f"To use a shorter lifetime: --auto-lifetime, or {typed(limit)}"
    return DoctorCheck(
        "secret-policy",
        verdict,
        "client secrets",
        message,
        (Instruction(advice),) if advice else (),
    )


def _site(seen: Seen) -> Iterator[DoctorCheck]:
    site, resource, refusal = seen.observed.app_service, seen.resource, seen.site_refusal
    if resource is None and refusal is not None:
        yield DoctorCheck.refused(Right.READ_SITE.code, refusal, "the App Service")
    if resource is None:
        return
    label = resource.name
    for right in _OF_SITE:
        check = _judged(RequiredPermission(right, label, resource=resource), seen.access)
        if right is Right.READ_SITE:
            if refusal is None:
                continue  # it was read
            if check.state is not Verdict.NO:
                check = DoctorCheck.refused(right.code, refusal, label)
        if site is not None and right is Right.READ_SETTINGS:
            if site.refusal is None:
                check = DoctorCheck(
                    right.code, Verdict.YES, label, f"You can {right.step_on(label)}."
                )
            elif check.state is not Verdict.NO:
                check = DoctorCheck.refused(right.code, site.refusal, label)
        yield check
