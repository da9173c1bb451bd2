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
from mct_s2s.model.commands import command
from mct_s2s.model.forms import expected
from mct_s2s.plain_text import plain
from mct_s2s.render.console import Terminal
from mct_s2s.render.diagnostics import show_error, show_error_line
from mct_s2s.render.site_report import SiteReport

UNWRITABLE = {errno.EBADF, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.ENOSPC}
"""Of an error without a file's name, standard output's: those of our files are caught where they
are written.
"""
ISSUES = "https://github.com/mct-s2s/mct-s2s/issues"


def report(error: BaseException, words: Sequence[str]) -> int:
    if type(error).__name__ == "Abort":
        return 130
    if hasattr(error, "format_message"):
        error = usage_error(error, words)
    elif isinstance(error, OSError) and error.errno in UNWRITABLE and error.filename is None:
        why = f"Cannot write to standard output: {error.strerror}."
        error = S2SError(
            "output-unwritable", why, remedy="Send it elsewhere, then run the same command again."
        )
    elif isinstance(error, OSError) and words[:1] == ["--install-completion"]:
        error = UsageError(
            "completion-unwritable",
            f"Cannot write to '{error.filename}': {error.strerror}.",
            remedy="Put what this prints where your shell looks: mct-s2s --show-completion",
        )
    elif not isinstance(error, S2SError):
        error = bug_report(error)
    # From the raw words: the parser may be what failed.
    formats = re.findall(r"(?<!\S)(?:-o|--output)[ =]?(\S+)", " ".join(words)) or [
        os.environ.get("MCT_S2S_OUTPUT", "")
    ]
    terminal = Terminal.open(json=formats[-1].lower() == "json")
    # What could not be written is discarded, or the interpreter would try again at its end
    with suppress(OSError):
        terminal.verbatim("")
        if terminal.json:
            from mct_s2s.render.documents import ErrorDocument  # noqa: PLC0415  # 30 ms, and text needs none of its models

            terminal.document(ErrorDocument.of(SiteReport(""), error))
    if terminal.json:
        show_error_line(terminal, error)
    else:
        show_error(terminal, error)
    return error.exit_code


_ELSEWHERE: Mapping[tuple[str, str | None], str] = {
    ("configure-appservice", "--client"): "To add a client: mct-s2s add-client NAME",
    ("teardown", "--restore"): "To restore settings: mct-s2s configure-appservice --restore FILE",
}
"""What does it, by the command and its option that is another command's."""


def usage_error(error: Any, words: Sequence[str]) -> UsageError:
    context: Any = getattr(error, "ctx", None)
    path = context.command_path if context is not None else " ".join(("mct-s2s", *words[:1]))
    remedy, option = f"{path} --help", getattr(error, "option_name", None)
    if option and hasattr(error, "possibilities") and hasattr(context.command, "list_commands"):
        remedy = f"Options follow the command: {path} COMMAND {option} …"
    elif context is not None and (elsewhere := _ELSEWHERE.get((context.info_name, option))):
        remedy = elsewhere
    elif context is not None and context.info_name == "add-client" and _EXTRA.match(error.message):
        remedy = (
            "One client at a time; for many, write one name a line: mct-s2s add-client --from FILE"
        )
    elif context is not None and option in {"-f", "--file"} and _has_site(context):
        remedy = f"{context.info_name} is about one App Service: {path} --app-service NAME"
    elif context is not None and _is_missing_file(error) and (files := _toml_files(words)):
        remedy = f"Did you mean this? {path} {command('-f', files[0])}"
    return UsageError("usage", _said(error, context), remedy=remedy)


def _has_site(context: Any) -> bool:
    return any("--app-service" in param.opts for param in context.command.params)


def _is_missing_file(error: Any) -> bool:
    param: Any = getattr(error, "param", None)
    return type(error).__name__ == "MissingParameter" and "--file" in param.opts


def _toml_files(words: Sequence[str]) -> list[str]:
    return [word for word in words if word.endswith(".toml")]


def _said(error: Any, context: Any) -> str:
    """In our words: click's are for programmers, and name no value that would be right."""
    param: Any = getattr(error, "param", None)
    if type(error).__name__ == "MissingParameter":
        return f"No {_name(param)} given."
    if type(error).__name__ == "NoSuchOption":
        is_elsewhere = context is not None and (context.info_name, error.option_name) in _ELSEWHERE
        near = [] if is_elsewhere else [*(error.possibilities or ())][:1]
        return " ".join(
            [
                f"No such option '{error.option_name}'.",
                *(f"Did you mean '{name}'?" for name in near),
            ]
        )
    if type(error).__name__ == "BadOptionUsage":
        used = next(
            param
            for param in context.command.params
            if error.option_name in (*param.opts, *param.secondary_opts)
        )
        needs = f"one of {', '.join(choices(used))}" if choices(used) else used.metavar
        return (
            f"{error.option_name} takes no value."
            if used.is_flag
            else f"{error.option_name} needs a value: {needs}."
        )
    if extra := _EXTRA.match(error.message):
        return f"Unexpected '{extra[1]}'."
    if param is not None and hasattr(error.__cause__, "errors"):  # pydantic's
        is_variable = context.get_parameter_source(param.name).name == "ENVIRONMENT"
        name = param.envvar if is_variable else _name(param)
        wrong = error.__cause__.errors()[0]
        known = choices(param)
        allowed = f"Use one of {', '.join(known)}" if known else _sentence(expected(wrong))
        return f"Invalid {name} '{wrong['input']}'. {allowed}."
    return str(error.format_message())


def _name(param: Any) -> str:
    return str(max(param.opts, key=len) if param.param_type_name == "option" else param.metavar)


_EXTRA = re.compile(r"Got unexpected extra argument\(s\) \((.*)\)$", re.DOTALL)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def bug_report(error: BaseException) -> S2SError:
    """Our own bug as an error, its traceback in a file.

    Where no file can be written, the traceback is shown.
    """
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
    """A traceback without secrets.

    Without what caused the error, too: that may quote what a service was sent.
    """
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
