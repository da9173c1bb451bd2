"""`--secret-to exec:COMMAND`: the program gets the value alone; what it does not take is never lost in silence."""

import json
import os
import shlex
import signal
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Program
from tests.conftest import SITE, Sandbox

KEEP = "import sys; open(sys.argv[1], 'w').write(sys.stdin.read())"
KEEP_ENVIRONMENT = "import json, os, sys; json.dump(dict(os.environ), open(sys.argv[1], 'w'))"
FAIL = "import sys; sys.stdin.read(); sys.exit(3)"


@pytest.fixture
def outside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the programs of these tests keep what they get: the user's home is looked through for secrets."""
    return tmp_path_factory.mktemp("outside")


def to_python(code: str, *arguments: str) -> tuple[str, str]:
    """`--secret-to` with a small Python program."""
    return "--secret-to", "exec:" + shlex.join([sys.executable, "-c", code, *arguments])


def works(azure: Sandbox, client: str, secret: str) -> bool:
    (application,) = azure.applications(client)
    return azure.token(f"{azure.graph_url}/.default", application["appId"], secret).is_success


def removal(azure: Sandbox, client: str) -> str:
    """The command that removes the client's only secret."""
    (application,) = azure.applications(client)
    (secret,) = application["passwordCredentials"]
    return f"az ad app credential delete --id {application['appId']} --key-id {secret['keyId']}"


def test_a_program_gets_the_secret_alone_and_nothing_else_shows_it(mct: Program, azure: Sandbox, outside: Path) -> None:
    kept, planted = outside / "kept", outside / "planted"
    place = to_python(KEEP, str(kept), f"; touch {planted}", f"$(touch {planted})")
    ended = mct("setup", "--client", "One", *place, "-y", "-o", "json")
    (credential,) = ended.made
    assert (ended.code, credential["savedTo"], "secret" in credential) == (0, place[1], False), "as it was written"
    secret = kept.read_text()
    assert works(azure, "One", secret), "without a line end"
    assert secret not in ended.out + ended.err
    assert not planted.exists(), "no shell reads the command"
    again = mct("setup", "--client", "One", *place, "-y", "-o", "json")
    assert (again.code, again.made, len(azure.applications("One")[0]["passwordCredentials"])) == (0, [], 1)


@pytest.mark.parametrize("kind", ["secret", "certificate"])
def test_a_program_has_an_environment_of_its_own(mct: Program, azure: Sandbox, outside: Path, kind: str) -> None:
    kept = outside / "kept"
    tokens = {"ACTIONS_ID_TOKEN_REQUEST_TOKEN": "t", "GITHUB_TOKEN": "t", "LANG": "C.UTF-8", "PATH": os.environ["PATH"]}
    place = to_python(KEEP_ENVIRONMENT, str(kept))
    assert mct("setup", "--client", "One", "--credential", kind, *place, "-y", env=tokens).code == 0
    found = json.loads(kept.read_text())
    found.pop("LC_CTYPE", None)  # Python sets it for itself
    (application,) = azure.applications("One")
    assert found.pop("HOME")
    assert found == {
        "PATH": tokens["PATH"],
        "LANG": tokens["LANG"],
        "MCT_S2S_CLIENT": "One",
        "MCT_S2S_CLIENT_ID": application["appId"],
        "MCT_S2S_TENANT_ID": azure.tenant_id,
        "MCT_S2S_APP_SERVICE": SITE.rpartition("/")[2],
    }


FAILURES = {
    "an exit code": (FAIL, "exit code 3"),
    "what it says": ("import sys; sys.stdin.read(); sys.exit('no such vault')", "exit code 1: no such vault"),
    "what it was given": ("import sys; sys.exit(sys.stdin.read())", "exit code 1)"),
    "a signal": ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "exit code -9"),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_secret_that_a_program_does_not_take_is_told_with_the_command_that_removes_it(
    mct: Program, azure: Sandbox, failure: str
) -> None:
    code, told = FAILURES[failure]
    ended = mct("setup", "--client", "One", *to_python(code), "-y", "-o", "json")
    error, (credential,) = ended.document["error"], ended.made
    assert (ended.code, error["code"]) == (1, "secret-not-delivered"), ended
    assert told in error["message"]
    assert (credential["savedTo"], credential["removal"]) == (None, removal(azure, "One"))


def test_a_program_that_is_cut_off_leaves_no_secret_that_is_not_told(process: Program, azure: Sandbox) -> None:
    wait = "import os, signal, time; os.kill(os.getppid(), signal.SIGINT); time.sleep(600)"
    ended = process("setup", "--client", "One", *to_python(wait), "-y")
    assert ended.code == 128 + signal.SIGINT, ended
    assert removal(azure, "One") in ended.err


def test_a_program_that_is_not_there_is_told_before_anything_is_made(mct: Program, azure: Sandbox) -> None:
    ended = mct("setup", "--client", "One", "--secret-to", "exec:no-such-program set", "-y")
    assert (ended.code, azure.applications("One")) == (2, [])
    assert "Cannot find the program 'no-such-program'" in ended.err


def test_a_private_key_is_handed_over_before_its_certificate_is_registered(
    mct: Program, azure: Sandbox, outside: Path
) -> None:
    kept, certificate = outside / "kept", ("--credential", "certificate")
    refused = mct("setup", "--client", "One", *certificate, *to_python(FAIL), "-y")
    (application,) = azure.applications("One")
    assert (refused.code, application["keyCredentials"]) == (1, [])
    assert mct("setup", "--client", "One", *certificate, *to_python(KEEP, str(kept)), "-y").code == 0
    assert kept.read_text().startswith("-----BEGIN PRIVATE KEY-----")
