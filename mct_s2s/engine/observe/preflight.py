"""The check before anything is written: the plan against the caller's rights and the tenant's policies."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from mct_s2s.engine.observe.access import AccessLook
from mct_s2s.engine.observe.observe import is_refusal, observe
from mct_s2s.engine.observe.registration_custody import with_custody
from mct_s2s.engine.request import Request
from mct_s2s.engine.session import Azure
from mct_s2s.errors import S2SError
from mct_s2s.model.caller_rights import CallerRights, SecretRule, Verdict
from mct_s2s.model.desired import SettingsScope, Setup
from mct_s2s.model.observed import ObservedState
from mct_s2s.planning.credentials.secret import AddSecret
from mct_s2s.planning.make import make_plan
from mct_s2s.planning.permissions.grants import lacks
from mct_s2s.planning.permissions.preflight import check, stopped, with_unread_settings
from mct_s2s.planning.permissions.rights import Judged, Need, Right, judge
from mct_s2s.planning.plan import Plan
from mct_s2s.planning.secrets.secret_policy import breaks, fit_secrets


async def permitted(azure: Azure, plan: Plan, observed: ObservedState, access: CallerRights, request: Request) -> Plan:
    """The plan without what others must do, and with secrets that the tenant allows.

    In a dry run, what is missing stops nothing: the steps are marked, so that the plan can be sent to an administrator.

    Raises:
        PermissionMissing: something is missing that cannot be left to others; all of it is said.
        PolicyForbids: the tenant's policy forbids a secret.
    """
    now = request.now
    own = await _own_rules(azure, plan, observed, access, now)
    plan, forbidden = fit_secrets(plan, lambda change: own.get(change.key, access.secret_rules or ()), observed, now)
    checked = check(plan, observed, access)
    also = [f"{forbidden.message} {forbidden.remedy}"] if forbidden else []
    if request.dry_run and (checked.stopping or observed.settings_unread):
        return with_unread_settings(replace(checked.marked, notes=(*checked.plan.notes, *also)), observed, access)
    if checked.stopping:
        raise stopped(checked.missing, checked.lacking, also)
    if forbidden is not None:
        raise forbidden
    return checked.plan


async def explained(azure: Azure, request: Request, look: AccessLook, error: S2SError) -> S2SError:
    """A refusal to show the App Service or the directory, with everything else that is missing beside it."""
    if not is_refusal(error):
        return error
    rest, directory_part, refusal = await _without_the_site(azure, request, look)
    access = await look.found()
    site = [judged for judged in _site_needs(access, look, request) if judged.verdict is Verdict.NO]
    reading = any(judged.need.right is Right.READ_SETTINGS for judged in site)
    missing = [lack for judged in site for lack in lacks(judged, access)]
    lacking = {judged.need.right for judged in site}
    if rest is not None and directory_part is not None:
        checked = check(directory_part, rest, access)
        missing += checked.missing
        lacking |= checked.lacking
    said = f"Azure returned: {error.message}" if reading else f"{error.message} {error.remedy}"
    also = [f"{refusal.message} {refusal.remedy}"] if refusal is not None and refusal.headline != error.headline else []
    return stopped(missing, lacking or {Right.READ_SETTINGS}, [said, *also], error.request_id)


async def _without_the_site(
    azure: Azure, request: Request, look: AccessLook
) -> tuple[ObservedState | None, Plan | None, S2SError | None]:
    """What the command would do to the directory alone, or why that cannot be told either."""
    if request.target is None or request.desired.service is None:
        return None, None, None
    try:
        elsewhere = request.desired
        if isinstance(elsewhere, Setup):
            elsewhere = replace(elsewhere, settings=SettingsScope.NONE)
        alone = replace(request, target=None, desired=elsewhere)
        rest = await with_custody(azure, alone, await observe(azure, alone, look.at))
        return rest, make_plan(elsewhere, rest, request.facts), None
    except S2SError as refusal:
        return None, None, refusal if is_refusal(refusal) else None


def _site_needs(access: CallerRights, look: AccessLook, request: Request) -> list[Judged]:
    site = look.site(request.target) if request.target else None
    if site is None:
        return []
    rights = [Right.READ_SETTINGS, Right.WRITE_SETTINGS, *([Right.RESTART] if request.desired.restart else [])]
    return [judge(Need(right, site.name, resource=site), access) for right in rights]


async def _own_rules(
    azure: Azure, plan: Plan, observed: ObservedState, access: CallerRights, now: datetime
) -> dict[str, tuple[SecretRule, ...]]:
    """The policies of registrations that exist, where the tenant's default one is in the way.

    Unreadable, they may allow what the default forbids: then the real request decides.
    """
    rules: dict[str, tuple[SecretRule, ...]] = {}
    for change in plan.changes:
        if not isinstance(change, AddSecret) or not isinstance(change.object_id, str):
            continue
        if not breaks(change, access.secret_rules or (), observed, now):
            continue
        try:
            own = await azure.directory_access.secret_rules_of(change.object_id)
        except S2SError:
            own = ()
        if own is not None:
            rules[change.key] = own
    return rules
