"""What the names of the story stand for before the first answer: the run's own, and the cloud's addresses."""

from __future__ import annotations

import base64
import json
import uuid
from datetime import datetime, timedelta

from mct_s2s.azure.clouds import Cloud
from mct_s2s.key_pairs import make_key_pair

SECRET_DAYS = 30


def roots(cloud: Cloud, vault: str | None) -> dict[str, str]:
    """Where the services are."""
    found = {"graph": cloud.graph, "login": cloud.login, "arm": cloud.arm}
    return {**found, **({"vault": cloud.vault(vault)[1]} if vault is not None else {})}


def of_run(run: str, name: str, now: datetime) -> dict[str, str]:
    """What a run chooses; the same on both sides, so that the answers can be compared.

    Args:
        run: its id.
        name: what all its names begin with.
        now: the moment, in UTC.
    """
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    ends = today + timedelta(days=SECRET_DAYS)
    _, certificate = make_key_pair(name, today, ends)
    return {
        "run": run,
        "name": name,
        "roleId": str(uuid.uuid4()),
        "secretEnds": _moment(ends),
        "certificateId": str(uuid.uuid4()),
        "certificateBegins": _moment(today),
        "certificateEnds": _moment(ends - timedelta(days=1)),
        "certificate": base64.b64encode(certificate.der).decode(),
        "unsignedAssertion": _unsigned(name, ends),
    }


def _moment(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _unsigned(name: str, ends: datetime) -> str:
    """What looks like another issuer's token, and is signed by nobody."""
    header = {"alg": "RS256", "typ": "JWT", "kid": "conformance"}
    claims = {
        "iss": "https://token.actions.githubusercontent.com",
        "sub": f"repo:contoso/{name}-other:ref:refs/heads/main",
        "aud": "api://AzureADTokenExchange",
        "exp": int(ends.timestamp()),
    }
    parts = [json.dumps(part).encode() for part in (header, claims)] + [b"signed by nobody"]
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)
