"""Three verdicts: what is known to be missing is said and left out of a plan, what is not known
stops nobody.
"""

from collections import defaultdict
from dataclasses import replace
from datetime import timedelta

import pytest
from mct_s2s.errors import WayOut
from mct_s2s.model.caller_rights import (
    CallerRights,
    Permission,
    ScopeRights,
    SecretRule,
    SignedIn,
    Verdict,
)
from mct_s2s.model.client_credentials import NewCredential
from mct_s2s.model.desired import ClientSpec, SettingsScope, Setup
from mct_s2s.model.duration import expiry
from mct_s2s.model.ids import ApplicationObjectId, ClientId, KeyId, PrincipalId
from mct_s2s.planning.changes import (
    AddCredential,
    AssignAppRole,
    RemoveCredential,
    RestartSite,
    SettingsChange,
    WriteSettings,
)
from mct_s2s.planning.make import make_plan
from mct_s2s.planning.permissions.preflight import (
    main_permission,
    missing_at,
    permission_error,
    with_unread_settings,
    without_forbidden_steps,
)
from mct_s2s.planning.permissions.rights import (
    APPLICATION_DEVELOPER,
    CLOUD_APPLICATION_ADMINISTRATOR,
    RequiredPermission,
    Right,
    asked_for,
    judge,
    may_do_all,
)
from mct_s2s.planning.plan import Plan
from mct_s2s.planning.secret_policy import fit_secrets, last_end, shorter, typed

from tests.planning.scenarios import (
    IMPORT,
    LATER,
    NOW,
    client,
    complete,
    guid,
    identity_resource,
    observed_state,
    site,
    spec,
    unreadable,
)

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
DIRECTORY = (
    CREATE,
    CHANGE_NEW,
    CHANGE_MINE,
    CHANGE_OTHERS,
    PRINCIPAL_NEW,
    CONSENT_MINE,
    CONSENT_OTHERS,
)


def application(
    *permissions: str, roles: tuple[str, ...] = (), known: bool = True, none_else: bool = True
) -> CallerRights:
    return CallerRights(
        SignedIn(
            "service principal", ClientId(guid("app")), is_person=False, id=ME, name="automation"
        ),
        permissions=frozenset(permissions) if known else None,
        roles=frozenset(roles) if known else None,
        has_no_role=known and none_else and not roles,
        owned=frozenset({MINE}) if known else None,
    )


def person(*roles: str, known: bool = True, none_else: bool = True) -> CallerRights:
    return CallerRights(
        SignedIn("you", is_person=True, id=ME, name="me@contoso.com"),
        roles=frozenset(roles) if known else None,
        has_no_role=known and none_else and not roles,
        owned=frozenset({MINE}) if known else None,
    )


PRIVILEGED_ROLE_ADMINISTRATOR = "e8611ab8-c189-46e8-94e1-60213ab1f814"
READ = "Application.Read.All"
OWNED_BY = "Application.ReadWrite.OwnedBy"
CONSENT_PERMISSION = "AppRoleAssignment.ReadWrite.All"

IN_THE_DIRECTORY = {
    "nothing was found out": (CallerRights(), [UNKNOWN] * 7),
    "an application whose rights cannot be read": (application(known=False), [UNKNOWN] * 7),
    "a person whose roles cannot be read": (person(known=False), [UNKNOWN] * 7),
    "somebody of unknown kind": (CallerRights(SignedIn("azd")), [UNKNOWN] * 7),
    "an application that may only read": (application(READ), [NO] * 7),
    "one that may only read, and may hold any role": (application(READ, none_else=False),
                                                      [UNKNOWN] * 7),
    "the least an application needs without consent": (
        application(READ, OWNED_BY), [YES, YES, YES, NO, YES, NO, NO],
    ),
    "the least without consent, and perhaps a role": (
        application(READ, OWNED_BY, none_else=False),
        [YES, YES, YES, UNKNOWN, YES, UNKNOWN, UNKNOWN],
    ),
    "the least with consent": (
        application(READ, OWNED_BY, CONSENT_PERMISSION, none_else=False),
        [YES, YES, YES, UNKNOWN, YES, YES, YES],
    ),
    "all applications": (application("Application.ReadWrite.All"),
                         [YES, YES, YES, YES, YES, NO, NO]),
    "creation alone, which does not name what it makes": (application(READ,
                                                                      "AppRegistration.Create"),
                                                                      [NO] * 7),
    "an application with a role": (application(READ, roles=(CLOUD_APPLICATION_ADMINISTRATOR,)),
                                   [YES] * 7),
    "an administrator in person": (person(CLOUD_APPLICATION_ADMINISTRATOR), [YES] * 7),
    "a developer": (person(APPLICATION_DEVELOPER),
                    [YES, UNKNOWN, YES, UNKNOWN, YES, UNKNOWN, UNKNOWN]),
    "a member, who may register or not": (
        person(), [UNKNOWN, UNKNOWN, YES, NO, UNKNOWN, UNKNOWN, NO],
    ),
    "a member of whom nothing more can be seen": (
        person(none_else=False), [UNKNOWN, UNKNOWN, YES, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN],
    ),
    "a consenting role": (
        person(PRIVILEGED_ROLE_ADMINISTRATOR), [UNKNOWN, UNKNOWN, YES, UNKNOWN, UNKNOWN, YES, YES],
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("rights", "verdicts"), IN_THE_DIRECTORY.values(), ids=IN_THE_DIRECTORY.keys()
)
def test_a_right_in_the_directory_is_judged_by_roles_permissions_and_owners(
    rights: CallerRights, verdicts: list[Verdict]
) -> None:
    assert [judge(need, rights)[0] for need in DIRECTORY] == verdicts


SITE = site().resource
WRITE = RequiredPermission(Right.WRITE_SETTINGS, "contosolearn", resource=SITE)


GLOBAL_ADMINISTRATOR = "62e90394-69f5-4237-9190-012177145e10"


@pytest.mark.parametrize(
    ("caller", "expected"),
    [
        (person(GLOBAL_ADMINISTRATOR), True),
        (person(APPLICATION_DEVELOPER), False),
        (person(CLOUD_APPLICATION_ADMINISTRATOR), True),
        (application("Application.ReadWrite.All"), False),
        (application("AppRoleAssignment.ReadWrite.All", "Application.Read.All"), False),
        (application("Application.ReadWrite.All", "AppRoleAssignment.ReadWrite.All"), True),
        (person(), False),
        (person(known=False), False),
    ],
)
def test_a_caller_who_may_do_all_changes_any_registration_and_grants_consent(
    caller: CallerRights, expected: bool
) -> None:
    assert may_do_all(caller) is expected


def may(*actions: str, but: tuple[str, ...] = (), conditional: bool = False) -> Permission:
    return Permission(actions, but, conditional)


def at_site(rights: ScopeRights, need: RequiredPermission = WRITE) -> tuple[Verdict, list[str]]:
    verdict, missing = judge(need, CallerRights(scopes={str(SITE).lower(): rights}))
    return verdict, [lack.right for lack in missing]


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
def test_an_azure_role_is_judged_with_its_wildcards_and_exceptions(
    permissions: tuple[Permission, ...] | None, verdict: Verdict
) -> None:
    assert at_site(ScopeRights(permissions))[0] is verdict


def test_a_slot_has_actions_of_its_own() -> None:
    slot = SITE.site(SITE.subscription_id, SITE.resource_group, SITE.name, "staging")
    access = CallerRights(
        scopes={str(slot).lower(): ScopeRights((may("Microsoft.Web/sites/slots/config/write"),))}
    )
    assert judge(RequiredPermission(Right.WRITE_SETTINGS, "x", resource=slot), access)[0] is YES
    assert at_site(ScopeRights((may("Microsoft.Web/sites/slots/config/write"),)))[0] is NO


def test_each_obstacle_is_named() -> None:
    locks = (f"{SITE}/providers/Microsoft.Authorization/locks/do not touch",)
    lock = "removal of the read-only lock 'do not touch'"
    assert at_site(ScopeRights((), locks)) == (NO, ["Website Contributor", lock])
    assert at_site(ScopeRights((may("*"),), locks)) == (NO, [lock])


HERE = str(SITE).lower()
HOLDER = str(identity_resource().resource).lower()
EVERYTHING = (Permission(("*",)),)


def access(
    *permissions: str,
    site: tuple[Permission, ...] | None = EVERYTHING,
    resource: tuple[Permission, ...] = EVERYTHING,
) -> CallerRights:
    """An application with these permissions of Graph and these Azure roles."""
    return CallerRights(
        SignedIn(
            "service principal", ClientId(guid("app")), is_person=False, id=ME, name="automation"
        ),
        permissions=frozenset(permissions),
        roles=frozenset(),
        has_no_role=True,
        owned=frozenset(),
        scopes={HERE: ScopeRights(site, ()), HOLDER: ScopeRights(resource, ())},
    )


ALL = ("Application.ReadWrite.All", "AppRoleAssignment.ReadWrite.All")
EMPTY = observed_state(identity_resources=[identity_resource()])
PLAN = make_plan(spec("Import"), EMPTY)


LEFT: dict[str, tuple[CallerRights, list[type], str, str]] = {
    "nothing, who may do all of it": (access(*ALL), [], "", ""),
    "nothing, as far as is known": (CallerRights(), [], "", ""),
    "consent": (
        access("Application.ReadWrite.OwnedBy"), [AssignAppRole],
        "AppRoleAssignment.ReadWrite.All and Application.Read.All", guid("app"),
    ),
    "the settings, and the restart with them": (
        access(*ALL, site=(may("*/read", "Microsoft.Web/sites/config/list/action"),)),
        [WriteSettings],
        "Website Contributor", HERE,
    ),
    "the restart alone": (
        access(*ALL, site=(may("Microsoft.Web/sites/config/*"),)), [RestartSite],
        "Website Contributor", HERE
    ),
}  # fmt: skip


@pytest.mark.parametrize(("rights", "left", "asked", "command"), LEFT.values(), ids=LEFT.keys())
def test_a_step_that_the_caller_may_not_do_is_left_to_others_with_whom_to_ask(
    rights: CallerRights, left: list[type], asked: str, command: str
) -> None:
    checked = without_forbidden_steps(PLAN, EMPTY, rights)
    dropped = {*left, RestartSite} if WriteSettings in left else {*left}
    assert checked.steps == tuple(step for step in PLAN.steps if type(step) not in dropped)
    assert [type(step) for step in checked.manual_steps] == left
    assert not checked.blocked
    for step in asked_for(checked.missing_rights):
        assert asked in step.sentence
        assert command in step.command.lower()


def test_everything_that_is_missing_is_said_at_once_and_each_thing_once() -> None:
    checked = without_forbidden_steps(
        PLAN, EMPTY, access("Application.Read.All", site=(), resource=())
    )
    error = permission_error(checked.missing_rights)
    assert (error.code, error.exit_code) == ("permission-missing", 4)
    for words in (
        "create the app registration 'Import'", "grant admin consent to 'Import'",
        "enable the managed identity of 'reports-func'",
        "write the application settings of 'contosolearn'",
    ):  # fmt: skip
        assert error.message.count(words) == 1
    assert error.message.count("Application.ReadWrite.OwnedBy") == 1, (
        "one grant for several steps is one line"
    )
    assert {right.way_out for right in error.missing} >= set(WayOut)
    rows = {(row.step, row.right, row.who) for row in error.missing}
    registrar, owner = "a Privileged Role Administrator", "an Owner or User Access Administrator"
    assert {
        ("create the app registration 'Import'", "Application.ReadWrite.OwnedBy", registrar),
        ("grant admin consent to 'Import'", "AppRoleAssignment.ReadWrite.All", registrar),
        ("write the application settings of 'contosolearn'", "Website Contributor", owner),
    } <= rows
    assert all(row.command.startswith("az ") for row in error.missing)


@pytest.mark.parametrize("restart", [True, False])
def test_a_caller_without_the_settings_lacks_the_restart_too_unless_none_is_wanted(
    restart: bool,
) -> None:
    """Also in a dry run, whose plan is sent to whoever grants it."""
    rights = access(*ALL, site=())
    steps = [
        "read the application settings of 'contosolearn'",
        "write the application settings of 'contosolearn'",
    ]
    expected = [*steps, "restart 'contosolearn'"] if restart else steps
    assert [right.step for right in missing_at(SITE, rights, Setup(restart=restart))] == expected
    dry = with_unread_settings(Plan(()), unreadable(EMPTY), rights, Setup(restart=restart))
    assert [lack.step for lack in dry.missing_rights] == expected


def test_a_right_for_a_step_that_an_option_leaves_out_is_not_missing() -> None:
    wanted = spec(
        ClientSpec("Import", NewCredential(LATER), consent=False), settings=SettingsScope.NONE
    )
    plan = make_plan(wanted, observed_state())
    checked = without_forbidden_steps(
        plan, observed_state(), access("Application.ReadWrite.OwnedBy", site=())
    )
    assert checked == plan
    assert [type(step) for step in plan.manual_steps] == [AssignAppRole, SettingsChange]
    assert checked.missing_rights == ()


def test_a_trust_that_is_complete_needs_no_rights() -> None:
    observed = complete(IMPORT)
    plan = make_plan(spec("Import"), observed)
    assert without_forbidden_steps(plan, observed, access(site=())).missing_rights == ()


def test_an_application_that_may_change_only_its_own_registrations_changes_no_other() -> None:
    observed = complete(client("Import", access=False))
    plan = make_plan(spec("Import"), observed)
    missing = without_forbidden_steps(
        plan, observed, access("Application.ReadWrite.OwnedBy")
    ).missing_rights
    assert {(lack.step, lack.right) for lack in missing} == {
        ("update the app registration 'Import'", "Application.ReadWrite.All")
    }


def test_a_registration_that_is_restored_first_is_not_taken_for_somebody_elses() -> None:
    """No list of what one owns shows what is deleted."""
    deleted = IMPORT.application
    assert deleted is not None
    change = RemoveCredential(
        key="x", name="Import", object_id=deleted.object_id, key_id=KeyId(guid("key"))
    )
    need = main_permission(change, replace(EMPTY, trust=replace(EMPTY.trust, deleted=(deleted,))))
    assert need is not None
    assert need.application is None


FORBIDDEN, NINETY = SecretRule(timedelta(0)), SecretRule(timedelta(days=90))


@pytest.mark.parametrize(
    ("rules", "shorten", "code", "said"),
    [
        ((), False, "", "expires 2027-11-24"),
        ((NINETY,), True, "", "expires 2027-02-22, the longest that the tenant allows"),
        (
            (NINETY,),
            False,
            "secret-lifetime-forbidden",
            "90 days --secret-lifetime 89d --auto-lifetime",
        ),
        ((NINETY, FORBIDDEN), False, "secrets-forbidden", "--managed-identity"),
        ((NINETY, FORBIDDEN), True, "secrets-forbidden", "--managed-identity"),
    ],
)
def test_a_secret_is_as_the_tenant_allows_or_refused_with_the_way_out(
    rules: tuple[SecretRule, ...], shorten: bool, code: str, said: str
) -> None:
    wanted = make_plan(spec(ClientSpec("Import", NewCredential(LATER, shorten=shorten))), EMPTY)
    plan, problem = fit_secrets(wanted, defaultdict(lambda: rules), EMPTY)
    if problem is None:
        (secret,) = (change for change in plan.changes if isinstance(change, AddCredential))
        assert (code, secret.detail) == ("", said)
        assert secret.spec.expires is not None
        assert secret.spec.expires - NOW <= (timedelta(days=90) if shorten else timedelta(days=365))
    else:
        assert (plan, problem.code) == (wanted, code)
        text = f"{problem.message} {problem.remedy}"
        assert all(word in text for word in said.split())


@pytest.mark.parametrize(("asked", "longest"), [(30, 14), (31, 30), (365, 180), (366, 365)])
def test_the_first_shorter_lifetime_that_is_tried_is_at_least_a_day_below_what_was_asked_for(
    asked: int, longest: int
) -> None:
    """A secret of some minutes less is not worth another request; one of a day less is."""
    assert shorter(NOW + timedelta(days=asked), NOW)[0] == timedelta(days=longest)


@pytest.mark.parametrize("days", [180, 90, 60, 30, 14, 7])
def test_a_policy_that_no_one_may_read_gets_the_longest_secret_that_it_usually_allows(
    days: int,
) -> None:
    """A day more is refused, and the next try is for half of it."""
    assert timedelta(days=days) in shorter(NOW + timedelta(days=365), NOW)


def test_a_usual_lifetime_that_ends_a_day_sooner_is_not_tried() -> None:
    end = last_end(timedelta(days=30), NOW) + timedelta(days=1)
    assert shorter(end, NOW)[0] == timedelta(days=14)


def test_a_registration_from_before_a_policy_is_spared_by_it() -> None:
    since = replace(FORBIDDEN, since=NOW + timedelta(days=1))
    assert since.applies_to(NOW) is False
    assert since.applies_to(NOW + timedelta(days=2)) is True
    assert since.applies_to(None) is True, "what is made now is made after the rule"


@pytest.mark.parametrize(
    ("limit", "option"),
    [
        (timedelta(days=90), "89d"),
        (timedelta(days=2), "1d"),
        (timedelta(hours=12), "PT715M"),
        (timedelta(hours=1), "PT55M"),
    ],
)
def test_the_longest_lifetime_can_be_typed_and_is_never_past_the_limit(
    limit: timedelta, option: str
) -> None:
    assert typed(limit) == f"--secret-lifetime {option}"
    assert NOW < expiry(option, NOW) <= last_end(limit, NOW) <= NOW + limit
