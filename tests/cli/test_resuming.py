"""Stopped anywhere, refused, cut off or run twice at once: the same command ends where one clean run ends."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cli.conftest import Ended, Program
from tests.conftest import Sandbox

SETUP = ("setup", "--client", "One", "--client", "Two", "--managed-identity", "reports-func", "-y", "-o", "json")


def _rule(service: str, fault: dict[str, Any], **when: Any) -> dict[str, Any]:
    match: dict[str, Any] = {"service": service}
    match |= {key: when.pop(key) for key in ("path", "method", "writes") if key in when}
    return {"match": match, "fault": fault, **when}


def _is_whole(mct: Program, ended: Ended) -> None:
    assert ended.code == 0, ended.document
    status = mct("status", "-o", "json").document
    assert status["healthy"], status["findings"]
    credentials = {client["displayName"]: client.get("credentials", []) for client in status["clients"]}
    assert sorted(credentials) == ["One", "Two", "reports-func"]
    assert [len(credentials[name]) for name in ("One", "Two")] == [1, 1], "an orphaned secret, or none"


STOPPED = {
    "a service principal is refused": (
        4,
        [_rule("Graph", {"type": "status", "status": 403}, path="*servicePrincipals", method="POST")],
    ),
    "the settings are locked": (
        1,
        [_rule("ARM", {"type": "status", "status": 409, "code": "ScopeLocked", "message": "locked"}, method="PUT")],
    ),
    "Graph stays ill": (1, [_rule("Graph", {"type": "status", "status": 500}, nth=3, times=999, writes=True)]),
    "everything stops after the fifth write": (
        1,
        [_rule("*", {"type": "freezeAfterWrites", "writes": 5, "then": "reset"})],
    ),
}


@pytest.mark.parametrize("name", STOPPED)
def test_a_stop_is_told_and_the_same_command_finishes(name: str, azure: Sandbox, mct: Program) -> None:
    code, rules = STOPPED[name]
    azure.misbehave(*rules)
    stopped = mct(*SETUP)
    assert stopped.code == code
    document = stopped.document
    assert document["error"]["remedy"]
    assert document["notDone"], "what was not done is said"
    azure.behave()
    _is_whole(mct, mct(*SETUP))
