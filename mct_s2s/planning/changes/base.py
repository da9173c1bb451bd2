"""What every change is made of: its key, its order, and references to ids that do not exist yet."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Generic, TypeAlias, TypeVar

from mct_s2s.model.ids import (
    ClientId,
)

T = TypeVar("T", bound=str)
Noun_co = TypeVar("Noun_co", bound=str, covariant=True)


class Part(StrEnum):
    """Which of a change's results a reference takes."""

    CLIENT_ID = "client id"
    OBJECT_ID = "application object id"
    PRINCIPAL_ID = "service principal object id"
    KEY_ID = "key id of a credential"
    EXPIRES = "end of a credential, ISO 8601"
    ASSIGNMENT_ID = "app role assignment id"


@dataclass(frozen=True)
class Ref(Generic[Noun_co]):
    """An id that the change `key` will yield. The type parameter says which noun it is an id of."""

    key: str
    part: Part


Later: TypeAlias = T | Ref[T]
"""An id, known now or after a change."""


@dataclass(frozen=True)
class ApiUri:
    """`api://<appId>`, the appId known now or later."""

    client_id: Later[ClientId]


class Action(StrEnum):
    """What a change does to its resource, as the JSON result names it."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    NONE = "none"


@dataclass(frozen=True, kw_only=True)
class Change:
    """One step of a plan."""

    key: str
    name: str
    """What it is called: a display name, a site."""
    detail: str = ""
    after: tuple[str, ...] = ()
    """Changes that have to be done first although nothing of them is referred to."""


@dataclass(frozen=True, kw_only=True)
class AlreadyRight(Change):
    """Nothing to do: said, so that the reader sees that it was looked at."""

    resource: str
    id: str | None = None

    action: ClassVar[Action] = Action.NONE
