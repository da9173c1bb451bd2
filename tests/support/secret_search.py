"""Looks for secrets in everything that the program leaves behind: what it says, its files, the list
of processes.

Known by their look: every client secret that the sandbox makes, every token, every private key; and
by their words: the secrets in the seed's settings.
"""

import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path

SECRET = re.compile(
    r"[\w.~-]{3}8Q~[\w.~-]{34}|eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}|-----BEGIN [A-Z ]*PRIVATE KEY|"
    r"c2VlZC1vbmx5LW5vdC1hLWtleQ==|p;w=d|password=seed="
)
_LOOK_SECONDS = 0.1


def secrets_in(text: str, given: str = "") -> list[str]:
    """What looks like a secret and was not `given`, cut short: a failure shall not publish it,
    either.
    """
    return [f"{match[0][:6]}…" for match in SECRET.finditer(text) if match[0] not in given]


def said(words: Sequence[str], out: str, err: str, own_output: str = "") -> list[str]:
    """Secrets in what the program said: one may be shown where it was asked for, the caller's `own`
    never.
    """
    secrets = secrets_in(err) + ([] if "show" in words else secrets_in(out))
    return secrets + (["the caller's own secret"] if own_output and own_output in out + err else [])


def snapshot(home: Path) -> dict[Path, int]:
    """The files of a home and when each was written, in nanoseconds."""
    contents = {}
    for path in home.rglob("*"):
        with suppress(FileNotFoundError):
            if path.is_file():
                contents[path] = path.stat().st_mtime_ns
    return contents


def left_behind(words: Sequence[str], before: dict[Path, int], home: Path) -> list[str]:
    """Files written since that hold a secret and were not asked to, nor by a trust file, or that
    others may read.
    """
    wrong = []
    asking = [
        *words,
        *(Path(file).read_text() for option, file in pairwise(words) if option in {"-f", "--file"}),
    ]
    fresh = [
        path
        for path, at in snapshot(home).items()
        if before.get(path) != at and "sandbox" not in str(path)
    ]
    for path in fresh:
        text = path.read_bytes().decode("utf-8", "replace")
        if not SECRET.search(text):
            continue
        # A certificate's place is two files of one name: the key, and what azure-identity reads.
        named = any(str(path.with_suffix("")) in text for text in asking)
        asked = named or home / "data" / "mct-s2s" / "secrets" in path.parents
        if not asked or path.stat().st_mode & 0o077:
            wrong.append(f"{path} holds a secret")
    return wrong


@contextmanager
def processes_of(pid: int, given: str) -> Iterator[list[str]]:
    """Watch what the list of processes shows of a process and its children; yields what was
    found.
    """
    lines: list[str] = []
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(_LOOK_SECONDS):
            for process in _family(pid):
                for kind in ("cmdline", "environ"):
                    with suppress(OSError):
                        text = (
                            Path(f"/proc/{process}/{kind}").read_bytes().decode("utf-8", "replace")
                        )
                        lines.extend(
                            f"{kind} of a process: {secret}" for secret in secrets_in(text, given)
                        )

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield lines
    finally:
        ended.set()
        watcher.join()


def _family(pid: int) -> list[int]:
    family = [pid]
    for process in family:
        with suppress(OSError, ValueError):
            family += map(int, Path(f"/proc/{process}/task/{process}/children").read_text().split())
    return family
