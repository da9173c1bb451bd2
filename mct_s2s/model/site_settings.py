"""The document's step 3 as one table: docs/contributing.md says how to add a row. No other module spells a name."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

AppSettings = Mapping[str, str | None]
"""Of a site, all of them. A null value is kept: it is not ours to judge."""


class Required(StrEnum):
    ALWAYS = "always"
    WITH_CLIENTS = "with client applications (approach 2)"
    WITH_IDENTITIES = "with managed identities (approach 1)"


class Comparison(StrEnum):
    EXACT = "exactly, including case"
    IGNORING_CASE = "ignoring case"
    BOOLEAN = "as a .NET boolean: ignoring case and spaces around it"
    SET_OF_IDS = "as a set of IDs, ignoring case and order"

    def is_among(self, value: str, accepted: Collection[str]) -> bool:
        if self is Comparison.EXACT:
            return value in accepted
        read = value.strip() if self is Comparison.BOOLEAN else value
        return read.casefold() in map(str.casefold, accepted)


@dataclass(frozen=True)
class Setting:
    """Azure compares names without case and refuses a second spelling: the one that is there is written."""

    name: str
    holds: str
    """The document's own name for it."""
    about: str
    required: Required = Required.ALWAYS
    comparison: Comparison = Comparison.EXACT
    option: str | None = None
    """Of `configure-appservice`; of a list, one ID each time."""
    code: str = "setting-mismatch"
    """Of the finding where its value is wrong."""
    wrong: str = "{name} is '{value}'. It must be '{wanted}'."

    def __str__(self) -> str:
        return self.name

    def value_in(self, settings: AppSettings) -> str | None:
        """`None` where it is not there, or null."""
        return settings.get(spelling_in(settings, self.name))

    def list_in(self, settings: AppSettings) -> "AllowList":
        return AllowList(self.value_in(settings) or "")


ENABLED = Setting(
    "ServiceAuthEnabled",
    "on or off",
    "Switches service-to-service authentication on. `--disable` switches it off.",
    comparison=Comparison.BOOLEAN,
    wrong="{name} is '{value}': the API refuses every client.",
)
AUDIENCE = Setting(
    "ServiceAuthAudience",
    "Application ID URI",
    "The audience (`aud`) of every token that is accepted.",
    option="--audience",
)
TENANT_NAME = Setting(
    "ServiceAuthTenantName",
    "Tenant Name",
    "A verified domain of the tenant that issues the tokens.",
    comparison=Comparison.IGNORING_CASE,
    option="--tenant-name",
)
TENANT_ID = Setting(
    "ServiceAuthTenantId",
    "Tenant ID",
    "The tenant (`tid`) that issues the tokens: the one of the App Service's subscription.",
    comparison=Comparison.IGNORING_CASE,
    option="--tenant-id",
    code="tenant-mismatch",
    wrong="{name} is '{value}', but the App Service belongs to the tenant {wanted}.",
)
OBJECT_IDS = Setting(
    "ServiceObjectIds",
    "Object Id of each managed identity",
    "Callers that are allowed by the object ID (`oid`) of their service principal. They need no app role.",
    required=Required.WITH_IDENTITIES,
    comparison=Comparison.SET_OF_IDS,
    option="--object-id",
)
APPLICATION_IDS = Setting(
    "ServiceApplicationIds",
    "Application Id of each client application",
    "Callers that are allowed by their application ID (`appid`), if their token has the app role.",
    required=Required.WITH_CLIENTS,
    comparison=Comparison.SET_OF_IDS,
    option="--application-id",
)
ROLE = Setting(
    "ServiceAuthRole",
    "Value of the app role",
    "The app role (`roles`) that the token of a client application must have.",
    required=Required.WITH_CLIENTS,
    option="--role",
)

SETTINGS = (ENABLED, AUDIENCE, TENANT_NAME, TENANT_ID, OBJECT_IDS, APPLICATION_IDS, ROLE)
NAMES = tuple(setting.name for setting in SETTINGS)
LISTS = (OBJECT_IDS, APPLICATION_IDS)


def spelling_in(settings: AppSettings, name: str) -> str:
    """The name as it is spelled in `settings`, or else `name` itself."""
    if name in settings:
        return name
    return next((key for key in settings if key.casefold() == name.casefold()), name)


def ours(settings: AppSettings) -> dict[str, str]:
    """The only ones ever shown, under our names: the others may be secret."""
    found = {setting.name: setting.value_in(settings) for setting in SETTINGS}
    return {name: value for name, value in found.items() if value is not None}


def is_enabled(settings: AppSettings) -> bool:
    return ENABLED.comparison.is_among(ENABLED.value_in(settings) or "", {"true"})


def required_by(settings: AppSettings, named: Collection[Setting] = ()) -> frozenset[Required]:
    """For each kind of client that is, or will be, on a list, and always."""
    used = (one.required for one in LISTS if one in named or one.list_in(settings).ids)
    return frozenset({Required.ALWAYS, *used})


def need_no_directory(given: AppSettings) -> bool:
    """Whether these values are all that a site has to have."""
    needed = (one for one in SETTINGS if one.required is Required.ALWAYS and one.option is not None)
    return all(one.name in given for one in needed)


@dataclass(frozen=True)
class AllowList:
    """A list of ids in a setting, `id;id;…`, exactly as it is written there."""

    text: str

    @property
    def ids(self) -> tuple[str, ...]:
        """Without blanks and empty ones, in order, each once; GUIDs are compared without case."""
        return tuple(_entries(self.text).values())

    @property
    def is_well_formed(self) -> bool:
        """Whether a reader that does not trim finds each of its ids."""
        return self.text == ";".join(self.ids)

    def holds(self, wanted: str) -> bool:
        return wanted.casefold() in _entries(self.text)

    def with_ids(self, wanted: Iterable[str]) -> "AllowList":
        return AllowList(";".join(_entries(";".join((self.text, *wanted))).values()))

    def without(self, unwanted: Collection[str]) -> "AllowList":
        """`unwanted` is in lower case."""
        return AllowList(";".join(entry for entry in self.ids if entry.casefold() not in unwanted))


@lru_cache(maxsize=16)
def _entries(text: str) -> dict[str, str]:
    """Keyed in lower case. Cached: a list of a thousand is looked at for each of its clients."""
    found: dict[str, str] = {}
    for entry in filter(None, map(str.strip, text.split(";"))):
        found.setdefault(entry.casefold(), entry)
    return found
