"""Tenant policies on client secrets: known before one is made, with the way out.

Source: learn.microsoft.com/graph/api/resources/applicationmanagementpolicies-overview.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from mct_s2s.errors import S2SError
from mct_s2s.model.caller_rights import SecretRestriction, SecretRule
from mct_s2s.model.client_credentials import CLOCKS_DIFFER
from mct_s2s.model.duration import END_OF_DAY
from mct_s2s.model.ids import ApplicationObjectId
from mct_s2s.model.observed import ObservedState
from mct_s2s.planning.credentials.secret import AddSecret
from mct_s2s.planning.plan import Plan

OTHERWISE = (
    "use a client without a secret: --credential certificate, --credential federated, or --managed-identity RESOURCE"
)
LIFETIME_FORBIDDEN = "secret-lifetime-forbidden"
USUAL_DAYS = (365, 180, 90, 60, 30, 14, 7, 2)
"""Limits that tenants set, the longest first: tried one by one where the policy cannot be read."""
RulesOf = Callable[[AddSecret], Iterable[SecretRule]]


class PolicyForbids(S2SError):
    """The tenant's app management policy does not allow the secret that was asked for."""

    page = "credentials.md"


def fit_secrets(
    plan: Plan, rules_of: RulesOf, observed: ObservedState, now: datetime
) -> tuple[Plan, PolicyForbids | None]:
    """The plan with secrets that the policy allows, and what it forbids.

    A lifetime is shortened only where that was asked for.

    Args:
        observed: the state, with the dates on which registrations were created.
    """
    steps, problem = list(plan.steps), None
    for at, change in enumerate(steps):
        if not isinstance(change, AddSecret):
            continue
        rules = in_force(rules_of(change), _created(change, observed))
        found = _problem(change, rules, now)
        if found is not None and found.code == LIFETIME_FORBIDDEN and change.shorten:
            ends = longest_end(rules, now)
            assert ends is not None  # noqa: S101  # a lifetime is forbidden only by a rule that names a longer one
            detail = f"expires {ends:%Y-%m-%d}, the longest that the tenant allows"
            steps[at], found = replace(change, expires=ends, detail=detail), None
        problem = problem or found
    return replace(plan, steps=tuple(steps)), problem


def breaks(change: AddSecret, rules: Iterable[SecretRule], observed: ObservedState, now: datetime) -> bool:
    """Whether rules forbid a secret."""
    return _problem(change, in_force(rules, _created(change, observed)), now) is not None


def forbids_secrets(rules: Iterable[SecretRule]) -> bool:
    """Whether no secret can be added at all, as by "Block new password credentials in apps" of Microsoft 365."""
    return any(rule.restriction is SecretRestriction.ADDITION for rule in rules)


def in_force(rules: Iterable[SecretRule], created: datetime | None) -> tuple[SecretRule, ...]:
    """The rules that hold for a registration created then; `None`: one that is only now being made."""
    return tuple(rule for rule in rules if rule.applies_to(created))


def longest_end(rules: Iterable[SecretRule], now: datetime) -> datetime | None:
    """The latest end that rules allow, as `--secret-lifetime DATE` would give it; `None` where they allow any.

    The end of a day, so that it can be typed; where less than two days are allowed, a moment.
    """
    limits = [rule.longest for rule in rules if rule.restriction is SecretRestriction.LIFETIME and rule.longest]
    if not limits:
        return None
    last = (now + min(limits) - CLOCKS_DIFFER).replace(microsecond=0)
    end_of_day = datetime.combine(last, END_OF_DAY, last.tzinfo)
    whole_day = end_of_day if end_of_day <= last else end_of_day - timedelta(days=1)
    return whole_day if whole_day > now else last


def shorter_ends(wanted: datetime, now: datetime) -> tuple[datetime, ...]:
    """Ends of usual lifetimes that are shorter than the one wanted, the longest first."""
    limits = (SecretRule(SecretRestriction.LIFETIME, timedelta(days=days)) for days in USUAL_DAYS)
    ends = (longest_end((limit,), now) for limit in limits)
    return tuple(end for end in ends if end is not None and end < wanted - timedelta(days=1))


def typed(moment: datetime) -> str:
    """A moment as `--secret-lifetime` takes it: a date where it is the end of a day."""
    return f"{moment:%Y-%m-%d}" if moment.time() == END_OF_DAY else f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _problem(change: AddSecret, rules: tuple[SecretRule, ...], now: datetime) -> PolicyForbids | None:
    if forbids_secrets(rules):
        return PolicyForbids(
            "secrets-forbidden",
            f"The tenant's policy forbids client secrets, but '{change.name}' would need one. Nothing was changed.",
            remedy=f"{OTHERWISE[0].upper()}{OTHERWISE[1:]}.",
        )
    ends = longest_end(rules, now)
    limits = [rule.longest for rule in rules if rule.longest and rule.restriction is SecretRestriction.LIFETIME]
    if ends is None or change.expires - now <= min(limits):
        return None
    return PolicyForbids(
        "secret-lifetime-forbidden",
        f"The tenant's policy allows client secrets for {_days(min(limits))} at most, but that of '{change.name}' "
        f"would expire on {change.expires:%Y-%m-%d}. Nothing was changed.",
        remedy=f"Use the longest lifetime allowed: --secret-lifetime {typed(ends)}, or --auto-lifetime. Or "
        f"{OTHERWISE}.",
    )


def _days(length: timedelta) -> str:
    return f"{length.days} days" if length.days >= 2 else f"{length.total_seconds() / 3600:g} hours"


def _created(change: AddSecret, observed: ObservedState) -> datetime | None:
    if not isinstance(change.object_id, str):
        return None
    return created_of(change.object_id, observed)


def created_of(object_id: ApplicationObjectId, observed: ObservedState) -> datetime | None:
    """When a registration was created."""
    for client in observed.trust.clients:
        if client.application is not None and client.application.object_id == object_id:
            return client.application.created
    return None
