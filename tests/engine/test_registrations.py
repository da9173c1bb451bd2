"""Registrations are made once each, by whoever owns them, and a name or a URI that is taken is said to be whose."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from mct_s2s import clock
from mct_s2s.engine.apply.registrations import APPEARS_WITHIN, create, create_as_owner, create_principal
from mct_s2s.engine.session import Session
from mct_s2s.errors import S2SError
from mct_s2s.model.directory_objects import Application
from mct_s2s.model.ids import ClientId, Tag
from mct_s2s.planning.changes import CreateApplication
from mct_s2s.sandbox.core.wire_errors import graph_error

from tests.engine.conftest import Engine

UNIQUE_NAME = "mct-s2s-key-A"
MADE = Application(display_name="A", unique_name=UNIQUE_NAME, tags=("ours",))
NEW = CreateApplication(key="A", name="A", resource="client application", application=MADE)
DENIED = {"code": "Authorization_RequestDenied", "message": "Insufficient privileges."}


@pytest.fixture
def owner(engine: Engine) -> Engine:
    """Signed in by a principal that may change only what it owns."""
    read = ("Application.Read.All", "Organization.Read.All", "Application.ReadWrite.OwnedBy")
    engine.caller = engine.inside.azure.caller(*read)
    return engine


def timed(engine: Engine, work: Callable[[Session], Awaitable[Any]]) -> tuple[Any, float]:
    """What came of it, and how long it took."""

    async def main(session: Session) -> tuple[Any, float]:
        began, outcome = clock.seconds(), None
        try:
            outcome = await work(session)
        except S2SError as error:
            outcome = error
        return outcome, clock.seconds() - began

    return engine.run(main)


def called_a(engine: Engine) -> list[str]:
    return [one["id"] for one in engine.inside.azure.applications("A")]


# --- by whoever owns them ---


def test_a_strangers_registration_with_our_tag_is_left_alone(owner: Engine) -> None:
    theirs = owner.register(tags=[Tag.NAME.of(UNIQUE_NAME)])
    (made, is_made), _ = timed(owner, lambda session: create_as_owner(session, NEW))
    assert is_made
    assert set(called_a(owner)) == {theirs["id"], made.object_id}


@pytest.mark.parametrize("place", ["there", "in the recycle bin"])
def test_where_another_one_has_the_name_ours_goes_for_good(place: str, owner: Engine) -> None:
    other = owner.register(uniqueName=UNIQUE_NAME)
    if place == "there":
        (made, is_made), _ = timed(owner, lambda session: create_as_owner(session, NEW))
        assert (made.object_id, is_made, called_a(owner)) == (other["id"], False, [other["id"]])
        return
    owner.inside.azure.graph("DELETE", f"/applications/{other['id']}")
    error, _ = timed(owner, lambda session: create_as_owner(session, NEW))
    deleted = owner.inside.azure.graph("GET", "/directory/deletedItems/microsoft.graph.application")["value"]
    assert (error.code, called_a(owner), [one["id"] for one in deleted]) == ("name-taken", [], [other["id"]])


@pytest.mark.parametrize("fault", ["reset", "lostAnswer"])
def test_a_request_that_was_lost_is_sent_again_only_once_it_is_sure_that_it_was(fault: str, owner: Engine) -> None:
    owner.misbehave("/applications", 1, "POST", type=fault)
    (made, _), seconds = timed(owner, lambda session: create_as_owner(session, NEW))
    assert called_a(owner) == [made.object_id]
    assert (seconds >= APPEARS_WITHIN) is (fault == "reset")


def test_what_an_earlier_run_left_unnamed_is_taken_up(owner: Engine) -> None:
    async def work(session: Session) -> Any:
        tagged = replace(NEW.application, tags=(Tag.NAME.of(UNIQUE_NAME),))
        left = await session.directory.register_application(tagged, None)
        return left, *await create_as_owner(session, NEW)

    (left, made, is_made), _ = timed(owner, work)
    assert (made.object_id, is_made, called_a(owner)) == (left.object_id, False, [left.object_id])


def test_a_replica_that_does_not_know_the_owner_yet_is_waited_for(owner: Engine) -> None:
    owner.misbehave("/applications/*", 2, "PATCH", **DENIED)
    (_, is_made), seconds = timed(owner, lambda session: create_as_owner(session, NEW))
    assert (is_made, 0 < seconds < 5) == (True, True)


@pytest.mark.parametrize("is_ours", [True, False])
def test_a_service_principal_waits_for_replicas_only_where_its_application_is_new_and_owned(
    is_ours: bool, owner: Engine
) -> None:
    async def work(session: Session) -> Any:
        client_id = ClientId(theirs["appId"])
        if is_ours:
            client_id = (await create_as_owner(session, NEW))[0].client_id
        return await create_principal(session, client_id, is_ours=is_ours, as_owner=True)

    theirs = owner.register()
    owner.misbehave("/servicePrincipals", 2, **DENIED)
    made, seconds = timed(owner, work)
    if is_ours:
        assert 0 < seconds < 5
    else:
        assert (made.code, seconds < 0.5) == ("not-owner", True)


# --- names that are taken ---


def test_a_name_that_nobody_shows_to_hold_is_told_with_what_to_do(engine: Engine) -> None:
    def taken() -> None:
        raise graph_error(
            400, "Request_BadRequest", "Another object with the same value for property uniqueName already exists."
        )

    engine.before(f"(uniqueName='{UNIQUE_NAME}')", *[taken] * 20, method="PATCH")
    error, _ = timed(engine, lambda session: create(session, NEW, clock.now(), as_owner=False))
    assert error.code == "name-taken"
    assert f"'{UNIQUE_NAME}'" in error.remedy
    assert "again in a minute" in error.remedy
