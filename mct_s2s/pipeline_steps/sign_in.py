"""Federated sign-in: the service's own token for this job, in the file that mct-s2s reads.

Nothing is kept.
"""

import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import quote

from mct_s2s.pipeline_steps.inputs import StepError
from mct_s2s.pipeline_steps.requests import RequestFailed, ask
from mct_s2s.render.pipelines import masks

_AUDIENCE = "api://AzureADTokenExchange"
_OF_THE_JOB = (
    *("ACTIONS_", "GITHUB_", "INPUT_", "STEP_"),
    *("AZURESUBSCRIPTION_", "ENDPOINT_", "SYSTEM_", "idToken", "servicePrincipal"),
)
"""Beginnings of variables that mct-s2s, and a program that it hands a secret to, have no use for:
tokens of the job, and the files by which a program could set outputs and variables of later steps.
"""
_KEPT = "GITHUB_ACTIONS"
"""By which mct-s2s knows who reads its log."""
_SECONDS = 240.0
"""A token of GitHub is valid for some five minutes.

One that is older than this is replaced while mct-s2s runs.
"""


@contextmanager
def signed_in(environ: Mapping[str, str], folder: Path) -> Iterator[dict[str, str]]:
    """The environment for mct-s2s, valid until the end of the block.

    The token is in a file below the folder.

    The token is asked of GitHub (`permissions: id-token: write`) or of Azure Pipelines (the task
    AzureCLI with `System.AccessToken`), or is in `idToken` (the same task, which has been seen to
    hand out one of the day before). If there is none, the environment stays as it is: someone has
    signed in before, or the machine has an identity. Sources:
    docs.github.com/actions/reference/security/oidc; azure-identity's `AzurePipelinesCredential`.
    """
    environment = {
        name: text
        for name, text in environ.items()
        if name == _KEPT or not name.startswith(_OF_THE_JOB)
    }
    client, tenant = environ.get("STEP_CLIENT_ID", ""), environ.get("STEP_TENANT_ID", "")
    client, tenant = (
        client or environ.get("servicePrincipalId", ""),
        tenant or environ.get("tenantId", ""),
    )
    subscription = environ.get("STEP_SUBSCRIPTION_ID", "")
    environment |= {"AZURE_SUBSCRIPTION_ID": subscription} if subscription else {}
    source = _source(environ)
    if source is None:
        if environ.get("STEP_CLIENT_ID"):
            raise StepError(
                "There is no token to sign in with. On GitHub, the job needs `permissions: "
                "id-token: write`, which pull requests from forks never get; on Azure Pipelines "
                "the task AzureCLI@2 with `addSpnToEnvironment: true` and a service connection "
                "with workload identity federation."
            )
        yield environment
        return
    environment |= {"AZURE_CLIENT_ID": client} if client else {}
    environment |= {"AZURE_TENANT_ID": tenant} if tenant else {}
    with (
        tempfile.TemporaryDirectory(dir=folder, prefix="token-") as private,
        _fresh(source, Path(private)) as file,
    ):
        yield {**environment, "AZURE_FEDERATED_TOKEN_FILE": str(file)}


def _source(environ: Mapping[str, str]) -> Callable[[], str] | None:
    """Where tokens come from: a service that makes new ones, else a variable that has one."""
    address, bearer = (
        environ.get(f"ACTIONS_ID_TOKEN_REQUEST_{name}", "") for name in ("URL", "TOKEN")
    )
    # A job can have the right to a token although another step has signed in.
    if address and bearer and environ.get("STEP_CLIENT_ID"):
        audience = quote(environ.get("STEP_AUDIENCE") or _AUDIENCE, safe="")
        return partial(
            _asked,
            "GET",
            f"{address}{'&' if '?' in address else '?'}audience={audience}",
            bearer,
            "value",
        )
    names = (
        "SYSTEM_OIDCREQUESTURI",
        "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID",
        "SYSTEM_ACCESSTOKEN",
    )
    address, connection, bearer = (environ.get(name, "") for name in names)
    if address and connection and bearer:
        query = f"api-version=7.1&serviceConnectionId={quote(connection, safe='')}"
        return partial(_asked, "POST", f"{address.rstrip('/')}?{query}", bearer, "oidcToken")
    return partial(str, environ["idToken"]) if environ.get("idToken") else None


def _asked(method: str, address: str, bearer: str, member: str) -> str:
    try:
        answer = ask(method, address, bearer)
    except RequestFailed as error:
        raise StepError(f"There is no token for this job: {error}") from error
    value = answer.get(member) if isinstance(answer, dict) else None
    if not isinstance(value, str) or not value:
        raise StepError("The answer of the service that gives out tokens for jobs holds none.")
    return value


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
                print(
                    f"The token for the sign-in was not renewed: {error}",
                    file=sys.stderr,
                    flush=True,
                )

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
