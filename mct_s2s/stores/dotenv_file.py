"""A client's dotenv file: what azure-identity reads, what the client has to ask for, and our note.

Source for the first names: azure-identity's EnvironmentCredential.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime

from mct_s2s import clock
from mct_s2s.errors import UsageError
from mct_s2s.limits import load_json
from mct_s2s.model.client_credentials import CredentialKind, SecretNote
from mct_s2s.model.ids import KeyId
from mct_s2s.model.secret_stores import SecretRecord
from mct_s2s.stores.dotenv_text import assignment, lines_of

DELIVERED = "# mct-s2s credential "
"""The comment by which a later run knows which of an application's secrets this file holds."""
SECRET = CredentialKind.SECRET
SCOPE = "MCT_S2S_SCOPE"
"""The variable that says what the client has to ask a token for."""


def delivered_in(text: str) -> SecretNote | None:
    """What the last such comment of a file says of the credential in it; `None` without one, or where it was edited."""
    found: SecretNote | None = None
    for line in lines_of(text):
        if line.startswith(DELIVERED):
            with suppress(ValueError, KeyError, TypeError):
                document: Mapping[str, object] = load_json(line.removeprefix(DELIVERED))
                name, key_id, made = (str(document[key]) for key in ("name", "keyId", "made"))
                before = document.get("before")
                held = tuple(KeyId(str(one)) for one in before) if isinstance(before, list) else ()
                found = SecretNote(
                    attempts=(name,),
                    delivered=KeyId(key_id),
                    delivered_at=clock.moment(made),
                    kind=CredentialKind(str(document.get("kind", SECRET.value))),
                    held=(*held, KeyId(key_id)),
                )
    return found


def variables(record: SecretRecord, credential: Mapping[str, str]) -> dict[str, str]:
    """What a client reads, by the names that azure-identity has for it; `credential` is the kind's own part."""
    values = {
        "AZURE_TENANT_ID": record.tenant_id,
        "AZURE_CLIENT_ID": record.client_id,
        **credential,
        "AZURE_AUTHORITY_HOST": record.authority_host,
        SCOPE: record.scope,
        "MCT_S2S_URL": record.url,
    }
    return {name: value for name, value in values.items() if value}


def credential_text(
    record: SecretRecord,
    credential: Mapping[str, str],
    key_id: KeyId,
    expires: datetime,
    kind: CredentialKind = SECRET,
    before: tuple[KeyId, ...] = (),
) -> str:
    """The text of a file with what a client signs in with, and what it has to ask for.

    Args:
        before: those that were in this very file before it: its readers have gone on to this one.

    Raises:
        UsageError: a value that it is useless without cannot be written. Others of that kind are left out.
    """
    needed = {"AZURE_TENANT_ID", "AZURE_CLIENT_ID", *credential}
    lines = []
    for name, value in variables(record, credential).items():
        try:
            lines.append(assignment(name, value))
        except ValueError as error:
            if name in needed:
                raise UsageError(
                    "secret-place-unfit",
                    "The credential contains characters that a dotenv file cannot contain.",
                    remedy="Save it to a key vault: --secret-to keyvault:VAULT",
                ) from error
    facts = {
        "name": record.credential_name,
        "keyId": key_id,
        "client": record.client_name,
        "made": f"{clock.now():%Y-%m-%dT%H:%M:%S+00:00}",
        "expires": f"{expires:%Y-%m-%dT%H:%M:%SZ}",
        **({} if kind is SECRET else {"kind": kind.value}),
        **({"before": list(before)} if before else {}),
    }
    return "\n".join([*lines, DELIVERED + json.dumps(facts)]) + "\n"
