"""What scripts/bench runs and prints: whole processes, in turns, each first setup in a world as new.

Usage: bench_runs.py WORK ROUNDS, with a sandbox in the environment and somebody signed in to the Azure CLI.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from contract_checks import keep_world, restore_world, sandbox

HERE = Path(__file__).parent
LATENCIES = (0.0, 0.1)
SETUP = ("mct-s2s", "setup", "--client", "S2S client", "--managed-identity", "reports-func", "-y", "--no-verify")
Times = dict[str, dict[str, list[float]]]
"""Seconds of each run, by contender and by what was done."""


def run(work: Path, command: Sequence[str]) -> float:
    """Seconds that one process takes from start to end."""
    out = Path(work, f"run-{time.monotonic_ns()}")
    out.mkdir()
    own = ["--secret-to", f"file:{out}/client.env"] if "setup" in command and command[0] == "mct-s2s" else []
    began = time.perf_counter()
    done = subprocess.run(
        [*command, *own], env={**os.environ, "out": str(out)}, capture_output=True, text=True, check=False
    )
    took = time.perf_counter() - began
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr}")
    return took


def contenders() -> dict[str, dict[str, Sequence[str]]]:
    """Who takes part, and their commands in the order in which they run."""
    ours: dict[str, Sequence[str]] = {"setup": SETUP, "setup again": SETUP, "status": ("mct-s2s", "status")}
    theirs: dict[str, dict[str, Sequence[str]]] = {
        f"az, {name}": {"setup": (path, "setup"), "status": (path, "check")}
        for name in ("expert", "tutorial")
        for path in [str(HERE / "bench.d" / f"az-{name}")]
    }
    return {
        "mct-s2s": ours,
        "mct-s2s --auth cli": {what: (*command, "--auth", "cli") for what, command in ours.items()},
        **theirs,
    }


def rounds(work: Path, count: int, latency: float) -> Times:
    """All contenders, one after the other, several times."""
    world = str(work / "world.json")
    times: Times = {name: {} for name in contenders()}
    for _ in range(count):
        for name, commands in contenders().items():
            restore_world(world)
            if latency:
                sandbox("PATCH", "knobs", json.dumps({"latencySeconds": latency}).encode())
            for what, command in commands.items():
                times[name].setdefault(what, []).append(run(work, command))
    return times


def show(times: Times) -> None:
    """Seconds and, for the others, how many times as long as `mct-s2s` they are."""
    columns = list(times["mct-s2s"])
    print(f"{'':<20}" + "".join(f"{column:>20}" for column in columns))
    for name, runs in times.items():
        cells = [_cell(runs.get(column), times["mct-s2s"][column]) for column in columns]
        print(f"{name:<20}" + "".join(f"{cell:>20}" for cell in cells))


def _cell(runs: list[float] | None, ours: list[float]) -> str:
    if runs is None:
        return "-"
    ratio = "" if runs is ours else f"{median(runs) / median(ours):.1f} x"
    return f"{median(runs):.2f} s {ratio:>7}"


def main() -> int:
    """Exit code: 0 if everything ran."""
    work, count = Path(sys.argv[1]), int(sys.argv[2])
    keep_world(str(work / "world.json"))
    for latency in LATENCIES:
        try:
            if latency:
                sandbox("PATCH", "knobs", json.dumps({"latencySeconds": latency}).encode())
        except urllib.error.HTTPError:
            print("\nThis sandbox has no latency to set.")
            break
        print(f"\n{latency * 1000:.0f} ms for each request, whole processes, median of {count}:")
        show(rounds(work, count, latency))
    return 0


if __name__ == "__main__":
    sys.exit(main())
