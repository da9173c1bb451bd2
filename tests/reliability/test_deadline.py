"""`--timeout` is kept to the second, whatever the command is waiting for; and what comes after resumes."""

import pytest

from tests.conftest import MACHINE, Json
from tests.reliability.harness import Harness

SECONDS = 20.0
SETUP = (
    "setup", "--client", "One", "--managed-identity", MACHINE, "-y", "-o", "json", "--timeout", str(SECONDS)
)  # fmt: skip
WAITING: dict[str, Json] = {
    "discovery": {"service": "ARM", "path": "/metadata/*"},
    "sign-in": {"service": "Entra"},
    "a reading of the directory": {"service": "Graph", "method": "GET"},
    "a reading of Azure": {"service": "ARM", "method": "GET", "path": "/subscriptions/*/sites/*"},
    "a registration": {"service": "Graph", "method": "PATCH"},
    "a secret": {"service": "Graph", "path": "*addPassword"},
    "an identity": {"service": "ARM", "method": "PATCH"},
    "the settings": {"service": "ARM", "method": "PUT"},
    "the reading back": {"service": "ARM", "path": "*/config/appsettings/list", "nth": 3},
    "the restart": {"service": "ARM", "path": "*/restart"},
}
MISFORTUNES: dict[str, Json] = {
    "hang": {"type": "hang"},
    "asked to wait again and again": {"type": "status", "status": 429, "retryAfter": 7},
}


@pytest.fixture
def warm(harness: Harness) -> Harness:
    """With everything imported, which takes its time where the processor is busy."""
    assert harness.run(["setup", "--dry-run", "--client", "One", "-o", "json"]).code == 3
    harness.go_to(harness.seed)
    return harness


@pytest.mark.parametrize("misfortune", MISFORTUNES)
def test_the_deadline_is_kept_to_the_second(misfortune: str, warm: Harness) -> None:
    late = {}
    for name, where in WAITING.items():
        match = dict(where)
        rule = {"nth": match.pop("nth", 1), "times": 9_999, "fault": MISFORTUNES[misfortune], "match": match}
        warm.go_to(warm.seed, warm.home.parent / f"{misfortune} {name}")
        warm.inside.pipeline.observability.faults.replace([rule])
        ended = warm.run(SETUP)
        assert ended.code == 1, (name, ended.out)
        assert ended.document["error"]["code"] in {"deadline-passed", "throttled"}
        if ended.seconds > SECONDS + 0.1 or (misfortune == "hang" and ended.seconds < SECONDS):
            late[name] = ended.seconds
    assert late == {}


def test_a_service_that_asks_for_more_patience_than_there_is_ends_the_command_at_once(warm: Harness) -> None:
    rule = {"match": {"service": "Graph", "writes": True}, "fault": {"type": "status", "status": 429, "retryAfter": 30}}
    warm.inside.pipeline.observability.faults.replace([rule])
    ended = warm.run([*SETUP[:-1], "29"])
    assert ended.seconds < 1
    assert (ended.code, ended.document["error"]["code"]) == (1, "throttled")
    assert "--timeout" in ended.document["error"]["remedy"]


def test_a_login_that_hangs_is_asked_again(warm: Harness) -> None:
    rule = {"match": {"service": "Entra"}, "times": 2, "fault": {"type": "hang"}}
    warm.inside.pipeline.observability.faults.replace([rule])
    assert warm.run([*SETUP[:-1], "600"]).code == 0
