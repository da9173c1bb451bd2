"""Foreign identity providers that the sandbox hosts, to try federated credentials with.

`/_sandbox/issuer/<name>` is an issuer like GitHub's or a cluster's: it publishes its keys, and
issues a token for any subject. An issuer is created by the first request for its token; its key is
saved with the state. Sources: openid-connect-discovery-1_0; entra:
workload-id/workload-identity-federation.
"""

import re
import uuid
from typing import Any

import jwt
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mct_s2s.sandbox.core.addresses import Addresses
from mct_s2s.sandbox.core.encoding import object_of
from mct_s2s.sandbox.core.files import document
from mct_s2s.sandbox.core.wire_errors import arm_error
from mct_s2s.sandbox.entra.sessions import SigningKey
from mct_s2s.sandbox.entra.tokens.assertions import HOSTED_ISSUERS
from mct_s2s.sandbox.state.state import SandboxState

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_LIFETIME = 600
_LONGEST = 86_400
_MEMBERS = frozenset({"subject", "audience", "expiresInSeconds", "claims"})


def routes(state: SandboxState, addresses: Addresses) -> list[Route]:
    base = HOSTED_ISSUERS + "/{name}"

    def address(request: Request) -> str:
        return f"{addresses.origin}{HOSTED_ISSUERS}/{_name(request)}"

    def key_of(request: Request) -> SigningKey:
        issuers, name = state.directory.hosted_issuers, _name(request)
        if name not in issuers:
            issuers[name] = SigningKey()
            request.scope.setdefault("sandbox", {})["changed"] = True
        return issuers[name]

    async def discovery(request: Request) -> Response:
        return JSONResponse(document("foreignIssuer", issuer=address(request)))

    async def keys(request: Request) -> Response:
        return JSONResponse({"keys": [key_of(request).jwk(address(request))]})

    async def token(request: Request) -> Response:
        sent, now = await _asked(request), int(state.directory.clock.timestamp())
        claims = {
            "iss": address(request),
            "sub": sent["subject"],
            "aud": sent["audience"],
            "jti": str(uuid.uuid4()),
            "iat": now,
            "nbf": now,
            "exp": now + sent.get("expiresInSeconds", _LIFETIME),
            **sent.get("claims", {}),
        }
        key = key_of(request)
        signed = jwt.encode(claims, key.private, algorithm="RS256", headers={"kid": key.kid})
        return JSONResponse(
            {"token": signed, "issuer": address(request), "expiresOn": claims["exp"]}
        )

    return [
        Route(f"{base}/.well-known/openid-configuration", discovery),
        Route(f"{base}/keys", keys),
        Route(f"{base}/token", token, methods=["POST"]),
    ]


def _name(request: Request) -> str:
    name: str = request.path_params["name"]
    if not _NAME.fullmatch(name):
        raise arm_error(
            400,
            "InvalidIssuer",
            f"'{name}' is no name of an issuer: lower case, digits and hyphens.",
        )
    return name


async def _asked(request: Request) -> dict[str, Any]:
    sent = object_of(await request.body(), _unfit)
    if set(sent) - _MEMBERS:
        raise _unfit(f"An object is expected with {', '.join(sorted(_MEMBERS))}.")
    if not all(isinstance(sent.get(name), str) for name in ("subject", "audience")):
        raise _unfit("subject and audience are texts.")
    seconds = sent.get("expiresInSeconds", _LIFETIME)
    if (
        isinstance(seconds, bool)
        or not isinstance(seconds, int)
        or not -_LONGEST <= seconds <= _LONGEST
    ):
        raise _unfit("expiresInSeconds is a whole number, at most a day.")
    if not isinstance(sent.get("claims", {}), dict):
        raise _unfit("claims is an object.")
    return sent


def _unfit(why: str) -> Exception:
    return arm_error(400, "InvalidRequestContent", why)
