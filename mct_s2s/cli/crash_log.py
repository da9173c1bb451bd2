"""The log of a crash: a traceback goes into a private file, and the screen gets one line that names it."""

from __future__ import annotations

import os
import re
import secrets
import traceback
from collections.abc import Mapping
from pathlib import Path

from mct_s2s import clock
from mct_s2s.plain_text import plain

_SECRETS = re.compile(
    r"eyJ[\w-]+\.[\w-]+(?:\.[\w-]+)?"  # a token
    r"|[\w.~-]{3}\dQ~[\w.~-]{31,34}"  # a client secret of Entra ID
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
    r"|(?i:(?<=bearer )|(?<=sig=)|(?<=password=)|(?<=accountkey=))[^\s;&'\"]+",
    re.DOTALL,
)
"""What is a secret by its look: our messages have none, but one of a library may."""
_SECRET_NAME = re.compile(r"secret|token|password|key", re.IGNORECASE)
_SHORTEST = 6
"""Characters of a value of the environment that is taken out wherever it is: shorter ones are words."""


def crash_text(error: BaseException, facts: str, environ: Mapping[str, str] = os.environ) -> str:
    """A traceback without anything secret. Values of variables are not in it.

    Args:
        error: what happened. What it was caused by is left out: it may quote what a service was sent.
        facts: a line before it: versions and the system.
        environ: its values are taken out, if they are secret by their names.
    """
    text = "".join(traceback.format_exception(error, chain=False))
    for name, value in environ.items():
        if _SECRET_NAME.search(name) and len(value) >= _SHORTEST:
            text = text.replace(value, "[removed]")
    return "\n".join(plain(line) for line in [facts, *_SECRETS.sub("[removed]", text).split("\n")])


def write_crash(text: str) -> Path | None:
    """Write the log of a crash, for no one but the user; `None` where that cannot be done."""
    try:
        from platformdirs import user_log_path  # noqa: PLC0415  # hardly ever

        from mct_s2s.local_files import make_folder, write_new  # noqa: PLC0415

        folder = user_log_path("mct-s2s", appauthor=False)
        make_folder(folder)
        path = folder / f"crash-{clock.now():%Y%m%d-%H%M%S}-{secrets.token_hex(2)}.log"
        write_new(path, text)
    except (OSError, ValueError):
        return None
    return path
