"""Files that a user gives or asks for: one way to read them, and the handoff and the backup of the settings.

A handoff takes the values for step 3 from the directory's administrator to the App Service's. A backup has all
application settings as they were before a command wrote any, whatever secrets they hold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from mct_s2s.errors import UsageError
from mct_s2s.local_files import (
    READABLE,
    check_folder,
    check_place,
    explained,
    read_given,
    read_ours,
    replace_whole,
)
from mct_s2s.model.desired import GivenValues
from mct_s2s.model.documents import Backup, Handoff, parsed
from mct_s2s.model.ids import is_guid
from mct_s2s.model.site_settings import LISTS, SETTINGS, TENANT_ID, AllowList, Setting
from mct_s2s.plain_text import json_text, load_json

Model = TypeVar("Model", Handoff, Backup)


def read_text(path: Path, code: str, remedy: str) -> str:
    """A UTF-8 file that the user names. Raises UsageError: with that code, and why it cannot be read."""
    try:
        return read_given(path).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror or error if isinstance(error, OSError) else "it is not UTF-8 text"
        raise UsageError(code, f"Cannot read '{path}': {why}.", remedy=remedy) from error


def read_handoff(path: Path) -> GivenValues:
    """A handoff file. Raises UsageError: unreadable, or not such a file."""
    remedy = "Ask for the file that mct-s2s setup --no-app-service --handoff FILE writes."
    found = _read(path, Handoff, "handoff-unreadable", remedy)
    values: dict[str, Sequence[str]] = {name: [value] for name, value in found.settings.items()}
    values |= {one.name: AllowList(found.settings[one.name]).ids for one in LISTS if one.name in found.settings}
    return replace(given_values(values), app_service=found.app_service)


def read_backup(path: Path) -> Backup:
    """A backup file. Raises UsageError: unreadable, or not such a file."""
    return _read(path, Backup, "backup-unreadable", "Use a file that --backup FILE has written.")


def _read(path: Path, model: type[Model], code: str, remedy: str) -> Model:
    text = read_text(path, code, remedy)
    try:
        return parsed(load_json(text), model)
    except ValueError as error:
        raise UsageError(code, f"Cannot use '{path}': {error}", remedy=remedy) from None


def given_values(values: Mapping[str, Sequence[str]]) -> GivenValues:
    """Values given for settings, by the setting's name; several for a list. Raises UsageError: no GUID, or empty."""
    given = {one.name: [_checked(one, value) for value in values.get(one.name, ())] for one in SETTINGS if one.option}
    return GivenValues({name: ";".join(checked) for name, checked in given.items() if checked})


def _checked(setting: Setting, value: str) -> str:
    if setting in {TENANT_ID, *LISTS}:
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


def _ours(path: Path, model: type[Model], code: str, what: str, option: str, app_service: str = "") -> Model | None:
    """What an earlier run wrote there, about that App Service; what else is there is never written over."""
    content = read_ours(path)
    if not content:
        return None
    with suppress(ValueError):
        found = parsed(load_json(content), model)
        if not app_service or app_service.casefold() == (found.app_service or "").casefold():
            return found
    message = f"'{path}' exists and is not {what}. It was not changed."
    raise UsageError(code, message, remedy=f"Choose another file: {option} FILE")


def _text(kind: str, app_service: str | None, settings: Mapping[str, str | None]) -> str:
    document = {"schema": f"mct-s2s/{kind}/v1", "appService": app_service, "settings": dict(settings)}
    return json_text(document, indent=2) + "\n"


@dataclass(frozen=True)
class HandoffFile:
    """`--handoff FILE`: the values for the App Service's administrator, no secret among them."""

    path: Path

    def check(self, *, dry_run: bool) -> None:
        """Raise `UsageError` where it cannot be written, or something else is there; a dry run tries nothing."""
        with self._explained():
            _ours(self.path, Handoff, "handoff-unwritable", "a handoff file", "--handoff")
            if dry_run:
                check_folder(self.path.parent)
            else:
                check_place(self.path)

    def write(self, settings: Mapping[str, str], app_service: str | None) -> None:
        """Write the settings; `app_service` is what a person calls it, slot included. Raises UsageError: as `check`."""
        self.check(dry_run=True)
        with self._explained():
            replace_whole(self.path, _text("handoff", app_service, settings), READABLE)

    def _explained(self) -> AbstractContextManager[None]:
        what, code = "Cannot write the handoff file", "handoff-unwritable"
        return explained(what, self.path, code, code, "--handoff FILE")


@dataclass(frozen=True)
class BackupFile:
    """`--backup FILE`: the settings as they were, in a file of mode 0600."""

    path: Path
    say: Callable[[str], None]

    def check(self, app_service: str) -> bool:
        """Whether a run that is resumed has made the backup. Raises UsageError: it cannot, or another file is there."""
        what = "a backup of this App Service"
        with self._explained():
            found = _ours(self.path, Backup, "backup-place-taken", what, "--backup", app_service)
            check_place(self.path)
        return found is not None

    def keep(self, app_service: str, settings: Mapping[str, str | None]) -> None:
        """Keep the settings; the oldest backup of an App Service is the one that is kept. Raises as `check`."""
        if self.check(app_service):
            self.say(f"Kept the older backup in {self.path}")
            return
        with self._explained():
            replace_whole(self.path, _text("backup", app_service, settings))
        self.say(f"Backed up {len(settings)} settings to {self.path}")

    def _explained(self) -> AbstractContextManager[None]:
        taken, unwritable = "backup-place-taken", "backup-place-unwritable"
        return explained("Cannot write the backup", self.path, taken, unwritable, "--backup FILE")
