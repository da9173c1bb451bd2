"""What scripts/bench_fleet runs: a trust file over three served sandboxes of 20 App Services each, whole processes.

Usage: bench_fleet.py WORK [ROUNDS] [--write]. With --write, the table goes into docs/performance.md.
"""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

TITLE = "## Many App Services, 100 ms for each request"
PAGE = Path(__file__).parent.parent / "docs" / "performance.md"
TENANTS, SITES, LATENCY = 3, 20, 0.1
FIRST_PORT, PORTS = 21000, 100
OF_ITS_OWN = ("lock", "ports.json", "served*")
Environment = dict[str, str]


@dataclass(frozen=True, order=True)
class Took:
    """How long a process took."""

    seconds: float
    processor: float
    """Seconds of it that a processor worked for it."""


PROGRAM = """
import os, sys
from types import SimpleNamespace
from mct_s2s.azure import authorities
from mct_s2s.cli.app import main
# One credential in the environment signs in to all of Microsoft's clouds: these three stand for them.
known = {origin: SimpleNamespace(login=origin) for origin in os.environ["BENCH_CLOUDS"].split()}
authorities.BY_NAME = {**authorities.BY_NAME, **known}
sys.exit(main(sys.argv[1:]))
"""

WHAT: Mapping[str, tuple[str, ...]] = {
    "status": ("status", "--expiring-within", "10d"),
    "apply, nothing to do": ("apply", "-y"),
    "rotate-secret, nothing to do": ("rotate-secret", "--expiring-within", "10d", "-y"),
    "rotate-secret, 60 secrets": ("rotate-secret", "--expiring-within", "30d", "-y"),
}
"""Commands, each with `-f FILE`, in the order in which they run."""


@contextmanager
def served(folder: Path, port: int) -> Iterator[Environment]:
    """A sandbox of its own process; yields what its clients need."""
    own = {**os.environ, "MCT_S2S_SANDBOX_DIR": str(folder)}
    words = ["mct-s2s", "sandbox"]
    process = subprocess.Popen([*words, "serve", "--port", str(port)], env=own, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        while "Sandbox ready" not in (line := process.stdout.readline()):
            if not line:
                sys.exit("The sandbox does not start.")
        told = subprocess.run([*words, "env", "--port", str(port)], env=own, capture_output=True, text=True, check=True)
        found = re.findall(r"^export (\w+)='?([^'\n]*)'?$", told.stdout, re.MULTILINE)
        yield {**own, **dict(found)}
    finally:
        process.terminate()
        process.wait()


def ask(environment: Environment, method: str, path: str, body: object) -> None:
    """Ask a sandbox for something of its own."""
    url = f"{environment['MCT_S2S_CLOUD']}/_sandbox/{path}"
    request = urllib.request.Request(
        url, json.dumps(body).encode(), {"Content-Type": "application/json"}, method=method
    )
    context = ssl.create_default_context(cafile=environment["SSL_CERT_FILE"])
    with urllib.request.urlopen(request, context=context, timeout=60):
        pass


def trust_file(path: Path, clouds: list[str]) -> Path:
    """The file: a client with a secret at each site."""
    lines: list[str] = []
    for tenant, cloud in enumerate(clouds, 1):
        lines += [f"[profiles.t{tenant}]", f'cloud = "{cloud}"']
        for site in range(1, SITES + 1):
            key = f"sites.t{tenant}-{site}"
            lines += [f"[{key}]", f'profile = "t{tenant}"', f'app-service = "mct-{site}"', 'resource-group = "mct"']
            lines += [f"[[{key}.clients]]", f'name = "Import {site}"']
    path.write_text("\n".join(lines))
    return path


def run(words: tuple[str, ...], environment: Environment, clouds: list[str]) -> Took:
    """How long one process takes from start to end."""
    environment = {**environment, "BENCH_CLOUDS": " ".join(clouds)}
    environment.pop("AZURE_AUTHORITY_HOST", None)
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [sys.executable, "-c", PROGRAM, *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    took, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        sys.exit(f"{' '.join(words)} ended with {done.returncode}:\n{done.stderr}{done.stdout[-2000:]}")
    return Took(took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def prepare(work: Path) -> None:
    """One tenant with its sites, set up by the program, and its copies."""
    first = work / "tenant-1"
    with served(first, FIRST_PORT) as environment:
        for site in range(1, SITES + 1):
            ask(environment, "POST", "sites", {"name": f"mct-{site}", "group": "mct",
                                               "subscription": environment["AZURE_SUBSCRIPTION_ID"]})  # fmt: skip
        cloud = environment["MCT_S2S_CLOUD"]
        file = trust_file(work / "one.toml", [cloud])
        text = file.read_text().replace("\nname =", '\nsecret-lifetime = "20d"\nname =')
        file.write_text(text)
        run(("apply", "-f", str(file), "-y", "--no-verify", "--no-restart"), environment, [cloud])
    for tenant in range(2, TENANTS + 1):
        shutil.copytree(first, work / f"tenant-{tenant}", ignore=shutil.ignore_patterns(*OF_ITS_OWN))


def times(work: Path, rounds: int) -> dict[str, list[Took]]:
    """How long each command takes; secrets are rotated anew in each round."""
    prepare(work)
    found: dict[str, list[Took]] = {what: [] for what in WHAT}
    for number in range(rounds):
        with ExitStack() as stack:
            environments = []
            for tenant in range(1, TENANTS + 1):
                folder = work / f"round-{number}-{tenant}"
                shutil.copytree(work / f"tenant-{tenant}", folder, ignore=shutil.ignore_patterns(*OF_ITS_OWN))
                environments.append(stack.enter_context(served(folder, FIRST_PORT + PORTS * tenant)))
                ask(environments[-1], "PATCH", "knobs", {"latencySeconds": LATENCY})
            clouds = [one["MCT_S2S_CLOUD"] for one in environments]
            bundle = work / "ca.pem"
            bundle.write_text("".join(Path(one["SSL_CERT_FILE"]).read_text() for one in environments))
            trusting = {"REQUESTS_CA_BUNDLE": str(bundle), "SSL_CERT_FILE": str(bundle)}
            file = trust_file(work / "trust.toml", clouds)
            for what, (command, *words) in WHAT.items():
                found[what].append(run((command, "-f", str(file), *words), {**environments[0], **trusting}, clouds))
    return found


def fleet_table(found: dict[str, list[Took]]) -> str:
    """A Markdown section: seconds, median and spread."""
    rows = [
        f"| {what} | {median(one.seconds for one in runs):.1f} s ({min(runs).seconds:.1f} to {max(runs).seconds:.1f}) "
        f"| {median(one.processor for one in runs):.1f} s |"
        for what, runs in found.items()
    ]
    rounds = len(next(iter(found.values())))
    head = (
        f"A [trust file](trust-files.md) with {TENANTS * SITES} App Services in {TENANTS} tenants: whole processes "
        f"over as many sandboxes on one machine, median of {rounds} (fastest to slowest), by `scripts/bench_fleet`. "
        f"Its {os.cpu_count()} processors had a load of {os.getloadavg()[1]:.0f} meanwhile, the sandboxes' included."
    )
    return "\n".join([TITLE, "", head, "", "| | | processor time of the program |", "| --- | --- | --- |", *rows, ""])


def fleet_section(page: str) -> str:
    """The section as it is in the page; empty where it is not."""
    found = re.search(rf"^{TITLE}\n.*?(?=^## |\Z)", page, re.DOTALL | re.MULTILINE)
    return found[0] if found else ""


def main() -> int:
    """Exit code: 0 if everything ran."""
    numbers = [int(word) for word in sys.argv[2:] if word.isdecimal()]
    section = fleet_table(times(Path(sys.argv[1]), numbers[0] if numbers else 3))
    print(section)
    if "--write" in sys.argv:
        text = PAGE.read_text(encoding="utf-8")
        text = text.replace(fleet_section(text), "") if fleet_section(text) else text
        before, start, after = text.partition("## Start\n")
        PAGE.write_text(f"{before}{section}\n{start}{after}", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
