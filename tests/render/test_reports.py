"""What a command says at its end, of the clients' test, of an App Service and of an error; remedies
can be pasted.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from mct_s2s.errors import DOCS, Instruction, MissingRight, PermissionMissing, S2SError
from mct_s2s.model.azure_resources import AppService
from mct_s2s.model.caller_rights import CallerRights, Permission, ScopeRights, SignedIn, Verdict
from mct_s2s.model.client_credentials import NEVER, CredentialKind
from mct_s2s.model.ids import ClientId, PrincipalId
from mct_s2s.model.observed import ObservedState, Trust
from mct_s2s.model.secret_place import SecretPlace
from mct_s2s.planning.changes import AnyChange
from mct_s2s.planning.permissions.doctor import DoctorCheck, Seen, checks
from mct_s2s.planning.plan import Plan
from mct_s2s.planning.reports.status import StatusReport
from mct_s2s.planning.reports.verification import (
    CALL,
    CheckSubject,
    Verification,
    VerificationCheck,
)
from mct_s2s.render.closing import show_closing
from mct_s2s.render.console import Terminal
from mct_s2s.render.credentials import credential_lines, vault_reading
from mct_s2s.render.diagnostics import annotate_sites, show_error
from mct_s2s.render.doctor import show_checks
from mct_s2s.render.documents import VerifyDocument
from mct_s2s.render.outcome import show_outcomes, show_stopped
from mct_s2s.render.site_report import ClientResult, SavedCredential, SiteReport, TakenBack
from mct_s2s.render.status import show_report
from mct_s2s.render.verification import show_verification

from tests.planning import scenarios
from tests.planning.scenarios import (
    FOREIGN,
    IMPORT,
    NOW,
    SERVICE,
    SERVICE_ID,
    TENANT,
    WHERE,
    complete,
    credential,
    guid,
    observed_state,
    settings,
    site,
    spec,
    trust,
)
from tests.render.conftest import Screens, pasteable
from tests.render.examples import (
    healthy,
    one,
    principal,
    refusal,
    removal,
    saved,
    several,
    with_role_off,
    with_settings,
)
from tests.support.mct import MCT
from tests.support.screens import check_readable, check_screen, check_texts

Shown = Callable[[Terminal], None]
URL = "https://contosolearn.azurewebsites.net"
PATH = "/api/v1/organization"
SITE_OK = VerificationCheck(None, CheckSubject.SITE, "running", True, "The App Service is running.")
TOKEN_OK = VerificationCheck(
    "Import", CheckSubject.APPLICATION, "token", True, "Entra ID gave a token."
)
CALLED = VerificationCheck(
    "Import", CheckSubject.APPLICATION, CALL, True, f"GET {URL}{PATH} returned 200."
)
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
    return Verification(URL, PATH, checks, api=MCT)


AGAIN = VerificationCheck("Reports", CheckSubject.APPLICATION, CALL, True, "GET returned 200.")
UNSEEN = VerificationCheck(None, CheckSubject.SITE, "without-token", None, "Not tested.")
STOPPED = VerificationCheck(
    None, CheckSubject.SITE, "running", False, "The App Service is stopped."
)
NAMESAKE = VerificationCheck("Import", CheckSubject.MANAGED_IDENTITY, "allowed", True, "by its id")
PEM = "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49\n-----END PRIVATE KEY-----\n"
PROVED = Verification(URL, PATH, (CALLED,), api=MCT)
NEXT = (f"mct-s2s snippet Import {WHERE}", f"mct-s2s status {WHERE}")


def client(
    name: str = "Import", credential: SavedCredential | None = None, can_call: bool | None = True
) -> ClientResult:
    return ClientResult(name, guid(name), credential=credential or saved(name), can_call=can_call)


def closing(
    *clients: ClientResult, next_commands: tuple[str, ...] = NEXT, headline: str = "", **more: Any
) -> Shown:
    site = SiteReport("contosolearn", **{"verification": PROVED, **more})
    return lambda terminal: show_closing(
        terminal, site, clients, headline, next_commands, seconds=23.4
    )


VAULT = "keyvault:contoso-vault/import-secret"
PLACES = ("file:/b/reports.env", "keyvault:vault/hr")
CLOSINGS: dict[str, Shown] = {
    "a secret in a key vault": closing(client(credential=saved(saved_to=VAULT))),
    "a secret that was shown": closing(
        client(credential=replace(saved(saved_to="show"), secret="s3cr3t"))
    ),
    "a certificate": closing(client(credential=replace(saved(), kind=CredentialKind.CERTIFICATE))),
    "a federated credential": closing(
        client(
            credential=replace(saved(saved_to=None), expires=None, kind=CredentialKind.FEDERATED)
        )
    ),
    "not tested": closing(client(can_call=None), verification=None),
    "in part": closing(client(can_call=None), manual_steps=[Instruction("Grant consent")]),
    "a managed identity": closing(ClientResult("reports-func", guid("identity"), is_identity=True)),
    "several places": closing(
        client("Import", replace(saved("Import", "file:/a/import.env"), expires=NEVER)),
        *(client(place, saved(place, place)) for place in PLACES),
    ),
    "some of them": closing(
        client(), client("Two", can_call=False), ClientResult("vm", "1", is_identity=True)
    ),
    "a secret elsewhere": closing(
        ClientResult("Import", guid("Import"), is_secret_elsewhere=True),
        verification=None,
        next_commands=NEXT[1:],
    ),
    "two of three elsewhere": closing(
        client("Third"),
        *(ClientResult(name, guid(name), is_secret_elsewhere=True) for name in ("One", "Two")),
    ),
    "another command": closing(headline="Removed Import from contosolearn", next_commands=NEXT[1:]),
}


def test_the_closing_words_of_commands_are_as_they_were() -> None:
    shown = check_texts("closings", CLOSINGS)
    assert "s3cr3t" not in shown, "it was shown, once"
    assert vault_reading(SecretPlace.parse(VAULT)) in shown


# a secret that is shown


def test_a_secret_is_one_line_and_whole_or_its_place() -> None:
    secret = "q8Q~[/red]" + "s" * 120
    (line,) = credential_lines(replace(saved(saved_to="show"), secret=secret))
    assert line.plain == f"Secret of Import  expires 2027-11-24, shown here once: {secret}"
    (line,) = credential_lines(saved())
    assert line.plain == "Secret of Import  expires 2027-11-24, saved to /home/ada/import.env"


def test_a_private_key_that_is_shown_begins_on_a_line_of_its_own() -> None:
    shown = replace(saved(saved_to="show"), secret=PEM, kind=CredentialKind.CERTIFICATE)
    head, *key = (line.plain for line in credential_lines(shown))
    assert head.startswith("Certificate of Import")
    assert key == PEM.splitlines()


SHOWN: dict[str, Verification] = {
    "each check under the name of its client": verification(
        SITE_OK, TOKEN_OK, CALLED, REFUSED, IDENTITY_OPEN
    ),
    "two clients": verification(CALLED, AGAIN),
    "one client and one call that only the resource itself can make": verification(
        CALLED, UNSEEN, IDENTITY_OPEN
    ),
    "what failed counts, whoever else was answered": verification(
        STOPPED, CALLED, REFUSED, IDENTITY_OPEN
    ),
    "nobody could call": verification(SITE_OK, TOKEN_OK),
    "nobody here could call": verification(IDENTITY_OPEN),
    "two of one name and different kinds": verification(CALLED, NAMESAKE),
}


def test_a_verification_is_as_it_was() -> None:
    check_texts(
        "verifications",
        {name: partial(show_verification, verification=seen) for name, seen in SHOWN.items()},
    )


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
    assert VerifyDocument.of(verification(*checks)).proved is proved
    for is_terminal in (True, False):
        screen = screens(120, is_terminal=is_terminal)
        show_verification(screen.terminal, verification(*checks))
        assert screen.out_stream.getvalue().splitlines()[-1].startswith(color) is is_terminal


def shown(report: StatusReport) -> Shown:
    return partial(show_report, report=report)


def test_a_status_of_one_app_service_looks_as_it_did() -> None:
    check_screen("status", shown(one()))


@pytest.mark.parametrize("report", [one(), several()], ids=["one", "several"])
def test_a_status_is_readable_on_any_terminal(report: StatusReport) -> None:
    check_readable(shown(report))


STATUSES: dict[str, ObservedState] = {
    "two problems that one command mends": with_settings(
        complete(IMPORT), settings(ServiceAuthEnabled="", ServiceAuthTenantName="")
    ),
    "nothing wrong": healthy(),
    "no clients, and no table of them": complete(),
    "no service application": observed_state(Trust(), settings()),
    "gaps of the service application": observed_state(
        Trust(replace(SERVICE, identifier_uris=(), app_roles=())), settings()
    ),
    "a role that is off": with_role_off(complete(IMPORT)),
    "no tenant, and no line for it": ObservedState(
        NOW, "public", None, None, trust(IMPORT), api=MCT
    ),
}


def test_secrets_that_are_not_on_this_machine_are_one_note_behind_the_table() -> None:
    first, second = scenarios.client("Export"), scenarios.client("Import")
    places = {
        each.client_id: SecretPlace.parse(f"file:/home/ada/{each.display_name}.env")
        for each in (second, first)
    }
    seen = replace(complete(first, second), missing_secrets=places)
    shown = Terminal.recording()
    show_report(shown, one(seen))
    _, behind = shown.recorded.split("Application ID URI")
    assert shown.recorded.count("note: ") == behind.count("note: ") == 1
    assert "no file on this machine with the secret of 'Export', 'Import'." in behind
    assert behind.endswith(f"    mct-s2s rotate-secret NAME {WHERE}\n")


def test_a_certificate_that_is_not_on_this_machine_is_no_secret() -> None:
    client = scenarios.client("Import", credential(kind=CredentialKind.CERTIFICATE))
    seen = complete(client)
    place = SecretPlace.parse("file:/home/ada/import.env")
    shown = Terminal.recording()
    show_report(shown, one(replace(seen, missing_secrets={client.client_id: place})))
    assert "no file on this machine with the credential of 'Import'." in shown.recorded


def test_a_status_is_as_it_was() -> None:
    text = check_texts(
        "statuses", {name: shown(one(observed)) for name, observed in STATUSES.items()}
    )
    assert [name for name in FOREIGN if name in text] == [], "settings of others are never shown"


def test_what_to_do_what_to_run_and_what_the_service_said_are_lines_of_their_own(
    screens: Screens,
) -> None:
    screen = screens(80, is_terminal=True)
    run = (
        f"az role assignment create --assignee {'0' * 36} --role Reader --scope "
        f"/subscriptions/{'1' * 36}"
    )
    show_error(
        screen.terminal,
        PermissionMissing(
            "x",
            "You can't do it.",
            remedy="They run:",
            command=run,
            answer="Denied: No.",
            request_id="7",
        ),
    )
    lines = [
        "error: You can't do it. [x]", "They run:", run, "Denied: No.",
        f"more: {DOCS}permissions.md",
        "request id: 7",
    ]  # fmt: skip
    assert pasteable(screen.err) == lines


def account(*changes: Sequence[AnyChange]) -> Shown:
    done, in_doubt, not_done = changes
    resume = Instruction("Run the same command again to resume.")
    return lambda terminal: show_stopped(
        terminal, [SiteReport("", done=done, in_doubt=in_doubt, not_done=not_done)], resume
    )


def test_an_error_and_the_account_of_a_command_are_as_they_were() -> None:
    shown = {
        "with a request id": lambda terminal: show_error(terminal, refusal()),
        "that no service made": lambda terminal: show_error(terminal, refusal(request_id=None)),
        "interrupted": account(
            [principal("One"), principal("Two")], [removal("Three")], [principal("Four")]
        ),
        "nothing was begun": account([], [], [principal()]),
        "one doubtful step": account([], [removal()], []),
        "nothing to do": account([], [], []),
    }
    check_texts("errors", shown)


def test_a_run_that_was_cut_off_after_its_last_change_is_not_to_be_repeated(
    screens: Screens,
) -> None:
    """`rotate-secret NAME` would make another secret, each time."""
    screen = screens()
    show_stopped(screen.terminal, [SiteReport("", done=[principal("One")])], Instruction("Resume."))
    assert screen.err.endswith("All changes were made: there is nothing to resume.\n")
    assert "Resume." not in screen.err


def test_the_account_of_a_rotation_tells_the_old_secret_from_the_new_one(
    screens: Screens,
) -> None:
    screen = screens()
    created = replace(removal(), key="created")
    removed = replace(removal(), replaced_for=(IMPORT.client_id, "api://mct"))
    report = SiteReport("site", done=[created], in_doubt=[removed])
    show_stopped(screen.terminal, [report], Instruction("Resume."))
    assert screen.err.splitlines()[:2] == [
        "Done: secret Import",
        "May have happened: old secret Import",
    ]


def test_an_interruption_before_the_first_write_is_one_line_for_all_sites(screens: Screens) -> None:
    screen = screens()
    sites = [SiteReport(f"site-{number}") for number in range(42)]
    show_stopped(screen.terminal, sites, Instruction("Resume."))
    assert screen.err == "Nothing was changed at any of the 42 sites.\n"


def test_sites_of_an_interrupted_command_are_counted_by_how_far_they_have_come(
    screens: Screens,
) -> None:
    screen = screens()
    saved = SavedCredential("Import", "", None, SecretPlace.parse("file:/import.env"))
    finished = SiteReport("site-0", done=[principal()], credentials=[saved], is_over=True)
    stopped = [
        SiteReport(f"site-{number}", done=[principal()], in_doubt=[removal()])
        for number in range(1, 8)
    ]
    up_to_date, untouched = SiteReport("site-8", plan=Plan()), SiteReport("site-9")
    sites = [finished, *stopped, up_to_date, untouched]
    show_stopped(screen.terminal, sites, Instruction("Resume."))
    lines = screen.err.splitlines()
    assert lines[0] == "✓ site-0  1 created"
    assert lines[1].strip() == "Secret of Import  does not expire, saved to /import.env"
    assert lines[2:5] == ["Site site-1", "Done: 1 created", "May have happened: secret Import"]
    assert lines[-3:] == [
        "Nothing was changed at site-9.",
        "10 sites: 1 done, 1 up to date, 7 stopped, 1 not begun.",
        "Resume.",
    ]


def test_sites_beyond_the_errors_that_a_job_shows_are_in_the_last_of_them(
    screens: Screens, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    screen = screens()
    annotate_sites(screen.terminal, {f"site-{number}": ["No."] for number in range(12)})
    lines = screen.err.splitlines()
    assert len(lines) == 10
    assert lines[-1] == "::error::site-9: No.%0Asite-10: No.%0Asite-11: No."


def test_a_report_says_how_many_app_services_were_not_read(screens: Screens) -> None:
    healthy = one(complete(scenarios.client("Import", credential(300))))
    report = replace(healthy, failed=several().failed, is_list=True)
    screen = screens()
    show_report(screen.terminal, report)
    assert screen.out.startswith("1 of 2 App Services not read; no problems in the other.\n")


def test_what_is_wrong_stands_below_the_table_of_all_app_services(screens: Screens) -> None:
    """A table of thirty is longer than a screen."""
    screen = screens()
    show_report(screen.terminal, several())
    rows, _, wrong = screen.out.partition("\n\ncontosolearn\n")
    assert "problems" in rows.splitlines()[0]
    assert "contosotrain  " in rows
    assert "error: " in wrong


def test_a_sites_line_says_that_its_secret_reached_no_one() -> None:
    lost = S2SError("secret-not-delivered", "No.", remedy="Correct it.")
    terminal = Terminal.recording()
    show_outcomes(terminal, [SiteReport("learn", error=lost, taken_back=[TakenBack("Import")])])
    line = "failed: the secret reached no one (secret-not-delivered); it was removed again"
    assert line in terminal.recorded


def test_a_sites_line_does_not_say_that_nothing_was_changed_where_that_is_in_doubt() -> None:
    passed = S2SError("deadline-passed", "Timed out.", remedy="Run it again.")
    terminal = Terminal.recording()
    show_outcomes(terminal, [SiteReport("learn", error=passed, in_doubt=[principal()])])
    assert "failed: deadline-passed; may have changed, see below" in terminal.recorded


APP = ClientId(guid("automation"))
ME = PrincipalId(guid("me"))
AUTOMATION = CallerRights(
    SignedIn("service principal (client secret)", APP, is_person=False, id=ME, name="automation"),
    permissions=frozenset({"Application.ReadWrite.All", "AppRoleAssignment.ReadWrite.All"}),
    roles=frozenset(),
    owned=frozenset(),
)
OWNER, REGISTRAR = "an Owner or User Access Administrator", "a Privileged Role Administrator"


def lacking(step: str, right: str, who: str = REGISTRAR) -> MissingRight:
    return MissingRight(step, right, who, f"az {right[:3].lower()}")


def failed(code: str, *missing: MissingRight, verdict: Verdict = Verdict.NO) -> DoctorCheck:
    return DoctorCheck(code, verdict, "x", f"You can't {missing[0].step}.", missing=missing)


RESTART = failed("restart", lacking("restart 'contosolearn'", "Website Contributor", OWNER))
FAILED = DoctorCheck(
    "tenant", Verdict.NO, "x", "It is another one.", (Instruction("Sign in there:", "az login"),)
)


def seen(
    rights: CallerRights = AUTOMATION,
    permissions: tuple[Permission, ...] = (),
    *,
    refused: bool = False,
) -> Seen:
    scopes = {str(site().resource).lower(): ScopeRights(permissions, ())}
    refusal = (
        PermissionMissing("permission-missing", "You can't.", remedy="Ask an Owner.")
        if refused
        else None
    )
    observed = AppService(**vars(site()), settings={}, tenant_id=TENANT.id, refusal=refusal)
    state = ObservedState(NOW, "public", TENANT, observed, Trust(), api=MCT)
    return Seen(state, replace(rights, secret_rules=(), scopes=scopes), site().resource)


CREATE = failed("create-application", lacking("create it", "Application Developer"))
CHECKS: dict[str, tuple[DoctorCheck, ...]] = {
    "a role that another includes is not asked for": (
        CREATE, failed("admin-consent", lacking("consent", "Cloud Application Administrator"))
    ),
    "where no command helps the request is a sentence": (
        failed("restart", MissingRight("restart it", "an exception", "the publisher")),
    ),
    "a doubtful right is asked for only if it is refused": (
        failed("admin-consent", lacking("consent", "x"), verdict=Verdict.UNKNOWN),
    ),
    "a check that no right would pass has its own remedy": (FAILED,),
    "what stops setup has a way round it": (CREATE, RESTART),
    "what others can do later does not": (RESTART,),
}  # fmt: skip


def checked(checks: tuple[DoctorCheck, ...]) -> Callable[[Terminal], None]:
    ways_out = (Instruction("Or ask someone to run:", "mct-s2s setup --no-app-service"),)
    return lambda terminal: show_checks(terminal, checks, WHERE, ways_out=ways_out)


def test_checks_are_as_they_were() -> None:
    check_texts("checks", {name: checked(checks) for name, checks in CHECKS.items()})


SCREENS = {
    "doctor-ready": seen(permissions=(Permission(("*",)),)),
    "doctor-half": seen(
        replace(
            AUTOMATION, permissions=frozenset({"Application.ReadWrite.OwnedBy"}), has_no_role=True
        ),
        refused=True,
    ),
}


@pytest.mark.parametrize("name", SCREENS)
def test_checks_of_a_caller_are_readable_on_any_terminal(name: str) -> None:
    check_readable(checked(checks(SCREENS[name], spec("NAME"))))


def test_checks_of_a_caller_with_half_the_rights_look_as_they_did() -> None:
    check_screen("doctor", checked(checks(SCREENS["doctor-half"], spec("NAME"))))
