"""Waiting: what is waited out for one reason is no reason to give up for another, and nobody pushes past the gate."""

import pytest
from mct_s2s.azure import retry
from mct_s2s.sandbox.observability.exchange import Entry

from tests.cli.conftest import Program
from tests.conftest import Sandbox
from tests.support.answers import answering
from tests.support.sandbox_inside import Inside

NOT_THERE = {"error": {"code": "Request_ResourceNotFound", "message": "Resource does not exist."}}
BUSY = {"error": {"code": "TooManyRequests", "message": "Later."}}
DOWN = {"error": {"code": "serviceNotAvailable", "message": "A moment."}}


def test_one_failure_after_eight_answers_of_a_lagging_replica_is_one_failure(
    mct: Program, azure: Sandbox, inside: Inside
) -> None:
    def consents(entry: Entry) -> bool:
        return entry.method == "POST" and entry.path.endswith("/appRoleAssignedTo")

    lag, down = answering(consents, NOT_THERE, 404), answering(consents, DOWN, 503)
    asked = 0

    async def answer(entry: Entry) -> None:
        nonlocal asked
        asked += consents(entry)
        if asked <= 9:
            await (lag if asked <= 8 else down)(entry)

    inside.hooks.before.append(answer)
    done = mct("setup", "--client", "S2S-client", "-y")
    assert (done.code, asked) == (0, 10), done.err


def test_what_has_queued_does_not_leave_while_the_service_asks_for_patience(
    mct: Program, azure: Sandbox, inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    def creates(entry: Entry) -> bool:
        return entry.method == "PATCH" and "uniqueName=" in entry.path

    busy, left = answering(creates, BUSY, 429, {"retry-after": "10"}), []

    async def answer(entry: Entry) -> None:
        if creates(entry):
            left.append(inside.time.seconds)
            if len(left) == 1:
                await busy(entry)

    inside.hooks.before.append(answer)
    monkeypatch.setattr(retry, "IN_FLIGHT", 2)
    clients = [word for number in range(12) for word in ("--client", f"client {number:02}")]
    assert mct("setup", "-y", "--no-verify", *clients).code == 0
    assert len(left) > 12
    assert sum(moment - left[0] < 10 for moment in left) <= 2
