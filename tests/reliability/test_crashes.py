"""Killed at any write of any command, at three moments of it: the same command ends where one clean
run ends.

A removal that is cut off at any write leaves nothing that the next `setup` takes for a working
secret.
"""

import asyncio
import os
import random
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pytest
from mct_s2s.model.client_credentials import attempt_tag
from mct_s2s.model.ids import Tag
from mct_s2s.sandbox.observability.exchange import Cut, Entry, may_write

from tests.conftest import JSON
from tests.reliability.commands import (
    FAILING,
    KILLED,
    VAULT,
    Command,
    Course,
    mended,
    otherwise,
    typed,
)
from tests.reliability.harness import Harness, label, secrets_of
from tests.support.inprocess import Ended
from tests.support.sampling import sampled

MOMENTS = ("before", "after", "answered")
Shot = tuple[str, str, signal.Signals]


@dataclass
class Marksman:
    """Sends a signal to the program at one moment of one of its requests.

    Moments: `before` it takes effect; `after` it did, with the answer lost; `answered`, when the
    answer has arrived.
    """

    harness: Harness
    target: str
    moment: str
    signal: signal.Signals
    process: subprocess.Popen[str] | None = None
    shot: bool = False

    def __post_init__(self) -> None:
        self._seen: Counter[str] = Counter()
        self._marked: set[int] = set()
        self.harness.inside.hooks.before.append(self._before)
        self.harness.inside.hooks.after.append(self._after)

    async def _before(self, entry: Entry) -> None:
        if not may_write(entry.service, entry.method, entry.path):
            return
        self._seen[label(entry)] += 1
        if f"{label(entry)} {self._seen[label(entry)]}" == self.target and not self.shot:
            self._marked.add(entry.number)
            if self.moment == "before":
                await self._shoot()

    async def _after(self, entry: Entry) -> None:
        if entry.number not in self._marked:
            return
        if self.moment == "after":
            await self._shoot()
        else:
            # The answer leaves in the next moment; a little later it has arrived, and been read or
            # not.
            delay = random.Random(self.target).uniform(0.004, 0.03)
            asyncio.get_running_loop().call_later(delay, self._send)

    async def _shoot(self) -> None:
        self._send()
        if self.signal is signal.SIGKILL:
            raise Cut("reset")
        await asyncio.sleep(0.05)

    def _send(self) -> None:
        assert self.process is not None
        os.kill(self.process.pid, self.signal)
        self.shot = True


def writes(known: Course) -> list[str]:
    """Each write of a course, by what it is and which of its kind it is."""
    seen: Counter[str] = Counter()
    places = []
    for entry in known.requests:
        if may_write(entry.service, entry.method, entry.path):
            seen[label(entry)] += 1
            # A refused request has written nothing: it only tried whether one may write to a vault.
            if entry.status < 400:
                places.append(f"{label(entry)} {seen[label(entry)]}")
    return places


def stopped(
    harness: Harness,
    words: Sequence[str],
    shot: Shot,
    *,
    may_miss: bool = False,
    fills_disk: bool = False,
) -> Ended:
    """What is left of a run that is shot at."""
    marksman = Marksman(harness, *shot)
    marksman.process = harness.process(words, fills_disk=fills_disk)
    ended = harness.ended(marksman.process)
    assert marksman.shot or (may_miss and ended.code == 0), (shot, ended)
    harness.inside.leave_alone()
    return ended


def is_repeated_patch(write: str) -> bool:
    """Whether a write may be missing in another run: changes of one object that cross are repeated,
    and which do is a matter of time.
    """
    name, _, number = write.rpartition(" ")
    return name.startswith("graph PATCH ") and int(number) > 1


def whole(harness: Harness, command: Command, known: Course) -> None:
    """Run the same command again; it must end where one clean run ends, and then has
    nothing to do.
    """
    again = harness.run(typed(command.words, harness))
    assert again.code == command.code, again.out + again.err
    assert otherwise(harness, command, known) == []
    assert command.leaves or harness.calls() == known.calls
    if command.words[0] != "rotate-secret":
        harness.inside.pipeline.observability.log.clear()
        assert harness.run(typed(command.words, harness)).code in {0, command.code}
        assert not any(entry.wrote for entry in harness.inside.log())


PARTS = sampled(
    [(name, part) for name, command in KILLED.items() for part in range(command.kills)],
    7,
    salt="killed",
)


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("name", "part"), PARTS, ids=str)
def test_a_run_killed_at_any_write_is_completed_by_the_next(
    name: str, part: int, harness: Harness, course_of: Callable[[Command], Course], tmp_path: Path
) -> None:
    """A sample has some of the commands, each at one write; with `--all`, each write meets each
    moment.
    """
    command = KILLED[name]
    known = course_of(KILLED[name])
    shots = sampled(list(product(writes(known), MOMENTS)), command.kills, salt=name)[
        part :: command.kills
    ]
    last = writes(known)[-2:]
    for at, (write, moment) in enumerate(shots):
        harness.go_to(known.state, Path(shutil.copytree(known.home, tmp_path / f"{at}")))
        harness.caller = known.caller
        shot = (write, moment, signal.SIGKILL)
        may_miss = is_repeated_patch(write)
        killed = stopped(harness, typed(command.words, harness), shot, may_miss=may_miss)
        # With the answers to its last writes, a run may be over before the signal comes.
        may_be_over = may_miss or (moment == "answered" and write in last)
        assert killed.code == -signal.SIGKILL or (killed.code == 0 and may_be_over), shot
        try:
            whole(harness, command, known)
        except AssertionError as error:
            raise AssertionError(f"{moment} {write}: {error}") from error


def test_a_secret_that_was_never_handed_over_is_removed_although_its_tag_is_gone(
    harness: Harness, course_of: Callable[[Command], Course], tmp_path: Path
) -> None:
    """A run that no replica had shown the tag has written its own tags over it."""
    command = KILLED["setup --secret-to exec"]
    known = course_of(KILLED["setup --secret-to exec"])
    harness.go_to(known.state, Path(shutil.copytree(known.home, tmp_path / "killed")))
    (making,) = (write for write in writes(known) if "addPassword" in write)
    stopped(harness, typed(command.words, harness), (making, "after", signal.SIGKILL))
    (client,) = harness.inside.azure.applications("One")
    others = [tag for tag in client["tags"] if not tag.startswith(Tag.ATTEMPT)]
    assert others != client["tags"]
    harness.inside.azure.graph("PATCH", f"/applications/{client['id']}", json={"tags": others})
    whole(harness, command, known)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", sampled([*FAILING], 2, salt="a place that fails"))
def test_a_run_stopped_where_its_place_for_secrets_fails_leaves_no_secret(
    name: str, harness: Harness, course_of: Callable[[Command], Course], tmp_path: Path
) -> None:
    """An interrupted one removes it. Where a killed one is cut off, it is gone after a run whose
    place works.
    """
    command, known = FAILING[name], course_of(FAILING[name])
    kills = product(writes(known), MOMENTS, [signal.SIGKILL])
    interruptions = product(writes(known), ("before", "after"), [signal.SIGINT, signal.SIGTERM])
    shots = [
        *sampled(list(kills), 1, salt=f"{name} that fails"),
        *sampled(list(interruptions), 0, of_all=8, salt=f"{name} that fails, interrupted"),
    ]
    last = writes(known)[-1]
    for at, (write, moment, how) in enumerate(shots):
        harness.go_to(known.state, Path(shutil.copytree(known.home, tmp_path / f"{at}")))
        words = typed(command.words, harness)
        ended = stopped(harness, words, (write, moment, how), fills_disk=command.fills_disk)
        where = f"{how.name} {moment} {write}"
        if how is signal.SIGKILL:
            # With the answer to its last write, a run may be over before the signal comes.
            may_be_over = moment == "answered" and write == last
            assert ended.code == -how or (ended.code == 1 and may_be_over), ended
        else:
            # The place may have failed before.
            assert ended.code in {128 + how, 1}, ended
            assert unheld(harness, command) == [], f"{where}: {ended}"
        mended(harness, command, where)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM], ids=lambda how: how.name)
def test_an_interruption_while_a_secret_is_made_leaves_none_that_no_one_has(
    how: signal.Signals, harness: Harness, course_of: Callable[[Command], Course], tmp_path: Path
) -> None:
    """The text of a secret is in that one answer."""
    command, known = KILLED["setup"], course_of(KILLED["setup"])
    harness.go_to(known.state, tmp_path)
    making = next(write for write in writes(known) if "addPassword" in write)
    ended = stopped(harness, typed(command.words, harness), (making, "after", how))
    assert (ended.code, unheld(harness, command)) == (128 + how, []), ended
    assert "Removed again: the secret of " in ended.err
    whole(harness, command, known)


def unheld(harness: Harness, command: Command) -> list[str]:
    """The secrets that no one has."""
    state = harness.state
    held = harness.kept(state)
    return [
        key for client in command.clients for key in secrets_of(state, client) if key not in held
    ]


def test_a_run_interrupted_at_a_write_says_what_is_not_done_and_how_to_resume(
    harness: Harness, course_of: Callable[[Command], Course], tmp_path: Path
) -> None:
    command = KILLED["setup"]
    known = course_of(KILLED["setup"])
    shots = list(product(writes(known), ("before", "after"), (signal.SIGINT, signal.SIGTERM)))
    for at, shot in enumerate(sampled(shots, 1, of_all=8, salt="interrupted")):
        harness.go_to(known.state, tmp_path / f"{at}")
        ended = stopped(harness, command.words[:-2], shot)
        assert ended.code == 128 + shot[-1], ended.err
        words = ended.err.partition("Interrupted.")[2]
        assert "Not done: " in words or "May have happened: " in words, ended.err
        assert "Run the same command again to resume" in words
        assert "Traceback" not in ended.err
        assert "secret" not in ended.out.lower()
        whole(harness, command, known)


INTERRUPTED = (
    "setup --secret-to exec", "setup --secret-to show", "add-client --secret-to exec",
    "add-client --secret-to show", "rotate-secret",
    "rotate-secret --secret-to exec", "rotate-secret --secret-to show", "apply",
)  # fmt: skip


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", sampled(INTERRUPTED, 2, salt="interrupted commands"))
def test_a_document_accounts_for_an_interruption(
    name: str, harness: Harness, course_of: Callable[[Command], Course], tmp_path: Path
) -> None:
    command = KILLED[name]
    known = course_of(KILLED[name])
    shots = list(product(writes(known), ("before", "after"), (signal.SIGINT, signal.SIGTERM)))
    for at, shot in enumerate(sampled(shots, 1, of_all=12, salt=f"interrupted {name}")):
        harness.go_to(known.state, Path(shutil.copytree(known.home, tmp_path / f"{at}")))
        ended = stopped(harness, typed(command.words, harness), shot)
        assert ended.code == 128 + shot[-1], (shot, ended)
        reports = (
            [site["error"] or site["result"] for site in ended.document["sites"]]
            if command.file
            else [ended.document]
        )
        (report,) = reports
        # Then what ends it is told beside it.
        is_out = "show" in command.words and "error" not in report and "Interrupted." in ended.err
        assert is_out or report["error"]["code"] == "interrupted"
        assert is_out or report["done"] or report["inDoubt"] or report["notDone"], ended.out
        if "show" in command.words:
            wrong = wrongly_shown(ended, harness, command, known)
            assert not wrong, (shot, wrong, ended)
        try:
            whole(harness, command, known)
        except AssertionError as error:
            raise AssertionError(f"{shot}: {error}") from error


def wrongly_shown(told: Ended, harness: Harness, command: Command, known: Course) -> list[str]:
    """What is wrong with the secrets of a document: each that it shows is there and counts, and
    no other one was made.
    """
    state = harness.state
    clients = [
        row for row in state["directory"]["applications"] if row["displayName"] in command.clients
    ]
    before = {key for client in command.clients for key in secrets_of(known.state, client)}
    new = {
        secret["keyId"]: secret["displayName"]
        for row in clients
        for secret in row["passwordCredentials"]
        if secret["keyId"] not in before
    }
    shown = new.keys() & set(harness.given(state))
    tags = {tag for row in clients for tag in row["tags"]}
    wrong = [f"there, and not shown: {key}" for key in new.keys() - shown]
    wrong += [f"counts for nothing: {key}" for key in shown if attempt_tag(new[key]) in tags]
    is_each_there = sum(bool(made.get("secret")) for made in told.made) == len(shown)
    return wrong if is_each_there else [*wrong, f"shown, and not there: {told.made}"]


@pytest.mark.skipif(sys.platform != "linux", reason="where an open file's name can be asked")
def test_a_power_cut_loses_no_secret(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    """The note is on disk before the secret is made, and the secret before anything is changed that
    rests on it.
    """
    order: list[str] = []

    def confirmed(descriptor: int) -> None:
        name = Path(f"/proc/self/fd/{descriptor}").readlink().name
        order.append("note" if ".pending." in name else "secret" if ".env." in name else "folder")

    async def asked(entry: Entry) -> None:
        if entry.path.endswith(("/addPassword", "/config/appsettings")):
            order.append(entry.path.rpartition("/")[2])

    harness.inside.hooks.before.append(asked)
    monkeypatch.setattr(os, "fsync", confirmed)
    ended = harness.run(("setup", "--client", "One", "-y", "-o", "json"))
    assert ended.code == 0, ended.out
    assert order == ["note", "folder", "addPassword", "secret", "folder", "appsettings"]


STORES: dict[str, tuple[str, ...]] = {"file": (), "key vault": ("--secret-to", VAULT)}


@pytest.mark.timeout(400)
@pytest.mark.parametrize("place", STORES.values(), ids=STORES.keys())
def test_setup_after_a_cut_removal_ends_with_a_working_secret(
    place: tuple[str, ...], harness: Harness, tmp_path: Path
) -> None:
    setup, remove = (
        ("setup", "--client", "One", *place, *JSON),
        ("remove-client", "One", *JSON),
    )
    harness.home = tmp_path / "before"
    harness.home.mkdir()
    assert harness.run(setup).code == 0
    state, home = harness.state, harness.home
    harness.go_to(state, Path(shutil.copytree(home, tmp_path / "clean")))
    assert harness.run(remove).code == 0
    course = harness.inside.log()
    wrong = []
    for at in sampled([at for at, entry in enumerate(course) if entry.wrote], 2, salt=f"{place}"):
        harness.go_to(state, Path(shutil.copytree(home, tmp_path / f"{at}")))
        observability = harness.inside.pipeline.observability
        observability.faults.replace([{"nth": at + 2, "times": 9_999, "fault": {"type": "reset"}}])
        harness.run(remove)
        observability.faults.replace([])
        observability.tokens.forget_refusals()
        began = harness.inside.state.clock.now()
        again = harness.run(setup)
        waited = (harness.inside.state.clock.now() - began).total_seconds()
        where = f"cut after {label(course[at])}"
        checks = (again.document.get("verification") or {}).get("checks", ())
        called = [check["ok"] for check in checks if check["check"] == "call"]
        if again.code or called != [True] or waited > 60:
            wrong.append(
                f"{where}: exit code {again.code}, calls {called}, {waited} s, {again.err}"
            )
        wrong += [f"{where}: {orphan}" for orphan in harness.orphans("One") if not place]
        second = harness.run(setup)
        if second.code or any(change["action"] != "none" for change in second.document["changes"]):
            wrong.append(f"{where}: changed again {second.out}")
    assert not wrong, "\n".join(wrong)
