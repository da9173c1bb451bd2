"""How people sign in, and what services ask of a sign-in beside a good token: a second factor, or other claims.

Three knobs. `signInWithMfa`: whether people bring a second factor without being asked (true). `mfaForWrites`: how
Resource Manager refuses their writes without one: `challenge` (the default, as in Azure since autumn 2025), `policy`
(403 without a challenge, as some clients were answered), or `off`, as in clouds that do not ask for it yet.
`locationChallenges`: Graph takes no token that was got without the claims of its challenge, as where the address
that it sees is not the one that Entra saw.

Source: docs/azure-contract.md, section 9, "MFA" and "Continuous access evaluation".
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

MFA_CLAIMS = {"access_token": {"acrs": {"essential": True, "values": ["p1"]}}}
MODES = ("challenge", "policy", "off")
_ADDRESS = "xms_rp_ipaddr"


class ConditionalAccess:
    """The three knobs, and what follows from them."""

    def __init__(self) -> None:
        self.sign_in_with_mfa = True
        self.mfa_for_writes = "challenge"
        self.location_challenges = False

    def settings(self) -> dict[str, Any]:
        """The knobs by the names that they have over the wire."""
        return {
            "signInWithMfa": self.sign_in_with_mfa,
            "mfaForWrites": self.mfa_for_writes,
            "locationChallenges": self.location_challenges,
        }

    def change(self, sent: Mapping[str, Any]) -> None:
        """Turn knobs; all or none.

        Raises:
            ValueError: a value is not one that its knob takes.
        """
        wanted = {**self.settings(), **{name: sent[name] for name in self.settings() if name in sent}}
        if wanted["mfaForWrites"] not in MODES:
            raise ValueError(f"mfaForWrites is one of {', '.join(MODES)}.")
        for name in ("signInWithMfa", "locationChallenges"):
            if not isinstance(wanted[name], bool):
                raise ValueError(f"{name} is true or false.")
        self.sign_in_with_mfa = wanted["signInWithMfa"]
        self.mfa_for_writes = wanted["mfaForWrites"]
        self.location_challenges = wanted["locationChallenges"]

    def lacks_location(self, token: Mapping[str, Any]) -> bool:
        """Whether Graph refuses a token, by its claims, for the place that it is used from."""
        return self.location_challenges and _ADDRESS not in token


def asks_for_mfa(claims: str) -> bool:
    """Whether a sign-in, by its parameter `claims`, has to bring a second factor."""
    return "p1" in _values(claims, "acrs")


def granted(claims: str) -> dict[str, Any]:
    """What a token says beside the usual, because it was asked for."""
    values = _values(claims, _ADDRESS)
    return {_ADDRESS: values[0]} if values else {}


def location_claims(now: float) -> str:
    """The claims that Graph asks for, encoded as in its header."""
    wanted = {"nbf": {"essential": True, "value": str(int(now))}, _ADDRESS: {"value": "192.0.2.7"}}
    return encoded({"access_token": wanted})


def encoded(claims: Mapping[str, Any]) -> str:
    """Claims as they stand in a `WWW-Authenticate` header."""
    return base64.b64encode(json.dumps(claims, separators=(",", ":")).encode()).decode()


def _values(claims: str, name: str) -> list[Any]:
    try:
        asked = json.loads(claims)["access_token"][name]
        return list(asked.get("values") or [asked["value"]])
    except (ValueError, LookupError, TypeError, AttributeError):
        return []
