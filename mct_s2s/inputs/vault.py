"""`keyvault:VAULT[/NAME]` into a vault and a secret's name.

Source: learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates, "Objects, identifiers, and
versioning".
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from mct_s2s.errors import UsageError
from mct_s2s.model.ids import file_stem

_VAULT = re.compile(r"[a-zA-Z](?!.*--)[a-zA-Z0-9-]{1,22}[a-zA-Z0-9]")
_SECRET = re.compile(r"[0-9a-zA-Z-]{1,127}")
"""Source of both forms: learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules."""


@dataclass(frozen=True)
class VaultTo:
    """A vault, by its bare name or its https address, and the secret's name in it, if one was given."""

    vault: str
    secret: str | None = None

    def secret_for(self, label: str, client: str) -> str:
        """The name of one client's secret."""
        return self.secret or secret_name(label, client)


def vault_to(rest: str) -> VaultTo:
    """Read what follows `keyvault:`. Raises UsageError: no vault or no secret can be called so."""
    if rest.lower().startswith("https://"):
        try:
            address = urlsplit(rest)
            _ = address.port  # one that is no number is found only by asking for it
        except ValueError:
            raise _unusable(rest) from None
        path = [part for part in address.path.split("/") if part]
        if path[:1] == ["secrets"]:
            path = path[1:]
        if not address.hostname or address.username or address.query or len(path) > 1:
            raise _unusable(rest)
        return VaultTo(f"https://{address.netloc.lower()}", _checked(path[0]) if path else None)
    vault, slash, secret = rest.partition("/")
    if not _VAULT.fullmatch(vault):
        raise _unusable(vault)
    return VaultTo(vault, _checked(secret) if slash and secret else None)


def secret_name(label: str, client: str) -> str:
    """The name that a client's secret gets by itself: readable, and different for different App Services and clients.

    The last part is a digest of both names as they are, so that names that look alike never meet.
    """
    where = re.sub(r"[^a-z0-9]+", "-", label.lower()).strip("-")[:60].strip("-")
    who = file_stem(client).rpartition("-")[0]
    names = f"{label.lower()}\0{file_stem(client)}"
    exact = hashlib.sha256(names.encode(errors="surrogatepass")).hexdigest()[:10]
    return f"mct-s2s-{where}-{who}-{exact}"


def _checked(secret: str) -> str:
    if not _SECRET.fullmatch(secret):
        raise UsageError(
            "malformed-secret-name",
            f"Invalid secret name '{secret[:130]}'. Use letters, digits and hyphens, 127 characters at most.",
            remedy="Choose another NAME, or omit it: --secret-to keyvault:VAULT",
        )
    return secret


def _unusable(text: str) -> UsageError:
    return UsageError(
        "malformed-vault",
        f"Invalid key vault '{text[:130]}': not a vault name or address.",
        remedy="Use keyvault:VAULT[/NAME], where VAULT is the vault's name or https://VAULT.vault.azure.net.",
    )
