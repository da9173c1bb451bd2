"""What is written and read as TOML: a key, a value, a table."""

import json
import re
from collections.abc import Collection
from typing import Any, Self

from pydantic import BaseModel, ConfigDict

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def toml_key(key: str) -> str:
    """A key, quoted where it has to be."""
    return key if _BARE_KEY.fullmatch(key) else toml_value(key)


def toml_value(value: str | bool) -> str:
    """A text on one line, or `true` or `false`, as TOML writes it.

    That is as in JSON, with one character more that is escaped.
    """
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


class Table(BaseModel):
    """A table of a file of ours. Its keys are named as the options are."""

    model_config = ConfigDict(
        alias_generator=lambda name: name.replace("_", "-"),
        extra="forbid",
        strict=True,
        frozen=True,
        defer_build=True,
    )

    @property
    def options(self) -> dict[str, Any]:
        """What it says of the options of `setup`, by their fields."""
        others = {"name", "profile", "client_id", "clients", "managed_identities"}
        return self.model_dump(exclude_unset=True, exclude=others)

    def without(self, keys: Collection[str]) -> Self:
        """The same without these keys, as the file names them."""
        members = self.model_dump(by_alias=True, exclude_unset=True)
        return self.model_validate(
            {key: value for key, value in members.items() if key not in keys}
        )

    @property
    def keys_as_written(self) -> dict[str, str | bool]:
        """Keys and values of a table of texts and truth values, by the names that a file has."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)

    @property
    def canonical(self) -> dict[str, Any]:
        """Every key of the table as JSON; lists of tables are in one order."""
        members = self.model_dump(mode="json", exclude_unset=True)
        return {
            key: sorted(value, key=json.dumps) if isinstance(value, list) else value
            for key, value in members.items()
        }
