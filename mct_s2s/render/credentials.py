"""Where a credential is, and until when."""

from collections.abc import Iterator

from rich.text import Text

from mct_s2s.model.client_credentials import ending
from mct_s2s.model.commands import command, secret_reading
from mct_s2s.model.secret_place import PlaceKind, SecretPlace
from mct_s2s.render.site_report import SavedCredential


def credential_lines(*credentials: SavedCredential) -> Iterator[Text]:
    """Say of each when it ends, and where it is."""
    for credential in credentials:
        what = f"{credential.kind.noun.capitalize()} of {credential.client}"
        where, below = _whereabouts(credential)
        yield Text.assemble((what, "head"), f"  {ending(credential.expires)}{where}")
        yield from map(Text, below)


def _whereabouts(credential: SavedCredential) -> tuple[str, list[str]]:
    """What is said of a credential on its line, and the lines below that."""
    if credential.removal:
        return ", reached no one. Remove it:", [f"  {credential.removal}"]
    if credential.secret:
        lines = credential.secret.rstrip().split("\n")
        is_key = len(lines) > 1
        return (", shown here once:", lines) if is_key else (f", shown here once: {lines[0]}", [])
    place = credential.saved_to
    if place is not None:
        # As in the plan: a program may keep it or not.
        verb = "given" if place.kind is PlaceKind.PROGRAM else "saved"
        return f", {verb} to {path_or_place(place)}", []
    return "", []


def vault_reading(place: SecretPlace) -> str:
    """The command that reads a secret from its key vault."""
    return command(*secret_reading(*place.vault_and_secret))


def path_or_place(place: SecretPlace) -> str:
    return place.name if place.is_file else str(place)
