"""Errors outside a command's run: mistakes on the command line, and bugs."""

import errno
import os
import platform
import re
import secrets
import sys
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import platformdirs

from mct_s2s import __version__, clock
from mct_s2s.cli.binding import choices
from mct_s2s.errors import Instruction, S2SError, UsageError
from mct_s2s.local_files import make_folder, write_new
from mct_s2s.model.forms import expected
from mct_s2s.plain_text import plain
from mct_s2s.render.console import Terminal
from mct_s2s.render.diagnostics import show_error, show_error_line
from mct_s2s.render.outcome import SiteReport

UNWRITABLE = {errno.EBADF, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.ENOSPC}
"""Of an error without a file's name, standard output's: those of our files are caught where they are written."""
ISSUES = "https://github.com/mct-s2s/mct-s2s/issues"


def report(error: BaseException, words: Sequence[str]) -> int:
    if type(error).__name__ == "Abort":
        return 130
    if hasattr(error, "format_message"):
        error = usage_error(error, words)
    elif isinstance(error, OSError) and error.errno in UNWRITABLE and error.filename is None:
        why = f"Cannot write to standard output: {error.strerror}."
        error = S2SError("output-unwritable", why, remedy="Send it elsewhere, then run the same command again.")
    elif not isinstance(error, S2SError):
        error = bug_report(error)
    # From the raw words: the parser may be what failed.
    formats = re.findall(r"(?<!\S)(?:-o|--output)[ =]?(\S+)", " ".join(words)) or [os.environ.get("MCT_S2S_OUTPUT", "")]
    terminal = Terminal.open(json=formats[-1].lower() == "json")
    with suppress(OSError):  # what could not be written is discarded, or the interpreter would try again at its end
        terminal.verbatim("")
        if terminal.json:
            terminal.document("error", SiteReport("", error=error))
    if terminal.json:
        show_error_line(terminal, error)
    else:
        show_error(terminal, error)
    return error.exit_code


def usage_error(error: Any, words: Sequence[str]) -> UsageError:
    context: Any = getattr(error, "ctx", None)
    param: Any = getattr(error, "param", None)
    path = context.command_path if context is not None else " ".join(("mct-s2s", *words[:1]))
    message, remedy = error.format_message(), f"{path} --help"
    if param is not None and hasattr(error.__cause__, "errors"):  # pydantic's
        wrong = error.__cause__.errors()[0]
        is_variable = context.get_parameter_source(param.name).name == "ENVIRONMENT"
        name, known = param.envvar if is_variable else max(param.opts, key=len), choices(param)
        allowed = f"Use one of {', '.join(known)}" if known else _sentence(expected(wrong))
        message = f"Invalid {name} '{wrong['input']}'. {allowed}."
    elif hasattr(error, "option_name") and hasattr(getattr(context, "command", None), "list_commands"):
        remedy = f"Options follow the command: {path} COMMAND {error.option_name} …"
    return UsageError("usage", message, remedy=remedy)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def bug_report(error: BaseException) -> S2SError:
    """Our own bug as an error, its traceback in a file. Where no file can be written, the traceback is shown."""
    facts = f"mct-s2s {__version__}, Python {platform.python_version()}, {platform.system()}"
    text = crash_text(error, facts)
    log = write_crash(text)
    if log is None:
        print(text, file=sys.stderr, flush=True)  # noqa: T201  # as it is, without styles
    evidence = "attach that file" if log is not None else "include the lines above"
    return S2SError(
        "internal-error",
        f"This is a bug in mct-s2s ({type(error).__name__}). {facts}.",
        remedy=f"Report it at {ISSUES} and {evidence}. Then run the same command again to resume.",
        items=[Instruction("Its traceback is in a file:", str(log))] if log is not None else [],
    )


_SECRETS = re.compile(
    r"eyJ[\w-]+\.[\w-]+(?:\.[\w-]+)?"  # a token
    r"|[\w.~-]{3}\dQ~[\w.~-]{31,34}"  # a client secret of Entra ID
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
    r"|(?i:(?<=bearer )|(?<=sig=)|(?<=password=)|(?<=accountkey=))[^\s;&'\"]+",
    re.DOTALL,
)
"""What looks like a secret: a library's message may have one."""
_SECRET_NAME = re.compile(r"secret|token|password|key", re.IGNORECASE)
_SHORTEST = 6
"""Characters of a variable's value that is removed: shorter ones are words."""


def crash_text(error: BaseException, facts: str, environ: Mapping[str, str] = os.environ) -> str:
    """A traceback without secrets, and without what caused the error: that may quote what a service was sent."""
    text = "".join(traceback.format_exception(error, chain=False))
    for name, value in environ.items():
        if _SECRET_NAME.search(name) and len(value) >= _SHORTEST:
            text = text.replace(value, "[removed]")
    return "\n".join(plain(line) for line in [facts, *_SECRETS.sub("[removed]", text).split("\n")])


def write_crash(text: str) -> Path | None:
    """For no one but the user; `None` where it cannot be written."""
    try:
        folder = platformdirs.user_log_path("mct-s2s", appauthor=False)
        make_folder(folder)
        path = folder / f"crash-{clock.now():%Y%m%d-%H%M%S}-{secrets.token_hex(2)}.log"
        write_new(path, text)
    except (OSError, ValueError):
        return None
    return path
