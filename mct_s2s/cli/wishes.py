"""From options to wishes, for the commands that share them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from mct_s2s.cli.options import CredentialKind, CredentialOptions
from mct_s2s.errors import UsageError
from mct_s2s.inputs.clients import client_names
from mct_s2s.inputs.lifetime import expiry
from mct_s2s.model.desired import ClientWish, SecretWish, ServiceWish
from mct_s2s.model.ids import file_stem, service_unique_name
from mct_s2s.model.target import SiteTarget

ROLE_CHARACTERS = frozenset(":!#$%&'()*+,-./;<=>?@[]^_{|}~`")
"""Source: learn.microsoft.com/graph/api/resources/approle, property `value`."""


def client_wishes(options: CredentialOptions, names: Sequence[str], now: datetime) -> tuple[ClientWish, ...]:
    """One wish for each name.

    Raises:
        UsageError: an unusable name or lifetime.
    """
    ends = expiry(options.secret_lifetime, now)
    secret = SecretWish(ends, shorten=options.auto_lifetime) if options.credential is CredentialKind.SECRET else None
    return tuple(ClientWish(name, secret, consent=not options.no_consent) for name in client_names(names))


def service_wish(
    target: SiteTarget | None,
    name: str | None,
    role: str | None = None,
    adopt: str | None = None,
    *,
    may_create: bool = True,
) -> ServiceWish:
    """The service application of an App Service, or, where none is named, of a display name.

    Raises:
        UsageError: neither is there, or a role value that Graph would refuse.
    """
    check_role(role)
    if target is not None:
        unique = service_unique_name(target.name, target.slot)
        return ServiceWish(unique, name or f"MCT service ({target.label})", role, adopt, may_create)
    if not name or not name.strip():
        raise UsageError(
            "service-name-missing",
            "Without an App Service, the service application needs a name of its own.",
            remedy="Add --app-service NAME (it is not contacted), or --service-name TEXT.",
        )
    return ServiceWish(f"mct-s2s-{file_stem(name)}", name, role, adopt, may_create)


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
        f"'{value}' cannot be an app role's value: letters, digits and punctuation without blanks, 120 at most.",
        remedy="Leave --role out for S2SAppRole.",
    )
