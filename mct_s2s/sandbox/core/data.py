"""What Azure's own pages list, as data files below `data/`; each is described where it is read."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any


def text(name: str) -> str:
    return resources.files("mct_s2s.sandbox").joinpath("data", name).read_text(encoding="utf-8")


def data(name: str) -> Any:
    return json.loads(text(name))
