"""Whoever may change only what it owns makes registrations that it owns, once each, and waits for nothing in vain."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest
from mct_s2s.engine.apply.ownership import OWNED_WITHIN, create_as_owner, create_principal
from mct_s2s.errors import PermissionMissing, S2SError, ServiceError
from mct_s2s.model.directory_objects import Application, NewApplication, Owner
from mct_s2s.model.ids import ApplicationObjectId, ClientId, PrincipalId, name_tag
from mct_s2s.planning.changes import CreateApplication

from tests.engine.memory import ME, MemoryState, elapsed_since, failing, lost, memory_state, refused, run
from tests.planning.scenarios import NOW, guid

T = TypeVar("T")
NEW = CreateApplication(
    key="A",
    name="A",
    resource="client application",
    new=NewApplication("key.A", "A", ("ours",)),
    option="--client",
)
DENIED = PermissionMissing("permission-missing", "You can't update the app registration.", remedy="Ask.")
ELSEWHERE = refused(status=403, message="service principal being created must in the local tenant")
STRANGER = Owner(PrincipalId(guid("stranger")), "stranger@contoso.com")


def left_behind(here: MemoryState, owner: Owner) -> Application:
    """A registration that was made and not named."""
    tags = (name_tag(NEW.new.unique_name),)
    made = Application(
        ApplicationObjectId(here.new_id("application")), ClientId(here.new_id("appId")), "A", tags=tags, created=NOW
    )
    here.applications[made.object_id] = made
    here.owners[made.object_id] = (owner,)
    return made


def timed(work: Coroutine[Any, Any, T]) -> tuple[T | BaseException, float]:
    """What came of it, and how long it took."""

    async def main() -> tuple[T | BaseException, float]:
        began = asyncio.get_running_loop().time()
        outcome: T | BaseException
        try:
            outcome = await work
        except S2SError as error:
            outcome = error
        return outcome, elapsed_since(began)

    return run(main())


def test_what_an_earlier_run_left_unnamed_is_taken_up() -> None:
    here = memory_state()
    left = left_behind(here, ME)
    made, is_made = run(create_as_owner(here.azure, NEW))
    assert (made.object_id, is_made, len(here.applications)) == (left.object_id, False, 1)


def test_a_strangers_registration_with_our_tag_is_left_alone() -> None:
    here = memory_state()
    left = left_behind(here, STRANGER)
    made, is_made = run(create_as_owner(here.azure, NEW))
    assert is_made
    assert here.applications[left.object_id] == left
    assert made.object_id != left.object_id


def test_where_another_run_was_faster_its_registration_is_taken_and_ours_goes_for_good() -> None:
    here = memory_state()
    other, _ = run(here.azure.directory.create_application(NEW.new))
    made, is_made = run(create_as_owner(here.azure, NEW))
    assert (made.object_id, is_made) == (other.object_id, False)
    assert (list(here.applications), here.deleted) == ([other.object_id], {})


def test_a_name_that_the_recycle_bin_holds_is_told_and_nothing_of_ours_stays() -> None:
    here = memory_state()
    other, _ = run(here.azure.directory.create_application(NEW.new))
    run(here.azure.directory.delete_application(other.object_id))
    with pytest.raises(ServiceError) as raised:
        run(create_as_owner(here.azure, NEW))
    assert raised.value.code == "name-taken"
    assert (here.applications, list(here.deleted)) == ({}, [other.object_id])


def test_an_answer_that_was_lost_makes_no_second_one() -> None:
    here = memory_state()
    here.after("register_application", failing(lost()))
    made, _ = run(create_as_owner(here.azure, NEW))
    assert list(here.applications) == [made.object_id]


def test_a_request_that_was_lost_is_sent_again_once_it_is_sure_that_it_was() -> None:
    here = memory_state()
    here.before("register_application", failing(lost()))
    (made, seconds) = timed(create_as_owner(here.azure, NEW))
    assert isinstance(made, tuple)
    assert (len(here.applications), 5 < seconds < 20) == (1, True)


def test_a_replica_that_does_not_know_the_owner_yet_is_waited_for() -> None:
    here = memory_state()
    here.before("name_application", failing(DENIED), failing(DENIED))
    (made, seconds) = timed(create_as_owner(here.azure, NEW))
    assert isinstance(made, tuple)
    assert (made[1], seconds < 5) == (True, True)


def test_whoever_can_not_become_the_owner_is_told_who_makes_them_one() -> None:
    here = memory_state()

    def take_away() -> None:
        here.owners.clear()
        raise DENIED

    here.before("name_application", *[take_away] * 60)
    here.before("add_owner", *[failing(DENIED)] * 60)
    (error, seconds) = timed(create_as_owner(here.azure, NEW))
    assert isinstance(error, PermissionMissing)
    assert (error.code, OWNED_WITHIN <= seconds < OWNED_WITHIN + 2) == ("not-owner", True)
    assert "az ad app owner add --id" in error.remedy
    assert f"--owner-object-id {ME.id}" in error.remedy


def principal_of(here: MemoryState, application: Application, **asked: bool) -> tuple[Any, float]:
    asked = {"is_new": True, "is_ours": True, "as_owner": True, **asked}
    return timed(create_principal(here.azure, application.client_id, **asked))


def test_a_service_principal_waits_for_replicas_only_where_its_application_is_owned() -> None:
    here = memory_state()
    mine, theirs = left_behind(here, ME), left_behind(here, STRANGER)
    here.before("create_principal", failing(ELSEWHERE), failing(DENIED))
    made, seconds = principal_of(here, mine)
    assert (made.client_id, 0 < seconds < 5) == (mine.client_id, True)
    here.before("create_principal", failing(ELSEWHERE))
    refusal, seconds = principal_of(here, theirs, is_ours=False)
    assert (refusal.code, seconds) == ("not-owner", 0)
    here.before("create_principal", failing(ELSEWHERE))
    assert principal_of(here, mine, is_new=False)[0].code == "not-owner"


def test_a_refusal_of_somebody_who_need_not_own_it_is_told_as_it_is() -> None:
    here = memory_state()
    here.before("create_principal", failing(DENIED))
    assert principal_of(here, left_behind(here, ME), as_owner=False) == (DENIED, 0)
