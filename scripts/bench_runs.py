"""What scripts/bench runs and prints: whole processes, in turns, each first setup in a state as new.

Usage: bench_runs.py WORK ROUNDS [--write], with a sandbox in the environment and somebody signed in to the Azure CLI.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

from bench_fleet import fleet_section
from bench_report import Times, chart, page, table
from bench_start import start_table, start_times
from contract_checks import keep_state, restore_state, sandbox
from mct_s2s.sandbox.state import seed

HERE = Path(__file__).parent
DOCS = HERE.parent / "docs"
LATENCIES = (0.0, 0.05, 0.1, 0.2)
CLIENTS = (1, 10, 50, 200)
CLIENT_LATENCY = 0.1
"""Seconds for each request where the number of clients varies: a usual round trip to Graph and Resource Manager."""
PATIENCE = {"az, expert": 50, "az, tutorial": 50}
"""With more clients than this, an Azure CLI script takes many minutes: it is left out."""
FUNCTION_APP = f"{seed.SUBSCRIPTION}/resourceGroups/integrations/providers/Microsoft.Web/sites/reports-func"
"""As the Azure CLI's scripts name it: by a bare name, `mct-s2s` would look for it first, and they could not."""
SETUP = ("mct-s2s", "setup", "--client", "S2S client", "--managed-identity", FUNCTION_APP, "-y", "--no-verify")


def run(work: Path, command: Sequence[str]) -> float:
    """Seconds that one process takes from start to end."""
    out = Path(work, f"run-{time.monotonic_ns()}")
    out.mkdir()
    makes_one = command[:2] in (("mct-s2s", "setup"), ("mct-s2s", "add-client"))
    own = ["--secret-to", f"file:{out}/"] if makes_one else []
    began = time.perf_counter()
    done = subprocess.run(
        [*command, *own], env={**os.environ, "out": str(out)}, capture_output=True, text=True, check=False
    )
    took = time.perf_counter() - began
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr}")
    return took


def az(name: str) -> str:
    """One of the scripts that do the same with the Azure CLI."""
    return str(HERE / "bench.d" / f"az-{name}")


def contenders() -> dict[str, dict[str, Sequence[str]]]:
    """Who takes part, and their commands in the order in which they run."""
    ours: dict[str, Sequence[str]] = {"setup": SETUP, "setup again": SETUP, "status": ("mct-s2s", "status")}
    theirs: dict[str, dict[str, Sequence[str]]] = {
        f"az, {name}": {"setup": (az(name), "setup"), "status": (az(name), "check")} for name in ("expert", "tutorial")
    }
    cli: dict[str, Sequence[str]] = {what: (*command, "--auth", "cli") for what, command in ours.items()}
    return {"mct-s2s": ours, "mct-s2s --auth cli": cli, **theirs}


def set_latency(seconds: float) -> None:
    """How long each request takes from now on."""
    sandbox("PATCH", "knobs", json.dumps({"latencySeconds": seconds}).encode())


def over_latency(work: Path, state: str, rounds: int, latency: float) -> Times:
    """All contenders, one after the other, several times; each from a state as new."""
    times: Times = {name: {} for name in contenders()}
    for _ in range(rounds):
        for name, commands in contenders().items():
            restore_state(state)
            set_latency(latency)
            for what, command in commands.items():
                times[name].setdefault(what, []).append(run(work, command))
    return times


def over_clients(work: Path, state: str, rounds: int, count: int) -> Times:
    """The same for so many more clients in a state that is set up; the Azure CLI's scripts once."""
    file = work / "clients.txt"
    file.write_text("".join(f"Client {number}\n" for number in range(count)), encoding="utf-8")
    commands: Mapping[str, Sequence[str]] = {
        "mct-s2s": ("mct-s2s", "add-client", "--from", str(file), "-y", "--no-verify"),
        **{f"az, {name}": (az(name), "clients", str(file)) for name in ("expert", "tutorial")},
    }
    what, times = f"{count} clients", Times()
    for number in range(rounds):
        for name, command in commands.items():
            if name in PATIENCE and (number or count > PATIENCE[name]):
                continue
            restore_state(state)
            set_latency(CLIENT_LATENCY)
            times.setdefault(name, {}).setdefault(what, []).append(run(work, command))
    return times


def main() -> int:
    """Exit code: 0 if everything ran."""
    work, rounds = Path(sys.argv[1]), int(sys.argv[2])
    new, set_up = str(work / "new.json"), str(work / "set-up.json")
    keep_state(new)
    by_latency: dict[float, Times] = {}
    for latency in LATENCIES:
        by_latency[latency] = over_latency(work, new, rounds, latency)
        print(f"\n{latency * 1000:.0f} ms for each request, whole processes, median of {rounds}:\n")
        print(table(by_latency[latency]), flush=True)
    restore_state(new)
    run(work, ("mct-s2s", "setup", "-y", "--no-verify"))
    keep_state(set_up)
    by_clients: Times = {}
    for count in CLIENTS:
        for name, runs in over_clients(work, set_up, rounds, count).items():
            by_clients.setdefault(name, {}).update(runs)
    print(f"\nMore clients at {CLIENT_LATENCY * 1000:.0f} ms for each request:\n")
    print(table(by_clients))
    if "--write" in sys.argv[3:]:
        start = start_table(start_times(max(rounds, 20)))
        fleet = fleet_section((DOCS / "performance.md").read_text(encoding="utf-8"))
        text = f"{page(by_latency, by_clients, rounds)}\n{fleet}{start}"
        (DOCS / "performance.md").write_text(text, encoding="utf-8")
        lines = {
            name: [(latency * 1000, median(times[name]["setup"])) for latency, times in by_latency.items()]
            for name in contenders()
        }
        (DOCS / "setup-over-latency.svg").write_text(chart("setup", "ms for each request", lines), encoding="utf-8")
        of_clients = {
            name: [(int(what.split()[0]), median(seconds)) for what, seconds in runs.items()]
            for name, runs in by_clients.items()
        }
        (DOCS / "clients.svg").write_text(chart("add-client", "clients", of_clients), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
