"""The API that an App Service serves: one of the program's, or one described in a file."""

import re
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mct_s2s.errors import UsageError, about
from mct_s2s.inputs.user_files import parse_toml, read_text
from mct_s2s.model.api import Api, ProofCall
from mct_s2s.model.forms import expected
from mct_s2s.model.toml import toml_key

MOST_CHARACTERS = 20_000
MOST_LISTED = 20
_NAME = re.compile(r"[a-z0-9-]{1,60}")
_COMMAND = "mct-s2s schema api"


def shipped_names() -> list[str]:
    names = (file.name for file in (files("mct_s2s") / "apis").iterdir())
    return sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml"))


@cache
def shipped_api(name: str) -> Api:
    """Read a description that comes with the program."""
    text = (files("mct_s2s") / "apis" / f"{name}.toml").read_text(encoding="utf-8")
    return Api.shipped(tomllib.loads(text), name)


@cache
def read_api(named: str) -> Api:
    """The description of that name, or in that file. Raises UsageError: all of its mistakes."""
    if _NAME.fullmatch(named) and named in shipped_names():
        return shipped_api(named)
    with about("api"):
        names = shipped_names()
        remedy = f"Name a file, or one of: {', '.join(names)}."
        # A file's path is not compared with names
        near = get_close_matches(named, names, n=1, cutoff=0.5) if _NAME.fullmatch(named) else []
        if near:
            remedy = f"Did you mean '{near[0]}'? If not, name a file."
        text = read_text(Path(named), "api-unreadable", remedy)
        if len(text) > MOST_CHARACTERS:
            why = f"it has more than {MOST_CHARACTERS} characters"
            raise UsageError("api-unreadable", f"Cannot use '{named}': {why}.", remedy=remedy)
        try:
            document = parse_toml(text)
        except (ValueError, RecursionError) as error:
            why = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
            message = f"'{named}' is not TOML: {why}."
            raise UsageError("api-malformed", message, remedy="See docs/apis.md.") from error
        try:
            return Api.in_file(document, named)
        except ValidationError as error:
            mistakes = [_mistake(mistake) for mistake in error.errors(include_url=False)]
        head = mistakes[0] if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
        raise UsageError(
            "api-malformed",
            f"'{named}' does not describe an API: {head}.",
            remedy="Correct it. Each key is explained by the schema:",
            command=_COMMAND,
            items=mistakes[:MOST_LISTED] if len(mistakes) > 1 else (),
        )


def _mistake(wrong: Mapping[str, Any]) -> str:
    location = [str(part) for part in wrong["loc"] if part != "[key]"]
    where = ".".join(toml_key(part[:80]) for part in location)
    match wrong["type"]:
        case "extra_forbidden":
            table = ProofCall if location[0] == "test" and len(location) > 1 else Api
            known = ", ".join(field.alias or name for name, field in table.model_fields.items())
            what = f"unknown key. Known here: {known}"
        case "string_pattern_mismatch" if where == "test.path" and wrong["input"][:1] != "/":
            what = "it must be a path, which begins with /"
        case "string_pattern_mismatch":
            what = "characters that cannot stand here, or none"
        case "string_too_long" | "too_long":
            what = "it is too long"
        case _:
            what = expected(wrong)
    return f"{where}: {what}" if where else what
