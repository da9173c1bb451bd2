"""What services ask of a sign-in beside a valid token: a second factor, or other claims.

Source: docs/azure-contract.md, section 9, "MFA" and "Continuous access evaluation".
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from mct_s2s.sandbox.core.options import Tunable, choice, switch

MFA_CLAIMS = {"access_token": {"acrs": {"essential": True, "values": ["p1"]}}}
_ADDRESS = "xms_rp_ipaddr"


@dataclass
class ConditionalAccess(Tunable):
    """What a sign-in needs beside a valid token.

    Attributes:
        sign_in_with_mfa: whether people bring a second factor without being asked.
        mfa_for_writes: how Resource Manager refuses people's writes without one: `challenge` (as in Azure since autumn
            2025), `policy` (403 without a challenge, as some clients were answered), or `off`, as in clouds that do
            not ask for it yet.
        location_challenges: whether Graph accepts only tokens with the claims of its challenge, as where it sees
            another address than Entra saw.
    """

    sign_in_with_mfa: bool = True
    mfa_for_writes: str = "challenge"
    location_challenges: bool = False

    OPTIONS: ClassVar = {
        "sign_in_with_mfa": switch,
        "mfa_for_writes": choice("challenge", "policy", "off"),
        "location_challenges": switch,
    }

    def lacks_location(self, token: Mapping[str, Any]) -> bool:
        """Return whether Graph refuses a token with these claims for the address that it is used from."""
        return self.location_challenges and _ADDRESS not in token


def asks_for_mfa(claims: str) -> bool:
    """Return whether the parameter `claims` of a sign-in requires a second factor."""
    return "p1" in _values(claims, "acrs")


def granted(claims: str) -> dict[str, Any]:
    """Return the claims that a token gets because the parameter `claims` requested them."""
    values = _values(claims, _ADDRESS)
    return {_ADDRESS: values[0]} if values else {}


def location_claims(now: float) -> str:
    """Return the claims that Graph asks for, encoded as in its header."""
    wanted = {"nbf": {"essential": True, "value": str(int(now))}, _ADDRESS: {"value": "192.0.2.7"}}
    return encoded({"access_token": wanted})


def encoded(claims: Mapping[str, Any]) -> str:
    """Encode claims for a `WWW-Authenticate` header."""
    return base64.b64encode(json.dumps(claims, separators=(",", ":")).encode()).decode()


def _values(claims: str, name: str) -> list[Any]:
    try:
        asked = json.loads(claims)["access_token"][name]
        return list(asked.get("values") or [asked["value"]])
    except (ValueError, LookupError, TypeError, AttributeError):
        return []
