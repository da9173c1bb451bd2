"""The handoff file: the values for step 3, from the directory's administrator to the App Service's administrator.

It holds no secret and names the settings as the document does, so that a person can read it too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mct_s2s.errors import UsageError
from mct_s2s.inputs.documents import document_in, read_document
from mct_s2s.local_files import READABLE, check_folder, check_place, explained, read_ours, replace_whole
from mct_s2s.model.desired import GivenValues
from mct_s2s.model.ids import is_guid
from mct_s2s.model.site_settings import LISTS, SETTINGS, AllowList, Setting
from mct_s2s.plain_text import json_text

SCHEMA = "mct-s2s/handoff/v1"
_LABEL = re.compile(r"[a-z0-9-]+(?:/[a-z0-9-]+)?", re.IGNORECASE | re.ASCII)


def given_values(values: Mapping[str, Sequence[str]]) -> GivenValues:
    """Values given for settings, by the setting's name; several for a list.

    Raises:
        UsageError: an id that is no GUID, or an empty value.
    """
    given = {one.name: [_checked(one, value) for value in values.get(one.name, ())] for one in SETTINGS if one.option}
    return GivenValues({name: ";".join(checked) for name, checked in given.items() if checked})


def _checked(setting: Setting, value: str) -> str:
    if setting.holds.is_guid:
        if is_guid(value.strip()):
            return value.strip()
        raise UsageError(
            "malformed-id",
            f"Invalid {setting.option} '{value}': not a GUID.",
            remedy="Copy the ID from the portal: 8-4-4-4-12 hexadecimal digits.",
        )
    if not value.strip():
        raise UsageError(
            "empty-value",
            f"{setting.option} is empty.",
            remedy=f"Add a value to {setting.option}, or remove it.",
        )
    return value


def read_handoff(path: Path) -> GivenValues:
    """A handoff file. Raises UsageError: unreadable, or not such a file."""
    try:
        document = read_document(path, SCHEMA)
        settings, app_service = _settings(document), _app_service(document)
    except (ValueError, KeyError, AttributeError) as error:
        raise UsageError(
            "handoff-unreadable",
            f"Invalid handoff file '{path}': {f'the key {error} is missing' if isinstance(error, KeyError) else error}",
            remedy="Ask for the file that mct-s2s setup --no-app-service --handoff FILE writes.",
        ) from error
    values: dict[str, Sequence[str]] = {name: [value] for name, value in settings.items()}
    values |= {one.name: AllowList(settings[one.name]).ids for one in LISTS if one.name in settings}
    return replace(given_values(values), app_service=app_service)


def _is_handoff(content: bytes) -> bool:
    """Whether a file's content is a handoff, of whatever App Service."""
    try:
        document_in(content, SCHEMA)
    except ValueError:
        return False
    return True


def _settings(document: Mapping[str, Any]) -> dict[str, str]:
    settings = document["settings"]
    if not isinstance(settings, dict) or not all(isinstance(value, str) for value in settings.values()):
        raise ValueError("its settings are not strings")
    return settings


def _app_service(document: Mapping[str, Any]) -> str | None:
    """The App Service that it was written for, if it says one: older releases wrote another name where none was."""
    label = document.get("appService")
    if label is not None and not isinstance(label, str):
        raise ValueError("its App Service is not a name")
    return label if label and _LABEL.fullmatch(label) else None


def handoff_text(settings: dict[str, str], app_service: str | None) -> str:
    """The file's text; `app_service` is what a person calls it, slot included."""
    document = {"schema": SCHEMA, "appService": app_service, "settings": settings}
    return json_text(document, indent=2) + "\n"


@dataclass(frozen=True)
class HandoffFile:
    """`--handoff FILE`: the values for the App Service's administrator, no secret among them."""

    path: Path

    def check(self, *, dry_run: bool) -> None:
        """Make sure that it can be written, before anything else is; a dry run tries nothing.

        Raises:
            UsageError: it cannot, or something else is there.
        """
        with self._explained():
            content = read_ours(self.path)
            if dry_run:
                check_folder(self.path.parent)
            else:
                check_place(self.path)
        if content and not _is_handoff(content):
            raise UsageError(
                "handoff-unwritable",
                f"'{self.path}' exists and is not a handoff file. It was not changed.",
                remedy="Choose another file: --handoff FILE",
            )

    def write(self, text: str) -> None:
        """Write it atomically.

        Raises:
            UsageError: it cannot be written any more, or something else has come to be there.
        """
        self.check(dry_run=True)
        with self._explained():
            replace_whole(self.path, text, READABLE)

    def _explained(self) -> AbstractContextManager[None]:
        return explained(
            "Cannot write the handoff file", self.path, "handoff-unwritable", "handoff-unwritable", "--handoff FILE"
        )
