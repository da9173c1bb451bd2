"""Changes to entries of a trust file: made to its values and to its text alike, so that the two can be compared."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from mct_s2s import clock
from mct_s2s.cli.credentials import KindOptions, read_credential
from mct_s2s.cli.options.setup import SetupOptions
from mct_s2s.cli.trust_file.entries import typed_values
from mct_s2s.errors import UsageError
from mct_s2s.inputs.toml_lines import Place
from mct_s2s.model.ids import DEFAULT_ROLE, client_id_in, same_id
from mct_s2s.model.trust_file import ClientEntry, IdentityEntry, SiteEntry, key_text
from mct_s2s.planning.export import ExportedSite, ExportedTable
from mct_s2s.render.trust_file import comment

_OF_CREDENTIALS = frozenset(field.name.replace("_", "-") for field in fields(KindOptions))
"""The keys that go where a client signs in otherwise."""
_UNSAID = {"credential": SetupOptions().credential.value}
Edit = Callable[[Any], None]
"""Of a document: a plain dictionary, or one that remembers its text."""


@dataclass
class Edits:
    """Changes, in their order."""

    notes: list[str] = field(default_factory=list)
    _edits: list[Edit] = field(default_factory=list)

    def add(self, note: str, edit: Edit) -> None:
        """One more."""
        self.note(note)
        self.edit(edit)

    def note(self, note: str) -> None:
        """Say what is changed."""
        self.notes.append(note)

    def edit(self, edit: Edit) -> None:
        """Change something that was said already."""
        self._edits.append(edit)

    def expected(self, text: str) -> dict[str, Any]:
        """The values that come of it."""
        document = tomllib.loads(text)
        for edit in self._edits:
            edit(document)
        return document

    def applied(self, path: Path, text: str) -> str:
        """The text that comes of it, with all comments.

        Raises:
            UsageError: the writer does not know such a form.
        """
        if not self._edits:
            return text
        import tomlkit  # noqa: PLC0415  # only where a file is changed
        from tomlkit.exceptions import TOMLKitError  # noqa: PLC0415

        try:
            document = tomlkit.parse(text)
            if tomlkit.dumps(document) != text:
                raise not_editable(path)
            for edit in self._edits:
                edit(document)
            return tomlkit.dumps(document)
        except (TOMLKitError, KeyError, TypeError, ValueError, AttributeError) as error:
            raise not_editable(path) from error


def not_editable(path: Path) -> UsageError:
    """What is said of a file that is written in a form that cannot be changed."""
    return UsageError(
        "trust-file-not-editable",
        f"'{path}' is written in a form that cannot be changed without losing something of it. It was not changed.",
        remedy="Write each site as a table [sites.NAME] and its clients as [[sites.NAME.clients]], one after the "
        "other; or export without --to, and compare.",
    )


def edit_site(edits: Edits, entry: SiteEntry, site: ExportedSite) -> None:
    """What has to change in a site's tables so that they say what is there.

    Wishes that Azure knows nothing of (lifetimes, places, formats) stay as they are.
    """
    where = f"[sites.{key_text(entry.key)}]"
    _edit_role(edits, entry, site, where)
    _edit_adopted(edits, entry, site, where)
    _edit_list(edits, entry, "clients", [(one.name, one) for one in entry.clients], site.clients, site.left_out_ids)
    identities = [(one.resource, one) for one in entry.identities]
    _edit_list(edits, entry, "managed-identities", identities, site.identities, site.left_out_ids)


def _edit_role(edits: Edits, entry: SiteEntry, site: ExportedSite, where: str) -> None:
    role = site.options.get("role", DEFAULT_ROLE)
    if role != entry.options.get("role", DEFAULT_ROLE):
        edits.add(f"{where}: role is now {role}", _setting(("sites", entry.key), {"role": role}))


def _edit_adopted(edits: Edits, entry: SiteEntry, site: ExportedSite, where: str) -> None:
    there, said = site.options.get("service-app"), entry.options.get("service-app")
    named = client_id_in(said) if said is not None else None
    if there is not None and (said is None or (named is not None and not same_id(named, there))):
        edits.add(f"{where}: service-app is now {there}", _setting(("sites", entry.key), {"service-app": there}))


def _edit_list(
    edits: Edits,
    site: SiteEntry,
    name: str,
    entries: Sequence[tuple[str, ClientEntry | IdentityEntry]],
    there: Sequence[ExportedTable],
    left_out: Collection[str],
) -> None:
    """Change the tables of those that are there, add those that lack one, remove those of which nothing is there."""
    path = ("sites", site.key, name)
    where = f"[[sites.{key_text(site.key)}.{name}]]"
    found: set[int] = set()
    gone: list[int] = []
    for index, (called, entry) in enumerate(entries):
        word = called.strip().casefold()
        match = next((at for at, one in enumerate(there) if at not in found and word in _names(one)), None)
        if match is not None:
            found.add(match)
            if isinstance(entry, ClientEntry):
                _edit_client(edits, entry, there[match], (*path, index), where)
        elif word not in left_out:
            gone.append(index)
            edits.note(f"{where}: '{called}' is removed, as it has no access")
    for at, one in enumerate(there):
        if at not in found:
            edits.add(f"{where}: {next(iter(one.options.values()))} is new", _appending(path, one))
    for index in reversed(gone):
        edits.edit(_removing(path, index))


def _names(one: ExportedTable) -> frozenset[str]:
    return one.ids | {str(next(iter(one.options.values()))).casefold()}


def _edit_client(edits: Edits, entry: ClientEntry, there: ExportedTable, path: Place, where: str) -> None:
    own = {key: value for key, value in there.options.items() if key in _OF_CREDENTIALS}
    says_so = all(entry.options.get(key, _UNSAID.get(key)) == value for key, value in own.items())
    if not says_so and not _is_satisfied(entry, there):
        edits.add(f"{where}: '{entry.name}' signs in otherwise", _setting(path, own, without=_OF_CREDENTIALS))
    refused = there.options.get("no-consent") is True
    if refused != (entry.options.get("no-consent") is True):
        what = "has no admin consent" if refused else "has admin consent"
        edit = _setting(path, {"no-consent": True} if refused else {}, without=("no-consent",))
        edits.add(f"{where}: '{entry.name}' {what}", edit)


def _is_satisfied(entry: ClientEntry, there: ExportedTable) -> bool:
    """Whether what the file asks for is there; of what cannot be read here, no one knows better than the file."""
    try:
        asked = {key: value for key, value in entry.options.items() if key in _OF_CREDENTIALS}
        return there.satisfies(read_credential(SetupOptions(**typed_values(asked)), clock.now()))
    except UsageError:
        return True


def _at(document: Any, path: Place) -> Any:
    for key in path:
        document = document[key]
    return document


def _setting(path: Place, values: Mapping[str, str | bool], *, without: Collection[str] = ()) -> Edit:
    def edit(document: Any) -> None:
        table = _at(document, path)
        for key in without:
            if key in table and key not in values:
                del table[key]
        for key, value in values.items():
            table[key] = value

    return edit


def _removing(path: Place, index: int) -> Edit:
    def edit(document: Any) -> None:
        *above, name = path
        table = _at(document, tuple(above))
        del table[name][index]
        if not len(table[name]):
            del table[name]

    return edit


def _appending(path: Place, one: ExportedTable) -> Edit:
    def edit(document: Any) -> None:
        *above, name = path
        table = _at(document, tuple(above))
        if type(document) is dict:
            table.setdefault(name, []).append(dict(one.options))
            return
        import tomlkit  # noqa: PLC0415  # as above
        from tomlkit.items import AoT  # noqa: PLC0415

        if name not in table:
            table.add(name, tomlkit.aot())
        if not isinstance(table[name], AoT):
            table[name].append(dict(one.options))
            return
        added = tomlkit.table()
        for remark in one.remarks:
            added.add(tomlkit.comment(comment(remark).removeprefix("# ")))
        for key, value in one.options.items():
            added.add(key, value)
        added.add(tomlkit.nl())
        table[name].append(added)

    return edit
