"""The access tokens that were issued, by hash: number, audience, application.

A fault can revoke or expire all of them at once, and the secret watch finds tokens at services that
they are not for. Source: entra: identity-platform/claims-challenge (continuous access evaluation,
`insufficient_claims`).
"""

import base64
import hashlib
import json
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from mct_s2s.sandbox.core.addresses import Addresses
from mct_s2s.sandbox.core.wire_errors import (
    WireError,
    arm_error,
    graph_error,
    service_error,
    vault_error,
)

KEPT = 50_000
_GRAPH_APP_ID = "00000003-0000-0000-c000-000000000000"
_EXPIRED = "Lifetime validation failed, the token is expired."
_REVOKED = (
    "Continuous access evaluation resulted in challenge with result: InteractionRequired and code: "
    "TokenIssuedBeforeRevocationTimestamp"
)


@dataclass(frozen=True)
class IssuedToken:
    """An issued token: its number, its audience, and its application."""

    number: int
    fingerprint: str
    audience: str
    app_id: str

    @staticmethod
    def fingerprint_of(secret: str) -> str:
        """Return a few characters of a secret's hash: enough to recognize it, useless to use it."""
        return hashlib.sha256(secret.encode()).hexdigest()[:12]


class IssuedTokens:
    """The tokens issued since the sandbox started."""

    def __init__(self, addresses: Addresses) -> None:
        self._addresses = addresses
        self._handed: OrderedDict[bytes, IssuedToken] = OrderedDict()
        self._count = 0
        self._refused: dict[str, int] = {}

    def add(self, token: str) -> None:
        claims = claims_of(token)
        if claims is None:
            return
        self._count += 1
        app_id = str(claims.get("appid") or claims.get("azp") or "")
        handed = IssuedToken(
            self._count, IssuedToken.fingerprint_of(token), str(claims.get("aud", "")), app_id
        )
        self._handed[_key(token)] = handed
        if len(self._handed) > KEPT:
            self._handed.popitem(last=False)

    def get(self, token: str) -> IssuedToken | None:
        return self._handed.get(_key(token)) if token else None

    def is_for(self, handed: IssuedToken, service: str) -> bool:
        """Return whether a token is for a service: Microsoft's by audience, a site by any other
        audience.
        """
        graph = handed.audience.rstrip("/") in {self._addresses.graph, _GRAPH_APP_ID}
        arm = handed.audience.rstrip("/") in {
            name.rstrip("/") for name in self._addresses.arm_audiences
        }
        vault = handed.audience.rstrip("/") == self._addresses.vault
        others = not graph and not arm and not vault
        return {"graph": graph, "arm": arm, "vault": vault, "site": others}.get(service, True)

    def refuse_all(self, why: str) -> None:
        self._refused[why] = self._count

    def forget_refusals(self) -> None:
        self._refused.clear()

    def refusal(self, authorization: str | None) -> str | None:
        token = (authorization or "").partition(" ")[2].strip()
        if not self._refused or not token:
            return None
        handed = self.get(token)
        number = handed.number if handed is not None else 0
        return next((why for why, last in self._refused.items() if number <= last), None)

    def refused(self, why: str, service: str, now: float) -> WireError:
        """Return the 401 of Graph, Resource Manager or Key Vault for a refused token.

        For a revoked one it has a claims challenge, without which clients would send the same token
        again.
        """
        login = f"{self._addresses.login}/common/oauth2/authorize"
        if why == "expired":
            if service == "graph":
                return graph_error(401, "InvalidAuthenticationToken", _EXPIRED)
            if service == "vault":
                challenge = f'Bearer authorization="{login}", resource="{self._addresses.vault}"'
                return vault_error(
                    401, "Unauthorized", _EXPIRED, headers={"WWW-Authenticate": challenge}
                )
            challenge = f'Bearer authorization_uri="{login}", error="invalid_token"'
            return service_error(
                "ExpiredAuthenticationToken", headers={"WWW-Authenticate": challenge}
            )
        claims = {"access_token": {"nbf": {"essential": True, "value": str(int(now))}}}
        asked = base64.b64encode(json.dumps(claims).encode()).decode()
        challenge = (
            f'Bearer realm="", authorization_uri="{login}", client_id="{_GRAPH_APP_ID}", '
            f'error="insufficient_claims", claims="{asked}"'
        )
        if service == "vault":
            return vault_error(
                401, "Unauthorized", _REVOKED, headers={"WWW-Authenticate": challenge}
            )
        make = graph_error if service == "graph" else arm_error
        code = "InvalidAuthenticationToken" if service == "graph" else "AuthenticationFailed"
        return make(401, code, _REVOKED, headers={"WWW-Authenticate": challenge})


def claims_of(token: str) -> dict[str, Any] | None:
    try:
        part = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (IndexError, ValueError):
        return None
    return claims if isinstance(claims, dict) else None


def _key(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()
