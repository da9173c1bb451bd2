"""The API that an App Service serves: one that comes with the program, or a description in a file."""

import tomllib
from functools import cache
from importlib.resources import files

from mct_s2s.model.api import Api

MCT = "mct"
"""The API where nothing else is said."""


@cache
def shipped_api(name: str) -> Api:
    """Read a description that comes with the program."""
    text = (files("mct_s2s") / "apis" / f"{name}.toml").read_text(encoding="utf-8")
    return Api.shipped(tomllib.loads(text))
