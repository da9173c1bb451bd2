"""Files that the user asked for beside the credentials: the settings as they were, the values to hand over.

They are looked at before anything is written, come to be whole or not at all, and never replace a file of another kind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mct_s2s.errors import UsageError
from mct_s2s.file_ownership import UntrustedFile
from mct_s2s.inputs.backup import backup_in, backup_text
from mct_s2s.inputs.handoff import is_handoff
from mct_s2s.local_files import read_ours
from mct_s2s.model.settings_backup import Backup
from mct_s2s.private_folders import check_folder
from mct_s2s.stores.private_files import check_place, replace_whole

READABLE = 0o644
"""Such a file is made to be given away."""


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
                check_place(self.path, make_folder=False)
        if content and not _is_backup_of(app_service, content):
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


def _is_backup_of(app_service: str, content: bytes) -> bool:
    backup = backup_in(content)
    return backup is not None and backup.app_service.casefold() == app_service.casefold()


@dataclass(frozen=True)
class SharedFile:
    """A text that is made to be given to someone else, no secret in it."""

    path: Path
    code: str
    """Of the error where it cannot be written."""
    noun: str
    option: str
    is_ours: Callable[[bytes], bool]
    """Whether what is in the file already is such a text, which may be replaced."""

    def check(self, *, dry_run: bool) -> None:
        """Make sure that it can be written, before anything else is; a dry run tries nothing.

        Raises:
            UsageError: it cannot, or something else is there.
        """
        with self._explained():
            content = read_ours(self.path, delivered=True)
            if dry_run:
                check_folder(self.path.parent)
            else:
                check_place(self.path, make_folder=False)
        if content and not self.is_ours(content):
            raise UsageError(
                self.code,
                f"'{self.path}' exists and is not a {self.noun}. It was not changed.",
                remedy=f"Choose another file: {self.option} FILE",
            )

    def write(self, text: str) -> None:
        """Write it atomically.

        Raises:
            UsageError: it cannot be written any more, or something else has come to be there.
        """
        self.check(dry_run=True)
        with self._explained():
            replace_whole(self.path, text, READABLE)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except UntrustedFile as error:
            raise UsageError(
                self.code,
                f"Cannot write the {self.noun} to '{self.path}': {error}. It was not changed.",
                remedy=f"{error.remedy} Or choose another file: {self.option} FILE",
            ) from error
        except OSError as error:
            missing = isinstance(error, FileNotFoundError)
            why = "the folder does not exist." if missing else f"{error.strerror or error}"
            raise UsageError(
                self.code,
                f"Cannot write the {self.noun} to '{self.path}': {why}",
                remedy=f"Create the folder first, or choose another file: {self.option} FILE",
            ) from error


def handoff_file(path: Path) -> SharedFile:
    """`--handoff FILE`: the values for the App Service's administrator."""
    return SharedFile(path, "handoff-unwritable", "handoff file", "--handoff", is_handoff)
