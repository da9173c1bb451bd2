"""The options of `rotate-secret` as what is wanted, at one App Service or at all of a trust file."""

from __future__ import annotations

from datetime import datetime, timedelta

from mct_s2s.cli.options.rotate_secret import RotateSecretOptions
from mct_s2s.errors import UsageError
from mct_s2s.inputs.clients import client_names
from mct_s2s.inputs.lifetime import duration, expiry
from mct_s2s.model.desired import Rotation


def rotation_of(options: RotateSecretOptions, now: datetime) -> Rotation:
    """What the options ask for.

    Raises:
        UsageError: an unusable value, or options that contradict each other.
    """
    if options.remove_old and options.keep_old is not None:
        raise UsageError(
            "contradictory-options",
            "--keep-old cannot be combined with --remove-old.",
            remedy="Remove one of them.",
        )
    within = duration(options.expiring_within, "--expiring-within") if options.expiring_within is not None else None
    return Rotation(
        expires=expiry(options.secret_lifetime, now) if options.secret_lifetime is not None else None,
        clients=client_names([options.client] if options.client is not None else []),
        expiring_within=within,
        keep_old=duration(options.keep_old, "--keep-old") if options.keep_old is not None else timedelta(0),
        shorten=options.auto_lifetime,
        remove_old=options.remove_old,
    )


def check_lifetime(rotation: Rotation, now: datetime, whose: str = "") -> None:
    """Refuse new secrets that would be due for the next rotation at once.

    Raises:
        UsageError: as said; `whose` follows "the new secret".
    """
    within, expires = rotation.expiring_within, rotation.expires
    if within is not None and expires is not None and expires <= now + within:
        raise UsageError(
            "lifetime-too-short",
            f"The new secret{whose} would itself expire within --expiring-within, so every run would create another.",
            remedy="Use a longer --secret-lifetime or a shorter --expiring-within.",
        )
