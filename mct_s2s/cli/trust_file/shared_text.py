"""A text file that people keep and share, such as a trust file in a repository: read, changed and written back."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mct_s2s.cli.user_files import READABLE
from mct_s2s.errors import UsageError
from mct_s2s.file_ownership import UntrustedFile
from mct_s2s.inputs.trust_file import trust_file_text
from mct_s2s.local_files import is_there
from mct_s2s.private_folders import check_folder
from mct_s2s.stores.private_files import check_place, replace_whole


@dataclass(frozen=True)
class UpdatedFile:
    """A file of `export --to FILE`. A group that may change it may go on to: it is no secret."""

    path: Path

    def text(self) -> str:
        """What it says; empty where there is none yet. Line ends are those that this system writes by itself.

        Raises:
            UsageError: it can't be read, or could not be written back.
        """
        with self._explained():
            if not is_there(self.path):
                check_place(self.path, make_folder=False)
                return ""
            self._check()
        text = trust_file_text(self.path)
        return text.replace("\r\n", "\n") if os.linesep != "\n" else text

    def write(self, text: str) -> None:
        """Write it whole or not at all; its mode stays.

        Raises:
            UsageError: it can't be written any more.
        """
        with self._explained():
            mode = self._check() if is_there(self.path) else READABLE
            replace_whole(self.path, text, READABLE)
            if mode != READABLE:
                self.path.chmod(mode)

    def _check(self) -> int:
        """Its mode, where it is a file.

        Raises:
            OSError: it is a link or anything else, or another user can replace it.
        """
        mode = self.path.lstat().st_mode
        if not stat.S_ISREG(mode):
            raise UntrustedFile("it is not a file", "Use the path of a file, not of a link.")
        check_folder(self.path.parent)
        return stat.S_IMODE(mode)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            is_missing = isinstance(error, FileNotFoundError)
            why = "the folder does not exist" if is_missing else error.strerror or str(error)
            remedy = f"{error.remedy} Or choose" if isinstance(error, UntrustedFile) else "Choose"
            raise UsageError(
                "trust-file-unwritable",
                f"Cannot write the trust file to '{self.path}': {why}. It was not changed.",
                remedy=f"{remedy} another file: --to FILE",
            ) from error
