"""An export as it was looked at and found good: a change of it is a change in a diff."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from mct_s2s.render.exports import FORMATS, exported

from tests.render.reports import several
from tests.support.screens import _UPDATE

FOLDER = Path(__file__).parent / "kept"


@pytest.mark.parametrize("form", FORMATS)
def test_it_is_as_it_was_kept(form: str) -> None:
    """`pytest --update-screens` keeps it as it is now."""
    path, now = FOLDER / f"several.{form}", exported(several(), form).encode()
    if os.environ.get(_UPDATE):
        path.write_bytes(now)
    assert path.read_bytes() == now
