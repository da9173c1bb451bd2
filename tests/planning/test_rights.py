"""Three verdicts: what is known to be missing is said, and what is not known stops nobody."""

import pytest
from mct_s2s.model.caller_rights import (
    Caller,
    CallerRights,
    DirectoryRights,
    Permission,
    ScopeRights,
    SignedIn,
    Verdict,
)
from mct_s2s.model.ids import ApplicationObjectId, ClientId, PrincipalId
from mct_s2s.planning.permissions.rights import (
    APPLICATION_DEVELOPER,
    CLOUD_APPLICATION_ADMINISTRATOR,
    RequiredPermission,
    Right,
    judge,
)

from tests.planning.scenarios import guid, site

YES, NO, UNKNOWN = Verdict.YES, Verdict.NO, Verdict.UNKNOWN
ME = PrincipalId(guid("me"))
MINE = ApplicationObjectId(guid("mine"))
OTHERS = ApplicationObjectId(guid("others"))
CREATE = RequiredPermission(Right.CREATE_APPLICATION, "Import")
CHANGE_NEW = RequiredPermission(Right.CHANGE_APPLICATION, "Import")
CHANGE_MINE = RequiredPermission(Right.CHANGE_APPLICATION, "Import", application=MINE)
CHANGE_OTHERS = RequiredPermission(Right.CHANGE_APPLICATION, "Import", application=OTHERS)
PRINCIPAL_NEW = RequiredPermission(Right.CREATE_PRINCIPAL, "Import")
CONSENT_MINE = RequiredPermission(Right.CONSENT, "Import", application=MINE)
CONSENT_OTHERS = RequiredPermission(Right.CONSENT, "Import", application=OTHERS)
DIRECTORY = (CREATE, CHANGE_NEW, CHANGE_MINE, CHANGE_OTHERS, PRINCIPAL_NEW, CONSENT_MINE, CONSENT_OTHERS)


def application(
    *permissions: str, roles: tuple[str, ...] = (), known: bool = True, none_else: bool = True
) -> DirectoryRights:
    return DirectoryRights(
        SignedIn("service principal", ClientId(guid("app")), is_person=False),
        Caller(ME, "automation", is_person=False),
        permissions=frozenset(permissions) if known else None,
        roles=frozenset(roles) if known else None,
        has_no_role=known and none_else and not roles,
        owned=frozenset({MINE}) if known else None,
    )


def person(*roles: str, known: bool = True, none_else: bool = True) -> DirectoryRights:
    return DirectoryRights(
        SignedIn("you"),
        Caller(ME, "me@contoso.com", is_person=True),
        roles=frozenset(roles) if known else None,
        has_no_role=known and none_else and not roles,
        owned=frozenset({MINE}) if known else None,
    )


PRIVILEGED_ROLE_ADMINISTRATOR = "e8611ab8-c189-46e8-94e1-60213ab1f814"
READ = "Application.Read.All"
OWNED_BY = "Application.ReadWrite.OwnedBy"
CONSENT_PERMISSION = "AppRoleAssignment.ReadWrite.All"

IN_THE_DIRECTORY = {
    "nothing was found out": (None, [UNKNOWN] * 7),
    "an application whose rights cannot be read": (application(known=False), [UNKNOWN] * 7),
    "a person whose roles cannot be read": (person(known=False), [UNKNOWN] * 7),
    "somebody of unknown kind": (DirectoryRights(SignedIn("azd")), [UNKNOWN] * 7),
    "an application that may only read": (application(READ), [NO] * 7),
    "one that may only read, and may hold any role": (application(READ, none_else=False), [UNKNOWN] * 7),
    "the least that an application needs without consent": (
        application(READ, OWNED_BY), [YES, YES, YES, NO, YES, NO, NO],
    ),
    "the least without consent, and perhaps a role": (
        application(READ, OWNED_BY, none_else=False), [YES, YES, YES, UNKNOWN, YES, UNKNOWN, UNKNOWN],
    ),
    "the least with consent": (
        application(READ, OWNED_BY, CONSENT_PERMISSION, none_else=False), [YES, YES, YES, UNKNOWN, YES, YES, YES],
    ),
    "all applications": (application("Application.ReadWrite.All"), [YES, YES, YES, YES, YES, NO, NO]),
    "creation alone, which does not name what it makes": (application(READ, "AppRegistration.Create"), [NO] * 7),
    "an application with a role": (application(READ, roles=(CLOUD_APPLICATION_ADMINISTRATOR,)), [YES] * 7),
    "an administrator in person": (person(CLOUD_APPLICATION_ADMINISTRATOR), [YES] * 7),
    "a developer": (person(APPLICATION_DEVELOPER), [YES, UNKNOWN, YES, UNKNOWN, YES, UNKNOWN, UNKNOWN]),
    "a member, who may or may not register applications": (
        person(), [UNKNOWN, UNKNOWN, YES, NO, UNKNOWN, UNKNOWN, NO],
    ),
    "a member of whom nothing more can be seen": (
        person(none_else=False), [UNKNOWN, UNKNOWN, YES, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN],
    ),
    "a role that consents": (
        person(PRIVILEGED_ROLE_ADMINISTRATOR), [UNKNOWN, UNKNOWN, YES, UNKNOWN, UNKNOWN, YES, YES],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("rights", "verdicts"), IN_THE_DIRECTORY.values(), ids=IN_THE_DIRECTORY.keys())
def test_rights_in_the_directory(rights: DirectoryRights | None, verdicts: list[Verdict]) -> None:
    assert [judge(need, CallerRights(rights) if rights else CallerRights())[0] for need in DIRECTORY] == verdicts


SITE = site().resource
WRITE = RequiredPermission(Right.WRITE_SETTINGS, "contosolearn", resource=SITE)


def may(*actions: str, but: tuple[str, ...] = (), conditional: bool = False) -> Permission:
    return Permission(actions, but, conditional)


def at_site(rights: ScopeRights, need: RequiredPermission = WRITE) -> tuple[Verdict, list[str]]:
    verdict, missing = judge(need, CallerRights(scopes={str(SITE).lower(): rights}))
    return verdict, [one.right for one in missing]


PERMISSIONS = {
    "unreadable": (None, UNKNOWN),
    "none": ((), NO),
    "everything": ((may("*"),), YES),
    "exactly it": ((may("Microsoft.Web/sites/config/write"),), YES),
    "in another case": ((may("microsoft.web/SITES/config/Write"),), YES),
    "a star in the middle spans slashes": ((may("Microsoft.Web/*/write"),), YES),
    "a star at the end": ((may("Microsoft.Web/sites/*"),), YES),
    "reading": ((may("*/read"),), NO),
    "the name of something longer": ((may("Microsoft.Web/sites/config"),), NO),
    "a dot is no wildcard": ((may("MicrosoftXWeb/sites/config/write"),), NO),
    "taken away by the same role": ((may("*", but=("Microsoft.Web/sites/config/*",)),), NO),
    "taken away by one role, given by another": (
        (may("*", but=("Microsoft.Web/sites/config/*",)), may("Microsoft.Web/sites/config/write")),
        YES,
    ),
    "under a condition": ((may("*", conditional=True),), UNKNOWN),
}


@pytest.mark.parametrize(("permissions", "verdict"), PERMISSIONS.values(), ids=PERMISSIONS.keys())
def test_azure_roles_with_wildcards(permissions: tuple[Permission, ...] | None, verdict: Verdict) -> None:
    assert at_site(ScopeRights(permissions))[0] is verdict


def test_a_slot_has_actions_of_its_own() -> None:
    slot = SITE.site(SITE.subscription_id, SITE.resource_group, SITE.name, "staging")
    access = CallerRights(scopes={str(slot).lower(): ScopeRights((may("Microsoft.Web/sites/slots/config/write"),))})
    assert judge(RequiredPermission(Right.WRITE_SETTINGS, "x", resource=slot), access)[0] is YES
    assert at_site(ScopeRights((may("Microsoft.Web/sites/slots/config/write"),)))[0] is NO


def test_each_obstacle_is_named() -> None:
    locks = (f"{SITE}/providers/Microsoft.Authorization/locks/do not touch",)
    lock = "removal of the read-only lock 'do not touch'"
    assert at_site(ScopeRights((), locks)) == (NO, ["Website Contributor", lock])
    assert at_site(ScopeRights((may("*"),), locks)) == (NO, [lock])
