"""What `doctor` found: each check with its sign, and below it whom to ask."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
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
from tests.render.examples import WHERE
from tests.support.screens import check_kept, check_screen, screen_text

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


SMALL, LARGE = (
    Grant(role, "for it", REGISTRAR, (f"az {role[:3]}",))
    for role in ("Application Developer", "Cloud Application Administrator")
)
DENIED = Grant("an exception", "to do this step", "the publisher")
CREATE = lacking("create-application", "create", Grant("x", "for it", REGISTRAR, ("az x",)))
CHECKS: dict[str, tuple[DoctorCheck, ...]] = {
    "a role that another includes is not asked for": (
        lacking("create-application", "create", SMALL), lacking("admin-consent", "consent", LARGE)
    ),
    "where no command helps the request is a sentence": (lacking("restart", "restart", SITE_ROLE, DENIED),),
    "a doubtful right is asked for only if it is refused": (
        lacking("admin-consent", "consent", SITE_ROLE, state=State.UNKNOWN),
    ),
    "a check that no right would pass has its own remedy": (FAILED,),
    "who may not register can write the settings of someone who may": (CREATE,),
    "who lacks both sides is shown no way round": (CREATE, lacking("read-settings", "read settings", SITE_ROLE)),
}  # fmt: skip


def shown(found: tuple[DoctorCheck, ...]) -> str:
    return screen_text(lambda terminal: show_checks(terminal, found, WHERE), width=120)


def test_checks_are_as_they_were() -> None:
    """`pytest --update-screens` takes new ones."""
    texts = {name: shown(found) for name, found in CHECKS.items()}
    check_kept(Path(__file__).parent / "documents" / "checks.txt", "".join(f"# {k}\n{v}\n\n" for k, v in texts.items()))
    assert all(line == line.rstrip() for line in "\n".join(texts.values()).splitlines())


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
