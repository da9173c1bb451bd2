"""What a person and a script are told when a service says no: its own words, its request id, and what to type."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cli.conftest import Program
from tests.conftest import Sandbox

WORDS = "The moon is in the wrong phase for this."
REFUSED = {"type": "status", "status": 400, "code": "MoonPhase", "message": WORDS}
HTML = {"type": "html", "status": 502}

SERVICES: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "Graph refuses": ({"service": "Graph"}, REFUSED, "graph-refused"),
    "ARM refuses": ({"service": "ARM", "path": "/subscriptions*"}, REFUSED, "arm-refused"),
    "a lock": ({"service": "ARM", "method": "PUT"}, {**REFUSED, "status": 409, "code": "ScopeLocked"}, "locked"),
    "no right in Graph": ({"service": "Graph"}, {**REFUSED, "status": 403}, "permission-missing"),
    "no right in ARM": (
        {"service": "ARM", "path": "/subscriptions*"},
        {**REFUSED, "status": 403},
        "permission-missing",
    ),
}


@pytest.mark.parametrize("name", SERVICES)
def test_the_service_is_quoted_with_its_request_id(mct: Program, azure: Sandbox, name: str) -> None:
    match, fault, code = SERVICES[name]
    azure.misbehave({"match": match, "fault": fault})
    told = mct("setup", "-y", "-o", "json", "-v")
    error = told.document["error"]
    assert (error["code"], told.code) == (code, 4 if code == "permission-missing" else 1)
    assert WORDS in error["message"]
    assert error["remedy"]
    assert error["requestId"] in told.err, "the trace shows the request by the same id"
    text = mct("setup", "-y")
    assert WORDS in text.err
    assert "  request id: " in text.err
    assert "  → " in text.err


def test_entra_is_quoted_too(mct: Program) -> None:
    told = mct("status", "-o", "json", "-v", env={"AZURE_CLIENT_SECRET": "not-the-one-4711"})
    error = told.document["error"]
    assert (told.code, error["code"]) == (4, "sign-in-failed")
    assert "AADSTS7000215: Invalid client secret provided" in error["message"]
    assert "Trace ID" not in error["message"]
    assert error["requestId"] in told.err


@pytest.mark.parametrize(
    ("match", "code"),
    [
        ({"service": "ARM", "path": "/metadata/endpoints"}, "cloud-unreachable"),
        ({"service": "Entra"}, "login-unreachable"),
        ({"service": "Graph"}, "graph-refused"),
        ({"service": "ARM", "path": "/subscriptions*"}, "arm-refused"),
    ],
)
def test_a_gateways_page_is_never_shown(mct: Program, azure: Sandbox, match: dict[str, Any], code: str) -> None:
    azure.misbehave({"match": match, "fault": HTML})
    told = mct("status", "-o", "json")
    assert (told.code, told.document["error"]["code"]) == (1, code), told.out
    for never in ("<html", "Traceback", "azure.core", "msgraph", "kiota", "httpx"):
        assert never not in told.out + told.err
