"""The settings of an App Service have no ETag: what several writers do to them at once, and nobody loses a thing."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping

import pytest
from mct_s2s.engine.apply import settings as flow
from mct_s2s.engine.apply.settings import Written, write_settings
from mct_s2s.errors import ServiceError
from mct_s2s.model.ids import ClientId
from mct_s2s.planning.changes import SettingSpec, SettingsSpec, WriteSettings
from mct_s2s.planning.plan import Results

from tests.engine.memory import MemorySites, MemoryState, elapsed_since, failing, lost, memory_state, run
from tests.planning.scenarios import FOREIGN, guid, site

SITE = site()
MINE, THEIRS = ClientId(guid("mine")), ClientId(guid("theirs"))


def change(client_id: ClientId = MINE, spec: SettingsSpec | None = None) -> WriteSettings:
    """Put one client on the allow list."""
    spec = spec or SettingsSpec(
        (SettingSpec("ServiceAuthRole", "S2SAppRole"),), (("ServiceApplicationIds", client_id),)
    )
    return WriteSettings(
        key="settings",
        name=SITE.label,
        site=SITE,
        spec=spec,
        changed=("ServiceApplicationIds", "ServiceAuthRole"),
    )


async def at_once() -> None:
    """Nothing else has to be done first."""


class Told:
    """What a run is told while it writes."""

    def __init__(self) -> None:
        self.written: list[tuple[bool, int]] = []
        self.kept: list[dict[str, str | None]] = []


async def write(
    here: MemoryState, what: WriteSettings | None = None, told: Told | None = None, wait: float = 0.0
) -> Written:
    told = told or Told()

    async def everything_else() -> None:
        await asyncio.sleep(wait)

    def written(did: bool) -> None:
        told.written.append((did, here.calls.count("settings contosolearn")))

    def keep(settings: Mapping[str, str | None]) -> None:
        told.kept.append(dict(settings))

    return await write_settings(MemorySites(here), what or change(), Results(), everything_else, written, keep)


def settings(here: MemoryState) -> dict[str, str | None]:
    return here.site_state(SITE.resource).settings


def ids(here: MemoryState) -> set[str]:
    return set(filter(None, (settings(here).get("ServiceApplicationIds") or "").split(";")))


def sets(here: MemoryState, name: str, value: str | None) -> Callable[[], None]:
    """Somebody else changes one setting, with everything else as it is at that moment."""

    def act() -> None:
        here.site_state(SITE.resource).settings = {**settings(here), name: value}

    return act


def test_a_listing_that_was_throttled_first_is_as_old_as_its_last_attempt() -> None:
    """Taken for one that takes a minute, it would count as fresh for a minute, and a foreign edit be erased."""
    here = memory_state()
    here.throttled["settings"] = [60.0]

    async def main() -> None:
        writing = asyncio.ensure_future(write(here, wait=30.0))
        await asyncio.sleep(75.0)
        sets(here, "BannerText", "new")()
        await writing

    run(main())
    assert settings(here)["BannerText"] == "new"
    assert len(here.writes) == 1


def test_a_throttled_write_waits_no_longer_than_it_was_asked_to() -> None:
    here = memory_state()
    here.throttled["write_settings"] = [60.0]

    async def main() -> float:
        began = asyncio.get_running_loop().time()
        await write(here)
        return elapsed_since(began)

    assert run(main()) < 61.0
    assert MINE in ids(here)


def test_a_write_whose_answer_was_lost_costs_one_look_more() -> None:
    here = memory_state()
    here.after("write_settings", failing(lost()))

    async def main() -> float:
        began = asyncio.get_running_loop().time()
        await write(here)
        return elapsed_since(began)

    assert run(main()) < 1.0
    assert here.calls.count("settings contosolearn") == 3


def test_ours_erased_at_the_very_last_look_is_no_success() -> None:
    """Others write at every look, and the last of them erases ours."""
    here, number = memory_state(), 0

    def chatter() -> None:
        nonlocal number
        number += 1
        sets(here, "Heartbeat", str(number))()
        if number == flow.LOOKS + 1:
            sets(here, "ServiceApplicationIds", THEIRS)()

    here.before("settings", None, *[chatter] * 1000)
    with pytest.raises(ServiceError, match="keeps overwriting"):
        run(write(here))


def test_a_slow_writer_who_listed_before_us_does_not_have_the_last_word() -> None:
    """Its reading and its writing lie as far apart as ours do; we look once more when that time has gone by."""
    here = memory_state()
    here.latency = 1.0

    async def slow() -> None:
        listed = dict(settings(here))
        await asyncio.sleep(3.0)
        here.site_state(SITE.resource).settings = {**listed, "ServiceApplicationIds": THEIRS}

    async def main() -> None:
        listing = asyncio.ensure_future(slow())
        await write(here)
        await listing

    run(main())
    assert ids(here) == {MINE, THEIRS}


@pytest.mark.parametrize("runs", [2, 3, 5])
@pytest.mark.parametrize("seed", range(8))
def test_runs_that_write_at_the_same_moment_come_to_agree(runs: int, seed: int) -> None:
    """Each erases what the others wrote between its own listing and its own write; ids are a set: all end up in it."""
    here = memory_state()
    here.latency = 0.2
    wanted = {ClientId(guid(f"client {number}")) for number in range(runs)}

    async def one(number: int, client_id: ClientId) -> Written:
        await asyncio.sleep(delays[number])
        return await write(here, change(client_id))

    async def main() -> list[Written]:
        return await asyncio.gather(*(one(number, client) for number, client in enumerate(sorted(wanted))))

    random.seed(seed)  # the runs' own jitter
    delays = [random.uniform(0, 0.8) for _ in range(runs)]
    run(main())
    assert ids(here) == wanted
    assert {name: settings(here)[name] for name in FOREIGN} == FOREIGN
    assert len(here.writes) <= runs * flow.WRITES


def test_somebody_who_keeps_erasing_ours_is_named_as_the_trouble() -> None:
    """Without an end, two pipelines that fight over a setting would restart the site for ever."""
    here = memory_state()
    here.after("write_settings", *[sets(here, "ServiceApplicationIds", THEIRS)] * 100)
    with pytest.raises(ServiceError) as raised:
        run(write(here))
    assert raised.value.code == "settings-contended"
    assert "contosolearn" in raised.value.message
    assert "what writes them" in raised.value.remedy
    assert len(here.writes) == flow.WRITES


def test_others_may_go_on_writing_what_is_theirs() -> None:
    """A site whose settings somebody changes all the time must not hold the command for ever."""
    here, number = memory_state(), 0

    def chatter() -> None:
        nonlocal number
        number += 1
        sets(here, "Heartbeat", str(number))()

    here.before("settings", *[chatter] * 1000)
    run(write(here))
    assert MINE in ids(here)
    assert len(here.writes) == 1
    assert number < 100


@pytest.mark.parametrize("seconds", [0.3, 2.0, 5.0])
def test_a_write_that_is_carried_out_later_is_waited_for_and_not_repeated(seconds: float) -> None:
    """Some kinds of hosting accept the write first (202): taken for erased, it would be written again and again."""
    here = memory_state()
    here.carried_out_after = seconds
    run(write(here))
    assert MINE in ids(here)
    assert here.writes == ["write_settings contosolearn"]


def test_a_write_that_never_comes_to_anything_ends() -> None:
    here = memory_state()
    here.carried_out_after = 1e6

    async def main() -> float:
        began = asyncio.get_running_loop().time()
        with pytest.raises(ServiceError, match="keeps overwriting"):
            await write(here)
        return elapsed_since(began)

    assert run(main()) < 300
    assert len(here.writes) == flow.WRITES


def test_the_restart_need_not_wait_for_the_reading_back() -> None:
    """It is a round trip and a settling time earlier; and there is one of it however often the settings are merged."""
    here, told = memory_state(), Told()
    here.after("write_settings", sets(here, "ServiceApplicationIds", THEIRS))
    run(write(here, told=told))
    assert told.written == [(True, 1)], "after the first listing, and before any other"
    assert len(here.writes) == 2


def test_the_settings_are_kept_as_they_were_before_the_first_write_only() -> None:
    """A backup that is taken at the second merge holds what we wrote ourselves."""
    here, told = memory_state(), Told()
    here.before("settings", None, sets(here, "BannerText", "new"))
    here.after("write_settings", sets(here, "ServiceApplicationIds", THEIRS))
    run(write(here, told=told, wait=30.0))
    assert told.kept == [{**FOREIGN, "BannerText": "new"}]


def test_nothing_is_written_when_the_settings_cannot_be_kept() -> None:
    here = memory_state()

    def disk_is_full(settings: Mapping[str, str | None]) -> None:
        raise OSError("disk is full")

    with pytest.raises(OSError, match="disk"):
        run(write_settings(MemorySites(here), change(), Results(), at_once, lambda _: None, disk_is_full))
    assert here.writes == []


def test_whoever_is_shut_out_stays_out_although_somebody_writes_their_id_back() -> None:
    here = memory_state(settings={**FOREIGN, "ServiceApplicationIds": f"{MINE};{THEIRS}"})
    here.after("write_settings", sets(here, "ServiceApplicationIds", f"{MINE};{THEIRS}"))
    run(write(here, change(spec=SettingsSpec(without=frozenset({MINE}), tidy=False))))
    assert ids(here) == {THEIRS}


def test_a_quiet_site_costs_one_look_and_a_moment() -> None:
    """Where nobody else writes, there is the listing, the write, the reading back and one last look."""
    here = memory_state()
    here.latency = 0.1

    async def main() -> float:
        began = asyncio.get_running_loop().time()
        await write(here)
        return elapsed_since(began)

    seconds = run(main())
    assert here.calls == ["settings contosolearn", "write_settings contosolearn", *["settings contosolearn"] * 2]
    assert seconds <= 4 * 0.1 + flow.WINDOW_SECONDS + 0.01
