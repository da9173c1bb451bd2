"""Deleted registrations keep their names and URIs: they are found where they matter, and asked for nowhere else."""

from __future__ import annotations

import asyncio

import pytest
from mct_s2s.engine.apply import registration_creation
from mct_s2s.engine.apply.registration_creation import create_or_restore, explain_taken_uri
from mct_s2s.engine.observe.observe import observe
from mct_s2s.errors import ServiceError
from mct_s2s.model.directory_objects import Application, NewApplication
from mct_s2s.model.ids import api_uri, client_unique_name
from mct_s2s.model.trust import Trust
from mct_s2s.planning.changes import CreateApplication
from mct_s2s.planning.edits import ApplicationPatch

from tests.engine.memory import (
    MemoryState,
    carry_out,
    elapsed_since,
    failing,
    look,
    memory_state,
    refused,
    request,
    run,
)
from tests.planning.scenarios import NOW, SERVICE_KEY, credential, spec

NEW = CreateApplication(
    key="A",
    name="A",
    resource="client application",
    new=NewApplication("key.A", "A", ("ours",)),
    option="--client",
)


def trust_of(here: MemoryState, *clients: str, everything: bool = False) -> Trust:
    return run(observe(here.azure, look(clients=clients, everything=everything))).trust


def set_up(here: MemoryState, *clients: str) -> None:
    run(carry_out(here, request(here, spec(*clients))))
    here.forget()


# --- looked at where something is missing ---


def test_where_everything_is_there_nobody_waits_for_the_recycle_bin_nor_minds_its_refusal() -> None:
    """It is long in a large tenant, and read page by page."""
    here = memory_state()
    set_up(here, "Import")

    async def long() -> None:
        await asyncio.sleep(3600)
        raise refused()

    async def main() -> float:
        began = asyncio.get_running_loop().time()
        await observe(here.azure, look(clients=("Import",)))
        return elapsed_since(began)

    here.before("deleted_applications", long)
    assert run(main()) < 1
    assert here.calls.count("deleted_applications") == 1


def test_it_is_read_once_however_much_is_missing() -> None:
    here = memory_state()
    trust_of(here, "Import", "Export")
    assert here.calls.count("deleted_applications") == 1


def test_where_everybody_goes_nobody_is_looked_for_among_the_deleted() -> None:
    here = memory_state()
    trust_of(here, "Import", everything=True)
    assert "deleted_applications" not in here.calls


# --- met again while writing ---


def created(here: MemoryState) -> tuple[Application, str]:
    return run(create_or_restore(here.azure, NEW, NOW))


def deleted_a_moment_ago(here: MemoryState) -> Application:
    application = here.register("A", "key.A", credentials=(credential(),))
    here.delete(application, NOW)
    return application


def test_the_recycle_bin_may_show_it_late() -> None:
    here = memory_state()
    deleted = deleted_a_moment_ago(here)
    hidden = dict(here.deleted)

    def hide() -> None:
        here.deleted.clear()

    def show() -> None:
        here.deleted.update(hidden)

    here.before("deleted_applications", hide, hide, hide)
    here.after("deleted_applications", show, show, show)
    application, _ = created(here)
    assert application.object_id == deleted.object_id
    assert here.calls.count("deleted_applications") == 4


def test_a_name_that_nobody_shows_to_hold_is_told_with_what_to_do() -> None:
    here = memory_state()
    here.before("create_application", failing(refused("name-taken")))
    with pytest.raises(ServiceError) as raised:
        created(here)
    assert raised.value.code == "name-taken"
    assert "'key.A'" in raised.value.remedy
    assert "again in a minute" in raised.value.remedy
    assert here.calls.count("deleted_applications") == registration_creation.APPEARS_WITHIN


def test_any_other_refusal_is_told_at_once() -> None:
    here = memory_state()
    here.before("create_application", failing(refused("graph-refused")))
    with pytest.raises(ServiceError) as raised:
        created(here)
    assert raised.value.code == "graph-refused"
    assert "deleted_applications" not in here.calls


URI = "https://learn.contoso.com/api"


@pytest.mark.parametrize("holder", ["deleted", "living", "nobody"])
def test_who_holds_a_uri_that_was_refused_is_said_where_it_can_be_found_out(holder: str) -> None:
    here = memory_state()
    mine = here.register("Mine", identifier_uris=("api://mine",))
    other = here.register("Other", identifier_uris=(URI,) if holder != "nobody" else ())
    if holder == "deleted":
        here.delete(other, NOW)
    error = refused("uri-taken")
    patch = ApplicationPatch(identifier_uris=("api://mine", URI))
    run(explain_taken_uri(here.azure, mine, patch, error))
    assert ("'Other'" in error.headline) is (holder != "nobody"), "what people see"
    assert error.message.endswith("No."), "the service's own words stay"
    expected = {
        "deleted": f"directory/deletedItems/{other.object_id}",
        "living": f"--service-app {other.client_id}",
        "nobody": "Ask.",
    }
    assert expected[holder] in error.remedy


def test_other_refusals_are_not_explained_by_uris() -> None:
    here, error = memory_state(), refused("graph-refused")
    run(explain_taken_uri(here.azure, here.register("Mine"), ApplicationPatch(identifier_uris=(URI,)), error))
    assert here.calls == []
    assert (error.message, error.remedy) == ("No.", "Ask.")


def test_a_uri_that_is_taken_at_the_moment_of_writing_is_told_by_the_command() -> None:
    here = memory_state()

    def take() -> None:
        uri = api_uri(here.application_of("MCT service (contosolearn)").client_id)
        here.register("Other", identifier_uris=(uri,))

    here.before("update_application", take)
    with pytest.raises(ServiceError) as raised:
        run(carry_out(here, request(here, spec())))
    assert raised.value.code == "uri-taken"
    assert "'Other'" in raised.value.headline, "what people see"
    assert "--service-app" in raised.value.remedy


def test_a_client_that_comes_and_goes_between_look_and_write_does_not_stop_the_command() -> None:
    here = memory_state()
    set_up(here)
    gone: list[Application] = []

    def come_and_go() -> None:
        gone.append(here.register("Import", client_unique_name(SERVICE_KEY, "Import")))
        here.delete(gone[0], NOW)

    here.before("create_application", come_and_go)
    run(carry_out(here, request(here, spec("Import"), attempt="c3d4")))
    assert here.application_of("Import").object_id == gone[0].object_id
    here.forget()
    assert run(carry_out(here, request(here, spec("Import"), attempt="e5f6"))).plan.is_empty
