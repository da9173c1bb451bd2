"""What the test of the clients has shown: check by check, and the sum of it."""

from collections.abc import Callable

import pytest
from mct_s2s.planning.reports.verification import CALL, CheckSubject, Verification, VerificationCheck
from mct_s2s.render.console import Terminal
from mct_s2s.render.documents import document
from mct_s2s.render.verification import show_verification

from tests.planning.scenarios import SERVICE_ID
from tests.render.conftest import Screens
from tests.render.examples import WHERE
from tests.support.screens import check_texts

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


def verification(*checks: VerificationCheck) -> Verification:
    return Verification(URL, PATH, checks)


AGAIN = VerificationCheck("Reports", CheckSubject.APPLICATION, CALL, True, "GET returned 200.")
UNSEEN = VerificationCheck(None, CheckSubject.SITE, "without-token", None, "Not tested.")
STOPPED = VerificationCheck(None, CheckSubject.SITE, "running", False, "The App Service is stopped.")
NAMESAKE = VerificationCheck("Import", CheckSubject.MANAGED_IDENTITY, "allowed", True, "by its id")
SHOWN: dict[str, Verification] = {
    "each check under the name of its client": verification(SITE_OK, TOKEN_OK, CALLED, REFUSED, IDENTITY_OPEN),
    "two clients": verification(CALLED, AGAIN),
    "one client and one call that only the resource itself can make": verification(CALLED, UNSEEN, IDENTITY_OPEN),
    "what failed counts, whoever else was answered": verification(STOPPED, CALLED, REFUSED, IDENTITY_OPEN),
    "nobody could call": verification(SITE_OK, TOKEN_OK),
    "nobody here could call": verification(IDENTITY_OPEN),
    "two of one name and different kinds": verification(CALLED, NAMESAKE),
}


def shown(seen: Verification) -> Callable[[Terminal], None]:
    return lambda terminal: show_verification(terminal, seen)


def test_a_verification_is_as_it_was() -> None:
    check_texts("verifications", {name: shown(seen) for name, seen in SHOWN.items()})


GREEN, RED, YELLOW = "\x1b[32m", "\x1b[1;31m", "\x1b[33m"


@pytest.mark.parametrize(
    ("checks", "proved", "color"),
    [
        ((SITE_OK, CALLED), True, GREEN),
        ((CALLED, IDENTITY_OPEN), True, GREEN),
        ((CALLED, REFUSED), False, RED),
        ((SITE_OK, TOKEN_OK), False, YELLOW),
        ((IDENTITY_OPEN,), False, YELLOW),
        ((), False, YELLOW),
    ],
)
def test_only_a_call_that_was_answered_proves_something_and_the_sum_shows_it_by_its_color(
    screens: Screens, checks: tuple[VerificationCheck, ...], proved: bool, color: str
) -> None:
    assert document("verify", verification(*checks))["proved"] is proved
    for is_terminal in (True, False):
        screen = screens(120, is_terminal=is_terminal)
        show_verification(screen.terminal, verification(*checks))
        assert screen.out_stream.getvalue().splitlines()[-1].startswith(color) is is_terminal
