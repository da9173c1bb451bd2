"""`--handoff FILE`: the values for whoever runs the App Service, no secret among them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mct_s2s.errors import UsageError
from mct_s2s.file_ownership import UntrustedFile
from mct_s2s.inputs.handoff import is_handoff
from mct_s2s.local_files import read_ours
from mct_s2s.private_folders import check_folder
from mct_s2s.stores.private_files import check_place, replace_whole

READABLE = 0o644
"""It is made to be given away."""


@dataclass(frozen=True)
class HandoffFile:
    """A file that comes to be whole or not at all."""

    path: Path

    def check(self, *, dry_run: bool) -> None:
        """Make sure that it can be written, before anything else is; a dry run tries nothing.

        Raises:
            UsageError: it cannot, or something is there that is no handoff of ours.
        """
        with self._explained():
            content = read_ours(self.path, delivered=True)
            if dry_run:
                check_folder(self.path.parent)
            else:
                check_place(self.path, make_folder=False)
        if content and not is_handoff(content):
            raise UsageError(
                "handoff-unwritable",
                f"'{self.path}' exists and is not a handoff file. It was not changed.",
                remedy="Choose another file: --handoff FILE",
            )

    def write(self, text: str) -> None:
        """Write it at one stroke.

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
                "handoff-unwritable",
                f"Cannot write the handoff file to '{self.path}': {error}. It was not changed.",
                remedy=f"{error.remedy} Or choose another file: --handoff FILE",
            ) from error
        except OSError as error:
            missing = isinstance(error, FileNotFoundError)
            why = "the folder does not exist." if missing else f"{error.strerror or error}"
            raise UsageError(
                "handoff-unwritable",
                f"Cannot write the handoff file to '{self.path}': {why}",
                remedy="Create the folder first, or choose another file: --handoff FILE",
            ) from error
