"""Files that a user gives or asks for.

A handoff takes the values from the directory's administrator to the App Service's; a backup has all
application settings before a command wrote any, secrets included.
"""

import tomllib
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from json import JSONDecodeError
from pathlib import Path
from typing import Any, TypeVar

from mct_s2s.errors import UsageError, malformed
from mct_s2s.local_files import (
    PRIVATE,
    READABLE,
    as_usage_error,
    check_folder,
    check_place,
    read_given,
    read_ours,
    replace_whole,
)
from mct_s2s.model.api import Api
from mct_s2s.model.ids import is_guid
from mct_s2s.model.run_files import Backup, Handoff, parsed
from mct_s2s.model.site_settings import AllowList, AppSettings, Holds, Setting
from mct_s2s.plain_text import json_text, load_json

Model = TypeVar("Model", Handoff, Backup)
MOST_DOTS = 1_000
"""Of one line of TOML: the time to read a key grows with the square of its parts."""


def read_text(path: Path, code: str, remedy: str) -> str:
    try:
        return read_given(path).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror or error if isinstance(error, OSError) else "it is not UTF-8 text"
        raise UsageError(code, f"Cannot read '{path}': {why}.", remedy=remedy) from error


def parse_toml(text: str) -> dict[str, Any]:
    """Raises ValueError, RecursionError."""
    if any(line.count(".") > MOST_DOTS for line in text.split("\n")):
        raise ValueError(f"a line has more than {MOST_DOTS} dots")
    return tomllib.loads(text)


def read_handoff(path: Path, api: Api) -> tuple[dict[str, str], str | None]:
    """The settings; and the App Service that they are for."""
    remedy = "Ask for the file that mct-s2s setup --no-app-service --handoff FILE writes."
    handoff = _read(path, Handoff, "handoff-unreadable", remedy)
    if handoff.settings and not any(row.name in handoff.settings for row in api.rows):
        message = f"Cannot use '{path}': it has no setting of {api.called}."
        raise UsageError(
            "handoff-unreadable", message, remedy="Name the API that it was written for: --api FILE"
        )
    values: dict[Holds, Sequence[str]] = {
        row.holds: AllowList(handoff.settings[row.name]).ids
        if row.holds.is_list
        else [handoff.settings[row.name]]
        for row in api.rows
        if row.name in handoff.settings and row.holds is not Holds.SWITCH
    }
    return given_values(values, api), handoff.app_service


def read_backup(path: Path) -> Backup:
    return _read(path, Backup, "backup-unreadable", "Use a file that --backup FILE has written.")


def _read(path: Path, model: type[Model], code: str, remedy: str) -> Model:
    text = read_text(path, code, remedy)
    try:
        return parsed(load_json(text), model)
    except JSONDecodeError:
        raise UsageError(code, f"Cannot use '{path}': it is not JSON.", remedy=remedy) from None
    except ValueError as error:
        raise UsageError(code, f"Cannot use '{path}': {error}", remedy=remedy) from None


def given_values(values: Mapping[Holds, Sequence[str]], api: Api) -> dict[str, str]:
    """By the setting's name; several values for a list. Raises UsageError."""
    settings = {
        row.name: [_checked(row, value) for value in values.get(row.holds, ())] for row in api.rows
    }
    return {name: ";".join(checked) for name, checked in settings.items() if checked}


def _checked(setting: Setting, value: str) -> str:
    if setting.holds.is_list or setting.holds in {Holds.TENANT_ID, Holds.APP_ID}:
        if is_guid(value.strip()):
            return value.strip()
        remedy = "Use a GUID. Copy the ID from the portal: 8-4-4-4-12 hexadecimal digits."
        raise malformed("malformed-id", setting.word.option or setting.name, value, remedy)
    if not value.strip():
        raise UsageError(
            "empty-value",
            f"{setting.word.option or setting.name} is empty.",
            remedy=f"Add a value to {setting.word.option or setting.name}, or remove it.",
        )
    return value


_NAMES: dict[type[Handoff | Backup], tuple[str, str, str, str]] = {
    Handoff: ("handoff", "a handoff file", "handoff-unwritable", "handoff-unwritable"),
    Backup: (
        "backup",
        "a backup of this App Service",
        "backup-place-taken",
        "backup-place-unwritable",
    ),
}
"""Name, description, code where something else is there, code where nothing can be written."""


@dataclass
class SettingsFile:
    path: Path
    model: type[Handoff | Backup]
    say: Callable[[str], None] = lambda _: None
    _is_older: bool | None = field(default=None, repr=False)
    """Whether an earlier run has written it; `None` until this one asks."""

    def check(self, app_service: str = "", *, dry_run: bool = False) -> bool:
        """Whether an earlier run has written it.

        Raises UsageError: something else is there, or it is unwritable.
        """
        name, what, taken, _ = _NAMES[self.model]
        with self._explained():
            content = read_ours(self.path)
            if content:
                earlier = None
                with suppress(ValueError):
                    earlier = parsed(load_json(content), self.model)
                if earlier is None or (
                    app_service and app_service.casefold() != (earlier.app_service or "").casefold()
                ):
                    message = f"'{self.path}' exists and is not {what}. It was not changed."
                    raise UsageError(taken, message, remedy=f"Choose another file: --{name} FILE")
            if dry_run:
                check_folder(self.path.parent)
            else:
                check_place(self.path)
        return bool(content)

    def write(self, app_service: str | None, settings: AppSettings) -> None:
        self.check(dry_run=True)
        name = _NAMES[self.model][0]
        document = {
            "schema": f"mct-s2s/{name}/v1",
            "appService": app_service,
            "settings": dict(settings),
        }
        with self._explained():
            replace_whole(
                self.path, json_text(document), READABLE if self.model is Handoff else PRIVATE
            )

    def keep(self, app_service: str, settings: AppSettings) -> None:
        """An older backup of the App Service is kept instead.

        A run that has written it may write it anew.
        """
        is_first = self._is_older is None
        if is_first:
            self._is_older = self.check(app_service)
        if not self._is_older:
            self.write(app_service, settings)
        if is_first:
            what = (
                "Kept the older backup in"
                if self._is_older
                else f"Backed up {len(settings)} settings to"
            )
            self.say(f"{what} {self.path}")

    def _explained(self) -> AbstractContextManager[None]:
        name, _, taken, unwritable = _NAMES[self.model]
        return as_usage_error(
            f"Cannot write the {name}", self.path, taken, unwritable, f"--{name} FILE"
        )
