"""An export into a trust file that exists: what differs is changed, everything else stays as it was typed."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mct_s2s.cli.trust_file.edits import Edits, edit_site, not_editable
from mct_s2s.errors import UsageError
from mct_s2s.inputs.bounded_toml import load_toml
from mct_s2s.inputs.trust_file import parsed_trust_file
from mct_s2s.model.directory_objects import Tenant
from mct_s2s.model.ids import is_guid
from mct_s2s.model.trust_file import Profile, SiteEntry, TrustFile
from mct_s2s.planning.export import ExportedSite
from mct_s2s.render import trust_file


@dataclass(frozen=True)
class Found:
    """A site that was read, and where."""

    site: ExportedSite
    tenant: Tenant
    cloud: str
    """As `--cloud` takes it."""


@dataclass(frozen=True)
class Merged:
    """The new text of a file, and what became of it."""

    text: str
    notes: tuple[str, ...]
    """What was changed in entries that were there, one sentence each."""


def merge(path: Path, text: str, found: Sequence[Found]) -> Merged:
    """The file's text with these sites in it.

    Args:
        path: of the file, for messages.
        text: what is in it; empty for a new one.
        found: the sites.

    Raises:
        UsageError: it is no trust file, or cannot be changed without losing something of it.
    """
    if "\r\n" in text:
        with_line_feeds = merge(path, text.replace("\r\n", "\n"), found)
        return Merged(with_line_feeds.text.replace("\n", "\r\n"), with_line_feeds.notes)
    file = parsed_trust_file(path, text, may_be_empty=True)
    edits, more = Edits(), _Appended(file, text)
    for one in found:
        entry = next((entry for entry in file.sites if _is_same(entry, one)), None)
        if entry is None:
            more.add(one)
        else:
            edit_site(edits, entry, one.site)
    merged = edits.applied(path, text) + more.text(text)
    _check(path, merged, edits.expected(text), more)
    return Merged(merged, tuple(edits.notes))


def _check(path: Path, merged: str, expected: Mapping[str, Any], more: _Appended) -> None:
    """Compare what a reader of TOML finds with what was meant: of what the writer got wrong, nothing is written.

    Raises:
        UsageError: as said.
    """
    try:
        document = load_toml(merged)
        parsed_trust_file(path, merged, may_be_empty=True)
    except (ValueError, UsageError) as error:
        raise not_editable(path) from error
    for keys in more.added:
        _pop(document, keys)
    if _without_empty(document) != _without_empty(expected):
        raise not_editable(path)


def _pop(document: MutableMapping[str, Any], keys: tuple[str, str]) -> None:
    document.get(keys[0], {}).pop(keys[1], None)


def _without_empty(document: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if value != {}}


class _Appended:
    """Tables that come at the end of the file."""

    def __init__(self, file: TrustFile, text: str) -> None:
        document = tomllib.loads(text)
        self.added: list[tuple[str, str]] = []
        self._blocks: list[str] = []
        self._taken = {"profiles": set(document.get("profiles", {})), "sites": set(document.get("sites", {}))}
        self._profiles = list(file.profiles)

    def add(self, one: Found) -> None:
        """A site, and its profile where none of the file says the same."""
        profile = next((profile for profile in self._profiles if _says(profile, one, strictly=True)), None)
        if profile is None:
            options = {"tenant": one.tenant.name, "subscription": one.site.resource.subscription_id}
            options |= {"cloud": one.cloud} if one.cloud != "public" else {}
            profile = Profile(0, self._free("profiles", [one.tenant.name.partition(".")[0]]), options)
            self._profiles.append(profile)
            self._blocks.append(trust_file.profile_block(profile.name, options))
        resource = one.site.resource
        names = [resource.names[0], *([resource.slot] if resource.slot else [])]
        key = self._free("sites", ["-".join(names), "-".join([*names, resource.resource_group])])
        self._blocks.append(trust_file.site_block(key, profile.name, one.site))

    def text(self, before: str) -> str:
        """All of it, to be written behind what is there."""
        if not self._blocks:
            return ""
        lead = trust_file.header() + "\n" if not before.strip() else "\n" if before.endswith("\n") else "\n\n"
        return lead + "\n".join(self._blocks)

    def _free(self, kind: str, names: Iterable[str]) -> str:
        """The first of the names that no other table has, or the last one with a number."""
        *first, last = names
        numbered = (f"{last}-{number}" if number > 1 else last for number in range(1, 10_000))
        name = next(name for name in (*first, *numbered) if name not in self._taken[kind])
        self._taken[kind].add(name)
        self.added.append((kind, name))
        return name


def _is_same(entry: SiteEntry, one: Found) -> bool:
    """Whether an entry of the file is that App Service; what it does not say is the same."""
    resource = one.site.resource
    if entry.app_service.startswith("/"):
        return entry.app_service.strip("/").casefold() == str(resource).strip("/").casefold()
    said = [
        (entry.app_service, resource.names[0]),
        (entry.options.get("slot", ""), resource.slot or ""),
        (entry.options.get("resource-group", resource.resource_group), resource.resource_group),
    ]
    same = all(one.casefold() == other.casefold() for one, other in said)
    return same and (entry.profile is None or _says(entry.profile, one, strictly=False))


def _says(profile: Profile, one: Found, *, strictly: bool) -> bool:
    """Whether a profile leads to that site's tenant and subscription.

    Args:
        profile: of the file.
        one: the site.
        strictly: whether it has to name both; else whatever it does not name is no obstacle, nor a subscription that it
            calls by its name.
    """
    options, subscription = profile.options, one.site.resource.subscription_id
    tenant = options.get("tenant")
    named = options.get("subscription", "")
    right_tenant = one.tenant.is_called(tenant) if tenant else not strictly
    right_subscription = named.casefold() == subscription.casefold() or (not strictly and not is_guid(named))
    right_cloud = options.get("cloud", "public" if strictly else one.cloud).casefold() == one.cloud.casefold()
    return right_tenant and right_subscription and right_cloud
