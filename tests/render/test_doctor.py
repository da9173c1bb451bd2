"""What `doctor` found: each check with its sign, and below it whom to ask."""

from __future__ import annotations

import re
from typing import Any

import pytest
from mct_s2s.model.caller_rights import CallerRights, DirectoryRights, Permission, Person, ScopeRights, SignedIn
from mct_s2s.model.ids import ClientId, PrincipalId
from mct_s2s.planning.doctor import DoctorCheck, Seen, State, checks
from mct_s2s.render.doctor import doctor_document, show_checks

from tests.cli.schemas import check as check_contract
from tests.planning.worlds import NOW, TENANT, guid, site
from tests.render.conftest import Screens
from tests.render.examples import ODD_NAMES, WHERE
from tests.render.reading import line_with, pasteable, words_of

APP = ClientId(guid("automation"))
ME = PrincipalId(guid("me"))
AUTOMATION = DirectoryRights(
    SignedIn("service principal (client secret)", APP, is_person=False),
    principal_id=ME,
    name="automation",
    permissions=frozenset({"Application.ReadWrite.All", "AppRoleAssignment.ReadWrite.All"}),
    roles=frozenset(),
    owned=frozenset(),
)
ADA = DirectoryRights(
    SignedIn("Azure CLI"), person=Person(ME, "ada@contoso.com"), principal_id=ME, name="ada@contoso.com"
)
OK = DoctorCheck("tenant", State.OK, "contoso", "Tenant contoso.")
MISSING = DoctorCheck("restart", State.MISSING, "contosolearn", "You can't restart 'contosolearn'.", "Ask an Owner.")
UNKNOWN = DoctorCheck("secret-policy", State.UNKNOWN, "client secrets", "Could not check: you can't read the policy.")


def seen(rights: DirectoryRights | None = AUTOMATION, permissions: tuple[Permission, ...] = ()) -> Seen:
    scopes = {str(site().resource).lower(): ScopeRights(permissions, (), ())}
    return Seen(CallerRights(rights, (), scopes), TENANT, None, site(), TENANT.id)


def document_of(what: Seen) -> dict[str, Any]:
    document = doctor_document(what, checks(what, NOW))
    check_contract(document)
    return document


def test_an_application_is_reported_by_its_ids_and_its_way_of_signing_in() -> None:
    document = document_of(seen())
    assert document["caller"] == {
        "kind": "servicePrincipal",
        "name": "automation",
        "id": ME,
        "appId": APP,
        "method": "service principal (client secret)",
    }
    assert document["tenant"] == {"id": TENANT.id, "name": "contoso.onmicrosoft.com"}


def test_a_person_has_a_name_and_no_application_id() -> None:
    caller = document_of(seen(ADA))["caller"]
    assert (caller["kind"], caller["name"], caller["appId"]) == ("person", "ada@contoso.com", None)


def test_a_caller_of_whom_nothing_is_known_is_of_no_kind() -> None:
    caller = document_of(seen(DirectoryRights(SignedIn("managed identity"))))["caller"]
    assert caller == {"kind": None, "name": None, "id": None, "appId": None, "method": "managed identity"}


def test_without_a_look_at_directory_and_tenant_the_caller_is_empty() -> None:
    document = doctor_document(Seen(CallerRights(), None), (MISSING,))
    assert set(document) == {"schema", "ready", "caller", "tenant", "checks"}
    assert set(document["caller"].values()) == {None}
    assert document["tenant"] is None


def test_a_missing_role_makes_the_caller_unready_and_names_the_command() -> None:
    document = document_of(seen())
    assert document["ready"] is False
    by_code = {row["code"]: row for row in document["checks"]}
    assert by_code["create-application"]["state"] == "ok"
    assert by_code["write-settings"]["state"] == "missing"
    assert by_code["write-settings"]["subject"] == "contosolearn"
    assert f"--scope {site().resource}" in by_code["write-settings"]["remedy"]


def test_a_caller_who_may_do_everything_is_ready() -> None:
    document = document_of(seen(permissions=(Permission(("*",)),)))
    assert document["ready"] is True
    assert {row["state"] for row in document["checks"]} == {"ok"}


def test_what_cannot_be_seen_is_unknown_and_no_obstacle() -> None:
    document = doctor_document(seen(), (OK, UNKNOWN))
    check_contract(document)
    assert document["ready"] is True
    assert [row["state"] for row in document["checks"]] == ["ok", "unknown"]
    assert [row["remedy"] for row in document["checks"]] == [None, None]


def test_each_check_has_a_sign_for_its_state(screens: Screens) -> None:
    screen = screens(120)
    show_checks(screen.terminal, [OK, MISSING, UNKNOWN], WHERE)
    signs = {line.split()[0]: line for line in screen.out.splitlines()[:4]}
    assert OK.message in signs["✓"]
    assert MISSING.message in signs["✗"]
    assert UNKNOWN.message in signs["?"]
    assert screen.err == ""


def test_whom_to_ask_is_below_the_check_that_needs_it(screens: Screens) -> None:
    screen = screens(120)
    show_checks(screen.terminal, [MISSING, OK], WHERE)
    lines = pasteable(screen.out)
    assert lines.index("Ask an Owner.") == 1
    assert MISSING.message in lines[0]
    assert OK.message in lines[2]


def test_the_failed_checks_are_counted_and_the_unknown_ones_are_not(screens: Screens) -> None:
    screen = screens(120)
    show_checks(screen.terminal, [OK, MISSING, UNKNOWN, MISSING], WHERE)
    line_with(screen.out, "2 of 4")
    assert "--dry-run" not in screen.out


def test_a_ready_caller_gets_the_next_command_for_this_app_service(screens: Screens) -> None:
    screen = screens(120)
    show_checks(screen.terminal, [OK, UNKNOWN], WHERE)
    assert line_with(screen.out, "mct-s2s setup").endswith(f"mct-s2s setup {WHERE} --client NAME --dry-run")
    assert screen.err == ""


def test_a_long_command_is_on_one_line_of_a_log(screens: Screens) -> None:
    screen = screens()
    show_checks(screen.terminal, checks(seen(), NOW), WHERE)
    commands = [line for line in screen.out.splitlines() if "az role assignment create" in line]
    assert len(commands) == 2  # to write the settings, and to restart
    for line in commands:
        assert line.rstrip().endswith(f"--assignee {ME} --role 'Website Contributor' --scope {site().resource}")


@pytest.mark.parametrize("width", [40, 80, 100])
def test_a_command_for_somebody_else_can_be_pasted_from_a_terminal(screens: Screens, width: int) -> None:
    screen = screens(width, is_terminal=True)
    found = checks(seen(), NOW)
    show_checks(screen.terminal, found, WHERE)
    commands = [grant.command for check in found for grant in check.grants]
    assert len(commands) == 2
    assert [line for line in screen.out.splitlines() if line.startswith("az ")] == commands


@pytest.mark.parametrize("width", [80, 120])
def test_a_message_is_wrapped_between_words_on_a_terminal(screens: Screens, width: int) -> None:
    screen = screens(width, is_terminal=True)
    message = "Could not check whether the tenant allows client secrets. " * 4
    show_checks(screen.terminal, [DoctorCheck("secret-policy", State.UNKNOWN, "x", message.strip())], WHERE)
    assert message.strip() in words_of(screen.out)
    assert all(len(line.rstrip()) <= width for line in screen.out.splitlines()[:3])


@pytest.mark.parametrize("name", ODD_NAMES)
def test_an_odd_name_in_a_check_is_shown_as_it_is(screens: Screens, name: str) -> None:
    screen = screens()
    show_checks(screen.terminal, [DoctorCheck("restart", State.MISSING, name, f"'{name}'", f"Ask {name}.")], WHERE)
    line_with(screen.out, f"'{name}'")
    assert f"Ask {name}." in pasteable(screen.out)


def test_signs_are_colored_on_a_terminal_only(screens: Screens) -> None:
    for is_terminal in (True, False):
        screen = screens(120, is_terminal=is_terminal)
        show_checks(screen.terminal, [OK, MISSING], WHERE)
        colored = re.search(r"\x1b\[[0-9;]*31m✗", screen.out_stream.getvalue())
        assert (colored is not None) is is_terminal
