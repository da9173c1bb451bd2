"""What the caller may do is found out beside everything else, told whole, and never guessed from what is unreadable."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from mct_s2s.engine.observe.access import AccessLook
from mct_s2s.engine.outcome import Outcome
from mct_s2s.errors import NotThere, PermissionMissing, S2SError
from mct_s2s.model.caller_rights import CallerRights, Permission, SecretRestriction, SecretRule
from mct_s2s.planning.changes import AssignAppRole
from mct_s2s.planning.credentials.secret import AddSecret
from mct_s2s.planning.permissions.grants import requests
from mct_s2s.planning.permissions.rights import GLOBAL_ADMINISTRATOR
from mct_s2s.planning.plan import Left

from tests.engine.memory import (
    MemoryState,
    carry_out,
    elapsed_since,
    failing,
    lost,
    memory_state,
    refused,
    request,
    run,
)
from tests.planning.scenarios import LATER, NOW, said, site, spec

SITE = site()
KEY = str(SITE.resource).lower()
NOBODY = frozenset[str]()
DENIED = PermissionMissing("permission-missing", "You may not read the application settings.", remedy="Ask an Owner.",
                           request_id="1234")  # fmt: skip
QUESTIONS = ("person", "roles", "permissions", "owned", "secret_rules", "permissions_at", "locks_at")


def found(here: MemoryState, *, directory: bool = True) -> tuple[CallerRights, float]:
    """What is found out about the site, and how long it took."""

    async def main() -> tuple[CallerRights, float]:
        began = asyncio.get_running_loop().time()
        async with AccessLook(here.azure, directory=directory) as look:
            look.at(SITE.resource)
            look.at(SITE.resource)
            access = await look.found()
        assert asyncio.all_tasks() == {asyncio.current_task()}, "nothing goes on asking"
        return access, elapsed_since(began)

    return run(main())


def setting_up(here: MemoryState, *clients: str, **changed: Any) -> Outcome:
    return run(carry_out(here, request(here, spec(*clients, **changed))))


def stopped(here: MemoryState, *clients: str, **changed: Any) -> S2SError:
    with pytest.raises(S2SError) as raised:
        setting_up(here, *clients, **changed)
    assert here.writes == []
    return raised.value


# --- looking ---


def test_everything_is_asked_at_once_and_once() -> None:
    here = memory_state()
    here.latency = 1.0
    access, seconds = found(here)
    assert access.directory is not None
    assert access.directory.name == "me@contoso.com"
    assert access.directory.roles == here.roles
    assert access.at(SITE.resource).permissions == (Permission(("*",)),)
    assert access.secret_rules == ()
    assert seconds == pytest.approx(1.0)
    assert len(here.calls) == len(set(here.calls))


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("error", [DENIED, refused(status=500), lost()], ids=["denied", "broken", "unanswered"])
def test_what_cannot_be_read_is_unknown_and_the_rest_is_known(question: str, error: S2SError) -> None:
    """Unreadable is never taken for missing."""
    here = memory_state()
    here.before(question, failing(error))
    access, _ = found(here)
    assert access.directory is not None
    rights = access.at(SITE.resource)
    answers = {
        "person": access.directory.person,
        "roles": access.directory.roles,
        "owned": access.directory.owned,
        "secret_rules": access.secret_rules,
        "permissions_at": rights.permissions,
        "locks_at": rights.locks,
    }
    unknown = {name for name, answer in answers.items() if answer is None}
    assert unknown == ({question} if question != "permissions" else set())


def test_a_bug_in_a_question_is_not_taken_for_an_answer() -> None:
    here = memory_state()
    here.before("roles", failing(ZeroDivisionError()))
    with pytest.raises(ZeroDivisionError):
        found(here)


# --- policies on secrets ---

DAYS_90 = SecretRule(SecretRestriction.LIFETIME, timedelta(days=90))


def existing(here: MemoryState) -> str:
    """A client without a secret, whose registration may have a policy of its own."""
    run(carry_out(here, request(here, spec("Import"))))
    client = here.application_of("Import")
    here.applications[client.object_id] = replace(client, credentials=(), created=NOW - timedelta(days=365))
    here.stores.clear()
    here.forget()
    here.secret_rules = (DAYS_90,)
    return client.object_id


@pytest.mark.parametrize(
    "own", [(), (SecretRule(SecretRestriction.LIFETIME, timedelta(days=400)),)], ids=["none", "400"]
)
def test_a_registrations_own_policy_goes_before_the_tenants(own: tuple[SecretRule, ...]) -> None:
    here = memory_state()
    here.own_secret_rules[existing(here)] = own
    (secret,) = [change for change in setting_up(here, "Import").plan.changes if isinstance(change, AddSecret)]
    assert secret.expires == LATER


def test_a_registrations_own_policy_that_cannot_be_read_may_allow_it() -> None:
    here = memory_state()
    existing(here)
    here.before("secret_rules_of", failing(DENIED))
    assert said(setting_up(here, "Import").plan) == ["create secret Import"]


def test_own_policies_are_asked_for_only_where_the_tenants_stands_in_the_way() -> None:
    here = memory_state()
    existing(here)
    here.secret_rules = ()
    setting_up(here, "Import")
    assert [call for call in here.calls if call.startswith("secret_rules_of")] == []


# --- a state that may not be read ---


def test_settings_that_may_not_be_read_are_told_with_everything_else_that_is_missing() -> None:
    here = memory_state()
    here.permissions[SITE.name] = (Permission(("*/read",)),)
    here.roles = NOBODY
    here.register("MCT", "mct-s2s-contosolearn")
    here.before("settings", failing(DENIED))
    error = stopped(here, "Import")
    assert isinstance(error, PermissionMissing)
    assert error.request_id == "1234"
    for words in ("read the application settings", "write the application settings", "restart", "registration 'MCT'"):
        assert words in error.message
    assert DENIED.message in error.message, "and what Azure said"
    assert "--no-app-service --handoff FILE" in error.remedy


def test_where_nothing_more_is_known_azures_words_and_its_remedy_are_told() -> None:
    here = memory_state()
    here.before("settings", failing(DENIED))
    here.before("permissions_at", failing(DENIED))
    error = stopped(here, "Import")
    assert DENIED.message in error.message
    assert DENIED.remedy in error.message
    assert error.request_id == "1234"


@pytest.mark.parametrize(
    "error",
    [refused("arm-refused", 500), lost(), NotThere("site-not-found", "There is none.", remedy="Look.")],
    ids=["broken", "unanswered", "missing"],
)
def test_what_is_no_matter_of_rights_is_told_as_it_is(error: S2SError) -> None:
    here = memory_state()
    here.before("site", failing(error))
    assert stopped(here, "Import") is error


def test_consent_that_is_refused_is_left_to_an_administrator_and_the_rest_is_done() -> None:
    """Nothing that could be seen spoke against it, so it was tried; the refusal is no reason to stop."""
    here = memory_state()
    here.roles = NOBODY
    here.before("assign", failing(DENIED))
    done = setting_up(here, "Import")
    assert any(isinstance(change, AssignAppRole) for change in done.plan.changes)
    assert [note.step for note in done.left_to_others] == [Left.CONSENT]
    assert "Cloud Application Administrator" in requests(done.lacks)[0][0]
    assert here.assignments == []
    assert here.site_state(SITE.resource).restarts == 1
    here.roles = frozenset({GLOBAL_ADMINISTRATOR})
    assert setting_up(here, "Import").left_to_others == ()
    assert len(here.assignments) == 1
