"""Names in the directory, answers and arguments are data: none of them steers a terminal, a log or a document."""

import pytest

from tests.cli.conftest import Program
from tests.conftest import Sandbox
from tests.render.hostile import MARKUP, STEERING, is_plain
from tests.support.sampling import sampled

UNSENDABLE = "surrogate"
"""What no request can carry."""


def renamed(azure: Sandbox, name: str) -> None:
    """Call the client A otherwise, as anybody may who owns it."""
    (application,) = azure.applications("A")
    azure.graph("PATCH", f"/applications/{application['id']}", json={"displayName": name})
    principals = azure.graph("GET", "/servicePrincipals", params={"$filter": f"appId eq '{application['appId']}'"})
    azure.graph("PATCH", f"/servicePrincipals/{principals['value'][0]['id']}", json={"displayName": name})


@pytest.fixture
def with_client(mct: Program) -> None:
    assert mct("setup", "--client", "A", "-y").code == 0


NAMES = [*MARKUP, *(text for tries, text in STEERING.items() if tries != UNSENDABLE)]


@pytest.mark.parametrize("name", sampled(NAMES, 3, salt="names"))
def test_a_client_may_be_called_anything(mct: Program, azure: Sandbox, with_client: None, name: str) -> None:
    renamed(azure, name)
    for command in (["status"], ["verify"], ["remove-client", name, "--dry-run"]):
        ended = mct(*command)
        assert ended.code in {0, 1, 2, 3}
        assert "bug in mct-s2s" not in ended.err
        assert all(is_plain(line) for line in (ended.out + ended.err).split("\n"))
    document = mct("status", "-o", "json")
    assert [client["displayName"] for client in document.document["clients"]] == [name]
    assert all(is_plain(line) for line in document.out.split("\n"))


def test_markup_is_shown_and_not_obeyed(mct: Program, azure: Sandbox, with_client: None) -> None:
    renamed(azure, "Good[/red] [bold]x")
    ended = mct("status")
    assert ended.code == 0, ended.err
    assert "Good[/red] [bold]x" in ended.out


def test_a_setting_may_hold_anything(mct: Program, azure: Sandbox, with_client: None) -> None:
    hostile = "".join(text for tries, text in STEERING.items() if tries != UNSENDABLE)
    azure.write_settings({**azure.settings(), "ServiceAuthTenantName": hostile, "ServiceAuthRole": f"[/red]{hostile}"})
    ended = mct("status")
    assert ended.code == 3
    assert all(is_plain(line) for line in (ended.out + ended.err).split("\n"))


@pytest.mark.parametrize("words", [["status", "--slot", "\x1b]0;x\x07"], ["add-client", "\x1b[2J\u202e"], ["\x1b[2J"]])
def test_an_argument_may_hold_anything(mct: Program, words: list[str]) -> None:
    for more in ([], ["-o", "json"]):
        ended = mct(*words, *more)
        assert ended.code == 2
        assert all(is_plain(line) for line in (ended.out + ended.err).split("\n"))
