"""What the options of all kinds of credentials have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from mct_s2s.cli.binding import CREDENTIALS, option


@dataclass(kw_only=True)
class LifetimeOptions:
    """Options of every command that may create a secret or a key: how long it is valid, and where it is saved.

    A kind with options of its own has a subclass, in which each is `None` unless it was typed.
    """

    kind: ClassVar[str] = ""
    """The value of `--credential` that they belong to; empty for those that all kinds share."""

    secret_lifetime: Annotated[
        str | None,
        option(
            "--secret-lifetime",
            metavar="LIFETIME",
            group=CREDENTIALS,
            text="Lifetime: 1y, 2y, 180d, never, or a date. Default: 1y, or the old.",
        ),
    ] = None
    auto_lifetime: Annotated[
        bool, option("--auto-lifetime", group=CREDENTIALS, text="Shorten the lifetime to what the tenant allows.")
    ] = False
    secret_to: Annotated[
        str | None,
        option(
            "--secret-to",
            metavar="PLACE",
            group=CREDENTIALS,
            text="file:PATH, keyvault:VAULT, exec:COMMAND, or show.",
        ),
    ] = None
