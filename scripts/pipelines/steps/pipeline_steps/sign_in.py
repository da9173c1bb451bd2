"""Federated sign-in: the service's own token for this job, in the file that mct-s2s reads. Nothing is kept."""

from __future__ import annotations

import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from mct_s2s.render.pipelines import masks

from pipeline_steps.inputs import StepError
from pipeline_steps.requests import RequestFailed, ask

_AUDIENCE = "api://AzureADTokenExchange"
_TOKENS = ("STEP_ID_TOKEN", "idToken")
_SECONDS = 240.0
"""A token of GitHub is valid for some five minutes. One that is older than this is replaced while mct-s2s runs."""


@contextmanager
def signed_in(environ: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """The environment for mct-s2s, valid until the end of the block.

    The token is asked of GitHub (`permissions: id-token: write`), or is in `STEP_ID_TOKEN` (GitLab's `id_tokens`) or
    in `idToken` (the task AzureCLI of Azure Pipelines). If there is none, the environment stays as it is: someone has
    signed in before, or the machine has an identity.

    Raises:
        StepError: a client is named and there is no token for it, or GitHub refuses one.
    """
    given = {name: text for name, text in environ.items() if name not in _TOKENS}  # it is in the file
    client, tenant = environ.get("STEP_CLIENT_ID", ""), environ.get("STEP_TENANT_ID", "")
    client, tenant = client or environ.get("servicePrincipalId", ""), tenant or environ.get("tenantId", "")
    subscription = environ.get("STEP_SUBSCRIPTION_ID", "")
    given |= {"AZURE_SUBSCRIPTION_ID": subscription} if subscription else {}
    source = _source(environ)
    if source is None:
        if environ.get("STEP_CLIENT_ID"):
            raise StepError(
                "There is no token to sign in with. On GitHub, the job needs `permissions: id-token: write`, which "
                "pull requests from forks never get; on GitLab `id_tokens`; on Azure Pipelines the task AzureCLI@2 "
                "with `addSpnToEnvironment: true` and a service connection with workload identity federation."
            )
        yield given
        return
    given |= {"AZURE_CLIENT_ID": client} if client else {}
    given |= {"AZURE_TENANT_ID": tenant} if tenant else {}
    temporary = environ.get("RUNNER_TEMP") or environ.get("AGENT_TEMPDIRECTORY")
    with tempfile.TemporaryDirectory(dir=temporary, prefix="token-") as private, _fresh(source, Path(private)) as file:
        yield {**given, "AZURE_FEDERATED_TOKEN_FILE": str(file)}


def _source(environ: Mapping[str, str]) -> Callable[[], str] | None:
    handed = next((environ[name] for name in _TOKENS if environ.get(name)), None)
    if handed is not None:
        return lambda: handed
    address, bearer = (environ.get(f"ACTIONS_ID_TOKEN_REQUEST_{name}", "") for name in ("URL", "TOKEN"))
    # A job may have the right to a token although another step has signed in.
    if not (address and bearer and environ.get("STEP_CLIENT_ID")):
        return None
    audience = quote(environ.get("STEP_AUDIENCE") or _AUDIENCE, safe="")

    def ask_github() -> str:
        try:
            answer = ask("GET", f"{address}{'&' if '?' in address else '?'}audience={audience}", bearer)
        except RequestFailed as error:
            raise StepError(f"GitHub gave no token for this job: {error}") from error
        value = answer.get("value") if isinstance(answer, dict) else None
        if not isinstance(value, str) or not value:
            raise StepError("GitHub's answer holds no token.")
        return value

    return ask_github


@contextmanager
def _fresh(source: Callable[[], str], folder: Path) -> Iterator[Path]:
    """The file with a token that is never older than `_SECONDS`."""
    file, ended = folder / "token", threading.Event()
    _keep(source(), file)

    def renew() -> None:
        while not ended.wait(_SECONDS):
            try:
                _keep(source(), file)
            except StepError as error:
                print(f"The token for the sign-in was not renewed: {error}", file=sys.stderr, flush=True)

    thread = threading.Thread(target=renew, daemon=True)
    thread.start()
    try:
        yield file
    finally:
        ended.set()
        thread.join()


def _keep(token: str, file: Path) -> None:
    """Put a token in the place of the one before; who reads it sees one of the two."""
    for line in masks(token):
        print(line, flush=True)
    aside = file.with_suffix(".new")
    aside.touch(mode=0o600)
    aside.write_text(token, encoding="ascii")
    aside.replace(file)
