"""The author of a trust file: whoever can change it in a pull request decides nothing before it has been reviewed."""

import html
from collections.abc import Callable
from pathlib import Path

import pytest
from mct_s2s.cli import change
from mct_s2s.sandbox.state import seed

from tests.cli.conftest import Program
from tests.conftest import Sandbox
from tests.security.people import Member


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "trust.toml"


def test_no_one_signs_in_at_an_address_that_the_file_alone_names(mct: Program, azure: Sandbox, file: Path) -> None:
    """The secret, or the pipeline's assertion, would be sent to its login service: before any review."""
    file.write_text('[profiles.p]\ncloud = "https://arm.example.com"\n[sites.contosolearn]\nprofile = "p"\n')
    azure.forget()
    done = mct("apply", "-f", str(file), "--dry-run", "-o", "json")
    assert (done.code, done.document["error"]["code"]) == (2, "cloud-not-confirmed")
    assert azure.log() == []


def test_a_review_runs_no_program_and_writes_no_file(mct: Program, azure: Sandbox, file: Path, tmp_path: Path) -> None:
    ran, place = tmp_path / "ran", tmp_path / "place.env"
    file.write_text(
        "[sites.contosolearn]\n"
        f"[[sites.contosolearn.clients]]\nname = 'A'\nsecret-to = 'exec:touch {ran}'\n"
        f"[[sites.contosolearn.clients]]\nname = 'B'\nsecret-to = 'file:{place}'\n"
    )
    azure.forget()
    done = mct("apply", "-f", str(file), "--dry-run", "-o", "json")
    assert (done.code, azure.writes(), ran.exists(), place.exists()) == (3, [], False, False)


def test_the_file_cannot_say_who_agrees_or_what_is_checked(mct: Program, azure: Sandbox, file: Path) -> None:
    """Its keys are those of sites and clients: nothing of how a command works."""
    for key in (
        "yes = true",
        'expect = "0"',
        "no-preflight = true",
        "prune = true",
        'backup = "x"',
        "no-verify = true",
    ):
        file.write_text(f"[sites.contosolearn]\n{key}\n")
        done = mct("apply", "-f", str(file), "--dry-run", "-o", "json")
        assert (done.code, done.document["error"]["code"]) == (2, "trust-file-malformed")
    assert azure.writes() == []


def test_a_reviewed_plan_gives_nothing_to_what_someone_registers_meanwhile(
    mct: Program, azure: Sandbox, member: Callable[[str], Member], file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The plan said: as made by this run. Whoever may write the settings lists their own application of that name."""
    file.write_text("[sites.contosolearn]\n[[sites.contosolearn.clients]]\nname = 'Nightly export'\n")
    reviewed = mct("apply", "-f", str(file), "--dry-run", "-o", "json").document["fingerprint"]
    attacker = member("mallory")

    def show_review(*_: object) -> None:
        made = attacker.graph("POST", "/applications", json={"displayName": "Nightly export"})
        attacker.graph("POST", "/servicePrincipals", json={"appId": made["appId"]})
        azure.write_settings({**azure.settings(), "ServiceApplicationIds": made["appId"]})
        azure.forget()

    monkeypatch.setattr(change, "STALE_SECONDS", -1.0)
    monkeypatch.setattr(change, "show_review", show_review)
    done = mct("apply", "-f", str(file), "--expect", reviewed, "--yes", "-o", "json")
    (site,) = done.document["sites"]
    assert (done.code, site["error"]["error"]["code"], azure.writes()) == (2, "registration-not-ours", [])


@pytest.mark.parametrize(
    "place", ["exec:./tools/gh secret set A --repo evil/x", f"keyvault:{seed.VAULT}", "file:elsewhere/"]
)
def test_where_a_secret_goes_is_reviewed_whether_or_not_one_is_made_now(mct: Program, file: Path, place: str) -> None:
    client = "[sites.contosolearn]\n[[sites.contosolearn.clients]]\nname = 'A'\n"
    file.write_text(client)
    assert mct("apply", "-f", str(file), "--yes", "--no-verify").code == 0
    before = mct("apply", "-f", str(file), "--dry-run", "-o", "json").document
    file.write_text(f"{client}secret-to = '{place}'\n")
    after = mct("apply", "-f", str(file), "--dry-run", "-o", "json").document
    assert before["fingerprint"] != after["fingerprint"]
    told = f"Credentials of 'A' go to: {place}"
    assert told in [note["text"] for note in after["sites"][0]["result"]["notes"]]
    assert told in " ".join(mct("apply", "-f", str(file), "--dry-run").out.split())
    page = mct("apply", "-f", str(file), "--dry-run", "-o", "markdown").out
    assert place in html.unescape(page).replace("`", "")


def test_a_rotation_delivers_only_to_places_that_were_reviewed(
    mct: Program, azure: Sandbox, file: Path, tmp_path: Path
) -> None:
    """No one is asked at night: what the file says since the review is refused before anyone signs in."""
    ran = tmp_path / "ran"
    client = "[sites.contosolearn]\n[[sites.contosolearn.clients]]\nname = 'A'\n"
    file.write_text(f"{client}secret-lifetime = '20d'\n")
    assert mct("apply", "-f", str(file), "--yes", "--no-verify").code == 0
    rotate = ("rotate-secret", "-f", str(file), "--expiring-within", "30d", "-o", "json")
    file.write_text(client)
    reviewed = mct(*rotate, "--dry-run").document["fingerprint"]
    file.write_text(f"{client}secret-to = 'exec:touch {ran}'\n")
    azure.forget()
    done = mct(*rotate, "--expect", reviewed, "--yes")
    assert (done.code, done.document["error"]["code"], azure.log(), ran.exists()) == (2, "plan-not-expected", [], False)
    assert mct(*rotate, "--dry-run").document["fingerprint"] in done.document["error"]["message"]
    file.write_text(client)
    azure.advance(86400)
    assert mct(*rotate, "--expect", reviewed, "--yes").code == 0, "on another day as well"
    assert mct(*rotate, "--dry-run").document["fingerprint"] == reviewed


def test_nothing_in_the_file_steers_a_terminal(mct: Program, file: Path) -> None:
    file.write_text(
        '[sites."a\\u001b]0;x\\u0007"]\nrole = "\\u202e"\n[[sites."##[error]".clients]]\nname = "\\u001b[2J"\n'
    )
    done = mct("apply", "-f", str(file), "--dry-run")
    assert done.code == 2
    assert not {"\x1b", "\x07", "\u202e"} & {*done.err, *done.out}
    assert "##[" not in done.err
