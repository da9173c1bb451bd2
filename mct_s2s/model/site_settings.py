"""The seven application settings of the document's step 3: their names, their meaning, their list format.

Azure compares the names without case, and a write under a second spelling is refused as a duplicate: so a setting is
always looked up without case and written under the spelling that stands there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from mct_s2s.model.ids import is_guid

ENABLED = "ServiceAuthEnabled"
AUDIENCE = "ServiceAuthAudience"
TENANT_NAME = "ServiceAuthTenantName"
TENANT_ID = "ServiceAuthTenantId"
OBJECT_IDS = "ServiceObjectIds"
APPLICATION_IDS = "ServiceApplicationIds"
ROLE = "ServiceAuthRole"

NAMES = (ENABLED, AUDIENCE, TENANT_NAME, TENANT_ID, OBJECT_IDS, APPLICATION_IDS, ROLE)

AppSettings = Mapping[str, str | None]
"""All application settings of a site. A null value is kept as it is: it is not ours to judge."""


def value_of(settings: AppSettings, name: str) -> str | None:
    """The value of one of our settings, whatever the case its name was typed in; `None` where it is not there."""
    return settings.get(spelling_in(settings, name))


def spelling_in(settings: AppSettings, name: str) -> str:
    """The name as it stands in `settings`, or as the document spells it."""
    if name in settings:
        return name
    return next((key for key in settings if key.casefold() == name.casefold()), name)


def ours(settings: AppSettings) -> dict[str, str]:
    """Our settings alone, under the document's names: the only ones ever shown, for the others hold secrets."""
    found = {name: value_of(settings, name) for name in NAMES}
    return {name: value for name, value in found.items() if value is not None}


def is_enabled(settings: AppSettings) -> bool:
    """Whether service authentication is on. The platform reads a .NET boolean, so `True` is true."""
    return (value_of(settings, ENABLED) or "").strip().casefold() == "true"


@dataclass(frozen=True)
class AllowList:
    """One of the two allow lists, `id;id;…`, as it stands."""

    text: str

    @property
    def ids(self) -> tuple[str, ...]:
        """The entries without blanks and empty ones, in order, each once; GUIDs are compared without case."""
        return _distinct(entry.strip() for entry in self.text.split(";"))

    @property
    def is_well_formed(self) -> bool:
        """Whether it is exactly its ids joined by `;`: a reader that does not trim finds each of them."""
        return self.text == ";".join(self.ids)

    @property
    def strangers(self) -> tuple[str, ...]:
        """Entries that are no GUID and so can match no caller."""
        return tuple(entry for entry in self.ids if not is_guid(entry))

    def holds(self, wanted: str) -> bool:
        """Whether an id is on the list."""
        return wanted.casefold() in {entry.casefold() for entry in self.ids}

    def with_ids(self, wanted: Iterable[str]) -> AllowList:
        """The list with `wanted` added: nothing dropped, nothing doubled, the order kept."""
        return AllowList(";".join(_distinct([*self.ids, *wanted])))

    def without(self, unwanted: Collection[str]) -> AllowList:
        """The list without some entries, which are given in lower case."""
        return AllowList(";".join(entry for entry in self.ids if entry.casefold() not in unwanted))


def allow_list(settings: AppSettings, name: str) -> AllowList:
    """One of the two allow lists of a site; empty where the setting is not there."""
    return AllowList(value_of(settings, name) or "")


def _distinct(entries: Iterable[str]) -> tuple[str, ...]:
    first_of: dict[str, str] = {}
    for entry in entries:
        if entry:
            first_of.setdefault(entry.casefold(), entry)
    return tuple(first_of.values())
