"""What the options of all kinds of credentials have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import typer

CREDENTIAL = "Credential"
"""The group of the help that these options are listed in."""


@dataclass(kw_only=True)
class LifetimeOptions:
    """Of every command that may make a secret or a key: how long it is valid, and where it is kept.

    A kind with options of its own has a subclass, in which each is `None` unless it was typed.
    """

    kind: ClassVar[str] = ""
    """The value of `--credential` that they belong to; empty for those that all kinds share."""

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
