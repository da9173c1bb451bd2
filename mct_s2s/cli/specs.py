"""From options to what is requested, for the commands that share them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from mct_s2s.cli.credentials import read_credential
from mct_s2s.cli.options import CredentialOptions
from mct_s2s.errors import UsageError
from mct_s2s.inputs.clients import client_names
from mct_s2s.inputs.management_reference import management_reference
from mct_s2s.model.desired import ClientSpec, ServiceSpec
from mct_s2s.model.ids import named_unique_name, service_unique_name
from mct_s2s.model.site_target import SiteTarget

ROLE_CHARACTERS = frozenset(":!#$%&'()*+,-./;<=>?@[]^_{|}~`")
"""Source: learn.microsoft.com/graph/api/resources/approle, property `value`."""


def client_specs(options: CredentialOptions, names: Sequence[str], now: datetime) -> tuple[ClientSpec, ...]:
    """One specification for each name.

    Raises:
        UsageError: an unusable name, lifetime or reference.
    """
    credential = read_credential(options, now)
    reference = management_reference(options.service_management_reference)
    return tuple(
        ClientSpec(name, credential, consent=not options.no_consent, management_reference=reference)
        for name in client_names(names)
    )


def service_spec(
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
