"""How credentials are asked for on the command line: one module a kind, and the table of the kinds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

from mct_s2s.cli.binding import CREDENTIALS, option
from mct_s2s.cli.credentials import certificate, federated, secret
from mct_s2s.cli.credentials.base import LifetimeOptions
from mct_s2s.errors import UsageError, about

if TYPE_CHECKING:
    from mct_s2s.model.desired import CredentialSpec, Kept

READERS: dict[str, Callable[[Any, datetime], CredentialSpec]] = {
    "secret": secret.read,
    "certificate": certificate.read,
    "federated": federated.read,
}
"""By the value of `--credential`: what the options ask for, at the moment of making it. Raises `UsageError`."""
NONE = "none"
CredentialType = StrEnum("CredentialType", [(word.upper(), word) for word in (*READERS, NONE)])  # type: ignore[misc]
"""The values of `--credential`."""


@dataclass(kw_only=True)
class ChoiceOptions(LifetimeOptions):
    """The option that chooses the kind."""

    credential: Annotated[
        CredentialType | None,
        option("--credential", metavar="TYPE", group=CREDENTIALS, show_default="secret", text="Credential type."),
    ] = None
    """`None`: that of the other options, or a secret."""


@dataclass(kw_only=True)
class KindOptions(
    federated.FederatedOptions,
    certificate.CertificateOptions,
    ChoiceOptions,
):
    """The options of all kinds; the help lists those of the last class first."""


@about("credential")
def read_credential(options: KindOptions, now: datetime) -> CredentialSpec | None:
    """What `--credential` and the options that belong to it ask for.

    Args:
        options: as typed.
        now: when the credential is made.

    Raises:
        UsageError: an option of another kind of credential, or an unusable value.
    """
    from mct_s2s.inputs.lifetime import DEFAULT, expiry  # noqa: PLC0415  # the help has no need of it

    belonging = dict(_belonging(options))
    kind = options.credential.value if options.credential else next(iter(belonging.values()), "secret")
    for key, other in belonging.items():
        if other != kind:
            with about(key):
                raise UsageError(
                    "contradictory-options",
                    f"--{key} requires --credential {other}, but the credential is '{kind}'.",
                    remedy=f"Use --credential {other}, or remove --{key}.",
                )
    expiry(options.secret_lifetime or DEFAULT, now)  # also where it does not count
    spec = READERS[kind](options, now) if kind != NONE else None
    if spec is not None and options.secret_to is not None:
        _check_store(options.secret_to, spec.keeps)
    return spec


def _belonging(options: KindOptions) -> Iterator[tuple[str, str]]:
    """The options that were given of those that belong to one kind of credential, with that kind."""
    shared = {field.name for field in fields(LifetimeOptions)}
    for group in (federated.FederatedOptions, certificate.CertificateOptions):
        own = (field.name for field in fields(group) if field.name not in shared)
        yield from ((name.replace("_", "-"), group.kind) for name in own if getattr(options, name) is not None)


@about("secret-to")
def _check_store(secret_to: str, keeps: Kept | None) -> None:
    from mct_s2s.model.desired import Kept  # noqa: PLC0415  # as above

    if keeps is None:
        raise UsageError(
            "contradictory-options",
            "--secret-to has no effect here: no secret is created.",
            remedy="Remove --secret-to.",
        )
    if keeps is Kept.PRIVATE_KEY and secret_to.startswith("keyvault:"):
        from mct_s2s.inputs.secret_to import no_key_in_vault  # noqa: PLC0415

        raise no_key_in_vault()
