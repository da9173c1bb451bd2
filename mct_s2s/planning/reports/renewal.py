"""The command that replaces a client's credential: by its trust file, if one names the client."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from mct_s2s.model.client_credentials import (
    NEVER,
    Credential,
    CredentialKind,
    newest_made,
    replaced_kind,
)
from mct_s2s.model.observed import ClientApplication, ObservedState
from mct_s2s.planning.credential_plan import current_credentials, held_here
from mct_s2s.planning.short_lifetime import ShortLifetime, typed
from mct_s2s.planning.unnamed_credentials import asks_for_other

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
    current = current_credentials(credentials, observed.now)
    kind = replaced_kind(current)
    file = observed.file
    if file is None or file.name_of(client) is None:
        if kind is None:
            words = ("--credential", current[0].kind.value)
            return observed.command("add-client", *words, about=client.client_id)
        return observed.rotating(client, *_longer_lifetime(kind, current, within))
    # The file alone knows where the new secret goes: a command without it would put it elsewhere.
    if kind is None or asks_for_other(client, observed):
        return file.command("apply")
    longer: tuple[str, ...] = ()
    lifetime = file.lifetime_of(client)
    if lifetime is None:
        longer = _longer_lifetime(kind, current, within)
    # The file's lifetime is typed nowhere else: a rotation of all that fit would be refused.
    short = ShortLifetime.of(lifetime, observed.now, within)
    if short is not None:
        within = short.fitting or timedelta(0)
    ends = [credential.expires for credential in current]
    is_due = all(end is not None and end <= observed.now + within for end in ends)
    if not is_due or not current[0].is_valid_at(observed.now):
        return observed.rotating(client, *longer)  # as `verify` says of one that has expired
    return file.command("rotate-secret", "--expiring-within", typed(within), *longer)


def _longer_lifetime(
    kind: CredentialKind, credentials: Iterable[Credential], within: timedelta
) -> tuple[str, ...]:
    """The option for a new credential that lasts longer: as short a one is reported at once."""
    if not _lasts_at_most(within, _last_of_kind(kind, credentials)):
        return ()
    return ("--secret-lifetime", "1y" if within < YEAR else "2y")


def _last_of_kind(kind: CredentialKind, credentials: Iterable[Credential]) -> Credential:
    """The credential of a kind that ends last."""
    of_kind = (credential for credential in credentials if credential.kind is kind)
    return max(of_kind, key=lambda credential: credential.expires or NEVER)


def _lasts_at_most(limit: timedelta, credential: Credential) -> bool:
    """Whether its whole lifetime is within the limit."""
    if credential.begins is None or credential.expires is None:
        return False
    return credential.expires - credential.begins <= limit
