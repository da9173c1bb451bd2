"""Tokens that the clients of the MCT API get for themselves, each asked for anew: nothing here remembers one.

These tokens are meant for our own API, so they may be read, unlike those for Microsoft's services. They are never
shown.
Source: learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow.
"""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path
from typing import Any

from azure.core.exceptions import AzureError
from azure.identity import aio

from mct_s2s import clock
from mct_s2s.activity import REPLICATION
from mct_s2s.azure.answers import OddAnswer, parse_json
from mct_s2s.azure.authorities import OF_MICROSOFT, may_sign_in
from mct_s2s.azure.connection import RESERVE, Connection
from mct_s2s.azure.http import Http, Transport
from mct_s2s.azure.sign_in.login_refusals import ODD, PROPAGATING, identity_refused, raise_if_passing, token_refused
from mct_s2s.concurrency import gather_or_cancel
from mct_s2s.errors import ServiceError
from mct_s2s.key_pairs import known_algorithms
from mct_s2s.local_files import read_given
from mct_s2s.model.client_sign_in import (
    ApiToken,
    AssertionFileCredential,
    CertificateCredential,
    IdentitySignIn,
    PresentedCredential,
    SecretCredential,
    SignIn,
)
from mct_s2s.model.ids import ClientId, PrincipalId, TenantId

WITHOUT_ROLE = "role-not-in-token"
LONGEST_LAG_SECONDS = 120.0
"""Credentials have been seen to take 4 to 18 s to arrive everywhere, and others wait two minutes for them. What is
still refused then is refused: someone has taken it away meanwhile."""
IDENTITY_SECONDS = 20
"""The endpoint of a managed identity is on the machine itself: an answer that takes longer does not come."""


class EntraTokens:
    """The login service, as the clients of the MCT API use it for themselves, by azure-identity."""

    def __init__(self, connection: Connection) -> None:
        self._authority, self._http = connection.cloud.login, connection.http
        self._retry_policy = connection.retry_policy(RESERVE, "The login service")

    async def token(
        self,
        sign_in: SignIn,
        scope: str,
        *,
        is_new: bool,
        role: str | None,
        at_once: int = 1,
        within: float = LONGEST_LAG_SECONDS,
    ) -> ApiToken:
        """A token got by the client's own credential, fresh each time.

        Args:
            is_new: whether the credential, the client or the service application was made minutes ago: then a refusal
                that may mean *not replicated yet* is waited out.
            role: the app role to wait for, where consent to it was granted minutes ago. When the time for that is over,
                the token comes without it.
            at_once: how many are asked for at the same moment, all of which must be given, by whichever replica.

        Raises:
            ServiceError: `token-refused` or `identity-token-refused`, with the number after AADSTS as `service_code`,
                and a command of this program without the options that name the App Service; or no answer came.
        """
        began, roleless = clock.seconds(), list[ApiToken]()

        async def once() -> ApiToken:
            texts = await gather_or_cancel(*(self._ask(sign_in, scope) for _ in range(at_once)))
            token = read_token(texts[0])
            if role is None or role in token.roles:
                return token
            roleless.append(token)
            raise ServiceError(WITHOUT_ROLE, f"The token does not have the role '{role}' yet.", remedy="", status=403)

        def is_lag(error: ServiceError) -> bool:
            passing = error.code == WITHOUT_ROLE or (is_new and error.service_code in PROPAGATING)
            return passing and clock.seconds() - began < within

        def waits_for(error: ServiceError) -> str:
            return "waiting for admin consent to take effect" if error.code == WITHOUT_ROLE else REPLICATION

        try:
            return await self._retry_policy.call(once, lag=is_lag, waits_for=waits_for)
        except ServiceError as error:
            if error.code == WITHOUT_ROLE:
                return roleless[-1]
            raise

    async def _ask(self, sign_in: SignIn, scope: str) -> str:
        """Ask once, as a credential that has never asked before. Raises ServiceError: refused, or not answered."""
        try:
            if isinstance(sign_in, IdentitySignIn):
                async with asyncio.timeout(IDENTITY_SECONDS):
                    return str((await machine(sign_in.client_id, self._http).get_token(scope)).token)
            if not may_sign_in(sign_in.authority, self._authority):
                raise ServiceError(
                    "token-refused",
                    f"The client's credential is for {sign_in.authority or OF_MICROSOFT}, but the login host of "
                    f"--cloud is {self._authority}. It was not sent.",
                    remedy="Check --cloud. If the login host is right, add this line to the credential: "
                    f"AZURE_AUTHORITY_HOST={self._authority}",
                    status=401,
                )
            who = (sign_in.tenant_id, sign_in.client_id, sign_in.credential)
            return str((await application(*who, self._http, self._authority).get_token(scope)).token)
        except (AzureError, OSError, *ODD) as error:
            raise_if_passing(error)
            if isinstance(sign_in, IdentitySignIn):
                raise identity_refused(error) from error
            raise token_refused(error, sign_in.client_id, scope) from error


def application(tenant: str, client_id: str, presented: PresentedCredential, http: Http, authority: str) -> Any:
    """azure-identity's credential of an application. Raises ValueError: the certificate cannot be used."""
    who = (tenant, client_id)
    common: dict[str, Any] = {"transport": Transport(http, "Entra"), "authority": authority, "retry_total": 0}
    match presented:
        case SecretCredential(value):
            return aio.ClientSecretCredential(*who, value, **common)
        case CertificateCredential(data, password):
            with known_algorithms():
                return aio.CertificateCredential(*who, certificate_data=data, password=password, **common)
        case AssertionFileCredential(file):
            return aio.ClientAssertionCredential(*who, lambda: assertion_in(file), **common)


def machine(client_id: str | None, http: Http) -> Any:
    """azure-identity's credential of this machine's managed identity."""
    return aio.ManagedIdentityCredential(client_id=client_id, transport=Transport(http, "MSI"))


def assertion_in(file: Path) -> str:
    """Another issuer's token, as it is at this moment. Raises OSError, or ValueError where it is no text."""
    return read_given(file).decode("ascii").strip()


def read_token(text: str) -> ApiToken:
    """What a token for our own API says. Its signature is the API's to judge. Raises ServiceError: it is encrypted."""
    try:
        payload = text.split(".")[1]
        claims: Any = parse_json(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        audience, tenant, version, object_id = (str(claims.get(name) or "") for name in ("aud", "tid", "ver", "oid"))
        client_id, roles = str(claims.get("appid") or claims.get("azp") or ""), claims.get("roles") or []
        if not isinstance(roles, list):
            raise OddAnswer
        who = (TenantId(tenant), ClientId(client_id), PrincipalId(object_id))
        return ApiToken(text, audience, *who, tuple(map(str, roles)), version)
    except (OddAnswer, OSError, *ODD) as error:
        raise ServiceError(
            "token-unreadable",
            "The access token for the MCT API is encrypted, so the MCT API cannot read it.",
            remedy="Turn off token encryption of the service application (tokenEncryptionKeyId).",
            status=400,
        ) from error
