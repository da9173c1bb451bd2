"""How a client calls the API: a token that it gets for itself, and one GET at the site's own
address.

These tokens are for our own API, so they may be read; they are never shown, and each is asked for
anew. Source: learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow.
"""

import asyncio
import base64
from typing import Any, cast
from urllib.parse import urlsplit

import httpx
from azure.core.exceptions import AzureError

from mct_s2s import clock
from mct_s2s.azure.answers import LOGIN, OddAnswer, advice, parse_json, reason, seconds
from mct_s2s.azure.connection import RESERVE, Connection
from mct_s2s.azure.http import NO_ANSWER
from mct_s2s.azure.retry import Delays, Sending
from mct_s2s.azure.sign_in.choice import AUTHORITY, kept_back, may_sign_in
from mct_s2s.azure.sign_in.login_refusals import (
    ODD,
    PROPAGATING,
    identity_refused,
    raise_if_passing,
    token_refused,
)
from mct_s2s.azure.sign_in.methods import sdk_credential
from mct_s2s.concurrency import gather_or_cancel
from mct_s2s.errors import NEVER_CONNECTED, ServiceError
from mct_s2s.model.api import Api
from mct_s2s.model.client_sign_in import NOT_NOW, ApiAnswer, ApiToken, ClientSignIn, MachineIdentity
from mct_s2s.model.ids import ClientId, PrincipalId, TenantId

LONGEST_LAG_SECONDS = 120.0
"""Credentials have been seen to take 4 to 18 s to arrive everywhere, and others wait two minutes
for them.

What is still refused then is refused: someone has taken it away meanwhile.
"""
PROBES, GOOD_ROUNDS, BETWEEN_ROUNDS = 3, 3, 0.5
"""Tokens asked for at once to test a credential, how often in a row all have to be given, and
seconds in between: of three replicas, one that does not know it is missed once in 40 times, and
catches up meanwhile.
"""
PROBE_DELAYS = Delays(0.5, 5.0)
"""Seconds between rounds that are refused, growing: some 15 requests in 10 s are known to be
answered by 429 and a wait of a minute (docs/azure-contract.md, section 2.3), and each refusal is a
line in the tenant's sign-in logs.
"""
IDENTITY_SECONDS = 20
"""The endpoint of a managed identity is on the machine itself: an answer that takes longer does not
come.
"""
SETTLE_SECONDS = 120.0
"""How long a site may still answer by its old settings after a restart was asked for."""


class NotYet(ServiceError):
    """An answer that may be another one soon; where no one waits for that any longer, it is the
    answer.
    """

    def __init__(self, answer: Any, waits_for: str, **told: Any) -> None:
        super().__init__("not-yet", "It may change soon.", remedy="", **told)
        self.answer, self.waits_for = answer, waits_for


class EntraTokens:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._retry_policy = connection.retry_policy(RESERVE, LOGIN.name)

    async def token(
        self,
        sign_in: ClientSignIn,
        scope: str,
        *,
        is_new: bool = True,
        role: str | None = None,
        everywhere: bool = False,
        within: float = LONGEST_LAG_SECONDS,
    ) -> ApiToken:
        """A fresh one.

        `is_new`: it depends on something made minutes ago, so a refusal may mean *not replicated
        yet*.

        `role` is waited for; without it the token comes when the time is over. `everywhere`:
        several are asked for, all of which must be given, by whichever replica. Raises
        ServiceError: `token-refused` or `identity-token-refused`, with the number after AADSTS as
        `service_code`, and a command without the options that name the App Service; or no answer
        came.
        """
        began, probes, rounds = (
            clock.seconds(),
            PROBES if everywhere else 1,
            GOOD_ROUNDS if everywhere else 1,
        )

        async def once() -> ApiToken:
            nonlocal began
            texts: tuple[str, ...] = ()
            try:
                for number in range(rounds):
                    await asyncio.sleep(BETWEEN_ROUNDS if number else 0.0)
                    texts = await gather_or_cancel(
                        *(self._ask(sign_in, scope) for _ in range(probes))
                    )
            except ServiceError as error:
                # The wait that is asked for tells nothing of the credential
                if error.status == 429:
                    began += error.retry_after or 0.0
                raise
            token = read_token(texts[0])
            if role is not None and role not in token.roles:
                raise NotYet(token, "waiting for admin consent to take effect", status=403)
            return token

        def is_lag(error: ServiceError) -> bool:
            # 500011: no such URI, of which a credential for another one says nothing
            number = error.service_code
            is_ours = number in PROPAGATING and (
                number != "500011" or sign_in.scope in {None, scope}
            )
            passing = isinstance(error, NotYet) or (is_new and is_ours)
            return passing and clock.seconds() - began < within

        try:
            return await self._retry_policy.call(once, Sending(lag=is_lag, lag_delays=PROBE_DELAYS))
        except NotYet as last:
            return cast("ApiToken", last.answer)

    async def _ask(self, sign_in: ClientSignIn, scope: str) -> str:
        """As a credential that has never asked before."""
        login, is_machine = (
            self._connection.cloud.login,
            isinstance(sign_in.credential, MachineIdentity),
        )
        if not is_machine and not may_sign_in(sign_in.authority, login):
            raise ServiceError(
                "token-refused",
                kept_back(sign_in.authority, login, "The client's credential"),
                remedy="Check --cloud. If the login host is right, add this line to the "
                f"credential: {AUTHORITY}={login}",
                status=401,
            )
        try:
            async with asyncio.timeout(IDENTITY_SECONDS if is_machine else None):
                return str((await sdk_credential(sign_in, self._connection).get_token(scope)).token)
        except (AzureError, OSError, *ODD) as error:
            raise_if_passing(error, login)
            refusal = (
                identity_refused(error)
                if is_machine
                else token_refused(error, sign_in.client_id, scope)
            )
            raise refusal from error


def read_token(text: str) -> ApiToken:
    """Its signature is the API's to judge. Raises ServiceError: it is encrypted."""
    try:
        payload = text.split(".")[1]
        claims: Any = parse_json(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        audience, tenant, version, object_id = (
            str(claims.get(name) or "") for name in ("aud", "tid", "ver", "oid")
        )
        client_id, roles = (
            str(claims.get("appid") or claims.get("azp") or ""),
            claims.get("roles") or [],
        )
        if not isinstance(roles, list):
            raise OddAnswer
        who = (TenantId(tenant), ClientId(client_id), PrincipalId(object_id))
        return ApiToken(text, audience, *who, tuple(map(str, roles)), version)
    except (OddAnswer, OSError, *ODD) as error:
        raise ServiceError(
            "token-unreadable",
            "The access token for the API is encrypted, so the API cannot read it.",
            remedy="Turn off token encryption of the service application (tokenEncryptionKeyId).",
            status=400,
        ) from error


class SiteApi:
    """`url`, where alone its tokens go: https and a host name that Azure lists for the site, or the
    user typed.
    """

    def __init__(self, connection: Connection, url: str, path: str, api: Api) -> None:
        self.url, self.path, self._api = url, path, api
        self._http, self._retry_policy = connection.http, connection.retry_policy(RESERVE)

    async def get(
        self, token: ApiToken | None = None, *, just_restarted: bool = False
    ) -> ApiAnswer:
        """Without a token as no one. Raises ServiceError: `site-unreachable`.

        A starting site (502, 503, 504) is waited for; where this run has restarted it, so is a 401
        of the process before.
        """
        headers = self._api.test.headers | (
            {"Authorization": f"Bearer {token.text}"} if token else {}
        )
        until = clock.seconds() + (SETTLE_SECONDS if just_restarted else 0.0)

        async def once() -> ApiAnswer:
            answer, retry_after = await self._send(headers)
            if answer.status in {*NOT_NOW, 500} or (
                answer.status == 401 and clock.seconds() < until
            ):
                state = "has not restarted yet" if answer.status == 401 else "starting"
                waits_for = f"{urlsplit(self.url).hostname} returns {answer.status}, {state}"
                raise NotYet(answer, waits_for, status=answer.status, retry_after=retry_after)
            return answer

        def is_lag(error: ServiceError) -> bool:
            """A 500 is asked for again a few times, as everywhere, but not waited for: it may be
            there to stay.
            """
            return isinstance(error, NotYet) and error.status != 500

        try:
            return await self._retry_policy.call(once, Sending(lag=is_lag))
        except NotYet as last:
            return cast("ApiAnswer", last.answer)

    async def _send(self, headers: dict[str, str]) -> tuple[ApiAnswer, float | None]:
        """A redirect is not followed."""
        address, about = f"{self.url}{self.path}", {"service": self._api.name}
        try:
            async with self._http.stream(
                "GET", address, headers=headers, extensions=about
            ) as response:
                answered = response.headers
        except NO_ANSWER as error:
            raise ServiceError(
                "site-unreachable",
                f"Cannot reach {self.url}.",
                answer=f"{reason(error)}.",
                status=NEVER_CONNECTED if isinstance(error, httpx.ConnectError) else 0,
                **advice(
                    error,
                    "Check the host name, the proxy and the App Service's access restrictions.",
                ),
            ) from error
        answer = ApiAnswer(
            response.status_code,
            answered.get("Location"),
            answered.get("WWW-Authenticate"),
            forbidden_ip="x-ms-forbidden-ip" in answered,
        )
        return answer, seconds(answered.get("Retry-After"))
