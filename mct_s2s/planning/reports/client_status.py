"""Who can call the MCT API, and what each client needs next: every format of `status` says the same from here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from mct_s2s.model.client_credentials import Credential, has_end
from mct_s2s.model.observed import ObservedState
from mct_s2s.planning.registrations.membership import is_allowed, is_allowed_by_object_id, is_consented, members
from mct_s2s.planning.reports.findings import Finding, Severity

_NEEDS = {
    "client-not-consented": "admin consent",
    "client-not-allowed": "allow list",
    "no-credential": "credential",
    "secret-expired": "new credential",
}
FIXED = "the errors fixed"


@dataclass(frozen=True)
class ClientStatus:
    """A client application or a managed identity of a trust."""

    name: str
    id: str
    """The appId of a client application, the object ID of a managed identity."""
    is_application: bool
    consented: bool | None
    """`None` where it needs no admin consent."""
    allowed: bool | None
    """`None` where the App Service's settings were not read."""
    can_call: bool | None
    """`None` where that is not known."""
    needs: str
    """What it needs next: `admin consent`, `new secret by 2027-11-24`, `nothing`."""
    ends: datetime | None = None
    """When its last credential expires; `None` where none does, or it is not known."""
    is_due: bool = False
    """Whether that is soon."""


def client_statuses(observed: ObservedState, findings: Sequence[Finding]) -> tuple[ClientStatus, ...]:
    """The clients that need attention first, then those that expire first.

    Args:
        findings: everything that is wrong with it. An error keeps whom it is about from calling.
    """
    own: dict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        own[finding.client].append(finding)
    stopped = any(one.stops_calls and not one.concerns_role for one in own[""])
    without_role = any(one.stops_calls for one in own[""])
    site = None if observed.settings_unread else observed.app_service
    found = []
    for client in members(observed):
        mine = own[client.client_id]
        needs_role = site is None or not is_allowed_by_object_id(client, site)
        is_stopped = (without_role if needs_role else stopped) or any(one.stops_calls for one in mine)
        last = last_to_end(client.application.credentials) if client.application is not None else None
        ends = last.expires if last is not None and has_end(last.expires) else None
        needs = ", ".join(_NEEDS[one.code] for one in mine if one.stops_calls)
        if not needs and is_stopped:
            needs = FIXED
        elif not needs:
            needs = f"new {last.kind.noun} by {ends:%Y-%m-%d}" if last is not None and ends is not None else "nothing"
        found.append(
            ClientStatus(
                client.display_name,
                client.client_id,
                is_application=True,
                consented=is_consented(client, observed),
                allowed=None if site is None else is_allowed(client, site),
                can_call=False if is_stopped else None if observed.settings_unread else True,
                needs=needs,
                ends=ends,
                is_due=any(one.severity is Severity.WARNING for one in mine),
            )
        )
    for identity in observed.trust.identities:
        allowed = None if site is None else site.allowed_object_ids.holds(identity.id)
        found.append(
            ClientStatus(
                identity.display_name,
                identity.id,
                is_application=False,
                consented=None,
                allowed=allowed,
                can_call=False if stopped or allowed is False else None if observed.settings_unread else True,
                needs="allow list" if allowed is False else FIXED if stopped else "nothing",
            )
        )
    return tuple(sorted(found, key=_by_urgency))


def _by_urgency(one: ClientStatus) -> tuple[int, float, str, str]:
    order = 0 if one.can_call is False else 1 if one.is_due else 2
    return order, one.ends.timestamp() if one.ends is not None else float("inf"), one.name.casefold(), one.id


def last_to_end(credentials: Sequence[Credential]) -> Credential | None:
    """The credential that decides how long a client can sign in; `None` where it has none."""
    return max(credentials, key=lambda one: one.expires.timestamp() if one.expires else float("inf"), default=None)


def calling(clients: Sequence[ClientStatus]) -> int | str:
    """How many of them can call; `?` where that is not known."""
    return "?" if any(one.can_call is None for one in clients) else sum(one.can_call is True for one in clients)


def verdict(clients: Sequence[ClientStatus], label: str) -> str:
    """`2 of 3 clients can call contosolearn`."""
    if not clients:
        return f"No client can call {label}"
    return f"{calling(clients)} of {len(clients)} client{'s' * (len(clients) != 1)} can call {label}"
