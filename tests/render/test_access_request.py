"""`doctor --request`: all that an administrator needs to decide and to act; a name in it does nothing but name."""

from __future__ import annotations

from dataclasses import replace

import pytest
from mct_s2s.errors import PermissionMissing
from mct_s2s.model.caller_rights import CallerRights, DirectoryRights, Permission, ResourceLock, ScopeRights, SignedIn
from mct_s2s.model.ids import ApplicationObjectId, ClientId, PrincipalId
from mct_s2s.planning.permissions.doctor import Seen, checks
from mct_s2s.render.access_request import TITLE, access_request, is_access_request

from tests.planning.scenarios import NOW, TENANT, guid, site
from tests.render.examples import ODD_NAMES, WHERE

APP, ME = ClientId(guid("automation")), PrincipalId(guid("me"))
AUTOMATION = DirectoryRights(
    SignedIn("service principal (client secret)", APP, is_person=False),
    principal_id=ME,
    name="automation",
    permissions=frozenset({"Application.ReadWrite.OwnedBy", "Application.Read.All"}),
    roles=frozenset(),
    assignments=(),
    owned=frozenset(),
)
REFUSAL = PermissionMissing("permission-missing", "You can't read them.", remedy="Ask an Owner.")
ALL = Permission(("*",))


def seen(rights: DirectoryRights = AUTOMATION, *permissions: Permission, locks: tuple[ResourceLock, ...] = ()) -> Seen:
    scopes = {str(site().resource).lower(): ScopeRights(permissions, locks, ())}
    refusal = None if permissions else REFUSAL
    return Seen(CallerRights(rights, (), scopes), TENANT, None, site(), TENANT.id, refusal)


def request(what: Seen) -> str:
    text = access_request(what, checks(what, NOW), WHERE)
    assert text is not None
    return text


def test_it_says_who_asks_for_which_tenant_and_site() -> None:
    text = request(seen())
    for line in (
        "- Who asks: automation (service principal)", f"- Object ID: {ME}", f"- Application (client) ID: {APP}",
        f"- Tenant: contoso.onmicrosoft.com ({TENANT.id})", "- App Service: contosolearn, resource group mct-prod",
        f"- Subscription: {site().resource.subscription_id}",
    ):  # fmt: skip
        assert line in text.splitlines()


def test_each_right_has_its_reasons_its_command_and_the_way_back() -> None:
    text = request(seen())
    assert text.startswith(f"{TITLE}\n")
    consent, role = text.index("### AppRoleAssignment.ReadWrite.All"), text.index("### Website Contributor")
    assert "Granted by a Privileged Role Administrator." in text[consent:role]
    assert "- grant admin consent (a client's token holds the app role" in text[consent:role]
    assert "Least privilege: Microsoft Graph has no narrower permission" in text[consent:role]
    assert f"    az ad app permission admin-consent --id {APP}" in text[consent:role].splitlines()
    for step in ("read the application settings of", "write the application settings of", "restart"):
        assert f"- {step} 'contosolearn' (" in text[role:]
    scope = f"--assignee {ME} --role 'Website Contributor' --scope {site().resource}"
    assert f"    az role assignment create {scope}" in text[role:].splitlines()
    assert f"    az role assignment delete {scope}" in text[role:].splitlines()
    assert text.rstrip().endswith("This text contains no secrets.")


def test_a_permission_is_taken_back_where_it_is_declared_and_where_it_is_granted() -> None:
    lines = request(seen()).splitlines()
    at = lines.index("To take it back afterwards:")
    assert lines[at + 2].startswith(f"    az ad app permission delete --id {APP} ")
    assert lines[at + 3].startswith(
        "    az rest --method DELETE --url https://graph.microsoft.com/v1.0/servicePrincipals/"
    )
    assert f'{ME}/appRoleAssignments/"$(az rest --url ' in lines[at + 3]


@pytest.mark.parametrize(
    ("scope", "where"),
    [
        (str(site().resource), f"--resource {site().resource}"),
        ("/subscriptions/s/resourceGroups/mct-prod", "--resource-group mct-prod --subscription s"),
        ("/subscriptions/s", "--lock-type ReadOnly --subscription s"),
    ],
)
def test_a_lock_is_put_back_where_it_was(scope: str, where: str) -> None:
    text = request(seen(AUTOMATION, ALL, locks=(ResourceLock("frozen", scope, is_read_only=True),)))
    (line,) = [line for line in text.splitlines() if line.startswith("    az lock create")]
    assert line.startswith("    az lock create --name frozen --lock-type ReadOnly")
    assert line.endswith(where)


def test_what_could_not_be_checked_is_apart() -> None:
    text = request(seen(replace(AUTOMATION, assignments=None)))
    doubtful = text.index("## Only if it is refused")
    assert text.index("### Website Contributor") < doubtful < text.index("### AppRoleAssignment.ReadWrite.All")


def test_a_person_is_asked_for_with_an_entra_role() -> None:
    ada = replace(AUTOMATION, signed_in=SignedIn("Azure CLI", is_person=True), name="ada@contoso.com", permissions=None)
    text = request(replace(seen(replace(ada, roles=frozenset())), service=ApplicationObjectId(guid("someone's"))))
    assert "- Who asks: ada@contoso.com (user)" in text
    assert "### Cloud Application Administrator" in text
    (back,) = [line for line in text.splitlines() if line.startswith("    az rest --method DELETE")]
    assert f"principalId%20eq%20%27{ME}%27" in back
    assert "Application (client) ID" not in text


def test_there_is_none_where_nothing_can_be_asked_for() -> None:
    able = replace(AUTOMATION, permissions=frozenset({"Application.ReadWrite.All", "AppRoleAssignment.ReadWrite.All"}))
    what = seen(able, ALL)
    assert access_request(what, checks(what, NOW), WHERE) is None


@pytest.mark.parametrize("name", [*ODD_NAMES, "<img src=x>", "[x](https://x)", "a\n# b", "`x`\n\n    az x"])
def test_a_name_is_no_markup(name: str) -> None:
    text = request(seen(replace(AUTOMATION, name=name)))
    (line,) = [line for line in text.splitlines() if line.startswith("- Who asks: ")]
    assert not any(mark in line.replace(f"\\{mark}", "") for mark in "<>[]`")
    assert [line for line in text.splitlines() if line.startswith("# ")] == [TITLE]


def test_a_text_of_ours_is_recognised_and_no_other() -> None:
    assert is_access_request(request(seen()).encode())
    assert not is_access_request(b"# Request for something else\n")
    assert not is_access_request(b"")
