"""When a credential ends, and the command that replaces it before, or after, that."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from mct_s2s.model.client_credentials import Credential, has_end
from mct_s2s.model.commands import command, option, own_command
from mct_s2s.planning.credentials.secret import secrets_among


class Expiry(StrEnum):
    """How long a credential is still good for."""

    VALID = "valid"
    EXPIRING = "expiring"
    EXPIRED = "expired"
    UNENDING = "does not expire"


def expiry(expires: datetime | None, now: datetime, within: timedelta) -> Expiry:
    """How a credential that ends at `expires` is at `now`: within `within` of its end, it is expiring."""
    if not has_end(expires):
        return Expiry.UNENDING
    if expires <= now:
        return Expiry.EXPIRED
    return Expiry.EXPIRING if expires <= now + within else Expiry.VALID


def is_due(credentials: Sequence[Credential], now: datetime, within: timedelta) -> bool:
    """Whether none of them is good for longer than `within`: they are expiring, or have expired."""
    states = {expiry(one.expires, now, within) for one in credentials}
    return not states & {Expiry.VALID, Expiry.UNENDING}


def renewal(client_id: str, credentials: Sequence[Credential], now: datetime, where: str) -> str:
    """The command that gives a client a new credential of the kind that it has.

    Args:
        client_id: the client's appId.
        credentials: what it has, at least one; secrets count before others.
        now: aware; a secret that is still good is replaced, another one is added beside it.
        where: the options that name the App Service.
    """
    good = tuple(one for one in credentials if one.is_valid_at(now))
    secrets = secrets_among(good or credentials)
    if secrets and good:
        return own_command("rotate-secret", about=client_id, where=where)
    add = own_command("add-client", about=client_id, where=where)
    return add if secrets else f"{add} {option('--credential', (good or tuple(credentials))[0].kind.value)}"


def renewal_elsewhere(client_id: str, credential: Credential) -> str:
    """The Azure CLI's command for a registration that belongs to no MCT App Service: adds one of the same kind."""
    made = () if secrets_among((credential,)) else ("--create-cert",)
    return command("az", "ad", "app", "credential", "reset", "--id", client_id, "--append", *made)
