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
from typing import Any

from azure.core.credentials import AccessToken
from azure.identity import DeviceCodeCredential, InteractiveBrowserCredential

from mct_s2s.activity import waiting
from mct_s2s.azure.connection import Connection
from mct_s2s.azure.http import ThreadTransport
from mct_s2s.azure.sign_in.credential import Again, CallerCredential
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
        "transport": ThreadTransport(connection.http, "Entra"),
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
        lambda: ask,
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
