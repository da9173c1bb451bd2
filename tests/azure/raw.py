"""Raw HTTP answers, given to the real SDKs in place of a network: status, headers, bytes."""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar, cast

import httpx
import pytest
from azure.core.credentials import AccessToken
from mct_s2s.azure.answers import Refusal
from mct_s2s.azure.clouds import PUBLIC
from mct_s2s.azure.connection import Connection
from mct_s2s.azure.http import Http
from mct_s2s.azure.resource_manager import ResourceManager
from mct_s2s.azure.retry import AGAIN, RetryPolicy, Sending
from mct_s2s.azure.sign_in.methods import Again, CallerCredential, Challenge
from mct_s2s.errors import S2SError, SignInFailed
from mct_s2s.model.caller_rights import SignedIn as Who
from mct_s2s.model.client_sign_in import MadeCredential, SecretCredential
from mct_s2s.model.ids import ClientId, KeyId, TenantId
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.stores.vaults import KeyVault, KeyVaultStore

if TYPE_CHECKING:
    from mct_s2s.azure.graph.client import GraphClient

T = TypeVar("T")

TENANT = "3f1d0c52-7a0b-4c1e-8a55-0c6f5d1b2a77"
SUBSCRIPTION = "0b1f6471-1bf0-4dda-aec3-cb9272f09590"
SITE = ResourceId.site(SUBSCRIPTION, "mct-prod", "contosolearn")
MADE = MadeCredential(
    TenantId(TENANT),
    ClientId("app"),
    credential=SecretCredential("value"),
    scope="api://x/.default",
    name="Import",
    key_id=KeyId("key"),
    credential_name="attempt",
    expires=datetime(2027, 1, 1, tzinfo=UTC),
)
REQUEST_ID = "5b1c7a0e-2d0f-4b7d-9d5b-1f2e3d4c5b6a"
JSON = {"Content-Type": "application/json"}
HTML = {"Content-Type": "text/html; charset=us-ascii"}
PAGE = (
    b"<html>\r\n<head><title>502 Bad "
    b"Gateway</title></head>\r\n<body>Microsoft-Azure-Application-Gateway</body></html>"
)


@dataclass(frozen=True)
class Answer:
    """One HTTP answer; a body that is not bytes goes out as JSON."""

    status: int
    body: Any = b""
    headers: Mapping[str, str] = field(default_factory=lambda: dict(JSON))

    @property
    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


ODD_BODIES: dict[str, tuple[bytes, Mapping[str, str]]] = {
    "empty": (b"", {}),
    "empty, said to be JSON": (b"", JSON),
    "blank": (b" \r\n", JSON),
    "a gateway's page": (PAGE, HTML),
    "a page said to be JSON": (PAGE, JSON),
    "plain text": (
        b"upstream connect error or disconnect/reset before headers",
        {"Content-Type": "text/plain"},
    ),
    "of an unknown type": (b"\x00\x01\x02", {"Content-Type": "application/octet-stream"}),
    "without a type": (b'{"error": {"code": "', {}),
    "truncated JSON": (b'{"error": {"code": "Request_BadRequest", "mess', JSON),
    "not UTF-8": (b'{"error": {"message": "\xff\xfe\xe9"}}', JSON),
    "a byte order mark": (b"\xef\xbb\xbf{}", JSON),
    "null": (b"null", JSON),
    "a number": (b"42", JSON),
    "a word": (b'"Forbidden"', JSON),
    "a list": (b'[{"error": {"code": "X"}}]', JSON),
    "an empty object": (b"{}", JSON),
    "no error in it": (b'{"Message": "The service is unavailable."}', JSON),
    "error is null": (b'{"error": null}', JSON),
    "error is a word": (
        b'{"error": "invalid_client", "error_description": "AADSTS7000215: no"}',
        JSON,
    ),
    "error is a list": (b'{"error": ["X"]}', JSON),
    "error is empty": (b'{"error": {}}', JSON),
    "nulls in it": (
        b'{"error": {"code": null, "message": null, "details": null, "innerError": null}}',
        JSON,
    ),
    "numbers in it": (
        b'{"error": {"code": 17, "message": 4.5, "details": [1], "innerError": 3}}',
        JSON,
    ),
    "objects in it": (
        b'{"error": {"code": {"value": "X"}, "message": {"lang": "en", "value": "No."}}}',
        JSON,
    ),
    "an entry of details that is null": (
        b'{"error": {"code": "X", "message": "No.", "details": [null]}}',
        JSON,
    ),
    "a huge message": (
        json.dumps({"error": {"code": "X", "message": "No. " * 100_000}}).encode(),
        JSON,
    ),
    "deeply nested": (b'{"error": ' * 60 + b"{}" + b"}" * 60, JSON),
}
"""What arrives when something other than the service answers, or the service has a bad day."""


def refusal(
    status: int, code: str, message: str, headers: Mapping[str, str] | None = None, **more: object
) -> Answer:
    """An answer in the envelope that all but the login service use."""
    ids = {"request-id": REQUEST_ID, "x-ms-request-id": REQUEST_ID}
    return Answer(
        status,
        {"error": {"code": code, "message": message, **more}},
        {**JSON, **ids, **(headers or {})},
    )


def challenge(claims: str) -> dict[str, str]:
    """The header by which a service asks for more than a token."""
    uri = f"https://login.microsoftonline.com/{TENANT}/oauth2/authorize"
    header = (
        f'Bearer realm="", authorization_uri="{uri}", error="insufficient_claims", '
        f'claims="{claims}"'
    )
    return {"WWW-Authenticate": header}


class Once(RetryPolicy):
    """Sends once: what it raises is what the adapter made of that one answer."""

    def __init__(self) -> None:
        super().__init__(lambda: 60.0)

    async def call(self, send: Callable[[], Awaitable[T]], sending: Sending = AGAIN) -> T:
        del sending
        return await send()


@dataclass(frozen=True)
class RawConnection(Connection):
    """A connection to the public cloud that sends each request once."""

    def retry_policy(self, reserve: float = 0.0, service: str = "") -> RetryPolicy:
        del reserve, service
        return Once()


def connection(*answers: Answer | Exception) -> Connection:
    """A connection that gets these answers."""
    return RawConnection(PUBLIC, Wire(*answers), {}, time.monotonic() + 60.0, print)


class SignedIn:
    """A credential that always has a token: the Azure CLI's, unless it brings whatever a service
    asks for.
    """

    def __init__(self, *, brings: bool = False, client_id: ClientId | None = None) -> None:
        self.signed_in = Who("x", client_id)
        self.forgotten = 0
        self.brought: list[Challenge] = []
        self._brings = brings

    async def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        del scopes, options
        return AccessToken("a-token", int(time.time()) + 3600)

    def forget(self, since: float) -> None:
        del since
        self.forgotten += 1

    async def bring(self, scope: str, challenge: Challenge, since: float) -> bool:
        del scope, since
        self.brought.append(challenge)
        return self._brings

    def demanded(
        self, service: str, step: str, scope: str, challenge: Challenge, refusal: Refusal
    ) -> SignInFailed:
        azure_cli = CallerCredential(
            self.get_token, Who("Azure CLI"), connection(), Again.AZURE_CLI
        )
        return azure_cli.demanded(service, step, scope, challenge, refusal)


class Wire(Http):
    """A connection on which every request gets the next of some answers, the last one again and
    again.

    Args:
        answers: answers, or exceptions that are raised in their place.
    """

    def __init__(self, *answers: Answer | Exception) -> None:
        super().__init__(
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), transport=httpx.MockTransport(self._handle)
        )
        self.answers = list(answers)
        self.asked: list[str] = []

    def _handle(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(f"{request.method} {request.url}")
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        headers = [
            (name.encode("latin-1"), value.encode("latin-1"))
            for name, value in answer.headers.items()
        ]
        # A stream, which is not read yet, as from a network.
        body = httpx.ByteStream(answer.content)
        return httpx.Response(answer.status, headers=headers, stream=body, request=request)


def arm_session(*answers: Answer | Exception, brings: bool = False) -> ResourceManager:
    """Azure Resource Manager, which gives these answers."""
    return ResourceManager(connection(*answers), SignedIn(brings=brings))  # type: ignore[arg-type]


def graph_session(*answers: Answer | Exception, **who: Any) -> GraphClient:
    """Microsoft Graph, which gives these answers, the last one again and again."""
    from mct_s2s.azure.graph.client import GraphClient  # noqa: PLC0415  # its SDK warns while it is imported

    return GraphClient(connection(*answers), SignedIn(**who))  # type: ignore[arg-type]


def key_vault(*answers: Answer | Exception, credential: object = None) -> KeyVaultStore:
    """The secret `import` of the vault `contoso`, which gives these answers."""
    return KeyVault("contoso", connection(*answers), cast("Any", credential or SignedIn())).store(
        "import"
    )


def told(session: Callable[..., Any], answer: Answer | Exception, step: str) -> Any:
    """What the user is told when the request of a step gets that answer."""
    with pytest.raises(S2SError) as raised:
        asyncio.run(session(answer).send("GET", "/x", step))
    return raised.value


def vault_told(answer: Answer | Exception, credential: object = None) -> Any:
    """What the user is told when a secret is to be stored and the vault gives that answer."""
    with pytest.raises(S2SError) as raised:
        asyncio.run(key_vault(answer, credential=credential).deliver(MADE))
    return raised.value
