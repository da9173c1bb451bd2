"""The backup file: all application settings as they were before a command wrote any, whatever secrets they hold."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mct_s2s.errors import UsageError
from mct_s2s.inputs.documents import document_in, read_document
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


def backup_in(content: bytes) -> Backup | None:
    """The backup that a file's content is; `None` where it is none."""
    try:
        return _backup_in(document_in(content, SCHEMA))
    except (ValueError, KeyError, AttributeError):
        return None


def _backup_in(document: Mapping[str, Any]) -> Backup:
    settings = {str(name): value for name, value in document["settings"].items()}
    if not all(value is None or isinstance(value, str) for value in settings.values()):
        raise ValueError("a setting is neither a string nor null")
    return Backup(str(document["appService"]), settings)


def backup_text(backup: Backup) -> str:
    """The file's text."""
    document = {"schema": SCHEMA, "appService": backup.app_service, "settings": dict(backup.settings)}
    return json_text(document, indent=2) + "\n"
