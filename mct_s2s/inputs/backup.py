"""The backup file: all application settings as they were before a command wrote any, whatever secrets they hold."""

from __future__ import annotations

from pathlib import Path

from mct_s2s.errors import UsageError
from mct_s2s.inputs.documents import read_document
from mct_s2s.model.backup import Backup
from mct_s2s.plain_text import json_text

SCHEMA = "mct-s2s/backup/v1"


def read_backup(path: Path) -> Backup:
    """A backup file.

    Raises:
        UsageError: unreadable, or not such a file.
    """
    try:
        document = read_document(path, SCHEMA)
        settings = {str(name): value for name, value in document["settings"].items()}
        if not all(value is None or isinstance(value, str) for value in settings.values()):
            raise ValueError("a setting is neither text nor null")
        return Backup(str(document["appService"]), settings)
    except (OSError, ValueError, KeyError, AttributeError) as error:
        told = f"no key {error}" if isinstance(error, KeyError) else str(error)
        raise UsageError(
            "backup-unreadable",
            f"'{path}' is not a backup file: {told}",
            remedy="Give a file that --backup FILE wrote.",
        ) from None


def backup_text(backup: Backup) -> str:
    """The file's text."""
    document = {"schema": SCHEMA, "appService": backup.app_service, "settings": dict(backup.settings)}
    return json_text(document, indent=2) + "\n"
