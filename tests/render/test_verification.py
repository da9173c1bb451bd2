"""What the test of the clients has shown: check by check, and the sum of it."""

from __future__ import annotations

import pytest
from mct_s2s.planning.reports.verification import CALL, CheckSubject, Verification, VerificationCheck
from mct_s2s.render.verification import show_verification, verification_document

from tests.cli.schemas import check as check_contract
from tests.planning.scenarios import SERVICE_ID
from tests.render.conftest import Screens
from tests.render.examples import WHERE
from tests.render.reading import line_with, pasteable

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
    document = verification_document(verification(SITE_OK, CALLED, REFUSED, IDENTITY_OPEN))
    check_contract(document)
    assert (document["proved"], document["url"], document["path"]) == (False, URL, PATH)
    assert document["checks"][2] == {
        "client": "Reports",
        "kind": "application",
        "check": "call",
        "ok": False,
        "message": REFUSED.message,
        "remedy": REFUSED.remedy,
    }
    assert [row["ok"] for row in document["checks"]] == [True, True, False, None]
    assert [row["client"] for row in document["checks"]] == [None, "Import", "Reports", "reports-func"]


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
    document = verification_document(verification(*checks, url=None))
    check_contract(document)
    assert (document["proved"], document["url"]) == (proved, None)


def test_what_the_call_says_is_not_said_by_the_token_too(screens: Screens) -> None:
    about = ("Import", CheckSubject.APPLICATION)
    audience = VerificationCheck(*about, "audience", False, "The audience is x.", f"mct-s2s setup {WHERE}")
    role = VerificationCheck(*about, "role", True, "The token has the role S2SAppRole.")
    refused = VerificationCheck(*about, CALL, False, "401. Reason: The audience is x.", f"mct-s2s setup {WHERE}")
    screen = screens(120)
    show_verification(screen.terminal, verification(TOKEN_OK, audience, role, refused))
    assert screen.out.count("The audience is x.") == screen.out.count("mct-s2s setup") == 1
    assert role.message in screen.out
    assert "1 check failed." in screen.out
    screen = screens(120)
    show_verification(screen.terminal, verification(TOKEN_OK, role, CALLED))
    assert role.message not in screen.out


def test_each_check_has_a_sign_under_the_name_of_its_client(screens: Screens) -> None:
    screen = screens(120)
    show_verification(screen.terminal, verification(SITE_OK, TOKEN_OK, CALLED, REFUSED, IDENTITY_OPEN))
    lines = pasteable(screen.out)
    signs = {check.message: sign for check, sign in ((TOKEN_OK, "✓"), (CALLED, "✓"), (REFUSED, "✗"))}
    for message, sign in {**signs, IDENTITY_OPEN.message: "?"}.items():
        assert f"{sign} {message}" in lines
    (title,) = [index for index, line in enumerate(lines) if line.split()[-1:] == ["Import"]]
    assert lines[title + 1 : title + 3] == [f"✓ {TOKEN_OK.message}", f"✓ {CALLED.message}"]
    assert URL in lines[0]  # the App Service's own checks are under its address
    assert line_with(screen.out, "reports-func")
    assert screen.err == ""


def test_without_an_address_the_app_service_has_a_title_without_a_blank_at_its_end(screens: Screens) -> None:
    screen = screens(120)
    show_verification(screen.terminal, verification(SITE_OK, url=None))
    title = screen.out.splitlines()[0]
    assert title == title.strip()
    assert "None" not in title


def test_the_sum_counts_the_clients_that_called(screens: Screens) -> None:
    screen = screens(120)
    again = VerificationCheck("Reports", CheckSubject.APPLICATION, CALL, True, "GET returned 200.")
    show_verification(screen.terminal, verification(CALLED, again))
    assert "2 clients" in screen.out.splitlines()[-1]


def test_the_sum_of_one_is_in_the_singular(screens: Screens) -> None:
    screen = screens(120)
    unseen = VerificationCheck(None, CheckSubject.SITE, "wrong-header", None, "Not tested.")
    show_verification(screen.terminal, verification(CALLED, unseen, IDENTITY_OPEN))
    assert "1 client " in screen.out.splitlines()[-1]
    assert "1 call " in screen.out.splitlines()[-1]  # the one that only the resource itself can make


def test_the_sum_counts_what_failed_whoever_else_was_answered(screens: Screens) -> None:
    screen = screens(120)
    stopped = VerificationCheck(None, CheckSubject.SITE, "running", False, "The App Service is stopped.")
    show_verification(screen.terminal, verification(stopped, CALLED, REFUSED, IDENTITY_OPEN))
    last = screen.out.splitlines()[-1]
    assert "2 checks" in last
    assert "1 call " in last
    assert "1 client" not in last


def test_where_nobody_could_call_no_number_of_clients_is_claimed(screens: Screens) -> None:
    for checks in ((SITE_OK, TOKEN_OK), (IDENTITY_OPEN,)):
        screen = screens(120)
        show_verification(screen.terminal, verification(*checks))
        assert "client" in screen.out.splitlines()[-1]
        assert "1 client" not in screen.out.splitlines()[-1]


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


def test_checks_of_two_clients_of_one_name_and_different_kinds_are_apart(screens: Screens) -> None:
    screen = screens(120)
    application = VerificationCheck("Import", CheckSubject.APPLICATION, CALL, True, "by its secret")
    identity = VerificationCheck("Import", CheckSubject.MANAGED_IDENTITY, "allowed", True, "by its id")
    show_verification(screen.terminal, verification(application, identity))
    titles = [line for line in screen.out.splitlines() if line.endswith("Import")]
    assert len(set(titles)) == 2
