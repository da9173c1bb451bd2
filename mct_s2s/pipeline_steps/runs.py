"""The steps that call mct-s2s: `plan`, `apply`, `rotate`."""

import json
import re
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from mct_s2s.pipeline_steps import commands, program
from mct_s2s.pipeline_steps.hosts import Host
from mct_s2s.pipeline_steps.inputs import Inputs, StepError
from mct_s2s.pipeline_steps.results import Results, read
from mct_s2s.pipeline_steps.sign_in import signed_in
from mct_s2s.pipeline_steps.summary import summary
from mct_s2s.plain_text import plain

PENDING = 3
"""Exit code of mct-s2s: the plan has changes."""
_FINGERPRINT = re.compile(r"^Fingerprint: `([0-9a-f]{64})`$", re.MULTILINE)

Environ = Mapping[str, str]


def plan(environ: Environ, host: Host) -> int:
    """Show what `apply` would do, and give its fingerprint.

    The exit code tells failures alone, not changes.
    """
    inputs, document = Inputs.of(environ), host.folder / "plan.md"
    code = _called(commands.plan_words(inputs), environ, document)
    text = document.read_text(encoding="utf-8")
    print("\n".join(plain(line) for line in text.splitlines()), flush=True)
    if not text:
        return code
    host.summarize(text)
    fingerprints = set(_FINGERPRINT.findall(text))
    if len(fingerprints) != 1:
        # Its reader sees why, in the place of an earlier plan that is no longer true.
        host.review(text)
        raise StepError(_why_unreviewable(fingerprints))
    (fingerprint,) = fingerprints
    if code == PENDING and inputs.expect not in {"", fingerprint}:
        raise StepError(
            f"This is not the plan that was reviewed: its fingerprint is {fingerprint}. Look at "
            "it, then run this workflow by hand with this fingerprint."
        )
    host.output("fingerprint", fingerprint)
    host.output("changed", "true" if code == PENDING else "false")
    host.review(text)
    return 0 if code == PENDING else code


def _why_unreviewable(fingerprints: Collection[str]) -> str:
    if fingerprints:
        return "The plan shows several fingerprints. Nothing of it is to be applied."
    return (
        "The plan has no fingerprint, so that it cannot be applied after a review. Its line "
        "beginning with 'No fingerprint' says why, and what to do. The options that it names are "
        "inputs of this step."
    )


def apply(environ: Environ, host: Host) -> int:
    """Do what the file says; returns the exit code of mct-s2s."""
    inputs = Inputs.of(environ)
    return _done(title_of_apply, commands.apply_words(inputs), inputs, environ, host)


def title_of_apply(results: Results) -> str:
    if results.failure is None and any(site.changed for site in results.sites):
        return "MCT: applied"
    return "MCT: apply failed" if any(results.failures()) else "MCT: nothing to apply"


def rotate(environ: Environ, host: Host) -> int:
    """Replace secrets that expire soon; returns the exit code of mct-s2s."""
    inputs = Inputs.of(environ)
    return _done(lambda _: "MCT: secrets", commands.rotate_words(inputs), inputs, environ, host)


def _called(arguments: Sequence[str], environ: Environ, document: Path) -> int:
    with signed_in(environ, document.parent) as environment:
        return program.run(arguments, environment, document)


def _done(
    title: Callable[[Results], str],
    arguments: Sequence[str],
    inputs: Inputs,
    environ: Environ,
    host: Host,
) -> int:
    """Run the command, unless a new credential would get lost, as its plan would show."""
    if not inputs.secrets_to_files:
        planned = host.folder / "planned.json"
        code = _called([*arguments, "--dry-run"], environ, planned)
        _refuse_files(results := read(planned))
        if results.failure is not None:
            _tell(results, title(results), host)
            return code
    document = host.folder / "result.json"
    code = _called(arguments, environ, document)
    results = read(document)
    _tell(results, title(results), host)
    host.output("changed", "true" if any(site.changed for site in results.sites) else "false")
    host.output("result", str(document))
    _connections(results, host)
    return code


def _tell(results: Results, title: str, host: Host) -> None:
    """Show what came of it in the page of the job, and in its log what to do about each error.

    mct-s2s has written the errors themselves there.
    """
    host.summarize(summary(title, results))
    for name, failure in results.failures():
        if failure.remedy:
            about = f"{name}: " if name else ""
            print(plain(f"{about}→ {failure.remedy}"), file=sys.stderr, flush=True)


def _refuse_files(planned: Results) -> None:
    """A file on the machine of a job goes away with it, and the secret with the file."""
    for site in planned.sites:
        for credential in site.created:
            if credential.is_in_file:
                raise StepError(
                    f"The {credential.kind} of '{credential.client}' at '{site.name}' would be "
                    "saved to a file on the machine of this job, and go away with it. Write "
                    'secret-to = "keyvault:VAULT" into the '
                    "trust file. Where the machine keeps its files, set secrets-to-files to true."
                )


def _connections(results: Results, host: Host) -> None:
    """What callers need, for all sites; and by itself, where there is only one of it."""
    known = {
        site.name: {"url": site.url, "scope": site.scope, "clients": dict(site.clients)}
        for site in results.sites
    }
    host.output("sites", json.dumps(known))
    if len(results.sites) == 1:
        (site,) = results.sites
        host.output("url", site.url)
        host.output("scope", site.scope)
        if len(site.clients) == 1:
            host.output("client-id", site.clients[0][1])
