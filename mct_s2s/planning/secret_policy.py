"""Tenant policies on client secrets: known before one is made, with the way out.

Source: learn.microsoft.com/graph/api/resources/applicationmanagementpolicies-overview.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from mct_s2s.errors import S2SError
from mct_s2s.model.caller_rights import SecretRule
from mct_s2s.model.client_credentials import CLOCKS_DIFFER
from mct_s2s.model.desired import SecretSpec
from mct_s2s.model.duration import END_OF_DAY
from mct_s2s.model.observed import ObservedState
from mct_s2s.planning.changes import AddCredential
from mct_s2s.planning.plan import Plan

OTHERWISE = (
    "use a client without a secret: --credential certificate, --credential federated, or --managed-identity RESOURCE"
)
LIFETIME_FORBIDDEN = "secret-lifetime-forbidden"
USUAL_LIFETIME = timedelta(days=365)
"""What `--secret-lifetime` is where it is not given: docs/commands.md."""
USUAL_DAYS = (365, 180, 90, 60, 30, 14, 7, 2)
"""Limits that tenants set, the longest first: tried one by one where the policy cannot be read."""


class PolicyForbids(S2SError):
    """The tenant's app management policy does not allow the secret that was asked for."""

    page = "credentials.md"


def fit_secrets(
    plan: Plan, rules_of: Callable[[AddCredential], Iterable[SecretRule]], observed: ObservedState, now: datetime
) -> tuple[Plan, PolicyForbids | None]:
    """The plan with secrets that the policy allows, and what it forbids.

    A lifetime is shortened only where that was asked for.

    Args:
        observed: the state, with the dates on which registrations were created.
    """
    steps, problem = list(plan.steps), None
    for at, change in enumerate(steps):
        if not isinstance(change, AddCredential) or not isinstance(change.spec, SecretSpec):
            continue
        rules = tuple(rules_of(change))
        found = forbidden(change, rules, observed, now)
        if found is not None and found.code == LIFETIME_FORBIDDEN and change.spec.shorten:
            ends = longest_end(_in_force(change, rules, observed), now)
            assert ends is not None  # a lifetime is forbidden only by a rule that names a longer one
            detail = f"expires {ends:%Y-%m-%d}, the longest that the tenant allows"
            steps[at], found = replace(change, spec=replace(change.spec, expires=ends), detail=detail), None
        problem = problem or found
    return replace(plan, steps=tuple(steps)), problem


def forbidden(
    change: AddCredential, rules: Iterable[SecretRule], observed: ObservedState, now: datetime
) -> PolicyForbids | None:
    """What rules say against a secret."""
    spec, rules = change.spec, _in_force(change, rules, observed)
    if not isinstance(spec, SecretSpec):
        return None
    if forbids_secrets(rules):
        return PolicyForbids(
            "secrets-forbidden",
            f"The tenant's policy forbids client secrets, but '{change.name}' would need one. Nothing was changed.",
            remedy=f"{OTHERWISE[0].upper()}{OTHERWISE[1:]}.",
        )
    longest, ends = _longest(rules), longest_end(rules, now)
    if longest is None or ends is None or spec.expires - now <= longest:
        return None
    days = f"{longest.days} days" if longest.days >= 2 else f"{longest.total_seconds() / 3600:g} hours"
    return PolicyForbids(
        LIFETIME_FORBIDDEN,
        f"The tenant's policy allows client secrets for {days} at most, but that of '{change.name}' "
        f"would expire on {spec.expires:%Y-%m-%d}. Nothing was changed.",
        remedy=f"Use the longest lifetime allowed: --secret-lifetime {typed(ends)}, or --auto-lifetime. Or "
        f"{OTHERWISE}.",
    )


def forbids_secrets(rules: Iterable[SecretRule]) -> bool:
    """Whether no secret can be added at all, as by "Block new password credentials in apps" of Microsoft 365."""
    return any(rule.longest is None for rule in rules)


def longest_end(rules: Iterable[SecretRule], now: datetime) -> datetime | None:
    """The latest end that rules allow, as `--secret-lifetime DATE` would give it; `None` where they allow any.

    The end of a day, so that it can be typed; where less than two days are allowed, a moment.
    """
    longest = _longest(rules)
    return None if longest is None else _end(longest, now)


def shorter_ends(wanted: datetime, now: datetime) -> tuple[datetime, ...]:
    """Ends of usual lifetimes that are shorter than the one wanted, the longest first."""
    ends = (_end(timedelta(days=days), now) for days in USUAL_DAYS)
    return tuple(end for end in ends if end < wanted - timedelta(days=1))


def typed(moment: datetime) -> str:
    """A moment as `--secret-lifetime` takes it: a date where it is the end of a day."""
    return f"{moment:%Y-%m-%d}" if moment.time() == END_OF_DAY else f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _longest(rules: Iterable[SecretRule]) -> timedelta | None:
    limits = [rule.longest for rule in rules if rule.longest]
    return min(limits, default=None)


def _end(longest: timedelta, now: datetime) -> datetime:
    last = (now + longest - CLOCKS_DIFFER).replace(microsecond=0)
    end_of_day = datetime.combine(last, END_OF_DAY, last.tzinfo)
    whole_day = end_of_day if end_of_day <= last else end_of_day - timedelta(days=1)
    return whole_day if whole_day > now else last


def _in_force(change: AddCredential, rules: Iterable[SecretRule], observed: ObservedState) -> tuple[SecretRule, ...]:
    """The rules that hold for the change's registration, by when it was created."""
    applications = (client.application for client in observed.trust.clients)
    created = next((one.created for one in applications if one and one.object_id == change.object_id), None)
    return tuple(rule for rule in rules if rule.applies_to(created))
