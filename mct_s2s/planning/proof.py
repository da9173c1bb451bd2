"""What a proof says: facts about tokens and answers, compared with the settings that the App Service judges by.

Implements the document's last sentence: the clients should now be able to call the MCT APIs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from mct_s2s.model.azure_resources import AppService
from mct_s2s.model.client_sign_in import Claims
from mct_s2s.model.commands import own_command, webapp_command
from mct_s2s.model.ids import same_id
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.site_settings import (
    APPLICATION_IDS,
    AUDIENCE,
    ENABLED,
    OBJECT_IDS,
    ROLE,
    TENANT_ID,
    TENANT_NAME,
    is_enabled,
    value_of,
)


class Kind(StrEnum):
    """Whom a check is about."""

    SITE = "site"
    APPLICATION = "application"
    MANAGED_IDENTITY = "managedIdentity"


@dataclass(frozen=True)
class Check:
    """One fact: proved (`ok` true), disproved (false), or not provable from here (`None`)."""

    client: str | None
    """The client's display name; `None` for a check of the App Service itself."""
    kind: Kind
    check: str
    """`token`, `audience`, `tenant`, `role`, `call` …: stable, for scripts."""
    ok: bool | None
    message: str
    remedy: str | None = None
    """What to type or to do; `None` where there is nothing to do."""


CALL = "call"
"""The check that everything else leads to: a real call of the MCT API that was answered."""


@dataclass(frozen=True)
class Verification:
    """Everything that was proved, disproved or left open."""

    url: str | None
    path: str
    checks: tuple[Check, ...]

    @property
    def failed(self) -> tuple[Check, ...]:
        """What was disproved."""
        return tuple(check for check in self.checks if check.ok is False)

    @property
    def calls(self) -> int:
        """How many clients were answered."""
        return sum(check.check == CALL and check.ok is True for check in self.checks)

    @property
    def is_proved(self) -> bool:
        """Whether somebody was answered, and nothing was disproved."""
        return bool(self.calls) and not self.failed


@dataclass(frozen=True)
class Caller:
    """A client application whose token was read."""

    name: str
    client_id: str
    claims: Claims
    where: str
    """The options that name the App Service on a command line."""
    source: str = ""
    """Where its credential was found."""


def token_checks(caller: Caller, observed: ObservedState) -> Iterator[Check]:
    """The claims of a client's token against the settings: audience, tenant, role.

    Args:
        caller: whose token it is.
        observed: the world, the App Service in it.
    """
    assert observed.app_service is not None  # noqa: S101  # tokens are only proved for a site
    settings, claims = observed.app_service.settings, caller.claims
    yield _audience(caller, observed)
    tenant = value_of(settings, TENANT_ID) or ""
    yield _compared(
        caller, "tenant", TENANT_ID, tenant, claims.tenant_id, same_id(tenant.strip(), claims.tenant_id),
        own_command("configure-appservice", where=caller.where),
    )  # fmt: skip
    yield _role(caller, observed.app_service)


def _audience(caller: Caller, observed: ObservedState) -> Check:
    assert observed.app_service is not None  # noqa: S101
    expected, service = value_of(observed.app_service.settings, AUDIENCE) or "", observed.trust.service
    remedy = own_command("configure-appservice", where=caller.where)
    if caller.claims.version == "2.0":
        remedy = own_command("setup", where=caller.where)
    elif service is not None and expected in service.identifier_uris:
        remedy = f"Ask for a token of {expected}/.default (MCT_S2S_SCOPE in {caller.source})."
    audience = caller.claims.audience
    return _compared(caller, "audience", AUDIENCE, expected, audience, audience == expected, remedy)


def _compared(caller: Caller, check: str, setting: str, expected: str, found: str, agrees: bool, remedy: str) -> Check:
    if agrees:
        return Check(caller.name, Kind.APPLICATION, check, True, f"The token's {check} is {found}, as {setting} says.")
    told = f"'{expected}'" if expected else "not set"
    message = f"The token's {check} is '{found}', but {setting} is {told}."
    return Check(caller.name, Kind.APPLICATION, check, False, message, remedy)


def _role(caller: Caller, site: AppService) -> Check:
    wanted, roles = value_of(site.settings, ROLE) or "", caller.claims.roles
    if wanted and wanted in roles:
        return Check(caller.name, Kind.APPLICATION, "role", True, f"The token carries the role {wanted}.")
    if site.allowed_object_ids.holds(caller.claims.object_id):
        told = "The token carries no role, and needs none: the client is let in by its object id."
        return Check(caller.name, Kind.APPLICATION, "role", True, told)
    carried = f"the roles {', '.join(roles)}" if roles else "no role"
    told = f"The token carries {carried}; {ROLE} is {repr(wanted) if wanted else 'not set'}."
    remedy = own_command("add-client", about=caller.client_id, where=caller.where)
    return Check(caller.name, Kind.APPLICATION, "role", False, told, remedy)


def why_refused(caller: Caller, observed: ObservedState) -> tuple[str, str]:
    """Why the site answers 401 to a token: the setting that differs from it, and the remedy."""
    site = observed.app_service
    assert site is not None  # noqa: S101
    return next(_reasons(caller, observed, site), _not_restarted(site))


def _reasons(caller: Caller, observed: ObservedState, site: AppService) -> Iterator[tuple[str, str]]:
    """Everything that stands against the call, in the order in which the site judges."""
    configure = own_command("configure-appservice", where=caller.where)
    if not is_enabled(site.settings):
        yield f"{ENABLED} is '{value_of(site.settings, ENABLED) or ''}'", configure
    name, tenant = value_of(site.settings, TENANT_NAME) or "", observed.tenant
    if tenant is not None and not tenant.is_called(name.strip()):
        yield f"{TENANT_NAME} is '{name}', which is no domain of the tenant {tenant.name}", configure
    audience, tenant_id, role = token_checks(caller, observed)
    if audience.ok is False or tenant_id.ok is False:
        differs = audience if audience.ok is False else tenant_id
        yield differs.message.rstrip("."), differs.remedy or ""
    claims = caller.claims
    if site.allowed_object_ids.holds(claims.object_id):
        return
    if not site.allowed_client_ids.holds(claims.client_id):
        told = f"{APPLICATION_IDS} does not hold the application id {claims.client_id}, nor {OBJECT_IDS} the object id "
        yield f"{told}{claims.object_id}", own_command("add-client", about=caller.client_id, where=caller.where)
    if role.ok is False:
        yield role.message.rstrip("."), role.remedy or ""


def _not_restarted(site: AppService) -> tuple[str, str]:
    told = "token and settings agree, so the App Service has perhaps not been restarted since the settings changed"
    resource = site.site.resource
    return told, webapp_command("restart", resource, "--subscription", resource.subscription_id)


def agrees(caller: Caller, observed: ObservedState) -> bool:
    """Whether nothing in token and settings stands against the call."""
    site = observed.app_service
    return site is not None and next(_reasons(caller, observed, site), None) is None


def token_remedy(service_code: str, client_id: str, where: str) -> str | None:
    """The command that mends a refused token, by the number after AADSTS; `None` where there is none."""
    if service_code in {"7000215", "7000222"}:
        return own_command("rotate-secret", about=client_id, where=where)
    if service_code in {"700016", "7000229", "501051"}:
        return own_command("add-client", about=client_id, where=where)
    if service_code == "700027":
        return own_command("add-client", "--credential", "certificate", about=client_id, where=where)
    if service_code == "500011":
        return own_command("setup", where=where)
    return None


def identity_checks(observed: ObservedState, where: str, audience: str, url: str) -> Iterator[Check]:
    """What can be said of managed identities from outside, and how to prove the rest from inside."""
    site, required = observed.app_service, observed.trust.principal
    for identity in observed.trust.identities:
        name = identity.display_name
        told = f"The identity is in the directory as {identity.id}."
        yield Check(name, Kind.MANAGED_IDENTITY, "principal", True, told)
        holder = identity.resource_id or name
        admit = own_command("add-client", "--managed-identity", holder, where=where)
        if site is not None:
            listed = site.allowed_object_ids.holds(identity.id)
            told = f"{identity.id} is {'' if listed else 'not '}on ServiceObjectIds."
            yield Check(name, Kind.MANAGED_IDENTITY, "allowed", listed, told, None if listed else admit)
        if required is not None and required.assignment_required:
            assigned = any(same_id(a.principal_id, identity.id) for a in observed.trust.assignments)
            told = "The service application admits assigned callers only; the identity is " + (
                "assigned." if assigned else "not assigned (AADSTS501051)."
            )
            yield Check(name, Kind.MANAGED_IDENTITY, "assignment", assigned, told, None if assigned else admit)
        yield Check(
            name,
            Kind.MANAGED_IDENTITY,
            CALL,
            None,
            "Its call is not provable from here: only the resource itself gets its tokens. Azure keeps an identity's "
            "tokens for up to a day, so what was granted today may not be in them yet.",
            inside_command(audience, url),
        )


def inside_command(audience: str, url: str) -> str:
    """The one-liner that proves a managed identity's call, run inside its resource."""
    return own_command("verify", "--auth", "managed-identity", "--audience", audience, "--url", url)


def in_order(checks: Iterable[Check]) -> tuple[Check, ...]:
    """The site's checks first, then client by client as they came."""
    rows = list(checks)
    return (*(c for c in rows if c.kind is Kind.SITE), *(c for c in rows if c.kind is not Kind.SITE))
