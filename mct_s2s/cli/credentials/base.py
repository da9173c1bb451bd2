"""What the options of all kinds of credentials have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Generic, TypeVar

from mct_s2s.cli.binding import CREDENTIALS, option
from mct_s2s.model.desired import CredentialSpec


@dataclass(kw_only=True)
class LifetimeOptions:
    """Options of every command that may create a secret or a key: how long it is valid, and where it is saved."""

    secret_lifetime: Annotated[
        str,
        option(
            "--secret-lifetime",
            metavar="LIFETIME",
            group=CREDENTIALS,
            text="Lifetime: 1y, 2y, 180d, never, or a date such as 2027-06-30.",
        ),
    ] = "1y"  # noqa: S105  # a duration
    auto_lifetime: Annotated[
        bool, option("--auto-lifetime", group=CREDENTIALS, text="Shorten the lifetime to what the tenant allows.")
    ] = False
    secret_to: Annotated[
        str | None,
        option(
            "--secret-to",
            metavar="PLACE",
            group=CREDENTIALS,
            text="Save to file:PATH, keyvault:VAULT[/NAME], or show it once.",
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
