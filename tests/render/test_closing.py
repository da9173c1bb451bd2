"""The credentials of a run: whose they are, when they end, and where they are to be found."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from mct_s2s.model.client_credentials import NEVER, CredentialKind
from mct_s2s.render.closing import show_credentials, vault_reading

from tests.render.conftest import Screens
from tests.render.examples import ODD_NAMES, saved
from tests.render.reading import line_with, pasteable, words_of

PEM = "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49\n-----END PRIVATE KEY-----\n"


@pytest.mark.parametrize("width", [80, 120])
def test_a_saved_secret_is_on_one_line_with_its_client_its_end_and_its_whole_path(screens: Screens, width: int) -> None:
    path = "/home/ada/" + "very-long-folder/" * 12 + "import.env"
    screen = screens(width, is_terminal=True)
    show_credentials(screen.terminal, [saved(saved_to=f"file:{path}")])
    assert words_of(f"Import  expires 2027-11-24, saved to {path}") in words_of(screen.out)
    assert "file:" not in line_with(screen.out, path)  # the path is copied into a shell as it is
    assert screen.err == ""


def test_a_secret_in_a_key_vault_comes_with_the_command_that_reads_it(screens: Screens) -> None:
    screen = screens(80, is_terminal=True)
    show_credentials(screen.terminal, [saved(saved_to="keyvault:contoso-vault/import-secret")])
    line_with(screen.out, "keyvault:contoso-vault/import-secret")
    command = vault_reading("keyvault:contoso-vault/import-secret")
    assert line_with(screen.out, "az keyvault").endswith(command)


def test_the_command_that_reads_a_vault_prints_the_value_alone() -> None:
    words = vault_reading("keyvault:contoso-vault/import-secret").split()
    assert words[:4] == ["az", "keyvault", "secret", "show"]
    options = dict(zip(words[4::2], words[5::2], strict=True))
    assert options == {
        "--vault-name": "contoso-vault", "--name": "import-secret", "--query": "value", "--output": "tsv",
    }  # fmt: skip


def test_a_secret_that_was_asked_for_is_shown_once_and_whole(screens: Screens) -> None:
    screen = screens(80, is_terminal=True)
    secret = "q8Q~[/red]" + "s" * 120
    show_credentials(screen.terminal, [replace(saved(saved_to="show"), secret=secret)])
    assert screen.out.count(secret) == 1
    assert line_with(screen.out, secret).endswith(secret)
    assert screen.err == ""


def test_a_private_key_that_is_shown_begins_on_a_line_of_its_own(screens: Screens) -> None:
    screen = screens(120)
    show_credentials(
        screen.terminal, [replace(saved(saved_to="show"), secret=PEM, kind=CredentialKind.CERTIFICATE), saved("Next")]
    )
    lines = screen.out.splitlines()
    assert lines[1:4] == PEM.splitlines()
    assert "Next" in lines[4]


def test_a_federated_credential_has_no_end_and_no_place(screens: Screens) -> None:
    screen = screens(120)
    federated = replace(saved(saved_to=None), expires=None, kind=CredentialKind.FEDERATED)
    show_credentials(screen.terminal, [federated])
    line = line_with(screen.out, "Import")
    assert re.search(r"\d{4}-\d\d", line) is None
    assert "None" not in line
    assert "saved" not in line


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        (CredentialKind.SECRET, "secret"),
        (CredentialKind.CERTIFICATE, "certificate"),
        (CredentialKind.FEDERATED, "federated"),
    ],
)
def test_each_credential_is_called_by_its_kind(screens: Screens, kind: CredentialKind, word: str) -> None:
    screen = screens(120)
    show_credentials(screen.terminal, [replace(saved(client="X"), kind=kind)])
    assert line_with(screen.out, "2027-11-24").casefold().startswith(word)


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_client_is_called_exactly_what_it_is_called_in_the_directory(screens: Screens, name: str) -> None:
    screen = screens(80, is_terminal=True)
    show_credentials(screen.terminal, [saved(name)])
    assert name in words_of(screen.out)
    line_with(screen.out, "/home/ada/import.env")


def test_a_far_end_that_stands_for_never_is_not_shown_as_a_date(screens: Screens) -> None:
    screen = screens(120)
    show_credentials(screen.terminal, [replace(saved(), expires=NEVER)])
    assert "does not expire" in line_with(screen.out, "Import")
    assert "2299" not in screen.out


def test_without_credentials_nothing_is_printed(screens: Screens) -> None:
    screen = screens()
    show_credentials(screen.terminal, [])
    assert (screen.out, screen.err) == ("", "")


def test_each_credential_has_one_line_in_the_order_given(screens: Screens) -> None:
    screen = screens()
    show_credentials(screen.terminal, [saved("Reports"), saved("Import")])
    assert [("Reports" in line, "Import" in line) for line in screen.out.splitlines()] == [(True, False), (False, True)]
    assert len(pasteable(screen.out)) == 2
