"""How a credential is written that is handed over, to a program or on standard output."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

VARIABLES = (
    "AZURE_TENANT_ID",
    "AZURE_CLIENT_ID",
    "AZURE_CLIENT_SECRET",
    "AZURE_AUTHORITY_HOST",
    "MCT_S2S_SCOPE",
    "MCT_S2S_URL",
)
"""What a client with a secret reads: the first four by azure-identity's EnvironmentCredential."""


class SecretFormat(StrEnum):
    """The values of `--secret-format`."""

    VALUE = "value"
    """The secret alone, without a line end."""
    DOTENV = "dotenv"
    JSON = "json"


@dataclass(frozen=True)
class SecretForm:
    """A format, and what the variables are called in it."""

    format: SecretFormat = SecretFormat.VALUE
    names: Mapping[str, str] = field(default_factory=dict)
    """`AZURE_CLIENT_ID` → `MCT_CLIENT_ID`; those that are not in it keep their names."""
