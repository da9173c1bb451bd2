"""`--client` as typed, checked."""

from __future__ import annotations

from collections.abc import Sequence

from mct_s2s.errors import UsageError, about

LONGEST_NAME = 120
"""Source: learn.microsoft.com/entra/identity-platform/supported-accounts-validation."""


@about("name")
def client_names(names: Sequence[str]) -> tuple[str, ...]:
    """The names without blanks around them, each once, in order.

    Raises:
        UsageError: empty, or longer than Entra takes.
    """
    trimmed = [name.strip() for name in names]
    for name in trimmed:
        if not name:
            raise UsageError(
                "client-name-empty",
                "Invalid client name '': it is empty.",
                remedy="Use a display name or an appId, such as --client 'Reports import'",
            )
        if len(name) > LONGEST_NAME or not name.isprintable():
            why = f"it has {len(name)} characters" if name.isprintable() else "it has a line break or control character"
            raise UsageError(
                "client-name-unusable",
                f"Invalid client name '{name[:40]}…': {why}.",
                remedy=f"Use {LONGEST_NAME} printable characters at most.",
            )
    return tuple(dict.fromkeys(trimmed))
