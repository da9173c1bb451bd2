"""What a proof says: facts about tokens and answers, compared with the settings that the App Service judges by.

Implements the document's last sentence: the clients should now be able to call the MCT APIs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from mct_s2s.model.client_sign_in import Claims
from mct_s2s.model.commands import own_command, webapp_command
from mct_s2s.model.ids import same_id
from mct_s2s.model.observed import AppService, Observed
from mct_s2s.model.site_settings import (
    APPLICATION_IDS,
    AUDIENCE,
    ENABLED,
    OBJECT_IDS,
    ROLE,
    TENANT_ID,
    TENANT_NAME,
    Setting,
    is_enabled,
)


class CheckSubject(StrEnum):
    """Whom a check is about."""

    SITE = "site"
    APPLICATION = "application"
    MANAGED_IDENTITY = "managedIdentity"


@dataclass(frozen=True)
class VerificationCheck:
    """One fact: proved (`ok` true), disproved (false), or not provable from here (`None`)."""

    client: str | None
    """The client's display name; `None` for a check of the App Service itself."""
    kind: CheckSubject
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
    checks: tuple[VerificationCheck, ...]

    @property
    def failed(self) -> tuple[VerificationCheck, ...]:
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
class ClientToken:
    """A client application whose token was read."""

    name: str
    client_id: str
    claims: Claims
    where: str
    """The options that name the App Service on a command line."""
    source: str = ""
    """Where its credential was found."""


def token_checks(caller: ClientToken, observed: Observed) -> Iterator[VerificationCheck]:
    """The claims of a client's token against the settings: audience, tenant, role.

    Args:
        caller: whose token it is.
        observed: the world, the App Service in it.
    """
    assert observed.app_service is not None  # noqa: S101  # tokens are only proved for a site
    settings, claims = observed.app_service.settings, caller.claims
    yield _audience(caller, observed)
    tenant = TENANT_ID.value_in(settings) or ""
    yield _compared(
        caller, "tenant", TENANT_ID, tenant, claims.tenant_id, same_id(tenant.strip(), claims.tenant_id),
        own_command("configure-appservice", where=caller.where),
    )  # fmt: skip
    yield _role(caller, observed.app_service)


def _audience(caller: ClientToken, observed: Observed) -> VerificationCheck:
    assert observed.app_service is not None  # noqa: S101
    expected, service = AUDIENCE.value_in(observed.app_service.settings) or "", observed.trust.service
    remedy = own_command("configure-appservice", where=caller.where)
    if caller.claims.version == "2.0":
        remedy = own_command("setup", where=caller.where)
    elif service is not None and expected in service.identifier_uris:
        remedy = f"Request a token for {expected}/.default (MCT_S2S_SCOPE in {caller.source})."
    audience = caller.claims.audience
    return _compared(caller, "audience", AUDIENCE, expected, audience, audience == expected, remedy)


def _compared(
    caller: ClientToken, check: str, setting: Setting, expected: str, found: str, agrees: bool, remedy: str
) -> VerificationCheck:
    if agrees:
        return VerificationCheck(
            caller.name, CheckSubject.APPLICATION, check, True, f"The token's {check} is {found}, as in {setting}."
        )
    told = f"'{expected}'" if expected else "not set"
    message = f"The token's {check} is '{found}', but {setting} is {told}."
    return VerificationCheck(caller.name, CheckSubject.APPLICATION, check, False, message, remedy)


def _role(caller: ClientToken, site: AppService) -> VerificationCheck:
    wanted, roles = ROLE.value_in(site.settings) or "", caller.claims.roles
    if wanted and wanted in roles:
        return VerificationCheck(
            caller.name, CheckSubject.APPLICATION, "role", True, f"The token has the role {wanted}."
        )
    if site.allowed_object_ids.holds(caller.claims.object_id):
        told = "The token has no role and needs none: the client's object ID is on the allow list."
        return VerificationCheck(caller.name, CheckSubject.APPLICATION, "role", True, told)
    carried = f"the roles {', '.join(roles)}" if roles else "no role"
    told = f"The token has {carried}, but {ROLE} is {repr(wanted) if wanted else 'not set'}."
    remedy = own_command("add-client", about=caller.client_id, where=caller.where)
    return VerificationCheck(caller.name, CheckSubject.APPLICATION, "role", False, told, remedy)


def why_refused(caller: ClientToken, observed: Observed) -> tuple[str, str]:
    """Why the site answers 401 to a token: the setting that differs from it, and the remedy."""
    site = observed.app_service
    assert site is not None  # noqa: S101
    return next(_reasons(caller, observed, site), _not_restarted(site))


def _reasons(caller: ClientToken, observed: Observed, site: AppService) -> Iterator[tuple[str, str]]:
    """Everything that stands against the call, in the order in which the site judges."""
    configure = own_command("configure-appservice", where=caller.where)
    if not is_enabled(site.settings):
        yield f"{ENABLED} is '{ENABLED.value_in(site.settings) or ''}'", configure
    name, tenant = TENANT_NAME.value_in(site.settings) or "", observed.tenant
    if tenant is not None and not tenant.is_called(name.strip()):
        yield f"{TENANT_NAME} is '{name}', which is not a domain of the tenant {tenant.name}", configure
    audience, tenant_id, role = token_checks(caller, observed)
    if audience.ok is False or tenant_id.ok is False:
        differs = audience if audience.ok is False else tenant_id
        yield differs.message.rstrip("."), differs.remedy or ""
    claims = caller.claims
    if site.allowed_object_ids.holds(claims.object_id):
        return
    if not site.allowed_client_ids.holds(claims.client_id):
        told = (
            f"{APPLICATION_IDS} does not contain the appId {claims.client_id}, and {OBJECT_IDS} does not "
            "contain the object ID "
        )
        yield f"{told}{claims.object_id}", own_command("add-client", about=caller.client_id, where=caller.where)
    if role.ok is False:
        yield role.message.rstrip("."), role.remedy or ""


def _not_restarted(site: AppService) -> tuple[str, str]:
    told = "the token matches the settings, so the App Service may need a restart to read them"
    resource = site.site.resource
    return told, webapp_command("restart", resource, "--subscription", resource.subscription_id)


def agrees(caller: ClientToken, observed: Observed) -> bool:
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


def identity_checks(observed: Observed, where: str, audience: str, url: str) -> Iterator[VerificationCheck]:
    """What can be said of managed identities from outside, and how to prove the rest from inside."""
    site, required = observed.app_service, observed.trust.principal
    for identity in observed.trust.identities:
        name = identity.display_name
        told = f"Found in Entra ID: object ID {identity.id}."
        yield VerificationCheck(name, CheckSubject.MANAGED_IDENTITY, "principal", True, told)
        holder = identity.resource_id or name
        admit = own_command("add-client", "--managed-identity", holder, where=where)
        if site is not None:
            listed = site.allowed_object_ids.holds(identity.id)
            told = f"{OBJECT_IDS} {'contains' if listed else 'does not contain'} {identity.id}."
            yield VerificationCheck(
                name, CheckSubject.MANAGED_IDENTITY, "allowed", listed, told, None if listed else admit
            )
        if required is not None and required.assignment_required:
            assigned = any(same_id(a.principal_id, identity.id) for a in observed.trust.assignments)
            told = "The service application requires assignment, and the identity is " + (
                "assigned." if assigned else "not assigned (AADSTS501051)."
            )
            yield VerificationCheck(
                name, CheckSubject.MANAGED_IDENTITY, "assignment", assigned, told, None if assigned else admit
            )
        yield VerificationCheck(
            name,
            CheckSubject.MANAGED_IDENTITY,
            CALL,
            None,
            "Can only be tested from the resource itself (Azure caches its tokens for up to 24 hours). Run there:",
            inside_command(audience, url),
        )


def inside_command(audience: str, url: str) -> str:
    """The one-liner that proves a managed identity's call, run inside its resource."""
    return own_command("verify", "--auth", "managed-identity", "--audience", audience, "--url", url)


def in_order(checks: Iterable[VerificationCheck]) -> tuple[VerificationCheck, ...]:
    """The site's checks first, then client by client as they came."""
    rows = list(checks)
    return (*(c for c in rows if c.kind is CheckSubject.SITE), *(c for c in rows if c.kind is not CheckSubject.SITE))
