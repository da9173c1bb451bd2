"""`--backup FILE`: the settings as they were, kept before the first of them is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mct_s2s.errors import UsageError
from mct_s2s.file_ownership import UntrustedFile
from mct_s2s.inputs.backup import backup_in, backup_text
from mct_s2s.local_files import read_ours
from mct_s2s.model.settings_backup import Backup
from mct_s2s.stores.private_files import check_place, replace_whole


@dataclass(frozen=True)
class BackupFile:
    """A file of mode 0600."""

    path: Path

    def check(self, app_service: str) -> None:
        """Make sure that it can be written, before anything else is.

        Raises:
            UsageError: it cannot, or another file is there. A backup of the same App Service is no obstacle, if it is
                ours: a command that resumes finds its own.
        """
        with self._explained():
            content = read_ours(self.path)
            if not content:
                check_place(self.path, make_folder=False)
        if content and _of(app_service, content) is None:
            raise UsageError(
                "backup-place-taken",
                f"'{self.path}' exists and is not a backup of this App Service. It was not changed.",
                remedy="Choose another file: --backup FILE",
            )

    def keeper(self, app_service: str, say: Callable[[str], None]) -> Callable[[Mapping[str, str | None]], None]:
        """What keeps the settings; the oldest backup of an App Service is the one that is kept."""

        def keep(settings: Mapping[str, str | None]) -> None:
            self.check(app_service)
            with self._explained():
                if read_ours(self.path):
                    say(f"Kept the older backup in {self.path}")
                    return
                replace_whole(self.path, backup_text(Backup(app_service, settings)))
            say(f"Backed up {len(settings)} settings to {self.path}")

        return keep

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except UntrustedFile as error:
            raise UsageError(
                "backup-place-taken",
                f"Cannot write the backup to '{self.path}': {error}. It was not changed.",
                remedy=f"{error.remedy} Or choose another file: --backup FILE",
            ) from error
        except OSError as error:
            raise UsageError(
                "backup-place-unwritable",
                f"Cannot write the backup to '{self.path}': {error.strerror or error}",
                remedy="Choose a file that you can write: --backup FILE",
            ) from error


def _of(app_service: str, content: bytes) -> Backup | None:
    backup = backup_in(content)
    return backup if backup is not None and backup.app_service.casefold() == app_service.casefold() else None
