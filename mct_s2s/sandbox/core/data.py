"""What Azure's own pages list, as data files below `data/`; each is described where it is read."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any


def text(name: str) -> str:
    """Return a data file."""
    return resources.files("mct_s2s.sandbox").joinpath("data", name).read_text(encoding="utf-8")


def data(name: str) -> Any:
    """Return what is in a data file of JSON."""
    return json.loads(text(name))
