"""What an error says has happened."""

import pytest
from mct_s2s.errors import (
    Cancelled,
    Interrupted,
    NotThere,
    PermissionMissing,
    Refused,
    S2SError,
    SignInFailed,
    UsageError,
)
from mct_s2s.planning.belief import Doubted
from mct_s2s.planning.not_ours import not_ours, service_not_ours
from mct_s2s.planning.permissions.preflight import permission_error
from mct_s2s.planning.service_facts import CLIENT

from tests.planning.scenarios import IMPORT, SERVICE, observed_state, trust


@pytest.mark.parametrize(
    "error",
    [
        Cancelled("cancelled", "No.", remedy="Run it again.", says_unchanged=True),
        permission_error([]),
        not_ours(IMPORT.application, Doubted(()), CLIENT),
        service_not_ours(SERVICE, observed_state(trust()), Doubted(())),
    ],
    ids=["cancelled", "a right is missing", "a client is doubted", "the API is doubted"],
)
def test_an_error_says_that_nothing_was_changed_only_until_something_was(error: S2SError) -> None:
    assert "Nothing was changed." in error.message
    error.mark_as_after_write()
    assert "Nothing was changed." not in error.message


@pytest.mark.parametrize(
    ("kind", "before", "after"),
    [
        (UsageError, 2, 1),
        (Refused, 2, 1),
        (NotThere, 2, 1),
        (PermissionMissing, 4, 4),
        (SignInFailed, 4, 4),
        (S2SError, 1, 1),
        (Interrupted, 130, 130),
    ],
)
def test_only_exit_code_2_promises_that_nothing_was_written(
    kind: type[S2SError], before: int, after: int
) -> None:
    error = kind("code", "Message.", remedy="Remedy.")
    assert error.exit_code == before
    error.mark_as_after_write()
    assert error.exit_code == after
