"""The settings of an App Service have no ETag: what several writers do to them at once, and nobody
loses a thing.
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from mct_s2s import clock
from mct_s2s.engine.apply import settings as flow
from mct_s2s.engine.apply.plan_run import Run
from mct_s2s.engine.apply.send_changes import send_change
from mct_s2s.engine.request import Session
from mct_s2s.errors import ServiceError
from mct_s2s.inputs.user_files import SettingsFile
from mct_s2s.model.ids import ClientId
from mct_s2s.model.run_files import Backup
from mct_s2s.planning.changes import SettingsSpec, WriteSettings
from mct_s2s.sandbox.observability.exchange import Entry

from tests.conftest import SITE
from tests.engine.conftest import LIST, PUT, WHERE, Engine, Watcher, planned
from tests.planning.scenarios import guid
from tests.support.mct import APPLICATION_IDS, MCT, ROLE

MINE, THEIRS = ClientId(guid("mine")), ClientId(guid("theirs"))


def change(client_id: ClientId = MINE, spec: SettingsSpec | None = None) -> WriteSettings:
    """Put one client on the allow list."""
    spec = spec or SettingsSpec(
        MCT.rows, ((ROLE, ("S2SAppRole",)),), ((APPLICATION_IDS, client_id),)
    )
    return WriteSettings(
        key="settings", name=WHERE.label, site=WHERE.resource, spec=spec, edits=(), first=False
    )


async def write(
    session: Session,
    what: WriteSettings | None = None,
    wait: float = 0.0,
    backup: SettingsFile | None = None,
) -> float:
    """Write, and say how long it took; `wait` is for everything else."""
    what = what or change()
    began = clock.seconds()
    outcome = planned(what)
    run = Run(
        session,
        replace(outcome, request=replace(outcome.request, backup=backup)),
        Watcher(),
        send_change,
    )
    run.wait_for_everything_else = lambda change: asyncio.sleep(wait)  # type: ignore[method-assign]  # noqa: ARG005
    await send_change(what, run)
    return clock.seconds() - began


def ids(engine: Engine) -> set[str]:
    return set(filter(None, (engine.settings.get("ServiceApplicationIds") or "").split(";")))


def sets(engine: Engine, name: str, value: str) -> Callable[[], None]:
    """Somebody else changes one setting, with everything else as it is at that moment."""
    return lambda: engine.settings.update({name: value})


def test_a_listing_that_was_throttled_first_is_as_old_as_its_last_attempt(engine: Engine) -> None:
    """Taken for one that takes a minute, it would count as fresh for a minute, and a foreign edit
    be erased.
    """
    engine.misbehave(LIST, 1, status=429, retryAfter=60)

    async def main(session: Session) -> None:
        writing = asyncio.ensure_future(write(session, wait=30.0))
        await asyncio.sleep(75.0)
        sets(engine, "BannerText", "new")()
        await writing

    engine.run(main)
    assert engine.settings["BannerText"] == "new"
    assert engine.requests_to(PUT) == ["PUT appsettings"]


def test_an_edit_of_others_is_kept_while_the_write_waits_for_its_turn(engine: Engine) -> None:
    async def main(session: Session) -> None:
        async with session.arm.turn(str(WHERE.resource)):
            writing = asyncio.ensure_future(write(session))
            await asyncio.sleep(30.0)
            sets(engine, "BannerText", "new")()
        await writing

    engine.run(main)
    assert (engine.settings["BannerText"], MINE in ids(engine)) == ("new", True)


LISTING_SECONDS = 3.0


@pytest.fixture
def slow(engine: Engine) -> Engine:
    """Its listings take their time: they show what was there when they were asked for."""

    async def later(entry: Entry) -> None:
        if entry.path.endswith(LIST):
            await engine.inside.time.sleep(LISTING_SECONDS)

    engine.inside.hooks.after.append(later)
    return engine


def test_a_listing_is_not_repeated_within_the_time_that_another_one_would_take(
    slow: Engine,
) -> None:
    """What is written would be no younger for it."""
    slow.run(lambda session: write(session, wait=LISTING_SECONDS - 1.0))
    asked = slow.requests_to(LIST, PUT)
    assert asked[: asked.index("PUT appsettings")] == ["POST list"]


def test_a_rival_who_is_as_slow_as_this_run_erases_nothing(slow: Engine) -> None:
    """Who lists the settings just before they are written, writes them when their own listing has
    arrived.
    """
    site = slow.inside.state.resources.sites[SITE.lower()]

    async def rival() -> None:
        await asyncio.sleep(LISTING_SECONDS - 0.01)
        listed = dict(site.settings)
        assert MINE not in ids(slow)
        await asyncio.sleep(LISTING_SECONDS + flow.WINDOW_SECONDS / 2)
        site.settings = {**listed, "ServiceApplicationIds": THEIRS}

    async def main(session: Session) -> None:
        await asyncio.gather(write(session), rival())

    slow.run(main)
    assert ids(slow) == {MINE, THEIRS}


def test_a_throttled_write_waits_no_longer_than_it_was_asked_to(engine: Engine) -> None:
    engine.misbehave(PUT, 1, status=429, retryAfter=60)
    assert engine.run(write) < 62.0
    assert MINE in ids(engine)


def contends(engine: Engine, *, at: str) -> None:
    erase = sets(engine, "ServiceApplicationIds", THEIRS)
    number = 0

    def chatter() -> None:
        nonlocal number
        number += 1
        sets(engine, "Heartbeat", str(number))()
        if at == "each write" or (at == "last look" and number == flow.LOOKS + 1):
            erase()

    if at == "each write":
        engine.after(PUT, *[chatter] * 100)
    else:
        engine.before(LIST, None, *[chatter] * 1000)


@pytest.mark.parametrize(("at", "writes"), [("each write", flow.WRITES), ("last look", 1)])
def test_somebody_who_keeps_erasing_ours_is_named_as_the_trouble(
    at: str, writes: int, engine: Engine
) -> None:
    """Without an end, two pipelines that fight over a setting would restart the site for ever."""
    contends(engine, at=at)
    with pytest.raises(ServiceError, match=r"keeps overwriting .*contosolearn") as raised:
        engine.run(write)
    assert (raised.value.code, "what writes them" in raised.value.remedy) == (
        "settings-contended",
        True,
    )
    assert len(engine.requests_to(PUT)) == writes
    looks = sorted(
        {
            datetime.fromisoformat(entry.at)
            for entry in engine.inside.log()
            if entry.path.endswith(LIST)
        }
    )
    pauses = [after - before for before, after in pairwise(looks)]
    # Before each write again, one that grows; between looks, the first of which is on time.
    pauses = (
        [pause / number for number, pause in enumerate(pauses[::2], 1)]
        if writes > 1
        else pauses[1:]
    )
    assert max(pauses) - min(pauses) > timedelta(milliseconds=1), (
        "runs that wait for each other in step never part"
    )


def test_a_write_that_is_carried_out_seconds_later_is_waited_for_and_not_repeated(
    engine: Engine,
) -> None:
    """Some kinds of hosting accept it first: taken for erased, it would be written again
    and again.
    """
    state = engine.inside.state.resources.sites[SITE.lower()]
    before = dict(engine.settings)
    wanted: list[dict[str, str | None]] = []

    def held_back() -> None:
        wanted.append(state.settings)
        state.settings = before

    async def main(session: Session) -> None:
        writing = asyncio.ensure_future(write(session))
        await asyncio.sleep(5.0)
        (state.settings,) = wanted
        await writing

    engine.after(PUT, held_back)
    engine.run(main)
    assert (MINE in ids(engine), engine.requests_to(PUT)) == (True, ["PUT appsettings"])


def test_others_may_go_on_writing_their_settings(engine: Engine) -> None:
    """A site whose settings somebody changes all the time must not hold the command for ever."""
    contends(engine, at="no write")
    engine.run(write)
    assert (MINE in ids(engine), len(engine.requests_to(PUT))) == (True, 1)


def test_the_settings_are_kept_as_they_were_before_the_first_write_only(
    engine: Engine, tmp_path: Path
) -> None:
    """A backup that is taken at the second merge holds what we wrote ourselves."""
    before = dict(engine.settings)
    backup = SettingsFile(tmp_path / "backup.json", Backup)
    engine.before(LIST, None, sets(engine, "BannerText", "new"))
    engine.after(PUT, sets(engine, "ServiceApplicationIds", THEIRS))
    engine.run(lambda session: write(session, wait=30.0, backup=backup))
    assert json.loads(backup.path.read_text())["settings"] == {**before, "BannerText": "new"}


def test_whoever_is_shut_out_stays_out_although_somebody_writes_their_id_back(
    engine: Engine,
) -> None:
    back = sets(engine, "ServiceApplicationIds", f"{MINE};{THEIRS}")
    back()
    engine.after(PUT, back)
    engine.run(
        lambda session: write(
            session, change(spec=SettingsSpec(MCT.rows, without=frozenset({MINE}), tidy=False))
        )
    )
    assert ids(engine) == {THEIRS}
