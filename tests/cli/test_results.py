"""What the changing commands say at their end, for people in six lines and for programs as the contract has it."""

from __future__ import annotations

import shlex
from pathlib import Path

from tests.cli.conftest import Program
from tests.conftest import SITE, Sandbox

SETUP = ("setup", "--client", "A", "-y")
JSON = ("-o", "json")
READER = ("Reader", SITE)
READ = ("Application.Read.All", "Organization.Read.All", "RoleManagement.Read.Directory")


def command_after(text: str, start: str) -> list[str]:
    """The words of a printed command, without the name of the program."""
    (line,) = [line for line in text.splitlines() if start in line]
    return shlex.split(line[line.index(start) :])[1:]


# for people


def test_the_commands_that_are_printed_need_no_environment(mct: Program, azure: Sandbox) -> None:
    bare = {"MCT_S2S_APP_SERVICE": "", "MCT_S2S_RESOURCE_GROUP": "", "MCT_S2S_CLOUD": "", "AZURE_SUBSCRIPTION_ID": ""}
    where = ("-a", "contosolearn", "-g", "mct-prod", "-s", azure.subscription_id, "--cloud", azure.origin)
    more = ("--slot", "staging", "--tenant", azure.tenant_id, "--auth", "environment")
    done = mct(*SETUP, *where, *more, env=bare)
    assert done.code == 0, done.err
    for verb in ("mct-s2s status", "mct-s2s snippet"):
        words = command_after(done.out, verb)
        for option, value in zip((where + more)[::2], (where + more)[1::2], strict=True):
            assert words[words.index(option) + 1] == value
    assert mct(*command_after(done.out, "mct-s2s status"), env=bare).code == 0


# for programs


def test_a_credential_whose_place_is_not_known_has_none(mct: Program, azure: Sandbox) -> None:
    (made,) = mct(*SETUP, *JSON).document["credentials"]
    Path(made["savedTo"].removeprefix("file:")).unlink()
    there = mct(*SETUP, *JSON).document["credentials"]
    assert [(one["created"], one["savedTo"]) for one in there if not one["created"]] == [(False, None)]


def test_an_error_is_one_line_beside_the_document(mct: Program, azure: Sandbox) -> None:
    for words in (("remove-client", "Nope", "-y", *JSON), ("setup", "--role", "a b", "-y", *JSON)):
        ended = mct(*words)
        assert ended.document["schema"] == "mct-s2s/error/v1"
        (line,) = [line for line in ended.err.splitlines() if line.startswith("error: ")]
        message, _, code = line.removeprefix("error: ").rpartition(" ")
        assert ended.document["error"]["message"].startswith(message)
        assert code == f"[{ended.document['error']['code']}]"


# dry runs


def test_a_dry_run_without_rights_shows_the_plan_and_what_is_missing(mct: Program, azure: Sandbox) -> None:
    caller = azure.caller("Application.ReadWrite.OwnedBy", *READ, arm=[READER])
    azure.forget()
    shown = mct("setup", "--client", "A", "--dry-run", env=caller)
    assert (shown.code, azure.writes()) == (4, [])
    assert "! application settings" in shown.out
    assert "+ client application" in shown.out
    assert "az role assignment create --assignee " in shown.out
    dry = mct("setup", "--client", "A", "--dry-run", *JSON, env=caller)
    assert dry.code == 4
    assert [row["resource"] for row in dry.document["changes"] if row["blocked"]] == ["application settings"]
    rights = {(one["step"], one["right"]) for one in dry.document["missing"]}
    assert ("write the application settings of 'contosolearn'", "Website Contributor") in rights
    assert all(one["who"] and one["command"] for one in dry.document["missing"])


def test_a_step_that_stops_the_whole_is_marked(mct: Program, azure: Sandbox) -> None:
    caller = azure.caller(*READ, arm=[("Website Contributor", SITE)])
    dry = mct("setup", "--client", "A", "--dry-run", *JSON, env=caller)
    assert dry.code == 4, dry.err
    blocked = {row["resource"] for row in dry.document["changes"] if row["blocked"]}
    assert blocked >= {"service application", "client application"}
    real = mct(*SETUP, *JSON, env=caller)
    assert (real.code, azure.writes()) == (4, [])
    missing = {(one["step"], one["command"]) for one in real.document["error"]["missing"]}
    assert missing == {(one["step"], one["command"]) for one in dry.document["missing"]}


def test_a_plan_is_printed_as_markdown(mct: Program, azure: Sandbox) -> None:
    dry = mct("setup", "--client", "A", "--dry-run", "-o", "markdown")
    assert (dry.code, azure.writes()) == (3, [])
    assert dry.out.startswith("# Plan for contosolearn\n")
    fingerprint = mct("setup", "--client", "A", "--dry-run", *JSON).document["fingerprint"]
    assert f"Fingerprint: `{fingerprint}`" in dry.out
    assert "      + ServiceAuthEnabled " in dry.out
    refused = mct(*SETUP, "-o", "markdown")
    assert (refused.code, azure.writes()) == (2, [])
