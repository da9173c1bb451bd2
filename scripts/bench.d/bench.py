"""What scripts/bench measures: `bench.py WORK az|clients|fleet|start [ROUNDS] [--write]`.

Whole processes against served sandboxes, in turns. `az` and `clients` need a sandbox in the
environment, and a person in the CLI. `--write` puts the tables into docs/performance.md, between
the marks of what is measured.
"""

import json
import os
import platform
import random
import re
import resource
import shutil
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from mct_s2s.sandbox.state import seed

HERE = Path(__file__).parent
LATENCY = 0.1
"""Seconds for each request: a usual round trip to Graph and Resource Manager."""
LATENCIES = (0.0, 0.05, LATENCY, 0.2)
PAGE = HERE.parent.parent / "docs/performance.md"
END = "<!-- end of what is written -->"
MACHINE = (
    f"{platform.python_implementation()} {platform.python_version()}, {platform.system()}, "
    f"{os.cpu_count()} processors"
)
Environment = Mapping[str, str]
Runs = dict[str, list[float]]
"""Seconds of each run, by what was run."""
Sections = dict[str, str]
"""Text below each heading."""


def run(words: Sequence[str], environment: Environment) -> float:
    """Seconds that one process takes from start to end."""
    began = time.perf_counter()
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    took = time.perf_counter() - began
    if done.returncode != 0:
        sys.exit(
            f"{' '.join(words)} ended with {done.returncode}:\n{done.stderr}{done.stdout[-2000:]}"
        )
    return took


@contextmanager
def served(folder: Path, port: int | None = None) -> Iterator[dict[str, str]]:
    """A sandbox of its own process; yields what its clients need."""
    environment = {**os.environ, "MCT_S2S_SANDBOX_DIR": str(folder)}
    words = [
        "mct-s2s",
        "sandbox",
        "serve",
        "--port",
        str(port or random.randrange(20000, 30000, 100)),
    ]
    process = subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        while "Sandbox ready" not in (line := process.stdout.readline()):
            if not line:
                sys.exit("The sandbox does not start.")
        words[2] = "env"
        printed = subprocess.run(
            words, env=environment, capture_output=True, text=True, check=True
        ).stdout
        yield {
            **environment,
            **dict(re.findall(r"^export (\w+)='?([^'\n]*)'?$", printed, re.MULTILINE)),
        }
    finally:
        process.terminate()
        process.wait()


def ask(environment: Environment, method: str, path: str, body: object = None) -> Any:
    """Ask a sandbox for something of its own."""
    url, sent = (
        f"{environment['MCT_S2S_CLOUD']}/_sandbox/{path}",
        json.dumps(body).encode() if body else None,
    )
    request = urllib.request.Request(url, sent, {"Content-Type": "application/json"}, method=method)
    context = ssl.create_default_context(cafile=environment["SSL_CERT_FILE"])
    with urllib.request.urlopen(request, context=context, timeout=60) as answer:
        return json.loads(answer.read() or "null")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))


def cell(runs: Sequence[float] | None, ours: Sequence[float] | None = None) -> str:
    """Median and spread, and how many times as long as ours."""
    if not runs:
        return "-"
    unit, factor, digits = ("s", 1, 2) if median(runs) >= 0.3 else ("ms", 1000, 0)
    middle, low, high = (
        f"{factor * value:.{digits}f}" for value in (median(runs), min(runs), max(runs))
    )
    spread = f" ({low} to {high})" if len(runs) > 1 else ""
    return f"{middle} {unit}{spread}" + (f", {median(runs) / median(ours):.1f} x" if ours else "")


# The job, beside the Azure CLI.

SITE = f"{seed.SUBSCRIPTION}/resourceGroups/integrations/providers/Microsoft.Web/sites/reports-func"
"""As the scripts of the Azure CLI name the function app: by a bare name, `mct-s2s` would look for
it first.
"""
SETUP = (
    "mct-s2s",
    "setup",
    "--client",
    "S2S client",
    "--managed-identity",
    SITE,
    "-y",
    "--no-verify",
)
BY_AZ = ("--auth", "cli")
"""As nearly everybody signs in, and as the scripts of the Azure CLI do."""
THEIRS = {f"az, {name}": str(HERE / f"az-{name}") for name in ("expert", "tutorial")}
MANY = 50
"""With more clients than this, a script takes many minutes: it is left out."""


def beside_az(work: Path, rounds: int) -> Sections:
    """All contenders in turns, each from a state as new, over latencies."""
    commands = {"setup": SETUP, "setup again": SETUP, "status": ("mct-s2s", "status")}
    contenders: dict[str, Mapping[str, Sequence[str]]] = {
        "mct-s2s": {what: (*command, *BY_AZ) for what, command in commands.items()},
        "mct-s2s, signed in by the environment": commands,
    }
    contenders |= {
        name: {"setup": (script, "setup"), "status": (script, "check")}
        for name, script in THEIRS.items()
    }
    new, sections = ask(os.environ, "GET", "world"), Sections()
    for latency in LATENCIES:
        # The tutorial's way takes several times as long, at any latency.
        measured = {
            name: what
            for name, what in contenders.items()
            if latency == LATENCY or name != "az, tutorial"
        }
        runs = in_turns(work, measured, new, rounds, latency)
        sections[f"{latency * 1000:.0f} ms for each request"] = compared(runs)
    return sections


def many_clients(work: Path, rounds: int) -> Sections:
    """Over numbers of new clients. The scripts run once, as they take minutes."""
    run(("mct-s2s", "setup", "-y", "--no-verify"), os.environ)
    set_up, by_clients = ask(os.environ, "GET", "world"), dict[str, Runs]()
    for count in (1, 10, MANY, 200):
        file = work / "clients.txt"
        file.write_text("".join(f"Client {number}\n" for number in range(count)), encoding="utf-8")
        command = ("mct-s2s", "add-client", "--from", str(file), "-y", "--no-verify", *BY_AZ)
        runs = in_turns(work, {"mct-s2s": {f"{count} clients": command}}, set_up, rounds, LATENCY)
        if count <= MANY:
            scripts = {
                name: {f"{count} clients": (script, "clients", str(file))}
                for name, script in THEIRS.items()
            }
            runs |= in_turns(work, scripts, set_up, 1, LATENCY)
        for name, more in runs.items():
            by_clients.setdefault(name, {}).update(more)
    return {f"New clients, {LATENCY * 1000:.0f} ms for each request": compared(by_clients)}


def in_turns(
    work: Path,
    contenders: Mapping[str, Mapping[str, Sequence[str]]],
    state: object,
    rounds: int,
    latency: float,
) -> dict[str, Runs]:
    """Each contender's commands, one after the other, several times."""
    runs = {
        name: {what: list[float]() for what in commands} for name, commands in contenders.items()
    }
    for _ in range(rounds):
        for name, commands in contenders.items():
            ask(os.environ, "PUT", "world", state)
            ask(os.environ, "PATCH", "knobs", {"latencySeconds": latency})
            # Where secrets go unasked: a state as new has none of the run before.
            data = {"XDG_DATA_HOME": str(work / f"data-{time.monotonic_ns()}")}
            for what, command in commands.items():
                out = work / f"run-{time.monotonic_ns()}"
                out.mkdir()
                runs[name][what].append(run(command, {**os.environ, **data, "out": str(out)}))
    return runs


def compared(runs: Mapping[str, Runs]) -> str:
    ours = runs["mct-s2s"]
    rows = [
        [name, *(cell(own.get(what), None if own is ours else ours[what]) for what in ours)]
        for name, own in runs.items()
    ]
    return table(["", *ours], rows)


# Many App Services.

TENANTS, SITES = 3, 20
FLEET: Mapping[str, tuple[str, ...]] = {
    "status": ("status", "--expiring-within", "10d"),
    "apply, nothing to do": ("apply", "-y"),
    "rotate-secret, nothing to do": ("rotate-secret", "--expiring-within", "10d", "-y"),
    "rotate-secret, 60 secrets": ("rotate-secret", "--expiring-within", "30d", "-y"),
}
"""Commands, each with `-f FILE`, in the order in which they run."""
PROGRAM = """
import os, sys
from types import SimpleNamespace
from mct_s2s.azure.sign_in import choice
from mct_s2s.cli.app import main
# One credential in the environment signs in to all of Microsoft's clouds: these three stand for
# them.
known = {origin: SimpleNamespace(login=origin) for origin in os.environ["BENCH_CLOUDS"].split()}
choice.BY_NAME = {**choice.BY_NAME, **known}
sys.exit(main(sys.argv[1:]))
"""


def fleet(work: Path, rounds: int) -> Sections:
    """Commands over a trust file, each round in copies of the same tenants; secrets are rotated
    anew in each.
    """
    template, runs_by_command = (
        work / "tenant",
        {what: list[tuple[float, float]]() for what in FLEET},
    )
    # Of those tenants: copied with them, or a round would wait for the secrets of another one
    secrets = work / "data"
    secrets.mkdir()
    with served(template) as environment:
        for site in range(1, SITES + 1):
            body = {
                "name": f"mct-{site}",
                "group": "mct",
                "subscription": environment["AZURE_SUBSCRIPTION_ID"],
            }
            ask(environment, "POST", "sites", body)
        file = trust_file(
            work / "one.toml", [environment["MCT_S2S_CLOUD"]], 'secret-lifetime = "20d"'
        )
        once = ("apply", "-f", file, "-y", "--no-verify", "--no-restart")
        on_clouds(
            once, {**environment, "XDG_DATA_HOME": str(secrets)}, [environment["MCT_S2S_CLOUD"]]
        )
    for number in range(rounds):
        with ExitStack() as stack:
            environments = []
            for tenant in range(TENANTS):
                folder = work / f"round-{number}-{tenant}"
                shutil.copytree(
                    template, folder, ignore=shutil.ignore_patterns("lock", "ports.json", "served*")
                )
                environments.append(stack.enter_context(served(folder, 21000 + 100 * tenant)))
                ask(environments[-1], "PATCH", "knobs", {"latencySeconds": LATENCY})
            clouds, bundle = [cloud["MCT_S2S_CLOUD"] for cloud in environments], work / "ca.pem"
            bundle.write_text(
                "".join(Path(cloud["SSL_CERT_FILE"]).read_text() for cloud in environments)
            )
            trusting = {
                **environments[0],
                "REQUESTS_CA_BUNDLE": str(bundle),
                "SSL_CERT_FILE": str(bundle),
            }
            trusting["XDG_DATA_HOME"] = str(shutil.copytree(secrets, work / f"data-{number}"))
            file = trust_file(work / "trust.toml", clouds)
            for what, (command, *words) in FLEET.items():
                runs_by_command[what].append(
                    on_clouds((command, "-f", file, *words), trusting, clouds)
                )
    rows = [
        [what, cell([seconds for seconds, _ in runs]), f"{median(used for _, used in runs):.1f} s"]
        for what, runs in runs_by_command.items()
    ]
    head = (
        f"A [trust file](trust-files.md) with {TENANTS * SITES} App Services in {TENANTS} tenants, "
        "over as many sandboxes on one machine with a load of "
        f"{os.getloadavg()[1]:.0f} meanwhile, the sandboxes' included."
    )
    text = f"{head}\n\n{table(['', '', 'processor time of the program'], rows)}"
    return {f"Many App Services, {LATENCY * 1000:.0f} ms for each request": text}


def trust_file(path: Path, clouds: Sequence[str], more: str = "") -> str:
    """Write the file: a client with a secret at each site; return its name."""
    lines: list[str] = []
    for tenant, cloud in enumerate(clouds, 1):
        lines += [f"[profiles.t{tenant}]", f'cloud = "{cloud}"']
        for site in range(1, SITES + 1):
            key = f"sites.t{tenant}-{site}"
            lines += [
                f"[{key}]",
                f'profile = "t{tenant}"',
                f'app-service = "mct-{site}"',
                'resource-group = "mct"',
            ]
            lines += [f"[[{key}.clients]]", f'name = "Import {site}"', more]
    path.write_text("\n".join(lines))
    return str(path)


def on_clouds(
    words: Sequence[str], environment: Environment, clouds: Sequence[str]
) -> tuple[float, float]:
    """Seconds that one run takes, and those that a processor worked for it."""
    variables = {
        name: value for name, value in environment.items() if name != "AZURE_AUTHORITY_HOST"
    }
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    took = run(
        (sys.executable, "-c", PROGRAM, *words), {**variables, "BENCH_CLOUDS": " ".join(clouds)}
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


# The start.


def start(_: Path, rounds: int) -> Sections:
    """The program where it does nothing but start."""
    completion = {
        "_MCT_S2S_COMPLETE": "complete_bash",
        "COMP_WORDS": "mct-s2s setup --cl",
        "COMP_CWORD": "2",
    }
    calls: dict[str, Environment] = {
        "--version": {},
        "--help": {},
        "setup --help": {},
        "": completion,
    }
    runs: Runs = {words: [] for words in calls}
    for _round in range(rounds):
        for words, more in calls.items():
            runs[words].append(run(("mct-s2s", *words.split()), {**os.environ, **more}))
    rows = [
        [f"`{words}`" if words else "completion of an option", cell(taken)]
        for words, taken in runs.items()
    ]
    return {"Start": table(["", ""], rows)}


MEASURES: Mapping[str, tuple[Callable[[Path, int], Sections], int]] = {
    "az": (beside_az, 5),
    "clients": (many_clients, 3),
    "fleet": (fleet, 3),
    "start": (start, 20),
}
"""What measures, with the usual number of rounds."""


def main(work: str, what: str, *words: str) -> None:
    measure, usual = MEASURES[what]
    number = next((int(word) for word in words if word.isdigit()), usual)
    when = f"{datetime.now(UTC):%Y-%m-%d}, load {os.getloadavg()[2]:.0f} before"
    sections = measure(Path(work), number)
    head = f"`scripts/bench {what}`, {number} rounds, {MACHINE}, {when}."
    tables = "\n\n".join(f"### {title}\n\n{text}" for title, text in sections.items())
    print(f"{head}\n\n{tables}")
    if "--write" in words:
        begin = f"<!-- written by scripts/bench {what} --write -->"
        before, mark, rest = PAGE.read_text(encoding="utf-8").partition(begin)
        if not mark:
            sys.exit(f"{PAGE} has no place for it: {begin}")
        after = rest.partition(END)[2]
        PAGE.write_text(f"{before}{begin}\n\n{head}\n\n{tables}\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
