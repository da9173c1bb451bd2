"""What a key vault holds for a client that is removed: deleted or named, never left unmentioned."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mct_s2s.model.commands import command
from mct_s2s.model.desired import Removal
from mct_s2s.model.directory_objects import Application
from mct_s2s.model.ids import ClientId, place_in_tag
from mct_s2s.planning.changes import AlreadyRight, AnyChange, DeleteStoredSecret

ABOUT = "key vault secret"


def stored_secrets(application: Application, key: str, after: tuple[str, ...], *, delete: bool) -> Iterator[AnyChange]:
    """The steps for the secrets of a client whose registration goes.

    Args:
        after: what is done before: no secret is good whose value is gone.
    """
    for place in dict.fromkeys(filter(None, map(place_in_tag, application.tags))):
        if delete:
            yield DeleteStoredSecret(
                key=f"{key}:stored:{place}",
                name=place,
                detail="recoverable during the vault's retention period",
                place=place,
                client_id=ClientId(application.client_id),
                after=after,
            )
        else:
            yield AlreadyRight(key=f"{key}:stored:{place}", resource=ABOUT, name=place, detail="kept", id=place)


def kept_secret_notes(steps: Iterable[AnyChange], removal: Removal) -> Iterator[tuple[str, str]]:
    """What is left in key vaults, each with the command that deletes it."""
    for step in steps:
        if isinstance(step, AlreadyRight) and step.resource == ABOUT:
            vault, _, name = step.name.partition("/")
            delete = command("az", "keyvault", "secret", "delete", "--vault-name", vault, "--name", name)
            way = "run:" if removal.is_pruning else "add --delete-secrets, or run:"
            yield f"The key vault keeps the secret '{step.name}'. To delete it, {way}", delete
