"""From options to wishes, for the commands that share them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import datetime
from pathlib import Path

from mct_s2s.cli.credentials import CredentialType, KindOptions, read_credential
from mct_s2s.cli.options import CredentialOptions
from mct_s2s.errors import UsageError
from mct_s2s.inputs.client_list import read_client_list
from mct_s2s.inputs.clients import client_names
from mct_s2s.inputs.management_reference import management_reference
from mct_s2s.model.desired import ClientSpec, ServiceSpec
from mct_s2s.model.ids import named_unique_name, service_unique_name
from mct_s2s.model.site_target import SiteTarget

ROLE_CHARACTERS = frozenset(":!#$%&'()*+,-./;<=>?@[]^_{|}~`")
"""Source: learn.microsoft.com/graph/api/resources/approle, property `value`."""


def client_wishes(options: CredentialOptions, names: Sequence[str], now: datetime) -> tuple[ClientSpec, ...]:
    """One wish for each name.

    Raises:
        UsageError: an unusable name, lifetime or reference.
    """
    credential = read_credential(options, now)
    reference = management_reference(options.service_management_reference)
    return tuple(
        ClientSpec(name, credential, consent=not options.no_consent, management_reference=reference)
        for name in client_names(names)
    )


_OF_ONE = {field.name for field in fields(KindOptions)} - {"secret_to"} | {"no_consent", "service_management_reference"}
COLUMNS = {field.name.replace("_", "-"): field for field in fields(CredentialOptions) if field.name in _OF_ONE}
"""The options that a client list may say for each client by itself, by their columns."""
YES, NO = frozenset({"yes", "true", "1"}), frozenset({"no", "false", "0"})


def listed_clients(options: CredentialOptions, path: Path, now: datetime) -> tuple[ClientSpec, ...]:
    """The clients of a file: what a column says counts for its client, the options count for all others.

    Raises:
        UsageError: as for `client_wishes`, with the line of the file.
    """
    found: list[ClientSpec] = []
    for row in read_client_list(path, COLUMNS):
        try:
            own = replace(options, **{COLUMNS[name].name: _typed(name, text) for name, text in row.columns.items()})
            found += client_wishes(own, [row.name], now)
        except UsageError as error:
            error.headline = f"'{path}', line {row.line}: {error.headline}"
            raise
    return tuple(found)


def _typed(column: str, text: str) -> object:
    if isinstance(COLUMNS[column].default, bool):
        if text.casefold() not in YES | NO:
            raise UsageError(
                "client-list-malformed",
                f"Invalid {column} '{text}'.",
                remedy="Use yes or no. Nothing was changed.",
            )
        return text.casefold() in YES
    if column == "credential":
        if text not in [kind.value for kind in CredentialType]:
            raise UsageError(
                "client-list-malformed",
                f"Invalid credential '{text}'.",
                remedy=f"Use {', '.join(kind.value for kind in CredentialType)}. Nothing was changed.",
            )
        return CredentialType(text)
    return Path(text) if column == "certificate" else text


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
