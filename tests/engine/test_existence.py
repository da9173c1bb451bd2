"""A registration that only a read speaks for is written before anything rests on it."""

from __future__ import annotations

import pytest
from mct_s2s.engine.change import run_change
from mct_s2s.errors import ServiceError

from tests.engine.memory import Agreeing, MemoryState, carry_out, memory_state, request, run, session
from tests.planning.scenarios import SERVICE_KEY, spec


def left_over() -> MemoryState:
    """A service application that no setting names any more."""
    here = memory_state()
    here.register("MCT service (contosolearn)", SERVICE_KEY)
    return here


def test_what_refuses_writes_until_the_end_and_is_shown_is_said_and_nothing_is_written() -> None:
    here = left_over()
    here.unwritable = set(here.applications)
    with pytest.raises(ServiceError) as refused:
        run(run_change(session(here, remaining=lambda: 0.5), request(here, spec("Import")), Agreeing()))
    assert refused.value.code == "registration-in-doubt"
    assert here.writes == []


def test_what_refuses_writes_only_because_it_is_new_is_used() -> None:
    here = left_over()

    async def one_second() -> None:
        here.unwritable.clear()

    here.unwritable = set(here.applications)
    here.before("application_by_client_id", one_second)
    outcome = run(carry_out(here, request(here, spec("Import"))))
    assert outcome.applied
    assert [one.unique_name for one in here.applications.values()].count(SERVICE_KEY) == 1


def test_what_the_app_service_names_is_not_written_to_find_out() -> None:
    here = memory_state()
    run(carry_out(here, request(here, spec("Import"))))
    here.unwritable = set(here.applications)
    outcome = run(carry_out(here, request(here, spec("Import", "Reports"))))
    assert outcome.applied
