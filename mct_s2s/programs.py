"""Where the programs are that mct-s2s starts."""

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

_EXTENSIONS = ".COM;.EXE;.BAT;.CMD"


def find_program(name: str, environ: Mapping[str, str], platform: str = sys.platform) -> str | None:
    """Look along PATH, in its absolute folders alone; a name with a folder means that file.

    On Windows, `shutil.which` looks in the current folder first. That may be anyone's checkout.
    """
    if "/" in name or os.sep in name:
        return shutil.which(name)
    names = [name]
    if platform == "win32":
        extensions = environ.get("PATHEXT", _EXTENSIONS).lower().split(";")
        is_whole = any(extension and name.lower().endswith(extension) for extension in extensions)
        names = [name] if is_whole else [f"{name}{extension}" for extension in extensions]
    for folder in environ.get("PATH", os.defpath).split(os.pathsep):
        for called in names:
            file = Path(folder, called)
            if file.is_absolute() and file.is_file() and os.access(file, os.X_OK):
                return str(file)
    return None
