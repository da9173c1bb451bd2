"""What `--credential` and the options of its kinds ask for."""

from __future__ import annotations

from datetime import datetime

from mct_s2s.cli.options import CredentialOptions
from mct_s2s.errors import UsageError, about
from mct_s2s.inputs.lifetime import DEFAULT, expiry
from mct_s2s.inputs.secret_to import no_key_in_vault
from mct_s2s.key_pairs import given_certificate
from mct_s2s.model.client_credentials import CLOCKS_DIFFER
from mct_s2s.model.desired import CertificateSpec, CredentialSpec, SecretSpec
from mct_s2s.planning.federation import federated_spec

OF_KIND = {
    **dict.fromkeys(("github", "federated_issuer", "federated_subject", "federated_audience"), "federated"),
    "certificate": "certificate",
}
"""The options that belong to one kind."""


@about("credential")
def read_credential(options: CredentialOptions, now: datetime) -> CredentialSpec | None:
    """What is asked for; raise `UsageError` for an option of another kind of credential, or an unusable value."""
    belonging = {name: kind for name, kind in OF_KIND.items() if getattr(options, name) is not None}
    kind = options.credential or next(iter(belonging.values()), "secret")
    for name, other in belonging.items():
        if other != kind:
            key = name.replace("_", "-")
            with about(key):
                raise UsageError(
                    "contradictory-options",
                    f"--{key} requires --credential {other}, but the credential is '{kind}'.",
                    remedy=f"Use --credential {other}, or remove --{key}.",
                )
    expires = expiry(options.secret_lifetime or DEFAULT, now)  # checked also where it does not count
    spec: CredentialSpec
    match kind:
        case "secret":
            spec = SecretSpec(expires, shorten=options.auto_lifetime)
        case "certificate" if options.certificate is not None:
            given = given_certificate(options.certificate, now)
            spec = CertificateSpec(given.starts, given.expires, given)
        case "certificate":
            starts = now.replace(microsecond=0) - CLOCKS_DIFFER  # the clocks of those who check it may be behind
            spec = CertificateSpec(starts, expiry(options.secret_lifetime or DEFAULT, starts))
        case "federated":
            issuer, subject = options.federated_issuer, options.federated_subject
            spec = federated_spec(issuer, subject, options.federated_audience, options.github)
        case _:
            return None
    if options.secret_to is not None:
        with about("secret-to"):
            if not spec.is_stored:
                raise UsageError(
                    "contradictory-options",
                    "--secret-to has no effect here: no secret is created.",
                    remedy="Remove --secret-to.",
                )
            if spec.kind.is_key and options.secret_to.startswith("keyvault:"):
                raise no_key_in_vault()
    return spec
