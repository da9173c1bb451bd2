"""What application settings hold.

How they are called is said by the description of an API (`model/api.py`).
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

NOT_SHOWN = "(a value that is not shown)"
"""In place of what may be a secret (`Api.masked`)."""
_GUID = "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,62}[A-Za-z0-9])?"
_PART = r"[A-Za-z0-9._-]{1,60}"
_URI = (
    rf"api://[A-Za-z0-9._/-]{{1,200}}"
    rf"|https://(?:{_LABEL}\.)*{_LABEL}(?::[0-9]{{1,5}})?(?:/{_PART}(?:/v2\.0)?)?/?"
)
"""An Application ID URI or an authority: one part at most follows a host, as a longer path or a
query may be a secret.

Source: learn.microsoft.com/entra/identity-platform/identifier-uri-restrictions.
"""
_ID = re.compile(_GUID)
_READABLE = re.compile(f"true|false|{_URI}", re.IGNORECASE)
AppSettings = Mapping[str, str | None]
"""All settings of a site. A null value is kept as it is."""


class Comparison(StrEnum):
    EXACT = "exactly, including case"
    IGNORING_CASE = "ignoring case"
    BOOLEAN = "as a .NET boolean: ignoring case and spaces around it"
    ADDRESS = "ignoring case and a slash at the end"
    SET_OF_IDS = "as a set of IDs, ignoring case and order"

    def normalized(self, value: str) -> str:
        match self:
            case Comparison.EXACT:
                return value
            case Comparison.BOOLEAN:
                return value.strip().casefold()
            case Comparison.ADDRESS:
                return value.removesuffix("/").casefold()
        return value.casefold()

    def is_among(self, value: str, accepted: Collection[str]) -> bool:
        return self.normalized(value) in map(self.normalized, accepted)


class Holds(StrEnum):
    """What a setting holds, as a description of an API says it."""

    SWITCH = "switch"
    URI = "application-id-uri"
    APP_ID = "app-id"
    AUDIENCE = "audience"
    TENANT_ID = "tenant-id"
    TENANT_NAME = "tenant-name"
    LOGIN = "login"
    AUTHORITY = "authority"
    ROLE = "role"
    APPLICATION_IDS = "application-ids"
    OBJECT_IDS = "object-ids"

    @property
    def is_list(self) -> bool:
        return self in {Holds.APPLICATION_IDS, Holds.OBJECT_IDS}


@dataclass(frozen=True)
class Word:
    """The rules for everything that is held under one word, whatever a setting is called."""

    about: str
    comparison: Comparison = Comparison.EXACT
    option: str | None = None
    """The option of `configure-appservice`; for a list, one ID each time."""
    code: str = "setting-mismatch"
    """The code of the finding where its value is wrong."""
    wrong: str = "{name} is '{value}'. It must be '{wanted}'."


WORDS = {
    Holds.SWITCH: Word(
        "Switches service-to-service authentication on. `--disable` switches it off.",
        Comparison.BOOLEAN,
        wrong="{name} is '{value}': the API refuses every client.",
    ),
    Holds.URI: Word("The audience (`aud`) of every token that is accepted.", option="--audience"),
    Holds.APP_ID: Word("The appId of the service application.", Comparison.IGNORING_CASE),
    Holds.AUDIENCE: Word(
        "The audience (`aud`) of tokens: the Application ID URI in version 1, the appId in version "
        "2.",
    ),
    Holds.TENANT_ID: Word(
        "The tenant (`tid`) that issues the tokens: the one of the App Service's subscription.",
        Comparison.IGNORING_CASE,
        "--tenant-id",
        code="tenant-mismatch",
        wrong="{name} is '{value}', but the App Service belongs to the tenant {wanted}.",
    ),
    Holds.TENANT_NAME: Word(
        "A verified domain of the tenant that issues the tokens.",
        Comparison.IGNORING_CASE,
        "--tenant-name",
    ),
    Holds.LOGIN: Word(
        "The address of the cloud's login service.",
        Comparison.ADDRESS,
    ),
    Holds.AUTHORITY: Word(
        "The address below which the tenant's discovery document is.",
        Comparison.ADDRESS,
    ),
    Holds.ROLE: Word(
        "The app role (`roles`) that the token of a client application must have.",
        option="--role",
    ),
    Holds.APPLICATION_IDS: Word(
        "Callers that are allowed by their application ID (`appid`), if their token has the app "
        "role.",
        Comparison.SET_OF_IDS,
        "--application-id",
    ),
    Holds.OBJECT_IDS: Word(
        "Callers that are allowed by the object ID (`oid`) of their service principal. They need "
        "no app role.",
        Comparison.SET_OF_IDS,
        "--object-id",
    ),
}


@dataclass(frozen=True)
class Setting:
    """A setting of an API.

    Azure compares names without case and refuses a second spelling: the one that is there is
    written.
    """

    name: str
    holds: Holds

    def __str__(self) -> str:
        return self.name

    @property
    def word(self) -> Word:
        return WORDS[self.holds]

    def value_in(self, settings: AppSettings) -> str | None:
        """The value among `settings`; `None` where it is missing or null."""
        return settings.get(spelling_in(settings, self.name))

    def list_in(self, settings: AppSettings) -> "AllowList":
        return AllowList(self.value_in(settings) or "")


def is_readable(value: str) -> bool:
    """Whether a value may be shown, whatever it is called: ids, a URI, `true` or `false`."""
    if _READABLE.fullmatch(value.strip()) is not None:
        return True
    return all(not part.strip() or _ID.fullmatch(part.strip()) for part in value.split(";"))


def same_name(name: str, other: str) -> bool:
    return _comparable(name) == _comparable(other)


def _comparable(name: str) -> str:
    """A setting's name as names are compared.

    On Windows, a colon divides its parts, as two underscores do elsewhere: .NET reads both alike.
    """
    return name.replace(":", "__").casefold()


def spelling_in(settings: AppSettings, name: str) -> str:
    """The name as it is spelled in `settings`, or else `name` itself."""
    if name in settings:
        return name
    comparable = _comparable(name)
    return next((key for key in settings if _comparable(key) == comparable), name)


@dataclass(frozen=True)
class AllowList:
    """A list of ids in a setting, `id;id;…`, exactly as it is written there."""

    text: str

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids in order, each once, without blanks; GUIDs are compared without case."""
        return tuple(_entries(self.text).values())

    @property
    def is_well_formed(self) -> bool:
        """Whether a reader that does not trim finds each of its ids."""
        return self.text == ";".join(self.ids)

    def contains(self, identifier: str) -> bool:
        return identifier.casefold() in _entries(self.text)

    def with_ids(self, added: Iterable[str]) -> "AllowList":
        return AllowList(";".join(_entries(";".join((self.text, *added))).values()))

    def without(self, unwanted: Collection[str]) -> "AllowList":
        """The list without some ids, which are given in lower case."""
        return AllowList(";".join(entry for entry in self.ids if entry.casefold() not in unwanted))


@lru_cache(maxsize=16)
def _entries(text: str) -> dict[str, str]:
    """The ids by their lower case.

    Cached: a list of a thousand is looked at for each of its clients.
    """
    entries: dict[str, str] = {}
    for entry in filter(None, map(str.strip, text.split(";"))):
        entries.setdefault(entry.casefold(), entry)
    return entries
