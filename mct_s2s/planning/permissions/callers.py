"""Who can call the MCT API, and what keeps the others from it: the trust as a picture shows it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from mct_s2s.model.azure_resources import AppService
from mct_s2s.model.client_credentials import Credential, has_end
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.site_settings import is_enabled
from mct_s2s.model.trust import ClientApplication
from mct_s2s.planning.registrations.app_role import wanted_role, wanted_role_value
from mct_s2s.planning.registrations.membership import is_allowed, is_allowed_by_object_id, is_consented, members


class Access(StrEnum):
    """Whether a caller's requests are answered, as far as its own side is concerned."""

    CANNOT_CALL = "cannot call"
    EXPIRING = "expiring"
    NOT_KNOWN = "not known whether it can call"
    CAN_CALL = "can call"


@dataclass(frozen=True)
class TrustCaller:
    """A client application or a managed identity of a trust."""

    name: str
    id: str
    """The appId of a client application, the object ID of a managed identity."""
    signs_in: str
    """`secret until 2027-11-24`, `managed identity`."""
    needs_role: bool
    reasons: tuple[str, ...] = ()
    """Why it cannot call."""
    ends: datetime | None = None
    """When its last credential expires; `None` where none does, or it is not known."""
    expires_in: int | None = None
    """Days until then, where that is soon."""
    is_known: bool = True
    """Whether it is known who is allowed."""

    @property
    def access(self) -> Access:
        """The kinds that a picture tells apart."""
        if self.reasons:
            return Access.CANNOT_CALL
        if self.expires_in is not None:
            return Access.EXPIRING
        return Access.CAN_CALL if self.is_known else Access.NOT_KNOWN

    @property
    def remark(self) -> str:
        """Whether it can call, and why not: `cannot call: no admin consent`."""
        if self.reasons:
            return f"{Access.CANNOT_CALL}: {', '.join(self.reasons)}"
        if self.expires_in is None:
            return str(self.access)
        ends = f"expires in {self.expires_in} {'day' if self.expires_in == 1 else 'days'}"
        return f"can call, {ends}" if self.is_known else ends


@dataclass(frozen=True)
class Station:
    """What every call passes on its way: the app role, the service application, the App Service."""

    kind: str
    name: str
    details: tuple[str, ...] = ()
    problem: str | None = None


@dataclass(frozen=True)
class TrustPicture:
    """A trust from its callers to the App Service: callers → role → service application → App Service."""

    callers: tuple[TrustCaller, ...]
    """Those that need attention first, then those that expire first."""
    role: Station
    service: Station
    app_service: Station | None
    """`None` where it was not looked at."""
    is_known: bool = True
    """Whether it is known who is allowed: the App Service's settings were read, or no App Service was asked for."""

    @property
    def calling(self) -> int | None:
        """How many callers are kept from it neither by themselves nor by what every call passes."""
        if not self.is_known:
            return None
        stations = (self.service, *((self.app_service,) if self.app_service else ()))
        if any(station.problem for station in stations):
            return 0
        return sum(
            not caller.reasons and not (caller.needs_role and self.role.problem is not None) for caller in self.callers
        )


def trust_picture(observed: ObservedState, now: datetime, within: timedelta) -> TrustPicture:
    """Draw up a trust.

    Args:
        observed: the trust and its App Service.
        now: aware; what expiry is measured against.
        within: how long before its end a client's last credential counts as expiring.
    """
    callers = [_application(client, observed, now, within) for client in members(observed)]
    callers += _identities(observed)
    known = not observed.settings_unread
    callers = [replace(caller, is_known=known) for caller in callers]
    ordered = tuple(sorted(callers, key=_by_urgency))
    return TrustPicture(ordered, _role(observed), _service(observed), _app_service(observed), known)


def _by_urgency(caller: TrustCaller) -> tuple[int, bool, float, str, str]:
    order = list(Access).index(caller.access)
    ends = caller.ends.timestamp() if caller.ends is not None else 0.0
    return order, caller.ends is None, ends, caller.name.casefold(), caller.id


def _application(client: ClientApplication, observed: ObservedState, now: datetime, within: timedelta) -> TrustCaller:
    site = _with_settings(observed)
    by_object_id = site is not None and is_allowed_by_object_id(client, site)
    reasons = []
    if not by_object_id and not is_consented(client, observed):
        reasons.append("no admin consent")
    if site is not None and not is_allowed(client, site):
        reasons.append("not on the allow list")
    if client.application is None:
        return TrustCaller(client.display_name, client.client_id, "other tenant", not by_object_id, tuple(reasons))
    last = last_to_end(client.application.credentials)
    if last is None:
        return TrustCaller(
            client.display_name, client.client_id, "no credential", not by_object_id, (*reasons, "no credential")
        )
    ends = last.expires if has_end(last.expires) else None
    if ends is not None and ends <= now:
        reasons.append("expired")
    return TrustCaller(
        client.display_name,
        client.client_id,
        f"{last.kind.value} until {ends:%Y-%m-%d}" if ends is not None else f"{last.kind.value}, does not expire",
        not by_object_id,
        tuple(reasons),
        ends,
        (ends - now).days if ends is not None and ends <= now + within else None,
    )


def _with_settings(observed: ObservedState) -> AppService | None:
    """The App Service, if its settings were read: nothing follows from those of another."""
    return None if observed.settings_unread else observed.app_service


def last_to_end(credentials: Sequence[Credential]) -> Credential | None:
    """The credential that decides how long a client can sign in; `None` where it has none."""
    unending = next((one for one in credentials if one.expires is None), None)
    if unending is not None or not credentials:
        return unending
    return max(credentials, key=lambda one: one.expires.timestamp() if one.expires is not None else 0.0)


def _identities(observed: ObservedState) -> Iterator[TrustCaller]:
    site = _with_settings(observed)
    for identity in observed.trust.identities:
        allowed = site is None or site.allowed_object_ids.holds(identity.id)
        reasons = () if allowed else ("not on the allow list",)
        yield TrustCaller(identity.display_name, identity.id, "managed identity", needs_role=False, reasons=reasons)


def _role(observed: ObservedState) -> Station:
    role = wanted_role(observed)
    problem = "missing" if role is None else None if role.enabled else "disabled"
    return Station("app role", wanted_role_value(observed), problem=problem)


def _service(observed: ObservedState) -> Station:
    service = observed.trust.service
    if service is None:
        return Station("service application", "none", problem="missing")
    problem = "no service principal" if observed.trust.principal is None else None
    return Station("service application", service.display_name, (service.client_id,), problem)


def _app_service(observed: ObservedState) -> Station | None:
    site = observed.app_service
    if site is None:
        return None
    problem = None if is_enabled(site.settings) else "service-to-service authentication is off"
    if observed.settings_unread:
        problem = "settings not readable"
    if site.site.state.casefold() == "stopped":
        problem = "stopped"
    return Station("App Service", site.site.label, (site.site.url,), problem)
