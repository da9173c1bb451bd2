"""`add-client --from FILE`: what a client list says of each client, beside the options."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from mct_s2s.cli.credentials import KindOptions
from mct_s2s.cli.option_values import option_value
from mct_s2s.cli.options import CredentialOptions
from mct_s2s.cli.requests import client_specs
from mct_s2s.errors import UsageError
from mct_s2s.inputs.client_list import read_client_list
from mct_s2s.inputs.client_places import ClientPlaces
from mct_s2s.inputs.secret_places import SecretTo, secret_to
from mct_s2s.model.desired import ClientSpec

_OF_ONE = {field.name for field in fields(KindOptions)} | {"no_consent", "service_management_reference"}
_OF_A_PLACE = ("secret-to", "secret-format", "secret-names")
COLUMNS = {field.name.replace("_", "-"): field for field in fields(CredentialOptions) if field.name in _OF_ONE}
"""The options that a client list may say for each client by itself, by their columns."""


def listed_clients(
    options: CredentialOptions, path: Path, now: datetime
) -> tuple[tuple[ClientSpec, ...], dict[str, SecretTo]]:
    """The clients of a file, and the places of those that have one of their own, by their names.

    What a column says counts for its client, the options count for all others.

    Raises:
        UsageError: as for `client_specs`, with the line of the file.
    """
    found: list[ClientSpec] = []
    places: dict[str, SecretTo] = {}
    for row in read_client_list(path, COLUMNS):
        try:
            own = replace(options, **{COLUMNS[name].name: _typed(name, text) for name, text in row.columns.items()})
            (client,) = client_specs(own, [row.name], now)
            if any(name in row.columns for name in _OF_A_PLACE):
                places[client.name] = secret_to(own.secret_to, 1, own.secret_format, own.secret_names)
        except UsageError as error:
            error.headline = f"'{path}', line {row.line}: {error.headline}"
            raise
        found.append(client)
    return tuple(found), places


def check_apart(clients: Sequence[ClientSpec], places: ClientPlaces) -> None:
    """Refuse a place that two clients would share, each over the other's secret.

    Raises:
        UsageError: as said.
    """
    taken: dict[tuple[str, ...], str] = {}
    for client in clients:
        place = places.destination("", client.name)
        if client.credential is None or client.credential.keeps is None or place is None:
            continue
        other = taken.setdefault(place, client.name)
        if other != client.name:
            raise UsageError(
                "secret-place-shared",
                f"The secrets of '{other}' and '{client.name}' would go to the same place.",
                remedy="Give each client a place of its own: the column secret-to",
            )


def _typed(column: str, text: str) -> Any:
    try:
        return option_value(CredentialOptions, COLUMNS[column].name, text)
    except UsageError as error:
        message = error.headline.replace(f"--{column}", column, 1)
        raise UsageError("client-list-malformed", message, remedy=error.advice) from error
