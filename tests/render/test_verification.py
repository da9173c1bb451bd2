"""What the test of the clients has shown: check by check, and the sum of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from mct_s2s.planning.reports.verification import CALL, CheckSubject, Verification, VerificationCheck
from mct_s2s.render.documents import document
from mct_s2s.render.verification import show_verification

from tests.cli.schemas import check as check_contract
from tests.planning.scenarios import SERVICE_ID
from tests.render.conftest import Screens
from tests.render.examples import WHERE
from tests.support.screens import check_kept, screen_text

URL = "https://contosolearn.azurewebsites.net"
PATH = "/api/v1/organization"
SITE_OK = VerificationCheck(None, CheckSubject.SITE, "running", True, "The App Service is running.")
TOKEN_OK = VerificationCheck("Import", CheckSubject.APPLICATION, "token", True, "Entra ID gave a token.")
CALLED = VerificationCheck("Import", CheckSubject.APPLICATION, CALL, True, f"GET {URL}{PATH} returned 200.")
REFUSED = VerificationCheck(
    "Reports",
    CheckSubject.APPLICATION,
    CALL,
    False,
    f"GET {URL}{PATH} returned 401.",
    f"mct-s2s add-client Reports {WHERE}",
)
INSIDE = f"mct-s2s verify --auth managed-identity --audience api://{SERVICE_ID} --url {URL}"
IDENTITY_OPEN = VerificationCheck(
    "reports-func", CheckSubject.MANAGED_IDENTITY, CALL, None, "Only from inside.", INSIDE
)


def verification(*checks: VerificationCheck, url: str | None = URL) -> Verification:
    return Verification(url, PATH, checks)


def test_every_check_is_in_the_document_with_all_that_is_known_of_it() -> None:
    found = document("verify", verification(SITE_OK, CALLED, REFUSED, IDENTITY_OPEN))
    check_contract(found)
    assert (found["proved"], found["url"], found["path"]) == (False, URL, PATH)
    assert found["checks"][2] == {
        "client": "Reports",
        "kind": "application",
        "check": "call",
        "ok": False,
        "message": REFUSED.message,
        "remedy": REFUSED.remedy,
    }
    assert [row["ok"] for row in found["checks"]] == [True, True, False, None]
    assert [row["client"] for row in found["checks"]] == [None, "Import", "Reports", "reports-func"]


@pytest.mark.parametrize(
    ("checks", "proved"),
    [
        ((SITE_OK, CALLED), True),
        ((CALLED, IDENTITY_OPEN), True),
        ((CALLED, REFUSED), False),
        ((SITE_OK, TOKEN_OK), False),
        ((IDENTITY_OPEN,), False),
        ((), False),
    ],
)
def test_only_a_call_that_was_answered_proves_something(checks: tuple[VerificationCheck, ...], proved: bool) -> None:
    found = document("verify", verification(*checks, url=None))
    check_contract(found)
    assert (found["proved"], found["url"]) == (proved, None)


AGAIN = VerificationCheck("Reports", CheckSubject.APPLICATION, CALL, True, "GET returned 200.")
UNSEEN = VerificationCheck(None, CheckSubject.SITE, "without-token", None, "Not tested.")
STOPPED = VerificationCheck(None, CheckSubject.SITE, "running", False, "The App Service is stopped.")
NAMESAKE = VerificationCheck("Import", CheckSubject.MANAGED_IDENTITY, "allowed", True, "by its id")
SHOWN: dict[str, Verification] = {
    "each check under the name of its client": verification(SITE_OK, TOKEN_OK, CALLED, REFUSED, IDENTITY_OPEN),
    "without an address": verification(SITE_OK, url=None),
    "two clients": verification(CALLED, AGAIN),
    "one client and one call that only the resource itself can make": verification(CALLED, UNSEEN, IDENTITY_OPEN),
    "what failed counts, whoever else was answered": verification(STOPPED, CALLED, REFUSED, IDENTITY_OPEN),
    "nobody could call": verification(SITE_OK, TOKEN_OK),
    "nobody here could call": verification(IDENTITY_OPEN),
    "two of one name and different kinds": verification(CALLED, NAMESAKE),
}


def shown(seen: Verification) -> str:
    return screen_text(lambda terminal: show_verification(terminal, seen), width=120)


def test_a_verification_is_as_it_was() -> None:
    """`pytest --update-screens` takes new ones."""
    texts = "".join(f"# {name}\n{shown(seen)}\n\n" for name, seen in SHOWN.items())
    check_kept(Path(__file__).parent / "documents" / "verifications.txt", texts)


@pytest.mark.parametrize(
    ("checks", "color"), [((CALLED,), "\x1b[32m"), ((REFUSED,), "\x1b[1;31m"), ((IDENTITY_OPEN,), "\x1b[33m")]
)
def test_the_sum_is_green_red_or_yellow_on_a_terminal(
    screens: Screens, checks: tuple[VerificationCheck, ...], color: str
) -> None:
    for is_terminal in (True, False):
        screen = screens(120, is_terminal=is_terminal)
        show_verification(screen.terminal, verification(*checks))
        assert screen.out_stream.getvalue().splitlines()[-1].startswith(color) is is_terminal
