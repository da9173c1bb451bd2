"""`--credential federated`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, ClassVar

from mct_s2s.cli.binding import FEDERATION, option
from mct_s2s.cli.credentials.base import LifetimeOptions

if TYPE_CHECKING:
    from mct_s2s.planning.credentials.federated import FederatedSpec


@dataclass(kw_only=True)
class FederatedOptions(LifetimeOptions):
    """The options of a federated credential."""

    kind: ClassVar[str] = "federated"

    github: Annotated[
        str | None,
        option(
            "--github",
            metavar="OWNER/REPO[:branch]",
            group=FEDERATION,
            text="GitHub Actions workflows on a branch. Default: main.",
        ),
    ] = None
    federated_issuer: Annotated[
        str | None, option("--federated-issuer", metavar="URL", group=FEDERATION, text="Issuer URL (iss).")
    ] = None
    federated_subject: Annotated[
        str | None, option("--federated-subject", metavar="TEXT", group=FEDERATION, text="Subject (sub).")
    ] = None
    federated_audience: Annotated[
        str | None,
        option(
            "--federated-audience",
            metavar="TEXT",
            group=FEDERATION,
            text="Audience (aud). Default: the cloud's token exchange.",
        ),
    ] = None


def read(options: FederatedOptions, now: datetime) -> FederatedSpec:
    """Whose tokens are accepted.

    Raises:
        UsageError: something is missing, or could never match a token.
    """
    from mct_s2s.inputs.federation import federated_spec  # noqa: PLC0415  # the help has no need of it

    del now
    issuer, subject, audience = options.federated_issuer, options.federated_subject, options.federated_audience
    return federated_spec(issuer, subject, audience, options.github)
