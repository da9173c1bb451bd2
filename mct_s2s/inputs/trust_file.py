"""A trust file into its models, or into all mistakes in it, each named by its key."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from mct_s2s.errors import UsageError
from mct_s2s.inputs.documents import read_text
from mct_s2s.model.trust_file import ClientEntry, IdentityEntry, Profile, SiteEntry, TrustFile, toml_key
from mct_s2s.planning.nearest import did_you_mean

MALFORMED = "trust-file-malformed"
MOST_LISTED = 20
"""Mistakes in one message; who makes more has made the same one again and again."""
_LONGEST = 300
"""Characters of a listed mistake: keys and values are of any length."""
_LONGEST_KEY = 120
MOST_DOTS = 1_000
"""In a line: tomllib takes the square of the number of a key's parts in time."""
_LARGEST = 64
"""Bits of a number that a person may have meant; Python refuses to write out a far larger one."""
_TABLES: dict[str, type[BaseModel]] = {
    "profiles": Profile,
    "sites": SiteEntry,
    "clients": ClientEntry,
    "managed-identities": IdentityEntry,
}
"""By the key that holds them."""
Location = Sequence[str | int]
"""Keys and indexes from the top: `("sites", "learn", "clients", 0, "name")`."""


class TrustFileMistake(UsageError):
    """Something is wrong in a trust file."""

    page = "trust-files.md"


@dataclass
class Mistakes:
    """All mistakes in a file: collected, so that a person corrects them all at once."""

    path: Path
    _found: dict[tuple[str, str, str, str], None] = field(default_factory=dict)

    def add(self, where: str, what: str, remedy: str, code: str = MALFORMED) -> None:
        """One more; the same one in a profile is found again at each site that uses it."""
        self._found[where, what.removesuffix("."), remedy, code] = None

    @property
    def are_many(self) -> bool:
        """Whether there are more already than are listed: what takes time to say of one more is not worth it."""
        return len(self._found) >= MOST_LISTED

    def are_in(self, table: str) -> bool:
        """Whether the table, by its path, has one already: what follows from that is none of its own."""
        return any(where == table or where.startswith((f"{table}.", f"{table}[")) for where, *_ in self._found)

    def check(self) -> None:
        """Raise an error if there are any.

        Raises:
            UsageError: with the code of the only one, or as `trust-file-malformed` with a list.
        """
        match list(self._found):
            case []:
                return
            case [(where, what, remedy, code)]:
                raise TrustFileMistake(code, f"'{self.path}'{where and f', {where}'}: {what}.", remedy=remedy)
            case found:
                listed = [f"{where}: {what}. {remedy}" for where, what, remedy, _ in found[:MOST_LISTED]]
                listed = [one if len(one) <= _LONGEST else f"{one[: _LONGEST - 1]}…" for one in listed]
                listed += [f"and {len(found) - MOST_LISTED} more"] if len(found) > MOST_LISTED else []
                raise TrustFileMistake(
                    MALFORMED,
                    f"'{self.path}' has {len(found)} mistakes.",
                    remedy="Correct the file, then run the same command again. Nothing was changed.",
                    items=listed,
                )


def path_text(*location: str | int) -> str:
    """A place as the file's writer knows it: `sites.learn.clients[2]`, counted from 0."""
    parts = (one if isinstance(one, int) or len(one) <= _LONGEST_KEY else f"{one[:_LONGEST_KEY]}…" for one in location)
    return "".join(f"[{one}]" if isinstance(one, int) else f".{toml_key(one)}" for one in parts).removeprefix(".")


def read_trust_file(mistakes: Mistakes) -> TrustFile:
    """What a file says; of a table with a mistake, what is left without it.

    Raises:
        UsageError: `trust-file-unreadable`, or `trust-file-malformed` where nothing of it can be read.
    """
    return without_mistakes(_document(mistakes.path), mistakes)


def without_mistakes(document: dict[str, Any], mistakes: Mistakes) -> TrustFile:
    """What a document says, likewise; it loses what is wrong in it."""
    try:
        return TrustFile.model_validate(document)
    except ValidationError as error:
        errors = error.errors(include_url=False)
    for one in errors:
        _add(mistakes, one["type"], one["loc"], one["input"], one.get("ctx", {}).get("expected", ""))
    wrong = {one["loc"][:-1] if one["loc"][-1] == "[key]" else one["loc"] for one in errors}
    for location in sorted(wrong, key=len, reverse=True):
        _leave_out(document, location)
    try:
        return TrustFile.model_validate(document)
    except ValidationError:
        mistakes.check()
        raise


def _document(path: Path) -> dict[str, Any]:
    text = read_text(path, "trust-file-unreadable", "Name a trust file, as 'export' writes it.")
    try:
        if any(line.count(".") > MOST_DOTS for line in text.split("\n")):
            raise ValueError(f"a line has more than {MOST_DOTS} dots")
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # not TOML, or a number that Python refuses to read
        why = "it is nested too deeply" if isinstance(error, RecursionError) else error
        raise TrustFileMistake(
            MALFORMED,
            f"'{path}' is not TOML: {why}.",
            remedy="Correct the file: every text stands in quotes, a site begins with [sites.NAME], and each of "
            "its clients with [[sites.NAME.clients]].",
        ) from error


def _add(mistakes: Mistakes, kind: str, location: Location, value: Any, expected: str) -> None:  # noqa: C901  # a table
    """A mistake that pydantic found, in words of TOML."""
    *above, last = location
    key, where = toml_key(str(last)), path_text(*location)
    what, remedy = "a text is expected here", f'Write it in quotation marks: {key} = "{_in_quotes(last, value)}"'
    match kind:
        case "extra_forbidden":
            known = _known(above)
            what, remedy = "unknown key", f"Known here: {', '.join(known)}."
            if not mistakes.are_many and len(key) <= _LONGEST_KEY:
                remedy = did_you_mean(str(last), known, remedy)
        case "missing" | "too_short" if location == ("sites",):
            where, what, remedy = "", "it names no site", "Add a table such as [sites.contosolearn]."
        case "missing":
            where, what, remedy = path_text(*above), f"'{last}' is missing", f'Add {last} = "…".'
        case "string_pattern_mismatch" | "string_too_long" if last == "[key]":
            where, what = path_text(*above), f"the name has to be 1 to {_LONGEST_KEY} printable characters"
            remedy = f"Choose another one: [{above[0]}.NAME]"
        case "string_pattern_mismatch":
            what, remedy = "it is empty, or a control character is in it", "Correct it, or remove the line."
        case "literal_error":
            what, remedy = f"Invalid value '{str(value)[:130]}'", f"Use {expected}."
        case "bool_type":
            what, remedy = "true or false is expected here", f"Write {key} = true or {key} = false."
        case "list_type":
            what, remedy = "a list of tables is expected here", f"Begin each of them with [[{where}]]."
        case "dict_type" | "model_type":
            table = f"[[{path_text(*above)}]]" if isinstance(last, int) else f"[{location[0]}.NAME]"
            what, remedy = "a table is expected here", f"Write a table: {table}"
    mistakes.add(where, what, remedy)


def _known(table: Location) -> list[str]:
    """The keys of a table."""
    names = [one for one in table if isinstance(one, str)]
    model = _TABLES[names[-1] if len(names) > 2 else names[0]] if names else TrustFile
    return [one.alias or name for name, one in model.model_fields.items()]


def _in_quotes(key: str | int, value: Any) -> str:
    if isinstance(value, dict | list) or (isinstance(value, int) and value.bit_length() > _LARGEST):
        return "…"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value}d" if key == "secret-lifetime" and isinstance(value, int) else str(value)


def _leave_out(document: dict[str, Any], location: Location) -> None:
    """Take away what is wrong. An element of a list gives way to a sound one, as the others keep their index."""
    match location:
        case ("sites", site, ("clients" | "managed-identities") as name, int(index), *_):
            required = "name" if name == "clients" else "resource"
            document["sites"][site][name][index] = {required: f"element-{index}"}
        case _:
            node: Any = document
            for key in location[:-1]:
                node = node[key]
            node.pop(location[-1], None)
