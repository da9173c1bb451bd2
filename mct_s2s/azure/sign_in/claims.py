"""Claims challenges: what a service asks of a sign-in before it takes its tokens, such as a second factor.

A token without it is refused again and again, however new it is: the next sign-in has to include the claims.
Sources: learn.microsoft.com/entra/identity-platform/claims-challenge; learn.microsoft.com/cli/azure/
use-azure-cli-successfully-troubleshooting (multifactor authentication); docs/azure-contract.md, section 4.10.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from typing import Any

from mct_s2s.azure.answers import OddAnswer, parse_json
from mct_s2s.azure.services import Refusal
from mct_s2s.errors import SignInFailed
from mct_s2s.model.commands import command

_SECOND_FACTOR = '{"access_token":{"acrs":{"essential":true,"values":["p1"]}}}'
"""What Azure Resource Manager itself asks for, for refusals that speak of a second factor and bring no claims."""

# What goes into a command is matched strictly: the header may come from a proxy.
_CLAIMS = re.compile(r'\bclaims="([A-Za-z0-9+/_=-]{1,4096})"')
_TENANT = re.compile(r'\bauthorization_uri="https://[^/"]+/([0-9A-Za-z-]{36})[/"]')
_MFA = re.compile(r"\bMFA\b|multi-?\s?factor", re.IGNORECASE)
_POLICY = "RequestDisallowedByPolicy"


@dataclass(frozen=True)
class Challenge:
    """What a service asks for.

    Attributes:
        claims: a JSON object, for the login service.
        encoded: the same in base64, for a command.
        tenant: where to sign in, as far as the service says.
        second_factor: whether it is one that is missing.
    """

    claims: str
    encoded: str
    tenant: str | None = None
    second_factor: bool = False


def challenge_of(refusal: Refusal) -> Challenge | None:
    """What a refusal asks of the sign-in: Continuous Access Evaluation, an authentication context, a second factor.

    Source: learn.microsoft.com/entra/identity-platform/app-resilience-continuous-access-evaluation.
    """
    if refusal.status not in {401, 403}:
        return None
    return challenge_in(refusal.headers.get("www-authenticate", ""), refusal.body)


def challenge_in(header: str, said: str = "") -> Challenge | None:
    """The challenge of a refusal, if it is one.

    Args:
        header: `WWW-Authenticate`, in which several schemes may appear together.
        said: the whole refusal. A policy that demands a second factor may say so without the header.
    """
    asked = _CLAIMS.search(header) if "insufficient_claims" in header else None
    claims = _decoded(asked[1]) if asked else None
    by_policy = _POLICY in said and _MFA.search(said) is not None
    if asked is None or claims is None:
        if not by_policy:
            return None
        claims, encoded = _SECOND_FACTOR, encode(_SECOND_FACTOR)
    else:
        encoded = asked[1]
    tenant = _TENANT.search(header)
    return Challenge(claims, encoded, tenant[1] if tenant else None, by_policy or '"acrs"' in claims)


def asked_for(claims: str) -> Challenge:
    """A challenge of which only the claims are known."""
    return Challenge(claims, encode(claims), second_factor='"acrs"' in claims)


def encode(claims: str) -> str:
    """Claims as they are in headers and commands."""
    return base64.b64encode(claims.encode()).decode()


def azure_cli_login(scope: str | None, tenant: str | None, challenge: Challenge | None = None) -> str:
    """How a user of the Azure CLI signs in again, with what is required: `az login` alone gives the same token."""
    where = [*(["--tenant", tenant] if tenant else []), *(["--scope", scope] if scope else [])]
    claims = ["--claims-challenge", challenge.encoded] if challenge else []
    return f"{command('az', 'logout')}; {command('az', 'login', *where, *claims)}"


def demanded(
    service: str, step: str, said: str, challenge: Challenge, way_out: tuple[str, str], request_id: str | None = None
) -> SignInFailed:
    """The error of a sign-in that lacks what a service asks for."""
    what = "a second factor" if challenge.second_factor else "a new sign-in"
    return SignInFailed(
        "mfa-required" if challenge.second_factor else "sign-in-again",
        f"{service} requires {what} to {step}.",
        answer=said,
        remedy=way_out[0],
        command=way_out[1],
        request_id=request_id,
    )


def _decoded(encoded: str) -> str | None:
    padded = encoded.replace("+", "-").replace("/", "_") + "=" * (-len(encoded) % 4)
    try:
        claims: Any = parse_json(base64.urlsafe_b64decode(padded))
    except (ValueError, OddAnswer):
        return None
    return json.dumps(claims) if isinstance(claims, dict) else None
