"""A plan held against rights: what others must do is left out of it, and what nobody else can do for us stops it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from mct_s2s.model.caller_rights import (
    Caller,
    CallerRights,
    DirectoryRights,
    Permission,
    ScopeRights,
    SecretRule,
    SignedIn,
)
from mct_s2s.model.desired import ClientSpec, SecretSpec, SettingsScope
from mct_s2s.model.ids import ClientId, KeyId, PrincipalId
from mct_s2s.planning.changes import AddCredential, RemoveCredential, RestartSite, WriteSettings
from mct_s2s.planning.make import make_plan
from mct_s2s.planning.permissions.preflight import check, need_of, requests, stopped
from mct_s2s.planning.plan import Left
from mct_s2s.planning.secret_policy import fit_secrets, longest_end, typed

from tests.planning.scenarios import (
    CONTEXT,
    LATER,
    NOW,
    client,
    complete,
    guid,
    identity_resource,
    observed_state,
    said,
    site,
    spec,
)

SITE = str(site().resource).lower()
HOLDER = str(identity_resource().resource).lower()
EVERYTHING = (Permission(("*",)),)
IMPORT = client("Import")


def access(
    *permissions: str, site: tuple[Permission, ...] | None = EVERYTHING, resource: tuple[Permission, ...] = EVERYTHING
) -> CallerRights:
    """An application with these permissions of Graph and these Azure roles."""
    rights = DirectoryRights(
        SignedIn("service principal", ClientId(guid("app")), is_person=False),
        Caller(PrincipalId(guid("me")), "automation", is_person=False),
        permissions=frozenset(permissions),
        roles=frozenset(),
        assignments=(),
        owned=frozenset(),
    )
    return CallerRights(rights, None, {SITE: ScopeRights(site, ()), HOLDER: ScopeRights(resource, ())})


ALL = ("Application.ReadWrite.All", "AppRoleAssignment.ReadWrite.All")
EMPTY = observed_state(identity_resources=[identity_resource()])
PLAN = make_plan(spec("Import"), EMPTY, CONTEXT)


def test_whoever_may_do_all_of_it_does_all_of_it() -> None:
    assert check(PLAN, EMPTY, access(*ALL)) == PLAN


def test_what_is_unknown_stops_nothing() -> None:
    assert check(PLAN, EMPTY, CallerRights()) == PLAN


def test_consent_is_left_to_others_with_who_grants_it() -> None:
    checked = check(PLAN, EMPTY, access("Application.ReadWrite.OwnedBy"))
    assert checked.blocked == ()
    assert said(checked) == [line for line in said(PLAN) if "consent" not in line]
    (note,) = checked.manual_steps
    assert (note.step, note.client) == (Left.CONSENT, "Import")
    ((line, command),) = requests(note.needed)
    assert "Privileged Role Administrator" in line
    assert "AppRoleAssignment.ReadWrite.All" in line
    assert guid("app") in command


def test_the_settings_are_left_together_with_the_restart() -> None:
    readers = (Permission(("*/read", "Microsoft.Web/sites/config/list/action")),)
    checked = check(PLAN, EMPTY, access(*ALL, site=readers))
    assert not any(isinstance(change, WriteSettings | RestartSite) for change in checked.changes)
    (note,) = checked.manual_steps
    assert note.step is Left.SETTINGS
    assert note.spec is not None
    assert "Website Contributor" in requests(note.needed)[0][0]


def test_a_restart_alone_is_left_too() -> None:
    writers = (Permission(("Microsoft.Web/sites/config/*",)),)
    checked = check(PLAN, EMPTY, access(*ALL, site=writers))
    assert any(isinstance(change, WriteSettings) for change in checked.changes)
    assert [note.step for note in checked.manual_steps] == [Left.RESTART]


def test_everything_that_is_missing_is_said_at_once_and_each_thing_once() -> None:
    checked = check(PLAN, EMPTY, access("Application.Read.All", site=(), resource=()))
    error = stopped(checked.lacks)
    assert (error.code, error.exit_code) == ("permission-missing", 4)
    for words in (
        "create the app registration 'Import'", "grant admin consent to 'Import'",
        "enable the managed identity of 'reports-func'", "write the application settings of 'contosolearn'",
    ):  # fmt: skip
        assert error.message.count(words) == 1
    assert error.message.count("Application.ReadWrite.OwnedBy") == 1, "one grant for several steps is one line"
    for flag in ("--no-consent", "--no-app-service --handoff FILE", "configure-appservice --from FILE"):
        assert flag in error.remedy
    rows = {(row.step, row.right, row.who) for row in error.missing}
    registrar, owner = "a Privileged Role Administrator", "an Owner or User Access Administrator"
    assert {
        ("create the app registration 'Import'", "Application.ReadWrite.OwnedBy", registrar),
        ("grant admin consent to 'Import'", "AppRoleAssignment.ReadWrite.All", registrar),
        ("write the application settings of 'contosolearn'", "Website Contributor", owner),
    } <= rows
    assert all(row.command.startswith("az ") for row in error.missing)


def test_what_an_option_left_out_is_not_missing() -> None:
    wanted = spec(ClientSpec("Import", SecretSpec(LATER), consent=False), settings=SettingsScope.NONE)
    plan = make_plan(wanted, observed_state(), CONTEXT)
    checked = check(plan, observed_state(), access("Application.ReadWrite.OwnedBy", site=()))
    assert checked == plan
    assert [note.step for note in plan.manual_steps] == [Left.CONSENT, Left.SETTINGS]
    assert checked.lacks == ()


def test_a_trust_that_is_complete_needs_no_rights() -> None:
    observed = complete(IMPORT)
    plan = make_plan(spec("Import"), observed, CONTEXT)
    assert check(plan, observed, access(site=())).lacks == ()


def test_a_registration_of_somebody_else_cannot_be_changed_by_who_may_change_only_its_own() -> None:
    observed = complete(client("Import", access=False))
    plan = make_plan(spec("Import"), observed, CONTEXT)
    missing = check(plan, observed, access("Application.ReadWrite.OwnedBy")).lacks
    assert {(one.step, one.right) for one in missing} == {
        ("update the app registration 'Import'", "Application.ReadWrite.All")
    }


def test_what_is_restored_first_is_not_taken_for_somebody_else_s() -> None:
    """No list of what one owns shows what is deleted."""
    deleted = IMPORT.application
    assert deleted is not None
    change = RemoveCredential(key="x", name="Import", object_id=deleted.object_id, key_id=KeyId(guid("key")))
    need = need_of(change, replace(EMPTY, trust=replace(EMPTY.trust, deleted=(deleted,))))
    assert need is not None
    assert need.application is None


FORBIDDEN = SecretRule(None)
NINETY = SecretRule(timedelta(days=90))
OLD_SPARED = SecretRule(None, since=NOW + timedelta(days=1))


def test_a_lifetime_that_the_tenant_forbids_is_offered_as_the_longest_that_it_allows() -> None:
    plan, problem = fit_secrets(PLAN, lambda _: (NINETY,), EMPTY, NOW)
    assert plan == PLAN
    assert problem is not None
    assert problem.code == "secret-lifetime-forbidden"
    assert "90 days" in problem.message
    assert "--secret-lifetime 2027-02-21" in problem.remedy
    assert "--auto-lifetime" in problem.remedy


def test_the_longest_lifetime_is_taken_where_that_was_asked_for() -> None:
    wanted = spec(ClientSpec("Import", SecretSpec(LATER, shorten=True)))
    plan, problem = fit_secrets(make_plan(wanted, EMPTY, CONTEXT), lambda _: (NINETY,), EMPTY, NOW)
    assert problem is None
    (secret,) = [change for change in plan.changes if isinstance(change, AddCredential)]
    assert isinstance(secret.spec, SecretSpec)
    assert secret.spec.expires - NOW <= timedelta(days=90)
    assert typed(secret.spec.expires) == "2027-02-21"
    assert "the longest that the tenant allows" in secret.detail


def test_forbidden_secrets_have_other_ways() -> None:
    for shorten in (False, True):
        wanted = spec(ClientSpec("Import", SecretSpec(LATER, shorten=shorten)))
        _, problem = fit_secrets(make_plan(wanted, EMPTY, CONTEXT), lambda _: (NINETY, FORBIDDEN), EMPTY, NOW)
        assert problem is not None
        assert problem.code == "secrets-forbidden"
        assert "--managed-identity" in problem.remedy


def test_a_registration_from_before_the_rule_is_spared() -> None:
    assert OLD_SPARED.applies_to(NOW) is False
    assert OLD_SPARED.applies_to(NOW + timedelta(days=2)) is True
    assert OLD_SPARED.applies_to(None) is True, "what is made now is made after the rule"


@pytest.mark.parametrize(
    ("longest", "end"),
    [
        (timedelta(days=90), "2027-02-21"),
        (timedelta(days=2), "2026-11-25"),
        (timedelta(hours=12), "2026-11-24T23:55:00Z"),
        (timedelta(hours=1), "2026-11-24T12:55:00Z"),
    ],
)
def test_the_longest_end_can_be_typed_and_is_never_past_the_limit(longest: timedelta, end: str) -> None:
    found = longest_end([SecretRule(longest), NINETY], NOW)
    assert found is not None
    assert NOW < found <= NOW + longest
    assert typed(found) == end


def test_no_rule_no_limit() -> None:
    assert longest_end([FORBIDDEN], NOW) is None
    assert fit_secrets(PLAN, lambda _: (), EMPTY, NOW) == (PLAN, None)
