"""Every request of every command meets every misfortune: ridden out, or told with a way out; and
the end is the same.

The program runs within this process, in simulated time: it waits as long as it likes, and the test
does not. And `--timeout` is kept to the second.
"""

import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

import pytest
from mct_s2s.sandbox.observability.exchange import Entry

from tests.cli.conftest import Ended
from tests.conftest import MACHINE, Json
from tests.reliability.commands import (
    COMMANDS,
    FAILING,
    Command,
    Course,
    mended,
    otherwise,
    typed,
)
from tests.reliability.harness import Harness, label, pattern
from tests.support.sampling import every_cell, sampled, seed

FAULTS: dict[str, Json] = {
    "throttled": {"type": "status", "status": 429, "retryAfter": 0.1},
    "server error": {"type": "status", "status": 500},
    "unavailable": {"type": "status", "status": 503},
    "error after effect": {"type": "status", "status": 500, "when": "after"},
    "reset": {"type": "reset"},
    "answer lost": {"type": "lostAnswer"},
    "answer cut": {"type": "truncated"},
    "hang": {"type": "hang"},
    "token expired": {"type": "expireTokens"},
    "sign-in revoked": {"type": "revokeSignIn"},
    "a gateway's page": {"type": "html", "status": 502},
    "cut off for good": {"type": "reset"},
}
FOR_GOOD = "cut off for good"
FAULTS_OF = {
    name: list(FAULTS) if command.every else sampled(list(FAULTS), 2, salt=name)
    for name, command in COMMANDS.items()
}
"""Which faults a command meets: in a sample, `setup` every one and the others two of the twelve."""
CODES = {1, 4}
SDK_WORDS = re.compile(
    r"Traceback|azure\.core|azure\.identity|msgraph|kiota|\bmsal\b|httpx|httpcore|HttpResponseError|APIError|"
    r"ODataError|ServiceRe(quest|sponse)Error|ClientSecretCredential|<html|object at "
    r"0x|ssl:default|internal-error",
    re.IGNORECASE,
)


def cells(command: Command, fault: str, requests: list[Entry]) -> Iterator[tuple[int, Entry, int]]:
    """The requests that meet a fault: where in the course, which, and the how manieth of
    its kind.
    """
    seen: Counter[str] = Counter()
    number = list(FAULTS).index(fault)
    chosen = (seed() + number * 7) % len(requests)  # in a sample
    for at, entry in enumerate(requests):
        kind = f"{entry.service} {entry.method} {pattern(entry)}"  # as `rule` recognises it
        seen[kind] += 1
        if at == chosen if not every_cell() else command.every or number == at % len(FAULTS):
            yield at, entry, seen[kind]


def rule(fault: str, at: int, entry: Entry, nth: int) -> Json:
    if fault == FOR_GOOD:
        return {"nth": at + 1, "times": 9_999, "fault": FAULTS[fault]}
    service = {
        "graph": "Graph",
        "arm": "ARM",
        "entra": "Entra",
        "site": "MCT",
        "vault": "KeyVault",
    }[entry.service]
    match = {"service": service, "method": entry.method, "pathRegex": pattern(entry)}
    return {"match": match, "nth": nth, "times": 1, "fault": FAULTS[fault]}


def told_wrongly(ended: Ended, command: Command) -> list[str]:
    """What is wrong with how a run has ended."""
    wrong = [f"says {match[0]}" for match in SDK_WORDS.finditer(ended.err + ended.out)]
    if ended.code in {command.code, *command.tells}:
        return wrong
    if ended.code not in CODES:
        wrong.append(f"exit code {ended.code}")
    document = ended.document
    is_of_sites = bool(command.file) and document["schema"] == "mct-s2s/apply/v1"
    # What is shown by a document is there before the note of its secret is removed.
    is_shown = "show" in command.words and document["schema"] == "mct-s2s/result/v1"
    if document["schema"] != "mct-s2s/error/v1" and not (is_of_sites or is_shown):
        wrong.append(f"a document {document['schema']}")
    return wrong


@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    ("name", "fault"), [(name, fault) for name, faults in FAULTS_OF.items() for fault in faults]
)
def test_every_request_meets_every_fault(
    name: str, fault: str, harness: Harness, course_of: Callable[[Command], Course], tmp_path: Path
) -> None:
    command = COMMANDS[name]
    known = course_of(COMMANDS[name])
    wrong = list[str]()
    for at, entry, nth in cells(command, fault, known.requests):
        home = Path(shutil.copytree(known.home, tmp_path / f"{at}"))
        harness.go_to(known.state, home)
        faults = harness.inside.pipeline.observability.faults
        faults.replace([rule(fault, at, entry, nth)])
        ended = harness.run(typed(command.words, harness))
        # How often a vault is read depends on which step is done first.
        problems = (
            []
            if faults.to_list()[0]["fired"] or entry.service == "vault"
            else ["the fault was not met"]
        )
        problems += told_wrongly(ended, command)
        faults.replace([])
        harness.inside.pipeline.observability.tokens.forget_refusals()
        if ended.code != command.code:
            if fault != FOR_GOOD and ended.code not in command.tells:
                problems.append(f"not ridden out: {ended.out}")
            again = harness.run(typed(command.words, harness))
            problems += told_wrongly(again, command)
            problems += [] if again.code == command.code else [f"again {again.code}: {again.out}"]
        problems += otherwise(harness, command, known)
        wrong += [f"{at} {label(entry)} #{nth}: {problem}" for problem in problems]
    assert not wrong, "\n".join(wrong)


# A full disk takes no document either, by which the rest of this is judged.
OF_A_PROGRAM = [name for name, command in FAILING.items() if not command.fills_disk]


@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    ("name", "fault"), sampled(list(product(OF_A_PROGRAM, FAULTS)), 2, salt="a place that fails")
)
def test_a_fault_where_a_place_for_secrets_fails_leaves_no_secret_that_counts(
    name: str, fault: str, harness: Harness, course_of: Callable[[Command], Course], tmp_path: Path
) -> None:
    command, known = FAILING[name], course_of(FAILING[name])
    for at, entry, nth in cells(command, fault, known.requests):
        harness.go_to(known.state, Path(shutil.copytree(known.home, tmp_path / f"{at}")))
        faults = harness.inside.pipeline.observability.faults
        faults.replace([rule(fault, at, entry, nth)])
        wrong = told_wrongly(harness.run(typed(command.words, harness)), command)
        faults.replace([])
        harness.inside.pipeline.observability.tokens.forget_refusals()
        where = f"{at} {label(entry)} #{nth}"
        assert not wrong, f"{where}: {wrong}"
        mended(harness, command, where)


SECONDS = 20.0
SETUP = (
    "setup", "--client", "One", "--managed-identity", MACHINE, "-y", "-o", "json", "--timeout",
    str(SECONDS)
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
        rule = {
            "nth": match.pop("nth", 1),
            "times": 9_999,
            "fault": MISFORTUNES[misfortune],
            "match": match,
        }
        warm.go_to(warm.seed, warm.home.parent / f"{misfortune} {name}")
        warm.inside.pipeline.observability.faults.replace([rule])
        ended = warm.run(SETUP)
        assert ended.code == 1, (name, ended.out)
        assert ended.document["error"]["code"] in {"deadline-passed", "throttled"}
        if ended.seconds > SECONDS + 0.1 or (misfortune == "hang" and ended.seconds < SECONDS):
            late[name] = ended.seconds
    assert late == {}


def test_a_service_that_asks_for_more_patience_than_there_is_ends_the_command_at_once(
    warm: Harness,
) -> None:
    rule = {
        "match": {"service": "Graph", "writes": True},
        "fault": {"type": "status", "status": 429, "retryAfter": 30},
    }
    warm.inside.pipeline.observability.faults.replace([rule])
    ended = warm.run([*SETUP[:-1], "29"])
    assert ended.seconds < 1
    assert (ended.code, ended.document["error"]["code"]) == (1, "throttled")
    assert "--timeout" in ended.document["error"]["remedy"]


def test_a_login_that_hangs_is_asked_again(warm: Harness) -> None:
    rule = {"match": {"service": "Entra"}, "times": 2, "fault": {"type": "hang"}}
    warm.inside.pipeline.observability.faults.replace([rule])
    assert warm.run([*SETUP[:-1], "600"]).code == 0
