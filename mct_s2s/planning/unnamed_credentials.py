"""Credentials of a client that its trust file does not name, or no longer: they stay valid.

None is removed unasked, as someone may use it. Plans and `status` name each, with the command that
deletes it.
"""

from collections.abc import Collection
from typing import assert_never

from mct_s2s.errors import Instruction
from mct_s2s.model.client_credentials import (
    Certificate,
    Credential,
    CredentialSpec,
    Federation,
    NewCredential,
    ending,
)
from mct_s2s.model.commands import credential_removal, federated_credential_removal
from mct_s2s.model.ids import KeyId, is_guid
from mct_s2s.model.observed import ClientApplication, ObservedState
from mct_s2s.planning.clients import has_unique_name_below
from mct_s2s.planning.federation import describe_federation


def named_credentials(client: ClientApplication, observed: ObservedState) -> list[Credential]:
    """The valid credentials of a client that its trust file asks for."""
    specs = _specs_of(client, observed)
    return [
        credential
        for credential in _valid_credentials(client, observed)
        if any(_is_asked_for(credential, spec) for spec in specs)
    ]


def judged_credentials(
    client: ClientApplication, observed: ObservedState
) -> tuple[Credential, ...]:
    """Those by whose end a client is due: what its file names, where no rotation renews that.

    An earlier credential, which the file no longer names, may end.
    """
    if not asks_for_other(client, observed):
        return client.counted_credentials
    return tuple(named_credentials(client, observed)) or client.counted_credentials


def asks_for_other(client: ClientApplication, observed: ObservedState) -> bool:
    """Whether the trust file gives a client only what no rotation renews."""
    specs = _specs_of(client, observed)
    return bool(specs) and not any(isinstance(spec, NewCredential) for spec in specs)


def unnamed_credentials(
    client: ClientApplication,
    observed: ObservedState,
    removed: Collection[KeyId] = (),
    *,
    is_added: bool = False,
) -> list[Credential]:
    """The valid credentials of a client that its trust file does not ask for.

    `removed`: those that this run removes; `is_added`: whether it adds what the file asks for.
    """
    # A file that asks for none leaves them to others.
    if not _specs_of(client, observed):
        return []
    named = named_credentials(client, observed)
    # Until the client has what the file asks for, it needs what it has.
    if not named and not is_added:
        return []
    return [
        credential
        for credential in _valid_credentials(client, observed)
        if credential not in named and credential.key_id not in removed
    ]


def describe_unnamed(name: str, client: ClientApplication, credential: Credential) -> Instruction:
    """Say that a credential stays, and how to delete it."""
    kind, federation = credential.kind, credential.federation
    if federation is not None:
        what = describe_federation(federation)
        delete = federated_credential_removal(client.client_id, credential.key_id)
    else:
        what = ending(credential.expires)
        delete = credential_removal(client.client_id, credential.key_id, is_key=kind.is_key)
    return Instruction(
        f"'{name}' keeps a {kind.noun} that the trust file does not name ({what}). It stays valid. "
        "When nothing needs it, delete it:",
        delete,
    )


def _specs_of(client: ClientApplication, observed: ObservedState) -> tuple[CredentialSpec, ...]:
    """What the trust file asks for; empty where it names no such client."""
    file = observed.file
    name = file.name_of(client) if file is not None else None
    if file is None or name is None:
        return ()
    # Anyone's registration may have the display name.
    is_meant = is_guid(name) or has_unique_name_below(
        client.application, observed.trust.unique_name
    )
    return file.credentials.get(name, ()) if is_meant else ()


def _valid_credentials(client: ClientApplication, observed: ObservedState) -> list[Credential]:
    return [
        credential
        for credential in client.counted_credentials
        if credential.is_valid_at(observed.now)
    ]


def _is_asked_for(credential: Credential, spec: CredentialSpec) -> bool:
    match spec:
        case NewCredential():
            return credential.kind is spec.kind
        case Certificate():
            return credential.key_id == spec.key_id or spec.describes(credential)
        case Federation():
            return spec.describes(credential)
        case _:
            assert_never(spec)
