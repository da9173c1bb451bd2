"""`--credential federated`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar

import typer

from mct_s2s.cli.credentials.base import CREDENTIAL, LifetimeOptions
from mct_s2s.inputs.federation import federated_spec
from mct_s2s.planning.credentials.federated import FederatedSpec


@dataclass(kw_only=True)
class FederatedOptions(LifetimeOptions):
    """The options of a federated credential."""

    kind: ClassVar[str] = "federated"

    github: Annotated[
        str | None,
        typer.Option(
            "--github",
            metavar="OWNER/REPO[:branch]",
            help="With --credential federated: the workflows on a branch. Default: main.",
            rich_help_panel=CREDENTIAL,
        ),
    ] = None
    federated_issuer: Annotated[
        str | None,
        typer.Option("--federated-issuer", help="Issuer URL (iss).", rich_help_panel=CREDENTIAL),
    ] = None
    federated_subject: Annotated[
        str | None,
        typer.Option("--federated-subject", help="Subject (sub).", rich_help_panel=CREDENTIAL),
    ] = None
    federated_audience: Annotated[
        str | None,
        typer.Option(
            "--federated-audience",
            help="The token's aud. Default: the cloud's, api://AzureADTokenExchange.",
            rich_help_panel=CREDENTIAL,
        ),
    ] = None


def read(options: FederatedOptions, now: datetime) -> FederatedSpec:
    """Whose tokens are accepted.

    Raises:
        UsageError: something is missing, or could never match a token.
    """
    del now
    issuer, subject, audience = options.federated_issuer, options.federated_subject, options.federated_audience
    return federated_spec(issuer, subject, audience, options.github)
