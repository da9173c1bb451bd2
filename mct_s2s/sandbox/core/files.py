"""Files and folders for this user only, and the data files below `data/`, which list what Azure's
own pages do.
"""

import contextlib
import functools
import json
import os
import tempfile
from importlib import resources
from pathlib import Path
from typing import Any


class Mistake(ValueError):
    """What the user of a sandbox can correct, and how: as a command where `is_command`."""

    def __init__(self, text: str, remedy: str = "", command: str = "") -> None:
        super().__init__(text)
        self.remedy, self.command = remedy, command


def make_folder(path: Path) -> None:
    if path.is_dir():
        return
    make_folder(path.parent)
    path.mkdir(mode=0o700, exist_ok=True)


def replace_file(path: Path, content: bytes) -> None:
    """Write a file of mode 0600 whole, or leave the old one unchanged."""
    make_folder(path.parent)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).replace(path)
    except BaseException as error:
        if isinstance(error, OSError) and error.filename is None:
            error.filename = str(path)  # a write on a full disk names none
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


@functools.cache
def text(name: str) -> str:
    return resources.files("mct_s2s.sandbox").joinpath("data", name).read_text(encoding="utf-8")


def data(name: str) -> Any:
    return json.loads(text(name))


def document(name: str, /, **values: object) -> Any:
    """Return a document of `data/documents.json`; the values are put where its texts name them."""

    def filled(part: Any) -> Any:
        if isinstance(part, dict):
            return {key: filled(inner) for key, inner in part.items()}
        if isinstance(part, list):
            return [filled(inner) for inner in part]
        return part.format(**values) if isinstance(part, str) else part

    return filled(data("documents.json")[name])
