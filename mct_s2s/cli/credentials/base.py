"""What the options of all kinds of credentials have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Generic, TypeVar

import typer

from mct_s2s.model.desired import CredentialSpec

CREDENTIAL = "Credential"
"""The group of the help that these options are listed in."""


@dataclass(kw_only=True)
class LifetimeOptions:
    """Of every command that may make a secret or a key: how long it is valid, and where it is kept."""

    secret_lifetime: Annotated[
        str,
        typer.Option(
            "--secret-lifetime", help="1y, 2y, 180d, never, or a date such as 2027-06-30.", rich_help_panel=CREDENTIAL
        ),
    ] = "1y"  # noqa: S105  # a duration
    auto_lifetime: Annotated[
        bool,
        typer.Option(
            "--auto-lifetime",
            help="Take the longest lifetime that the tenant allows, where that is shorter.",
            rich_help_panel=CREDENTIAL,
        ),
    ] = False
    secret_to: Annotated[
        str | None,
        typer.Option(
            "--secret-to",
            help="file:PATH, keyvault:VAULT\\[/NAME], or show (printed once). Default: a file in your data directory.",
            rich_help_panel=CREDENTIAL,
        ),
    ] = None


Options = TypeVar("Options", bound=LifetimeOptions)


@dataclass(frozen=True)
class CredentialReader(Generic[Options]):
    """How a kind of credential is asked for."""

    name: str
    """As `--credential` takes it."""
    options: type[Options]
    """The dataclass with the options that belong to it alone: each is `None` unless it was typed."""
    read: Callable[[Options, datetime], CredentialSpec]
    """What the options ask for; the moment is that of making it. Raises `UsageError` for an unusable value."""
