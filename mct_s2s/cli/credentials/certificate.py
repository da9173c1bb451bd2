"""`--credential certificate`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from mct_s2s.cli.binding import CREDENTIALS, option
from mct_s2s.cli.credentials.base import LifetimeOptions

if TYPE_CHECKING:
    from mct_s2s.planning.credentials.certificate import CertificateSpec


@dataclass(kw_only=True)
class CertificateOptions(LifetimeOptions):
    """The options of a certificate."""

    kind: ClassVar[str] = "certificate"

    certificate: Annotated[
        Path | None,
        option(
            "--certificate",
            metavar="FILE",
            group=CREDENTIALS,
            text="PEM file with a certificate. Default: create a key pair.",
        ),
    ] = None


def read(options: CertificateOptions, now: datetime) -> CertificateSpec:
    """The given certificate, or one to be made.

    Raises:
        UsageError: the file holds no certificate that a client can sign in with.
    """
    from mct_s2s.inputs.lifetime import DEFAULT, expiry  # noqa: PLC0415  # the help has no need of it
    from mct_s2s.key_pairs import given_certificate  # noqa: PLC0415
    from mct_s2s.model.client_credentials import CLOCKS_DIFFER  # noqa: PLC0415
    from mct_s2s.planning.credentials.certificate import CertificateSpec  # noqa: PLC0415

    if options.certificate is not None:
        given = given_certificate(options.certificate, now)
        return CertificateSpec(given.starts, given.expires, given)
    starts = now.replace(microsecond=0) - CLOCKS_DIFFER  # the clocks of those who check it may be behind
    return CertificateSpec(starts, expiry(options.secret_lifetime or DEFAULT, starts))
