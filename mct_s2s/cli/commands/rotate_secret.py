from __future__ import annotations

from dataclasses import dataclass

from mct_s2s.cli.binding import FirstWord, option
from mct_s2s.cli.options import CLIENT, AdoptingOptions, FileOptions, SecretOptions

BODY = "rotating"
EXAMPLES = (
    "mct-s2s rotate-secret Import -a contosolearn",
    "mct-s2s rotate-secret -a contosolearn --expiring-within 30d --yes",
    "mct-s2s rotate-secret Import -a contosolearn --keep-old 7d",
    "mct-s2s rotate-secret -f trust.toml --expiring-within 30d --yes",
)


@dataclass(kw_only=True)
class RotateSecretOptions(FileOptions, AdoptingOptions, SecretOptions):
    first_word = FirstWord("client", "NAME", "Client application: its display name or appId.")

    client: str | None = option(*CLIENT)
    expiring_within: str | None = option(
        "--expiring-within DURATION", "All clients whose credential expires within 30d, 4w, …"
    )
    expect: str | None = option("--expect FINGERPRINT", "With --file: refuse other places than a dry run printed.")
    keep_old: str | None = option("--keep-old DURATION", "Keep the old one for 24h, 7d, … until the next rotation.")
    remove_old: bool = option("--remove-old", "Remove the old one now, even if it is still in use.")
