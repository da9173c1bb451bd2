"""Programs that mct-s2s starts: where they are, and how they end."""

import asyncio
import os
import shutil
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import Mapping
from contextlib import suppress
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


def may_ask_a_person() -> bool:
    """Whether a program that is started now can read the terminal, for a password say.

    It can while it is in the group of processes that the terminal listens to, which is this run's.
    """
    if sys.platform == "win32":  # a console has no such groups
        return False
    try:
        with Path("/dev/tty").open("rb", buffering=0) as terminal:
            return os.tcgetpgrp(terminal.fileno()) == os.getpgrp()
    except OSError:
        return False


async def end_program(process: Process) -> None:
    """End a program at once, and what it has started.

    A program that shares this run's group, as it may ask a person, is ended alone: Ctrl-C on the
    terminal reaches what it has started, too.
    """
    if sys.platform == "win32":
        await _end_tree(process.pid)
    with suppress(ProcessLookupError):
        if sys.platform != "win32" and os.getpgid(process.pid) == process.pid:
            os.killpg(process.pid, signal.SIGKILL)
        process.kill()
    await process.wait()


async def _end_tree(process_id: int) -> None:
    """On Windows, which knows who has started whom for as long as both run."""
    folder = Path(os.environ["SYSTEMROOT"], "System32")
    nowhere = asyncio.subprocess.DEVNULL
    taskkill = await asyncio.create_subprocess_exec(
        folder / "taskkill.exe", "/F", "/T", "/PID", str(process_id), stdout=nowhere, stderr=nowhere
    )
    await taskkill.wait()
