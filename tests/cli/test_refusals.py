"""What a script is told when a service says no: its own words, its request id, and what to type."""

import pytest

from tests.cli.conftest import Program
from tests.conftest import Json, Sandbox

WORDS = "The moon is in the wrong phase for this."
GRAPH, ARM = {"service": "Graph"}, {"service": "ARM", "path": "/subscriptions*"}


@pytest.mark.parametrize(
    ("match", "status", "theirs", "ours"),
    [
        (GRAPH, 400, "MoonPhase", "graph-refused"),
        (ARM, 400, "MoonPhase", "arm-refused"),
        ({"service": "ARM", "method": "PUT"}, 409, "ScopeLocked", "locked"),
        (GRAPH, 403, "MoonPhase", "permission-missing"),
        (ARM, 403, "MoonPhase", "permission-missing"),
    ],
)
def test_the_service_is_quoted_with_its_request_id(
    mct: Program, azure: Sandbox, match: Json, status: int, theirs: str, ours: str
) -> None:
    fault = {"type": "status", "status": status, "code": theirs, "message": WORDS}
    azure.misbehave({"match": match, "fault": fault})
    told = mct("setup", "-y", "-o", "json", "-v")
    error = told.document["error"]
    assert (error["code"], told.code) == (ours, 4 if ours == "permission-missing" else 1)
    assert WORDS in error["message"]
    assert error["remedy"]
    assert error["requestId"] in told.err, "the trace shows the request by the same id"


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
        (GRAPH, "graph-refused"),
        (ARM, "arm-refused"),
    ],
)
def test_a_gateways_page_is_never_shown(mct: Program, azure: Sandbox, match: Json, code: str) -> None:
    azure.misbehave({"match": match, "fault": {"type": "html", "status": 502}})
    told = mct("status", "-o", "json")
    assert (told.code, told.document["error"]["code"]) == (1, code), told.out
    for never in ("<html", "Traceback", "azure.core", "msgraph", "kiota", "httpx"):
        assert never not in told.out + told.err
