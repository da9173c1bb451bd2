"""The caller of a command: ways to sign in by azure-identity, behind one credential that both SDKs
share.

azure-identity is imported where it is asked, as it takes a tenth of a second: az's or azd's first
answer is a token without it.

A token without the claims that a service asks for is refused again and again: the next sign-in has
to include them. Sources: learn.microsoft.com/python/api/overview/azure/identity-readme (the
environment variables); learn.microsoft.com/entra/identity-platform/claims-challenge;
docs/azure-contract.md, section 4.10;
learn.microsoft.com/cli/azure/use-azure-cli-successfully-troubleshooting.
"""

import asyncio
import base64
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from enum import Enum, auto
from functools import partial
from pathlib import Path
from typing import Any, Self

from azure.core.credentials import AccessToken
from azure.core.exceptions import AzureError

from mct_s2s import clock, concurrency
from mct_s2s.activity import waiting
from mct_s2s.azure.answers import LOGIN, UNREADABLE, OddAnswer, Refusal, describe_cause, parse_json
from mct_s2s.azure.clouds import is_on_this_machine
from mct_s2s.azure.connection import Connection
from mct_s2s.azure.http import ThreadTransport, Transport
from mct_s2s.azure.sign_in import choice
from mct_s2s.azure.sign_in.login_refusals import (
    ODD,
    raise_if_passing,
    sign_in_refused,
)
from mct_s2s.azure.sign_in.tools import Tool, is_sendable
from mct_s2s.errors import Instruction, SignInFailed, UsageError
from mct_s2s.local_files import read_given
from mct_s2s.model.caller_rights import SignedIn
from mct_s2s.model.client_sign_in import (
    AssertionFileCredential,
    CertificateCredential,
    ClientSignIn,
    MachineIdentity,
    Method,
    PresentedCredential,
    SecretCredential,
    machine_sign_in,
)
from mct_s2s.model.commands import command
from mct_s2s.model.ids import ClientId, TenantId

_FEDERATED_FILE = "AZURE_FEDERATED_TOKEN_FILE"
REFRESH_SECONDS = 300
"""A token that lives no longer than this is replaced before it is used, as azure-core does."""
SECOND_FACTOR = '{"access_token":{"acrs":{"essential":true,"values":["p1"]}}}'
"""The claims that Azure Resource Manager itself asks for.

They are used for refusals that speak of a second factor and bring no claims.
"""
_SINCE_SIGN_IN = (
    "If you were given it, or activated it (PIM), after you signed in, sign in again first:"
)
"""az and azd hand out the token that they have, for up to 28 h: docs/azure-contract.md, section
2.4."""
_SINCE_LOGIN_OF_APPLICATION = (
    "If the service principal was given it after az login, let it sign in again first, with its "
    "secret, certificate or federated token:"
)
_OF_MACHINE = (
    "A managed identity's token can be 24 hours old: what it was given since counts from its next "
    "one."
)

# What goes into a command is matched strictly: the header may come from a proxy.
_CLAIMS = re.compile(r'\bclaims="([A-Za-z0-9+/_=-]{1,4096})"')
_TENANT = re.compile(r'\bauthorization_uri="https://[^/"]+/([0-9A-Za-z-]{36})[/"]')
_DISALLOWED = re.compile(r"\bRequestDisallowedBy(?:Policy|Azure)\b")
_MFA = re.compile(r"\bMFA\b|multi-?\s?factor", re.IGNORECASE)


@dataclass(frozen=True)
class Challenge:
    """What a service asks of the sign-in."""

    claims: str
    """A JSON object, for the login service."""
    tenant: str | None = None
    """The tenant to sign in to, as far as the service says."""
    second_factor: bool = False

    @property
    def what(self) -> str:
        return "a second factor" if self.second_factor else "a new sign-in"


def challenge_of(refusal: Refusal) -> Challenge | None:
    """What a refusal asks of the sign-in; `None` where it asks for nothing.

    A policy that demands a second factor may say so without the header. Source:
    learn.microsoft.com/entra/identity-platform/app-resilience-continuous-access-evaluation.
    """
    if refusal.status not in {401, 403}:
        return None
    claims = _challenged_claims(refusal.headers)
    is_disallowed = _DISALLOWED.search(refusal.body) is not None
    by_policy = is_disallowed and _MFA.search(refusal.body) is not None
    if claims is None and not by_policy:
        return None
    tenant = challenged_tenant(refusal.headers)
    is_second_factor = by_policy or '"acrs"' in (claims or "")
    return Challenge(claims or SECOND_FACTOR, tenant, is_second_factor)


def _challenged_claims(headers: Mapping[str, str]) -> str | None:
    """The claims in the header, which may hold several schemes; `None` where there are none."""
    header = headers.get("www-authenticate", "")
    match = _CLAIMS.search(header) if "insufficient_claims" in header else None
    if match is None:
        return None
    encoded = match[1].replace("+", "-").replace("/", "_")
    try:
        claims = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
        return claims if isinstance(parse_json(claims), dict) else None
    except (ValueError, OddAnswer):
        return None


def challenged_tenant(headers: Mapping[str, str]) -> str | None:
    """Return the tenant in which a service wants its caller to sign in."""
    match = _TENANT.search(headers.get("www-authenticate", ""))
    return match[1] if match is not None else None


def azure_cli_login(
    account: choice.CliAccount,
    scope: str | None,
    tenant: str | None,
    challenge: Challenge | None = None,
) -> str:
    """The commands that sign in to the Azure CLI anew.

    `az login` alone gives the same token, to an application too: azure-cli#25442, #27002.
    """
    logout = ["az", "logout"]
    if account.subscription:
        logout += ["--username", account.name]
    login = ["az", "login"]
    if account.is_person is False:
        client_id = account.client_id or "APP_ID"
        login += ["--service-principal", "--username", client_id, "--tenant", tenant or "TENANT"]
        return f"{command(*logout)}; {command(*login)}"
    if tenant:
        login += ["--tenant", tenant]
    if scope:
        login += ["--scope", scope]
    if challenge is not None:
        login += ["--claims-challenge", base64.b64encode(challenge.claims.encode()).decode()]
    return f"{command(*logout)}; {command(*login)}"


class Again(Enum):
    """How a way of signing in brings the claims that a service asks for."""

    PERSON = auto()
    AZURE_CLI = auto()
    """Only by commands of the Azure CLI, which a person has to type."""
    AZURE_CLI_APPLICATION = auto()
    """The same for an application, which has no second factor.

    az keeps its tokens, too (MSAL for Python 1.23).
    """
    AZD = auto()
    """The Azure Developer CLI takes the claims, and tells its user what to do."""
    APPLICATION = auto()
    """A new token; an application has no second factor."""


_ODD_OUTPUT = "what it returned is not a token."


class CallerCredential:
    """Tokens for one caller, shared by every request.

    `ask(scope, claims=None)` gets one, and remembers none.
    """

    def __init__(
        self,
        ask: Callable[..., Awaitable[AccessToken]],
        signed_in: SignedIn,
        connection: Connection,
        again: Again = Again.APPLICATION,
        account: choice.CliAccount | None = None,
        tool: Tool | None = None,
    ) -> None:
        """`tool`: what is asked for a scope's first token, before and beside `ask`."""
        self.signed_in = signed_in
        self._ask = ask
        self._again = again
        self._tool = tool
        self._account = account or choice.CliAccount()
        self._login = connection.cloud.login
        self._tenant = connection.tenant
        self._say = connection.say
        self._retry_policy = connection.retry_policy(service=LOGIN.name)
        self._renewed_at = 0.0
        self._tokens: dict[str, AccessToken] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._claims: dict[str, str] = {}
        self._brought_at: dict[str, float] = {}
        self._bringing = asyncio.Lock()
        self._refusal: SignInFailed | None = None

    async def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        """Get a token, for azure-core's `AsyncTokenCredential`.

        Raises SignInFailed or ServiceError.
        """
        (scope,) = scopes
        async with self._lock(scope):
            token = self._tokens.get(scope)
            if token is None or token.expires_on - clock.now().timestamp() < REFRESH_SECONDS:
                token = await self._first_token(scope) or await self._new_token(scope)
                self._tokens[scope] = token
            return token

    async def _first_token(self, scope: str) -> AccessToken | None:
        if self._tool is None or self._refusal is not None:
            return None
        token = await self._tool.token(scope)
        return AccessToken(token.value, token.expires_on) if token is not None else None

    async def _new_token(self, scope: str) -> AccessToken:
        if self._again is Again.APPLICATION:
            return await self._retry_policy.call(lambda: self._fetch(scope))
        # A person is asked once: the second token comes from what the first sign-in left in the
        # cache. Two processes of a command-line tool would meet in its cache, and one of them may
        # find it half written.
        async with self._lock(""):
            if self._refusal is not None:
                # Neither a person who did not sign in nor their tool is asked again.
                raise self._refusal
            return await self._retry_policy.call(lambda: self._fetch(scope))

    def _lock(self, key: str) -> asyncio.Lock:
        return self._locks.setdefault(key, asyncio.Lock())

    @property
    def asks_a_person(self) -> bool:
        """Whether someone has to type something before there is a token."""
        return self._again is Again.PERSON

    async def close(self) -> None:
        """The connection has an owner."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None: ...

    def forget(self, since: float) -> None:
        """Drop the tokens, unless they are newer than `since`, when the refused request began
        (monotonic).
        """
        if self._renewed_at <= since:
            self._renewed_at = time.monotonic()
            self._tokens.clear()

    async def bring(self, scope: str, challenge: Challenge, since: float) -> bool:
        """Get a token that has what a service asks for; return false where this way of signing in
        cannot.

        Raises SignInFailed.
        """
        async with self._bringing:
            if self._brought_at.get(scope, 0.0) > since:
                return True  # another request has come to the same end before
            is_application = self._again is Again.APPLICATION
            # The Azure CLI returns the token that it has until someone types `az login`, and a
            # person who does not provide what is asked for is not asked again and again.
            if self._again in {Again.AZURE_CLI, Again.AZURE_CLI_APPLICATION}:
                return False
            if is_application and challenge.second_factor:
                return False
            if not is_application and scope in self._claims:
                return False
            self._tokens.pop(scope, None)
            self._claims[scope] = challenge.claims
            if self._again is Again.PERSON:
                self._say(f"Azure requires {challenge.what}. Sign in again.")
            await self.get_token(scope)
            self._brought_at[scope] = time.monotonic()
            return True

    def demanded(
        self, service: str, step: str, scope: str, challenge: Challenge, refusal: Refusal
    ) -> SignInFailed:
        login = ""
        where = challenge.tenant or self._tenant
        if self._again is Again.AZURE_CLI:
            login = azure_cli_login(self._account, scope, where, challenge)
            remedy = (
                "Sign in again (needs Azure CLI 2.76 or newer), then run the same command again:"
            )
        elif self._again is Again.AZURE_CLI_APPLICATION and not challenge.second_factor:
            login = azure_cli_login(self._account, scope, where)
            remedy = "Let the service principal sign in again, then run the same command again:"
        elif self._again is Again.AZD:
            remedy, login = "Sign in again, then run the same command again:", "azd auth login"
        elif self._again is Again.PERSON or not challenge.second_factor:
            remedy = "Run the same command again and sign in with the second factor to resume."
        else:
            remedy = "Sign in as a user with a second factor: --auth browser, or --auth device-code"
        return SignInFailed(
            "mfa-required" if challenge.second_factor else "sign-in-again",
            f"{service} requires {challenge.what} to {step}.",
            answer=refusal.summary,
            remedy=remedy,
            command=login,
            request_id=refusal.request_id,
        )

    async def _fetch(self, scope: str) -> AccessToken:
        claims = {"claims": self._claims[scope]} if scope in self._claims else {}
        try:
            token = await self._ask(scope, **claims)
            if not is_sendable(token.token):
                raise ValueError(_ODD_OUTPUT)
            return token
        except (AzureError, OSError, *ODD) as error:
            # Of a login service, what is unreadable passes; a tool prints the same again.
            why = (
                ValueError(_ODD_OUTPUT)
                if self._tool is not None and isinstance(error, UNREADABLE)
                else error
            )
            raise_if_passing(why, self._login)
            login = (
                azure_cli_login(self._account, scope, self._tenant)
                if self._again is Again.AZURE_CLI
                else ""
            )
            self._refusal = sign_in_refused(why, self.signed_in, login)
            raise self._refusal from error


def sign_in(method: Method, connection: Connection) -> CallerCredential:
    """Prepare the credential of a way of signing in. Nothing is sent yet.

    Raises UsageError, Refused: what is stored here belongs to another login host.
    """
    match method:
        case Method.ENVIRONMENT | Method.WORKLOAD_IDENTITY:
            choice.check_login_host(
                connection.environ.get(choice.AUTHORITY),
                connection.cloud.login,
                "The credential in the environment",
            )
            return _environment(connection, federated=method is Method.WORKLOAD_IDENTITY)
        case Method.MANAGED_IDENTITY:
            if not connection.cloud.is_microsofts:
                # Its metadata chooses whom the tokens of this machine's cloud are for.
                choice.check_login_host(
                    connection.environ.get(choice.AUTHORITY),
                    connection.cloud.login,
                    "This machine's managed identity",
                )
            return _managed_identity(connection)
        case Method.CLI:
            return _azure_cli(connection)
        case Method.AZD:
            return _azure_developer_cli(connection)
        case _:
            if not (connection.cloud.is_microsofts or is_on_this_machine(connection.cloud.login)):
                # It could hand on a code, or lead on to a page, of Microsoft's own login service,
                # and have what comes of it: a person would sign in there for it.
                choice.check_login_host(
                    connection.environ.get(choice.AUTHORITY),
                    connection.cloud.login,
                    "Your account's sign-in",
                )
            return person(method, connection)


def _managed_identity(connection: Connection) -> CallerCredential:
    client_id = connection.environ.get("AZURE_CLIENT_ID")
    signed_in = SignedIn(
        "managed identity of this machine",
        _client_id(client_id),
        False,
        (Instruction(_OF_MACHINE),),
        method=Method.MANAGED_IDENTITY,
    )
    make = partial(sdk_credential, machine_sign_in(client_id), connection)
    # Its endpoint takes no claims.
    return CallerCredential(lambda scope, **_: make().get_token(scope), signed_in, connection)


def _azure_cli(connection: Connection) -> CallerCredential:
    environ = connection.environ
    tenant = connection.tenant
    choice.check_login_host(
        choice.login_host(environ),
        connection.cloud.login,
        "The Azure CLI's sign-in",
        "az cloud set --name NAME, then az login",
    )
    account = choice.cli_account(environ, connection.subscription, tenant)
    asked_tenant = tenant or "" if account.takes_a_tenant else ""

    async def ask(scope: str, /, **claims: str) -> AccessToken:
        await concurrency.imported("azure.identity.aio")
        from azure.identity import aio  # noqa: PLC0415  # az has given no token

        cli = aio.AzureCliCredential(
            subscription=account.subscription,  # az takes no tenant beside it: azure-cli#32755
            tenant_id=asked_tenant,
            process_timeout=_tool_seconds(connection),
        )
        return await _answer_of_tool(cli, scope, claims)

    # az writes its cache for a person now and then, and each time for an application.
    at_once = account.is_person is True
    tool = Tool(Method.CLI, asked_tenant, account.subscription, environ, at_once=at_once)
    again = Again.AZURE_CLI
    after_a_grant = Instruction(_SINCE_SIGN_IN, azure_cli_login(account, None, tenant))
    if account.is_person is False:
        again = Again.AZURE_CLI_APPLICATION
        after_a_grant = replace(after_a_grant, what=_SINCE_LOGIN_OF_APPLICATION)
        if account.is_machine:
            after_a_grant = Instruction(_OF_MACHINE)
    signed_in = SignedIn(
        "Azure CLI",
        _client_id(account.client_id),
        account.is_person,
        (after_a_grant,),
        name=account.name,
        method=Method.CLI,
    )
    return CallerCredential(ask, signed_in, connection, again, account, tool)


def _azure_developer_cli(connection: Connection) -> CallerCredential:
    tenant = connection.tenant
    # It signs in by itself, at the login host of its own cloud, which may be any of Microsoft's:
    # its credential is never sent to the one of --cloud.
    host = connection.cloud.login if connection.cloud.is_microsofts else None
    choice.check_login_host(
        host,
        connection.cloud.login,
        "The Azure Developer CLI's sign-in",
        "choose another --auth",
    )
    login = ["azd", "auth", "login"]
    if tenant:
        login += ["--tenant-id", tenant]
    after_a_grant = Instruction(_SINCE_SIGN_IN, f"azd auth logout; {command(*login)}")

    async def ask(scope: str, /, **claims: str) -> AccessToken:
        await concurrency.imported("azure.identity.aio")
        from azure.identity import aio  # noqa: PLC0415  # azd has given no token

        azd = aio.AzureDeveloperCliCredential(
            tenant_id=tenant or "", process_timeout=_tool_seconds(connection)
        )
        return await _answer_of_tool(azd, scope, claims)

    signed_in = SignedIn("Azure Developer CLI", after_a_grant=(after_a_grant,), method=Method.AZD)
    tool = Tool(Method.AZD, tenant or "", None, connection.environ, at_once=True)
    return CallerCredential(ask, signed_in, connection, Again.AZD, tool=tool)


async def _answer_of_tool(tool: Any, scope: str, claims: Mapping[str, str]) -> AccessToken:
    """Ask az or azd by azure-identity; a command that ends waits for the tool first.

    azure-identity lets go of the process where it is cancelled, and asyncio then kills it. A tool
    that is killed while it writes its cache signs its user out.
    """
    token: AccessToken = await concurrency.finish_even_if_cancelled(tool.get_token(scope, **claims))
    return token


def _client_id(value: str | None) -> ClientId | None:
    return ClientId(value) if value else None


def _tool_seconds(connection: Connection) -> int:
    """How long a command-line tool may take."""
    return max(1, int(min(60, connection.remaining())))


_INSTEAD = {"AZURE_TENANT_ID": "add --tenant ID, "}
"""Options that say what a variable of the environment does."""


def _environment(connection: Connection, *, federated: bool) -> CallerCredential:
    environ = dict(connection.environ)
    if connection.tenant:
        environ["AZURE_TENANT_ID"] = connection.tenant
    needed = ["AZURE_CLIENT_ID", "AZURE_TENANT_ID"]
    if federated:
        needed.insert(1, _FEDERATED_FILE)
    for name in needed:
        if not environ.get(name):
            raise UsageError(
                "environment-incomplete",
                f"Signing in by environment variables needs {name}, which is not set.",
                remedy=f"Set {name}, {_INSTEAD.get(name, '')}or choose another --auth.",
            )
    presented: PresentedCredential | None
    if federated:
        presented = AssertionFileCredential(Path(environ[_FEDERATED_FILE]))
    else:
        presented = choice.presented_by(environ)
    if presented is None:
        raise UsageError(
            "environment-incomplete",
            "AZURE_CLIENT_ID is set, but neither AZURE_CLIENT_SECRET nor "
            "AZURE_CLIENT_CERTIFICATE_PATH is.",
            remedy="Set one of them, or choose another --auth.",
        )
    try:
        if isinstance(presented, AssertionFileCredential):
            assertion_in(presented.file)
        return service_principal(
            environ["AZURE_TENANT_ID"], environ["AZURE_CLIENT_ID"], presented, connection
        )
    except (OSError, ValueError) as error:
        reason = describe_cause(error)
        if isinstance(presented, AssertionFileCredential):
            raise UsageError(
                "environment-incomplete",
                f"Invalid {_FEDERATED_FILE} '{presented.file}': {reason}.",
                remedy="Set it to this platform's token file, or choose another --auth.",
            ) from error
        raise UsageError(
            "certificate-unreadable",
            f"Invalid certificate '{environ.get(choice.CERTIFICATE_PATH)}': {reason}.",
            remedy=f"Set {choice.CERTIFICATE_PATH} to a PEM or PKCS#12 file that contains the "
            "private key.",
        ) from error


def sdk_credential(sign_in: ClientSignIn, connection: Connection) -> Any:
    """Raises ValueError: the certificate cannot be used."""
    from azure.identity import aio  # noqa: PLC0415  # see above

    who, login = (sign_in.tenant_id, sign_in.client_id), connection.cloud.login
    common: dict[str, Any] = {
        "transport": Transport(connection.http, "Entra"),
        "authority": login,
        "retry_total": 0,
    }
    match sign_in.credential:
        case SecretCredential(value):
            return aio.ClientSecretCredential(*who, value, **common)
        case CertificateCredential(data, password):
            from mct_s2s.key_pairs import known_algorithms  # noqa: PLC0415  # with cryptography

            with known_algorithms():
                return aio.CertificateCredential(
                    *who, certificate_data=data, password=password, **common
                )
        case AssertionFileCredential(file):
            return aio.ClientAssertionCredential(*who, lambda: assertion_in(file), **common)
        case MachineIdentity():
            transport = Transport(connection.http, "MSI")
            return aio.ManagedIdentityCredential(
                client_id=sign_in.client_id or None, transport=transport
            )


def assertion_in(file: Path) -> str:
    """Another issuer's token, as it is at this moment.

    Raises OSError, or ValueError where it is no text.
    """
    return read_given(file).decode("ascii").strip()


def service_principal(
    tenant: str, client_id: str, presented: PresentedCredential, connection: Connection
) -> CallerCredential:
    kind = "client secret" if isinstance(presented, SecretCredential) else "certificate"
    description = f"service principal {client_id} ({kind})"
    if isinstance(presented, AssertionFileCredential):
        description = f"workload identity {client_id}"
    make = partial(
        sdk_credential, ClientSignIn(TenantId(tenant), ClientId(client_id), presented), connection
    )
    make()  # what cannot be used is refused before anything is sent
    who = SignedIn(description, ClientId(client_id), False)
    return CallerCredential(
        lambda scope, **claims: make().get_token(scope, **claims), who, connection
    )


def person(method: Method, connection: Connection) -> CallerCredential:
    """Sign in a person by browser or device code, when the first token is asked for."""
    from azure.identity import InteractiveBrowserCredential  # noqa: PLC0415  # see above

    from mct_s2s.azure.sign_in.device_code import DeviceCode  # noqa: PLC0415  # see above

    options: dict[str, Any] = {
        "tenant_id": connection.tenant or "organizations",
        "authority": connection.cloud.login,
        "disable_instance_discovery": not connection.cloud.is_microsofts,
        "timeout": max(1, int(connection.remaining())),
        "transport": ThreadTransport(connection.http, "Entra"),
    }
    inner: Any

    def say_of_personal_accounts() -> None:
        """Their page refuses where no tenant is named, and nothing more is heard of it."""
        if connection.tenant is None:
            connection.say("With a personal Microsoft account, name the tenant: --tenant ID")

    if method is Method.DEVICE_CODE:

        def prompt(uri: str, code: str, _: object) -> None:
            connection.say(f"To sign in, open {uri} and enter the code {code}.")
            connection.say(
                "If your organization blocks device codes: --auth browser, or az login with a "
                "browser."
            )
            say_of_personal_accounts()

        inner, description = (
            DeviceCode(prompt_callback=prompt, **options),
            "your account (device code)",
        )
    else:
        connection.say("Opening the browser to sign in.")
        say_of_personal_accounts()
        inner, description = InteractiveBrowserCredential(**options), "your account (browser)"

    async def ask(scope: str, /, *, claims: str | None = None) -> AccessToken:
        with waiting("waiting for the sign-in to finish", gives_up_at=connection.deadline):
            return await concurrency.in_background(partial(inner.get_token, scope, claims=claims))

    signed_in = SignedIn(description, is_person=True, method=method)
    return CallerCredential(ask, signed_in, connection, Again.PERSON)
