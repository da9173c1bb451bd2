"""`add-client --from FILE`: what a client list says of each client, beside the options."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any, get_args, get_type_hints

from mct_s2s.cli.credentials import CredentialType, KindOptions
from mct_s2s.cli.options import CredentialOptions
from mct_s2s.cli.requests import client_specs
from mct_s2s.errors import UsageError
from mct_s2s.inputs.client_list import read_client_list
from mct_s2s.model.desired import ClientSpec

_OF_ONE = {field.name for field in fields(KindOptions)} - {"secret_to", "secret_format", "secret_names"} | {
    "no_consent",
    "service_management_reference",
}
COLUMNS = {field.name.replace("_", "-"): field for field in fields(CredentialOptions) if field.name in _OF_ONE}
"""The options that a client list may say for each client by itself, by their columns."""
_FILES = {name for name, field in COLUMNS.items() if Path in get_args(get_type_hints(CredentialOptions)[field.name])}
YES, NO = frozenset({"yes", "true", "1"}), frozenset({"no", "false", "0"})


def listed_clients(options: CredentialOptions, path: Path, now: datetime) -> tuple[ClientSpec, ...]:
    """The clients of a file: what a column says counts for its client, the options count for all others.

    Raises:
        UsageError: as for `client_specs`, with the line of the file.
    """
    found: list[ClientSpec] = []
    for row in read_client_list(path, COLUMNS):
        try:
            own = replace(options, **{COLUMNS[name].name: _typed(name, text) for name, text in row.columns.items()})
            found += client_specs(own, [row.name], now)
        except UsageError as error:
            error.headline = f"'{path}', line {row.line}: {error.headline}"
            raise
    return tuple(found)


def _typed(column: str, text: str) -> Any:
    if isinstance(COLUMNS[column].default, bool):
        if text.casefold() not in YES | NO:
            raise UsageError(
                "client-list-malformed",
                f"Invalid {column} '{text}'.",
                remedy="Use yes or no. Nothing was changed.",
            )
        return text.casefold() in YES
    if isinstance(COLUMNS[column].default, CredentialType):
        if text not in [kind.value for kind in CredentialType]:
            raise UsageError(
                "client-list-malformed",
                f"Invalid credential '{text}'.",
                remedy=f"Use {', '.join(kind.value for kind in CredentialType)}. Nothing was changed.",
            )
        return CredentialType(text)
    return Path(text) if column in _FILES else text
