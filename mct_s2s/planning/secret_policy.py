"""Tenant policies on client secrets.

Source: learn.microsoft.com/graph/api/resources/applicationmanagementpolicies-overview.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from mct_s2s.errors import S2SError
from mct_s2s.model.caller_rights import SecretRule
from mct_s2s.model.client_credentials import CLOCKS_DIFFER, CredentialKind, NewCredential
from mct_s2s.model.commands import option
from mct_s2s.model.observed import ObservedState
from mct_s2s.planning.changes import AddCredential, AnyChange
from mct_s2s.planning.plan import Plan

OTHERWISE = (
    "use a client without a secret: --credential certificate, --credential federated, or "
    "--managed-identity RESOURCE"
)
INSTEAD = f"{OTHERWISE[0].upper()}{OTHERWISE[1:]}."
LIFETIME_FORBIDDEN = "secret-lifetime-forbidden"
USUAL_LIFETIME = timedelta(days=365)
"""The default of `--secret-lifetime`."""
USUAL_DAYS = (365, 180, 90, 60, 30, 14, 7, 2)
"""Limits that tenants set: tried one by one where the policy cannot be read."""


class PolicyForbids(S2SError):
    page = "credentials.md"


def longest(rules: Iterable[SecretRule]) -> timedelta | None:
    """The longest lifetime; zero: no secret may be added, `None`: no rule says anything."""
    return min((rule.longest for rule in rules), default=None)


def too_long(
    steps: Iterable[AnyChange], rules: Mapping[str, Iterable[SecretRule]], observed: ObservedState
) -> Iterator[tuple[AddCredential, NewCredential, timedelta]]:
    """Find the secrets that last longer than their rules allow, and what these allow.

    `rules`: by the key of the change; some bind only registrations of a certain age.
    """
    created = {
        client.application.object_id: client.application.created
        for client in observed.trust.clients
    }
    for change in steps:
        match change:
            case AddCredential(
                spec=NewCredential(kind=CredentialKind.SECRET) as spec, object_id=object_id
            ):
                creation = created.get(object_id) if isinstance(object_id, str) else None
                limit = longest(rule for rule in rules[change.key] if rule.applies_to(creation))
                if limit is not None and spec.expires - observed.now > limit:
                    yield change, spec, limit


def fit_secrets(
    plan: Plan, rules: Mapping[str, Iterable[SecretRule]], observed: ObservedState
) -> tuple[Plan, PolicyForbids | None]:
    """The plan with secrets that the policy allows, and what it forbids.

    Only who asked for it gets a shorter one.
    """
    fitting: dict[str, AddCredential] = {}
    problem: PolicyForbids | None = None
    for change, spec, limit in too_long(plan.steps, rules, observed):
        ends = last_end(limit, observed.now)
        if limit and spec.shorten:
            detail = f"expires {ends:%Y-%m-%d}, the longest that the tenant allows"
            fitting[change.key] = replace(change, spec=replace(spec, expires=ends), detail=detail)
        elif limit:
            problem = problem or PolicyForbids(
                LIFETIME_FORBIDDEN,
                f"The tenant's policy allows client secrets for {in_words(limit)} at most, but "
                f"that of '{change.name}' would expire on "
                f"{spec.expires:%Y-%m-%d}.",
                says_unchanged=True,
                remedy=f"Use the longest lifetime allowed: {typed(limit)}, or --auto-lifetime. Or "
                f"{OTHERWISE}.",
            )
        else:
            problem = problem or PolicyForbids(
                "secrets-forbidden",
                f"The tenant's policy forbids client secrets, but '{change.name}' would need one.",
                says_unchanged=True,
                remedy=INSTEAD,
            )
    return replace(plan, steps=tuple(fitting.get(step.key, step) for step in plan.steps)), problem


def last_end(limit: timedelta, now: datetime) -> datetime:
    """The latest end within a limit, as clocks differ."""
    return (now + limit - CLOCKS_DIFFER).replace(microsecond=0)


def shorter(end: datetime, now: datetime) -> list[timedelta]:
    """The usual limits below what was wanted, the longest first."""
    limits = (timedelta(days=days) for days in USUAL_DAYS)
    return [limit for limit in limits if last_end(limit, now) < end - timedelta(days=1)]


def typed(limit: timedelta) -> str:
    """The limit as an option to type."""
    remaining = limit - CLOCKS_DIFFER
    return option(
        "--secret-lifetime",
        f"{remaining.days}d" if remaining.days else f"PT{remaining // timedelta(minutes=1)}M",
    )


def in_words(limit: timedelta) -> str:
    """The limit in words."""
    return f"{limit.days} days" if limit.days >= 2 else f"{limit.total_seconds() / 3600:g} hours"
