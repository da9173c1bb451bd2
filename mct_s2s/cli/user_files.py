"""Files that the user asked for beside the credentials: the settings as they were, the values to hand over.

They are looked at before anything is written, come to be whole or not at all, and never replace a file of another kind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from mct_s2s.errors import UsageError
from mct_s2s.inputs.backup import backup_in, backup_text
from mct_s2s.inputs.handoff import is_handoff
from mct_s2s.local_files import READABLE, check_folder, check_place, explained, read_ours, replace_whole
from mct_s2s.model.site_settings import Backup


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
        backup = backup_in(content) if content else None
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
            replace_whole(self.path, backup_text(Backup(app_service, settings)))
        self.say(f"Backed up {len(settings)} settings to {self.path}")

    def _explained(self) -> AbstractContextManager[None]:
        return explained(
            "Cannot write the backup", self.path, "backup-place-taken", "backup-place-unwritable", "--backup FILE"
        )


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
        if content and not is_handoff(content):
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
