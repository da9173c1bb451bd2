"""A secret that was made is told on every way out: shown as soon as it exists, once, and only where
that was asked for.

Without it a run that fails after the secret was made loses it, and the next one says that all is
right already. And a rotation takes none from anybody who has not got the new one: a reference
follows within a day, not within seconds.
"""

import os
import shlex
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mct_s2s.sandbox.observability.exchange import Entry
from mct_s2s.sandbox.resources.role_assignments import SECRETS_USER
from mct_s2s.sandbox.state import seed

from tests.cli.conftest import Ended, Program, values_in
from tests.conftest import GROUP, JSON, Sandbox, at_home, program, without_azure
from tests.support.sandbox_inside import Inside

SHOW = ("setup", "--client", "One", "--secret-to", "show", "-y")
AS_JSON = ("-o", "json")
SHOWN = "shown here once: "
REFUSED = {
    "match": {"service": "ARM", "method": "PUT", "path": "*/config/appsettings"},
    "fault": {"type": "status", "status": 403, "code": "AuthorizationFailed"},
}


def _works(azure: Sandbox, secret: str) -> bool:
    """Whether Entra gives the client a token for it, whose service principal an interruption may
    have come before.
    """
    (application,) = azure.applications("One")
    if not azure.graph(
        "GET", "/servicePrincipals", params={"$filter": f"appId eq '{application['appId']}'"}
    )["value"]:
        azure.graph("POST", "/servicePrincipals", json={"appId": application["appId"]})
    return azure.token(f"{azure.graph_url}/.default", application["appId"], secret).is_success


def _shown(ended: Ended) -> str:
    assert ended.out.count(SHOWN) == 1, ended
    return ended.out.partition(SHOWN)[2].splitlines()[0].strip()


def _passwords(azure: Sandbox) -> list[dict[str, Any]]:
    return [
        credential for app in azure.applications("One") for credential in app["passwordCredentials"]
    ]


def _at(inside: Inside, method: str, path: str, act: Callable[[], None]) -> None:
    """Act once, when such a request has taken effect and its answer has not left."""
    acted: list[bool] = []

    async def hook(entry: Entry) -> None:
        if not acted and entry.method == method and entry.path.endswith(path):
            acted.append(True)
            act()

    inside.hooks.after.append(hook)


def test_settings_that_are_refused_do_not_lose_a_shown_secret(mct: Program, azure: Sandbox) -> None:
    azure.misbehave(REFUSED)
    ended = mct(*SHOW)
    assert ended.code == 4, ended
    secret = _shown(ended)
    assert (_works(azure, secret), secret in ended.err) == (True, False)
    azure.behave()
    again = mct(*SHOW)
    assert (again.code, SHOWN in again.out, len(_passwords(azure))) == (0, False, 1)


def test_the_error_document_has_the_secret_in_its_one_place(mct: Program, azure: Sandbox) -> None:
    azure.misbehave(REFUSED)
    ended = mct(*SHOW, *AS_JSON)
    assert (ended.code, ended.document["schema"]) == (4, "mct-s2s/error/v1")
    (credential,) = ended.made
    assert _works(azure, credential["secret"])
    assert (ended.out.count(credential["secret"]), credential["secret"] in ended.err) == (1, False)


def test_the_file_of_a_secret_is_told_by_a_run_that_fails(mct: Program, azure: Sandbox) -> None:
    azure.misbehave(REFUSED)
    ended = mct("setup", "--client", "One", "-y")
    path = Path(ended.err.rpartition("saved to ")[2].split("\n")[0])
    assert (ended.code, path.is_file()) == (4, True)
    assert ended.err.count(f", saved to {path}\n") == 2, "in the plan, and when it failed"
    azure.behave()
    document = mct("add-client", "Two", "-y", *AS_JSON).document
    assert "secret" not in document["credentials"][0], "JSON that did not ask for it never has it"


def test_the_deadline_loses_no_shown_secret(mct: Program, azure: Sandbox) -> None:
    azure.misbehave({"match": REFUSED["match"], "fault": {"type": "hang"}})
    ended = mct(*SHOW, "--timeout", "30")
    assert (ended.code, "Timed out after 30 s" in ended.err) == (1, True), ended
    assert _works(azure, _shown(ended))
    assert ended.seconds < 40


def test_the_deadline_waits_for_the_answer_to_a_secrets_creation(
    mct: Program, azure: Sandbox
) -> None:
    slow = {"type": "latency", "seconds": 22, "when": "after"}
    azure.misbehave({"match": {"service": "Graph", "path": "*addPassword"}, "fault": slow})
    ended = mct(*SHOW, *AS_JSON, "--timeout", "20")
    assert (ended.code, ended.document["error"]["code"]) == (1, "deadline-passed")
    assert _works(azure, ended.made[0]["secret"])


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("path", ["/addPassword", "/config/appsettings"])
@pytest.mark.parametrize("words", [(), AS_JSON])
def test_signals_lose_no_shown_secret(
    mct: Program,
    azure: Sandbox,
    inside: Inside,
    sent: signal.Signals,
    code: int,
    path: str,
    words: tuple[str, ...],
) -> None:
    method = "POST" if path == "/addPassword" else "PUT"
    _at(inside, method, path, lambda: os.kill(os.getpid(), sent))
    ended = mct(*SHOW, *words)
    assert ended.code == code, ended
    secret = ended.made[0]["secret"] if words else _shown(ended)
    assert (_works(azure, secret), ended.out.count(secret), secret in ended.err) == (True, 1, False)
    assert "Run the same command again" in ended.err


def test_an_interrupted_proof_loses_no_shown_secret(
    mct: Program, azure: Sandbox, inside: Inside
) -> None:
    _at(inside, "GET", "/api/v1/organization", lambda: os.kill(os.getpid(), signal.SIGINT))
    ended = mct(*SHOW)
    assert ended.code == 130, ended
    assert _works(azure, _shown(ended))


def test_a_rotation_cut_off_shows_the_new_secret_and_keeps_the_old(
    mct: Program, azure: Sandbox, inside: Inside
) -> None:
    old = _shown(mct(*SHOW))
    _at(inside, "POST", "/addPassword", lambda: os.kill(os.getpid(), signal.SIGINT))
    ended = mct("rotate-secret", "One", "--secret-to", "show", "-y")
    assert ended.code == 130, ended
    assert (_works(azure, _shown(ended)), _works(azure, old)) == (True, True)


def _environment(inside: Inside, home: Path) -> dict[str, str]:
    return {**without_azure(), **inside.azure.environment, **at_home(home)}


def _with_a_reader_that_leaves(
    inside: Inside, home: Path, words: tuple[str, ...], when: tuple[str, str] | None
) -> tuple[int, str]:
    """A run whose standard output is a pipe that nobody reads any more from some request on."""
    environment = _environment(inside, home)
    with inside.time.flowing():
        reader, writer = os.pipe()
        if when is None:
            os.close(reader)
        else:
            _at(inside, *when, lambda: os.close(reader))
        with subprocess.Popen(
            program(words),
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=writer,
            stderr=subprocess.PIPE,
            text=True,
        ) as ran:
            os.close(writer)
            err = ran.communicate(timeout=120)[1]
    inside.leave_alone()
    return ran.returncode, err


@pytest.mark.parametrize("words", [(), AS_JSON])
def test_where_nobody_reads_the_output_no_secret_is_made(
    azure: Sandbox, inside: Inside, tmp_path: Path, words: tuple[str, ...]
) -> None:
    code, err = _with_a_reader_that_leaves(inside, tmp_path, (*SHOW, *words), None)
    assert (code, _passwords(azure), azure.writes()) == (2 if not words else code, [], [])
    assert "Traceback" not in err


@pytest.mark.parametrize("words", [(), AS_JSON])
def test_where_the_output_is_closed_from_the_start_no_secret_is_made(
    azure: Sandbox, inside: Inside, tmp_path: Path, words: tuple[str, ...]
) -> None:
    closed = ("/bin/sh", "-c", 'exec "$@" >&-', "sh", *program((*SHOW, *words)))
    with inside.time.flowing():
        ran = subprocess.run(
            closed,
            env=_environment(inside, tmp_path),
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    inside.leave_alone()
    assert (ran.returncode, azure.writes()) == (2, []), ran.stderr


def test_a_certificate_whose_key_nobody_saw_is_removed_again(
    azure: Sandbox, inside: Inside, tmp_path: Path
) -> None:
    words = (*SHOW, "--credential", "certificate", *AS_JSON)
    code, err = _with_a_reader_that_leaves(inside, tmp_path, words, ("PUT", "/config/appsettings"))
    (application,) = azure.applications("One")
    assert (code, application["keyCredentials"]) == (1, []), err
    assert "was removed again" in err


@pytest.mark.parametrize(
    ("words", "when"),
    [
        ((), ("POST", "/addPassword")),
        (AS_JSON, ("POST", "/addPassword")),
        (AS_JSON, ("PUT", "/config/appsettings")),  # in text it has been shown by then
    ],
)
def test_a_secret_that_nobody_saw_is_removed_again(
    mct: Program,
    azure: Sandbox,
    inside: Inside,
    tmp_path: Path,
    words: tuple[str, ...],
    when: tuple[str, str],
) -> None:
    code, err = _with_a_reader_that_leaves(inside, tmp_path, (*SHOW, *words), when)
    (application,) = azure.applications("One")
    assert (code, application["passwordCredentials"]) == (1, []), err
    assert ("removed again" in err.lower(), "Traceback" in err) == (True, False), err
    again = mct(*SHOW)
    assert again.code == 0, again
    assert _works(azure, _shown(again))


PORTAL = f"{GROUP}/Microsoft.Web/sites/partner-portal"
VAULT_ID = f"{GROUP}/Microsoft.KeyVault/vaults/{seed.VAULT}"
PLACE = ("--secret-to", f"keyvault:{seed.VAULT}/portal-key")
ROTATE = ("rotate-secret", "Portal", *PLACE, *JSON)
HOUR = 3600.0


def _portal_reads_it(azure: Sandbox, mct: Program) -> None:
    """A portal that calls the API with the settings that `snippet` gives it."""
    body = azure.arm("PATCH", PORTAL, json={"identity": {"type": "SystemAssigned"}})
    azure.assign_role(body["identity"]["principalId"], SECRETS_USER, VAULT_ID)
    words = shlex.split(
        mct("snippet", "Portal", "--language", "app-settings").out.replace("\\\n", ""),
        comments=True,
    )
    settings = (word.split("=", 1) for word in words[words.index("--settings") + 1 :])
    azure.write_settings(dict(settings), PORTAL)
    assert _app_calls(azure)


def _app_calls(azure: Sandbox) -> bool:
    """Whether the portal gets a token with what it finds in its own environment."""
    environment = azure._control("GET", "/app-environment", params={"resource": PORTAL}).json()
    return azure.token(
        environment["MCT_S2S_SCOPE"],
        environment["AZURE_CLIENT_ID"],
        environment["AZURE_CLIENT_SECRET"],
    ).is_success


def _secrets(azure: Sandbox, name: str = "Portal") -> list[str]:
    (application,) = azure.applications(name)
    return [credential["keyId"] for credential in application["passwordCredentials"]]


def test_a_vault_keeps_the_old_one_for_a_day_and_no_reader_fails(
    mct: Program, azure: Sandbox
) -> None:
    mct("setup", "--client", "Portal", *PLACE, *JSON)
    _portal_reads_it(azure, mct)
    (old,) = _secrets(azure)
    done = mct("rotate-secret", "Portal", *PLACE, "-y")
    assert (done.code, old in _secrets(azure)) == (0, True), done
    assert "is kept for 25 hours" in done.err
    assert _app_calls(azure)
    azure.forget()
    again = mct(*ROTATE)
    assert (again.code, old in _secrets(azure)) == (0, True), (
        "a second run is no rotation after that"
    )
    azure.advance(26 * HOUR)
    assert mct(*ROTATE).code == 0
    assert (old in _secrets(azure), _app_calls(azure)) == (False, True)
    assert len(_secrets(azure)) == 2, "and the one that was replaced just now stays in its turn"
    assert mct(*ROTATE, "--remove-old").code == 0
    assert len(_secrets(azure)) == 1


def test_a_secret_that_is_elsewhere_goes_only_if_asked_for(
    mct: Program, azure: Sandbox, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere.env"
    mct("setup", "--client", "One", "--secret-to", f"file:{elsewhere}", *JSON)
    done = mct("rotate-secret", "One", "-y")
    assert (
        done.code,
        "It stays valid" in done.err,
        azure.token_of(values_in(elsewhere)).is_success,
    ) == (
        0,
        True,
        True,
    )
    mct("rotate-secret", "One", "-y")
    azure.advance(2 * HOUR)
    mct("rotate-secret", "One", "-y")
    assert azure.token_of(values_in(elsewhere)).is_success, "however often, and whenever"
    assert len(_secrets(azure, "One")) == 2, "what lay in the file before is replaced as ever"
    (current,) = [c["savedTo"] for c in mct("rotate-secret", "One", "--dry-run", "-o", "json").made]
    before = Path(current.removeprefix("file:")).read_bytes()
    done = mct("rotate-secret", "One", "--remove-old", *JSON)
    assert done.code == 0, done
    assert (azure.token_of(values_in(elsewhere)).is_success, len(_secrets(azure, "One"))) == (
        False,
        1,
    )
    assert Path(current.removeprefix("file:")).read_bytes() == before, (
        "everybody has it by now: no third one is made"
    )
