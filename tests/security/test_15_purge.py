"""`--purge`: what is gone is gone. Whoever waits for it to come back waits five minutes."""

import pytest

from tests.cli.conftest import Program
from tests.conftest import Sandbox

BIN = {"service": "Graph", "method": "DELETE", "path": "/v1.0/directory/deletedItems/*"}
FAULTS: list[dict[str, object]] = [
    {"type": "lostAnswer"},
    {"type": "status", "status": 504, "when": "after"},
    {"type": "reset"},
    {"type": "status", "status": 429, "retryAfter": 2},
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault["type"])
def test_a_purge_that_was_done_or_did_not_get_through_is_repeated_once(
    mct: Program, azure: Sandbox, fault: dict[str, object]
) -> None:
    assert mct("setup", "--client", "S2S-client", "-y").code == 0
    azure.misbehave({"match": BIN, "fault": fault, "times": 1})
    done = mct("remove-client", "S2S-client", "--purge", "-y", "-o", "json")
    assert (done.code, done.seconds < 5) == (0, True), done.err
    assert sum(row["method"] == "DELETE" and "deletedItems" in row["path"] for row in azure.log()) == 2
    assert azure.graph("GET", "/directory/deletedItems/microsoft.graph.application")["value"] == []
