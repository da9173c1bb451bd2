"""What services ask of a sign-in beside a valid token: a second factor, or other claims.

Source: docs/azure-contract.md, sections 3.14 and 4.10.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mct_s2s.sandbox.entra.directory import Directory

MFA_CLAIMS = {"access_token": {"acrs": {"essential": True, "values": ["p1"]}}}
_ADDRESS = "xms_rp_ipaddr"


def lacks_location(directory: Directory, token: Mapping[str, Any]) -> bool:
    """Return whether Graph refuses a token with these claims for the address that it is used from."""
    return directory.variations.location_challenges and _ADDRESS not in token


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
    return base64.b64encode(json.dumps(claims, separators=(",", ":")).encode()).decode()


def _values(claims: str, name: str) -> list[Any]:
    try:
        asked = json.loads(claims)["access_token"][name]
        return list(asked.get("values") or [asked["value"]])
    except (ValueError, LookupError, TypeError, AttributeError):
        return []
