"""Tests of a client's access: tokens and answers, compared with the settings."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from pathlib import Path

from mct_s2s.model.api import Api
from mct_s2s.model.azure_resources import same_origin
from mct_s2s.model.client_sign_in import NOT_NOW, ApiAnswer, ApiToken, ClientSignIn
from mct_s2s.model.commands import option, own_command, webapp_command
from mct_s2s.model.directory_objects import ServicePrincipal
from mct_s2s.model.ids import Tag, api_uri, same_id
from mct_s2s.model.observed import ClientApplication, ObservedState
from mct_s2s.model.resource_id import site_title
from mct_s2s.model.secret_place import SecretPlace
from mct_s2s.model.site_settings import Holds
from mct_s2s.plain_text import plain
from mct_s2s.planning.api_address import is_api_of, is_confirmed
from mct_s2s.planning.belief import may_be_anothers_api
from mct_s2s.planning.clients import has_wanted_role, is_identity_allowed
from mct_s2s.planning.credential_plan import lost_message
from mct_s2s.planning.reports.findings import wrong_settings
from mct_s2s.planning.reports.status import UnreadSite
from mct_s2s.planning.service_facts import audience_of, wanted_role_value


class CheckSubject(StrEnum):
    SITE = "site"
    APPLICATION = "application"
    MANAGED_IDENTITY = "managedIdentity"


SITE = (None, CheckSubject.SITE)
CALL = "call"
"""The check that everything else leads to: a real call of the MCT API."""


@dataclass(frozen=True)
class VerificationCheck:
    """One check; `ok`: `None` where it is not possible from here."""

    client: str | None
    """The display name; `None` for a check of the App Service itself."""
    kind: CheckSubject
    check: str
    """`token`, `call` …: stable, for scripts."""
    ok: bool | None
    message: str
    remedy: str | None = None
    is_secret_lost: bool = False
    """Whether it is open because the place of the client's secret has lost it."""
    why_unreadable: str | None = None
    """Why no machine but the client's own can read its credential; `None` where one could."""


@dataclass(frozen=True)
class Verification:
    url: str
    path: str
    checks: tuple[VerificationCheck, ...]
    api: Api = field(kw_only=True)
    key: str | None = None
    """A trust file's name for the App Service."""
    label: str = ""
    is_set_up: bool = True
    """Whether anything of service-to-service authentication is there yet."""

    @property
    def title(self) -> str:
        return site_title(self.key, self.label)

    @property
    def untested(self) -> int:
        """How many calls could not be tested from here.

        Those of secrets that are lost, or that are not to be read, are counted apart.
        """
        open_calls = (check for check in self.checks if check.ok is None and check.check == CALL)
        return sum(not (check.is_secret_lost or check.why_unreadable) for check in open_calls)

    @property
    def unreadable_calls(self) -> list[VerificationCheck]:
        """The calls that are open because no one but the client can read its credential."""
        return [check for check in self.checks if check.why_unreadable]

    @property
    def lost(self) -> int:
        """How many clients' secrets are lost."""
        return sum(check.is_secret_lost for check in self.checks)

    @property
    def failed(self) -> int:
        return sum(check.ok is False for check in self.checks)

    @property
    def calls(self) -> int:
        return sum(check.check == CALL and check.ok is True for check in self.checks)

    @property
    def problems(self) -> tuple[str, ...]:
        """What keeps it from being proved; nothing where it is."""
        failed = (check for check in self.checks if check.ok is False)
        messages = tuple(f"{check.client or self.url}: {check.message}" for check in failed)
        return messages if messages or self.is_proved else ("No client call succeeded.",)

    def can_call(self, client: str) -> bool | None:
        """Whether a client can call; `None` where that was not tested."""
        own_checks = [
            check
            for check in self.checks
            if (check.client, check.kind) == (client, CheckSubject.APPLICATION)
        ]
        results = [check.ok for check in own_checks if check.check == CALL or check.ok is False]
        return False if False in results else next(iter(results), None)

    @property
    def is_proved(self) -> bool:
        return bool(self.calls) and not self.failed


@dataclass(frozen=True)
class FileVerification:
    """The sites of a trust file, by what came of their tests."""

    sites: tuple[Verification, ...]
    failed: tuple[UnreadSite, ...]

    @property
    def proved(self) -> list[Verification]:
        return [site for site in self.sites if site.is_proved and not site.lost]

    @property
    def not_set_up(self) -> list[Verification]:
        return [site for site in self.sites if not site.is_set_up]

    @property
    def disproved(self) -> list[Verification]:
        return [site for site in self.sites if site.is_set_up and site.failed]

    @property
    def open(self) -> list[Verification]:
        """Neither proved nor disproved: nothing there could be tested from here."""
        return [
            site
            for site in self.sites
            if site.is_set_up and not site.failed and not site.calls and not site.lost
            if site not in self.only_unreadable
        ]

    @property
    def only_unreadable(self) -> list[Verification]:
        """Open only for clients whose credentials are not to be read: what anyone expects."""
        return [
            site
            for site in self.sites
            if site.unreadable_calls
            and not site.calls
            and all(check.ok or check.why_unreadable for check in site.checks)
        ]

    @property
    def lacking(self) -> list[Verification]:
        """Proved or open, but for a client whose secret is lost."""
        return [site for site in self.sites if site.is_set_up and site.lost and not site.failed]

    @property
    def is_proved(self) -> bool:
        return all(site.is_proved for site in self.sites)


def _correction(variable: str, source: str) -> str:
    return f"Correct {variable} in {source}, or use another file: --credentials FILE"


def misdirected(
    token: ApiToken, sign_in: ClientSignIn, observed: ObservedState, audience: str, url: str
) -> tuple[str, str] | None:
    """Why a token is not sent to the site at `url`, and the remedy; `None`: it is sent."""
    service, site = observed.trust.service, observed.app_service
    if service is None:
        accepted = {audience}
        accepted_name = f"'{audience}'"
        remedy = "To give tokens this audience, run mct-s2s setup"
    else:
        accepted = {*service.identifier_uris, service.client_id}
        accepted_name = f"the service application '{service.display_name}'"
        remedy = _correction("MCT_S2S_SCOPE", str(sign_in.source))
    if token.audience not in accepted:
        why = f"it is for '{token.audience}', not for {accepted_name}"
        return f"Its token was not sent: {why}.", remedy
    # Who writes the settings must not choose for which API a token comes to the site.
    if site is not None and sign_in.scope is None and may_be_anothers_api(observed):
        why = f"only the App Service's settings say that it is to be for {accepted_name}"
        remedy = (
            f"If that is right, set MCT_S2S_SCOPE to {audience}/.default in its file: "
            "--credentials FILE"
        )
        return f"Its token was not sent: {why}.", remedy
    stored_url = sign_in.url
    is_for_another_site = stored_url is not None and not (
        same_origin(stored_url, url) or is_api_of(observed, stored_url)
    )
    if site is not None and is_for_another_site:
        why = f"its credential is for '{stored_url}', not for {url}"
        verify = own_command("verify", "--url", stored_url or "URL", where=observed.where)
        remedy = (
            f"{_correction('MCT_S2S_URL', str(sign_in.source))}. If the API is reached at its "
            "address, such as "
            f"Azure Front Door's, name it: {verify}"
        )
        return f"Its token was not sent: {why}.", remedy
    if not is_confirmed(observed, stored_url):
        why = f"the trust file alone says that the API is at {url}"
        verify = own_command("verify", "--url", "URL", where=observed.where)
        remedy = f"If that is right, name it yourself: {verify}"
        return f"Its token was not sent: {why}.", remedy
    return None


def why_refused(
    token: ApiToken, source: str, observed: ObservedState, stated: str = ""
) -> tuple[str, str]:
    """The reason and the remedy, as sentences.

    `source`: where the credential was found. `stated`: the API's own reason.
    """
    quoted = (
        f'{observed.api.called[0].upper()}{observed.api.called[1:]} says: "{plain(stated)}". '
        if stated
        else ""
    )
    if observed.app_service is None:
        values = (
            f"the appId {token.client_id}, the object ID {token.object_id}, the tenant "
            f"{token.tenant_id}"
        )
        return f"{quoted}The token has {values} and {_roles(token)}.", (
            "Ask someone who can read the settings to compare these values with mct-s2s status. "
            "Azure caches a managed identity's tokens for up to 24 hours, so recent changes may "
            "not be in them yet."
        )
    resource = observed.app_service.resource
    otherwise = (
        "the token matches the settings, so the App Service may need a restart to read them.",
        webapp_command("restart", resource, "--subscription", resource.subscription_id),
    )
    if not observed.api.is_shipped:  # what its program compares is not known
        claims = f"aud '{token.audience}', iss '{token.issuer}', ver '{token.version}'"
        otherwise = (
            f"the token matches the settings: it has {claims} and {_roles(token)}.",
            (
                f"Compare these values with what the program of {observed.api.called} expects, and "
                "read its log. It may also need a restart to read its settings."
            ),
        )
    why, remedy = next(reasons(token, source, observed), otherwise)
    return f"{quoted}Reason: {why}", remedy


def reasons(token: ApiToken, source: str, observed: ObservedState) -> Iterator[tuple[str, str]]:
    """Find why a token is refused, each with a remedy, the likeliest first."""
    site, api = observed.app_service, observed.api
    assert site is not None  # a token is only compared with settings that were read
    is_listed = observed.allowed_object_ids.contains(token.object_id)
    for finding in wrong_settings(observed, site):
        if finding.stops_calls and not (finding.concerns_role and is_listed):
            yield finding.message, finding.remedy
    yield from _other_audience(token, source, observed)
    tenant = api.setting(Holds.TENANT_ID)
    tenant_id = tenant.value_in(site.settings) or "" if tenant is not None else token.tenant_id
    if not same_id(tenant_id.strip(), token.tenant_id):
        # A setting with another tenant than the App Service's is among those above.
        yield (
            f"The token's tenant is '{token.tenant_id}', but {tenant} is '{tenant_id}'.",
            _correction("AZURE_TENANT_ID", source),
        )
    if is_listed:
        return
    client, add = (
        observed.trust.client_of_id(token.client_id),
        observed.command("add-client", about=token.client_id),
    )
    if client is not None:
        add = observed.setting_up(client)
    # As `status` says it: all that it lacks is its entry.
    allow = add
    if client is not None and has_wanted_role(client, observed):
        allow = observed.listing(client)
    if api.lists and not observed.allowed_client_ids.contains(token.client_id):
        not_there = (
            f"{api.name_of(Holds.APPLICATION_IDS)} does not contain the appId {token.client_id}"
        )
        yield (
            (
                f"{not_there}, and {api.name_of(Holds.OBJECT_IDS)} does not contain the object ID "
                f"{token.object_id}."
            ),
            allow,
        )
    role, row = wanted_role_value(observed), api.setting(Holds.ROLE)
    if row is not None:
        role = row.value_in(site.settings) or ""
    if role not in token.roles:
        expected = f"{row} is '{role}'" if row is not None else f"{api.called} asks for '{role}'"
        yield f"The token has {_roles(token)}, but {expected}.", add


def _other_audience(
    token: ApiToken, source: str, observed: ObservedState
) -> Iterator[tuple[str, str]]:
    """The reason that the token has another audience than the settings name.

    Which it has follows from its version.
    """
    api, row, service = observed.api, observed.api.names_service, observed.trust.service
    version = f"{api.token_version}.0"
    is_other_version = api.token_version is not None and token.version != version
    setup = observed.command("setup")
    if row is None:
        if is_other_version:
            yield (
                (
                    f"The token is of version {token.version}, and {api.called} accepts {version} "
                    "alone."
                ),
                setup,
            )
        return
    expected = row.value_in(observed.settings) or ""
    accepted = {expected}
    if row.holds is Holds.APP_ID and not is_other_version:
        accepted = {expected.casefold(), api_uri(expected.casefold())}
        accepted |= (
            {*service.identifier_uris} if service is not None and api.token_version != 2 else set()
        )
    if token.audience in accepted and (row.holds is Holds.URI or not is_other_version):
        return
    uri = audience_of(service, observed) if service is not None else expected
    requested = uri if row.holds is not Holds.URI else expected
    remedy = f"Request a token for {requested}/.default (MCT_S2S_SCOPE in {source})."
    if row.holds is Holds.URI:
        yield (
            f"The token's audience is '{token.audience}', but {row} is '{expected}'.",
            (setup if token.version == "2.0" else remedy),
        )
        return
    of_version = (
        f"The token is of version {token.version}: its" if is_other_version else "The token's"
    )
    what = f"{of_version} audience is '{token.audience}', but {row} is '{expected}'."
    yield what, setup if is_other_version else remedy


def _roles(token: ApiToken) -> str:
    return f"the roles {', '.join(token.roles)}" if token.roles else "no role"


def open_check(
    client: ClientApplication,
    observed: ObservedState,
    other_file: Path | None = None,
    program: SecretPlace | None = None,
) -> VerificationCheck:
    """The open check of a client that has no credential on this machine.

    `other_file`: the one that another address of the same cloud has saved. `program`: the one that
    a trust file gives its secret to.
    """
    credentials = client.counted_credentials
    check = partial(VerificationCheck, client.display_name, CheckSubject.APPLICATION, CALL, None)
    place = observed.missing_secrets.get(client.client_id)
    if place is not None and place.is_vault:  # one for all; a file may be on another machine
        message = f"{lost_message(client.display_name, place)} Replace it:"
        return check(message, observed.rotating(client), is_secret_lost=True)
    if other_file is not None:
        return check(
            "Not tested: its file was saved under another address of this cloud. Name it:",
            observed.command("verify", "--credentials", str(other_file)),
        )
    message = "Not tested: mct-s2s knows of no file on this machine with its credential."
    vaults = [f"keyvault:{place}" for place in Tag.VAULT.values(client.application.tags)]
    if vaults:
        message += f" Its registration names {' and '.join(vaults)}, which gave none."
    if credentials and all(each.federation for each in credentials):
        why_unreadable = "only the workload that its federated credential names can sign in"
        return check(f"Not tested: {why_unreadable}.", None, why_unreadable=why_unreadable)
    # Not a rotation: a secret that is kept elsewhere is not lost.
    if observed.file is None:
        remedy = observed.command("verify", "--credentials", "FILE", about=client.client_id)
        return check(f"{message} Name its file:", remedy)
    remedy = observed.file.command("verify", "--credentials", "FILE")
    if program is None:
        return check(f"{message} Name its file:", remedy)
    why_unreadable = f"its secret is kept by {program}, and can't be read"
    message = f"Not tested: {why_unreadable}. To test it, name a file that has it:"
    return check(message, remedy, why_unreadable=why_unreadable)


def identity_checks(
    identities: Iterable[ServicePrincipal],
    observed: ObservedState,
    audience: str,
    url: str,
    path: str,
) -> Iterator[VerificationCheck]:
    """What can be tested from outside, and how to test the rest from inside."""
    site, trust = observed.app_service, observed.trust
    inside = ["--auth", "managed-identity", "--audience", audience, "--url", url]
    if observed.api.named_as and not observed.api.is_default:
        inside += ["--api", observed.api.named_as]
    if path != observed.api.test.path:
        inside += ["--path", path]
    for identity in identities:
        about = (identity.display_name, CheckSubject.MANAGED_IDENTITY)
        add = observed.command(
            "add-client", "--managed-identity", identity.resource_id or identity.display_name
        )
        if site is not None:
            listed = is_identity_allowed(identity, observed)
            contains = "contains" if listed else "does not contain"
            message = f"{observed.api.name_of(Holds.OBJECT_IDS)} {contains} {identity.id}."
            if not observed.api.lists:
                message = f"The identity {'holds' if listed else 'does not hold'} the app role."
            yield VerificationCheck(*about, "allowed", listed, message, None if listed else add)
        if trust.principal is not None and trust.principal.assignment_required:
            assigned = any(
                assignment.principal_id == identity.id for assignment in trust.assignments
            )
            message = "The service application requires assignment, and the identity is "
            message += "assigned." if assigned else "not assigned (AADSTS501051)."
            yield VerificationCheck(
                *about, "assignment", assigned, message, None if assigned else add
            )
        message = (
            "Can only be tested from the resource itself (Azure caches its tokens for up to 24 "
            "hours). Run there:"
        )
        yield VerificationCheck(*about, CALL, None, message, own_command("verify", *inside))


def returned(url: str, path: str, answer: ApiAnswer) -> str:
    """The sentence about an answer's status code."""
    more = ""
    if answer.status in NOT_NOW:
        more = ": the site is still starting"
    elif answer.redirect_host:
        more = f", a redirect to '{answer.redirect_host}'"
    return f"GET {url}{path} returned {answer.status}{more}."


_FRONT_DOOR = "https://NAME.azurefd.net"


def by_authentication(path: str) -> str:
    """What to do where App Service Authentication answered."""
    return (
        "App Service Authentication blocks the call before it reaches the API. Exclude the path "
        f"/{path.split('/')[1].partition('?')[0]} there, or disable it."
    )


def advice(answer: ApiAnswer, path: str, observed: ObservedState) -> str:
    """What to do about an answer that is neither yes nor a refusal of a token."""
    match answer:
        case ApiAnswer(status=403):
            text = (
                "Run mct-s2s verify from a network that the App Service's access restrictions "
                "allow, or allow this "
            )
            text += (
                "network. A site behind Azure Front Door is called at that address: "
                f"{_verify_at(_FRONT_DOOR, observed)}"
            )
        case ApiAnswer(is_redirect=True):
            # Its target is the API's own word: advice to call it would send tokens there.
            text = (
                "Choose another --path. If the API has another host name, name that with --url: "
                "tokens are sent there."
            )
        case ApiAnswer(status=status) if status in NOT_NOW:
            text = "Wait a minute, then run mct-s2s verify with the same options."
        case ApiAnswer(status=404) if path == observed.api.test.path:
            text = _no_such_path(observed)
        case ApiAnswer(status=status) if status < 500 and path != observed.api.test.path:
            text = (
                f"Choose a path of {observed.api.called}: "
                f"{option('--path', observed.api.test.path)}"
            )
        case _:
            text = (
                "Check the App Service's log (az webapp log tail), then run the same command again."
            )
    return text


def _no_such_path(observed: ObservedState) -> str:
    """What to do where the API does not have the path that its own description names."""
    api = observed.api
    if not api.is_shipped:
        return f"Correct test.path in {api.named_as}, or see whether the app serves that path."
    verify = observed.command("verify", "--path", "PATH")
    if api.is_default:
        return f"See whether the App Service runs {api.called}. To call another path: {verify}"
    return f"Name a path of your API that needs the role: {verify}"


def _verify_at(url: str, observed: ObservedState) -> str:
    return own_command("verify", "--url", url, where=observed.where)


def without_token(
    answer: ApiAnswer, url: str, path: str, observed: ObservedState
) -> VerificationCheck:
    """A call that must be refused, or redirected to a sign-in page."""
    check = partial(VerificationCheck, *SITE, "without-token")
    is_refused = answer.is_refused(observed.api.test.refused_with)
    if is_refused or answer.status == 401 or 300 <= answer.status < 400:
        return check(True, f"A call without a token is refused ({answer.status}).")
    if answer.status == 403:  # of the network: what the API would say is not known
        message = f"Without a token, {returned(url, path, answer)} It was not tested from here."
        return check(None, message, advice(answer, path, observed))
    if answer.is_success:
        remedy = (
            "Choose a path that requires authentication: --path PATH. If this one should, report "
            "it to the "
        )
        remedy += f"operator of {observed.api.name}."
        return check(
            False, f"A call without a token returned {answer.status}: {path} is public.", remedy
        )
    return check(
        None,
        f"Without a token, {returned(url, path, answer)}",
        advice(answer, path, observed),
    )
