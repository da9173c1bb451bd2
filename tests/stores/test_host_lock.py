"""The lock of this machine, and what a run learns by it about the run before."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from mct_s2s.stores.host_lock import hold

SITE = "/subscriptions/x/resourceGroups/g/providers/Microsoft.Web/sites/contosolearn"
HOLDER = f"""
import asyncio, time
from mct_s2s.stores.host_lock import hold

async def main():
    async with hold({SITE!r}, time.time()):
        print("held", flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))


def held_meanwhile(since: float) -> bool:
    async def main() -> bool:
        async with hold(SITE, since) as meanwhile:
            return meanwhile

    return asyncio.run(main())


def test_only_a_run_that_ended_after_the_reading_makes_it_stale() -> None:
    assert not held_meanwhile(time.time())
    assert held_meanwhile(time.time() - 60)
    assert not held_meanwhile(time.time() + 60)


@pytest.mark.skipif(sys.platform == "win32", reason="kills by a signal")
def test_a_run_that_was_killed_while_it_held_the_lock_makes_a_reading_stale_once() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER], stdout=subprocess.PIPE, env=dict(os.environ)
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        read_at = time.time()  # while the other run holds it, and may write
        holder.send_signal(signal.SIGKILL)
    assert held_meanwhile(read_at)
    assert not held_meanwhile(time.time() + 60), "its mark is gone"
