"""Who may read the App Service, but not its settings, sees what can be seen: the directory, and what is not known."""

from __future__ import annotations

from tests.cli.conftest import Program
from tests.conftest import SITE, Sandbox

READ = ("Application.Read.All", "Organization.Read.All")
READER = [("Reader", SITE)]


def test_a_reader_sees_the_directory_and_a_finding(mct: Program, azure: Sandbox) -> None:
    assert mct("setup", "--client", "A", "-y", "--no-verify").code == 0
    reader = azure.caller(*READ, "Application.ReadWrite.OwnedBy", arm=READER)
    done = mct("status", "-a", SITE, "-o", "json", env=reader)
    assert done.code == 3, done
    document = done.document
    assert [row["code"] for row in document["findings"]] == ["settings-unreadable"]
    assert document["findings"][0]["remedy"].startswith("mct-s2s doctor -a contosolearn -g mct-prod")
    assert (document["healthy"], document["appService"]["settings"]) == (False, None)
    assert document["serviceApplication"]["displayName"] == "MCT service (contosolearn)"
    (client,) = document["clients"]
    assert (client["displayName"], client["consented"], client["allowed"]) == ("A", True, None)
    shown = mct("status", "-a", SITE, env=reader).out
    assert shown.startswith("? of 1 client can call")
    assert "You can't read the application settings of 'contosolearn'" in shown
    assert "ServiceAuthEnabled" not in shown
    advice = mct("doctor", "-a", SITE, env=reader).out
    assert "? A registration has the name of this App Service's" in advice
    assert "az ad app delete" not in advice, "that only the settings name it does not make it foreign"
    assert "--no-app-service" not in advice, "setup would refuse it"


def test_what_only_the_settings_name_is_not_said_to_be_missing(mct: Program, azure: Sandbox) -> None:
    done = mct("status", "-a", SITE, "-o", "json", env=azure.caller(*READ, arm=READER))
    assert [row["code"] for row in done.document["findings"]] == ["settings-unreadable"]
    assert (done.document["serviceApplication"], done.document["clients"]) == (None, [])


def test_a_lock_that_forbids_reading_them_is_no_end_either(mct: Program, azure: Sandbox) -> None:
    assert mct("setup", "--client", "A", "-y", "--no-verify").code == 0
    azure.lock(SITE)
    done = mct("status", "-o", "json")
    assert [row["code"] for row in done.document["findings"]] == ["settings-unreadable"]


def test_commands_that_rest_on_the_settings_still_stop(mct: Program, azure: Sandbox) -> None:
    done = mct("setup", "-a", SITE, "--client", "A", "-y", "-o", "json", env=azure.caller(*READ, arm=READER))
    assert (done.code, done.document["error"]["code"]) == (4, "permission-missing")
    assert azure.writes() == []
