"""A rotation takes no secret from anybody who has not got the new one.

A key vault reference follows a new version within a day, not within seconds; and who got a secret somewhere that this
machine does not see has not got the new one at all. Without it, `rotate-secret` stops a working integration.
"""

import shlex
from pathlib import Path

from mct_s2s.sandbox.resources.role_assignments import SECRETS_USER
from mct_s2s.sandbox.state import seed

from tests.cli.conftest import Program, values_in
from tests.conftest import GROUP, JSON, Sandbox

PORTAL = f"{GROUP}/Microsoft.Web/sites/partner-portal"
VAULT_ID = f"{GROUP}/Microsoft.KeyVault/vaults/{seed.VAULT}"
PLACE = ("--secret-to", f"keyvault:{seed.VAULT}/portal-key")
ROTATE = ("rotate-secret", "Portal", *PLACE, *JSON)
HOUR = 3600.0


def _portal_reads_it(azure: Sandbox, mct: Program) -> None:
    """A portal that calls the API with the settings that `snippet` gives it."""
    body = azure.arm("PATCH", PORTAL, json={"identity": {"type": "SystemAssigned"}})
    azure.assign_role(body["identity"]["principalId"], SECRETS_USER, VAULT_ID)
    words = shlex.split(mct("snippet", "Portal", "--language", "app-settings").out.replace("\\\n", ""), comments=True)
    settings = (word.split("=", 1) for word in words[words.index("--settings") + 1 :])
    azure.write_settings(dict(settings), PORTAL)
    assert _app_calls(azure)


def _app_calls(azure: Sandbox) -> bool:
    """Whether the portal gets a token with what it finds in its own environment."""
    found = azure._control("GET", "/app-environment", params={"resource": PORTAL}).json()
    return azure.token(found["MCT_S2S_SCOPE"], found["AZURE_CLIENT_ID"], found["AZURE_CLIENT_SECRET"]).is_success


def _secrets(azure: Sandbox, name: str = "Portal") -> list[str]:
    (application,) = azure.applications(name)
    return [one["keyId"] for one in application["passwordCredentials"]]


def test_a_vault_keeps_the_old_one_for_a_day_and_no_reader_fails(mct: Program, azure: Sandbox) -> None:
    mct("setup", "--client", "Portal", *PLACE, *JSON)
    _portal_reads_it(azure, mct)
    (old,) = _secrets(azure)
    done = mct("rotate-secret", "Portal", *PLACE, "-y")
    assert (done.code, old in _secrets(azure)) == (0, True), done
    assert "is kept for 25 hours" in done.err
    assert _app_calls(azure)
    azure.forget()
    again = mct(*ROTATE)
    assert (again.code, old in _secrets(azure)) == (0, True), "a second run is no rotation after that"
    azure.advance(26 * HOUR)
    assert mct(*ROTATE).code == 0
    assert (old in _secrets(azure), _app_calls(azure)) == (False, True)
    assert len(_secrets(azure)) == 2, "and the one that was replaced just now stays in its turn"
    assert mct(*ROTATE, "--remove-old").code == 0
    assert len(_secrets(azure)) == 1


def test_a_secret_that_is_elsewhere_goes_only_where_that_is_asked_for(
    mct: Program, azure: Sandbox, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere.env"
    mct("setup", "--client", "One", "--secret-to", f"file:{elsewhere}", *JSON)
    done = mct("rotate-secret", "One", "-y")
    assert (done.code, "The old one is kept" in done.err, azure.token_of(values_in(elsewhere)).is_success) == (
        0,
        True,
        True,
    )
    mct("rotate-secret", "One", "-y")
    azure.advance(2 * HOUR)
    mct("rotate-secret", "One", "-y")
    assert azure.token_of(values_in(elsewhere)).is_success, "however often, and whenever"
    assert len(_secrets(azure, "One")) == 2, "what lay in the file before is replaced as ever"
    (current,) = [c["savedTo"] for c in mct("rotate-secret", "One", "--dry-run", "-o", "json").made]
    before = Path(current.removeprefix("file:")).read_bytes()
    done = mct("rotate-secret", "One", "--remove-old", *JSON)
    assert done.code == 0, done
    assert (azure.token_of(values_in(elsewhere)).is_success, len(_secrets(azure, "One"))) == (False, 1)
    assert Path(current.removeprefix("file:")).read_bytes() == before, "everybody has it by now: no third one is made"
