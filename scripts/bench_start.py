"""How long the program takes where it does nothing but start: for help, and for a completion.

Usage: bench_start.py [ROUNDS] [--write]. With --write, the table goes into docs/performance.md.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

PAGE = Path(__file__).parent.parent / "docs" / "performance.md"
PROGRAM = str(Path(sys.executable).with_name("mct-s2s"))
TITLE = "## Start"
WHAT: dict[str, tuple[tuple[str, ...], dict[str, str]]] = {
    "`--version`": (("--version",), {}),
    "`--help`": (("--help",), {}),
    "`setup --help`": (("setup", "--help"), {}),
    "completion of an option": ((), {"COMP_WORDS": "mct-s2s setup --cl", "COMP_CWORD": "2"}),
}
"""What is measured: the words, and what bash sets where it is completion."""


def start_times(rounds: int) -> dict[str, list[float]]:
    """Seconds of whole processes, in turns."""
    times: dict[str, list[float]] = {what: [] for what in WHAT}
    for _ in range(rounds):
        for what, (words, shell) in WHAT.items():
            environment = {**os.environ, **shell, **({"_MCT_S2S_COMPLETE": "complete_bash"} if shell else {})}
            began = time.perf_counter()
            subprocess.run([PROGRAM, *words], env=environment, check=True, stdout=subprocess.DEVNULL)
            times[what].append(time.perf_counter() - began)
    return times


def start_table(times: dict[str, list[float]]) -> str:
    """A Markdown section: milliseconds, median and spread."""
    rows = [
        f"| {what} | {median(runs) * 1000:.0f} ms ({min(runs) * 1000:.0f} to {max(runs) * 1000:.0f}) |"
        for what, runs in times.items()
    ]
    rounds = len(next(iter(times.values())))
    head = f"Whole processes that only start, median of {rounds} (fastest to slowest), by `scripts/bench_start`."
    return "\n".join([TITLE, "", head, "", "| | |", "| --- | --- |", *rows, ""])


def main() -> int:
    """Exit code: 0 if everything ran."""
    numbers = [int(word) for word in sys.argv[1:] if word.isdecimal()]
    section = start_table(start_times(numbers[0] if numbers else 20))
    print(section)
    if "--write" in sys.argv:
        text = re.sub(rf"\n{TITLE}\n.*?(?=\n## |\Z)", "", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
        PAGE.write_text(f"{text.rstrip()}\n\n{section}", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
