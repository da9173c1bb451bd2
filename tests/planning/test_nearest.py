"""A name that is not there is answered with the one that was meant, in any case of its letters."""

from __future__ import annotations

import pytest
from mct_s2s.planning.registrations.membership import did_you_mean


@pytest.mark.parametrize(
    ("name", "told"),
    [("S2S-clinet", "Did you mean 'S2S-client'?"), (" IMPROT ", "Did you mean 'Import'?"), ("zzzzzzzz", "List them.")],
)
def test_the_nearest_name_is_told(name: str, told: str) -> None:
    assert did_you_mean(name, ["Import", "S2S-client"], "List them.") == told


def test_where_there_are_no_names_none_is_told() -> None:
    assert did_you_mean("x", [], "List them.") == "List them."
