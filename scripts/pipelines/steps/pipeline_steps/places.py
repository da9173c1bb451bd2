"""Where new credentials would go: a file on the machine of a job goes away with it, and the secret with the file."""

from __future__ import annotations

import tomllib
from pathlib import Path

from pipeline_steps.inputs import StepError
from pipeline_steps.results import Results

_STORED = frozenset({"secret", "certificate"})


def may_be_a_file(trust: Path) -> bool:
    """Whether a client of a trust file may get a credential that is saved to a file; of a file with mistakes, no."""
    try:
        sites = tomllib.loads(trust.read_text(encoding="utf-8"))["sites"].values()
        clients = [client for site in sites for client in site.get("clients", ())]
        return any(
            client.get("credential", "secret") in _STORED
            and "certificate" not in client
            and str(client.get("secret-to", "file:")).startswith("file:")
            for client in clients
        )
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return False  # mct-s2s says what is wrong


def refuse_files(planned: Results) -> None:
    """Refuse a plan that would leave a new credential on this machine.

    Raises:
        StepError: it would.
    """
    for site in planned.sites:
        for one in site.created:
            if one.saved_to.startswith("file:"):
                raise StepError(
                    f"The {one.kind} of '{one.client}' at '{site.name}' would be saved to a file on the machine of "
                    'this job, and go away with it. Write secret-to = "keyvault:VAULT" into the trust file. '
                    "Where the machine keeps its files, set secrets-to-files to true."
                )
