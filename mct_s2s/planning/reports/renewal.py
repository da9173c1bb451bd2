"""The command that replaces a client's credential: by its trust file, if one names the client."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from mct_s2s.model.client_credentials import NEVER, Credential, newest_made, replaced_kind
from mct_s2s.model.observed import ClientApplication, ObservedState
from mct_s2s.planning.credential_plan import (
    current_credentials,
    held_here,
    last_of_kind,
    lasts_at_most,
    renewal,
)
from mct_s2s.planning.short_lifetime import ShortLifetime, typed

YEAR = timedelta(days=365)


def is_replaced(credential: Credential, client: ClientApplication, observed: ObservedState) -> bool:
    """Whether a later one of this tool has taken its place: a rotation kept it for a while."""
    of_kind = (other for other in client.counted_credentials if other.kind is credential.kind)
    newest = newest_made(of_kind)
    if newest is None or newest == credential or not credential.is_replaceable:
        return False
    is_used = credential == held_here(client, observed)  # whatever else there is
    lasts = newest.is_valid_at(observed.now) and _end(newest) >= _end(credential)
    return lasts and not is_used


def _end(credential: Credential) -> datetime:
    return credential.expires or NEVER


def is_made_by_others(
    client: ClientApplication, credentials: Sequence[Credential], observed: ObservedState
) -> bool:
    """Whether the trust file has to name another credential first, as mct-s2s replaces none."""
    if observed.file is None or observed.file.name_of(client) is None:
        return False
    return replaced_kind(current_credentials(credentials, observed.now)) is None


def renewing(
    client: ClientApplication,
    credentials: Sequence[Credential],
    observed: ObservedState,
    within: timedelta,
) -> str:
    """The command; `within`: how long before its end a credential counts as expiring."""
    file = observed.file
    if file is None or file.name_of(client) is None:
        return renewal(client.client_id, credentials, observed.now, observed.where)
    # The file alone knows where the new secret goes: a command without it would put it elsewhere.
    current = current_credentials(credentials, observed.now)
    kind = replaced_kind(current)
    if kind is None:
        return file.command("apply")
    longer: tuple[str, ...] = ()
    lifetime = file.lifetime_of(client)
    if lifetime is None and lasts_at_most(within, last_of_kind(kind, current)):
        longer = ("--secret-lifetime", "1y" if within < YEAR else "2y")
    # The file's lifetime is typed nowhere else: a rotation of all that fit would be refused.
    short = ShortLifetime.of(lifetime, observed.now, within)
    if short is not None:
        within = short.fitting or timedelta(0)
    ends = [credential.expires for credential in current]
    is_due = all(end is not None and end <= observed.now + within for end in ends)
    if not is_due or not current[0].is_valid_at(observed.now):
        return observed.rotating(client, *longer)  # as `verify` says of one that has expired
    return file.command("rotate-secret", "--expiring-within", typed(within), *longer)
