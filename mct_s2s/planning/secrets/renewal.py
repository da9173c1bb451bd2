"""When a credential ends, and the command that replaces it before, or after, that."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from mct_s2s.model.client_credentials import EXPIRING_WITHIN, NEVER, Credential, has_end, replaced_kind
from mct_s2s.model.commands import option, own_command
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


def renewal(client_id: str, credentials: Sequence[Credential], now: datetime, where: str) -> str:
    """The command that gives a client a new credential of the kind that it has.

    Args:
        now: aware; what is still good and can be replaced is, another one is added beside it.
    """
    good = tuple(one for one in credentials if one.is_valid_at(now))
    secrets, kind = secrets_among(good or credentials), replaced_kind(good)
    if good and kind is not None:
        last = max((one for one in good if one.kind is kind), key=lambda one: one.expires or NEVER)
        is_short = bool(last.begins and last.expires and last.expires - last.begins <= EXPIRING_WITHIN)
        longer = ["--secret-lifetime", "1y"] if is_short else []  # another one as short would be reported at once
        return own_command("rotate-secret", *longer, about=client_id, where=where)
    add = own_command("add-client", about=client_id, where=where)
    return add if secrets else f"{add} {option('--credential', (good or tuple(credentials))[0].kind.value)}"
