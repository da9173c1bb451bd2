"""`--backup FILE`: the settings as they were, kept before the first of them is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mct_s2s.adapters.private_files import replace_whole, write_new
from mct_s2s.errors import UsageError
from mct_s2s.inputs.backup import backup_text, read_backup
from mct_s2s.model.backup import Backup


@dataclass(frozen=True)
class BackupFile:
    """A file of mode 0600."""

    path: Path

    def check(self, app_service: str) -> None:
        """Make sure that it can be written, before anything else is.

        Raises:
            UsageError: it cannot, or another file stands there. A backup of the same App Service is no obstacle: a
                command that resumes finds its own.
        """
        if self.path.exists():
            if self._standing(app_service) is None:
                raise UsageError(
                    "backup-place-taken",
                    f"'{self.path}' exists and is no backup of this App Service. It was not touched.",
                    remedy="Choose another file: --backup FILE",
                )
            return
        try:
            write_new(self.path, "")
            self.path.unlink()
        except OSError as error:
            raise UsageError(
                "backup-place-unwritable",
                f"The settings cannot be backed up to '{self.path}': {error.strerror or error}",
                remedy="Choose a place that you may write to: --backup FILE",
            ) from error

    def keeper(self, app_service: str, say: Callable[[str], None]) -> Callable[[Mapping[str, str | None]], None]:
        """What keeps the settings; the oldest backup of an App Service is the one that is kept."""

        def keep(settings: Mapping[str, str | None]) -> None:
            if self._standing(app_service) is not None:
                say(f"kept: the older backup in {self.path}")
                return
            replace_whole(self.path, backup_text(Backup(app_service, settings)))
            say(f"backed up: {len(settings)} settings to {self.path}")

        return keep

    def _standing(self, app_service: str) -> Backup | None:
        try:
            backup = read_backup(self.path)
        except UsageError:
            return None
        return backup if backup.app_service.casefold() == app_service.casefold() else None
