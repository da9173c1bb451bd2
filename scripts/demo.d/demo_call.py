"""The proof at the end of scripts/demo: a real token by azure-identity, and real calls of the MCT API.

Usage: demo_call.py SECRET_FILE. The file is what `mct-s2s setup` saved for the client; no secret is shown.
"""

from __future__ import annotations

import json
import os
import ssl
import sys
import urllib.error
import urllib.request
from base64 import urlsafe_b64decode
from http import HTTPStatus
from pathlib import Path

from azure.identity import ClientSecretCredential, EnvironmentCredential

PATH = "/api/v1/organization"


def saved(path: Path) -> dict[str, str]:
    """The names and values of a secret file."""
    lines = path.read_text(encoding="utf-8").splitlines()
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name: value.strip("'") for name, _, value in pairs}


def claims(token: str) -> dict[str, object]:
    """What a token says, unchecked: the service checks it."""
    part = token.split(".")[1]
    found: dict[str, object] = json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


def call(url: str, token: str) -> tuple[int, str]:
    """One call of the MCT API, as any caller makes it."""
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}", "ClientType": "Service"})
    try:
        with urllib.request.urlopen(request, context=ssl.create_default_context(), timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def main() -> int:
    """Exit code: 0 if the client gets an answer and the other client does not."""
    stranger = {name: os.environ[name] for name in ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET")}
    os.environ.update(saved(Path(sys.argv[1])))
    url, scope = os.environ["MCT_S2S_URL"] + PATH, os.environ["MCT_S2S_SCOPE"]
    # The sandbox's login host is unknown to Microsoft, who need not be asked about it.
    token = EnvironmentCredential(disable_instance_discovery=True).get_token(scope).token
    said = claims(token)
    print(f"S2S-client's token   aud {said['aud']}, roles {said.get('roles')}")
    allowed = call(url, token)
    show("S2S-client", url, allowed)
    other = ClientSecretCredential(*stranger.values(), disable_instance_discovery=True).get_token(scope).token
    said = claims(other)
    print(f"other client's token aud {said['aud']}, roles {said.get('roles')}")
    refused = call(url, other)
    show("other client", url, refused)
    return 0 if (allowed[0], refused[0]) == (200, 401) else 1


def show(who: str, url: str, answer: tuple[int, str]) -> None:
    """One call and its answer, readably."""
    body = " ".join(answer[1].split())[:100]
    print(f"{who:<20} GET {url}\n{'':<20} {answer[0]} {HTTPStatus(answer[0]).phrase} {body}".rstrip() + "\n")


if __name__ == "__main__":
    sys.exit(main())
