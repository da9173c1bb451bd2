"""A person's sign-in, by browser or device code: azure-identity has it without asyncio only.

azure-identity sends the claims of a challenge when it polls for the token of a device code, which is too late: Entra
asks for a second factor on the page where the code is typed, and so it has to know of the claims when the code is asked
for. MSAL does that since 1.33 if it is told (Azure/azure-cli#31856;
AzureAD/microsoft-authentication-library-for-python#839).
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from ssl import SSLContext
from typing import Any

import requests
from azure.core.credentials import AccessToken
from azure.core.pipeline.transport import RequestsTransport
from azure.identity import DeviceCodeCredential, InteractiveBrowserCredential
from requests.adapters import HTTPAdapter

from mct_s2s.activity import waiting
from mct_s2s.azure.answers import OddAnswer, check_length, check_size
from mct_s2s.azure.connection import Connection
from mct_s2s.azure.sign_in.caller_credential import Again, CallerCredential
from mct_s2s.azure.sign_in.login_refusals import DEVICE_CODE
from mct_s2s.azure.sign_in.method import Method

ANY_ORGANIZATION = "organizations"


def person(method: Method, connection: Connection) -> CallerCredential:
    """A person, who signs in when the first token is asked for."""
    options: dict[str, Any] = {
        "tenant_id": connection.tenant or ANY_ORGANIZATION,
        "authority": connection.cloud.login,
        "disable_instance_discovery": not connection.cloud.known_to_msal,
        "timeout": max(1, int(connection.remaining())),
        "transport": blocking_transport(connection.tls),
    }
    inner: Any
    if method is Method.DEVICE_CODE:

        def prompt(uri: str, code: str, _: object) -> None:
            connection.say(f"To sign in, open {uri} and enter the code {code}.")
            connection.say("If your organization blocks device codes: --auth browser, or az login with a browser.")

        inner, description = _DeviceCode(prompt_callback=prompt, **options), f"your account {DEVICE_CODE}"
    else:
        connection.say("Opening the browser to sign in.")
        inner, description = InteractiveBrowserCredential(**options), "your account (browser)"

    async def ask(scope: str, /, *, claims: str | None = None) -> AccessToken:
        with waiting("waiting for the sign-in to finish", gives_up_at=connection.deadline):
            return await _in_background(partial(inner.get_token, scope, claims=claims))

    return CallerCredential(
        ask,
        description,
        connection.retry_policy(),
        again=Again.PERSON,
        is_person=True,
        tenant=connection.tenant,
        say=connection.say,
    )


class _DeviceCode(DeviceCodeCredential):
    """Sends claims along when it asks for the code."""

    def _get_app(self, **options: Any) -> Any:
        app: Any = super()._get_app(**options)
        app.initiate_device_flow = partial(type(app).initiate_device_flow, app, claims_challenge=options.get("claims"))
        return app


async def _in_background(function: Callable[[], AccessToken]) -> AccessToken:
    """Run on a thread that no one waits for at exit: a person who never comes must not outlive the deadline."""
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[AccessToken] = loop.create_future()

    def settle(token: AccessToken | None, error: Exception | None) -> None:
        if not outcome.done():
            outcome.set_exception(error) if error else outcome.set_result(token)  # type: ignore[arg-type]

    def work() -> None:
        token, error = None, None
        try:
            token = function()
        except Exception as caught:  # raised again where it is awaited
            error = caught
        with suppress(RuntimeError):  # the loop has gone: so has the caller that waited
            loop.call_soon_threadsafe(settle, token, error)

    threading.Thread(target=work, name="sign-in", daemon=True).start()
    return await outcome


PIECE = 64 * 1024
"""Bytes that are read at once, before the size is checked again."""


class OddContent(OddAnswer, requests.exceptions.ContentDecodingError):
    """An odd answer as an error of requests', which azure-core translates into its own."""


class _Session(requests.Session):
    """Takes proxies from the environment, nothing from `~/.netrc`, and no answer beyond what one may be."""

    def __init__(self, tls: SSLContext) -> None:
        super().__init__()
        self.auth = _as_it_is  # any authentication at all keeps requests from looking into ~/.netrc
        self.mount("https://", _TlsAdapter(tls))

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """Send a request and read its whole answer. Raises OddContent: the answer is larger than one may be."""
        response = super().send(request, **{**options, "stream": True, "verify": True})
        body = bytearray()
        try:
            check_length(response.headers.get("content-length"))
            for piece in response.iter_content(PIECE):
                body += piece
                check_size(len(body))
        except OddAnswer as odd:
            raise OddContent(str(odd)) from odd
        finally:
            response.close()
        response._content = bytes(body)  # noqa: SLF001  # what `response.content` is read from
        return response


class _TlsAdapter(HTTPAdapter):
    """Trusts whom the context trusts, and no one else: requests would add certifi's authorities to it."""

    def __init__(self, tls: SSLContext) -> None:
        self._tls = tls
        super().__init__()

    def init_poolmanager(self, *sizes: Any, **options: Any) -> None:
        """Connections without a proxy."""
        super().init_poolmanager(*sizes, **options, ssl_context=self._tls)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        """Connections through a proxy."""
        return super().proxy_manager_for(proxy, **options, ssl_context=self._tls)

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Nothing beside the context, which verifies always."""


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def blocking_transport(tls: SSLContext) -> RequestsTransport:
    """The connection of one credential, which azure-identity knows with `requests` only; its terms: `http_session`."""
    return RequestsTransport(session=_Session(tls))
