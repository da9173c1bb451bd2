"""Values of options that a file gives as text, into what the command line makes of them."""

from __future__ import annotations

import types
from enum import Enum
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

from mct_s2s.errors import UsageError

YES, NO = frozenset({"yes", "true", "1"}), frozenset({"no", "false", "0"})


def option_value(options: type, name: str, given: str | bool) -> Any:
    """The value of an option.

    Args:
        options: a class of options.
        name: one of its fields.
        given: the text; `yes` and `no` for one that is on or off.

    Raises:
        UsageError: a word that the option does not know.
    """
    wanted = get_type_hints(options)[name]
    kinds = get_args(wanted) if get_origin(wanted) in {Union, types.UnionType} else (wanted,)
    if isinstance(given, bool):
        return given
    if bool in kinds:
        return _one_of(name, given.casefold(), ("yes", "no"), YES | NO) in YES
    for kind in kinds:
        if issubclass(kind, Enum):
            words = [member.value for member in kind]
            return kind(_one_of(name, given, words, frozenset(words)))
    return Path(given) if Path in kinds else given


def _one_of(name: str, given: str, shown: list[str] | tuple[str, ...], known: frozenset[str]) -> str:
    if given in known:
        return given
    raise UsageError(
        "usage",
        f"Invalid --{name.replace('_', '-')} '{given[:130]}'.",
        remedy=f"Use {', '.join(shown[:-1])} or {shown[-1]}. Nothing was changed.",
    )
