"""Stopped anywhere, refused, cut off or run twice at once: the same command ends where one clean run ends."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.cli.conftest import Ended, Program
from tests.conftest import Sandbox

SETUP = ("setup", "--client", "One", "--client", "Two", "--managed-identity", "reports-func", "-y", "-o", "json")


@pytest.fixture
def azure_again(azure: Sandbox) -> Iterator[Sandbox]:
    """The sandbox; whatever it was told to do wrong ends with the test."""
    yield azure
    azure.behave()
    azure.lag(0)


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


RIDDEN_OUT = {
    "throttled Graph": [_rule("Graph", {"type": "status", "status": 429, "retryAfter": 1}, every=4, times=4)],
    "throttled ARM": [_rule("ARM", {"type": "status", "status": 429, "retryAfter": 1}, nth=2, times=3)],
    "every second write fails": [
        _rule("Graph", {"type": "status", "status": 500}, every=2, times=5, writes=True),
    ],
    "an ailing login": [_rule("Entra", {"type": "status", "status": 503}, times=2)],
    "connections break": [_rule("*", {"type": "reset"}, every=5, times=6)],
    "a gateway's page": [_rule("*", {"type": "html", "status": 502}, every=6, times=4)],
    "answers cut short": [_rule("*", {"type": "truncated"}, every=6, times=5)],
    "a secret made twice unseen": [_rule("Graph", {"type": "lostAnswer"}, path="*addPassword", times=2)],
    "a secret made, and an error": [
        _rule("Graph", {"type": "status", "status": 500, "when": "after"}, path="*addPassword", times=1)
    ],
    "the settings written, and no answer": [_rule("ARM", {"type": "lostAnswer"}, method="PUT", times=1)],
    "the restart's answer lost": [_rule("ARM", {"type": "lostAnswer"}, path="*/restart", times=1)],
    "sign-in revoked half-way": [_rule("Graph", {"type": "revokeSignIn"}, nth=3, times=1, writes=True)],
    "tokens expired half-way": [_rule("ARM", {"type": "expireTokens"}, nth=4, times=1)],
}


@pytest.mark.parametrize("name", RIDDEN_OUT)
def test_passing_trouble_is_ridden_out(name: str, azure_again: Sandbox, mct: Program) -> None:
    before = azure_again.settings()
    azure_again.misbehave(*RIDDEN_OUT[name])
    _is_whole(mct, mct(*SETUP))
    azure_again.behave()
    azure_again.forget()
    again = mct(*SETUP)
    _is_whole(mct, again)
    assert azure_again.writes() == []
    after = azure_again.settings()
    assert {key: after[key] for key in before} == before
    assert azure_again.leaks() == []


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
def test_a_stop_is_told_and_the_same_command_finishes(name: str, azure_again: Sandbox, mct: Program) -> None:
    code, rules = STOPPED[name]
    azure_again.misbehave(*rules)
    stopped = mct(*SETUP)
    assert stopped.code == code
    document = stopped.document
    assert document["error"]["remedy"]
    assert document["notDone"], "what was not done is said"
    azure_again.behave()
    _is_whole(mct, mct(*SETUP))


def test_consent_that_is_refused_is_left_and_the_same_command_grants_it(azure_again: Sandbox, mct: Program) -> None:
    refused = {"type": "status", "status": 403}
    azure_again.misbehave(_rule("Graph", refused, path="*appRoleAssignedTo", method="POST"))
    done = mct(*SETUP)
    assert (done.code, azure_again.settings()["ServiceAuthEnabled"]) == (4, "true")
    whats = {step["what"].partition(" to ")[0] for step in done.document["manualSteps"]}
    assert whats == {"You can't grant admin consent"}
    azure_again.behave()
    _is_whole(mct, mct(*SETUP))


def test_a_refused_restart_says_how_to_do_it_by_hand(azure_again: Sandbox, mct: Program) -> None:
    azure_again.misbehave(_rule("ARM", {"type": "status", "status": 403}, path="*/restart"))
    stopped = mct(*SETUP)
    assert stopped.code == 4
    assert "az webapp restart -g mct-prod -n contosolearn" in stopped.document["error"]["remedy"]
    assert azure_again.settings()["ServiceAuthEnabled"] == "true"


def test_the_deadline_is_kept_and_said(azure_again: Sandbox, mct: Program) -> None:
    azure_again.misbehave(_rule("Graph", {"type": "hang"}, writes=True))
    stopped = mct(*SETUP, "--timeout", "4")
    assert stopped.seconds == pytest.approx(4)
    assert (stopped.code, stopped.document["error"]["code"]) == (1, "deadline-passed")
    assert stopped.document["inDoubt"]
    azure_again.behave()
    _is_whole(mct, mct(*SETUP))


def test_runs_at_the_same_moment_make_one_trust(azure: Sandbox, process: Program) -> None:
    with ThreadPoolExecutor(3) as pool:
        for ended in pool.map(lambda _: process(*SETUP), range(3)):
            _is_whole(process, ended)
    assert sum("addPassword" in write for write in azure.writes()) == 2
    assert azure.restarts() == 1


@pytest.mark.parametrize("mode", ["replicas", "adversarial"])
def test_replication_lag_is_waited_for_and_makes_no_second_secret(
    mode: str, azure_again: Sandbox, mct: Program
) -> None:
    azure_again.lag(2, mode)
    _is_whole(mct, mct(*SETUP))
    again = mct(*SETUP)
    assert again.code == 0, again.document
    made = [row for row in azure_again.log("graph") if row["path"].endswith("/addPassword") and row["status"] == 200]
    assert len(made) == 2
    assert azure_again.restarts() == 1
    azure_again.lag(0)
    azure_again.advance(60)
    _is_whole(mct, mct(*SETUP))
