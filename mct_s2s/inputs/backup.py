"""The backup file: all application settings as they were before a command wrote any, whatever secrets they hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mct_s2s.errors import UsageError
from mct_s2s.inputs.documents import document_in, read_document
from mct_s2s.local_files import check_place, explained, read_ours, replace_whole
from mct_s2s.model.site_settings import Backup
from mct_s2s.plain_text import json_text

SCHEMA = "mct-s2s/backup/v1"


def read_backup(path: Path) -> Backup:
    """A backup file. Raises UsageError: unreadable, or not such a file."""
    try:
        return _backup_in(read_document(path, SCHEMA))
    except (ValueError, KeyError, AttributeError) as error:
        why = f"the key {error} is missing" if isinstance(error, KeyError) else str(error)
        raise UsageError(
            "backup-unreadable",
            f"Invalid backup file '{path}': {why}",
            remedy="Use a file that --backup FILE has written.",
        ) from None


def _found_in(content: bytes) -> Backup | None:
    try:
        return _backup_in(document_in(content, SCHEMA))
    except (ValueError, KeyError, AttributeError):
        return None


def _backup_in(document: Mapping[str, Any]) -> Backup:
    settings = {str(name): value for name, value in document["settings"].items()}
    if not all(value is None or isinstance(value, str) for value in settings.values()):
        raise ValueError("a setting is neither a string nor null")
    return Backup(str(document["appService"]), settings)


@dataclass(frozen=True)
class BackupFile:
    """`--backup FILE`: the settings as they were, in a file of mode 0600."""

    path: Path
    say: Callable[[str], None]

    def check(self, app_service: str) -> None:
        """Make sure that it can be written, before anything else is.

        Raises:
            UsageError: it cannot, or another file is there. A backup of the same App Service is no obstacle, if it is
                ours: a command that resumes finds its own.
        """
        with self._explained():
            content = read_ours(self.path)
            if not content:
                check_place(self.path)
        backup = _found_in(content) if content else None
        if content and (backup is None or backup.app_service.casefold() != app_service.casefold()):
            raise UsageError(
                "backup-place-taken",
                f"'{self.path}' exists and is not a backup of this App Service. It was not changed.",
                remedy="Choose another file: --backup FILE",
            )

    def keep(self, app_service: str, settings: Mapping[str, str | None]) -> None:
        """Keep the settings; the oldest backup of an App Service is the one that is kept.

        Raises:
            UsageError: as for `check`.
        """
        self.check(app_service)
        with self._explained():
            if read_ours(self.path):
                self.say(f"Kept the older backup in {self.path}")
                return
            document = {"schema": SCHEMA, "appService": app_service, "settings": dict(settings)}
            replace_whole(self.path, json_text(document, indent=2) + "\n")
        self.say(f"Backed up {len(settings)} settings to {self.path}")

    def _explained(self) -> AbstractContextManager[None]:
        return explained(
            "Cannot write the backup", self.path, "backup-place-taken", "backup-place-unwritable", "--backup FILE"
        )
