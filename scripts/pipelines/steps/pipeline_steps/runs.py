"""The steps that call mct-s2s: `plan`, `apply`, `rotate`; and `sites`, which shares their work among jobs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from mct_s2s.plain_text import plain

from pipeline_steps import commands, program
from pipeline_steps.hosts import Host
from pipeline_steps.inputs import ANY, Inputs, StepError
from pipeline_steps.places import may_be_a_file, refuse_files
from pipeline_steps.results import Results, read
from pipeline_steps.shortening import shortened
from pipeline_steps.sign_in import signed_in
from pipeline_steps.summary import summary

PENDING = 3
"""Exit code of mct-s2s: the plan has changes."""
_PLAN_BYTES = 60_000
"""An output becomes a variable of another step: Linux takes no variable of 128 KiB, and a comment has to hold it."""
_FINGERPRINT = re.compile(r"^Fingerprint: `([0-9a-f]{64})`$", re.MULTILINE)

Environ = Mapping[str, str]


def plan(environ: Environ, folder: Path, host: Host) -> int:
    """Show what `apply` would do, and give its fingerprint; the exit code tells failures alone, not changes."""
    code, text = _called(commands.plan(Inputs.of(environ)), environ, folder / "plan.md")
    print("\n".join(plain(line) for line in text.splitlines()), flush=True)
    found = _FINGERPRINT.search(text)
    if text:
        host.summarize(text)
        host.output("plan", shortened(text, _PLAN_BYTES))
    if found:
        host.output("fingerprint", found[1])
        host.output("changed", "true" if code == PENDING else "false")
    return 0 if code == PENDING else code


def apply(environ: Environ, folder: Path, host: Host) -> int:
    """Do what the file says; returns the exit code of mct-s2s."""
    code, results = _done("MCT: applied", commands.apply, environ, folder, host)
    _connections(results, host)
    return code


def rotate(environ: Environ, folder: Path, host: Host) -> int:
    """Replace secrets that expire soon; returns the exit code of mct-s2s."""
    code, results = _done("MCT: secrets", commands.rotate, environ, folder, host)
    _connections(results, host)
    return code


def sites(environ: Environ, folder: Path, host: Host) -> int:
    """Share the work among jobs: a matrix of the sites that change, each with the fingerprint of its own plan.

    The fingerprint of all of them is the one that was reviewed, so that of each is as good.
    """
    inputs, document = Inputs.of(environ), folder / "plan.json"
    arguments = commands.share(inputs)
    code, _ = _called(arguments, environ, document)
    results = read(document)
    if code not in {0, PENDING}:
        host.summarize(summary("MCT: sites", results))
        return code
    changing = [one for one in results.sites if one.changed]
    if changing and inputs.expect not in {ANY, results.fingerprint}:
        raise StepError(
            f"This is not the plan that was reviewed: its fingerprint is {results.fingerprint}. "
            "Look at a plan of it, then run this workflow by hand with its fingerprint."
        )
    matrix = [{"site": one.name, "fingerprint": one.fingerprint} for one in changing]
    host.output("matrix", json.dumps({"include": matrix}))
    host.output("changed", "true" if changing else "false")
    return 0


def _called(arguments: Sequence[str], environ: Environ, document: Path) -> tuple[int, str]:
    with signed_in(environ) as given:
        code = program.run(arguments, given, document)
    return code, document.read_text(encoding="utf-8")


def _done(
    title: str, line: Callable[[Inputs], list[str]], environ: Environ, folder: Path, host: Host
) -> tuple[int, Results]:
    """Do it, unless a new credential would get lost: whether one is made is known of a plan alone."""
    inputs = Inputs.of(environ)
    arguments, document = line(inputs), folder / "result.json"
    if not inputs.secrets_to_files and (inputs.secret_to.startswith("file:") or may_be_a_file(Path(inputs.file))):
        _called([*arguments, "--dry-run"], environ, document)
        refuse_files(read(document))
    code, _ = _called(arguments, environ, document)
    results = read(document)
    host.summarize(summary(title, results))
    host.output("changed", "true" if any(site.changed for site in results.sites) else "false")
    host.output("result", str(document))
    return code, results


def _connections(results: Results, host: Host) -> None:
    """What callers need, for all sites; and by itself, where there is only one of it."""
    known = {one.name: {"url": one.url, "scope": one.scope, "clients": dict(one.clients)} for one in results.sites}
    host.output("sites", json.dumps(known))
    if len(results.sites) == 1:
        (site,) = results.sites
        host.output("url", site.url)
        host.output("scope", site.scope)
        if len(site.clients) == 1:
            host.output("client-id", site.clients[0][1])
