"""What a test of a client's access says: tokens and answers, compared with the settings that the App Service uses.

Implements the document's last sentence: the clients should now be able to call the MCT APIs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from mct_s2s.errors import ServiceError
from mct_s2s.model.azure_resources import AppService, same_origin
from mct_s2s.model.client_sign_in import ApiAnswer, Claims
from mct_s2s.model.commands import own_command, webapp_command
from mct_s2s.model.directory_objects import ServicePrincipal
from mct_s2s.model.ids import same_id
from mct_s2s.model.mct_api import API_PATH, NOT_NOW
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
)
from mct_s2s.planning.ownership import wanted_role_value


class CheckSubject(StrEnum):
    """Whom a check is about."""

    SITE = "site"
    APPLICATION = "application"
    MANAGED_IDENTITY = "managedIdentity"


Who: TypeAlias = tuple[str | None, CheckSubject]
"""The client's display name, and what it is."""
SITE: Who = (None, CheckSubject.SITE)
CALL = "call"
"""The check that everything else leads to: a real call of the MCT API that was answered."""
NO_SUCH_URI = "500011"
"""The number after AADSTS of a token request for a service application that is not in the tenant."""


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

    @property
    def who(self) -> Who:
        """Whom checks of it are about."""
        return self.name, CheckSubject.APPLICATION


def why_refused(token: ClientToken, observed: ObservedState) -> tuple[str, str]:
    """Why the site answers 401 to a token: the setting that differs from it, and the remedy."""
    assert observed.site is not None  # tokens are only tested against a site
    resource = observed.site.resource
    restart = webapp_command("restart", resource, "--subscription", resource.subscription_id)
    otherwise = "the token matches the settings, so the App Service may need a restart to read them"
    return next(reasons(token, observed), (otherwise, restart))


def reasons(token: ClientToken, observed: ObservedState) -> Iterator[tuple[str, str]]:
    """Everything for which the site refuses the token, in the order in which it judges."""
    site, claims, tenant, service = observed.app_service, token.claims, observed.tenant, observed.trust.service
    assert site is not None
    name, audience, tenant_id, role = (
        setting.value_in(site.settings) or "" for setting in (TENANT_NAME, AUDIENCE, TENANT_ID, ROLE)
    )
    configure = own_command("configure-appservice", where=token.where)
    add = own_command("add-client", about=token.client_id, where=token.where)
    if not is_enabled(site.settings):
        yield f"{ENABLED} is '{ENABLED.value_in(site.settings) or ''}'", configure
    if tenant is not None and not tenant.is_called(name.strip()):
        yield f"{TENANT_NAME} is '{name}', which is not a domain of the tenant {tenant.name}", configure
    if claims.audience != audience:
        remedy = configure
        if claims.version == "2.0":
            remedy = own_command("setup", where=token.where)
        elif service is not None and audience in service.identifier_uris:
            remedy = f"Request a token for {audience}/.default (MCT_S2S_SCOPE in {token.source})."
        yield f"The token's audience is '{claims.audience}', but {AUDIENCE} is {_shown(audience)}", remedy
    if not same_id(tenant_id.strip(), claims.tenant_id):
        yield f"The token's tenant is '{claims.tenant_id}', but {TENANT_ID} is {_shown(tenant_id)}", configure
    if site.allowed_object_ids.holds(claims.object_id):
        return
    if not site.allowed_client_ids.holds(claims.client_id):
        reason = (
            f"{APPLICATION_IDS} does not contain the appId {claims.client_id}, and {OBJECT_IDS} does not "
            f"contain the object ID {claims.object_id}"
        )
        yield reason, add
    if not role or role not in claims.roles:
        is_setting_wrong = wanted_role_value(observed) in claims.roles
        yield f"The token has {carried(claims)}, but {ROLE} is {_shown(role)}", configure if is_setting_wrong else add


def _shown(value: str) -> str:
    return f"'{value}'" if value else "not set"


def carried(claims: Claims) -> str:
    """The roles in a token, in words."""
    return f"the roles {', '.join(claims.roles)}" if claims.roles else "no role"


def token_remedy(service_code: str, client_id: str, where: str) -> str | None:
    """The command that fixes a refused token, by the number after AADSTS; `None` where there is none."""
    match service_code:
        case "7000215" | "7000222":
            return own_command("rotate-secret", about=client_id, where=where)
        case "700016" | "7000229" | "501051":
            return own_command("add-client", about=client_id, where=where)
        case "700027":
            return own_command("add-client", "--credential", "certificate", about=client_id, where=where)
        case "500011":
            return own_command("setup", where=where)
        case _:
            return None


def identity_checks(
    identities: Iterable[ServicePrincipal], observed: ObservedState, where: str, audience: str, url: str
) -> Iterator[VerificationCheck]:
    """What can be found out about managed identities from outside, and how to test the rest from inside."""
    site, required = observed.app_service, observed.trust.principal
    for identity in identities:
        about = (identity.display_name, CheckSubject.MANAGED_IDENTITY)
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


def misdirected(token: ClientToken, observed: ObservedState, url: str, own_url: str | None) -> VerificationCheck | None:
    """The check of a call that is not made; `None` where the token belongs to the site.

    Args:
        own_url: the site that the credential's own file names, if it names one.
    """
    service, site, audience = observed.trust.service, observed.site, token.claims.audience
    assert service is not None and site is not None  # noqa: PT018  # tokens are only tested against a site that is set up
    variable, what = "", ""
    if audience not in {*service.identifier_uris, service.client_id}:
        variable = "MCT_S2S_SCOPE"
        what = f"it is for '{audience}', not for the service application '{service.display_name}'"
    elif own_url is not None and not (same_origin(own_url, url) or site.is_at(own_url)):
        variable, what = "MCT_S2S_URL", f"its credential is for '{own_url}', not for {url}"
    if not what:
        return None
    remedy = f"Correct {variable} in {token.source}, or use another file: --credentials FILE"
    return VerificationCheck(*token.who, CALL, False, f"Its token was not sent: {what}.", remedy)


@dataclass(frozen=True)
class CallResult:
    """Which address was asked, and what came of it: an answer, or the error of not reaching it."""

    url: str
    path: str
    outcome: ApiAnswer | ServiceError

    @property
    def message(self) -> str:
        """For a message."""
        if isinstance(self.outcome, ServiceError):
            return self.outcome.message
        return f"GET {self.url}{self.path} returned {self.outcome.status}{_meaning(self.outcome.status)}."

    @property
    def remedy(self) -> str:
        """What to do about an answer that is neither yes nor the API's own no."""
        match self.outcome:
            case ServiceError() as error:
                return error.remedy or ""
            case ApiAnswer(challenge=str()):
                advice = "App Service Authentication blocks the call before it reaches the API. Exclude the path /api "
                advice += "there, or disable it."
            case ApiAnswer(status=403):
                advice = (
                    "Run it from a network that the App Service's access restrictions allow, or allow this network."
                )
            case ApiAnswer(location=str() as to):
                advice = f"The API redirects to {to}. Choose another --path, or set the right host name with --url."
            case ApiAnswer(status=status) if status in NOT_NOW:
                advice = "Wait a minute, then run mct-s2s verify with the same options."
            case ApiAnswer(status=status) if status == 404 or (status < 500 and self.path != API_PATH):
                advice = f"Choose a path of the MCT API: --path {API_PATH}"
            case _:
                advice = "Check the App Service's log (az webapp log tail), then run the same command again."
        return advice


def _meaning(status: int) -> str:
    return ": the site is still starting" if status in NOT_NOW else ""


def settled(who: Who, asked: CallResult) -> VerificationCheck | None:
    """What a client's call says by itself; `None` for the API's own 401, whose reason has to be looked for."""
    answer = asked.outcome
    if isinstance(answer, ApiAnswer) and answer.is_success:
        return VerificationCheck(*who, CALL, True, asked.message)
    if isinstance(answer, ApiAnswer) and answer.status == 401 and not answer.challenge:
        return None
    ok = None if isinstance(answer, ServiceError) else False
    return VerificationCheck(*who, CALL, ok, asked.message, asked.remedy)


def must_refuse(check: str, what: str, asked: CallResult) -> VerificationCheck:
    """A call that must be turned away."""
    answer = asked.outcome
    if isinstance(answer, ServiceError):
        return VerificationCheck(*SITE, check, None, asked.message, asked.remedy)
    if answer.is_refused:
        return VerificationCheck(*SITE, check, True, f"{what} is refused ({answer.status}).")
    if answer.is_success:
        message = f"{what} returned {answer.status}: {asked.path} is public."
        remedy = (
            "Choose a path that requires authentication: --path PATH. If this one should, report it to the "
            "operator of MCT."
        )
        return VerificationCheck(*SITE, check, False, message, remedy)
    message = f"{what} returned {answer.status}{_meaning(answer.status)}."
    return VerificationCheck(*SITE, check, None, message, asked.remedy)


def stopped(site: AppService) -> VerificationCheck | None:
    """A site that does not run answers no one."""
    if not site.site.state or site.site.state.casefold() == "running":
        return None
    resource = site.site.resource
    start = webapp_command("start", resource, "--subscription", resource.subscription_id)
    return VerificationCheck(*SITE, "running", False, f"The App Service is {site.site.state.lower()}.", start)
