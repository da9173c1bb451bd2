"""`--purge`: what is gone is gone. Whoever waits for it to come back waits five minutes."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Program
from tests.conftest import Sandbox

BIN = {"service": "Graph", "method": "DELETE", "path": "/v1.0/directory/deletedItems/*"}
REMOVE = ("remove-client", "S2S-client", "--purge", "-y", "-o", "json")


def deleted(azure: Sandbox) -> list[str]:
    rows = azure.graph("GET", "/directory/deletedItems/microsoft.graph.application")["value"]
    return [row["displayName"] for row in rows]


@pytest.mark.parametrize("fault", [{"type": "lostAnswer"}, {"type": "status", "status": 504, "when": "after"}])
def test_a_purge_whose_answer_was_lost_is_done(mct: Program, azure: Sandbox, fault: dict[str, object]) -> None:
    assert mct("setup", "--client", "S2S-client", "-y").code == 0
    azure.misbehave({"match": BIN, "fault": fault, "times": 1})
    done = mct(*REMOVE)
    assert done.code == 0, done.err
    assert done.seconds < 5
    assert sum(row["method"] == "DELETE" and "deletedItems" in row["path"] for row in azure.log()) == 2
    assert deleted(azure) == []


@pytest.mark.parametrize("fault", [{"type": "reset"}, {"type": "status", "status": 429, "retryAfter": 2}])
def test_a_purge_that_did_not_get_through_is_repeated(mct: Program, azure: Sandbox, fault: dict[str, object]) -> None:
    assert mct("setup", "--client", "S2S-client", "-y").code == 0
    azure.misbehave({"match": BIN, "fault": fault, "times": 1})
    assert mct(*REMOVE).code == 0
    assert deleted(azure) == []


def test_what_a_replica_does_not_have_in_its_recycle_bin_yet_is_waited_for(mct: Program, azure: Sandbox) -> None:
    assert mct("setup", "--client", "S2S-client", "-y").code == 0
    azure.lag(5.0)
    done = mct(*REMOVE)
    assert done.code == 0, done.err
    azure.advance(30)
    assert deleted(azure) == []
