"""Mistakes on the command line, and our own: both become one message with a way out, also in JSON."""

from __future__ import annotations

import os
import platform
import re
import secrets
import sys
import traceback
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from mct_s2s import __version__, clock
from mct_s2s.cli.help import choices
from mct_s2s.errors import S2SError, UsageError
from mct_s2s.model.commands import command
from mct_s2s.plain_text import plain
from mct_s2s.render.console import Terminal
from mct_s2s.render.diagnostics import show_error, show_error_line
from mct_s2s.render.documents import error_document

PROGRAM = "mct-s2s"


def usage_error(error: Any, words: Sequence[str] = (), environ: Mapping[str, str] = os.environ) -> UsageError:
    """The parser's error in our words."""
    context = getattr(error, "ctx", None)
    help_command = f"{_command(context, words)} --help"
    option: str = getattr(error, "option_name", "")
    param = getattr(error, "param", None)
    match type(error).__name__:
        case "NoSuchOption" if context is not None:
            return _misplaced(option, context, words) or _unknown_option(option, context, help_command)
        case "BadOptionUsage":
            return UsageError("usage", f"{option} needs a value.", remedy=help_command)
        case "BadParameter" if param is not None:
            source, value = _typed(param, words, environ)
            allowed = _allowed(param, value) if value is not None else None
            if allowed:
                return UsageError("usage", f"Invalid {source} '{value}'. {allowed}", remedy=help_command)
        case _ if context is not None and error.format_message().startswith("No such command"):
            return _unknown_command(context, words, help_command)
    return UsageError("usage", _reworded(error.format_message(), context), remedy=help_command)


def _command(context: Any, words: Sequence[str]) -> str:
    if context is not None:
        return str(context.command_path)
    return f"{PROGRAM} {words[0]}" if words and not words[0].startswith("-") else PROGRAM


def _reworded(message: str, context: Any) -> str:
    if not message.startswith("Got unexpected extra argument"):
        return message
    words = message[message.rindex("(") + 1 : -1]
    first = next((param.metavar for param in context.command.params if param.param_type_name == "argument"), None)
    meant = "--client" if first == "APP_SERVICE" else "--app-service"
    guess = f" Did you mean {meant} {words}?" if meant in _options(context.command) else ""
    return f"Unexpected argument '{words}'.{guess}"


def _unknown_command(context: Any, words: Sequence[str], help_command: str) -> UsageError:
    known = context.command.list_commands(context)
    word = next(word for word in words[len(context.command_path.split()) - 1 :] if word not in known)
    return UsageError("usage", f"Unknown command '{word}'.{_guess(word, known)}", remedy=help_command)


def _guess(word: str, known: Sequence[str]) -> str:
    nearest = get_close_matches(word, known, n=1)
    return f" Did you mean '{nearest[0]}'?" if nearest else ""


def _unknown_option(option: str, context: Any, help_command: str) -> UsageError:
    known = [name for param in context.command.get_params(context) for name in param.opts if name.startswith("--")]
    return UsageError("usage", f"Unknown option '{option}'.{_guess(option, known)}", remedy=help_command)


def _misplaced(option: str, context: Any, words: Sequence[str]) -> UsageError | None:
    """An option of a command, before the command."""
    group = context.command
    commands = group.list_commands(context) if hasattr(group, "list_commands") else []
    path = context.command_path.split()
    typed = words[len(path) - 1 :]
    at = next((at for at, word in enumerate(typed) if word in commands), None)
    owners = sorted(commands, key=lambda name: name != "status") if at is None else [typed[at]]
    owner = next((name for name in owners if option in _options(group.get_command(context, name))), None)
    if owner is None:
        return None
    line = " ".join([*path, owner])
    headline = f"Put {option} after the command: {line} {option} …"
    if at is None:
        return UsageError("usage", headline, remedy=f"{line} --help")
    moved = command(*path, owner, *typed[:at], *typed[at + 1 :])
    return UsageError("usage", headline, remedy="Run:", command=moved)


def _options(command: Any) -> set[str]:
    return {name for param in command.params for name in param.opts}


def _allowed(param: Any, value: str) -> str | None:
    known = choices(param)
    if known:
        nearest = get_close_matches(value.lower(), known, n=1)
        return f"{f'Did you mean {nearest[0]}? ' if nearest else ''}Use one of {', '.join(known)}."
    return f"Use a number{_range(param)}." if param.type_descriptor.annotation in {int, float} else None


def _range(param: Any) -> str:
    least, most = param.type_descriptor.parameter_info.min, param.type_descriptor.parameter_info.max
    if least is not None and most is not None:
        return f" from {least:g} to {most:g}"
    return f", {least:g} at least" if least is not None else ""


def _typed(param: Any, words: Sequence[str], environ: Mapping[str, str]) -> tuple[str, str | None]:
    """Where a value comes from, an option or a variable, and what it is."""
    name = max(param.opts, key=len)
    found = None
    for word, after in zip(words, [*words[1:], None], strict=True):
        if word in param.opts:
            found = after
        for option in param.opts:
            if option.startswith("--") and word.startswith(f"{option}="):
                found = word.partition("=")[2]
            elif not option.startswith("--") and word.startswith(option) and len(word) > len(option):
                found = word.removeprefix(option)
    if found is not None:
        return name, found
    variables = [param.envvar] if isinstance(param.envvar, str) else list(param.envvar or [])
    variable = next((one for one in variables if environ.get(one)), None)
    return (variable, environ[variable]) if variable is not None else (name, None)


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


INTERNAL = 1
ISSUES = "https://github.com/mct-s2s/mct-s2s/issues"


def wants_json(words: Sequence[str]) -> bool:
    """Whether JSON was asked for, read from the raw words: the parser may be what failed."""
    asked = os.environ.get("MCT_S2S_OUTPUT", "")
    for at, word in enumerate(words):
        if word in {"-o", "--output"} and at + 1 < len(words):
            asked = words[at + 1]
        elif word.startswith("--output="):
            asked = word.partition("=")[2]
        elif word.startswith("-o") and len(word) > 2:
            asked = word[2:].removeprefix("=")
    return asked.lower() == "json"


def show_usage_error(error: Any, words: Sequence[str] = (), *, as_json: bool) -> int:
    """A word that the parser did not understand; `words` is the command line."""
    return show(usage_error(error, words), as_json=as_json)


def show(error: S2SError, *, as_json: bool) -> int:
    """Any of our errors before a command began to run."""
    terminal = Terminal.open(json=as_json)
    if as_json:
        terminal.document(error_document(error))
        show_error_line(terminal, error)
    else:
        show_error(terminal, error)
    return error.exit_code


def internal_error(error: BaseException, issues: str, *, as_json: bool) -> int:
    """Our own bug: one line, and its traceback in a file."""
    if isinstance(error, S2SError):
        return show(error, as_json=as_json)
    show(bug_report(error, issues), as_json=as_json)
    sys.stderr.flush()
    return INTERNAL


def bug_report(error: BaseException, issues: str = ISSUES) -> S2SError:
    """Our own bug as an error, its traceback in a file. Where no file can be written, the traceback is shown."""
    facts = f"mct-s2s {__version__}, Python {platform.python_version()}, {platform.system()}"
    text = crash_text(error, facts)
    log = write_crash(text)
    if log is None:
        print(text, file=sys.stderr)  # noqa: T201  # as it is, without styles
    evidence = "attach that file" if log is not None else "include the lines above"
    return S2SError(
        "internal-error",
        f"This is a bug in mct-s2s ({type(error).__name__}). {facts}.",
        remedy=f"Report it at {issues} and {evidence}. Then run the same command again to resume.",
        items=[("Its traceback is in a file:", str(log))] if log is not None else [],
    )
