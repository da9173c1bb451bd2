"""Bad input: one message with a remedy, the right exit code, and nothing written."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Program, run
from tests.conftest import MACHINE, SITE, Sandbox

OTHER = "11111111-2222-3333-4444-555555555555"

BEFORE_ANYTHING_IS_SENT: dict[str, tuple[list[str], int, str]] = {
    "malformed resource id": (["setup", "-a", "/subscriptions/x"], 2, "malformed-resource-id"),
    "an id that is no site's": (["status", "-a", SITE.replace("/sites/", "/serverfarms/")], 2, "not-an-app-service"),
    "malformed GUID": (["configure-appservice", "--tenant-id", "contoso"], 2, "malformed-id"),
    "no client": (["add-client"], 2, "client-missing"),
    "lifetime in the past": (["add-client", "A", "--secret-lifetime", "2020-01-01"], 2, "lifetime-in-the-past"),
    "no lifetime": (["add-client", "A", "--secret-lifetime", "3y"], 2, "malformed-lifetime"),
    "a certificate that is not there": (
        ["add-client", "A", "--credential", "certificate", "--certificate", "/nowhere/x.pem"], 2,
        "certificate-unfit",
    ),
    "a certificate for a secret": (
        ["add-client", "A", "--credential", "secret", "--certificate", "x.pem"], 2, "contradictory-options",
    ),
    "a repository beside a certificate": (
        ["add-client", "A", "--github", "a/b", "--certificate", "x.pem"], 2, "contradictory-options",
    ),
    "a place for no secret": (
        ["add-client", "A", "--github", "a/b", "--secret-to", "show"], 2,
        "contradictory-options",
    ),
    "nobody to rotate": (["rotate-secret"], 2, "client-missing"),
    "one to rotate, and all": (["rotate-secret", "One", "--expiring-within", "30d"], 2, "client-missing"),
    "no duration": (["rotate-secret", "One", "--keep-old", "soon"], 2, "malformed-duration"),
    "to keep and to remove": (
        ["rotate-secret", "One", "--keep-old", "1d", "--remove-old"], 2, "contradictory-options",
    ),
    "a secret that is due at once": (
        ["rotate-secret", "--expiring-within", "30d", "--secret-lifetime", "20d"], 2, "lifetime-too-short",
    ),
    "nobody's tokens": (["setup", "--client", "A", "--credential", "federated"], 2, "federation-incomplete"),
    "no repository": (
        ["add-client", "A", "--credential", "federated", "--github", "a"], 2, "malformed-repository",
    ),
    "role that Graph refuses": (["setup", "--role", "a b"], 2, "malformed-role"),
    "unknown cloud": (["status", "--cloud", "mars"], 2, "unknown-cloud"),
    "cloud without TLS": (["status", "--cloud", "http://localhost:1"], 2, "unknown-cloud"),
    "id and group that disagree": (["status", "-a", SITE, "-g", "other"], 2, "contradictory-options"),
    "no folder for the handoff": (["setup", "--handoff", "/nowhere/x.json"], 2, "handoff-unwritable"),
    "no handoff": (["configure-appservice", "--from", "/nowhere/x.json"], 2, "handoff-unreadable"),
    "values beside a handoff": (
        ["configure-appservice", "--from", "x.json", "--role", "R"], 2, "contradictory-options",
    ),
}  # fmt: skip

AFTER_LOOKING: dict[str, tuple[list[str], int, str]] = {
    "no such site": (["setup", "-a", "contosolern"], 2, "site-not-found"),
    "no such slot": (["setup", "--slot", "blue"], 2, "slot-not-found"),
    "unknown resource of an identity": (["setup", "--managed-identity", "nobody"], 2, "site-not-found"),
    "unknown resource of another kind": (
        ["setup", "--managed-identity", f"{MACHINE}-nobody"], 2, "resource-not-found",
    ),
    "unknown subscription": (["setup", "-s", OTHER], 2, "subscription-not-found"),
    "unknown registration": (["setup", "--service-app", OTHER], 2, "service-application-missing"),
    "a place that cannot be written": (["setup", "--client", "A", "--secret-to", "file:/proc/x"], 2,
                                       "secret-place-unwritable"),
    "nobody to ask": (["setup"], 2, "confirmation-missing"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("words", "code", "name"), BEFORE_ANYTHING_IS_SENT.values(), ids=BEFORE_ANYTHING_IS_SENT.keys()
)
def test_a_mistake_is_told_before_anything_is_sent(
    mct: Program, azure: Sandbox, words: list[str], code: int, name: str
) -> None:
    done = mct(*words, *([] if words[0] == "status" else ["-y"]), env={"MCT_S2S_OUTPUT": "json"})
    assert done.code == code, done
    error = done.document["error"]
    assert error["code"] == name
    assert done.err.splitlines()[0].startswith("error: "), "and one line for whoever watches"
    assert azure.writes() == []
    assert azure.log("graph") == []


@pytest.mark.parametrize(("words", "code", "name"), AFTER_LOOKING.values(), ids=AFTER_LOOKING.keys())
def test_a_mistake_that_azure_shows_is_told_before_anything_is_written(
    mct: Program, azure: Sandbox, words: list[str], code: int, name: str
) -> None:
    confirmed = [] if name == "confirmation-missing" else ["-y"]
    away = {"MCT_S2S_RESOURCE_GROUP": ""} if name == "site-not-found" else {}
    done = mct(*words, *confirmed, "-o", "json", env=away)
    assert done.code == code, done
    assert done.document["error"]["code"] == name
    assert azure.writes() == []


def test_a_mistake_is_one_message_with_its_remedy_for_a_person(mct: Program) -> None:
    done = mct("setup", "contosolern", env={"MCT_S2S_RESOURCE_GROUP": ""})
    assert done.code == 2
    assert done.out == ""
    assert done.err.count("error: ") == 1
    assert "[site-not-found]\n" in done.err
    assert "→ Did you mean contosolearn (in mct-prod)?\n" in done.err, "and not the function app beside it"
    assert "Traceback" not in done.err


def test_nobody_signed_in_is_exit_4(mct: Program) -> None:
    nobody = {"AZURE_CLIENT_ID": "", "AZURE_CLIENT_SECRET": "", "PATH": "/nowhere"}
    done = mct("status", "-o", "json", env=nobody)
    assert (done.code, done.document["error"]["code"]) == (4, "not-signed-in")


def test_a_cloud_that_does_not_answer_is_exit_1(mct: Program) -> None:
    done = mct("status", "--cloud", "https://localhost:9", "-o", "json")
    assert (done.code, done.document["error"]["code"]) == (1, "cloud-unreachable")


def test_help_needs_no_environment(tmp_path: Path) -> None:
    done = run("--help", env={}, home=tmp_path)
    assert done.code == 0
    for command in ("setup", "add-client", "configure-appservice", "status", "sandbox"):
        assert command in done.out
    assert done.err == ""


@pytest.mark.parametrize("words", [(), ("sandbox",)], ids=["mct-s2s", "mct-s2s sandbox"])
def test_a_group_alone_prints_a_short_help(words: tuple[str, ...], mct: Program) -> None:
    done = mct(*words)
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert len(lines) < 24
    assert [line for line in lines if line != line.rstrip() or len(line) > 80] == []
    shown = {word for line in lines for word in line.split()}
    assert {"serve", "reset"} <= shown if words else {"doctor", "setup", "status", "help"} <= shown


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("add-client", "two\nlines"), "it has a line break or control character. [client-name-unusable]"),
        (("add-client", "n" * 121), "it has 121 characters. [client-name-unusable]"),
        (("configure-appservice", "--restore", "no.json"), "'no.json': No such file or directory. [backup-unreadable]"),
        (("configure-appservice", "--from", "no.json"), "'no.json': No such file or directory. [handoff-unreadable]"),
        (("teardown", "--dry-run"), "No changes. There is nothing to remove from contosolearn."),
    ],
)
def test_what_is_said_is_what_is_wrong(mct: Program, words: tuple[str, ...], told: str) -> None:
    done = mct(*words)
    assert told in " ".join((done.out + done.err).split())
