"""Whoever watches is told what runs, what it waits for and what is done, in an order that is true."""

from __future__ import annotations

from dataclasses import dataclass, field

from mct_s2s.activity import Activity, Wait, watched_by
from mct_s2s.engine.change import run_change
from mct_s2s.errors import S2SError
from mct_s2s.planning.changes import AnyChange

from tests.engine.memory import Agreeing, MemoryState, Watcher, failing, lost, memory_state, request, run, session
from tests.engine.test_settings import THEIRS, sets
from tests.planning.scenarios import spec


@dataclass
class Told:
    """One list of everything, in its order."""

    lines: list[str] = field(default_factory=list)

    def begin(self, text: str, within: Activity | None) -> Activity:
        del within
        self.lines.append(text)
        return Heard(self, text)

    def end(self, activity: Activity) -> None:
        assert isinstance(activity, Heard)
        self.lines.append(f"end of {activity.name}")

    def throttled(self, service: str, seconds: float) -> None:
        self.lines.append(f"{service} {seconds:g}")


@dataclass
class Heard:
    """What runs."""

    told: Told
    name: str

    def waits(self, wait: Wait) -> None:
        self.told.lines.append(f"{self.name}: {wait.reason}")

    def goes_on(self, wait: Wait) -> None:
        self.told.lines.append(f"{self.name} no longer: {wait.reason}")


@dataclass
class Steps(Watcher):
    """The steps of the plan, in the same list."""

    everything: Told = field(default_factory=Told)

    def started(self, change: AnyChange) -> Activity:
        return Heard(self.everything, change.key)

    def finished(self, change: AnyChange, detail: str) -> None:
        self.everything.lines.append(f"done {change.key}: {detail}")

    def failed(self, change: AnyChange, error: S2SError) -> None:
        self.everything.lines.append(f"failed {change.key}: {error.code}")


def told(here: MemoryState, steps: Steps | None = None) -> list[str]:
    """What a setup of everything tells."""
    steps = steps or Steps()

    async def main() -> None:
        await run_change(session(here), request(here, spec("Import")), Agreeing(watcher=steps))

    with watched_by(steps.everything):
        run(main())
    return steps.everything.lines


def test_the_settings_say_that_they_wait_for_the_other_steps() -> None:
    lines = told(memory_state())
    waits = lines.index("settings: waiting for the other steps")
    assert waits < lines.index("settings no longer: waiting for the other steps")


def test_a_merge_with_changes_by_someone_else_is_told_with_its_reason() -> None:
    here = memory_state()
    others = sets(here, "ServiceApplicationIds", THEIRS)  # at the second look after the write: it has been read back
    here.after("write_settings", lambda: here.before("settings", None, others))
    lines = told(here)
    done = [line for line in lines if line.startswith("done settings")]
    watching = "Watching contosolearn for other writers of its settings"
    assert f"{watching}: merging with changes by someone else" in lines
    assert len(done) == 2, "what has come of it is told again"
    assert "merged 2 times" in done[1]


def test_a_secret_whose_answer_was_lost_is_looked_for_aloud() -> None:
    here = memory_state()
    here.before("add_secret", failing(lost(status=503)))
    assert any("looking for the secret whose response was lost" in line for line in told(here))
