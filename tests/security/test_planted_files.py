"""Another user of the machine plants files where ours are expected: nothing of his is believed,
followed or waited for.

Each refusal comes before anything is made in Azure.
"""

import json
import os
import socket
import stat
from collections.abc import Callable
from functools import partial
from itertools import product
from pathlib import Path

import pytest
from mct_s2s.local_files import FILE_BYTES

from tests.cli.conftest import Ended, Program
from tests.conftest import JSON, SITE, Sandbox
from tests.support.sampling import sampled

STRANGER = 65_534
"""The user `nobody`."""

needs_root = pytest.mark.skipif(
    os.geteuid() != 0, reason="files of another user are made by root only"
)


def refused(ended: Ended, azure: Sandbox, *codes: str) -> None:
    """Refused for one of these reasons, and nothing was written."""
    assert ended.document["error"]["code"] in codes, ended
    assert (ended.code, azure.writes()) == (2, [])


def pipe(path: Path) -> None:
    os.mkfifo(path, 0o600)


def folder(path: Path) -> None:
    path.mkdir(mode=0o700)


def listener(path: Path) -> None:
    """A socket; its name is relative, for it may be short only."""
    here = Path.cwd()
    os.chdir(path.parent)
    try:
        socket.socket(socket.AF_UNIX).bind(path.name)
    finally:
        os.chdir(here)


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def large(path: Path) -> None:
    """More than a mebibyte of a document that would be right."""
    filling = json.dumps({"schema": "mct-s2s/handoff/v1", "appService": None, "settings": {}})
    path.write_text(filling + " " * (FILE_BYTES + 1 - len(filling)))
    path.chmod(0o600)


def deep(path: Path) -> None:
    path.write_text("[" * 100_000 + "]" * 100_000)
    path.chmod(0o600)


def theirs(path: Path) -> None:
    """What somebody else can change at any time."""
    planted(path, "{}")


MAKERS: list[Callable[[Path], None]] = [pipe, folder, listener, device, large, deep]
MAKERS += [theirs] if os.geteuid() == 0 else []

PLACES = {
    "--from": ("configure-appservice", "--from", "{}"),
    "--restore": ("configure-appservice", "--restore", "{}"),
    "--backup": ("setup", "--client", "A", "--backup", "{}"),
    "--handoff": ("setup", "--client", "A", "--handoff", "{}"),
    "--secret-to": ("setup", "--client", "A", "--secret-to", "file:{}.env"),
    "--secret-to of a key": (
        "setup",
        "--client",
        "A",
        "--credential",
        "certificate",
        "--secret-to",
        "file:{}.pem",
    ),
    "the note": ("setup", "--client", "A", "--secret-to", "file:{}.env"),
    "the key on its way": (
        "setup",
        "--client",
        "A",
        "--credential",
        "certificate",
        "--secret-to",
        "file:{}.pem",
    ),
    "--certificate": (
        "setup",
        "--client",
        "A",
        "--credential",
        "certificate",
        "--certificate",
        "{}",
    ),
    "--credentials": ("verify", "--credentials", "{}"),
    "--credentials from inside": ("verify", "--audience", "api://x", "--credentials", "{}"),
}
SUFFIX = {
    "--secret-to": ".env", "--secret-to of a key": ".pem", "the note": ".env.pending",
    "the key on its way": ".pem.pending",
}  # fmt: skip
CODES = {
    "handoff-unreadable", "backup-unreadable", "backup-place-taken", "handoff-unwritable",
    "secret-place-taken",
    "certificate-unreadable", "certificate-unfit", "credentials-unreadable",
}  # fmt: skip


def _name(value: object) -> str:
    return getattr(value, "__name__", str(value))


@pytest.mark.parametrize(
    ("make", "place"), sampled(list(product(MAKERS, PLACES)), 12, salt="no file"), ids=_name
)
def test_a_pipe_or_folder_is_refused_wherever_a_file_is_expected(
    mct: Program, azure: Sandbox, tmp_path: Path, place: str, make: Callable[[Path], None]
) -> None:
    if make is folder and place.startswith("--secret-to"):
        pytest.skip("a folder is a place for a secret: the file in it is named by its client")
    if make is deep and place.startswith("the "):
        pytest.skip("a note is no document")
    make(tmp_path / f"planted{SUFFIX.get(place, '')}")
    words = [word.format(tmp_path / "planted") for word in PLACES[place]]
    ended = mct(*words, *(JSON if words[0] != "verify" else JSON[1:]))
    refused(ended, azure, *CODES)
    assert ended.seconds < 60


VARIABLES = (
    "AZURE_CLIENT_CERTIFICATE_PATH",
    "AZURE_FEDERATED_TOKEN_FILE",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_FILE",
)


@pytest.mark.parametrize("make", [pipe, listener, device], ids=lambda make: make.__name__)
@pytest.mark.parametrize("variable", VARIABLES)
def test_a_pipe_or_folder_is_refused_where_the_environment_names_a_file(
    mct: Program, azure: Sandbox, tmp_path: Path, variable: str, make: Callable[[Path], None]
) -> None:
    make(tmp_path / "planted")
    env = {"AZURE_CLIENT_SECRET": "", variable: str(tmp_path / "planted")}
    env |= {"REQUESTS_CA_BUNDLE": ""} if variable == "SSL_CERT_FILE" else {}
    refused(mct("status", "-o", "json", env=env), azure, "certificate-unreadable",
            "environment-incomplete",
            "no-ca-bundle")  # fmt: skip


def test_a_pipe_in_place_of_the_azure_clis_profile_is_passed_over(
    mct: Program, tmp_path: Path
) -> None:
    pipe(tmp_path / "azureProfile.json")
    assert mct("setup", "--client", "A", "-y", env={"AZURE_CONFIG_DIR": str(tmp_path)}).code == 0


@pytest.mark.parametrize("mode", [0o777, pytest.param(0o770, marks=needs_root)])
def test_a_folder_that_others_may_write_to_is_no_place_for_secrets(
    mct: Program, azure: Sandbox, tmp_path: Path, mode: int
) -> None:
    shared = tmp_path / "state"  # where locks are, too
    shared.mkdir()
    if mode == 0o770:
        os.chown(shared, -1, STRANGER)
    shared.chmod(mode)
    refused(
        mct("setup", "--client", "A", "--secret-to", f"file:{shared}/a.env", *JSON),
        azure,
        "secret-place-taken",
    )
    refused(
        mct("setup", "--client", "A", "--secret-to", f"file:{shared}/new/", *JSON),
        azure,
        "secret-place-taken",
    )
    refused(
        mct("setup", "--client", "A", "--backup", f"{shared}/b.json", *JSON),
        azure,
        "backup-place-taken",
    )
    refused(
        mct("setup", "--client", "A", "--handoff", f"{shared}/h.json", *JSON),
        azure,
        "handoff-unwritable",
    )
    assert mct("setup", "--client", "A", *JSON).code == 0
    assert list(shared.iterdir()) == []


def test_where_the_sticky_bit_protects_our_files_they_are_written(
    mct: Program, azure: Sandbox, tmp_path: Path
) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    words = (
        "--secret-to",
        f"file:{shared}/a.env",
        "--backup",
        f"{shared}/b.json",
        "--handoff",
        f"{shared}/h.json",
    )
    assert mct("setup", "--client", "A", *words, *JSON).code == 0
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in shared.iterdir()} == {
        "a.env": 0o600, "b.json": 0o600, "h.json": 0o644,
    }  # fmt: skip
    assert azure.leaks() == []


def link(path: Path) -> None:
    path.symlink_to(path.with_name("precious"))


def empty(path: Path) -> None:
    """Of somebody else."""
    planted(path, "")


@pytest.mark.parametrize("place", ["a.env", "a.env.pending", "b.json", "h.json"])
@pytest.mark.parametrize("make", [link, pytest.param(empty, marks=needs_root)], ids=_name)
def test_a_link_is_followed_nowhere_and_no_file_of_somebody_else_is_filled(
    mct: Program, azure: Sandbox, tmp_path: Path, place: str, make: Callable[[Path], None]
) -> None:
    (tmp_path / "precious").write_text("")
    make(tmp_path / place)
    words = ("--secret-to", f"file:{tmp_path}/a.env", "--backup", f"{tmp_path}/b.json", "--handoff",
             f"{tmp_path}/h.json")  # fmt: skip
    refused(mct("setup", "--client", "A", *words, *JSON), azure, "secret-place-taken",
            "backup-place-taken",
            "handoff-unwritable")  # fmt: skip
    assert (tmp_path / "precious").read_text() == ""


def planted(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o600)
    os.chown(path, STRANGER, STRANGER)


@needs_root
def test_a_planted_key_never_becomes_the_clients(
    mct: Program, azure: Sandbox, tmp_path: Path
) -> None:
    words = (
        "setup",
        "--client",
        "A",
        "--credential",
        "certificate",
        "--secret-to",
        f"file:{tmp_path}/x.pem",
        *JSON,
    )
    assert mct(*words).code == 0
    key = (tmp_path / "x.pem").read_text()
    assert mct("teardown", *JSON).code == 0
    for path in tmp_path.glob("x.*"):
        path.unlink()
    planted(tmp_path / "x.pem.pending", key)
    azure.forget()
    refused(mct(*words), azure, "secret-place-taken")
    assert azure.applications("A") == []


@pytest.mark.parametrize("line", ["{}\n", "{}\t{}\n"], ids=["of nobody", "of this client"])
def test_a_note_removes_no_secret_without_our_name(
    mct: Program, azure: Sandbox, tmp_path: Path, line: str
) -> None:
    """Other teams' secrets are on the same registration; whoever can write the note must not choose
    among them.
    """
    file = tmp_path / "a.env"
    assert mct("setup", "--client", "A", "--secret-to", f"file:{file}", *JSON).code == 0
    (application,) = azure.applications("A")
    theirs = ["production", "mct-s2s-production"]
    for name in theirs:
        azure.graph("POST", f"/applications/{application['id']}/addPassword",
                    json={"passwordCredential": {"displayName": name}})  # fmt: skip
    (tmp_path / "a.env.pending").write_text(
        "".join(line.format(name, application["appId"]) for name in theirs)
    )
    (tmp_path / "a.env.pending").chmod(0o600)
    azure.forget()
    assert mct("setup", "--client", "A", "--secret-to", f"file:{file}", *JSON).code == 0
    (application,) = azure.applications("A")
    assert {credential["displayName"] for credential in application["passwordCredentials"]} >= set(
        theirs
    )
    assert azure.writes() == []


@pytest.mark.parametrize("line", ["{}\n", "{}\t{}\n"], ids=["of nobody", "of the other"])
def test_a_note_of_a_client_removes_nothing_of_another(
    mct: Program, azure: Sandbox, tmp_path: Path, line: str
) -> None:
    """All clients of one run share the name of the attempt: one that was cut off is not the
    other's.
    """
    assert mct("setup", "--client", "A", "--client", "B", *JSON).code == 0
    (a,), (b,) = azure.applications("A"), azure.applications("B")
    name = b["passwordCredentials"][0]["displayName"]
    elsewhere = tmp_path / "elsewhere.env"
    note = tmp_path / "elsewhere.env.pending"
    note.write_text(line.format(name, a["appId"]))
    note.chmod(0o600)
    azure.forget()
    assert mct("setup", "--client", "B", "--secret-to", f"file:{elsewhere}", *JSON).code == 0
    (after,) = azure.applications("B")
    assert after["passwordCredentials"] == b["passwordCredentials"]
    assert note.read_text() == line.format(name, a["appId"])


@needs_root
def test_a_planted_backup_is_never_kept_instead_of_ours(
    mct: Program, azure: Sandbox, tmp_path: Path
) -> None:
    file = tmp_path / "b.json"
    planted(
        file,
        json.dumps(
            {"schema": "mct-s2s/backup/v1", "appService": SITE, "settings": {"Theirs": "x"}}
        ),
    )
    refused(
        mct("setup", "--client", "A", "--backup", str(file), *JSON), azure, "backup-place-taken"
    )


def test_a_handoff_is_written_over_nothing_but_a_handoff(
    mct: Program, azure: Sandbox, tmp_path: Path
) -> None:
    file = tmp_path / "h.json"
    words = ("setup", "--client", "A", "--no-app-service", "--handoff", str(file), *JSON)
    for text in ("precious", "{}", '{"schema": "mct-s2s/backup/v1"}'):
        file.write_text(text)
        refused(mct(*words), azure, "handoff-unwritable")
        assert file.read_text() == text
    file.unlink()
    assert mct(*words).code == 0
    assert mct(*words).code == 0, "its own is written again"
    assert json.loads(file.read_text())["appService"] == "contosolearn"
    assert [path.name for path in tmp_path.glob(".h.json*")] == []


WRONG = [
    partial(Path.write_text, data=text)
    for text in ("{}", "no json", '[{"fault": {"type": "other"}}]')
]


@pytest.mark.parametrize(
    ("make", "said"),
    [(pipe, "not a file"), (deep, "nested too deep"), *((make, "[usage]") for make in WRONG)],
)
@pytest.mark.parametrize("option", ["--faults", "--world"])
def test_a_planted_file_for_the_sandbox_is_refused(
    mct: Program, tmp_path: Path, option: str, make: Callable[[Path], None], said: str
) -> None:
    make(tmp_path / "planted")
    ended = mct("sandbox", "serve", option, str(tmp_path / "planted"))
    said = "not a state" if option == "--world" and make is deep else said
    assert (ended.code, said in ended.err) == (2, True), ended
