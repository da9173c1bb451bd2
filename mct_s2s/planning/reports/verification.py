"""What a test of a client's access says: tokens and answers, compared with the settings that the App Service uses.

Implements the document's last sentence: the clients should now be able to call the MCT APIs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from mct_s2s.model.azure_resources import AppService, same_address
from mct_s2s.model.client_sign_in import Claims
from mct_s2s.model.commands import own_command, webapp_command
from mct_s2s.model.directory_objects import ServicePrincipal
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
    Setting,
    is_enabled,
)
from mct_s2s.planning.registrations.app_role import wanted_role_value


class CheckSubject(StrEnum):
    """Whom a check is about."""

    SITE = "site"
    APPLICATION = "application"
    MANAGED_IDENTITY = "managedIdentity"


@dataclass(frozen=True)
class VerificationCheck:
    """One check: passed (`ok` true), failed (false), or not possible from here (`None`)."""

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
NO_SUCH_URI = "500011"
"""The number after AADSTS of a token request for a service application that is not in the tenant."""


@dataclass(frozen=True)
class Verification:
    """All checks of one run."""

    url: str | None
    path: str
    checks: tuple[VerificationCheck, ...]

    @property
    def failed(self) -> tuple[VerificationCheck, ...]:
        """The checks that failed."""
        return tuple(check for check in self.checks if check.ok is False)

    @property
    def calls(self) -> int:
        """How many clients were answered."""
        return sum(check.check == CALL and check.ok is True for check in self.checks)

    @property
    def is_proved(self) -> bool:
        """Whether a client's call succeeded, and nothing failed."""
        return bool(self.calls) and not self.failed


@dataclass(frozen=True)
class ClientToken:
    """A token that a client application got, and what is known of the client."""

    name: str
    client_id: str
    claims: Claims
    where: str
    """The options that name the App Service on a command line."""
    source: str = ""
    """Where its credential was found."""

    def checked(self, check: str, ok: bool | None, message: str, remedy: str | None = None) -> VerificationCheck:
        """A check of this client."""
        return VerificationCheck(self.name, CheckSubject.APPLICATION, check, ok, message, remedy)


def token_checks(token: ClientToken, observed: ObservedState) -> Iterator[VerificationCheck]:
    """The claims of a client's token against the settings: audience, tenant, role."""
    assert observed.app_service is not None  # noqa: S101  # tokens are only tested against a site
    site, claims = observed.app_service, token.claims
    audience, tenant_id = AUDIENCE.value_in(site.settings) or "", TENANT_ID.value_in(site.settings) or ""
    configure = own_command("configure-appservice", where=token.where)
    yield _compared(
        token, AUDIENCE, claims.audience, audience, audience == claims.audience, _audience_remedy(token, observed)
    )
    same_tenant = same_id(tenant_id.strip(), claims.tenant_id)
    yield _compared(token, TENANT_ID, claims.tenant_id, tenant_id, same_tenant, configure)
    yield _role(token, observed, site)


_CLAIMS = {AUDIENCE: "audience", TENANT_ID: "tenant"}


def _compared(
    token: ClientToken, setting: Setting, found: str, expected: str, is_equal: bool, remedy: str
) -> VerificationCheck:
    check = _CLAIMS[setting]
    if is_equal:
        return token.checked(check, True, f"The token's {check} is {found}, as in {setting}.")
    value = f"'{expected}'" if expected else "not set"
    return token.checked(check, False, f"The token's {check} is '{found}', but {setting} is {value}.", remedy)


def _audience_remedy(token: ClientToken, observed: ObservedState) -> str:
    expected, service = AUDIENCE.value_in(observed.settings), observed.trust.service
    if token.claims.version == "2.0":
        return own_command("setup", where=token.where)
    if service is not None and expected in service.identifier_uris:
        return f"Request a token for {expected}/.default (MCT_S2S_SCOPE in {token.source})."
    return own_command("configure-appservice", where=token.where)


def _role(token: ClientToken, observed: ObservedState, site: AppService) -> VerificationCheck:
    wanted, roles = ROLE.value_in(site.settings) or "", token.claims.roles
    if wanted and wanted in roles:
        return token.checked("role", True, f"The token has the role {wanted}.")
    if site.allowed_object_ids.holds(token.claims.object_id):
        message = "The token has no role and needs none: the client's object ID is on the allow list."
        return token.checked("role", True, message)
    carried = f"the roles {', '.join(roles)}" if roles else "no role"
    message = f"The token has {carried}, but {ROLE} is {repr(wanted) if wanted else 'not set'}."
    is_set_wrong = wanted_role_value(observed) in roles
    add = own_command("add-client", about=token.client_id, where=token.where)
    configure = own_command("configure-appservice", where=token.where)
    return token.checked("role", False, message, configure if is_set_wrong else add)


def why_refused(token: ClientToken, observed: ObservedState) -> tuple[str, str]:
    """Why the site answers 401 to a token: the setting that differs from it, and the remedy."""
    site = observed.app_service
    assert site is not None  # noqa: S101
    return next(_reasons(token, observed, site), _not_restarted(site))


def _reasons(token: ClientToken, observed: ObservedState, site: AppService) -> Iterator[tuple[str, str]]:
    """Everything for which the site refuses the token, in the order in which it judges."""
    configure = own_command("configure-appservice", where=token.where)
    if not is_enabled(site.settings):
        yield f"{ENABLED} is '{ENABLED.value_in(site.settings) or ''}'", configure
    name, tenant = TENANT_NAME.value_in(site.settings) or "", observed.tenant
    if tenant is not None and not tenant.is_called(name.strip()):
        yield f"{TENANT_NAME} is '{name}', which is not a domain of the tenant {tenant.name}", configure
    audience, tenant_id, role = token_checks(token, observed)
    if audience.ok is False or tenant_id.ok is False:
        differs = audience if audience.ok is False else tenant_id
        yield differs.message.rstrip("."), differs.remedy or ""
    claims = token.claims
    if site.allowed_object_ids.holds(claims.object_id):
        return
    if not site.allowed_client_ids.holds(claims.client_id):
        reason = (
            f"{APPLICATION_IDS} does not contain the appId {claims.client_id}, and {OBJECT_IDS} does not "
            f"contain the object ID {claims.object_id}"
        )
        yield reason, own_command("add-client", about=token.client_id, where=token.where)
    if role.ok is False:
        yield role.message.rstrip("."), role.remedy or ""


def _not_restarted(site: AppService) -> tuple[str, str]:
    reason = "the token matches the settings, so the App Service may need a restart to read them"
    resource = site.site.resource
    return reason, webapp_command("restart", resource, "--subscription", resource.subscription_id)


def agrees(token: ClientToken, observed: ObservedState) -> bool:
    """Whether the site has no reason to refuse the token."""
    site = observed.app_service
    return site is not None and next(_reasons(token, observed, site), None) is None


def token_remedy(service_code: str, client_id: str, where: str) -> str | None:
    """The command that fixes a refused token, by the number after AADSTS; `None` where there is none."""
    if service_code in {"7000215", "7000222"}:
        return own_command("rotate-secret", about=client_id, where=where)
    if service_code in {"700016", "7000229", "501051"}:
        return own_command("add-client", about=client_id, where=where)
    if service_code == "700027":
        return own_command("add-client", "--credential", "certificate", about=client_id, where=where)
    if service_code == NO_SUCH_URI:
        return own_command("setup", where=where)
    return None


def identity_checks(
    identities: Iterable[ServicePrincipal], observed: ObservedState, where: str, audience: str, url: str
) -> Iterator[VerificationCheck]:
    """What can be found out about managed identities from outside, and how to test the rest from inside."""
    site, required = observed.app_service, observed.trust.principal
    for identity in identities:
        about = (identity.display_name, CheckSubject.MANAGED_IDENTITY)
        yield VerificationCheck(*about, "principal", True, "Found in Entra ID.")
        resource = identity.resource_id or identity.display_name
        add = own_command("add-client", "--managed-identity", resource, where=where)
        if site is not None:
            listed = site.allowed_object_ids.holds(identity.id)
            message = f"{OBJECT_IDS} {'contains' if listed else 'does not contain'} {identity.id}."
            yield VerificationCheck(*about, "allowed", listed, message, None if listed else add)
        if required is not None and required.assignment_required:
            assigned = any(same_id(a.principal_id, identity.id) for a in observed.trust.assignments)
            message = "The service application requires assignment, and the identity is "
            message += "assigned." if assigned else "not assigned (AADSTS501051)."
            yield VerificationCheck(*about, "assignment", assigned, message, None if assigned else add)
        message = "Can only be tested from the resource itself (Azure caches its tokens for up to 24 hours). Run there:"
        yield VerificationCheck(*about, CALL, None, message, inside_command(audience, url))


def inside_command(audience: str, url: str) -> str:
    """The one-liner that tests a managed identity's call, run inside its resource."""
    return own_command("verify", "--auth", "managed-identity", "--audience", audience, "--url", url)


def in_order(checks: Iterable[VerificationCheck]) -> tuple[VerificationCheck, ...]:
    """The site's checks first, then client by client as they came."""
    rows = list(checks)
    return (*(c for c in rows if c.kind is CheckSubject.SITE), *(c for c in rows if c.kind is not CheckSubject.SITE))


def misdirected(token: ClientToken, observed: ObservedState, url: str, own_url: str | None) -> VerificationCheck | None:
    """The check of a call that is not made; `None` where the token belongs to the site.

    Args:
        own_url: the site that the credential's own file names, if it names one.
    """
    service, site = observed.trust.service, observed.app_service
    assert service is not None and site is not None  # noqa: S101, PT018  # tokens are only tested against a site that is set up
    audience = token.claims.audience
    if audience not in {*service.identifier_uris, service.client_id}:
        return _not_sent(
            token,
            f"it is for '{audience}', not for the service application '{service.display_name}'",
            f"Correct MCT_S2S_SCOPE in {token.source}, or use another file: --credentials FILE",
        )
    if own_url is not None and not (same_address(own_url, url) or site.site.is_at(own_url)):
        return _not_sent(
            token,
            f"its credential is for '{own_url}', not for {url}",
            f"Correct MCT_S2S_URL in {token.source}, or use another file: --credentials FILE",
        )
    return None


def misaddressed(who: tuple[str, CheckSubject], audience: str, expected: str) -> VerificationCheck | None:
    """The same where nothing is known but the audience that was given."""
    if audience == expected:
        return None
    message = f"Its token was not sent: it is for '{audience}', not for '{expected}'."
    return VerificationCheck(*who, CALL, False, message, "To give tokens this audience, run mct-s2s setup")


def _not_sent(token: ClientToken, why: str, remedy: str) -> VerificationCheck:
    return token.checked(CALL, False, f"Its token was not sent: {why}.", remedy)
