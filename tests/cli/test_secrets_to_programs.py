"""`--secret-to exec:…`, `github:…` and `show` with a format: who gets the secret, and what becomes of it otherwise."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Program
from tests.conftest import Sandbox

KEEP = "import os, sys; open(sys.argv[1], 'w').write(sys.stdin.read()); print(os.environ['MCT_CLIENT_ID'])"


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


def passwords(azure: Sandbox, client: str) -> int:
    return sum(len(one["passwordCredentials"]) for one in azure.applications(client))


def test_a_program_gets_the_secret_alone_and_nothing_else_shows_it(mct: Program, azure: Sandbox, outside: Path) -> None:
    kept = outside / "kept"
    ended = mct("setup", "--client", "One", *to_python(KEEP, str(kept)), "-y", "-o", "json")
    (credential,) = ended.made
    assert (ended.code, credential["savedTo"], "secret" in credential) == (
        0,
        f"exec:{Path(sys.executable).name}",
        False,
    )
    secret = kept.read_text()
    assert works(azure, "One", secret), "without a line end"
    assert secret not in ended.out + ended.err
    again = mct("setup", "--client", "One", *to_python(KEEP, str(kept)), "-y", "-o", "json")
    assert (again.code, again.document["changes"] and passwords(azure, "One")) == (0, 1)


@pytest.mark.parametrize("form", ["dotenv", "json"])
def test_a_program_gets_all_variables_under_other_names(mct: Program, azure: Sandbox, outside: Path, form: str) -> None:
    kept, words = outside / "kept", ("--secret-format", form, "--secret-names", "MCT_ID=AZURE_CLIENT_ID")
    assert mct("setup", "--client", "One", *to_python(KEEP, str(kept)), *words, "-y").code == 0
    text = kept.read_text()
    pairs = dict(line.split("=", 1) for line in text.splitlines()) if form == "dotenv" else json.loads(text)
    (application,) = azure.applications("One")
    assert pairs["MCT_ID"] == application["appId"]
    assert "AZURE_CLIENT_ID" not in pairs
    assert works(azure, "One", pairs["AZURE_CLIENT_SECRET"].strip("'\""))


FAILURES = {
    "an exit code": ("import sys; sys.stdin.read(); sys.exit(3)", "exit code 3"),
    "what it says": ("import sys; sys.stdin.read(); sys.exit('no such vault')", "exit code 1: no such vault"),
    "what it was given": ("import sys; sys.exit(sys.stdin.read())", "exit code 1)"),
    "a signal": ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "exit code -9"),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_program_that_fails_leaves_no_secret_behind(mct: Program, azure: Sandbox, failure: str) -> None:
    code, told = FAILURES[failure]
    ended = mct("setup", "--client", "One", *to_python(code), "-y", "-o", "json")
    error = ended.document["error"]
    assert (ended.code, error["code"], passwords(azure, "One")) == (1, "secret-not-taken", 0), ended
    assert told in error["message"]
    assert "The secret was removed again." in error["message"]
    assert mct("setup", "--client", "One", "-y").code == 0, "the same command resumes"


def test_a_secret_that_can_not_be_removed_again_is_told_as_an_orphan(mct: Program, azure: Sandbox) -> None:
    refused = {"type": "status", "status": 403, "code": "Authorization_RequestDenied"}
    azure.misbehave({"match": {"service": "Graph", "path": "*removePassword"}, "fault": refused})
    ended = mct("setup", "--client", "One", *to_python("raise SystemExit(1)"), "-y")
    azure.behave()
    (application,) = azure.applications("One")
    (left,) = application["passwordCredentials"]
    assert ended.code == 1
    assert "The secret was removed again." not in ended.err
    assert left["keyId"] in ended.err, "the command that removes it"


def test_a_program_that_is_not_there_is_told_before_anything_is_made(mct: Program, azure: Sandbox) -> None:
    ended = mct("setup", "--client", "One", "--secret-to", "exec:no-such-program set", "-y")
    assert (ended.code, azure.applications("One")) == (2, [])
    assert "Cannot find the program 'no-such-program'" in ended.err


def test_no_shell_reads_the_command(mct: Program, azure: Sandbox, outside: Path) -> None:
    kept, planted = outside / "kept", outside / "planted"
    words = to_python(KEEP, str(kept), f"; touch {planted}", f"$(touch {planted})")
    assert mct("setup", "--client", "One", *words, "-y").code == 0
    assert kept.exists()
    assert not planted.exists()


def test_githubs_command_gets_each_variable_or_one_secret(mct: Program, outside: Path) -> None:
    gh = outside / "bin" / "gh"
    gh.parent.mkdir()
    gh.write_text(f'#!/bin/sh\necho "$@" >> {outside}/words\ncat >> {outside}/read\n')
    gh.chmod(0o755)
    env = {"PATH": f"{gh.parent}:/usr/bin:/bin"}
    ended = mct("setup", "--client", "One", "--secret-to", "github:contoso/import", "-y", "-o", "json", env=env)
    assert (ended.code, ended.made[0]["savedTo"]) == (0, "github:contoso/import")
    ended = mct("add-client", "Two", "--secret-to", "github:contoso/import/MCT", "-y", "-o", "json", env=env)
    assert (ended.code, ended.made[0]["savedTo"]) == (0, "github:contoso/import/MCT")
    assert (outside / "words").read_text().splitlines() == [
        "secret set --repo contoso/import --env-file -",
        "secret set MCT --repo contoso/import",
    ]
    assert "AZURE_CLIENT_SECRET=" in (outside / "read").read_text()


def test_a_private_key_is_handed_over_before_its_certificate_is_registered(
    mct: Program, azure: Sandbox, outside: Path
) -> None:
    kept, certificate = outside / "kept", ("--credential", "certificate")
    refused = mct("setup", "--client", "One", *certificate, *to_python("raise SystemExit(1)"), "-y")
    (application,) = azure.applications("One")
    assert (refused.code, application["keyCredentials"]) == (1, [])
    keep = "import sys; open(sys.argv[1], 'w').write(sys.stdin.read())"
    assert mct("setup", "--client", "One", *certificate, *to_python(keep, str(kept)), "-y").code == 0
    assert kept.read_text().startswith("-----BEGIN PRIVATE KEY-----")
    odd = mct("add-client", "Two", *certificate, *to_python(keep, str(kept)), "--secret-format", "json", "-y")
    assert (odd.code, "several lines" in odd.err, azure.applications("Two")) == (2, True, [])


@pytest.mark.parametrize("form", ["value", "dotenv", "json"])
def test_with_a_format_standard_output_holds_the_credential_and_nothing_else(
    mct: Program, azure: Sandbox, form: str
) -> None:
    ended = mct("setup", "--client", "One", "--secret-to", "show", "--secret-format", form, "-y")
    assert ended.code == 0, ended.err
    match form:
        case "value":
            secret = ended.out
        case "dotenv":
            secret = dict(line.split("=", 1) for line in ended.out.splitlines())["AZURE_CLIENT_SECRET"].strip("'\"")
        case _:
            secret = json.loads(ended.out)["AZURE_CLIENT_SECRET"]
    assert works(azure, "One", secret)
    assert secret not in ended.err


def test_a_rotation_keeps_the_old_secret_where_no_one_knows_who_reads_it(
    mct: Program, azure: Sandbox, outside: Path
) -> None:
    assert mct("setup", "--client", "One", *to_python(KEEP, str(outside / "old")), "-y").code == 0
    ended = mct("rotate-secret", "One", *to_python(KEEP, str(outside / "new")), "-y")
    old, new = (outside / "old").read_text(), (outside / "new").read_text()
    assert (ended.code, works(azure, "One", old), works(azure, "One", new)) == (0, True, True)
    assert "--remove-old" in ended.err
