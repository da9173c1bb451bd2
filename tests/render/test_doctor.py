"""What `doctor` found: each check with its sign, and below it whom to ask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from mct_s2s.errors import PermissionMissing
from mct_s2s.model.caller_rights import CallerRights, DirectoryRights, Permission, Person, ScopeRights, SignedIn
from mct_s2s.model.ids import ClientId, PrincipalId
from mct_s2s.planning.permissions.doctor import DoctorCheck, Seen, State, checks
from mct_s2s.planning.permissions.grants import Grant, Lack
from mct_s2s.render.doctor import doctor_document, show_checks

from tests.cli.schemas import check as check_contract
from tests.planning.scenarios import NOW, TENANT, guid, site
from tests.render.conftest import Screens
from tests.render.examples import WHERE
from tests.support.screens import check_screen

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
OK = DoctorCheck("tenant", State.OK, "Tenant", "contoso", "contoso", "Tenant contoso.")
FAILED = DoctorCheck("tenant", State.MISSING, "Tenant", "It is another one.", "x", "x", "Sign in there:", "az login")
UNKNOWN = DoctorCheck("secret-policy", State.UNKNOWN, "Client secrets", "you can't read the policy", "x", "x")
OWNER, REGISTRAR = "an Owner or User Access Administrator", "a Privileged Role Administrator"
SITE_ROLE = Grant("Website Contributor", "for it", OWNER, ("az role assignment create --role 'Website Contributor'",))


def lacking(code: str, short: str, *grants: Grant, state: State = State.MISSING) -> DoctorCheck:
    return DoctorCheck(
        code, state, "contosolearn", short, "x", "x", "x", lacks=tuple(Lack(short, one) for one in grants)
    )


MISSING = lacking("restart", "restart", SITE_ROLE)


def seen(rights: DirectoryRights | None = AUTOMATION, permissions: tuple[Permission, ...] = ()) -> Seen:
    scopes = {str(site().resource).lower(): ScopeRights(permissions, ())}
    return Seen(CallerRights(rights, (), scopes), TENANT, None, site(), TENANT.id)


def unreadable(what: Seen) -> Seen:
    return replace(what, site_refusal=PermissionMissing("permission-missing", "You can't.", remedy="Ask an Owner."))


def document_of(what: Seen) -> dict[str, Any]:
    document = doctor_document(what, checks(what, NOW, WHERE))
    check_contract(document)
    return document


def test_a_caller_of_whom_nothing_is_known_is_of_no_kind() -> None:
    caller = document_of(seen(DirectoryRights(SignedIn("managed identity"))))["caller"]
    assert caller == {"kind": None, "name": None, "id": None, "appId": None, "method": "managed identity"}


def test_without_a_look_at_directory_and_tenant_the_caller_is_empty() -> None:
    document = doctor_document(Seen(CallerRights(), None), (MISSING,))
    assert set(document) == {"schema", "ready", "setup", "caller", "tenant", "checks", "manualSteps"}
    assert set(document["caller"].values()) == {None}
    assert document["tenant"] is None


def test_the_document_has_what_someone_has_to_grant() -> None:
    document = document_of(unreadable(seen()))
    assert document["setup"] == "stops"
    (step,) = document["manualSteps"]
    assert step["what"] == "Website Contributor, to " + ", ".join(f"{verb} 'contosolearn'" for verb in (
        "read the application settings of", "write the application settings of", "restart"
    )) + "."  # fmt: skip
    assert step["who"] == OWNER


def shown(screens: Screens, *checks: DoctorCheck, more: Sequence[str] = (), width: int = 120) -> list[str]:
    screen = screens(width, is_terminal=True)
    show_checks(screen.terminal, checks, WHERE, more)
    assert screen.err == ""
    assert all(line == line.rstrip() for line in screen.out.splitlines())
    return screen.out.splitlines()


def test_a_role_that_another_includes_is_not_asked_for(screens: Screens) -> None:
    """Whoever may administer registrations may create them."""
    small, large = (Grant(role, "for it", REGISTRAR, (f"az {role[:3]}",)) for role in (
        "Application Developer", "Cloud Application Administrator"
    ))  # fmt: skip
    lines = shown(screens, lacking("create-application", "create", small), lacking("admin-consent", "consent", large))
    assert [line for line in lines if line.startswith("    az ")] == ["    az Clo"]
    assert any(line.startswith("1 grant is missing.") for line in lines)


def test_where_no_command_helps_the_request_is_a_sentence(screens: Screens) -> None:
    denied = Grant("an exception", "to do this step", "the publisher")
    lines = shown(screens, lacking("restart", "restart", SITE_ROLE, denied))
    assert "An exception, to restart. Ask the publisher." in lines
    assert f"    {SITE_ROLE.command}" in lines


def test_a_doubtful_right_is_asked_for_only_if_it_is_refused(screens: Screens) -> None:
    lines = shown(screens, lacking("admin-consent", "consent", SITE_ROLE, state=State.UNKNOWN))
    assert lines[lines.index("If it is refused:") + 1].startswith("Website Contributor, to consent.")
    assert "No check failed. 1 could not be made: the real request decides." in lines


def test_a_check_that_no_right_would_pass_has_its_own_remedy(screens: Screens) -> None:
    lines = shown(screens, FAILED)
    assert lines[2:5] == ["To do:", "x Sign in there:", "    az login"]
    assert "1 check failed. Until it passes, setup stops before it changes anything." in lines


def test_who_may_not_register_can_write_the_settings_of_someone_who_may(screens: Screens) -> None:
    lines = shown(screens, lacking("create-application", "create", Grant("x", "for it", REGISTRAR, ("az x",))))
    assert lines[-1] == f"mct-s2s configure-appservice --from handoff.json {WHERE}"


def test_who_lacks_both_sides_is_shown_no_way_round(screens: Screens) -> None:
    registrar = lacking("create-application", "create", Grant("x", "for it", REGISTRAR, ("az x",)))
    lines = shown(screens, registrar, lacking("read-settings", "read settings", SITE_ROLE))
    assert not any("handoff" in line for line in lines)


SCREENS = {
    "doctor-ready": seen(permissions=(Permission(("*",)),)),
    "doctor-half": unreadable(
        seen(replace(AUTOMATION, permissions=frozenset({"Application.ReadWrite.OwnedBy"}), assignments=()))
    ),
    "doctor-nothing": unreadable(seen(replace(AUTOMATION, permissions=frozenset(), assignments=()))),
    "doctor-person": seen(replace(ADA, roles=frozenset()), permissions=(Permission(("*",)),)),
}


@pytest.mark.parametrize("name", SCREENS)
def test_the_screens(name: str) -> None:
    found = checks(SCREENS[name], NOW, WHERE)
    for width, suffix in ((80, "80"), (120, "120")):
        check_screen(f"{name}-{suffix}", lambda terminal: show_checks(terminal, found, WHERE), width=width)


def test_the_screens_without_colour_and_without_unicode() -> None:
    found = checks(SCREENS["doctor-half"], NOW, WHERE)
    check_screen("doctor-half-100-plain", lambda terminal: show_checks(terminal, found, WHERE), width=100, color=False)
    check_screen("doctor-half-80-ascii", lambda terminal: show_checks(terminal, found, WHERE), unicode=False)
