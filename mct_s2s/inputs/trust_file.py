"""A trust file into plain values: its shape is checked here, what a value means where options are."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mct_s2s.errors import UsageError
from mct_s2s.file_ownership import UntrustedFile
from mct_s2s.inputs.bounded_toml import load_toml
from mct_s2s.inputs.toml_lines import Place, lines_of
from mct_s2s.inputs.trust_file_mistakes import Mistakes
from mct_s2s.inputs.trust_file_types import kind_of, right_form
from mct_s2s.local_files import read_given
from mct_s2s.model.trust_file import (
    CLIENT_KEYS,
    IDENTITY_KEYS,
    PROFILE_KEYS,
    SITE_KEYS,
    ClientEntry,
    IdentityEntry,
    Profile,
    SiteEntry,
    Table,
    TrustFile,
    key_text,
)
from mct_s2s.planning.nearest import did_you_mean

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_LONGEST_KEY = 120


def read_trust_file(path: Path) -> TrustFile:
    """The sites of a file.

    Raises:
        UsageError: `trust-file-unreadable`, or `trust-file-malformed` with every mistake that was found in it.
    """
    return parsed_trust_file(path, trust_file_text(path))


def parsed_trust_file(path: Path, text: str, *, may_be_empty: bool = False) -> TrustFile:
    """The sites of a text.

    Args:
        path: for messages.
        text: the file's.
        may_be_empty: whether it need not name any site yet.

    Raises:
        UsageError: `trust-file-malformed`.
    """
    document, lines = _parsed(path, text)
    reader = _Reader(lines, Mistakes(path))
    sites = reader.sites(document)
    if not sites and not may_be_empty:
        reader.check_sites(document)
    reader.mistakes.check()
    return TrustFile(path, sites, reader.profiles)


def trust_file_text(path: Path) -> str:
    """What a file says, with its own line ends.

    Raises:
        UsageError: `trust-file-unreadable`.
    """
    try:
        return read_given(path).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = "it is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else error.strerror or str(error)
        remedy = error.remedy if isinstance(error, UntrustedFile) else "Name a trust file, as 'export' writes it."
        raise UsageError("trust-file-unreadable", f"Cannot read '{path}': {reason}.", remedy=remedy) from error


def _parsed(path: Path, text: str) -> tuple[dict[str, Any], dict[Place, int]]:
    try:
        return load_toml(text), lines_of(text)
    except ValueError as error:  # not TOML, or a number that Python refuses to read
        reason = str(error)
    except RecursionError:
        reason = "it is nested too deeply"
    raise UsageError(
        "trust-file-malformed",
        f"'{path}' is not TOML: {reason}.",
        remedy="Correct the file: every text stands in quotation marks, and a table begins with [sites.NAME].",
    )


class _Reader:
    """Goes through the document; what it finds wrong is collected."""

    def __init__(self, lines: Mapping[Place, int], mistakes: Mistakes) -> None:
        self.mistakes = mistakes
        self._lines = lines
        self._below: dict[Place, dict[str, int]] = defaultdict(dict)
        for path, line in lines.items():
            if isinstance(path[-1], str):
                self._below[path[:-1]][path[-1]] = line
        self._profiles: dict[str, Profile] = {}

    def sites(self, document: dict[str, Any]) -> tuple[SiteEntry, ...]:
        self._known((), document, {"profiles": dict, "sites": dict})
        for name, table in self._tables((), document, "profiles"):
            path = ("profiles", name)
            options = self._values(path, table, PROFILE_KEYS)
            self._profiles[name] = Profile(name=name, options=options, **self._place(path))
        return tuple(self._site(name, table) for name, table in self._tables((), document, "sites"))

    def check_sites(self, document: dict[str, Any]) -> None:
        """Note that there is no site, where nothing that could be one is there."""
        if not document.get("sites"):
            place: Place = ("sites",) if "sites" in document else ()
            self._wrong(place, "it names no site", "Add a table such as [sites.contosolearn].")

    @property
    def profiles(self) -> tuple[Profile, ...]:
        """All profiles, in their order."""
        return tuple(self._profiles.values())

    def _site(self, name: str, table: dict[str, Any]) -> SiteEntry:
        path = ("sites", name)
        lists = {"clients": list, "managed-identities": list}
        own = self._values(path, table, {"profile": str, **SITE_KEYS, **lists})
        profile = own.pop("profile", None)
        if profile is not None and profile not in self._profiles:
            known = ", ".join(map(key_text, self._profiles)) or "none"
            self._wrong(
                (*path, "profile"),
                f"there is no profile '{profile}'",
                f"Add [profiles.{key_text(profile)}]. Known: {known}.",
            )
        clients = [self._client(*entry) for entry in self._elements(path, table, "clients")]
        identities = [self._identity(*entry) for entry in self._elements(path, table, "managed-identities")]
        self._check_twice([(one.name, one) for one in clients])
        self._check_twice([(one.resource, one) for one in identities])
        return SiteEntry(
            key=name,
            profile=self._profiles.get(profile or ""),
            options={key: value for key, value in own.items() if key not in lists},
            clients=tuple(clients),
            identities=tuple(identities),
            **self._place(path),
        )

    def _client(self, path: Place, table: dict[str, Any]) -> ClientEntry:
        options = self._values(path, table, CLIENT_KEYS)
        name = self._required(path, table, options, "name", 'name = "…", a display name or an appId')
        return ClientEntry(name=name, options=options, **self._place(path))

    def _identity(self, path: Place, table: dict[str, Any]) -> IdentityEntry:
        options = self._values(path, table, IDENTITY_KEYS)
        form = 'resource = "…", a resource ID or the name of a web or function app'
        resource = self._required(path, table, options, "resource", form)
        return IdentityEntry(resource=resource, **self._place(path))

    def _required(self, path: Place, table: dict[str, Any], options: dict[str, Any], key: str, form: str) -> str:
        if key not in table:
            self._wrong(path, f"'{key}' is missing", f"Add {form}.")
        found: str = options.pop(key, "")
        return found

    def _values(self, path: Place, table: dict[str, Any], keys: Mapping[str, type]) -> dict[str, Any]:
        """What the table says, without what it may not say."""
        self._known(path, table, keys)
        found: dict[str, Any] = {}
        for key, value in table.items():
            if key not in keys or not isinstance(value, keys[key]):
                continue
            if isinstance(value, str) and (not value.strip() or _CONTROL.search(value)):
                what = "a control character is in it" if value.strip() else "it is empty"
                self._wrong((*path, key), what, "Correct it, or remove the line.")
                continue
            found[key] = value
        return found

    def _known(self, path: Place, table: dict[str, Any], keys: Mapping[str, type]) -> None:
        for key, value in table.items():
            if key not in keys:
                self._wrong((*path, key), "unknown key", self._nearest(key, keys))
            elif not isinstance(value, keys[key]):
                self._wrong((*path, key), f"{kind_of(value)} is not expected here", right_form(key, value, keys[key]))

    def _nearest(self, key: str, keys: Mapping[str, type]) -> str:
        known = f"Known here: {', '.join(keys)}."
        return known if self.mistakes.are_many or len(key) > _LONGEST_KEY else did_you_mean(key, keys, known)

    def _tables(self, path: Place, table: dict[str, Any], key: str) -> Iterator[tuple[str, dict[str, Any]]]:
        found = table.get(key, {})
        for name, value in found.items() if isinstance(found, dict) else ():
            if not isinstance(value, dict):
                self._wrong(
                    (*path, key, name), f"{kind_of(value)} is not expected here", f"Write a table: [{key}.NAME]"
                )
            elif not name.strip() or not name.isprintable() or len(name) > _LONGEST_KEY:
                what = f"the name has to be 1 to {_LONGEST_KEY} printable characters"
                self._wrong((*path, key, name), what, f"Choose another one: [{key}.NAME]")
            else:
                yield name, value

    def _elements(self, path: Place, table: dict[str, Any], key: str) -> Iterator[tuple[Place, dict[str, Any]]]:
        found = table.get(key, [])
        for index, value in enumerate(found if isinstance(found, list) else ()):
            element = (*path, key, index)
            if isinstance(value, dict):
                yield element, value
            else:
                self._wrong(element, f"{kind_of(value)} is not expected here", f"Write a table: [[sites.NAME.{key}]]")

    def _check_twice(self, named: Sequence[tuple[str, Table]]) -> None:
        seen: dict[str, Table] = {}
        for name, table in named:
            first = seen.setdefault(name.strip().casefold(), table)
            if name and first is not table:
                what = f"'{name}' is already in line {first.line}"
                self.mistakes.add(table.line, table.where(), what, "Remove one of the two.")

    def _place(self, path: Place) -> dict[str, Any]:
        return {"line": self._line(path), "path": _path_text(path), "lines": self._below[path]}

    def _line(self, path: Place) -> int:
        return self._lines.get(path, 1)

    def _wrong(self, path: Place, what: str, remedy: str) -> None:
        where = _path_text(path)
        self.mistakes.add(self._line(path), f"line {self._line(path)}{', ' if where else ''}{where}", what, remedy)


def _path_text(path: Place) -> str:
    """A place as the file's writer knows it: `sites.learn.clients[2]`."""
    return "".join(f"[{one}]" if isinstance(one, int) else f".{_shortened(one)}" for one in path).removeprefix(".")


def _shortened(key: str) -> str:
    return key_text(key if len(key) <= _LONGEST_KEY else f"{key[:_LONGEST_KEY]}…")
