"""What `--credential` and the options of its kinds ask for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from mct_s2s.cli.options import CredentialOptions, CredentialType
from mct_s2s.errors import UsageError, about
from mct_s2s.inputs.federation import federated_spec
from mct_s2s.inputs.lifetime import DEFAULT, expiry
from mct_s2s.inputs.secret_to import no_key_in_vault
from mct_s2s.key_pairs import given_certificate
from mct_s2s.model.client_credentials import CLOCKS_DIFFER
from mct_s2s.model.desired import CredentialSpec, Kept
from mct_s2s.planning.credentials.certificate import CertificateSpec
from mct_s2s.planning.credentials.federated import FederatedSpec
from mct_s2s.planning.credentials.secret import SecretSpec


def _certificate(options: CredentialOptions, now: datetime) -> CertificateSpec:
    if options.certificate is not None:
        given = given_certificate(options.certificate, now)
        return CertificateSpec(given.starts, given.expires, given)
    starts = now.replace(microsecond=0) - CLOCKS_DIFFER  # the clocks of those who check it may be behind
    return CertificateSpec(starts, expiry(options.secret_lifetime or DEFAULT, starts))


def _federated(options: CredentialOptions, now: datetime) -> FederatedSpec:
    del now
    issuer, subject, audience = options.federated_issuer, options.federated_subject, options.federated_audience
    return federated_spec(issuer, subject, audience, options.github)


def _secret(options: CredentialOptions, now: datetime) -> SecretSpec:
    return SecretSpec(expiry(options.secret_lifetime or DEFAULT, now), shorten=options.auto_lifetime)


READERS: Mapping[str, Callable[[CredentialOptions, datetime], CredentialSpec]] = {
    "secret": _secret,
    "certificate": _certificate,
    "federated": _federated,
}
"""By the value of `--credential`: what the options ask for, at the moment of making it. Raises `UsageError`."""
OF_KIND = {
    **dict.fromkeys(("github", "federated_issuer", "federated_subject", "federated_audience"), "federated"),
    "certificate": "certificate",
}
"""The options that belong to one kind."""


@about("credential")
def read_credential(options: CredentialOptions, now: datetime) -> CredentialSpec | None:
    """What is asked for; raise `UsageError` for an option of another kind of credential, or an unusable value."""
    belonging = {name: kind for name, kind in OF_KIND.items() if getattr(options, name) is not None}
    kind = options.credential.value if options.credential else next(iter(belonging.values()), "secret")
    for name, other in belonging.items():
        if other != kind:
            key = name.replace("_", "-")
            with about(key):
                raise UsageError(
                    "contradictory-options",
                    f"--{key} requires --credential {other}, but the credential is '{kind}'.",
                    remedy=f"Use --credential {other}, or remove --{key}.",
                )
    expiry(options.secret_lifetime or DEFAULT, now)  # also where it does not count
    if options.credential is CredentialType.NONE:
        return None
    spec = READERS[kind](options, now)
    if options.secret_to is not None:
        _check_store(options.secret_to, spec.keeps)
    return spec


@about("secret-to")
def _check_store(secret_to: str, keeps: Kept | None) -> None:
    if keeps is None:
        raise UsageError(
            "contradictory-options",
            "--secret-to has no effect here: no secret is created.",
            remedy="Remove --secret-to.",
        )
    if keeps is Kept.PRIVATE_KEY and secret_to.startswith("keyvault:"):
        raise no_key_in_vault()
