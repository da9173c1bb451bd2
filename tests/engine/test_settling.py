"""How long a plan may still settle: for how many seconds another look may give another one."""

from dataclasses import replace
from datetime import timedelta

import pytest
from mct_s2s.engine.outcome import Outcome
from mct_s2s.engine.request import Request
from mct_s2s.engine.settling import plan_settles_within, refusal_settles_within
from mct_s2s.model.client_credentials import YOUNG
from mct_s2s.model.ids import KeyId
from mct_s2s.planning.changes import RemoveCredential
from mct_s2s.planning.not_ours import NotOurs
from mct_s2s.planning.plan import Plan
from mct_s2s.waits import ANOTHER_RUN_SHOWS_SECONDS, SECRET_ARRIVES_WITHIN

from tests.engine.conftest import TARGET
from tests.planning.scenarios import NOW, client, complete, credential, spec
from tests.support.mct import MCT

SECOND = timedelta(seconds=1)


def removing(
    begins_ago: timedelta | None = SECOND, *, arrived: bool = False, begun_here: bool = False
) -> Outcome:
    """A run that removes the secret of a client, which a run made so long ago."""
    secret = replace(credential(), begins=None if begins_ago is None else NOW - begins_ago)
    of_client = client("Import", secret)
    undelivered = frozenset[KeyId]() if arrived else frozenset({secret.key_id})
    application = replace(of_client.application, undelivered=undelivered)
    observed = complete(replace(of_client, application=application))
    if begun_here:
        observed = replace(observed, unfinished=frozenset({application.object_id}))
    removal = RemoveCredential(
        key="old", name="Import", object_id=application.object_id, key_id=secret.key_id
    )
    return Outcome(Request(spec("Import"), NOW, TARGET, api=MCT), Plan((removal,)), observed)


@pytest.mark.parametrize(
    ("outcome", "is_awaited"),
    [
        (removing(), True),
        (removing(SECRET_ARRIVES_WITHIN - SECOND), True),
        (removing(SECRET_ARRIVES_WITHIN), False),
        (removing(None), False),
        (removing(arrived=True), False),
        (removing(begun_here=True), False),
    ],
    ids=["just made", "still young", "old", "of no known age", "arrived", "begun on this machine"],
)
def test_a_secret_that_another_machine_may_be_delivering_is_waited_for_a_minute(
    outcome: Outcome, is_awaited: bool
) -> None:
    expected = SECRET_ARRIVES_WITHIN.total_seconds() if is_awaited else 0.0
    assert plan_settles_within(outcome) == expected


@pytest.mark.parametrize(
    ("age", "may_be_gone", "is_awaited"),
    [
        (YOUNG - SECOND, False, True),
        (YOUNG, False, False),
        (None, False, False),
        (None, True, True),
    ],
    ids=["young", "old", "of no known age", "a replica may be behind"],
)
def test_a_registration_is_looked_at_again_only_where_its_maker_or_a_replica_may_not_be_done(
    age: timedelta | None, may_be_gone: bool, is_awaited: bool
) -> None:
    refusal = NotOurs("registration-not-ours", "No.", remedy="Ask.")
    refusal.created = None if age is None else NOW - age
    refusal.may_be_gone = may_be_gone
    expected = ANOTHER_RUN_SHOWS_SECONDS if is_awaited else 0.0
    assert refusal_settles_within(refusal, NOW) == expected
