"""`status` on the screen: each id whole, each problem marked, each remedy ready to be pasted."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from mct_s2s.model.client_credentials import NEVER, CredentialKind
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.model.trust import ClientApplication, Trust
from mct_s2s.planning.reports.findings import Finding, Severity, diagnose
from mct_s2s.render.findings import show_findings
from mct_s2s.render.status import show_status

from tests.planning.scenarios import (
    FOREIGN,
    NOW,
    SERVICE,
    SERVICE_ID,
    SUBSCRIPTION,
    TENANT,
    client,
    complete,
    credential,
    guid,
    observed_state,
    settings,
    site,
    trust,
)
from tests.render.conftest import Screen, Screens
from tests.render.examples import (
    IDENTITY,
    IMPORT,
    ODD_NAMES,
    WHERE,
    healthy,
    site_of,
    with_role_off,
    with_settings,
)
from tests.render.reading import line_with, pasteable, words_of

PLAIN_NAMES = (
    "Import (test) {0} %s",
    "Import [DEV]",
    "O'Brien & Sons",
    "Personalabteilung Düsseldorf 日本語",
    "x" * 120,
)
"""Odd names without what looks like markup."""
URI = f"api://{SERVICE_ID}"


def shown(screen: Screen, observed: ObservedState, within: timedelta = timedelta(days=30)) -> str:
    show_status(screen.terminal, observed, diagnose(observed, NOW, WHERE, within), NOW, within)
    assert screen.err == ""
    return screen.out


def row_of(text: str, name: str, identifier: str) -> str:
    """A client's row in the table of clients, which the picture of the trust comes after."""
    return line_with(text.rpartition(" can call ")[0].rpartition("\n")[0] or text, name, identifier)


@pytest.mark.parametrize("width", [80, 120, None])
def test_the_ids_of_tenant_and_service_application_are_whole(screens: Screens, width: int | None) -> None:
    text = shown(screens(width), healthy())
    assert line_with(text, f"({TENANT.id})")
    assert line_with(text, f"({SERVICE_ID})")
    assert line_with(text, "URI").split()[-1] == URI
    assert line_with(text, "App role").split()[-1] == "S2SAppRole"


@pytest.mark.parametrize("width", [80, 120, None])
def test_each_setting_is_beside_its_name_and_no_other_setting_is_shown(screens: Screens, width: int | None) -> None:
    observed = healthy()
    text = shown(screens(width), observed)
    for name, value in site_of(observed).settings.items():
        if name in FOREIGN:
            assert name not in text
        else:
            assert [name, value] in [line.split() for line in text.splitlines()]


def test_the_app_service_is_shown_with_its_slot_address_and_state(screens: Screens) -> None:
    observed = healthy()
    slot = replace(
        site(), resource=ResourceId.site(SUBSCRIPTION, "mct-prod", "contosolearn", "staging"), state="Stopped"
    )
    text = shown(screens(120), replace(observed, app_service=replace(site_of(observed), site=slot)))
    assert line_with(text, "contosolearn/staging", "https://contosolearn.azurewebsites.net", "(Stopped)")


@pytest.mark.parametrize("width", [120, None])
def test_a_client_s_row_has_its_id_whole_and_its_consent_and_its_end(screens: Screens, width: int | None) -> None:
    row = row_of(shown(screens(width), healthy()), "Import", IMPORT.client_id)
    assert row.split()[2:4] == ["yes", "yes"]
    assert "secret" in row
    assert "2027-11-24" in row


def test_a_client_without_consent_is_marked_and_its_remedy_is_on_a_line_of_its_own(screens: Screens) -> None:
    observed = observed_state(trust(IMPORT, consented=False), site_of(complete(IMPORT)).settings)
    text = shown(screens(120), observed)
    assert row_of(text, "Import", f"{IMPORT.client_id}  ").split()[2:4] == ["no", "yes"]
    assert f"mct-s2s add-client {IMPORT.client_id} {WHERE}" in pasteable(text)


def test_a_client_that_is_not_allowed_is_marked(screens: Screens) -> None:
    text = shown(screens(120), observed_state(trust(IMPORT), settings()))
    assert row_of(text, "Import", f"{IMPORT.client_id}  ").split()[2:4] == ["yes", "no"]
    assert f"mct-s2s add-client {IMPORT.client_id} {WHERE}" in pasteable(text)


def test_without_an_app_service_it_is_not_known_who_is_allowed(screens: Screens) -> None:
    text = shown(screens(120), replace(complete(IMPORT), app_service=None))
    assert row_of(text, "Import", IMPORT.client_id).split()[2:4] == ["yes", "?"]
    assert "azurewebsites.net" not in text


def test_a_managed_identity_needs_no_consent_and_no_credential(screens: Screens) -> None:
    text = shown(screens(120), healthy())
    row = row_of(text, "reports-func", IDENTITY.id)
    cells = [cell for cell in row.split("  ") if cell.strip()]
    assert cells[3].strip() == "yes"
    assert "managed identity" in row
    unlisted = shown(screens(120), with_settings(healthy(), settings()))
    cells = [cell for cell in row_of(unlisted, "reports-func", IDENTITY.id).split("  ") if cell.strip()]
    assert cells[3].strip() == "no"


def test_a_managed_identity_alone_has_a_table_of_clients(screens: Screens) -> None:
    observed = healthy()
    text = shown(screens(120), replace(observed, trust=replace(observed.trust, clients=(), assignments=())))
    row_of(text, "reports-func", IDENTITY.id)


def test_without_clients_there_is_no_table_of_them(screens: Screens) -> None:
    assert "Credential" not in shown(screens(120), complete())


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (credential(400), "secret until 2027-12-29"),
        (credential(20), "secret until 2026-12-14"),
        (credential(-20), "secret until 2026-11-04"),
        (credential(kind=CredentialKind.CERTIFICATE), "certificate until 2027-11-24"),
        (replace(credential(kind=CredentialKind.FEDERATED), expires=None), "federated"),
        (replace(credential(), expires=NEVER), "secret, does not expire"),
    ],
)
def test_the_credential_of_a_client_is_shown_by_kind_and_end(screens: Screens, found: object, expected: str) -> None:
    observed = complete(client("Import", found))  # type: ignore[arg-type]
    assert expected in row_of(shown(screens(120), observed), "Import", IMPORT.client_id + "  ")


@pytest.mark.parametrize(("days", "shown_as"), [(100, "32m2027-03-04"), (20, "33m2026-12-14"), (-20, "31m2026-11-04")])
def test_the_end_of_a_credential_is_colored_by_how_near_it_is(screens: Screens, days: int, shown_as: str) -> None:
    screen = screens(120, is_terminal=True)
    shown(screen, complete(client("Import", credential(days))))
    (row,) = [
        line for line in screen.out_stream.getvalue().splitlines() if "until" in line and IMPORT.client_id in line
    ]
    assert shown_as in row


def test_of_several_credentials_the_one_that_ends_last_counts(screens: Screens) -> None:
    federated = replace(credential(kind=CredentialKind.FEDERATED), expires=None)
    several = complete(client("Import", credential(10), credential(300), credential(50)))
    assert "2027-09-20" in row_of(shown(screens(120), several), "Import", IMPORT.client_id)
    unending = complete(client("Import", credential(10), federated, credential(300)))
    assert "federated" in row_of(shown(screens(120), unending), "Import", IMPORT.client_id)


def test_a_client_that_cannot_sign_in_has_no_end(screens: Screens) -> None:
    assert IMPORT.application is not None
    bare = ClientApplication(replace(IMPORT.application, credentials=()), IMPORT.principal)
    text = shown(screens(120), complete(bare))
    assert row_of(text, "Import", f"{IMPORT.client_id}  ").split()[-1] == "none"
    assert f"mct-s2s add-client {IMPORT.client_id} {WHERE}" in pasteable(text)


def test_a_client_of_another_tenant_is_shown_without_its_credentials(screens: Screens) -> None:
    row = row_of(shown(screens(120), complete(replace(IMPORT, application=None))), "Import", IMPORT.client_id)
    assert row.split()[2:4] == ["yes", "yes"]
    assert "secret" not in row
    assert "until" not in row


def test_a_tenant_without_a_service_application_says_so(screens: Screens) -> None:
    text = shown(screens(120), observed_state(Trust(), settings()))
    assert line_with(text, "Service application ").split()[-1] == "none"
    assert "App role" not in text


def test_the_gaps_of_a_service_application_are_named(screens: Screens) -> None:
    bare = replace(SERVICE, identifier_uris=(), app_roles=())
    text = shown(screens(120), observed_state(Trust(bare), settings()))
    assert line_with(text, "Application ID URI   ").split()[-1] == "none"
    assert line_with(text, "App role   ").split()[-1] == "none"


def test_a_role_that_is_off_is_marked(screens: Screens) -> None:
    on = line_with(shown(screens(120), complete(IMPORT)), "App role ").split()
    off = line_with(shown(screens(120), with_role_off(complete(IMPORT))), "App role  ").split()
    assert off[: len(on)] == on
    assert len(off) > len(on)


def test_without_a_tenant_there_is_no_line_for_it(screens: Screens) -> None:
    assert "Tenant" not in shown(screens(120), ObservedState("public", None, None, trust(IMPORT)))


def test_a_credential_that_ends_soon_is_in_the_timeline_and_among_the_findings(screens: Screens) -> None:
    text = shown(screens(120), complete(client("Import", credential(20))))
    assert line_with(text, "2026-12-14", "in 20 days", "by hand")
    assert f"mct-s2s rotate-secret {IMPORT.client_id} {WHERE}" in pasteable(text)
    later = shown(screens(120), complete(client("Import", credential(20))), timedelta(days=7))
    assert "rotate-secret" not in later


@pytest.mark.parametrize("name", PLAIN_NAMES)
def test_the_name_of_a_client_is_whole_in_a_log(screens: Screens, name: str) -> None:
    observed = complete(client(name))
    identities = (replace(IDENTITY, display_name=name),)
    text = shown(screens(), replace(observed, trust=replace(observed.trust, identities=identities)))
    row_of(text, name, guid(name) + "  ")
    row_of(text, name, IDENTITY.id)


@pytest.mark.parametrize("name", PLAIN_NAMES)
def test_the_name_of_the_service_application_is_whole_in_a_log(screens: Screens, name: str) -> None:
    observed = complete(IMPORT)
    service = replace(SERVICE, display_name=name)
    assert line_with(
        shown(screens(), replace(observed, trust=replace(observed.trust, service=service))), name, SERVICE_ID
    )


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_setting_is_shown_as_it_is_even_where_it_looks_like_markup(screens: Screens, name: str) -> None:
    text = shown(screens(), observed_state(Trust(), settings(ServiceAuthRole=name)))
    assert line_with(text, "ServiceAuthRole  ", name)


# findings


@pytest.mark.parametrize("width", [80, 120])
def test_a_remedy_is_whole_on_a_line_of_its_own_below_its_finding(screens: Screens, width: int) -> None:
    remedy = f"az rest --method PATCH --url https://graph.microsoft.com/v1.0/{'applications/' * 15}"
    screen = screens(width, is_terminal=True)
    show_findings(screen.terminal, (Finding("x", Severity.ERROR, "Import", "'Import' has no consent.", remedy),))
    lines = pasteable(screen.out)
    (message,) = [index for index, line in enumerate(lines) if "'Import' has no consent." in line]
    assert lines[message + 1] == remedy


@pytest.mark.parametrize("severity", list(Severity))
def test_a_finding_says_how_severe_it_is(screens: Screens, severity: Severity) -> None:
    screen = screens(120)
    show_findings(screen.terminal, (Finding("x", severity, "Import", "the message", "the remedy"),))
    assert severity.value in line_with(screen.out, "the message")


def test_findings_are_reported_in_their_order(screens: Screens) -> None:
    screen = screens(120)
    findings = tuple(Finding("x", Severity.ERROR, "x", f"message {number}", f"remedy {number}") for number in range(3))
    show_findings(screen.terminal, findings)
    lines = [line for line in pasteable(screen.out) if line]
    assert [line[-1] for line in lines] == ["0", "0", "1", "1", "2", "2"]


def test_a_note_alone_ends_as_well_as_no_finding_does(screens: Screens) -> None:
    none, note, error = screens(120), screens(120), screens(120)
    show_findings(none.terminal, ())
    show_findings(note.terminal, (Finding("x", Severity.NOTE, "x", "m", "r"),))
    show_findings(error.terminal, (Finding("x", Severity.ERROR, "x", "m", "r"),))
    fine = none.out.strip()
    assert fine
    assert note.out.splitlines()[-1] == fine
    assert fine not in error.out


@pytest.mark.parametrize("name", ODD_NAMES)
def test_an_odd_name_in_a_finding_is_shown_as_it_is(screens: Screens, name: str) -> None:
    screen = screens(80, is_terminal=True)
    show_findings(screen.terminal, (Finding("x", Severity.WARNING, name, f"'{name}' ends.", f"rotate {name}"),))
    assert words_of(f"'{name}' ends.") in words_of(screen.out)
    assert line_with(screen.out, f"rotate {name}")


def test_problems_are_colored_by_how_severe_they_are_on_a_terminal_only(screens: Screens) -> None:
    findings = (Finding("x", Severity.ERROR, "x", "m", "r"), Finding("x", Severity.WARNING, "x", "m", "r"))
    for is_terminal in (True, False):
        screen = screens(120, is_terminal=is_terminal)
        show_findings(screen.terminal, findings)
        raw = screen.out_stream.getvalue()
        assert ("\x1b[1;31merror" in raw, "\x1b[33mwarning" in raw) == (is_terminal, is_terminal)
