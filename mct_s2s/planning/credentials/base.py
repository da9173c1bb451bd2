"""What the kinds of credentials have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from mct_s2s.model.client_credentials import Credential, CredentialKind, Federation, SecretNote
from mct_s2s.model.directory_objects import Application
from mct_s2s.model.ids import LONGEST_TAG, ApplicationIdUri, ApplicationObjectId, ClientId, vault_tag
from mct_s2s.planning.changes import Later
from mct_s2s.planning.plan import Facts


@dataclass(frozen=True)
class ClientState:
    """A client application that is to have a credential, and all that decides which one it lacks."""

    name: str
    """As it was typed: its key among the stores."""
    application: Application | None
    object_id: Later[ApplicationObjectId]
    client_id: Later[ClientId]
    audience: Later[ApplicationIdUri]
    """What the client will ask a token for."""
    note: SecretNote
    """What the client's store remembers."""
    cloud: str
    facts: Facts

    @property
    def valid(self) -> list[Credential]:
        """The credentials that it can sign in with now, by what Entra says."""
        held = self.application.credentials if self.application is not None else ()
        return [credential for credential in held if credential.is_valid_at(self.facts.now)]

    def has_arrived(self, kind: CredentialKind) -> bool:
        """Whether a credential was delivered minutes ago and gives tokens: replicas may not show it yet."""
        return self.note.is_fresh(self.client_id, self.facts.now, kind)

    def is_stored_dead(self, usable: Iterable[Credential]) -> bool:
        """Whether its store has a credential of it that is not among the usable ones: the directory's word counts."""
        note = self.note
        return note.is_of(self.client_id) and not note.is_among(usable) and not self.has_arrived(note.kind)


@dataclass(frozen=True)
class Forms:
    """What options take, and what they mean, as their own parsers say."""

    secret_name: Callable[[str], str]
    """The name that the secret of a client of that name gets in a key vault by itself."""
    takes: Callable[[Federation], bool]
    """Whether a federated credential can be asked for again."""


@dataclass(frozen=True)
class ExportState:
    """A client application that is to be written into a trust file."""

    name: str
    """As the file calls it."""
    application: Application
    valid: tuple[Credential, ...]
    """The credentials that it can sign in with now, federated ones among them."""
    cloud: str
    forms: Forms


@dataclass(frozen=True)
class ExportedCredential:
    """How a trust file says what a client signs in with, so that applying it asks for nothing new."""

    options: Mapping[str, str | bool]
    """By key."""
    said: tuple[Credential, ...] = ()
    """The credentials that are said by them."""
    remarks: tuple[str, ...] = ()


def vault_tags(application: Application | None, note: SecretNote) -> tuple[str, ...]:
    """What a registration has yet to remember of its secret in a key vault, for a removal to name or to delete it."""
    tag = vault_tag(note.vault) if note.vault is not None else ""
    known = application.tags if application is not None else ()
    return (tag,) if tag and len(tag) <= LONGEST_TAG and tag not in known else ()
