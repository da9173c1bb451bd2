"""From options to wishes, for the commands that share them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import assert_never

from mct_s2s.cli.options import CredentialKind, CredentialOptions
from mct_s2s.errors import UsageError
from mct_s2s.inputs.clients import client_names
from mct_s2s.inputs.federation import federated_wish
from mct_s2s.inputs.lifetime import expiry
from mct_s2s.inputs.management_reference import management_reference
from mct_s2s.key_pairs import given_certificate
from mct_s2s.model.desired import ClientSpec, CredentialWish, ServiceSpec
from mct_s2s.model.ids import named_unique_name, service_unique_name
from mct_s2s.model.site_target import SiteTarget
from mct_s2s.planning.credentials.certificate import CertificateSpec
from mct_s2s.planning.credentials.secret import SecretSpec

EARLIER = timedelta(minutes=5)
"""By so much a certificate is good before it is made."""

ROLE_CHARACTERS = frozenset(":!#$%&'()*+,-./;<=>?@[]^_{|}~`")
"""Source: learn.microsoft.com/graph/api/resources/approle, property `value`."""


def client_wishes(options: CredentialOptions, names: Sequence[str], now: datetime) -> tuple[ClientSpec, ...]:
    """One wish for each name.

    Raises:
        UsageError: an unusable name, lifetime or reference.
    """
    credential = credential_wish(options, now)
    reference = management_reference(options.service_management_reference)
    return tuple(
        ClientSpec(name, credential, consent=not options.no_consent, management_reference=reference)
        for name in client_names(names)
    )


def credential_wish(options: CredentialOptions, now: datetime) -> CredentialWish | None:
    """What `--credential` and the options that belong to it ask for.

    Raises:
        UsageError: an option of another kind of credential, or an unusable value.
    """
    _check_kind(options)
    ends = expiry(options.secret_lifetime, now)
    match options.credential:
        case CredentialKind.SECRET:
            return SecretSpec(ends, shorten=options.auto_lifetime)
        case CredentialKind.CERTIFICATE:
            # The clocks of those who sign in by it may be behind this one.
            starts = now.replace(microsecond=0) - EARLIER
            if options.certificate is None:
                return CertificateSpec(starts, expiry(options.secret_lifetime, starts))
            given = given_certificate(options.certificate, now)
            return CertificateSpec(given.starts, given.expires, given)
        case CredentialKind.FEDERATED:
            return federated_wish(
                options.federated_issuer, options.federated_subject, options.federated_audience, options.github
            )
        case CredentialKind.NONE:
            return None
        case _ as never:
            assert_never(never)


def _check_kind(options: CredentialOptions) -> None:
    """An option that belongs to another kind of credential would be passed over in silence.

    Raises:
        UsageError: there is one.
    """
    certificate, federated = CredentialKind.CERTIFICATE, CredentialKind.FEDERATED
    belongs = [
        (certificate, "--certificate", options.certificate),
        (federated, "--github", options.github),
        (federated, "--federated-issuer", options.federated_issuer),
        (federated, "--federated-subject", options.federated_subject),
        (federated, "--federated-audience", options.federated_audience),
    ]
    for kind, name, value in belongs:
        if value is not None and options.credential is not kind:
            raise UsageError(
                "contradictory-options",
                f"{name} requires --credential {kind.value}, but --credential is '{options.credential.value}'.",
                remedy=f"Add --credential {kind.value}, or remove {name}.",
            )
    if options.credential is certificate and (options.secret_to or "").startswith("keyvault:"):
        raise UsageError(
            "secret-place-unfit",
            "Cannot create a key pair in a key vault.",
            remedy="Save it to a file with --secret-to file:PATH, or create it in the vault yourself and pass its "
            "public certificate with --certificate FILE.",
        )
    keeps_nothing = options.credential is CredentialKind.FEDERATED or options.certificate is not None
    if options.secret_to is not None and keeps_nothing:
        raise UsageError(
            "contradictory-options",
            "--secret-to has no effect here: no secret is created.",
            remedy="Remove --secret-to.",
        )


def service_wish(
    target: SiteTarget | None,
    name: str | None,
    role: str | None = None,
    adopt: str | None = None,
    *,
    reference: str | None = None,
    may_create: bool = True,
) -> ServiceSpec:
    """The service application of an App Service, or, where none is named, of a display name.

    Raises:
        UsageError: neither is there, or a role value that Graph would refuse, or an unusable reference.
    """
    check_role(role)
    reference = management_reference(reference)
    if target is not None:
        unique = service_unique_name(target.name, target.slot)
        return ServiceSpec(unique, name or f"MCT service ({target.label})", role, adopt, reference, may_create)
    if not name or not name.strip():
        raise UsageError(
            "service-name-missing",
            "No name for the service application: neither an App Service nor --service-name was given.",
            remedy="Add --app-service NAME (the site is not contacted), or --service-name TEXT.",
        )
    return ServiceSpec(named_unique_name(name), name, role, adopt, reference, may_create)


def check_role(value: str | None) -> None:
    """Refuse an app role value that Graph would refuse.

    Raises:
        UsageError: as said.
    """
    if value is None:
        return
    if value and len(value) <= 120 and all((c.isascii() and c.isalnum()) or c in ROLE_CHARACTERS for c in value):
        return
    raise UsageError(
        "malformed-role",
        f"Invalid --role '{value}'. Use letters, digits and punctuation without spaces, 120 characters at most.",
        remedy="To use the default S2SAppRole, remove --role.",
    )
