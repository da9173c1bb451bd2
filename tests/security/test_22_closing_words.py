"""What a command says at its end is true of this very run: nothing that is undone reads as if it were done."""

import shlex

import pytest

from tests.cli.conftest import Program
from tests.conftest import SITE, Sandbox

READ = ("Application.Read.All", "Organization.Read.All")
READER = ("Reader", SITE)
CONTRIBUTOR = ("Website Contributor", SITE)
AS_IT_SHOULD_BE = "contosolearn is up to date."


def words_after(text: str, begin: str) -> list[str]:
    """A printed command of ours, as a shell takes it."""
    (line,) = [line for line in text.splitlines() if begin in line]
    return shlex.split(line[line.index(begin) :])[1:]


# configure-appservice


def test_step_3_alone_speaks_of_step_3_alone(mct: Program, azure: Sandbox) -> None:
    assert mct("setup", "--client", "A", "-y").code == 0
    for more in (["--dry-run"], ["-y"]):
        ended = mct("configure-appservice", *more)
        assert ended.code == 0
        assert AS_IT_SHOULD_BE not in ended.out + ended.err
        assert "The App Service configuration of contosolearn" in ended.out + ended.err


def test_a_dry_run_is_not_said_to_be_done(mct: Program, azure: Sandbox) -> None:
    assert mct("setup", "--client", "A", "-y").code == 0
    settings = azure.settings()
    azure.write_settings(
        {
            name: value
            for name, value in settings.items()
            if name == "ServiceAuthAudience" or not name.startswith("Service")
        }
    )
    ended = mct("configure-appservice", "--dry-run", env=azure.caller(*READ, arm=[READER, CONTRIBUTOR]))
    assert ended.code == 3, ended.err
    assert "✓" not in ended.out + ended.err


# setup


def test_a_part_that_was_left_out_is_not_said_to_be_done(mct: Program, azure: Sandbox) -> None:
    words = ["setup", "--client", "A", "--no-app-service", "--no-consent"]
    first = mct(*words, "-y")
    assert first.code == 0
    assert "✓" not in first.out
    for more in (["-y"], ["--dry-run"]):
        again = mct(*words, *more)
        assert again.code == 0
        assert AS_IT_SHOULD_BE not in again.out + again.err
        assert "The Entra ID part of contosolearn is up to date" in again.out + again.err
        assert "must grant admin consent to 'A'" in again.out + again.err
        assert "Someone else must write the App Service settings" in again.out + again.err
        assert "✓" not in again.out
    assert "ServiceAuthEnabled" not in azure.settings()


def test_a_failed_call_is_the_last_thing_that_is_said(mct: Program, azure: Sandbox) -> None:
    assert mct("setup", "--client", "A", "-y").code == 0
    azure.restart_takes(60)
    ended = mct("add-client", "X", "-y", "--timeout", "12")
    assert ended.code == 3, ended.err
    assert "Verification failed" in ended.out
    assert "\n✓" not in f"\n{ended.out}"
    assert "--path" not in ended.out
    assert "still starting" in ended.out


# doctor


@pytest.mark.parametrize(
    ("more", "limited"), [([], False), (["--no-consent"], False), (["--no-app-service"], False), ([], True)]
)
def test_the_command_that_doctor_suggests_is_not_refused(
    mct: Program, azure: Sandbox, more: list[str], limited: bool
) -> None:
    if limited:
        rule = {"restrictionType": "passwordLifetime", "maxLifetime": "P90D", "state": "enabled"}
        azure.restrict("passwordCredentials", rule)
    well = mct("doctor", *more)
    assert well.code == 0
    words = words_after(well.out, "mct-s2s setup")
    assert ("--auto-lifetime" in words) is limited
    assert set(more) <= set(words)
    planned = mct(*words)
    assert planned.code == 3, planned.err
