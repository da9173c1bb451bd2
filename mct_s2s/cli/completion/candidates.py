"""What a word on the command line may become."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from mct_s2s.cli.completion.known_names import KnownNames, known_names
from mct_s2s.cli.conversion import value_type
from mct_s2s.cli.help import choices, rank

CLOUDS = ("public", "usgov", "usgov-dod", "china", "sandbox")
STORES = ("file:", "keyvault:", "exec:", "github:", "show")
SITES, GROUPS, CLIENTS = "sites", "groups", "clients"
NAMES = {"--app-service": SITES, "--resource-group": GROUPS, "--client": CLIENTS}
"""The options that take a name which a recent command has seen. Those of `setup` are names to come, mostly."""
NAME_ARGUMENTS = {"rotate-secret", "remove-client", "snippet", "verify"}
"""The commands whose argument is such a name: a client's."""


@dataclass(frozen=True)
class Candidate:
    """A word, and what it is for."""

    value: str
    help: str = ""


FILES = Candidate("", "files")
"""Stands for the shell's own completion of file names."""


@dataclass
class _Position:
    """Where the command line has come to."""

    command: Any
    awaited: Any = None
    """The option whose value comes next."""
    arguments: int = 0
    options: bool = True
    """Whether a word that begins with `-` is an option: no longer behind `--`."""
    values: dict[str, str] = field(default_factory=dict)
    """The values so far, by option."""
    used: set[str] = field(default_factory=set)


def candidates(program: Any, complete: Sequence[str], unfinished: str, environ: Mapping[str, str]) -> list[Candidate]:
    """The words that the unfinished one may become.

    Args:
        program: the group of all commands.
        complete: the words before it.
        unfinished: its beginning, perhaps empty.
        environ: the variables that stand for options.
    """
    at = _Position(program)
    for word in complete:
        if not _step(at, word):
            return []
    option, is_joined, value = unfinished.partition("=")
    if at.awaited is not None:
        return _beginning(unfinished, _values(at, at.awaited, environ))
    if at.options and is_joined and (param := _option(at.command, option)) is not None:
        found = _beginning(value, _values(at, param, environ))
        return [one if one is FILES else Candidate(f"{option}={one.value}", one.help) for one in found]
    if at.options and unfinished.startswith("-"):
        return _beginning(unfinished, _options(at))
    return _beginning(unfinished, _words(at, environ))


def _step(at: _Position, word: str) -> bool:
    """Go one word on; `False` where no command has that name."""
    if at.awaited is not None:
        at.values[max(at.awaited.opts, key=len)] = word
        at.awaited = None
    elif at.options and word == "--":
        at.options = False
    elif at.options and word.startswith("-") and len(word) > 1:
        _take_option(at, word)
    elif hasattr(at.command, "commands"):
        at.command = at.command.commands.get(word)
        return at.command is not None
    else:
        at.arguments += 1
    return True


def _take_option(at: _Position, word: str) -> None:
    name, is_joined, value = word.partition("=")
    param = _option(at.command, name)
    if param is None and not word.startswith("--"):
        param, is_joined, value = _option(at.command, word[:2]), "=", word[2:]
    if param is None:
        return
    at.used.add(param.name)
    if param.is_flag:
        return
    if is_joined:
        at.values[max(param.opts, key=len)] = value
    else:
        at.awaited = param


def _option(command: Any, name: str) -> Any:
    return next((param for param in command.params if name in param.opts), None)


def _options(at: _Position) -> Iterator[Candidate]:
    for param in sorted(at.command.params, key=rank):
        if param.param_type_name != "argument" and not param.hidden and (param.name not in at.used or param.multiple):
            yield Candidate(max(param.opts, key=len), param.help or "")
    yield Candidate("--help", "Show this message and exit.")


def _words(at: _Position, environ: Mapping[str, str]) -> Iterable[Candidate]:
    """Commands; or the values of the next argument; or, where there is none, options."""
    if hasattr(at.command, "commands"):
        commands = at.command.commands.items()
        return [Candidate(name, (one.help or "").partition("\n")[0]) for name, one in commands if not one.hidden]
    arguments = [param for param in at.command.params if param.param_type_name == "argument"]
    if at.arguments < len(arguments):
        return _values(at, arguments[at.arguments], environ)
    return _options(at) if at.options and not arguments else []


def _values(at: _Position, param: Any, environ: Mapping[str, str]) -> Iterable[Candidate]:
    name = max(param.opts, key=len)
    words = choices(param) or {"--cloud": CLOUDS, "--secret-to": STORES}.get(name)
    if words:
        return [Candidate(word) for word in words]
    if param.param_type_name == "argument":
        kind = CLIENTS if at.command.name in NAME_ARGUMENTS else None
    else:
        kind = None if at.command.name == "setup" and name == "--client" else NAMES.get(name)
    if kind is not None:
        return _names(kind, at, environ)
    kind_of_value = value_type(param)
    return [FILES] if Path in {kind_of_value, *get_args(kind_of_value)} else []


def _names(kind: str, at: _Position, environ: Mapping[str, str]) -> Iterable[Candidate]:
    def given(option: str, *more: str) -> str | None:
        variables = (f"MCT_S2S_{option.removeprefix('--').replace('-', '_').upper()}", *more)
        return at.values.get(option) or next((environ[name] for name in variables if environ.get(name)), None)

    known: KnownNames = known_names(
        cloud=given("--cloud") or "public",
        tenant=given("--tenant", "AZURE_TENANT_ID"),
        subscription=given("--subscription", "AZURE_SUBSCRIPTION_ID"),
        app_service=given("--app-service") if kind is not SITES else None,
    )
    if kind == SITES:
        return [Candidate(site, f"in {group}" if group else "") for site, group in known.sites]
    if kind == GROUPS:
        return [Candidate(group) for _, group in known.sites if group]
    return [Candidate(client) for client in known.clients]


def _beginning(unfinished: str, found: Iterable[Candidate]) -> list[Candidate]:
    """Those that begin so, whatever their case, each once."""
    start = unfinished.casefold()
    return list(dict.fromkeys(one for one in found if one is FILES or one.value.casefold().startswith(start)))
