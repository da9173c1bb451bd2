"""How a client calls the API: a token that it gets for itself, and one GET at the site's own
address.

These tokens are for our own API, so they may be read; they are never shown, and each is asked for
anew. Source: learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow.
"""

import asyncio
import base64
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx
from azure.core.exceptions import AzureError

from mct_s2s import clock
from mct_s2s.azure.answers import (
    LOGIN,
    OddAnswer,
    advice,
    describe_cause,
    parse_json,
    parse_retry_after,
)
from mct_s2s.azure.clouds import is_on_this_machine
from mct_s2s.azure.connection import Connection
from mct_s2s.azure.http import NO_ANSWER
from mct_s2s.azure.retry import Sending
from mct_s2s.azure.sign_in.choice import kept_back, may_sign_in, remedy_of_kept_back
from mct_s2s.azure.sign_in.login_refusals import (
    ODD,
    PROPAGATING,
    identity_refused,
    raise_if_passing,
    token_refused,
)
from mct_s2s.azure.sign_in.methods import sdk_credential
from mct_s2s.concurrency import gather_or_cancel, imported
from mct_s2s.errors import NEVER_CONNECTED, ServiceError
from mct_s2s.model.api import Api
from mct_s2s.model.client_sign_in import (
    EXPIRED,
    NOT_NOW,
    ApiAnswer,
    ApiToken,
    ClientSignIn,
    MachineIdentity,
)
from mct_s2s.model.ids import ClientId, PrincipalId, TenantId
from mct_s2s.waits import (
    BETWEEN_ROUNDS,
    GOOD_ROUNDS,
    MACHINE_TOKEN_SECONDS,
    RESERVE,
    RESTART_SECONDS,
    ROUND_DELAYS,
    TOKEN_DELAYS,
    TOKEN_LAG_SECONDS,
)

IDENTITY = "azure.identity.aio"
PROBES = 3
"""Tokens asked for at once to test a credential everywhere."""


class NotYet(ServiceError):
    """An answer that may be another one soon; when no one waits any longer, it is the answer."""

    def __init__(
        self, waits_for: str, *, status: int = 0, retry_after: float | None = None
    ) -> None:
        message = "It may change soon."
        super().__init__("not-yet", message, remedy="", status=status, retry_after=retry_after)
        self.waits_for = waits_for


_REFUSED_SO_FAR = "refused so far; waiting for Entra ID to replicate what is new"
"""Who has just typed a wrong secret need not wait for the end."""


class RoleMissing(NotYet):
    def __init__(self, token: ApiToken) -> None:
        super().__init__("waiting for admin consent to take effect", status=403)
        self.token = token


class SiteNotReady(NotYet):
    def __init__(self, answer: ApiAnswer, waits_for: str, retry_after: float | None) -> None:
        super().__init__(waits_for, status=answer.status, retry_after=retry_after)
        self.site_answer = answer


class EntraTokens:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._retry_policy = connection.retry_policy(RESERVE, LOGIN.name)
        self._loading: asyncio.Future[None] | None = None

    def load(self) -> None:
        """Import what a token takes, while something else is waited for."""
        self._loading = asyncio.ensure_future(imported(IDENTITY))

    async def token(
        self,
        sign_in: ClientSignIn,
        scope: str,
        *,
        is_new: bool = True,
        is_credential_new: bool = True,
        role: str | None = None,
        everywhere: bool = False,
        within: float = TOKEN_LAG_SECONDS,
    ) -> ApiToken:
        """Get a fresh token.

        `is_new`: something that it depends on was created minutes ago, so that a refusal may mean
        *not replicated yet*; `within` so many seconds. `is_credential_new`: so was the credential
        itself, and a replica may speak of those before it. `role` is waited for; without it, the
        token comes when the time is over. `everywhere`: several are asked for, and whichever
        replicas answer must give them all.

        Raises ServiceError: `token-refused` or `identity-token-refused`, with the number after
        AADSTS as `service_code`, and a command without the options that name the App Service; or
        no answer came.
        """

        async def request_tokens() -> ApiToken:
            try:
                text = await self._request_rounds(sign_in, scope, everywhere=everywhere)
            except ServiceError as error:
                error.waits_for = _REFUSED_SO_FAR
                raise
            token = read_token(text)
            if role is not None and role not in token.roles:
                raise RoleMissing(token)
            return token

        def is_lag(error: ServiceError) -> bool:
            if isinstance(error, NotYet):
                return True
            if error.service_code == EXPIRED and not is_credential_new:
                return False
            # 500011: no such URI. A credential that was made for another one does not wait for it.
            is_for_other_uri = sign_in.scope not in {None, scope}
            if error.service_code == "500011" and is_for_other_uri:
                return False
            return is_new and error.service_code in PROPAGATING

        delays = ROUND_DELAYS if everywhere else TOKEN_DELAYS
        sending = Sending(lag=is_lag, lag_delays=delays, lag_seconds=within)
        try:
            return await self._retry_policy.call(request_tokens, sending)
        except RoleMissing as last:
            return last.token

    async def _request_rounds(self, sign_in: ClientSignIn, scope: str, *, everywhere: bool) -> str:
        """Request one token; or if `everywhere`, `PROBES` at once, `GOOD_ROUNDS` times."""
        if not everywhere:
            return await self._request(sign_in, scope)
        tokens: tuple[str, ...] = ()
        for number in range(GOOD_ROUNDS):
            await asyncio.sleep(BETWEEN_ROUNDS if number else 0.0)
            requests = [self._request(sign_in, scope) for _ in range(PROBES)]
            tokens = await gather_or_cancel(*requests)
        return tokens[0]

    async def _request(self, sign_in: ClientSignIn, scope: str) -> str:
        """Request a token as a credential that has never asked before: none comes from a cache."""
        login = self._connection.cloud.login
        is_machine = isinstance(sign_in.credential, MachineIdentity)
        if not is_machine and not may_sign_in(sign_in.authority, login):
            raise ServiceError(
                "token-refused",
                kept_back(sign_in.authority, login, "The client's credential"),
                remedy=remedy_of_kept_back(sign_in.authority, login),
                status=401,
            )
        try:
            await imported(IDENTITY)
            async with asyncio.timeout(MACHINE_TOKEN_SECONDS if is_machine else None):
                credential = sdk_credential(sign_in, self._connection)
                return str((await credential.get_token(scope)).token)
        except (AzureError, OSError, *ODD) as error:
            raise_if_passing(error, login)
            if is_machine:
                raise identity_refused(error) from error
            raise token_refused(error, sign_in.client_id, scope) from error


def read_token(text: str) -> ApiToken:
    """Read a token's claims. Its signature is the API's to judge.

    Raises ServiceError: it is encrypted.
    """
    try:
        payload = text.split(".")[1]
        claims: Any = parse_json(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        roles = claims.get("roles") or []
        if not isinstance(roles, list):
            raise OddAnswer
        return ApiToken(
            text,
            _text_claim(claims, "aud"),
            TenantId(_text_claim(claims, "tid")),
            ClientId(_text_claim(claims, "appid") or _text_claim(claims, "azp")),
            PrincipalId(_text_claim(claims, "oid")),
            tuple(map(str, roles)),
            _text_claim(claims, "ver"),
            _text_claim(claims, "iss"),
        )
    except (OddAnswer, OSError, *ODD) as error:
        raise ServiceError(
            "token-unreadable",
            "The access token for the API is encrypted, so the API cannot read it.",
            remedy="Turn off token encryption of the service application (tokenEncryptionKeyId).",
            status=400,
        ) from error


def _text_claim(claims: Any, name: str) -> str:
    return str(claims.get(name) or "")


class SiteApi:
    """The API at `url`, where alone its tokens go.

    The address is https and has a host name that Azure lists for the site, or that the user typed.
    """

    def __init__(self, connection: Connection, url: str, path: str, api: Api) -> None:
        self.url = url
        self.path = path
        self._api = api
        self._is_of_sandbox = is_on_this_machine(connection.cloud.arm)
        self._http = connection.http
        self._retry_policy = connection.retry_policy(RESERVE)

    async def get(
        self, token: ApiToken | None = None, *, just_restarted: bool = False
    ) -> ApiAnswer:
        """Call the API; without a token, anonymously. Raises ServiceError: `site-unreachable`.

        A starting site (502, 503, 504) is waited for; if this run has restarted it, so is a 401 of
        the process before. A 500 is asked for again a few times, as everywhere, but not waited for:
        it may be there to stay.
        """
        headers = dict(self._api.test.headers)
        if token is not None:
            headers["Authorization"] = f"Bearer {token.text}"
        settled_at = clock.seconds() + (RESTART_SECONDS if just_restarted else 0.0)

        async def send() -> ApiAnswer:
            answer, retry_after = await self._send(headers)
            is_of_process_before = answer.status == 401 and clock.seconds() < settled_at
            if answer.status in {*NOT_NOW, 500} or is_of_process_before:
                state = "has not restarted yet" if is_of_process_before else "starting"
                waits_for = f"{urlsplit(self.url).hostname} returns {answer.status}, {state}"
                raise SiteNotReady(answer, waits_for, retry_after)
            return answer

        def is_lag(error: ServiceError) -> bool:
            return isinstance(error, NotYet) and error.status != 500

        try:
            return await self._retry_policy.call(send, Sending(lag=is_lag))
        except SiteNotReady as last:
            return last.site_answer

    async def _send(self, headers: Mapping[str, str]) -> tuple[ApiAnswer, float | None]:
        """Send once; return the answer, and its `Retry-After` in seconds. Follows no redirect."""
        address = f"{self.url}{self.path}"
        extensions = {"service": self._api.name}
        if self._is_of_sandbox and not is_on_this_machine(self.url):
            # Whoever has that name would get the token
            raise ServiceError(
                "site-unreachable",
                f"{self.url} was not called: it is not on this machine, as the sandbox is.",
                status=NEVER_CONNECTED,
                remedy="Leave out --url, or use --cloud of the Azure that has this App Service.",
            )
        try:
            async with self._http.stream(
                "GET", address, headers=headers, extensions=extensions
            ) as response:
                received = response.headers
        except NO_ANSWER as error:
            remedy, command = advice(
                error, "Check the host name, the proxy and the App Service's access restrictions."
            )
            raise ServiceError(
                "site-unreachable",
                f"Cannot reach {self.url}.",
                answer=f"{describe_cause(error)}.",
                status=NEVER_CONNECTED if isinstance(error, httpx.ConnectError) else 0,
                remedy=remedy,
                command=command,
            ) from error
        answer = ApiAnswer(
            response.status_code,
            received.get("Location"),
            received.get("WWW-Authenticate"),
            forbidden_ip="x-ms-forbidden-ip" in received,
        )
        return answer, parse_retry_after(received.get("Retry-After"))
